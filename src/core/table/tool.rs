//! A tool's table: what a program's verbs and flags do. `policies/tools/*.toml`.

use databake::Bake;
use serde::{Deserialize, Deserializer};

use super::{CarryKind, Effect, Grammar, Reach, Rows, ServiceRow, Shown, Text, Texts, Trait};

/// One program whose verbs are judged.
#[derive(Clone, Copy, Debug, Deserialize, Bake)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[databake(path = rwenv_core::table)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "the keys of a table")]
pub struct Tool {
    /// Its name in policies.
    pub name: Text,
    /// The file names it is run under.
    pub programs: Texts,
    /// Blocks of `shared.toml` whose flags and variables it has too.
    #[serde(default)]
    pub include: Texts,
    /// The Go packages it is built from, as its build information has them, versions (`/v2`) left out.
    #[serde(default)]
    pub packages: Texts,
    /// What its own error messages begin with.
    pub complaint: Text,
    /// How it reads arguments.
    pub grammar: Grammar,
    /// What its commands touch, where they do not say otherwise.
    pub reach: Reach,
    /// Flags that may stand before the verb.
    #[serde(default)]
    pub globals: Flags,
    /// Which flags name what.
    #[serde(default)]
    pub roles: Roles,
    /// Variables with the meaning of those flags, and those whose value is run.
    #[serde(default)]
    pub env: Env,
    /// Programs of it that go to a cluster, to the current one where the call names none.
    #[serde(default)]
    pub to_cluster: Texts,
    /// Its lists have every flag that takes a value: one that is in no list takes none, and a `--help` behind it is one.
    #[serde(default)]
    pub exhaustive: bool,
    /// Each of its verbs is listed: a first word that is none of them is a plugin.
    #[serde(default)]
    pub plugins: bool,
    /// Scripts that its verbs run, as `VERB FILE`: `{}` is the last operand; for `*`, any verb that is not known, the verb.
    #[serde(default)]
    pub plugin_files: Texts,
    /// First words that pick a release of the same verbs.
    #[serde(default)]
    pub tracks: Texts,
    /// Where repositories named `OWNER/NAME` are.
    #[serde(default)]
    pub host: Text,
    /// The last part of git's key `remote.NAME.KEY`, where it keeps which repository a person chose for its calls.
    #[serde(default)]
    pub chosen: Text,
    /// It gets no shim.
    #[serde(default)]
    pub unshimmed: bool,
    /// Commands among its arguments are spoken of, not run: all that its known verbs run, they say.
    #[serde(default)]
    pub quotes: bool,
    /// How its calls name servers, accounts, projects and hosts.
    #[serde(default, rename = "target")]
    pub targets: Rows<ServiceRow>,
    /// Its verbs.
    #[serde(default, rename = "command")]
    pub commands: Rows<Command>,
    /// Configuration keys that matter (git).
    #[serde(default, rename = "key")]
    pub keys: Rows<KeyRule>,
    /// Requests that matter (HTTP).
    #[serde(default, rename = "endpoint")]
    pub endpoints: Rows<Endpoint>,
    /// Tricky forms, with what they come to.
    #[serde(default, rename = "example")]
    pub examples: Shown<Example>,
}

/// Flags by how they take a value. What is in none of the lists takes none; a verb's own lists count before the tool's.
#[derive(Clone, Copy, Debug, Default, Deserialize, Bake)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[databake(path = rwenv_core::table)]
#[serde(deny_unknown_fields)]
pub struct Flags {
    /// Take a value: attached, behind `=`, or the next word.
    #[serde(default)]
    pub value: Texts,
    /// Take a value only behind `=`.
    #[serde(default)]
    pub optional: Texts,
    /// Take none; listed where abbreviations have to be told apart.
    #[serde(default)]
    pub switch: Texts,
}

/// Flags by what they name.
#[derive(Clone, Copy, Debug, Default, Deserialize, Bake)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[databake(path = rwenv_core::table)]
#[serde(deny_unknown_fields)]
pub struct Roles {
    /// A context.
    #[serde(default)]
    pub context: Texts,
    /// A kubeconfig.
    #[serde(default)]
    pub kubeconfig: Texts,
    /// A namespace.
    #[serde(default)]
    pub namespace: Texts,
    /// Another server, or another identity.
    #[serde(default)]
    pub redirect: Texts,
    /// A repository, as `OWNER/NAME`.
    #[serde(default)]
    pub repository: Texts,
    /// A file of what is applied.
    #[serde(default)]
    pub file: Texts,
    /// The directory it runs in.
    #[serde(default)]
    pub chdir: Texts,
    /// A file that is going to hold what is to be done.
    #[serde(default)]
    pub plan: Texts,
    /// Another place where repositories are.
    #[serde(default)]
    pub host: Texts,
    /// A remote of the repository.
    #[serde(default)]
    pub remote: Texts,
    /// A branch that is pushed, as `NAME` or `NAME=REVISION`, or a pattern of several.
    #[serde(default)]
    pub branch: Texts,
    /// A revision that is pushed to a branch of a name that the tool makes (`push-…`).
    #[serde(default)]
    pub revision: Texts,
}

