//! `secrets-map.json`: where credentials come from and who reads them. Names only, never a value.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::super::knowledge::AppliedObject;
use super::super::uses::secrets_made;
use super::entry::{Entry, Metadata};
use super::view::{View, keyed};
use rwenv_core::manifest::yaml::{Node, parse_from, start_of};

/// `secrets-map.json`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretsMap {
    /// SecretProviderClasses by name.
    pub secret_provider_classes: BTreeMap<String, Entry<ProviderClass>>,
    /// ExternalSecrets by name.
    pub external_secrets: BTreeMap<String, Entry<ExternalSecret>>,
    /// SealedSecrets, InfisicalSecrets, and Secrets in Git, encrypted by SOPS or not, by name.
    pub secrets: BTreeMap<String, Entry<Secret>>,
    /// What the file says about itself.
    pub metadata: Metadata,
}

/// A SecretProviderClass.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderClass {
    /// Its namespace.
    pub namespace: String,
    /// `vault`, `gcp`, `aws` or `azure`.
    pub provider: String,
    /// The role it takes in Vault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vault_role: Option<String>,
    /// Where Vault has its Kubernetes authentication mounted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vault_mount_path: Option<String>,
    /// What it fetches.
    pub secrets: Vec<SecretObject>,
    /// The Secret it makes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub k8s_secret_name: Option<String>,
    /// The Secrets it makes, where there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub k8s_secret_names: Vec<String>,
    /// What mounts it, or uses what it makes.
    pub used_by: Vec<String>,
}

/// One thing a SecretProviderClass fetches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretObject {
    /// Name of the file it ends up in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object_name: Option<String>,
    /// Path in Vault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vault_path: Option<String>,
    /// Key at that path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vault_key: Option<String>,
    /// Name of the resource in another provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_name: Option<String>,
    /// Its type in another provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object_type: Option<String>,
    /// The Secret it is copied to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub k8s_secret_name: Option<String>,
    /// The file in the container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mount_path: Option<String>,
}

/// An ExternalSecret.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExternalSecret {
    /// Its namespace; none for a ClusterExternalSecret.
    pub namespace: String,
    /// The store, as `Kind/name`.
    pub store: String,
    /// The Secret it makes.
    pub k8s_secret_name: String,
    /// Keys in the store.
    pub remote_keys: Vec<String>,
    /// What uses the Secret.
    pub used_by: Vec<String>,
}

/// Something that becomes a Secret, or is one.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Secret {
    /// Its kind.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// `sops`, `sealed`, `infisical`, `generator`, or `plain` where its values can be read in Git.
    pub protection: &'static str,
    /// The Secret it makes, or is.
    pub k8s_secret_name: String,
    /// Names of its keys.
    pub keys: Vec<String>,
    /// What uses it.
    pub used_by: Vec<String>,
}

pub(super) fn map(view: &View<'_, '_>, metadata: Metadata) -> SecretsMap {
    let (mut classes, mut external, mut secrets) = (Vec::new(), Vec::new(), Vec::new());
    for found in &view.known.objects {
        let resource = &found.resource;
        match (&*resource.group, &*resource.kind) {
            ("secrets-store.csi.x-k8s.io", "SecretProviderClass") => {
                classes.push(view.defines(found, class(view, found)))
            }
            ("external-secrets.io", "ExternalSecret" | "ClusterExternalSecret") => {
                external.push(view.defines(found, external_secret(view, found)));
            }
            ("", "Secret")
            | ("bitnami.com", "SealedSecret")
            | ("secrets.infisical.com", "InfisicalSecret") => {
                secrets.push(view.defines(found, secret(view, found)));
            }
            _ => {}
        }
    }
    SecretsMap {
        secret_provider_classes: keyed(classes),
        external_secrets: keyed(external),
        secrets: keyed(secrets),
        metadata,
    }
}

