//! What can be written of a change: where, of what, and what happens there. Read `resolve` for what it means.

use lookback_files::{Kind, Refusal, Result};
use lookback_model::{BlockSite, Site};
use serde::{Deserialize, Serialize};

use crate::intervention::selection::Selection;

/// One change of what stands at a site, as it is written: nothing of it is looked up yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Intervention {
    /// Where.
    pub site: Site,
    /// Of which rows and columns.
    pub selection: Selection,
    /// What happens there.
    pub operation: Operation,
}

impl Intervention {
    /// Refuses axes and operations that the site does not have, and what is no number.
    pub(crate) fn check(&self) -> Result<()> {
        self.selection.check(self.site)?;
        self.check_operation()?;
        let is_finite = match &self.operation {
            Operation::Set(source) => {
                if let Source::From { selection: Some(selection), .. } = source {
                    selection.check(self.site)?;
                }
                match source {
                    Source::Number(number) => number.is_finite(),
                    Source::Vector(vector) => vector.is_finite(),
                    _ => true,
                }
            }
            Operation::Scale(factor) => factor.is_finite(),
            Operation::Add(scaled)
            | Operation::ScaleAlong(scaled)
            | Operation::OrthogonalAdd(scaled) => {
                scaled.factor.is_finite() && scaled.vector.is_finite()
            }
            Operation::ProjectOut(vector) => vector.is_finite(),
            Operation::ClampAlong(Bounded { vector, min, max }) => {
                let is_ordered = min.zip(*max).is_none_or(|(min, max)| min <= max);
                if !is_ordered {
                    return Err(self.refuse("the lower bound is above the upper one"));
                }
                vector.is_finite() && [min, max].iter().all(|it| it.is_none_or(f32::is_finite))
            }
            Operation::NormScaledAdd(Limited { factor, vector, max_fraction }) => {
                if *max_fraction < 0.0 {
                    return Err(self.refuse("a share of a length is not below 0"));
                }
                factor.is_finite() && max_fraction.is_finite() && vector.is_finite()
            }
            Operation::Swap { from, to } => from.is_finite() && to.is_finite(),
            Operation::KeepTop(0) => return Err(self.refuse("at least one key is kept")),
            Operation::KeepTop(_) | Operation::Hide => true,
        };
        match is_finite {
            true => Ok(()),
            false => Err(self.refuse("a number of it is not finite in single precision")),
        }
    }

    /// Refuses what cannot happen to scores and patterns, and elsewhere what happens to scores alone.
    fn check_operation(&self) -> Result<()> {
        let is_of = |of_block| matches!(self.site, Site::Block(_, block) if block == of_block);
        let (of_scores, of_pattern) = (is_of(BlockSite::Scores), is_of(BlockSite::Pattern));
        match &self.operation {
            Operation::KeepTop(_) | Operation::Hide if of_pattern => Err(self.refuse(
                "keys are kept or hidden by their scores, of which the softmax is taken then; write it at attn.scores",
            )),
            Operation::KeepTop(_) | Operation::Hide if !of_scores => {
                Err(self.refuse("keys are kept or hidden at attn.scores alone"))
            }
            Operation::Set(Source::Number(_) | Source::Vector(_) | Source::From { .. })
            | Operation::Scale(_)
            | Operation::Add(_)
            | Operation::KeepTop(_)
            | Operation::Hide => Ok(()),
            _ if of_scores || of_pattern => Err(self.refuse(
                "scores and patterns are changed by = NUMBER, = vector, = from(...), *= NUMBER, += vector and \
                 -= vector, and scores by hide, keep_top(k) and harden",
            )),
            _ => Ok(()),
        }
    }

    fn refuse(&self, why: &str) -> Refusal {
        Refusal::of(Kind::InvalidSetting, format!("{}: {why}", self.site))
    }
}

impl Operation {
    /// The texts between which its directions lead.
    pub(super) fn dir_texts(&self) -> Vec<&[String; 2]> {
        let vectors = match self {
            Self::Set(Source::Vector(vector)) | Self::ProjectOut(vector) => vec![vector],
            Self::Add(scaled) | Self::ScaleAlong(scaled) | Self::OrthogonalAdd(scaled) => {
                vec![&scaled.vector]
            }
            Self::ClampAlong(bounded) => vec![&bounded.vector],
            Self::NormScaledAdd(limited) => vec![&limited.vector],
            Self::Swap { from, to } => vec![from, to],
            Self::Set(_) | Self::Scale(_) | Self::KeepTop(_) | Self::Hide => Vec::new(),
        };
        vectors.into_iter().filter_map(Vector::dir_texts).collect()
    }
}

