//! The rows of the stories' corpus: products of what the tables say.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::root;

/// What an agent's tool is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Call {
    /// A command line.
    Line(String),
    /// A file written whole.
    Write { file: String, text: String },
    /// Text of a file put in the place of another.
    Edit { file: String, old: String, new: String },
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "$ {line}"),
            Self::Write { file, text } => write!(f, "Write {file}: {text}"),
            Self::Edit { file, old, new } => write!(f, "Edit {file}: {old} -> {new}"),
        }
    }
}

/// One story.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) of: String,
    pub(super) about: String,
    pub(super) rwenv: String,
    pub(super) want: String,
    pub(super) harms: bool,
    pub(super) needs: Vec<String>,
    /// Files that are there, and what is run before without being asked.
    pub(super) files: Vec<(String, String)>,
    pub(super) before: String,
    pub(super) calls: Vec<Call>,
}

/// What is done at the end of a story.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Action {
    line: String,
    #[serde(default)]
    harms: bool,
}

/// A way to make a file: a line, with `{file}`, `{folder}`, `{name}`, `{text}`, `{quoted}`, `{string}` and `{base64}`, or a tool.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Way {
    name: String,
    #[serde(default)]
    call: String,
    #[serde(default)]
    tool: String,
    /// What is run before without being asked; `made.txt` holds the text then.
    #[serde(default)]
    before: String,
    #[serde(default)]
    needs: Vec<String>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Class {
    /// The issue's class it belongs to.
    of: String,
    about: String,
    #[serde(default = "read_only")]
    rwenv: String,
    /// What is wanted where it harms: `deny`, `ask` or `stop` (one of the two).
    #[serde(default = "deny")]
    want: String,
    /// What is wanted where it does not.
    #[serde(default = "allow")]
    quiet: String,
    /// The file that is made, and what it holds; `{do}` is what is done.
    #[serde(default)]
    file: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    files: BTreeMap<String, String>,
    #[serde(default)]
    before: String,
    /// Calls between.
    #[serde(default)]
    also: Vec<String>,
    /// The last call: each of these in turn.
    #[serde(default)]
    then: Vec<String>,
    /// Last calls that do not run it.
    #[serde(default)]
    look: Vec<String>,
    /// The ways that a file is made by; without any: all.
    #[serde(default)]
    ways: Vec<String>,
    /// Whole stories that harm, and ones that do not. Both are products with `vary`.
    #[serde(default)]
    harmful: Vec<Vec<String>>,
    #[serde(default)]
    harmless: Vec<Vec<String>>,
    #[serde(default)]
    vary: BTreeMap<String, Vec<String>>,
    /// Only these actions are done; without any: all in turn.
    #[serde(default)]
    actions: Vec<Action>,
    #[serde(default)]
    needs: Vec<String>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Table {
    action: Vec<Action>,
    way: Vec<Way>,
    class: Vec<Class>,
}

fn read_only() -> String {
    "ro".to_owned()
}

fn deny() -> String {
    "deny".to_owned()
}

fn allow() -> String {
    "allow".to_owned()
}

/// All rows of all tables.
pub(super) fn all() -> Vec<Row> {
    let folder = root().join("tests/corpus/stories");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let mut table = Table::default();
    for file in files {
        let more: Table = toml::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        table.action.extend(more.action);
        table.way.extend(more.way);
        table.class.extend(more.class);
    }
    table.class.iter().flat_map(|class| rows(class, &table)).collect()
}

fn rows(class: &Class, table: &Table) -> Vec<Row> {
    let mut out = Vec::new();
    let known = if class.actions.is_empty() { &table.action } else { &class.actions };
    let of = |harms: bool| known.iter().filter(move |a| a.harms == harms).map(|a| a.line.as_str()).cycle();
    let (mut harmful, mut harmless) = (of(true), of(false));
    for stories in [(&class.harmful, true), (&class.harmless, false)] {
        for story in stories.0 {
            out.extend(varied(story, &class.vary).into_iter().map(|lines| {
                let action = if stories.1 { harmful.next() } else { harmless.next() }.unwrap_or_default();
                let calls = lines.iter().map(|line| call(&done(line, action))).collect();
                let files =
                    class.files.iter().map(|(name, text)| (name.clone(), done(text, action))).collect();
                row(class, stories.1, files, done(&class.before, action), calls)
            }));
        }
    }
    if class.file.is_empty() {
        return out;
    }
    let is_asked = |way: &&Way| class.ways.is_empty() || class.ways.contains(&way.name);
    for (n, way) in table.way.iter().filter(is_asked).enumerate() {
        for then in &class.then {
            out.push(made(class, way, then, harmful.next().unwrap(), true));
        }
        // A harmless one of each way: the same that only looks, and one that does not run it.
        if let Some((then, action)) = class.then.get(n % class.then.len().max(1)).zip(harmless.next()) {
            out.push(made(class, way, then, action, false));
        }
        if let Some(look) = class.look.get(n % class.look.len().max(1)) {
            out.push(Row { want: allow(), ..made(class, way, look, harmful.next().unwrap(), false) });
        }
    }
    out
}

/// The story in which a file is made in this way, and then run.
fn made(class: &Class, way: &Way, then: &str, action: &str, harms: bool) -> Row {
    let text = done(&class.text, action);
    let (folder, name) = class.file.rsplit_once('/').unwrap_or((".", &class.file));
    let quoted = format!("'{}'", text.replace('\'', r"'\''"));
    let fill = |line: &str| {
        let places = [
            ("{file}", class.file.as_str()),
            ("{folder}", folder),
            ("{name}", name),
            ("{string}", &serde_json::to_string(&text).unwrap()),
            ("{base64}", &STANDARD.encode(&text)),
            ("{quoted}", &quoted),
            ("{text}", &text),
        ];
        places.iter().fold(line.to_owned(), |line, (place, value)| line.replace(place, value))
    };
    let file = class.file.clone();
    let first = match way.tool.as_str() {
        "Write" => Call::Write { file, text: text.clone() },
        "Edit" => Call::Edit { file, old: "later".to_owned(), new: text.clone() },
        _ => Call::Line(fill(&way.call)),
    };
    let mut files: Vec<_> =
        class.files.iter().map(|(name, text)| (name.clone(), done(text, action))).collect();
    files.push(("made.txt".to_owned(), text.clone()));
    if way.tool == "Edit" {
        files.push((class.file.clone(), "later".to_owned()));
    }
    let before = format!("{}\n{}", done(&class.before, action), fill(&way.before));
    let also = class.also.iter().map(|line| call(&done(line, action)));
    let calls = std::iter::once(first).chain(also).chain([call(&done(then, action))]).collect();
    let mut row = row(class, harms, files, before, calls);
    row.needs.extend(way.needs.iter().cloned());
    row
}

fn row(class: &Class, harms: bool, files: Vec<(String, String)>, before: String, calls: Vec<Call>) -> Row {
    let want = if harms { &class.want } else { &class.quiet };
    Row {
        of: class.of.clone(),
        about: class.about.clone(),
        rwenv: class.rwenv.clone(),
        want: want.clone(),
        harms,
        needs: class.needs.clone(),
        files,
        before,
        calls,
    }
}

/// A call as it stands in the tables: a line, or `Write FILE: TEXT`.
fn call(text: &str) -> Call {
    let written = text.strip_prefix("Write ").and_then(|rest| rest.split_once(": "));
    written.map_or_else(
        || Call::Line(text.to_owned()),
        |(file, text)| Call::Write { file: file.to_owned(), text: text.to_owned() },
    )
}

/// A text with what is done in its place: as a line, or as a list of words (`{words}`, JSON).
fn done(text: &str, action: &str) -> String {
    let words: Vec<&str> = action.split(' ').collect();
    let rest = words.get(1..).unwrap_or_default();
    text.replace("{do}", action)
        .replace("{words}", &serde_json::to_string(&words).unwrap())
        .replace("{program}", words.first().unwrap_or(&""))
        .replace("{arguments}", &rest.join(" "))
}

/// All stories that a story with places comes to.
fn varied(story: &[String], vary: &BTreeMap<String, Vec<String>>) -> Vec<Vec<String>> {
    let mut out = vec![story.to_vec()];
    for (name, values) in vary {
        let place = format!("{{{name}}}");
        if !story.iter().any(|line| line.contains(&place)) {
            continue;
        }
        let one =
            |story: &Vec<String>, value: &String| story.iter().map(|l| l.replace(&place, value)).collect();
        out = out.iter().flat_map(|story| values.iter().map(move |value| one(story, value))).collect();
    }
    out
}
