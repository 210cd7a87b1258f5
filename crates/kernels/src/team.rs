//! Threads that work side by side on one operation: they spin for some tens of microseconds between
//! operations and then park.
//!
//! Work comes as numbered tasks, each of which writes outputs of its own, so that who runs which
//! changes no bit. A thread begins with a part of them that is its own, and ends with what others have
//! left of theirs. A worker that is still parked when the work is done is not waited for.

use std::{
    any::Any,
    cell::{Cell, UnsafeCell},
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle, Thread},
    time::{Duration, Instant},
};

use crate::path::Path;

/// How long a worker spins before it parks.
const SPIN: Duration = Duration::from_micros(60);

/// Some threads and the instructions that they use.
#[derive(Debug)]
pub struct Team {
    path: Path,
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    /// Held while an operation runs, so that two callers take turns.
    turn: Mutex<()>,
}

/// Something on a cache line of its own: else each thread would wait for the line that another writes.
#[derive(Default)]
#[repr(align(128))]
struct Line<T>(T);

type Job = *const (dyn Fn(usize, usize) + Sync);

struct Shared {
    /// `generation << 16 | is_open << 15 | workers that joined`
    gate: Line<AtomicU64>,
    work: Line<Work>,
    /// For each thread, the next of its own tasks.
    next: Vec<Line<AtomicUsize>>,
    finished: Line<AtomicUsize>,
    stop: AtomicBool,
    parked: Vec<AtomicBool>,
    panic: Line<Mutex<Option<Box<dyn Any + Send>>>>,
}

/// What the threads run, and how many tasks of it.
#[derive(Default)]
struct Work {
    job: UnsafeCell<Option<Job>>,
    tasks: AtomicUsize,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("Shared").field("gate", &self.gate.0).finish_non_exhaustive()
    }
}

// SAFETY: `job` is written only by the caller that holds the turn while the gate is closed and all
// who joined have finished, and read only by workers that joined an open gate.
unsafe impl Sync for Shared {}
// SAFETY: as above; the pointer is to a closure that is `Sync`.
unsafe impl Send for Shared {}

const OPEN: u64 = 1 << 15;
const JOINED: u64 = OPEN - 1;

thread_local! {
    /// Whether this thread is inside a task, so that a run inside a run goes inline.
    static IS_INSIDE: Cell<bool> = const { Cell::new(false) };
}

impl Team {
    /// `threads` threads, the caller's among them.
    pub fn new(threads: usize, path: Path) -> Self {
        assert!(path.is_here(), "this processor has no {path:?}");
        assert_denormals_are_kept();
        let others = threads.max(1) - 1;
        let shared = Arc::new(Shared {
            gate: Line::default(),
            work: Line::default(),
            next: (0..=others).map(|_| Line::default()).collect(),
            finished: Line::default(),
            stop: AtomicBool::new(false),
            parked: (0..others).map(|_| AtomicBool::new(false)).collect(),
            panic: Line::default(),
        });
        let start = |index| {
            let shared = shared.clone();
            let name = format!("team-{}", index + 1);
            thread::Builder::new().name(name).spawn(move || work(&shared, index)).ok()
        };
        // Where the system gives no more threads, a smaller team does the same work.
        let workers = (0..others).map_while(start).collect();
        Self { path, shared, workers, turn: Mutex::new(()) }
    }

    /// One thread with the fastest instructions.
    pub fn alone() -> Self {
        Self::new(1, Path::best())
    }

    /// Threads, the caller's among them.
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// The instructions that kernels use.
    pub fn path(&self) -> Path {
        self.path
    }

