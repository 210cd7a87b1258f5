//! A pool of threads that compute one operation together. Between operations they spin for some tens of
//! microseconds and then park.
//!
//! An operation is a number of tasks, each of which writes outputs of its own, so that no bit depends on
//! which thread runs which task. Each thread begins with its own part of the tasks, and then steals what is
//! left of the others'. A worker that is still parked when all tasks are done is not waited for.

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

use crate::isa::Isa;

/// How long a worker spins before it parks.
const SPIN: Duration = Duration::from_micros(60);

/// A pool of threads, and the instruction set that kernels use on them.
#[derive(Debug)]
pub struct ThreadPool {
    isa: Isa,
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    /// Held while an operation runs, so that two callers run theirs one after the other.
    run_lock: Mutex<()>,
}

/// A value on a cache line of its own, which avoids false sharing.
#[derive(Default)]
#[repr(align(128))]
struct CacheAligned<T>(T);

type Job = *const (dyn Fn(usize, usize) + Sync);

struct Shared {
    /// `generation << 16 | is_open << 15 | workers that joined`
    gate: CacheAligned<AtomicU64>,
    work: CacheAligned<Work>,
    /// For each thread, the next of its own tasks.
    next: Vec<CacheAligned<AtomicUsize>>,
    finished: CacheAligned<AtomicUsize>,
    stop: AtomicBool,
    parked: Vec<AtomicBool>,
    panic: CacheAligned<Mutex<Option<Box<dyn Any + Send>>>>,
}

/// What the threads run, and how many tasks of it.
#[derive(Default)]
struct Work {
    job: UnsafeCell<Option<Job>>,
    tasks: AtomicUsize,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Shared").field("gate", &self.gate.0).finish_non_exhaustive()
    }
}

// SAFETY: `job` is written only by the caller that holds the run lock, while the gate is closed and all
// workers that joined have finished; it is read only by workers that joined an open gate.
unsafe impl Sync for Shared {}
// SAFETY: as above; the pointer is to a closure that is `Sync`.
unsafe impl Send for Shared {}

const OPEN: u64 = 1 << 15;
const JOINED: u64 = OPEN - 1;

thread_local! {
    /// Whether this thread runs a task: an operation inside a task runs on this thread alone.
    static IS_IN_TASK: Cell<bool> = const { Cell::new(false) };
}

impl ThreadPool {
    /// A pool of `threads` threads, one of which is the caller's.
    pub fn new(threads: usize, isa: Isa) -> Self {
        assert!(isa.is_available(), "this processor has no {isa:?}");
        assert_denormals_are_kept();
        let workers_wanted = threads.max(1) - 1;
        let shared = Arc::new(Shared {
            gate: CacheAligned::default(),
            work: CacheAligned::default(),
            next: (0..=workers_wanted).map(|_| CacheAligned::default()).collect(),
            finished: CacheAligned::default(),
            stop: AtomicBool::new(false),
            parked: (0..workers_wanted).map(|_| AtomicBool::new(false)).collect(),
            panic: CacheAligned::default(),
        });
        let start = |index| {
            let shared = shared.clone();
            let name = format!("pool-{}", index + 1);
            thread::Builder::new().name(name).spawn(move || worker_loop(&shared, index)).ok()
        };
        // Where the system gives no more threads, a smaller pool computes the same.
        let workers = (0..workers_wanted).map_while(start).collect();
        Self { isa, shared, workers, run_lock: Mutex::new(()) }
    }

    /// The caller's thread alone, with the fastest instruction set.
    pub fn single_threaded() -> Self {
        Self::new(1, Isa::detect())
    }

    /// The number of threads, with the caller's.
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// The instruction set that kernels use.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Runs each of `tasks` tasks once, on any thread. A panic in a task is passed on to the caller.
    pub fn for_each_task(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        self.for_each_task_on_thread(tasks, &|_, index| task(index));
    }

