//! Input that is not what it should be: each with its clear message and its closed verdict.

use serde_json::json;

use crate::support::{ENVS, Home};

/// What is no JSON of a call.
const NOT_JSON: &[&str] = &[
    "null",
    "true",
    "0",
    "\"Bash\"",
    "[]",
    "{}",
    "[{}]",
    "{",
    "}",
    "{]",
    "kubectl get pods",
    "{'tool_name': 'Bash'}",
    "{tool_name: \"Bash\"}",
    "{\"tool_name\": \"Bash\",}",
    "{\"tool_name\": \"Bash\"} trailing",
    "{\"tool_name\": \"Bash\"}{}",
    "// comment\n{\"tool_name\": \"Bash\"}",
    "{\"tool_name\": NaN}",
    "{\"tool_name\": null}",
    "{\"tool_name\": 1}",
    "{\"tool_name\": [\"Bash\"]}",
    "{\"tool_name\": {\"a\": 1}}",
    "{\"tool_name\": true}",
    "{\"tool_name\": \"Bash}",
    "{\"tool_name\": \"Bash\", \"tool_name\": \"Read\"}",
    "{\"tool_name\": \"\\ud800\"}",
    "{\"tool_name\": \"\\x41\"}",
    "{\"tool_name\": \"B\nash\"}",
    "{\"tool_input\": {\"command\": \"ls\"}}",
    "\u{feff}{\"tool_name\": \"Bash\"}",
    "{\"tool_name\": \"Bash\", \"cwd\": 1}",
    "{\"tool_name\": \"Bash\", \"cwd\": [\"/\"]}",
    "{\"tool_name\": \"Bash\", \"cwd\": {}}",
    "{\"tool_name\": \"Bash\", \"session_id\": 7}",
    "{\"tool_name\": \"Bash\", \"permission_mode\": false}",
    "{\"tool_name\": \"Bash\", \"hook_event_name\": []}",
    "{\"tool_name\": \"Bash\", \"tool_input\": }",
    "{\"tool_name\": \"Bash\", \"tool_input\": {\"command\": }}",
    "{\"tool_name\": \"Bash\", \"tool_input\": {\"command\": \"ls}",
    "{\"tool_name\": \"Bash\", \"tool_input\": {\"command\": \"ls\"}",
    "{\"tool_name\": \"Bash\" \"tool_input\": {}}",
    "{\"tool_name\": \"Bash\", \"cwd\": \"/\", \"cwd\": \"/tmp\"}",
    "{\"tool_name\": \"Bash\", \"x\": 1e}",
    "{\"tool_name\": \"Bash\", \"tool_input\": {\"command\": \"\\ud83d\"}, \"cwd\": \"\\udead\"}",
    "<xml/>",
    "---\ntool_name: Bash\n",
    "tool_name=Bash",
];

/// What is no input of a tool that runs a command line.
const INPUTS: &[&str] = &[
    "null",
    "1",
    "true",
    "\"kubectl get pods\"",
    "[]",
    "{}",
    "{\"cmd\": \"ls\"}",
    "{\"Command\": \"ls\"}",
    "{\"script\": \"ls\"}",
    "{\"command\": null}",
    "{\"command\": 1}",
    "{\"command\": true}",
    "{\"command\": [\"ls\"]}",
    "{\"command\": {\"a\": \"ls\"}}",
    "{\"command\": \"ls\", \"command\": \"kubectl delete pod p\"}",
    "{\"command\": \"\\ud800 kubectl\"}",
    "[\"ls\", 1]",
    "[\"ls\"]",
];

