//! Arguments taken apart by a tool's flag grammar: flags with their values, and what is left.

use crate::model::glob;
use crate::model::{Flags, Part, Word};

/// A flag as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Given {
    /// Its name with dashes.
    pub(super) name: String,
    /// Its value; none where it was given without one.
    pub(super) value: Option<Word>,
    /// It is a flag that takes a value, so that no value of it means "not given".
    pub(super) takes: bool,
    /// It stands behind a flag that is in no list, and may be the value of that.
    pub(super) doubtful: bool,
}

impl Given {
    /// True where it is what `--flag` or `--flag=pattern` says.
    fn matches(&self, pattern: &str) -> bool {
        match pattern.split_once('=') {
            // A value that is not known may say no.
            None => {
                self.takes || self.value.as_ref().is_none_or(|v| v.as_literal().is_some_and(|t| !is_false(t)))
            }
            Some((_, wanted)) => match self.value.as_ref() {
                None => glob(wanted, ""),
                Some(word) => match (word.as_literal(), wanted.strip_suffix('*')) {
                    (Some(text), _) => glob(wanted, text),
                    // However it goes on.
                    (None, Some(start)) if !start.is_empty() => word.prefix().starts_with(start),
                    (None, _) => false,
                },
            },
        }
    }
}

/// The arguments of one call.
#[derive(Clone, Debug, Default)]
pub(super) struct Arguments {
    /// Flags in order; of one given twice the last counts.
    pub(super) flags: Vec<Given>,
    /// What is no flag, in order.
    pub(super) rest: Vec<Word>,
    /// How many of `rest` stood before `--`; none where there was no `--`.
    pub(super) dashed: Option<usize>,
    /// How many flags stood before the last word that may be any flags; none where every word is known well enough.
    unsure: Option<usize>,
    /// The last word was a flag that is in no list.
    open: bool,
}

impl Arguments {
    /// The last value given to one of these flags.
    pub(super) fn value(&self, names: &[&str]) -> Option<&Given> {
        self.flags.iter().rev().find(|f| names.contains(&f.name.as_str()))
    }

    /// Some word is not known well enough to say which flags are in force.
    pub(super) fn uncertain(&self) -> bool {
        self.unsure.is_some()
    }

    /// True where the last of these flags stands behind every word that may be one: of a flag given twice the last counts.
    pub(super) fn settled(&self, patterns: &[&str]) -> bool {
        let is = |flag: &Given| {
            let mut names = patterns.iter().map(|p| p.split_once('=').map_or(*p, |(name, _)| name));
            names.any(|name| name == flag.name)
        };
        let last = self.flags.iter().rposition(is);
        last.is_some_and(|at| self.unsure.is_none_or(|unsure| at >= unsure))
    }

    /// True where a flag is in force that matches `--flag` or `--flag=pattern`; of one given twice the last counts.
    pub(super) fn has(&self, pattern: &str) -> bool {
        let name = pattern.split_once('=').map_or(pattern, |(name, _)| name);
        self.flags.iter().rev().find(|f| f.name == name).is_some_and(|given| given.matches(pattern))
    }

    /// As `has`, where it is sure to be a flag.
    pub(super) fn surely_has(&self, name: &str) -> bool {
        self.has(name) && self.flags.iter().any(|f| f.name == name && !f.doubtful)
    }

    /// True where the last of these flags that is given is one that takes them back (`--dry-run --no-dry-run`), as git and bq read them.
    pub(super) fn taken_back(&self, names: &[&str]) -> bool {
        let back = |flag: &Given| {
            let bare = flag.name.strip_prefix("--no").unwrap_or_default();
            let bare = bare.strip_prefix('-').unwrap_or(bare);
            !bare.is_empty() && names.iter().any(|name| name.strip_prefix("--") == Some(bare))
        };
        let last = self.flags.iter().rev().find(|flag| names.contains(&flag.name.as_str()) || back(flag));
        last.is_some_and(|flag| !names.contains(&flag.name.as_str()))
    }

    /// As `has`, also where an unknown value may match, or one that is not the last.
    pub(super) fn may_have(&self, pattern: &str) -> bool {
        let (name, valued) = pattern.split_once('=').map_or((pattern, false), |(name, _)| (name, true));
        self.has(pattern)
            || self.flags.iter().filter(|f| f.name == name).any(|f| {
                // Some flags are given several times, and each counts (`-f a=b -f c=d`).
                let wanted = pattern.split_once('=').map_or("", |(_, wanted)| wanted);
                let may = |v: &Word| request_path(v).is_none_or(|path| !valued || glob(wanted, &path));
                (valued && f.matches(pattern))
                    || f.value.as_ref().is_some_and(|v| v.as_literal().is_none() && may(v))
            })
    }
}

