//! Windows of a dataset: those of training, drawn by number, and those of validation.

use std::ops::Range;

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

use super::Dataset;

/// Where windows of training start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowStarts {
    /// At any token.
    Anywhere,
    /// At the first token of a document, and in one that is many contexts long a context further on each
    /// time: a text that is one document is not learned from its beginning alone.
    Documents,
}

/// How validation tokens are cut into windows of one context at most, each followed by one more token
/// as the last target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowLayout {
    /// Side by side over all of them: every token but the first is a target once.
    SideBySide,
    /// As windows to learn from begin where they do so at documents: of each document the one that it
    /// begins with, and of one that is many contexts long all, side by side. None goes on into the next
    /// document.
    AtDocuments,
    /// Side by side over each document for itself.
    ByDocument,
}

impl From<WindowStarts> for WindowLayout {
    fn from(starts: WindowStarts) -> Self {
        match starts {
            WindowStarts::Anywhere => Self::SideBySide,
            WindowStarts::Documents => Self::AtDocuments,
        }
    }
}

impl Dataset {
    /// The validation windows of a range, ascending.
    pub fn windows(
        &self,
        range: Range<usize>,
        context: usize,
        layout: WindowLayout,
    ) -> impl Iterator<Item = Range<usize>> {
        let pieces = match layout {
            WindowLayout::SideBySide => vec![range],
            WindowLayout::AtDocuments | WindowLayout::ByDocument => self.pieces(range),
        };
        pieces.into_iter().flat_map(move |piece| {
            let is_whole = self.documents.binary_search(&piece.start).is_ok();
            let is_start_only =
                layout == WindowLayout::AtDocuments && is_whole && !is_long(&piece, context);
            side_by_side(piece, context).take(if is_start_only { 1 } else { usize::MAX })
        })
    }

    /// A range cut where documents begin; the first piece may be a document's rest.
    fn pieces(&self, range: Range<usize>) -> Vec<Range<usize>> {
        let within = |&&at: &&usize| range.start < at && at < range.end;
        let cuts = self.documents.iter().filter(within).copied();
        let mut cuts: Vec<usize> = std::iter::once(range.start).chain(cuts).collect();
        cuts.push(range.end);
        cuts.windows(2).map(|two| two[0]..two[1]).collect()
    }
}

/// Windows of `context` inputs, each followed by one more token as the last target, side by side;
/// together their targets are all tokens of the range but its first.
fn side_by_side(range: Range<usize>, context: usize) -> impl Iterator<Item = Range<usize>> {
    let end = range.end;
    range
        .step_by(context)
        .map(move |first| first..end.min(first + context + 1))
        .filter(|window| window.len() > 1)
}

/// Draws windows to learn from.
#[derive(Clone, Debug)]
pub struct Windows {
    seed: u64,
    /// Beginnings are below this, or are these.
    below: u64,
    documents: Vec<usize>,
}

impl Windows {
    /// Over the training part of a dataset that was [checked](Dataset::check).
    pub fn new(data: &Dataset, context: usize, starts: WindowStarts, seed: u64) -> Self {
        let end = data.training().end - context;
        let documents = match starts {
            WindowStarts::Anywhere => Vec::new(),
            WindowStarts::Documents => {
                let ends = data.documents.iter().skip(1).copied().chain([data.training().end]);
                let documents = data.documents.iter().copied().zip(ends);
                let begun = documents.flat_map(|(first, end)| beginnings(first..end, context));
                begun.take_while(|&first| first < end).collect()
            }
        };
        let below = if documents.is_empty() { end } else { documents.len() };
        Self { seed, below: below as u64, documents }
    }

    /// Where the window of a draw begins.
    pub fn draw(&self, number: u64) -> usize {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        // A stream of its own, so that no draw repeats what started the weights.
        random.set_stream(u64::MAX);
        random.set_word_pos(u128::from(number) * 2);
        let drawn = (u128::from(random.next_u64()) * u128::from(self.below)) >> 64;
        let drawn = drawn as usize;
        self.documents.get(drawn).copied().unwrap_or(drawn)
    }
}

