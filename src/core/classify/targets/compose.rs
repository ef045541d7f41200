//! Compose files, read as far as it takes to know which images run with which words: each service comes to the `docker run` that it is
//! like, and that is judged as one.

use super::read::plain;
use crate::model::Word;

/// Verbs that start services.
const STARTS: [&str; 6] = ["up", "run", "start", "create", "restart", "watch"];
/// Options of these verbs with a value.
const VALUES: [&str; 14] = [
    "-e",
    "--env",
    "--name",
    "-p",
    "--publish",
    "-u",
    "--user",
    "-v",
    "--volume",
    "-w",
    "--workdir",
    "--scale",
    "-t",
    "--timeout",
];

/// A service, as far as it is read.
#[derive(Default)]
struct ComposeService {
    name: String,
    image: String,
    command: Vec<String>,
    entrypoint: Vec<String>,
    volumes: Vec<String>,
}

impl ComposeService {
    /// The call that it is like; `given` are words in the place of its own.
    fn line(&self, given: &[String]) -> Option<String> {
        (!self.image.is_empty()).then(|| {
            let volumes = self.volumes.iter().flat_map(|volume| ["-v".to_owned(), quoted(volume)]);
            let (program, rest) = self.entrypoint.split_first().unzip();
            let program = program.map(|program| format!("--entrypoint={}", quoted(program)));
            let own = if given.is_empty() { &self.command } else { given };
            let words = rest.into_iter().flatten().chain(own).map(|word| quoted(word));
            let head = ["docker".to_owned(), "run".to_owned()].into_iter();
            let all = head.chain(volumes).chain(program).chain([quoted(&self.image)]).chain(words);
            all.collect::<Vec<_>>().join(" ")
        })
    }
}

/// The lines that the services come to that a call of compose starts.
pub(super) fn expand(text: &str, wanted: &[Word]) -> Vec<String> {
    let mut words = wanted.iter().map(|word| word.as_literal().unwrap_or("…").to_owned());
    let verb = words.next().unwrap_or_default();
    if !STARTS.contains(&verb.as_str()) {
        return Vec::new();
    }
    let mut names = Vec::new();
    while let Some(word) = words.next() {
        if VALUES.contains(&word.as_str()) {
            words.next();
        } else if !word.starts_with('-') {
            names.push(word);
            if verb == "run" {
                break;
            }
        }
    }
    let given: Vec<String> = if verb == "run" { words.collect() } else { Vec::new() };
    let asked = |service: &&ComposeService| names.is_empty() || names.contains(&service.name);
    let services = read(text);
    services.iter().filter(asked).filter_map(|service| service.line(&given)).collect()
}

/// The services of a file, by its indentation.
fn read(text: &str) -> Vec<ComposeService> {
    let mut all: Vec<ComposeService> = Vec::new();
    let (mut inside, mut depth, mut key) = (false, None, String::new());
    for line in text.lines() {
        let (bare, indent) = (line.trim(), line.len() - line.trim_start().len());
        if bare.is_empty() || bare.starts_with('#') {
            continue;
        }
        if indent == 0 {
            inside = bare.starts_with("services:");
            continue;
        }
        if !inside {
            continue;
        }
        let first = *depth.get_or_insert(indent);
        if indent == first {
            let name = plain(bare.trim_end_matches(':'));
            all.push(ComposeService { name, ..ComposeService::default() });
            continue;
        }
        let Some(service) = all.last_mut() else { continue };
        let value = match bare.strip_prefix("- ") {
            Some(item) => item,
            None => {
                let (name, value) = bare.split_once(':').unwrap_or((bare, ""));
                name.clone_into(&mut key);
                value.trim()
            }
        };
        let is_item = bare.starts_with("- ");
        if value.is_empty() {
            continue;
        }
        match key.as_str() {
            "image" => service.image = image(&plain(value)),
            "command" => service.command.extend(words(value, is_item)),
            "entrypoint" => service.entrypoint.extend(words(value, is_item)),
            "volumes" if is_item => service.volumes.push(plain(value)),
            "volumes" => service.volumes.extend(words(value, is_item)),
            _ => {}
        }
    }
    all
}

/// An image's name, with the value that a variable in it has where nothing sets it.
fn image(text: &str) -> String {
    let Some((before, rest)) = text.split_once("${") else { return text.to_owned() };
    let Some((inner, after)) = rest.split_once('}') else { return text.to_owned() };
    let default = inner.split_once(":-").or(inner.split_once('-')).map_or("x", |(_, default)| default);
    format!("{before}{default}{}", image(after))
}

/// The words of a value: a list, or a line.
fn words(value: &str, is_item: bool) -> Vec<String> {
    if is_item {
        return vec![plain(value)];
    }
    match value.strip_prefix('[').and_then(|rest| rest.trim_end().strip_suffix(']')) {
        Some(list) => list.split(',').map(|word| plain(word.trim())).collect(),
        None => {
            plain(value).split_whitespace().map(|word| word.trim_matches(['"', '\'']).to_owned()).collect()
        }
    }
}

/// A word for a shell; a path in the home directory stays one.
fn quoted(word: &str) -> String {
    match word.strip_prefix("~/") {
        Some(rest) => format!("~/'{}'", rest.replace('\'', r"'\''")),
        None => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_comes_to_the_run_it_is_like() {
        let text = "services:\n  k:\n    image: bitnami/kubectl:${V:-1.34}\n    volumes: [\"~/.kube:/root/.kube\"]\n    command:\n      - delete\n      - ns\n  db:\n    image: postgres\n    entrypoint: ['sh', '-c']\n    command: \"echo hi\"\nvolumes:\n  x: {}\n";
        let found = |line: &[&str]| {
            let wanted: Vec<Word> = line.iter().map(|word| Word::literal(*word)).collect();
            expand(text, &wanted)
        };
        let run = "docker run -v ~/'.kube:/root/.kube' 'bitnami/kubectl:1.34' 'delete' 'ns'";
        assert_eq!(found(&["up", "-d", "k"]), [run]);
        assert_eq!(found(&["up"]).len(), 2);
        assert_eq!(
            found(&["run", "--rm", "db", "ls"]),
            ["docker run --entrypoint='sh' 'postgres' '-c' 'ls'"]
        );
        assert!(found(&["ps"]).is_empty() && found(&["down"]).is_empty());
    }
}
