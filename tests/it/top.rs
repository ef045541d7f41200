//! The live screen, in a terminal of its own.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::daemon::Setting;
use crate::support::{find, skip};

/// A terminal of this size in which it runs; what it shows, byte for byte.
struct Live {
    child: std::process::Child,
    shown: Arc<Mutex<Vec<u8>>>,
}

impl Live {
    fn start(it: &Setting, arguments: &str) -> Option<Self> {
        let Some(script) = find("script") else {
            skip("there is no script(1) here to make a terminal");
            return None;
        };
        let line = format!("stty rows 30 cols 110; exec {} top {arguments}", env!("CARGO_BIN_EXE_rwenv"));
        let mut command = Command::new(script);
        command
            .args(["-qec", &line, "/dev/null"])
            .env_clear()
            .env("HOME", it.home.path(""))
            .env("TERM", "xterm-256color");
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin").current_dir(it.home.path("ro"));
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let shown = Arc::new(Mutex::new(Vec::new()));
        let (kept, mut output) = (Arc::clone(&shown), child.stdout.take().unwrap());
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length @ 1..) = output.read(&mut bytes) {
                kept.lock().unwrap().extend(&bytes[..length]);
            }
        });
        Some(Self { child, shown })
    }

    fn types(&mut self, keys: &str) {
        self.child.stdin.as_mut().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    /// What stands on the screen: only what changes is written to it, so that the places count.
    fn text(&self) -> String {
        let bytes = self.shown.lock().unwrap().clone();
        let mut grid = vec![vec![' '; 110]; 30];
        let (mut row, mut column) = (0, 0);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            if c == '\u{1b}' {
                // Sequences end with a letter; those that move say where to.
                let mut sequence: String = rest.by_ref().take(1).collect();
                while sequence.starts_with('[') && !sequence.ends_with(|c: char| c.is_ascii_alphabetic()) {
                    let Some(next) = rest.next() else { break };
                    sequence.push(next);
                }
                if let Some(place) = sequence.strip_prefix('[').and_then(|s| s.strip_suffix('H')) {
                    let mut numbers = place.split(';').map(|number| number.parse().unwrap_or(1_usize));
                    row = numbers.next().unwrap_or(1) - 1;
                    column = numbers.next().unwrap_or(1) - 1;
                }
            } else if !c.is_control() {
                if let Some(cell) = grid.get_mut(row).and_then(|line| line.get_mut(column)) {
                    *cell = c;
                }
                column += 1;
            }
        }
        grid.into_iter().map(|line| line.into_iter().collect::<String>() + "\n").collect()
    }

    fn until(&self, what: &str) {
        for _ in 0..200 {
            if self.text().contains(what) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        assert!(what.is_empty(), "never shown: {what}\n{}", self.text());
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // With its terminal gone, the screen ends.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn verdicts_come_to_the_screen_and_keys_lead_to_their_details() {
    let it = Setting::new();
    it.home.hook("ro", "kubectl get pod before");
    let Some(mut live) = Live::start(&it, "") else { return };
    live.until("before");
    live.until("Environments 3");
    it.home.hook("ro", "kubectl delete pod after");
    live.until("kubectl delete pod after");
    live.types("\r");
    live.until("rwenv audit wrong 2");
    live.types("\u{1b}");
    std::thread::sleep(Duration::from_millis(600));
    live.types("1\r");
    live.until("rwenv flux status --cluster ro");
    live.types("q");
    std::thread::sleep(Duration::from_millis(600));
    live.types("q");
    let ended = (0..100).find_map(|_| {
        std::thread::sleep(Duration::from_millis(50));
        live.child.try_wait().unwrap()
    });
    assert!(ended.is_some_and(|status| status.success()), "{}", live.text());
    let bytes = live.shown.lock().unwrap().clone();
    let raw = String::from_utf8_lossy(&bytes).into_owned();
    assert!(raw.contains("\u{1b}[?1049h") && raw.contains("\u{1b}[?1049l"), "the screen before comes back");
}

#[test]
fn without_a_terminal_it_prints_the_screen_once() {
    let it = Setting::new();
    it.home.hook("ro", "kubectl delete pod web-0");
    it.home.hook("rw", "kubectl get pod other");
    let once = it.home.rwenv("ro", &["top", "--once", "--env", "ro"]);
    assert_eq!(once.code, 0, "{}", once.stderr);
    for word in ["ro", "read-only", "denied", "kubectl delete pod web-0", "Grants 0"] {
        assert!(once.stdout.contains(word), "{word}: {}", once.stdout);
    }
    assert!(!once.stdout.contains("pod other") && !once.stdout.contains('\u{1b}'), "{}", once.stdout);
    let live = it.home.rwenv("ro", &["top"]);
    assert!(live.code == 1 && live.stderr.contains("needs a terminal"), "{}", live.stderr);
}
