//! What rwenv's own clients are given to show a cluster: client certificates of X.509 version 1, and programs that are not there.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::daemon::Setting;
use crate::support::{Home, answer, skip};

/// Answers every request with its path, and writes down who asked.
const SERVER: &str = "import http.server,ssl,json
class H(http.server.BaseHTTPRequestHandler):
  def do_GET(self):
    who = self.connection.getpeercert()
    open('seen', 'a').write(f'{self.path} {who[\"subject\"]} version {who[\"version\"]}\\n')
    text = json.dumps({'kind': 'List', 'apiVersion': 'v1', 'metadata': {}, 'items': []}).encode()
    self.send_response(200)
    self.send_header('Content-Type', 'application/json')
    self.send_header('Content-Length', str(len(text)))
    self.end_headers()
    self.wfile.write(text)
  def log_message(self, *a): pass
s = http.server.ThreadingHTTPServer(('127.0.0.1', 0), H)
c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
c.load_cert_chain('server.pem', 'server.key')
c.load_verify_locations('ca.pem')
c.verify_mode = ssl.CERT_REQUIRED
s.socket = c.wrap_socket(s.socket, server_side=True)
open('port', 'w').write(str(s.server_address[1]))
s.serve_forever()
";

#[test]
fn a_client_certificate_of_version_1_is_shown_to_the_cluster() {
    let python = Path::new("/usr/bin/python3");
    if crate::support::find("openssl").is_none() || !python.is_file() {
        skip("it takes openssl and the system's python3");
        return;
    }
    let home = Home::new();
    let openssl = |arguments: &str| {
        let made = answer(home.command("openssl", &home.path("")).args(arguments.split(' ')));
        assert_eq!(made.code, 0, "{arguments}: {}", made.stderr);
    };
    home.write("names", "subjectAltName=IP:127.0.0.1\n");
    openssl("req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ca -keyout ca.key -out ca.pem");
    openssl("req -newkey rsa:2048 -nodes -subj /CN=server -keyout server.key -out server.csr");
    openssl(
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.pem",
    );
    openssl("req -newkey rsa:2048 -nodes -subj /CN=me -keyout me.key -out me.csr");
    let made = "x509 -req -in me.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out me.pem";
    openssl(made);
    let shown =
        answer(home.command("openssl", &home.path("")).args(["x509", "-noout", "-text", "-in", "me.pem"]));
    if !shown.stdout.contains("Version: 1") {
        openssl(&made.replace("x509 -req", "x509 -x509v1 -req"));
    }
    let mut server = Command::new(python);
    server.args(["-c", SERVER]).current_dir(home.path("")).stdout(Stdio::null()).stderr(Stdio::null());
    let mut server = server.spawn().unwrap();
    for _ in 0..200 {
        if home.path("port").exists() && !home.read("port").is_empty() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(25));
    }
    let port = home.read("port");
    home.write(
        ".kube/config",
        &format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: rw-ctx\nclusters:\n- name: c\n  cluster: {{server: \"https://127.0.0.1:{port}\", certificate-authority: ../ca.pem}}\n\
             users:\n- name: u\n  user: {{client-certificate: ../me.pem, client-key: ../me.key}}\ncontexts:\n- name: rw-ctx\n  context: {{cluster: c, user: u}}\n"
        ),
    );
    let told = home.rwenv("rw", &["flux", "status"]);
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(!told.stderr.contains("X.509") && !told.stderr.contains("credentials"), "{told:?}");
    let seen = home.read("seen");
    assert!(seen.contains("'me'") && seen.contains("version 1"), "{seen}: {told:?}");
}

/// Sessions are not sent through a guard that has nothing to show the cluster, and the doctor says so.
#[test]
fn a_session_keeps_its_pin_where_the_guard_has_no_credentials() {
    let it = Setting::new();
    let home = &it.home;
    let config = "apiVersion: v1\nkind: Config\ncurrent-context: ro-ctx\nclusters:\n- {name: c, cluster: {server: \"https://127.0.0.1:9\"}}\n\
                  users:\n- {name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: no-such-plugin, interactiveMode: Never}}}\n\
                  contexts:\n- {name: ro-ctx, context: {cluster: c, user: u}}\n";
    home.write(".kube/config", config);
    it.start();
    let file = home.path(".claude/rwenv/guard/ro.yaml");
    it.until("there is a kubeconfig", || file.exists());
    let start = |name: &str| {
        let mut command = home.command(crate::support::hook(), &home.path("ro"));
        let event = serde_json::json!({ "session_id": name, "cwd": home.path("ro"), "hook_event_name": "SessionStart" });
        let variables = home.path(&format!("{name}.env"));
        let said =
            answer(command.arg("claude").env("CLAUDE_ENV_FILE", &variables).write_stdin(event.to_string()));
        std::fs::read_to_string(variables).unwrap_or_default() + &said.stdout
    };
    assert!(start("before").contains("guard/ro.yaml"));
    let mut kubectl = home.command("kubectl", &home.path(""));
    let asked = answer(kubectl.arg("--kubeconfig").arg(&file).args(["get", "--raw", "/version"]));
    assert!(asked.code != 0, "{asked:?}");
    let after = start("after");
    assert!(after.contains("kube/ro.yaml") && after.contains("no-such-plugin"), "{after}");
    let doctor = home.rwenv("ro", &["doctor", "--json"]).stdout;
    assert!(doctor.contains("does not answer through the API guard"), "{doctor}");
}
