//! Tools as data: what a program's verbs and flags do. Filled at build time from `policies/tools/*.toml`.

use super::{Client, Effect, ForgeRequest, Language, Mcp, Reach, Runner};

/// Everything known of programs.
#[derive(Clone, Copy, Debug)]
pub struct Tools {
    /// Programs whose verbs are judged.
    pub tools: &'static [Tool],
    /// Programs that run other programs.
    pub wrappers: &'static [Wrapper],
    /// Languages whose programs run code.
    pub languages: &'static [Language],
    /// Programs that run what a file of targets says.
    pub runners: &'static [Runner],
    /// Tools behind MCP servers.
    pub mcp: Mcp,
    /// Requests to forges; of several that fit the first counts.
    pub forges: &'static [ForgeRequest],
    /// Client libraries that change something.
    pub clients: &'static [Client],
    /// All names of programs.
    pub names: Names,
    /// Programs that only look, when run inside a pod; sorted.
    pub reads: &'static [&'static str],
    /// Copy, move, link or print files: what they make may be a program under another name.
    pub copiers: &'static [&'static str],
    /// One file that is many programs, told apart by the name it is called by.
    pub multicall: &'static [&'static str],
    /// Wrappers that get a shim beside the tools: they take commands to where no other door sees them.
    pub shims: &'static [&'static str],
    /// Programs that are agents.
    pub agents: &'static [&'static str],
    /// Variables that agents set for what they run.
    pub agent_markers: &'static [&'static str],
    /// Interactive shells.
    pub shells: &'static [&'static str],
    /// Commands whose output is made to be evaluated by a shell (`ssh-agent -s`), as word prefixes.
    pub producers: &'static [&'static str],
    /// Programs beside `reads` that change nothing and run nothing, whatever they are given.
    pub filters: &'static [&'static str],
    /// Programs that fetch a file, each with the options that say where it is put.
    pub downloaders: &'static [&'static str],
    /// Programs that open a connection and send what they read.
    pub connectors: &'static [&'static str],
    /// Variables that hold a command which programs run.
    pub code_variables: &'static [&'static str],
    /// Change the files they are given.
    pub changers: &'static [&'static str],
    /// Put another file in the place of those they are given, unless they are told to print it.
    pub compressors: &'static [&'static str],
    /// Change the files they are given where a command saves.
    pub editors: &'static [&'static str],
    /// Apply a patch that they are given, or read.
    pub patchers: &'static [&'static str],
    /// Unpack what another file holds.
    pub unpackers: &'static [&'static str],
    /// Change the last file they are given.
    pub writers: &'static [&'static str],
    /// Verbs of programs that copy to where their last operand says, which may be a file here (`docker cp`).
    pub movers: &'static [&'static str],
    /// Programs beside `inert` and `filters` that change no file they are given, some with a verb; `/1`: with one operand behind it.
    pub lookers: &'static [&'static str],
    /// Programs that print names of files or programs, which others may be given.
    pub listers: &'static [&'static str],
    /// Options that hand a folder of this machine to a container, behind the programs that have them.
    pub mounts: &'static [&'static str],
    /// Change the files they are given where `-i` says so.
    pub in_place: &'static [&'static str],
    /// Options of any program whose value is a file it writes.
    pub output_files: &'static [&'static str],
    /// Options whose value is a folder it writes into: of any program, or of one (`tar -C`).
    pub output_folders: &'static [&'static str],
    /// End other programs.
    pub killers: &'static [&'static str],
    /// Patterns of files that are the guard's.
    pub guarded: &'static [&'static str],
    /// Where such files lie in a home directory, for what takes whole folders along.
    pub at_home: &'static [&'static str],
    /// Of these, what everyone may write.
    pub unguarded: &'static [&'static str],
    /// Patterns of files that decide whether the agent asks the guard.
    pub guarded_agent: &'static [&'static str],
    /// Patterns of files that decide whether git asks the guard.
    pub guarded_hooks: &'static [&'static str],
    /// Patterns of files that shells read when they start.
    pub startup: &'static [&'static str],
    /// Patterns of annotations of Secrets whose values are settings.
    pub secret_annotations: &'static [&'static str],
}

