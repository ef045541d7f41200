//! What is aimed at the guard itself: its files, its programs, its daemon, and the agent's settings that call it.

use super::brought;
use super::given::{HandedOn, What, given, hit};
use super::place::{HOOK, OWN, below, below_home, concerns_us, from_home, guarded, near, places};
use super::touch::{CopySource, Touch, Touching};
use crate::classify::{self, Carried, Write};
use crate::model::{
    Context, Dir, Effect, Facts, Invocation, Lead, Operation, Question, Reach, Span, Target, Trait,
    TreeChange, Word, glob, normalize, wild,
};

/// What operations on the guard are called in policies.
const TOOL: &str = "guard";
/// What may be one of these.
const UNSURE: Trait = Trait::GuardUnsure;
/// Most paths of one invocation that are followed.
const MOST: usize = 256;
/// Verbs of git that write files of the work tree.
const GIT_WRITES: [&str; 16] = [
    "checkout",
    "restore",
    "reset",
    "clean",
    "stash",
    "apply",
    "am",
    "switch",
    "pull",
    "merge",
    "rebase",
    "rm",
    "mv",
    "revert",
    "checkout-index",
    "read-tree",
];

/// Something that changes the guard if files lie as they may.
#[derive(Clone, Debug)]
pub(super) struct Wait {
    /// The path that has to be known.
    pub(super) path: String,
    how: PathRelation,
    /// What it comes to then.
    operation: Operation,
    by: Invocation,
}

/// How a path stands to the guard's files.
#[derive(Clone, Debug)]
enum PathRelation {
    /// It leads to a file of the guard's; with `true`, all below it goes too.
    Same(bool),
    /// It holds one.
    Holds,
    /// It holds one with such a name: what stands before and behind what is wild.
    Matches(String, String, bool),
    /// It holds one that a search by these names finds.
    Found(Vec<String>),
    /// It is there, and arrives where one is.
    Arrives,
    /// It is not there yet, so that it cannot be told what arrives.
    Made,
    /// It is a start file that puts the shims on `PATH`.
    Carries,
    /// It is a working tree, in which git changes files.
    Brings(TreeChange),
}

impl Wait {
    /// What has to be known.
    pub(super) fn question(&self) -> Question {
        match &self.how {
            PathRelation::Brings(change) => Question::Brings(change.clone()),
            _ => Question::Leads(self.path.clone()),
        }
    }
}

/// What is done to the guard: what is certain, and what depends on where files lie.
#[derive(Debug, Default)]
pub(super) struct Attacks {
    pub(super) certain: Vec<Operation>,
    pub(super) waits: Vec<Wait>,
}

/// What an invocation does to the guard.
pub(super) fn attack(touching: &Touching<'_>, carried: &[Carried], context: &Context) -> Attacks {
    let invocation = touching.by;
    let tables = classify::tools();
    let name = invocation.program().and_then(Word::basename).unwrap_or_default();
    let words: Vec<&Word> = invocation.argv.iter().skip(1).collect();
    let mut found = Finder { context, by: invocation, out: Attacks::default() };
    // pkill takes a part of the name.
    let part = |w: &&Word| w.as_literal().is_some_and(|text| text.len() > 2 && "rwenvd".contains(text));
    let ours = |w: &&Word| w.display().contains("rwenv") || (name == "pkill" && part(w));
    if tables.programs.killers.contains(&name) && words.iter().any(ours) && ends(&words) {
        found.certain("the daemon".to_owned(), OWN);
        return found.out;
    }
    // A start-up file is guarded where what is done to it concerns us.
    let about_us = words.iter().any(|w| w.display().contains("rwenv"));
    let starts = |path: &String| tables.programs.startup.iter().any(|pattern| glob(pattern, path));
    for (at, touch) in touching.all.iter().enumerate() {
        if found.out.certain.iter().any(|operation| rank(operation) == 0) {
            break;
        }
        if let Touch::Writes { word, .. } | Touch::Brings { into: word, .. } = touch {
            let started = places(word, &invocation.cwd).into_iter().filter(starts);
            match started.collect::<Vec<_>>().as_slice() {
                [path, ..] if about_us => found.certain(path.clone(), OWN),
                paths if !touching.adds(at) => {
                    paths.iter().for_each(|path| found.wait(path, PathRelation::Carries, path));
                }
                _ => {}
            }
        }
        found.touch(touch);
    }
    for change in brought::by_git(invocation) {
        let dir = change.dir.clone();
        found.wait(&dir, PathRelation::Brings(change), &dir);
    }
    if found.out.certain.is_empty()
        && let Some(path) = given(invocation, carried, context)
    {
        found.certain(path, UNSURE);
    }
    found.finish()
}

