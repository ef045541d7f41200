//! Requests to the APIs of forges as data. Filled at build time from `policies/tools/forges.toml`.

/// Requests that are alike in what they do to a repository.
#[derive(Clone, Copy, Debug)]
pub struct ForgeRequest {
    /// What it is called in messages.
    pub verb: &'static str,
    /// One of these methods.
    pub methods: &'static [&'static str],
    /// To one of these paths: `*` stands for one segment, `**` for any that follow.
    pub paths: &'static [&'static str],
    /// It counts only where the host is known to be a forge's.
    pub sure: bool,
    /// Something is sent that matches one of these patterns; none: whatever is sent.
    pub data: &'static [&'static str],
    /// One of the fields at the root of a GraphQL mutation is one of these.
    pub fields: &'static [&'static str],
    /// All fields at the root of a GraphQL mutation are among these.
    pub only: &'static [&'static str],
    /// Properties it has.
    pub traits: &'static [&'static str],
}
