//! The guard's files by what they are: behind links, in folders that are changed as a whole, under names that come from elsewhere.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::json;

use crate::support::Home;

/// A HOME whose guard is installed the usual way.
fn installed() -> Home {
    let home = Home::new();
    let settings =
        r#"{"hooks":{"PreToolUse":[{"hooks":[{"type":"command","command":"rwenv-hook claude"}]}]}}"#;
    home.write(".claude/settings.json", settings);
    home.write(".codex/hooks.json", "{}");
    home.write(".config/opencode/plugins/rwenv.js", "");
    for name in ["rwenv", "rwenvd", "rwenv-hook", "jq"] {
        home.write(&format!(".local/bin/{name}"), "#!/bin/sh\n");
    }
    home
}

/// Every line comes to this, with a rwenv selected and without.
fn all(home: &Home, wanted: &str, lines: &[&str]) {
    for line in lines {
        for folder in ["rw", "none"] {
            let answer = home.hook(folder, line);
            assert_eq!(answer.decision(), wanted, "{folder}: {line}\n{}{}", answer.stderr, answer.stdout);
        }
    }
}

/// The decision about a call of one of the agent's own tools.
fn tool(home: &Home, name: &str, input: serde_json::Value) -> &'static str {
    let mut payload = home.payload("none", "");
    payload["tool_name"] = name.into();
    payload["tool_input"] = input;
    home.hook_bytes(payload.to_string()).decision()
}

#[test]
fn links_are_followed_to_the_file_that_is_meant() {
    let home = installed();
    fs::create_dir_all(home.path("dotfiles/claude")).unwrap();
    fs::rename(home.path(".claude/settings.json"), home.path("dotfiles/claude/settings.json")).unwrap();
    symlink("../dotfiles/claude/settings.json", home.path(".claude/settings.json")).unwrap();
    // A folder that is a link, a link that leads nowhere yet, another name of the same file, and links out of free folders.
    fs::rename(home.path(".codex"), home.path("dotfiles/codex")).unwrap();
    symlink(home.path("dotfiles/codex"), home.path(".codex")).unwrap();
    symlink(home.path("dotfiles/local.json"), home.path(".claude/settings.local.json")).unwrap();
    symlink(home.path(".claude"), home.path("none/q")).unwrap();
    fs::hard_link(home.path(".claude/rwenv/envs.json"), home.path("none/envs.copy")).unwrap();
    fs::create_dir_all(home.path(".claude/rwenv/flux-repos")).unwrap();
    symlink("../envs.json", home.path(".claude/rwenv/flux-repos/x")).unwrap();
    home.write("dotfiles/claude/notes.json", "{}");
    home.write("dotfiles/vimrc", "");
    all(
        &home,
        "deny",
        &[
            "jq '.hooks={}' ~/dotfiles/claude/settings.json > x && mv x ~/dotfiles/claude/settings.json",
            "sed -i s/rwenv-hook/true/ ~/dotfiles/claude/settings.json",
            "python3 -c \"open('$HOME/dotfiles/claude/settings.json', 'w')\"",
            "cp x.json ~/dotfiles/codex/hooks.json",
            "echo '{}' > ~/dotfiles/local.json",
            "echo '{}' > ../none/q/settings.json",
            "rm -rf ../none/q/rwenv",
            "tee ../none/envs.copy < x",
            "echo '{}' > ~/.claude/rwenv/flux-repos/x",
            "rm -rf ~/dotfiles",
            "mv ~/dotfiles/codex /tmp/",
            "rm ~/dotfiles/claude/*.json",
        ],
    );
    all(
        &home,
        "allow",
        &[
            "cat ~/dotfiles/claude/settings.json && jq .hooks ../none/q/settings.json",
            "echo '{}' > ~/dotfiles/claude/notes.json && sed -i s/a/b/ ~/dotfiles/vimrc",
            "echo x > ~/.claude/rwenv/flux-repos/y && rm ~/dotfiles/*.txt",
            "cp ~/dotfiles/claude/settings.json /tmp/x && mkdir -p ~/dotfiles/claude/skills",
        ],
    );
    for (path, wanted) in [
        ("~/dotfiles/claude/settings.json", "deny"),
        ("q/settings.json", "deny"),
        ("~/.claude/rwenv/flux-repos/x", "deny"),
        ("envs.copy", "deny"),
        ("~/dotfiles/claude/notes.json", "allow"),
        ("q/skills/x.md", "allow"),
    ] {
        let input = json!({ "file_path": path, "content": "{}" });
        assert_eq!(tool(&home, "Write", input), wanted, "{path}");
        let input = json!({ "path": path, "content": "{}" });
        assert_eq!(tool(&home, "mcp__filesystem__write_file", input.clone()), wanted, "{path}");
        assert_eq!(tool(&home, "mcp__filesystem__read_file", input), "allow", "{path}");
    }
}

