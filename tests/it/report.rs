//! The report: what it counts, from one machine's log and from several, and that nothing of the log is ever markup.

use std::fs;
use std::process::Command;

use rwenv_gate::base::clock;
use serde_json::{Value, json};

use crate::fetched;
use crate::grant::at_terminal;
use crate::support::{Home, answer, find, hook, skip};

const LOG: &str = ".claude/rwenv/audit/audit.jsonl";
/// What an agent may have in a command line.
const HOSTILE: &str =
    "kubectl delete pod '</code><script>alert(1)</script><img src=x onerror=alert(2)>' \u{202e}x";

fn report(home: &Home, more: &[&str]) -> Value {
    let told = home.rwenv("ro", &[&["report", "--offline", "--json"], more].concat());
    assert_eq!(told.code, 0, "{}", told.stderr);
    serde_json::from_str(&told.stdout).unwrap()
}

fn page(home: &Home) -> String {
    let told = home.rwenv("ro", &["report", "--offline", "--html", "page.html"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    home.read("ro/page.html")
}

/// The group of a rule.
fn group<'r>(report: &'r Value, rule: &str) -> &'r Value {
    let all = report["refused"].as_array().unwrap();
    let found = all.iter().find(|group| group["rule"] == rule);
    assert!(found.is_some(), "{rule}: {report}");
    found.unwrap()
}

#[test]
fn what_agents_wanted_and_did_next_is_counted() {
    let home = Home::new();
    home.hook("ro", "kubectl delete pod web-0");
    home.hook("ro", "kubectl get pods");
    home.hook("ro", "kubectl delete pod web-0");
    home.hook("ro", "kubectl delete pod web-1");
    home.hook("ro", "kubectl get secret db -o yaml");
    let all = report(&home, &[]);
    assert_eq!(
        (&all["figures"]["judged"], &all["figures"]["stopped"], &all["figures"]["asked"]),
        (&json!(5), &json!(3), &json!(1)),
        "{all}"
    );
    let writes = group(&all, "read-only.cluster-write");
    assert_eq!(
        (&writes["rwenv"], &writes["denied"], &writes["sessions"]),
        (&json!("ro"), &json!(3), &json!(1))
    );
    assert_eq!(writes["lines"][0], json!({ "command": "kubectl delete pod web-0", "times": 2, "record": 3 }));
    let next = writes["next"].as_array().unwrap();
    assert!(next.contains(&json!(["looked", 1])) && next.contains(&json!(["again", 2])), "{writes}");
    assert_eq!(report(&home, &["--env", "rw"])["figures"]["judged"], 0);
    assert_eq!(report(&home, &["--since", "2999-01-01"])["figures"]["judged"], 0);
    let told = home.rwenv("ro", &["report", "--offline"]);
    assert!(
        told.stdout.contains("judged") && told.stdout.contains("read-only.cluster-write"),
        "{}",
        told.stdout
    );
}

/// A yes at the agent's own prompt shows where the shim meets the run: as a yes, and not as a second question.
#[test]
fn a_yes_at_the_agents_prompt_is_a_yes() {
    let home = Home::new();
    let shims = home.path(".claude/rwenv/shims");
    fs::create_dir_all(&shims).unwrap();
    std::os::unix::fs::symlink(hook(), shims.join("kubectl")).unwrap();
    home.write("bin/kubectl", "#!/bin/sh\necho ran\n");
    home.mode("bin/kubectl", 0o755);
    let line = "kubectl get secret db -o yaml";
    assert_eq!(home.hook("ro", line).decision(), "ask");
    let mut command = home.command("sh", &home.path("ro"));
    command.env("PATH", format!("{}:{}:/usr/bin:/bin", shims.display(), home.path("bin").display()));
    let ran = answer(command.args(["-c", line]));
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "ran\n"), "{}", ran.stderr);
    assert!(home.read(LOG).contains("\"event\":\"ran-after-yes\""), "{}", home.read(LOG));
    let all = report(&home, &[]);
    assert_eq!((&all["figures"]["asked"], &all["figures"]["yes"]), (&json!(1), &json!(1)), "{all}");
    assert_eq!(group(&all, "secrets.values")["next"], json!([["yes", 1]]), "{all}");
}

