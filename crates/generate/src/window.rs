//! What a model with a context of C positions reads of a text that may be longer.
//!
//! Token t is predicted from a window that depends on t alone, never on where a prompt ended or how
//! the text was read: up to C tokens it is the whole text; after that it begins at a multiple of
//! half a context, so that every C/2 tokens the older half is forgotten and the rest is read again
//! from position 0. What two readings have in common at their beginning is read once. A beginning-of-text token stays at the front, since models lean on it.

use lookback_text::TokenId;

/// A text, and what the model has read of it.
#[derive(Clone, Debug)]
pub struct Window {
    context: usize,
    ids: Vec<TokenId>,
    beginning: Option<TokenId>,
    /// What the model remembers, from position 0 on.
    read: Vec<TokenId>,
}

/// What the model has to read next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// How many of the tokens read before still stand; those after them have to be forgotten.
    pub known: usize,
    /// The tokens to read after those, at least one.
    pub ids: Vec<TokenId>,
}

impl Window {
    /// A window on a text that begins with these tokens, none of them read yet.
    ///
    /// `beginning`: the model's beginning-of-text token. `context` is at least 1.
    pub fn new(context: usize, ids: Vec<TokenId>, beginning: Option<TokenId>) -> Self {
        Self { context: context.max(1), ids, beginning, read: Vec::new() }
    }

    /// The whole text.
    pub fn ids(&self) -> &[TokenId] {
        &self.ids
    }

    /// Appends a token, unread.
    pub fn push(&mut self, id: TokenId) {
        self.ids.push(id);
    }

    /// Tokens of the text that the next one is predicted without.
    pub fn forgotten(&self) -> usize {
        self.forgotten_of(self.ids.len())
    }

    /// Of a text of so many tokens, those that the next one is predicted without.
    pub fn forgotten_of(&self, tokens: usize) -> usize {
        start_of_window(tokens, self.context)
    }

    /// Says that of what counts as read, only so many tokens were.
    pub fn unread_from(&mut self, tokens: usize) {
        self.read.truncate(tokens);
    }

    /// Turns to another text. What it begins with in common with what was read stays read, so that a
    /// chat reads only what is new in it.
    pub fn turn_to(&mut self, ids: Vec<TokenId>) {
        self.ids = ids;
    }

    /// The tokens that the next one is predicted from.
    pub fn seen(&self) -> Vec<TokenId> {
        let start = start_of_window(self.ids.len(), self.context);
        let mut seen = self.ids[start..].to_vec();
        if start > 0 && self.keeps_first() {
            seen[0] = self.ids[0];
        }
        seen
    }

    /// What has to be read before the next token can be predicted; from now on it counts as read.
    pub fn take_unread(&mut self) -> Unread {
        let seen = self.seen();
        let common = self.read.iter().zip(&seen).take_while(|(read, seen)| read == seen).count();
        // Who has read all of it has to read the last token again, to say what follows.
        let known = common.min(seen.len().saturating_sub(1));
        let ids = seen[known..].to_vec();
        self.read = seen;
        Unread { known, ids }
    }

    /// Whether every window begins with the text's first token. A context of two positions has no
    /// room for that.
    fn keeps_first(&self) -> bool {
        let first = self.ids.first().copied();
        self.context > 2 && self.beginning.is_some() && first == self.beginning
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
        assert_eq!(window.take_unread(), Unread { known: 0, ids: ids(0..3) });
        for next in 3..8 {
            window.push(TokenId(next));
            let unread = Unread { known: next as usize, ids: ids(next..next + 1) };
            assert_eq!(window.take_unread(), unread);
        }
    }

    #[test]
    fn a_full_window_forgets_its_older_half() {
        let mut window = Window::new(8, ids(0..8), None);
        window.take_unread();
        window.push(TokenId(8));
        assert_eq!(window.take_unread(), Unread { known: 0, ids: ids(4..9) });
        window.push(TokenId(9));
        assert_eq!(window.take_unread(), Unread { known: 5, ids: ids(9..10) });
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
    fn another_text_is_read_from_where_it_differs() {
        let mut window = Window::new(8, ids(0..5), None);
        window.take_unread();
        let mut other = ids(0..7);
        other[3] = TokenId(99);
        window.turn_to(other.clone());
        assert_eq!(window.take_unread(), Unread { known: 3, ids: other[3..].to_vec() });
        // Of a text that was read to its end, the last token says what follows.
        window.turn_to(ids(0..3));
        assert_eq!(window.take_unread(), Unread { known: 2, ids: ids(2..3) });
        window.turn_to(ids(1..4));
        assert_eq!(window.take_unread(), Unread { known: 0, ids: ids(1..4) });
    }

    #[test]
    fn the_window_does_not_depend_on_how_the_text_was_read() {
        for context in [1, 2, 3, 7, 8, 64] {
            let beginning = Some(TokenId(0));
            let mut step_by_step = Window::new(context, ids(0..1), beginning);
            let mut known = Vec::new();
            for tokens in 1..200 {
                let unread = step_by_step.take_unread();
                assert!(!unread.ids.is_empty());
                known.truncate(unread.known);
                known.extend(unread.ids);
                let at_once = Window::new(context, ids(0..tokens), beginning).seen();
                assert_eq!(known, at_once, "context {context}, {tokens} tokens");
                assert!(known.len() <= context);
                step_by_step.push(TokenId(tokens));
            }
        }
    }
}
