//! Taking a push from a session: the side of git's protocol that receives (gitprotocol-pack(5)). git inside sees the remote's refs and sends commands
//! and a pack; both are taken in beside the broker's mirror, judged as pre-push judges, and pushed by the person's git. What it says of each ref is
//! what git inside is told.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::os::unix::net::UnixStream;

use super::call::Frame;
use super::desk::BrokerDesk;
use super::mirror::{Mirror, Quarantine, WantedUpdate};
use super::packet::{self, Packet};
use super::reading::{ToSession, send};
use rwenv_gate::base::redact::redact;
use rwenv_gate::doors::push::brokered::{self, BrokeredPush};

/// Most refs of a push.
const MOST: usize = 2000;
/// Most push options, and the longest in bytes.
const OPTIONS: (usize, usize) = (64, 4096);
/// Name of no object.
const ZERO: &str = "0000000000000000000000000000000000000000";
/// What is understood of the protocol.
const CAPABILITIES: &str = "report-status delete-refs side-band-64k quiet atomic ofs-delta push-options object-format=sha1 agent=rwenv";

/// What a session wants pushed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct WantedPush {
    updates: Vec<WantedUpdate>,
    side_band: bool,
    atomic: bool,
    options: Vec<String>,
}

/// Takes a push; gives the exit status.
///
/// # Errors
/// Where the session is gone, or does not speak the protocol.
pub(super) fn serve(
    (mut stream, to): (UnixStream, &ToSession),
    url: &str,
    desk: &BrokerDesk,
) -> io::Result<u8> {
    let mirror = Mirror::of(url, &desk.environment)?;
    mirror.refresh().map_err(|error| io::Error::other(format!("{url} cannot be read: {error}")))?;
    let refs = mirror.refs()?;
    send(to, &Frame::Data(advertisement(&refs)))?;
    let wanted = read(&mut stream)?;
    if wanted.updates.is_empty() {
        return Ok(0);
    }
    let sends = wanted.updates.iter().any(|update| !update.deletes());
    let pack = if sends { Some(stream) } else { None };
    let (mut told, taken) = match Quarantine::take(&mirror, pack) {
        Ok(waiting) => {
            let (told, results) = decided(&waiting, &mirror, &wanted, &refs, desk);
            (told, Ok(results))
        }
        Err(why) => (String::new(), Err(why.to_string())),
    };
    if !told.is_empty() && !told.ends_with('\n') {
        told.push('\n');
    }
    answer(to, &wanted, &told, &taken)?;
    Ok(0)
}

/// The remote's refs, and what is understood.
fn advertisement(refs: &[(String, String)]) -> Vec<u8> {
    let mut all = Vec::new();
    let mut capabilities = format!("\0{CAPABILITIES}");
    let none = [(ZERO.to_owned(), "capabilities^{}".to_owned())];
    for (object, name) in if refs.is_empty() { &none[..] } else { refs } {
        all.extend(packet::line(&format!("{object} {name}{capabilities}\n")));
        capabilities.clear();
    }
    all.extend(packet::bytes(&Packet::Flush));
    all
}

/// Reads commands and push options; what follows is the pack.
fn read(stream: &mut UnixStream) -> io::Result<WantedPush> {
    let mut wanted = WantedPush::default();
    let mut has_options = false;
    let text =
        |bytes: Vec<u8>| String::from_utf8(bytes).map_err(|_| io::Error::other("a ref's name is not text"));
    // No packet at all: git had nothing to send.
    while let Some(Packet::Data(bytes)) = packet::read(stream)? {
        let line = text(bytes)?;
        let (command, capabilities) = line.split_once('\0').unwrap_or((&line, ""));
        for word in capabilities.split_whitespace() {
            wanted.side_band |= word == "side-band-64k";
            wanted.atomic |= word == "atomic";
            has_options |= word == "push-options";
        }
        // What a shallow clone says of its history: the mirror has all of it.
        if command.starts_with("shallow ") {
            continue;
        }
        wanted.updates.push(update(command.trim_end())?);
        if wanted.updates.len() > MOST {
            return Err(io::Error::other(format!("a push of more than {MOST} refs is not brokered")));
        }
    }
    while has_options && let Some(Packet::Data(bytes)) = packet::read(stream)? {
        let option = text(bytes)?.trim_end_matches('\n').to_owned();
        if wanted.options.len() >= OPTIONS.0 || option.len() > OPTIONS.1 || option.contains(char::is_control)
        {
            return Err(io::Error::other("these push options are not brokered"));
        }
        wanted.options.push(option);
    }
    Ok(wanted)
}

