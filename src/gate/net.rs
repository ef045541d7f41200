//! The net under a door. An agent runs the command when its hook crashes, is killed or is too slow, so each of these
//! has to end as a denial: a panic, a fatal signal, too much memory, too much time. Only `kill -9` gets through.
#![expect(
    unsafe_code,
    reason = "signal handlers and an allocator cannot be had without; both are kept to this file"
)]

use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use nix::libc;
use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::unistd::alarm;

use crate::wire::claude::BLOCK;

/// Seconds on the clock until the answer is a denial. Much less than what the hook is registered with.
const DEADLINE: u32 = 3;
/// Seconds of computing until the answer is a denial.
const COMPUTING: rlim_t = 1;

const CRASHED: &[u8] = b"rwenv: the hook failed while judging this call, so the call does not run. [hook.failed]\n  \
instead: split the command into simpler ones; if that does not help, tell a person, who can run: rwenv check -- COMMAND\n";
const LATE: &[u8] = b"rwenv: judging this call took too long, so the call does not run. [hook.deadline]\n  \
instead: split the command into simpler ones; if that does not help, tell a person, who can run: rwenv check -- COMMAND\n";

/// Exit status of a denial by the net.
static STATUS: AtomicI32 = AtomicI32::new(BLOCK as i32);

/// What else is said to the caller, on standard output: after a crash, and after the deadline.
static ALSO: OnceLock<[String; 2]> = OnceLock::new();

/// Has a denial by the net said in the caller's own form too.
pub(super) fn also_say(form: impl Fn(&str) -> String) {
    let said = [CRASHED, LATE].map(|why| form(&String::from_utf8_lossy(why)));
    // Twice says nothing new.
    let _ = ALSO.set(said);
}

/// What the process was started with and the net changed.
#[derive(Debug)]
pub(super) struct Inherited {
    ignored: Vec<Signal>,
    alarm: Option<u32>,
    computing: Option<(rlim_t, rlim_t)>,
    closed: Vec<i32>,
}

/// Spreads the net; the first thing a door does. A denial by it ends with this status.
pub(super) fn install(status: u8) -> Inherited {
    STATUS.store(i32::from(status), Ordering::Relaxed);
    let closed = standard_files();
    std::panic::set_hook(Box::new(|_| deny(false)));
    own_stack();
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
    for signal in fatal {
        // What the caller has ignored (nohup, a job in the background) stays so.
        if matches!(set(signal, SigHandler::Handler(on_crash)), Some(SigHandler::SigIgn)) {
            set(signal, SigHandler::SigIgn);
        }
    }
    set(Signal::SIGALRM, SigHandler::Handler(on_deadline));
    set(Signal::SIGXCPU, SigHandler::Handler(on_deadline));
    // A write that fails can be told; one that kills cannot.
    let quiet = [Signal::SIGPIPE, Signal::SIGXFSZ];
    let was = |signal: &Signal| matches!(set(*signal, SigHandler::SigIgn), Some(SigHandler::SigIgn));
    let ignored = quiet.into_iter().filter(was).collect();
    let computing = getrlimit(Resource::RLIMIT_CPU).ok();
    if let Some((_, hard)) = computing {
        let _ = setrlimit(Resource::RLIMIT_CPU, COMPUTING.min(hard), hard);
    }
    Inherited { ignored, alarm: alarm::set(DEADLINE), computing, closed }
}

impl Inherited {
    /// Takes the net away, so that a program that is put in this one's place finds what it would have found.
    pub(super) fn restore(self) {
        alarm::cancel();
        for signal in [Signal::SIGPIPE, Signal::SIGXFSZ] {
            if !self.ignored.contains(&signal) {
                set(signal, SigHandler::SigDfl);
            }
        }
        if let Some((soft, hard)) = self.computing {
            let _ = setrlimit(Resource::RLIMIT_CPU, soft, hard);
        }
        for file in self.closed {
            // SAFETY: the descriptor is one that `standard_files` opened.
            unsafe { libc::close(file) };
        }
        if let Some(seconds) = self.alarm {
            // Handled until now; a program that is put in place starts with the default.
            alarm::set(seconds);
        }
    }
}

/// Takes away what ends a process that waits too long, and what takes a person's Ctrl-C for a crash: from here on it waits for them.
pub(super) fn wait_for_person() {
    alarm::cancel();
    for signal in [Signal::SIGINT, Signal::SIGQUIT, Signal::SIGHUP, Signal::SIGTERM] {
        set(signal, SigHandler::SigDfl);
    }
}

/// Sets a signal's disposition; says what it was.
fn set(signal: Signal, handler: SigHandler) -> Option<SigHandler> {
    let action = SigAction::new(handler, SaFlags::SA_ONSTACK, SigSet::all());
    // SAFETY: the handlers call nothing but write(2) and _exit(2), which are async-signal-safe.
    unsafe { sigaction(signal, &action) }.ok().map(|old| old.handler())
}

