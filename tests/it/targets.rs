//! Makefiles, justfiles, Taskfiles and package.json: the targets that are asked for are judged, and no others.

use crate::support::Home;

fn check(home: &Home, folder: &str, cases: &[(&str, &str)]) {
    for (line, wanted) in cases {
        let answer = home.hook(folder, line);
        assert_eq!(answer.decision(), *wanted, "{line}: {}{}", answer.stderr, answer.stdout);
    }
}

#[test]
fn make_runs_what_its_target_and_what_that_needs_say() {
    let home = Home::new();
    home.write(
        "ro/Makefile",
        "KUBECTL ?= kubectl\nNS := app\nVERSION := $(shell git describe)\n.PHONY: build deploy\n\
         build: src\n\t@echo building\n\t$(CC) -o x x.c\nsrc:\n\ttouch src\n\
         deploy: build push ## deploy it\n\t@echo done\npush:\n\t-@$(KUBECTL) -n $(NS) \\\n\t  delete pod p\n\
         status: ; ${KUBECTL} get pods\n%.apply: %.yaml\n\tkubectl apply -f $<\nsub:\n\t$(MAKE) -C inner x\n",
    );
    home.write("ro/inner/makefile", "include more.mk\n");
    home.write("ro/inner/more.mk", "x:\n\thelm uninstall web\n");
    home.write("elsewhere/Makefile", "x:\n\t@kubectl delete pod p\n");
    check(
        &home,
        "ro",
        &[
            ("make", "allow"),
            ("make build", "allow"),
            ("make -j4 status", "allow"),
            ("make deploy", "deny"),
            ("make -s push NS=other", "deny"),
            ("make push KUBECTL=echo", "allow"),
            ("make web.apply", "deny"),
            ("make sub", "deny"),
            ("make -C ../elsewhere x", "deny"),
            ("make -sC ../elsewhere", "deny"),
            ("make --directory=../elsewhere", "deny"),
            ("make -f ../elsewhere/Makefile", "deny"),
            ("cd ../elsewhere && make", "deny"),
            ("make --eval='x:;@kubectl delete pod p' x", "deny"),
            ("make missing", "allow"),
        ],
    );
    home.write("rw/Makefile", "STATE := $(shell kubectl --context ro-ctx delete pod p)\nall:\n\ttrue\n");
    check(&home, "rw", &[("make -n all", "deny")]);
}

#[test]
fn just_task_and_npm_are_followed_too() {
    let home = Home::new();
    home.write(
        "ro/justfile",
        "kube := \"kubectl\"\nalias d := deploy\n\nbuild:\n    cargo build\n\ndeploy env='prod': build\n    {{kube}} delete pod p -n {{env}}\n\n\
         script:\n    #!/usr/bin/env bash\n    kubectl delete pod p\n",
    );
    home.write(
        "ro/Taskfile.yaml",
        "version: '3'\nvars:\n  K: kubectl\nincludes:\n  ops: ./ops\ntasks:\n  default:\n    deps: [build]\n  build: 'go build ./...'\n  \
         deploy:\n    desc: deploy it\n    cmds:\n      - task: build\n      - cmd: '{{.K}} delete pod p'\n  block:\n    cmds:\n      - |\n        set -e\n        kubectl delete pod p\n      - echo done\n  \
         look:\n    cmds:\n      - kubectl get pods\n",
    );
    home.write("ro/ops/Taskfile.yaml", "tasks:\n  clean:\n    cmds:\n      - kubectl delete pod p\n");
    home.write(
        "ro/package.json",
        r#"{"scripts": {"test": "jest", "build": "tsc", "postbuild": "npm run clean", "clean": "kubectl delete pod p", "start": "node ."}}"#,
    );
    home.write("ro/src/deep/x", "");
    check(
        &home,
        "ro",
        &[
            ("just", "allow"),
            ("just --list", "allow"),
            ("just deploy", "deny"),
            ("just d", "deny"),
            ("just script", "deny"),
            ("cd src/deep && just deploy", "deny"),
            ("task", "allow"),
            ("task --list", "allow"),
            ("task look", "allow"),
            ("task deploy", "deny"),
            ("task block", "deny"),
            ("task ops:clean", "deny"),
            ("task -d . deploy", "deny"),
            ("npm test", "allow"),
            ("npm install", "allow"),
            ("npm run clean", "deny"),
            ("npm run build", "deny"),
            ("yarn run clean", "deny"),
            ("npm start", "allow"),
            ("pnpm --dir . run clean", "deny"),
        ],
    );
}
