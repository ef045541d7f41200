//! Real programs that push: git asks rwenv once for each push, whoever starts it, and what they show of a refusal says it all.
//! Programs that cannot be had here push as their own source calls git. `docs/git.md` has the table; `RWENV_WRITE_DOCS=1` writes it.

use std::fs;

use crate::push::World;
use crate::support::{find, root, skip};

/// A program that pushes, and the shell code that has it push `HEAD` to `$TO` and print all that it shows.
struct Client {
    name: &'static str,
    /// What has to be there for it.
    needs: &'static [&'static str],
    /// How it calls git, as seen.
    calls: &'static str,
    code: &'static str,
}

const CLIENTS: [Client; 7] = [
    Client {
        name: "VS Code, as its source calls git",
        needs: &["setsid"],
        calls: "git push origin REF",
        code: "GIT_ASKPASS=/bin/false VSCODE_GIT_COMMAND=push LC_ALL=en_US.UTF-8 LANG=en_US.UTF-8 GIT_PAGER=cat \
               setsid -w git push origin HEAD:$TO </dev/null 2>&1",
    },
    Client {
        name: "JetBrains, as its source calls git",
        needs: &["setsid"],
        calls: "git push --progress --porcelain origin REF",
        code: "GIT_ASKPASS=/bin/false SSH_ASKPASS=/bin/false DISPLAY=:0.0 setsid -w git -c core.quotepath=false \
               -c log.showSignature=false push --progress --porcelain origin HEAD:$TO </dev/null 2>&1",
    },
    Client {
        name: "git gui, as its source calls git",
        needs: &[],
        calls: "git push -v origin REF",
        code: "git push -v origin HEAD:$TO 2>&1 | cat",
    },
    Client {
        name: "git-cola",
        needs: &["git-cola"],
        calls: "git push --verbose origin REF",
        code: "/usr/bin/python3 -c 'import sys
from types import SimpleNamespace
from cola import git
from cola.models import main
context = SimpleNamespace(git=git.create())
done = main.run_remote_action(context, context.git.push, \"origin\", push=True, local_branch=sys.argv[1], remote_branch=\"HEAD\")
print(done[2])' $TO",
    },
    Client {
        name: "Magit",
        needs: &["emacs"],
        calls: "git push -v origin REF",
        code: "emacs --batch --eval \"(progn (package-initialize) (require 'magit) (magit-push-refspecs \\\"origin\\\" \\\"HEAD:$TO\\\" nil) \
               (while (process-live-p magit-this-process) (accept-process-output magit-this-process 0.1)) (accept-process-output nil 1) \
               (with-current-buffer (magit-process-buffer t) (princ (buffer-string))))\" 2>/dev/null",
    },
    Client {
        name: "vim-fugitive",
        needs: &["vim", "/usr/share/vim-fugitive/plugin/fugitive.vim"],
        calls: "git push origin REF",
        code: "TERM=dumb vim -V1 -es -u NONE --cmd 'set nocp rtp+=/usr/share/vim-fugitive' --cmd 'filetype plugin on' \
               -c 'runtime plugin/fugitive.vim' -c 'edit apps/web.yaml' -c \"Git push origin HEAD:$TO\" -c 'qa!' </dev/null 2>&1",
    },
    Client {
        name: "tig",
        needs: &["tig", "script"],
        calls: "git push origin REF",
        code: "printf ':!git push origin HEAD:%s\\n:quit\\n' $TO > ../tig; export TERM=xterm TIG_SCRIPT=$PWD/../tig; \
               script -qec 'stty cols 400; tig' /dev/null </dev/null | tr '\\033\\r' '\\n\\n' | grep -a -o 'rwenv: .*'",
    },
];

const BEGIN: &str = "<!-- Made by a test: RWENV_WRITE_DOCS=1 cargo test clients -->\n";
const END: &str = "<!-- end of clients -->\n";
const HEAD: &str = "\
| program | how git is called | a push that passes | a push that is refused | first in what is shown |
| --- | --- | --- | --- | --- |
";
const SECRET: &str =
    "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\nstringData:\n  password: hunter2-of-the-test\n";

/// How often rwenv has judged a push.
fn records(world: &World) -> usize {
    let log =
        world.sh("", "cat .claude/rwenv/audit/*.jsonl 2>/dev/null | grep -c '\"pre-push\"' || true", false);
    log.stdout.trim().parse().unwrap()
}

/// What happens at a push by a client, as the page says it: how often rwenv is asked and what becomes of it, and what is shown.
fn pushed(world: &World, client: &Client, branch: &str) -> (String, String) {
    let (before, to) = (records(world), format!("refs/heads/{branch}"));
    let shown = world.sh("flux", &format!("TO={to}; {}", client.code), false).stdout;
    let sent = world.refs("flux").contains(&to);
    let asked = records(world) - before;
    (format!("asked {asked} ×, {}", if sent { "sent" } else { "nothing sent" }), shown)
}

fn row(client: &Client) -> String {
    let world = World::new("");
    world.sh("", "git config --global user.name t; git config --global user.email t@example.com", false);
    world.home.git("flux", &["switch", "-q", "-c", "f"]);
    world.commit("flux", "more");
    let (passes, shown) = pushed(&world, client, "passes");
    assert!(passes.ends_with(", sent"), "{}: {shown}", client.name);
    world.home.write("flux/apps/db.yaml", SECRET);
    world.commit("flux", "secret");
    let (refused, shown) = pushed(&world, client, "refused");
    let lines: Vec<&str> = shown.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let ours = lines.iter().position(|line| line.starts_with("rwenv: this push is not sent: "));
    let first = ours.and_then(|at| lines.get(at)).copied().unwrap_or_default();
    for part in ["apps/db.yaml:6", "[secret.unencrypted]"] {
        assert!(first.contains(part), "{}: {shown}", client.name);
    }
    assert!(lines.iter().any(|line| line.contains("instead: ")), "{}: {shown}", client.name);
    let place = match ours.unwrap_or_default() {
        0 => "the refusal",
        _ => "other lines, then the refusal",
    };
    format!("| {} | `{}` | {passes} | {refused} | {place} |\n", client.name, client.calls)
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test that writes a page asks whether it should")]
fn whoever_pushes_asks_once_and_is_told() {
    let there = |name: &&str| find(name).is_some() || fs::exists(name).unwrap();
    let (here, missing): (Vec<&Client>, Vec<&Client>) =
        CLIENTS.iter().partition(|client| client.needs.iter().all(there));
    for client in &missing {
        skip(&format!("there is no {}", client.name));
    }
    let rows: Vec<String> = here.into_iter().map(row).collect();
    let path = root().join("docs/git.md");
    let page = fs::read_to_string(&path).unwrap();
    if std::env::var("RWENV_WRITE_DOCS").is_ok() && missing.is_empty() {
        let (before, rest) = page.split_once(BEGIN).unwrap();
        let (_, after) = rest.split_once(END).unwrap();
        fs::write(&path, format!("{before}{BEGIN}\n{HEAD}{}\n{END}{after}", rows.concat())).unwrap();
    }
    let now = fs::read_to_string(&path).unwrap();
    for row in rows {
        assert!(now.contains(&row), "RWENV_WRITE_DOCS=1 cargo test clients writes it; this is new: {row}");
    }
}
