//! What a model with a context of C positions reads of a text that may be longer.
//!
//! Token t is predicted from a window that depends on t alone, never on where a prompt ended or how
//! the text was read: up to C tokens it is the whole text; after that it begins at a multiple of
//! half a context, so that every C/2 tokens the older half is forgotten and the rest is read again
//! from position 0. A beginning-of-text token stays at the front, since models lean on it.

use lookback_text::TokenId;

/// A text, and how much of it the model has read.
#[derive(Clone, Debug)]
pub struct Window {
    context: usize,
    ids: Vec<TokenId>,
    /// Whether the first token is a beginning-of-text token, which every window keeps.
    keeps_first: bool,
    /// Where the window begins.
    start: usize,
    /// How many of the window's tokens the model has read.
    read: usize,
}

/// What the model has to read next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// Whether everything that was read before has to be forgotten first.
    pub afresh: bool,
    /// The tokens to read after those that are still known.
    pub ids: Vec<TokenId>,
}

impl Window {
    /// A window on a text that begins with these tokens, none of them read yet.
    ///
    /// `beginning`: the model's beginning-of-text token. `context` is at least 1.
    pub fn new(context: usize, ids: Vec<TokenId>, beginning: Option<TokenId>) -> Self {
        let keeps_first = beginning.is_some() && ids.first().copied() == beginning;
        // A context of one position has no room for two tokens.
        Self {
            context: context.max(1),
            ids,
            keeps_first: keeps_first && context > 2,
            start: 0,
            read: 0,
        }
    }

    /// The whole text.
    pub fn ids(&self) -> &[TokenId] {
        &self.ids
    }

    /// Appends a token, unread.
    pub fn push(&mut self, id: TokenId) {
        self.ids.push(id);
    }

    /// The tokens that the next one is predicted from.
    pub fn seen(&self) -> Vec<TokenId> {
        let start = start_of_window(self.ids.len(), self.context);
        let mut seen = self.ids[start..].to_vec();
        if self.keeps_first && start > 0 {
            seen[0] = self.ids[0];
        }
        seen
    }

    /// What has to be read before the next token can be predicted; from now on it counts as read.
    pub fn take_unread(&mut self) -> Unread {
        let start = start_of_window(self.ids.len(), self.context);
        let afresh = start != self.start;
        if afresh {
            self.start = start;
            self.read = 0;
        }
        let ids = self.seen().split_off(self.read);
        self.read += ids.len();
        Unread { afresh, ids }
    }
}

/// The first token of the window from which token `tokens` is predicted.
fn start_of_window(tokens: usize, context: usize) -> usize {
    let half = context.div_ceil(2);
    tokens.saturating_sub(context).div_ceil(half) * half
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(range: std::ops::Range<u32>) -> Vec<TokenId> {
        range.map(TokenId).collect()
    }

    #[test]
    fn a_text_within_the_context_is_read_once() {
        let mut window = Window::new(8, ids(0..3), None);
        assert_eq!(window.take_unread(), Unread { afresh: false, ids: ids(0..3) });
        for next in 3..8 {
            window.push(TokenId(next));
            assert_eq!(window.take_unread(), Unread { afresh: false, ids: ids(next..next + 1) });
        }
    }

    #[test]
    fn a_full_window_forgets_its_older_half() {
        let mut window = Window::new(8, ids(0..8), None);
        window.take_unread();
        window.push(TokenId(8));
        assert_eq!(window.take_unread(), Unread { afresh: true, ids: ids(4..9) });
        window.push(TokenId(9));
        assert_eq!(window.take_unread(), Unread { afresh: false, ids: ids(9..10) });
        assert_eq!(window.seen(), ids(4..10));
    }

    #[test]
    fn a_beginning_of_text_token_stays() {
        let mut window = Window::new(8, ids(0..9), Some(TokenId(0)));
        let mut expected = ids(4..9);
        expected[0] = TokenId(0);
        assert_eq!(window.take_unread().ids, expected);
        assert_eq!(Window::new(8, ids(1..10), Some(TokenId(0))).seen(), ids(5..10));
    }

    #[test]
    fn the_window_does_not_depend_on_how_the_text_was_read() {
        for context in [1, 2, 3, 7, 8, 64] {
            let beginning = Some(TokenId(0));
            let mut step_by_step = Window::new(context, ids(0..1), beginning);
            let mut known = Vec::new();
            for tokens in 1..200 {
                let unread = step_by_step.take_unread();
                if unread.afresh {
                    known.clear();
                }
                known.extend(unread.ids);
                let at_once = Window::new(context, ids(0..tokens), beginning).seen();
                assert_eq!(known, at_once, "context {context}, {tokens} tokens");
                assert!(known.len() <= context && !known.is_empty());
                step_by_step.push(TokenId(tokens));
            }
        }
    }
}
