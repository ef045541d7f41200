//! What stands before git's verb: its own options, in their exact forms.

use crate::model::{Dir, RepositoryTarget, Word};

/// What stands before the verb.
#[derive(Clone, Default)]
pub(super) struct Front {
    pub(super) repository: RepositoryTarget,
    /// A flag that is in no table, or an argument that is computed.
    pub(super) doubt: Option<String>,
    /// `--version`, `--help` and their like.
    pub(super) informs: bool,
}

/// Where git's verb stands among its arguments, and the directories it then works in.
#[must_use]
pub fn before_verb(words: &[Word], cwd: &[Dir]) -> (usize, Vec<Dir>) {
    let mut front = Front::default();
    front.repository.dirs = cwd.to_vec();
    let at = options(words, &mut front);
    (at, front.repository.dirs)
}

/// Reads the options before the verb and says where it stands.
pub(super) fn options(words: &[Word], front: &mut Front) -> usize {
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let Some(text) = word.as_literal() else {
            if word.may_be_flag() {
                front.doubt = Some(format!("the verb is computed at run time ('{}')", word.display()));
            }
            return at;
        };
        if !text.starts_with('-') || text == "-" {
            return at;
        }
        at += 1;
        let (name, attached) = match text.split_once('=') {
            Some((name, value)) => (name, Some(Word::literal(value))),
            None => (text, None),
        };
        let takes_next = matches!(name, "-C" | "-c")
            || (attached.is_none()
                && matches!(
                    name,
                    "--git-dir" | "--work-tree" | "--namespace" | "--config-env" | "--attr-source"
                ));
        let value = if takes_next {
            let value = words.get(at).cloned();
            at += 1;
            value
        } else {
            attached
        };
        option(name, value, front);
    }
    at
}

pub(super) fn option(name: &str, value: Option<Word>, front: &mut Front) {
    let value = value.unwrap_or_default();
    match name {
        "-C" | "--work-tree" => {
            front.repository.dirs = front.repository.dirs.iter().map(|d| d.enter(&value)).collect();
        }
        "--git-dir" => {
            let text = value.as_literal().unwrap_or_default();
            let parent = Word::literal(text.trim_end_matches('/').trim_end_matches(".git"));
            let to = if value.as_literal().is_some() { parent } else { value };
            front.repository.dirs = front.repository.dirs.iter().map(|d| d.enter(&to)).collect();
        }
        "-c" => {
            let (key, setting) = match value.prefix().split_once('=') {
                Some((key, start)) => {
                    let mut setting = Word::literal(start);
                    value.parts().iter().skip(1).for_each(|_| setting.push_unknown(false));
                    (key.to_lowercase(), setting)
                }
                None if value.as_literal().is_some() => {
                    (value.prefix().to_lowercase(), Word::literal("true"))
                }
                None => ("*".to_owned(), Word::unknown()),
            };
            front.repository.config.push((key, setting));
        }
        "--config-env" => {
            let key = value.prefix().split_once('=').map_or("*", |(key, _)| key).to_lowercase();
            front.repository.config.push((key, Word::unknown()));
        }
        "--version" | "-v" | "--help" | "-h" | "--html-path" | "--man-path" | "--info-path"
        | "--list-cmds" => {
            front.informs = true;
        }
        "--exec-path" if value.parts().is_empty() => front.informs = true,
        "-p"
        | "--paginate"
        | "-P"
        | "--no-pager"
        | "--bare"
        | "--no-replace-objects"
        | "--no-lazy-fetch"
        | "--no-optional-locks"
        | "--no-advice"
        | "--literal-pathspecs"
        | "--glob-pathspecs"
        | "--noglob-pathspecs"
        | "--icase-pathspecs"
        | "--namespace"
        | "--attr-source" => {}
        other => front.doubt = Some(format!("'{other}' is not a known git option before the verb")),
    }
}
