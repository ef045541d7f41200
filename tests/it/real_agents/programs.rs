//! The agents: where their programs are, what they are told to talk to, and what they call their tools.

use serde_json::{Value, json};

use super::model::{Script, ToolCall};
use super::scenario::{Remote, Scenario, Written};
use super::world::World;

/// An agent, with a model of one kind.
pub(crate) struct Program {
    /// Its name in the scenarios.
    pub(crate) key: &'static str,
    /// Its name for `rwenv install`, and for the shell.
    pub(crate) agent: &'static str,
    /// Its name for people.
    pub(crate) title: &'static str,
    /// Where it is below `node_modules`.
    pub(crate) places: &'static [&'static str],
    /// Writes its own settings; the port is the model's.
    pub(crate) settings: fn(&World, u16),
    /// The words that start a session which asks nobody.
    pub(crate) words: &'static [&'static str],
    pub(crate) variables: fn(&World, u16) -> Vec<(&'static str, String)>,
    /// What it calls its tools: for a command line (in the background, or not),
    shell: fn(&str, bool) -> ToolCall,
    /// a file,
    write: fn(&Written) -> Script,
    /// a tool behind an MCP server,
    mcp: fn(&Remote) -> ToolCall,
    /// and a sub-agent that is told something.
    sub: fn(&str) -> Script,
}

impl Program {
    /// What its model asks for, one after another.
    pub(crate) fn steps(&self, scenario: &Scenario) -> Script {
        if let Some(own) = scenario.own_of(self.key) {
            return own;
        }
        match (&scenario.write, &scenario.mcp) {
            _ if scenario.by_subagent => (self.sub)(&format!("RUN {}", sub_script(scenario))),
            (Some(written), _) => (self.write)(written),
            (None, Some(remote)) => vec![vec![(self.mcp)(remote)]],
            (None, None) => vec![self.lines(scenario)],
        }
    }

    /// A command line.
    pub(crate) fn line(&self, line: &str) -> ToolCall {
        (self.shell)(line, false)
    }

    /// Its lines, at once.
    pub(crate) fn lines(&self, scenario: &Scenario) -> Vec<ToolCall> {
        scenario.lines.iter().map(|line| (self.shell)(line, scenario.background)).collect()
    }
}

fn tool(name: &str, input: Value) -> ToolCall {
    ToolCall { tool: name.to_owned(), input }
}

fn at(port: u16, path: &str) -> String {
    format!("http://127.0.0.1:{port}{path}")
}

/// The script a sub-agent plays.
pub(crate) fn sub_script(scenario: &Scenario) -> String {
    format!("sub-{}", scenario.name)
}

/// A patch as OpenAI's models write it.
fn patch(written: &Written) -> String {
    let added: String = written.text.lines().map(|line| format!("+{line}\n")).collect();
    let path = &written.path;
    match &written.old {
        Some(old) => format!("*** Begin Patch\n*** Update File: {path}\n@@\n-{old}\n{added}*** End Patch\n"),
        None => format!("*** Begin Patch\n*** Add File: {path}\n{added}*** End Patch\n"),
    }
}

pub(crate) const CLAUDE: Program = Program {
    key: "claude",
    agent: "claude",
    title: "Claude Code",
    places: &["@anthropic-ai/claude-code-linux-@SHORT@/claude"],
    settings: |world, _| {
        world.home.write("mcp.json", &json!({ "mcpServers": world.mcp_json() }).to_string());
    },
    words: &[
        "claude",
        "-p",
        "--dangerously-skip-permissions",
        "--mcp-config",
        "../mcp.json",
        "--",
        "RUN main",
    ],
    variables: |_, port| {
        let on = || "1".to_owned();
        vec![
            ("ANTHROPIC_BASE_URL", at(port, "")),
            ("ANTHROPIC_API_KEY", "k".to_owned()),
            ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", on()),
            ("DISABLE_AUTOUPDATER", on()),
            ("ENABLE_TOOL_SEARCH", "false".to_owned()),
            // It is in a machine of its own, where it may be root.
            ("IS_SANDBOX", on()),
        ]
    },
    shell: |line, background| {
        let input = json!({ "command": line, "description": "Run it", "run_in_background": background });
        tool("Bash", input)
    },
    write: |Written { path, old, text }| {
        let write = match old {
            Some(old) => tool("Edit", json!({ "file_path": path, "old_string": old, "new_string": text })),
            None => tool("Write", json!({ "file_path": path, "content": text })),
        };
        vec![vec![tool("Read", json!({ "file_path": path }))], vec![write]]
    },
    mcp: |remote| tool(&format!("mcp__{}__{}", remote.server, remote.tool), remote.input.clone()),
    sub: |told| {
        let input = json!({ "description": "It", "prompt": told, "subagent_type": "general-purpose" });
        vec![vec![tool("Agent", input)]]
    },
};

