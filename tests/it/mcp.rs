//! `rwenv mcp`, as a client over standard input and output meets it.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rwenv_gate::base::clock;
use serde_json::{Value, json};

use crate::deploy::Shop;
use crate::flux_diff;
use crate::support::Home;

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// What the hook knows of our tools.
const TABLE: &str = include_str!("../../policies/programs/mcp.toml");

/// A client, and the server it has started.
struct Client {
    server: Child,
    input: Option<ChildStdin>,
    /// What the server wrote, each line as JSON; an error where one is not.
    output: Receiver<Result<Value, String>>,
    asked: u64,
}

impl Client {
    /// One that has said hello.
    fn new(home: &Home, folder: &str) -> Self {
        let mut client = Self::silent(home, folder);
        let hello = client.ask(
            "initialize",
            json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" } }),
        );
        assert_eq!(hello["result"]["serverInfo"]["name"], "rwenv", "{hello}");
        assert_eq!(hello["result"]["protocolVersion"], "2025-06-18", "{hello}");
        client.write("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
        client
    }

    fn silent(home: &Home, folder: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rwenv"));
        command.arg("mcp").env_clear().env("HOME", home.path("")).env("GIT_CONFIG_NOSYSTEM", "1");
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", home.path("bin").display());
        command.env("PATH", path).current_dir(home.path(folder));
        let mut server =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(server.stdout.take().unwrap()).lines();
        let (send, output) = channel();
        std::thread::spawn(move || {
            lines.map_while(Result::ok).try_for_each(|line| {
                send.send(serde_json::from_str(&line).map_err(|error| format!("{error}: {line}")))
            })
        });
        Self { input: server.stdin.take(), server, output, asked: 0 }
    }

    fn write(&mut self, line: &str) {
        let input = self.input.as_mut().unwrap();
        input.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// The next message.
    fn read(&self) -> Value {
        self.output.recv_timeout(PATIENCE).unwrap().unwrap()
    }

    fn send(&mut self, method: &str, params: Value) -> u64 {
        self.asked += 1;
        let id = self.asked;
        self.write(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string());
        id
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.send(method, params);
        let answer = self.read();
        assert_eq!(answer["id"], id, "{answer}");
        answer
    }

    fn tools(&mut self) -> BTreeMap<String, Value> {
        let all = self.ask("tools/list", json!({}));
        let all = all["result"]["tools"].as_array().unwrap().iter();
        all.map(|tool| (tool["name"].as_str().unwrap().to_owned(), tool.clone())).collect()
    }

    fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let answer = self.ask("tools/call", json!({ "name": tool, "arguments": arguments }));
        answer["result"].clone()
    }

    /// What a call answers that works, held against the schema that the tool has announced.
    fn told(&mut self, tools: &BTreeMap<String, Value>, tool: &str, arguments: Value) -> Value {
        let answer = self.call(tool, arguments);
        assert_eq!(answer["isError"], false, "{tool}: {answer}");
        let told = answer["structuredContent"].clone();
        let text: Value = serde_json::from_str(answer["content"][0]["text"].as_str().unwrap()).unwrap();
        assert_eq!(text, told, "{tool}: hosts that know no structure read the same");
        let schema = closed(tools[tool]["outputSchema"].clone());
        let validator = jsonschema::validator_for(&schema).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(&told).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(errors.is_empty(), "{tool}: {errors:#?}\n{told:#}");
        told
    }

    /// Why a call does not work.
    fn refused(&mut self, tool: &str, arguments: Value) -> String {
        let answer = self.call(tool, arguments);
        assert_eq!(answer["isError"], true, "{tool}: {answer}");
        answer["content"][0]["text"].as_str().unwrap().to_owned()
    }

    /// Goes away; gives the exit status and what was said on standard error.
    fn leave(mut self) -> (Option<i32>, String) {
        drop(self.input.take());
        let began = clock::monotonic();
        let status = loop {
            if let Some(status) = self.server.try_wait().unwrap() {
                break status;
            }
            assert!(clock::monotonic() < began + Duration::from_secs(10), "the server outlives its client");
            std::thread::sleep(Duration::from_millis(20));
        };
        let mut told = String::new();
        self.server.stderr.take().unwrap().read_to_string(&mut told).unwrap();
        (status.code(), told)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// The same schema, by which nothing is there that it does not name: an answer with a field more has outgrown its schema.
fn closed(mut schema: Value) -> Value {
    fn close(schema: &mut Value) {
        match schema {
            Value::Object(fields) => {
                let names = fields.get("properties").is_some_and(Value::is_object);
                if names && !fields.contains_key("additionalProperties") {
                    fields.insert("unevaluatedProperties".to_owned(), Value::Bool(false));
                }
                fields.values_mut().for_each(close);
            }
            Value::Array(items) => items.iter_mut().for_each(close),
            _ => {}
        }
    }
    close(&mut schema);
    schema
}

/// Our tools, as the hook knows them: each with the command line it stands for.
fn known() -> BTreeMap<String, String> {
    let table: toml::Table = TABLE.parse().unwrap();
    let servers = table["server"].as_array().unwrap();
    let own = servers.iter().find(|server| server["words"].as_array().unwrap()[0].as_str() == Some("rwenv"));
    let tools = own.unwrap()["tool"].as_array().unwrap().iter();
    let text = |tool: &toml::Value, key: &str| tool[key].as_str().unwrap().to_owned();
    tools.map(|tool| (text(tool, "name"), text(tool, "line"))).collect()
}

/// Commands on record, of one door.
fn recorded(home: &Home, door: &str) -> Vec<String> {
    let log = home.read(".claude/rwenv/audit/audit.jsonl");
    let records = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let own = records.filter(|record| record["door"] == door);
    own.map(|record| record["command"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_tool_says_what_it_takes_and_answers_and_that_it_only_looks() {
    let home = Home::new();
    let tools = Client::new(&home, "ro").tools();
    assert_eq!(
        tools.keys().collect::<Vec<_>>(),
        known().keys().collect::<Vec<_>>(),
        "the hook knows the tools by policies/programs/mcp.toml"
    );
    for (name, tool) in &tools {
        assert_eq!(tool["annotations"]["readOnlyHint"], true, "{name}");
        assert!(tool["description"].as_str().unwrap().len() > 20, "{name}");
        for schema in ["inputSchema", "outputSchema"] {
            let schema = &tool[schema];
            assert_eq!(schema["type"], "object", "{name}: {schema}");
            assert!(schema.get("$schema").is_none(), "{name}: some validators look dialects up");
            jsonschema::meta::validate(schema).unwrap();
        }
        let input = tool["inputSchema"].to_string();
        assert!(
            !input.contains("$ref") && input.contains("\"additionalProperties\":false"),
            "{name}: {input}"
        );
    }
}

#[test]
fn the_hook_lets_our_tools_pass_and_judges_what_is_not_one_of_them() {
    let home = Home::new();
    let call = |tool: &str, input: Value| {
        let mut event = home.payload("ro", "");
        event["tool_name"] = tool.into();
        event["tool_input"] = input;
        home.hook_bytes(event.to_string()).decision()
    };
    for (tool, line) in known() {
        for server in ["rwenv", "plugin_rwenv_rwenv"] {
            let name = format!("mcp__{server}__{tool}");
            assert_eq!(call(&name, json!({ "rwenv": "ro" })), "allow", "{name}");
        }
        assert_eq!(home.hook("ro", &line).decision(), "allow", "{line}");
    }
    assert_eq!(call("mcp__rwenv__check", json!({ "line": "kubectl delete pod p" })), "allow");
    assert_eq!(call("mcp__rwenv__check", json!({ "command": "kubectl delete pod p" })), "deny");
    assert_ne!(call("mcp__rwenv__delete", json!({ "name": "p" })), "allow");
    assert_ne!(call("mcp__rwenv__frobnicate", json!({})), "allow");
}

#[test]
fn what_a_tool_answers_is_what_the_command_prints() {
    let shop = Shop::new("");
    shop.run(&["repo", "sync"]);
    let mut client = Client::new(&shop.home, "project");
    let tools = client.tools();
    let printed =
        |arguments: &[&str]| -> Value { serde_json::from_str(&shop.run(arguments).stdout).unwrap() };
    let mut told = |tool: &str, arguments: Value| client.told(&tools, tool, arguments);

    assert_eq!(told("environments", json!({}))["rwenvs"], printed(&["list", "--json"]));
    assert_eq!(told("current_environment", json!({})), printed(&["cur", "--json"]));
    let elsewhere = told("current_environment", json!({ "dir": shop.home.path("work") }));
    assert_eq!(elsewhere, json!({ "name": null, "source": null, "rwenv": null }));

    let line = "kubectl apply -f x; terraform apply";
    assert_eq!(told("check", json!({ "line": line })), printed(&["check", "--json", "--", line]));

    let mut services = told("services", json!({}));
    let mut same = printed(&["services", "list", "--json"]);
    for document in [&mut services, &mut same] {
        assert!(document["generatedFrom"]["generatedAt"].take().is_string());
    }
    assert_eq!(services, same);
    assert!(services["services"].as_object().unwrap().len() > 5, "{services}");
    assert_eq!(
        told("service", json!({ "name": "papi" }))["services"],
        printed(&["services", "show", "papi", "--json"])
    );
    assert_eq!(
        told("where", json!({ "object": "deployment/web" }))["objects"],
        printed(&["where", "deployment/web", "--json"])
    );
    for topic in
        ["services", "flux", "secrets", "configmaps", "variables", "dependencies", "images", "findings"]
    {
        let mut guide = told("guide", json!({ "topic": topic }))["guide"].take();
        let mut same = printed(&["guide", "show", topic, "--json"]);
        for document in [&mut guide, &mut same] {
            if let Some(time) = document.pointer_mut("/metadata/generatedAt") {
                time.take();
            }
        }
        assert_eq!(guide, same, "{topic}");
    }

    let clone = shop.home.path(crate::deploy::CLONE).display().to_string();
    assert_eq!(told("impact", json!({ "dir": clone }))["roots"], json!([]));
    shop.home.write("work/README.md", "changed\n");
    let before = shop.branches();
    let proposal = told("propose_deployment", json!({ "service": "papi", "imageTag": "v2.3.0" }));
    let diff = proposal["diff"].as_str().unwrap();
    assert!(diff.contains("-    newTag: v2.2.0\n+    newTag: v2.3.0\n"), "{diff}");
    assert_eq!(proposal["deployment"]["service"], "papi");
    assert_eq!(shop.branches(), before, "nothing was pushed");
    assert_eq!(shop.status(), json!([]), "and nothing was begun");
    shop.is_tidy();

    let lines = recorded(&shop.home, "mcp");
    for (tool, line) in known().into_iter().filter(|(tool, _)| !tool.starts_with("flux_")) {
        assert!(
            lines.iter().any(|recorded| recorded.starts_with(&line)),
            "{tool}: {line} is not in {lines:#?}"
        );
    }
}

#[test]
fn what_a_change_reaches_is_told_in_the_form_that_was_announced() {
    let shop = Shop::new("");
    shop.run(&["repo", "sync"]);
    let mut client = Client::new(&shop.home, "project");
    let tools = client.tools();
    let clone = shop.home.path(crate::deploy::CLONE).display().to_string();
    let found = shop.home.git(crate::deploy::CLONE, &["grep", "-l", "newTag: v2.2.0"]);
    let file = shop.home.path(crate::deploy::CLONE).join(found.lines().next().unwrap());
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("newTag: v2.2.0", "newTag: v2.3.0")).unwrap();
    let told = client.told(&tools, "impact", json!({ "dir": clone }));
    let printed = shop.run(&["impact", "--dir", &clone, "--json"]);
    assert_eq!(told, serde_json::from_str::<Value>(&printed.stdout).unwrap());
    assert!(!told["roots"].as_array().unwrap().is_empty(), "{told}");
}

#[test]
fn the_cluster_is_asked_as_the_command_asks_it() {
    let Some(it) = flux_diff::setting() else { return };
    let home = &it.setting.home;
    assert_eq!(home.rwenv("ro", &["repo", "sync"]).code, 0);
    let before = it.server.store();
    let mut client = Client::new(home, "ro");
    let tools = client.tools();
    let printed =
        |arguments: &[&str]| -> Value { serde_json::from_str(&home.rwenv("ro", arguments).stdout).unwrap() };
    let status = client.told(&tools, "flux_status", json!({ "kind": "ks", "live": true }));
    assert_eq!(status["objects"], printed(&["flux", "status", "--type", "ks", "--live", "--json"]));
    assert!(!status["objects"].as_array().unwrap().is_empty(), "{status}");
    let events = client.told(&tools, "flux_events", json!({ "rwenv": "rw", "object": "ks/apps" }));
    assert_eq!(
        events["events"],
        printed(&["flux", "events", "--cluster", "rw", "--for", "ks/apps", "--json"])
    );
    let diff = client.told(&tools, "flux_diff", json!({ "kustomization": "apps", "pullRequest": 17 }));
    assert_eq!(diff, printed(&["flux", "diff", "apps", "--pr", "17", "--json"]));
    assert!(diff.to_string().contains("spec.replicas"), "{diff}");
    assert_eq!(it.server.store(), before);
    let lines = recorded(home, "mcp");
    assert!(lines.iter().any(|line| line.starts_with("rwenv flux diff --json --pr=17")), "{lines:#?}");
}

#[test]
fn a_rule_against_a_command_counts_for_the_tool_that_stands_for_it() {
    let home = Home::new();
    home.write(
        ".claude/rwenv/policies/own.toml",
        r#"about = "Ours."
[[rule]]
id = "own.where"
decision = "ask"
when = { tools = ["rwenv"], verbs = ["flux status"] }
reason = "The state of Flux is shown to nobody."
instead = "Ask a person."
[[rule.example]]
command = "rwenv flux status"
matches = true
[[rule.example]]
command = "rwenv flux events"
matches = false
"#,
    );
    home.mode(".claude/rwenv/policies", 0o700);
    let mut client = Client::new(&home, "ro");
    let told = client.refused("flux_status", json!({ "rwenv": "ro" }));
    assert!(told.contains("The state of Flux is shown to nobody. [own.where]"), "{told}");
    assert!(told.contains("rwenv grant"), "{told}");
    assert_eq!(client.call("environments", json!({}))["isError"], false);
}

#[test]
fn nonsense_is_answered_and_the_next_call_is_served() {
    let home = Home::new();
    let mut client = Client::new(&home, "ro");
    let unknown = client.ask("tools/call", json!({ "name": "delete_pod", "arguments": {} }));
    assert!(
        unknown["error"]["message"].as_str().unwrap().contains("there is no tool 'delete_pod'"),
        "{unknown}"
    );
    for (tool, arguments, why) in [
        ("check", json!({}), "missing field `line`"),
        ("check", json!({ "line": 3 }), "invalid type"),
        ("check", json!({ "line": "ls", "command": "ls" }), "unknown field `command`"),
        ("guide", json!({ "topic": "everything" }), "unknown variant"),
        ("service", json!({ "name": "--dir=/" }), "Flux repo not found"),
        ("services", json!({ "rwenv": "nothing" }), "there is no rwenv 'nothing'"),
        ("services", json!({ "rwenv": "rw --dir=/" }), "there is no rwenv 'rw --dir=/'"),
        ("impact", json!({ "dir": "/nowhere" }), "there is no such folder"),
        ("impact", json!({ "staged": true, "range": "a..b" }), "cannot be used with"),
        ("propose_deployment", json!({ "service": "web" }), "--image-tag"),
    ] {
        let told = client.refused(tool, arguments.clone());
        assert!(told.contains(why), "{tool} {arguments}: {told}");
    }
    assert!(client.ask("tools/fetch", json!({}))["error"].is_object());
    for line in ["nonsense", "{", "[]", "\u{0}", "{\"jsonrpc\":\"2.0\",\"id\":77}"] {
        client.write(line);
    }
    let id = client.send("tools/call", json!({ "name": "environments", "arguments": {} }));
    loop {
        let answer = client.read();
        if answer["id"] == id {
            assert_eq!(answer["result"]["isError"], false, "{answer}");
            break;
        }
        assert!(answer["error"].is_object(), "{answer}");
    }
    let (status, told) = client.leave();
    assert_eq!(status, Some(0), "{told}");
}

#[test]
fn many_calls_at_once_are_all_answered() {
    let home = Home::new();
    let mut client = Client::new(&home, "ro");
    let line = "kubectl delete pod p";
    let mut open: Vec<u64> = (0..40)
        .map(|_| client.send("tools/call", json!({ "name": "check", "arguments": { "line": line } })))
        .collect();
    while !open.is_empty() {
        let answer = client.read();
        assert_eq!(answer["result"]["structuredContent"]["decision"], "deny", "{answer}");
        open.retain(|id| answer["id"] != *id);
    }
}

/// A HOME whose rwenv has credentials by a program, which reads and prints what is not its business, and a server that never answers.
fn hanging(program: &str) -> (Home, std::net::TcpListener) {
    let home = Home::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    home.write(
        ".kube/rw",
        &format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: rw-ctx\nclusters: [{{name: c, cluster: {{server: \"{server}\"}}}}]\n\
             contexts: [{{name: rw-ctx, context: {{cluster: c, user: u}}}}]\n\
             users: [{{name: u, user: {program}}}]\n"
        ),
    );
    let envs = crate::support::ENVS;
    let context = "\"kubernetesContext\": \"rw-ctx\"";
    let placed = format!("{context}, \"kubeconfigPath\": \"~/.kube/rw\"");
    home.write(".claude/rwenv/envs.json", &envs.replace(context, &placed));
    (home, listener)
}

#[test]
fn nothing_but_the_protocol_is_on_the_streams_whatever_a_call_starts() {
    let (home, _listener) = hanging(
        "{exec: {apiVersion: client.authentication.k8s.io/v1, command: ../rw/noise, interactiveMode: IfAvailable}}",
    );
    home.write("rw/noise", "#!/bin/sh\necho noise\ncat > stolen\necho started > ran\nexit 3\n");
    home.mode("rw/noise", 0o755);
    let mut client = Client::new(&home, "rw");
    let call = client.send("tools/call", json!({ "name": "flux_events", "arguments": { "rwenv": "rw" } }));
    let list = client.send("tools/list", json!({}));
    let mut open = vec![call, list];
    while !open.is_empty() {
        let answer = client.read();
        assert!(answer["result"].is_object(), "{answer}");
        open.retain(|id| answer["id"] != *id);
    }
    assert_eq!(home.read("rw/ran"), "started\n");
    assert_eq!(home.read("rw/stolen"), "", "it read of the protocol");
}

#[test]
fn a_client_that_goes_away_ends_the_server() {
    let (home, listener) = hanging("{token: t}");
    assert_eq!(Client::silent(&home, "rw").leave(), (Some(0), String::new()), "before it said anything");
    assert_eq!(Client::new(&home, "rw").leave(), (Some(0), String::new()), "after it said hello");
    let mut client = Client::new(&home, "rw");
    client.send("tools/call", json!({ "name": "flux_events", "arguments": { "rwenv": "rw" } }));
    let _held = listener.accept().unwrap();
    let (status, told) = client.leave();
    assert_eq!(status, Some(0), "while a call waits for a cluster: {told}");

    let mut client = Client::silent(&home, "rw");
    client.write("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{}}");
    let (status, told) = client.leave();
    assert!(status.is_some(), "it begins with something else: {told}");
}

/// One that is cancelled holds no other up.
#[test]
fn a_cancelled_call_makes_room() {
    let (home, listener) = hanging("{token: t}");
    let mut client = Client::new(&home, "rw");
    let hangs: Vec<u64> = (0..6)
        .map(|_| client.send("tools/call", json!({ "name": "flux_events", "arguments": { "rwenv": "rw" } })))
        .collect();
    let _held = listener.accept().unwrap();
    for id in hangs {
        client.write(
            &json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": id } })
                .to_string(),
        );
    }
    let id = client.send("tools/call", json!({ "name": "environments", "arguments": {} }));
    let answer = std::iter::repeat_with(|| client.read()).find(|answer| answer["id"] == id).unwrap();
    assert_eq!(answer["result"]["isError"], false, "{answer}");
}