fn class(view: &View<'_, '_>, found: &AppliedObject<'_>) -> ProviderClass {
    let content = &found.resource.content;
    let parameter = |key: &str| content.string(&["spec", "parameters", key]);
    let made = content.path(&["spec", "secretObjects"]).map(Node::items).unwrap_or_default();
    let names = secrets_made(view.known, found);
    let mut used_by = view.uses.users_of_object(view.known, found, "SecretProviderClass");
    for name in &names {
        used_by.extend(view.uses.users_of_made(view.known, found, ("Secret", name)));
    }
    let mount = view.uses.mount(view.known, found);
    let mut secrets = objects(content);
    for secret in &mut secrets {
        let Some(name) = secret.object_name.clone() else { continue };
        let copied = made.iter().find(|object| {
            let data = object.get("data").map(Node::items).unwrap_or_default();
            data.iter().any(|item| item.str(&["objectName"]) == Some(&name))
        });
        secret.k8s_secret_name =
            copied.and_then(|object| object.string(&["secretName"])).filter(|_| names.len() > 1);
        secret.mount_path = mount.map(|mount| format!("{}/{name}", mount.trim_end_matches('/')));
    }
    ProviderClass {
        namespace: view.namespace(found),
        provider: content.string(&["spec", "provider"]).unwrap_or_default(),
        vault_role: parameter("roleName"),
        vault_mount_path: parameter("vaultKubernetesMountPath").or_else(|| parameter("vaultAuthMountPath")),
        secrets,
        k8s_secret_name: names.first().cloned(),
        k8s_secret_names: if names.len() > 1 { names } else { Vec::new() },
        used_by: used_by.into_iter().collect(),
    }
}

/// What a SecretProviderClass fetches: YAML in a text, a list (AWS, GCP, Vault) or `array` of further texts (Azure).
fn objects(content: &Node) -> Vec<SecretObject> {
    let parameters = content.path(&["spec", "parameters"]);
    let inner = ["objects", "secrets"].iter().find_map(|key| parameters?.get(key));
    let Some(node) = inner else { return Vec::new() };
    let documents = node.text().map(|text| parse_from(text, start_of(text, node.at)).documents);
    let documents = documents.unwrap_or_else(|| vec![node.clone()]);
    let mut all = Vec::new();
    for document in &documents {
        for item in document.items() {
            all.push(object(item));
        }
        for item in document.get("array").map(Node::items).unwrap_or_default() {
            match item.text() {
                Some(text) => {
                    all.extend(parse_from(text, start_of(text, item.at)).documents.iter().map(object))
                }
                None => all.push(object(item)),
            }
        }
    }
    all
}

fn object(item: &Node) -> SecretObject {
    let vault = item.str(&["secretPath"]).is_some();
    let name = item.string(&["objectName"]);
    let file = ["objectAlias", "fileName", "path"].iter().find_map(|key| item.string(&[key]));
    SecretObject {
        vault_path: item.string(&["secretPath"]),
        vault_key: item.string(&["secretKey"]),
        resource_name: item
            .string(&["resourceName"])
            .or_else(|| name.clone().filter(|_| !vault && file.is_some())),
        object_type: item.string(&["objectType"]),
        object_name: if vault { name } else { file.or(name) },
        ..SecretObject::default()
    }
}

