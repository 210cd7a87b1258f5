//! The definition: looks at all neighbours, merges the best, looks again.

use std::collections::BTreeMap;

/// `merges`: of two pieces, the rank and what they become.
pub(super) fn merge(pieces: &mut Vec<u32>, merges: &BTreeMap<(u32, u32), (u32, u32)>) {
    loop {
        let mut best: Option<(u32, usize, u32)> = None;
        for at in 1..pieces.len() {
            if let Some(&(rank, id)) = merges.get(&(pieces[at - 1], pieces[at]))
                && best.is_none_or(|(least, ..)| rank < least)
            {
                best = Some((rank, at - 1, id));
            }
        }
        let Some((_, at, id)) = best else { return };
        pieces.splice(at..at + 2, [id]);
    }
}
