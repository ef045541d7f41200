//! Who the guard is to its clients: a CA and a port of this user's, and a token for every rwenv. Kept in
//! `guard/` of the configuration directory, for nobody but the user.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use kube::config::Kubeconfig;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, GeneralSubtree, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, NameConstraints,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::GuardError;
use rwenv_core::model::{Rwenv, Rwenvs};
use rwenv_flux::cluster::Cluster;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::files;
use rwenv_gate::facts::guarded;

/// Mode of the kubeconfigs: nobody writes into them.
const CLOSED: u32 = 0o400;
/// Bytes of a token.
const TOKEN: usize = 32;

/// What is kept of the identity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeptIdentity {
    /// The port it listens at.
    port: u16,
    /// The CA's certificate, PEM.
    authority: String,
    /// The CA's key, PEM.
    key: String,
    /// Tokens by rwenv.
    tokens: BTreeMap<String, String>,
}

/// The identity of this user's guard.
#[derive(Clone, Debug)]
pub struct Identity {
    kept: KeptIdentity,
    folder: PathBuf,
}

fn path(folder: &Path) -> PathBuf {
    folder.join("identity.json")
}

fn authority() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(DnType::CommonName, "rwenv API guard");
    // Whoever gets hold of the key can speak for this machine to itself, and for nothing else.
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![
            GeneralSubtree::DnsName("localhost".to_owned()),
            GeneralSubtree::IpAddress(CidrSubnet::V4([127, 0, 0, 1], [255; 4])),
        ],
        excluded_subtrees: Vec::new(),
    });
    params
}