fn external_secret(view: &View<'_, '_>, found: &AppliedObject<'_>) -> ExternalSecret {
    let content = view.known.content(found);
    let spec = match &*found.resource.kind {
        "ClusterExternalSecret" => content.path(&["spec", "externalSecretSpec"]),
        _ => content.get("spec"),
    };
    let at = |path: &[&str]| spec.and_then(|spec| spec.string(path));
    let made = secrets_made(view.known, found).into_iter().next().unwrap_or_default();
    let mut keys: Vec<String> = Vec::new();
    let list = |key: &str| spec.and_then(|spec| spec.get(key)).map(Node::items).unwrap_or_default();
    for item in list("data") {
        let property = item.string(&["remoteRef", "property"]).map(|property| format!("#{property}"));
        keys.extend(item.string(&["remoteRef", "key"]).map(|key| key + &property.unwrap_or_default()));
    }
    for item in list("dataFrom") {
        keys.extend(item.string(&["extract", "key"]));
        keys.extend(item.string(&["find", "name", "regexp"]).map(|pattern| format!("/{pattern}/")));
    }
    keys.dedup();
    let kind = at(&["secretStoreRef", "kind"]).unwrap_or_else(|| "SecretStore".to_owned());
    ExternalSecret {
        namespace: view.namespace(found),
        store: at(&["secretStoreRef", "name"]).map(|name| format!("{kind}/{name}")).unwrap_or_default(),
        used_by: view.uses.users_of_made(view.known, found, ("Secret", &made)).into_iter().collect(),
        k8s_secret_name: made,
        remote_keys: keys,
    }
}

fn secret(view: &View<'_, '_>, found: &AppliedObject<'_>) -> Secret {
    let resource = &found.resource;
    let content = &resource.content;
    let (protection, fields): (_, &[&[&str]]) = match &*resource.kind {
        "SealedSecret" => ("sealed", &[&["spec", "encryptedData"]]),
        "InfisicalSecret" => ("infisical", &[]),
        _ if content.get("sops").is_some() => ("sops", &[&["data"], &["stringData"]]),
        _ if resource.generated => ("generator", &[&["data"]]),
        _ => ("plain", &[&["data"], &["stringData"]]),
    };
    let made = secrets_made(view.known, found).into_iter().next();
    let made = made.unwrap_or_else(|| resource.name.to_string());
    let entries = fields.iter().flat_map(|path| content.path(path).map(Node::entries).unwrap_or_default());
    let mut keys: Vec<String> = entries.filter_map(|(key, _)| key.text().map(str::to_owned)).collect();
    keys.sort();
    let mut used_by = view.uses.users_of_object(view.known, found, "Secret");
    used_by.extend(view.uses.users_of_made(view.known, found, ("Secret", &made)));
    Secret {
        kind: resource.kind.to_string(),
        namespace: view.namespace(found),
        protection,
        k8s_secret_name: made,
        keys,
        used_by: used_by.into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rwenv_core::manifest::yaml::parse;

    /// What a SecretProviderClass with these parameters fetches: file, path in Vault, resource, type.
    fn fetched(parameters: &str) -> Vec<[String; 4]> {
        let text = format!("spec:\n  parameters:\n{parameters}");
        let all = objects(&parse(&text).documents[0]).into_iter();
        let text = |text: Option<String>| text.unwrap_or_default();
        all.map(|o| [text(o.object_name), text(o.vault_path), text(o.resource_name), text(o.object_type)])
            .collect()
    }

    #[test]
    fn every_provider_has_its_own_list() {
        let vault = "    objects: |\n      - objectName: \"a\"\n        secretPath: kv/data/a\n        secretKey: k\n";
        assert_eq!(fetched(vault), [["a", "kv/data/a", "", ""]]);
        let gcp = "    secrets: |\n      - resourceName: projects/p/secrets/s/versions/latest\n        path: s.txt\n";
        assert_eq!(fetched(gcp), [["s.txt", "", "projects/p/secrets/s/versions/latest", ""]]);
        let aws = "    objects: |\n      - objectName: prod/db\n        objectType: secretsmanager\n        objectAlias: db\n";
        assert_eq!(fetched(aws), [["db", "", "prod/db", "secretsmanager"]]);
        let azure = "    objects: |\n      array:\n        - |\n          objectName: s1\n          objectType: secret\n        - |\n          objectName: k1\n          objectType: key\n          objectAlias: key.pem\n";
        assert_eq!(fetched(azure), [["s1", "", "", "secret"], ["key.pem", "", "k1", "key"]]);
        assert_eq!(fetched("    objects: \"- [\"\n"), Vec::<[String; 4]>::new());
        assert_eq!(fetched("    roleName: x\n"), Vec::<[String; 4]>::new());
    }
}
