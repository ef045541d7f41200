//! The tables of `policies/`, each field spelled once. The build reads the files as these types and writes them down as constants; the
//! runner of the examples reads the same files as the same types.

mod api;
mod code;
mod custody;
mod lint;
mod program;
mod rule;
mod service;
mod text;
mod tool;
mod words;

pub use api::{ApiResources, ClusterApi, PatchForm, RunForm};
pub use code::{
    Client, CodeFiles, ForgeFile, ForgeRequest, Language, LanguageFile, Mcp, McpExample, McpServer, McpTool,
    McpVerb, Runner, RunnerFile,
};
pub use custody::{Custody, HiddenRow, RemovedRow, fits};
pub use lint::{LintExample, LintFile, LintRule, RemovedVersion};
pub use program::{Programs, Wrapper, WrapperFile};
pub use rule::{
    FILLED_IN, PathClass, PolicyFile, Rule, RuleExample, RuleExamples, RuleList, RuleText, When,
    never_filled_in,
};
pub use service::{KubeconfigMaker, ServiceRow};
pub use text::{Rows, Shown, Text, Texts};
pub use tool::{Carry, Command, Endpoint, Env, Example, Flags, KeyRule, Mode, Roles, Tool};
pub use words::{
    CarryKind, CodePlace, Decision, Effect, FlagName, Grammar, Level, Reach, Refs, Repository, TargetFormat,
    TargetKind, Trait, WrapperStyle, is_none_of, nearest,
};

use std::cell::Cell;

use databake::Bake;

/// Everything known of programs.
#[derive(Clone, Copy, Debug, Bake)]
#[databake(path = rwenv_core::table)]
pub struct Tools {
    /// Programs whose verbs are judged.
    pub tools: Rows<Tool>,
    /// Programs that run other programs.
    pub wrappers: Rows<Wrapper>,
    /// Languages whose programs run code.
    pub languages: Rows<Language>,
    /// Client libraries that change something.
    pub clients: Rows<Client>,
    /// Programs that run what a file of targets says.
    pub runners: Rows<Runner>,
    /// Requests to forges; of several that fit the first counts.
    pub forges: Rows<ForgeRequest>,
    /// Tools behind MCP servers.
    pub mcp: Mcp,
    /// Lists of programs, variables and files.
    pub programs: Programs,
    /// All names of programs.
    pub names: Names,
}

impl Tools {
    /// The tool a program name belongs to.
    #[must_use]
    pub fn tool(&self, program: &str) -> Option<&'static Tool> {
        // `helm3`, `kubectl1.29`, `terraform-1.9`: several versions beside each other.
        let bare =
            || program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.').trim_end_matches('-');
        let found = self.names.find(program).or_else(|| self.names.find(bare()));
        self.tools.as_slice().get(found?.tool?)
    }

    /// The tool or wrapper of this name, as it is written in the tables.
    #[must_use]
    pub fn canonical_name(&self, program: &str) -> Option<&'static str> {
        let found = self.names.find(program)?;
        (found.tool.is_some() || !found.wrappers.is_empty()).then(|| self.names.text(found))
    }

    /// The language a program name belongs to; a version behind the name (`python3.12`) does not count.
    #[must_use]
    pub fn language(&self, program: &str) -> Option<&'static Language> {
        let bare = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
        let named = |name: &str| self.names.find(name).and_then(|found| found.language);
        self.languages.as_slice().get(named(program).or_else(|| named(bare))?)
    }

    /// The runner a program name belongs to.
    #[must_use]
    pub fn runner(&self, program: &str) -> Option<&'static Runner> {
        self.runners.as_slice().get(self.names.find(program)?.runner?)
    }

    /// The wrapper a program name belongs to.
    #[must_use]
    pub fn wrapper(&self, program: &str) -> Option<&'static Wrapper> {
        self.wrappers(program).next()
    }

    /// Every way a program runs others.
    pub fn wrappers(&self, program: &str) -> impl Iterator<Item = &'static Wrapper> + use<> {
        let all = self.wrappers.as_slice();
        let found = self.names.find(program).map_or(&[][..], |found| found.wrappers.as_slice());
        found.iter().filter_map(move |at| all.get(*at))
    }

    /// True for a program that never runs its arguments.
    #[must_use]
    pub fn is_inert(&self, program: &str) -> bool {
        self.names.find(program).is_some_and(|found| found.inert)
    }

    /// The name of a shim, as it is written in the tables.
    #[must_use]
    pub fn shim(&self, program: &str) -> Option<&'static str> {
        self.names.find(program).filter(|found| found.shim).map(|found| self.names.text(found))
    }

    /// The names shims have: every tool that is judged, and the wrappers that carry commands into containers; sorted.
    pub fn shims(&self) -> impl Iterator<Item = &'static str> + use<> {
        let names = self.names;
        names.all.as_slice().iter().filter(|name| name.shim).map(move |name| names.text(name))
    }
}

/// The names of all programs in one place: a process that looks for a few of them reads no more than it has to.
#[derive(Clone, Copy, Debug, Bake)]
#[databake(path = rwenv_core::table)]
pub struct Names {
    /// The names, one behind the other.
    pub texts: Text,
    /// Where each stands and what it is, sorted by name.
    pub all: Rows<Name>,
}

thread_local! {
    /// The name that was found last.
    static LAST: Cell<Option<&'static Name>> = const { Cell::new(None) };
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, Bake)]
#[databake(path = rwenv_core::table)]
pub struct Name {
    /// Where it begins in the texts.
    pub start: u16,
    /// How many bytes it has.
    pub len: u8,
    /// It never runs its arguments.
    pub inert: bool,
    /// A shim stands before it on `PATH`.
    pub shim: bool,
    /// Its place among the tools.
    pub tool: Option<usize>,
    /// Its place among the languages.
    pub language: Option<usize>,
    /// Its place among the runners.
    pub runner: Option<usize>,
    /// Its places among the wrappers.
    pub wrappers: Rows<usize>,
}

impl Names {
    fn text(&self, name: &Name) -> &'static str {
        let start = usize::from(name.start);
        self.texts.as_str().get(start..start + usize::from(name.len)).unwrap_or_default()
    }

    fn find(&self, program: &str) -> Option<&'static Name> {
        // One program is looked for many times in a row.
        let own = self.all.as_slice().as_ptr_range();
        let last = LAST.get().filter(|name| own.contains(&std::ptr::from_ref(*name)));
        last.filter(|name| self.text(name) == program).or_else(|| {
            let found = self.all.binary_search_by(|name| self.text(name).cmp(program)).ok()?;
            let found = self.all.as_slice().get(found);
            LAST.set(found);
            found
        })
    }
}