/// A path of the Kubernetes API of which only names of namespaces and nodes are computed, or one mark that a pattern of files has
/// (`/readyz?verbose`), which stands for no slash.
fn request_path(word: &Word) -> Option<String> {
    let parts = word.parts();
    let computed = parts.iter().filter(|part| !matches!(part, Part::Text(_))).count();
    let mut out = String::new();
    for (at, part) in parts.iter().enumerate() {
        let ends = matches!(parts.get(at + 1), None | Some(Part::Text(_)));
        let next = match parts.get(at + 1) {
            Some(Part::Text(text)) => text.as_str(),
            _ => "/",
        };
        match part {
            Part::Text(text) => out.push_str(text),
            _ if word.is_wild() && computed == 1 => out.push('x'),
            _ if ["/namespaces/", "/nodes/"].iter().any(|of| out.ends_with(of))
                && ends
                && next.starts_with('/') =>
            {
                out.push('x');
            }
            _ => return None,
        }
    }
    out.starts_with('/').then_some(out)
}

fn is_false(text: &str) -> bool {
    matches!(text, "false" | "False" | "FALSE" | "f" | "F" | "0")
}

/// The flag lists that hold for a call: the verb's before the tool's. The first that has a flag says how it is read.
#[derive(Clone, Copy)]
pub(super) struct Lists<'a>(pub(super) &'a [Flags]);

impl Lists<'_> {
    fn takes_value(&self, name: &str) -> bool {
        self.having(name).is_some_and(|f| f.value.contains(&name))
    }

    fn optional(&self, name: &str) -> bool {
        self.having(name).is_some_and(|f| f.optional.contains(&name))
    }

    /// The list that says how a flag is read. Verbs give one letter different meanings (`talosctl -i`).
    fn having(&self, name: &str) -> Option<&Flags> {
        self.0.iter().find(|f| [f.value, f.optional, f.switch].iter().any(|list| list.contains(&name)))
    }

    /// All long flags that are listed.
    fn long(&self) -> impl Iterator<Item = &'static str> + '_ {
        (self.0.iter())
            .flat_map(|f| f.value.into_iter().chain(f.optional).chain(f.switch))
            .copied()
            .filter(|n| n.starts_with("--"))
    }
}

/// How long flags may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// As they are; `_` counts as `-` (pflag with kubectl's normalisation).
    Exact,
    /// Any unique prefix will do (git's parse-options).
    Abbreviated,
    /// One dash or two, whole names, no clusters (Go's flag package); listed with one dash.
    Go,
}

/// Takes arguments apart.
pub(super) fn parse(words: &[Word], lists: Lists<'_>, spelling: Spelling) -> Arguments {
    let mut out = Arguments::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let Some(text) = word.as_literal() else {
            dynamic(word, lists, spelling, &mut out);
            continue;
        };
        if text == "--" {
            out.dashed = Some(out.rest.len());
            out.rest.extend(words.cloned());
            break;
        }
        if let Some(name) = text.strip_prefix('-').filter(|t| spelling == Spelling::Go && !t.is_empty()) {
            let name = name.strip_prefix('-').unwrap_or(name);
            let (name, value) = match name.split_once('=') {
                Some((name, value)) => (format!("-{name}"), Some(Word::literal(value))),
                None => (format!("-{name}"), None),
            };
            let value = value.or_else(|| lists.takes_value(&name).then(|| words.next().cloned()).flatten());
            out.push(name, value, lists);
        } else if let Some(long) = text.strip_prefix("--") {
            let (name, value) = match long.split_once('=') {
                Some((name, value)) => (name, Some(Word::literal(value))),
                None => (long, None),
            };
            let name = long_name(name, lists, spelling);
            let value = value.or_else(|| lists.takes_value(&name).then(|| words.next().cloned()).flatten());
            out.push(name, value, lists);
        } else if text.len() > 1 && text.starts_with('-') {
            let rest = cluster(text, lists, &mut out);
            if let Some(name) = rest {
                let value = words.next().cloned();
                out.push(name, value, lists);
            }
        } else {
            out.push_rest(word);
        }
    }
    out
}

impl Arguments {
    fn push(&mut self, name: String, value: Option<Word>, lists: Lists<'_>) {
        let splits = value.as_ref().is_some_and(|value| value.splits() && !is_path(value));
        let takes = lists.takes_value(&name);
        let open = value.is_none() && lists.having(&name).is_none();
        let doubtful = std::mem::replace(&mut self.open, open);
        self.flags.push(Given { name, value, takes, doubtful });
        // A value that may become several words shifts everything behind it.
        if splits {
            self.unsure = Some(self.flags.len());
        }
    }

    fn push_rest(&mut self, word: &Word) {
        self.open = false;
        self.rest.push(word.clone());
    }
}

