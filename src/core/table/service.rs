//! What of a tool's words and variables says which server, account, project or host a call is for: `[[target]]` in `policies/tools/*.toml`.

use databake::Bake;
use serde::Deserialize;

use super::{Shown, TargetKind, Text, Texts};

/// How calls of a tool name one kind of target.
#[derive(Clone, Copy, Debug, Deserialize, Bake)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[databake(path = rwenv_core::table)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "the switches of a row")]
pub struct ServiceRow {
    /// What is named.
    pub kind: TargetKind,
    /// Only these of its programs; all where there is none.
    #[serde(default)]
    pub programs: Texts,
    /// Flags whose value names the whole of it.
    #[serde(default)]
    pub flags: Texts,
    /// Flags whose value names a part: what is in use counts beside it.
    #[serde(default)]
    pub parts: Texts,
    /// Flags whose value names it where it is a URL, or holds `host=`.
    #[serde(default)]
    pub urls: Texts,
    /// Its arguments name it where they are URLs, or hold `host=`.
    #[serde(default)]
    pub url_arguments: bool,
    /// A part of the first argument's path may be the name of a rwenv.
    #[serde(default)]
    pub path_argument: bool,
    /// Flags whose value may be, or have as a part of its path, the name of a rwenv.
    #[serde(default)]
    pub hints: Texts,
    /// Variables whose value may.
    #[serde(default)]
    pub hint_variables: Texts,
    /// The folder it runs in may be called as a rwenv is.
    #[serde(default)]
    pub folder: bool,
    /// Variables that name it where no flag does.
    #[serde(default)]
    pub variables: Texts,
    /// Words behind which stands what later calls use: `context`, `workspace select`.
    #[serde(default)]
    pub chooses: Texts,
    /// The tool keeps in a file which one is in use.
    #[serde(default)]
    pub config: bool,
    /// Flags that name another such file.
    #[serde(default)]
    pub config_flags: Texts,
    /// Variables that do.
    #[serde(default)]
    pub config_variables: Texts,
    /// Nothing else of a call says where it goes: whoever owns the target judges alone.
    #[serde(default)]
    pub alone: bool,
    /// Command lines that name one.
    pub examples: Shown<Text>,
}

/// A command that writes a context into the kubeconfig in use.
#[derive(Clone, Copy, Debug, Deserialize, Bake)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[databake(path = rwenv_core::table)]
#[serde(deny_unknown_fields)]
pub struct KubeconfigMaker {
    /// Its words, in this order.
    pub command: Text,
    /// Flags that name another file, beside `--kubeconfig`; `N` for its argument behind the words.
    #[serde(default)]
    pub files: Texts,
    /// Command lines that write into the kubeconfig in use.
    pub examples: Shown<Text>,
    /// Those that write a file of their own.
    pub own: Shown<Text>,
}
