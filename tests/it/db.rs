//! Queries of databases: a real PostgreSQL, credentials out of a real API server, and a stand-in for kubectl's tunnel.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::apiserver::ApiServer;
use crate::support::{Answer, Home, answer, find, skip};

const PASSWORD: &str = "correct-horse-battery";
const OBJECTS: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: data}
---
apiVersion: v1
kind: Secret
metadata: {name: orders-credentials, namespace: data}
stringData: {password: correct-horse-battery}
---
apiVersion: v1
kind: Secret
metadata: {name: empty, namespace: data}
stringData: {user: x}
";

/// The host the databases are named by in the cluster.
const HOST: &str = "orders-pool.data.svc.cluster.local";

/// What a server takes: plain connections alone, or encrypted ones alone, with a certificate of a CA for a host.
#[derive(Clone, Copy)]
enum Wire<'w> {
    Plain,
    Encrypted(&'w CertifiedIssuer<'static, KeyPair>, &'w str),
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap()
}

/// A PostgreSQL of this test's own. It does not run as root, so that another user does where this is root.
struct Postgres {
    server: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-INT", &self.server.id().to_string()]).status();
        let _ = self.server.wait();
    }
}

fn as_nobody(program: &Path) -> Command {
    if !nix::unistd::getuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program);
    command
}

impl Wire<'_> {
    /// Makes a server's folder ready for it; gives the setting that goes with it.
    fn prepare(self, data: &Path) -> &'static str {
        let Self::Encrypted(authority, host) = self else { return "ssl=off" };
        let key = KeyPair::generate().unwrap();
        let server =
            CertificateParams::new(vec![host.to_owned()]).unwrap().signed_by(&key, authority).unwrap();
        for (name, text) in [
            ("server.crt", server.pem()),
            ("server.key", key.serialize_pem()),
            ("pg_hba.conf", "hostssl all all 127.0.0.1/32 scram-sha-256\n".to_owned()),
        ] {
            let path = data.join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            let _ = Command::new("chown").arg("65534:65534").arg(path).status();
        }
        "ssl=on"
    }
}