impl Tools {
    /// The tool a program name belongs to.
    #[must_use]
    pub fn tool(&self, program: &str) -> Option<&'static Tool> {
        // `helm3`, `kubectl1.29`, `terraform-1.9`: several versions beside each other.
        let bare =
            || program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.').trim_end_matches('-');
        let found = self.names.find(program).or_else(|| self.names.find(bare()));
        self.tools.get(found?.tool?)
    }

    /// The tool or wrapper of this name, as it is written in the tables.
    #[must_use]
    pub fn known(&self, program: &str) -> Option<&'static str> {
        let found = self.names.find(program)?;
        (found.tool.is_some() || !found.wrappers.is_empty()).then(|| self.names.text(found))
    }

    /// The language a program name belongs to; a version behind the name (`python3.12`) does not count.
    #[must_use]
    pub fn language(&self, program: &str) -> Option<&'static Language> {
        let bare = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
        let named = |name: &str| self.names.find(name).and_then(|found| found.language);
        self.languages.get(named(program).or_else(|| named(bare))?)
    }

    /// The runner a program name belongs to.
    #[must_use]
    pub fn runner(&self, program: &str) -> Option<&'static Runner> {
        self.runners.get(self.names.find(program)?.runner?)
    }

    /// The wrapper a program name belongs to.
    #[must_use]
    pub fn wrapper(&self, program: &str) -> Option<&'static Wrapper> {
        self.wrappers(program).next()
    }

    /// Every way a program runs others.
    pub fn wrappers(&self, program: &str) -> impl Iterator<Item = &'static Wrapper> + use<> {
        let all = self.wrappers;
        let found = self.names.find(program).map_or(&[][..], |found| found.wrappers);
        found.iter().filter_map(move |at| all.get(*at))
    }

    /// True for a program that never runs its arguments.
    #[must_use]
    pub fn is_inert(&self, program: &str) -> bool {
        self.names.find(program).is_some_and(|found| found.inert)
    }
}

/// The names of all programs in one place: a process that looks for a few of them reads no more than it has to.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    /// The names, one behind the other.
    pub texts: &'static str,
    /// Where each stands and what it is, sorted by name.
    pub all: &'static [Name],
}

/// What a name stands for.
#[derive(Clone, Copy, Debug)]
pub struct Name {
    /// Where it begins in the texts.
    pub start: u16,
    /// How many bytes it has.
    pub len: u8,
    /// It never runs its arguments.
    pub inert: bool,
    /// Its place among the tools.
    pub tool: Option<usize>,
    /// Its place among the languages.
    pub language: Option<usize>,
    /// Its place among the runners.
    pub runner: Option<usize>,
    /// Its places among the wrappers.
    pub wrappers: &'static [usize],
}

impl Names {
    fn text(&self, name: &Name) -> &'static str {
        let start = usize::from(name.start);
        self.texts.get(start..start + usize::from(name.len)).unwrap_or_default()
    }

    fn find(&self, program: &str) -> Option<&'static Name> {
        self.all.get(self.all.binary_search_by(|name| self.text(name).cmp(program)).ok()?)
    }
}

/// How a program reads its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grammar {
    /// Go's pflag and cobra: flags anywhere before `--`, no abbreviations.
    Pflag,
    /// git: options before the verb, then each verb's own, long ones abbreviated.
    Git,
    /// Go's flag package: `-name` and `--name` are one, none are written together.
    Goflag,
    /// A method and URLs.
    Http,
}

/// Flags by how they take a value. What is in none of the lists takes none.
#[derive(Clone, Copy, Debug)]
pub struct Flags {
    /// Take a value: attached, behind `=`, or the next word.
    pub value: &'static [&'static str],
    /// Take a value only behind `=`.
    pub optional: &'static [&'static str],
    /// Take none; listed where abbreviations have to be told apart.
    pub switch: &'static [&'static str],
}

