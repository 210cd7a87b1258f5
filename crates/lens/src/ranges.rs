//! Work over the rows of a table, on all threads.

use std::{
    ops::Range,
    sync::{Mutex, PoisonError},
};

use lookback_engine::Team;

/// Does the same for every range of `size` indices below `len`, and gives the results in their order.
pub(crate) fn in_ranges<T: Send>(
    team: &Team,
    len: usize,
    size: usize,
    each: impl Fn(Range<usize>) -> T + Sync,
) -> Vec<T> {
    let done = Mutex::new(Vec::new());
    team.run(len.div_ceil(size), &|at| {
        let result = each(at * size..len.min((at + 1) * size));
        done.lock().unwrap_or_else(PoisonError::into_inner).push((at, result));
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use lookback_engine::Path;

    use super::*;

    #[test]
    fn results_stand_in_the_order_of_their_ranges() {
        for threads in [1, 2, 5] {
            let team = Team::new(threads, Path::best());
            let ranges = in_ranges(&team, 23, 5, |range| range);
            assert_eq!(ranges, [0..5, 5..10, 10..15, 15..20, 20..23]);
            assert!(in_ranges(&team, 0, 5, |range| range).is_empty());
        }
    }
}
