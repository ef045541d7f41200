//! What agents are given to read: rwenv's skills and agents, written for each from the one source, the files of `plugin/`.
//!
//! Claude Code's plugin is those files as they are. The others, and a Claude Code without the plugin, get them in their own folders and form.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::json;

use super::registration::place;
use rwenv_gate::base::environment::{Environment, under_home};
use rwenv_gate::base::files;
use rwenv_gate::facts::agent::claude_settings;
use rwenv_gate::setup::agents as places;
use rwenv_gate::standing::registered;

macro_rules! pages {
    ($folder:literal, $file:literal, $($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../../../plugin/", $folder, "/", $name, $file)))),+]
    };
}

/// What is read on demand, by name.
const SKILLS: &[(&str, &str)] = pages!(
    "skills",
    "/SKILL.md",
    "flux-infra-guide",
    "flux-infra-guide-regenerate",
    "rollout",
    "rwenv-add",
    "rwenv-cur",
    "rwenv-list",
    "rwenv-local-mode",
    "rwenv-set",
    "services-mapping",
);
/// What a sub-agent begins with, by name.
const AGENTS: &[(&str, &str)] = pages!("agents", ".md", "db-ops", "flux-ops", "gcloud-ops", "k8s-ops");
/// Says in a file that it is ours.
const MARK: &str = "Written by rwenv install";
/// What takes a file away again.
const AWAY: &str = "rwenv install --agent NAME --uninstall removes it";

/// Where an agent looks for skills and agents, from the home directory, and how it wants an agent written.
struct Shelf {
    agent: &'static str,
    skills: &'static str,
    agents: &'static str,
    /// What follows an agent's name.
    ending: &'static str,
    written: fn(&Page<'_>) -> String,
    /// Another file that has to be there.
    beside: Option<&'static str>,
}

/// As each agent's version of `tests/agents/package.json` does it: a test finds all of it in the agent's first request.
const SHELVES: [Shelf; 5] = [
    Shelf {
        agent: places::CLAUDE,
        skills: ".claude/skills",
        agents: ".claude/agents",
        ending: ".md",
        written: |page| page.with(&[("name", page.name), ("tools", page.tools)]),
        beside: None,
    },
    Shelf {
        agent: "codex",
        skills: ".codex/skills",
        agents: ".codex/agents",
        ending: ".toml",
        written: for_codex,
        beside: None,
    },
    Shelf {
        agent: "copilot",
        skills: ".copilot/skills",
        agents: ".copilot/agents",
        ending: ".agent.md",
        written: |page| page.with(&[("name", page.name), ("tools", &page.named(COPILOT_TOOLS))]),
        beside: None,
    },
    Shelf {
        agent: "gemini",
        skills: ".gemini/extensions/rwenv/skills",
        agents: ".gemini/extensions/rwenv/agents",
        ending: ".md",
        written: |page| {
            page.with(&[("name", page.name), ("kind", "local"), ("tools", &page.named(GEMINI_TOOLS))])
        },
        beside: Some(".gemini/extensions/rwenv/gemini-extension.json"),
    },
    Shelf {
        agent: "opencode",
        skills: ".config/opencode/skills",
        agents: ".config/opencode/agents",
        ending: ".md",
        written: for_opencode,
        beside: None,
    },
];

/// What agents call the tools that Claude Code calls so.
type ToolNames = &'static [(&'static str, &'static str)];

const COPILOT_TOOLS: ToolNames =
    &[("Bash", "execute"), ("Read", "read"), ("Grep", "search"), ("Edit", "edit")];
const GEMINI_TOOLS: ToolNames = &[
    ("Bash", "run_shell_command"),
    ("Read", "read_file"),
    ("Grep", "grep_search"),
    ("Glob", "glob"),
    ("Edit", "replace"),
    ("Write", "write_file"),
];

/// A file of the plugin: its head, and what follows.
struct Page<'a> {
    name: &'a str,
    /// As it is written there, in quotes.
    description: &'a str,
    /// The only tools it may use.
    tools: &'a str,
    body: &'a str,
}

impl<'a> Page<'a> {
    fn of(name: &'a str, text: &'a str) -> Self {
        let rest = text.strip_prefix("---\n").unwrap_or(text);
        let (head, body) = rest.split_once("\n---\n").unwrap_or_default();
        let field = |key: &str| {
            let value = |line: &'a str| line.strip_prefix(key)?.strip_prefix(": ");
            head.lines().find_map(value).unwrap_or_default()
        };
        Self { name, description: field("description"), tools: field("tools"), body: body.trim_start() }
    }

    fn may(&self, tool: &str) -> bool {
        self.tools.split(", ").any(|own| own == tool)
    }

    /// Its tools by another agent's names, as a list of YAML.
    fn named(&self, names: ToolNames) -> String {
        let own: Vec<&str> = names.iter().filter(|(ours, _)| self.may(ours)).map(|(_, name)| *name).collect();
        format!("[{}]", own.join(", "))
    }

    /// With these fields beside its description.
    fn with(&self, fields: &[(&str, &str)]) -> String {
        let fields: String = fields.iter().map(|(key, value)| format!("{key}: {value}\n")).collect();
        let (description, body) = (self.description, self.body.trim_end());
        format!("---\n{fields}description: {description}\n---\n\n{body}\n\n<!-- {MARK}; {AWAY}. -->\n")
    }
}

fn for_opencode(page: &Page<'_>) -> String {
    // It knows one permission for all of its tools that write.
    let writes = if page.may("Edit") { "allow" } else { "deny" };
    page.with(&[("mode", "subagent"), ("permission", &format!("{{ edit: {writes} }}"))])
}

/// Codex limits no agent's tools by name: one that only looks is told so in its own words.
fn for_codex(page: &Page<'_>) -> String {
    let text = |value: &str| toml::Value::from(value).to_string();
    let description = page.description.trim_matches('\'').replace("''", "'");
    format!(
        "# {MARK}; {AWAY}.\nname = {}\ndescription = {}\ndeveloper_instructions = {}\n",
        text(page.name),
        text(&description),
        text(page.body.trim_end())
    )
}

/// The manifest of Gemini CLI's extension (geminicli.com, "Extension reference").
fn manifest() -> anyhow::Result<String> {
    let manifest = json!({
        "name": "rwenv",
        "version": env!("CARGO_PKG_VERSION"),
        "description": format!("Skills and agents for GitOps environments. {MARK}; {AWAY}."),
    });
    Ok(format!("{}\n", serde_json::to_string_pretty(&manifest)?))
}

impl Shelf {
    /// A path of it. Claude Code's folder may be another one.
    fn at(&self, path: &str, environment: &Environment) -> PathBuf {
        let settings = claude_settings(environment);
        match (path.strip_prefix(".claude/"), settings.parent()) {
            (Some(rest), Some(folder)) => folder.join(rest),
            _ => environment.home.join(path),
        }
    }

    /// Each file that belongs there, and what is in it.
    fn wanted(&self, environment: &Environment) -> anyhow::Result<BTreeMap<PathBuf, String>> {
        let mut all = BTreeMap::new();
        for (name, text) in SKILLS {
            let page = Page::of(name, text);
            all.insert(
                self.at(self.skills, environment).join(name).join("SKILL.md"),
                page.with(&[("name", name)]),
            );
        }
        for (name, text) in AGENTS {
            let file = format!("{name}{}", self.ending);
            all.insert(self.at(self.agents, environment).join(file), (self.written)(&Page::of(name, text)));
        }
        if let Some(beside) = self.beside {
            all.insert(self.at(beside, environment), manifest()?);
        }
        Ok(all)
    }

    /// The files there that are ours.
    fn ours(&self, environment: &Environment) -> Vec<PathBuf> {
        let inside = |folder: &str| {
            let entries = std::fs::read_dir(self.at(folder, environment)).into_iter().flatten().flatten();
            entries.map(|entry| entry.path()).collect::<Vec<_>>()
        };
        let skills = inside(self.skills).into_iter().map(|folder| folder.join("SKILL.md"));
        let beside = self.beside.map(|file| self.at(file, environment));
        skills.chain(inside(self.agents)).chain(beside).filter(|path| is_ours(path)).collect()
    }
}

fn is_ours(path: &Path) -> bool {
    files::read(path).ok().flatten().is_some_and(|text| text.contains(MARK))
}

/// What became of the files.
#[derive(Debug, Default)]
pub struct Handout {
    /// Skills that the agent has now.
    pub skills: usize,
    /// Agents that it has now.
    pub agents: usize,
    /// Files that were removed.
    pub removed: Vec<PathBuf>,
    /// What a person should know: files of their own that have such a name.
    pub kept: Vec<String>,
}

/// Gives an agent its skills and agents, or takes them away: those that an older version gave as well. What a person wrote stays. An agent
/// that has no place for them gets none.
///
/// # Errors
/// If a file cannot be written or removed.
pub fn hand_out(agent: &str, wanted: bool, environment: &Environment) -> anyhow::Result<Handout> {
    let mut done = Handout::default();
    let Some(shelf) = SHELVES.iter().find(|shelf| shelf.agent == agent) else { return Ok(done) };
    // The plugin brings its own.
    let plugged = || agent == places::CLAUDE && registered(environment).is_ok_and(|found| found.plugin);
    let home = &environment.home;
    let files = if wanted && !plugged() { shelf.wanted(environment)? } else { BTreeMap::new() };
    for path in shelf.ours(environment).into_iter().filter(|path| !files.contains_key(path)) {
        std::fs::remove_file(&path).with_context(|| path.display().to_string())?;
        // Folders that were made for it go with it: only empty ones do.
        let above = path.ancestors().skip(1).take_while(|folder| folder.parent() != Some(home.as_path()));
        let _ = above.map(std::fs::remove_dir).take_while(Result::is_ok).count();
        done.removed.push(path);
    }
    for (path, text) in files {
        if path.exists() && !is_ours(&path) {
            done.kept
                .push(format!("{} is yours: rwenv's page of that name is not placed", under_home(&path)));
            continue;
        }
        place(&path, Some(&text))?;
        let is_skill = path.file_name().is_some_and(|name| name == "SKILL.md");
        let is_beside = shelf.beside.is_some_and(|beside| path.ends_with(beside));
        done.skills += usize::from(is_skill);
        done.agents += usize::from(!is_skill && !is_beside);
    }
    Ok(done)
}

/// Takes the skills and agents away from every agent; says which files went.
///
/// # Errors
/// If a file cannot be removed.
pub fn take_back(environment: &Environment) -> anyhow::Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for shelf in &SHELVES {
        all.extend(hand_out(shelf.agent, false, environment)?.removed);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_of_the_plugin_is_handed_out_with_a_head_of_its_own() {
        let there = |folder: &str| {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugin").join(folder);
            let name = |entry: std::io::Result<std::fs::DirEntry>| {
                Path::new(&entry.unwrap().file_name()).file_stem().unwrap().to_str().unwrap().to_owned()
            };
            let mut names: Vec<String> = std::fs::read_dir(path).unwrap().map(name).collect();
            names.sort_unstable();
            names
        };
        for (folder, pages) in [("skills", SKILLS), ("agents", AGENTS)] {
            assert_eq!(there(folder), pages.iter().map(|(name, _)| *name).collect::<Vec<_>>());
            for (name, text) in pages {
                let page = Page::of(name, text);
                assert!(text.contains(&format!("name: {name}\n")) && page.description.len() > 40, "{name}");
                assert!(page.body.len() > 100 && (folder == "skills") == page.tools.is_empty(), "{name}");
            }
        }
    }

    #[test]
    fn an_agent_may_use_the_tools_of_its_page_alone() {
        let page = |name: &str| AGENTS.iter().find(|(own, _)| *own == name).unwrap();
        let of = |name: &str| Page::of(page(name).0, page(name).1);
        assert_eq!(of("db-ops").named(GEMINI_TOOLS), "[run_shell_command, read_file]");
        assert_eq!(of("db-ops").named(COPILOT_TOOLS), "[execute, read]");
        assert_eq!(of("flux-ops").named(COPILOT_TOOLS), "[execute, read, search, edit]");
        assert!(for_opencode(&of("k8s-ops")).contains("edit: deny"));
        assert!(for_opencode(&of("flux-ops")).contains("edit: allow"));
        let codex: toml::Table = for_codex(&of("k8s-ops")).parse().unwrap();
        assert!(codex["description"].as_str().unwrap().starts_with("Looks at workloads"));
        assert!(codex["developer_instructions"].as_str().unwrap().contains("kubectl logs POD"));
    }
}
