//! What a program is given of the guard's that nobody knows to look only, and what names of the guard's files a line hands on.

use super::place::{guarded, matched, near, places};
use super::touch::{Touch, Touching, search};
use crate::classify::{self, Carried, Write};
use crate::model::{Context, Dir, Invocation, Language, Span, Word, behind_program};

/// The guard's file that a program is given of which is not known what it does to it. What it hands on to another is that one's.
pub(super) fn given(invocation: &Invocation, carried: &[Carried], context: &Context) -> Option<String> {
    let name = invocation.program().and_then(Word::basename)?;
    if knows(name, invocation) {
        return None;
    }
    let words = invocation.argv.iter().enumerate().skip(1);
    let own = words
        .filter(|(at, word)| !is_read(invocation, *at) && !carried.iter().any(|one| hands_on(one, word)));
    own.flat_map(|(_, word)| pieces(word)).find_map(|piece| hit(&piece, invocation, context))
}

/// The guard's file, or the folder of such, that a word names.
pub(super) fn hit(word: &Word, by: &Invocation, context: &Context) -> Option<String> {
    let known = |path: &String| guarded(path, false, context).is_some() || near(path, context);
    places(word, &by.cwd).into_iter().find(known)
}

/// True for programs that change none of the files they are given, or of which is known which.
fn knows(name: &str, invocation: &Invocation) -> bool {
    let tables = classify::tools();
    let language = tables.language(name);
    let listed = [
        tables.programs.filters,
        tables.programs.changers,
        tables.programs.writers,
        tables.programs.in_place,
        tables.programs.compressors,
        tables.programs.editors,
        tables.programs.unpackers,
        tables.programs.copiers,
        tables.programs.shells,
        tables.programs.patchers,
        tables.programs.killers,
    ];
    let stops = |language: &Language| {
        invocation.argv.iter().any(|word| word.as_literal().is_some_and(|text| language.stop.contains(&text)))
    };
    let bare = language.and_then(|language| language.programs.first()).unwrap_or(&name);
    let looks = |entry: &&str| looks(entry, name, invocation) || looks(entry, bare, invocation);
    tables.tool(name).is_some()
        || tables.runner(name).is_some()
        || language.is_some_and(|language| !stops(language))
        || (language.is_none() && tables.is_inert(name))
        || listed.iter().any(|names| names.contains(&name))
        || tables.programs.lookers.iter().any(looks)
}

/// True where an entry of the table is this call: a program, or one with these words behind it.
fn looks(entry: &str, name: &str, invocation: &Invocation) -> bool {
    if !entry.as_bytes().first().eq(&name.as_bytes().first()) || !entry.starts_with(name) {
        return false;
    }
    let (entry, most) = entry.split_once('/').unwrap_or((entry, ""));
    let Some(words) = behind_program(entry, name) else { return false };
    let mut at = 1;
    for wanted in words.split_whitespace() {
        match invocation.argv.iter().skip(at).position(|word| word.as_literal() == Some(wanted)) {
            Some(found) => at += found + 1,
            None => return false,
        }
    }
    let operands = invocation.argv.iter().skip(at).filter(|word| !word.prefix().starts_with('-')).count();
    most.parse().map_or(true, |most: usize| operands <= most)
}

/// True for the value of an option that says what is read.
fn is_read(invocation: &Invocation, at: usize) -> bool {
    let options = ["--kubeconfig", "--config", "--settings", "--values", "--input"];
    let is = |text: &str| options.contains(&text);
    let before = at.checked_sub(1).and_then(|at| invocation.argv.get(at));
    let own = invocation.argv.get(at).and_then(|word| word.prefix().split_once('='));
    before.is_some_and(|word| is(word.prefix())) || own.is_some_and(|(name, _)| is(name))
}

/// True where what a program starts is given a word.
fn hands_on(carried: &Carried, word: &Word) -> bool {
    let text = word.as_literal().unwrap_or_else(|| word.prefix());
    match carried {
        Carried::Shell { text: code, by, .. } => {
            code.contains(text)
                || by.env.iter().any(|set| text.split_once('=').is_some_and(|(name, _)| set.name == name))
        }
        Carried::Invocation { invocation, .. } => {
            let set = text.split_once('=').is_some_and(|(name, _)| invocation.assigned(name).is_some());
            set || invocation.argv.contains(word)
        }
        Carried::Script { path, arguments, .. } => path == word || arguments.contains(word),
        Carried::Guess(inner) => hands_on(inner, word),
        Carried::Writes(..) | Carried::Opaque(..) | Carried::Perhaps(..) => false,
    }
}

/// The paths that a word may hold: itself, and what stands behind marks in it. A text with blanks speaks of files, it names none.
pub(super) fn pieces(word: &Word) -> Vec<Word> {
    let Some(text) = word.as_literal() else { return vec![word.clone()] };
    if text.contains(char::is_whitespace) {
        return Vec::new();
    }
    let mut all = vec![Word::literal(text)];
    let option = text.strip_prefix('-').and_then(|rest| rest.get(1..)).filter(|rest| rest.starts_with('/'));
    all.extend(option.map(Word::literal));
    all.extend(text.split(['=', ',', ':']).skip(1).filter(|piece| !piece.is_empty()).map(Word::literal));
    if let Some((first, _)) = text.split_once([':', ',']) {
        all.push(Word::literal(first));
    }
    all
}

