//! What agents are asked to do, as data, and what has to become of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use super::model::{Script, ToolCall};
use crate::support::root;

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    scenario: Vec<Scenario>,
}

/// Letters of a word that is long. A program takes 131,072 as one argument, and Codex hands a line on with another around it.
const LONG: usize = 60_000;

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Wanted {
    /// It runs.
    Runs,
    /// It does not run, and the model reads why and what to do instead.
    Refused,
}

/// Where a session runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Place {
    Inside,
    Outside,
}

/// A file that is written, or changed where `old` is given.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Written {
    pub(crate) path: String,
    pub(crate) old: Option<String>,
    pub(crate) text: String,
}

/// A call of a tool behind an MCP server.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Remote {
    pub(crate) server: String,
    pub(crate) tool: String,
    pub(crate) input: Value,
}

/// A tool only one agent has.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Own {
    tool: String,
    input: Value,
}

/// One thing an agent is asked for. `@MARK@` in it is a word of its own, by which what it does is found again.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    /// The column of the page it is counted in.
    pub(crate) kind: String,
    pub(crate) want: Wanted,
    /// Agents that have it; all, where none is named.
    #[serde(default)]
    pub(crate) only: Vec<String>,
    /// Agents that refuse it themselves, in words of their own.
    #[serde(default)]
    pub(crate) own_refusal: Vec<String>,
    /// Command lines that are asked for at once.
    #[serde(default)]
    pub(crate) lines: Vec<String>,
    /// They run behind the agent's back.
    #[serde(default)]
    pub(crate) background: bool,
    /// A sub-agent is asked for them.
    #[serde(default)]
    pub(crate) by_subagent: bool,
    pub(crate) write: Option<Written>,
    pub(crate) mcp: Option<Remote>,
    /// By agent: calls that are asked for one after another.
    #[serde(default)]
    own: BTreeMap<String, Vec<Own>>,
    /// Only inside of `rwenv run`, or only outside; both, where none is named.
    place: Option<Place>,
    /// What shows that it ran, in place of its word.
    pub(crate) shown: Option<String>,
    /// What the model reads where it ran: it leaves no other trace.
    pub(crate) answers: Option<String>,
}

impl Scenario {
    /// True where it is asked for in such a session.
    pub(crate) fn is_for(&self, place: Place) -> bool {
        self.place.is_none_or(|own| own == place)
    }

    /// The word by which what it does is found.
    pub(crate) fn mark(&self) -> String {
        self.shown.clone().unwrap_or_else(|| format!("s-{}-s", self.name))
    }

    /// Its own text with the word and the home folder in it.
    fn filled(self, home: &str) -> Self {
        let mark = format!("s-{}-s", self.name);
        let long = "x".repeat(LONG);
        let fill = |text: &mut String| {
            *text = text.replace("@MARK@", &mark).replace("@HOME@", home).replace("@LONG@", &long);
        };
        let mut new = self;
        new.lines.iter_mut().chain(&mut new.shown).for_each(fill);
        if let Some(written) = &mut new.write {
            fill(&mut written.path);
            fill(&mut written.text);
        }
        let in_value = |value: &mut Value| {
            let text = value.to_string().replace("@MARK@", &mark).replace("@HOME@", home);
            *value = serde_json::from_str(&text).unwrap();
        };
        new.mcp.iter_mut().for_each(|remote| in_value(&mut remote.input));
        new.own.values_mut().flatten().for_each(|own| in_value(&mut own.input));
        new
    }

    /// Calls that only this agent knows.
    pub(crate) fn own_of(&self, agent: &str) -> Option<Script> {
        let calls = self.own.get(agent)?.iter();
        Some(calls.map(|own| vec![ToolCall { tool: own.tool.clone(), input: own.input.clone() }]).collect())
    }
}

/// What an agent offers its model, beside the tools behind our MCP servers.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnTools {
    /// They run something or write: the hook judges each call, or the calls that follow from it.
    judged: BTreeSet<String>,
    /// They neither run nor write anything outside the agent.
    harmless: BTreeSet<String>,
    /// They run or write, and the agent asks no hook.
    unasked: BTreeSet<String>,
}

/// The tools among these of which `tests/agents/tools.toml` does not say what they are.
pub(crate) fn unknown_tools(agent: &str, offered: &BTreeSet<String>) -> BTreeSet<String> {
    let path = root().join("tests/agents/tools.toml");
    let mut table: BTreeMap<String, OwnTools> = toml::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let own = table.remove(agent).ok_or("tests/agents/tools.toml has no table of this agent").unwrap();
    let of_server = |tool: &str| {
        ["kubernetes", "notes", "rwenv"].iter().any(|server| {
            let rest = tool.split_once(server).map(|(_, rest)| rest);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['_', '-']))
        })
    };
    let is_known = |tool: &str| {
        [&own.judged, &own.harmless, &own.unasked].iter().any(|list| list.contains(tool)) || of_server(tool)
    };
    offered.iter().filter(|tool| !tool.is_empty() && !is_known(tool)).cloned().collect()
}

/// All that an agent is asked for, in order.
pub(crate) fn all(agent: &str, home: &str) -> Vec<Scenario> {
    let path = root().join("tests/agents/scenarios.toml");
    let table: Table = toml::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let has =
        |scenario: &Scenario| scenario.only.is_empty() || scenario.only.iter().any(|name| name == agent);
    table.scenario.into_iter().filter(has).map(|scenario| scenario.filled(home)).collect()
}