/// What is done to the guard by a program that is given what another one names.
pub(super) fn handed_on(all: &HandedOn, line: &str, context: &Context) -> Vec<(Attacks, Invocation)> {
    let one = |(by, what): (&Invocation, &What)| {
        let mut found = Finder { context, by, out: Attacks::default() };
        match what {
            What::File(path) => found.certain(path.clone(), UNSURE),
            What::Search(all) => all.iter().for_each(|touch| found.touch(touch)),
            What::Daemon => found.certain("the daemon".to_owned(), OWN),
        }
        (found.finish(), by.clone())
    };
    all.met(line).into_iter().map(one).collect()
}

/// What code, or a patch, does to the guard by the files it writes.
pub(super) fn written(files: &[Write], by: &Invocation, context: &Context) -> Attacks {
    let mut found = Finder { context, by, out: Attacks::default() };
    for Write { file, whole, named, .. } in files {
        let file = from_home(file, context);
        if *named {
            hit(&file, by, context).into_iter().for_each(|path| found.certain(path, UNSURE));
        } else {
            found.touch(&Touch::Writes { word: file, whole: *whole });
        }
    }
    found.finish()
}

/// A git operation that writes files where the guard's are, or may be.
pub(super) fn through_git(
    operation: &Operation,
    invocation: &Invocation,
    context: &Context,
) -> Option<Operation> {
    if operation.tool == "git" && operation.verb == "config" && operation.effect > Effect::Read {
        let file = invocation.argv.iter().enumerate().find_map(|(at, word)| match word.prefix() {
            "-f" | "--file" => invocation.argv.get(at + 1).cloned(),
            text => text.strip_prefix("--file=").map(Word::literal),
        });
        let path = file.and_then(|file| hit(&file, invocation, context))?;
        return Some(on_guard(path, UNSURE, operation.span));
    }
    if operation.tool != "git" || !GIT_WRITES.contains(&operation.verb.as_str()) {
        return None;
    }
    let own = format!("{}/.claude", context.home);
    let inside = |path: &str| {
        path == own
            || path == context.config_dir
            || guarded(&format!("{path}/envs.json"), false, context).is_some()
    };
    let mut dirs = operation.target.repository.dirs.iter().filter_map(Dir::path);
    dirs.find(|path| inside(path)).map(|dir| on_guard(dir.to_owned(), OWN, operation.span))
}

/// A file that a tool of the agent's is about to write; where `whole`, with all below it.
pub(super) fn on_file(path: &str, whole: bool, context: &Context) -> Attacks {
    let by = Invocation { cwd: vec![Dir::Known(context.cwd.clone())], ..Invocation::default() };
    let word = from_home(&Word::literal(path), context);
    // A tool takes a name as it is.
    let word = if word.is_wild() { Word::literal(path) } else { word };
    let mut found = Finder { context, by: &by, out: Attacks::default() };
    found.touch(&Touch::Writes { word, whole });
    found.finish()
}

