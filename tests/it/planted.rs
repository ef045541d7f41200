//! Secrets in every place where people leave them, and what only looks like one: found, or not, and the same at every door.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rwenv_core::manifest::{Finding, Level, secrets_of_file};
use serde::Deserialize;

use crate::support::Home;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plants {
    secret: Vec<Secret>,
    plain: Vec<Plain>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Secret {
    place: String,
    file: String,
    text: String,
    /// The finding may stand on another line.
    #[serde(default)]
    loose: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plain {
    file: String,
    text: String,
    /// Another file that has to be there.
    #[serde(default)]
    beside: Option<String>,
}

/// Made-up values: from a machine, from a person, with signs, with a word in it that means nothing.
const VALUES: [&str; 5] = [
    "Vq7kdPm2xRt9",
    "9fK2mQ7xW4tR8vB3nL6pZ1cD",
    "hunter2prod",
    "JoLoaeTOdoe5c3",
    "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed",
];

fn plants() -> Plants {
    toml::from_str(include_str!("../fixtures/planted.toml")).unwrap()
}

/// A text with a value in it, and the line on which it stands.
fn filled(text: &str, value: &str) -> (String, u32) {
    let base64 = |text: &str| STANDARD.encode(text);
    let before =
        ["{value}", "{base64}", "{login}", "{inner:"].iter().filter_map(|mark| text.find(mark)).min();
    let line = text[..before.unwrap()].matches('\n').count() + 1;
    let fill = |text: &str| {
        text.replace("{value}", value)
            .replace("{base64}", &base64(value))
            .replace("{login}", &base64(&format!("bot:{value}")))
    };
    let filled = match text.split_once("{inner:") {
        Some((before, rest)) => {
            let (inner, after) = rest.rsplit_once('}').unwrap();
            format!("{}{}{after}", fill(before), base64(&fill(inner)))
        }
        None => fill(text),
    };
    (filled, u32::try_from(line).unwrap())
}

fn errors(path: &str, text: &str) -> Vec<Finding> {
    let found = secrets_of_file(path, text.as_bytes()).into_iter();
    found.filter(|finding| finding.level == Level::Error).collect()
}

#[test]
fn secrets_are_found_wherever_they_stand() {
    let plants = plants();
    let mut missed = Vec::new();
    for secret in &plants.secret {
        for value in VALUES {
            let (text, line) = filled(&secret.text, value);
            let found = errors(&secret.file, &text);
            let right = |f: &Finding| f.rule.starts_with("secret.") && (secret.loose || f.line == line);
            if !found.iter().any(right) {
                missed.push(format!(
                    "{} ({value}): {:?}",
                    secret.place,
                    found.iter().map(|f| f.line).collect::<Vec<_>>()
                ));
            }
            assert!(found.iter().all(|f| !f.message.contains(value)), "{} tells it: {found:?}", secret.place);
        }
    }
    let all = plants.secret.len() * VALUES.len();
    assert!(missed.is_empty(), "{} of {all}:\n{}", missed.len(), missed.join("\n"));
    assert!(plants.secret.len() >= 40 && all >= 200, "{all} secrets in {} places", plants.secret.len());
}

#[test]
fn what_only_looks_like_a_secret_is_none() {
    let home = Home::empty();
    for (number, plain) in plants().plain.iter().enumerate() {
        for path in plain.beside.iter().chain([&plain.file]) {
            home.write(
                &format!("r/{number}/{path}"),
                if *path == plain.file { &plain.text } else { "name: x\n" },
            );
        }
    }
    let told = home.rwenv("r", &["lint", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
    let secrets: Vec<_> = json["findings"].as_array().unwrap().iter().collect();
    let secrets: Vec<_> =
        secrets.iter().filter(|f| f["rule"].as_str().unwrap().starts_with("secret.")).collect();
    assert!(secrets.is_empty(), "{secrets:#?}");
}

/// What a way to check finds of secrets: the rules by file and line.
fn seen(home: &Home, arguments: &[&str]) -> BTreeMap<String, BTreeSet<(u64, String)>> {
    let told = home.rwenv("r", &[&["lint", "--json"], arguments].concat());
    let json: serde_json::Value = serde_json::from_str(&told.stdout).map_err(|_| &told).unwrap();
    let mut all: BTreeMap<String, BTreeSet<(u64, String)>> = BTreeMap::new();
    for finding in json["findings"].as_array().unwrap() {
        let rule = finding["rule"].as_str().unwrap();
        if rule.starts_with("secret.") {
            let place = (finding["line"].as_u64().unwrap(), rule.to_owned());
            all.entry(finding["path"].as_str().unwrap().to_owned()).or_default().insert(place);
        }
    }
    all
}

#[test]
fn a_folder_the_index_and_a_range_agree() {
    let home = Home::empty();
    home.write("r/README.md", "a\n");
    home.git("r", &["init", "-q", "-b", "main"]);
    home.git("r", &["add", "-A"]);
    home.git("r", &["commit", "-qm", "first"]);
    for (number, secret) in plants().secret.iter().enumerate() {
        let (text, _) = filled(&secret.text, VALUES[number % VALUES.len()]);
        home.write(&format!("r/{number}/{}", secret.file), &text);
    }
    for (number, plain) in plants().plain.iter().enumerate() {
        for path in plain.beside.iter().chain([&plain.file]) {
            let text = if *path == plain.file { plain.text.as_str() } else { "name: x\n" };
            home.write(&format!("r/plain-{number}/{path}"), text);
        }
    }
    let folder = seen(&home, &[]);
    assert!(folder.len() >= 40, "{}", folder.len());
    home.git("r", &["add", "-A", "-f"]);
    let staged = seen(&home, &["--staged"]);
    assert_eq!(folder, staged);
    home.git("r", &["commit", "-qm", "second", "--no-verify"]);
    assert_eq!(folder, seen(&home, &["--range", "HEAD~1..HEAD"]));
    // What was there before is not told again, in files that are not YAML either.
    for path in [".env", "prod.env", "settings.json"] {
        let number = plants().secret.iter().position(|secret| secret.file.ends_with(path)).unwrap();
        let file = &plants().secret[number].file;
        let old = std::fs::read_to_string(home.path(&format!("r/{number}/{file}"))).unwrap();
        home.write(&format!("r/{number}/{file}"), &format!("\n{old}"));
    }
    home.git("r", &["add", "-A", "-f"]);
    assert_eq!(seen(&home, &["--staged"]), BTreeMap::new());
    home.git("r", &["commit", "-qm", "third", "--no-verify"]);
    assert_eq!(seen(&home, &["--range", "HEAD~1..HEAD"]), BTreeMap::new());
}
