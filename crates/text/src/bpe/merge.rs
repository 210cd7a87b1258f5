//! Merges the pieces of one word. The loop and its departures stand at the head of `bpe`.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::pairs::{Merge, Pairs};

/// Words of at most so many pieces are scanned; longer ones get a heap.
const SCANNED: usize = 64;

/// Merges until nothing can be merged.
pub(crate) fn merge(pieces: &mut Vec<u32>, pairs: &Pairs) {
    if pieces.len() <= SCANNED { scan(pieces, pairs) } else { heap(pieces, pairs) }
}

pub(super) fn scan(pieces: &mut Vec<u32>, pairs: &Pairs) {
    // merges[i]: what pieces i and i + 1 become
    let mut merges: Vec<Option<Merge>> =
        pieces.windows(2).map(|two| pairs.get(two[0], two[1])).collect();
    loop {
        let best = merges.iter().enumerate();
        let best = best.filter_map(|(at, merge)| merge.map(|merge| (merge.rank, at, merge.id)));
        let Some((_, at, id)) = best.min() else { return };
        pieces[at] = id;
        pieces.remove(at + 1);
        merges.remove(at);
        if at > 0 {
            merges[at - 1] = pairs.get(pieces[at - 1], id);
        }
        if at < merges.len() {
            merges[at] = pairs.get(id, pieces[at + 1]);
        }
    }
}

/// A piece among its neighbours; `GONE` where it was merged into the one before it.
#[derive(Clone, Copy)]
struct Link {
    id: u32,
    before: u32,
    after: u32,
}

/// No neighbour, no piece. A word of so many pieces would be 16 GB of text.
const GONE: u32 = u32::MAX;

pub(super) fn heap(pieces: &mut Vec<u32>, pairs: &Pairs) {
    let end = pieces.len() as u32;
    let mut links: Vec<Link> = (0..end)
        .zip(&*pieces)
        .map(|(at, &id)| Link {
            id,
            before: at.checked_sub(1).unwrap_or(GONE),
            after: if at + 1 < end { at + 1 } else { GONE },
        })
        .collect();
    // Entries name both pieces: one that no longer stands there is out of date, and skipped.
    let entry = |links: &[Link], at: u32| {
        let left = links[at as usize];
        let right = links.get(left.after as usize)?;
        let merge = pairs.get(left.id, right.id)?;
        Some(Reverse((merge.rank, at, left.id, right.id, merge.id)))
    };
    let mut heap: BinaryHeap<_> = (0..end).filter_map(|at| entry(&links, at)).collect();
    while let Some(Reverse((_, at, left, right, id))) = heap.pop() {
        let link = links[at as usize];
        let Some(&gone) = links.get(link.after as usize) else { continue };
        if link.id != left || gone.id != right {
            continue;
        }
        links[link.after as usize] = Link { id: GONE, before: GONE, after: GONE };
        links[at as usize] = Link { id, before: link.before, after: gone.after };
        if let Some(after) = links.get_mut(gone.after as usize) {
            after.before = at;
        }
        heap.extend(entry(&links, at));
        if link.before != GONE {
            heap.extend(entry(&links, link.before));
        }
    }
    pieces.clear();
    pieces.extend(links.iter().map(|link| link.id).filter(|&id| id != GONE));
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::{super::naive, *};

    proptest! {
        // Few pieces, many merges, some of equal rank: merges meet, overlap and feed each other.
        #[test]
        fn scan_and_heap_equal_the_definition(
            word in prop::collection::vec(0u32..4, 0..200),
            merges in prop::collection::btree_map((0u32..9, 0u32..9), (0u32..12, 4u32..9), 0..40),
        ) {
            let mut pairs = Pairs::default();
            for (&(left, right), &(rank, id)) in &merges {
                pairs.insert(left, right, Merge { rank, id });
            }
            let all: BTreeMap<_, _> = merges.into_iter().collect();
            let [mut by_definition, mut scanned, mut heaped] = [word.clone(), word.clone(), word];
            naive::merge(&mut by_definition, &all);
            scan(&mut scanned, &pairs);
            heap(&mut heaped, &pairs);
            prop_assert_eq!(&scanned, &by_definition);
            prop_assert_eq!(&heaped, &by_definition);
        }
    }
}
