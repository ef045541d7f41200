//! Programs that are no tools of ours and matter all the same: what runs other programs, and lists of what the rest does.
//! `policies/programs/`.

use databake::Bake;
use serde::Deserialize;

use super::{KubeconfigMaker, Rows, Shown, Text, Texts, WrapperStyle};

/// `wrappers.toml`.
#[derive(Clone, Copy, Debug, Deserialize, Bake)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[databake(path = rwenv_core::table)]
#[serde(deny_unknown_fields)]
pub struct WrapperFile {
    /// Wrappers.
    #[serde(rename = "wrapper")]
    pub wrappers: Rows<Wrapper>,
}

/// A program that runs other programs.
#[derive(Clone, Copy, Debug, Deserialize, Bake)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[databake(path = rwenv_core::table)]
#[serde(deny_unknown_fields)]
pub struct Wrapper {
    /// The file names it is run under.
    pub programs: Texts,
    /// How it is told what to run.
    pub style: WrapperStyle,
    /// Words that may stand before those (`docker compose exec`).
    #[serde(default)]
    pub groups: Texts,
    /// Words that select this form (`docker exec`); the first argument has to be one of them.
    #[serde(default)]
    pub verbs: Texts,
    /// Options whose value is the program; what stands behind are its arguments.
    #[serde(default)]
    pub program: Texts,
    /// Options that take a value.
    #[serde(default)]
    pub value: Texts,
    /// Options whose value is shell code.
    #[serde(default)]
    pub code: Texts,
    /// Options whose value is a directory the program then runs in.
    #[serde(default)]
    pub chdir: Texts,
    /// Arguments before the program.
    #[serde(default)]
    pub skip: u8,
    /// These are the context and the namespace it gets.
    #[serde(default)]
    pub names_context: bool,
    /// `NAME=VALUE` words before the program set its environment.
    #[serde(default)]
    pub assignments: bool,
    /// Options that take two values.
    #[serde(default)]
    pub pairs: Texts,
    /// `FLAKE#PACKAGE` is the program: what packages hold whose names are not their programs', as `PACKAGE PROGRAM`.
    #[serde(default)]
    pub packages: Texts,
    /// `PACKAGE@VERSION` is a version of a package. Where `packages` are listed, only those are programs.
    #[serde(default)]
    pub versions: bool,
    /// Command lines that run `kubectl delete pod p`.
    pub examples: Shown<Text>,
}