impl Postgres {
    fn start(wire: Wire<'_>) -> Option<Self> {
        let (Some(initdb), Some(postgres), Some(_)) = (find("initdb"), find("postgres"), find("psql")) else {
            skip("there is no PostgreSQL here (initdb, postgres, psql)");
            return None;
        };
        if nix::unistd::getuid().is_root() && find("setpriv").is_none() {
            skip("PostgreSQL does not run as root, and there is no setpriv to run it as another user");
            return None;
        }
        let folder = tempfile::Builder::new().prefix("rwenv-pg").tempdir_in("/tmp").unwrap();
        let password = folder.path().join("password");
        std::fs::write(&password, PASSWORD).unwrap();
        for path in [folder.path(), &password] {
            let _ = Command::new("chown").arg("65534:65534").arg(path).status();
        }
        let data = folder.path().join("data");
        let made = as_nobody(&initdb)
            .args(["-U", "app", "--auth=scram-sha-256", "-E", "UTF8", "--locale=C"])
            .arg("-D")
            .arg(&data)
            .arg(format!("--pwfile={}", password.display()))
            .current_dir("/tmp")
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let encrypted = wire.prepare(&data);
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = as_nobody(&postgres)
            .arg("-D")
            .arg(&data)
            .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-k", ""])
            .args(["-c", "fsync=off", "-c", encrypted])
            .stderr(std::process::Stdio::null())
            .current_dir("/tmp")
            .spawn()
            .unwrap();
        let started = Self { server, port, folder };
        for _ in 0..200 {
            if started.psql("SELECT 1").is_some() {
                return Some(started);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        None
    }

    /// Runs SQL by the real client.
    fn psql(&self, sql: &str) -> Option<String> {
        let mut psql = Command::new(find("psql")?);
        psql.env("PGPASSWORD", PASSWORD).args([
            "-h",
            "127.0.0.1",
            "-U",
            "app",
            "-d",
            "postgres",
            "-XtAc",
            sql,
        ]);
        let output = psql.args(["-p", &self.port.to_string()]).output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    }
}

struct Scene {
    home: Home,
    postgres: Postgres,
    server: ApiServer,
}

impl Scene {
    fn new(wire: Wire<'_>) -> Option<Self> {
        let postgres = Postgres::start(wire)?;
        let server = ApiServer::start()?;
        server.apply(OBJECTS);
        postgres.psql("CREATE TABLE orders (id int, state text, note text); INSERT INTO orders VALUES (1, 'open', NULL), (2, 'a \"quoted\", one', 'x')")?;
        let home = Home::empty();
        home.write(".kube/config", &server.kubeconfig("dev-ctx"));
        home.write("project/.claude/rwenv", "dev\n");
        let scene = Self { home, postgres, server };
        scene.databases(&[("orders", "orders-credentials", ""), ("nobody", "empty", "")]);
        let tunnel = format!(
            "#!/bin/sh\necho \"$*\" >> $HOME/kubectl.log\ncase \"$*\" in *:5432) echo 'error: Service orders-pool does not have a service port 5432' >&2; exit 1 ;; esac\n\
             echo 'Forwarding from 127.0.0.1:{} -> 6432'\nexec sleep 300\n",
            scene.postgres.port
        );
        scene.home.write("bin/kubectl", &tunnel);
        scene.home.mode("bin/kubectl", 0o755);
        Some(scene)
    }

    /// Names databases: name, Secret, and further fields.
    fn databases(&self, all: &[(&str, &str, &str)]) {
        let named = |(name, secret, more): &(&str, &str, &str)| {
            format!(
                r#""{name}":{{"namespace":"data","secretName":"{secret}","pgbouncerHost":"{HOST}","database":"postgres","username":"app","description":"all orders"{more}}},"#
            )
        };
        let all: String = all.iter().map(named).collect();
        self.home.write(".claude/rwenv/envs.json", &format!(
            r#"{{"version":"1.0","databases":{{{all}"half":{{"namespace":"data"}}}},"rwenvs":{{"dev":{{"readOnly":true,"kubeconfigPath":"~/.kube/config","kubernetesContext":"dev-ctx"}}}}}}"#
        ));
    }

    fn db(&self, arguments: &[&str]) -> Answer {
        let mut command = self.home.command(env!("CARGO_BIN_EXE_rwenv"), &self.home.path("project"));
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", self.home.path("bin").display());
        let answer = answer(command.env("PATH", path).arg("db").args(arguments));
        assert!(!format!("{}{}", answer.stdout, answer.stderr).contains(PASSWORD));
        answer
    }
}

#[test]
fn queries_read_and_nothing_else() {
    let Some(scene) = Scene::new(Wire::Plain) else { return };
    let csv = scene.db(&["query", "orders", "SELECT * FROM orders ORDER BY id", "--format", "csv"]);
    assert_eq!(csv.stdout, "id,state,note\n1,open,\n2,\"a \"\"quoted\"\", one\",x\n", "{}", csv.stderr);
    let json = scene.db(&["query", "orders", "SELECT id, note FROM orders ORDER BY id", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json, serde_json::json!([{ "id": "1", "note": null }, { "id": "2", "note": "x" }]));
    let table =
        scene.db(&["query", "orders", "WITH o AS (SELECT count(*) AS n FROM orders) SELECT n FROM o"]);
    assert_eq!((table.code, table.stdout.as_str(), table.stderr.as_str()), (0, " n\n 2\n", "1 row\n"));
    let none = scene.db(&["query", "orders", "SELECT id FROM orders WHERE false", "--format", "csv"]);
    assert_eq!(none.stdout, "id\n", "headings are there also without rows");
    let odd = scene.db(&["query", "orders", "SELECT chr(27) || '[2J' AS screen"]);
    assert!(odd.stdout.contains("\\u{1b}[2J") && !odd.stdout.contains('\u{1b}'), "{:?}", odd.stdout);
    let log = scene.home.read("kubectl.log");
    assert!(
        log.lines()
            .next_back()
            .unwrap()
            .ends_with("--context dev-ctx -n data port-forward --address 127.0.0.1 svc/orders-pool :6432"),
        "{log}"
    );
    let left = Command::new("pgrep")
        .args(["-f", &format!("{}.*sleep", scene.home.path("bin").display())])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&left.stdout), "", "no tunnel stays open");
    let list = scene.db(&["list"]);
    assert!(list.stdout.contains("orders") && list.stdout.contains("all orders"), "{}", list.stdout);
}

#[test]
fn what_would_change_something_is_refused_here_and_by_the_server() {
    let Some(scene) = Scene::new(Wire::Plain) else { return };
    scene
        .postgres
        .psql("CREATE FUNCTION sneak() RETURNS int AS 'INSERT INTO orders VALUES (3); SELECT 1' LANGUAGE sql")
        .unwrap();
    for sql in [
        "DELETE FROM orders",
        "SELECT 1; DROP TABLE orders",
        r"SELECT E'\''; DROP TABLE orders; --'",
        "SELECT * INTO copy FROM orders",
        "COPY orders TO PROGRAM 'sh'",
    ] {
        let refused = scene.db(&["query", "orders", sql]);
        assert_eq!(refused.code, 2, "{sql}: {}", refused.stderr);
        assert!(refused.stderr.contains("[always-read-only.sql]"), "{sql}: {}", refused.stderr);
        let line = format!("rwenv db query orders \"{}\"", sql.replace('\\', "\\\\"));
        assert_eq!(scene.home.hook("project", &line).decision(), "deny", "{line}");
    }
    for (sql, expected) in [
        ("SELECT 1; SELECT 2", "is not a single statement"),
        ("", "is not a single statement"),
        ("COMMIT", "is not a query"),
        ("BEGIN", "is not a query"),
        // The guard here sees a read; the transaction does not let it write.
        ("SELECT sneak()", "cannot execute INSERT in a read-only transaction [25006]"),
        ("SELECT nothing", "column \"nothing\" does not exist"),
        ("SELECT pg_sleep(9)", "canceling statement due to statement timeout"),
    ] {
        let failed = scene.db(&["query", "orders", sql, "--timeout", "1s"]);
        assert!(failed.code == 1 && failed.stderr.contains(expected), "{sql}: {}", failed.stderr);
    }
    assert_eq!(scene.postgres.psql("SELECT count(*) FROM orders").unwrap().trim(), "2");
    for (name, expected) in [
        ("ordres", "there is no database 'ordres' in envs.json. Did you mean orders?"),
        ("half", "database 'half' has no pgbouncerHost in envs.json"),
        ("nobody", "Secret data/empty has no data.password"),
    ] {
        let failed = scene.db(&["query", name, "SELECT 1"]);
        assert!(failed.code == 1 && failed.stderr.contains(expected), "{}", failed.stderr);
    }
}

/// A Secret with the password and a CA.
fn secret(name: &str, authority: &CertifiedIssuer<'static, KeyPair>) -> String {
    let ca = authority.pem().replace('\n', "\n    ");
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: data}}\nstringData:\n  password: {PASSWORD}\n  ca.crt: |\n    {ca}\n"
    )
}