fn update(command: &str) -> io::Result<WantedUpdate> {
    let mut words = command.splitn(3, ' ');
    let (Some(old), Some(new), Some(name)) = (words.next(), words.next(), words.next()) else {
        return Err(io::Error::other("this is not a command of a push"));
    };
    let is_object = |name: &str| {
        name.len() == ZERO.len()
            && name.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    if !is_object(old) || !is_object(new) || !is_ref(name) {
        return Err(io::Error::other(format!("'{}' cannot be pushed", name.escape_debug())));
    }
    Ok(WantedUpdate { old: old.to_owned(), new: new.to_owned(), name: name.to_owned() })
}

/// True for the whole name of a ref (git-check-ref-format(1)).
fn is_ref(name: &str) -> bool {
    let part = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    let mut parts = name.split('/');
    parts.next() == Some("refs")
        && name.len() < 1000
        && name.matches('/').count() >= 2
        && parts.all(part)
        && !name.ends_with('.')
        && !name.contains("..")
        && !name.contains("@{")
        && !name.contains([' ', '~', '^', ':', '?', '*', '[', '\\', '\x7f'])
        && !name.contains(char::is_control)
}

/// What became of each ref: nothing where it was changed, else why not.
type Results = BTreeMap<String, Option<String>>;

/// Judges what was sent, and pushes it.
fn decided(
    waiting: &Quarantine<'_>,
    mirror: &Mirror,
    wanted: &WantedPush,
    refs: &[(String, String)],
    desk: &BrokerDesk,
) -> (String, Results) {
    let none = |why: &str| -> Results {
        wanted.updates.iter().map(|update| (update.name.clone(), Some(why.to_owned()))).collect()
    };
    let line =
        |update: &WantedUpdate| format!("{} {} {} {}\n", update.name, update.new, update.name, update.old);
    let stdin: String = wanted.updates.iter().map(line).collect();
    let known: Vec<String> = refs.iter().map(|(object, _)| object.clone()).collect();
    let judged = || -> Result<_, String> {
        let repository = waiting.repository().map_err(|error| error.to_string())?;
        let url = mirror.pushed_to().map_err(|error| error.to_string())?;
        let push = BrokeredPush {
            repository: &repository,
            mirror: &mirror.path,
            url: &url,
            stdin: &stdin,
            known: &known,
            session: &desk.session,
        };
        brokered::judge(push, &desk.environment)
    };
    let (permit, warnings) = match judged() {
        Ok(permitted) => permitted,
        Err(why) => return (desk.about_project(&mirror.path, &why), none("denied by rwenv")),
    };
    match waiting.push(&wanted.updates, (wanted.atomic, &wanted.options), permit) {
        Ok(said) => {
            let (told, results) = pushed(&said.stdout, &said.stderr, wanted);
            (warnings + &told, results)
        }
        Err(why) => (format!("{warnings}rwenv: {why}"), none("not pushed")),
    }
}

/// What the person's git says of a push, as the remote would: its lines for people, and what became of each ref (git-push(1), `--porcelain`).
fn pushed(stdout: &str, stderr: &str, wanted: &WantedPush) -> (String, Results) {
    let mut results = Results::new();
    for line in stdout.lines() {
        let mut fields = line.split('\t');
        let (Some(flag), Some(refs), Some(said)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        let Some((_, name)) = refs.split_once(':') else { continue };
        let why = said.rsplit_once('(').map_or(said, |(_, why)| why.trim_end_matches(')'));
        // The lease: the ref is not where the session saw it.
        let why = if why == "stale info" { "fetch first" } else { why };
        results.insert(name.to_owned(), (flag == "!").then(|| why.to_owned()));
    }
    let of_remote = stderr
        .lines()
        .filter_map(|line| line.strip_prefix("remote: ").or_else(|| line.strip_prefix("remote:")));
    let mut told: Vec<&str> = of_remote.map(|line| line.trim_end_matches("\u{1b}[K").trim_end()).collect();
    if results.is_empty() {
        let why = |line: &&str| !line.starts_with("remote:") && !line.trim().is_empty();
        told.extend(stderr.lines().filter(why));
    }
    for update in &wanted.updates {
        results.entry(update.name.clone()).or_insert_with(|| Some("the remote was not reached".to_owned()));
    }
    (redact(&told.join("\n")), results)
}

/// Tells git inside what became of it.
fn answer(
    to: &ToSession,
    wanted: &WantedPush,
    told: &str,
    taken: &Result<Results, String>,
) -> io::Result<()> {
    let mut report = Vec::new();
    match taken {
        Ok(results) => {
            report.extend(packet::line("unpack ok\n"));
            for (name, why) in results {
                let line = why.as_ref().map_or(format!("ok {name}\n"), |why| format!("ng {name} {why}\n"));
                report.extend(packet::line(&line));
            }
        }
        Err(why) => {
            report.extend(packet::line(&format!("unpack {}\n", why.replace('\n', " "))));
            for update in &wanted.updates {
                report.extend(packet::line(&format!("ng {} unpacker error\n", update.name)));
            }
        }
    }
    report.extend(packet::bytes(&Packet::Flush));
    let mut out = Vec::new();
    if wanted.side_band {
        packet::on_band(&mut out, 2, told.as_bytes())?;
        packet::on_band(&mut out, 1, &report)?;
        out.write_all(&packet::bytes(&Packet::Flush))?;
    } else {
        send(to, &Frame::Told(told.as_bytes().to_vec()))?;
        out = report;
    }
    send(to, &Frame::Data(out))
}

#[cfg(test)]
mod tests {
    use super::super::mirror::is_zero;
    use super::*;

    #[test]
    fn commands_are_what_git_sends_and_nothing_else() {
        let one = "1".repeat(40);
        let good = update(&format!("{ZERO} {one} refs/heads/a")).unwrap();
        assert!(is_zero(&good.old) && !good.deletes() && good.name == "refs/heads/a");
        for name in [
            "HEAD",
            "refs/heads",
            "refs/heads/",
            "refs/heads/a b",
            "refs/heads/a:b",
            "refs/heads/../x",
            "refs/heads/a..b",
            "refs/heads/.a",
            "refs/heads/a.lock",
            "refs/heads/a*",
            "heads/x/y",
            "refs/heads/a\u{7}",
            "refs//heads/a",
            "refs/heads/a@{1}",
            "--all",
            "refs/heads/a.",
        ] {
            assert!(update(&format!("{ZERO} {one} {name}")).is_err(), "{name}");
        }
        for line in ["", "x", &format!("{ZERO} {} refs/heads/a", "G".repeat(40)), &format!("{ZERO} {one}")] {
            assert!(update(line).is_err(), "{line}");
        }
    }

    #[test]
    fn what_git_says_of_a_push_is_told_ref_by_ref() {
        let wanted = WantedPush {
            updates: ["refs/heads/a", "refs/heads/b", "refs/heads/c"]
                .map(|name| WantedUpdate { old: ZERO.into(), new: "1".repeat(40), name: name.into() })
                .to_vec(),
            ..WantedPush::default()
        };
        let stdout = "To host\n*\t111:refs/heads/a\t[new branch]\n!\t111:refs/heads/b\t[rejected] (stale info)\nDone\n";
        let stderr = "remote: look at https://host/pr        \nremote:\nerror: failed to push\n";
        let (told, results) = pushed(stdout, stderr, &wanted);
        assert_eq!(told, "look at https://host/pr\n");
        assert_eq!(results["refs/heads/a"], None);
        assert_eq!(results["refs/heads/b"].as_deref(), Some("fetch first"));
        assert_eq!(results["refs/heads/c"].as_deref(), Some("the remote was not reached"));
    }
}