/// Environment variables of a tool.
#[derive(Clone, Copy, Debug, Default, Deserialize, Bake)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[databake(path = rwenv_core::table)]
#[serde(deny_unknown_fields)]
pub struct Env {
    /// Name a context.
    #[serde(default)]
    pub context: Texts,
    /// Name a kubeconfig.
    #[serde(default)]
    pub kubeconfig: Texts,
    /// Redirect the call.
    #[serde(default)]
    pub redirect: Texts,
    /// Hold a command that the tool runs.
    #[serde(default)]
    pub code: Texts,
    /// Change what the tool reads or skips, so that its words no longer tell what it does; patterns.
    #[serde(default)]
    pub bends: Texts,
    /// Have the tool start without what asks the guard; with a program before it, that program alone.
    #[serde(default)]
    pub unguards: Texts,
    /// Set on whole machines: they count where a command line sets them, not where a process inherits them.
    #[serde(default)]
    pub ambient: Texts,
    /// Are applied beside what files say; patterns.
    #[serde(default)]
    pub inputs: Texts,
    /// Name the host repositories are on.
    #[serde(default)]
    pub host: Texts,
    /// Holds arguments for every verb; with `_` and a verb behind it, for that one. Empty where there is none.
    #[serde(default)]
    pub arguments: Text,
}

/// Requests that are alike in what they do.
#[derive(Clone, Copy, Debug, Deserialize, Bake)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[databake(path = rwenv_core::table)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// What they are called in messages.
    pub verb: Text,
    /// One of these methods.
    #[serde(default)]
    pub methods: Texts,
    /// To one of these URLs; `*` stands for anything.
    #[serde(default)]
    pub urls: Texts,
    /// What they do.
    pub effect: Effect,
    /// What they touch.
    pub reach: Reach,
    /// Properties they have.
    #[serde(default)]
    pub traits: Rows<Trait>,
    /// Command lines that have this effect.
    #[serde(default)]
    pub examples: Shown<Text>,
    /// Command lines that change nothing.
    #[serde(default)]
    pub harmless: Shown<Text>,
}

/// One verb, or several that are alike.
#[derive(Clone, Copy, Debug, Deserialize, Bake)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[databake(path = rwenv_core::table)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "the switches of its row")]
pub struct Command {
    /// Programs of the tool that alone have it; all, where none is named.
    #[serde(default)]
    pub programs: Texts,
    /// Its words, written as one text; none for what a tool without verbs does, `*` for any words before the others.
    #[serde(default, deserialize_with = "words")]
    #[cfg_attr(test, schemars(with = "String"))]
    pub path: Texts,
    /// In its place, several verbs that are alike in everything.
    #[serde(default)]
    pub paths: Shown<Text>,
    /// Hooks of the repository that it starts (githooks(5)); git's own pre-push is rwenv's.
    #[serde(default)]
    pub hooks: Texts,
    /// Other spellings of the last word.
    #[serde(default)]
    pub aliases: Texts,
    /// What it does with no flag that changes it.
    pub effect: Effect,
    /// What it touches, where that differs from the tool's other commands.
    #[serde(default)]
    pub reach: Option<Reach>,
    /// Properties it always has.
    #[serde(default)]
    pub traits: Rows<Trait>,
    /// It only groups other verbs: an unknown word behind it is an unknown verb.
    #[serde(default)]
    pub group: bool,
    /// It sends the request that its first argument and these of its flags say; none for a verb that is no request.
    #[serde(default)]
    pub sends: Texts,
    /// Its first argument may name the repository.
    #[serde(default)]
    pub names_repository: bool,
    /// It chooses the repository that later calls are about.
    #[serde(default)]
    pub chooses_repository: bool,
    /// Its own flags that take a value.
    #[serde(default)]
    pub value: Texts,
    /// Its own flags that take a value only behind `=`.
    #[serde(default)]
    pub optional: Texts,
    /// Its own flags that take none.
    #[serde(default)]
    pub switch: Texts,
    /// Flags whose value is SQL; with them, SQL on standard input is judged too.
    #[serde(default)]
    pub sql: Texts,
    /// The positional (counted from 1) that names kinds; 0 where none does.
    #[serde(default)]
    pub kinds: u8,
    /// It has kubectl's `--dry-run`.
    #[serde(default)]
    pub dry_run: bool,
    /// Forms that change what it does.
    #[serde(default, rename = "mode")]
    pub modes: Rows<Mode>,
    /// What it hands on to be run.
    #[serde(default, rename = "carry")]
    pub carries: Rows<Carry>,
    /// Command lines that have exactly this effect.
    #[serde(default)]
    pub examples: Shown<Text>,
}

