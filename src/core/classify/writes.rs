//! Code in another language, read for the files it writes: calls that write, and what they are given, as far as literals, what joins
//! them and plain assignments say. What a call is given may be computed; then it is said that it is.

use std::collections::{HashMap, HashSet};

use super::literals::{Token, bare_mode, innermost, mode, tokens};
use crate::model::{CodeFiles, Language, Texts, Word};

/// Most values that are kept of one text.
const MOST: usize = 20_000;

/// What a text says about files.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// What is written, and whether all below it is.
    pub(super) written: Vec<(Word, bool)>,
    /// Something is written whose name is computed.
    pub(super) computed: bool,
    /// Something is called of which is not known that it only looks.
    pub(super) unclear: bool,
    /// Directories that it goes to.
    pub(super) entered: Vec<Word>,
    /// Everything that may be a path.
    pub(super) mentioned: Vec<Word>,
}

/// Finds what a text writes; of one that stands in the line also whether all it calls is known.
pub(super) fn files(text: &str, language: &Language, inline: bool) -> Files {
    let all = writers(&language.files);
    let last =
        |name: &&str| name.split('/').next().and_then(|name| name.rsplit('.').next()).map(str::to_owned);
    let writes = all
        .iter()
        .flat_map(|list| list.iter())
        .any(|name| last(name).is_some_and(|name| text.contains(&name)));
    let calls_are_known = inline && !language.files.looks.is_empty();
    if !writes && !calls_are_known {
        return Files::default();
    }
    // Names may stand before what they are given (`[unlink(f) for f in …]`): a first reading is for these alone.
    let first = read(text, language, None);
    read(text, language, Some((first.known, first.defined))).found
}

/// Names that write, of whatever kind.
fn writers(names: &CodeFiles) -> [Texts; 5] {
    [names.writes, names.moves, names.copies, names.methods, names.opens]
}

/// What names stand for, and those of functions that the text defines.
type KnownNames = (HashMap<String, Vec<Word>>, HashSet<String>);

/// Reads a text, with what its names stand for where that is known already.
fn read<'a>(text: &str, language: &'a Language, known: Option<KnownNames>) -> WriteReader<'a> {
    let learns = known.is_none();
    let (known, defined) = known.unwrap_or_default();
    let mut reader = WriteReader {
        names: &language.files,
        frames: vec![WriteFrame::default()],
        learns,
        aliases: HashMap::new(),
        known,
        defined,
        found: Files::default(),
        last: None,
        before: None,
    };
    for token in tokens(text, language) {
        reader.take(token);
        if reader.found.mentioned.len() > MOST {
            break;
        }
    }
    while reader.frames.len() > 1 {
        reader.close();
    }
    reader.end_statement();
    reader
}

/// How the next piece joins what stands before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Glue {
    /// As a piece of it.
    #[default]
    Text,
    /// As a name in the folder it is.
    Path,
}

/// What opened a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum FrameKind {
    #[default]
    Block,
    Call,
    Group,
}

/// A call, a group in brackets, or a statement.
#[derive(Clone, Debug, Default)]
struct WriteFrame {
    kind: FrameKind,
    call: String,
    /// What it is called on, where that is a value.
    on: Option<Word>,
    values: Vec<Word>,
    value: Option<Word>,
    /// What stood before the last name.
    before: (Option<Word>, Glue),
    /// Names that no bracket follows: variables, or calls without brackets.
    names: Vec<String>,
    label: Option<String>,
    glue: Glue,
    into: bool,
}

struct WriteReader<'a> {
    names: &'a CodeFiles,
    frames: Vec<WriteFrame>,
    learns: bool,
    /// What modules are called by (`import os as o`).
    aliases: HashMap<String, String>,
    known: HashMap<String, Vec<Word>>,
    defined: HashSet<String>,
    found: Files,
    last: Option<Token>,
    /// What stood before the last token.
    before: Option<Token>,
}

