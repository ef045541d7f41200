//! The machine an agent works on: a HOME of its own, a project in a read-only rwenv, tools that only write down what they were asked, and the
//! guard as `rwenv install` puts it there.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::{Value, json};

use crate::support::{Answer, Home, answer, find, hook};

/// Longest time one session of an agent may take, in seconds: they take half a minute each, where nothing else is at work.
const PATIENCE: &str = "420";

const ENVS: &str = r#"{
  "version": "1.0",
  "rwenvs": {
    "prod": {
      "type": "k3s",
      "kubernetesContext": "prod",
      "fluxGitRepo": "https://git.example.com/prod/flux.git",
      "readOnly": true,
      "description": "the real one"
    },
    "dev": { "type": "k3s", "kubernetesContext": "dev", "fluxGitRepo": "https://git.example.com/dev/flux.git" }
  }
}
"#;
const KUBECONFIG: &str = "\
apiVersion: v1
kind: Config
current-context: prod
clusters:
- {name: prod, cluster: {server: \"https://127.0.0.1:1\"}}
- {name: dev, cluster: {server: \"https://127.0.0.1:2\"}}
users:
- {name: me, user: {token: t}}
contexts:
- {name: prod, context: {cluster: prod, user: me}}
- {name: dev, context: {cluster: dev, user: me}}
";
/// What is in the project.
const PROJECT: [(&str, &str, u32); 8] = [
    (
        "app/.claude/skills/look/SKILL.md",
        "---\nname: look\ndescription: Looks\n---\nPods: !`kubectl get pods -n in-look`\n",
        0o600,
    ),
    (
        "app/.claude/skills/clean/SKILL.md",
        "---\nname: clean\ndescription: Cleans\n---\nGone: !`kubectl delete pod in-skill`\n",
        0o600,
    ),
    ("app/.claude/rwenv", "prod\n", 0o600),
    ("app/README.md", "old words\n", 0o600),
    ("app/deploy.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n", 0o600),
    ("app/clean.sh", "#!/bin/sh\nkubectl delete pod in-script\n", 0o755),
    ("app/Makefile", "clean:\n\tkubectl delete pod in-make\n", 0o600),
    ("dev/.claude/rwenv", "dev\n", 0o600),
];

/// The MCP server, where a confined session sees it too, wherever the checkout is.
const SERVER: &str = ".local/lib/mcp.mjs";

pub(crate) struct World {
    pub(crate) home: Home,
    path: String,
}

impl World {
    /// The agent's program is called by this name, which starts these words.
    pub(crate) fn new(name: &str, starts: &[String]) -> Self {
        let home = Home::empty();
        let at = home.path("").display().to_string();
        let at = at.trim_end_matches('/');
        home.write(".claude/rwenv/envs.json", ENVS);
        home.write(".kube/config", KUBECONFIG);
        for (file, text, mode) in PROJECT {
            home.write(file, text);
            home.mode(file, mode);
        }
        home.write(SERVER, include_str!("../../agents/mcp.mjs"));
        let git = find("git").unwrap();
        for tool in ["kubectl", "helm", "flux", "git"] {
            let then = if tool == "git" {
                format!("exec {} \"$@\"", git.display())
            } else {
                "echo \"did $*\"".to_owned()
            };
            let view = "case \" $* \" in *' config view '*) exec cat ~/.kube/config ;; esac";
            let record = format!("printf '%s\\n' \"{tool} $*\" >> {at}/ran");
            home.write(&format!("bin/{tool}"), &format!("#!/bin/sh\n{view}\n{record}\n{then}\n"));
            home.mode(&format!("bin/{tool}"), 0o755);
        }
        fs::create_dir_all(home.path(".local/bin")).unwrap();
        for program in [env!("CARGO_BIN_EXE_rwenv"), hook()] {
            let place = home.path(".local/bin").join(Path::new(program).file_name().unwrap());
            if fs::hard_link(program, &place).is_err() {
                fs::copy(program, &place).unwrap();
            }
        }
        let words: Vec<String> = starts.iter().map(|word| format!("'{word}'")).collect();
        home.write(&format!(".local/bin/{name}"), &format!("#!/bin/sh\nexec {} \"$@\"\n", words.join(" ")));
        home.mode(&format!(".local/bin/{name}"), 0o755);
        let node =
            find("node").and_then(|node| Some(node.parent()?.display().to_string())).unwrap_or_default();
        let path = format!("{at}/.local/bin:{at}/bin:{node}:/usr/local/bin:/usr/bin:/bin");
        // Some agents start login shells, which forget the PATH they were given.
        home.write(".profile", &format!("export PATH=\"{path}\"\n"));
        let world = Self { home, path };
        world.home.git("app", &["init", "-q"]);
        world.home.git("app", &["add", "-A"]);
        world.home.git("app", &["commit", "-qm", "all"]);
        world.home.git("app", &["remote", "add", "origin", "https://git.example.com/prod/flux.git"]);
        world
    }

    /// The folder itself.
    pub(crate) fn at(&self) -> String {
        self.home.path("").display().to_string().trim_end_matches('/').to_owned()
    }

    /// A program in the project, for as long as a session may take.
    pub(crate) fn command(&self, words: &[&str], variables: &[(&str, String)]) -> Command {
        let mut command = self.home.command("timeout", &self.home.path("app"));
        command.args(["-k", "5", PATIENCE]).args(words).env("PATH", &self.path);
        // A shell without a terminal, and nothing that leads out of this machine.
        command.env("TERM", "dumb").env("LANG", "C.UTF-8").env("NO_PROXY", "127.0.0.1,localhost");
        for proxy in ["HTTPS_PROXY", "HTTP_PROXY"] {
            command.env(proxy, "http://127.0.0.1:9");
        }
        command.envs(variables.iter().map(|(name, value)| (*name, value.as_str())));
        command.timeout(std::time::Duration::from_secs(600));
        command
    }

    /// Puts the guard there, as a person does.
    pub(crate) fn install(&self, agent: &str) -> Answer {
        let hook = format!("{}/.local/bin/rwenv-hook", self.at());
        answer(&mut self.command(&["rwenv", "install", "--agent", agent, "--hook", &hook], &[]))
    }

    /// The servers of MCP: one of a cluster, one of something else, and ours.
    pub(crate) fn servers(&self) -> [(&'static str, Vec<String>); 3] {
        let server = format!("{}/{SERVER}", self.at());
        let record = format!("{}/ran", self.at());
        let words = |tools: [&str; 2]| {
            let before = [self.node(), server.clone(), record.clone()].into_iter();
            before.chain(tools.map(str::to_owned)).collect()
        };
        let own = vec![format!("{}/.local/bin/rwenv", self.at()), "mcp".to_owned()];
        [
            ("kubernetes", words(["list_pods", "delete_pod"])),
            ("notes", words(["add_note", "run_command"])),
            ("rwenv", own),
        ]
    }

    /// The same in the form most agents have for them.
    pub(crate) fn mcp_json(&self) -> Value {
        let one = |(name, words): (&str, Vec<String>)| {
            (name.to_owned(), json!({ "type": "stdio", "command": words[0], "args": words[1..] }))
        };
        Value::Object(self.servers().into_iter().map(one).collect())
    }

    fn node(&self) -> String {
        find("node").map_or_else(|| "node".to_owned(), |node| node.display().to_string())
    }

    /// What the tools have written down.
    pub(crate) fn ran(&self) -> String {
        fs::read_to_string(self.home.path("ran")).unwrap_or_default()
    }
}

/// A program of the packages that were fetched: of the first of these places that is there.
pub(crate) fn program(modules: &Path, places: &[&str]) -> Option<PathBuf> {
    let arch = std::env::consts::ARCH;
    let short = if arch == "x86_64" { "x64" } else { "arm64" };
    let filled = places.iter().map(|place| place.replace("@ARCH@", arch).replace("@SHORT@", short));
    filled.map(|place| modules.join(place)).find(|path| path.is_file())
}
