//! Makefiles, read as far as it takes to know what recipes run.

use super::read::{RunnerTarget, TargetsFile, joined};

/// Deepest nesting of variables and functions.
const DEEPEST: usize = 8;
/// What make knows by itself: where it runs, which file it reads, whose home it is.
const OWN: [(&str, &str); 6] = [
    ("CURDIR", "."),
    ("PWD", "."),
    ("MAKEFILE_LIST", "Makefile"),
    ("MAKE", "make"),
    ("SHELL", "sh"),
    ("HOME", "$${HOME}"),
];

/// True for a line of a recipe that runs. Where make only prints (`-n`), those do that begin with `+` or call make.
fn runs(line: &str, prints: bool) -> bool {
    let marks = line.find(|c| !['@', '-', '+', ' ', '\t'].contains(&c)).unwrap_or(line.len());
    let forced = line.get(..marks).is_some_and(|marks| marks.contains('+'));
    !prints || forced || ["$(MAKE)", "${MAKE}"].iter().any(|call| line.contains(call))
}

/// Takes a makefile apart; where `prints`, for a make that prints what it would run.
pub(super) fn read(text: &str, prints: bool) -> TargetsFile {
    let mut file = TargetsFile::default();
    let mut current: Vec<usize> = Vec::new();
    let mut prefix = '\t';
    let mut defined: Option<(String, Vec<String>)> = None;
    for line in joined(text) {
        if let Some((name, lines)) = &mut defined {
            if line.trim() == "endef" {
                file.values.push((std::mem::take(name), lines.join("; ")));
                defined = None;
            } else {
                lines.push(line.trim().trim_start_matches(['@', '-', '+']).to_owned());
            }
            continue;
        }
        if let Some(recipe) = line.strip_prefix(prefix) {
            let at_all = runs(recipe, prints);
            let recipe = recipe.trim_start_matches(['@', '-', '+', ' ', '\t']);
            for at in current.iter().filter(|_| at_all) {
                file.targets.get_mut(*at).into_iter().for_each(|target| target.lines.push(recipe.to_owned()));
            }
            continue;
        }
        let bare = line.split(" #").next().unwrap_or_default().trim();
        if bare.is_empty() || bare.starts_with('#') {
            continue;
        }
        if let Some(name) = bare.strip_prefix("define ") {
            defined = Some((name.trim_end_matches([':', '=', ' ']).to_owned(), Vec::new()));
            continue;
        }
        statement(bare, &mut file, (&mut current, &mut prefix), prints);
    }
    file
}

/// A line that is no part of a recipe.
fn statement(
    bare: &str,
    file: &mut TargetsFile,
    (current, prefix): (&mut Vec<usize>, &mut char),
    prints: bool,
) {
    let words: Vec<&str> = bare.split_whitespace().collect();
    if let Some(&("include" | "-include" | "sinclude")) = words.first() {
        file.includes.extend(words.iter().skip(1).map(|path| ((*path).to_owned(), String::new())));
        let of_variables = |path: &&&str| path.rsplit('/').next().is_some_and(|name| name.contains(".env"));
        file.env_files.extend(words.iter().skip(1).filter(of_variables).map(|path| (*path).to_owned()));
        return;
    }
    if let Some((name, value, sign)) = assignment(bare) {
        if sign == '!' {
            file.always.push(value.clone());
        }
        if name == ".RECIPEPREFIX" {
            *prefix = value.chars().next().unwrap_or('\t');
        }
        file.exported.extend((words.first() == Some(&"export")).then(|| name.clone()));
        assign(file, name, value, sign);
        return;
    }
    if let Some(&"export") = words.first() {
        file.exported.extend(words.iter().skip(1).map(|name| (*name).to_owned()));
        return;
    }
    let Some((names, rest)) = bare.split_once(':') else {
        shell_calls(bare, &mut file.always);
        return;
    };
    let rest = rest.trim_start_matches(':');
    // `target: NAME = value`: of one target, taken for all.
    if let Some((name, value, sign)) = assignment(rest.trim()).filter(|_| !rest.contains(';')) {
        assign(file, name, value, sign);
        return;
    }
    let (needs, recipe) = match rest.split_once(';') {
        Some((needs, recipe)) => (needs, Some(recipe)),
        None => (rest, None),
    };
    shell_calls(needs, &mut file.always);
    let first = file.targets.len();
    for name in filled(names, &file.values, 0).split_whitespace() {
        file.targets.push(RunnerTarget {
            name: name.to_owned(),
            needs: needs.replace('|', " ").split_whitespace().map(str::to_owned).collect(),
            lines: recipe
                .filter(|recipe| runs(recipe, prints))
                .map(|text| text.trim_start_matches(['@', '-', '+', ' ']).to_owned())
                .into_iter()
                .collect(),
        });
    }
    *current = (first..file.targets.len()).collect();
}

