//! Claude Code's own sandbox as `rwenv install --sandbox` sets it, on a real API server behind the guard: kubectl stays inside and reads through the
//! guard, and no credential is there.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::found;
use super::model::Model;
use super::programs::CLAUDE;
use crate::api_guard::Guarded;
use crate::support::{answer, find, hook, skip};

const LINES: [&str; 7] = [
    "kubectl get pods -n app",
    "cat link; echo \"seen: $?\"",
    "python3 -c 'print(open(\"link\").read())'",
    "echo \"secret: ${VAULT_TOKEN-none} ${AWS_SECRET_ACCESS_KEY-none}\"",
    "curl -sk -m 5 --noproxy '' -x \"$HTTP_PROXY\" https://127.0.0.1:@PORT@/version; echo \"other: $?\"",
    "curl -sk -m 5 https://127.0.0.1:@PORT@/version; echo \"direct: $?\"",
    "kubectl delete pod web-0 -n app",
];

#[test]
fn claude_code_s_own_sandbox_holds_and_kubectl_stays_in_it() {
    let Some(starts) = found(&CLAUDE) else { return };
    if find("bwrap").is_none() || find("socat").is_none() {
        return skip("Claude Code's sandbox needs bubblewrap and socat");
    }
    // Not in a network of its own: the API server wants a way out of it.
    let Some(guarded) = Guarded::new() else { return };
    let home = &guarded.setting.home;
    // With everything allowed, Claude Code asks nobody about other hosts: a person has closed them.
    let before = json!({ "network": { "allowedDomains": ["example.com"], "strictAllowlist": true } });
    home.write(".claude/settings.json", &format!("{}\n", json!({ "sandbox": before })));
    let installed = home.rwenv("", &["install", "--sandbox", "--hook", hook()]);
    assert_eq!(installed.code, 0, "{installed:?}");
    let port = guarded.server.ports().0.to_string();
    let script = LINES.iter().map(|line| vec![CLAUDE.line(&line.replace("@PORT@", &port))]).collect();
    let model = Model::new(BTreeMap::from([("main".to_owned(), script)]));
    std::os::unix::fs::symlink(home.path(".kube/rw"), home.path("ro/link")).unwrap();
    let mut command = home.command("timeout", &home.path("ro"));
    command.args(["-k", "5", "200"]).args(&starts);
    command.args(["-p", "--dangerously-skip-permissions", "RUN main"]);
    for proxy in ["HTTPS_PROXY", "HTTP_PROXY"] {
        command.env(proxy, "http://127.0.0.1:9");
    }
    command.env("NO_PROXY", "127.0.0.1,localhost");
    command.env("VAULT_TOKEN", "K33P0UT").env("AWS_SECRET_ACCESS_KEY", "K33P0UT").env("TERM", "dumb");
    command
        .env("ANTHROPIC_BASE_URL", format!("http://127.0.0.1:{}", model.port))
        .env("ANTHROPIC_API_KEY", "k");
    for name in ["CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "DISABLE_AUTOUPDATER", "IS_SANDBOX"] {
        command.env(name, "1");
    }
    let said = answer(command.timeout(std::time::Duration::from_secs(240)));
    let told: Vec<String> = (0..LINES.len()).map(|step| model.results("main", step).join("\n")).collect();
    let all = format!("{said:?}\n{told:#?}\n{}", home.read(".claude/settings.json"));
    assert!(told[0].contains("web-0"), "kubectl reads through the guard: {all}");
    assert!(told[3].contains("secret: none none"), "{all}");
    assert!(
        told[4].contains("other: ") && !told[4].contains("gitVersion"),
        "another port is not reached: {all}"
    );
    assert!(told[5].contains("direct: ") && !told[5].contains("gitVersion"), "{all}");
    assert!(told[6].contains("instead:"), "{all}");
    assert!(
        !all.contains("K33P0UT") && !told.iter().any(|told| told.contains("certificate-authority")),
        "{all}"
    );
    // Once more changes nothing; and all of it goes again.
    let settings = home.read(".claude/settings.json");
    assert_eq!(home.rwenv("", &["install", "--hook", hook()]).code, 0);
    assert_eq!(home.read(".claude/settings.json"), settings);
    assert_eq!(home.rwenv("", &["install", "--uninstall"]).code, 0);
    let left: Value = serde_json::from_str(&home.read(".claude/settings.json")).unwrap();
    assert_eq!(left["sandbox"], before, "{left}");
}
