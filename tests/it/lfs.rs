//! A server of Git LFS (docs/api of git-lfs: batch, basic transfers) beside git's own over HTTP, and what reaches it from repositories
//! with our hook.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::beside::Beside;
use crate::{fetched, http};

/// The answer to a request about large files: status and body; none where it is about something else.
pub(crate) fn reply(
    method: &str,
    path: &str,
    host: &str,
    body: &[u8],
    folder: &Path,
) -> Option<(&'static str, Vec<u8>)> {
    let store = folder.join("lfs-store");
    if path.ends_with("/info/lfs/objects/batch") {
        let asked: Value = serde_json::from_slice(body).ok()?;
        let objects = asked["objects"].as_array()?.iter().map(|object| {
            let (oid, size) = (object["oid"].as_str().unwrap_or_default(), &object["size"]);
            let action = json!({ "href": format!("http://{host}/lfs-store/{oid}") });
            let there = store.join(oid).is_file();
            match (asked["operation"].as_str(), there) {
                (Some("upload"), true) => json!({ "oid": oid, "size": size }),
                (Some("upload"), false) => {
                    json!({ "oid": oid, "size": size, "actions": { "upload": action } })
                }
                (_, true) => json!({ "oid": oid, "size": size, "actions": { "download": action } }),
                (_, false) => {
                    json!({ "oid": oid, "size": size, "error": { "code": 404, "message": "not here" } })
                }
            }
        });
        let objects: Vec<Value> = objects.collect();
        return Some(("200 OK", json!({ "transfer": "basic", "objects": objects }).to_string().into_bytes()));
    }
    if path.contains("/info/lfs/") {
        return Some(("404 Not Found", b"{\"message\": \"no locks here\"}".to_vec()));
    }
    let oid = path.strip_prefix("/lfs-store/")?;
    if method == "PUT" {
        fs::create_dir_all(&store).unwrap();
        fs::write(store.join(oid), body).unwrap();
        return Some(("200 OK", Vec::new()));
    }
    Some(fs::read(store.join(oid)).map_or(("404 Not Found", Vec::new()), |bytes| ("200 OK", bytes)))
}

/// Whether all that a repository keeps in large files is on the server, and another clone has it.
fn arrives(first: &[&str]) {
    let Some(lfs) = fetched::lfs() else { return };
    let it = Beside::new(&[&lfs]);
    let port = http::serve(it.file("remotes"));
    it.ok("", "git lfs install --skip-repo && git config --global lfs.locksverify false");
    it.ok("app", &format!("git remote set-url origin http://127.0.0.1:{port}/app.git"));
    for code in first {
        it.sh("app", code);
    }
    it.ok("app", "git lfs track '*.bin' && git add -A && git commit -qm track");
    for number in 1..4 {
        it.ok(
            "app",
            &format!("head -c 4000 /dev/urandom > {number}.bin && git add -A && git commit -qm {number}"),
        );
        it.ok("app", &format!("git push -q origin HEAD:main HEAD:b{number}"));
        let there = it.ok("", "ls remotes/lfs-store | wc -l");
        assert_eq!(there.trim(), number.to_string(), "{first:?}");
    }
    it.ok("", "git -C remotes/app.git symbolic-ref HEAD refs/heads/main");
    it.ok("", &format!("git clone -q http://127.0.0.1:{port}/app.git other && cmp app/3.bin other/3.bin && cmp app/1.bin other/1.bin"));
}

#[test]
fn large_files_reach_a_server_whoever_s_hook_came_first() {
    arrives(&["git lfs install --local"]);
    arrives(&["git lfs install --local", "rwenv hooks install"]);
    arrives(&["rwenv hooks install", "git lfs install --local"]);
    arrives(&["rwenv hooks install"]);
    arrives(&[
        "rwenv hooks install",
        "git lfs install --local",
        "rwenv hooks uninstall",
        "git lfs install --local",
    ]);
}

#[test]
fn large_files_reach_a_server_with_hooks_for_all_repositories() {
    arrives(&["rwenv hooks install --global"]);
    arrives(&["rwenv hooks install --global", "git lfs install --local"]);
    arrives(&["git lfs install --local", "rwenv hooks install --global"]);
    arrives(&["git lfs install --local", "rwenv hooks install", "rwenv hooks install --global"]);
}
