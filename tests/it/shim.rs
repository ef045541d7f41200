//! The shims as scripts meet them: exact argv judged, and what is allowed is the tool itself.

use std::fs;
use std::path::PathBuf;

use crate::support::{Answer, Home, answer, which};

/// A tool that tells everything it was started with, then does what its last argument says.
const PROBE: &str = r#"#!/bin/bash
echo "argv $# $*"
grep -E '^(Sig(Blk|Ign|Pnd)|ShdPnd)' /proc/self/status
for fd in 0 1 2; do if [ -e /proc/$$/fd/$fd ]; then echo "fd $fd $([ -t $fd ] && echo tty)"; else echo "fd $fd closed"; fi; done
open=(/proc/$$/fd/*); echo ${#open[@]}
ulimit -a; ulimit -Ha; umask; pwd
env | grep -v '^_=' | sort
[ ! -e /proc/$$/fd/0 ] || cat | cksum
case "${!#}" in
  exit-*) exit "${!##exit-}" ;;
  kill-*) kill -s "${!##kill-}" $$; sleep 5 ;;
  much) head -c 8388608 /dev/zero | tr '\0' x ;;
  errors) echo out; echo err >&2 ;;
esac
"#;

/// A HOME with shims, and a probe under every tool's name behind them on `PATH`.
struct Shims {
    home: Home,
}

impl Shims {
    fn new() -> Self {
        let home = Home::new();
        for tool in ["kubectl", "flux", "helm", "docker", "kapp"] {
            home.write(&format!("bin/{tool}"), PROBE);
            home.mode(&format!("bin/{tool}"), 0o755);
        }
        let mut install = home.command(env!("CARGO_BIN_EXE_rwenv"), &home.path(""));
        install.env("PATH", format!("{}:/usr/bin:/bin", home.path("bin").display()));
        let installed = answer(install.args(["install", "--hook", crate::support::hook()]));
        assert_eq!(installed.code, 0, "{}", installed.stderr);
        assert!(home.path(".claude/rwenv/shims/flux").exists());
        assert!(!home.path(".claude/rwenv/shims/argocd").exists(), "there is no such tool here");
        Self { home }
    }

    fn path(&self) -> String {
        let (shims, bin) = (self.home.path(".claude/rwenv/shims"), self.home.path("bin"));
        format!("{}:{}:/usr/local/bin:/usr/bin:/bin", shims.display(), bin.display())
    }

    /// Runs shell code in a folder with the shims first on `PATH`.
    fn sh(&self, folder: &str, code: &str) -> Answer {
        let mut command = self.home.command("bash", &self.home.path(folder));
        answer(command.env("PATH", self.path()).args(["-c", code]))
    }
}

#[test]
fn what_is_allowed_is_the_tool_itself() {
    let shims = Shims::new();
    let setups = [
        "TOOL get pods exit-0",
        "TOOL get pods exit-42",
        "TOOL get pods exit-255",
        "TOOL get 'two words' '' '*' $'line\\nbreak' exit-1",
        "TOOL get pods kill-TERM",
        "TOOL get pods kill-KILL",
        "TOOL get pods kill-PIPE",
        "TOOL get pods errors 2>&1 >/dev/null",
        "TOOL get pods much | cksum",
        "TOOL get pods much | head -c 100 | wc -c; echo ${PIPESTATUS[0]}",
        "head -c 3000000 /dev/zero | TOOL get pods",
        "TOOL get pods <&-",
        "TOOL get pods <&- 2>&-",
        "exec 5</etc/hosts; TOOL get pods",
        "trap '' HUP INT PIPE; TOOL get pods",
        "trap '' TERM XFSZ; TOOL get pods",
        "ulimit -t 100; ulimit -n 64; umask 027; TOOL get pods",
        "A=1 B='x y' TOOL get pods",
        "script -qec 'TOOL get pods exit-3' /dev/null; echo $?",
        "TOOL get pods & wait $!; echo $?",
        "exec -a other TOOL get pods exit-4",
    ];
    let bin = shims.home.path("bin/kubectl").display().to_string();
    for setup in setups {
        let through = shims.sh("ro", &setup.replace("TOOL", "kubectl"));
        let direct = shims.sh("ro", &setup.replace("TOOL", &bin));
        assert_eq!(through.code, direct.code, "{setup}: {}", through.stderr);
        assert_eq!(through.stdout, direct.stdout, "{setup}");
        assert_eq!(
            through.stderr.replace("kubectl", &bin),
            direct.stderr.replace("kubectl", &bin),
            "{setup}"
        );
        assert!(
            direct.stdout.contains("argv")
                || setup.contains("cksum")
                || setup.contains('>')
                || setup.contains("wc"),
            "{setup}"
        );
    }
}

#[test]
fn a_signal_reaches_the_tool() {
    let shims = Shims::new();
    shims.home.write(
        "bin/kubectl",
        "#!/bin/bash\ntrap 'echo caught; exit 9' TERM\necho ready\nwhile :; do sleep 0.05; done\n",
    );
    shims.home.mode("bin/kubectl", 0o755);
    let code = "kubectl get pods -w > out & until grep -q ready out; do sleep 0.02; done; kill -TERM $!; wait $!; echo $?; cat out";
    assert_eq!(shims.sh("ro", code).stdout, "9\nready\ncaught\n");
    // An alarm that was set for the tool still goes off.
    let alarm = shims.sh("ro", "perl -e 'alarm 1; exec @ARGV' kubectl get pods -w; echo $?");
    assert!(alarm.stdout.ends_with("142\n"), "{alarm:?}");
}

#[test]
fn what_is_denied_does_not_run_whoever_starts_it() {
    let shims = Shims::new();
    shims.home.write("ro/Makefile", "all:\n\tkubectl delete pod p\n");
    shims.home.write("ro/go.sh", "kubectl delete pod p\n");
    shims.home.write(
        "ro/go.py",
        "import subprocess, sys\nsys.exit(subprocess.call(['kubectl', 'delete', 'pod', 'p']))\n",
    );
    let shim = shims.home.path(".claude/rwenv/shims/kubectl").display().to_string();
    let mut lines = vec![
        "kubectl delete pod p".to_owned(),
        "bash go.sh".to_owned(),
        "RWENV=rw kubectl delete pod p".to_owned(),
        "RWENV_CONFIG_DIR=/nowhere kubectl delete pod p".to_owned(),
        "HOME=/nowhere kubectl delete pod p".to_owned(),
        format!("env -i {shim} delete pod p"),
        format!("(exec -a other {shim} delete pod p)"),
        format!("(exec -a rwenv-hook {shim} delete pod p)"),
        format!("ln -s {shim} k; ./k delete pod p"),
        "RWENV_DISABLE=1 RWENV_SHIM=1 RWENV_OFF=1 kubectl delete pod p".to_owned(),
        "flux reconcile ks apps".to_owned(),
        "helm uninstall web".to_owned(),
        "docker run bitnami/kubectl delete pod p".to_owned(),
        "kubectl exec -it web-0 -- sh".to_owned(),
    ];
    lines.extend(crate::support::find("python3").map(|_| "python3 go.py".to_owned()));
    for line in &lines {
        let answer = shims.sh("ro", line);
        assert!(!answer.stdout.contains("argv"), "{line} ran");
        assert_eq!(answer.code, 77, "{line}: {answer:?}");
        assert!(answer.stderr.contains("instead: "), "{line}: {}", answer.stderr);
    }
    assert!(shims.sh("ro", "make -s").stderr.contains("Error 77") || crate::support::find("make").is_none());
    let none = shims.sh("none", "kubectl delete pod p");
    assert!(none.code == 77 && none.stderr.starts_with("error: No rwenv configured"), "{none:?}");
    assert_eq!(shims.sh("rw", "kubectl delete pod p exit-6").code, 6);
    assert_eq!(shims.sh("none", "docker ps exit-7").code, 7);
}

/// kapp goes by `KAPP_KUBECONFIG` before anything that kubectl knows of.
#[test]
fn a_kubeconfig_in_a_tools_own_variable_counts() {
    let shims = Shims::new();
    let deploy = "kapp deploy -a web -f x exit-6";
    assert_eq!(shims.sh("rw", deploy).code, 6);
    let elsewhere = shims.sh("rw", &format!("export KAPP_KUBECONFIG=/elsewhere; {deploy}"));
    assert_eq!(elsewhere.code, 77, "{elsewhere:?}");
    assert!(elsewhere.stderr.starts_with("kapp: Error: "), "{elsewhere:?}");
}

#[test]
fn each_tool_complains_in_its_own_way() {
    let shims = Shims::new();
    for (line, start) in [
        ("kubectl delete pod p", "error: rwenv 'ro' is read-only"),
        ("helm uninstall web", "Error: rwenv 'ro' is read-only"),
        ("flux suspend ks apps", "✗ rwenv 'ro' is read-only"),
        ("git push origin HEAD:main", "fatal: This pushes to main"),
    ] {
        let answer = shims.sh("ro", line);
        assert!(answer.stderr.starts_with(start), "{line}: {}", answer.stderr);
    }
}

#[test]
fn what_a_person_said_yes_to_at_the_hook_runs_and_nothing_else_does() {
    let shims = Shims::new();
    let line = "kubectl exec -it web-0 -- sh";
    assert_eq!(shims.sh("ro", line).code, 77);
    assert_eq!(shims.home.hook("ro", line).decision(), "ask");
    assert_eq!(shims.sh("ro", line).code, 0);
    assert_eq!(shims.sh("ro", "kubectl exec -it web-1 -- sh").code, 77);
    assert_eq!(shims.sh("ro", "kubectl exec -it web-0 -- sh -c x").code, 77);
    assert_eq!(
        shims.home.hook("ro", "kubectl exec -it web-0 -- sh; kubectl delete pod p").decision(),
        "deny"
    );
    assert_eq!(shims.sh("ro", "kubectl delete pod p").code, 77);
    // An argument that was not known then may be any; the person has said yes to that.
    assert_eq!(shims.home.hook("ro", "kubectl exec -it \"$POD\" -- bash").decision(), "ask");
    assert_eq!(shims.sh("ro", "kubectl exec -it web-7 -- bash").code, 0);
    let mut spoken = shims.home.payload("ro", "");
    spoken["hook_event_name"] = "UserPromptSubmit".into();
    assert_eq!(shims.home.hook_bytes(spoken.to_string()).code, 0);
    assert_eq!(shims.sh("ro", line).code, 77);
}

#[test]
fn a_tool_that_is_not_there_and_a_shim_that_would_find_itself() {
    let shims = Shims::new();
    fs::remove_file(shims.home.path("bin/flux")).unwrap();
    let gone = shims.sh("ro", "flux get all");
    assert_eq!(
        (gone.code, gone.stderr.as_str()),
        (127, "flux: not found on PATH (this is rwenv's shim for it)\n")
    );
    // Links, hard links and copies of the hook elsewhere on PATH are no tool.
    let hook = PathBuf::from(crate::support::hook());
    fs::create_dir_all(shims.home.path("more")).unwrap();
    std::os::unix::fs::symlink(&hook, shims.home.path("bin/flux")).unwrap();
    fs::copy(&hook, shims.home.path("more/flux")).unwrap();
    let more = shims.home.path("more").display().to_string();
    assert_eq!(shims.sh("ro", &format!("PATH=$PATH:{more} flux get all")).code, 127);
    // What cannot be started, and what only a shell starts.
    shims.home.write("bin/helm", "exit 5\n");
    shims.home.mode("bin/helm", 0o755);
    assert_eq!(shims.sh("ro", "helm list").code, 5);
    shims.home.write("bin/helm", "#!/no/such/interpreter\n");
    shims.home.mode("bin/helm", 0o755);
    assert_eq!(shims.sh("ro", "helm list").code, 126);
}

#[test]
fn thousands_at_once() {
    let shims = Shims::new();
    shims.home.write("bin/kubectl", "#!/bin/sh\nexit 3\n");
    shims.home.mode("bin/kubectl", 0o755);
    let code =
        "seq 2000 | xargs -P 32 -I{} sh -c 'kubectl get pod {}; [ $? = 3 ] && echo ok' | sort | uniq -c";
    let answer = shims.sh("ro", code);
    assert_eq!((answer.stdout.trim(), answer.stderr.as_str()), ("2000 ok", ""));
    let log = shims.home.read(".claude/rwenv/audit/audit.jsonl");
    assert_eq!(log.lines().filter(|l| l.contains("\"door\":\"shim\"")).count(), 2000);
    assert!(
        log.lines().filter(|l| !l.is_empty()).all(|l| serde_json::from_str::<serde_json::Value>(l).is_ok())
    );
}

#[test]
fn the_git_shim_refuses_what_skips_the_hooks() {
    let shims = Shims::new();
    shims.home.git("ro", &["init", "-q"]);
    shims.home.git("ro", &["commit", "-q", "--allow-empty", "-m", "x"]);
    shims.home.git("", &["init", "-q", "--bare", "remote.git"]);
    shims.home.git("ro", &["remote", "add", "origin", "../remote.git"]);
    shims.home.write("evil.cfg", "[core]\n\thooksPath = /nowhere\n");
    for line in [
        "git push --no-verify origin HEAD:x",
        "git push --no-veri origin HEAD:x",
        "git -c core.hooksPath=/nowhere push origin HEAD:x",
        "GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=core.hooksPath GIT_CONFIG_VALUE_0=/nowhere git push origin HEAD:x",
        "GIT_CONFIG_PARAMETERS=\"'core.hooksPath'='/nowhere'\" git push origin HEAD:x",
        "git -c include.path=../evil.cfg push origin HEAD:x",
        "git send-pack ../remote.git HEAD:refs/heads/x",
        "git push origin HEAD:main",
        "git -c alias.p='push --no-verify' p origin HEAD:x",
    ] {
        let answer = shims.sh("ro", line);
        assert_eq!(answer.code, 77, "{line}: {answer:?}");
        assert_eq!(shims.home.git("", &["-C", "remote.git", "for-each-ref"]), "", "{line}");
    }
    // Gemini CLI empties so what git would run.
    let emptied = "export GIT_CONFIG_COUNT=3 GIT_CONFIG_KEY_0=core.fsmonitor GIT_CONFIG_VALUE_0= GIT_CONFIG_KEY_1=core.sshCommand GIT_CONFIG_VALUE_1= \
                   GIT_CONFIG_KEY_2=core.pager GIT_CONFIG_VALUE_2=cat; git status --short && git log --oneline";
    assert_eq!(shims.sh("ro", emptied).code, 0, "{:?}", shims.sh("ro", emptied));
    // With our hook in place: every way to have git look for it elsewhere, or not find it.
    assert_eq!(shims.home.rwenv("ro", &["hooks", "install"]).code, 0);
    shims.home.write("xdg/git/config", "[core]\n\thooksPath = /nowhere\n");
    shims.home.write("other/.gitconfig", "[core]\n\thooksPath = /nowhere\n");
    for line in [
        "GIT_CONFIG_GLOBAL=../evil.cfg git push origin HEAD:x",
        "XDG_CONFIG_HOME=$HOME/xdg git push origin HEAD:x",
        "HOME=$HOME/other git push origin HEAD:x",
        "/usr/bin/git config core.hooksPath /nowhere; git push origin HEAD:x; a=$?; /usr/bin/git config --unset core.hooksPath; exit $a",
        "chmod -x .git/hooks/pre-push; git push origin HEAD:x; a=$?; chmod +x .git/hooks/pre-push; exit $a",
    ] {
        let answer = shims.sh("ro", line);
        assert!(answer.code == 77 && answer.stderr.contains("[read-only.skip-hooks]"), "{line}: {answer:?}");
        assert_eq!(shims.home.git("", &["-C", "remote.git", "for-each-ref"]), "", "{line}");
    }
    assert_eq!(shims.sh("ro", "git push -q origin HEAD:x").code, 0);
    assert_eq!(shims.sh("ro", "git status -s && git log --oneline | wc -l").code, 0);
    assert!(which("git").is_file());
}

#[test]
fn a_session_starts_with_the_shims_and_hears_of_its_rwenv() {
    let shims = Shims::new();
    let home = &shims.home;
    let start = |folder: &str, event: &str| {
        let mut payload = home.payload(folder, "");
        payload["hook_event_name"] = event.into();
        payload.as_object_mut().unwrap().remove("tool_name");
        let mut command = home.command(crate::support::hook(), &home.path(""));
        command.arg("claude").env("CLAUDE_ENV_FILE", home.path("session.env"));
        answer(command.write_stdin(payload.to_string()))
    };
    let told = start("ro", "SessionStart");
    assert_eq!((told.code, told.stderr.as_str()), (0, ""));
    let first =
        "rwenv 'ro' is selected here: read-only; its cluster and Flux repository may not be changed.\n";
    assert!(told.stdout.starts_with(first), "{}", told.stdout);
    assert_eq!(start("go", "CwdChanged").stdout, "");
    assert!(start("none", "SessionStart").stdout.contains("rwenv set <name>"));
    let file = home.read("session.env");
    assert_eq!(file.lines().filter(|l| !l.is_empty()).count(), 1, "written once: {file}");
    let mut shell = home.command("bash", &home.path("ro"));
    let found = answer(
        shell.args(["-c", "for i in 1 2 3; do . ../session.env; done; command -v kubectl; echo $PATH"]),
    );
    let folder = home.path(".claude/rwenv/shims").display().to_string();
    assert_eq!(found.stdout, format!("{folder}/kubectl\n{folder}:/usr/local/bin:/usr/bin:/bin\n"));
    let printed = home.rwenv("", &["shellenv"]);
    assert_eq!(printed.stdout.trim(), file.trim());
    assert!(home.rwenv("", &["shellenv", "--shell", "fish"]).stdout.starts_with("fish_add_path "));
    let gone = home.rwenv("", &["install", "--uninstall"]);
    assert_eq!(gone.code, 0, "{}", gone.stderr);
    assert!(!home.path(".claude/rwenv/shims").exists());
    assert_eq!(home.rwenv("", &["shellenv"]).code, 1);
}
