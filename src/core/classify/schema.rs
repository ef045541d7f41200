//! The shape of `policies/tools/*.toml`, for the build script and for the runner of the examples.

use serde::Deserialize;

/// A tool's file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolFile {
    /// Name in policies.
    pub name: String,
    /// File names of the program.
    pub programs: Vec<String>,
    /// Go packages it is built from.
    #[serde(default)]
    pub packages: Vec<String>,
    /// What its own error messages begin with.
    pub complaint: String,
    /// `pflag` or `git`.
    pub grammar: String,
    /// `cluster` or `repository`.
    pub reach: String,
    /// Flags before the verb.
    #[serde(default)]
    pub globals: FlagLists,
    /// Which flags name what.
    #[serde(default)]
    pub roles: Roles,
    /// Which variables name what.
    #[serde(default)]
    pub env: EnvLists,
    /// Verbs.
    #[serde(default)]
    pub command: Vec<CommandRow>,
    /// Where repositories named `OWNER/NAME` are.
    #[serde(default)]
    pub host: String,
    /// It gets no shim.
    #[serde(default)]
    pub unshimmed: bool,
    /// Programs of it that go to a cluster, to the current one where the call names none.
    #[serde(default)]
    pub to_cluster: Vec<String>,
    /// Configuration keys.
    #[serde(default)]
    pub key: Vec<KeyRow>,
    /// Requests.
    #[serde(default)]
    pub endpoint: Vec<EndpointRow>,
    /// Tricky forms with what they come to.
    #[serde(default)]
    pub example: Vec<ExampleRow>,
}

/// Flags by how they take a value.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FlagLists {
    /// Take a value.
    pub value: Vec<String>,
    /// Take one only behind `=`.
    pub optional: Vec<String>,
    /// Take none.
    pub switch: Vec<String>,
}

/// Flags by what they name.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Roles {
    /// A context.
    pub context: Vec<String>,
    /// A kubeconfig.
    pub kubeconfig: Vec<String>,
    /// A namespace.
    pub namespace: Vec<String>,
    /// Another server or identity.
    pub redirect: Vec<String>,
    /// A repository.
    pub repository: Vec<String>,
    /// A file of what is applied.
    pub file: Vec<String>,
    /// The directory it runs in.
    pub chdir: Vec<String>,
    /// A file that holds what is going to be done.
    pub plan: Vec<String>,
    /// The host repositories are on.
    pub host: Vec<String>,
}

/// Requests that are alike.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EndpointRow {
    /// What they are called.
    pub verb: String,
    /// Methods.
    pub methods: Vec<String>,
    /// Patterns of URLs.
    pub urls: Vec<String>,
    /// What they do.
    pub effect: String,
    /// What they touch.
    pub reach: String,
    /// Properties.
    pub traits: Vec<String>,
    /// Command lines that come to this effect.
    pub examples: Vec<String>,
    /// Command lines that come to nothing.
    pub harmless: Vec<String>,
}

/// Variables by what they name.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EnvLists {
    /// A context.
    pub context: Vec<String>,
    /// A kubeconfig.
    pub kubeconfig: Vec<String>,
    /// Another server or identity.
    pub redirect: Vec<String>,
    /// A command that is run.
    pub code: Vec<String>,
    /// What makes the words untrustworthy, as patterns.
    pub bends: Vec<String>,
    /// What starts it without the guard.
    pub unguards: Vec<String>,
    /// What counts only where a command line sets it.
    pub ambient: Vec<String>,
    /// What is applied beside files, as patterns.
    pub inputs: Vec<String>,
    /// The host repositories are on.
    pub host: Vec<String>,
    /// Arguments for every verb; with `_` and a verb behind it, for that one.
    pub arguments: String,
}

/// One verb, or several alike.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CommandRow {
    /// Its words.
    pub path: String,
    /// Several verbs that are alike in everything.
    pub paths: Vec<String>,
    /// Other spellings of the last word.
    pub aliases: Vec<String>,
    /// What it does.
    pub effect: String,
    /// What it touches.
    pub reach: Option<String>,
    /// Properties.
    pub traits: Vec<String>,
    /// It groups verbs.
    pub group: bool,
    /// It is a request to a forge; these flags hold what is sent.
    pub sends: Vec<String>,
    /// Its first argument may name the repository.
    pub names_repository: bool,
    /// Flags with a value.
    pub value: Vec<String>,
    /// Flags with a value only behind `=`.
    pub optional: Vec<String>,
    /// Flags without one.
    pub switch: Vec<String>,
    /// Flags whose value is SQL.
    pub sql: Vec<String>,
    /// Position of the kinds.
    pub kinds: u8,
    /// Has kubectl's `--dry-run`.
    pub dry_run: bool,
    /// Forms.
    pub mode: Vec<ModeRow>,
    /// What it hands on.
    pub carry: Vec<CarryRow>,
    /// Command lines that come to exactly this effect; none: the bare verbs, under all their names.
    pub examples: Vec<String>,
}

impl CommandRow {
    /// Its verbs.
    #[must_use]
    pub fn verbs(&self) -> &[String] {
        if self.paths.is_empty() { std::slice::from_ref(&self.path) } else { &self.paths }
    }

    /// Its examples, or the bare verbs.
    #[must_use]
    pub fn shown(&self, program: &str) -> Vec<String> {
        if !self.examples.is_empty() {
            return self.examples.clone();
        }
        let mut all = Vec::new();
        for path in self.verbs() {
            let (groups, last) = path.rsplit_once(' ').unwrap_or(("", path));
            for word in std::iter::once(last).chain(self.aliases.iter().map(String::as_str)) {
                let line = format!("{program} {groups} {word}").replace('*', "x");
                all.push(line.split_whitespace().collect::<Vec<_>>().join(" "));
            }
        }
        all
    }
}

