//! `rwenv run` on a real API server and etcd, as a person with admin rights: what a program inside may try changes no object, and reads pass.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::api_guard::Guarded;
use crate::confined::works;
use crate::flux_programs::{flux_command_line, flux_program};
use crate::support::{Answer, Home, answer, variable};

const TABLE: &str = include_str!("../fixtures/confined_cluster.toml");
/// What lines may use.
const WORDS: &str = r#"t() { sed -n 's/.*token"*: *"*\([A-Za-z0-9_.-]*\).*/\1/p' "$1" | head -n 1; }
u() { grep -o 'https://[0-9.:]*' "$1" | head -n 1; }
o() { printf '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"%s"}}' $N; }
"#;

#[derive(Deserialize)]
struct Table {
    out: Vec<WaysOut>,
    read: Vec<Reads>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WaysOut {
    about: String,
    lines: Vec<String>,
    #[serde(default)]
    closed: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reads {
    lines: Vec<String>,
    prints: String,
    /// A program that is fetched for it.
    #[serde(default)]
    needs: String,
}

/// A person with admin rights, what lies in the home, and a process that holds the token.
struct Admin {
    guarded: Guarded,
    process: Child,
    /// Programs that were fetched, by the variable that names them.
    programs: Vec<(&'static str, PathBuf)>,
}

impl Admin {
    fn new() -> Option<Self> {
        let guarded = Guarded::new()?;
        let (server, home) = (&guarded.server, &guarded.setting.home);
        for (name, text) in ["ca.pem", "person.pem", "person.key"].into_iter().zip(server.person()) {
            home.write(&format!("keys/{name}"), &text);
        }
        // What hides a kubeconfig is to be what fails, not a CA that is out of sight.
        let authority = home.path("keys/ca.pem").display().to_string();
        let token = server.kubeconfig("rw-ctx").replace(&server.authority(), &authority);
        let words = "token: ";
        let held = token.split_once(words).unwrap().1.split('}').next().unwrap().to_owned();
        let at = |name: &str| home.path(name).display().to_string();
        let key =
            format!("client-certificate: {}, client-key: {}", at("keys/person.pem"), at("keys/person.key"));
        let certificate = token.replace(&format!("{words}{held}"), &key);
        home.write(".kube/config", &token);
        home.write(".kube/cert.yaml", &certificate);
        home.write("clusters/rw.yaml", &token);
        let envs = home.read(".claude/rwenv/envs.json");
        home.write(".claude/rwenv/envs.json", &envs.replace("~/.kube/rw", "~/clusters/rw.yaml"));
        symlink(home.path(".kube/config"), home.path("link.yaml")).unwrap();
        std::fs::hard_link(home.path(".kube/config"), home.path("second.yaml")).unwrap();
        // A workload's own rights, and a token that lies in the cluster.
        server.apply(&format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {{name: robot}}\n\
             roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}}\n\
             subjects: [{{kind: ServiceAccount, name: robot, namespace: app}}]\n---\n\
             apiVersion: v1\nkind: Secret\nmetadata: {{name: key, namespace: app}}\nstringData: {{token: {held}}}\n"
        ));
        assert_eq!(home.rwenv("", &["install"]).code, 0);
        let line = format!("exec 9<{}; exec sleep 1000", home.path(".kube/config").display());
        let mut process = Command::new("bash");
        process.args(["-c", &line]).env("HELD", held).current_dir(home.path("")).stdin(Stdio::null());
        let process = process.spawn().unwrap();
        let programs = [("HELM", flux_program("helm")), ("FLUX", flux_command_line())];
        let programs = programs.into_iter().filter_map(|(name, program)| Some((name, program?))).collect();
        Some(Self { guarded, process, programs })
    }

    fn home(&self) -> &Home {
        &self.guarded.setting.home
    }

    /// A line in the folder of the read-only rwenv: in a session, or, with no means, as the person.
    fn run(&self, means: Option<&[&str]>, line: &str, name: &str) -> Answer {
        let home = self.home();
        let whole = home.path("");
        let whole = whole.to_str().unwrap().trim_end_matches('/');
        let own = Path::new(env!("CARGO_BIN_EXE_rwenv"));
        let session = means.map(|means| format!("{} run {} --", own.display(), means.join(" ")));
        let opened =
            format!("exec 9<{whole}/.kube/config; exec {} bash -c \"$LINE\"", session.unwrap_or_default());
        let mut command = home.command("bash", &home.path("ro"));
        let path = format!("{}:{}", own.parent().unwrap().display(), variable("PATH").unwrap());
        let (server, store) = self.guarded.server.ports();
        command.args(["-c", &opened]).env("HOME", whole).env("H", whole).env("PATH", path).env("N", name);
        command.env("S", format!("https://127.0.0.1:{server}")).env("E", store.to_string());
        command.env("KUBECONFIG", format!("{whole}/.kube/config")).env("OUT", self.process.id().to_string());
        command.envs(self.programs.iter().map(|(name, program)| (name, program)));
        command.env("LINE", format!("{WORDS}echo started\n{{ {line}\n}} </dev/null"));
        answer(command.timeout(Duration::from_secs(60)))
    }

