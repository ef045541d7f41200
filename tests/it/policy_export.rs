//! The policy in the cluster: what is exported is applied to a real API server, and the lines of the API guard's corpus are sent there
//! directly, by real kubectl with the agents' own identity.

use crate::api_guard::{corpus, files, filled, furnished};
use crate::apiserver::ApiServer;
use crate::support::{Answer, Home, answer, find};

/// A cluster, and a HOME whose rwenvs are that cluster.
pub(crate) struct Fleet {
    pub(crate) server: ApiServer,
    pub(crate) home: Home,
}

impl Fleet {
    pub(crate) fn new() -> Option<Self> {
        let server = ApiServer::start()?;
        furnished(&server);
        let home = Home::new();
        for name in ["ro", "go", "rw"] {
            home.write(&format!(".kube/{name}"), &server.kubeconfig(&format!("{name}-ctx")));
        }
        let envs = ["ro", "go", "rw"].iter().fold(crate::support::ENVS.to_owned(), |text, name| {
            let context = format!("\"kubernetesContext\": \"{name}-ctx\"");
            text.replace(&context, &format!("{context}, \"kubeconfigPath\": \"~/.kube/{name}\""))
        });
        home.write(".claude/rwenv/envs.json", &envs);
        files(&home);
        Some(Self { server, home })
    }

    /// What is exported of a rwenv.
    pub(crate) fn exported(&self, rwenv: &str, to: &str, more: &[&str]) -> String {
        let told = self.home.rwenv("", &[&["policy", "export", "--env", rwenv, "--to", to], more].concat());
        assert_eq!(told.code, 0, "{}", told.stderr);
        told.stdout
    }

    /// Has it applied, and waits until admission has taken it up: then the agents of this rwenv cannot make a ConfigMap.
    fn applied(&self, rwenv: &str, to: &str, more: &[&str]) {
        self.server.apply(&self.exported(rwenv, to, more));
        let token = self.server.kubectl(&["create", "token", rwenv, "-n", "rwenv-agents"], "");
        self.home.write(&format!("agent-{rwenv}"), &self.server.kubeconfig_with("agent", token.trim()));
    }

    /// Runs a line with the identity of a rwenv's agents.
    fn agent(&self, rwenv: &str, line: &str) -> Answer {
        let line = filled(&self.home, line);
        let words: Vec<&str> = line.split(' ').collect();
        let program = find(words[0]).unwrap();
        let mut command = self.home.command(program.to_str().unwrap(), &self.home.path(""));
        let config = self.home.path(&format!("agent-{rwenv}"));
        answer(command.env("KUBECONFIG", config).args(&words[1..]))
    }

    fn until_denied(&self, rwenv: &str) {
        for _ in 0..100 {
            let told = self.agent(rwenv, "kubectl delete cm nobody -n app --ignore-not-found");
            let made = self.agent(rwenv, "kubectl create cm early -n app");
            if told.code == 0 && made.stderr.contains("ValidatingAdmissionPolicy") {
                return;
            }
            self.server.kubectl(&["delete", "cm", "early", "-n", "app", "--ignore-not-found"], "");
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        assert!(rwenv.is_empty(), "the admission policy of {rwenv} never counts");
    }
}

/// What the export says of a line that the guard lets pass: what the cluster alone cannot tell apart is denied.
fn claimed(line: &str, dry_runs: bool) -> &'static str {
    let secret = line.contains(" secret") || line.contains("/secrets") || line.contains("{secret}");
    match () {
        // Names of Secrets, what describes them, helm's records, and the answers to dry runs are values to the cluster.
        () if secret => "denied",
        () if is_dry(line) && !dry_runs => "denied",
        // Which words only read, the cluster does not know.
        () if line.starts_with("kubectl exec") => "denied",
        () => "allowed",
    }
}

fn is_dry(line: &str) -> bool {
    line.contains("--dry-run=server") || line.starts_with("kubectl diff")
}

/// What the guard refuses and the cluster need not: a path that it takes for another, a patch that comes to less than it says, and dry
/// runs of a deletion, which admission can tell.
fn is_harmless(line: &str, dry_runs: bool) -> bool {
    line.contains("app//pods")
        || line.contains("\"finalizers\":[]")
        || (dry_runs && is_dry(line) && !line.contains("secret"))
}

fn is_denied(told: &Answer) -> bool {
    told.stderr.contains("orbidden") || told.stderr.contains("denied request") || told.code != 0
}

