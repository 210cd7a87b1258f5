//! An answer that the model wrote goes on as the tokens it was written in: text that is cut into tokens
//! anew may be cut otherwise, and then the model would read what it never wrote.

use std::ops::Range;

use lookback_text::TokenId;

/// Tokens, and where in the answer's text each ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct AnswerTokens(Vec<(TokenId, usize)>);

impl AnswerTokens {
    /// Tokens with what each adds to the text: nothing, where it ends within a character.
    pub(super) fn new(tokens: &[(TokenId, String)]) -> Self {
        let mut end = 0;
        let tokens = tokens.iter().map(|(id, added)| {
            end += added.len();
            (*id, end)
        });
        Self(tokens.collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes of `rendered` that whole tokens of this answer stand for, and these tokens; none where
    /// the template changed the answer.
    ///
    /// `content`: the answer's text; `extent`: what of `rendered` it became; `from`: where the bytes may
    /// begin at the earliest
    pub(super) fn find(
        &self,
        content: &str,
        rendered: &str,
        extent: Range<usize>,
        from: usize,
    ) -> Option<(Range<usize>, Vec<TokenId>)> {
        let kept = rendered.get(extent.clone())?;
        // Templates take away from the beginning (thoughts) more often than from the end.
        let begin = match content.strip_suffix(kept) {
            Some(before) => before.len(),
            None => content.find(kept)?,
        };
        let finish = begin + kept.len();
        let start_of = |index: usize| if index == 0 { 0 } else { self.0[index - 1].1 };
        let (mut start, mut end) = (extent.start, extent.end);
        // The first token that reaches into what was kept; with it, those that have no text of their own.
        let mut first = self.0.iter().position(|(_, end)| *end > begin || begin == 0)?;
        let gap = content.get(start_of(first)..begin)?;
        if !gap.is_empty() {
            let is_there = rendered[..start].ends_with(gap) && start - gap.len() >= from;
            if gap.trim().is_empty() && is_there {
                start -= gap.len();
            } else {
                start += self.0[first].1 - begin;
                first += 1;
            }
        }
        let mut last =
            self.0.iter().rposition(|(_, end)| *end <= finish).map_or(0, |last| last + 1);
        let reached = if last == 0 { 0 } else { self.0[last - 1].1 };
        if reached < finish {
            // A token that goes on over white space which the template put there too.
            let gap = content.get(finish..self.0.get(last)?.1)?;
            if gap.trim().is_empty() && rendered[end..].starts_with(gap) {
                end += gap.len();
                last += 1;
            } else {
                end -= finish - reached;
            }
        }
        let ids = self.0.get(first..last)?;
        let is_whole =
            start < end && rendered.is_char_boundary(start) && rendered.is_char_boundary(end);
        (is_whole && !ids.is_empty()).then(|| (start..end, ids.iter().map(|(id, _)| *id).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(tokens: &[&str], rendered: &str, kept: &str) -> Option<(String, Vec<u32>)> {
        let tokens: Vec<(TokenId, String)> =
            (0..).zip(tokens).map(|(id, added)| (TokenId(id), (*added).to_owned())).collect();
        let content: String = tokens.iter().map(|(_, added)| added.as_str()).collect();
        let start = rendered.find(kept).unwrap();
        let extent = start..start + kept.len();
        let (bytes, ids) = AnswerTokens::new(&tokens).find(&content, rendered, extent, 0)?;
        Some((rendered[bytes].to_owned(), ids.into_iter().map(|id| id.0).collect()))
    }

    #[test]
    fn an_answer_keeps_its_tokens() {
        let some = |text: &str, ids: &[u32]| Some((text.to_owned(), ids.to_vec()));
        assert_eq!(found(&["Hi", " you"], "<a>Hi you</a>", "Hi you"), some("Hi you", &[0, 1]));
        // A token without a text of its own, and one that ends within a character.
        assert_eq!(found(&["", "H", "", "é"], "<Hé>", "Hé"), some("Hé", &[0, 1, 2, 3]));
        // Thoughts that the template leaves out.
        assert_eq!(found(&["<t>", "hm", "</t>", "\n\n", "Hi"], "[Hi]", "Hi"), some("Hi", &[4]));
        // A token that the template cuts through is left to be cut anew.
        assert_eq!(found(&["hm</t>\n\nH", "i", "!"], "[Hi!]", "Hi!"), some("i!", &[1, 2]));
        assert_eq!(found(&["Hi", ".\n"], "[Hi.]", "Hi."), some("Hi", &[0]));
        // White space that the template trims and puts back.
        assert_eq!(found(&[" Hi", ".\n"], "> Hi.\n<", "Hi."), some(" Hi.\n", &[0, 1]));
        assert_eq!(found(&["Hi"], "HI", "HI"), None);
    }
}