/// Opens what is closed of the three standard files, so that no file of ours takes its number and is written to as if
/// it were the terminal. Says which.
fn standard_files() -> Vec<i32> {
    let mut files = [0, 1, 2].map(|fd| libc::pollfd { fd, events: 0, revents: 0 });
    // SAFETY: three entries, as said.
    unsafe { libc::poll(files.as_mut_ptr(), 3, 0) };
    let closed = files.iter().filter(|file| file.revents & libc::POLLNVAL != 0).map(|file| file.fd);
    let closed: Vec<i32> = closed.collect();
    for _ in &closed {
        // SAFETY: a constant path. The lowest number that is free is the next of those that are closed.
        unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_RDWR) };
    }
    closed
}

/// Bytes of stack for the handlers: the usual one may be what has run out.
const STACK: usize = 16 << 10;

/// Memory for that stack.
struct HandlerStack(UnsafeCell<[u8; STACK]>);

// SAFETY: only the kernel uses it, for the one thread there is.
unsafe impl Sync for HandlerStack {}

static HANDLER_STACK: HandlerStack = HandlerStack(UnsafeCell::new([0; STACK]));

fn own_stack() {
    let stack = libc::stack_t { ss_sp: HANDLER_STACK.0.get().cast(), ss_flags: 0, ss_size: STACK };
    // SAFETY: the memory is static and nobody else's.
    unsafe { libc::sigaltstack(&raw const stack, std::ptr::null_mut()) };
}

extern "C" fn on_crash(_: i32) {
    deny(false);
}

extern "C" fn on_deadline(_: i32) {
    deny(true);
}

/// Says the denial and ends the process, without running anything else.
fn deny(late: bool) {
    let message = if late { LATE } else { CRASHED };
    let also =
        ALSO.get().and_then(|said| said.get(usize::from(late))).map(String::as_bytes).unwrap_or_default();
    // SAFETY: the calls are async-signal-safe, and nothing changes the texts once they are set.
    unsafe {
        if !also.is_empty() {
            let _ = libc::write(1, also.as_ptr().cast(), also.len());
        }
        let _ = libc::write(2, message.as_ptr().cast(), message.len());
        libc::_exit(STATUS.load(Ordering::Relaxed));
    }
}

/// Bytes of memory a hook may use in all. What 128 KiB of the densest shell code takes is well below.
const ARENA: usize = 192 << 20;
#[cfg(target_os = "linux")]
const MAP_STACK: i32 = libc::MAP_STACK;
#[cfg(not(target_os = "linux"))]
const MAP_STACK: i32 = 0;
/// The least that is worth a try, where the process may not have so much (`ulimit -v`).
const LEAST: usize = 64 << 10;
/// Bytes of memory whose pages are made as they are touched: a short command takes no more.
const ON_TOUCH: usize = 256 << 10;
/// Behind that, pages of so many bytes at least are asked for together: one call to the system costs less than a page fault for each.
const AT_ONCE: usize = 64 << 10;
/// Blocks are multiples of this many bytes, and aligned to it.
const GRAIN: usize = 16;
/// Pieces of up to this many grains have as many as are asked for; longer ones a power of two.
const EXACT: usize = 64;
/// Pieces are used again once they are given back, by those of the same length.
const CLASSES: usize = EXACT + usize::BITS as usize;

/// An allocator for a process with one thread that lives for a millisecond: it hands out one block of memory from front to
/// back, hands pieces out again (fewer pages touched is most of what a short process can save), and when the block is used up it
/// fails, which ends in a denial.
#[derive(Debug)]
pub struct Arena {
    state: UnsafeCell<ArenaState>,
    taken: AtomicBool,
}

#[derive(Debug)]
struct ArenaState {
    /// The block; null before the first piece is asked for.
    base: *mut u8,
    /// Its bytes.
    length: usize,
    /// Bytes handed out so far.
    used: usize,
    /// Bytes of which the pages are there, or nearly: the next are asked for when these are handed out.
    ready: usize,
    /// First free piece by class; each piece holds the address of the next.
    free: [*mut u8; CLASSES + 1],
}

// SAFETY: `state` and the block are only touched between `enter` and `leave`, by one thread at a time.
unsafe impl Sync for Arena {}

impl Arena {
    /// A block nothing of which is used.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            state: UnsafeCell::new(ArenaState {
                base: std::ptr::null_mut(),
                length: 0,
                used: 0,
                ready: ON_TOUCH,
                free: [std::ptr::null_mut(); CLASSES + 1],
            }),
            taken: AtomicBool::new(false),
        }
    }

    /// Runs `work` with the state to itself. There is one thread, so that this never waits.
    fn with<T>(&self, work: impl FnOnce(&mut ArenaState) -> T) -> T {
        while self.taken.swap(true, Ordering::Acquire) {
            std::hint::spin_loop();
        }
        // SAFETY: the flag keeps everyone else out.
        let result = work(unsafe { &mut *self.state.get() });
        self.taken.store(false, Ordering::Release);
        result
    }
}