/// Lines that a tool of the agent's puts into a file that shells or git read by themselves, or takes out of it.
pub(super) fn on_planted(path: &str, text: &str, context: &Context) -> Attacks {
    let by = Invocation { cwd: vec![Dir::Known(context.cwd.clone())], ..Invocation::default() };
    let mut found = Finder { context, by: &by, out: Attacks::default() };
    for path in places(&from_home(&Word::literal(path), context), &by.cwd) {
        if concerns_us(&path, text) {
            found.certain(path, OWN);
        }
    }
    found.finish()
}

/// What a wait comes to; none where what it waits for is not known.
pub(super) fn met(wait: &Wait, facts: &Facts, context: &Context) -> Option<Option<(Operation, Invocation)>> {
    let PathRelation::Brings(change) = &wait.how else {
        return facts.lead(&wait.path).map(|lead| led(wait, lead, context));
    };
    let found = facts.brought(change)?;
    let start = |file: &&String| guarded(file, true, context).is_none();
    let settled = found.certain.iter().find(|file| !start(file)).or(found.certain.first());
    let sure = settled.and_then(|file| Some((file, held(&[file], context).filter(|_| !start(&file))?)));
    let sure = sure.or_else(|| settled.map(|file| (file, UNSURE)));
    let found = sure.or_else(|| found.perhaps.first().map(|file| (file, UNSURE)));
    Some(found.map(|(file, whose)| {
        let mut operation = wait.operation.clone();
        operation.target.names = vec![file.clone()];
        operation.traits = vec![whose];
        (operation, wait.by.clone())
    }))
}

/// What a wait comes to, now that it is known where its path leads.
fn led(wait: &Wait, lead: &Lead, context: &Context) -> Option<(Operation, Invocation)> {
    let mut operation = wait.operation.clone();
    let whose = match &wait.how {
        PathRelation::Same(whole) => lead.names.iter().find_map(|name| guarded(name, *whole, context)),
        PathRelation::Holds => held(&lead.holds.iter().collect::<Vec<_>>(), context),
        PathRelation::Matches(head, tail, whole) => {
            let fits = |path: &&String| {
                let rest = below(path, &wait.path).unwrap_or_default();
                let (name, deeper) = rest.split_once('/').map_or((rest, false), |(name, _)| (name, true));
                let shown = !head.is_empty() || !name.starts_with('.');
                shown
                    && (*whole || !deeper)
                    && name.len() >= head.len() + tail.len()
                    && name.starts_with(head)
                    && name.ends_with(tail)
            };
            held(&lead.holds.iter().filter(fits).collect::<Vec<_>>(), context)
        }
        PathRelation::Found(names) => {
            let fits = |path: &&String| {
                let mut parts = below(path, &wait.path).unwrap_or_default().split('/');
                names.is_empty() || parts.any(|part| names.iter().any(|name| glob(name, part)))
            };
            held(&lead.holds.iter().filter(fits).collect::<Vec<_>>(), context)
        }
        PathRelation::Arrives => lead.exists.then(|| operation.traits.first().copied()).flatten(),
        PathRelation::Made => (!lead.exists).then_some(UNSURE),
        PathRelation::Carries => lead.carries.then_some(UNSURE),
        PathRelation::Brings(_) => None,
    }?;
    // Attributes alone leave the selection of a project as it is.
    let name = wait.by.program().and_then(Word::basename).unwrap_or_default();
    if whose == UNSURE && ["chmod", "chown", "chgrp", "touch"].contains(&name) {
        return None;
    }
    operation.traits = vec![whose];
    Some((operation, wait.by.clone()))
}

/// How much is known: what is the guard's or the agent's, what a person is asked about, what is not known.
fn rank(operation: &Operation) -> u8 {
    match operation.traits.first() {
        Some(&UNSURE) => 2,
        Some(&HOOK) => 1,
        _ => 0,
    }
}

