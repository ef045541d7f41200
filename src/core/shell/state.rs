//! What is known at a point of a command line: variables, functions, aliases, directories.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use brush_parser::ast::FunctionBody;

use crate::model::{Assigned, Dir, Word};

/// Most alternatives that are kept for one variable; more count as unknown.
pub(super) const MOST_ALTERNATIVES: usize = 32;

/// What a variable may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum VariableValue {
    /// One string.
    Scalar(Word),
    /// An indexed array.
    List(Vec<Word>),
    /// Not set.
    Unset,
    /// Anything, an array included.
    Unknown,
}

/// A variable the command line has touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Variable {
    /// All values it may have here; never empty.
    pub(super) alternatives: Vec<VariableValue>,
    /// It is passed to programs.
    pub(super) exported: bool,
    /// `declare -n`: it stands for the variable it names.
    pub(super) reference: bool,
    /// `declare -i`: what it is given is arithmetic.
    pub(super) integer: bool,
}

impl Variable {
    fn new(alternatives: Vec<VariableValue>) -> Self {
        Self { alternatives, exported: false, reference: false, integer: false }
    }

    fn join(&mut self, other: &Self) {
        for value in &other.alternatives {
            if !self.alternatives.contains(value) {
                self.alternatives.push(value.clone());
            }
        }
        if self.alternatives.len() > MOST_ALTERNATIVES {
            self.alternatives = vec![VariableValue::Unknown];
        }
        self.exported |= other.exported;
        self.reference |= other.reference;
        self.integer |= other.integer;
    }
}

/// Everything that a later command of the same shell may depend on. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct State {
    vars: Rc<BTreeMap<String, Variable>>,
    functions: Rc<BTreeMap<String, Vec<Rc<FunctionBody>>>>,
    aliases: Rc<BTreeMap<String, Vec<String>>>,
    /// Functions that programs get in their environment.
    exported: Rc<BTreeSet<String>>,
    /// `$1`…; none where they are not known.
    pub(super) positional: Option<Rc<Vec<Word>>>,
    /// The directories the shell may be in.
    pub(super) cwd: Rc<Vec<Dir>>,
    /// The directories it may have been in before (`cd -`).
    pub(super) previous: Rc<Vec<Dir>>,
    /// `pushd`'s stack, top last.
    pub(super) stack: Rc<Vec<Rc<Vec<Dir>>>>,
    /// What `set` and `shopt` have switched.
    pub(super) options: ShellOptions,
}

/// An option of the shell that changes what a line does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ShellOption {
    /// `set -e`.
    Errexit = 1,
    /// `set -a`: what is assigned or defined is exported.
    Allexport = 2,
    /// `shopt -s nocasematch`.
    Nocasematch = 4,
    /// `echo` reads escapes without `-e`: `shopt -s xpg_echo`, or another shell than bash.
    EchoEscapes = 8,
    /// `shopt -s dotglob`: patterns find hidden files, too.
    Dotglob = 16,
}

/// The options that are on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ShellOptions(u8);

impl ShellOptions {
    pub(super) fn has(self, option: ShellOption) -> bool {
        self.0 & option as u8 != 0
    }

    pub(super) fn set(&mut self, option: ShellOption, on: bool) {
        if on { self.0 |= option as u8 } else { self.0 &= !(option as u8) }
    }

    /// Either of two: an option may be on, but a line ends early only where that is sure.
    fn join(self, other: Self) -> Self {
        let mut joined = Self(self.0 | other.0);
        let ends = self.has(ShellOption::Errexit) && other.has(ShellOption::Errexit);
        joined.set(ShellOption::Errexit, ends);
        joined
    }
}

impl State {
    pub(super) fn new(cwd: Vec<Dir>) -> Self {
        Self {
            vars: Rc::default(),
            functions: Rc::default(),
            aliases: Rc::default(),
            exported: Rc::default(),
            positional: None,
            previous: Rc::new(vec![Dir::Unknown]),
            cwd: Rc::new(cwd),
            stack: Rc::default(),
            options: ShellOptions::default(),
        }
    }

