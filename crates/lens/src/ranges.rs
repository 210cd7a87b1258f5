//! Work over the rows of a table, on all threads.

use std::{
    ops::Range,
    sync::{Mutex, PoisonError},
};

use lookback_engine::ThreadPool;

/// Does the same for every range of `size` indices below `len`, and gives the results in their order.
pub(crate) fn in_ranges<T: Send>(
    pool: &ThreadPool,
    len: usize,
    size: usize,
    each: impl Fn(Range<usize>) -> T + Sync,
) -> Vec<T> {
    let done = Mutex::new(Vec::new());
    pool.for_each_task(len.div_ceil(size), &|at| {
        let result = each(at * size..len.min((at + 1) * size));
        done.lock().unwrap_or_else(PoisonError::into_inner).push((at, result));
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use lookback_engine::Isa;

    use super::*;

    #[test]
    fn results_stand_in_the_order_of_their_ranges() {
        for threads in [1, 2, 5] {
            let pool = ThreadPool::new(threads, Isa::detect());
            let ranges = in_ranges(&pool, 23, 5, |range| range);
            assert_eq!(ranges, [0..5, 5..10, 10..15, 15..20, 20..23]);
            assert!(in_ranges(&pool, 0, 5, |range| range).is_empty());
        }
    }
}
