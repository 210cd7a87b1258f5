//! The bytes of all pieces as a tree: every piece that a text begins with is found in one walk down.

use std::collections::VecDeque;

/// A byte behind those of its parent. Children stand side by side, by their bytes.
#[derive(Clone, Copy, Debug)]
struct Node {
    first_child: u32,
    children: u16,
    byte: u8,
    /// The piece that ends here; `NONE` where none does.
    id: u32,
}

const NONE: u32 = u32::MAX;

/// Pieces by their bytes.
#[derive(Debug)]
pub(super) struct Trie(Vec<Node>);

impl Trie {
    /// Of two pieces with the same bytes the last is found.
    pub(super) fn new<'a>(pieces: impl Iterator<Item = (&'a [u8], u32)>) -> Self {
        let mut pieces: Vec<(&[u8], u32)> = pieces.collect();
        pieces.sort_by_key(|&(piece, _)| piece);
        let mut nodes = vec![Node { first_child: 0, children: 0, byte: 0, id: NONE }];
        // Which pieces go on below a node, and how many bytes of them are above it.
        let mut open = VecDeque::from([(0usize, 0..pieces.len(), 0usize)]);
        while let Some((node, mut range, depth)) = open.pop_front() {
            while range.start < range.end && pieces[range.start].0.len() == depth {
                nodes[node].id = pieces[range.start].1;
                range.start += 1;
            }
            nodes[node].first_child = nodes.len() as u32;
            while range.start < range.end {
                let byte = pieces[range.start].0[depth];
                let same = pieces[range.clone()].partition_point(|(piece, _)| piece[depth] == byte);
                open.push_back((nodes.len(), range.start..range.start + same, depth + 1));
                nodes.push(Node { first_child: 0, children: 0, byte, id: NONE });
                nodes[node].children += 1;
                range.start += same;
            }
        }
        Self(nodes)
    }

    /// Hands on the length and the id of each piece that the text begins with, the shortest first.
    pub(super) fn walk(&self, text: &[u8], found: &mut dyn FnMut(usize, u32)) {
        let mut node = self.0[0];
        for (depth, &byte) in text.iter().enumerate() {
            let first = node.first_child as usize;
            let children = &self.0[first..first + usize::from(node.children)];
            let Ok(child) = children.binary_search_by_key(&byte, |child| child.byte) else {
                return;
            };
            node = children[child];
            if node.id != NONE {
                found(depth + 1, node.id);
            }
        }
    }
}