/// A form of a command that changes its effect. All conditions that are given have to hold.
#[derive(Clone, Copy, Debug, Deserialize, Bake)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[databake(path = rwenv_core::table)]
#[serde(deny_unknown_fields)]
pub struct Mode {
    /// What it does in this form.
    pub effect: Effect,
    /// What it touches in this form.
    #[serde(default)]
    pub reach: Option<Reach>,
    /// One of these flags is given: `--flag` (with any value but a false one) or `--flag=pattern`.
    #[serde(default)]
    pub flags: Texts,
    /// None of these is.
    #[serde(default)]
    pub without: Texts,
    /// One of the arguments matches one of these patterns.
    #[serde(default)]
    pub argument: Texts,
    /// No argument matches any of these.
    #[serde(default)]
    pub no_argument: Texts,
    /// The last argument matches one of these patterns.
    #[serde(default)]
    pub last: Texts,
    /// Every argument with a `=` matches one of these.
    #[serde(default)]
    pub assignments: Texts,
    /// One of the kinds named is one of these.
    #[serde(default)]
    pub kinds: Texts,
    /// Kinds are named, and each is one of these.
    #[serde(default)]
    pub every_kind: Texts,
    /// The text given to `--patch` sets nothing but these top-level keys (or `a.b`, or `a.b=value`, with the value as JSON).
    #[serde(default)]
    pub patches: Texts,
    /// That text asks for nothing but a plain sync of Argo CD.
    #[serde(default)]
    pub syncs: bool,
    /// `-o` has whole objects printed, or fields of them beside names, types, labels and the like.
    #[serde(default)]
    pub beyond_metadata: bool,
    /// No flag is given that is none of these, and no word that may be one.
    #[serde(default)]
    pub only: Texts,
    /// Least number of arguments.
    #[serde(default)]
    pub least: u8,
    /// Greatest number of arguments.
    #[serde(default = "any_number")]
    pub most: u8,
    /// Properties it has in this form.
    #[serde(default)]
    pub traits: Rows<Trait>,
    /// Command lines of this form.
    pub examples: Shown<Text>,
}

/// Something a command hands on to be run.
#[derive(Clone, Copy, Debug, Deserialize, Bake)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[databake(path = rwenv_core::table)]
#[serde(deny_unknown_fields)]
pub struct Carry {
    /// The flags whose value it is; empty: arguments.
    #[serde(default)]
    pub flags: Texts,
    /// Arguments before it.
    #[serde(default)]
    pub skip: u8,
    /// What it is.
    pub kind: CarryKind,
}

/// What configuration keys do (git).
#[derive(Clone, Copy, Debug, Deserialize, Bake)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[databake(path = rwenv_core::table)]
#[serde(deny_unknown_fields)]
pub struct KeyRule {
    /// Patterns over the lower-case key.
    pub keys: Texts,
    /// Their value is run by a shell.
    #[serde(default)]
    pub code: bool,
    /// They move or skip hooks, or pull in configuration that may.
    #[serde(default)]
    pub skips_hooks: bool,
}

/// A tricky form, and what it comes to.
#[derive(Clone, Copy, Debug, Deserialize, Bake)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[databake(path = rwenv_core::table)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// The command line.
    pub command: Text,
    /// Its effect.
    pub effect: Effect,
    /// What it touches.
    #[serde(default)]
    pub reach: Option<Reach>,
    /// Properties it has among others.
    #[serde(default)]
    pub traits: Rows<Trait>,
}

impl Command {
    /// Its verbs, each as one text.
    #[must_use]
    pub fn verbs(&self) -> Vec<String> {
        match self.paths.as_ref() {
            [] => vec![self.path.join(" ")],
            several => several.iter().map(ToString::to_string).collect(),
        }
    }

    /// Its own flags.
    #[must_use]
    pub const fn flags(&self) -> Flags {
        Flags { value: self.value, optional: self.optional, switch: self.switch }
    }
}

impl Mode {
    /// A form that nothing tells from others, with this effect.
    #[must_use]
    pub const fn of(effect: Effect) -> Self {
        let none = Texts::new(&[]);
        Self {
            effect,
            reach: None,
            flags: none,
            without: none,
            argument: none,
            no_argument: none,
            last: none,
            assignments: none,
            kinds: none,
            every_kind: none,
            patches: none,
            syncs: false,
            beyond_metadata: false,
            only: none,
            least: 0,
            most: u8::MAX,
            traits: Rows::new(&[]),
            examples: Shown::nothing(),
        }
    }
}

/// A text as its words.
fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Texts, D::Error> {
    Text::deserialize(deserializer).map(|text| text.as_str().split_whitespace().collect())
}

/// As many arguments as one likes.
fn any_number() -> u8 {
    u8::MAX
}
