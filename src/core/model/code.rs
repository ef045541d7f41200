//! Programs as data that are no tools of ours and run code all the same: other languages, runners of targets, MCP servers.

use super::{Effect, Reach};

/// A language whose programs run code that is not a shell's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Language {
    /// The file names of its programs, without versions.
    pub programs: &'static [&'static str],
    /// Options whose value is code.
    pub code: &'static [&'static str],
    /// Options with another value.
    pub value: &'static [&'static str],
    /// Options whose value is a file of code.
    pub file: &'static [&'static str],
    /// Options behind which no code is read.
    pub stop: &'static [&'static str],
    /// Words that may stand before the file.
    pub verbs: &'static [&'static str],
    /// Short options may hold their value.
    pub attached: bool,
    /// `+CODE` is code.
    pub plus: bool,
    /// Where code stands beside options.
    pub place: CodePlace,
    /// What begins a comment.
    pub comment: &'static [&'static str],
    /// Variables that hold options.
    pub variables: &'static [&'static str],
    /// Variables that name a file of code.
    pub files_in: &'static [&'static str],
    /// Names that start programs.
    pub starts: &'static [&'static str],
    /// Names that make text out of what cannot be read.
    pub decodes: &'static [&'static str],
    /// Names whose arguments are only shown or looked for.
    pub says: &'static [&'static str],
    /// Patterns whose first group is a command line.
    pub lines: &'static [&'static str],
    /// How its code writes files.
    pub files: CodeFiles,
}

/// Names by which code writes files. One with a dot is meant as a whole, or as it is when it is imported; `/1` behind a name: with one
/// argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeFiles {
    /// Write what their first argument names.
    pub writes: &'static [&'static str],
    /// Write what any of their arguments names.
    pub moves: &'static [&'static str],
    /// Write what their second argument names.
    pub copies: &'static [&'static str],
    /// Write what they are called on.
    pub methods: &'static [&'static str],
    /// Write what they open, where a mode says so.
    pub opens: &'static [&'static str],
    /// Stand for the home directory.
    pub home: &'static [&'static str],
    /// Patterns whose first group is a file that is written.
    pub patterns: &'static [&'static str],
    /// Go to the directory that they are given.
    pub enters: &'static [&'static str],
    /// Calls that change no file; where there is such a list, what any other call does is not known.
    pub looks: &'static [&'static str],
}

/// Where a program finds its code, if no option gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodePlace {
    /// The first operand is code.
    pub first: bool,
    /// The first operand is a file of code.
    pub script: bool,
    /// Standard input is code where there is no operand.
    pub stdin: bool,
}

/// Client libraries that change something without any tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// What their use comes to.
    pub about: &'static str,
    /// Code that uses them has one of these names,
    pub names: &'static [&'static str],
    /// one of these texts,
    pub with: &'static [&'static str],
    /// and one of these, where there are any.
    pub and: &'static [&'static str],
}

/// A program that runs what a file of targets says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Runner {
    /// The file names it is run under.
    pub programs: &'static [&'static str],
    /// The format of its files.
    pub format: &'static str,
    /// The names of its files.
    pub files: &'static [&'static str],
    /// They may lie in folders above.
    pub upward: bool,
    /// Words that stand before targets.
    pub verbs: &'static [&'static str],
    /// Verbs that are targets themselves.
    pub itself: &'static [&'static str],
    /// Options that name a file.
    pub file: &'static [&'static str],
    /// Options that name a directory.
    pub chdir: &'static [&'static str],
    /// Options whose value is a part of such a file.
    pub code: &'static [&'static str],
    /// Options with another value.
    pub value: &'static [&'static str],
    /// Options with which nothing is run.
    pub stop: &'static [&'static str],
}

/// What names of tools behind MCP servers mean.
#[derive(Clone, Copy, Debug)]
pub struct Mcp {
    /// Servers that reach what is guarded.
    pub servers: &'static [McpServer],
    /// Words in the names of tools.
    pub verbs: &'static [McpVerb],
    /// Arguments that hold a command line.
    pub command: &'static [&'static str],
    /// Arguments that say which operation of several a tool is to do.
    pub operation: &'static [&'static str],
    /// Arguments that name a context.
    pub context: &'static [&'static str],
    /// Arguments that hold SQL.
    pub sql: &'static [&'static str],
    /// Arguments that name a kind of object.
    pub kind: &'static [&'static str],
    /// Arguments that name the owner of a repository.
    pub owner: &'static [&'static str],
    /// Arguments that name a repository, with its owner or without.
    pub repository: &'static [&'static str],
    /// What a proposal is called, as words with spaces between.
    pub proposal: &'static [&'static str],
    /// Words that say that it is only talked about.
    pub talk: &'static [&'static str],
    /// Words in the names of tools that write files.
    pub file_verbs: &'static [&'static str],
    /// Of these, which do so with all that is below them.
    pub whole_verbs: &'static [&'static str],
    /// Arguments that name a file that is written.
    pub path: &'static [&'static str],
    /// Arguments that name a file that is written where it is taken away from its place.
    pub source: &'static [&'static str],
}

/// Servers that are alike.
#[derive(Clone, Copy, Debug)]
pub struct McpServer {
    /// One of these stands in the name of the server or the tool.
    pub words: &'static [&'static str],
    /// What they touch.
    pub reach: Reach,
    /// They host repositories.
    pub forge: bool,
}

/// Words that are alike.
#[derive(Clone, Copy, Debug)]
pub struct McpVerb {
    /// The words.
    pub words: &'static [&'static str],
    /// What a tool with one of them does.
    pub effect: Effect,
    /// On hosts of repositories alone.
    pub forge: bool,
}