/// A form of a verb.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModeRow {
    /// What it does then.
    pub effect: String,
    /// What it touches then.
    pub reach: Option<String>,
    /// One of these flags.
    pub flags: Vec<String>,
    /// None of these.
    pub without: Vec<String>,
    /// One such argument.
    pub argument: Vec<String>,
    /// No such argument.
    pub no_argument: Vec<String>,
    /// Such a last argument.
    pub last: Vec<String>,
    /// Only such assignments.
    pub assignments: Vec<String>,
    /// One of these kinds.
    pub kinds: Vec<String>,
    /// Only such patches.
    pub patches: Vec<String>,
    /// Only a patch that has Argo CD sync.
    pub syncs: bool,
    /// No other flags than these.
    pub only: Vec<String>,
    /// Least arguments.
    pub least: Option<u8>,
    /// Most arguments.
    pub most: Option<u8>,
    /// Properties.
    pub traits: Vec<String>,
    /// Command lines of this form.
    pub examples: Vec<String>,
}

/// Something handed on.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CarryRow {
    /// Flags whose value it is.
    pub flags: Vec<String>,
    /// Arguments before it.
    pub skip: u8,
    /// `shell`, `program`, `argv`, `remote-argv`, `words`.
    pub kind: String,
}

/// A configuration key.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeyRow {
    /// Patterns.
    pub keys: Vec<String>,
    /// The value is run.
    pub code: bool,
    /// Hooks are moved or skipped.
    pub skips_hooks: bool,
}

/// A tricky form.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExampleRow {
    /// The command line.
    pub command: String,
    /// What it comes to.
    pub effect: String,
    /// What it touches.
    pub reach: Option<String>,
    /// Properties it has among others.
    pub traits: Vec<String>,
}

/// `wrappers.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WrapperFile {
    /// Wrappers.
    pub wrapper: Vec<WrapperRow>,
}

/// A wrapper.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WrapperRow {
    /// File names.
    pub programs: Vec<String>,
    /// How it is told what to run.
    pub style: String,
    /// Words that may stand before those.
    pub groups: Vec<String>,
    /// First words that select this form.
    pub verbs: Vec<String>,
    /// Options whose value is the program; what stands behind are its arguments.
    pub program: Vec<String>,
    /// Options with a value.
    pub value: Vec<String>,
    /// Options whose value is shell code.
    pub code: Vec<String>,
    /// Options whose value is a directory.
    pub chdir: Vec<String>,
    /// Arguments before the program.
    pub skip: u8,
    /// `NAME=VALUE` before the program.
    pub assignments: bool,
    /// Options with two values.
    pub pairs: Vec<String>,
    /// `PACKAGE PROGRAM`: what packages hold whose names are not their programs'.
    pub packages: Vec<String>,
    /// Command lines that run `kubectl delete pod p`.
    pub examples: Vec<String>,
}

/// `programs.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProgramFile {
    /// Never run their arguments.
    pub inert: Vec<String>,
    /// Only look.
    pub reads: Vec<String>,
    /// Interactive shells.
    pub shells: Vec<String>,
    /// Copy, move, link or print files.
    pub copiers: Vec<String>,
    /// Wrappers that get a shim.
    pub shims: Vec<String>,
    /// Programs that are agents.
    pub agents: Vec<String>,
    /// Variables that agents set.
    pub agent_markers: Vec<String>,
    /// Told apart by the name they are called by.
    pub multicall: Vec<String>,
    /// Print what a shell is meant to evaluate.
    pub producers: Vec<String>,
    /// Change nothing and run nothing.
    pub filters: Vec<String>,
    /// Fetch a file, with the options that say where to.
    pub downloaders: Vec<String>,
    /// Send what they read.
    pub connectors: Vec<String>,
    /// Variables that hold a command.
    pub code_variables: Vec<String>,
    /// Change the files they are given.
    pub changers: Vec<String>,
    /// Put another file in the place of those they are given.
    pub compressors: Vec<String>,
    /// Change the files they are given where a command saves.
    pub editors: Vec<String>,
    /// Apply a patch that they are given, or read.
    pub patchers: Vec<String>,
    /// Unpack what another file holds.
    pub unpackers: Vec<String>,
    /// Change the last file they are given.
    pub writers: Vec<String>,
    /// Verbs of programs whose last operand may be a file here.
    pub movers: Vec<String>,
    /// Change nothing that they are given.
    pub lookers: Vec<String>,
    /// Print names of files or programs.
    pub listers: Vec<String>,
    /// Options that hand a folder of this machine to a container.
    pub mounts: Vec<String>,
    /// Change the files they are given where `-i` says so.
    pub in_place: Vec<String>,
    /// Options of any program whose value is a file it writes.
    pub output_files: Vec<String>,
    /// Options whose value is a folder it writes into: of any program, or of one (`tar -C`).
    pub output_folders: Vec<String>,
    /// End other programs.
    pub killers: Vec<String>,
    /// Patterns of files that are the guard's.
    pub guarded: Vec<String>,
    /// Where such files lie in a home directory.
    pub at_home: Vec<String>,
    /// Of these, what everyone may write.
    pub unguarded: Vec<String>,
    /// Patterns of files that decide whether the agent asks the guard.
    pub guarded_agent: Vec<String>,
    /// Patterns of files that decide whether git asks the guard.
    pub guarded_hooks: Vec<String>,
    /// Patterns of files that shells read when they start.
    pub startup: Vec<String>,
    /// Patterns of annotations of Secrets whose values are settings.
    pub secret_annotations: Vec<String>,
}
