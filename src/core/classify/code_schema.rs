//! The shape of `languages.toml`, `runners.toml`, `forges.toml` and `mcp.toml` in `policies/tools/`, for the build script and for the runner of the
//! examples.

use serde::Deserialize;

/// `forges.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ForgeFile {
    /// Requests.
    pub request: Vec<ForgeRow>,
}

/// Requests to forges that are alike.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ForgeRow {
    /// What they are called.
    pub verb: String,
    /// Methods; none: all that change something.
    pub methods: Vec<String>,
    /// Patterns of paths.
    pub paths: Vec<String>,
    /// Only where the host is known to be a forge's.
    pub sure: bool,
    /// Patterns of what is sent.
    pub data: Vec<String>,
    /// Fields of a GraphQL mutation, of which there is one.
    pub fields: Vec<String>,
    /// Fields of a GraphQL mutation beside which there are no others.
    pub only: Vec<String>,
    /// Properties.
    pub traits: Vec<String>,
    /// Command lines that are such a request.
    pub examples: Vec<String>,
    /// Command lines that change nothing of a repository.
    pub harmless: Vec<String>,
}

/// `languages.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LanguageFile {
    /// Languages.
    pub language: Vec<LanguageRow>,
    /// Client libraries.
    pub client: Vec<ClientRow>,
}

/// A language.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LanguageRow {
    /// File names, without versions.
    pub programs: Vec<String>,
    /// Options whose value is code.
    pub code: Vec<String>,
    /// Options with another value.
    pub value: Vec<String>,
    /// Options whose value is a file of code.
    pub file: Vec<String>,
    /// Options behind which no code is read.
    pub stop: Vec<String>,
    /// Words that may stand before the file.
    pub verbs: Vec<String>,
    /// Short options may hold their value.
    pub attached: bool,
    /// `+CODE` is code.
    pub plus: bool,
    /// `first`: the first operand is code; `script`: it is a file of code; `stdin`: standard input is code.
    pub reads: Vec<String>,
    /// What begins a comment.
    pub comment: Vec<String>,
    /// Variables that hold options.
    pub variables: Vec<String>,
    /// Variables that name a file of code.
    pub files_in: Vec<String>,
    /// Names that start programs.
    pub starts: Vec<String>,
    /// Names that make text out of what cannot be read.
    pub decodes: Vec<String>,
    /// Names whose arguments are only shown.
    pub says: Vec<String>,
    /// Patterns whose first group is a command line.
    pub lines: Vec<String>,
    /// How its code writes files.
    pub files: CodeFilesRow,
    /// Command lines that run `kubectl delete pod p`.
    pub examples: Vec<String>,
    /// Command lines that write a file of the guard's.
    pub tampers: Vec<String>,
    /// Command lines that run nothing that matters.
    pub harmless: Vec<String>,
}

/// Names by which code writes files.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CodeFilesRow {
    /// Their first argument.
    pub writes: Vec<String>,
    /// Any of their arguments.
    pub moves: Vec<String>,
    /// Their second argument.
    pub copies: Vec<String>,
    /// What they are called on.
    pub methods: Vec<String>,
    /// What they open, where a mode says so.
    pub opens: Vec<String>,
    /// Stand for the home directory.
    pub home: Vec<String>,
    /// Patterns whose first group is a file that is written.
    pub patterns: Vec<String>,
    /// Go to another directory.
    pub enters: Vec<String>,
    /// Calls that change no file.
    pub looks: Vec<String>,
}

/// Client libraries.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClientRow {
    /// What their use comes to.
    pub about: String,
    /// One of these names.
    pub names: Vec<String>,
    /// And one of these texts.
    pub with: Vec<String>,
    /// And one of these, where there are any.
    pub and: Vec<String>,
    /// Command lines that use one.
    pub examples: Vec<String>,
    /// Command lines that do not, or only look.
    pub harmless: Vec<String>,
}

/// `runners.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunnerFile {
    /// Runners.
    pub runner: Vec<RunnerRow>,
}

/// A program that runs what a file of targets says.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunnerRow {
    /// File names.
    pub programs: Vec<String>,
    /// `make`, `just`, `task` or `npm`.
    pub format: String,
    /// Names of its files.
    pub files: Vec<String>,
    /// They may lie in folders above.
    pub upward: bool,
    /// Words before targets.
    pub verbs: Vec<String>,
    /// Verbs that are targets.
    pub itself: Vec<String>,
    /// Options that name a file.
    pub file: Vec<String>,
    /// Options that name a directory.
    pub chdir: Vec<String>,
    /// Options whose value is a part of such a file.
    pub code: Vec<String>,
    /// Options with another value.
    pub value: Vec<String>,
    /// Options with which nothing is run.
    pub stop: Vec<String>,
    /// Command lines that run `kubectl delete pod p`.
    pub examples: Vec<String>,
    /// Command lines that run nothing that matters.
    pub harmless: Vec<String>,
}

/// `mcp.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct McpFile {
    /// Arguments that hold a command line.
    pub command: Vec<String>,
    /// Arguments that say which operation.
    pub operation: Vec<String>,
    /// Arguments that name a context.
    pub context: Vec<String>,
    /// Arguments that hold SQL.
    pub sql: Vec<String>,
    /// Arguments that name a kind.
    pub kind: Vec<String>,
    /// Arguments that name the owner of a repository.
    pub owner: Vec<String>,
    /// Arguments that name a repository.
    pub repository: Vec<String>,
    /// Names of proposals.
    pub proposal: Vec<String>,
    /// Words of talk about them.
    pub talk: Vec<String>,
    /// Words in the names of tools that write files.
    pub file_verbs: Vec<String>,
    /// Of these, with all that is below them.
    pub whole_verbs: Vec<String>,
    /// Arguments that name a file that is written.
    pub path: Vec<String>,
    /// Arguments that name a file that may be taken away.
    pub source: Vec<String>,
    /// Servers.
    pub server: Vec<McpServerRow>,
    /// Words of tools.
    pub verb: Vec<McpVerbRow>,
    /// Calls.
    pub example: Vec<McpExample>,
}

/// Servers that are alike.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct McpServerRow {
    /// Words in their names.
    pub words: Vec<String>,
    /// What they touch.
    pub reach: String,
    /// They host repositories.
    pub forge: bool,
}

/// Words that are alike.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct McpVerbRow {
    /// The words.
    pub words: Vec<String>,
    /// What they mean.
    pub effect: String,
    /// On hosts of repositories alone.
    pub forge: bool,
}

/// A call and what it comes to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct McpExample {
    /// Server, tool, arguments.
    pub call: String,
    /// The greatest effect; `none` where it is nothing of ours.
    pub effect: String,
}