    /// Runs each of `tasks` tasks once, on any thread. A panic in one is the caller's.
    pub fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        self.run_on(tasks, &|_, index| task(index));
    }

    /// The same for tasks that are told which thread they are on, `(thread, task)`, and so which
    /// scratch is theirs.
    pub fn run_on(&self, tasks: usize, task: &(dyn Fn(usize, usize) + Sync)) {
        if tasks <= 1 || self.workers.is_empty() || IS_INSIDE.get() {
            (0..tasks).for_each(|index| task(0, index));
            return;
        }
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let shared = &*self.shared;
        // SAFETY: only the lifetime is erased. Nobody uses the job after this function: the gate is
        // closed and all who joined are waited for below, also when a task panics.
        let job =
            unsafe { std::mem::transmute::<*const (dyn Fn(usize, usize) + Sync + '_), Job>(task) };
        // SAFETY: the turn is held, the gate is closed, and all who joined before have finished.
        unsafe { *shared.work.0.job.get() = Some(job) };
        shared.work.0.tasks.store(tasks, Ordering::Relaxed);
        for (thread, next) in shared.next.iter().enumerate() {
            next.0.store(own(tasks, shared.next.len(), thread).start, Ordering::Relaxed);
        }
        shared.finished.0.store(0, Ordering::Relaxed);
        let generation = (shared.gate.0.load(Ordering::Relaxed) >> 16) + 1;
        shared.gate.0.store(generation << 16 | OPEN, Ordering::SeqCst);
        let wanted = self.workers.iter().zip(&shared.parked).take(tasks - 1);
        for (worker, parked) in wanted {
            // Looked at first, as a task is: mostly nobody is parked.
            if parked.load(Ordering::SeqCst) && parked.swap(false, Ordering::SeqCst) {
                unpark(worker.thread());
            }
        }
        shared.do_tasks(task, 0);
        let joined = shared.gate.0.fetch_and(!OPEN, Ordering::AcqRel) & JOINED;
        let mut spins = 0u32;
        while (shared.finished.0.load(Ordering::Acquire) as u64) < joined {
            spins += 1;
            // A worker that lost its core to another process needs the scheduler, not our spinning.
            if spins.is_multiple_of(1 << 12) { thread::yield_now() } else { std::hint::spin_loop() }
        }
        let panic = shared.panic.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }

    /// Cuts `0..len` into ranges for the threads, whole multiples of `step` at least `least` long,
    /// and runs each once.
    pub fn split(
        &self,
        len: usize,
        step: usize,
        least: usize,
        each: &(dyn Fn(Range<usize>) + Sync),
    ) {
        if len == 0 {
            return;
        }
        let pieces = (len / least.max(1)).clamp(1, self.threads());
        let size = len.div_ceil(pieces).next_multiple_of(step);
        let pieces = len.div_ceil(size);
        self.run(pieces, &|piece| each(piece * size..len.min((piece + 1) * size)));
    }
}

/// The tasks that a thread begins with: of most operations the same rows, which its cache then holds.
fn own(tasks: usize, threads: usize, thread: usize) -> Range<usize> {
    let threads = threads.min(tasks).max(1);
    let part = |thread: usize| thread.min(threads) * tasks / threads;
    part(thread)..part(thread + 1)
}

fn unpark(thread: &Thread) {
    thread.unpark();
}

impl Drop for Team {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        for worker in self.workers.drain(..) {
            unpark(worker.thread());
            // A worker catches what its tasks throw, so it does not end in a panic.
            let _ended = worker.join();
        }
    }
}

impl Shared {
    /// The tasks of a thread, then what the others have left of theirs.
    fn do_tasks(&self, task: &(dyn Fn(usize, usize) + Sync), thread: usize) {
        let tasks = self.work.0.tasks.load(Ordering::Relaxed);
        let threads = self.next.len();
        let done = catch_unwind(AssertUnwindSafe(|| {
            IS_INSIDE.set(true);
            for of in (thread..threads).chain(0..thread) {
                let end = own(tasks, threads, of).end;
                // Looked at first: whoever finds nothing leaves the line to those who work.
                while self.next[of].0.load(Ordering::Relaxed) < end {
                    let index = self.next[of].0.fetch_add(1, Ordering::Relaxed);
                    if index < end {
                        task(thread, index);
                    }
                }
            }
        }));
        IS_INSIDE.set(false);
        if let Err(panic) = done {
            // Nobody begins another task; what runs goes on to its end.
            self.next.iter().for_each(|next| next.0.store(tasks, Ordering::Relaxed));
            let mut first = self.panic.0.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert(panic);
        }
    }

