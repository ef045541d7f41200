//! Client certificates of X.509 version 1, as `openssl x509 -req` makes them without a file of extensions. Clusters and kubectl take
//! them; rustls refuses to read one before it sends it, so it is sent unread. What the server shows is checked as ever.

use std::sync::Arc;
use std::time::Duration;

use hyper_rustls::{FixedServerNameResolver, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ConfigExt as _};
use kube::{Client, Config};
use tokio_rustls::rustls::crypto::ring::sign::any_supported_type;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tower::Layer as _;

/// A client that shows this certificate; none where the configuration wants more than that.
pub(super) fn client(
    mut config: Config,
    (certificate, key): &(String, String),
    patience: Duration,
) -> Option<Client> {
    let auth = &mut config.auth_info;
    (auth.client_certificate, auth.client_certificate_data) = (None, None);
    (auth.client_key, auth.client_key_data) = (None, None);
    let more = auth.impersonate.is_some() || config.proxy_url.is_some();
    if more || config.auth_layer().ok()?.is_some() {
        return None;
    }
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(certificate.as_bytes()).collect::<Result<_, _>>().ok()?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).ok()?;
    let own = CertifiedKey::new(chain, any_supported_type(&key).ok()?);
    let mut tls = config.rustls_client_config().ok()?;
    tls.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(own));
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_connect_timeout(Some(patience));
    let mut builder = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
    if let Some(name) = config.tls_server_name.clone() {
        let name = ServerName::try_from(name).ok()?;
        builder = builder.with_server_name_resolver(FixedServerNameResolver::new(name));
    }
    let connector = builder.enable_http1().wrap_connector(connector);
    let http: HttpClient<_, Body> = HttpClient::builder(TokioExecutor::new()).build(connector);
    Some(Client::new(config.base_uri_layer().layer(http), config.default_namespace))
}