impl WriteReader<'_> {
    fn take(&mut self, token: Token) {
        self.renames(&token);
        match &token {
            Token::Literal(words) => {
                let called = matches!(self.last, Some(Token::Name(_)));
                for (at, word) in words.iter().enumerate() {
                    // `write "x"`: what stands before was the name of a call.
                    if (called && at == 0) || at > 0 {
                        self.next_value(called && at == 0);
                    }
                    self.literal(word);
                }
            }
            Token::Run(_) => self.piece(&Word::unknown()),
            Token::Name(name) => self.name(name),
            Token::OpenCall => self.open_call(),
            Token::Open => self.frames.push(WriteFrame { kind: FrameKind::Group, ..WriteFrame::default() }),
            Token::Block => self.frames.push(WriteFrame::default()),
            Token::Close => self.close(),
            Token::Comma => self.next_value(false),
            Token::Slash => self.frame().glue = Glue::Path,
            Token::Join => self.frame().glue = Glue::Text,
            Token::Into => {
                self.next_value(false);
                self.frame().into = true;
            }
            Token::Label => {
                if let Some(Token::Name(name)) = self.last.clone() {
                    self.unname();
                    self.frame().label = Some(name);
                } else {
                    // `for f in …:`
                    self.next_value(false);
                }
            }
            Token::Member(name) => self.member(name),
            Token::Break => {
                if self.frame().kind == FrameKind::Block {
                    self.end_statement();
                }
            }
        }
        self.before = self.last.replace(token);
    }

    /// A name that writes and is no call, but a value, may be called by another name (`w = os.remove`, `{unlinkSync: w}`).
    fn renames(&mut self, token: &Token) {
        let writes = |name: &str| {
            let last = |name: &str| name.rsplit(['.', ':', '>']).next().map(str::to_owned);
            let all = writers(self.names);
            let mut all =
                all.iter().flat_map(|list| list.iter()).map(|entry| entry.split('/').next().unwrap_or(entry));
            all.any(|entry| last(entry) == last(name))
        };
        let value = !matches!(token, Token::OpenCall | Token::Literal(_) | Token::Label);
        let renamed = match (&self.before, &self.last, token) {
            (_, Some(Token::Member(name)), _) => value && writes(name),
            (Some(Token::Label), Some(Token::Name(name)), _) => value && writes(name),
            (Some(Token::Name(name)), Some(Token::Label), Token::Name(_)) => writes(name),
            _ => false,
        };
        self.found.unclear |= renamed && !self.names.looks.is_empty();
        if let (Some(Token::Name(module)), Some(Token::Name(word)), Token::Name(name)) =
            (&self.before, &self.last, token)
            && word == "as"
        {
            self.aliases.insert(name.clone(), module.clone());
        }
        if let (Some(Token::Name(word)), Token::Name(name)) = (&self.last, token)
            && ["def", "function", "sub", "fn"].contains(&word.as_str())
        {
            self.defined.insert(name.clone());
        }
    }

    fn frame(&mut self) -> &mut WriteFrame {
        innermost(&mut self.frames)
    }

    /// Ends a value; `dropped`: it was none.
    fn next_value(&mut self, dropped: bool) {
        let frame = self.frame();
        let value = frame.value.take().filter(|_| !dropped);
        frame.glue = Glue::Text;
        let Some(value) = value else { return };
        let label = frame.label.take();
        let call = frame.kind == FrameKind::Call;
        frame.values.push(value.clone());
        if let Some(label) = label.filter(|_| !call && self.learns) {
            let known = self.known.entry(label).or_default();
            if !known.contains(&value) {
                known.push(value.clone());
            }
        }
        self.found.mentioned.push(value);
    }

    /// The last name is none of a value.
    fn unname(&mut self) {
        let frame = self.frame();
        frame.names.pop();
        (frame.value, frame.glue) = std::mem::take(&mut frame.before);
    }

    fn literal(&mut self, word: &Word) {
        match word.as_literal() {
            // `ENV["HOME"]`, `getenv("HOME")`
            Some("HOME") => self.home(),
            _ => self.piece(word),
        }
    }

    fn home(&mut self) {
        self.frame().value = None;
        self.piece(&Word::literal("~"));
    }

    fn piece(&mut self, word: &Word) {
        let frame = self.frame();
        let glue = std::mem::take(&mut frame.glue);
        let value = frame.value.get_or_insert_default();
        if glue == Glue::Path && !value.parts().is_empty() {
            value.push_text("/");
        }
        value.push_word(word);
    }

    fn name(&mut self, name: &str) {
        if matches!(name, "HOME") || self.names.home.contains(&name) {
            return self.home();
        }
        if name.starts_with(|c: char| c.is_ascii_digit()) {
            return self.piece(&Word::literal(name));
        }
        // `for f in …` makes a name known, as `=` does.
        if name == "in"
            && let Some(Token::Name(variable)) = self.last.clone()
        {
            self.unname();
            self.frame().label = Some(variable);
            return;
        }
        if matches!(self.last, Some(Token::Name(_))) {
            self.next_value(true);
        }
        let frame = self.frame();
        frame.names.push(name.to_owned());
        frame.before = (frame.value.clone(), frame.glue);
        let word = self.variable(name).unwrap_or_else(Word::unknown);
        self.piece(&word);
    }

    /// The one value a name has.
    fn variable(&self, name: &str) -> Option<Word> {
        match self.known.get(name).map(Vec::as_slice) {
            Some([only]) => Some(only.clone()),
            _ => None,
        }
    }

    fn member(&mut self, name: &str) {
        if self.names.home.contains(&name) {
            self.home();
        }
    }

    /// A name without the alias that a module has.
    fn in_full(&self, name: String) -> String {
        let alias =
            name.split_once('.').and_then(|(on, rest)| Some(format!("{}.{rest}", self.aliases.get(on)?)));
        alias.unwrap_or(name)
    }

    fn open_call(&mut self) {
        let call = match self.last.clone() {
            Some(Token::Name(name)) => {
                let name = self.in_full(name);
                if !self.names.home.contains(&name.as_str()) {
                    self.unname();
                }
                let on = name.rsplit_once('.').map(|(on, _)| self.variable(on));
                if let Some(Some(on)) = &on {
                    self.piece(on);
                }
                let on = on.map(|word| word.unwrap_or_else(Word::unknown));
                WriteFrame { kind: FrameKind::Call, call: name, on, ..WriteFrame::default() }
            }
            Some(Token::Member(name)) => {
                let on = self.frame().value.clone();
                WriteFrame { kind: FrameKind::Call, call: format!(".{name}"), on, ..WriteFrame::default() }
            }
            // What stands in brackets is called: by an index, or as it is made.
            Some(Token::Close) => {
                WriteFrame { kind: FrameKind::Call, call: "()".to_owned(), ..WriteFrame::default() }
            }
            _ => WriteFrame { kind: FrameKind::Call, ..WriteFrame::default() },
        };
        self.frames.push(call);
    }

    /// Ends a bracket: the call is looked at, and what it was given stands for its result.
    fn close(&mut self) {
        if self.frames.len() < 2 {
            return;
        }
        if self.frame().kind == FrameKind::Block {
            self.end_statement();
        }
        self.next_value(false);
        let Some(frame) = self.frames.pop() else { return };
        self.called(&frame);
        self.found.unclear |= self.is_unclear(&frame);
        if self.lacks(&frame) {
            self.write(&Word::unknown(), false);
        }
        self.named(&frame);
        let opens = frame.kind == FrameKind::Call && self.is(&self.names.opens, &frame);
        for value in frame.values.iter().filter(|value| !(opens && mode(value))) {
            if value.as_literal() == Some("~") {
                self.frame().value = None;
            } else if frame.kind == FrameKind::Call || frame.values.len() > 1 {
                self.frame().glue = Glue::Path;
            }
            self.piece(value);
        }
    }

    fn end_statement(&mut self) {
        self.next_value(false);
        let kind = self.frame().kind;
        let frame = std::mem::replace(self.frame(), WriteFrame { kind, ..WriteFrame::default() });
        self.named(&frame);
        // Outside of braces it compares.
        if frame.into && self.frames.len() > 1 && self.names.writes.contains(&">") {
            frame.values.last().into_iter().for_each(|value| self.write(value, false));
        }
    }

    /// Calls without brackets: `unlink "x"`, `map(os.remove, …)`.
    fn named(&mut self, frame: &WriteFrame) {
        let imports = ["import", "from", "use", "require", "using"];
        let brackets = !self.names.looks.is_empty();
        if frame.names.first().is_some_and(|name| imports.contains(&name.as_str()))
            || (brackets && frame.kind == FrameKind::Block)
        {
            return;
        }
        for name in &frame.names {
            let call = WriteFrame { kind: FrameKind::Call, call: name.clone(), on: None, ..frame.clone() };
            self.called(&call);
        }
    }

    fn is(&self, list: &[&str], frame: &WriteFrame) -> bool {
        let full = frame.call.trim_start_matches('.');
        let member = frame.call.starts_with('.');
        let last = |name: &str| name.rsplit(['.', ':', '>']).next().map(str::to_owned);
        list.iter().any(|entry| {
            let (entry, wanted) = entry.split_once('/').unwrap_or((entry, ""));
            if !wanted.is_empty() && wanted.parse() != Ok(frame.values.len()) {
                return false;
            }
            let imported = !member && last(entry).as_deref() == Some(full);
            match entry.contains('.') {
                true => entry == full || imported,
                false => last(full).as_deref() == Some(entry),
            }
        })
    }

    /// True where what a writing call is given is the result of other calls alone.
    fn lacks(&self, frame: &WriteFrame) -> bool {
        let names = self.names;
        let none = match frame.values.as_slice() {
            [] => {
                self.is(&names.writes, frame) || self.is(&names.moves, frame) || self.is(&names.copies, frame)
            }
            [_] if self.is(&names.copies, frame) => true,
            [only] => frame.on.is_none() && bare_mode(only) && self.is(&names.opens, frame),
            _ => false,
        };
        none && frame.kind == FrameKind::Call
    }

    /// True for a call that is not known to only look.
    fn is_unclear(&self, frame: &WriteFrame) -> bool {
        let names = self.names;
        if frame.kind != FrameKind::Call || frame.call.is_empty() || names.looks.is_empty() {
            return false;
        }
        if frame.call == "()" {
            return !frame.values.is_empty();
        }
        if self.is(&names.opens, frame) {
            let computed = |word: &Word| word.as_literal().is_none() && word.prefix().is_empty();
            return !frame.values.iter().any(mode) && frame.values.get(1).is_some_and(computed);
        }
        let known = writers(names).iter().any(|list| self.is(list, frame));
        !known
            && !self.is(&names.looks, frame)
            && !self.is(&names.enters, frame)
            && !self.defined.contains(&frame.call)
    }

    /// Looks at what a call is given.
    fn called(&mut self, frame: &WriteFrame) {
        if frame.kind != FrameKind::Call {
            return;
        }
        let names = self.names;
        let mut targets: Vec<&Word> = Vec::new();
        let mut whole = true;
        if self.is(&names.moves, frame) {
            targets.extend(&frame.values);
            self.arrives(frame);
        } else if self.is(&names.writes, frame) {
            targets.extend(frame.values.first());
        } else if self.is(&names.copies, frame) {
            targets.extend(frame.values.get(1));
            whole = self.is(&names.trees, frame);
            self.arrives(frame);
        } else if self.is(&names.opens, frame) {
            let all = frame.on.iter().chain(&frame.values);
            if frame.values.iter().any(mode) {
                targets.extend(all.filter(|value| !bare_mode(value)));
            }
            whole = false;
        } else if self.is(&names.methods, frame) {
            targets.extend(&frame.on);
        } else if self.is(&names.enters, frame) {
            self.found.entered.extend(frame.values.first().cloned());
        }
        for value in targets {
            self.write(value, whole);
        }
    }

    /// What is copied or moved to a folder keeps its name there.
    fn arrives(&mut self, frame: &WriteFrame) {
        let [from, into, ..] = frame.values.as_slice() else { return };
        let name = from.as_literal().and_then(|text| text.trim_end_matches('/').rsplit('/').next());
        if let Some(name) = name.filter(|name| !matches!(*name, "" | "." | "..")) {
            let mut path = into.clone();
            path.push_text(&format!("/{name}"));
            self.found.written.push((path, false));
        }
    }

    fn write(&mut self, value: &Word, whole: bool) {
        // Perl: the mode stands before the name.
        let path = value.as_literal().and_then(|text| text.strip_prefix(['>', '+']));
        let word = path
            .map_or_else(|| value.clone(), |path| Word::literal(path.trim_start_matches(['>', '<', ' '])));
        let nothing = word.prefix().is_empty() || word.prefix() == ">";
        self.found.computed |= word.as_literal().is_none() && nothing && !word.suffix().contains('/');
        self.found.written.push((word, whole));
    }
}