#[test]
fn every_line_of_the_corpus_has_the_outcome_that_is_claimed_by_the_agents_own_identity() {
    let Some(fleet) = Fleet::new() else { return };
    let mut wrong = Vec::new();
    let mut counts = [0_usize; 2];
    for (dry_runs, more) in [(false, &[] as &[&str]), (true, &["--dry-runs"])] {
        for rwenv in ["ro", "go"] {
            fleet.applied(rwenv, "rbac,validating-admission-policy", more);
        }
        let corpus = corpus();
        for case in corpus.case.iter().filter(|case| case.rwenv != "rw") {
            let passing = case.ok.iter().chain(&case.differs).map(|line| (line, claimed(line, dry_runs)));
            // Of those the server says itself that they cannot be done.
            let reached = case.reached.iter().filter(|line| line.starts_with("kubectl exec"));
            let refused = case.refused.iter().chain(reached).map(|line| (line, "denied"));
            for (line, claim) in passing.chain(refused).filter(|(line, _)| !dry_runs || is_dry(line)) {
                let before = fleet.server.store();
                let told = fleet.agent(&case.rwenv, line);
                let said = format!("{}{}", told.stdout, told.stderr);
                assert!(!said.contains("hunter2") && !said.contains("aHVudGVyMg"), "{line}: {said}");
                let harmless = is_harmless(line, dry_runs);
                let denied = if claim == "allowed" { false } else { !harmless };
                let changed = denied && fleet.server.store() != before;
                // kubectl ends a watch, a difference and "no" with a status of its own.
                let ends =
                    ["--request-timeout", "kubectl diff", "auth can-i"].iter().any(|own| line.contains(own));
                let good = match claim {
                    "allowed" => !is_denied(&told) || (ends && !told.stderr.contains("orbidden")),
                    _ => is_denied(&told) || harmless,
                };
                counts[usize::from(claim == "denied")] += 1;
                if !good || changed {
                    wrong.push(format!(
                        "{} (dry runs: {dry_runs}) {claim}, changed {changed}: {line}\n   {} {}{}",
                        case.rwenv,
                        told.code,
                        told.stdout.chars().take(200).collect::<String>(),
                        told.stderr
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(counts[0] >= 60 && counts[1] >= 130, "{counts:?}");
}

#[test]
fn admission_alone_holds_an_identity_that_may_do_everything_and_nobody_else() {
    let Some(fleet) = Fleet::new() else { return };
    for rwenv in ["ro", "go"] {
        fleet.applied(rwenv, "rbac,validating-admission-policy", &[]);
        let subject = format!("--serviceaccount=rwenv-agents:{rwenv}");
        let name = format!("all-{rwenv}");
        let all = ["create", "clusterrolebinding", &name, "--clusterrole=cluster-admin", &subject];
        assert!(!fleet.server.kubectl(&all, "").is_empty());
        fleet.until_denied(rwenv);
    }
    let mut wrong = Vec::new();
    for case in corpus().case.iter().filter(|case| case.rwenv != "rw") {
        let passing = case.ok.iter().chain(&case.differs).chain(&case.reached).map(|line| (line, false));
        for (line, refused) in passing.chain(case.refused.iter().map(|line| (line, true))) {
            let before = fleet.server.store();
            let told = fleet.agent(&case.rwenv, line);
            let by_policy = told.stderr.contains("ValidatingAdmissionPolicy");
            let sees = !line.starts_with("kubectl get") || line.contains("/proxy");
            let masked = is_dry(line) && (line.contains("{secret}") || line.contains("create secret"));
            let unseen = !sees || line.contains("--as=") || is_harmless(line, true);
            let good = match refused {
                false if masked || line.starts_with("kubectl exec") => by_policy,
                false => !by_policy,
                true => by_policy || unseen || told.code != 0,
            };
            let changed = case.rwenv == "ro" && fleet.server.store() != before;
            if !good || changed {
                wrong.push(format!(
                    "{} refused {refused}, changed {changed}: {line}\n   {} {}",
                    case.rwenv, told.code, told.stderr
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // What applies Git is no agent.
    let controller =
        ["--as=system:serviceaccount:flux-system:kustomize-controller", "--as-group=system:masters"];
    for words in [
        "scale deploy web -n app --replicas=4",
        "label ks apps -n flux-system by=flux",
        "create cm of-flux -n app",
    ] {
        let words: Vec<&str> = words.split(' ').chain(controller).collect();
        assert!(
            !fleet.server.kubectl(&words, "").is_empty(),
            "{words:?}: {}",
            fleet.server.kubectl_says(&words)
        );
    }
    // Of a rwenv that may be changed, all but credentials.
    fleet.applied("rw", "rbac,validating-admission-policy", &[]);
    for (line, denied) in [
        ("kubectl create cm made -n app --from-literal=a=b", false),
        ("kubectl scale deploy web -n app --replicas=3", false),
        ("kubectl get secret db -n app -o yaml", true),
        ("kubectl create token robot -n app", true),
        ("kubectl patch secret db -n app -p {\"metadata\":{\"labels\":{\"a\":\"b\"}}}", true),
    ] {
        let told = fleet.agent("rw", line);
        assert_eq!(is_denied(&told), denied, "{line}: {}", told.stderr);
    }
}
