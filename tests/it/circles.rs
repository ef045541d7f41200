//! Files of one room that import one another in a circle: who reads one has to read all.

use std::collections::{BTreeMap, BTreeSet};

use crate::tidy::{code, files, module, read};

/// A name that a file takes from somewhere: the path, and how it is called here. `None` is everything (`*`).
struct Taken {
    path: Vec<String>,
    name: Option<String>,
    /// It is only handed on (`pub use`).
    shown: bool,
}

/// The statements that take names, each as text between `use` and `;`, with whether it hands them on.
fn uses(code: &str) -> Vec<(&str, bool)> {
    let starts = code.match_indices("use ").filter(|(at, _)| {
        let line = code.get(..*at).unwrap().rsplit('\n').next().unwrap().trim();
        line.is_empty() || line.starts_with("pub")
    });
    let each = starts.map(|(at, word)| {
        let line = code.get(..at).unwrap().rsplit('\n').next().unwrap();
        let rest = code.get(at + word.len()..).unwrap();
        (rest.split(';').next().unwrap(), line.contains("pub"))
    });
    each.collect()
}

/// A tree of paths such as `super::{a, b::{c, d as e}}`, one by one.
fn taken(tree: &str, shown: bool, before: &[String]) -> Vec<Taken> {
    let tree = tree.trim();
    let (path, group) = tree.split_once('{').map_or((tree, None), |(p, g)| (p, Some(g)));
    let (path, alias) = path.split_once(" as ").map_or((path, None), |(p, a)| (p, Some(a.trim())));
    let words = path.split("::").map(str::trim).filter(|w| !w.is_empty()).map(str::to_owned);
    let mut path: Vec<String> = before.iter().cloned().chain(words).collect();
    let Some(group) = group else {
        let last = path.last().cloned().unwrap_or_default();
        if matches!(last.as_str(), "self" | "*") {
            path.pop();
        }
        let own = if last == "self" { path.last().cloned() } else { Some(last).filter(|last| last != "*") };
        return vec![Taken { path, name: alias.map(str::to_owned).or(own), shown }];
    };
    let (mut depth, mut parts) = (0, vec![String::new()]);
    for c in group.get(..group.rfind('}').unwrap_or(group.len())).unwrap().chars() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        match c {
            ',' if depth == 0 => parts.push(String::new()),
            c => parts.last_mut().unwrap().push(c),
        }
    }
    parts.iter().filter(|part| !part.trim().is_empty()).flat_map(|part| taken(part, shown, &path)).collect()
}

/// The files of one top module, by their place in it (`[]` is its own `mod.rs`), as code.
type Parts = BTreeMap<Vec<String>, String>;

/// The place that a path leads to from a file, as far as it leads to another of these files. Names that are handed on are
/// followed to where they are made.
fn leads(parts: &Parts, top: &str, from: &[String], path: &[String], depth: usize) -> Option<Vec<String>> {
    let mut here = from.to_vec();
    let mut words = path.iter().peekable();
    match words.peek()?.as_str() {
        "crate" => {
            words.next();
            words.next().filter(|word| *word == top)?;
            here.clear();
        }
        "self" => drop(words.next()),
        "super" => {
            while words.next_if(|word| *word == "super").is_some() {
                here.pop()?;
            }
        }
        first => {
            let child = [from, &[first.to_owned()]].concat();
            parts.get(&child)?;
        }
    }
    while let Some(word) = words.next() {
        let child = [here.as_slice(), std::slice::from_ref(word)].concat();
        if parts.contains_key(&child) {
            here = child;
            continue;
        }
        let all = uses(&parts[&here]).into_iter().flat_map(|(tree, shown)| taken(tree, shown, &[]));
        let Some(handed) = all.into_iter().find(|t| t.name.as_ref() == Some(word)).filter(|_| depth < 8)
        else {
            break;
        };
        let rest: Vec<String> = handed.path.into_iter().chain(words.cloned()).collect();
        return leads(parts, top, &here, &rest, depth + 1);
    }
    Some(here)
}

