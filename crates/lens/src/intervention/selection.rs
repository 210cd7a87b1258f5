//! Which rows and columns of a site are chosen: a range or a list for each of the site's axes.

use std::collections::BTreeMap;

use lookback_files::{Kind, Refusal, Result, counted};
use lookback_model::{BlockSite, Site};
use serde::{Deserialize, Serialize};

/// An axis of a site, as `docs/sites.md` has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Axis {
    /// Positions of a sequence.
    #[serde(rename = "tokens")]
    Token,
    /// Query heads.
    #[serde(rename = "heads")]
    Head,
    /// Key heads, which several query heads may share.
    #[serde(rename = "key_heads")]
    KeyHead,
    /// Positions that look.
    #[serde(rename = "queries")]
    Query,
    /// Positions that are looked at.
    #[serde(rename = "keys")]
    Key,
    /// The experts that were chosen for a token, in the order of their indices.
    #[serde(rename = "experts")]
    Expert,
    /// The last axis: dimensions of a stream or of a head, neurons, experts, ids of the vocabulary.
    #[serde(rename = "dimensions")]
    Dimension,
}

impl Axis {
    /// Each with its name and the name of several.
    pub(crate) const NAMES: [(Self, &'static str, &'static str); 7] = [
        (Self::Token, "token", "tokens"),
        (Self::Head, "head", "heads"),
        (Self::KeyHead, "key_head", "key_heads"),
        (Self::Query, "query", "queries"),
        (Self::Key, "key", "keys"),
        (Self::Expert, "expert", "experts"),
        (Self::Dimension, "dimension", "dimensions"),
    ];

    /// The axis of a name, also by what people call it.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let known = Self::NAMES.iter().find(|(_, one, all)| [*one, *all].contains(&name));
        let axis = known.map(|(axis, ..)| *axis);
        axis.or(match name {
            "position" | "positions" | "pos" => Some(Self::Token),
            "neuron" | "neurons" | "dim" | "id" | "ids" => Some(Self::Dimension),
            _ => None,
        })
    }

    /// Its name, of one.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(axis, ..)| *axis == self).map_or("", |(_, name, _)| name)
    }

    /// Its name, of several.
    pub fn plural(self) -> &'static str {
        Self::NAMES.iter().find(|(axis, ..)| *axis == self).map_or("", |(.., name)| name)
    }

    /// The axes of a site in their order. `has_experts`: those of a mixture, which `mlp.pre`, `mlp.pre_linear`
    /// and `mlp.post` have besides.
    pub fn of_site(site: Site, has_experts: bool) -> &'static [Self] {
        use BlockSite as B;
        let Site::Block(_, block) = site else { return &[Self::Token, Self::Dimension] };
        match block {
            B::Scores | B::Pattern => &[Self::Head, Self::Query, Self::Key],
            B::Q | B::RotQ | B::Z | B::Result => &[Self::Token, Self::Head, Self::Dimension],
            B::K | B::V | B::RotK => &[Self::Token, Self::KeyHead, Self::Dimension],
            B::MlpPre | B::MlpPreLinear | B::MlpPost if has_experts => {
                &[Self::Token, Self::Expert, Self::Dimension]
            }
            _ => &[Self::Token, Self::Dimension],
        }
    }
}

/// Some of an axis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Index {
    /// One; a negative number counts from the end.
    At(i64),
    /// The tokens that cover this text of the prompt.
    Text(String),
    /// From `start` to before `end`, each from the end where it is negative.
    Range {
        /// From the first, where it is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        start: Option<i64>,
        /// To the last, where it is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        end: Option<i64>,
    },
}

/// What is chosen of each axis; of one that is not here, all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Selection(pub(crate) BTreeMap<Axis, Vec<Index>>);

impl Selection {
    /// Everything.
    pub fn all() -> Self {
        Self::default()
    }

    /// Chooses of an axis. All of it is no choice.
    #[must_use]
    pub fn with(mut self, axis: Axis, chosen: Vec<Index>) -> Self {
        if chosen == [Index::Range { start: None, end: None }] {
            self.0.remove(&axis);
        } else {
            self.0.insert(axis, chosen);
        }
        self
    }

    /// Refuses an axis that a site does not have.
    pub(crate) fn check(&self, site: Site) -> Result<()> {
        let axes = Axis::of_site(site, self.0.contains_key(&Axis::Expert));
        let Some(other) = self.0.keys().find(|axis| !axes.contains(axis)) else { return Ok(()) };
        let names: Vec<&str> = axes.iter().map(|axis| axis.plural()).collect();
        let why = match (other, axes.contains(&Axis::KeyHead)) {
            (Axis::Head, true) => "; query heads may share key heads, so name these",
            _ => "",
        };
        Err(Refusal::of(
            Kind::InvalidSetting,
            format!("{site} has no {}, but [{}]{why}", other.plural(), names.join(", ")),
        ))
    }

    /// What is chosen of an axis; none where that is all of it.
    pub fn of(&self, axis: Axis) -> Option<&[Index]> {
        self.0.get(&axis).map(|chosen| &**chosen)
    }
}

/// Refuses a choice or what is done with it.
pub(super) fn refuse<T>(what: impl Into<String>) -> Result<T> {
    Err(Refusal::of(Kind::InvalidSetting, what))
}

