//! The plan as arguments of bubblewrap (bwrap(1)).

use std::ffi::OsString;
use std::path::Path;

use super::mounts::MountStep;
use super::plan::ConfinementPlan;

/// What root keeps inside: its files and its processes, nothing of the system.
const KEPT_BY_ROOT: [&str; 9] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_NET_BIND_SERVICE",
];

/// The arguments before the program.
pub(super) fn arguments(plan: &ConfinementPlan, is_root: bool) -> Vec<OsString> {
    let mut all: Vec<OsString> = Vec::new();
    let mut add =
        |words: &[&dyn AsRef<std::ffi::OsStr>]| all.extend(words.iter().map(|word| word.as_ref().to_owned()));
    add(&[&"--unshare-pid", &"--unshare-ipc", &"--unshare-cgroup-try", &"--die-with-parent", &"--as-pid-1"]);
    if is_root {
        add(&[&"--cap-drop", &"ALL"]);
        KEPT_BY_ROOT.iter().for_each(|name| add(&[&"--cap-add", name]));
    }
    add(&[&"--bind", &"/", &"/", &"--dev", &"/dev", &"--proc", &"/proc", &"--ro-bind", &"/sys", &"/sys"]);
    for step in &plan.steps {
        let at: &Path = &step.path;
        match &step.step {
            MountStep::Shown => add(&[&"--bind", &at, &at]),
            MountStep::ReadOnly => add(&[&"--ro-bind", &at, &at]),
            MountStep::EmptyFolder(mode) => add(&[&"--perms", &format!("{mode:04o}"), &"--tmpfs", &at]),
            MountStep::SealedFolder => add(&[&"--perms", &"0700", &"--tmpfs", &at]),
            MountStep::EmptyFile => add(&[&"--ro-bind", &plan.empty, &at]),
            MountStep::InPlace(from) => add(&[&"--ro-bind", from, &at]),
        }
    }
    // Last, because what stands in them is made before.
    for step in plan.steps.iter().filter(|step| step.step == MountStep::SealedFolder) {
        add(&[&"--remount-ro", &step.path]);
    }
    add(&[&"--chdir", &plan.cwd, &"--"]);
    all
}
