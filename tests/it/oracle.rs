//! bash as the judge of our reading of bash: what it really runs has to be among what we say it would run.
//!
//! The programs on PATH are stubs that write down their argv, and a few real ones that only pass text along.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rwenv_core::decide;
use rwenv_core::model::{Context, Invocation, Part, Word};
use tempfile::TempDir;

const STUBS: [&str; 4] = ["kubectl", "helm", "flux", "git"];
const REAL: [&str; 13] =
    ["bash", "sh", "cat", "base64", "tr", "head", "sort", "xargs", "env", "sleep", "timeout", "nice", "seq"];
/// Those that a machine may lack; lines with one of them then show nothing, and nothing wrong.
const MORE: [&str; 12] =
    ["find", "awk", "sed", "make", "perl", "python3", "tar", "cp", "ln", "chmod", "printf", "mv"];

struct Sandbox {
    dir: TempDir,
}

impl Sandbox {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let bin = dir.path().join("bin");
        fs::create_dir(&bin).unwrap();
        for stub in STUBS {
            let path = bin.join(stub);
            // One write per call: calls may run side by side.
            let script = "#!/bin/sh\ns=$(printf '\\037')\nl=${0##*/}\nfor a; do l=$l$s$a; done\nprintf '%s\\036' \"$l\" >> \"$ORACLE\"\n";
            fs::write(&path, script).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let real = |program: &str| {
            ["/bin", "/usr/bin"].iter().map(|d| Path::new(d).join(program)).find(|p| p.exists())
        };
        for program in REAL {
            symlink(real(program).unwrap(), bin.join(program)).unwrap();
        }
        for program in MORE {
            if let Some(path) = real(program) {
                symlink(path, bin.join(program)).unwrap();
            }
        }
        fs::create_dir(dir.path().join("work")).unwrap();
        let sandbox = Self { dir };
        // A program that another test starts at this moment may hold a stub open for writing, and then nobody can run it.
        for stub in STUBS {
            let ready = (0..100).any(|_| {
                let runs = !sandbox.run(stub).is_empty();
                if !runs {
                    std::thread::sleep(std::time::Duration::from_millis(20));
                }
                runs
            });
            assert!(ready, "{stub} cannot be run");
        }
        sandbox
    }

    /// What bash runs of our tools.
    fn run(&self, line: &str) -> Vec<Vec<String>> {
        let log = self.dir.path().join("log");
        let _ = fs::remove_file(&log);
        let work = self.dir.path().join("work");
        assert_cmd::Command::new("/bin/bash")
            .args(["-c", line])
            .env_clear()
            .env("PATH", self.dir.path().join("bin"))
            .env("HOME", &work)
            .env("ORACLE", &log)
            .env("LC_ALL", "C.UTF-8")
            .current_dir(&work)
            .timeout(std::time::Duration::from_secs(20))
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&fs::read(&log).unwrap_or_default()).into_owned();
        let calls = text.split('\u{1e}').filter(|c| !c.is_empty());
        calls.map(|c| c.split('\u{1f}').map(str::to_owned).collect()).collect()
    }

    /// What bash runs that we did not see coming.
    fn missed(&self, line: &str) -> Vec<Vec<String>> {
        let work = self.dir.path().join("work").display().to_string();
        let context = Context { cwd: work.clone(), home: work, ..Context::default() };
        let plan = rwenv_core::examples::alone(decide::plan(line, &context));
        if !plan.opaque.is_empty() {
            return Vec::new();
        }
        let seen: Vec<&Invocation> = plan.planned.iter().map(|p| &p.invocation).collect();
        self.run(line).into_iter().filter(|call| !seen.iter().any(|i| covers(&i.argv, call))).collect()
    }
}