    /// The name a variable stands for, through name references.
    fn resolve<'a>(&'a self, name: &'a str) -> &'a str {
        let mut name = name;
        for _ in 0..8 {
            match self.vars.get(name) {
                Some(Variable { reference: true, alternatives, .. }) => match alternatives.as_slice() {
                    [VariableValue::Scalar(word)] => match word.as_literal() {
                        Some(target) => name = target,
                        None => return name,
                    },
                    _ => return name,
                },
                _ => return name,
            }
        }
        name
    }

    /// What the variable may hold; none where the command line has not touched it.
    pub(super) fn get(&self, name: &str) -> Option<&[VariableValue]> {
        self.vars.get(self.resolve(name)).map(|v| v.alternatives.as_slice())
    }

    /// Sets a variable to one of several values.
    pub(super) fn set(&mut self, name: &str, alternatives: Vec<VariableValue>) {
        let name = self.resolve(name).to_owned();
        let alternatives = if alternatives.is_empty() || alternatives.len() > MOST_ALTERNATIVES {
            vec![VariableValue::Unknown]
        } else {
            alternatives
        };
        let vars = Rc::make_mut(&mut self.vars);
        match vars.get_mut(&name) {
            Some(variable) => variable.alternatives = alternatives,
            None => {
                vars.insert(name, Variable::new(alternatives));
            }
        }
    }

    pub(super) fn export(&mut self, name: &str) {
        if let Some(variable) = Rc::make_mut(&mut self.vars).get_mut(name) {
            variable.exported = true;
        }
    }

    /// Takes over what a sourced file leaves: variables, functions, aliases. Where programs are found is not told by it.
    pub(super) fn adopt(&mut self, other: &Self) {
        let path = self.vars.get("PATH").cloned();
        self.vars = Rc::clone(&other.vars);
        self.functions = Rc::clone(&other.functions);
        self.exported = Rc::clone(&other.exported);
        self.aliases = Rc::clone(&other.aliases);
        if self.vars.get("PATH") != path.as_ref() {
            let vars = Rc::make_mut(&mut self.vars);
            match path {
                Some(path) => drop(vars.insert("PATH".to_owned(), path)),
                None => drop(vars.remove("PATH")),
            }
        }
    }

    /// Gives a variable back what it held in another state.
    pub(super) fn restore(&mut self, name: &str, from: &Self) {
        let vars = Rc::make_mut(&mut self.vars);
        match from.vars.get(name) {
            Some(variable) => drop(vars.insert(name.to_owned(), variable.clone())),
            None => drop(vars.remove(name)),
        }
    }

    pub(super) fn make_integer(&mut self, name: &str) {
        if let Some(variable) = Rc::make_mut(&mut self.vars).get_mut(name) {
            variable.integer = true;
        }
    }

    pub(super) fn is_integer(&self, name: &str) -> bool {
        self.vars.get(self.resolve(name)).is_some_and(|variable| variable.integer)
    }

    pub(super) fn refer(&mut self, name: &str) {
        if let Some(variable) = Rc::make_mut(&mut self.vars).get_mut(name) {
            variable.reference = true;
        }
    }

    /// The variables that a program started here may get from the command line. One that is merely assigned
    /// counts as well where its name is in capitals: it may have been exported before.
    pub(super) fn environment(&self) -> Vec<Assigned> {
        let mut out = Vec::new();
        for (name, variable) in self.vars.iter() {
            // What a script is called is its own.
            if matches!(name.as_str(), "0" | "BASH_SOURCE") {
                continue;
            }
            let capitals = name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
            if !variable.exported && !capitals {
                continue;
            }
            let value = match variable.alternatives.as_slice() {
                [VariableValue::Scalar(word)] => word.clone(),
                [VariableValue::Unset] => continue,
                _ => Word::unknown(),
            };
            out.push(Assigned { name: name.clone(), value });
        }
        for name in self.exported.iter() {
            let bodies = self.function(name).iter().take(1);
            out.extend(bodies.map(|body| Assigned {
                name: format!("BASH_FUNC_{name}%%"),
                value: Word::literal(format!("() {body}")),
            }));
        }
        out
    }

    pub(super) fn export_function(&mut self, name: &str) {
        Rc::make_mut(&mut self.exported).insert(name.to_owned());
    }

