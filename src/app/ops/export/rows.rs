//! What a rwenv's policy says of every request that `policies/programs/api.toml` knows: judged by the API guard's own reading of it.

use std::collections::BTreeSet;

use crate::guard::{Judge, PolicyAnswer, Refusal, SentRequest};
use rwenv_core::model::Rwenv;
use rwenv_core::policy::{API, RULES};
use rwenv_core::table::{ApiResources, PatchForm, Rule};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::facts::policies;

/// The namespace and the object that judged requests name.
const NAMESPACE: &str = "rwenv-export";
const OBJECT: &str = "x";
/// A group that nobody has, for what is not in the table (RFC 2606 keeps the name free).
const UNKNOWN: &str = "example.invalid";

/// A resource, or a part of one, with the verbs it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownResource {
    /// The group; empty for the core.
    pub group: String,
    /// A version of it.
    pub version: String,
    /// Plural name, with a part behind a slash.
    pub name: String,
    /// Verbs, as RBAC calls them.
    pub verbs: Vec<String>,
    /// It is in no namespace.
    pub cluster: bool,
    /// It opens a connection.
    pub connects: bool,
}

impl KnownResource {
    /// Group and name, as the table writes them.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{}/{}", self.group, self.name)
    }

    fn part(&self) -> Option<&str> {
        self.name.split_once('/').map(|(_, part)| part)
    }
}

/// One verb of one resource, and what is said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiRow {
    /// What it is about.
    pub resource: KnownResource,
    /// The verb, as RBAC calls it.
    pub verb: String,
    /// What the policy says.
    pub answer: PolicyAnswer,
    /// What it says of a dry run; none for what has none.
    pub dry: Option<PolicyAnswer>,
}

impl ApiRow {
    /// The operation that admission sees; none for reads, which it does not.
    #[must_use]
    pub fn operation(&self) -> Option<&'static str> {
        operation(&self.verb, self.resource.connects)
    }
}

/// A patch that is less than a change, and what is said of it where it is known.
#[derive(Clone, Debug)]
pub struct FormRow {
    /// The patch.
    pub form: &'static PatchForm,
    /// Kinds for which the policy allows it.
    pub allowed: Vec<String>,
    /// Kinds for which it does not, though it allows less than any change.
    pub refused: Vec<String>,
}

/// What the policy says of requests that are in no table, by operation and sort of part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownRow {
    /// Operation of admission, and what sort of part (`UPDATE object`, `UPDATE scale`, `CONNECT part`).
    pub sort: String,
    /// What the policy says.
    pub answer: PolicyAnswer,
    /// What it says of a dry run.
    pub dry: PolicyAnswer,
}

/// All of it.
#[derive(Clone, Debug)]
pub struct JudgedApi {
    /// Every verb of every resource.
    pub rows: Vec<ApiRow>,
    /// Paths that are no resources, and whether they may be read.
    pub paths: Vec<(String, bool)>,
    /// Patches that are less than a change.
    pub forms: Vec<FormRow>,
    /// Everything else.
    pub unknown: Vec<UnknownRow>,
    /// Programs in pods that the policy allows, for people, where it does not allow them all.
    pub runs: Vec<String>,
}

/// The operation of admission that a verb comes to.
fn operation(verb: &str, connects: bool) -> Option<&'static str> {
    match verb {
        _ if connects => Some("CONNECT"),
        "create" => Some("CREATE"),
        "update" | "patch" => Some("UPDATE"),
        "delete" | "deletecollection" => Some("DELETE"),
        _ => None,
    }
}

/// The method of HTTP that a verb is sent by.
fn method(verb: &str) -> &'static str {
    match verb {
        "create" => "POST",
        "update" => "PUT",
        "patch" => "PATCH",
        "delete" | "deletecollection" => "DELETE",
        _ => "GET",
    }
}