    /// The level that the probe says of each rwenv.
    fn levels(&self, options: &[&str]) -> Vec<(String, String)> {
        let said = self.home().rwenv("ro", &[&["run", "--probe", "--json"], options].concat());
        let report: Value = serde_json::from_str(&said.stdout).unwrap_or_default();
        assert!(report.is_object(), "{said:?}");
        let word = |check: &Value, key: &str| check[key].as_str().unwrap_or_default().to_owned();
        let all = report["custody"].as_array().unwrap().iter();
        all.map(|check| (word(check, "rwenv"), word(check, "level"))).collect()
    }

    /// Lines that changed something, or were not run.
    fn hold(&self, means: &str, table: &Table) -> Vec<String> {
        let server = &self.guarded.server;
        let mut wrong = Vec::new();
        let lines =
            table.out.iter().flat_map(|group| group.lines.iter().map(move |line| (&group.about, line)));
        for (number, (about, line)) in lines.enumerate() {
            let before = server.store();
            let said = self.run(Some(&["--means", means]), line, &format!("{means}-{number}"));
            if server.store() != before {
                wrong.push(format!("{means}: {about}: {line}\n    changes the cluster: {said:?}"));
            }
            if !said.stdout.starts_with("started\n") {
                wrong.push(format!("{means}: {about}: {line}\n    was not run: {said:?}"));
            }
        }
        let has = |reads: &Reads| {
            reads.needs.is_empty() || self.programs.iter().any(|(name, _)| *name == reads.needs)
        };
        for (reads, line) in table
            .read
            .iter()
            .filter(|reads| has(reads))
            .flat_map(|reads| reads.lines.iter().map(move |line| (reads, line)))
        {
            let said = self.run(Some(&["--means", means]), line, "x");
            if said.code != 0 || !said.stdout.contains(&reads.prints) {
                wrong.push(format!("{means}: does not pass: {line}\n    {said:?}"));
            }
        }
        wrong
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn no_way_out_changes_an_object_of_a_real_cluster() {
    let Some(admin) = Admin::new() else { return };
    let table: Table = toml::from_str(TABLE).unwrap();
    let mut wrong = Vec::new();
    for means in ["bubblewrap", "namespaces", "landlock"] {
        if !works(admin.home(), means) {
            continue;
        }
        // Root may look into every process, and Landlock has no word for that.
        if means == "landlock" && nix::unistd::getuid().is_root() {
            continue;
        }
        wrong.extend(admin.hold(means, &table));
        let levels = admin.levels(&["--means", means]);
        assert!(levels.len() >= 3 && levels.iter().all(|(_, level)| level == "C1"), "{means}: {levels:?}");
        assert!(wrong.is_empty() || wrong.len() < 12, "{}", wrong.join("\n"));
    }
    // What the level says is so: where a person allows a kubeconfig, the cluster is changed.
    let (allow, before) = (
        ["--allow", "~/clusters"].map(|word| word.replace('~', at(&admin).as_str())),
        admin.guarded.server.store(),
    );
    let allow = allow.each_ref().map(String::as_str);
    let levels = admin.levels(&allow);
    assert!(levels.contains(&("rw".to_owned(), "C0".to_owned())), "{levels:?}");
    let line = "/usr/bin/kubectl --kubeconfig $H/clusters/rw.yaml create configmap $N";
    let said = admin.run(Some(&allow), line, "allowed");
    assert!(admin.guarded.server.store() != before, "{said:?}");
    // And outside, each of these lines leads somewhere.
    let open = table.out.iter().filter(|group| !group.closed).flat_map(|group| &group.lines);
    for (number, line) in open.enumerate() {
        let before = admin.guarded.server.store();
        let said = admin.run(None, line, &format!("outside-{number}"));
        if admin.guarded.server.store() == before {
            wrong
                .push(format!("outside: {line}\n    changes nothing, and so shows nothing inside: {said:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn at(admin: &Admin) -> String {
    admin.home().path("").display().to_string().trim_end_matches('/').to_owned()
}
