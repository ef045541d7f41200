//! Shell patterns on text that is known: `case`, `${x#…}`, `${x/…/…}`.

/// One step of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum PatternStep {
    Any,
    One,
    Char(char),
    Class(Vec<(char, char)>, bool),
}

/// A compiled pattern; none where it uses what is not modelled (extended globs, named classes).
#[derive(Clone, Debug)]
pub(super) struct Pattern(Vec<PatternStep>);

/// Longest text a pattern is tried on; beyond that the answer is not worth the time.
const LONGEST: usize = 4096;

impl Pattern {
    /// Compiles a pattern as written after quote removal of its quoted parts (`\x` is a literal x).
    pub(super) fn new(pattern: &str) -> Option<Self> {
        let mut steps = Vec::new();
        let mut chars = pattern.chars().peekable();
        while let Some(c) = chars.next() {
            let extended = matches!(c, '@' | '!' | '?' | '+' | '*') && chars.peek() == Some(&'(');
            match c {
                _ if extended => return None,
                '*' => {
                    if steps.last() != Some(&PatternStep::Any) {
                        steps.push(PatternStep::Any);
                    }
                }
                '?' => steps.push(PatternStep::One),
                '\\' => steps.push(PatternStep::Char(chars.next().unwrap_or('\\'))),
                '[' => steps.push(class(&mut chars)?),
                other => steps.push(PatternStep::Char(other)),
            }
        }
        Some(Self(steps))
    }

    /// True for the pattern that only matches nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True where the whole text matches.
    pub(super) fn matches(&self, text: &str) -> bool {
        let chars: Vec<char> = text.chars().take(LONGEST).collect();
        self.ends(&chars).last().copied().unwrap_or(false)
    }

    /// For every prefix length (in characters) of the text whether the pattern matches exactly that prefix.
    fn ends(&self, text: &[char]) -> Vec<bool> {
        let mut reached = vec![false; text.len() + 1];
        if let Some(first) = reached.first_mut() {
            *first = true;
        }
        for step in &self.0 {
            let mut next = vec![false; text.len() + 1];
            let mut any = false;
            for (i, &here) in reached.iter().enumerate() {
                if *step == PatternStep::Any {
                    any |= here;
                    if let Some(slot) = next.get_mut(i) {
                        *slot = any;
                    }
                } else if here
                    && text.get(i).is_some_and(|c| step.takes(*c))
                    && let Some(slot) = next.get_mut(i + 1)
                {
                    *slot = true;
                }
            }
            reached = next;
        }
        reached
    }

    /// Lengths in characters of the prefixes that match, shortest first.
    fn prefixes(&self, text: &[char]) -> Vec<usize> {
        self.ends(text).iter().enumerate().filter(|(_, hit)| **hit).map(|(i, _)| i).collect()
    }

    /// `${x#p}` (shortest) and `${x##p}` (longest).
    pub(super) fn strip_prefix(&self, text: &str, longest: bool) -> String {
        let chars: Vec<char> = text.chars().collect();
        let cuts = self.prefixes(&chars);
        let cut = if longest { cuts.last() } else { cuts.first() };
        chars.iter().skip(cut.copied().unwrap_or(0)).collect()
    }

    /// `${x%p}` (shortest) and `${x%%p}` (longest).
    pub(super) fn strip_suffix(&self, text: &str, longest: bool) -> String {
        let chars: Vec<char> = text.chars().collect();
        let mut keeps = (0..=chars.len()).filter(|&i| self.whole(chars.get(i..).unwrap_or_default()));
        let keep = if longest { keeps.next() } else { keeps.next_back() };
        chars.iter().take(keep.unwrap_or(chars.len())).collect()
    }

    fn whole(&self, text: &[char]) -> bool {
        self.ends(text).last().copied().unwrap_or(false)
    }

    /// `${x/p/r}` and its kin: the longest match at the first place, or at all places.
    pub(super) fn replace(&self, text: &str, with: &str, all: bool) -> String {
        let chars: Vec<char> = text.chars().collect();
        let mut out = String::new();
        let mut i = 0;
        let mut done = false;
        while i <= chars.len() {
            let rest = chars.get(i..).unwrap_or_default();
            let hit = if done && !all { None } else { self.prefixes(rest).pop().filter(|n| *n > 0) };
            if let Some(n) = hit {
                let matched: String = rest.iter().take(n).collect();
                out.push_str(&with.replace('&', &matched));
                done = true;
                i += n;
            } else {
                out.extend(rest.first());
                i += 1;
            }
        }
        out
    }
}

impl PatternStep {
    fn takes(&self, c: char) -> bool {
        match self {
            Self::Any => false,
            Self::One => true,
            Self::Char(own) => *own == c,
            Self::Class(ranges, negated) => ranges.iter().any(|(a, b)| (*a..=*b).contains(&c)) != *negated,
        }
    }
}

fn class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<PatternStep> {
    let negated = chars.next_if(|c| matches!(c, '!' | '^')).is_some();
    let mut ranges = Vec::new();
    let mut first = true;
    loop {
        let c = chars.next()?;
        match c {
            ']' if !first => return Some(PatternStep::Class(ranges, negated)),
            '[' if chars.peek() == Some(&':') => return None,
            c => {
                let from = if c == '\\' { chars.next()? } else { c };
                let mut ahead = chars.clone();
                if ahead.next() == Some('-') && ahead.peek().is_some_and(|e| *e != ']') {
                    chars.next();
                    let to = chars.next()?;
                    ranges.push((from, to));
                } else {
                    ranges.push((from, from));
                }
            }
        }
        first = false;
    }
}

/// True where the text has a character that bash reads as a pattern.
pub(super) fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '[']) || ["@(", "!(", "+("].iter().any(|p| text.contains(p))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strips_and_replaces_as_bash_does() {
        let p = |s: &str| Pattern::new(s).unwrap();
        assert_eq!(p("Z").strip_prefix("ZkubectlZ", false), "kubectlZ");
        assert_eq!(p("*/").strip_prefix("/usr/bin/kubectl", true), "kubectl");
        assert_eq!(p("*/").strip_prefix("/usr/bin/kubectl", false), "usr/bin/kubectl");
        assert_eq!(p(".*").strip_suffix("a.b.c", false), "a.b");
        assert_eq!(p(".*").strip_suffix("a.b.c", true), "a");
        assert_eq!(p("X").replace("kXubXectl", "", true), "kubectl");
        assert_eq!(p("X").replace("kXubXectl", "", false), "kubXectl");
        assert_eq!(p("[a-c]?").strip_prefix("bxd", false), "d");
        assert!(p("k*l").matches("kubectl"));
        assert!(!p("k*x").matches("kubectl"));
        assert!(Pattern::new("+(a)").is_none());
    }
}