/// The path a verb of a resource is sent to.
fn path(resource: &KnownResource, verb: &str, namespace: &str) -> String {
    let mut path = if resource.group.is_empty() {
        format!("/api/{}", resource.version)
    } else {
        format!("/apis/{}/{}", resource.group, resource.version)
    };
    if !resource.cluster {
        path.push_str(&format!("/namespaces/{namespace}"));
    }
    let (plural, part) = resource.name.split_once('/').unwrap_or((&resource.name, ""));
    path.push_str(&format!("/{plural}"));
    let of_many =
        matches!(verb, "list" | "watch" | "deletecollection") || (verb == "create" && part.is_empty());
    if !of_many {
        path.push_str(&format!("/{OBJECT}"));
    }
    if !part.is_empty() {
        path.push_str(&format!("/{part}"));
    }
    path
}

/// The resources of the table.
fn known() -> Vec<KnownResource> {
    let names = |row: &'static ApiResources| {
        let verbs = if row.verbs.is_empty() { API.verbs } else { row.verbs };
        let verbs: Vec<String> = verbs.iter().map(|verb| (*verb).to_owned()).collect();
        row.names.iter().map(move |name| KnownResource {
            group: row.group.to_string(),
            version: row.version.to_string(),
            name: (*name).to_owned(),
            verbs: verbs.clone(),
            cluster: row.cluster,
            connects: row.connects,
        })
    };
    API.resource.into_iter().flat_map(names).collect()
}

/// What judges.
struct Judging<'j> {
    judge: Judge,
    rwenv: &'j Rwenv,
    namespace: &'j str,
}

impl Judging<'_> {
    fn says(&self, method: &str, target: &str, body: &str) -> Result<PolicyAnswer, Refusal> {
        self.judge.policy(SentRequest { method, target, body }, self.rwenv)
    }

    /// The strictest of some answers: what cannot be told apart counts as the worst of it.
    fn strictest(answers: Vec<PolicyAnswer>) -> PolicyAnswer {
        let rank = |answer: &PolicyAnswer| match answer {
            PolicyAnswer::Allowed => 0,
            PolicyAnswer::Masked => 1,
            PolicyAnswer::Refused(_) => 2,
        };
        answers.into_iter().max_by_key(rank).unwrap_or(PolicyAnswer::Allowed)
    }

    fn row(&self, resource: &KnownResource, verb: &str) -> Result<ApiRow, Refusal> {
        let path = path(resource, verb, self.namespace);
        let answer = if resource.part() == Some("exec") {
            let each = API.run.iter().map(|run| {
                let words: Vec<String> = run.words.iter().map(|word| format!("command={word}")).collect();
                self.says(method(verb), &format!("{path}?{}", words.join("&")), "")
            });
            Self::strictest(each.collect::<Result<_, _>>()?)
        } else {
            let query = if verb == "watch" { "?watch=true" } else { "" };
            self.says(method(verb), &format!("{path}{query}"), "{}")?
        };
        let changes = operation(verb, resource.connects).is_some_and(|operation| operation != "CONNECT");
        let dry = changes.then(|| self.dry(resource, verb)).transpose()?;
        Ok(ApiRow { resource: resource.clone(), verb: verb.to_owned(), answer, dry })
    }

    /// What is said of a dry run. That of a DELETE cannot be told by its head, so that the guard refuses it; admission is told, and by the
    /// policy it is worth as much as that of a PUT.
    fn dry(&self, resource: &KnownResource, verb: &str) -> Result<PolicyAnswer, Refusal> {
        let verb = if method(verb) == "DELETE" { "update" } else { verb };
        self.says(method(verb), &format!("{}?dryRun=All", path(resource, verb, self.namespace)), "{}")
    }

    fn form(&self, form: &'static PatchForm, all: &[KnownResource]) -> Result<FormRow, Refusal> {
        let mut row = FormRow { form, allowed: Vec::new(), refused: Vec::new() };
        for name in form.names {
            let Some(resource) = all.iter().find(|resource| resource.title() == *name) else { continue };
            let path = path(resource, "patch", self.namespace);
            let whole = self.says("PATCH", &path, "{}")?;
            let answer = self.says("PATCH", &path, form.body.as_str())?;
            match (answer, whole) {
                // Who may change it may do this too.
                (_, PolicyAnswer::Allowed) => {}
                (PolicyAnswer::Allowed, _) => row.allowed.push((*name).to_owned()),
                _ => row.refused.push((*name).to_owned()),
            }
        }
        Ok(row)
    }

    fn unknown(&self) -> Result<Vec<UnknownRow>, Refusal> {
        let verbs = ["create", "update", "delete"].map(|verb| (verb, false));
        let mut all = Vec::new();
        for (verb, connects) in verbs.into_iter().chain([("create", true)]) {
            let parts: &[&str] = if connects { &["part"] } else { &["object", "scale", "status", "part"] };
            for part in parts {
                let name = match *part {
                    "object" => "things".to_owned(),
                    part => format!("things/{part}"),
                };
                let resource = KnownResource {
                    group: UNKNOWN.to_owned(),
                    version: "v1".to_owned(),
                    name,
                    verbs: Vec::new(),
                    cluster: false,
                    connects,
                };
                let row = self.row(&resource, verb)?;
                all.push(UnknownRow {
                    sort: format!("{} {part}", row.operation().unwrap_or_default()),
                    dry: row.dry.unwrap_or_else(|| row.answer.clone()),
                    answer: row.answer,
                });
            }
        }
        Ok(all)
    }

    fn all(&self, more: &[KnownResource]) -> Result<JudgedApi, Refusal> {
        let mut resources = known();
        let named: BTreeSet<String> = resources.iter().map(KnownResource::title).collect();
        resources.extend(more.iter().filter(|resource| !named.contains(&resource.title())).cloned());
        let mut rows = Vec::new();
        for resource in &resources {
            for verb in &resource.verbs {
                rows.push(self.row(resource, verb)?);
            }
        }
        let mut paths = Vec::new();
        for path in API.paths {
            let asked = path.replace('*', OBJECT);
            paths.push(((*path).to_owned(), self.says("GET", &asked, "")? == PolicyAnswer::Allowed));
        }
        let forms = API.form.iter().map(|form| self.form(form, &resources)).collect::<Result<_, _>>()?;
        let mut runs = Vec::new();
        for run in API.run {
            let words: Vec<String> = run.words.iter().map(|word| format!("command={word}")).collect();
            let target =
                format!("/api/v1/namespaces/{}/pods/{OBJECT}/exec?{}", self.namespace, words.join("&"));
            if self.says("POST", &target, "")? == PolicyAnswer::Allowed {
                runs.push(run.about.to_string());
            }
        }
        Ok(JudgedApi { rows, paths, forms, unknown: self.unknown()?, runs })
    }
}