/// True where an argv as we know it may be this one.
fn covers(argv: &[Word], real: &[String]) -> bool {
    let Some((word, rest)) = argv.split_first() else { return real.is_empty() };
    if word.splits() {
        return (0..=real.len()).any(|n| covers(rest, &real[n..]));
    }
    let Some((first, others)) = real.split_first() else { return false };
    let is_program = argv.len() >= real.len() && word.basename() == Some(first);
    (is_program || fits(word.parts(), first)) && covers(rest, others)
}

fn fits(parts: &[Part], text: &str) -> bool {
    match parts.split_first() {
        None => text.is_empty(),
        Some((Part::Text(t), rest)) => text.strip_prefix(t.as_str()).is_some_and(|text| fits(rest, text)),
        Some((Part::Unknown | Part::Asked(_), rest)) => {
            (0..=text.len()).filter(|i| text.is_char_boundary(*i)).any(|i| fits(rest, &text[i..]))
        }
    }
}

#[test]
fn what_covers_what() {
    let word = |t: &str| Word::literal(t);
    let real = |w: &[&str]| w.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
    assert!(covers(&[word("/x/kubectl"), word("get")], &real(&["kubectl", "get"])));
    assert!(!covers(&[word("kubectl"), word("get")], &real(&["kubectl", "delete"])));
    assert!(!covers(&[word("kubectl")], &real(&["kubectl", "delete"])));
    assert!(covers(&[word("kubectl"), Word::unknown_words()], &real(&["kubectl", "a", "b"])));
    assert!(covers(&[word("kubectl"), Word::unknown()], &real(&["kubectl", "a"])));
    assert!(!covers(&[word("kubectl"), Word::unknown()], &real(&["kubectl", "a", "b"])));
}

