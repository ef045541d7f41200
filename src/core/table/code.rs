//! Programs that run code all the same: other languages, runners of targets, MCP servers, and requests to forges. `policies/programs/`.

use databake::Bake;
use serde::Deserialize;

use super::{CodePlace, Effect, Reach, Rows, Shown, TargetFormat, Text, Texts, Trait};

/// `languages.toml`.
#[derive(Clone, Copy, Debug, Deserialize, Bake)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[databake(path = rwenv_core::table)]
#[serde(deny_unknown_fields)]
pub struct LanguageFile {
    /// Languages.
    #[serde(rename = "language")]
    pub languages: Rows<Language>,
    /// Client libraries.
    #[serde(rename = "client")]
    pub clients: Rows<Client>,
}

/// A language whose programs run code that is not a shell's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Bake)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[databake(path = rwenv_core::table)]
#[serde(deny_unknown_fields)]
pub struct Language {
    /// The file names of its programs, without versions.
    pub programs: Texts,
    /// Options whose value is code.
    #[serde(default)]
    pub code: Texts,
    /// Options with another value.
    #[serde(default)]
    pub value: Texts,
    /// Options whose value is a file of code.
    #[serde(default)]
    pub file: Texts,
    /// Options, and modules, with which code is checked and not run.
    #[serde(default)]
    pub checks: Texts,
    /// Options behind which no code is read.
    #[serde(default)]
    pub stop: Texts,
    /// Words that may stand before the file.
    #[serde(default)]
    pub verbs: Texts,
    /// Short options may hold their value.
    #[serde(default)]
    pub attached: bool,
    /// `+CODE` is code.
    #[serde(default)]
    pub plus: bool,
    /// Where code stands beside options.
    #[serde(default)]
    pub reads: Rows<CodePlace>,
    /// Programs that take standard input for text to work on where an operand is `-`.
    #[serde(default)]
    pub text_input: Texts,
    /// Options behind which a module is named.
    #[serde(default)]
    pub module: Texts,
    /// The files that a module of a name may be, `{}` for the name.
    #[serde(default)]
    pub modules: Texts,
    /// Patterns whose first group is a module that code takes in.
    #[serde(default)]
    pub imports: Texts,
    /// Patterns whose first group is a file that code reads as data.
    #[serde(default)]
    pub data: Texts,
    /// What begins a comment.
    #[serde(default)]
    pub comment: Texts,
    /// Variables that hold options.
    #[serde(default)]
    pub variables: Texts,
    /// Variables that name a file of code.
    #[serde(default)]
    pub files_in: Texts,
    /// Names that start programs.
    #[serde(default)]
    pub starts: Texts,
    /// Names that make text out of what cannot be read.
    #[serde(default)]
    pub decodes: Texts,
    /// Names whose arguments are only shown or looked for.
    #[serde(default)]
    pub says: Texts,
    /// Patterns whose first group is a command line.
    #[serde(default)]
    pub lines: Texts,
    /// How its code writes files.
    #[serde(default)]
    pub files: CodeFiles,
    /// Command lines that run `kubectl delete pod p`.
    #[serde(default)]
    pub examples: Shown<Text>,
    /// Command lines that write a file of the guard's.
    #[serde(default)]
    pub tampers: Shown<Text>,
    /// Command lines that run nothing that matters.
    pub harmless: Shown<Text>,
}

/// Names by which code writes files. One with a dot is meant as a whole, or as it is when it is imported; `/1` behind a name: with one
/// argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize, Bake)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[databake(path = rwenv_core::table)]
#[serde(deny_unknown_fields)]
pub struct CodeFiles {
    /// Write what their first argument names.
    #[serde(default)]
    pub writes: Texts,
    /// Write what any of their arguments names.
    #[serde(default)]
    pub moves: Texts,
    /// Write what their second argument names.
    #[serde(default)]
    pub copies: Texts,
    /// Those of them that copy a folder with all that is in it.
    #[serde(default)]
    pub trees: Texts,
    /// Write what they are called on.
    #[serde(default)]
    pub methods: Texts,
    /// Write what they open, where a mode says so.
    #[serde(default)]
    pub opens: Texts,
    /// Stand for the home directory.
    #[serde(default)]
    pub home: Texts,
    /// Patterns whose first group is a file that is written.
    #[serde(default)]
    pub patterns: Texts,
    /// Go to the directory that they are given.
    #[serde(default)]
    pub enters: Texts,
    /// Calls that change no file; where there is such a list, what any other call does is not known.
    #[serde(default)]
    pub looks: Texts,
}

