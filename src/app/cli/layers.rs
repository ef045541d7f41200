//! `rwenv policy lint|new|keep`: policies of people's own, checked before they count.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource, Report};
use serde::Serialize;

use super::out;
use super::shared::{InDir, directory};
use rwenv_core::examples;
use rwenv_core::policy::RULES;
use rwenv_core::policy::layer::{self, Checked};
use rwenv_core::table::{PolicyFile, Rule, nearest};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::files;
use rwenv_gate::facts::policies;

/// Something wrong with a file of policies.
#[derive(Debug, Serialize)]
pub(super) struct Wrong {
    path: String,
    line: usize,
    column: usize,
    message: String,
    help: String,
    #[serde(skip)]
    text: String,
    #[serde(skip)]
    span: (usize, usize),
}

impl Wrong {
    fn at(path: &Path, text: &str, span: (usize, usize), message: String, help: &str) -> Self {
        let before = text.get(..span.0).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let (path, help, text) = (path.display().to_string(), help.to_owned(), text.to_owned());
        Self { path, line, column, message, help, text, span }
    }

    /// One line for logs and for messages of the guard.
    fn brief(&self) -> String {
        format!("{}:{}:{}: {}", self.path, self.line, self.column, self.message)
    }
}

/// A file of policies that was read, and what it says where nothing is wrong with it.
struct LayerFile {
    path: PathBuf,
    checked: Result<(Checked, PolicyFile), Vec<Wrong>>,
}

/// Reads and checks files, in the order of the layers.
fn read(paths: &[PathBuf]) -> Vec<LayerFile> {
    let mut taken: Vec<String> = RULES.iter().map(|rule| rule.id.to_string()).collect();
    let mut out = Vec::new();
    for path in paths {
        let checked = read_one(path, &taken);
        if let Ok((checked, _)) = &checked {
            taken.extend(checked.rules.iter().map(|rule| rule.id.to_string()));
        }
        out.push(LayerFile { path: path.clone(), checked });
    }
    out
}

fn read_one(path: &Path, taken: &[String]) -> Result<(Checked, PolicyFile), Vec<Wrong>> {
    let text = match files::read_trusted(path) {
        Ok(text) => text.unwrap_or_default(),
        Err(error) => {
            let help = "the file and its folder belong to you or root, and nobody else may write them";
            return Err(vec![Wrong::at(path, "", (0, 0), error.to_string(), help)]);
        }
    };
    let file: PolicyFile = toml::from_str(&text).map_err(|error| {
        let span = error.span().map_or((0, 0), |span| (span.start, span.end - span.start));
        vec![Wrong::at(
            path,
            &text,
            span,
            nearest_field(error.message()),
            "rwenv policy new writes one to begin with",
        )]
    })?;
    let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let checked = layer::check(&file, name, &path.display().to_string(), taken).map_err(|problems| {
        let wrong = problems.into_iter().map(|problem| {
            let at =
                text.find(&format!("\"{}\"", problem.near)).map_or((0, 0), |at| (at, problem.near.len() + 2));
            Wrong::at(path, &text, at, problem.what, &problem.help)
        });
        wrong.collect::<Vec<_>>()
    })?;
    let failed: Vec<Wrong> = (examples::of_policy(&file, &layer::load(std::slice::from_ref(&checked)))
        .failures)
        .into_iter()
        .map(|failure| {
            let at = text.find(&failure.command).map_or((0, 0), |at| (at, failure.command.len()));
            let message = format!("this example does not hold: {}", failure.problem);
            Wrong::at(path, &text, at, message, "correct the rule or the example")
        })
        .collect();
    if failed.is_empty() { Ok((checked, file)) } else { Err(failed) }
}

/// serde's message about a field that does not exist, with the one it is nearest to.
fn nearest_field(message: &str) -> String {
    let mut words = message.split('`').skip(1).step_by(2);
    let Some(field) = words.next().filter(|_| message.starts_with("unknown field")) else {
        return message.to_owned();
    };
    let hint = nearest(field, words).map(|near| format!("; did you mean '{near}'?"));
    message.to_owned() + &hint.unwrap_or_default()
}

/// The files a lint is about: those that are named, or those of all layers.
fn chosen(given: &[PathBuf], at: &InDir, environment: &Environment) -> Vec<PathBuf> {
    if given.is_empty() {
        let dir = directory(at.dir.as_deref());
        let folders = policies::folders(&dir.display().to_string(), environment);
        return policies::marks(&folders).into_iter().map(|mark| PathBuf::from(mark.path)).collect();
    }
    given.to_vec()
}

pub(super) fn lint(given: &[PathBuf], at: &InDir, environment: &Environment) -> anyhow::Result<u8> {
    if let Some(missing) = given.iter().find(|path| !path.is_file()) {
        bail!("{}: there is no such file", missing.display());
    }
    let all = read(&chosen(given, at, environment));
    let wrong: Vec<&Wrong> = all.iter().filter_map(|read| read.checked.as_ref().err()).flatten().collect();
    if at.output.json {
        out::json(&wrong)?;
    } else {
        for one in &wrong {
            out::line(shown(one).trim_end());
        }
        let rules: usize =
            all.iter().filter_map(|read| read.checked.as_ref().ok()).map(|(c, _)| c.rules.len()).sum();
        out::line(
            &[(all.len(), "file"), (rules, "rule"), (wrong.len(), "problem")]
                .map(|(n, what)| out::count(n, what))
                .join(", "),
        );
    }
    Ok(u8::from(!wrong.is_empty()))
}

