//! The shape of `envs.json`: every field that means something to us, and a word for those that nearly do.

use core::time::Duration;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Deserialize, DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::{
    Autonomy, CustodyLists, Database, ExecReads, FromObject, Pin, Place, TargetKind, Throwaway, Unselected,
};

/// The configuration file.
#[derive(Debug, Default, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ConfigFile {
    /// `1.0`, as text or number.
    pub version: Option<Version>,
    /// Commands run in the dev container.
    pub use_dev_container: Option<bool>,
    /// Its name.
    pub dev_container: Option<String>,
    /// Named databases.
    pub databases: Ordered<FromObject<Database>>,
    /// Clusters that may be changed though they belong to no rwenv.
    pub throwaway: FromObject<Throwaway>,
    /// Commands on a cluster where no rwenv is selected.
    pub unselected: Unselected,
    /// Where the audit log is sent as OTLP over HTTP: the base of a collector's address, such as `http://localhost:4318`.
    pub otlp_endpoint: Option<String>,
    /// The rwenvs.
    pub rwenvs: Ordered<FromObject<RwenvEntry>>,
}

/// A version, which people write as text or as a number.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Version {
    /// `"1.0"`.
    Text(String),
    /// `1.0`.
    Number(f64),
}

impl Version {
    /// True for the format this program knows: 1, whatever comes behind the point.
    #[must_use]
    pub fn is_known(&self) -> bool {
        match self {
            Self::Text(text) => text.split('.').next() == Some("1"),
            Self::Number(number) => (1.0..2.0).contains(number),
        }
    }
}

/// A rwenv, as the file says it.
#[derive(Debug, Default, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
#[expect(clippy::struct_excessive_bools, reason = "the switches of the configuration file")]
pub struct RwenvEntry {
    /// For people.
    pub description: Option<String>,
    /// `k3s`, `gke`, ….
    pub r#type: Option<String>,
    /// The flat shape's kubeconfig.
    pub kubeconfig_path: Option<String>,
    /// The flat shape's context.
    pub kubernetes_context: Option<String>,
    /// From inside the dev container.
    pub container: Option<FromObject<Access>>,
    /// From this machine.
    pub local: Option<FromObject<Access>>,
    /// Google Cloud project.
    pub gcp_project: Option<String>,
    /// Nothing may be changed.
    pub read_only: bool,
    /// Changes go through Git.
    pub git_ops_only: bool,
    /// Flux repository.
    pub flux_git_repo: Option<String>,
    /// `github` or `gitea`.
    pub flux_git_repo_type: Option<String>,
    /// Folder of the Flux repository that this cluster applies, such as `clusters/prod`.
    pub flux_path: Option<String>,
    /// Branch Flux follows.
    pub flux_branch: Option<String>,
    /// Branches not pushed to; none: the usual three.
    pub protected_branches: Option<Vec<String>>,
    /// Commits to them are a person's too, in a project.
    pub protect_commits: bool,
    /// The Flux branch may be pushed to.
    pub direct_push: bool,
    /// How much an agent does alone.
    pub autonomy: Autonomy,
    /// A command, or an `http://` or `https://` address: the daemon tells it what an agent changed without a question.
    pub notify: Option<String>,
    /// How the environment is pinned.
    pub pin: Pin,
    /// Harmless lines are approved.
    pub auto_approve: bool,
    /// Reads in pods.
    pub exec_reads: ExecReads,
    /// Most objects that a change of the Flux repository removes from the cluster before a person is asked; 10 where it is missing.
    pub impact_limit: Option<u32>,
    /// Further policies.
    pub policies: Vec<String>,
    /// Seconds, or text such as `5m`.
    pub sync_interval: Option<Period>,
    /// Named URLs.
    pub services: Ordered<String>,
    /// Patterns of files that hold Argo CD Applications.
    pub argocd_apps: Option<Vec<String>>,
    /// Terraform folders.
    pub terraform_paths: Levels,
    /// Servers, accounts, projects and hosts that are its own, by kind; `*` stands for any characters.
    pub targets: BTreeMap<TargetKind, Vec<String>>,
    /// For `rwenv run`: paths that stay as they are or are hidden as well (absolute, or below `~/`), and by what git's remotes are reached.
    pub custody: FromObject<CustodyLists>,
}