/// What the policy of a rwenv says of everything that is known of an API; `more` are resources that a cluster has beside the table's.
///
/// # Errors
/// Where a policy cannot be read.
pub fn judged(
    rwenv: &Rwenv,
    more: &[KnownResource],
    environment: &Environment,
) -> Result<JudgedApi, Refusal> {
    Judging { judge: Judge::new(environment.clone()), rwenv, namespace: NAMESPACE }.all(more)
}

/// The same in the namespaces that rules name: for each pattern that could count in this rwenv.
///
/// # Errors
/// Where a policy cannot be read.
pub fn by_namespace(
    rwenv: &Rwenv,
    more: &[KnownResource],
    environment: &Environment,
) -> Result<Vec<(String, JudgedApi)>, Refusal> {
    let own = policies::load("/", environment).rules;
    let named = |rules: &[Rule]| -> Vec<String> {
        rules.iter().flat_map(|rule| rule.when.namespaces.iter()).map(ToString::to_string).collect()
    };
    let patterns: BTreeSet<String> = named(RULES).into_iter().chain(named(&own)).collect();
    let each = patterns.into_iter().map(|pattern| {
        let namespace = pattern.replace('*', OBJECT);
        let judging = Judging { judge: Judge::new(environment.clone()), rwenv, namespace: &namespace };
        judging.all(more).map(|all| (pattern.clone(), all))
    });
    each.collect()
}
