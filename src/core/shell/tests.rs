//! What the analysis makes of command lines.

use super::*;

fn context() -> Context {
    Context { cwd: "/w".into(), home: "/home/u".into(), ..Context::default() }
}

fn run(text: &str) -> Vec<String> {
    let all = analyze(text, &context());
    all.invocations
        .iter()
        .map(|i| i.argv.iter().map(|w| w.display().into_owned()).collect::<Vec<_>>().join(" "))
        .collect()
}

/// The invocations of one program, as text.
fn of(text: &str, program: &str) -> Vec<String> {
    run(text).into_iter().filter(|l| l.split(' ').next() == Some(program)).collect()
}

/// What stays unknown of a text.
fn kinds(text: &str) -> Vec<OpaqueKind> {
    analyze(text, &context()).opaque.iter().map(|o| o.kind).collect()
}

const DELETE: &str = "kubectl delete pod p";

/// Lines that run `kubectl delete pod p`, each written in another way.
const DELETES: &[&str] = &[
    r"k\ubectl del\ete pod p",
    ": \\\r\nkubectl delete pod p",
    r"$'\x6b\x75\x62\x65ctl' $'\x64elete' pod p",
    r#"$"kubectl" $"delete" pod p"#,
    "kubectl {delete,pod,p}",
    "kubectl${IFS}delete${IFS}pod${IFS}p",
    "x=ZkubectlZ; y=${x#Z}; ${y%Z} delete pod p",
    "x=KUBECTL; ${x,,} delete pod p",
    "declare -n n=v; v=kubectl; $n delete pod p",
    "${NOPE:-kubectl} ${NOPE:-delete} pod p",
    "a=(1); i='a[$(kubectl delete pod p)0]'; echo $((i))",
    "x='a[$(kubectl delete pod p)]'; [[ $x -eq 1 ]]",
    "read 'a[$(kubectl delete pod p)]' <<< x",
    "echo `kubectl delete pod p`",
    "cat <<EOF; kubectl delete pod p\nbody\nEOF",
    "cat <<-EOF\n\tx\n\tEOF\nkubectl delete pod p",
    "cat <<EOF\n$(kubectl delete pod p)\nEOF",
    "echo \"#\"; kubectl delete pod p",
    "(sleep 0.1; kubectl delete pod p) & wait",
    "ls(){ kubectl delete pod p; }; ls",
    "command_not_found_handle(){ kubectl delete pod p; }; nosuchcmd",
    "mapfile -C 'kubectl delete pod p;' -c 1 a <<< x",
    "shopt -s expand_aliases\nalias ls='kubectl delete pod p'\nls",
    "trap 'kubectl delete pod p; trap - DEBUG' DEBUG; :",
    "source /dev/stdin <<< 'kubectl delete pod p' ",
    ". <(echo kubectl delete pod p)",
    "exec kubectl delete pod p",
    "exec -a ls kubectl delete pod p",
    "command kubectl delete pod p",
    "builtin command kubectl delete pod p",
    "! time kubectl delete pod p",
    "for v in delete; do kubectl $v pod p; done",
    "read -ra c <<< 'kubectl delete pod p'; \"${c[@]}\"",
    "set -- kubectl delete pod p; \"$@\"",
    "A=1 B=2 kubectl delete pod p",
    "k=kubectl; $k delete pod p",
    "k=kube; k+=ctl; $k delete pod p",
    "printf -v k %s%s kube ctl; $k delete pod p",
    "a=(kubectl delete); a+=(pod p); \"${a[@]}\"",
    "c[0]=kubectl; c[1]=delete; ${c[0]} ${c[1]} pod p",
    "eval 'kubectl delete' pod p",
    "eval \"$(echo kubectl delete pod p)\"",
    "$(echo kubectl) delete pod p",
    "$(printf 'kube%s' ctl) delete pod p",
    "if true; then k=kubectl; else k=ls; fi; $k delete pod p",
    "case x in x) kubectl delete pod p;; esac",
    "while true; do kubectl delete pod p; done",
    "until false; do kubectl delete pod p; done",
    "for ((i=0;i<3;i++)); do kubectl delete pod p; done",
    "{ kubectl delete pod p; }",
    "true && kubectl delete pod p",
    "false || kubectl delete pod p",
    "ls | kubectl delete pod p",
    "ls <(kubectl delete pod p)",
    "x=$(kubectl delete pod p)",
    "echo ${x:-$(kubectl delete pod p)}",
    "f() { \"$@\"; }; f kubectl delete pod p",
    "f() { kubectl \"$1\" pod p; }; f delete",
    "PS4='$(kubectl delete pod p)'; set -x; :",
    "coproc kubectl delete pod p",
    "kube\\\nctl delete pod p",
    "if ls; then :; elif ls; then :; else kubectl delete pod p; fi",
    "x=kubectl\\ delete\\ pod\\ p; $x",
    "hash -p /usr/bin/kubectl ls; ls delete pod p",
    "echo kubectl delete pod p | while read -r l; do $l; done",
    "x='$(kubectl delete pod p)'; echo ${x@P}",
    "x=('$(kubectl delete pod p)'); echo \"${x[@]@P}\"",
    // Options of builtins, attached, clustered and ended.
    "mapfile -C'kubectl delete pod p;' -c1 a <<< x",
    "k=ls; mapfile -t k <<< kubectl; $k delete pod p",
    "hash -rp /usr/bin/kubectl ls; ls delete pod p",
    "hash -p /usr/bin/kubectl -- ls; ls delete pod p",
    "BASH_CMDS[ls]=/usr/bin/kubectl; ls delete pod p",
    "k=ls; printf -vk kubectl; $k delete pod p",
    "printf -v'a[$(kubectl delete pod p)]' x",
    ". -- /dev/stdin <<< 'kubectl delete pod p'",
    "compgen -C 'kubectl delete pod p;' x",
    "compgen -o default -W '$(kubectl delete pod p)' -- ''",
    ": & wait -np 'a[$(kubectl delete pod p)]' $!",
    "[ '(' -v 'a[$(kubectl delete pod p)]' ')' ]",
    // Subscripts and integers.
    "declare -i x; x='a[$(kubectl delete pod p)]'",
    "declare -i x=0; x+='a[$(kubectl delete pod p)]'",
    "declare -i x; for x in 'a[$(kubectl delete pod p)]'; do :; done",
    "declare -A m; declare -i m[k]='a[$(kubectl delete pod p)]'",
    "x='b[$(kubectl delete pod p)]' y=x z=y; : ${a[z]}",
    "declare -n r='a[$(kubectl delete pod p)]'; : $r",
    "x='a[$(kubectl delete pod p)]'; : \"${!x}\"",
    // Patterns: quoted parts are letters.
    "case ab in a'b') kubectl delete pod p;; esac",
    "case 'a b' in a' 'b) kubectl delete pod p;; esac",
    "case 'a?' in \"a?\") kubectl delete pod p;; esac",
    "case $HOME in ~) kubectl delete pod p;; esac",
    "shopt -s nocasematch; case A in a) kubectl delete pod p;; esac",
    "x=a; echo ${x^^$(kubectl delete pod p)}",
    "echo \"${x:-'$(kubectl delete pod p)'}\"",
    "x=kctl; ${x/k/&ube} delete pod p",
    // Escapes in what is printed.
    "$(echo -e '\\0153ubectl') delete pod p",
    "$(printf %b '\\0153ubectl') delete pod p",
    "shopt -s xpg_echo\n$(echo '\\0153ubectl') delete pod p",
    // Functions, traps and what a shell keeps.
    "v=get; trap 'v=delete' DEBUG; kubectl $v pod p",
    "v=delete; f() { local v=get; }; f; kubectl $v pod p",
    "f() { kubectl delete pod p; }; $(compgen -A function f)",
    "BASH_ENV='$(kubectl delete pod p)' bash -c :",
];

