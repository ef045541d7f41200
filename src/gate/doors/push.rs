//! git's doors: pre-push on the machine that pushes, pre-receive on the server that is pushed to. Both judge the refs that
//! really change and the objects that are really sent.

pub mod brokered;
mod told;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use told::{line_of, refused, with_warnings};

use crate::base::environment::Environment;
use crate::doors::terminal;
use crate::facts::agent::{self, Ancestor};
use crate::facts::binding;
use crate::facts::content::{self, ContentChange, ContentError};
use crate::facts::objects::{Budget, ObjectRepository};
use crate::facts::{self, Observed};
use crate::judge::{self, Case, KnownPlan, Lift, Outcome, Permit, Person, Recording, Ruling};
use crate::ledger::accepted::{self, SearchedPlace};
use crate::ledger::audit::Caller;
use crate::ledger::{asked, audit, grants};
use rwenv_core::decide::text::escape_and_cut;
use rwenv_core::decide::{self, Plan, Sending};
use rwenv_core::manifest::{AcceptedFinding, Finding, Level, LintReport};
use rwenv_core::model::{Context, Decision, Effect, RefUpdate, Verdict, Word, same_repository};

/// Name of this enforcement point in the log.
const DOOR: &str = "pre-push";
/// Time until content counts as too large.
const TIME: Duration = Duration::from_secs(5);
/// Most objects that are looked at.
const OBJECTS: usize = 100_000;
/// Longest wait for the other side's refs.
const REMOTE: Duration = Duration::from_secs(10);
/// Exit status of a push that is refused.
const REFUSED: u8 = 1;

/// One line that git gives a pre-push hook, or a pre-receive hook.
#[derive(Clone, Debug, PartialEq, Eq)]
struct PushLine {
    tip: String,
    destination: String,
    old: String,
}

fn is_zero(name: &str) -> bool {
    name.bytes().all(|b| b == b'0')
}

/// The lines `<local ref> <local object> <remote ref> <remote object>` (githooks(5), pre-push).
fn lines(stdin: &str) -> Result<Vec<PushLine>, String> {
    let line = |text: &str| {
        let words: Vec<&str> = text.split(' ').collect();
        match words.as_slice() {
            [_, tip, destination, old] => Ok(PushLine {
                tip: (*tip).to_owned(),
                destination: (*destination).to_owned(),
                old: (*old).to_owned(),
            }),
            _ => Err(format!("git gave a line that is not understood: {}", escape_and_cut(text, 200))),
        }
    };
    stdin.lines().filter(|text| !text.trim().is_empty()).map(line).collect()
}

/// The commits and tags that a push sends.
pub fn tips(stdin: &str) -> Vec<String> {
    let tips = lines(stdin).unwrap_or_default().into_iter().map(|line| line.tip);
    tips.filter(|tip| !is_zero(tip)).collect()
}

/// A push as git is about to send it.
#[derive(Clone, Copy, Debug)]
pub struct Push<'a> {
    /// The remote's name; the URL where it has none.
    pub remote: &'a str,
    /// The URL, as git resolved it.
    pub url: &'a str,
    /// What git wrote to the hook's standard input.
    pub stdin: &'a str,
}

/// Judges a push of one commit that this program is about to make itself; says why not where it may not be. Where a person said yes to
/// what it is part of (`by`), only what it sends counts.
pub fn own(
    dir: &Path,
    url: &str,
    (commit, branch): (&str, &str),
    by: &Permit,
    environment: &Environment,
) -> Result<Permit, String> {
    let repository = ObjectRepository::at(dir, environment, Budget::of(OBJECTS, TIME)).ok();
    // As git would resolve it (insteadOf) before it starts a hook.
    let resolved = repository.as_ref().and_then(|r| r.text(&["ls-remote", "--get-url", url]).ok());
    let url = resolved.as_deref().unwrap_or(url);
    let old = repository.and_then(|repository| repository.remote_refs(url, REMOTE));
    let name = format!("refs/heads/{branch}");
    let old = old.iter().flat_map(|refs| refs.lines()).filter_map(|line| line.split_once('\t'));
    let old = old.filter(|(_, to)| *to == name).map(|(old, _)| old.to_owned()).next();
    let old = old.unwrap_or_else(|| "0".repeat(commit.len()));
    let stdin = format!("HEAD {commit} {name} {old}\n");
    let place = PushPlace { dir: Some(dir), decided: by.is_by_person() };
    match judged(Push { remote: url, url, stdin: &stdin }, place, environment)? {
        PushReport { fate: PushFate::Permitted(permit), .. } => Ok(permit),
        PushReport { text, .. } => Err(text),
    }
}

