//! The plan as a profile for macOS's `sandbox-exec` (its language: the profiles in `/System/Library/Sandbox/Profiles`).

use std::fmt::Write as _;

use super::mounts::MountStep;
use super::plan::ConfinementPlan;

/// Services of the system by which programs are started outside, or keys are given out.
const SERVICES: [&str; 4] = [
    "com.apple.coreservices.launchservicesd",
    "com.apple.SecurityServer",
    "com.apple.securityd",
    "com.apple.coreservices.appleevents",
];
/// Folders that hold what all programs share; Seatbelt cannot give a program its own.
const SHARED: [&str; 2] = ["/tmp", "/private/tmp"];

/// The profile: everything is allowed but what is named. Of several rules that fit the last counts.
pub(super) fn profile(plan: &ConfinementPlan) -> String {
    let mut out = String::from(
        "(version 1)\n(allow default)\n(deny process-info* (target others))\n(deny signal (target others))\n",
    );
    for step in plan.steps.iter().filter(|step| !SHARED.iter().any(|shared| step.path.as_os_str() == *shared))
    {
        let path = quoted(&step.path.display().to_string());
        let _ = match step.step {
            MountStep::Shown => {
                writeln!(out, "(allow file-read* file-write* network-outbound (subpath {path}))")
            }
            MountStep::ReadOnly => writeln!(
                out,
                "(allow file-read* network-outbound (subpath {path}))\n(deny file-write* (subpath {path}))"
            ),
            _ => writeln!(out, "(deny file-read* file-write* network-outbound (subpath {path}))"),
        };
    }
    for name in SERVICES {
        let _ = writeln!(out, "(deny mach-lookup (global-name {}))", quoted(name));
    }
    out
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::confine::plan::PlannedStep;

    #[test]
    fn a_plan_as_a_profile() {
        let step = |path: &str, step| PlannedStep { path: path.into(), step, about: String::new() };
        let plan = ConfinementPlan {
            steps: vec![
                step("/tmp", MountStep::EmptyFolder(0o1777)),
                step("/Users/me/.kube", MountStep::EmptyFolder(0o700)),
                step("/Users/me/.a\"b", MountStep::ReadOnly),
                step("/Users/me/.kube/notes", MountStep::Shown),
            ],
            removed: Vec::new(),
            set: Default::default(),
            cwd: "/".into(),
            empty: "/e".into(),
            notes: Vec::new(),
        };
        let text = profile(&plan);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.first(), Some(&"(version 1)"));
        assert_eq!(
            lines.get(4),
            Some(&"(deny file-read* file-write* network-outbound (subpath \"/Users/me/.kube\"))")
        );
        assert_eq!(lines.get(6), Some(&"(deny file-write* (subpath \"/Users/me/.a\\\"b\"))"));
        assert_eq!(
            lines.get(7),
            Some(&"(allow file-read* file-write* network-outbound (subpath \"/Users/me/.kube/notes\"))")
        );
        assert!(!text.contains("\"/tmp\"") && text.contains("(deny mach-lookup"));
    }
}