fn dynamic(word: &Word, lists: Lists<'_>, spelling: Spelling, out: &mut Arguments) {
    if let Some((name, start)) = word.prefix().split_once('=').filter(|(n, _)| n.starts_with('-')) {
        let mut value = Word::literal(start);
        value.push_unknown(word.splits());
        let bare = name.trim_start_matches('-');
        let name = if spelling == Spelling::Go {
            format!("-{bare}")
        } else {
            long_name(bare, lists, Spelling::Exact)
        };
        out.push(name, Some(value), lists);
        return;
    }
    if word.may_be_flag() && !is_path(word) {
        out.unsure = Some(out.flags.len());
    }
    out.push_rest(word);
}

/// True for a word that begins as a path does: what of it is computed is a name, and what it may fall apart into are names.
fn is_path(word: &Word) -> bool {
    let start = word.prefix();
    !start.starts_with('-') && start.contains('/')
}

fn long_name(name: &str, lists: Lists<'_>, spelling: Spelling) -> String {
    if spelling == Spelling::Exact {
        return format!("--{}", name.replace('_', "-"));
    }
    let full = format!("--{name}");
    let listed = |flag: &str| lists.long().any(|l| l == flag);
    if listed(&full) || name.strip_prefix("no-").is_some_and(|bare| listed(&format!("--{bare}"))) {
        return full;
    }
    let only = |start: &str| {
        let mut hits: Vec<&str> = lists.long().filter(|l| l.starts_with(start)).collect();
        hits.sort_unstable();
        hits.dedup();
        if let [only] = hits.as_slice() { Some((*only).to_owned()) } else { None }
    };
    // Most options can be taken back, and that may be abbreviated as well (`--no-dry`).
    let taken_back =
        || only(&format!("--{}", name.strip_prefix("no-")?)).map(|l| l.replacen("--", "--no-", 1));
    only(&full).or_else(taken_back).unwrap_or(full)
}

/// Short flags written together. The name of the last one is returned where its value is the next word.
fn cluster(text: &str, lists: Lists<'_>, out: &mut Arguments) -> Option<String> {
    let mut rest = text.get(1..).unwrap_or_default();
    while let Some(c) = rest.chars().next() {
        let name = format!("-{c}");
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
        if lists.takes_value(&name) {
            if rest.is_empty() {
                return Some(name);
            }
            let value = rest.strip_prefix('=').unwrap_or(rest);
            out.push(name, Some(Word::literal(value)), lists);
            return None;
        }
        if lists.optional(&name) && !rest.is_empty() {
            out.push(name, Some(Word::literal(rest)), lists);
            return None;
        }
        if let Some(value) = rest.strip_prefix('=') {
            out.push(name, Some(Word::literal(value)), lists);
            return None;
        }
        out.push(name, None, lists);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Texts;

    const LISTS: [Flags; 1] = [Flags {
        value: Texts::new(&["-n", "--namespace", "-o"]),
        optional: Texts::new(&["--dry-run", "-O"]),
        switch: Texts::new(&["--no-verify", "--no-verbose", "--delete", "--dry"]),
    }];

    fn words(line: &str) -> Vec<Word> {
        line.split(' ').map(Word::literal).collect()
    }

    #[test]
    fn pflag_values_are_attached_or_not() {
        let a = parse(
            &words("a -nfoo b -n=bar --namespace baz --dry_run=none -o -x"),
            Lists(&LISTS),
            Spelling::Exact,
        );
        assert_eq!(a.value(&["--namespace"]).unwrap().value.as_ref().unwrap().as_literal(), Some("baz"));
        assert!(a.has("--dry-run=none") && a.has("-n=bar") && a.has("-o=-x"));
        assert_eq!(a.rest, words("a b"));
        let a = parse(&words("--dry-run none -- --dry-run=client"), Lists(&LISTS), Spelling::Exact);
        assert!(a.has("--dry-run="));
        assert_eq!(a.rest, words("none --dry-run=client"));
    }

    #[test]
    fn the_first_list_that_has_a_flag_says_how_it_is_read() {
        let verb = Flags { switch: Texts::new(&["-n"]), ..Flags::default() };
        let args = parse(&words("-n a -o b"), Lists(&[verb, LISTS[0]]), Spelling::Exact);
        assert_eq!(args.rest, words("a"));
    }

    #[test]
    fn git_abbreviates_long_options_to_a_unique_prefix() {
        let has =
            |text: &str, name: &str| parse(&words(text), Lists(&LISTS), Spelling::Abbreviated).has(name);
        assert!(has("--no-veri", "--no-verify"));
        assert!(!has("--no-ver", "--no-verify"));
        assert!(has("--del", "--delete"));
        assert!(has("--dry", "--dry"));
    }
}