    /// As [`Self::for_each_task`], for tasks that need the number of their thread, `(thread, task)`, for
    /// example to use its scratch.
    pub fn for_each_task_on_thread(&self, tasks: usize, task: &(dyn Fn(usize, usize) + Sync)) {
        if tasks <= 1 || self.workers.is_empty() || IS_IN_TASK.get() {
            (0..tasks).for_each(|index| task(0, index));
            return;
        }
        let _run_lock = self.run_lock.lock().unwrap_or_else(PoisonError::into_inner);
        let shared = &*self.shared;
        // SAFETY: only the lifetime is erased. No worker uses the job after this function returns: below,
        // the gate is closed and all workers that joined are waited for, also when a task panics.
        let job =
            unsafe { std::mem::transmute::<*const (dyn Fn(usize, usize) + Sync + '_), Job>(task) };
        // SAFETY: the run lock is held, the gate is closed, and all workers that joined have finished.
        unsafe { *shared.work.0.job.get() = Some(job) };
        shared.work.0.tasks.store(tasks, Ordering::Relaxed);
        for (thread, next) in shared.next.iter().enumerate() {
            next.0.store(initial_tasks(tasks, shared.next.len(), thread).start, Ordering::Relaxed);
        }
        shared.finished.0.store(0, Ordering::Relaxed);
        let generation = (shared.gate.0.load(Ordering::Relaxed) >> 16) + 1;
        shared.gate.0.store(generation << 16 | OPEN, Ordering::SeqCst);
        let needed = self.workers.iter().zip(&shared.parked).take(tasks - 1);
        for (worker, parked) in needed {
            // A load comes first, because it is cheaper than a swap and workers are rarely parked.
            if parked.load(Ordering::SeqCst) && parked.swap(false, Ordering::SeqCst) {
                unpark(worker.thread());
            }
        }
        shared.run_tasks(task, 0);
        let joined = shared.gate.0.fetch_and(!OPEN, Ordering::AcqRel) & JOINED;
        let mut spins = 0u32;
        while (shared.finished.0.load(Ordering::Acquire) as u64) < joined {
            spins += 1;
            // A worker that was preempted needs this core more than this loop does.
            if spins.is_multiple_of(1 << 12) { thread::yield_now() } else { std::hint::spin_loop() }
        }
        let panic = shared.panic.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }

    /// Splits `0..len` into ranges for the threads, and runs each once. Their lengths are multiples of
    /// `multiple` and at least `min_len`, except that of the last.
    pub fn for_each_range(
        &self,
        len: usize,
        multiple: usize,
        min_len: usize,
        run: &(dyn Fn(Range<usize>) + Sync),
    ) {
        if len == 0 {
            return;
        }
        let ranges = (len / min_len.max(1)).clamp(1, self.threads());
        let size = len.div_ceil(ranges).next_multiple_of(multiple);
        let ranges = len.div_ceil(size);
        self.for_each_task(ranges, &|range| run(range * size..len.min((range + 1) * size)));
    }
}

/// The tasks that a thread begins with. In most operations these are the same rows, which are then still in
/// its cache.
fn initial_tasks(tasks: usize, threads: usize, thread: usize) -> Range<usize> {
    let threads = threads.min(tasks).max(1);
    let part = |thread: usize| thread.min(threads) * tasks / threads;
    part(thread)..part(thread + 1)
}

fn unpark(thread: &Thread) {
    thread.unpark();
}

impl Drop for ThreadPool {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        for worker in self.workers.drain(..) {
            unpark(worker.thread());
            // A worker catches the panics of its tasks, so it does not end in one itself.
            let _ended = worker.join();
        }
    }
}

impl Shared {
    /// Runs the tasks of a thread, then those that are left of the others'.
    fn run_tasks(&self, task: &(dyn Fn(usize, usize) + Sync), thread: usize) {
        let tasks = self.work.0.tasks.load(Ordering::Relaxed);
        let threads = self.next.len();
        let done = catch_unwind(AssertUnwindSafe(|| {
            IS_IN_TASK.set(true);
            for owner in (thread..threads).chain(0..thread) {
                let end = initial_tasks(tasks, threads, owner).end;
                // A load comes first: where no task is left, it does not take the cache line away.
                while self.next[owner].0.load(Ordering::Relaxed) < end {
                    let index = self.next[owner].0.fetch_add(1, Ordering::Relaxed);
                    if index < end {
                        task(thread, index);
                    }
                }
            }
        }));
        IS_IN_TASK.set(false);
        if let Err(panic) = done {
            // No further task begins; those that run are completed.
            self.next.iter().for_each(|next| next.0.store(tasks, Ordering::Relaxed));
            let mut first = self.panic.0.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert(panic);
        }
    }

    /// Joins the open operation and counts this worker, unless its generation is `seen`.
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

/// The loop of a worker, until the pool is dropped.
fn worker_loop(shared: &Shared, index: usize) {
    assert_denormals_are_kept();
    let mut seen = 0;
    let mut idle_since = Instant::now();
    let mut spins = 0u32;
    while !shared.stop.load(Ordering::Relaxed) {
        if shared.join(&mut seen) {
            // SAFETY: this worker joined an open gate, so the job stays valid until it is counted in `finished`.
            let task = unsafe { (*shared.work.0.job.get()).map(|job| &*job) };
            if let Some(task) = task {
                shared.run_tasks(task, index + 1);
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

/// Panics on a thread that has flush-to-zero or denormals-are-zero set: its sums would differ from those of
/// other threads.
fn assert_denormals_are_kept() {
    let min = std::hint::black_box(f32::MIN_POSITIVE);
    let half = std::hint::black_box(min * 0.5);
    assert!(half > 0.0 && half + half == min, "this thread flushes denormals to zero");
}

/// A mutable slice that several tasks share, each of which accesses ranges disjoint from those of the others.
#[derive(Debug)]
pub struct DisjointSlices<'a, T = f32> {
    at: *mut T,
    len: usize,
    slice: std::marker::PhantomData<&'a mut [T]>,
}

// SAFETY: shared references give access only through `range_mut`, whose precondition is that the ranges that
// live at one time are disjoint, and through `range_ptr`, whose use has the same precondition.
unsafe impl<T: Send> Sync for DisjointSlices<'_, T> {}

impl<'a, T> DisjointSlices<'a, T> {
    /// Shares a slice.
    pub fn new(slice: &'a mut [T]) -> Self {
        Self { at: slice.as_mut_ptr(), len: slice.len(), slice: std::marker::PhantomData }
    }

    /// A range of the slice.
    ///
    /// # Safety
    /// The range is disjoint from every other range of this slice that lives at the same time.
    ///
    /// # Panics
    /// If the range ends beyond the slice.
    #[allow(clippy::mut_from_ref, reason = "by the precondition, ranges do not overlap")]
    pub unsafe fn range_mut(&self, range: Range<usize>) -> &mut [T] {
        assert!(range.start <= range.end && range.end <= self.len);
        // SAFETY: the assertion has the range in bounds, and the precondition makes it the only reference.
        unsafe { std::slice::from_raw_parts_mut(self.at.add(range.start), range.len()) }
    }

    /// The address of a range. Writing there has the precondition of [`DisjointSlices::range_mut`].
    ///
    /// # Panics
    /// If the range ends beyond the slice.
    pub fn range_ptr(&self, range: Range<usize>) -> *mut T {
        assert!(range.start <= range.end && range.end <= self.len);
        self.at.wrapping_add(range.start)
    }
}
