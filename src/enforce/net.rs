//! The net under a hook. An agent runs the command when its hook crashes, is killed or is too slow, so each of these
//! has to end as a denial: a panic, a fatal signal, too much memory, too much time. Only `kill -9` gets through.
#![expect(
    unsafe_code,
    reason = "signal handlers and an allocator cannot be had without; both are kept to this file"
)]

use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, Ordering};

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
/// Blocks are multiples of this many bytes, and aligned to it.
const GRAIN: usize = 16;
/// Blocks of up to this many grains are used again once they are given back.
const CLASSES: usize = 64;

/// An allocator for a process with one thread that lives for a millisecond: it hands out one block of zeroed memory
/// from front to back, hands small pieces out again (fewer pages touched is most of what a short process can save),
/// and when the block is used up it fails, which ends in a denial.
#[derive(Debug)]
#[repr(C, align(4096))]
pub struct Arena {
    memory: UnsafeCell<[u8; ARENA]>,
    state: UnsafeCell<State>,
    taken: AtomicBool,
}

#[derive(Debug)]
struct State {
    /// Bytes handed out so far.
    used: usize,
    /// First free piece by size in grains; each piece holds the address of the next.
    free: [*mut u8; CLASSES + 1],
}

// SAFETY: `memory` and `state` are only touched between `enter` and `leave`, by one thread at a time.
unsafe impl Sync for Arena {}

impl Arena {
    /// A block nothing of which is used.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            memory: UnsafeCell::new([0; ARENA]),
            state: UnsafeCell::new(State { used: 0, free: [std::ptr::null_mut(); CLASSES + 1] }),
            taken: AtomicBool::new(false),
        }
    }

    /// Runs `work` with the state to itself. There is one thread, so that this never waits.
    fn with<T>(&self, work: impl FnOnce(&mut State, *mut u8) -> T) -> T {
        while self.taken.swap(true, Ordering::Acquire) {
            std::hint::spin_loop();
        }
        // SAFETY: the flag keeps everyone else out.
        let result = work(unsafe { &mut *self.state.get() }, self.memory.get().cast());
        self.taken.store(false, Ordering::Release);
        result
    }
}

impl Default for Arena {
    fn default() -> Self {
        Self::new()
    }
}

impl State {
    fn take(&mut self, base: *mut u8, layout: Layout) -> *mut u8 {
        let grains = layout.size().div_ceil(GRAIN);
        if let Some(first) = self.class(grains, layout) {
            let piece = *first;
            if !piece.is_null() {
                // SAFETY: a piece in a list is at least one grain, and holds the next one's address.
                *first = unsafe { piece.cast::<*mut u8>().read() };
                return piece;
            }
        }
        let here = base.addr() + self.used;
        let start = self.used + (here.next_multiple_of(layout.align().max(GRAIN)) - here);
        match grains.checked_mul(GRAIN).and_then(|size| start.checked_add(size)).filter(|end| *end <= ARENA) {
            Some(end) => {
                self.used = end;
                // SAFETY: `start` lies inside the block.
                unsafe { base.add(start) }
            }
            None => std::ptr::null_mut(),
        }
    }

    fn give_back(&mut self, base: *mut u8, piece: *mut u8, layout: Layout) {
        let grains = layout.size().div_ceil(GRAIN);
        let start = piece.addr() - base.addr();
        if start + grains * GRAIN == self.used {
            self.used = start;
        } else if let Some(first) = self.class(grains, layout) {
            // SAFETY: the piece is one grain at least, aligned, and nobody's any more.
            unsafe { piece.cast::<*mut u8>().write(*first) };
            *first = piece;
        }
    }

    /// Makes a piece longer or shorter where it stands, if it can be.
    fn resize(&mut self, base: *mut u8, piece: *mut u8, layout: Layout, size: usize) -> bool {
        let start = piece.addr() - base.addr();
        let (old, new) = (layout.size().div_ceil(GRAIN) * GRAIN, size.div_ceil(GRAIN) * GRAIN);
        if old == new {
            return true;
        }
        let last = start + old == self.used && start + new <= ARENA;
        if last {
            self.used = start + new;
        }
        last
    }

    fn class(&mut self, grains: usize, layout: Layout) -> Option<&mut *mut u8> {
        self.free.get_mut(grains).filter(|_| layout.align() <= GRAIN && grains > 0)
    }
}

// SAFETY: every piece lies inside `memory`, is aligned, and overlaps no other that is in use.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.with(|state, base| state.take(base, layout))
    }

    unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
        self.with(|state, base| state.give_back(base, piece, layout));
    }

    unsafe fn realloc(&self, piece: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if self.with(|state, base| state.resize(base, piece, layout, size)) {
            return piece;
        }
        // SAFETY: the size is not zero and the alignment is one that was accepted before.
        let new = unsafe { self.alloc(Layout::from_size_align_unchecked(size, layout.align())) };
        if !new.is_null() {
            // SAFETY: both pieces are at least as long as what is copied, and they do not overlap.
            unsafe { std::ptr::copy_nonoverlapping(piece, new, layout.size().min(size)) };
            // SAFETY: the old piece is the caller's to give back.
            unsafe { self.dealloc(piece, layout) };
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
        let layout = |size, align| Layout::from_size_align(size, align).unwrap();
        // SAFETY: layouts are valid, pointers are the arena's own.
        unsafe {
            let one = arena.alloc(layout(3, 1));
            let two = arena.alloc(layout(24, 16));
            assert!(two.addr() % 16 == 0 && two > one);
            two.write_bytes(7, 24);
            let grown = arena.realloc(two, layout(24, 16), 64);
            assert_eq!(grown, two, "the last piece grows where it is");
            let three = arena.alloc(layout(24, 64));
            assert_eq!(three.addr() % 64, 0);
            let moved = arena.realloc(grown, layout(64, 16), 128);
            assert_ne!(moved, grown);
            assert_eq!(*moved.add(23), 7);
            assert_eq!(arena.alloc(layout(60, 8)), grown, "a small piece is used again");
            arena.dealloc(moved, layout(128, 16));
            assert_eq!(arena.alloc(layout(2000, 16)), moved, "what is given back at the end is free again");
            assert!(arena.alloc(layout(ARENA, 1)).is_null());
        }
    }
}
