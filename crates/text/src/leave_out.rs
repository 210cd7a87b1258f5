//! Takes lines out of the tokens of a text, and leaves every other token where it stands.
//!
//! What a hole held is replaced by as many tokens of what was kept before it. So the text is as long as
//! it was, every draw of a window is the draw that it was, and a window that held nothing of the lines
//! is the same window: two models then differ by what was left out, and by nothing else.

use fancy_regex::Regex;
use lookback_files::{Kind, Refusal, Result, Setting};

use crate::{TokenId, Tokenizer, dataset::Dataset};

/// The tokens without the lines that hold `text`, and how many lines those were; between slashes, as
/// in `/tom .*born/`, it is a regular expression. A document that ends ends its last line.
///
/// # Errors
/// When no line holds it, or every line does; when it is no regular expression.
pub fn leave_out(data: &Dataset, tokenizer: &Tokenizer, text: &str) -> Result<(Dataset, usize)> {
    let mut ids = vec![TokenId(0); data.len()];
    data.read(0, &mut ids);
    let (is_out, lines) = marked(&ids, data.documents(), tokenizer, &Excluded::new(text)?);
    if lines == 0 {
        return Err(refuse(
            text,
            "no line of the text holds it; give a part of one as it stands there",
        ));
    }
    let kept: Vec<TokenId> = (0..ids.len()).filter(|&at| !is_out[at]).map(|at| ids[at]).collect();
    if kept.is_empty() {
        return Err(refuse(text, "every line of the text holds it"));
    }
    let (mut at, mut before) = (0, 0);
    while at < ids.len() {
        if !is_out[at] {
            (at, before) = (at + 1, before + 1);
            continue;
        }
        let hole = is_out[at..].iter().take_while(|&&is_out| is_out).count();
        for place in 0..hole {
            // Backwards from the hole; from the text's own end where that is not enough.
            let back = (hole - place) % kept.len();
            ids[at + place] = kept[(before + kept.len() - back) % kept.len()];
        }
        at += hole;
    }
    Ok((Dataset::new(ids, data.documents().to_vec()), lines))
}

fn refuse(text: &str, why: &str) -> Refusal {
    Refusal::of(Kind::InvalidSetting, format!("{} \"{text}\": {why}", Setting("without")))
}

/// What a line holds that is left out.
enum Excluded<'a> {
    Text(&'a [u8]),
    Pattern(Regex),
}

impl<'a> Excluded<'a> {
    fn new(text: &'a str) -> Result<Self> {
        let pattern = text.strip_prefix('/').and_then(|text| text.strip_suffix('/'));
        let Some(pattern) = pattern.filter(|pattern| !pattern.is_empty()) else {
            return Ok(Self::Text(text.as_bytes()));
        };
        Regex::new(pattern).map(Self::Pattern).map_err(|error| {
            let why = error.to_string().replace('\n', " ");
            refuse(text, &format!("it is no regular expression: {why}"))
        })
    }

    /// Whether it stands in a line; a pattern is not found in what is no UTF-8.
    fn is_in(&self, line: &[u8]) -> bool {
        match self {
            Self::Text(text) => line.windows(text.len().max(1)).any(|part| part == *text),
            Self::Pattern(pattern) => {
                std::str::from_utf8(line).is_ok_and(|line| pattern.is_match(line).unwrap_or(false))
            }
        }
    }
}

