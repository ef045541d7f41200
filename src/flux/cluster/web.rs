//! Servers that are no cluster, asked by the same library: with its TLS, its proxies, and a limit on the time.

use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use hyper::{Method, Request, header};
use kube::Client;
use kube::client::Body;

use super::innermost;

/// Longest answer that is read, in bytes.
const LONGEST: usize = 8 << 20;

/// A server, and how it is spoken to.
pub struct Web {
    client: Client,
    address: String,
    patience: Duration,
    authorization: Option<String>,
    headers: Vec<(String, String)>,
}

/// What a server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

impl Web {
    /// The server at `scheme://host[:port]`. Has to be called where a runtime is.
    ///
    /// # Errors
    /// Where that is no address.
    pub fn at(address: &str, patience: Duration) -> Result<Self, String> {
        Self::with(address, patience, false)
    }

    /// The same; a certificate of the server's own is accepted where that is said.
    ///
    /// # Errors
    /// Where that is no address.
    pub fn with(address: &str, patience: Duration, own_certificate: bool) -> Result<Self, String> {
        let mut config = kube::Config::new(address.parse().map_err(|error| format!("{address}: {error}"))?);
        config.accept_invalid_certs = own_certificate;
        config.connect_timeout = Some(patience);
        config.default_retry = false;
        let client = Client::try_from(config).map_err(|error| error.to_string())?;
        Ok(Self { client, address: address.to_owned(), patience, authorization: None, headers: Vec::new() })
    }

    /// Sends this as `Authorization`.
    #[must_use]
    pub fn authorized(self, authorization: String) -> Self {
        Self { authorization: Some(authorization), ..self }
    }

    /// Sends these headers as well.
    #[must_use]
    pub fn with_headers(self, headers: Vec<(String, String)>) -> Self {
        Self { headers, ..self }
    }

    /// Fetches what is at a path.
    ///
    /// # Errors
    /// Where the server does not answer.
    pub async fn get(&self, path: &str) -> Result<Answered, String> {
        self.send(Method::GET, path, ("", Vec::new())).await
    }

    /// Posts JSON to a path.
    ///
    /// # Errors
    /// Where the server does not answer.
    pub async fn post(&self, path: &str, json: Vec<u8>) -> Result<Answered, String> {
        self.post_as(path, "application/json", json).await
    }

    /// Posts something of another kind to a path.
    ///
    /// # Errors
    /// Where the server does not answer.
    pub async fn post_as(&self, path: &str, kind: &str, body: Vec<u8>) -> Result<Answered, String> {
        self.send(Method::POST, path, (kind, body)).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        (kind, body): (&str, Vec<u8>),
    ) -> Result<Answered, String> {
        let address = &self.address;
        let mut request = Request::builder().method(method).uri(format!("{address}{path}"));
        request = request.header(header::USER_AGENT, concat!("rwenv/", env!("CARGO_PKG_VERSION")));
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        let request = request.body(Body::from(body)).map_err(|error| error.to_string())?;
        let answered = async {
            let (head, body) = self.client.send(request).await.map_err(|e| innermost(&e))?.into_parts();
            let body = Limited::new(body, LONGEST).collect().await.map_err(|error| error.to_string())?;
            Ok(Answered { status: head.status.as_u16(), body: body.to_bytes().to_vec() })
        };
        let answered = tokio::time::timeout(self.patience, answered).await;
        let late = || format!("{address} did not answer within {} s", self.patience.as_secs());
        answered.unwrap_or_else(|_| Err(late())).map_err(|why: String| {
            if why.starts_with(address.as_str()) { why } else { format!("{address}: {why}") }
        })
    }
}
