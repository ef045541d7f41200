//! The side of the broker that is inside: what stands in ssh's place for git, and in that of git's helper for HTTP.

use std::ffi::OsString;
use std::io::{self, BufRead as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use super::call::{self, BrokerCall, Frame};
use rwenv_gate::base::environment::var;

/// The first word behind `rwenv confined` for git's ssh.
pub(super) const SSH: &str = "git-ssh";
/// The same for git's helper.
pub(super) const HELPER: &str = "git-helper";
/// Exit status of git's where something cannot be done.
const FAILED: u8 = 128;

/// Runs what git inside has started: `git-ssh SOCKET ARGUMENTS…`, or `git-helper SOCKET REAL REMOTE URL`; none where it is something else.
#[must_use]
pub fn main(words: &[OsString]) -> Option<u8> {
    let text = |at: usize| words.get(at).map(|word| word.to_string_lossy().into_owned());
    let socket = text(1).unwrap_or_default();
    let done = match text(0)?.as_str() {
        SSH => {
            let rest: Vec<String> = (2..words.len()).filter_map(text).collect();
            ssh(Path::new(&socket), &rest)
        }
        HELPER => helper(Path::new(&socket), words.get(2)?, &text(3)?, &text(4)?),
        _ => return None,
    };
    Some(done.unwrap_or_else(|error| {
        tell(&format!("rwenv: the git broker of this session is not reached: {error}\n"));
        FAILED
    }))
}

fn tell(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Speaks to the broker as ssh would to a host.
fn ssh(socket: &Path, arguments: &[String]) -> io::Result<u8> {
    let Some(call) = of_ssh(arguments) else {
        tell(
            "rwenv: in this session, ssh reaches git remotes alone, by the git broker outside: git push, fetch, clone, pull and ls-remote. \
             Large files (Git LFS) and other commands on the host are not brokered; a person runs them outside of the session\n",
        );
        return Ok(FAILED);
    };
    through(socket, &call, || Ok(()))
}

/// What git asks ssh for: `[-p PORT] [-o OPTION] [-4|-6] [USER@]HOST "git-upload-pack 'PATH'"`.
fn of_ssh(arguments: &[String]) -> Option<BrokerCall> {
    let mut rest = arguments.iter().map(String::as_str);
    let (mut port, mut protocol) = (None, false);
    let host = loop {
        match rest.next()? {
            "-p" => port = rest.next(),
            "-o" => protocol |= rest.next()? == "SendEnv=GIT_PROTOCOL",
            word if word.starts_with('-') => {}
            word => break word,
        }
    };
    let command = rest.collect::<Vec<_>>().join(" ");
    let (service, path) = command.split_once(" '")?;
    let service = service.replacen("git ", "git-", 1);
    let path = path.strip_suffix('\'')?.replace("'\\''", "'").replace("'\\!'", "!");
    let colon = if path.starts_with(['/', '~']) || port.is_some() { None } else { Some(()) };
    let url = match (colon, port) {
        (Some(()), _) => format!("{host}:{path}"),
        (None, port) => {
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            format!("ssh://{host}{port}/{}", path.trim_start_matches('/'))
        }
    };
    let protocol = if protocol { var("GIT_PROTOCOL").unwrap_or_default() } else { String::new() };
    Some(BrokerCall { service, url, protocol })
}

/// Speaks git's protocol of helpers (gitremote-helpers(7)) for a remote that the broker reaches; becomes git's own helper for any other.
fn helper(socket: &Path, real: &OsString, remote: &str, url: &str) -> io::Result<u8> {
    let call = |service: &str| BrokerCall {
        service: service.to_owned(),
        url: url.to_owned(),
        protocol: String::new(),
    };
    let reached = through(socket, &call(call::IS_REACHED), || Ok(()));
    if !matches!(reached, Ok(0)) {
        return Err(Command::new(real).args([remote, url]).exec());
    }
    let mut line = String::new();
    loop {
        line.clear();
        if io::stdin().lock().read_line(&mut line)? == 0 {
            return Ok(0);
        }
        match line.trim_end() {
            "capabilities" => {
                io::stdout().write_all(b"connect\n\n")?;
                io::stdout().flush()?;
            }
            "" => return Ok(0),
            command => {
                let Some(service) = command.strip_prefix("connect ") else {
                    tell(&format!("rwenv: the git broker does not know '{}'\n", command.escape_debug()));
                    return Ok(FAILED);
                };
                return through(socket, &call(service), || {
                    io::stdout().write_all(b"\n")?;
                    io::stdout().flush()
                });
            }
        }
    }
}

/// Makes a call and hands on what goes in and comes out; `begins` before the first that comes out. Gives the exit status.
fn through(socket: &Path, call: &BrokerCall, begins: impl FnOnce() -> io::Result<()>) -> io::Result<u8> {
    let mut stream = UnixStream::connect(socket)?;
    call::write_call(&mut stream, call)?;
    let mut begins = Some(begins);
    let mut to = stream.try_clone()?;
    if call.service != call::IS_REACHED {
        std::thread::spawn(move || {
            let _ = call::pour(&mut io::stdin().lock(), &mut to);
            let _ = to.shutdown(Shutdown::Write);
        });
    }
    let mut from = io::BufReader::new(stream);
    let mut out = io::stdout();
    loop {
        match call::read_frame(&mut from)? {
            Frame::Data(bytes) => {
                begins.take().map_or(Ok(()), |begins| begins())?;
                out.write_all(&bytes)?;
                out.flush()?;
            }
            Frame::Told(bytes) => tell(&String::from_utf8_lossy(&bytes)),
            Frame::Ended(code) => return Ok(code),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(line: &str) -> Option<(String, String)> {
        let words: Vec<String> = line.split('|').map(str::to_owned).collect();
        of_ssh(&words).map(|call| (call.service, call.url))
    }

    #[test]
    fn what_git_asks_ssh_for_is_a_remote() {
        for (line, service, remote) in [
            ("git@host|git-upload-pack 'o/r.git'", "git-upload-pack", "git@host:o/r.git"),
            (
                "-o|SendEnv=GIT_PROTOCOL|git@host|git-receive-pack '/srv/r.git'",
                "git-receive-pack",
                "ssh://git@host/srv/r.git",
            ),
            (
                "-p|2222|git@host|git-receive-pack '/o/r.git'",
                "git-receive-pack",
                "ssh://git@host:2222/o/r.git",
            ),
            ("-4|host|git upload-pack '~me/r'", "git-upload-pack", "ssh://host/~me/r"),
            ("host|git-lfs-authenticate 'o/r.git' upload", "", ""),
            ("host|git-upload-pack 'it'\\''s'", "git-upload-pack", "host:it's"),
            ("host|uname -a", "", ""),
            ("host", "", ""),
        ] {
            let wanted = (!service.is_empty()).then(|| (service.to_owned(), remote.to_owned()));
            assert_eq!(url(line), wanted, "{line}");
        }
    }
}