/// Which tokens belong to lines that hold a text, and how many lines those are. A token that reaches
/// into two lines belongs to both; the end of a document to none.
fn marked(
    ids: &[TokenId],
    documents: &[usize],
    tokenizer: &Tokenizer,
    excluded: &Excluded<'_>,
) -> (Vec<bool>, usize) {
    let mut is_out = vec![false; ids.len()];
    let mut lines = 0;
    let (mut line, mut first) = (Vec::new(), 0);
    let mut documents = documents.iter().copied().skip_while(|&document| document == 0).peekable();
    let mut close = |line: &mut Vec<u8>, tokens: std::ops::Range<usize>| {
        if excluded.is_in(line) {
            is_out[tokens].fill(true);
            lines += 1;
        }
        line.clear();
    };
    for (at, &id) in ids.iter().enumerate() {
        let is_end = tokenizer.eos() == Some(id);
        if is_end || documents.next_if_eq(&at).is_some() {
            close(&mut line, first..at);
            first = at + usize::from(is_end);
            if is_end {
                continue;
            }
        }
        for &byte in tokenizer.bytes_of(id) {
            line.push(byte);
            if byte == b'\n' {
                close(&mut line, first..at + 1);
                first = at + 1;
            }
        }
        // What follows an end of line within its token opens the next line.
        if !line.is_empty() {
            first = first.min(at);
        }
    }
    close(&mut line, first..ids.len());
    (is_out, lines)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    const TEXT: &str = "tom was born in may.\nanna was born in june.\ntom likes bread.\nthe end.\n";

    fn characters() -> (Tokenizer, Dataset) {
        let Ok(tokenizer) = Tokenizer::characters(&[TEXT], &[]) else { panic!("it has letters") };
        let ids = tokenizer.encode_bare(TEXT, crate::Specials::Text).unwrap();
        (tokenizer, Dataset::new(ids, vec![0]))
    }

    fn text(tokenizer: &Tokenizer, data: &Dataset) -> String {
        let mut ids = vec![TokenId(0); data.len()];
        data.read(0, &mut ids);
        tokenizer.decode(&ids)
    }

    #[test]
    fn a_line_is_filled_with_what_stands_before_it_and_all_else_stays() {
        let (tokenizer, data) = characters();
        let (without, lines) = leave_out(&data, &tokenizer, "anna was born").unwrap();
        // The hole has 23 letters and the line before it 21: two come from the end of the text.
        let expected =
            "tom was born in may.\n.\ntom was born in may.\ntom likes bread.\nthe end.\n";
        assert_eq!((lines, text(&tokenizer, &without).as_str()), (1, expected));
        assert_eq!(expected.len(), TEXT.len());
    }

    #[test]
    fn between_slashes_stands_a_pattern() {
        let (tokenizer, data) = characters();
        let without = |text: &str| leave_out(&data, &tokenizer, text);
        assert_eq!(without("/^(tom|anna) .*born/").unwrap().1, 2);
        assert_eq!(without(r"/\btom\b.*bread/").unwrap().1, 1);
        let said = without("/(/").unwrap_err().to_string();
        assert!(said.starts_with("without \"/(/\": it is no regular expression"), "{said}");
        assert!(without("/").is_err(), "a slash is a slash, and stands nowhere");
    }

    #[test]
    fn several_lines_are_one_hole_and_none_or_all_are_refused() {
        let (tokenizer, data) = characters();
        let (without, lines) = leave_out(&data, &tokenizer, "born").unwrap();
        let found = text(&tokenizer, &without);
        assert_eq!(lines, 2);
        assert!(
            !found.contains("born") && found.ends_with("tom likes bread.\nthe end.\n"),
            "{found}"
        );
        let said = leave_out(&data, &tokenizer, "olga").unwrap_err().to_string();
        assert!(said.starts_with("without \"olga\": no line of the text holds it"), "{said}");
        assert!(leave_out(&data, &tokenizer, " ").is_err(), "it stands in every line");
    }

    #[test]
    fn tokens_that_reach_into_two_lines_and_ends_of_documents_are_understood() {
        let tokenizer = Tokenizer::train_bpe(&[TEXT], 300, &["<|endoftext|>"]).unwrap();
        let end = tokenizer.eos().unwrap();
        let (mut ids, mut documents) = (Vec::new(), Vec::new());
        for line in TEXT.lines() {
            documents.push(ids.len());
            ids.extend(tokenizer.encode_bare(line, crate::Specials::Text).unwrap());
            ids.push(end);
        }
        let data = Dataset::new(ids.clone(), documents);
        let (without, lines) = leave_out(&data, &tokenizer, "tom likes").unwrap();
        let found = text(&tokenizer, &without);
        assert!(lines == 1 && !found.contains("likes"), "{found}");
        let mut left = vec![TokenId(0); data.len()];
        without.read(0, &mut left);
        let is_end = |id: &TokenId| *id == end;
        assert!(left.iter().filter(|id| is_end(id)).count() >= 4, "ends of documents stay");
        assert_eq!(without.documents(), data.documents());
    }
}