impl Default for Arena {
    fn default() -> Self {
        Self::new()
    }
}

impl ArenaState {
    /// Asks the system for the block: all of it, or as much as this process may have.
    #[cold]
    fn map(&mut self) {
        let mut length = ARENA;
        while length >= LEAST {
            // As for a stack, so that the first touch of a page is not one of two megabytes.
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | MAP_STACK;
            // SAFETY: a new mapping that touches nothing that is there.
            let block = unsafe {
                libc::mmap(std::ptr::null_mut(), length, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0)
            };
            if block != libc::MAP_FAILED {
                (self.base, self.length) = (block.cast(), length);
                return;
            }
            length /= 2;
        }
    }

    /// Has the pages of a piece and some behind it made ready. A long piece may never be filled: its pages are made as they are touched,
    /// as all are on systems that cannot do this.
    #[cold]
    fn populate(&mut self, start: usize, end: usize) {
        let from = self.ready;
        self.ready = end.next_multiple_of(AT_ONCE).min(self.length);
        #[cfg(target_os = "linux")]
        if end - start <= AT_ONCE {
            // SAFETY: a part of the block. Its content stays as it is.
            unsafe {
                libc::madvise(self.base.add(from).cast(), self.ready - from, libc::MADV_POPULATE_WRITE)
            };
        }
        #[cfg(not(target_os = "linux"))]
        let _ = (from, start);
    }

    fn take(&mut self, layout: Layout) -> *mut u8 {
        if self.base.is_null() {
            self.map();
        }
        let Some(grains) = grains(layout.size()) else { return std::ptr::null_mut() };
        if let Some(first) = self.class(grains, layout) {
            let piece = *first;
            if !piece.is_null() {
                // SAFETY: a piece in a list is at least one grain, and holds the next one's address.
                *first = unsafe { piece.cast::<*mut u8>().read() };
                return piece;
            }
        }
        let here = self.base.addr() + self.used;
        let start = self.used + (here.next_multiple_of(layout.align().max(GRAIN)) - here);
        match grains
            .checked_mul(GRAIN)
            .and_then(|size| start.checked_add(size))
            .filter(|end| *end <= self.length)
        {
            Some(end) => {
                self.used = end;
                if end > self.ready {
                    self.populate(start, end);
                }
                // SAFETY: `start` lies inside the block.
                unsafe { self.base.add(start) }
            }
            None => std::ptr::null_mut(),
        }
    }

    fn give_back(&mut self, piece: *mut u8, layout: Layout) {
        let Some(grains) = grains(layout.size()) else { return };
        let start = piece.addr() - self.base.addr();
        if start + grains * GRAIN == self.used {
            self.used = start;
        } else if let Some(first) = self.class(grains, layout) {
            // SAFETY: the piece is one grain at least, aligned, and nobody's any more.
            unsafe { piece.cast::<*mut u8>().write(*first) };
            *first = piece;
        }
    }

    /// Makes a piece longer or shorter where it stands, if it can be.
    fn resize(&mut self, piece: *mut u8, layout: Layout, size: usize) -> bool {
        let start = piece.addr() - self.base.addr();
        let (Some(old), Some(new)) = (grains(layout.size()), grains(size)) else { return false };
        let (old, new) = (old * GRAIN, new * GRAIN);
        if old == new {
            return true;
        }
        let last = start + old == self.used && start + new <= self.length;
        if last {
            self.used = start + new;
            if self.used > self.ready {
                self.populate(start, self.used);
            }
        }
        last
    }

    fn class(&mut self, grains: usize, layout: Layout) -> Option<&mut *mut u8> {
        let class = if grains <= EXACT { grains } else { EXACT + grains.ilog2() as usize };
        self.free.get_mut(class).filter(|_| layout.align() <= GRAIN && grains > 0)
    }
}

/// How many grains a piece of so many bytes has.
fn grains(size: usize) -> Option<usize> {
    let least = size.div_ceil(GRAIN);
    let grains = if least <= EXACT { least } else { least.checked_next_power_of_two()? };
    (grains <= ARENA / GRAIN).then_some(grains)
}

// SAFETY: every piece lies inside the block, is aligned, and overlaps no other that is in use.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.with(|state| state.take(layout))
    }

    unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
        self.with(|state| state.give_back(piece, layout));
    }

    unsafe fn realloc(&self, piece: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if self.with(|state| state.resize(piece, layout, size)) {
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
        let arena = Arena::new();
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
            let long = arena.alloc(layout(20_000, 1));
            let last = arena.alloc(layout(24, 8));
            assert_eq!(
                arena.realloc(long, layout(20_000, 1), 30_000),
                long,
                "up to a power of two there is room"
            );
            arena.dealloc(long, layout(30_000, 1));
            assert!(arena.alloc(layout(1_500, 1)) > last, "a piece of another length is a new one");
            assert_eq!(arena.alloc(layout(17_000, 1)), long, "a long piece is used again");
            assert!(arena.alloc(layout(ARENA, 1)).is_null());
        }
    }
}
