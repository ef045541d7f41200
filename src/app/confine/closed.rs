//! What a confined program may not ask of the system: calls that lead past mounts and namespaces, and rights over them.

use std::collections::BTreeMap;

use nix::libc;
use rustix::thread::{CapabilitySet, CapabilitySets};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

/// Calls that are refused: keys of the kernel (shared with programs outside), programs in the kernel, files by handle (past every mount), the
/// machine itself.
const REFUSED: [i64; 20] = [
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_open_by_handle_at,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_syslog,
    libc::SYS_lookup_dcookie,
    libc::SYS_fanotify_init,
];
/// Requests to terminals that type in the name of the person: TIOCSTI, TIOCLINUX (ioctl_tty(2)).
const TYPING: [u64; 2] = [0x5412, 0x541C];
/// What root keeps.
const KEPT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SETFCAP)
    .union(CapabilitySet::NET_BIND_SERVICE);

/// Gives up the rights that are more than a user's, and set-id programs, for this process and all it starts.
///
/// # Errors
/// Where the system does not take it.
pub(super) fn close_rights() -> Result<(), String> {
    rights().map_err(|error| format!("rights could not be given up: {error}"))?;
    rustix::thread::set_no_new_privs(true)
        .map_err(|error| format!("set-id programs could not be switched off: {error}"))
}

/// Closes the calls for this process and all it starts.
///
/// # Errors
/// Where the system does not take it.
pub(super) fn close_calls() -> Result<(), String> {
    let filter = filter().map_err(|error| format!("system calls could not be closed: {error}"))?;
    seccompiler::apply_filter(&filter).map_err(|error| format!("system calls could not be closed: {error}"))
}

fn filter() -> Result<BpfProgram, seccompiler::BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = REFUSED.iter().map(|call| (*call, Vec::new())).collect();
    let typing = TYPING.iter().map(|request| {
        SeccompRule::new(vec![SeccompCondition::new(1, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, *request)?])
    });
    rules.insert(libc::SYS_ioctl, typing.collect::<Result<_, _>>()?);
    let refused = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    SeccompFilter::new(rules, SeccompAction::Allow, refused, std::env::consts::ARCH.try_into()?)?.try_into()
}

/// Gives up what is more than a user's, for good.
fn rights() -> rustix::io::Result<()> {
    let kept = if nix::unistd::getuid().is_root() { KEPT } else { CapabilitySet::empty() };
    let before = rustix::thread::capabilities(None)?;
    rustix::thread::clear_ambient_capability_set()?;
    if before.effective.contains(CapabilitySet::SETPCAP) {
        for right in CapabilitySet::all().iter().filter(|right| !kept.contains(*right)) {
            // A kernel that does not know it has nothing to take.
            let _ = rustix::thread::remove_capability_from_bounding_set(right);
        }
    }
    let sets = before.permitted & kept;
    rustix::thread::set_capabilities(
        None,
        CapabilitySets { effective: sets, permitted: sets, inheritable: CapabilitySet::empty() },
    )
}
