//! The keywords of all rules with a pattern, looked for in one pass over the bytes: nearly every file has none, and then no
//! pattern is tried.

use std::sync::OnceLock;

use crate::manifest::finding::RULES;

/// How many values two bytes have.
const PAIRS: usize = 1 << 16;

/// The keywords by the two bytes they begin with.
struct Keywords {
    /// A bit for each pair that a keyword begins with.
    pairs: Vec<u64>,
    /// Keywords, each with its rule's number.
    words: Vec<(&'static [u8], usize)>,
}

fn keywords() -> &'static Keywords {
    static ALL: OnceLock<Keywords> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut all = Keywords { pairs: vec![0; PAIRS / 64], words: Vec::new() };
        for (at, rule) in RULES.iter().enumerate().filter(|(_, rule)| rule.pattern.is_some()) {
            for word in rule.keywords.iter().map(|word| word.as_bytes()) {
                let [first, second, ..] = word else { continue };
                let pair = pair(*first, *second);
                if let Some(bits) = all.pairs.get_mut(pair / 64) {
                    *bits |= 1 << (pair % 64);
                }
                all.words.push((word, at));
            }
        }
        all
    })
}

fn pair(first: u8, second: u8) -> usize {
    usize::from(first) << 8 | usize::from(second)
}

/// The rules of which a keyword occurs in these bytes, a bit for each.
pub(super) fn hinted(bytes: &[u8]) -> u128 {
    let all = keywords();
    let mut found = 0;
    for (at, window) in bytes.windows(2).enumerate() {
        let [first, second] = window else { continue };
        let pair = pair(*first, *second);
        if all.pairs.get(pair / 64).is_some_and(|bits| bits >> (pair % 64) & 1 == 1) {
            let rest = bytes.get(at..).unwrap_or_default();
            let here = all.words.iter().filter(|(word, _)| rest.starts_with(word));
            found |= here.fold(0, |bits, (_, rule)| bits | 1 << rule);
        }
    }
    found
}

/// True where a rule is among those hinted at.
pub(super) fn names(hinted: u128, rule: usize) -> bool {
    hinted >> rule & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pass_finds_what_each_keyword_finds_by_itself() {
        assert!(RULES.len() < 128, "a bit for each rule");
        for (at, rule) in RULES.iter().enumerate().filter(|(_, rule)| rule.pattern.is_some()) {
            assert!(!rule.keywords.is_empty(), "{} would find nothing", &*rule.id);
            for word in &*rule.keywords {
                assert!(word.len() >= 2, "{word}");
                for text in
                    [word.to_string(), format!("x{word}"), format!("{word}{word}\n"), format!("\u{e4}{word}")]
                {
                    assert!(names(hinted(text.as_bytes()), at), "{text}");
                }
                let short = word.get(..word.len() - 1).unwrap_or_default();
                let others = rule.keywords.iter().any(|other| short.contains(&**other));
                assert!(others || !names(hinted(short.as_bytes()), at), "{short}");
            }
        }
        assert_eq!(hinted(b""), 0);
        assert_eq!(hinted(b"a"), 0);
    }
}