/// One program whose verbs are judged.
#[derive(Clone, Copy, Debug)]
pub struct Tool {
    /// Its name in policies.
    pub name: &'static str,
    /// The file names it is run under.
    pub programs: &'static [&'static str],
    /// The Go packages it is built from, as its build information has them, versions (`/v2`) left out.
    pub packages: &'static [&'static str],
    /// What its own error messages begin with.
    pub complaint: &'static str,
    /// How it reads arguments.
    pub grammar: Grammar,
    /// What its commands touch, where they do not say otherwise.
    pub reach: Reach,
    /// Flags that may stand before the verb.
    pub globals: Flags,
    /// Flags that name a context.
    pub context: &'static [&'static str],
    /// Flags that name a kubeconfig.
    pub kubeconfig: &'static [&'static str],
    /// Flags that name a namespace.
    pub namespace: &'static [&'static str],
    /// Flags that send the call to another server or make it someone else.
    pub redirect: &'static [&'static str],
    /// Flags that name a repository, as `OWNER/NAME`.
    pub repository: &'static [&'static str],
    /// Flags that name a file of what is applied.
    pub file: &'static [&'static str],
    /// Flags that name the directory it runs in.
    pub chdir: &'static [&'static str],
    /// Flags that name a file that is going to hold what is to be done.
    pub plan: &'static [&'static str],
    /// Programs of it that go to a cluster, to the current one where the call names none.
    pub to_cluster: &'static [&'static str],
    /// Where such repositories are.
    pub host: &'static str,
    /// Flags that name another such place.
    pub hosts: &'static [&'static str],
    /// Variables with the meaning of those flags, in the same order, and those whose value is run.
    pub env: Env,
    /// Its verbs.
    pub commands: &'static [Command],
    /// Configuration keys that matter (git).
    pub keys: &'static [KeyRule],
    /// Requests that matter (HTTP).
    pub endpoints: &'static [Endpoint],
    /// It gets a shim.
    pub shim: bool,
}

/// Requests that are alike in what they do.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint {
    /// What it is called in messages.
    pub verb: &'static str,
    /// One of these methods.
    pub methods: &'static [&'static str],
    /// To one of these URLs; `*` stands for anything.
    pub urls: &'static [&'static str],
    /// What it does.
    pub effect: Effect,
    /// What it touches.
    pub reach: Reach,
    /// Properties it has.
    pub traits: &'static [&'static str],
}

/// Environment variables of a tool.
#[derive(Clone, Copy, Debug)]
pub struct Env {
    /// Name a context.
    pub context: &'static [&'static str],
    /// Name a kubeconfig.
    pub kubeconfig: &'static [&'static str],
    /// Redirect the call.
    pub redirect: &'static [&'static str],
    /// Hold a command that the tool runs.
    pub code: &'static [&'static str],
    /// Change what the tool reads or skips, so that its words no longer tell what it does; patterns.
    pub bends: &'static [&'static str],
    /// Have the tool start without what asks the guard; with a program before it, that program alone.
    pub unguards: &'static [&'static str],
    /// Set on whole machines: they count where a command line sets them, not where a process inherits them.
    pub ambient: &'static [&'static str],
    /// Are applied beside what files say; patterns.
    pub inputs: &'static [&'static str],
    /// Name the host repositories are on.
    pub host: &'static [&'static str],
    /// Holds arguments for every verb; with `_` and a verb behind it, for that one. Empty where there is none.
    pub arguments: &'static str,
}

/// One verb.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// Its words; none for what a tool without verbs does, `*` for any words before the others.
    pub path: &'static [&'static str],
    /// Other spellings of the last word.
    pub aliases: &'static [&'static str],
    /// What it does with no flag that changes it.
    pub effect: Effect,
    /// What it touches, where that differs from the tool's other commands.
    pub reach: Option<Reach>,
    /// Properties it always has.
    pub traits: &'static [&'static str],
    /// It only groups other verbs: an unknown word behind it is an unknown verb.
    pub group: bool,
    /// It sends the request that its first argument and these of its flags say; none for a verb that is no request.
    pub sends: &'static [&'static str],
    /// Its first argument may name the repository.
    pub names_repository: bool,
    /// Its own flags.
    pub flags: Flags,
    /// Flags whose value is SQL; with them, SQL on standard input is judged too.
    pub sql: &'static [&'static str],
    /// The positional (counted from 1) that names kinds; 0 where none does.
    pub kinds: u8,
    /// Forms that change what it does.
    pub modes: &'static [Mode],
    /// What it hands on to be run.
    pub carries: &'static [Carry],
}