fn codex_settings(world: &World, port: u16, model: &str) {
    let mut text = format!(
        "model = {model:?}\nmodel_provider = \"local\"\ncheck_for_update_on_startup = false\n[analytics]\nenabled = false\n\
         [model_providers.local]\nname = \"local\"\nbase_url = {:?}\nwire_api = \"responses\"\nenv_key = \"LOCAL_KEY\"\n\
         [projects.\"{}/app\"]\ntrust_level = \"trusted\"\n",
        at(port, "/v1"),
        world.at()
    );
    for (name, words) in world.servers() {
        text.push_str(&format!("[mcp_servers.{name}]\ncommand = {:?}\nargs = {:?}\n", words[0], &words[1..]));
    }
    world.home.write(".codex/config.toml", &text);
}

const CODEX_PLACES: &[&str] = &["@openai/codex-linux-@SHORT@/vendor/@ARCH@-unknown-linux-musl/bin/codex"];
const CODEX_WORDS: &[&str] =
    &["codex", "exec", "--dangerously-bypass-approvals-and-sandbox", "--skip-git-repo-check", "RUN main"];

pub(crate) const CODEX: Program = Program {
    key: "codex",
    agent: "codex",
    title: "Codex",
    places: CODEX_PLACES,
    // A model it does not know gets its older tools.
    settings: |world, port| codex_settings(world, port, "stand-in"),
    words: CODEX_WORDS,
    variables: |_, _| vec![("LOCAL_KEY", "k".to_owned())],
    shell: |line, _| tool("exec_command", json!({ "cmd": line })),
    write: |written| vec![vec![(CODEX.shell)(&format!("apply_patch <<'EOF'\n{}EOF", patch(written)), false)]],
    mcp: |remote| tool(&format!("mcp__{}/{}", remote.server, remote.tool), remote.input.clone()),
    // It goes on at once: the session must not end before the sub-agent does.
    sub: |told| {
        let spawn = tool("multi_agent_v1/spawn_agent", json!({ "message": told }));
        vec![vec![spawn], vec![(CODEX.shell)("sleep 5", false)]]
    },
};

/// With its newer models there is one tool, which runs JavaScript that calls the others.
fn nested(name: &str, input: &Value) -> ToolCall {
    let code = format!(
        "try {{ text(JSON.stringify(await tools.{name}({input}))) }} catch (e) {{ text(String(e)) }}"
    );
    tool("exec", code.into())
}

pub(crate) const CODEX_CODE: Program = Program {
    key: "codex-code",
    title: "Codex, code mode",
    settings: |world, port| codex_settings(world, port, "gpt-6.2-sol"),
    shell: |line, _| nested("exec_command", &json!({ "cmd": line })),
    write: |written| vec![vec![nested("apply_patch", &patch(written).into())]],
    mcp: |remote| nested(&format!("mcp__{}__{}", remote.server, remote.tool), &remote.input),
    ..CODEX
};

pub(crate) const GEMINI: Program = Program {
    key: "gemini",
    agent: "gemini",
    title: "Gemini CLI",
    places: &["@google/gemini-cli/bundle/gemini.js"],
    settings: |world, _| {
        let settings = json!({
            "security": { "auth": { "selectedType": "gemini-api-key" }, "folderTrust": { "enabled": false } },
            "general": { "enableAutoUpdate": false },
            "privacy": { "usageStatisticsEnabled": false },
            // It asks its model whether it goes round in circles.
            "model": { "disableLoopDetection": true },
            "mcpServers": world.mcp_json(),
        });
        world.home.write(".gemini/settings.json", &settings.to_string());
    },
    words: &["gemini", "-y", "-m", "gemini-2.5-pro", "-p", "RUN main"],
    variables: |_, port| {
        vec![
            ("GEMINI_API_KEY", "k".to_owned()),
            ("GOOGLE_GEMINI_BASE_URL", at(port, "")),
            ("GEMINI_CLI_NO_RELAUNCH", "true".to_owned()),
            ("GEMINI_CLI_TRUST_WORKSPACE", "true".to_owned()),
        ]
    },
    shell: |line, background| {
        tool("run_shell_command", json!({ "command": line, "is_background": background }))
    },
    write: |Written { path, old, text }| {
        let write = match old {
            Some(old) => tool(
                "replace",
                json!({ "file_path": path, "old_string": old, "new_string": text, "instruction": "It" }),
            ),
            None => tool("write_file", json!({ "file_path": path, "content": text })),
        };
        vec![vec![write]]
    },
    mcp: |remote| tool(&format!("mcp_{}_{}", remote.server, remote.tool), remote.input.clone()),
    sub: |told| vec![vec![tool("invoke_agent", json!({ "agent_name": "generalist", "prompt": told }))]],
};