#[test]
fn what_arrives_in_a_folder_keeps_its_name() {
    let home = installed();
    for path in [".claude/settings.json", ".local/bin/rwenv-hook", ".vimrc"] {
        home.write(&format!("none/dot/{path}"), "x");
        home.write(&format!("rw/dot/{path}"), "x");
    }
    for folder in ["none", "rw"] {
        home.write(&format!("{folder}/plain/.vimrc"), "x");
        home.write(&format!("{folder}/tools/jq"), "x");
    }
    all(
        &home,
        "deny",
        &[
            "cp settings.json ~/.claude/",
            "mv settings.json ~/.claude",
            "install -m 644 -t ~/.claude settings.json",
            "rsync settings.json ~/.claude/",
            "ln -sf $PWD/settings.json ~/.claude/",
            "cp settings.json $HOME/.claude/.",
            "cp rwenv-hook ~/.local/bin",
            "cp -r dot/. ~/",
            "cp -rT dot ~",
            "cp -a dot/.claude ~/",
            "cp -r dot/.local ~",
            "rsync -a dot/ ~/",
            "rsync -a --delete plain/ ~/.claude/",
            "cp dot/.local/bin/* ~/.local/bin/",
            "cp dot/.claude/*.json ~/.claude/",
            "cd ~/.local/bin && curl -sO https://example.com/rwenv-hook",
        ],
    );
    all(&home, "ask", &["git clone -q gd ~/x && cp -rf ~/x/.claude ~"]);
    all(
        &home,
        "allow",
        &[
            "cp -r plain/. ~/",
            "rsync -a plain/ ~/",
            "cp -r dot ~/",
            "cp tools/* ~/.local/bin/",
            "cp settings.json /tmp/ && mv notes.md ~/.claude/",
            "cp ~/.claude/settings.json . && cp -r ~/.claude/rwenv /tmp/",
            "cp -r dot/.claude ../go-tool/ && install -m 755 tool ~/.local/bin/",
        ],
    );
}

#[test]
fn folders_and_patterns_that_hold_the_guard_s_files_hold_them() {
    let home = installed();
    all(
        &home,
        "deny",
        &[
            "rm -rf ~/.local/bin",
            "mv ~/.local ~/.local.old",
            "chmod -R -x ~/.local/bin",
            "rm -rf ~/.local",
            "find ~/.local/bin -type f -delete",
            "rm -f ~/.claude/*.json",
            "rm -rf ~/.claude/rw*",
            "cd ~/.claude/rwenv && rm -rf *",
            "rm ~/.local/bin/rw*",
            "chmod 000 ~/.local/bin/*",
            "rm -rf ~/.c*",
            "rm -rf ~/.codex",
            "mv ~/.config x",
            "ln -sfn /x ~/.codex",
            "rm -rf ~/.claude/session-env",
            "gzip ~/.claude/settings.json",
            "zip -qm x.zip ~/.claude/settings.json && tar cf x.tar --remove-files ~/.claude",
            "vim -es -c '%s/true/false/' -c wq ~/.claude/rwenv/envs.json",
            "cp -l ~/.claude/settings.json q",
        ],
    );
    all(
        &home,
        "allow",
        &[
            "rm -rf ~/.local/share && mv ~/.local/bin/jq ~/.local/bin/jq.old",
            "chmod +x ~/.local/bin/jq && rm ~/.local/bin/j*",
            "find ~ -name '*.pyc' -delete",
            "rm -rf ~/.gemini && rm ~/.claude/todos/*.json",
            "rm -rf ~/.cache/* build/* && rm -f *.json",
            "vim -es -c '%print' -c q ~/.claude/settings.json && zip x.zip ~/.claude/settings.json",
            "ls ~/.claude/*.json && cat ~/.local/bin/rw* && gzip -c ~/.claude/settings.json > x.gz",
            "tar czf x.tgz -C ~/.claude settings.json && zip x.zip ~/.claude/settings.json",
        ],
    );
    // The selection of a project may be meant to go.
    for line in ["rm -rf .claude", "mv .claude .claude2", "find . -type f -delete", "rm -rf .[a-z]*"] {
        assert_eq!(home.hook("rw", line).decision(), "ask", "{line}");
        assert_eq!(home.hook("none", line).decision(), "allow", "{line}");
    }
}