    /// Counts this worker in, if an operation of another generation than `seen` is open.
    fn join(&self, seen: &mut u64) -> bool {
        let gate = self.gate.0.load(Ordering::Acquire);
        if gate & OPEN == 0 || gate >> 16 == *seen {
            return false;
        }
        let joined = self
            .gate
            .0
            .compare_exchange(gate, gate + 1, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok();
        if joined {
            *seen = gate >> 16;
        }
        joined
    }
}

/// What a worker does until the team is dropped.
fn work(shared: &Shared, index: usize) {
    assert_denormals_are_kept();
    let mut seen = 0;
    let mut idle_since = Instant::now();
    let mut spins = 0u32;
    while !shared.stop.load(Ordering::Relaxed) {
        if shared.join(&mut seen) {
            // SAFETY: joined while the gate was open, so the job stands until `finished` counts us.
            let task = unsafe { (*shared.work.0.job.get()).map(|job| &*job) };
            if let Some(task) = task {
                shared.do_tasks(task, index + 1);
            }
            shared.finished.0.fetch_add(1, Ordering::Release);
            idle_since = Instant::now();
            continue;
        }
        std::hint::spin_loop();
        spins = spins.wrapping_add(1);
        if spins.is_multiple_of(64) && idle_since.elapsed() > SPIN {
            shared.parked[index].store(true, Ordering::SeqCst);
            let gate = shared.gate.0.load(Ordering::SeqCst);
            let is_idle = gate & OPEN == 0 || gate >> 16 == seen;
            if is_idle && !shared.stop.load(Ordering::SeqCst) {
                thread::park();
            }
            shared.parked[index].store(false, Ordering::SeqCst);
            idle_since = Instant::now();
        }
    }
}

/// Stops a thread on which somebody has set flush-to-zero or denormals-are-zero: its sums would
/// differ from everybody else's.
fn assert_denormals_are_kept() {
    let least = std::hint::black_box(f32::MIN_POSITIVE);
    let half = std::hint::black_box(least * 0.5);
    assert!(half > 0.0 && half + half == least, "this thread flushes denormals to zero");
}

/// A slice of which tasks write ranges that do not overlap.
#[derive(Debug)]
pub struct Pieces<'a, T = f32> {
    at: *mut T,
    len: usize,
    slice: std::marker::PhantomData<&'a mut [T]>,
}

// SAFETY: pieces are handed out under the promise of `piece`, that they do not overlap.
unsafe impl<T: Send> Sync for Pieces<'_, T> {}

impl<'a, T> Pieces<'a, T> {
    /// Over a slice.
    pub fn new(slice: &'a mut [T]) -> Self {
        Self { at: slice.as_mut_ptr(), len: slice.len(), slice: std::marker::PhantomData }
    }

    /// A range of it.
    ///
    /// # Safety
    /// No two pieces that live at the same time overlap.
    ///
    /// # Panics
    /// If the range ends beyond the slice.
    #[allow(clippy::mut_from_ref, reason = "the caller promises that pieces do not overlap")]
    pub unsafe fn piece(&self, range: Range<usize>) -> &mut [T] {
        assert!(range.start <= range.end && range.end <= self.len);
        // SAFETY: in bounds by the assertion, alone by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.at.add(range.start), range.len()) }
    }

    /// Where a range of it begins; writing there takes the promise of [`Pieces::piece`].
    ///
    /// # Panics
    /// If the range ends beyond the slice.
    pub fn at(&self, range: Range<usize>) -> *mut T {
        assert!(range.start <= range.end && range.end <= self.len);
        self.at.wrapping_add(range.start)
    }
}
