//! Files of the clones that rwenv keeps: those of a read-only rwenv's repository stay as they are, whatever would write them.

use serde_json::json;

use crate::support::{Answer, Home};

/// A HOME with a clone for a rwenv of each kind.
fn cloned() -> Home {
    let home = Home::new();
    for name in ["ro", "go", "rw"] {
        let folder = format!(".claude/rwenv/flux-repos/{name}/flux");
        home.write(&format!("{folder}/apps/web.yaml"), "a: 1\n");
        home.git(&folder, &["init", "-q"]);
    }
    home
}

/// What the hook says of a tool's call in a folder.
fn tool(home: &Home, folder: &str, (name, input): (&str, serde_json::Value)) -> Answer {
    let mut payload = home.payload(folder, "");
    payload["tool_name"] = name.into();
    payload["tool_input"] = input;
    home.hook_bytes(payload.to_string())
}

const LINES: [&str; 15] = [
    "sed -i s/1/2/ apps/web.yaml",
    "echo 'b: 2' >> apps/web.yaml",
    "cat > apps/new.yaml <<< 'b: 2'",
    "tee apps/web.yaml < /dev/null",
    "rm apps/web.yaml",
    "mv apps/web.yaml apps/b.yaml",
    "cp /tmp/x.yaml apps/",
    "cp /tmp/x.yaml .",
    "find . -name '*.yaml' -delete",
    "python3 -c \"open('apps/web.yaml', 'w').write('b: 2')\"",
    "yq -i '.a = 2' apps/web.yaml",
    "perl -pi -e s/1/2/ apps/web.yaml",
    "git show HEAD:apps/web.yaml > apps/old.yaml",
    "bash -c 'echo x > apps/web.yaml'",
    "tar xf /tmp/x.tar -C apps",
];

#[test]
fn a_read_only_rwenv_s_clone_is_written_to_by_nothing() {
    let home = cloned();
    for folder in ["ro", "rw", "none"] {
        for line in LINES {
            let of = |name: &str| {
                home.hook(folder, &format!("cd ~/.claude/rwenv/flux-repos/{name}/flux && {line}"))
            };
            let said = of("ro");
            assert_eq!(said.decision(), "deny", "{folder}: {line}\n{}", said.stdout);
            let text = format!("{}{}", said.stdout, said.stderr);
            assert!(text.contains("[read-only.flux-repository]"), "{folder}: {line}\n{text}");
            for free in ["go", "rw"] {
                assert_ne!(of(free).decision(), "deny", "{folder}, {free}: {line}\n{}", of(free).stdout);
            }
        }
        for name in ["ro", "rw"] {
            let path = home.path(&format!(".claude/rwenv/flux-repos/{name}/flux/apps/web.yaml"));
            let path = path.display().to_string();
            let calls = [
                ("Write", json!({"file_path": path, "content": "b: 2\n"})),
                ("Edit", json!({"file_path": path, "old_string": "a", "new_string": "b"})),
                ("mcp__filesystem__write_file", json!({"path": path, "content": "b: 2\n"})),
            ];
            let wanted = if name == "ro" { "deny" } else { "allow" };
            for call in calls {
                let said = tool(&home, folder, call.clone());
                assert_eq!(said.decision(), wanted, "{folder}: {call:?}\n{}{}", said.stdout, said.stderr);
            }
        }
    }
}

#[test]
fn to_look_and_to_copy_out_is_free() {
    let home = cloned();
    for line in [
        "cat apps/web.yaml && grep -r a . && git log -1; git diff; kubectl kustomize apps > /tmp/out.yaml",
        "cp -r apps /tmp/apps && sed s/1/2/ apps/web.yaml > /tmp/web.yaml",
        "git pull --ff-only && git fetch && git restore apps/web.yaml",
        "python3 -c \"print(open('apps/web.yaml').read())\"",
    ] {
        let said = home.hook("ro", &format!("cd ~/.claude/rwenv/flux-repos/ro/flux && {line}"));
        assert_eq!(said.decision(), "allow", "{line}\n{}", said.stdout);
    }
}