/// A length of time.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged, expecting = "seconds, or text such as \"30s\", \"5m\" or \"1h\"")]
pub enum Period {
    /// Seconds.
    Seconds(u64),
    /// A number and its unit.
    Text(
        #[serde(deserialize_with = "period")]
        #[cfg_attr(test, schemars(with = "String"))]
        Duration,
    ),
}

impl From<Period> for Duration {
    fn from(period: Period) -> Self {
        match period {
            Period::Seconds(seconds) => Self::from_secs(seconds),
            Period::Text(period) => period,
        }
    }
}

/// A length of time as people write it: a number and one of `s`, `m`, `h`, `d`.
#[must_use]
pub fn duration(text: &str) -> Option<Duration> {
    let (at, unit) = text.char_indices().next_back()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    let number: u64 = text.get(..at)?.parse().ok()?;
    number.checked_mul(seconds).map(Duration::from_secs)
}

fn period<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = <String as serde::Deserialize>::deserialize(deserializer)?;
    duration(&text).ok_or_else(|| serde::de::Error::custom("not a duration"))
}

/// Folders: a list, or by name with a level each.
#[derive(Debug, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged, expecting = "a list of folders, or an object of folders and manual, prompted or standard")]
pub enum Levels {
    /// All manual.
    List(Vec<String>),
    /// Each as it says.
    Each(Ordered<Autonomy>),
}

impl Default for Levels {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

impl From<Levels> for Vec<(String, Autonomy)> {
    fn from(levels: Levels) -> Self {
        match levels {
            Levels::List(folders) => folders.into_iter().map(|folder| (folder, Autonomy::Manual)).collect(),
            Levels::Each(Ordered(all)) => all,
        }
    }
}

/// How a cluster is reached from one place.
#[derive(Debug, Default, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Access {
    /// Path of the kubeconfig.
    pub kubeconfig_path: Option<String>,
    /// Name of the context.
    pub kubernetes_context: Option<String>,
}

impl From<Access> for Place {
    fn from(access: Access) -> Self {
        Self { kubeconfig_path: access.kubeconfig_path, kubernetes_context: access.kubernetes_context }
    }
}

/// An object with names of the user's own, in the order of the file; no name twice.
#[derive(Debug)]
pub struct Ordered<T>(pub Vec<(String, T)>);

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OrderedVisitor(PhantomData))
    }
}

struct OrderedVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for OrderedVisitor<T> {
    type Value = Ordered<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of names and what they stand for")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut all: Vec<(String, T)> = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if all.iter().any(|(n, _)| *n == name) {
                return Err(de::Error::custom(format!("duplicate key '{}'", name.escape_debug())));
            }
            all.push((name, map.next_value()?));
        }
        Ok(Ordered(all))
    }
}

/// The names of a type's fields, as they are written in the file.
fn fields<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut names: &'static [&'static str] = &[];
    // It always ends in an error: there is no value, only the names are asked for.
    let _ = T::deserialize(FieldNames(&mut names));
    names
}

