//! SQL handed to a database's client: reads, or not. What is not known to be a read is not one.

mod text;

use super::arguments::Arguments;
use crate::model::{Command, Effect, Invocation, Operation, Stdin, Word};
use text::{SqlDialect, statements};

/// Stands among the flags that carry SQL for the last argument.
const LAST: &str = "*";
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
    if command.sql.contains(&LAST) {
        texts.extend(args.rest.last().map(|word| word.as_literal().map(str::to_owned)));
    }
    if texts.is_empty() && !from_file {
        match &invocation.stdin {
            Stdin::Text(text) => texts.push(Some(text.to_string())),
            Stdin::File(_) | Stdin::Unknown => texts.push(None),
            Stdin::Inherited | Stdin::Later => {}
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
        let found = match text.as_deref() {
            Some(text) => dialects(invocation).iter().find_map(|dialect| writes_in(text, *dialect)),
            None => Some("the SQL is not in the command line".to_owned()),
        };
        if let Some(what) = found {
            operation.effect = Effect::DataWrite;
            operation.note = Some(what);
        }
    }
}

/// Checks that a text is one statement that reads, for PostgreSQL.
///
/// # Errors
/// Why it is not, in words.
pub fn query(text: &str) -> Result<(), String> {
    const INSTEAD: &str = "run one SELECT, SHOW, EXPLAIN, VALUES, TABLE or WITH statement";
    let found = statements(text, SqlDialect::Postgres).unwrap_or_default();
    if let Some(what) = writes_in(text, SqlDialect::Postgres) {
        return Err(format!("'{what}' may write; {INSTEAD}"));
    }
    let [only] = found.as_slice() else { return Err(format!("this is not a single statement; {INSTEAD}")) };
    let first = only.split(|c: char| !c.is_alphanumeric()).find(|word| !word.is_empty()).unwrap_or_default();
    let asks = ["select", "show", "explain", "values", "table", "with"];
    if asks.iter().any(|word| first.eq_ignore_ascii_case(word)) {
        return Ok(());
    }
    Err(format!("'{first}' is not a query; {INSTEAD}"))
}

/// The statement of a text that is no read, whoever reads it.
pub(super) fn writes(text: &str) -> Option<String> {
    [SqlDialect::Postgres, SqlDialect::MySql].into_iter().find_map(|dialect| writes_in(text, dialect))
}

/// The statement of a text that is no read in a dialect.
fn writes_in(text: &str, dialect: SqlDialect) -> Option<String> {
    let Ok(statements) = statements(text, dialect) else {
        return Some("a string whose end depends on how backslashes are read".to_owned());
    };
    statements.into_iter().find(|statement| !is_read(statement)).map(|statement| {
        let shown: String = statement.chars().take(60).collect();
        shown.split_whitespace().collect::<Vec<_>>().join(" ")
    })
}

/// The dialects that a client may speak, by its name.
fn dialects(invocation: &Invocation) -> &'static [SqlDialect] {
    let program = invocation.program().and_then(Word::as_literal).unwrap_or_default();
    match program.rsplit('/').next() {
        Some("psql" | "pgcli" | "cockroach-sql" | "rwenv") => &[SqlDialect::Postgres],
        Some("mysql" | "mariadb" | "mycli") => &[SqlDialect::MySql],
        _ => &[SqlDialect::Postgres, SqlDialect::MySql],
    }
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

    #[test]
    fn what_one_dialect_takes_for_data_is_seen_where_another_runs_it() {
        let postgres = |text: &str| writes_in(text, SqlDialect::Postgres);
        let mysql = |text: &str| writes_in(text, SqlDialect::MySql);
        for text in [
            r"select E'\''; drop table t; --'",
            r"select e'\\\''; drop table t; --'",
            r"select 'a\'; drop table t; --'",
            "select $a$ ' $a$; drop table t; --'",
            "select $$ ' $$; drop table t; --'",
            "/* /* */ ' */ drop table t; --'",
            "select 'a''b'; drop table t",
            "select \"a'\"; drop table t --'",
            "select a$b$; drop table t; select c$b$",
            "select $1$; drop table t; select $1$",
        ] {
            assert!(postgres(text).is_some(), "{text}");
        }
        for text in [
            r"select '\''; drop table t; -- '",
            "select 1 # '\n; drop table t # '",
            "select 1--1; drop table t",
            "select 1 as `'`; drop table t -- '",
            "select 1 as $$; drop table t; select 1 as $$",
            r#"select "\""; drop table t; -- ""#,
            "/*!50000 drop table t */",
            "/*M! drop table t */",
        ] {
            assert!(mysql(text).is_some(), "{text}");
        }
        for text in [
            "select data #>> '{drop,table}' from t",
            r"select E'it\'s; drop table t'",
            r"select * from t where path like 'C:\\x'",
            "select $fn$ drop table t $fn$",
            "select 1 --drop it later",
            "/* drop /* table */ t */ select 1",
            "select \"drop table\" from t where a = 'it''s; drop'",
        ] {
            assert_eq!(postgres(text), None, "{text}");
        }
        for text in [
            "select 1 -- drop\n, 2",
            "select 1 # drop",
            r"select 'it\'s; drop'",
            "select `drop table` from t",
        ] {
            assert_eq!(mysql(text), None, "{text}");
        }
    }
}
