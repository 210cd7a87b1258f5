//! How a word came together, merge by merge: what `merge` does, step by step. Not for speed.

use super::pairs::Pairs;
use crate::TokenId;

/// Smallest pieces and the merges over them. Nodes are numbered: the leaves first, from the left,
/// then the merges in the order in which they were made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// The smallest pieces.
    pub leaves: Vec<TokenId>,
    /// What was merged, the first first.
    pub merges: Vec<Merged>,
}

/// One merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Merged {
    /// Its place among all merges of the vocabulary: lower ones come first.
    pub rank: u32,
    /// The node on the left.
    pub left: usize,
    /// The node on the right.
    pub right: usize,
    /// What the two became.
    pub id: TokenId,
}

impl Tree {
    /// The id of a node.
    pub fn id(&self, node: usize) -> TokenId {
        match node.checked_sub(self.leaves.len()) {
            None => self.leaves[node],
            Some(merge) => self.merges[merge].id,
        }
    }

    /// Merges as `merge` does. Returns the tree, and the nodes that are left in the end.
    pub(crate) fn grow(leaves: &[u32], pairs: &Pairs) -> (Self, Vec<usize>) {
        let leaves: Vec<TokenId> = leaves.iter().copied().map(TokenId).collect();
        let mut standing: Vec<usize> = (0..leaves.len()).collect();
        let mut tree = Self { leaves, merges: Vec::new() };
        loop {
            let best = (1..standing.len()).filter_map(|at| {
                let [left, right] = [at - 1, at].map(|at| tree.id(standing[at]).0);
                pairs.get(left, right).map(|merge| (merge.rank, at - 1, merge.id))
            });
            let Some((rank, at, id)) = best.min() else { return (tree, standing) };
            let (left, right) = (standing[at], standing[at + 1]);
            standing.splice(at..at + 2, [tree.leaves.len() + tree.merges.len()]);
            tree.merges.push(Merged { rank, left, right, id: TokenId(id) });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::{
        super::{merge, pairs::Merge},
        *,
    };

    #[test]
    fn merges_are_told_in_the_order_they_are_made() {
        // r·e·d: "ed" (rank 0) comes before "re" (rank 1), then r·ed (rank 2).
        let mut pairs = Pairs::default();
        for (left, right, rank, id) in [(1, 2, 0, 3), (0, 1, 1, 4), (0, 3, 2, 5)] {
            pairs.insert(left, right, Merge { rank, id });
        }
        let (tree, standing) = Tree::grow(&[0, 1, 2], &pairs);
        let told: Vec<_> = tree.merges.iter().map(|m| (m.rank, m.left, m.right, m.id.0)).collect();
        assert_eq!(told, [(0, 1, 2, 3), (2, 0, 3, 5)]);
        assert_eq!(standing, [4]);
    }

    proptest! {
        #[test]
        fn what_is_left_of_a_tree_is_what_merging_gives(
            word in prop::collection::vec(0u32..4, 0..40),
            merges in prop::collection::btree_map((0u32..9, 0u32..9), (0u32..12, 4u32..9), 0..40),
        ) {
            let merges: BTreeMap<_, _> = merges.into_iter().collect();
            let mut pairs = Pairs::default();
            for (&(left, right), &(rank, id)) in &merges {
                pairs.insert(left, right, Merge { rank, id });
            }
            let (tree, standing) = Tree::grow(&word, &pairs);
            let mut merged = word;
            merge::merge(&mut merged, &pairs);
            let left: Vec<u32> = standing.iter().map(|&node| tree.id(node).0).collect();
            prop_assert_eq!(left, merged);
        }
    }
}