/// Random bytes of the system's, as text.
fn token() -> Result<String, GuardError> {
    let mut bytes = [0; TOKEN];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut file| {
        use std::io::Read as _;
        file.read_exact(&mut bytes)
    });
    read.map_err(|error| GuardError::Identity(error.to_string()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

impl KeptIdentity {
    /// What is kept in a folder; nothing where there is no file.
    fn read(folder: &Path) -> Result<Self, GuardError> {
        let path = path(folder);
        let text = files::read_trusted(&path).map_err(|error| GuardError::Identity(error.to_string()))?;
        let kept = text.map(|text| serde_json::from_str(&text)).transpose();
        let kept = kept.map_err(|error| {
            GuardError::Identity(format!("{}: {error}; remove it, and a new one is made", path.display()))
        })?;
        Ok(kept.unwrap_or_default())
    }
}

impl Identity {
    /// Reads the identity, and makes what of it is missing: a CA, and a token for every rwenv. Tokens of rwenvs that are gone
    /// go too.
    ///
    /// # Errors
    /// Where it cannot be read or written.
    pub fn of(rwenvs: &Rwenvs, environment: &Environment) -> Result<Self, GuardError> {
        let failed = |error: &dyn std::error::Error| GuardError::Identity(error.to_string());
        let folder = guarded::folder(environment);
        files::make_private_dir(&folder).map_err(|e| failed(&e))?;
        let _lock = files::lock(&folder).map_err(|e| failed(&e))?;
        let mut kept = KeptIdentity::read(&folder)?;
        let before = kept.clone();
        if kept.key.is_empty() {
            let key = KeyPair::generate().map_err(|e| failed(&e))?;
            kept.authority = authority().self_signed(&key).map_err(|e| failed(&e))?.pem();
            kept.key = key.serialize_pem();
        }
        kept.tokens.retain(|name, _| rwenvs.get(name).is_some());
        for rwenv in &rwenvs.all {
            if !kept.tokens.contains_key(rwenv.name.as_str()) {
                kept.tokens.insert(rwenv.name.to_string(), token()?);
            }
        }
        let identity = Self { kept, folder };
        if identity.kept != before {
            identity.write()?;
        }
        Ok(identity)
    }

    fn write(&self) -> Result<(), GuardError> {
        let failed = |error: &dyn std::error::Error| GuardError::Identity(error.to_string());
        let text = serde_json::to_string_pretty(&self.kept).map_err(|e| failed(&e))?;
        files::write(&path(&self.folder), &(text + "\n"), 0o600).map_err(|e| failed(&e))
    }

    /// The port it has; 0 where it has none yet.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.kept.port
    }

    /// Keeps the port that was found free.
    ///
    /// # Errors
    /// Where that cannot be written.
    pub fn keep_port(&mut self, port: u16) -> Result<(), GuardError> {
        if self.kept.port == port {
            return Ok(());
        }
        // Others may have added to it since.
        let _lock = files::lock(&self.folder).map_err(|error| GuardError::Identity(error.to_string()))?;
        self.kept = KeptIdentity::read(&self.folder)?;
        self.kept.port = port;
        self.write()
    }

    /// A certificate for this machine as it calls itself, with its key: chain and key in DER.
    ///
    /// # Errors
    /// Where the CA's key is none.
    pub fn certificate(&self) -> Result<(Vec<u8>, Vec<u8>), GuardError> {
        let failed = |error: rcgen::Error| GuardError::Identity(error.to_string());
        let issuer = Issuer::new(authority(), KeyPair::from_pem(&self.kept.key).map_err(failed)?);
        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
        let key = KeyPair::generate().map_err(failed)?;
        let mut params = CertificateParams::new(names).map_err(failed)?;
        params.distinguished_name.push(DnType::CommonName, "127.0.0.1");
        params.use_authority_key_identifier_extension = true;
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.signed_by(&key, &issuer).map_err(failed)?;
        Ok((certificate.der().to_vec(), key.serialize_der()))
    }

    /// The rwenvs by the digests of their tokens: a digest that is compared tells nothing by the time it takes.
    #[must_use]
    pub fn tokens(&self) -> BTreeMap<Vec<u8>, String> {
        let digest = |token: &String| Sha256::digest(token.as_bytes()).to_vec();
        self.kept.tokens.iter().map(|(name, token)| (digest(token), name.clone())).collect()
    }

    /// The kubeconfig of a rwenv: this guard under the name of the rwenv's own context. `host` is the name by which programs in a container
    /// reach this machine; none for programs on it.
    ///
    /// # Errors
    /// Where the rwenv has no token.
    pub fn kubeconfig(
        &self,
        rwenv: &Rwenv,
        host: Option<&str>,
        environment: &Environment,
    ) -> Result<String, GuardError> {
        let name = rwenv.name.as_str();
        let none = || GuardError::Identity(format!("rwenv '{name}' has no token"));
        let token = self.kept.tokens.get(name).ok_or_else(none)?;
        let own = rwenv.places.iter().find_map(|place| place.kubernetes_context.as_deref()).unwrap_or(name);
        let namespace = namespace(rwenv, environment).unwrap_or_else(|| "default".to_owned());
        let authority = base64::engine::general_purpose::STANDARD.encode(&self.kept.authority);
        // The certificate is the guard's own, for loopback.
        let cluster = serde_json::json!({
            "server": format!("https://{}:{}", host.unwrap_or("127.0.0.1"), self.kept.port),
            "certificate-authority-data": authority,
            "tls-server-name": "localhost",
        });
        let config = serde_json::json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{ "name": name, "cluster": cluster }],
            "users": [{ "name": name, "user": { "token": token } }],
            "contexts": [{ "name": own, "context": { "cluster": name, "user": name, "namespace": namespace } }],
            "current-context": own,
        });
        serde_json::to_string_pretty(&config).map_err(|error| GuardError::Identity(error.to_string()))
    }

    /// Writes the kubeconfigs of all rwenvs, and takes away those of rwenvs that are gone.
    ///
    /// # Errors
    /// Where one cannot be written.
    pub fn write_kubeconfigs(&self, rwenvs: &Rwenvs, environment: &Environment) -> Result<(), GuardError> {
        for rwenv in &rwenvs.all {
            let name = rwenv.name.as_str();
            keep(
                &guarded::kubeconfig(name, environment),
                &(self.kubeconfig(rwenv, None, environment)? + "\n"),
            )?;
            // One for containers is kept where somebody asked for it.
            let path = guarded::container_kubeconfig(name, environment);
            let Some(known) = files::read(&path).ok().flatten() else { continue };
            let host = guarded::CONTAINER_HOSTS.into_iter().find(|host| known.contains(host));
            keep(&path, &(self.kubeconfig(rwenv, host, environment)? + "\n"))?;
        }
        let containers = std::fs::read_dir(self.folder.join("container")).into_iter().flatten().flatten();
        for folder in containers.map(|entry| entry.path()) {
            let name = folder.file_name().and_then(|name| name.to_str());
            if name.is_some_and(|name| rwenvs.get(name).is_none()) {
                let _ = std::fs::remove_dir_all(folder);
            }
        }
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        for path in entries.map(|entry| entry.path()) {
            let name =
                path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".yaml"));
            if name.is_some_and(|name| rwenvs.get(name).is_none()) {
                let _ = std::fs::remove_file(path);
            }
        }
        Ok(())
    }
}

/// Writes a kubeconfig where it differs. Other programs write into whatever `$KUBECONFIG` names, and their clients would pass the guard by.
fn keep(path: &Path, text: &str) -> Result<(), GuardError> {
    let failed = |error: files::FileError| GuardError::Identity(error.to_string());
    if files::read(path).ok().flatten().as_deref() != Some(text) {
        files::write(path, text, CLOSED).map_err(failed)?;
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(CLOSED))
        .map_err(|error| failed(files::FileError::io(path, error)))
}

/// The namespace the person's own context has.
fn namespace(rwenv: &Rwenv, environment: &Environment) -> Option<String> {
    let (path, context) = Cluster::place(rwenv, environment).ok()?;
    let config = Kubeconfig::read_from(path).ok()?;
    let named = config.contexts.into_iter().find(|known| known.name == context)?;
    named.context?.namespace
}
