//! Reading a remote for a session: git inside speaks to the remote's own `upload-pack`, which only reads. What is ours is the way there, with the
//! person's credentials: their ssh, or git's helper for HTTP. Nothing that comes from inside reaches either but the bytes of that conversation.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::call::{Frame, UPLOAD_PACK, pour, write_frame};
use super::mirror::{git, quoted, ssh};
use super::packet::{self, Packet};
use super::remote::{Carrier, carrier};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::process;

/// Exit status of git's where a remote cannot be spoken to.
const FAILED: u8 = 128;

/// The session's end of a connection, shared by what writes to it.
pub(super) type ToSession = Arc<Mutex<UnixStream>>;

/// Sends a frame to the session.
pub(super) fn send(to: &ToSession, frame: &Frame) -> io::Result<()> {
    write_frame(&mut *to.lock().unwrap_or_else(PoisonError::into_inner), frame)
}

/// What is written to it arrives at git inside.
struct Framed<'a>(&'a ToSession);

impl Write for Framed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        send(self.0, &Frame::Data(bytes.to_vec())).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Hands on a conversation with `upload-pack` until one of the two ends it; gives the exit status.
///
/// # Errors
/// Where the way there cannot be started.
pub(super) fn serve(
    (stream, to): (UnixStream, &ToSession),
    (url, protocol): (&str, &str),
    (dir, environment): (&Path, &Environment),
) -> io::Result<u8> {
    let resolved = git(dir, environment)?.args(["ls-remote", "--get-url", url]).output()?;
    let resolved = String::from_utf8_lossy(&resolved.stdout).trim_end().to_owned();
    match carrier(&resolved) {
        Some(Carrier::Ssh { host, port, path }) => {
            let mut command = Command::new("/bin/sh");
            command.arg("-c").arg(format!("{} \"$@\"", ssh(dir, environment))).arg("ssh");
            if !protocol.is_empty() {
                command.args(["-o", "SendEnv=GIT_PROTOCOL"]).env("GIT_PROTOCOL", protocol);
            }
            command.args(port.iter().flat_map(|port| ["-p", port]));
            command.arg(host).arg(format!("{UPLOAD_PACK} {}", quoted(&path)));
            let child = started(command.current_dir(dir))?;
            hand_on(child, (stream, to), pour, |from, to| pour(from, &mut Framed(to)))
        }
        Some(Carrier::Http(scheme)) => {
            let mut command = git(dir, environment)?;
            command.args(["-c", "protocol.version=2", &format!("remote-{scheme}"), &resolved, &resolved]);
            let mut child = started(&mut command)?;
            if let Some(why) = agree(&mut child)? {
                send(to, &Frame::Told(why.into_bytes()))?;
                process::kill(&mut child);
                return Ok(FAILED);
            }
            hand_on(child, (stream, to), requests, answers)
        }
        None => {
            send(to, &Frame::Told(format!("rwenv: the git broker cannot reach {resolved}\n").into_bytes()))?;
            Ok(FAILED)
        }
    }
}

fn started(command: &mut Command) -> io::Result<Child> {
    command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
}

/// Has git's helper open the service, request by request (gitremote-helpers(7), `stateless-connect`); says why not where it does not.
fn agree(child: &mut Child) -> io::Result<Option<String>> {
    let (Some(to), Some(from)) = (child.stdin.as_mut(), child.stdout.as_mut()) else {
        return Err(io::Error::other("git's helper has no pipes"));
    };
    to.write_all(b"capabilities\n")?;
    to.flush()?;
    loop {
        match line(from)?.as_deref() {
            Some("") => break,
            Some(_) => {}
            None => return Ok(Some(said(child))),
        }
    }
    let (Some(to), Some(from)) = (child.stdin.as_mut(), child.stdout.as_mut()) else { return Ok(None) };
    to.write_all(format!("stateless-connect {UPLOAD_PACK}\n").as_bytes())?;
    to.flush()?;
    match line(from)?.as_deref() {
        Some("") => Ok(None),
        Some(_) => Ok(Some(
            "rwenv: the remote does not speak version 2 of git's protocol, which the git broker needs over HTTP; name its ssh URL instead: \
             rwenv run --remote URL\n"
                .to_owned(),
        )),
        None => Ok(Some(said(child))),
    }
}

/// What a helper that has ended said.
fn said(child: &mut Child) -> String {
    let mut text = String::new();
    let _ = child.stderr.take().map(|err| err.take(1 << 16).read_to_string(&mut text));
    text
}

/// A line, byte by byte: what is behind it belongs to others.
fn line(from: &mut impl Read) -> io::Result<Option<String>> {
    let (mut text, mut byte) = (Vec::new(), [0]);
    while text.len() < 1 << 12 {
        if from.read(&mut byte)? == 0 {
            return Ok(None);
        }
        if byte == *b"\n" {
            return Ok(Some(String::from_utf8_lossy(&text).into_owned()));
        }
        text.extend(byte);
    }
    Err(io::Error::other("git's helper says too much"))
}

/// Whole requests, one after another. An empty one is a goodbye.
fn requests(from: &mut UnixStream, to: &mut impl Write) -> io::Result<()> {
    let mut first = true;
    while let Some(packet) = packet::read(from)? {
        if first && packet == Packet::Flush {
            return Ok(());
        }
        first = packet == Packet::Flush;
        to.write_all(&packet::bytes(&packet))?;
        if first {
            to.flush()?;
        }
    }
    Ok(())
}

/// Answers, without the packets that tell where each ends: git inside speaks over a connection that stays.
fn answers(from: &mut impl Read, to: &ToSession) -> io::Result<()> {
    while let Some(packet) = packet::read(from)? {
        if packet != Packet::ResponseEnd {
            send(to, &Frame::Data(packet::bytes(&packet)))?;
        }
    }
    Ok(())
}

/// Hands on what goes to a program, what comes from it, and what it says.
fn hand_on<F, T>(
    mut child: Child,
    (mut stream, to): (UnixStream, &ToSession),
    forth: F,
    back: T,
) -> io::Result<u8>
where
    F: FnOnce(&mut UnixStream, &mut std::process::ChildStdin) -> io::Result<()> + Send + 'static,
    T: FnOnce(&mut std::process::ChildStdout, &ToSession) -> io::Result<()>,
{
    let (Some(mut stdin), Some(mut stdout), Some(mut stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(io::Error::other("a program has no pipes"));
    };
    // It ends with the connection, or with the pipe.
    thread::spawn(move || forth(&mut stream, &mut stdin));
    let told = Arc::clone(to);
    let tells = thread::spawn(move || {
        let mut bytes = vec![0; 1 << 12];
        while let Some(part) = stderr.read(&mut bytes).ok().and_then(|read| bytes.get(..read)) {
            if part.is_empty() || send(&told, &Frame::Told(part.to_vec())).is_err() {
                return;
            }
        }
    });
    if back(&mut stdout, to).is_err() {
        // Nobody listens any more.
        process::kill(&mut child);
    }
    let status = child.wait()?;
    let _ = tells.join();
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(FAILED))
}
