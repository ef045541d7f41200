//! What a confined program does not get: `policies/programs/custody.toml`.

use databake::Bake;
use serde::Deserialize;

use super::{Rows, Shown, Text, Texts};

/// `custody.toml`.
#[derive(Clone, Copy, Debug, Deserialize, Bake)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[databake(path = rwenv_core::table)]
#[serde(deny_unknown_fields)]
pub struct Custody {
    /// Files, folders and sockets that are not there.
    pub hidden: Rows<HiddenRow>,
    /// Variables that are not set.
    pub removed: Rows<RemovedRow>,
    /// Files and folders that may be read.
    pub read_only: Rows<HiddenRow>,
    /// What of `/run` stays: the rest of it is where sockets are.
    pub kept: Texts,
}

/// Paths of one kind.
#[derive(Clone, Copy, Debug, Deserialize, Bake)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[databake(path = rwenv_core::table)]
#[serde(deny_unknown_fields)]
pub struct HiddenRow {
    /// What they hold, for people.
    pub about: Text,
    /// Where they are: `~/` is the home, `*` in the last part stands for anything. A folder counts whole.
    #[serde(default)]
    pub paths: Texts,
    /// Variables that name such files or folders, several separated by `:`.
    #[serde(default)]
    pub named_by: Texts,
    /// They open git hosts alone: they count where git's remotes are reached by the broker (`rwenv run --git broker`).
    #[serde(default)]
    pub of_git: bool,
    /// Paths that are among them.
    #[serde(default)]
    pub examples: Shown<Text>,
    /// Paths that are not.
    #[serde(default)]
    pub others: Shown<Text>,
}

/// Variables of one kind.
#[derive(Clone, Copy, Debug, Deserialize, Bake)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[databake(path = rwenv_core::table)]
#[serde(deny_unknown_fields)]
pub struct RemovedRow {
    /// What they hold, for people.
    pub about: Text,
    /// Their names, `*` for anything.
    pub names: Texts,
    /// They open git hosts alone: they count where git's remotes are reached by the broker (`rwenv run --git broker`).
    #[serde(default)]
    pub of_git: bool,
    /// Names that are among them.
    #[serde(default)]
    pub examples: Shown<Text>,
    /// Names that are not.
    #[serde(default)]
    pub others: Shown<Text>,
}

impl HiddenRow {
    /// True for a path, written as the row writes it, that is one of these or lies below one.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        self.paths.iter().any(|own| {
            let parts: Vec<&str> = own.split('/').collect();
            let given: Vec<&str> = path.split('/').collect();
            parts.len() <= given.len() && parts.iter().zip(&given).all(|(own, given)| fits(own, given))
        })
    }
}

impl RemovedRow {
    /// True for a name that is one of these.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.names.iter().any(|own| fits(own, name))
    }
}

/// True where a pattern with at most one `*` is this name.
#[must_use]
pub fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => {
            name.len() >= before.len() + after.len() && name.starts_with(before) && name.ends_with(after)
        }
    }
}