fn assign(file: &mut TargetsFile, name: String, value: String, sign: char) {
    let known = file.values.iter().rev().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
    match (sign, known) {
        ('+', Some(before)) => file.values.push((name, format!("{before} {value}"))),
        ('?', Some(_)) => {}
        ('?', None) => {
            file.open.push(name.clone());
            file.values.push((name, value));
        }
        _ => {
            // What a command prints is the command's, unless it prints where a program lies.
            if !lies(&value) {
                shell_calls(&value, &mut file.always);
            }
            file.values.push((name, value));
        }
    }
}

/// True for `$(shell which PROGRAM)`.
fn lies(value: &str) -> bool {
    let inner = value.strip_prefix("$(shell ").and_then(|rest| rest.strip_suffix(')'));
    inner.is_some_and(|code| located(code).is_some())
}

/// The program of which a command prints where it lies, or the directory.
fn located(code: &str) -> Option<&str> {
    let mut words = code.split_whitespace();
    match words.next()? {
        "pwd" => Some("."),
        "which" => words.find(|word| !word.starts_with('-')),
        "command" => words.next().filter(|word| *word == "-v").and_then(|_| words.next()),
        "type" => words.next().filter(|word| *word == "-P").and_then(|_| words.next()),
        "git" => code.contains("--show-toplevel").then_some("."),
        _ => None,
    }
}

/// `NAME = value` in its variants, and the character before `=`.
fn assignment(line: &str) -> Option<(String, String, char)> {
    let at = line.find('=')?;
    let (left, right) = line.split_at_checked(at)?;
    let sign = left.chars().next_back().filter(|c| matches!(c, ':' | '?' | '+' | '!')).unwrap_or('=');
    let name = left.trim_end_matches([':', '?', '+', '!']).trim();
    let name = name.strip_prefix("export ").or_else(|| name.strip_prefix("override ")).unwrap_or(name).trim();
    let plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-'));
    plain.then(|| (name.to_owned(), right.get(1..).unwrap_or_default().trim().to_owned(), sign))
}

/// Commands in `$(shell …)` run when the file, or the recipe, is read.
pub(super) fn shell_calls(line: &str, out: &mut Vec<String>) {
    for (at, _) in line.match_indices("$(shell ") {
        let rest = line.get(at + "$(shell ".len()..).unwrap_or_default();
        out.push(rest.get(..closing(rest)).unwrap_or(rest).to_owned());
    }
}