/// Whose the files are that go with a folder. The selection of a project may be meant to go: a person says so.
fn held(holds: &[&String], context: &Context) -> Option<Trait> {
    let project = |path: &&&String| context.cwd != context.home && below(path, &context.cwd).is_some();
    let first = holds.iter().find(|path| !project(path)).or(holds.first())?;
    if project(&first) { Some(UNSURE) } else { Some(guarded(first, true, context).unwrap_or(OWN)) }
}

fn on_guard(what: String, whose: Trait, span: Span) -> Operation {
    Operation {
        tool: TOOL,
        program: None,
        verb: "change".to_owned(),
        effect: Effect::Tamper,
        reach: Reach::Local,
        traits: vec![whose],
        target: Target { names: vec![what], ..Target::default() },
        note: None,
        span,
        cwd: Vec::new(),
    }
}

/// True where a killer ends something: `systemctl status` and `kill -0` do not.
fn ends(words: &[&Word]) -> bool {
    let harmless = [
        "status",
        "show",
        "cat",
        "is-active",
        "is-enabled",
        "restart",
        "start",
        "enable",
        "list-units",
        "-0",
        "-l",
    ];
    !words.iter().any(|word| word.as_literal().is_some_and(|text| harmless.contains(&text)))
}

/// Collects what is done to the guard by one invocation.
struct Finder<'a> {
    context: &'a Context,
    by: &'a Invocation,
    out: Attacks,
}

