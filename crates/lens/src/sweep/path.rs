//! The two sets of path patching as they are written: senders, whose output is that of the other prompt, one at a
//! time, and receivers, which alone read it. Read `path_ends` next, which says what they are of a model.
//!
//! ```text
//! sender    heads  attn  mlp, each also -by-position;  3.1  attn.2  mlp.2, each also of one position: 3.1[-1]
//! receiver  logits, alone;  heads  mlp  attn.2  mlp.2  3.1  3.1.q  3.1.k  3.1.v, each also of one position
//! ```

use std::{fmt, str::FromStr};

use lookback_files::{Kind, Refusal, Result, Setting};
use lookback_model::BlockSite;

/// What makes a set of senders one for each position.
const BY_POSITION: &str = "-by-position";

/// What adds to the residual stream, or reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Heads,
    Attention(Option<u16>),
    Mlp(Option<u16>),
    /// A head, and its query, key or value.
    Head(u16, usize, Option<BlockSite>),
    Logits,
}

/// A part as it was written, and the position that it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub text: String,
    pub part: Part,
    pub is_by_position: bool,
    pub position: Option<i64>,
}

/// What sends: whose output is taken from the other prompt, one at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathSenders(pub(super) Vec<Named>);

/// What receives: all of it together, from a sender along direct paths alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathReceivers(pub(super) Vec<Named>);

impl FromStr for PathSenders {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self> {
        let all = named("senders", text)?;
        for sender in &all {
            match sender.part {
                Part::Logits => {
                    return refuse("senders", "nothing reads the logits, so they send nothing");
                }
                Part::Head(_, _, Some(_)) => {
                    return refuse(
                        "senders",
                        format!("{}: a head sends its z; name the head alone", sender.text),
                    );
                }
                _ => {}
            }
        }
        Ok(Self(all))
    }
}

impl FromStr for PathReceivers {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self> {
        let all = named("receivers", text)?;
        if let Some(receiver) = all.iter().find(|receiver| receiver.is_by_position) {
            let what = format!(
                "{}: receivers are patched together; name a position as in 3.1[-1]",
                receiver.text
            );
            return refuse("receivers", what);
        }
        let has_logits = all.iter().any(|receiver| receiver.part == Part::Logits);
        if has_logits && all.len() > 1 {
            return refuse(
                "receivers",
                "logits stand alone: what they read would be replaced, with all that others make of it",
            );
        }
        if has_logits && all[0].position.is_some() {
            return refuse(
                "receivers",
                "logits are those after the last token, which the metric reads",
            );
        }
        Ok(Self(all))
    }
}

impl fmt::Display for PathSenders {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&joined(&self.0))
    }
}

impl fmt::Display for PathReceivers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&joined(&self.0))
    }
}

fn joined(all: &[Named]) -> String {
    all.iter().map(|named| &*named.text).collect::<Vec<_>>().join(", ")
}

pub(super) fn refuse<T>(setting: &'static str, what: impl fmt::Display) -> Result<T> {
    Err(Refusal::of(Kind::InvalidSetting, format!("{}: {what}", Setting(setting))))
}

/// The parts of a list with commas between.
fn named(setting: &'static str, text: &str) -> Result<Vec<Named>> {
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    let all = items.map(|item| one(setting, item)).collect::<Result<Vec<_>>>()?;
    if all.is_empty() {
        return refuse(setting, "there is none in it; name heads, mlp, 3.1 or mlp.2");
    }
    for (at, named) in all.iter().enumerate() {
        if all[..at].iter().any(|other| other.text == named.text) {
            return refuse(setting, format!("{} stands there twice", named.text));
        }
    }
    Ok(all)
}

fn one(setting: &'static str, text: &str) -> Result<Named> {
    let unknown = || {
        let others = match setting {
            "receivers" => "heads, mlp, attn.2, mlp.2, 3.1, 3.1.q, 3.1.k, 3.1.v or logits",
            _ => "heads, attn, mlp, each also -by-position, or 3.1, attn.2, mlp.2",
        };
        refuse(setting, format!("there is no {text:?}; there are {others}"))
    };
    let (name, position) = match text.strip_suffix(']').and_then(|text| text.split_once('[')) {
        None => (text, None),
        Some((name, position)) => match position.trim().parse::<i64>() {
            Ok(position) => (name, Some(position)),
            Err(_) => return unknown(),
        },
    };
    let (base, is_by_position) = match name.strip_suffix(BY_POSITION) {
        Some(base) if position.is_none() => (base, true),
        Some(_) => return unknown(),
        None => (name, false),
    };
    let parts: Vec<&str> = base.split('.').collect();
    let layer = |text: &str| text.parse::<u16>().ok();
    let head_part = |text: &str| match text {
        "q" => Some(BlockSite::Q),
        "k" => Some(BlockSite::K),
        "v" => Some(BlockSite::V),
        _ => None,
    };
    let of_head = |layer_text: &str, head: &str, part| {
        Some(Part::Head(layer(layer_text)?, head.parse().ok()?, part))
    };
    let part = match parts[..] {
        ["heads"] => Some(Part::Heads),
        ["attn"] => Some(Part::Attention(None)),
        ["mlp"] => Some(Part::Mlp(None)),
        ["logits"] if !is_by_position => Some(Part::Logits),
        _ if is_by_position => None,
        ["attn", at] => layer(at).map(|layer| Part::Attention(Some(layer))),
        ["mlp", at] => layer(at).map(|layer| Part::Mlp(Some(layer))),
        [at, head] => of_head(at, head, None),
        [at, head, part] => head_part(part).and_then(|part| of_head(at, head, Some(part))),
        _ => None,
    };
    match part {
        Some(part) => Ok(Named { text: text.to_owned(), part, is_by_position, position }),
        None => unknown(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_part_is_refused_by_name() {
        for text in [
            "",
            " , ",
            "z",
            "3",
            "1.x",
            "mlp.x",
            "1.1.z",
            "heads-by-position[1]",
            "1.1[x]",
            "1.1-by-position",
            "1.1,1.1",
            "logits",
            "1.1.q",
        ] {
            let refused = text.parse::<PathSenders>().unwrap_err().to_string();
            assert!(refused.contains("senders"), "{text}: {refused}");
        }
        for text in ["", "q", "1.1.z", "logits,mlp", "logits[0]", "heads-by-position"] {
            let refused = text.parse::<PathReceivers>().unwrap_err().to_string();
            assert!(refused.contains("receivers"), "{text}: {refused}");
        }
    }
}