#[test]
fn where_only_the_content_says_it_a_person_is_asked() {
    let home = installed();
    all(
        &home,
        "ask",
        &[
            "tar xf dot.tar -C ~",
            "cd ~ && tar xf dot.tar",
            "tar -C ~ -xf dot.tar",
            "unzip -qo dot.zip -d ~",
            "tar xf d.tar -C ~/.local/bin ./rwenv-hook",
            "git --git-dir=gd --work-tree=$HOME checkout -q -f main",
            "git --work-tree=$HOME --git-dir=$HOME/.cfg reset --hard",
            "GIT_DIR=gd GIT_WORK_TREE=$HOME git checkout -q -f main",
            "cd ~ && git --git-dir=/x/gd --work-tree=. checkout -q -f main",
        ],
    );
    all(
        &home,
        "allow",
        &[
            "tar xf dot.tar && tar tf dot.tar -C ~ && unzip -l x.zip -d ~",
            "tar xzf tool.tgz -C ~/.local/bin && tar xf go.tgz -C ~ go",
            "tar xf x.tgz -C ~/src && unzip x.zip -d /tmp/x",
            "git --git-dir=gd --work-tree=$HOME status",
            "git --git-dir=gd --work-tree=$HOME checkout -- .vimrc",
        ],
    );
}

#[test]
fn settings_are_guarded_where_a_variable_put_them() {
    let home = installed();
    let settings = home.read(".claude/settings.json");
    home.write("dotfiles/settings.json", &settings);
    home.write("app/settings.json", "{}");
    // The file registers the hook: that is enough to know it by.
    all(&home, "deny", &["echo '{}' > ~/dotfiles/settings.json", "rm ~/dotfiles/settings.json"]);
    all(&home, "allow", &["echo '{}' > ~/app/settings.json", "cat ~/dotfiles/settings.json"]);
    let line = format!("echo '{{}}' > {}", home.path("app/settings.json").display());
    let mut command = home.command(crate::support::hook(), &home.path(""));
    command.env("CLAUDE_CONFIG_DIR", home.path("app"));
    let answer =
        crate::support::answer(command.arg("claude").write_stdin(home.payload("none", &line).to_string()));
    assert_eq!(answer.decision(), "deny", "{}", answer.stdout);
}

#[test]
fn code_in_other_languages_is_read_for_the_files_it_writes() {
    let home = installed();
    home.write("none/fix.py", "import json, os\np = os.path.expanduser('~/.claude/rwenv/envs.json')\nd = json.load(open(p))\njson.dump(d, open(p, 'w'))\n");
    home.write("none/look.py", "import json, os, sys\np = os.path.expanduser('~/.claude/rwenv/envs.json')\nopen(sys.argv[1], 'w').write(str(json.load(open(p))))\n");
    home.write(
        "none/test_x.py",
        "def test(tmp_path):\n    (tmp_path / '.claude' / 'settings.json').write_text('{}')\n",
    );
    for (line, wanted) in [
        ("python3 fix.py", "deny"),
        ("python3 look.py out.json && python3 test_x.py", "allow"),
        ("python3 -c \"open('$HOME/.claude/settings.json','w').write('{}')\"", "deny"),
        ("python3 -c \"print(open('$HOME/.claude/settings.json').read())\"", "allow"),
    ] {
        let answer = home.hook("none", line);
        assert_eq!(answer.decision(), wanted, "{line}: {}", answer.stderr);
    }
}