/// Takes the names that a derived `Deserialize` asks for.
struct FieldNames<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for FieldNames<'_> {
    type Error = de::value::Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = fields;
        Err(de::Error::custom("there is no value"))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(de::Error::custom("it has no fields"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// Fields that hold a rwenv shut: misspelt, they would leave it open in silence.
const RESTRICTING: [&str; 13] = [
    "readOnly",
    "gitOpsOnly",
    "protectedBranches",
    "protectCommits",
    "fluxGitRepo",
    "fluxBranch",
    "autonomy",
    "policies",
    "terraformPaths",
    "targets",
    "custody",
    "hide",
    "git",
];

/// A name that means nothing where it stands, and the one that was probably meant.
#[derive(Debug, PartialEq, Eq)]
pub struct Slip {
    /// The rwenv, where it stands in one.
    pub rwenv: Option<String>,
    /// The name.
    pub name: String,
    /// What was probably meant.
    pub meant: &'static str,
    /// Nobody may go on as if it were not there.
    pub grave: bool,
}

/// All such names of a file that can be read.
#[must_use]
pub fn slips(file: &Value) -> Vec<Slip> {
    let mut all = Vec::new();
    let (own, custody) = (fields::<RwenvEntry>(), fields::<CustodyLists>());
    let mut see = |object: &Value, known: &[&'static str], rwenv: Option<&str>| {
        let of_rwenv = std::ptr::eq(known, own) || std::ptr::eq(known, custody);
        let names = object.as_object().into_iter().flatten().map(|(name, _)| name);
        all.extend(names.filter_map(|name| {
            let (meant, same) = nearest(name, known)?;
            let grave = rwenv.is_some() && of_rwenv && (same || RESTRICTING.contains(&meant));
            Some(Slip { rwenv: rwenv.map(str::to_owned), name: name.clone(), meant, grave })
        }));
    };
    see(file, fields::<ConfigFile>(), None);
    let each = |key: &str| file.get(key).and_then(Value::as_object).into_iter().flatten();
    if let Some(throwaway) = file.get("throwaway") {
        see(throwaway, fields::<Throwaway>(), None);
    }
    for (_, database) in each("databases") {
        see(database, fields::<Database>(), None);
    }
    for (name, rwenv) in each("rwenvs") {
        see(rwenv, own, Some(name));
        for place in ["local", "container"].into_iter().filter_map(|key| rwenv.get(key)) {
            see(place, fields::<Access>(), Some(name));
        }
        if let Some(lists) = rwenv.get("custody") {
            see(lists, custody, Some(name));
        }
    }
    all
}

/// The known name that was probably meant by one that is none, and whether it is the same but for capitals and separators.
fn nearest(name: &str, known: &[&'static str]) -> Option<(&'static str, bool)> {
    let bare = |text: &str| text.replace(['_', '-', ' '], "").to_lowercase();
    if known.contains(&name) {
        return None;
    }
    let wanted = bare(name);
    let far = |field: &str| strsim::osa_distance(&bare(field), &wanted);
    let found = known.iter().copied().min_by_key(|field| far(field))?;
    // Of a short word, two letters are half of another.
    let most = if wanted.chars().count().min(found.len()) > 5 { 2 } else { 1 };
    (far(found) <= most).then(|| (found, far(found) == 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_nearly_are_fields_are_found() {
        let near = |name: &str| nearest(name, fields::<RwenvEntry>()).map(|(field, _)| field);
        for (name, field) in [
            ("readonly", Some("readOnly")),
            ("read_only", Some("readOnly")),
            ("ReadOnly", Some("readOnly")),
            ("readOnl", Some("readOnly")),
            ("redaOnly", Some("readOnly")),
            ("reedOnly", Some("readOnly")),
            ("gitopsOnly", Some("gitOpsOnly")),
            ("kubernetes_context", Some("kubernetesContext")),
            ("kubernetesContxt", Some("kubernetesContext")),
            ("kuberntesContexts", Some("kubernetesContext")),
            ("fluxGitRep", Some("fluxGitRepo")),
            ("service", Some("services")),
            ("readOnly", None),
            ("x-team", None),
            ("owner", None),
            ("ready", None),
            ("tier", None),
            ("note", None),
            ("path", None),
            ("url", None),
            ("region", None),
        ] {
            assert_eq!(near(name), field, "{name}");
        }
    }

    #[test]
    fn what_holds_a_rwenv_shut_is_grave_and_all_else_is_told() {
        let file = serde_json::json!({
            "usedevContainer": false,
            "databases": {"a": {"secretname": "s"}},
            "rwenvs": {
                "dev": {"kubernetesContxt": "x", "fluxGitRep": "y", "team": "z", "local": {"kubeconfigPth": "k"}, "custody": {"hides": ["/srv"], "alow": []}},
                "kubernetesContxt": {"autonmy": "manual", "Services": {}},
            },
        });
        let all: Vec<(String, &str, bool)> =
            slips(&file).into_iter().map(|slip| (slip.name, slip.meant, slip.grave)).collect();
        let expected = [
            ("usedevContainer", "useDevContainer", false),
            ("secretname", "secretName", false),
            ("kubernetesContxt", "kubernetesContext", false),
            ("fluxGitRep", "fluxGitRepo", true),
            ("kubeconfigPth", "kubeconfigPath", false),
            ("hides", "hide", true),
            ("alow", "allow", false),
            ("autonmy", "autonomy", true),
            ("Services", "services", true),
        ];
        assert_eq!(all, expected.map(|(name, meant, grave)| (name.to_owned(), meant, grave)));
    }
}
