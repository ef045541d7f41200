//! What the agent's shell defines: Claude Code keeps aliases and functions of a person's shell in a file that stands before every
//! line. Where there is none, the start files of shells say it.

use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

use super::certificate;
use crate::base::environment::Environment;

/// Largest file that is read, in bytes.
const LARGEST: u64 = 4 << 20;
/// Most definitions that one name takes along.
const MOST: usize = 16;
/// Files that shells read when they start.
const START: [&str; 5] = [".bash_aliases", ".bashrc", ".zshrc", ".bash_profile", ".profile"];

/// The texts of definitions, as shells read them.
#[derive(Debug)]
pub(super) struct Shell {
    text: String,
}

impl Shell {
    /// Reads what there is.
    pub(super) fn of(environment: &Environment) -> Self {
        let folder = environment.config_dir.parent().map(|folder| folder.join("shell-snapshots"));
        let files: Vec<PathBuf> = match folder.and_then(newest) {
            Some(snapshot) => vec![snapshot],
            None => START.iter().map(|name| environment.home.join(name)).collect(),
        };
        let sized =
            |path: &PathBuf| fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() <= LARGEST);
        let texts = files.iter().filter(|path| sized(path)).filter_map(|path| fs::read(path).ok());
        let texts: Vec<String> = texts.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect();
        Self { text: unpacked(texts.join("\n")) }
    }

    /// The alias or function of this name, with those that it uses; none where nothing is defined.
    pub(super) fn definition(&self, name: &str) -> Option<String> {
        let mut out: Vec<(String, String)> = Vec::new();
        let mut names = vec![name.to_owned()];
        while let Some(name) = names.pop() {
            if out.len() >= MOST || out.iter().any(|(known, _)| *known == name) {
                continue;
            }
            let Some(text) = alias(&self.text, &name).or_else(|| function(&self.text, &name)) else {
                continue;
            };
            let words = text.split(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '-'));
            names.extend(words.filter(|word| word.len() > 1 && *word != name).take(256).map(str::to_owned));
            out.push((name, text));
        }
        let texts: Vec<String> = out.into_iter().rev().map(|(_, text)| text).collect();
        (!texts.is_empty()).then(|| texts.join("\n"))
    }
}

/// The file of a folder that was written last.
fn newest(folder: PathBuf) -> Option<PathBuf> {
    let files = fs::read_dir(folder).ok()?.filter_map(Result::ok);
    let files = files.filter(|entry| entry.file_name().to_str().is_some_and(|name| name.ends_with(".sh")));
    let dated = files.filter_map(|entry| {
        Some((entry.metadata().ok()?.modified().unwrap_or(SystemTime::UNIX_EPOCH), entry.path()))
    });
    dated.max().map(|(_, path)| path)
}

/// A text with what stands in it in base64 (`eval "$(echo '…' | base64 -d)"`) behind it.
fn unpacked(mut text: String) -> String {
    let lines = text.lines().filter(|line| line.starts_with("eval ") && line.contains("base64"));
    let packed = lines.filter_map(|line| {
        line.split(['\'', '"']).find(|piece| piece.len() > 16 && !piece.contains([' ', '$']))
    });
    let more: Vec<String> = packed
        .filter_map(certificate::decoded)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .collect();
    for one in more {
        text.push('\n');
        text.push_str(&one);
    }
    text
}

/// The line that defines an alias; the last one counts.
fn alias(text: &str, name: &str) -> Option<String> {
    let defines = |line: &&str| {
        let Some(rest) = line.trim_start().strip_prefix("alias ") else { return false };
        let rest = rest.trim_start().trim_start_matches("-- ").trim_start_matches(['\'', '"']);
        rest.strip_prefix(name).is_some_and(|rest| rest.starts_with('='))
    };
    let line = text.lines().rfind(defines)?;
    Some(line.trim_start().replacen("alias -- ", "alias ", 1))
}

/// The lines that define a function; the last ones count.
fn function(text: &str, name: &str) -> Option<String> {
    let starts = |line: &str| {
        let bare = line.strip_prefix("function ").unwrap_or(line);
        let rest = bare.strip_prefix(name).map(str::trim_start);
        rest.is_some_and(|rest| {
            rest.starts_with("()") || (bare.len() < line.len() && (rest.is_empty() || rest.starts_with('{')))
        })
    };
    let lines: Vec<&str> = text.lines().collect();
    let start = lines.iter().rposition(|line| starts(line))?;
    let first = lines.get(start)?;
    if first.contains('{') && first.trim_end().ends_with('}') {
        return Some((*first).to_owned());
    }
    let length = lines.iter().skip(start).position(|line| line.starts_with('}') || line.starts_with(')'))?;
    Some(lines.get(start..=start + length)?.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_with_all_it_uses() {
        let text = "alias k=old\nalias -- k='kubectl --context prod'\nkdel () \n{ \n    k delete \"$@\"\n}\nfunction one { ls; }\nalias ll='ls -l'\n";
        let shell = Shell { text: text.to_owned() };
        assert_eq!(shell.definition("k").as_deref(), Some("alias k='kubectl --context prod'"));
        assert_eq!(shell.definition("one").as_deref(), Some("function one { ls; }"));
        assert_eq!(shell.definition("nope"), None);
        let both = shell.definition("kdel").unwrap();
        assert!(both.contains("kdel ()"), "{both}");
        let packed =
            unpacked("eval \"$(echo 'a2QgKCkgeyBrdWJlY3RsIGRlbGV0ZTsgfQo=' | base64 -d)\"".to_owned());
        assert_eq!(function(&packed, "kd").as_deref(), Some("kd () { kubectl delete; }"));
    }
}