#[test]
fn every_way_to_write_a_command_is_the_command() {
    let mut missed = Vec::new();
    for text in DELETES {
        let found = run(text).iter().any(|l| l.ends_with(DELETE) || l.ends_with("bin/kubectl delete pod p"));
        if !found {
            missed.push(format!("{text:?} gave {:?}", run(text)));
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn heredocs_inside_substitutions_are_data_whatever_they_hold() {
    for body in [
        "1) one\n2) two",
        ") x",
        ":)",
        "f(\nx",
        "it's",
        "a \"b",
        "`x",
        "$(x",
        "${x",
        "# x)",
        "<<E",
        "a & b > c",
        "'(",
        "}{",
    ] {
        for quoted in ["'EOF'", "\"EOF\"", "\\EOF"] {
            let text = format!("git commit -m \"$(cat <<{quoted}\n{body}\nEOF\n)\" && git log");
            assert_eq!(of(&text, "git"), [format!("git commit -m {body}"), "git log".to_owned()], "{text}");
            assert_eq!(kinds(&text), [], "{text}");
        }
    }
    for text in [
        "x=\"$(kubectl delete pod p; cat <<'E'\nf(\nE\n)\"",
        "echo \"$(kubectl delete pod p; cat <<E\n${x\nE\n)\"",
    ] {
        assert!(of(text, "kubectl") == [DELETE] || !kinds(text).is_empty(), "{text}");
    }
    let plain = "git commit -m \"$(cat <<EOF\n1) it's :)\nEOF\n)\"";
    assert_eq!(of(plain, "git"), ["git commit -m 1) it's :)"]);
}

#[test]
fn what_only_looks_like_a_heredoc_hides_nothing() {
    for text in [
        "echo \"<<'E'\" )\n$(kubectl delete pod p)\nE",
        "echo \"$(cat <<'E'\n:)\nE\n)\" \"<<'F'\"\n$(kubectl delete pod p)\nF\n",
        "echo \"$(cat <<'E'\n:)\nE\n)\" '<<F'\n(kubectl delete pod p)\nF\n",
        "x=$(cat <<'E'\n)\nE\n) # <<'F'\nbash -c \"kubectl delete pod p\"\nF\n",
        "x=$(cat <<'E'\n)\nE\n); cat <<F\n$(kubectl delete pod p)\nF\n",
        "x=$(cat <<'E'\n)\nE\n); echo $((1 <<'F'\n$(kubectl delete pod p)\nF\n))",
    ] {
        let found = run(text).iter().any(|l| l.ends_with(DELETE));
        assert!(found || !kinds(text).is_empty(), "{text}: {:?}", run(text));
    }
}

#[test]
fn text_that_is_no_command_runs_nothing() {
    for text in [
        "echo 'a; kubectl delete pod p && helm uninstall x'",
        "cat > R.md <<'EOF'\n1. kubectl delete pod stuck\n3. $(kubectl delete pod p)\nEOF",
        "ls # kubectl delete pod p",
        "git commit -m \"never kubectl delete pod p\"",
        "jq -n '{cmd:\"kubectl delete pod p\"}'",
        "f() { kubectl delete pod p; }",
    ] {
        assert!(of(text, "kubectl").is_empty(), "{text:?} gave {:?}", run(text));
        assert!(analyze(text, &context()).opaque.is_empty(), "{text:?}");
    }
}

fn dirs(text: &str) -> Vec<Dir> {
    let all = analyze(text, &context());
    all.invocations.into_iter().rfind(|i| i.argv[0].as_literal() == Some("kubectl")).unwrap().cwd
}

#[test]
fn directories_are_followed() {
    let known = |all: &[&str]| all.iter().map(|d| Dir::Known((*d).to_owned())).collect::<Vec<_>>();
    assert_eq!(dirs("cd x && kubectl get pods"), known(&["/w/x"]));
    assert_eq!(dirs("cd x; kubectl get pods"), known(&["/w/x", "/w"]));
    assert_eq!(dirs("cd x || exit 1; kubectl get pods"), known(&["/w/x"]));
    assert_eq!(dirs("set -e; cd x; kubectl get pods"), known(&["/w/x"]));
    assert_eq!(dirs("if ! cd x; then exit 1; fi; kubectl get pods"), known(&["/w/x"]));
    assert_eq!(dirs("(cd x); kubectl get pods"), known(&["/w"]));
    assert_eq!(dirs("cd && kubectl get pods"), known(&["/home/u"]));
    assert_eq!(dirs("cd ~/p && cd - && kubectl get pods"), known(&["/w"]));
    assert_eq!(dirs("pushd /a && popd && kubectl get pods"), known(&["/w"]));
    assert_eq!(dirs("cd \"$(git rev-parse --show-toplevel)\" && kubectl get pods"), known(&["/w"]));
    assert_eq!(
        dirs("cd \"$(git -C \"$x\" rev-parse --show-toplevel)\" && kubectl get pods"),
        vec![Dir::Unknown]
    );
    assert_eq!(dirs("d=/a; cd $d/b && kubectl get pods"), known(&["/a/b"]));
}

#[test]
fn environment_and_input_are_known() {
    let all = analyze("export KUBECONFIG=/a; FOO=b kubectl get pods <<< x", &context());
    let call = all.invocations.last().unwrap();
    assert_eq!(call.assigned("KUBECONFIG").unwrap().as_literal(), Some("/a"));
    assert_eq!(call.assigned("FOO").unwrap().as_literal(), Some("b"));
    assert_eq!(call.stdin, Stdin::Text("x\n".into()));
    let all = analyze("echo kubectl delete pod p | sh", &context());
    assert_eq!(all.invocations.last().unwrap().stdin, Stdin::Text("kubectl delete pod p\n".into()));
    let all = analyze("echo aGk= | base64 -d | sh", &context());
    assert_eq!(all.invocations.last().unwrap().stdin, Stdin::Unknown);
    let all = analyze("echo 'kubectl delete pod p' > >(bash)", &context());
    let bash = all.invocations.iter().find(|i| i.argv[0].as_literal() == Some("bash")).unwrap();
    assert_eq!(bash.stdin, Stdin::Text("kubectl delete pod p\n".into()));
}

#[test]
fn spans_point_into_the_source() {
    let text = "é; cd /tmp && x=1 kubectl  --context prod scale deploy \"$(kubectl get  po)\" > f; ls";
    let all = analyze(text, &context());
    let spans: Vec<&str> = all.invocations.iter().map(|i| i.span.slice(text)).collect();
    assert!(spans.contains(&"x=1 kubectl  --context prod scale deploy \"$(kubectl get  po)\""), "{spans:?}");
    assert!(spans.contains(&"kubectl get  po"), "{spans:?}");
}

#[test]
fn what_cannot_be_known_is_opaque() {
    for text in [
        "$(<<  ",
        "$(<< \t",
        "$(<<  x ",
        "<<E$( \t",
        "<<E$(( \t",
        "'$(push \\<<< ;; ",
        "$(> \\<<< ))))trap <(git ",
    ] {
        assert!(!kinds(text).is_empty(), "{text}: no memory is enough for the tokenizer here");
    }
    for text in [
        "echo $((1 << 2))",
        "(( x = 1<<2 ))",
        "grep '(' <<< \"$x\"",
        "cat <<< \"$(cat <<< x)\"",
        "x=$(cat <<E\n(\nE\n)",
    ] {
        assert_eq!(kinds(text), [], "{text}");
    }
    assert_eq!(kinds("$x delete pod p"), [OpaqueKind::Program]);
    assert_eq!(kinds("while read -r l; do $l; done < f"), [OpaqueKind::Program]);
    assert_eq!(kinds("eval \"$(echo aGk= | base64 -d)\""), [OpaqueKind::Code]);
    assert_eq!(kinds("source <(kubectl completion bash)"), [OpaqueKind::Code]);
    assert_eq!(kinds("kubectl get pods ("), [OpaqueKind::Syntax]);
    assert_eq!(kinds("/usr/bin/kube* delete pod p"), [OpaqueKind::Program]);
    assert_eq!(kinds("\"$VENV/bin/python\" x.py; $(which python3) y.py"), []);
    let deep = format!("{}kubectl delete pod p{}", "$(".repeat(40), ")".repeat(40));
    assert_eq!(kinds(&deep), [OpaqueKind::Limit, OpaqueKind::Program]);
    assert_eq!(kinds(&"(".repeat(5000)), [OpaqueKind::Limit]);
    assert_eq!(kinds("<<E$[\t\t"), [OpaqueKind::Limit]);
    assert_eq!(kinds("cat <<\r e "), [OpaqueKind::Limit]);
    assert_eq!(kinds("cat <<\u{c}<e `c 'd "), [OpaqueKind::Limit]);
    assert_eq!(kinds(&format!("kubectl {}a,b", "{".repeat(400))), [OpaqueKind::Limit]);
    // Each open subscript multiplies the ways to close it.
    let unclosed = super::parse::braces(&format!("{{a,b}}{}", "${c[l} ".repeat(9)));
    assert!(matches!(unclosed, Err(super::parse::ParseRefusal::Limit)));
    let heredoc = format!("cat <<EOF\n{}\nEOF", "$(X+(XX ".repeat(8));
    assert!(kinds(&heredoc).contains(&OpaqueKind::Limit));
    assert_eq!(kinds("echo {a,b}${x[${y[0]}]}-${z[1]}-${z[2]}"), []);
    assert_eq!(kinds(&format!("kubectl get pods -o '{}a,b{}'", "{".repeat(40), "}".repeat(40))), []);
    assert_eq!(kinds(&format!("echo {}", "a".repeat(140_000))), [OpaqueKind::Limit]);
    let producer = analyze("eval \"$(ssh-agent -s)\"", &context()).opaque.remove(0).invocation.unwrap();
    assert_eq!(producer.argv[0].as_literal(), Some("ssh-agent"));
}

#[test]
fn numbers_that_do_not_fit_are_no_panic() {
    for text in
        ["echo {1..99999999999999999999}", "echo ~99999999999999999999", "echo ${x:99999999999999999999}"]
    {
        let _ = analyze(text, &context());
    }
}