#[test]
fn what_nobody_knows_to_only_look_is_asked_about_where_it_is_given_them() {
    let home = installed();
    for name in ["none", "rw"] {
        home.write(&format!("{name}/fix.py"), "import sys\nopen(sys.argv[1], 'w').write('{}')\n");
        home.write(&format!("{name}/look.py"), "import sys\nprint(open(sys.argv[1]).read())\n");
    }
    let asked = [
        "python3 -c \"import sys; open(sys.argv[1],'w')\" ~/.claude/settings.json",
        "F=~/.claude/settings.json node -e 'require(\"fs\").rmSync(process.env.F)'",
        "python3 fix.py ~/.claude/settings.json",
        "frobnicate --to=$HOME/.claude/settings.json",
        "docker run -v $HOME:/h alpine sh -c 'rm -rf /h/.claude'",
        "docker run --mount type=bind,source=$HOME/.claude,target=/x alpine ls",
        "rm $(ls ~/.claude/rwenv/*)",
        "ln -s ~/.claude x; cp evil x/settings.json",
        "patch -d ~ -p0 < x",
    ];
    all(&home, "ask", &asked);
    for folder in ["ro", "go"] {
        for line in asked.iter().filter(|line| !line.contains("fix.py")) {
            assert_ne!(home.hook(folder, line).decision(), "allow", "{folder}: {line}");
        }
    }
    all(
        &home,
        "deny",
        &[
            "docker cp x ~/.claude/settings.json",
            "d=$(dirname ~/.claude/settings.json); rm $d/settings.json",
            "find ~/.claude -name settings.json | xargs rm",
            "kill $(pgrep rwenvd)",
            "bwrap --bind / / rm -rf ~/.claude",
        ],
    );
    all(
        &home,
        "allow",
        &[
            "python3 look.py ~/.claude/settings.json && python3 fix.py out.json",
            "python3 -c \"import sys,json; print(json.load(open(sys.argv[1])))\" ~/.claude/settings.json",
            "cat ~/.claude/settings.json | python3 -c \"import sys,json; print(json.load(sys.stdin)['hooks'])\"",
            "ls ~/.claude; jq . ~/.claude/settings.json; stat ~/.claude/rwenv/envs.json; du -sh ~/.claude",
            "docker run --rm -v \"$PWD\":/w -v $HOME/.cache/pip:/p -v $HOME/.claude:/c:ro alpine ls",
            "docker cp c:/x ./y && docker cp x c:/root/.claude/settings.json",
            "ls ~/.claude | head; rm $(mktemp); kill $(pgrep node); find . -name '*.tmp' | xargs rm",
            "git add .claude/settings.json; gh issue create --body 'see ~/.claude/settings.json'",
        ],
    );
}

/// What git ignores goes with `clean -x`: the selection of a rwenv is among it.
#[test]
fn the_selection_is_not_cleaned_away_in_passing() {
    let home = Home::new();
    for folder in ["ro", "none"] {
        home.git(folder, &["init", "-q"]);
        home.write(&format!("{folder}/.git/info/exclude"), ".claude/\n");
    }
    for line in ["git clean -fdx", "git clean -xfd", "git stash --all", "git -C . clean -fdX"] {
        assert_eq!(home.hook("ro", line).decision(), "ask", "{line}");
    }
    for line in [
        "git clean -fd",
        "git clean -nfdx",
        "git clean -fdx -e .claude",
        "git stash",
        "chmod -R u+w .",
        "chown -R me . && touch x",
    ] {
        assert_eq!(home.hook("ro", line).decision(), "allow", "{line}");
    }
    assert_eq!(home.hook("none", "git clean -fdx").decision(), "allow", "nothing is selected there");
}

#[test]
fn the_line_that_puts_the_shims_first_stays_in_a_start_file() {
    let home = installed();
    let start = home.path(".bashrc");
    let shims = "eval \"$(rwenv shellenv)\"\n";
    home.write(".bashrc", &format!("{shims}alias ll=ls\n"));
    home.write(".zshrc", "alias ll=ls\n");
    all(
        &home,
        "ask",
        &[
            "echo x > ~/.bashrc",
            "cp /tmp/x ~/.bashrc",
            "sed -i 1d ~/.bashrc",
            "mv ~/.bashrc /tmp",
            "tee ~/.bashrc <<< x",
            "cd ~ && : &> .bashrc",
        ],
    );
    all(
        &home,
        "allow",
        &[
            "echo 'export EDITOR=vim' >> ~/.bashrc",
            "tee -a ~/.bashrc <<< 'export EDITOR=vim'",
            "echo x > ~/.zshrc",
            "sed -i s/ll/la/ ~/.zshrc",
            "cat ~/.bashrc > /tmp/x",
        ],
    );
    let write = |content: &str| tool(&home, "Write", json!({"file_path": start, "content": content}));
    assert_eq!(write("alias ll=la\n"), "deny");
    assert_eq!(write(&format!("{shims}alias ll=la\n")), "allow", "the line is still there");
    assert_eq!(write(&format!("{shims}export RWENV_CONFIG_DIR=/tmp/rwenv\n")), "deny");
    let edit = |old: &str, new: &str| {
        tool(&home, "Edit", json!({"file_path": start, "old_string": old, "new_string": new}))
    };
    assert_eq!(edit(shims, ""), "deny");
    assert_eq!(edit("alias ll=ls", "alias ll='ls -l'"), "allow");
}