/// Payloads and what the denial says about them.
fn payloads() -> Vec<(Vec<u8>, &'static str)> {
    let not_json = "is not the JSON of a PreToolUse call";
    let input = "is not understood";
    let mut out: Vec<(Vec<u8>, &'static str)> = Vec::new();
    let mut add = |text: &str, why: &'static str| out.push((text.as_bytes().to_vec(), why));
    for text in ["", " ", "\n\n", "\t\r\n"] {
        add(text, "nothing came on standard input");
    }
    for text in NOT_JSON {
        add(text, not_json);
    }
    add("{\"tool_name\": \"Bash\"}", "came without tool_input");
    for tool in ["Bash", "PowerShell", "Monitor"] {
        for value in INPUTS {
            let why = if *value == "null" { "came without tool_input" } else { input };
            add(&format!("{{\"tool_name\": \"{tool}\", \"tool_input\": {value}}}"), why);
        }
    }
    let command = |line: &str| json!({ "tool_name": "Bash", "tool_input": { "command": line } }).to_string();
    add(&command("ls\0"), "NUL character");
    add(&command("kubectl get pods\0 && kubectl delete pod p"), "NUL character");
    add(&command(&"a".repeat(131_072)), "more than a shell takes");
    add(&command(&"é".repeat(70_000)), "more than a shell takes");
    add(
        &format!("{{\"tool_name\": \"Bash\", \"x\": {}1{}}}", "[".repeat(200), "]".repeat(200)),
        "came without tool_input",
    );
    add(&format!("{{\"tool_name\": \"Bash\", \"x\": {}}}", "{\"a\":".repeat(200)), not_json);
    add(&format!("{{\"tool_name\": \"Bash\", \"x\": \"{}\"}}", "a".repeat(5 << 20)), "larger than 4 MiB");
    add(&"[".repeat(100_000), not_json);
    for bytes in [
        &b"\xff\xfe{\x00}\x00"[..],
        b"\x80",
        b"{\"tool_name\": \"B\xe9sh\"}",
        b"\xed\xa0\x80",
        b"\x00",
        b"{\"tool_name\"\x00: \"Bash\"}",
    ] {
        let why = if std::str::from_utf8(bytes).is_ok() { not_json } else { "is not UTF-8" };
        out.push((bytes.to_vec(), why));
    }
    out
}

#[test]
fn a_payload_that_is_not_one_is_denied() {
    let home = Home::new();
    let all = payloads();
    assert!(all.len() >= 110, "{}", all.len());
    for (bytes, why) in all {
        let shown = String::from_utf8_lossy(&bytes).chars().take(120).collect::<String>();
        let answer = home.hook_bytes(bytes);
        assert_eq!(answer.decision(), "deny", "{shown}: {answer:?}");
        let start = "rwenv: this call cannot be judged, so it does not run: ";
        assert!(
            answer.stderr.starts_with(start) && answer.stderr.contains(why),
            "{shown}: {}",
            answer.stderr
        );
    }
}

#[test]
fn a_payload_that_is_cut_anywhere_is_denied() {
    let home = Home::new();
    let whole = home.payload("ro", "ls").to_string();
    for at in (0..whole.len()).step_by(9) {
        let answer = home.hook_bytes(&whole[..at]);
        assert_eq!(answer.decision(), "deny", "{}", &whole[..at]);
    }
    assert_eq!(home.hook_bytes(whole).decision(), "allow");
}

/// Whole files.
const FILES: &[(&str, &str)] = &[
    ("", "envs.json:1:1: EOF while parsing a value; correct the JSON there"),
    ("{", "envs.json:1:1: EOF while parsing an object"),
    ("[]", "envs.json:1:1: invalid"),
    ("null", "envs.json:1:4: invalid type: null"),
    ("{\"rwenvs\": []}", "envs.json:1:11: invalid type: sequence"),
    ("{\"rwenvs\": null}", "envs.json:1:15: invalid type: null"),
    ("{\"rwenvs\": {\"ro\": 1}}", "envs.json:1:19: invalid type: integer"),
    ("{\"rwenvs\": {\"ro\": null}}", "invalid type: null"),
    ("{\"rwenvs\": {\"ro\": [true]}}", "invalid type: sequence, expected an object"),
    ("{\"rwenvs\": {\"ro\": \"x\"}}", "invalid type: string \"x\""),
    ("{\"rwenvs\": {\"ro\": {},}}", "trailing comma"),
    ("{\"rwenvs\": {\"ro\": {}}} x", "trailing characters"),
    ("{\"rwenvs\": {\"ro\": {}, \"ro\": {}}}", "duplicate key 'ro'; remove one of the two"),
    ("{\"rwenvs\": {}, \"rwenvs\": {}}", "duplicate field `rwenvs`; remove one of the two"),
    ("{\"version\": \"2.0\", \"rwenvs\": {}}", "unknown version '2.0'; write \"version\": \"1.0\""),
    ("{\"version\": 3, \"rwenvs\": {}}", "unknown version '3'"),
    ("{\"version\": \"one\", \"rwenvs\": {}}", "unknown version 'one'"),
    ("{\"version\": true, \"rwenvs\": {}}", "envs.json:1:16: data did not match"),
    ("{\"useDevContainer\": \"yes\"}", "expected a boolean; write true or false without quotes"),
    ("{\"useDevContainer\": 1}", "expected a boolean"),
    ("{\"devContainer\": true}", "expected a string"),
    ("{\"databases\": []}", "expected an object of names"),
    ("{\"databases\": {\"a\": []}}", "envs.json"),
    ("{\"databases\": {\"a\": {\"namespace\": 1}}}", "expected a string"),
    ("{'rwenvs': {}}", "key must be a string"),
    ("rwenvs:\n  ro: {}\n", "expected value"),
    ("{\"rwenvs\": {\"ro\": {\"description\": \"\u{1}\"}}}", "control character"),
];

/// Fields of a rwenv.
const FIELDS: &[(&str, &str)] = &[
    ("\"readonly\": true", "rwenv 'ro' has a field 'readonly'; write \"readOnly\""),
    ("\"read_only\": true", "write \"readOnly\""),
    ("\"ReadOnly\": true", "write \"readOnly\""),
    ("\"read-only\": true", "write \"readOnly\""),
    ("\"readOnyl\": true", "write \"readOnly\""),
    ("\"redOnly\": true", "write \"readOnly\""),
    ("\"gitopsOnly\": true", "write \"gitOpsOnly\""),
    ("\"gitops_only\": true", "write \"gitOpsOnly\""),
    ("\"fluxgitrepo\": \"x\"", "write \"fluxGitRepo\""),
    ("\"kubernetescontext\": \"x\"", "write \"kubernetesContext\""),
    ("\"protected_branches\": []", "write \"protectedBranches\""),
    ("\"kubernetesContext\": 1", "expected a string"),
    ("\"kubeconfigPath\": {}", "expected a string"),
    ("\"fluxGitRepo\": []", "expected a string"),
    ("\"fluxBranch\": false", "expected a string"),
    ("\"protectedBranches\": \"main\"", "expected a sequence"),
    ("\"protectedBranches\": [1]", "expected a string"),
    ("\"protectedBranches\": {}", "expected a sequence"),
    ("\"policies\": \"x\"", "expected a sequence"),
    ("\"services\": []", "expected an object of names"),
    ("\"services\": {\"a\": 1}", "expected a string"),
    ("\"container\": \"x\"", "expected an object"),
    ("\"local\": {\"kubernetesContext\": 1}", "expected a string"),
    ("\"autonomy\": \"none\"", "unknown variant `none`"),
    ("\"autonomy\": true", "envs.json:4:"),
    ("\"pin\": \"always\"", "unknown variant `always`"),
    ("\"execReads\": \"deny\"", "unknown variant `deny`"),
    ("\"readOnly\": true, \"readOnly\": false", "duplicate field `readOnly`; remove one of the two"),
    ("\"readOnly\": tru", "expected ident"),
    ("\"type\": 1", "expected a string"),
];

/// Configurations, and what is said about them: where, what, and what to do.
fn configurations() -> Vec<(String, &'static str)> {
    let mut out: Vec<(String, &'static str)> = Vec::new();
    let rwenv = |fields: &str| {
        format!("{{\n  \"version\": \"1.0\",\n  \"rwenvs\": {{\n    \"ro\": {{ {fields} }}\n  }}\n}}\n")
    };
    out.extend(FILES.iter().map(|(text, why)| ((*text).to_owned(), *why)));
    for value in ["\"true\"", "\"false\"", "\"yes\"", "1", "0", "null", "[]", "{}", "[true]", "\"\""] {
        for field in ["readOnly", "gitOpsOnly", "directPush", "autoApprove"] {
            out.push((rwenv(&format!("\"{field}\": {value}")), "envs.json:4:"));
        }
    }
    out.extend(FIELDS.iter().map(|(fields, why)| (rwenv(fields), *why)));
    for name in ["", "../x", "a/b", "a b", ".x", "-x", "a..b", "a\\u0000", "é", &"x".repeat(64)] {
        out.push((format!("{{\"rwenvs\": {{\"ro\": {{}}, \"{name}\": {{}}}}}}"), "is not a rwenv name"));
    }
    out
}

#[test]
fn a_broken_configuration_is_named_and_makes_everything_read_only() {
    let home = Home::new();
    let all = configurations();
    assert!(all.len() >= 100, "{}", all.len());
    let mut wrong = Vec::new();
    for (text, why) in all {
        home.write(".claude/rwenv/envs.json", &text);
        let denied = home.hook("ro", "kubectl delete pod web-0");
        let listed = home.rwenv("ro", &["list"]);
        let added = home.rwenv("ro", &["add", "new", "--context", "x"]);
        let told = denied.stderr.contains("The configuration is broken") && denied.stderr.contains(why);
        let place = listed.stderr.contains("/.claude/rwenv/envs.json:") && listed.stderr.contains("; ");
        let unchanged = home.read(".claude/rwenv/envs.json") == text && (listed.code, added.code) == (1, 1);
        if denied.decision() != "deny" || !told || !place || !listed.stderr.contains(why) || !unchanged {
            wrong.push(format!("{text:?} should say {why:?}: {listed:?} {}", denied.decision()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (line, decision) in [
        ("kubectl get pods", "allow"),
        ("ls", "allow"),
        ("git status", "allow"),
        ("helm uninstall x", "deny"),
    ] {
        assert_eq!(home.hook("ro", line).decision(), decision, "{line} while the configuration is broken");
    }
    home.write(".claude/rwenv/envs.json", ENVS);
    assert_eq!(home.hook("rw", "kubectl delete pod web-0").decision(), "allow");
}

#[test]
fn files_that_others_can_write_are_refused() {
    let home = Home::new();
    let denied = |what: &str| {
        let answer = home.hook("rw", "kubectl delete pod web-0");
        assert_eq!(answer.decision(), "deny", "{what}");
        assert!(answer.stderr.contains("is writable by others; chmod go-w "), "{what}: {}", answer.stderr);
    };
    home.mode(".claude/rwenv/envs.json", 0o666);
    denied("envs.json");
    home.mode(".claude/rwenv/envs.json", 0o644);
    home.mode(".claude/rwenv", 0o777);
    denied("its folder");
    home.mode(".claude/rwenv", 0o755);
    assert_eq!(home.hook("rw", "kubectl delete pod web-0").decision(), "allow");
    home.mode("rw/.claude/rwenv", 0o602);
    denied("the selection");
    home.mode("rw/.claude/rwenv", 0o600);
    home.mode("rw/.claude", 0o757);
    denied("the selection's folder");
    home.mode("rw/.claude", 0o755);
    assert_eq!(home.hook("rw", "kubectl delete pod web-0").decision(), "allow");
}

#[test]
fn what_is_no_regular_file_is_refused_at_once() {
    let home = Home::new();
    let path = home.path(".claude/rwenv/envs.json");
    std::fs::remove_file(&path).unwrap();
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let answer = home.hook("ro", "kubectl delete pod web-0");
    assert!(answer.stderr.contains("is not a regular file"), "{}", answer.stderr);
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    let answer = home.hook("ro", "kubectl delete pod web-0");
    assert!(answer.stderr.contains("is not a regular file"), "{}", answer.stderr);
}

#[test]
fn a_selection_that_is_none_is_refused_with_what_there_is() {
    let home = Home::new();
    for text in ["", "\n", "ro\nrw\n", "../ro", "nope", "r o", "ro;rm", "\u{0}", "é"] {
        home.write("ro/.claude/rwenv", text);
        let answer = home.hook("ro", "kubectl get pods");
        assert_eq!(answer.decision(), "deny", "{text:?}");
        assert!(
            answer.stderr.contains("Configured: ro (read-only), go (gitops-only), rw."),
            "{text:?}: {}",
            answer.stderr
        );
        assert_eq!(home.hook("ro", "ls").decision(), "allow", "{text:?}");
    }
    for text in ["{", "[]", "{\"/\": 1}", "{\"/\": \"a b\"}"] {
        home.write(".claude/rwenv/env-consumers.json", text);
        let answer = home.hook("none", "kubectl get pods");
        assert_eq!(answer.decision(), "deny", "{text:?}");
        assert!(answer.stderr.contains("env-consumers.json"), "{text:?}: {}", answer.stderr);
    }
}
