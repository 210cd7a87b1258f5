//! A pool runs every task once, carries panics, and ends.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    thread,
    time::Duration,
};

use lookback_kernels::{
    isa::Isa,
    thread_pool::{DisjointSlices, ThreadPool},
};

const SIZES: [usize; 4] = [1, 2, 3, 8];

fn pool(threads: usize) -> ThreadPool {
    ThreadPool::new(threads, Isa::Portable)
}

/// How often each of `tasks` tasks ran.
fn counts(pool: &ThreadPool, tasks: usize) -> Vec<usize> {
    let counts: Vec<_> = (0..tasks).map(|_| AtomicUsize::new(0)).collect();
    pool.for_each_task(tasks, &|task| {
        counts[task].fetch_add(1, Relaxed);
    });
    counts.into_iter().map(AtomicUsize::into_inner).collect()
}

#[test]
fn every_task_runs_once() {
    for threads in SIZES {
        let pool = pool(threads);
        assert_eq!(pool.threads(), threads);
        for tasks in [0, 1, 2, 3, 7, 64, 1000] {
            assert_eq!(counts(&pool, tasks), vec![1; tasks], "{threads} threads, {tasks} tasks");
        }
    }
}

#[test]
fn thousands_of_runs_lose_and_repeat_nothing() {
    for threads in SIZES {
        let pool = pool(threads);
        for round in 0..5_000 {
            let tasks = round % 9;
            assert_eq!(counts(&pool, tasks), vec![1; tasks], "{threads} threads, round {round}");
        }
    }
}

#[test]
fn what_the_tasks_wrote_stands_when_the_run_returns() {
    let pool = pool(2);
    let mut out = vec![0usize; 64];
    for round in 1..2_000 {
        let pieces = DisjointSlices::new(&mut out);
        pool.for_each_task(8, &|task| {
            // SAFETY: each task has a range of its own.
            unsafe { pieces.range_mut(task * 8..(task + 1) * 8) }.fill(round);
        });
        assert_eq!(out, vec![round; 64]);
    }
}

#[test]
fn workers_that_have_parked_come_back() {
    let pool = pool(2);
    for _ in 0..20 {
        thread::sleep(Duration::from_millis(2));
        assert_eq!(counts(&pool, 16), vec![1; 16]);
    }
}

#[test]
fn both_threads_take_part_when_tasks_wait_for_each_other() {
    // The first task ends only when another has begun, so one thread alone would never return.
    let pool = pool(2);
    thread::sleep(Duration::from_millis(2));
    let begun = AtomicUsize::new(0);
    pool.for_each_task(2, &|_| {
        begun.fetch_add(1, Relaxed);
        while begun.load(Relaxed) < 2 {
            thread::yield_now();
        }
    });
    assert_eq!(begun.into_inner(), 2);
}

#[test]
fn a_panic_reaches_the_caller_and_the_team_goes_on() {
    for threads in SIZES {
        let pool = pool(threads);
        for bad in [0, 5, 19] {
            let result = catch_unwind(AssertUnwindSafe(|| {
                pool.for_each_task(20, &|task| assert!(task != bad, "task {task} is bad"));
            }));
            let thrown = result.expect_err("the panic is carried");
            let text = thrown.downcast_ref::<String>().expect("a message");
            assert_eq!(text, &format!("task {bad} is bad"));
            assert_eq!(counts(&pool, 30), vec![1; 30]);
        }
    }
}

#[test]
fn a_run_inside_a_task_runs_inline() {
    for threads in SIZES {
        let pool = pool(threads);
        let inner = AtomicUsize::new(0);
        pool.for_each_task(6, &|_| {
            let here = thread::current().id();
            pool.for_each_task(5, &|_| {
                if threads > 1 {
                    assert_eq!(thread::current().id(), here);
                }
                inner.fetch_add(1, Relaxed);
            });
        });
        assert_eq!(inner.into_inner(), 30);
    }
}

#[test]
fn callers_on_several_threads_take_turns() {
    let pool = pool(2);
    let total = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..300 {
                    let done: usize = counts(&pool, 7).iter().sum();
                    total.fetch_add(done, Relaxed);
                }
            });
        }
    });
    assert_eq!(total.into_inner(), 3 * 300 * 7);
}

#[test]
fn a_team_ends_when_it_is_dropped_idle_busy_or_parked() {
    for round in 0..200 {
        let pool = pool(3);
        if round % 3 > 0 {
            counts(&pool, 5);
        }
        if round % 20 == 2 {
            thread::sleep(Duration::from_millis(1));
        }
        drop(pool);
    }
}

#[test]
fn split_covers_every_element_once_in_whole_steps() {
    for threads in SIZES {
        let pool = pool(threads);
        for len in [0, 1, 15, 16, 17, 100, 1000] {
            for (step, min) in [(1, 1), (16, 1), (16, 64), (7, 3)] {
                let hits: Vec<_> = (0..len).map(|_| AtomicUsize::new(0)).collect();
                pool.for_each_range(len, step, min, &|range| {
                    assert!(range.start % step == 0 && !range.is_empty());
                    assert!(range.end % step == 0 || range.end == len);
                    range.for_each(|at| {
                        hits[at].fetch_add(1, Relaxed);
                    });
                });
                assert!(hits.iter().all(|hit| hit.load(Relaxed) == 1), "{len}, {step}, {min}");
            }
        }
    }
}

#[test]
#[should_panic(expected = "range.end <= self.len")]
fn a_piece_beyond_the_slice_is_refused() {
    let mut out = [0.0f32; 4];
    let pieces = DisjointSlices::new(&mut out);
    // SAFETY: there is only this piece.
    let _piece = unsafe { pieces.range_mut(2..5) };
}
