//! Entries of tables that are a program and words behind it (`docker cp`).

/// What stands behind a program's name in an entry; empty where the program alone is meant, none where the entry is another program's.
/// Each list is gone through for each call: nothing is taken apart before the name fits.
#[must_use]
pub fn behind_program<'e>(entry: &'e str, name: &str) -> Option<&'e str> {
    if entry.as_bytes().first() != name.as_bytes().first() {
        return None;
    }
    let rest = entry.strip_prefix(name)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix(' ') }
}

#[cfg(test)]
mod tests {
    use super::behind_program;

    #[test]
    fn an_entry_belongs_to_the_program_it_begins_with() {
        assert_eq!(behind_program("docker cp", "docker"), Some("cp"));
        assert_eq!(behind_program("docker", "docker"), Some(""));
        assert_eq!(behind_program("docker-compose cp", "docker"), None);
        assert_eq!(behind_program("podman cp", "docker"), None);
    }
}