/// Lines that run something of ours in bash, each with a construction of its own.
const LINES: &[&str] = &[
    r#"kubectl get "a b" 'c d' e\ f $'g\th' "" x"y"'z'"#,
    r"kubectl {a,b}{1,2} {x..z} {1..5..2} a{} {a",
    r#"x='a b'; kubectl $x "$x" ${x} "${x}c" $x$x"#,
    r#"a=(1 '2 3' 4); kubectl "${a[@]}" ${a[@]} "${a[*]}" ${#a[@]} "${a[1]}" "${a[@]:1}" "${!a[@]}""#,
    r#"set -- 'p q' r; kubectl "$@" $* "$*" $# "${@:2}" $1"#,
    r#"x=abcabc; kubectl ${x#a} ${x##*b} ${x%c} ${x%%b*} ${x/b/X} ${x//b/X} ${x:1:2} ${x: -2} ${#x} ${x^} ${x^^} ${x/#a/Y} ${x/%c/Z}"#,
    r#"unset u; kubectl ${u:-d} ${u-e} ${u:=f} $u ${u:+g} ${u+h}"#,
    "kubectl \"$(echo a; echo b)\" $(echo c d) `echo e`",
    "kubectl a\\\nb c \\\n d",
    "for i in 1 2 3; do kubectl $i; done",
    "for ((i=0; i<2; i++)); do kubectl x; done",
    "i=0; while [ $i -lt 2 ]; do kubectl w; i=$((i+1)); done",
    "if false; then kubectl a; elif true; then kubectl b; else kubectl c; fi",
    "case abc in a) kubectl 1;; a*) kubectl 2;;& *c) kubectl 3;; esac",
    "f() { kubectl \"$1\" \"${@:2}\"; }; f a b 'c d'",
    "f() { local x=$1; shift; kubectl $x \"$@\"; }; f get pods",
    "f() { return 0; kubectl never; }; f; kubectl after",
    "true && kubectl a || kubectl b; false && kubectl c || kubectl d",
    "(kubectl a; exit 0; kubectl b); kubectl c",
    "{ kubectl a; kubectl b; } | cat",
    "echo x | kubectl a | cat && kubectl b",
    "kubectl a & wait; kubectl b",
    "kubectl a > /dev/null 2>&1 < /dev/null; 2>&1 kubectl b",
    "X=1 Y='a b' kubectl a; X=1; export X; kubectl b",
    "cat <<EOF | bash\nkubectl a\nEOF",
    "bash <<'EOF'\nkubectl a \"$HOME\"\nEOF",
    "bash <<< 'kubectl here'",
    "bash -c 'kubectl \"$1\" \"$0\"' zero one",
    "bash -c \"kubectl \\\"a b\\\"\"",
    "sh -c 'kubectl a; sh -c \"kubectl b\"'",
    "eval kubectl a b; eval 'kubectl \"c d\"'; eval \"kubectl $(echo e)\"",
    "source <(echo kubectl sourced)",
    "echo kubectl a | bash; printf 'kubectl %s\\n' b c | sh",
    "echo a b | xargs kubectl; printf 'a\\nb\\n' | xargs -n1 kubectl x; echo a | xargs -I{} kubectl '<{}>'",
    "env A=1 kubectl a; env -i PATH=\"$PATH\" ORACLE=\"$ORACLE\" kubectl b; timeout 5 kubectl c; nice -n 1 kubectl d",
    "command kubectl a; builtin command kubectl b; exec kubectl c; kubectl never",
    "trap 'kubectl bye' EXIT; kubectl hi",
    "trap 'kubectl err' ERR; false; true",
    "read -r a b <<< 'x y z'; kubectl \"$a\" \"$b\"",
    "read -ra w <<< 'x y z'; kubectl \"${w[@]}\"",
    "printf -v p '%s-%s' a b; kubectl $p",
    "mapfile -t l < <(printf 'a\\nb\\n'); kubectl \"${l[@]}\"",
    "while read -r l; do kubectl \"$l\"; done <<< $'a\\nb c'",
    "printf 'a\\nb\\n' | while read -r l; do kubectl \"$l\"; done",
    "declare -A m=([k]=v); kubectl \"${m[k]}\"",
    "declare -n r=x; x=val; kubectl $r; n=x; kubectl ${!n}",
    "IFS=,; x=a,b; kubectl $x \"$x\"",
    "set -f; kubectl *; set +f",
    "shopt -s expand_aliases\nalias k=kubectl\nk a",
    "k=kubectl; $k a; \"$k\" b; ${k} c; ${k:-x} d",
    "c='kubectl a b'; $c; eval \"$c\"",
    "$(echo kubectl) a; `echo kubectl` b",
    "kube${x}ctl a; kub\"e\"ctl b; \\kubectl c; 'kubectl' d",
    "! kubectl a; time kubectl b; time -p kubectl c",
    "[[ -n $(kubectl a) ]]; [[ x == x && -z $(kubectl b) ]]; (( $(kubectl c; echo 1) ))",
    "x=$(kubectl a) y=`kubectl b`; z=(\"$(kubectl c)\")",
    "kubectl <(kubectl a) >(cat)",
    "echo \"${x:-$(kubectl a)}\" ${y:+$(kubectl never)}",
    "cat <<EOF\n$(kubectl a) `kubectl b` $((1+$(kubectl c; echo 1)))\nEOF",
    "select x in a; do kubectl \"$x\"; break; done <<< 1",
    "until kubectl a; do :; done",
    "coproc kubectl a; wait",
    "cd /tmp && kubectl a; cd - >/dev/null; kubectl b",
    "pushd /tmp >/dev/null; kubectl a; popd >/dev/null; kubectl b",
    "f() { kubectl f; }; g() { f; kubectl g; }; g | cat",
    "kubectl a; # kubectl b\nkubectl c # kubectl d",
    "kubectl 'a\nb' \"c\nd\"",
    "if kubectl a; then kubectl b; fi; while ! kubectl c; do :; done",
    "x=1; x+=2; a=(1); a+=(2); kubectl $x \"${a[@]}\"",
    "kubectl $((1+2)) $((x=5)) $x $[2*3]",
    "kubectl ~ ~/x \"~\" a~ x=~",
    "kubectl ${x@Q} \"${HOME@Q}\"; x=\"a b\"; kubectl ${x@Q}",
    "kubectl $'\\x41\\u00e9\\101' $\"loc\" $'it\\'s'",
    "kubectl a;kubectl b;kubectl c&&kubectl d||kubectl e",
    "{ kubectl a;}; (kubectl b)",
    "function f { kubectl f; }; f; function g() (kubectl g); g",
    "command_not_found_handle() { kubectl \"$@\"; }; nosuchprogram a",
    "echo a3ViZWN0bCBhCg== | base64 -d | bash",
    "seq 2 | while read n; do kubectl $n; done; for n in $(seq 2); do kubectl $n; done",
    "git commit -m \"$(cat <<'EOF'\nit's \"done\" (really)\nEOF\n)\"",
    "mapfile -t k <<< 'kubectl'; $k a; mapfile -C'kubectl b' -c1 a <<< x; k=ls; printf -vk kubectl; $k c",
    "hash -rp \"$(command -v kubectl)\" one; one a; hash -p \"$(command -v kubectl)\" -- two; two b",
    "BASH_CMDS[three]=$(command -v kubectl); three a; . -- /dev/stdin <<< 'kubectl b'",
    "compgen -C 'kubectl a' x; compgen -o default -W '$(kubectl b)' -- ''; compgen -W '`kubectl c`'",
    "printf -v'a[$(kubectl a)]' x; : & wait -np 'a[$(kubectl b)]' $!; [ '(' -v 'a[$(kubectl c)]' ')' ]",
    "declare -i x; x='a[$(kubectl a)]'; declare -i y=0; y+='a[$(kubectl b)]'; for x in 'a[$(kubectl c)]'; do :; done",
    "typeset -i z='a[$(kubectl a)]'; declare -A m; declare -i m[k]='a[$(kubectl b)]'",
    "x='b[$(kubectl a)]' y=x z=y; : ${a[z]}; declare -n r='a[$(kubectl b)]'; : $r; n='a[$(kubectl c)]'; : ${!n}",
    "case ab in a'b') kubectl a;; esac; case 'a?' in \"a?\") kubectl b;; esac; case $HOME in ~) kubectl c;; esac",
    "shopt -s nocasematch; case A in a) kubectl a;; esac",
    "x=a; echo ${x^^$(kubectl a)}; echo \"${x+'$(kubectl b)'}\"; x=kctl; ${x/k/&ube} c",
    "$(echo -e '\\0153ubectl') a; $(printf '%b' '\\0153ubectl') b; printf '%b' '\\0153ubectl c' | sh",
    "shopt -s xpg_echo\necho '\\x6bubectl a' | sh",
    "sh -c 'echo \"\\\\0153ubectl a\" | sh'; sh -c '$(echo \"\\\\0153ubectl\") b'",
    "v=a; trap 'v=b' DEBUG; kubectl $v",
    "v=a; f() { local v=b; kubectl $v; }; f; kubectl $v; g() { local v; kubectl \"<$v>\"; }; g",
    "k_() { kubectl a; }; for f in $(compgen -A function k_); do $f; done",
    "x=('$(kubectl a)'); echo \"${x[@]@P}\"; PS4='$(kubectl b)'; set -x; :",
    "BASH_ENV='$(kubectl a)' bash -c :; set -a; f() { kubectl b; }; bash -c f",
    "exec <<< 'kubectl a'; bash",
];

