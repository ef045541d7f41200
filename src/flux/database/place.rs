//! A database as the configuration names it.

use rwenv_core::model::{Database, SslMode};

use super::DatabaseError;

/// A database with everything that is needed to reach it.
#[derive(Clone, Copy, Debug)]
pub(super) struct DatabaseEndpoint<'d> {
    pub(super) name: &'d str,
    pub(super) namespace: &'d str,
    pub(super) secret: &'d str,
    pub(super) host: &'d str,
    pub(super) service: &'d str,
    pub(super) database: &'d str,
    pub(super) user: &'d str,
    pub(super) ca_secret: Option<&'d str>,
    pub(super) ssl_mode: SslMode,
}

impl<'d> DatabaseEndpoint<'d> {
    pub(super) fn of(name: &'d str, database: &'d Database) -> Result<Self, DatabaseError> {
        let has = |value: &'d Option<String>, field: &'static str| {
            value
                .as_deref()
                .filter(|v| !v.is_empty())
                .ok_or_else(|| DatabaseError::Missing { name: name.to_owned(), field })
        };
        let host = has(&database.pgbouncer_host, "pgbouncerHost")?;
        Ok(Self {
            name,
            namespace: has(&database.namespace, "namespace")?,
            secret: has(&database.secret_name, "secretName")?,
            host,
            service: host.split('.').next().unwrap_or(host),
            database: has(&database.database, "database")?,
            user: has(&database.username, "username")?,
            ca_secret: database.ca_secret_name.as_deref(),
            ssl_mode: database.ssl_mode,
        })
    }
}