/// What a line says beside its calls: names of the guard's files or of its daemon that one program prints, and programs that change or
/// end what another has named.
#[derive(Clone, Debug, Default)]
pub(super) struct HandedOn {
    listed: Vec<(Invocation, What)>,
    sinks: Vec<(Span, What)>,
}

/// What is named, or wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A file.
    File(String),
    /// What a search finds.
    Search(Vec<Touch>),
    /// The daemon's process.
    Daemon,
}

impl HandedOn {
    /// Takes an invocation of the line into account.
    pub(super) fn see(&mut self, touching: &Touching<'_>, context: &Context) {
        let invocation = touching.by;
        let tables = classify::tools();
        let name = invocation.program().and_then(Word::basename).unwrap_or_default();
        let computed =
            |word: &Word| word.as_literal().is_none() && !word.is_wild() && word.prefix().is_empty();
        let words = invocation.argv.iter().skip(1);
        if words.clone().any(|word| word.display().contains("rwenvd")) {
            self.listed.push((invocation.clone(), What::Daemon));
        }
        if tables.programs.listers.contains(&name) {
            let known = |piece: Word| {
                hit(&piece, invocation, context).or_else(|| matched(&piece, &invocation.cwd, context))
            };
            let file = words.clone().flat_map(pieces).find_map(known).map(What::File);
            let search = search(invocation, &context.home).map(What::Search);
            self.listed.extend(search.or(file).map(|what| (invocation.clone(), what)));
        }
        if tables.programs.killers.contains(&name) && words.clone().any(computed) {
            self.sinks.push((invocation.span, What::Daemon));
        }
        let anywhere = invocation.cwd.contains(&Dir::Unknown);
        let relative = |word: &Word| anywhere && !word.prefix().starts_with('/');
        let target = |touch: &Touch| match touch {
            Touch::Writes { word, .. } | Touch::Brings { into: word, .. } => computed(word) || relative(word),
            _ => false,
        };
        if touching.all.iter().any(target) {
            self.sinks.push((invocation.span, What::File(String::new())));
        }
    }

    /// Takes into account what code writes that an invocation runs.
    pub(super) fn see_code(&mut self, files: &[Write], by: &Invocation) {
        if files.iter().any(|write| !write.named && write.file.as_literal().is_none()) {
            self.sinks.push((by.span, What::File(String::new())));
        }
    }

    /// What is named by one program and changed, or ended, by another.
    pub(super) fn met(&self, line: &str) -> Vec<(&Invocation, &What)> {
        let fits = |listed: &What, sink: &What| (*listed == What::Daemon) == (*sink == What::Daemon);
        let all = self.listed.iter().filter(|(by, what)| {
            let name = by.program().map(Word::prefix).unwrap_or_default();
            self.sinks
                .iter()
                .any(|(sink, wanted)| fits(what, wanted) && reaches((name, by.span), *sink, line))
        });
        all.map(|(by, what)| (by, what)).collect()
    }
}

/// True where what one program prints may be given to another: it stands inside of it, in a pipe before it, or its output is kept.
fn reaches((name, from): (&str, Span), to: Span, line: &str) -> bool {
    let marks = ["$(", "`", "<("];
    let text = from.slice(line);
    // Of what stands in a value only the whole is known.
    let kept = !text.starts_with(name) && marks.iter().any(|mark| text.contains(mark));
    if kept || (to.start <= from.start && from.end <= to.end) {
        return true;
    }
    let before = line.get(..from.start).unwrap_or_default().trim_end();
    if before.ends_with("<(") {
        return true;
    }
    if from.end > to.start {
        return false;
    }
    if marks.iter().any(|mark| before.ends_with(mark)) {
        return true;
    }
    let between = line.get(from.end..to.start).unwrap_or_default().trim_start();
    let end = between.find(['\n', ';']).into_iter().chain(between.find("&&")).chain(between.find("||")).min();
    let first = between.get(..end.unwrap_or(between.len())).unwrap_or_default();
    first.starts_with('|') && (end.is_none() || first.contains("while") || first.contains('{'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_reaches_those_around_and_behind_it() {
        let line = "a $(ls x) ; ls y | rm ; b";
        let at = |text: &str| {
            line.find(text).map_or(Span::default(), |start| Span { start, end: start + text.len() })
        };
        assert!(reaches(("ls", at("ls x")), at("a $(ls x)"), line));
        assert!(reaches(("ls", at("ls x")), at("rm"), line));
        assert!(reaches(("ls", at("a $(ls x)")), at("b"), line), "only the whole is known");
        assert!(reaches(("ls", at("ls y")), at("rm"), line));
        assert!(!reaches(("ls", at("ls y")), at("b"), line));
        assert!(!reaches(("rm", at("rm")), at("ls y"), line));
    }
}