/// A form of a command that changes its effect. All conditions that are given have to hold.
#[derive(Clone, Copy, Debug)]
pub struct Mode {
    /// What it does in this form.
    pub effect: Effect,
    /// What it touches in this form.
    pub reach: Option<Reach>,
    /// One of these flags is given: `--flag` (with any value but a false one) or `--flag=pattern`.
    pub flags: &'static [&'static str],
    /// None of these is.
    pub without: &'static [&'static str],
    /// One of the arguments matches one of these patterns.
    pub argument: &'static [&'static str],
    /// No argument matches any of these.
    pub no_argument: &'static [&'static str],
    /// The last argument matches one of these patterns.
    pub last: &'static [&'static str],
    /// Every argument with a `=` matches one of these.
    pub assignments: &'static [&'static str],
    /// One of the kinds named is one of these.
    pub kinds: &'static [&'static str],
    /// The text given to `--patch` sets nothing but these top-level keys (or `a.b`).
    pub patches: &'static [&'static str],
    /// That text asks for nothing but a plain sync of Argo CD.
    pub syncs: bool,
    /// No flag is given that is none of these, and no word that may be one.
    pub only: &'static [&'static str],
    /// Least number of arguments.
    pub least: u8,
    /// Greatest number of arguments.
    pub most: u8,
    /// Properties it has in this form.
    pub traits: &'static [&'static str],
}

/// How a text or argv is handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CarryKind {
    /// The value is shell code.
    Shell,
    /// The value is a program's name.
    Program,
    /// The arguments from here on are a program and its arguments.
    Argv,
    /// As `Argv`, run somewhere else.
    RemoteArgv,
    /// The arguments from here on, joined, are shell code.
    Words,
}

/// Something a command hands on to be run.
#[derive(Clone, Copy, Debug)]
pub struct Carry {
    /// The flags whose value it is; empty: arguments.
    pub flags: &'static [&'static str],
    /// Arguments before it.
    pub skip: u8,
    /// What it is.
    pub kind: CarryKind,
}

/// What a configuration key does (git).
#[derive(Clone, Copy, Debug)]
pub struct KeyRule {
    /// Pattern over the lower-case key.
    pub key: &'static str,
    /// Its value is run by a shell.
    pub code: bool,
    /// It moves or skips hooks, or pulls in configuration that may.
    pub skips_hooks: bool,
}

/// How a wrapper is told what to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrapperStyle {
    /// The rest of its arguments.
    Argv,
    /// The rest of its arguments, run somewhere else.
    RemoteArgv,
    /// The rest of its arguments, joined, is shell code.
    Words,
    /// The same, run somewhere else.
    RemoteWords,
    /// It is a shell: `-c` code, standard input or a file.
    Shell,
    /// It runs what it reads on standard input (`batch`).
    Stdin,
    /// `find`: behind `-exec`.
    Find,
    /// Arguments are read from standard input and appended.
    Xargs,
    /// Only options hold what is run; `--option=word` in their list wants a value that begins with `word=`.
    Options,
}

/// A program that runs other programs.
#[derive(Clone, Copy, Debug)]
pub struct Wrapper {
    /// The file names it is run under.
    pub programs: &'static [&'static str],
    /// How it is told what to run.
    pub style: WrapperStyle,
    /// Words that may stand before those (`docker compose exec`).
    pub groups: &'static [&'static str],
    /// Words that select this form (`docker exec`); the first argument has to be one of them.
    pub verbs: &'static [&'static str],
    /// Options whose value is the program; what stands behind are its arguments.
    pub program: &'static [&'static str],
    /// Options that take a value.
    pub value: &'static [&'static str],
    /// Options whose value is shell code.
    pub code: &'static [&'static str],
    /// Options whose value is a directory the program then runs in.
    pub chdir: &'static [&'static str],
    /// Arguments before the program.
    pub skip: u8,
    /// `NAME=VALUE` words before the program set its environment.
    pub assignments: bool,
    /// Options that take two values.
    pub pairs: &'static [&'static str],
    /// `FLAKE#PACKAGE` is the program: what packages hold whose names are not their programs', as `PACKAGE PROGRAM`.
    pub packages: &'static [&'static str],
}