/// Judges a push before it is sent; gives the exit status for git.
pub fn before_push(push: Push<'_>, environment: &Environment) -> u8 {
    match judged(push, PushPlace { dir: None, decided: false }, environment) {
        Ok(told) => {
            let _ = std::io::stderr().write_all(told.text.as_bytes());
            if matches!(told.fate, PushFate::Refused) { REFUSED } else { 0 }
        }
        Err(why) => {
            let _ =
                writeln!(std::io::stderr(), "rwenv: this push cannot be judged, so it is not sent: {why}");
            REFUSED
        }
    }
}

/// What is told of a push.
struct PushReport {
    text: String,
    fate: PushFate,
}

/// What becomes of a push.
enum PushFate {
    Permitted(Permit),
    /// Nothing is sent, whatever is said.
    Nothing,
    Refused,
}

/// Where a push is made.
struct PushPlace<'a> {
    /// The folder; none for this process's own.
    dir: Option<&'a Path>,
    /// A person has said yes to what it is part of.
    decided: bool,
}

fn judged(push: Push<'_>, place: PushPlace<'_>, environment: &Environment) -> Result<PushReport, String> {
    let PushPlace { dir, decided } = place;
    let lines = lines(push.stdin)?;
    let ancestors = agent::ancestors();
    let git = git_above(&ancestors);
    let dir = dir.map(|dir| dir.display().to_string());
    let mut context = facts::context(dir.as_deref(), environment);
    if lines.is_empty() || git.as_ref().is_some_and(|argv| only_tries(argv, environment)) {
        return Ok(PushReport { text: String::new(), fate: PushFate::Nothing });
    }
    let dir = PathBuf::from(&context.cwd);
    let repository =
        ObjectRepository::at(&dir, environment, Budget::of(OBJECTS, TIME)).map_err(|e| e.to_string())?;
    let here = context.cwd.clone();
    if let Some(home) = home(&repository, &here, environment) {
        context.cwd = home;
    }
    let person = agent::at_work(&ancestors).is_none();
    let argv = git.unwrap_or_default();
    let said_yes = || person || (!argv.is_empty() && asked::answered(&argv, &here, environment));
    let sender = Sender {
        door: DOOR,
        session: None,
        repository,
        person,
        lifts: &|verdict| grants::lifts_push(verdict, &argv, &here, environment).map(|grant| grant.id),
        answer: &|| if said_yes() { Person::SaidYes } else { Person::Nobody("") },
        otherwise: "",
        place: &|| SearchedPlace::of(&dir, environment),
        known: None,
        decided,
        decides: &|before, about| {
            person && place.dir.is_none() && terminal::decides(before, &argv, about, environment)
        },
    };
    weighed((push.remote, &absolute(push.url)), &lines, &sender, &context, environment)
}

/// Who sends, and in what of it there is to believe.
struct Sender<'a> {
    door: &'static str,
    session: Option<&'a str>,
    repository: ObjectRepository,
    person: bool,
    lifts: &'a dyn Fn(&Verdict) -> Option<String>,
    answer: &'a dyn Fn() -> Person,
    /// What a person can do where nobody can be asked.
    otherwise: &'static str,
    place: &'a dyn Fn() -> SearchedPlace,
    /// What the remote has, where that is known.
    known: Option<&'a [String]>,
    /// A person has said yes to what it is part of.
    decided: bool,
    /// Whether a person at their terminal says yes to what was refused.
    decides: &'a dyn Fn(&Verdict, audit::Answer<'_>) -> bool,
}