pub(crate) const OPENCODE: Program = Program {
    key: "opencode",
    agent: "opencode",
    title: "OpenCode",
    places: &["opencode-linux-@SHORT@/bin/opencode"],
    settings: |world, port| {
        let server = |(name, words): (&str, Vec<String>)| {
            (name.to_owned(), json!({ "type": "local", "command": words, "enabled": true }))
        };
        let servers = Value::Object(world.servers().into_iter().map(server).collect());
        let options = json!({ "baseURL": at(port, "/v1"), "apiKey": "k" });
        let models = json!({ "stand-in": { "name": "stand-in" } });
        let provider = json!({ "npm": "@ai-sdk/openai-compatible", "name": "local", "options": options, "models": models });
        let settings = json!({ "autoupdate": false, "share": "disabled", "model": "local/stand-in", "permission": "allow",
            "provider": { "local": provider }, "mcp": servers });
        world.home.write(".config/opencode/opencode.json", &settings.to_string());
    },
    words: &["opencode", "run", "RUN main"],
    variables: |_, _| {
        vec![
            ("OPENCODE_DISABLE_MODELS_FETCH", "1".to_owned()),
            ("OPENCODE_DISABLE_AUTOUPDATE", "1".to_owned()),
            // It looks for packages of its plugins, which are not to be had.
            ("npm_config_fetch_retries", "0".to_owned()),
        ]
    },
    shell: |line, _| tool("bash", json!({ "command": line, "description": "Run it" })),
    write: |Written { path, old, text }| {
        let write = match old {
            Some(old) => tool("edit", json!({ "filePath": path, "oldString": old, "newString": text })),
            None => tool("write", json!({ "filePath": path, "content": text })),
        };
        vec![vec![tool("read", json!({ "filePath": path }))], vec![write]]
    },
    mcp: |remote| tool(&format!("{}_{}", remote.server, remote.tool), remote.input.clone()),
    sub: |told| {
        let input = json!({ "description": "It", "subagent_type": "general", "prompt": told });
        vec![vec![tool("task", input)]]
    },
};

/// With OpenAI's models it edits by patches, which come as they are.
pub(crate) const COPILOT_GPT: Program = Program {
    key: "copilot-gpt",
    title: "Copilot CLI, GPT",
    variables: |world, port| {
        let mut all = (COPILOT.variables)(world, port);
        all.retain(|(name, _)| *name != MODEL);
        all.push((MODEL, "gpt-5.2-codex".to_owned()));
        all
    },
    write: |written| vec![vec![tool("apply_patch", patch(written).into())]],
    ..COPILOT
};

/// Names Copilot's model.
const MODEL: &str = "COPILOT_MODEL";

pub(crate) const COPILOT: Program = Program {
    key: "copilot",
    agent: "copilot",
    title: "Copilot CLI",
    places: &["@github/copilot-linux-@SHORT@/copilot"],
    settings: |world, _| {
        let mut servers = world.mcp_json();
        for server in servers.as_object_mut().into_iter().flat_map(|servers| servers.values_mut()) {
            server["tools"] = json!(["*"]);
        }
        world.home.write(".copilot/mcp-config.json", &json!({ "mcpServers": servers }).to_string());
    },
    words: &["copilot", "--yolo", "--no-auto-update", "-p", "RUN main"],
    variables: |_, port| {
        vec![
            ("COPILOT_OFFLINE", "true".to_owned()),
            ("COPILOT_PROVIDER_TYPE", "openai".to_owned()),
            ("COPILOT_PROVIDER_BASE_URL", at(port, "/v1")),
            ("COPILOT_PROVIDER_API_KEY", "k".to_owned()),
            (MODEL, "stand-in".to_owned()),
        ]
    },
    shell: |line, background| {
        let mode = if background { "async" } else { "sync" };
        tool("bash", json!({ "command": line, "description": "Run it", "mode": mode }))
    },
    write: |Written { path, old, text }| {
        let write = match old {
            Some(old) => tool("edit", json!({ "path": path, "old_str": old, "new_str": text })),
            None => tool("create", json!({ "path": path, "file_text": text })),
        };
        vec![vec![write]]
    },
    mcp: |remote| tool(&format!("{}-{}", remote.server, remote.tool), remote.input.clone()),
    sub: |told| {
        let input =
            json!({ "description": "It", "agent_type": "general-purpose", "name": "it", "prompt": told });
        vec![vec![tool("task", input)]]
    },
};