/// The files that a file takes something from.
fn imports(parts: &Parts, top: &str, file: &[String]) -> BTreeSet<Vec<String>> {
    let code = &parts[file];
    // Who may see an item is no import.
    let mut bare = code.replace("(in crate::", "(");
    bare = bare
        .lines()
        .filter(|line| !(line.contains("mod ") && line.ends_with(';')))
        .fold(String::new(), |all, line| all + line + "\n");
    for (tree, _) in uses(code) {
        bare = bare.replace(&format!("use {tree};"), "");
    }
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let words: BTreeSet<&str> = bare.split(|c| !is_word(c)).collect();
    let all = uses(code).into_iter().flat_map(|(tree, shown)| taken(tree, shown, &[]));
    let mut paths: Vec<Vec<String>> = all
        .filter(|t| !t.shown || t.name.as_ref().is_some_and(|name| words.contains(name.as_str())))
        .map(|t| t.path)
        .collect();
    for path in bare.split(|c| !is_word(c) && c != ':').filter(|path| path.contains("::")) {
        paths.push(path.split("::").map(str::to_owned).collect());
    }
    let found = paths.iter().filter_map(|path| leads(parts, top, file, path, 0));
    found.filter(|other| other != file).collect()
}

/// The circles among the files of each top module: files that reach one another by what they import.
fn circles(files: &[(String, String)]) -> Vec<String> {
    let mut tops: BTreeMap<(&str, &str), Parts> = BTreeMap::new();
    for (file, text) in files {
        let Some(top) = module(file).filter(|_| file.ends_with(".rs")) else { continue };
        let place = file
            .split_once(&format!("{}/{}", top.0, top.1))
            .unwrap()
            .1
            .trim_end_matches(".rs")
            .trim_end_matches("/mod");
        let place = place.split('/').filter(|word| !word.is_empty()).map(str::to_owned).collect();
        tops.entry(top).or_default().insert(place, code(text));
    }
    let mut all = Vec::new();
    for ((_, top), parts) in &tops {
        let mut reached: BTreeMap<&Vec<String>, BTreeSet<Vec<String>>> =
            parts.keys().map(|file| (file, imports(parts, top, file))).collect();
        for _ in 0..parts.len() {
            for file in parts.keys() {
                let further: Vec<_> = reached[file].iter().flat_map(|next| reached[next].clone()).collect();
                reached.get_mut(file).unwrap().extend(further);
            }
        }
        let circle = |file: &Vec<String>| -> Vec<String> {
            let with = reached[file].iter().filter(|other| reached[*other].contains(file));
            with.map(|other| [&[(*top).to_owned()], other.as_slice()].concat().join("::")).collect()
        };
        let found: BTreeSet<Vec<String>> = parts.keys().map(circle).filter(|c| !c.is_empty()).collect();
        all.extend(found.iter().map(|circle| circle.join(" ")));
    }
    all
}

#[test]
fn no_files_import_in_a_circle() {
    let all: Vec<_> = files("src").into_iter().map(|file| (file.clone(), read(&file))).collect();
    assert_eq!(circles(&all), Vec::<String>::new());
    let made_up = |all: &[(&str, &str)]| {
        circles(&all.iter().map(|(f, t)| ((*f).to_owned(), (*t).to_owned())).collect::<Vec<_>>())
    };
    let two =
        [("src/app/cli/mod.rs", "mod a;\nmod b;"), ("src/app/cli/b.rs", "fn f() { crate::cli::a::g() }")];
    assert_eq!(
        made_up(&[&two[..], &[("src/app/cli/a.rs", "use super::{b::f, c};")]].concat()),
        ["cli::a cli::b"]
    );
    let calls =
        [("src/app/cli/mod.rs", "mod a;\npub fn f() { a::g() }"), ("src/app/cli/a.rs", "use super::f;")];
    assert_eq!(made_up(&calls), ["cli cli::a"]);
    let shows = [
        ("src/app/cli/mod.rs", "mod a;\nmod b;\npub use b::{f, g};"),
        ("src/app/cli/a.rs", "use super::f;"),
        ("src/app/cli/b.rs", "// use super::a::x;\n#[cfg(test)]\nuse super::a;"),
    ];
    assert_eq!(made_up(&shows), Vec::<String>::new());
}
