//! Queries of a rwenv's databases: credentials from the cluster's Secret, a tunnel to the service, one statement in a
//! transaction that may only read. The password is in this process alone: in no argument, no environment, no message.

mod error;
mod place;
mod tls;
mod tunnel;

pub use error::DatabaseError;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use tokio_postgres::{Config, SimpleQueryMessage};

use crate::cluster::Cluster;
use error::PASSWORD;
use place::DatabaseEndpoint;
use rwenv_core::model::{Database, Rwenv};
use rwenv_gate::base::environment::Environment;
use tunnel::Tunnel;

/// Longest a connection is waited for.
const CONNECT: Duration = Duration::from_secs(10);

/// What a query gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueryRows {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The values as the database writes them; none for NULL.
    pub rows: Vec<Vec<Option<String>>>,
}

/// Runs one statement that only reads, and gives what it found.
///
/// # Errors
/// Where the cluster, the tunnel or the database says no, or it takes longer than it may.
pub async fn query(
    rwenv: &Rwenv,
    (name, database): (&str, &Database),
    sql: &str,
    limit: Duration,
    environment: &Environment,
) -> Result<QueryRows, DatabaseError> {
    let place = DatabaseEndpoint::of(name, database)?;
    let cluster = Cluster::of(rwenv, environment).await?;
    let Credentials { password, ca, own } = credentials(&cluster, &place).await?;
    let failed = |why: String| DatabaseError::Query { name: name.to_owned(), why };
    let connector = tls::connector(place.ssl_mode, ca.as_deref(), own.as_ref()).map_err(failed)?;
    let tunnel = Tunnel::open(rwenv, &place, environment).await?;
    let mut config = Config::new();
    config.host(place.host).hostaddr(IpAddr::V4(Ipv4Addr::LOCALHOST)).port(tunnel.port);
    config.user(place.user).dbname(place.database);
    if let Some(password) = password {
        config.password(password);
    }
    config.ssl_mode(tls::on_the_wire(place.ssl_mode));
    config.application_name("rwenv").connect_timeout(CONNECT);
    let found = async {
        let (client, connection) = config.connect(connector).await?;
        let served = tokio::spawn(connection);
        let found = read(&client, sql, limit).await;
        drop(client);
        served.abort();
        found
    };
    let found = tokio::time::timeout(CONNECT + limit, found).await;
    let found = found.map_err(|_| failed(format!("no answer within {} s", limit.as_secs())))?;
    found.map_err(|error| failed(said(&error)))
}

/// The server holds the statement to reading: the transaction forbids writes, and a statement that can be prepared is one.
async fn read(
    client: &tokio_postgres::Client,
    sql: &str,
    limit: Duration,
) -> Result<QueryRows, tokio_postgres::Error> {
    client.batch_execute("BEGIN TRANSACTION READ ONLY").await?;
    client.batch_execute(&format!("SET LOCAL statement_timeout = {}", limit.as_millis())).await?;
    let prepared = client.prepare(sql).await?;
    let mut found = QueryRows {
        columns: prepared.columns().iter().map(|c| c.name().to_owned()).collect(),
        ..QueryRows::default()
    };
    for message in client.simple_query(sql).await? {
        if let SimpleQueryMessage::Row(row) = message {
            found.rows.push((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect());
        }
    }
    client.batch_execute("ROLLBACK").await?;
    Ok(found)
}

/// What the database says of an error, without what the library says around it.
fn said(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(error) => {
            let hint = error.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
            format!("{}{hint} [{}]", error.message(), error.code().code())
        }
        None => match std::error::Error::source(error) {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        },
    }
}

/// What the Secrets have.
struct Credentials {
    /// None where a certificate stands for it.
    password: Option<Vec<u8>>,
    ca: Option<Vec<u8>>,
    own: Option<tls::ClientIdentity>,
}

async fn credentials(cluster: &Cluster, place: &DatabaseEndpoint<'_>) -> Result<Credentials, DatabaseError> {
    let api: Api<Secret> = Api::namespaced(cluster.client(), place.namespace);
    let secret = cluster.answer(&format!("get secret {}", place.secret), api.get(place.secret)).await?;
    let mut data = secret.data.unwrap_or_default();
    let password = data.remove(PASSWORD).map(|bytes| bytes.0);
    let mut taken = |key: &str| data.remove(key).map(|bytes| bytes.0);
    let own = match (taken(tls::CERTIFICATE), taken(tls::KEY)) {
        (Some(certificate), Some(key)) => Some(tls::ClientIdentity { certificate, key }),
        _ => None,
    };
    if let Some(name) = place.ca_secret {
        let secret = cluster.answer(&format!("get secret {name}"), api.get(name)).await?;
        data = secret.data.unwrap_or_default();
    }
    let ca = data.remove(tls::CA).map(|bytes| bytes.0);
    if password.is_none() && own.is_none() {
        return Err(DatabaseError::NoPassword {
            name: place.name.to_owned(),
            namespace: place.namespace.to_owned(),
            secret: place.secret.to_owned(),
        });
    }
    Ok(Credentials { password, ca, own })
}
