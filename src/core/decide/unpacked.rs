//! What an invocation unpacks, or scatters over a folder under names that are not known.

use super::touch::{ProgramCall, Touch};
use crate::classify;
use crate::model::Word;

impl ProgramCall<'_> {
    /// What an archive that is unpacked brings.
    pub(super) fn unpacks(&self) -> Vec<Touch> {
        let tables = classify::tools();
        if self.name == "patch" {
            return self.patches().into_iter().collect();
        }
        if let Some(into) = self.by_module() {
            return vec![Touch::Unpacks { into, members: Vec::new() }];
        }
        if !tables.programs.unpackers.contains(&self.name) || !self.extracts() {
            return Vec::new();
        }
        let folders = self.named(&tables.programs.output_folders);
        let files = self.named(&["tar -f", "tar --file", "bsdtar -f", "gtar -f"]);
        let mut operands = self.operands();
        operands.retain(|word| !folders.contains(word) && !files.contains(word));
        // `tar xf FILE`, `unzip FILE`, `7z x FILE`: what stands before the members.
        let first = self.words.first().map(|w| w.prefix()).unwrap_or_default();
        let clustered = !first.starts_with('-') && self.name != "unzip";
        let attached = self.words.iter().any(|w| {
            let text = w.prefix();
            text.starts_with('-') && !text.starts_with("--") && text.len() > 2 && text.ends_with('f')
        });
        let leading = match self.name {
            "unzip" => 1,
            "7z" | "7za" => 2,
            "tar" | "bsdtar" | "gtar" | "jar" => {
                usize::from(clustered) + usize::from(attached || (clustered && first.contains('f')))
            }
            _ => operands.len(),
        };
        let members: Vec<Word> = operands.into_iter().skip(leading).collect();
        // `cpio -p` passes files on to its last operand.
        let passed = (self.name == "cpio" && self.flag(&['p'])).then(|| self.operands().pop()).flatten();
        let into = passed.or_else(|| folders.into_iter().next_back()).unwrap_or_else(|| Word::literal("."));
        vec![Touch::Unpacks { into, members }]
    }

    /// Where `python3 -m zipfile -e ARCHIVE FOLDER` unpacks.
    fn by_module(&self) -> Option<Word> {
        let text = |at: usize| self.words.get(at).and_then(|word| word.as_literal()).unwrap_or_default();
        let module = (0..self.words.len()).find(|at| text(*at) == "-m")?;
        let packs = self.name.starts_with("python") && matches!(text(module + 1), "zipfile" | "tarfile");
        let extracts = matches!(text(module + 2), "-e" | "--extract");
        let into = self.words.get(module + 4).map_or_else(|| Word::literal("."), |word| (*word).clone());
        (packs && extracts).then_some(into)
    }

    /// The folder in which files of names that are not known arrive: they are computed, and the folder is not.
    pub(super) fn scattered(&self, from: &[Word], into: &Word) -> Option<Touch> {
        let computed = |word: &Word| word.as_literal().is_none() && !word.is_wild();
        let folder = into.prefix().strip_suffix('/').filter(|folder| !folder.is_empty());
        let below =
            folder.filter(|_| into.as_literal().is_none() && into.suffix().is_empty()).map(Word::literal);
        let keeps = self.long("--parents").then(|| into.clone());
        let into = below.or(keeps).filter(|_| from.iter().any(computed))?;
        Some(Touch::Unpacks { into, members: Vec::new() })
    }

    /// The folder in which a patch says what is written, where no file is named.
    fn patches(&self) -> Option<Touch> {
        let valued = |at: usize| {
            at.checked_sub(1).and_then(|at| self.words.get(at)).is_some_and(|word| {
                let text = word.prefix();
                text.len() == 2
                    && text.starts_with('-')
                    && text.contains(['i', 'd', 'p', 'o', 'r', 'F', 'D', 'V'])
            })
        };
        let file = |(at, word): (usize, &&Word)| !word.prefix().starts_with('-') && !valued(at);
        if self.long("--dry-run") || self.words.iter().enumerate().any(file) {
            return None;
        }
        let folder = self.named(&["patch -d", "patch --directory"]).pop();
        let into = folder.unwrap_or_else(|| Word::literal("."));
        Some(Touch::Unpacks { into, members: Vec::new() })
    }

    /// True where an archive is unpacked; without options that say so it is not.
    pub(super) fn extracts(&self) -> bool {
        let first = self.words.first().map(|w| w.prefix()).unwrap_or_default();
        let cluster = first.chars().all(char::is_alphabetic);
        match self.name {
            "tar" | "bsdtar" | "gtar" | "jar" => {
                (cluster && first.contains('x'))
                    || self.flag(&['x'])
                    || self.long("--extract")
                    || self.long("--get")
            }
            "unzip" => !self.flag(&['l', 'p', 't', 'Z', 'v', 'z']),
            "cpio" => self.flag(&['i', 'p']) || self.long("--extract"),
            "pax" => self.flag(&['r']),
            "7z" | "7za" => matches!(first, "x" | "e"),
            _ => false,
        }
    }
}