/// Contexts from which on a document is long: what follows its first is then most of the text.
const LONG: usize = 16;

/// Where windows of a document begin: where it does, and in a long one a context further on each time; the
/// last so that it ends with the document.
fn beginnings(document: Range<usize>, context: usize) -> impl Iterator<Item = usize> {
    let last = document.start.max(document.end.saturating_sub(context));
    let count = if is_long(&document, context) { usize::MAX } else { 1 };
    document.step_by(context).take(count).map(move |begin| begin.min(last))
}

fn is_long(document: &Range<usize>, context: usize) -> bool {
    document.len() >= LONG * context
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::TokenId;

    fn numbers(count: u32) -> Vec<TokenId> {
        (0..count).map(TokenId).collect()
    }

    #[test]
    fn validation_windows_ask_for_every_token_but_the_first_once() {
        for (len, context) in [(2, 1), (10, 3), (10, 9), (10, 10), (10, 100), (64, 8)] {
            let windows = side_by_side(100..100 + len, context);
            let targets: Vec<usize> =
                windows.flat_map(|window| window.start + 1..window.end).collect();
            assert_eq!(targets, (101..100 + len).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_draw_does_not_depend_on_those_before_it() {
        let data = Dataset::new(numbers(1000), Vec::new());
        let windows = Windows::new(&data, 16, WindowStarts::Anywhere, 7);
        let forth: Vec<usize> = (0..50).map(|number| windows.draw(number)).collect();
        let back: Vec<usize> = (0..50).rev().map(|number| windows.draw(number)).collect();
        assert!(forth.iter().eq(back.iter().rev()));
        assert!(forth.iter().all(|&first| first + 16 < data.training().end));
    }

    #[test]
    fn windows_can_begin_at_documents_only() {
        let data = Dataset::new(numbers(1000), vec![0, 100, 300, 890, 950]);
        let windows = Windows::new(&data, 40, WindowStarts::Documents, 7);
        assert!((0..50).all(|number| [0, 100, 300].contains(&windows.draw(number))));
    }

    #[test]
    fn windows_of_long_documents_reach_all_of_them() {
        let data = Dataset::new(numbers(1000), vec![0, 40, 50]);
        let windows = Windows::new(&data, 16, WindowStarts::Documents, 7);
        let begun: BTreeSet<usize> = (0..2000).map(|number| windows.draw(number)).collect();
        assert!(begun.is_superset(&BTreeSet::from([0, 40, 50, 66])));
        assert!(begun.iter().all(|&first| [0, 40].contains(&first) || first >= 50), "{begun:?}");
        // A text without documents beside it is one.
        let reached: BTreeSet<usize> = begun.iter().flat_map(|&first| first..first + 16).collect();
        assert!((50..850).all(|at| reached.contains(&at)));
    }

    #[test]
    fn windows_to_be_judged_by_begin_where_those_to_learn_from_do() {
        // Documents of 5, 95 and 400 tokens, the last long for a context of 20.
        let data = Dataset::new(numbers(500), vec![0, 5, 100]);
        let windows = |layout| data.windows(0..500, 20, layout).collect::<Vec<_>>();
        let judged = windows(WindowLayout::AtDocuments);
        assert_eq!(judged[..3], [0..5, 5..26, 100..121]);
        assert_eq!((judged.len(), judged.last()), (22, Some(&(480..500))));
        let learned = Windows::new(&data, 20, WindowStarts::Documents, 7);
        assert!((0..500).all(|number| judged.iter().any(|at| at.start == learned.draw(number))));
        // Of documents for themselves every token but their first is a target.
        let targets: Vec<usize> = windows(WindowLayout::ByDocument)
            .iter()
            .flat_map(|window| window.start + 1..window.end)
            .collect();
        let expected: Vec<usize> = (0..500).filter(|at| ![0, 5, 100].contains(at)).collect();
        assert_eq!(targets, expected);
        // The rest of a document is validated whole.
        let rest: Vec<_> = data.windows(50..100, 20, WindowLayout::AtDocuments).collect();
        assert_eq!(rest, [50..71, 70..91, 90..100]);
    }
}
