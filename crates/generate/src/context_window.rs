//! What a model with a context of C positions reads of a text that may be longer.
//!
//! Token t is predicted from a window that depends on t alone, never on where a prompt ended or how
//! the text was read: up to C tokens it is the whole text; after that it begins at a multiple of
//! half a context, so that every C/2 tokens the older half is discarded and the rest is read again
//! from position 0. What two readings have in common at their beginning is read once. A beginning-of-text token stays at the front, since models lean on it.

use lookback_text::TokenId;

/// A text, and what the model has read of it.
#[derive(Clone, Debug)]
pub struct ContextWindow {
    context: usize,
    ids: Vec<TokenId>,
    beginning: Option<TokenId>,
    /// The tokens whose keys and values are cached, from position 0 on.
    cached_ids: Vec<TokenId>,
}

/// The tokens that have to be read next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UncachedTokens {
    /// How many cached tokens stay valid; the cache is truncated to them.
    pub cached: usize,
    /// The tokens to read after those, at least one.
    pub ids: Vec<TokenId>,
}

impl ContextWindow {
    /// A window on a text that begins with these tokens, none of them read yet.
    ///
    /// `beginning`: the model's beginning-of-text token. `context` is at least 1.
    pub fn new(context: usize, ids: Vec<TokenId>, beginning: Option<TokenId>) -> Self {
        Self { context: context.max(1), ids, beginning, cached_ids: Vec::new() }
    }

    /// The whole text.
    pub fn ids(&self) -> &[TokenId] {
        &self.ids
    }

    /// Appends a token, unread.
    pub fn push(&mut self, id: TokenId) {
        self.ids.push(id);
    }

    /// Tokens of the text that are discarded: the next one is predicted without them.
    pub fn discarded(&self) -> usize {
        self.discarded_of(self.ids.len())
    }

    /// Of a text of so many tokens, those that the next one is predicted without.
    pub fn discarded_of(&self, tokens: usize) -> usize {
        start_of_window(tokens, self.context)
    }

    /// Truncates what counts as cached to so many tokens.
    pub fn truncate_cached(&mut self, tokens: usize) {
        self.cached_ids.truncate(tokens);
    }

    /// Replaces the text. The prefix that it has in common with the cached tokens stays cached, so that
    /// a chat reads only what is new in it.
    pub fn set_text(&mut self, ids: Vec<TokenId>) {
        self.ids = ids;
    }

    /// The tokens that the next one is predicted from.
    pub fn visible_ids(&self) -> Vec<TokenId> {
        let start = start_of_window(self.ids.len(), self.context);
        let mut visible = self.ids[start..].to_vec();
        if start > 0 && self.keeps_bos() {
            visible[0] = self.ids[0];
        }
        visible
    }

    /// The tokens to read before the next one can be predicted; from now on they count as cached.
    pub fn take_uncached(&mut self) -> UncachedTokens {
        let visible = self.visible_ids();
        let common = self
            .cached_ids
            .iter()
            .zip(&visible)
            .take_while(|(read, visible)| read == visible)
            .count();
        // Where all of it is cached, the last token is read again for the logits after it.
        let cached = common.min(visible.len().saturating_sub(1));
        let ids = visible[cached..].to_vec();
        self.cached_ids = visible;
        UncachedTokens { cached, ids }
    }

    /// Whether every window begins with the text's first token. A context of two positions has no
    /// room for that.
    fn keeps_bos(&self) -> bool {
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
        let mut window = ContextWindow::new(8, ids(0..3), None);
        assert_eq!(window.take_uncached(), UncachedTokens { cached: 0, ids: ids(0..3) });
        for next in 3..8 {
            window.push(TokenId(next));
            let unread = UncachedTokens { cached: next as usize, ids: ids(next..next + 1) };
            assert_eq!(window.take_uncached(), unread);
        }
    }

    #[test]
    fn a_full_window_forgets_its_older_half() {
        let mut window = ContextWindow::new(8, ids(0..8), None);
        window.take_uncached();
        window.push(TokenId(8));
        assert_eq!(window.take_uncached(), UncachedTokens { cached: 0, ids: ids(4..9) });
        window.push(TokenId(9));
        assert_eq!(window.take_uncached(), UncachedTokens { cached: 5, ids: ids(9..10) });
        assert_eq!(window.visible_ids(), ids(4..10));
    }

    #[test]
    fn a_beginning_of_text_token_stays() {
        let mut window = ContextWindow::new(8, ids(0..9), Some(TokenId(0)));
        let mut expected = ids(4..9);
        expected[0] = TokenId(0);
        assert_eq!(window.take_uncached().ids, expected);
        assert_eq!(ContextWindow::new(8, ids(1..10), Some(TokenId(0))).visible_ids(), ids(5..10));
    }

    #[test]
    fn another_text_is_read_from_where_it_differs() {
        let mut window = ContextWindow::new(8, ids(0..5), None);
        window.take_uncached();
        let mut other = ids(0..7);
        other[3] = TokenId(99);
        window.set_text(other.clone());
        assert_eq!(window.take_uncached(), UncachedTokens { cached: 3, ids: other[3..].to_vec() });
        // Of a text that was read to its end, the last token is read again for its logits.
        window.set_text(ids(0..3));
        assert_eq!(window.take_uncached(), UncachedTokens { cached: 2, ids: ids(2..3) });
        window.set_text(ids(1..4));
        assert_eq!(window.take_uncached(), UncachedTokens { cached: 0, ids: ids(1..4) });
    }

    #[test]
    fn the_window_does_not_depend_on_how_the_text_was_read() {
        for context in [1, 2, 3, 7, 8, 64] {
            let beginning = Some(TokenId(0));
            let mut step_by_step = ContextWindow::new(context, ids(0..1), beginning);
            let mut cached = Vec::new();
            for tokens in 1..200 {
                let unread = step_by_step.take_uncached();
                assert!(!unread.ids.is_empty());
                cached.truncate(unread.cached);
                cached.extend(unread.ids);
                let at_once = ContextWindow::new(context, ids(0..tokens), beginning).visible_ids();
                assert_eq!(cached, at_once, "context {context}, {tokens} tokens");
                assert!(cached.len() <= context);
                step_by_step.push(TokenId(tokens));
            }
        }
    }
}