/// Client libraries that change something without any tool.
#[derive(Clone, Copy, Debug, Deserialize, Bake)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[databake(path = rwenv_core::table)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// What their use comes to.
    pub about: Text,
    /// Code that uses them has one of these names,
    pub names: Texts,
    /// one of these texts,
    #[serde(default)]
    pub with: Texts,
    /// and one of these, where there are any.
    #[serde(default)]
    pub and: Texts,
    /// Command lines that use one.
    pub examples: Shown<Text>,
    /// Command lines that do not, or only look.
    pub harmless: Shown<Text>,
}

/// `runners.toml`.
#[derive(Clone, Copy, Debug, Deserialize, Bake)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[databake(path = rwenv_core::table)]
#[serde(deny_unknown_fields)]
pub struct RunnerFile {
    /// Runners.
    #[serde(rename = "runner")]
    pub runners: Rows<Runner>,
}

/// A program that runs what a file of targets says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Bake)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[databake(path = rwenv_core::table)]
#[serde(deny_unknown_fields)]
pub struct Runner {
    /// The file names it is run under.
    pub programs: Texts,
    /// The format of its files.
    pub format: TargetFormat,
    /// The names of its files.
    #[serde(default)]
    pub files: Texts,
    /// They may lie in folders above.
    #[serde(default)]
    pub upward: bool,
    /// Words that stand before targets.
    #[serde(default)]
    pub verbs: Texts,
    /// Verbs that are targets themselves; `*`: any word is.
    #[serde(default)]
    pub itself: Texts,
    /// Verbs that run scripts of their own, as `VERB SCRIPT SCRIPT`.
    #[serde(default)]
    pub events: Texts,
    /// The verb that it runs without any.
    #[serde(default)]
    pub bare: Text,
    /// All of a file counts, whatever is asked for.
    #[serde(default)]
    pub whole: bool,
    /// Lines that begin a part of a text which belongs to every target.
    #[serde(default)]
    pub base: Texts,
    /// Operands are files of its own.
    #[serde(default)]
    pub operands: bool,
    /// Words in names of targets that say a cluster or a service is changed.
    #[serde(default)]
    pub changes: Texts,
    /// Options that set a variable: its name, and its value.
    #[serde(default)]
    pub sets: Texts,
    /// Options that name a file.
    #[serde(default)]
    pub file: Texts,
    /// Options with which the person's own file is meant,
    #[serde(default)]
    pub global: Texts,
    /// which is one of these.
    #[serde(default)]
    pub global_files: Texts,
    /// Options that name a directory.
    #[serde(default)]
    pub chdir: Texts,
    /// Options with which make prints what it would run.
    #[serde(default)]
    pub prints: Texts,
    /// Options that count behind the target, too.
    #[serde(default)]
    pub behind: Texts,
    /// Options whose value is a part of such a file.
    #[serde(default)]
    pub code: Texts,
    /// Options with another value.
    #[serde(default)]
    pub value: Texts,
    /// Options with which nothing is run.
    #[serde(default)]
    pub stop: Texts,
    /// Command lines that run `kubectl delete pod p`.
    #[serde(default)]
    pub examples: Shown<Text>,
    /// Command lines that run nothing that matters.
    pub harmless: Shown<Text>,
}