/// Where the bracket closes that was open before a text.
fn closing(text: &str) -> usize {
    let mut depth = 1;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// A text with variables and functions filled in; what is not known becomes a variable that no shell knows either.
pub(super) fn filled(text: &str, values: &[(String, String)], depth: usize) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let (name, end) = match after.chars().next() {
            Some('$') => {
                out.push('$');
                rest = after.get(1..).unwrap_or_default();
                continue;
            }
            Some('(') => {
                let inner = after.get(1..).unwrap_or_default();
                let close = closing(inner);
                (inner.get(..close).unwrap_or(inner), close + 2)
            }
            Some('{') => {
                let close = after.find('}').unwrap_or(after.len());
                (after.get(1..close).unwrap_or_default(), close + 1)
            }
            Some(c) => (after.get(..c.len_utf8()).unwrap_or_default(), c.len_utf8()),
            None => ("", 0),
        };
        let value = values.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let own = OWN.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        match value.or(own) {
            Some(value) if depth < DEEPEST => out.push_str(&filled(value, values, depth + 1)),
            _ => out.push_str(&function(name, values, depth + 1).unwrap_or_else(|| "${__}".to_owned())),
        }
        rest = after.get(end..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// What a function comes to; none where it is not known.
fn function(call: &str, values: &[(String, String)], depth: usize) -> Option<String> {
    if depth > DEEPEST {
        return None;
    }
    let (name, text) = call.split_once(char::is_whitespace)?;
    let arguments: Vec<String> = commas(text).into_iter().map(|text| text.trim().to_owned()).collect();
    let fill = |text: &str| filled(text, values, depth + 1);
    let first = arguments.first().map(|text| fill(text)).unwrap_or_default();
    match name {
        "shell" => Some(located(&fill(text)).map_or_else(|| format!("$({})", fill(text)), str::to_owned)),
        "lastword" => first.split_whitespace().next_back().map(str::to_owned),
        "firstword" => first.split_whitespace().next().map(str::to_owned),
        "abspath" | "realpath" | "strip" | "wildcard" | "sort" => Some(first),
        "dir" => {
            Some(first.rsplit_once('/').map_or_else(|| "./".to_owned(), |(folder, _)| format!("{folder}/")))
        }
        "notdir" => Some(first.rsplit('/').next().unwrap_or_default().to_owned()),
        "info" | "warning" | "error" => Some(String::new()),
        "or" => arguments.iter().map(|text| fill(text)).find(|text| !text.is_empty()),
        "and" => arguments.last().map(|text| fill(text)),
        // Which of them it is nobody knows here: of commands one after the other is both, of words the one that may be left out is.
        "if" => {
            let branches: Vec<String> = arguments.iter().skip(1).map(|text| fill(text)).collect();
            let command = |text: &String| text.contains(' ') && !text.starts_with('-');
            let last = if branches.len() > 1 { branches.last().cloned() } else { None };
            Some(if branches.iter().any(command) { branches.join("; ") } else { last.unwrap_or_default() })
        }
        "addprefix" => {
            let names = arguments.get(1).map(|text| fill(text)).unwrap_or_default();
            Some(names.split_whitespace().map(|name| format!("{first}{name}")).collect::<Vec<_>>().join(" "))
        }
        "foreach" => {
            let (list, body) = (fill(arguments.get(1)?), text.splitn(3, ',').nth(2)?);
            let one = |item: &str| {
                let mut values = values.to_vec();
                values.push((first.clone(), item.to_owned()));
                filled(body, &values, depth + 1)
            };
            Some(list.split_whitespace().take(32).map(one).collect::<Vec<_>>().join(" "))
        }
        "call" => {
            let mut values = values.to_vec();
            for (at, argument) in arguments.iter().enumerate() {
                values.push((at.to_string(), fill(argument)));
            }
            let body =
                values.iter().rev().find(|(known, _)| *known == first).map(|(_, body)| body.clone())?;
            Some(filled(&body, &values, depth + 1))
        }
        _ => None,
    }
}

/// The arguments of a function: commas in brackets are parts of them.
fn commas(text: &str) -> Vec<&str> {
    let (mut out, mut depth, mut start) = (Vec::new(), 0_i32, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' | '{' => depth += 1,
            ')' | '}' => depth -= 1,
            ',' if depth == 0 => {
                out.extend(text.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    out.extend(text.get(start..));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_and_functions_are_filled_in() {
        let file = read(
            "K := kubectl\nK += -n shop\nV ?= get\nnuke = kubectl delete pod $(1)\nROOT := $(dir $(abspath $(lastword $(MAKEFILE_LIST))))\n\
             KUBECTL := $(shell command -v kubectl 2>/dev/null)\ndefine all\n@kubectl get $(1)\nendef\n",
            false,
        );
        for (text, wanted) in [
            ("$(K) get pods", "kubectl -n shop get pods"),
            ("kubectl $(V) pod", "kubectl get pod"),
            ("$(call nuke,p)", "kubectl delete pod p"),
            ("$(ROOT)x.sh", "./x.sh"),
            ("$(KUBECTL) get", "kubectl get"),
            ("$(foreach p,a b,echo $(p);)", "echo a; echo b;"),
            ("$(if $(X),echo a,echo b)", "echo a; echo b"),
            ("$(call all,pods)", "kubectl get pods"),
            ("echo $$HOME $(NOPE)", "echo $HOME ${__}"),
            ("rm -rf $(HOME)/x ${HOME}/y", "rm -rf ${HOME}/x ${HOME}/y"),
        ] {
            assert_eq!(filled(text, &file.values, 0), wanted, "{text}");
        }
        assert_eq!(file.open, ["V"]);
    }
}
