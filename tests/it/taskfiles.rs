//! The tasks, run by the real task with tools that write down what they are called with.

use std::path::PathBuf;

use crate::fetched;
use crate::support::{Answer, Home, answer, find};

/// The program task: this machine's, or the one PyPI has; none where neither is to be had, which is said.
fn task() -> Option<PathBuf> {
    find("task").or_else(|| fetched::pip("go-task-bin", "3.54.0", "task"))
}

/// A repository with the tasks, and tools that write down how they are called.
struct Repository {
    home: Home,
    task: PathBuf,
}

impl Repository {
    fn new() -> Option<Self> {
        let task = task()?;
        let home = Home::new();
        let installed = home.rwenv("", &["taskfiles", "install", "."]);
        assert_eq!(installed.code, 0, "{}", installed.stderr);
        let log = home.path("log").display().to_string();
        for (tool, answers) in [
            ("flux", ""),
            (
                "rwenv",
                "case \"$*\" in 'list --json') echo '    \"name\": \"infra\",' ;; *diff*) exit 1 ;; esac",
            ),
            (
                "kubectl",
                "case \"$*\" in *get-contexts\\ nowhere*) exit 1 ;; *helmreleases*name=odoo*) printf business ;; *spec.path*) printf ./apps/gatus ;; *kustomizations*-A*) printf 'flux-system apps apps' ;; \
              logs*) echo '{\"level\":\"info\",\"namespace\":\"app\"}'; echo '{\"level\":\"error\",\"namespace\":\"app\"}' ;; esac",
            ),
        ] {
            home.write(
                &format!("bin/{tool}"),
                &format!("#!/bin/sh\necho \"{tool} $*\" >> {log}\n{answers}\n"),
            );
            home.mode(&format!("bin/{tool}"), 0o700);
        }
        Some(Self { home, task })
    }

    /// Runs a task; what the tools were called with, but for looks at contexts.
    fn run(&self, line: &str) -> (Answer, Vec<String>) {
        self.home.write("log", "");
        let mut command = self.home.command(self.task.to_str().unwrap(), &self.home.path(""));
        command.env("PATH", format!("{}:/usr/bin:/bin", self.home.path("bin").display()));
        let told = answer(command.args(line.split(' ')));
        let log = self.home.read("log");
        let calls = log.lines().filter(|call| !call.contains("get-contexts") && *call != "rwenv list --json");
        (told, calls.map(str::to_owned).collect())
    }
}

/// Where a release is looked up, and where there are Kustomizations.
const ODOO: &str = "kubectl --context=apps get helmreleases.helm.toolkit.fluxcd.io -A --field-selector=metadata.name=odoo -o jsonpath={.items[0].metadata.namespace}";
const GATUS: &str = "kubectl --context=infra get helmreleases.helm.toolkit.fluxcd.io -A --field-selector=metadata.name=gatus -o jsonpath={.items[0].metadata.namespace}";
const ALL: &str = "kubectl --context=infra get kustomizations.kustomize.toolkit.fluxcd.io -A -o jsonpath={.items[*].metadata.namespace}";

