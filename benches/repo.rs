//! Keeping a repository, as a ratio to what git alone takes: the first clone of 20,000 files against `git clone`, and a sync
//! with nothing new against `git ls-remote`.
//!
//! `cargo bench --bench repo [-- ROUNDS]`. The other side is a server on this machine (git-daemon).
#![expect(clippy::disallowed_methods, reason = "a bench reads the clock and its arguments itself")]

mod shared;

use std::error::Error;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rwenv_core::model::{Rwenv, RwenvName};
use rwenv_flux::repos::{self, CloneWish, FluxRepository};
use rwenv_gate::base::environment::Environment;
use tempfile::TempDir;

use shared::median;

const FILES: usize = 20_000;

/// The server, ended with the bench.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let rounds = std::env::args().filter_map(|a| a.parse().ok()).next().unwrap_or(5);
    let scratch = TempDir::new()?;
    let root = scratch.path();
    origin(&root.join("large"), FILES)?;
    origin(&root.join("usual"), 300)?;
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let _server = serve(root, port)?;
    let url = |name: &str| format!("git://127.0.0.1:{port}/{name}");
    let environment = Environment { config_dir: root.join("config"), ..Environment::read() };
    let flux = |name: &str| -> Result<FluxRepository, Box<dyn Error>> {
        let mut rwenv = Rwenv::named(RwenvName::new(name)?);
        rwenv.flux_git_repo = Some(url(name));
        Ok(FluxRepository::of(&rwenv, &environment)?)
    };
    let large = flux("large")?;
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let target = root.join("clone");
        theirs.push(timed(|| git(root, &["clone", "-q", &url("large"), "clone"]))?);
        fs::remove_dir_all(target)?;
        ours.push(timed(|| {
            repos::sync(&large, CloneWish::Forward, &environment, &mut |_| {}).map(drop).map_err(Into::into)
        })?);
        repos::clean(&large, true)?;
    }
    println!("| {rounds} interleaved rounds, medians | ms | ratio |\n| --- | --- | --- |");
    row("git clone, 20,000 files", &mut theirs, 1.0);
    let base = median(&mut theirs);
    row("rwenv's first sync of the same", &mut ours, base);
    let usual = flux("usual")?;
    repos::sync(&usual, CloneWish::Forward, &environment, &mut |_| {})?;
    repos::sync(&large, CloneWish::Forward, &environment, &mut |_| {})?;
    let mut asks = Vec::new();
    let mut syncs = [Vec::new(), Vec::new()];
    for _ in 0..rounds * 20 {
        asks.push(timed(|| git(root, &["ls-remote", "-q", &url("usual")]))?);
        for (flux, times) in [&usual, &large].into_iter().zip(&mut syncs) {
            times.push(timed(|| {
                repos::sync(flux, CloneWish::Forward, &environment, &mut |_| {}).map(drop).map_err(Into::into)
            })?);
        }
    }
    row("git ls-remote", &mut asks, 1.0);
    let base = median(&mut asks);
    let [usual, large] = &mut syncs;
    row("a sync with nothing new, 300 files", usual, base);
    row("a sync with nothing new, 20,000 files", large, base);
    Ok(())
}

fn row(name: &str, times: &mut [Duration], base: f64) {
    let time = median(times);
    let ratio = if base > 1.0 { time / base } else { 1.0 };
    println!("| {name} | {:.1} | {ratio:.2} |", time / 1000.0);
}

fn timed(run: impl FnOnce() -> Result<(), Box<dyn Error>>) -> Result<Duration, Box<dyn Error>> {
    let start = Instant::now();
    run()?;
    Ok(start.elapsed())
}

fn git(dir: &Path, arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=t", "-c", "user.email=t@example.com"]).args(arguments).current_dir(dir);
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(format!("git {arguments:?}").into()) }
}

fn origin(dir: &Path, files: usize) -> Result<(), Box<dyn Error>> {
    for n in 0..files {
        let folder = dir.join(format!("apps/{}/base", n / 50));
        fs::create_dir_all(&folder)?;
        let text = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c{n}\ndata:\n  key: \"{}\"\n",
            n * 7919
        );
        fs::write(folder.join(format!("c{n}.yaml")), text)?;
    }
    git(dir, &["init", "-q", "-b", "main"])?;
    git(dir, &["add", "-A"])?;
    git(dir, &["commit", "-q", "-m", "start"])
}

fn serve(root: &Path, port: u16) -> Result<Server, Box<dyn Error>> {
    // The program itself: git would start it as a child that outlives it.
    let path = Command::new("git").arg("--exec-path").output()?.stdout;
    let mut command = Command::new(Path::new(String::from_utf8(path)?.trim()).join("git-daemon"));
    command.args(["--export-all", "--reuseaddr", "--listen=127.0.0.1", &format!("--port={port}")]);
    command.arg(format!("--base-path={}", root.display())).stdout(Stdio::null()).stderr(Stdio::null());
    let server = Server(command.spawn()?);
    for _ in 0..200 {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok(server);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Err("git daemon does not answer".into())
}