/// `programs.toml`: lists of programs, variables and files.
#[derive(Clone, Copy, Debug, Default, Deserialize, Bake)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[databake(path = rwenv_core::table)]
#[serde(deny_unknown_fields)]
pub struct Programs {
    /// Never run their arguments.
    #[serde(default)]
    pub inert: Texts,
    /// Programs that only look, when run inside a pod; sorted.
    #[serde(default)]
    pub reads: Texts,
    /// Calls that only look, when run inside a pod, by their first words.
    #[serde(default)]
    pub read_calls: Texts,
    /// Copy, move, link or print files: what they make may be a program under another name.
    #[serde(default)]
    pub copiers: Texts,
    /// One file that is many programs, told apart by the name it is called by.
    #[serde(default)]
    pub multicall: Texts,
    /// Wrappers that get a shim beside the tools: they take commands to where no other door sees them.
    #[serde(default)]
    pub shims: Texts,
    /// Programs that are agents.
    #[serde(default)]
    pub agents: Texts,
    /// Variables that agents set for what they run.
    #[serde(default)]
    pub agent_markers: Texts,
    /// Interactive shells.
    #[serde(default)]
    pub shells: Texts,
    /// Commands whose output is made to be evaluated by a shell (`ssh-agent -s`), as word prefixes.
    #[serde(default)]
    pub producers: Texts,
    /// Commands that write contexts into the kubeconfig in use, or make another current, by words that stand in this order.
    #[serde(default)]
    pub context_writers: Texts,
    /// Calls that take a secret from their standard input and print nothing of it: words in this order.
    pub takers: Texts,
    /// Commands that write contexts into the kubeconfig in use, unless they name another.
    #[serde(default, rename = "maker")]
    pub makers: Rows<KubeconfigMaker>,
    /// Programs beside `reads` that change nothing and run nothing, whatever they are given.
    #[serde(default)]
    pub filters: Texts,
    /// Programs that fetch a file, each with the options that say where it is put.
    #[serde(default)]
    pub downloaders: Texts,
    /// Programs that open a connection and send what they read.
    #[serde(default)]
    pub connectors: Texts,
    /// Variables that hold a command which programs run.
    #[serde(default)]
    pub code_variables: Texts,
    /// Change the files they are given.
    #[serde(default)]
    pub changers: Texts,
    /// Put another file in the place of those they are given, unless they are told to print it.
    #[serde(default)]
    pub compressors: Texts,
    /// Change the files they are given where a command saves.
    #[serde(default)]
    pub editors: Texts,
    /// Apply a patch that they are given, or read.
    #[serde(default)]
    pub patchers: Texts,
    /// Unpack what another file holds.
    #[serde(default)]
    pub unpackers: Texts,
    /// Change the last file they are given.
    #[serde(default)]
    pub writers: Texts,
    /// Verbs of programs that copy to where their last operand says, which may be a file here (`docker cp`).
    #[serde(default)]
    pub movers: Texts,
    /// Programs beside `inert` and `filters` that change no file they are given, some with a verb; `/1`: with one operand behind it.
    #[serde(default)]
    pub lookers: Texts,
    /// Programs that print names of files or programs, which others may be given.
    #[serde(default)]
    pub listers: Texts,
    /// Options that hand a folder of this machine to a container, behind the programs that have them.
    #[serde(default)]
    pub mounts: Texts,
    /// Change the files they are given where `-i` says so.
    #[serde(default)]
    pub in_place: Texts,
    /// Options of any program whose value is a file it writes.
    #[serde(default)]
    pub output_files: Texts,
    /// Programs whose `-o` and `--output` name a format.
    #[serde(default)]
    pub output_formats: Texts,
    /// Options whose value is a folder it writes into: of any program, or of one (`tar -C`).
    #[serde(default)]
    pub output_folders: Texts,
    /// Calls that make a tag in the repository they run in, by their first words.
    #[serde(default)]
    pub taggers: Texts,
    /// Options with which they make none.
    #[serde(default)]
    pub tagless: Texts,
    /// Options that name files of variables for what is run, as `PROGRAM OPTION`.
    #[serde(default)]
    pub env_files: Texts,
    /// Files of variables that a program looks for by itself, as `PROGRAM FILE`.
    #[serde(default)]
    pub env_defaults: Texts,
    /// End other programs.
    #[serde(default)]
    pub killers: Texts,
    /// Patterns of files that are the guard's.
    #[serde(default)]
    pub guarded: Texts,
    /// Where such files lie in a home directory, for what takes whole folders along.
    #[serde(default)]
    pub at_home: Texts,
    /// Of these, what everyone may write.
    #[serde(default)]
    pub unguarded: Texts,
    /// Patterns of files that decide whether the agent asks the guard.
    #[serde(default)]
    pub guarded_agent: Texts,
    /// Patterns of files that decide whether git asks the guard.
    #[serde(default)]
    pub guarded_hooks: Texts,
    /// Shells whose `echo` reads escapes without being told.
    #[serde(default)]
    pub escaping_shells: Texts,
    /// Folders of a repository in which git's hooks lie, or what they hand on to.
    #[serde(default)]
    pub hook_folders: Texts,
    /// Patterns of files that something runs, or starts programs by, without being told.
    #[serde(default)]
    pub planted: Texts,
    /// The same of programs with languages of their own: command lines in them may be run.
    #[serde(default)]
    pub planted_settings: Texts,
    /// Patterns of files that shells read when they start.
    #[serde(default)]
    pub startup: Texts,
    /// Patterns of files that hold credentials, or a state that holds them.
    #[serde(default)]
    pub credentials: Texts,
    /// Patterns of folders that hold such files.
    #[serde(default)]
    pub credential_folders: Texts,
    /// Print the whole of the files they are given.
    #[serde(default)]
    pub printers: Texts,
    /// Copy files to their last operand.
    #[serde(default)]
    pub senders: Texts,
    /// Patterns of annotations of Secrets whose values are settings.
    #[serde(default)]
    pub secret_annotations: Texts,
    /// Patterns of kinds, as `GROUP/KIND`, whose objects hold what a revert does not bring back.
    #[serde(default)]
    pub lasting_kinds: Texts,
}