fn weighed(
    (remote, url): (&str, &str),
    lines: &[PushLine],
    sender: &Sender<'_>,
    context: &Context,
    environment: &Environment,
) -> Result<PushReport, String> {
    let Sender { repository, person, .. } = sender;
    let mut sendings: Vec<Sending> = lines.iter().map(|line| sending(line, repository)).collect();
    let plan = decide::plan_push(&sendings, url, *person, context);
    let mut observed = facts::observe(plan, environment);
    let Observed { plan, facts, rwenvs } = &observed;
    let names = decide::concerned(plan, facts, rwenvs);
    if let Some(permit) = judge::unconcerned(KnownPlan::of(&observed)) {
        return Ok(PushReport { text: String::new(), fate: PushFate::Permitted(permit) });
    }
    let lift = Lift::Where(sender.lifts);
    let before = judge::weigh(KnownPlan::of(&observed), Vec::new(), &lift, environment);
    let detail = &command(plan, url);
    let about = audit::Answer { door: sender.door, event: "", detail, rwenvs: &names };
    let refused = before.decision() == Decision::Deny;
    let decided = sender.decided || (refused && (sender.decides)(&before, about));
    let (mut warnings, mut found, mut said, mut unasked) = (Vec::new(), Vec::new(), Vec::new(), None);
    if decided || before.decision() < Decision::Deny {
        let protected = decide::is_protected(plan, facts, rwenvs);
        let other = OtherSide { remote, url, person: *person, protected, known: sender.known };
        match contents(repository, lines, &mut sendings, &other, &mut unasked) {
            Ok(mut report) => {
                said = accepted::sift(&mut report, &(sender.place)(), environment);
                let findings = told(report, *person);
                observed.plan = decide::plan_push(&sendings, url, *person, context);
                found = decide::against_content(&findings, names.first().map(String::as_str));
                warnings = findings.into_iter().filter(|f| f.level == Level::Warning).collect();
            }
            Err(error) => {
                // What a session sends can be read, or is not sent.
                let protected = protected || sender.known.is_some();
                found = decide::unread(&error.to_string(), protected).into_iter().collect();
                if found.is_empty() {
                    said.push(format!("what this push sends was not checked: {error}"));
                }
            }
        }
    }
    let case = Case {
        door: sender.door,
        // The broker's variables are those of whoever started the session.
        caller: Caller { session: sender.session, remote: sender.session.is_some(), ..Caller::default() },
        command: &command(&observed.plan, url),
        seen: KnownPlan::of(&observed),
        found,
        lift: if decided { Lift::Decided } else { lift },
        person: sender.answer,
        recorded: Recording::Always,
    };
    let Ruling { verdict, outcome } = judge::judge(case, environment);
    let warnings = unasked.into_iter().chain(warnings.iter().map(line_of)).chain(said);
    let warnings: Vec<String> = warnings.map(|line| format!("rwenv: warning: {line}\n")).collect();
    Ok(report(outcome, &verdict, &warnings, sender.otherwise))
}

/// What is told of an outcome.
fn report(outcome: Outcome, verdict: &Verdict, warnings: &[String], otherwise: &str) -> PushReport {
    let refusal = match outcome {
        Outcome::Run(permit) => {
            let told: String = permit.told().into_iter().map(|line| line + "\n").collect();
            return PushReport { text: told + &warnings.concat(), fate: PushFate::Permitted(permit) };
        }
        Outcome::Unrecorded(why) => format!("{why}\n"),
        Outcome::Refuse(_) if verdict.decision() == Decision::Ask && !otherwise.is_empty() => {
            format!("{}rwenv:   instead: {otherwise}\n", refused(verdict, "sent"))
        }
        Outcome::Refuse(_) | Outcome::Ask(_) => refused(verdict, "sent"),
    };
    PushReport { text: with_warnings(refusal, warnings), fate: PushFate::Refused }
}

/// A push as it goes on record: what it sends, by commits and refs.
fn command(plan: &Plan, url: &str) -> String {
    let refspecs = plan.planned.iter().flat_map(|p| &p.operation.target.repository.refspecs);
    let refspecs: Vec<String> = refspecs.map(|word| word.display().into_owned()).collect();
    format!("git push {url} {}", refspecs.join(" "))
}

/// The git above this process that pushes, as words.
fn git_above(ancestors: &[Ancestor]) -> Option<Vec<Word>> {
    let git = ancestors.iter().find(|a| a.name() == "git")?;
    Some(
        std::iter::once("git")
            .chain(git.argv.iter().skip(1).map(String::as_str))
            .map(Word::literal)
            .collect(),
    )
}

