//! *king − man + woman*: where *queen* stands in a model's table, with the three words among those
//! that may answer and without, and where it stands beside *king* alone, before anything is added.

use lookback::Model;
use lookback_files::Result;
use lookback_lens::{Lengths, Table, analogy};
use lookback_text::{Specials, tinytown::Question};
use serde_json::{Value, json};

/// Where the answer of one analogy stands, the nearest first, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ranks {
    /// Its last word: *king*.
    of: String,
    answer: String,
    /// Tokens that are ranked.
    tokens: usize,
    /// To x − man + woman, the three left out.
    left_out: usize,
    /// The same among all tokens.
    among_all: usize,
    /// To x itself, the three left out: what the sum did not do.
    of_x_alone: usize,
}

impl Ranks {
    /// Ranks the answer of a question; none where a word is several tokens of the model.
    pub(super) fn of(model: &Model, question: &Question) -> Result<Option<Self>> {
        let tokenizer = model.tokenizer()?;
        let id = |word: &str| -> Result<Option<usize>> {
            let ids = tokenizer.encode_bare(&format!(" {word}"), Specials::Text)?;
            Ok(if let [id] = ids[..] { Some(id.index()) } else { None })
        };
        let words: Vec<&str> = question.prompt.split(' ').collect();
        let ([man, woman, x], answer) = (three(&words), question.answer.trim_start());
        let ids = (id(x)?, id(man)?, id(woman)?, id(answer)?);
        let (Some(of), Some(man), Some(woman), Some(queen)) = ids else { return Ok(None) };
        let table = Table::of_model(&model.weights);
        let sum = analogy(&table, [of, man, woman], Lengths::Own, table.rows(), |_| true);
        let among_all = sum.answers.iter().position(|answer| answer.row == queen);
        let others = sum.answers.iter().filter(|answer| !answer.is_input);
        let left_out = others.clone().position(|answer| answer.row == queen);
        let near =
            table.nearest(&table.row(of), table.rows(), |row| ![of, man, woman].contains(&row));
        let alone = near.iter().position(|near| near.row == queen);
        let (Some(among_all), Some(left_out), Some(alone)) = (among_all, left_out, alone) else {
            return Ok(None);
        };
        Ok(Some(Self {
            of: x.to_owned(),
            answer: answer.to_owned(),
            tokens: table.rows(),
            left_out: left_out + 1,
            among_all: among_all + 1,
            of_x_alone: alone + 1,
        }))
    }
}

/// *man*, *woman* and the word that is asked about.
fn three<'a>(words: &[&'a str]) -> [&'a str; 3] {
    match *words {
        [man, woman, x] => [man, woman, x],
        _ => [""; 3],
    }
}

/// A line for each, under a line that says what the numbers are.
pub(crate) fn lines(ranks: &[Ranks]) -> Vec<String> {
    let Some(first) = ranks.first() else { return Vec::new() };
    let head = format!(
        "\nx - man + woman: where the answer stands among {} tokens by its cosine\n\
         x         answer      the three left out  among all  of x alone, without a sum",
        first.tokens
    );
    let of_each = ranks.iter().map(|ranks| {
        format!(
            "{:<8}  {:<10}  {:>18}  {:>9}  {:>10}",
            ranks.of, ranks.answer, ranks.left_out, ranks.among_all, ranks.of_x_alone
        )
    });
    let is_first = |rank: fn(&Ranks) -> usize| {
        format!("{} of {}", ranks.iter().filter(|ranks| rank(ranks) == 1).count(), ranks.len())
    };
    let total = format!(
        "{:<20}  {:>18}  {:>9}  {:>10}",
        "first",
        is_first(|ranks| ranks.left_out),
        is_first(|ranks| ranks.among_all),
        is_first(|ranks| ranks.of_x_alone)
    );
    std::iter::once(head).chain(of_each).chain([total]).collect()
}

/// The same for scripts.
pub(super) fn json(ranks: &[Ranks]) -> Value {
    let of_each = ranks.iter().map(|ranks| {
        json!({
            "x": ranks.of,
            "answer": ranks.answer,
            "left_out": ranks.left_out,
            "among_all": ranks.among_all,
            "of_x_alone": ranks.of_x_alone,
        })
    });
    of_each.collect()
}