/// A problem with the place in its file.
fn shown(wrong: &Wrong) -> String {
    let label = LabeledSpan::new_with_span(Some(wrong.message.clone()), wrong.span);
    let diagnostic =
        MietteDiagnostic::new(wrong.message.clone()).with_help(wrong.help.clone()).with_label(label);
    let report = Report::new(diagnostic).with_source_code(NamedSource::new(&wrong.path, wrong.text.clone()));
    let theme = if out::colours() { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let mut text = String::new();
    match GraphicalReportHandler::new_themed(theme).render_report(&mut text, report.as_ref()) {
        Ok(()) => format!("{}\n{text}", wrong.brief()),
        Err(_) => wrong.brief(),
    }
}

/// Keeps what the files say for the hook. Of a file that is broken, what it said before counts on.
pub(super) fn keep(at: &InDir, environment: &Environment) -> anyhow::Result<u8> {
    let dir = directory(at.dir.as_deref()).display().to_string();
    let folders = policies::folders(&dir, environment);
    let path = policies::kept_at(&folders, environment);
    let before = policies::read_kept(&path).unwrap_or_default();
    let mut kept =
        policies::KeptPolicies { marks: policies::marks(&folders), ..policies::KeptPolicies::default() };
    let paths: Vec<PathBuf> = kept.marks.iter().map(|mark| PathBuf::from(&mark.path)).collect();
    for read in read(&paths) {
        match read.checked {
            Ok((checked, _)) => kept.policies.push(checked),
            Err(wrong) => {
                kept.problems.extend(wrong.iter().map(Wrong::brief));
                let path = read.path.display().to_string();
                match before.policies.iter().find(|policy| policy.path == path) {
                    Some(old) => kept.policies.push(old.clone()),
                    None => kept.unknown = true,
                }
            }
        }
    }
    files::make_private_dir(path.parent().unwrap_or(&path))?;
    files::write(&path, &serde_json::to_string(&kept)?, 0o600)?;
    Ok(0)
}

/// The policies of all layers, with the layer each is from; broken ones left out.
pub(super) fn all(at: Option<&Path>, environment: &Environment) -> Vec<(&'static str, String, PolicyFile)> {
    let dir = directory(at).display().to_string();
    let folders = policies::folders(&dir, environment);
    let layer_of = |path: &Path| {
        folders
            .iter()
            .find(|(_, folder)| path.parent() == Some(folder.as_path()))
            .map_or("user", |(name, _)| *name)
    };
    let paths: Vec<PathBuf> =
        policies::marks(&folders).into_iter().map(|mark| PathBuf::from(mark.path)).collect();
    let good = read(&paths).into_iter().filter_map(|read| Some((read.path, read.checked.ok()?)));
    good.map(|(path, (checked, file))| (layer_of(&path), checked.name, file)).collect()
}

/// The rules of a file of policies, or of a folder of them, as if they were a layer.
pub(super) fn rules(path: &Path) -> anyhow::Result<Vec<Rule>> {
    let mut paths = vec![path.to_owned()];
    if path.is_dir() {
        let entries = fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path()));
        paths = entries.collect::<Result<_, _>>()?;
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
        paths.sort();
    } else if !path.exists() {
        bail!("{}: there is no such file or folder", path.display());
    }
    let mut checked = Vec::new();
    for read in read(&paths) {
        match read.checked {
            Ok((one, _)) => checked.push(one),
            Err(wrong) => bail!("{}", wrong.iter().map(Wrong::brief).collect::<Vec<_>>().join("; ")),
        }
    }
    Ok(layer::load(&checked))
}

/// Runs the examples of these layers; says how many ran and what failed.
pub(super) fn test(report: &mut examples::ExamplesReport, environment: &Environment) {
    let folders = policies::folders(&directory(None).display().to_string(), environment);
    let paths: Vec<PathBuf> =
        policies::marks(&folders).into_iter().map(|mark| PathBuf::from(mark.path)).collect();
    for read in read(&paths) {
        match read.checked {
            Ok((checked, file)) => report.add(examples::of_policy(&file, &layer::load(&[checked]))),
            Err(wrong) => report
                .add(examples::ExamplesReport::broken(wrong.iter().map(|w| (w.brief(), w.help.clone())))),
        }
    }
}

pub(super) fn new(name: &str, environment: &Environment) -> anyhow::Result<u8> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || !name.chars().all(plain) {
        bail!(
            "'{}' is not a valid policy name: use lower-case letters, digits and dashes",
            name.escape_debug()
        );
    }
    let folder = environment.config_dir.join("policies");
    let path = folder.join(format!("{name}.toml"));
    if path.exists() {
        bail!("{}: it is there already; edit it, and try it with rwenv policy lint", path.display());
    }
    files::make_private_dir(&folder)?;
    files::write(&path, &TEMPLATE.replace("@NAME@", name), 0o600)
        .with_context(|| path.display().to_string())?;
    fs::metadata(&path)?;
    out::line(&format!(
        "{} is written; edit it, then: rwenv policy lint && rwenv policy test",
        path.display()
    ));
    Ok(0)
}

const TEMPLATE: &str = r#"# What it is for, in one sentence. Rules say ask or deny; the strictest of all rules counts, so that they only tighten.
about = "Namespaces that belong to another team are asked about."
# With optional = true it counts only for rwenvs that name it in "policies".
optional = false

[[rule]]
id = "@NAME@.other-team"
decision = "ask"
# All that is given has to hold: flags, effects, reach, tools, verbs, traits, without, namespaces, rwenvs, repository, refs, paths.
when = { effects = ["cluster-write"], tools = ["kubectl"], namespaces = ["payments*"] }
reason = "{target} of {subject} belongs to the payments team."
instead = "Ask them, or change it in {repository}."

[[rule.example]]
command = "kubectl -n payments-eu scale deploy web --replicas 2"
matches = true
rwenv = "writable"

[[rule.example]]
command = "kubectl -n shop scale deploy web --replicas 2"
matches = false
rwenv = "writable"
"#;
