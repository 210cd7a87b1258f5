//! Takes characters away at both ends of a text that comes in parts.

use crate::spelling::Strip;

/// What is still taken away, and what is held back since it may be the end.
#[derive(Clone, Debug)]
pub(super) struct Strips {
    strips: Vec<State>,
    /// The bytes of a character that has not ended yet.
    partial: Vec<u8>,
}

#[derive(Clone, Debug)]
struct State {
    strip: Strip,
    /// How many may still be taken at the beginning.
    left: usize,
    /// How many stand at the end of what came so far.
    held: usize,
}

impl Strips {
    pub(super) fn new(strips: &[Strip]) -> Self {
        let state = |strip: &Strip| State { strip: *strip, left: strip.start, held: 0 };
        Self { strips: strips.iter().map(state).collect(), partial: Vec::new() }
    }

    /// Whether what comes goes through as it is.
    fn is_over(&self) -> bool {
        let is_over = |state: &State| state.left == 0 && state.strip.stop == 0;
        self.partial.is_empty() && self.strips.iter().all(is_over)
    }

    /// What goes through of the next bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        if self.is_over() {
            return bytes.to_vec();
        }
        let mut text = std::mem::take(&mut self.partial);
        text.extend_from_slice(bytes);
        let mut through = Vec::with_capacity(text.len());
        for chunk in text.utf8_chunks() {
            for sign in chunk.valid().chars() {
                let mut room = [0; 4];
                self.pass(0, Some(sign), sign.encode_utf8(&mut room).as_bytes(), &mut through);
            }
            let is_last = chunk.invalid().as_ptr_range().end == text.as_ptr_range().end;
            let may_go_on = std::str::from_utf8(chunk.invalid())
                .is_err_and(|error| error.error_len().is_none());
            if is_last && may_go_on {
                self.partial = chunk.invalid().to_vec();
            } else if !chunk.invalid().is_empty() {
                self.pass(0, None, chunk.invalid(), &mut through);
            }
        }
        through
    }

    /// Lets go of what was held back, which is none of the text that follows.
    pub(super) fn forget_held(&mut self) {
        self.partial.clear();
        self.strips.iter_mut().for_each(|state| state.held = 0);
    }

    /// What is left at the end of the text.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        let (mut through, partial) = (Vec::new(), std::mem::take(&mut self.partial));
        if !partial.is_empty() {
            self.pass(0, None, &partial, &mut through);
        }
        through
    }

    /// A character, or bytes that are none, through the strips from one on.
    fn pass(&mut self, at: usize, sign: Option<char>, bytes: &[u8], through: &mut Vec<u8>) {
        let Some(state) = self.strips.get_mut(at) else {
            through.extend_from_slice(bytes);
            return;
        };
        let Strip { content, stop, .. } = state.strip;
        if sign == Some(content) {
            if state.left > 0 {
                state.left -= 1;
            } else if state.held < stop {
                state.held += 1;
            } else {
                self.pass(at + 1, sign, bytes, through);
            }
            return;
        }
        state.left = 0;
        let held = std::mem::take(&mut state.held);
        let mut room = [0; 4];
        for _ in 0..held {
            self.pass(at + 1, Some(content), content.encode_utf8(&mut room).as_bytes(), through);
        }
        self.pass(at + 1, sign, bytes, through);
    }
}