    pub(super) fn define(&mut self, name: &str, body: Rc<FunctionBody>) {
        Rc::make_mut(&mut self.functions).insert(name.to_owned(), vec![body]);
        if self.options.has(ShellOption::Allexport) {
            self.export_function(name);
        }
    }

    /// The functions that are defined, by name.
    pub(super) fn function_names(&self) -> impl Iterator<Item = &str> {
        self.functions.keys().map(String::as_str)
    }

    pub(super) fn function(&self, name: &str) -> &[Rc<FunctionBody>] {
        self.functions.get(name).map_or(&[], Vec::as_slice)
    }

    pub(super) fn alias(&mut self, name: &str, text: String) {
        let all = Rc::make_mut(&mut self.aliases).entry(name.to_owned()).or_default();
        if !all.contains(&text) {
            all.push(text);
        }
    }

    pub(super) fn aliases_of(&self, name: &str) -> &[String] {
        self.aliases.get(name).map_or(&[], Vec::as_slice)
    }

    /// Either of two states: whatever holds in one of them may hold.
    pub(super) fn join(mut self, other: &Self) -> Self {
        if !Rc::ptr_eq(&self.vars, &other.vars) {
            join_vars(Rc::make_mut(&mut self.vars), &other.vars);
        }
        if !Rc::ptr_eq(&self.functions, &other.functions) {
            let mine = Rc::make_mut(&mut self.functions);
            for (name, bodies) in other.functions.iter() {
                let own = mine.entry(name.clone()).or_default();
                own.extend(
                    bodies
                        .iter()
                        .filter(|b| !own.iter().any(|o| Rc::ptr_eq(o, b)))
                        .cloned()
                        .collect::<Vec<_>>(),
                );
            }
        }
        if !Rc::ptr_eq(&self.aliases, &other.aliases) {
            let mine = Rc::make_mut(&mut self.aliases);
            for (name, texts) in other.aliases.iter() {
                let own = mine.entry(name.clone()).or_default();
                own.extend(texts.iter().filter(|t| !own.contains(t)).cloned().collect::<Vec<_>>());
            }
        }
        if !Rc::ptr_eq(&self.exported, &other.exported) {
            Rc::make_mut(&mut self.exported).extend(other.exported.iter().cloned());
        }
        if self.positional != other.positional {
            self.positional = None;
        }
        merge(&mut self.cwd, &other.cwd);
        merge(&mut self.previous, &other.previous);
        if self.stack != other.stack {
            self.stack = Rc::default();
        }
        self.options = self.options.join(other.options);
        self
    }

    /// True where both hold the same variables: a loop has nothing new to say.
    pub(super) fn same_values(&self, other: &Self) -> bool {
        (Rc::ptr_eq(&self.vars, &other.vars) || self.vars == other.vars) && self.cwd == other.cwd
    }

    /// Variables that differ between the two become unknown.
    pub(super) fn forget_changed(&mut self, other: &Self) {
        let changed: Vec<String> = (other.vars.iter())
            .filter(|(name, variable)| self.vars.get(*name) != Some(variable))
            .map(|(name, _)| name.clone())
            .collect();
        for name in changed {
            self.set(&name, vec![VariableValue::Unknown]);
        }
        if self.cwd != other.cwd {
            merge(&mut self.cwd, &[Dir::Unknown]);
        }
    }
}

fn join_vars(mine: &mut BTreeMap<String, Variable>, others: &BTreeMap<String, Variable>) {
    let untouched = Variable::new(vec![VariableValue::Unknown]);
    for (name, variable) in mine.iter_mut() {
        variable.join(others.get(name).unwrap_or(&untouched));
    }
    for (name, variable) in others {
        if !mine.contains_key(name) {
            let mut joined = variable.clone();
            joined.join(&untouched);
            mine.insert(name.clone(), joined);
        }
    }
}

/// Adds what is new.
pub(super) fn merge(into: &mut Rc<Vec<Dir>>, from: &[Dir]) {
    for dir in from {
        if !into.contains(dir) {
            Rc::make_mut(into).push(dir.clone());
        }
    }
    if into.len() > 16 {
        *into = Rc::new(vec![Dir::Unknown]);
    }
}