/// True for `git push --dry-run`, which runs this hook as well.
fn only_tries(argv: &[Word], environment: &Environment) -> bool {
    let plan = decide::plan_argv(argv.to_vec(), Vec::new(), &facts::context(None, environment));
    let pushes = plan.planned.iter().any(|p| p.operation.verb == "push");
    pushes && plan.opaque.is_empty() && plan.planned.iter().all(|p| p.operation.effect <= Effect::Read)
}

/// A path as a URL that does not depend on where one stands.
fn absolute(url: &str) -> String {
    let path = url.strip_prefix("file://").unwrap_or(url);
    let is_path = !path.contains("://") && Path::new(path).exists();
    let real = is_path.then(|| std::fs::canonicalize(path).ok()).flatten();
    real.map_or_else(|| url.to_owned(), |real| real.display().to_string())
}

/// Where a repository's work is done, if not here: `git --git-dir` starts hooks wherever one stands. A rwenv that is selected there
/// counts.
fn home(repository: &ObjectRepository, cwd: &str, environment: &Environment) -> Option<String> {
    let both = ["rev-parse", "--path-format=absolute", "--git-common-dir", "--git-dir"];
    let both = repository.text(&both).ok()?;
    // A linked work tree has its own place.
    let (common, _) = both.split_once('\n').filter(|(common, own)| common == own)?;
    let home = Path::new(common).parent().filter(|_| common.ends_with("/.git"))?;
    let elsewhere = !Path::new(cwd).starts_with(home) && binding::selection(home, environment).is_some();
    elsewhere.then(|| home.to_str().map(str::to_owned)).flatten()
}

fn sending(line: &PushLine, repository: &ObjectRepository) -> Sending {
    let delete = is_zero(&line.tip);
    let moves_on = || repository.run(&["merge-base", "--is-ancestor", &line.old, &line.tip]).is_ok();
    let destination = line.destination.strip_prefix("refs/heads/").unwrap_or(&line.destination);
    let update = RefUpdate {
        destination: Some(destination.to_owned()),
        force: !delete && !is_zero(&line.old) && !moves_on(),
        delete,
    };
    let commit = if delete { "" } else { line.tip.get(..12).unwrap_or(&line.tip) };
    Sending { update, refspec: format!("{commit}:{}", line.destination), changed: Vec::new() }
}

/// Where a push goes, as far as it matters for what is there already.
struct OtherSide<'a> {
    remote: &'a str,
    url: &'a str,
    person: bool,
    protected: bool,
    known: Option<&'a [String]>,
}

/// What is found in everything that is sent; the paths that change go into the sendings. Where the other side does not say what
/// it has, `unasked` says so.
fn contents(
    repository: &ObjectRepository,
    lines: &[PushLine],
    sendings: &mut [Sending],
    other: &OtherSide<'_>,
    unasked: &mut Option<String>,
) -> Result<LintReport, ContentError> {
    let there = |name: &&String| repository.run(&["cat-file", "-e", name]).is_ok();
    let olds = lines.iter().map(|line| &line.old).filter(|old| !is_zero(old));
    let mut known: Vec<String> = olds.filter(there).cloned().collect();
    // A new branch shares history with branches that this push does not name.
    if let Some(all) = other.known {
        known.extend(all.iter().cloned());
    } else if lines.iter().any(|line| !is_zero(&line.tip) && !known.contains(&line.old)) {
        known.extend(on_the_other_side(repository, other, unasked));
    }
    known.sort();
    known.dedup();
    let mut report = LintReport::default();
    // Waiting for the other side is nothing this machine can help.
    let repository = &repository.clone().within(Budget::of(OBJECTS, TIME));
    for (line, sending) in lines.iter().zip(sendings).filter(|(line, _)| !is_zero(&line.tip)) {
        let change = change(repository, line, &known, Some(other.url))?;
        sending.changed = change.paths;
        report.findings.extend(change.report.findings);
        report.accepted.extend(change.report.accepted);
        report.findings.extend(rwenv_core::manifest::secrets_in(
            &line.destination,
            &format!("ref {}", line.destination),
        ));
    }
    report.findings.sort();
    report.findings.dedup();
    Ok(report)
}

