//! `rwenv db`: looking into the databases of a rwenv.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;
use serde_json::Value;

use super::shared::{ClusterArgs, Output, period};
use super::{out, permit};
use rwenv_core::classify;
use rwenv_core::decide::text::escape_and_cut;
use rwenv_flux::catalog::lookup;
use rwenv_flux::database::{self, QueryRows};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::facts::config;

#[derive(Debug, Args)]
pub(super) struct Db {
    #[command(subcommand)]
    command: DbCommand,
}

#[derive(Debug, Subcommand)]
enum DbCommand {
    /// List the databases in envs.json
    List(Output),
    /// Run one read-only statement and print the rows
    #[command(
        after_help = "The statement runs in a read-only transaction. The password comes from a Secret in the cluster and is never shown.\n\n\
                      Examples:\n  rwenv db query orders 'SELECT count(*) FROM orders'\n  \
                      rwenv db query orders 'SELECT id, state FROM orders LIMIT 20' --format csv\n\n\
                      Exit status: 0 done, 1 failed, 2 denied by policy."
    )]
    Query(Query),
}

#[derive(Debug, Args)]
struct Query {
    /// Database, as rwenv db list shows it
    name: String,
    /// SQL statement
    sql: String,
    /// Output format
    #[arg(long, value_enum, default_value_t = RowFormat::Table)]
    format: RowFormat,
    /// Cancel the statement after this time
    #[arg(long, default_value = "30s", value_name = "TIME")]
    timeout: String,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RowFormat {
    /// For reading
    Table,
    /// With a header line (RFC 4180)
    Csv,
    /// Array of objects; values are strings as the database writes them, or null
    Json,
}

pub(super) fn db(args: &Db, environment: &Environment) -> anyhow::Result<u8> {
    match &args.command {
        DbCommand::List(output) => list(output, environment),
        DbCommand::Query(query) => permit::under(environment, |_| run(query, environment)),
    }
}

fn list(output: &Output, environment: &Environment) -> anyhow::Result<u8> {
    #[derive(Serialize)]
    struct DatabaseRow<'r> {
        name: &'r str,
        namespace: Option<&'r str>,
        database: Option<&'r str>,
        description: Option<&'r str>,
    }
    let all = config::load(&environment.config_dir)?.databases;
    let rows: Vec<DatabaseRow<'_>> = all
        .iter()
        .map(|(name, database)| DatabaseRow {
            name,
            namespace: database.namespace.as_deref(),
            database: database.database.as_deref(),
            description: database.description.as_deref(),
        })
        .collect();
    if output.json {
        out::json(&rows)?;
    } else if rows.is_empty() {
        out::note(
            "envs.json names no databases; add them to \"databases\": namespace, secretName, pgbouncerHost, database, username",
        );
    } else {
        let mut table = out::table(&["NAME", "NAMESPACE", "DATABASE", "DESCRIPTION"]);
        for row in &rows {
            table.add_row([
                row.name,
                row.namespace.unwrap_or("-"),
                row.database.unwrap_or("-"),
                row.description.unwrap_or(""),
            ]);
        }
        out::print(&table);
    }
    Ok(0)
}

fn run(query: &Query, environment: &Environment) -> anyhow::Result<u8> {
    if let Err(why) = classify::query(&query.sql) {
        bail!("{why}");
    }
    let databases = config::load(&environment.config_dir)?.databases;
    let known: BTreeMap<&str, _> =
        databases.iter().map(|(name, database)| (name.as_str(), database)).collect();
    let Some(database) = known.get(query.name.as_str()) else {
        let near = lookup::near(&query.name, known.keys().copied());
        let near = lookup::proposal(&near);
        bail!("there is no database '{}' in envs.json.{near} rwenv db list shows them", query.name);
    };
    let rwenv = query.cluster.rwenv(environment)?;
    let limit = period(&query.timeout)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let asked = database::query(&rwenv, (&query.name, database), &query.sql, limit, environment);
    let rows = runtime.block_on(asked)?;
    print(&rows, query.format)?;
    Ok(0)
}

fn print(found: &QueryRows, format: RowFormat) -> anyhow::Result<()> {
    match format {
        RowFormat::Table => {
            let headings: Vec<&str> = found.columns.iter().map(String::as_str).collect();
            let mut table = out::table(&headings);
            for row in &found.rows {
                // What stands in a database may be anything; a terminal is told what is there and does not obey it.
                table.add_row(
                    row.iter().map(|value| escape_and_cut(value.as_deref().unwrap_or("NULL"), usize::MAX)),
                );
            }
            out::print(&table);
            out::note(&out::count(found.rows.len(), "row"));
        }
        RowFormat::Csv => {
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(&found.columns)?;
            for row in &found.rows {
                writer.write_record(row.iter().map(|value| value.as_deref().unwrap_or_default()))?;
            }
            let bytes = writer.into_inner().context("the rows could not be written")?;
            out::line(String::from_utf8_lossy(&bytes).trim_end_matches('\n'));
        }
        RowFormat::Json => {
            let value = |value: &Option<String>| value.clone().map_or(Value::Null, Value::String);
            let object = |row: &Vec<Option<String>>| -> serde_json::Map<String, Value> {
                found.columns.iter().cloned().zip(row.iter().map(value)).collect()
            };
            out::json(&found.rows.iter().map(object).collect::<Vec<_>>())?;
        }
    }
    Ok(())
}
