//! Encryption on the way to a database, with the words of libpq (PostgreSQL, "SSL Support", `sslmode`). The way is a tunnel of kubectl's, so
//! that the server is called by its host in the cluster and reached at this machine's own address.

use std::sync::Arc;

use tokio_postgres::config::SslMode as Wire;
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{self, CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

use rwenv_core::model::SslMode;

/// The key of the Secret that has the CA.
pub(super) const CA: &str = "ca.crt";
/// The keys of the Secret that have the client's certificate and its key, as Secrets of the type `kubernetes.io/tls` have them.
pub(super) const CERTIFICATE: &str = "tls.crt";
pub(super) const KEY: &str = "tls.key";

/// What the protocol knows: whether encryption is offered and whether it is needed.
pub(super) fn on_the_wire(mode: SslMode) -> Wire {
    match mode {
        SslMode::Disable => Wire::Disable,
        SslMode::Prefer => Wire::Prefer,
        SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => Wire::Require,
    }
}

/// Makes encrypted connections. With a CA the server's certificate has to come from it; its name counts where the mode says so.
///
/// # Errors
/// What is wrong with the CA, or that the mode needs one.
pub(super) fn connector(
    mode: SslMode,
    ca: Option<&[u8]>,
    own: Option<&ClientIdentity>,
) -> Result<MakeRustlsConnect, String> {
    let provider = Arc::new(ring::default_provider());
    let trust = match ca {
        Some(pem) => Some(trusted(pem, &provider)?),
        None if matches!(mode, SslMode::VerifyCa | SslMode::VerifyFull) => {
            return Err(format!(
                "sslMode \"{mode}\" needs the CA: add {CA} to the Secret, name another one with \"caSecretName\", or use \"require\""
            ));
        }
        None => None,
    };
    let verifier = Verifier { trust, named: mode == SslMode::VerifyFull, provider: Arc::clone(&provider) };
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|error| error.to_string())?;
    let config = config.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    let Some(own) = own else { return Ok(MakeRustlsConnect::new(config.with_no_client_auth())) };
    let wrong = |why: String| format!("{CERTIFICATE} and {KEY} of the Secret cannot be used: {why}");
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&own.certificate).collect();
    let chain = chain.map_err(|error| wrong(error.to_string()))?;
    let key = PrivateKeyDer::from_pem_slice(&own.key).map_err(|error| wrong(error.to_string()))?;
    let config = config.with_client_auth_cert(chain, key).map_err(|error| wrong(error.to_string()))?;
    Ok(MakeRustlsConnect::new(config))
}

/// Who a client is, for a server that asks for a certificate: both as PEM.
pub(super) struct ClientIdentity {
    pub(super) certificate: Vec<u8>,
    pub(super) key: Vec<u8>,
}

fn trusted(pem: &[u8], provider: &Arc<CryptoProvider>) -> Result<Arc<WebPkiServerVerifier>, String> {
    let wrong = |why: String| format!("{CA} of the Secret cannot be used: {why}");
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build();
    verifier.map_err(|error| wrong(error.to_string()))
}

/// Judges the server's certificate as libpq does: by nothing, by a CA, or by CA and name. That the server has the certificate's key is always
/// proven.
#[derive(Debug)]
struct Verifier {
    trust: Option<Arc<WebPkiServerVerifier>>,
    named: bool,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(trust) = &self.trust else { return Ok(ServerCertVerified::assertion()) };
        match trust.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // The chain is looked at first, so that only the name is wrong.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.named => Ok(ServerCertVerified::assertion()),
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        crypto::verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        crypto::verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