/// Places of an axis of `count`, ascending, each once. Numbers below 0 count from `end`; `find` says which
/// places a text covers. Open ranges go to `count`.
pub(crate) fn places(
    axis: Axis,
    chosen: &[Index],
    count: usize,
    end: Option<usize>,
    find: impl Fn(&str) -> Result<Vec<usize>>,
) -> Result<Vec<usize>> {
    let absolute = |number: i64| -> Result<usize> {
        let from_end = end.map(|end| (end as i64).saturating_add(number));
        match (number, from_end) {
            (0.., _) => Ok(number as usize),
            (_, Some(place @ 0..)) => Ok(place as usize),
            (_, None) => refuse(format!(
                "{} {number} counts from the end of a prompt, and there is none here",
                axis.name()
            )),
            (..) => refuse(no_place(axis, number, end.unwrap_or(count))),
        }
    };
    let mut all = Vec::new();
    for index in chosen {
        match index {
            Index::At(number) => {
                let place = absolute(*number)?;
                if place >= count {
                    return refuse(no_place(axis, *number, count));
                }
                all.push(place);
            }
            Index::Range { start, end: stop } => {
                let first = start.map_or(Ok(0), absolute)?;
                let stop = stop.map_or(Ok(count), absolute)?;
                if stop > count || first >= stop {
                    let shown = range_text(*start, index_end(index));
                    let counted = counted(count, axis.name());
                    let what = if first >= stop { "it is empty" } else { "it ends behind them" };
                    return refuse(format!("{} {shown} of {counted}: {what}", axis.plural()));
                }
                all.extend(first..stop);
            }
            Index::Text(text) => all.extend(find(text)?),
        }
    }
    all.sort_unstable();
    all.dedup();
    if all.is_empty() {
        return refuse(format!("no {} is chosen", axis.name()));
    }
    Ok(all)
}

fn index_end(index: &Index) -> Option<i64> {
    match index {
        Index::Range { end, .. } => *end,
        Index::At(_) | Index::Text(_) => None,
    }
}

/// A range as it is written.
pub(crate) fn range_text(start: Option<i64>, end: Option<i64>) -> String {
    let shown = |bound: Option<i64>| bound.map_or(String::new(), |bound| bound.to_string());
    format!("{}:{}", shown(start), shown(end))
}

fn no_place(axis: Axis, number: i64, count: usize) -> String {
    let counted = counted(count, axis.name());
    format!("{} {number} is not there: there are {counted}, counted from 0", axis.name())
}

/// The bytes of a text that each of its tokens stands for, one behind the other.
pub(crate) fn covering(text: &str, token_bytes: &[&[u8]]) -> Result<Vec<usize>> {
    let whole: Vec<u8> = token_bytes.concat();
    let wanted = text.as_bytes();
    if wanted.is_empty() {
        return refuse("an empty text covers no token".to_owned());
    }
    let found: Vec<usize> =
        (0..whole.len()).filter(|&at| whole[at..].starts_with(wanted)).collect();
    let tokens_of = |at: usize| {
        let (mut start, mut tokens) = (0, Vec::new());
        for (token, bytes) in token_bytes.iter().enumerate() {
            let end = start + bytes.len();
            if start < at + wanted.len() && end > at {
                tokens.push(token);
            }
            start = end;
        }
        tokens
    };
    match found[..] {
        [at] => Ok(tokens_of(at)),
        [] => {
            let prompt = String::from_utf8_lossy(&whole);
            let words = prompt.split_whitespace();
            let nearest = lookback_files::nearest(text, words)
                .map_or(String::new(), |word| format!("; did you mean {word:?}?"));
            refuse(format!("the prompt does not contain {text:?}{nearest}"))
        }
        _ => {
            let places: Vec<String> =
                found.iter().map(|&at| format!("{:?}", tokens_of(at))).collect();
            refuse(format!(
                "the prompt contains {text:?} {} times, at tokens {}; choose by number",
                found.len(),
                places.join(", ")
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(indices: &[Index], count: usize) -> Result<Vec<usize>> {
        places(Axis::Token, indices, count, Some(count), |_| Ok(vec![1]))
    }

    #[test]
    fn places_are_ascending_and_counted_from_either_end() {
        let range = |start, end| Index::Range { start, end };
        assert_eq!(chosen(&[Index::At(-1), Index::At(0)], 4).unwrap(), [0, 3]);
        assert_eq!(chosen(&[range(Some(1), Some(-1)), Index::At(2)], 4).unwrap(), [1, 2]);
        assert_eq!(chosen(&[range(None, None)], 3).unwrap(), [0, 1, 2]);
        assert_eq!(chosen(&[Index::Text("x".to_owned())], 4).unwrap(), [1]);
        for (index, why) in [
            (Index::At(4), "token 4 is not there: there are 4 tokens, counted from 0"),
            (Index::At(-5), "token -5 is not there: there are 4 tokens, counted from 0"),
            (range(Some(2), Some(2)), "tokens 2:2 of 4 tokens: it is empty"),
            (range(Some(2), Some(9)), "tokens 2:9 of 4 tokens: it ends behind them"),
        ] {
            assert_eq!(chosen(&[index], 4).unwrap_err().to_string(), why);
        }
    }

    #[test]
    fn a_text_chooses_the_tokens_that_cover_it() {
        let tokens: Vec<&[u8]> = vec![b"the", b" re", b"d", b" bi", b"rd", b" is", b" red"];
        assert_eq!(covering("bird", &tokens).unwrap(), [3, 4]);
        assert_eq!(covering("ird is", &tokens).unwrap(), [3, 4, 5]);
        assert_eq!(covering("the", &tokens).unwrap(), [0]);
        let twice = covering("red", &tokens).unwrap_err().to_string();
        assert!(twice.contains("2 times, at tokens [1, 2], [6]"), "{twice}");
        let missing = covering("brid", &tokens).unwrap_err().to_string();
        assert_eq!(missing, "the prompt does not contain \"brid\"; did you mean \"bird\"?");
        assert!(covering("", &tokens).is_err());
    }
}