impl Finder<'_> {
    fn operation(&self, what: String, whose: Trait) -> Operation {
        Operation { cwd: self.by.cwd.clone(), ..on_guard(what, whose, self.by.span) }
    }

    fn certain(&mut self, what: String, whose: Trait) {
        let operation = self.operation(what, whose);
        self.out.certain.push(operation);
    }

    fn wait(&mut self, path: &str, how: PathRelation, what: &str) {
        if !path.starts_with("/dev/") && self.out.waits.len() < MOST {
            let whose = guarded(what, true, self.context).unwrap_or(OWN);
            let operation = self.operation(what.to_owned(), whose);
            self.out.waits.push(Wait { path: path.to_owned(), how, operation, by: self.by.clone() });
        }
    }

    /// The worst is enough.
    fn finish(mut self) -> Attacks {
        self.out.certain.sort_by_key(rank);
        self.out.certain.truncate(1);
        if self.out.certain.iter().any(|operation| rank(operation) == 0) {
            self.out.waits.clear();
        }
        self.out
    }

    fn touch(&mut self, touch: &Touch) {
        match touch {
            Touch::Writes { word, whole } => self.writes(word, *whole),
            Touch::Searched { folder, names } => self.searched(folder, names),
            Touch::Brings { into, from, whole } => {
                for place in places(into, &self.by.cwd) {
                    self.writes(&Word::literal(place.as_str()), false);
                    for source in from {
                        self.arrives(&place, source, *whole);
                    }
                }
            }
            Touch::Exposes { folder } => {
                let holds = |path: &String| {
                    let above = *path == self.context.home || below(&self.context.home, path).is_some();
                    above || near(path, self.context) || guarded(path, true, self.context).is_some()
                };
                let hit = places(folder, &self.by.cwd).into_iter().find(holds);
                hit.into_iter().for_each(|path| self.certain(path, UNSURE));
            }
            Touch::Unpacks { into, members } => {
                for place in places(into, &self.by.cwd) {
                    self.unpacks(&place, members);
                }
            }
        }
    }

    fn writes(&mut self, word: &Word, whole: bool) {
        for path in places(word, &self.by.cwd) {
            if let Some(whose) = guarded(&path, whole, self.context) {
                self.certain(path, whose);
                return;
            }
            if word.as_literal().is_some() {
                self.wait(&path, PathRelation::Same(whole), &path);
                if whole {
                    self.wait(&path, PathRelation::Holds, &path);
                }
            }
        }
        let Some((folder, head, tail)) = wild(word) else { return };
        for folder in places(&Word::literal(folder), &self.by.cwd) {
            self.wait(
                &folder,
                PathRelation::Matches(head.clone(), tail.clone(), whole),
                &format!("{folder}/{head}*{tail}"),
            );
        }
    }

    fn searched(&mut self, folder: &Word, names: &[String]) {
        let concerns = |path: &str| {
            names.is_empty()
                || below_home(path, self.context)
                    .iter()
                    .any(|(_, rest)| rest.split('/').any(|part| names.iter().any(|name| glob(name, part))))
        };
        for path in places(folder, &self.by.cwd) {
            let above = guarded(&path, true, self.context).filter(|_| concerns(&path));
            match guarded(&path, false, self.context).or(above) {
                Some(whose) => self.certain(path, whose),
                None => self.wait(&path, PathRelation::Found(names.to_vec()), &path),
            }
        }
    }

    /// Something arrives at a place: as it, or in it under its own name.
    fn arrives(&mut self, place: &str, source: &CopySource, whole: bool) {
        if source.spills {
            let sources = places(&source.word, &self.by.cwd);
            return sources.iter().for_each(|from| self.spills(from, place));
        }
        if let Some((folder, head, tail)) = wild(&source.word) {
            let fits = |rest: &str| {
                let (name, deeper) = rest.split_once('/').map_or((rest, false), |(name, _)| (name, true));
                (whole || !deeper)
                    && (!head.is_empty() || !name.starts_with('.'))
                    && name.starts_with(&head)
                    && name.ends_with(&tail)
            };
            for folder in places(&Word::literal(folder), &self.by.cwd) {
                for (file, rest) in below_home(place, self.context).into_iter().filter(|(_, rest)| fits(rest))
                {
                    self.wait(&format!("{folder}/{rest}"), PathRelation::Arrives, &file);
                }
            }
            return;
        }
        let Some(name) =
            source.word.as_literal().and_then(|text| text.trim_end_matches('/').rsplit(['/', ':']).next())
        else {
            // Whatever it is called: there it may be one of the guard's.
            let tail = source.word.suffix().rsplit('/').next().unwrap_or_default();
            let fits = |(_, rest): &(String, String)| rest.ends_with(tail);
            if near(place, self.context) && below_home(place, self.context).iter().any(fits) {
                self.certain(place.to_owned(), UNSURE);
            }
            return;
        };
        let target = normalize(&format!("{place}/{name}"));
        if let Some(whose) = guarded(&target, false, self.context) {
            return self.certain(target, whose);
        }
        self.wait(&target, PathRelation::Same(false), &target);
        if whole {
            for from in places(&source.word, &self.by.cwd) {
                self.spills(&from, &target);
            }
        }
    }

    /// What a folder holds arrives in another.
    fn spills(&mut self, from: &str, into: &str) {
        let below = below_home(into, self.context);
        for (file, rest) in &below {
            self.wait(&format!("{from}/{rest}"), PathRelation::Arrives, file);
        }
        if !below.is_empty() {
            self.wait(from, PathRelation::Made, into);
        }
    }

    /// What another file holds arrives in a folder. Where nobody keeps but programs, that is the everyday.
    fn unpacks(&mut self, place: &str, members: &[Word]) {
        let kept = below_home(place, self.context);
        let usual = ["/bin", "/.local", "/.config", "/.cargo"].iter().any(|name| place.ends_with(name));
        let home = place == self.context.home;
        let within = !usual && (home || place.starts_with(&format!("{}/.", self.context.home)));
        if members.is_empty() && within && !kept.is_empty() {
            return self.certain(place.to_owned(), UNSURE);
        }
        for member in members.iter().filter_map(Word::as_literal) {
            let target = normalize(&format!("{place}/{member}"));
            let meets = guarded(&target, true, self.context).is_some()
                || (!below_home(&target, self.context).is_empty() && target != self.context.home);
            if meets || (within && target == place) {
                return self.certain(target, UNSURE);
            }
        }
    }
}