#[test]
fn a_server_that_wants_encryption_gets_it_and_proves_who_it_is() {
    let (own, other) = (authority(), authority());
    let Some(scene) = Scene::new(Wire::Encrypted(&own, HOST)) else { return };
    scene.server.apply(&format!("{}---\n{}", secret("right", &own), secret("wrong", &other)));
    scene.databases(&[
        ("prefer", "orders-credentials", ""),
        ("full", "right", r#","sslMode":"verify-full""#),
        ("apart", "orders-credentials", r#","sslMode":"verify-full","caSecretName":"right""#),
        ("other", "wrong", ""),
        ("bare", "orders-credentials", r#","sslMode":"verify-ca""#),
        ("disable", "orders-credentials", r#","sslMode":"disable""#),
    ]);
    let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    for name in ["prefer", "full", "apart"] {
        let answer = scene.db(&["query", name, sql, "--format", "csv"]);
        assert_eq!(answer.stdout, "ssl\nt\n", "{name}: {}", answer.stderr);
    }
    for (name, expected) in [
        ("other", "invalid peer certificate"),
        ("bare", "sslMode \"verify-ca\" needs the CA: add ca.crt to the Secret, name another"),
        ("disable", "no encryption"),
    ] {
        let failed = scene.db(&["query", name, sql]);
        assert!(failed.code == 1 && failed.stderr.contains(expected), "{name}: {}", failed.stderr);
    }
}

#[test]
fn the_name_in_a_certificate_counts_where_it_is_asked_for() {
    let own = authority();
    let Some(scene) = Scene::new(Wire::Encrypted(&own, "another.host")) else { return };
    scene.server.apply(&secret("right", &own));
    scene.databases(&[
        ("ca", "right", r#","sslMode":"verify-ca""#),
        ("full", "right", r#","sslMode":"verify-full""#),
    ]);
    let ca = scene.db(&["query", "ca", "SELECT 1 AS one", "--format", "csv"]);
    assert_eq!(ca.stdout, "one\n1\n", "{}", ca.stderr);
    let full = scene.db(&["query", "full", "SELECT 1 AS one"]);
    assert!(full.code == 1 && full.stderr.contains("not valid for name"), "{}", full.stderr);
}

#[test]
fn a_server_that_asks_for_a_certificate_gets_the_one_of_the_secret() {
    let own = authority();
    let Some(scene) = Scene::new(Wire::Encrypted(&own, HOST)) else { return };
    let data = scene.postgres.folder.path().join("data");
    let put = |name: &str, text: &str| {
        std::fs::write(data.join(name), text).unwrap();
        let _ = Command::new("chown").arg("65534:65534").arg(data.join(name)).status();
    };
    put("clients.crt", &own.pem());
    scene.postgres.psql("ALTER SYSTEM SET ssl_ca_file = 'clients.crt'").unwrap();
    put("pg_hba.conf", "hostssl all all 127.0.0.1/32 cert\n");
    scene.postgres.psql("SELECT pg_reload_conf()").unwrap();
    let key = KeyPair::generate().unwrap();
    let mut person = CertificateParams::new(Vec::new()).unwrap();
    person.distinguished_name.push(rcgen::DnType::CommonName, "app");
    let certificate = person.signed_by(&key, &own).unwrap().pem().replace('\n', "\n    ");
    let pair = format!(
        "  tls.crt: |\n    {certificate}\n  tls.key: |\n    {}\n",
        key.serialize_pem().replace('\n', "\n    ")
    );
    let bare = secret("bare", &own);
    let with = bare.replace("name: bare", "name: with").replace(&format!("  password: {PASSWORD}\n"), "");
    scene.server.apply(&format!("{bare}---\n{with}{pair}"));
    scene.databases(&[
        ("with", "with", r#","sslMode":"verify-full""#),
        ("bare", "bare", r#","sslMode":"verify-full""#),
    ]);
    let answer = scene.db(&["query", "with", "SELECT current_user AS who", "--format", "csv"]);
    assert_eq!(answer.stdout, "who\napp\n", "no password is needed: {}", answer.stderr);
    let failed = scene.db(&["query", "bare", "SELECT 1"]);
    assert!(failed.code == 1 && failed.stderr.contains("certificate"), "{}", failed.stderr);
}

#[test]
fn a_server_without_encryption_is_refused_where_it_is_required() {
    let Some(scene) = Scene::new(Wire::Plain) else { return };
    scene.databases(&[("require", "orders-credentials", r#","sslMode":"require""#)]);
    let failed = scene.db(&["query", "require", "SELECT 1"]);
    assert!(failed.code == 1 && failed.stderr.contains("TLS"), "{}", failed.stderr);
}
