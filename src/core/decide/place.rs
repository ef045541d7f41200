//! Paths, and whose they are: what a word may stand for, and which files are the guard's.

use crate::classify;
use crate::model::{Context, Dir, Part, Trait, Word, glob, normalize, wild};

/// Files of rwenv's own.
pub(super) const OWN: Trait = Trait::Own;
/// Files that say whether the agent asks us.
pub(super) const AGENT: Trait = Trait::AgentSettings;
/// Hooks of git's that say whether git does.
pub(super) const HOOK: Trait = Trait::GitHook;

/// Whose a file is, where it is guarded. A folder that holds the guard's files is meant where all in it is changed.
pub(super) fn guarded(path: &str, whole: bool, context: &Context) -> Option<Trait> {
    let tables = classify::tools();
    let is = |patterns: &[&str]| patterns.iter().any(|pattern| glob(pattern, path));
    let config = context.config_dir.as_str();
    let below =
        |folder: &str| path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if whole && !config.is_empty() && is_clone(path, &format!("{config}/flux-repos")) {
        return Some(Trait::FluxClone);
    }
    let free = ["flux-repos", "catalog"].iter().any(|name| below(&format!("{config}/{name}")));
    if is(&tables.programs.unguarded) || (!config.is_empty() && free) {
        return None;
    }
    if is(&tables.programs.guarded) || (!config.is_empty() && below(config)) {
        return Some(OWN);
    }
    let above = config.strip_prefix(path).is_some_and(|rest| rest.starts_with('/') || path == "/");
    if whole && !config.is_empty() && above {
        return Some(OWN);
    }
    if is(&tables.programs.guarded_agent) {
        return Some(AGENT);
    }
    is(&tables.programs.guarded_hooks).then_some(HOOK)
}

/// True for the clone of a Flux repository (`FOLDER/NAME/REPOSITORY`), git's part of one, and what holds clones.
fn is_clone(path: &str, folder: &str) -> bool {
    let Some(rest) = path.strip_prefix(folder) else { return false };
    // The rwenv's name, the repository's, and what is in it.
    let inside = rest.split('/').nth(3);
    (rest.is_empty() || rest.starts_with('/')) && inside.is_none_or(|inside| inside == ".git")
}

/// True for a folder in which the guard's configuration or an agent's settings lie; not for one of programs.
pub(super) fn near(path: &str, context: &Context) -> bool {
    fn parent(file: &str) -> Option<&str> {
        file.rsplit_once('/').map(|(folder, _)| folder)
    }
    if parent(&context.config_dir) == Some(path) {
        return true;
    }
    let below = path.strip_prefix(context.home.as_str()).and_then(|rest| rest.strip_prefix('/'));
    let Some(below) = below.filter(|below| !below.ends_with("bin")) else { return false };
    classify::tools().programs.at_home.iter().any(|file| parent(file) == Some(below))
}

/// A word of code as a path: `~` stands for the home directory, and stars for names.
pub(super) fn from_home(word: &Word, context: &Context) -> Word {
    let mut out = Word::default();
    for (at, part) in word.parts().iter().enumerate() {
        match part {
            Part::Text(text) => {
                let rest = text
                    .strip_prefix('~')
                    .filter(|rest| at == 0 && (rest.is_empty() || rest.starts_with('/')));
                let text = rest.map_or_else(|| text.clone(), |rest| format!("{}{rest}", context.home));
                let wild = |c: char| matches!(c, '*' | '?');
                match text.find(wild).zip(text.rfind(wild)) {
                    Some((start, end)) => {
                        out.push_text(text.get(..start).unwrap_or_default());
                        out.push_wild();
                        out.push_text(text.get(end + 1..).unwrap_or_default());
                    }
                    None => out.push_text(&text),
                }
            }
            _ => out.push_unknown(false),
        }
    }
    out
}

/// The files a word may stand for; of one that is computed, what is certain of it.
pub(super) fn places(word: &Word, cwd: &[Dir]) -> Vec<String> {
    let known = word.as_literal().unwrap_or_else(|| word.prefix());
    let mut all: Vec<String> = match known {
        "" => Vec::new(),
        text => {
            let word = Word::literal(text);
            cwd.iter().filter_map(|dir| dir.enter(&word).path().map(|path| real(path, dir))).collect()
        }
    };
    // `build-$V/` is a folder whose name begins like that; `$V/` may be the root.
    let ends_so = known.is_empty() || !word.suffix().trim_matches('/').is_empty();
    if word.as_literal().is_none() && word.suffix().contains('/') && ends_so {
        all.push(normalize(word.suffix()));
    }
    all
}

/// A path without the detours that `/proc` has: through a process's root, or its directory.
fn real(path: &str, cwd: &Dir) -> String {
    let Some(rest) = path.strip_prefix("/proc/").and_then(|rest| rest.split_once('/')) else {
        return path.to_owned();
    };
    match rest.1.split_once('/').unwrap_or((rest.1, "")) {
        ("root", rest) => normalize(rest),
        ("cwd", rest) => normalize(&format!("{}/{rest}", cwd.path().unwrap_or_default())),
        ("task", rest) => real(&format!("/proc/{rest}"), cwd),
        _ => path.to_owned(),
    }
}

