//! The API guard in front of a real API server, met by real kubectl.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::apiserver::ApiServer;
use crate::daemon::Setting;
use crate::support::{Answer, Home, answer, find};

/// What is there before anybody comes.
const OBJECTS: &str = include_str!("../cluster/objects.yaml");

#[derive(Deserialize)]
pub(crate) struct Corpus {
    pub(crate) case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    #[serde(default)]
    pub(crate) about: String,
    pub(crate) rwenv: String,
    #[serde(default)]
    pub(crate) ok: Vec<String>,
    #[serde(default)]
    pub(crate) differs: Vec<String>,
    #[serde(default)]
    pub(crate) reached: Vec<String>,
    #[serde(default)]
    pub(crate) refused: Vec<String>,
    #[serde(default)]
    pub(crate) says: String,
}

/// The lines of the guard's corpus.
pub(crate) fn corpus() -> Corpus {
    toml::from_str(include_str!("../corpus/guard.toml")).unwrap()
}

/// The files that lines of the corpus name.
pub(crate) fn files(home: &Home) {
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: app}\nspec: {replicas: 5, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: w, image: w}]}}}\n";
    home.write("file.yaml", deployment);
    home.write(
        "secret.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: app}\nstringData: {password: longer-than-before}\n",
    );
    home.write(
        "new.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: new, namespace: app}\ndata: {a: b}\n",
    );
    home.write("role.yaml", "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: r, namespace: app}\nrules: []\n");
}

/// A line of the corpus with the files filled in.
pub(crate) fn filled(home: &Home, line: &str) -> String {
    let path = |name: &str| home.path(name).display().to_string();
    let line = line.replace("{file}", &path("file.yaml")).replace("{new}", &path("new.yaml"));
    line.replace("{role}", &path("role.yaml")).replace("{secret}", &path("secret.yaml"))
}

/// What is there before anybody comes: kinds, objects, and a pod that runs.
pub(crate) fn furnished(server: &ApiServer) {
    server.flux_kinds();
    server.kinds(include_str!("../cluster/operators.yaml"));
    server.apply(OBJECTS);
    let runs = [
        "patch",
        "pod",
        "running",
        "-n",
        "app",
        "--subresource=status",
        "-p",
        "{\"status\":{\"phase\":\"Running\"}}",
    ];
    assert!(!server.kubectl(&runs, "").is_empty());
}

/// A cluster, and a HOME whose three rwenvs are all that cluster.
pub(crate) struct Guarded {
    pub(crate) server: ApiServer,
    pub(crate) setting: Setting,
}

impl Guarded {
    pub(crate) fn new() -> Option<Self> {
        let server = ApiServer::start()?;
        furnished(&server);
        let setting = Setting::new();
        for name in ["ro", "go", "rw"] {
            let config = server.kubeconfig(&format!("{name}-ctx"));
            setting.home.write(&format!(".kube/{name}"), &config);
        }
        let envs = crate::support::ENVS;
        let envs = ["ro", "go", "rw"].iter().fold(envs.to_owned(), |text, name| {
            let context = format!("\"kubernetesContext\": \"{name}-ctx\"");
            text.replace(&context, &format!("{context}, \"kubeconfigPath\": \"~/.kube/{name}\""))
        });
        setting.home.write(".claude/rwenv/envs.json", &envs);
        setting.start();
        Some(Self { server, setting })
    }

    /// Runs a command line's words with the guard's kubeconfig of a rwenv.
    pub(crate) fn run(&self, rwenv: &str, words: &[&str]) -> Answer {
        let home = &self.setting.home;
        let program = find(words[0]).unwrap();
        let mut command = home.command(program.to_str().unwrap(), &home.path(""));
        let config = home.path(&format!(".claude/rwenv/guard/{rwenv}.yaml"));
        answer(command.env("KUBECONFIG", config).args(&words[1..]))
    }

    /// The same for a line, whose files are filled in.
    fn line(&self, rwenv: &str, line: &str) -> Answer {
        let line = filled(&self.setting.home, line);
        self.run(rwenv, &line.split(' ').collect::<Vec<_>>())
    }
}

#[test]
fn every_line_of_the_corpus_has_its_outcome_and_what_is_refused_changes_nothing() {
    let Some(guarded) = Guarded::new() else { return };
    let home = &guarded.setting.home;
    files(home);
    let corpus = corpus();
    let mut wrong: Vec<String> = Vec::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for case in &corpus.case {
        let all = [
            ("ok", &case.ok),
            ("differs", &case.differs),
            ("reached", &case.reached),
            ("refused", &case.refused),
        ];
        for (outcome, line) in
            all.iter().flat_map(|(outcome, lines)| lines.iter().map(move |line| (*outcome, line)))
        {
            let before = guarded.server.store();
            let told = guarded.line(&case.rwenv, line);
            let said = format!("{}{}", told.stdout, told.stderr);
            assert!(!said.contains("hunter2") && !said.contains("aHVudGVyMg"), "{line}: {said}");
            let by_guard = told.stderr.contains("instead: ") && told.stderr.contains(case.says.as_str());
            let timed = line.contains("--request-timeout");
            let good = match outcome {
                "ok" => (told.code == 0 || timed) && !by_guard,
                "differs" => told.code == 1 && told.stdout.contains("+  ") && !by_guard,
                "reached" => told.code != 0 && !by_guard && !told.stderr.contains("(Forbidden)"),
                _ => by_guard && guarded.server.store() == before,
            };
            *counts.entry(outcome).or_default() += 1;
            if !good {
                wrong.push(format!(
                    "{} {}: {outcome}: {line}\n   {} {} {}",
                    case.rwenv,
                    case.about,
                    told.code,
                    told.stdout.chars().take(200).collect::<String>(),
                    told.stderr
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), guarded.setting.log());
    assert!(counts.values().sum::<usize>() >= 90 && counts["refused"] >= 60, "{counts:?}");
}