#[test]
fn bash_runs_nothing_that_is_not_seen() {
    let sandbox = Sandbox::new();
    let mut wrong = Vec::new();
    let mut ran = 0;
    for line in LINES {
        let calls = sandbox.run(line);
        ran += calls.len();
        if calls.is_empty() {
            wrong.push(format!("bash ran nothing of ours, so the line shows nothing: {line}"));
        }
        wrong.extend(sandbox.missed(line).into_iter().map(|call| format!("{call:?} of: {line}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(ran > 130, "only {ran} calls");
}

/// A word that comes to `text`, written in one of many ways; assignments it needs go to `setup`.
fn spelled(text: &'static str) -> impl Strategy<Value = (String, String)> {
    let (head, tail) = text.split_at(text.len() / 2);
    prop_oneof![
        Just((String::new(), text.to_owned())),
        Just((String::new(), format!("'{text}'"))),
        Just((String::new(), format!("{head}\"{tail}\""))),
        Just((String::new(), format!("\\{text}"))),
        Just((String::new(), format!("$'\\x{:x}'{}", text.as_bytes()[0], &text[1..]))),
        Just((format!("v={text}; "), "$v".to_owned())),
        Just((format!("v={head}; v+={tail}; "), "\"$v\"".to_owned())),
        Just((format!("v=(x {text}); "), "${v[1]}".to_owned())),
        Just((format!("v=XX{text}; "), "${v#XX}".to_owned())),
        Just((String::new(), format!("$(echo {text})"))),
        Just((String::new(), format!("{head}{{{tail},}}").replace(",}", ",}"))),
        Just(("unset nope; ".to_owned(), format!("${{nope:-{text}}}"))),
        Just((format!("printf -v v %s {text}; "), "$v".to_owned())),
        Just((format!("read -r v <<< {text}; "), "$v".to_owned())),
        Just((format!("mapfile -t v <<< {text}; "), "$v".to_owned())),
        Just((format!("printf -vv {text}; "), "$v".to_owned())),
        Just((format!("v=X{tail}; "), format!("${{v/X/{head}}}"))),
        Just((format!("v={tail}; "), format!("${{v/#/{head}}}"))),
        Just((format!("declare -n v=u{head}; u{head}={text}; "), "$v".to_owned())),
        Just((String::new(), format!("$(printf %b '\\0{:03o}{}')", text.as_bytes()[0], &text[1..]))),
        Just((String::new(), format!("$(echo -e '\\0{:03o}{}')", text.as_bytes()[0], &text[1..]))),
    ]
}

fn command() -> impl Strategy<Value = String> {
    (spelled("kubectl"), spelled("delete"), 0..3u8).prop_map(|((s1, program), (s2, verb), n)| {
        // Both may use `v`; the second is bound to another name.
        let (s2, verb) = (
            s2.replace("v=", "w=")
                .replace("v+=", "w+=")
                .replace("-v v", "-v w")
                .replace("-r v", "-r w")
                .replace("-t v", "-t w")
                .replace("-vv", "-vw")
                .replace("-n v", "-n w"),
            verb.replace("$v", "$w").replace("${v", "${w"),
        );
        format!("{s1}{s2}{program} {verb} p{n}")
    })
}

/// The same call handed to something else to run: other programs, other languages, files.
fn carried() -> impl Strategy<Value = String> {
    let call = "kubectl delete p";
    prop_oneof![
        Just("echo delete p | xargs kubectl".to_owned()),
        Just(format!("printf 'p\\nq\\n' | xargs -n1 {call}")),
        Just(format!("echo p | xargs -I{{}} sh -c '{call} {{}}'")),
        Just(format!("find . -maxdepth 0 -exec {call} {{}} \\;")),
        Just(format!("env -S '{call}'")),
        Just(format!("timeout 5 nice -n 1 env A=b {call}")),
        Just(format!("echo '{call}' | bash")),
        Just(format!("printf '%s\\n' '{call}' | base64 | base64 -d | sh")),
        Just(format!("cat > s.sh <<'E'\n{call}\nE\nbash s.sh")),
        Just(format!("echo '{call}' > s.sh; chmod +x s.sh; ./s.sh")),
        Just(format!("echo '{call}' > s.sh; . ./s.sh")),
        Just(format!("BASH_ENV=s.sh; echo '{call}' > s.sh; export BASH_ENV; bash -c true")),
        Just("cp $(command -v kubectl) k; ./k delete p".to_owned()),
        Just("ln -sf \"$(command -v kubectl)\" k; PATH=.:$PATH; k delete p".to_owned()),
        Just(format!("awk 'BEGIN {{ system(\"{call}\") }}'")),
        Just(format!("awk 'BEGIN {{ \"{call}\" | getline }}'")),
        Just(format!("echo x | sed 's/x/{call}/e'")),
        Just(format!("sed '1e {call}' /dev/null; echo | sed '1e {call}'")),
        Just(format!("make -s --eval='t:;@{call}' t")),
        Just(format!("printf 't:\\n\\t{call}\\n' > Makefile; make -s t")),
        Just("perl -e 'system(\"kubectl\", \"delete\", \"p\")'".to_owned()),
        Just(format!("perl -e '`{call}`'")),
        Just("perl -e '$c = \"kubectl\"; system(\"$c delete p\")'".to_owned()),
        Just(format!("python3 -c 'import os; os.system(\"{call}\")'")),
        Just("python3 -c 'import subprocess as s; s.run([\"kubectl\", \"delete\", \"p\"])'".to_owned()),
        Just("python3 -c 'import subprocess as s; v=\"delete\"; s.run([\"kubectl\", v, \"p\"])'".to_owned()),
        Just("python3 <<'E'\nimport os\nos.system('kube' + 'ctl delete p')\nE".to_owned()),
        Just(format!("tar cf /dev/null --checkpoint=1 --checkpoint-action=exec='{call}' /etc/hostname")),
        Just(format!("sort --compress-program='{call}' /dev/null; {call}")),
        Just(format!("trap '{call}' EXIT")),
        Just(format!("PROMPT_COMMAND='{call}'; eval \"$PROMPT_COMMAND\"")),
        Just(format!("coproc {call}; wait")),
    ]
}

fn line() -> impl Strategy<Value = String> {
    // Those with a heredoc stand alone: what follows would be a part of it.
    prop_oneof![3 => command(), 1 => carried()].prop_recursive(4, 12, 2, |inner| {
        let quoted = |l: &str| format!("'{}'", l.replace('\'', r"'\''"));
        let two = (inner.clone(), inner.clone());
        let alone = inner.clone().prop_filter("heredoc", |l| !l.contains("<<"));
        prop_oneof![
            two.prop_map(|(a, b)| format!("{a}\n{b}")),
            (alone.clone(), alone.clone(), "; |&& |\\|\\| | \\| cat; ")
                .prop_map(|(a, b, op)| format!("{a}{op}{b}")),
            inner.clone().prop_map(|a| format!("( {a}\n)")),
            inner.clone().prop_map(|a| format!("{{ {a}\n}} 2>&1 | cat")),
            inner.clone().prop_map(|a| format!("if true; then {a}\nfi")),
            inner.clone().prop_map(|a| format!("for i in 1 2; do {a}\ndone")),
            inner.clone().prop_map(|a| format!("f() {{ {a}\n}}; f")),
            inner.clone().prop_map(|a| format!("case x in x) {a}\n;; esac")),
            inner.clone().prop_map(|a| format!("case 'a b' in c) ;; a' 'b) {a}\n;; esac")),
            inner.clone().prop_map(|a| format!("f() {{ local v w; {a}\n}}; f; kubectl get $v")),
            inner.clone().prop_map(move |a| format!("trap -- {} EXIT", quoted(&a))),
            inner.clone().prop_map(move |a| format!("compgen -C {} x", quoted(&format!("{a}\n:")))),
            inner.clone().prop_map(move |a| format!(". -- /dev/stdin <<< {}", quoted(&a))),
            alone
                .clone()
                .prop_map(|a| format!("declare -i n='a[$( {} )0]'", a.replace('\'', "\"")))
                .prop_filter("quotes", |l| l.matches('"').count() == 0),
            alone.clone().prop_map(|a| format!("echo \"$( {a} )\"")),
            inner.clone().prop_map(move |a| format!("eval {}", quoted(&a))),
            inner.clone().prop_map(move |a| format!("bash -c {}", quoted(&a))),
            alone.clone().prop_map(|a| format!("bash <<'EOF'\n{a}\nEOF\ntrue")),
            alone.clone().prop_map(|a| format!("while {a}; false; do :; done")),
            alone.prop_map(|a| format!("{a} & wait")),
        ]
    })
}

/// Seconds that lines are made up for, beside the first ones; `test.sh` gives a minute, a longer run finds more.
#[expect(clippy::disallowed_methods, reason = "a test reads how long it is to run")]
fn seconds() -> u64 {
    std::env::var("RWENV_ORACLE_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// A forbidden effect that happened although the verdict was allow: a hole. What bash ran is what counts, not what we saw.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test that runs for a time looks at the clock")]
fn nothing_that_is_allowed_deletes() {
    let threads: u64 = 2;
    let seconds = seconds();
    let found: Vec<(usize, usize, Vec<String>)> = std::thread::scope(|scope| {
        let work = |thread: u64| {
            let sandbox = Sandbox::new();
            let seed =
                std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
            let seed = if seconds == 0 { thread } else { seed ^ (thread << 56) };
            let mut bytes = [0_u8; 32];
            bytes[..8].copy_from_slice(&seed.to_le_bytes());
            let mut runner =
                TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
            let start = std::time::Instant::now();
            let (mut ran, mut deleted, mut holes) = (0, 0, Vec::new());
            while ran < 100 || start.elapsed().as_secs() < seconds {
                let line = line().new_tree(&mut runner).unwrap().current();
                ran += 1;
                let said = rwenv_core::examples::judged(&line, "read-only").unwrap().decision();
                // A denial cannot be a hole; some are run all the same, so that it is known that they do what they are made for.
                if said > rwenv_core::model::Decision::Allow && ran % 16 != 0 {
                    continue;
                }
                let deletes = sandbox.run(&line).iter().any(|call| call.iter().any(|word| word == "delete"));
                deleted += usize::from(deletes);
                if deletes && said == rwenv_core::model::Decision::Allow {
                    holes.push(line);
                }
            }
            (ran, deleted, holes)
        };
        let handles: Vec<_> = (0..threads).map(|thread| scope.spawn(move || work(thread))).collect();
        handles.into_iter().map(|handle| handle.join().unwrap()).collect()
    });
    let ran: usize = found.iter().map(|(ran, ..)| ran).sum();
    let deleted: usize = found.iter().map(|(_, deleted, _)| deleted).sum();
    let holes: Vec<&String> = found.iter().flat_map(|(.., holes)| holes).collect();
    println!("{ran} lines, of those that were run {deleted} deleted something, {} holes", holes.len());
    assert!(
        holes.is_empty(),
        "{} holes:\n{}",
        holes.len(),
        holes.iter().map(|l| format!("{l}\n---")).collect::<Vec<_>>().join("\n")
    );
    assert!(deleted > 5, "{deleted} of {ran} lines deleted something: then this shows little");
}

#[test]
fn bash_runs_nothing_of_random_lines_that_is_not_seen() {
    let sandbox = Sandbox::new();
    let seed = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), seed);
    let mut opaque = 0;
    for _ in 0..400 {
        let line = line().new_tree(&mut runner).unwrap().current();
        let missed = sandbox.missed(&line);
        assert!(missed.is_empty(), "{missed:?} of:\n{line}");
        let context = Context { cwd: "/".to_owned(), home: "/".to_owned(), ..Context::default() };
        let plan = decide::plan(&line, &context);
        opaque += usize::from(!plan.opaque.is_empty());
    }
    assert!(opaque < 80, "{opaque} of 400 lines stayed unknown: then this test shows little");
}