impl Vector {
    fn dir_texts(&self) -> Option<&[String; 2]> {
        match self {
            Self::Dir(texts) => Some(texts),
            Self::Unit(vector) => vector.dir_texts(),
            Self::Numbers(_) | Self::File { .. } => None,
        }
    }

    fn is_finite(&self) -> bool {
        match self {
            Self::Numbers(numbers) => numbers.iter().all(|number| number.is_finite()),
            Self::Unit(vector) => vector.is_finite(),
            Self::File { .. } | Self::Dir(_) => true,
        }
    }
}

/// What happens to what is chosen, h.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", content = "value", rename_all = "snake_case")]
pub enum Operation {
    /// It becomes this.
    Set(Source),
    /// `h · factor`
    Scale(f32),
    /// `h + factor · vector`
    Add(Scaled),
    /// `h − (h · v) v`, v the vector at length 1.
    ProjectOut(Vector),
    /// `h + (factor − 1) (h · v) v`, v the vector at length 1.
    ScaleAlong(Scaled),
    /// `h + (c − h · v) v`, v the vector at length 1, c: `h · v` within the bounds.
    ClampAlong(Bounded),
    /// `h + ‖h‖ s · vector`, s: the factor, or as much of it as adds at most `max_fraction` of `‖h‖`.
    NormScaledAdd(Limited),
    /// `h + w − (h · w / h · h) h`, w: factor times vector.
    OrthogonalAdd(Scaled),
    /// `h + (h · v)(t − v)`, v and t the vectors at length 1.
    Swap {
        /// What is taken away.
        from: Vector,
        /// What takes its place.
        to: Vector,
    },
    /// Of the chosen scores of a row only so many of the largest stay; the others become −inf. Attention that keeps
    /// one is hard.
    KeepTop(usize),
    /// The chosen keys are hidden: their scores become −inf (attention knockout, Geva et al. 2023).
    Hide,
}

/// A vector and a factor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scaled {
    /// What the vector is multiplied with.
    #[serde(default = "one")]
    pub factor: f32,
    /// The vector.
    pub vector: Vector,
}

/// A direction and bounds along it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounded {
    /// The direction.
    pub vector: Vector,
    /// The least; none, where there is no bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f32>,
    /// The most; none, where there is no bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f32>,
}

/// A vector, a factor, and how long their product is at most.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limited {
    /// What the vector is multiplied with.
    #[serde(default = "one")]
    pub factor: f32,
    /// The vector.
    pub vector: Vector,
    /// As a share of the length of what it is added to.
    #[serde(default = "one")]
    pub max_fraction: f32,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

fn one() -> f32 {
    1.0
}

/// Where what is written comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The mean over the tokens of the prompt, without edits.
    Mean,
    /// The mean over the tokens of a file of texts, one a line.
    MeanOf {
        /// The file.
        file: String,
        /// Of each text those from here on; all by default. First tokens are often unlike all others.
        #[serde(default, skip_serializing_if = "is_zero")]
        start: usize,
    },
    /// What stands there over another prompt.
    From {
        /// The other prompt.
        #[serde(flatten)]
        other: OtherPrompt,
        /// What is taken of it, where that is not what is written here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        selection: Option<Selection>,
    },
    /// For each position a row that is drawn from all of a file's texts, one a line.
    Resample {
        /// The file.
        file: String,
        /// What the draws follow from.
        seed: u64,
    },
    /// A number for all of it.
    #[serde(untagged)]
    Number(f32),
    /// A number for each dimension.
    #[serde(untagged)]
    Vector(Vector),
}

/// Another prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OtherPrompt {
    /// Its text.
    Prompt(String),
    /// Its ids.
    Ids(Vec<u32>),
}

/// A vector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vector {
    /// Of a .npy or .safetensors file.
    File {
        /// The file.
        file: String,
        /// Which of several tensors.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tensor: Option<String>,
    },
    /// The mean of the same site over the tokens of a prompt, less that over another's.
    Dir([String; 2]),
    /// A vector at length 1.
    Unit(Box<Vector>),
    /// Its numbers.
    #[serde(untagged)]
    Numbers(Vec<f32>),
}
