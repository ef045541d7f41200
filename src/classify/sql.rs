//! SQL handed to a database's client: reads, or not. What is not known to be a read is not one.

use super::arguments::Arguments;
use crate::model::{Command, Effect, Invocation, Operation, Stdin, Word};

/// First words of statements that only read, if nothing in them says otherwise.
const READS: [&str; 12] = [
    "select", "show", "explain", "describe", "desc", "table", "values", "with", "fetch", "begin", "start",
    "help",
];
/// First words of statements that change the session alone.
const SESSION: [&str; 6] = ["commit", "rollback", "end", "abort", "use", "reset"];
/// Words that change something wherever they stand in a statement that begins like a read.
const WRITES: [&str; 22] = [
    "insert",
    "update",
    "delete",
    "merge",
    "into",
    "create",
    "alter",
    "drop",
    "truncate",
    "grant",
    "revoke",
    "copy",
    "call",
    "lock",
    "vacuum",
    "refresh",
    "outfile",
    "dumpfile",
    "nextval",
    "setval",
    "set_config",
    "analyze",
];
/// Functions that change or reach something although they stand in a select.
const FUNCTIONS: [&str; 14] = [
    "pg_terminate_backend",
    "pg_cancel_backend",
    "pg_reload_conf",
    "pg_rotate_logfile",
    "pg_read_file",
    "pg_read_binary_file",
    "pg_ls_dir",
    "lo_import",
    "lo_export",
    "dblink",
    "pg_advisory_lock",
    "pg_promote",
    "pg_switch_wal",
    "query_to_xml",
];
/// Meta commands of psql that only show.
const META: [&str; 13] =
    ["d", "l", "z", "x", "q", "t", "a", "?", "h", "conninfo", "timing", "pset", "encoding"];

/// Takes an operation for what its SQL does.
pub(super) fn judge(operation: &mut Operation, invocation: &Invocation, command: &Command, args: &Arguments) {
    let mut texts: Vec<Option<String>> = (args.flags.iter())
        .filter(|f| command.sql.contains(&f.name.as_str()))
        .map(|f| f.value.as_ref().and_then(Word::as_literal).map(str::to_owned))
        .collect();
    let from_file = args.flags.iter().any(|f| matches!(f.name.as_str(), "-f" | "--file"));
    if texts.is_empty() && !from_file {
        match &invocation.stdin {
            Stdin::Text(text) => texts.push(Some(text.clone())),
            Stdin::File(_) | Stdin::Unknown => texts.push(None),
            Stdin::Inherited => {}
        }
    }
    if from_file {
        texts.push(None);
    }
    if texts.is_empty() {
        // A session that somebody types into.
        return;
    }
    operation.effect = Effect::Read;
    for text in texts {
        let found = text.as_deref().map_or(Some("SQL that is not in the line".to_owned()), writes);
        if let Some(what) = found {
            operation.effect = Effect::DataWrite;
            operation.note = Some(what);
        }
    }
}

/// The statement of a text that is no read.
pub(super) fn writes(text: &str) -> Option<String> {
    statements(text).into_iter().find(|statement| !is_read(statement)).map(|statement| {
        let shown: String = statement.chars().take(60).collect();
        shown.split_whitespace().collect::<Vec<_>>().join(" ")
    })
}

/// The statements of a text: without comments, and with what stands between quotes left out.
fn statements(text: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skip = match c {
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            // MySQL runs what stands in `/*! … */`.
            '/' if rest.starts_with("/*") && !rest.starts_with("/*!") => {
                rest.find("*/").map_or(rest.len(), |end| end + 2)
            }
            '\'' => quoted(rest, '\''),
            '"' => quoted(rest, '"'),
            '$' if rest.starts_with("$$") => {
                rest.get(2..).and_then(|inner| inner.find("$$")).map_or(rest.len(), |end| end + 4)
            }
            _ => 0,
        };
        if skip > 0 {
            all.last_mut().into_iter().for_each(|last| last.push_str(" ' "));
            rest = rest.get(skip..).unwrap_or_default();
            continue;
        }
        let ends =
            c == ';' || (c == '\n' && all.last().is_some_and(|last| last.trim_start().starts_with('\\')));
        if ends {
            all.push(String::new());
        } else {
            all.last_mut().into_iter().for_each(|last| last.push(c));
        }
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
    }
    all.retain(|statement| !statement.trim().is_empty());
    all
}

/// The length of a quoted text at the beginning.
fn quoted(text: &str, quote: char) -> usize {
    let body = text.get(1..).unwrap_or_default();
    body.find(quote).map_or(text.len(), |end| end + 2)
}

fn is_read(statement: &str) -> bool {
    let lower = statement.trim().to_lowercase();
    if let Some(meta) = lower.strip_prefix('\\') {
        let name = meta.split(|c: char| !c.is_alphanumeric() && c != '?').next().unwrap_or_default();
        return (META.contains(&name) || name.starts_with('d'))
            && !meta.contains(['|', '`'])
            && !meta.contains("\\!");
    }
    let words: Vec<&str> =
        lower.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|w| !w.is_empty()).collect();
    let Some(first) = words.first() else { return true };
    if lower.contains('\\') {
        return false;
    }
    if SESSION.contains(first) {
        return true;
    }
    if *first == "set" {
        // `SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE` lifts what a read-only session forbids.
        return !words.contains(&"write") && !words.contains(&"global") && !words.contains(&"role");
    }
    let functions = words.iter().any(|word| FUNCTIONS.iter().any(|f| word.starts_with(f)));
    // `explain` alone runs nothing; with `analyze` it runs what it explains.
    let explained = matches!(*first, "explain" | "describe" | "desc") && !words.contains(&"analyze");
    let changes = words.iter().any(|w| WRITES.contains(w) && (*w != "analyze" || *first != "explain"));
    READS.contains(first) && !functions && (explained || !changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_reads_are_reads() {
        for text in [
            "SELECT 1",
            "select * from t where a = 'delete from t; drop table t'; show tables",
            "explain delete from t",
            "explain analyze select 1",
            "WITH x AS (SELECT 1) SELECT * FROM x",
            "\\dt+ public.*",
            "\\l",
            "-- drop table t\nselect 1",
            "begin transaction read only; select 1; commit",
            "set statement_timeout = 5; select 1",
            "select \"update\" from t",
            "",
        ] {
            assert_eq!(writes(text), None, "{text}");
        }
        for text in [
            "DELETE FROM t",
            "select 1; drop table t",
            "with x as (delete from t returning *) select * from x",
            "select * into u from t",
            "explain analyze delete from t",
            "select pg_terminate_backend(1)",
            "do $$ begin delete from t; end $$",
            "copy t from program 'sh'",
            "\\! rm -rf x",
            "\\o | sh",
            "\\i x.sql",
            "\\copy t from x",
            "select 1 \\gexec",
            "/*! delete from t */",
            "set session characteristics as transaction read write",
            "select nextval('s')",
            "call f()",
            "update t set a = 1",
            "select 1;\n\nTRUNCATE t",
        ] {
            assert!(writes(text).is_some(), "{text}");
        }
    }
}