/// The file of the guard's in a home directory that a pattern matches, or a folder on the way to it.
pub(super) fn matched(word: &Word, cwd: &[Dir], context: &Context) -> Option<String> {
    let (folder, head, tail) = wild(word)?;
    let fits = |rest: &str| {
        let name = rest.split('/').next().unwrap_or_default();
        let shown = !head.is_empty() || !name.starts_with('.');
        shown && name.len() >= head.len() + tail.len() && name.starts_with(&head) && name.ends_with(&tail)
    };
    let mut folders = places(&Word::literal(folder), cwd).into_iter();
    folders.find_map(|folder| {
        below_home(&folder, context).into_iter().find(|(_, rest)| fits(rest)).map(|(file, _)| file)
    })
}

/// What stands behind a folder in a path below it.
pub(super) fn below<'p>(path: &'p str, folder: &str) -> Option<&'p str> {
    path.strip_prefix(folder.trim_end_matches('/'))?.strip_prefix('/')
}

/// Where files of the guard's lie in a home directory, below this path.
pub(super) fn below_home(path: &str, context: &Context) -> Vec<(String, String)> {
    let all = classify::tools().programs.at_home.iter().map(|name| format!("{}/{name}", context.home));
    let config = ["", "/envs.json"].iter().map(|name| format!("{}{name}", context.config_dir));
    let all = all.chain(config.filter(|_| !context.config_dir.is_empty()));
    all.filter_map(|file| below(&file, path).map(|rest| rest.to_owned()).map(|rest| (file, rest))).collect()
}

/// True for a file that something runs without being told.
#[must_use]
pub fn is_planted(path: &str) -> bool {
    let tables = classify::tools();
    [tables.programs.planted, tables.programs.startup, tables.programs.planted_settings]
        .iter()
        .any(|list| list.iter().any(|pattern| glob(pattern, path)))
}

/// True where a text that is put into such a file concerns the guard: it names it, or moves the hooks of git.
pub(super) fn concerns_us(path: &str, text: &str) -> bool {
    let tables = classify::tools();
    let startup = tables.programs.startup.iter().any(|pattern| glob(pattern, path));
    let of_git = ["*/.gitconfig", "*/git/config", "*/.git/config"].iter().any(|pattern| glob(pattern, path));
    ((startup || path.ends_with("/.envrc")) && text.contains("rwenv"))
        || (of_git && text.to_lowercase().contains("hookspath"))
}

/// The folder of this machine that the value of an option hands to a container to write to: `SOURCE:TARGET`, or `type=bind,source=…`.
pub(super) fn mounted(value: &Word) -> Option<Word> {
    let text = value.as_literal()?;
    let (source, settings) = match text.split_once(':') {
        None if text.starts_with('/') => (text, ""),
        Some((source, rest)) if !text.contains("target=") && !text.contains("dst=") => {
            (source, rest.split_once(':').map_or("", |(_, settings)| settings))
        }
        _ => {
            let field = |name: &str| text.split(',').find_map(|field| field.strip_prefix(name));
            (field("source=").or_else(|| field("src="))?, text)
        }
    };
    let only_read = |field: &str| matches!(field, "ro" | "readonly" | "ro=true" | "readonly=true");
    let here = source.starts_with(['/', '.', '~']);
    (here && !settings.split(',').any(only_read)).then(|| Word::literal(source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_ours_the_agent_s_or_nobody_s() {
        let context = Context {
            cwd: "/w".into(),
            home: "/h".into(),
            config_dir: "/h/.claude/rwenv".into(),
            ..Context::default()
        };
        let guarded = |path: &str, whole| guarded(path, whole, &context);
        assert_eq!(guarded("/h/.claude/rwenv/envs.json", false), Some(OWN));
        assert_eq!(guarded("/w/.claude/settings.json", false), Some(AGENT));
        assert_eq!(guarded("/w/.claude/rwenv", false), Some(OWN));
        assert_eq!(guarded("/w/.git/hooks/pre-push", false), Some(HOOK));
        assert_eq!(guarded("/h/.claude", true), Some(OWN));
        for clone in ["", "/dev", "/dev/flux", "/dev/flux/.git"] {
            let path = format!("/h/.claude/rwenv/flux-repos{clone}");
            assert_eq!(
                (guarded(&path, true), guarded(&path, false)),
                (Some(Trait::FluxClone), None),
                "{path}"
            );
        }
        for free in [
            "/h/.claude/rwenv/flux-repos/dev/flux/a.yaml",
            "/h/.claude/commands/x.md",
            "/w/rwenv/README.md",
            "/h/.claude/rwenvx",
        ] {
            assert_eq!(guarded(free, true), None, "{free}");
        }
        assert_eq!(guarded("/h/.claude", false), None);
        let cwd = Dir::Known("/w".to_owned());
        assert_eq!(real("/proc/self/root/h/x", &cwd), "/h/x");
        assert_eq!(real("/proc/12/cwd/x", &cwd), "/w/x");
        assert_eq!(real("/proc/self/task/3/root/x", &cwd), "/x");
        assert_eq!(real("/proc/cpuinfo", &cwd), "/proc/cpuinfo");
    }
}