#[test]
fn a_person_reports_a_false_stop_and_an_agent_does_not() {
    let home = Home::new();
    home.hook("ro", "kubectl delete pod web-0");
    assert_eq!(home.hook("ro", "rwenv audit wrong 1").decision(), "deny");
    let alone = home.rwenv("ro", &["audit", "wrong", "1"]);
    assert!(alone.code == 1 && alone.stderr.contains("at a terminal"), "{}", alone.stderr);
    let Some(said) = at_terminal(&home, "ro", "audit wrong 1 --reason 'it is <b>gone</b>'", "", false) else {
        skip("there is no script(1) here to make a terminal");
        return;
    };
    assert!(
        said.code == 0 && said.stdout.contains("reported: record 1, deny"),
        "{}{}",
        said.stdout,
        said.stderr
    );
    let again = at_terminal(&home, "ro", "audit wrong 1", "", false).unwrap();
    assert!(again.stdout.contains("already reported"), "{}", again.stdout);
    let all = report(&home, &[]);
    assert_eq!((&all["figures"]["wrong"], &all["wrong"][0]["record"]), (&json!(1), &json!(1)), "{all}");
    let tasks = all["week"].to_string();
    assert!(tasks.contains("rwenv audit --record 1"), "{tasks}");
    let shown = home.rwenv("ro", &["audit", "--record", "1"]);
    assert!(shown.stdout.contains("\"command\": \"kubectl delete pod web-0\""), "{}", shown.stdout);
    assert!(page(&home).contains("it is &lt;b&gt;gone&lt;/b&gt;"));
    assert_eq!(home.rwenv("", &["audit", "verify"]).code, 0);
}

#[test]
fn nothing_of_the_log_is_markup() {
    let home = Home::new();
    home.hook("ro", HOSTILE);
    home.hook("ro", "kubectl delete pod a\u{1b}[2J");
    let page = page(&home);
    for text in ["<script", "<img", "onerror=alert(2)>", "\u{202e}", "\u{1b}"] {
        assert!(!page.contains(text), "{text:?}: {page}");
    }
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && page.contains("\\u{202e}"), "{page}");
    for loads in ["http://", "https://", "<script", "@import", "url("] {
        assert!(!page.contains(loads), "the page loads something: {loads}");
    }
    assert_eq!(fs::metadata(home.path("ro/page.html")).unwrap().len(), page.len() as u64);
    let markdown = home.rwenv("ro", &["report", "--offline", "--md"]).stdout;
    assert!(!markdown.contains('\u{1b}') && markdown.contains("## What agents wanted"), "{markdown}");
    let brief = home.rwenv("ro", &["report", "--offline"]).stdout;
    assert!(!brief.contains('\u{1b}') && !brief.contains('\u{202e}'), "{brief}");
}

/// Three machines: one whose daemon told how it stands, one that lost its hook, one of which nothing is known.
#[test]
fn the_logs_of_several_machines_make_one_report() {
    let home = Home::new();
    home.hook("ro", "kubectl delete pod web-0");
    let log = home.read(LOG);
    let now = clock::rfc3339(clock::now());
    let event = |event: &str, detail: &str| {
        format!("{}\n", json!({ "time": now, "door": "daemon", "event": event, "detail": detail }))
    };
    let stands = json!({ "time": now, "door": "daemon", "event": "standing", "detail": "x",
        "standing": { "machine": "a", "program": "0.1.0", "policyFiles": 2, "policies": "2026-01-01T00:00:00.000Z", "off": [] } });
    home.write("logs/alpha/audit.jsonl", &format!("{}{stands}\n{log}", event("daemon-started", "0.1.0")));
    let off = "hook: ~/.claude/settings.json does not register the hook → rwenv install";
    let mended =
        event("guard-off", "shims: gone → rwenv install") + &event("guard-on", "shims: mended: gone");
    home.write(
        "logs/beta.jsonl",
        &format!("{}{mended}{}{log}", event("daemon-started", "0.0.9"), event("guard-off", off)),
    );
    home.write("logs/gamma/audit/audit.jsonl", &log);
    home.write("logs/notes.txt", "no log");
    let all = report(&home, &["--of", home.path("logs").to_str().unwrap()]);
    let figures = &all["figures"];
    assert_eq!(
        (&figures["machines"], &figures["machinesOff"], &figures["stopped"]),
        (&json!(3), &json!(1), &json!(3)),
        "{all}"
    );
    let machine = |name: &str| {
        all["machines"].as_array().unwrap().iter().find(|machine| machine["name"] == name).unwrap().clone()
    };
    assert_eq!(machine("alpha")["doors"][0]["says"], "every door is on");
    assert_eq!(
        (&machine("alpha")["policies"], &machine("beta")["program"]),
        (&json!("2026-01-01T00:00:00.000Z"), &json!("0.0.9"))
    );
    let beta = machine("beta")["doors"].clone();
    assert_eq!((beta.as_array().unwrap().len(), &beta[0]["fix"]), (1, &json!("rwenv install")), "{beta}");
    assert!(machine("gamma")["doors"][0]["says"].as_str().unwrap().contains("is not known"), "{all}");
    assert_eq!(all["week"][0]["command"], "rwenv install", "{}", all["week"]);
    assert_eq!(group(&all, "read-only.cluster-write")["denied"], 3);
    let none = home.rwenv("", &["report", "--of", home.path("bin-nowhere").to_str().unwrap()]);
    assert_eq!(none.code, 1, "{}", none.stdout);
}

