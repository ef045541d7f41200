//! Skills and commands of Claude Code run shell when they are used, before the model reads them: what stands behind a `!` in backquotes, and blocks that
//! begin with a `!`. No hook hears of these lines, only of the skill's name.

use std::fs;
use std::path::{Path, PathBuf};

use crate::base::environment::Environment;
use crate::base::files;
use crate::facts::agent;

/// The command lines a skill runs when it is used; none where it runs none, or is not found.
pub(super) fn lines(name: &str, cwd: Option<&str>, environment: &Environment) -> Option<String> {
    let text =
        places(name, cwd, environment).into_iter().find_map(|path| files::read(&path).ok().flatten())?;
    let lines = run_by(&text);
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// Where a skill of this name may be, the one that counts first.
fn places(name: &str, cwd: Option<&str>, environment: &Environment) -> Vec<PathBuf> {
    let below = |folder: &Path, name: &str| {
        let plain = name.replace(':', "/");
        [
            folder.join("skills").join(name).join("SKILL.md"),
            folder.join("commands").join(format!("{plain}.md")),
        ]
    };
    let own = agent::claude_settings(environment).parent().map(Path::to_owned).unwrap_or_default();
    let project = cwd.map(Path::new).into_iter().flat_map(Path::ancestors).map(|dir| dir.join(".claude"));
    let mut all: Vec<PathBuf> =
        project.chain([own.clone()]).flat_map(|folder| below(&folder, name)).collect();
    if let Some((plugin, name)) = name.split_once(':') {
        // cache/MARKETPLACE/PLUGIN/VERSION
        let inside = |folder: PathBuf| fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path());
        let plugins = inside(own.join("plugins/cache")).map(|market| market.join(plugin));
        all.extend(plugins.flat_map(inside).flat_map(|version| below(&version, name)));
    }
    all
}

/// The command lines in a skill's text that run when it is used.
fn run_by(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut block: Option<Vec<&str>> = None;
    let mut in_block = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            out.extend(block.take().map(|lines| lines.join("\n")));
            in_block = !in_block;
            block = (in_block && line.trim_start().starts_with("```!")).then(Vec::new);
            continue;
        }
        match &mut block {
            Some(lines) => lines.push(line),
            None => {
                let after =
                    line.split("!`").skip(1).filter_map(|rest| Some(rest.split_once('`')?.0.to_owned()));
                out.extend(after);
            }
        }
    }
    out.extend(block.map(|lines| lines.join("\n")));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_skill_runs_stands_behind_a_mark() {
        let text = "---\nname: x\n---\nState: !`git status` and !`kubectl get pods`, not `ls`.\n```!\nkubectl delete pod p\nls\n```\n```sh\nrm x\n```\n";
        assert_eq!(run_by(text), ["git status", "kubectl get pods", "kubectl delete pod p\nls"]);
        assert_eq!(run_by("nothing! `here`"), Vec::<String>::new());
    }
}