/// `mcp.toml`: what names of tools behind MCP servers mean.
#[derive(Clone, Copy, Debug, Deserialize, Bake)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[databake(path = rwenv_core::table)]
#[serde(deny_unknown_fields)]
pub struct Mcp {
    /// Servers that reach what is guarded.
    #[serde(default, rename = "server")]
    pub servers: Rows<McpServer>,
    /// Words in the names of tools.
    #[serde(default, rename = "verb")]
    pub verbs: Rows<McpVerb>,
    /// Arguments that hold a command line.
    #[serde(default)]
    pub command: Texts,
    /// Arguments that stand between a command and the rest of its line, where a tool runs a program that its name says.
    #[serde(default)]
    pub between: Texts,
    /// Words of a tool that runs the line it is given, beside the program's name.
    #[serde(default)]
    pub runs: Texts,
    /// Words of a tool that prints credentials, with spaces between.
    #[serde(default)]
    pub credentials: Texts,
    /// Arguments that say which operation of several a tool is to do.
    #[serde(default)]
    pub operation: Texts,
    /// Arguments that name a context.
    #[serde(default)]
    pub context: Texts,
    /// Arguments that hold SQL.
    #[serde(default)]
    pub sql: Texts,
    /// Arguments that name a kind of object.
    #[serde(default)]
    pub kind: Texts,
    /// Arguments that name the owner of a repository.
    #[serde(default)]
    pub owner: Texts,
    /// Arguments that name a repository, with its owner or without.
    #[serde(default)]
    pub repository: Texts,
    /// Arguments that hold the number of a pull request.
    #[serde(default)]
    pub request: Texts,
    /// What a proposal is called, as words with spaces between.
    #[serde(default)]
    pub proposal: Texts,
    /// Words that say that it is only talked about.
    #[serde(default)]
    pub talk: Texts,
    /// Words in the names of tools that write files.
    #[serde(default)]
    pub file_verbs: Texts,
    /// Of these, which do so with all that is below them.
    #[serde(default)]
    pub whole_verbs: Texts,
    /// Arguments that name a file that is written.
    #[serde(default)]
    pub path: Texts,
    /// Arguments that name a file that is written where it is taken away from its place.
    #[serde(default)]
    pub source: Texts,
    /// Calls.
    #[serde(default, rename = "example")]
    pub examples: Shown<McpExample>,
}

/// Servers that are alike.
#[derive(Clone, Copy, Debug, Deserialize, Bake)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[databake(path = rwenv_core::table)]
#[serde(deny_unknown_fields)]
pub struct McpServer {
    /// One of these stands in the name of the server or the tool.
    pub words: Texts,
    /// What they touch.
    pub reach: Reach,
    /// They host repositories.
    #[serde(default)]
    pub forge: bool,
    /// All their tools, where each is known. The words then stand in the name of the server.
    #[serde(default, rename = "tool")]
    pub tools: Rows<McpTool>,
}

/// A tool that stands for a command line.
#[derive(Clone, Copy, Debug, Deserialize, Bake)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[databake(path = rwenv_core::table)]
#[serde(deny_unknown_fields)]
pub struct McpTool {
    /// Its name.
    pub name: Text,
    /// The command line, without its arguments.
    pub line: Text,
}

/// Words that are alike.
#[derive(Clone, Copy, Debug, Deserialize, Bake)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[databake(path = rwenv_core::table)]
#[serde(deny_unknown_fields)]
pub struct McpVerb {
    /// The words.
    pub words: Texts,
    /// What a tool with one of them does.
    pub effect: Effect,
    /// On hosts of repositories alone.
    #[serde(default)]
    pub forge: bool,
}

/// A call, and what it comes to.
#[derive(Clone, Copy, Debug, Deserialize, Bake)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[databake(path = rwenv_core::table)]
#[serde(deny_unknown_fields)]
pub struct McpExample {
    /// Server, tool, arguments.
    pub call: Text,
    /// The greatest effect; `none` where it is nothing of ours.
    pub effect: Text,
}

/// `forges.toml`.
#[derive(Clone, Copy, Debug, Deserialize, Bake)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[databake(path = rwenv_core::table)]
#[serde(deny_unknown_fields)]
pub struct ForgeFile {
    /// Requests; of several that fit the first counts.
    #[serde(rename = "request")]
    pub requests: Rows<ForgeRequest>,
}

/// Requests that are alike in what they do to a repository.
#[derive(Clone, Copy, Debug, Deserialize, Bake)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[databake(path = rwenv_core::table)]
#[serde(deny_unknown_fields)]
pub struct ForgeRequest {
    /// What it is called in messages.
    pub verb: Text,
    /// One of these methods.
    #[serde(default)]
    pub methods: Texts,
    /// To one of these paths: `*` stands for one segment, `**` for any that follow.
    #[serde(default)]
    pub paths: Texts,
    /// It counts only where the host is known to be a forge's.
    #[serde(default)]
    pub sure: bool,
    /// Something is sent that matches one of these patterns; none: whatever is sent.
    #[serde(default)]
    pub data: Texts,
    /// One of the fields at the root of a GraphQL mutation is one of these.
    #[serde(default)]
    pub fields: Texts,
    /// All fields at the root of a GraphQL mutation are among these.
    #[serde(default)]
    pub only: Texts,
    /// Properties it has.
    #[serde(default)]
    pub traits: Rows<Trait>,
    /// Command lines that are such a request.
    pub examples: Shown<Text>,
    /// Command lines that change nothing of a repository.
    #[serde(default)]
    pub harmless: Shown<Text>,
}
