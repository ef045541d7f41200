//! The net under a hook. An agent runs the command when its hook crashes, is killed or is too slow, so each of these
//! has to end as a denial: a panic, a fatal signal, too much memory, too much time. Only `kill -9` gets through.
#![expect(unsafe_code, reason = "signal handlers and an allocator cannot be had without; both are kept to this file")]

use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicUsize, Ordering};

use nix::libc;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::unistd::alarm;

use crate::wire::claude::BLOCK;

/// Seconds on the clock until the answer is a denial. Less than what the hook is registered with (5).
const DEADLINE: u32 = 3;
/// Seconds of computing until the answer is a denial.
const COMPUTING: u64 = 1;

const CRASHED: &[u8] = b"rwenv: the hook failed while judging this call, so the call does not run. [hook.failed]\n  \
instead: split the command into simpler ones; if that does not help, tell a person, who can run: rwenv check -- COMMAND\n";
const LATE: &[u8] = b"rwenv: judging this call took too long, so the call does not run. [hook.deadline]\n  \
instead: split the command into simpler ones; if that does not help, tell a person, who can run: rwenv check -- COMMAND\n";

/// Spreads the net; the first thing a hook does.
pub(super) fn install() {
    std::panic::set_hook(Box::new(|_| deny(CRASHED)));
    let flags = SaFlags::SA_ONSTACK;
    let handle = |signals: &[Signal], handler: extern "C" fn(i32)| {
        let action = SigAction::new(SigHandler::Handler(handler), flags, SigSet::all());
        for signal in signals {
            // SAFETY: the handlers call nothing but write(2) and _exit(2), which are async-signal-safe.
            let _ = unsafe { sigaction(*signal, &action) };
        }
    };
    let fatal = [
        Signal::SIGSEGV,
        Signal::SIGBUS,
        Signal::SIGILL,
        Signal::SIGFPE,
        Signal::SIGABRT,
        Signal::SIGSYS,
        Signal::SIGTRAP,
        Signal::SIGTERM,
        Signal::SIGINT,
        Signal::SIGHUP,
        Signal::SIGQUIT,
    ];
    handle(&fatal, on_crash);
    handle(&[Signal::SIGALRM, Signal::SIGXCPU], on_deadline);
    let ignore = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    // SAFETY: ignoring a signal runs no code; the write that raised it fails with EFBIG instead.
    let _ = unsafe { sigaction(Signal::SIGXFSZ, &ignore) };
    alarm::set(DEADLINE);
    let _ = setrlimit(Resource::RLIMIT_CPU, COMPUTING, COMPUTING + 1);
}

extern "C" fn on_crash(_: i32) {
    deny(CRASHED);
}

extern "C" fn on_deadline(_: i32) {
    deny(LATE);
}

/// Says the denial and ends the process, without running anything else.
fn deny(message: &[u8]) {
    // SAFETY: both calls are async-signal-safe, and the buffer is a constant.
    unsafe {
        let _ = libc::write(2, message.as_ptr().cast(), message.len());
        libc::_exit(i32::from(BLOCK));
    }
}

/// Bytes of memory a hook may use in all. What 128 KiB of the densest shell code takes is well below.
const ARENA: usize = 192 << 20;

/// An allocator for a process that lives for a millisecond: it hands out one block of zeroed memory from front to
/// back, takes back only what it gave last, and when the block is used up it fails, which ends in a denial.
#[derive(Debug)]
pub struct Arena {
    memory: UnsafeCell<[u8; ARENA]>,
    used: AtomicUsize,
}

// SAFETY: `used` only moves by compare-and-swap, so that no two callers own the same bytes.
unsafe impl Sync for Arena {}

impl Arena {
    /// A block nothing of which is used.
    #[must_use]
    pub const fn new() -> Self {
        Self { memory: UnsafeCell::new([0; ARENA]), used: AtomicUsize::new(0) }
    }

    fn base(&self) -> *mut u8 {
        self.memory.get().cast()
    }

    /// Moves the end of what is used from one place to another, where it still is at the first.
    fn move_end(&self, from: usize, to: usize) -> bool {
        to <= ARENA && self.used.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// How far behind the base a pointer of ours lies.
    fn offset(&self, pointer: *mut u8) -> usize {
        pointer.addr() - self.base().addr()
    }
}

impl Default for Arena {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: every block lies inside `memory`, is aligned, and overlaps no other that is in use.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        loop {
            let used = self.used.load(Ordering::Relaxed);
            let free = self.base().addr() + used;
            let start = used + (free.next_multiple_of(layout.align()) - free);
            let Some(end) = start.checked_add(layout.size()).filter(|end| *end <= ARENA) else {
                return std::ptr::null_mut();
            };
            if self.move_end(used, end) {
                // SAFETY: `start` lies inside the block.
                return unsafe { self.base().add(start) };
            }
        }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let start = self.offset(pointer);
        self.move_end(start + layout.size(), start);
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let start = self.offset(pointer);
        if self.move_end(start + layout.size(), start + size) || size <= layout.size() {
            return pointer;
        }
        // SAFETY: the size is not zero and the alignment is one that was accepted before.
        let new = unsafe { self.alloc(Layout::from_size_align_unchecked(size, layout.align())) };
        if !new.is_null() {
            // SAFETY: both blocks are at least as long as the old one, and they do not overlap.
            unsafe { std::ptr::copy_nonoverlapping(pointer, new, layout.size()) };
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arena_gives_aligned_room_takes_back_the_last_and_ends() {
        let arena: Box<Arena> = {
            let layout = Layout::new::<Arena>();
            // SAFETY: an arena of zeroes is a new one.
            unsafe { Box::from_raw(std::alloc::alloc_zeroed(layout).cast()) }
        };
        let layout = Layout::from_size_align(24, 16).unwrap();
        // SAFETY: layouts are valid, pointers are the arena's own.
        unsafe {
            let one = arena.alloc(Layout::from_size_align(3, 1).unwrap());
            let two = arena.alloc(layout);
            assert!(two.addr() % 16 == 0 && two > one);
            two.write_bytes(7, 24);
            let grown = arena.realloc(two, layout, 64);
            assert_eq!(grown, two);
            let three = arena.alloc(layout);
            let moved = arena.realloc(grown, Layout::from_size_align(64, 16).unwrap(), 128);
            assert_ne!(moved, grown);
            assert_eq!(*moved.add(23), 7);
            arena.dealloc(moved, Layout::from_size_align(128, 16).unwrap());
            assert_eq!(arena.alloc(layout), moved);
            assert!(three < moved);
            assert!(arena.alloc(Layout::from_size_align(ARENA, 1).unwrap()).is_null());
        }
    }
}