/// Tasks, and what they call.
const CASES: &[(&str, &[&str])] = &[
    ("flux:reconcile APP=odoo CLUSTER=apps", &["flux reconcile ks odoo --context=apps -n flux-system"]),
    ("f:reconcile APP=gatus NAMESPACE=x", &["flux reconcile ks gatus --context=infra -n x"]),
    (
        "flux:reconcile APP=odoo TYPE=hr CLUSTER=apps",
        &[ODOO, "flux reconcile hr odoo --context=apps -n business"],
    ),
    ("flux:suspend APP=odoo CLUSTER=apps", &[ODOO, "flux suspend hr odoo --context=apps -n business"]),
    ("flux:suspend APP=gatus", &[GATUS, "flux suspend hr gatus --context=infra -n gatus"]),
    ("flux:suspend APP=odoo TYPE=ks", &["flux suspend ks odoo --context=infra -n flux-system"]),
    ("flux:resume APP=odoo CLUSTER=apps", &[ODOO, "flux resume hr odoo --context=apps -n business"]),
    (
        "flux:resume APP=odoo TYPE=ks WAIT=true",
        &["flux resume ks odoo --context=infra -n flux-system --wait"],
    ),
    ("flux:logs", &["flux logs --context=infra --follow -A"]),
    ("flux:logs LEVEL=error NAMESPACE=app FOLLOW=false", &["flux logs --context=infra --level=error -n app"]),
    (
        "flux:logs CONTROLLER=kustomize-controller CLUSTER=apps",
        &["kubectl logs --context=apps -n flux-system deploy/kustomize-controller --follow"],
    ),
    ("flux:events", &["flux events --context=infra -A"]),
    ("flux:events APP=gatus NAMESPACE=app", &["flux events --context=infra -n app"]),
    (
        "flux:diff APP=gatus",
        &[
            "kubectl --context=infra -n flux-system get kustomizations.kustomize.toolkit.fluxcd.io gatus -o jsonpath={.spec.path}",
            "flux diff kustomization gatus --context=infra -n flux-system --path ./apps/gatus",
        ],
    ),
    (
        "flux:diff APP=gatus DIR=./x",
        &["flux diff kustomization gatus --context=infra -n flux-system --path ./x"],
    ),
    (
        "flux:status",
        &[
            "flux get ks --context=infra -A",
            "flux get hr --context=infra -A",
            "flux get sources all --context=infra -A",
        ],
    ),
    ("flux:status TYPE=hr", &["flux get hr --context=infra -A"]),
    ("flux:status TYPE=source CLUSTER=apps", &["flux get sources all --context=apps -A"]),
    ("flux:check CLUSTER=apps", &["flux check --context=apps"]),
    ("flux:tree APP=cluster-apps", &["flux tree ks cluster-apps --context=infra -n flux-system"]),
    (
        "flux:trace RESOURCE=deploy/gatus NAMESPACE=observability",
        &["flux trace deploy/gatus -n observability --context=infra"],
    ),
    (
        "flux:alerts",
        &[
            "flux get alerts --context=infra -A",
            "flux get alert-providers --context=infra -A",
            "flux events --context=infra -A --types=Warning",
        ],
    ),
    (
        "--yes flux:suspend-all",
        &[
            ALL,
            "flux suspend ks --all --context=infra -n apps",
            "flux suspend ks --all --context=infra -n flux-system",
        ],
    ),
    (
        "flux:resume-all WAIT=true",
        &[
            ALL,
            "flux resume ks --all --context=infra -n apps --wait",
            "flux resume ks --all --context=infra -n flux-system --wait",
        ],
    ),
    ("flux:reconcile-source", &["flux reconcile source git k8s-ops --context=infra -n flux-system"]),
    (
        "flux:reconcile-source SOURCE=x CLUSTER=apps",
        &["flux reconcile source git x --context=apps -n flux-system"],
    ),
];

