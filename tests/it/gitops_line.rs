//! GitOps-only rwenvs: what a line itself changes before it applies is not what Git has.

use crate::support::Home;

/// A clean, pushed project of the GitOps-only rwenv.
fn project() -> Home {
    let home = Home::new();
    home.git("", &["init", "-q", "--bare", "remote.git"]);
    home.git("go", &["init", "-q"]);
    home.write("go/.gitignore", "/.claude\n*.plan\n*.log\n.terraform/\ngenerated/\n");
    home.write("go/infra/main.tf", "resource \"x\" \"y\" {}\n");
    home.write("go/infra/more.tf", "locals {}\n");
    home.write("go/talos/node.yaml", "machine: {}\n");
    home.write(
        "go/kubernetes/argocd-apps/web.yaml",
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: web\n",
    );
    home.git("go", &["add", "-A"]);
    home.git("go", &["commit", "-qm", "one"]);
    home.git("go", &["commit", "-q", "--allow-empty", "-m", "two"]);
    home.git("go", &["switch", "-qc", "topic"]);
    home.git("go", &["remote", "add", "origin", "../remote.git"]);
    home.git("go", &["push", "-q", "origin", "HEAD:main"]);
    std::fs::create_dir_all(home.path("other")).unwrap();
    std::os::unix::fs::symlink(home.path("go/infra"), home.path("other/link")).unwrap();
    home.git("other", &["init", "-q"]);
    home
}

fn check(home: &Home, folder: &str, wanted: &str, lines: &[&str]) {
    let mut wrong = Vec::new();
    for line in lines {
        let answer = home.hook(folder, line);
        if answer.decision() != wanted {
            wrong.push(format!("{line}: {} {}{}", answer.decision(), answer.stderr, answer.stdout));
        }
    }
    assert!(wrong.is_empty(), "not {wanted}:\n{}", wrong.join("\n"));
}

#[test]
fn what_a_line_writes_before_it_applies_is_not_what_git_has() {
    let home = project();
    check(
        &home,
        "go/infra",
        "deny",
        &[
            "sed -i s/1/2/ main.tf && terraform apply",
            "sed -i s/1/2/ *.tf && terraform apply",
            "for f in *.tf; do sed -i s/1/2/ \"$f\"; done; terraform apply",
            "echo x > main.tf; terraform apply",
            "> main.tf; terraform apply",
            "echo x >> new.tf && terraform apply",
            "cat > main.tf <<'E'\nx\nE\nterraform apply",
            "rm main.tf && terraform apply",
            "rm -f more.tf; terraform apply",
            "git rm main.tf && terraform apply",
            "echo x | tee main.tf; terraform apply",
            "cp ../talos/node.yaml main.tf && terraform apply",
            "cp ../talos/node.yaml . && terraform apply",
            "mv more.tf main.tf && terraform apply",
            "mv more.tf /tmp/ && terraform apply",
            "find . -name '*.tf' -exec sed -i s/1/2/ {} + && terraform apply",
            "bash -c 'echo x > main.tf' && terraform apply",
            "bash -c 'echo x > main.tf; terraform apply'",
            "sudo sed -i s/1/2/ main.tf && terraform apply",
            "curl -so main.tf https://example.com/x && terraform apply",
            "python3 -c \"open('main.tf', 'w').write('x')\" && terraform apply",
            "echo x > ../../other/link/main.tf && terraform apply",
            "mkdir -p sub && echo x > sub/a.tf && terraform apply",
            "cd .. && echo x > infra/main.tf && terraform -chdir=infra apply",
            "rm -rf ../infra && terraform apply",
            "echo x > main.tf; terraform plan -out=tf.plan && terraform apply tf.plan",
            "echo x > ../talos/node.yaml; talosctl -n 10.0.0.2 apply-config -f ../talos/node.yaml",
            "cd .. && echo x > kubernetes/argocd-apps/web.yaml; kubectl apply -f kubernetes/argocd-apps/web.yaml",
        ],
    );
    check(
        &home,
        "go/infra",
        "ask",
        &[
            "tar xf /tmp/x.tar && terraform apply",
            "patch -p1 < /tmp/x.diff && terraform apply",
            "cp -r /tmp/infra .. && terraform apply",
            "echo x > \"$FILE\"; terraform apply",
        ],
    );
}

#[test]
fn what_moves_a_working_tree_before_it_is_applied_asks() {
    let home = project();
    check(
        &home,
        "go/infra",
        "ask",
        &[
            "git commit -am x && terraform apply",
            "git commit -am x && git push && terraform apply",
            "git checkout HEAD~1 && terraform apply",
            "gh pr checkout 12 && terraform apply",
            "git -C .. reset --hard HEAD~1; terraform apply",
            "git pull && terraform apply",
            "git switch other && terraform apply",
            "git stash pop; terraform apply",
            "cd ../talos && git checkout HEAD~1 && talosctl -n 10.0.0.2 apply-config -f node.yaml",
            "cd .. && git -C talos checkout HEAD~1 && terraform -chdir=infra apply",
        ],
    );
}

#[test]
fn what_a_line_does_elsewhere_says_nothing_of_what_it_applies() {
    let home = project();
    check(
        &home,
        "go/infra",
        "allow",
        &[
            "terraform apply",
            "terraform plan > /tmp/x && terraform apply",
            "terraform plan 2>&1 | tee plan.log && terraform apply",
            "terraform plan > /dev/null && terraform apply",
            "terraform plan 2>err.txt | tee new.txt && terraform apply",
            "mkdir -p ../logs && terraform apply",
            "terraform init && terraform apply",
            "terraform fmt -check && terraform apply",
            "rm -rf .terraform && terraform init && terraform apply",
            "rm -f tf.plan *.plan; terraform apply",
            "echo x > ../talos/node.yaml; terraform apply",
            "sed -i s/1/2/ ../talos/*.yaml; terraform apply",
            "terraform apply > apply.txt",
            "time terraform apply > apply.txt",
            "terraform apply | tee apply.txt",
            "terraform apply; echo x > main.tf",
            "terraform apply && git commit -am x",
            "git fetch && git status && terraform apply",
            "git add -A && terraform apply",
            "git -C ../../other checkout x; terraform apply",
            "grep -o foo main.tf; terraform apply",
            "terraform show | grep x > /tmp/out.txt; terraform apply",
            "echo x > \"/tmp/$(date +%s).txt\"; terraform apply",
            "cp ../talos/node.yaml /tmp/ && terraform apply",
            "tar xf /tmp/x.tar -C /tmp/y && terraform apply",
            "export A=b; cd . && terraform apply",
        ],
    );
}
