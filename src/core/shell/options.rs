//! The options of builtins, taken apart as bash does: letters in clusters, values attached or in the next word, `--` before operands.

use crate::model::Word;

/// What a builtin is given.
#[derive(Clone, Debug, Default)]
pub(super) struct Options<'w> {
    /// The options' letters in order, with their values.
    given: Vec<(char, Option<Word>)>,
    /// The words behind the options.
    pub(super) operands: &'w [Word],
}

impl Options<'_> {
    /// True where the option is given.
    pub(super) fn has(&self, letter: char) -> bool {
        self.given.iter().any(|(given, _)| *given == letter)
    }

    /// The last value of an option.
    pub(super) fn value(&self, letter: char) -> Option<&Word> {
        self.given.iter().rev().find(|(given, _)| *given == letter)?.1.as_ref()
    }

    /// The last value of an option, where it is certain.
    pub(super) fn text(&self, letter: char) -> Option<&str> {
        self.value(letter).and_then(Word::as_literal)
    }
}

/// Takes words apart by a list of letters, of which those before a colon take a value (getopt(3)). The first word that is no option
/// ends them, as in all of bash's builtins.
pub(super) fn options<'w>(words: &'w [Word], letters: &str) -> Options<'w> {
    let mut all = Options { given: Vec::new(), operands: words };
    while let Some((word, behind)) = all.operands.split_first() {
        let text = word.prefix();
        let cluster = text.strip_prefix('-').or_else(|| text.strip_prefix('+'));
        let Some(cluster) = cluster.filter(|cluster| !cluster.is_empty() || word.as_literal().is_none())
        else {
            return all;
        };
        all.operands = behind;
        if word.as_literal() == Some("--") {
            return all;
        }
        let mut rest = cluster;
        while let Some(letter) = rest.chars().next() {
            rest = rest.get(letter.len_utf8()..).unwrap_or_default();
            let valued = letters.split_once(letter).is_some_and(|(_, behind)| behind.starts_with(':'));
            if !valued {
                all.given.push((letter, None));
                continue;
            }
            let attached = !rest.is_empty() || word.as_literal().is_none();
            let value = match (attached, word.as_literal().is_some()) {
                (true, true) => Some(Word::literal(rest)),
                (true, false) => Some(Word::unknown()),
                (false, _) => {
                    let value = all.operands.first().cloned();
                    all.operands = all.operands.get(1..).unwrap_or_default();
                    value
                }
            };
            all.given.push((letter, value));
            break;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_taken_apart_as_bash_does() {
        let words = ["-t", "-Ccode", "-c", "1", "-sn2", "--", "-x", "a"].map(Word::literal);
        let all = options(&words, "C:c:d:n:O:s:tu:");
        assert!(all.has('t') && !all.has('x'));
        assert_eq!((all.text('C'), all.text('c'), all.text('s')), (Some("code"), Some("1"), Some("n2")));
        assert_eq!(all.operands, [Word::literal("-x"), Word::literal("a")]);
        let words = ["-", "-v"].map(Word::literal);
        assert_eq!(options(&words, "v:").operands.len(), 2);
    }
}