#[test]
fn the_daemon_puts_on_record_how_the_machine_stands() {
    let it = crate::daemon::Setting::new();
    it.start();
    it.until("it is on record", || it.home.read(LOG).contains("\"event\":\"standing\""));
    let all = report(&it.home, &[]);
    assert_eq!(
        (&all["machines"][0]["here"], &all["machines"][0]["program"]),
        (&json!(true), &json!("0.1.0")),
        "{all}"
    );
    let logs = it.home.path(".claude/rwenv");
    assert!(report(&it.home, &["--of", logs.join("audit").to_str().unwrap()])["machines"][0]["here"] == true);
}

/// What changed in an environment is what came to the branch that Flux follows.
#[test]
fn changes_come_from_git() {
    let shop = crate::deploy::Shop::new("");
    let before = shop.run(&["report", "--offline", "--json", "--since", "365d"]);
    let before: Value = serde_json::from_str(&before.stdout).unwrap();
    assert!(before["environments"][0]["unknown"].as_str().unwrap().contains("rwenv repo sync"), "{before}");
    assert_eq!(shop.run(&["repo", "sync"]).code, 0);
    let told = shop.run(&["report", "--offline", "--json", "--since", "2000-01-01"]);
    let all: Value = serde_json::from_str(&told.stdout).unwrap();
    let dev = &all["environments"][0];
    assert!(dev["commits"].as_u64().unwrap() > 0 && dev["changes"][0]["subject"].is_string(), "{all}");
}

/// 100,000 records: as a log of several full files, within seconds.
#[test]
fn a_hundred_thousand_records_are_a_matter_of_seconds() {
    let home = Home::new();
    home.hook("ro", "kubectl delete pod web-0");
    let record = home.read(LOG);
    fs::create_dir_all(home.path("logs/many")).unwrap();
    for file in 0..4 {
        let name = format!("logs/many/audit-{:012}.jsonl", (file + 1) * 25_000);
        home.write(&name, &record.repeat(25_000));
    }
    let started = clock::monotonic();
    let all = report(&home, &["--of", home.path("logs").to_str().unwrap()]);
    assert_eq!(all["figures"]["stopped"], 100_000, "{all}");
    let took = clock::monotonic().saturating_sub(started);
    assert!(took.as_secs() < 30, "{took:?}");
}

/// The page in a real browser: nothing on its console, nothing asked of the network, enough contrast, in every width and both schemes.
#[test]
fn a_browser_has_nothing_to_say_about_the_page() {
    let Some(chromium) = ["chromium", "chromium-browser", "google-chrome"].into_iter().find_map(find) else {
        skip("there is no Chromium here");
        return;
    };
    let (Some(axe), Some(puppeteer)) = (
        fetched::npm("axe-core", "4.14.1", "axe-core/axe.min.js"),
        fetched::npm("puppeteer-core", "24.43.1", "puppeteer-core/package.json"),
    ) else {
        return;
    };
    let home = Home::new();
    home.hook("ro", HOSTILE);
    for n in 0..20 {
        home.hook("ro", &format!("kubectl delete pod {} -n shop", "w".repeat(n * 20 + 1)));
    }
    page(&home);
    let script = crate::support::root().join("tests/fixtures/browser.cjs");
    let mut node = Command::new("node");
    node.arg(script).arg(puppeteer.parent().unwrap()).arg(axe).arg(chromium).arg(home.path("ro/page.html"));
    let output = node.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let views: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(views.len(), 4, "{said}");
    for view in views {
        for nothing in ["console", "asked", "violations"] {
            assert_eq!(view[nothing], json!([]), "{nothing}: {view}");
        }
        assert_eq!(view["wider"], false, "{view}");
        assert!(view["contrasts"].as_u64().unwrap() > 20, "nothing was checked: {view}");
        assert_eq!(view["first"], "Skip to what to do this week", "{view}");
    }
}