/// What counts of a report. An agent could write a mark itself, so that a new one counts where a person pushes it.
fn told(report: LintReport, person: bool) -> Vec<Finding> {
    let by_mark = report.accepted.into_iter().filter(|accepted| !person && accepted.by.is_none());
    let marked = by_mark.map(|AcceptedFinding { finding, .. }| Finding {
        message: format!(
            "{} (its mark is new: a person pushes it, or runs rwenv lint --accept)",
            finding.message
        ),
        ..finding
    });
    let mut all: Vec<Finding> = report.findings.into_iter().chain(marked).collect();
    all.sort();
    all
}

fn change(
    repository: &ObjectRepository,
    line: &PushLine,
    known: &[String],
    url: Option<&str>,
) -> Result<ContentChange, ContentError> {
    let base = if known.contains(&line.old) {
        Some(line.old.clone())
    } else if repository.kind(&line.tip)? == "commit" {
        repository.base(&line.tip, known)?
    } else {
        None
    };
    content::sent(repository, &line.tip, known, base.as_deref(), url)
}

/// The commits the other side's refs are at, as far as they are here. An agent could have written the tracking branches of this
/// repository, so it is the other side that is asked. It may answer only once (a key to be touched, a password for one use):
/// for a person, and for branches that nobody protects, what this repository last saw of it will do.
fn on_the_other_side(
    repository: &ObjectRepository,
    other: &OtherSide<'_>,
    unasked: &mut Option<String>,
) -> Vec<String> {
    let seen = || {
        let folder = format!("refs/remotes/{}/", other.remote);
        let seen = repository.text(&["for-each-ref", "--format=%(objectname)", &folder]).unwrap_or_default();
        seen.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let fetched = || repository.text(&["config", "--get", &format!("remote.{}.url", other.remote)]);
    if other.person && fetched().is_ok_and(|url| same_repository(&absolute(&url), other.url)) {
        let seen = seen();
        if !seen.is_empty() {
            return seen;
        }
    }
    let Some(text) = repository.remote_refs(other.url, REMOTE) else {
        let rest = if other.protected {
            "so all of it counts as new"
        } else {
            "so what this clone last saw there counts"
        };
        *unasked = Some(format!("the remote does not say a second time what it has, {rest}"));
        return if other.protected { Vec::new() } else { seen() };
    };
    let names: Vec<&str> = text.lines().filter_map(|line| line.split('\t').next()).collect();
    repository.present(&names).unwrap_or_default()
}

/// Judges on a server what is about to be received; gives the exit status for git. There are no rwenvs there: it is the
/// content that counts.
pub fn before_receive(stdin: &str, budget: Budget, environment: &Environment) -> u8 {
    let received = || -> Result<Vec<Finding>, String> {
        let dir = crate::base::environment::current_dir();
        let repository = ObjectRepository::at(&dir, environment, budget).map_err(|e| e.to_string())?;
        let known =
            repository.text(&["for-each-ref", "--format=%(objectname)"]).map_err(|e| e.to_string())?;
        let known: Vec<String> = known.lines().map(str::to_owned).collect();
        let mut findings = Vec::new();
        for text in stdin.lines() {
            let words: Vec<&str> = text.split(' ').collect();
            let [old, tip, destination] = words.as_slice() else {
                return Err(format!("git gave a line that is not understood: {}", escape_and_cut(text, 200)));
            };
            if is_zero(tip) {
                continue;
            }
            let [tip, destination, old] = [tip, destination, old].map(|w| (*w).to_owned());
            let line = PushLine { tip, destination, old };
            findings
                .extend(change(&repository, &line, &known, None).map_err(|e| e.to_string())?.report.findings);
        }
        Ok(findings)
    };
    let found = match received() {
        Ok(findings) => decide::against_content(&findings, None),
        Err(why) => decide::unread(&why, true).into_iter().collect(),
    };
    if found.is_empty() {
        return 0;
    }
    let _ = std::io::stderr().write_all(refused(&Verdict::from_reasons(found), "taken").as_bytes());
    REFUSED
}
