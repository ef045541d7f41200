//! How much an agent may send: its bytes, as text, and a command line in them.

/// Longest payload that is read, in bytes.
pub(super) const LONGEST_PAYLOAD: u64 = 4 << 20;
/// Longest command line Linux hands to a shell as one argument (MAX_ARG_STRLEN less its end); a longer one cannot run.
const LONGEST_COMMAND: usize = 131_071;

/// What an agent sent, as text.
pub(super) fn payload(bytes: &[u8]) -> Result<&str, String> {
    if bytes.len() as u64 > LONGEST_PAYLOAD {
        return Err("the payload is larger than 4 MiB".to_owned());
    }
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(
            "nothing came on standard input; the agent has to write its event's JSON there".to_owned()
        );
    }
    std::str::from_utf8(bytes).map_err(|e| format!("the payload is not UTF-8 ({e})"))
}

/// A command line that a shell would take.
pub(super) fn fits(command: String) -> Result<String, String> {
    if command.contains('\0') {
        return Err("the command line holds a NUL character".to_owned());
    }
    if command.len() > LONGEST_COMMAND {
        return Err(format!(
            "the command line has {} bytes, more than a shell takes ({LONGEST_COMMAND})",
            command.len()
        ));
    }
    Ok(command)
}
