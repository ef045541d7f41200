//! A model that stands on loopback: it speaks each agent's wire, asks for the calls of a script, and keeps what it is told of each.
//!
//! A script is found by the words `RUN NAME` in what the user says, so a sub-agent plays a script of its own. Where it stands follows from the
//! messages alone: a request that is sent twice is answered twice alike.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::wires::{self, Said, Wire};
use crate::http::{chunks, exactly};

/// A tool that is asked for, and what it is given.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ToolCall {
    pub(crate) tool: String,
    pub(crate) input: Value,
}

/// Calls that are asked for one after another; those of one step at once.
pub(crate) type Script = Vec<Vec<ToolCall>>;

/// What the model has heard.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// What came back of a call, by script, step and place in the step.
    pub(crate) results: BTreeMap<(String, usize, usize), String>,
    /// The first request of each script: what the model reads before it asks for anything.
    pub(crate) first: BTreeMap<String, String>,
    /// Names of the tools that were offered.
    pub(crate) tools: BTreeSet<String>,
    /// Paths that no wire has.
    pub(crate) strange: BTreeSet<String>,
}

/// The model, until the process ends.
pub(crate) struct Model {
    pub(crate) port: u16,
    pub(crate) heard: Arc<Mutex<Heard>>,
}

impl Model {
    pub(crate) fn new(scripts: BTreeMap<String, Script>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Heard::default()));
        let (scripts, kept) = (Arc::new(scripts), Arc::clone(&heard));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (scripts, heard) = (Arc::clone(&scripts), Arc::clone(&kept));
                std::thread::spawn(move || serve(stream, &scripts, &heard));
            }
        });
        Self { port, heard }
    }

    /// What came back of the calls of a step.
    pub(crate) fn results(&self, script: &str, step: usize) -> Vec<String> {
        let heard = self.heard.lock().unwrap();
        let of = |(name, at, _): &(String, usize, usize)| name == script && *at == step;
        heard.results.iter().filter(|(key, _)| of(key)).map(|(_, text)| text.clone()).collect()
    }
}

/// Answers one request and closes.
fn serve(stream: TcpStream, scripts: &BTreeMap<String, Script>, heard: &Mutex<Heard>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split_whitespace().nth(1).unwrap_or_default().to_owned();
    let (mut length, mut chunked) = (0, false);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.trim().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap_or(0),
            "transfer-encoding" => chunked = true,
            _ => {}
        }
    }
    let body = if chunked { chunks(&mut reader)? } else { exactly(&mut reader, length)? };
    let (kind, text) = reply(&path, &String::from_utf8_lossy(&body), scripts, heard);
    let (status, text) = text.map_or(("404 Not Found", "{}".to_owned()), |text| ("200 OK", text));
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{text}",
        text.len()
    )
}

/// The kind of the answer, and the answer; none for what no wire asks.
fn reply(
    path: &str,
    body: &str,
    scripts: &BTreeMap<String, Script>,
    heard: &Mutex<Heard>,
) -> (&'static str, Option<String>) {
    let json = "application/json";
    if let Some(text) = wires::besides(path) {
        return (json, Some(text.to_owned()));
    }
    let (Some(wire), Ok(request)) = (Wire::of(path), serde_json::from_str::<Value>(body)) else {
        heard.lock().unwrap().strange.insert(path.to_owned());
        return (json, None);
    };
    let asked = wire.read(&request);
    let script = asked.script.as_ref().and_then(|name| Some((name, scripts.get(name)?)));
    let said = match script.filter(|_| asked.plays) {
        Some((name, script)) => {
            let mut heard = heard.lock().unwrap();
            heard.first.entry(name.clone()).or_insert_with(|| body.to_owned());
            heard.tools.extend(asked.tools);
            let results = asked.results.into_iter();
            heard.results.extend(results.map(|((step, at), text)| ((name.clone(), step, at), text)));
            match script.get(asked.step) {
                Some(calls) => Said::Calls(asked.step, calls, name),
                None => Said::Text("All of it is done."),
            }
        }
        None if wire.wants_json(&request) => Said::Text("{}"),
        None => Said::Text("Nothing to do."),
    };
    let streams = wire.streams(path, &request);
    (if streams { "text/event-stream" } else { json }, Some(wire.say(said, streams)))
}