#[test]
fn every_task_calls_exactly_what_it_says() {
    let Some(it) = Repository::new() else { return };
    let wrong: Vec<String> = (CASES.iter())
        .filter_map(|(line, wanted)| {
            let (told, calls) = it.run(line);
            (told.code != 0 || calls != *wanted).then(|| format!("{line}: {calls:#?}\n{}", told.stderr))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let (told, _) = it.run("-s flux:logs CONTROLLER=x LEVEL=error NAMESPACE=app");
    assert_eq!(told.stdout.trim(), r#"{"level":"error","namespace":"app"}"#, "{}", told.stderr);
}

#[test]
fn with_rwenv_as_engine_they_call_lines_rwenv_takes() {
    let Some(it) = Repository::new() else { return };
    for (line, wanted) in [
        ("flux:reconcile APP=odoo TYPE=hr", "rwenv flux reconcile hr odoo --cluster=infra"),
        ("flux:suspend APP=odoo NAMESPACE=x", "rwenv flux suspend hr odoo --cluster=infra -n x"),
        ("flux:resume APP=odoo WAIT=true", "rwenv flux resume hr odoo --cluster=infra --wait"),
        (
            "flux:logs CONTROLLER=c LEVEL=error",
            "rwenv flux logs --cluster=infra --controller=c --level=error --follow",
        ),
        ("flux:events APP=x", "rwenv flux events --cluster=infra"),
        ("flux:diff APP=x", "rwenv flux diff x --cluster=infra -n flux-system --dir ROOT"),
        ("flux:status TYPE=hr", "rwenv flux status --type=hr --cluster=infra"),
        ("flux:check", "rwenv flux check --cluster=infra"),
        ("flux:tree APP=x", "rwenv flux tree ks x --cluster=infra"),
        ("flux:trace RESOURCE=deploy/x NAMESPACE=n", "rwenv flux trace deploy/x -n n --cluster=infra"),
        ("flux:alerts", "rwenv flux alerts --cluster=infra"),
        ("--yes flux:suspend-all", "rwenv flux suspend-all --yes --cluster=infra"),
        ("flux:resume-all", "rwenv flux resume-all --yes --cluster=infra"),
        ("flux:reconcile-source", "rwenv flux reconcile-source git/k8s-ops --cluster=infra -n flux-system"),
    ] {
        let (told, calls) = it.run(&format!("{line} ENGINE=rwenv"));
        let root = it.home.path("").display().to_string();
        let calls: Vec<String> =
            calls.iter().map(|call| call.replace(root.trim_end_matches('/'), "ROOT")).collect();
        assert_eq!((told.code, calls), (0, vec![wanted.to_owned()]), "{line}: {}", told.stderr);
        let words = wanted.split(' ').skip(1);
        assert!(
            rwenv::cli::command().try_get_matches_from(std::iter::once("rwenv").chain(words)).is_ok(),
            "{wanted}"
        );
    }
    let (told, calls) = it.run("flux:check ENGINE=rwenv CLUSTER=other");
    assert!(
        told.code != 0 && calls.is_empty() && told.stderr.contains("Cluster context 'other' not found"),
        "{}",
        told.stderr
    );
}

#[test]
fn what_is_missing_is_said_and_nothing_is_called() {
    let Some(it) = Repository::new() else { return };
    for line in ["flux:reconcile", "flux:suspend", "flux:resume", "flux:diff", "flux:tree", "flux:trace"] {
        let (told, calls) = it.run(line);
        assert!(
            told.code != 0 && told.stderr.contains("missing required variables"),
            "{line}: {}",
            told.stderr
        );
        assert_eq!(calls, Vec::<String>::new(), "{line}");
    }
    let tasks = [
        "alerts",
        "check",
        "diff",
        "events",
        "logs",
        "reconcile",
        "reconcile-source",
        "resume",
        "resume-all",
        "status",
        "suspend",
        "suspend-all",
        "trace",
        "tree",
    ];
    let (list, _) = it.run("--list");
    for task in tasks {
        assert!(list.stdout.contains(&format!("* flux:{task}:")), "{}", list.stdout);
        let (told, calls) =
            it.run(&format!("--yes flux:{task} APP=x RESOURCE=a/b NAMESPACE=n CLUSTER=nowhere"));
        assert!(
            told.code != 0 && told.stderr.contains("Cluster context 'nowhere' not found"),
            "{task}: {}",
            told.stderr
        );
        assert!(!calls.iter().any(|call| call.starts_with("flux")), "{task}: {calls:?}");
        let (summary, _) = it.run(&format!("flux:{task} --summary"));
        assert!(
            summary.stdout.contains("Examples:") && summary.stdout.contains(&format!("task flux:{task}")),
            "{task}: {}",
            summary.stdout
        );
    }
    let (asks, calls) = it.run("flux:suspend-all");
    assert!(
        asks.code != 0 && !calls.iter().any(|call| call.starts_with("flux")),
        "nobody said yes: {}",
        asks.stderr
    );
    std::fs::remove_file(it.home.path("bin/flux")).unwrap();
    let (told, _) = it.run("flux:check");
    assert!(told.stderr.contains("flux CLI not found in PATH"), "{}", told.stderr);
    std::fs::remove_file(it.home.path("bin/kubectl")).unwrap();
    it.home.write("bin/flux", "#!/bin/sh\n");
    it.home.mode("bin/flux", 0o700);
    if !["/usr/bin/kubectl", "/bin/kubectl"].iter().any(|path| std::path::Path::new(path).exists()) {
        let (told, _) = it.run("flux:check");
        assert!(told.stderr.contains("kubectl not found in PATH"), "{}", told.stderr);
    }
}

#[test]
fn what_is_there_is_not_written_over() {
    let home = Home::empty();
    let install = |more: &[&str]| home.rwenv("", &[&["taskfiles", "install", "."], more].concat());
    assert!(install(&["--cluster", "prod", "--source", "flux-system"]).stdout.contains("is written"));
    let tasks = home.read(".taskfiles/flux/Taskfile.yaml");
    assert!(
        tasks.contains("default \"prod\"")
            && tasks.contains("(default: flux-system)")
            && !tasks.contains("infra\""),
        "{tasks}"
    );
    assert!(home.read("Taskfile.yaml").contains("default \"prod\""));
    let again = install(&["--cluster", "prod", "--source", "flux-system"]);
    assert!(
        again.code == 0 && again.stdout.contains("is current") && again.stdout.contains("includes them"),
        "{}",
        again.stdout
    );
    let other = install(&[]);
    assert!(other.code == 1 && other.stderr.contains("--force"), "{}", other.stderr);
    assert_eq!(home.read(".taskfiles/flux/Taskfile.yaml"), tasks);
    assert_eq!(install(&["--force"]).code, 0);
    home.write("Taskfile.yaml", "version: \"3\"\n");
    let own = install(&[]);
    assert!(
        own.code == 0 && own.stderr.contains("taskfile: .taskfiles/flux/Taskfile.yaml"),
        "{}",
        own.stderr
    );
    assert_eq!(home.read("Taskfile.yaml"), "version: \"3\"\n");
    assert!(home.rwenv("", &["taskfiles", "install", "nowhere"]).stderr.contains("is not a folder"));
    assert_eq!(home.rwenv("", &["taskfiles", "install", "--cluster", "a b"]).code, 64);
}
