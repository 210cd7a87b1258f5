//! What a pass is judged by: one number of the logits after its last token, and its gradient. All is f64.

use std::str::FromStr;

use lookback_files::{Kind, Refusal, Result, Setting};
use lookback_model::TokenId;
use serde::Serialize;

/// A number of the distribution of the next token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SweepMetric {
    /// The logit of the answer less that of the wrong answer.
    LogitDifference,
    /// ln p(answer)
    LogProbability,
    /// Σ p (ln p − ln q) of the clean distribution p and the one that is judged, q.
    Kl,
    /// The answer's place among all tokens, the likeliest at 1.
    Rank,
    /// −ln p(answer)
    Loss,
}

impl SweepMetric {
    /// All of them, with their names.
    pub const ALL: [(Self, &'static str); 5] = [
        (Self::LogitDifference, "logit-difference"),
        (Self::LogProbability, "log-probability"),
        (Self::Kl, "kl"),
        (Self::Rank, "rank"),
        (Self::Loss, "loss"),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(metric, _)| *metric == self).map_or("", |(_, name)| name)
    }

    /// The one that is meant where none is named: by which answers are given.
    pub fn usual(has_answer: bool, has_wrong: bool) -> Self {
        match (has_answer, has_wrong) {
            (true, true) => Self::LogitDifference,
            (true, false) => Self::LogProbability,
            (false, _) => Self::Kl,
        }
    }
}

impl FromStr for SweepMetric {
    type Err = Refusal;

    fn from_str(given: &str) -> Result<Self> {
        let found = Self::ALL.iter().find(|(_, name)| *name == given);
        found.map(|(metric, _)| *metric).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|(_, name)| *name).collect();
            refusal(format!("there is no {given:?}; there are {}", names.join(", ")))
        })
    }
}

fn refusal(what: String) -> Refusal {
    Refusal::of(Kind::InvalidSetting, format!("{}: {what}", Setting("metric")))
}

/// Reads one metric from logits.
#[derive(Clone, Debug)]
pub struct MetricReader {
    metric: SweepMetric,
    answer: Option<TokenId>,
    wrong: Option<TokenId>,
    /// ln p of the clean pass, where the metric compares with it.
    clean: Vec<f64>,
}

impl MetricReader {
    /// For these answers; `clean_logits` are those of the pass that is compared with, `[vocabulary]`.
    ///
    /// # Errors
    /// When the metric needs an answer that is not given.
    pub fn new(
        metric: SweepMetric,
        [answer, wrong]: [Option<TokenId>; 2],
        clean_logits: &[f32],
    ) -> Result<Self> {
        let needs_answer = metric != SweepMetric::Kl;
        if needs_answer && answer.is_none() {
            return Err(refusal(format!(
                "{} needs {}, the token that is right",
                metric.name(),
                Setting("answer")
            )));
        }
        if metric == SweepMetric::LogitDifference && wrong.is_none() {
            return Err(refusal(format!(
                "{} needs {}, the token that is compared with",
                metric.name(),
                Setting("wrong")
            )));
        }
        let clean = match metric {
            SweepMetric::Kl => log_probabilities(clean_logits),
            _ => Vec::new(),
        };
        Ok(Self { metric, answer, wrong, clean })
    }

    /// Which metric it is.
    pub fn metric(&self) -> SweepMetric {
        self.metric
    }

    /// The metric of some logits, `[vocabulary]`.
    pub fn value(&self, logits: &[f32]) -> f64 {
        let at = |id: Option<TokenId>| id.map_or(0.0, |id| f64::from(logits[id.index()]));
        match self.metric {
            SweepMetric::LogitDifference => at(self.answer) - at(self.wrong),
            SweepMetric::LogProbability => at(self.answer) - log_sum_exp(logits),
            SweepMetric::Loss => log_sum_exp(logits) - at(self.answer),
            SweepMetric::Rank => {
                let Some(answer) = self.answer else { return 0.0 };
                let own = logits[answer.index()];
                let is_before = |(id, logit): (usize, &f32)| {
                    *logit > own || (*logit == own && id < answer.index())
                };
                1.0 + logits.iter().enumerate().filter(|at| is_before(*at)).count() as f64
            }
            SweepMetric::Kl => kl_divergence(&self.clean, &log_probabilities(logits)),
        }
    }

    /// Its gradient by the logits, `[vocabulary]`.
    ///
    /// # Errors
    /// When the metric has none.
    pub fn gradient(&self, logits: &[f32]) -> Result<Vec<f32>> {
        let mut gradient = vec![0.0; logits.len()];
        let mut add = |id: Option<TokenId>, by: f32| {
            if let Some(id) = id {
                gradient[id.index()] += by;
            }
        };
        match self.metric {
            SweepMetric::LogitDifference => {
                add(self.answer, 1.0);
                add(self.wrong, -1.0);
                return Ok(gradient);
            }
            SweepMetric::Rank => {
                return Err(refusal("a rank has no gradient; choose another metric".to_owned()));
            }
            _ => {}
        }
        let probabilities = log_probabilities(logits).into_iter().map(libm::exp);
        let sign = if self.metric == SweepMetric::LogProbability { -1.0 } else { 1.0 };
        for (id, (gradient, p)) in gradient.iter_mut().zip(probabilities).enumerate() {
            let target = match self.metric {
                SweepMetric::Kl => libm::exp(self.clean[id]),
                _ => f64::from(u8::from(self.answer.is_some_and(|answer| answer.index() == id))),
            };
            *gradient = (sign * (p - target)) as f32;
        }
        Ok(gradient)
    }
}

/// ln Σ exp(logit), the largest moved to 0 first, ids ascending.
fn log_sum_exp(logits: &[f32]) -> f64 {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let largest = f64::from(largest);
    let sum = logits.iter().fold(0.0, |sum, x| sum + libm::exp(f64::from(*x) - largest));
    largest + libm::log(sum)
}

/// ln p of every token, in f64.
pub(crate) fn log_probabilities(logits: &[f32]) -> Vec<f64> {
    let total = log_sum_exp(logits);
    logits.iter().map(|x| f64::from(*x) - total).collect()
}

/// Σ p (ln p − ln q), ids ascending; a token that p does not have adds nothing.
pub(crate) fn kl_divergence(p: &[f64], q: &[f64]) -> f64 {
    p.iter().zip(q).fold(0.0, |sum, (&p, &q)| {
        let probability = libm::exp(p);
        if probability > 0.0 { sum + probability * (p - q) } else { sum }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(metric: SweepMetric) -> MetricReader {
        let answers = [Some(TokenId(1)), Some(TokenId(3))];
        MetricReader::new(metric, answers, &[0.5, -0.25, 1.0, 0.0]).unwrap()
    }

    #[test]
    fn metrics_are_those_of_the_definition() {
        let logits = [1.0f32, 2.0, 2.0, -1.0];
        let total = logits.iter().map(|x| f64::from(*x).exp()).sum::<f64>();
        let value = |metric| reader(metric).value(&logits);
        assert_eq!(value(SweepMetric::LogitDifference), 3.0);
        assert!((value(SweepMetric::LogProbability) - (2.0 - total.ln())).abs() < 1e-12);
        assert_eq!(value(SweepMetric::Loss), -value(SweepMetric::LogProbability));
        // Of equal logits the lower id comes first.
        assert_eq!(value(SweepMetric::Rank), 1.0);
        assert_eq!(reader(SweepMetric::Rank).value(&[3.0, 2.0, 2.0, 9.0]), 3.0);
        assert_eq!(reader(SweepMetric::Kl).value(&[0.5, -0.25, 1.0, 0.0]), 0.0);
        assert!(value(SweepMetric::Kl) > 0.0);
    }

    #[test]
    fn gradients_are_slopes() {
        let logits = [1.0f32, 0.5, -2.0, 0.25];
        for (metric, _) in SweepMetric::ALL {
            let reader = reader(metric);
            let Ok(gradient) = reader.gradient(&logits) else {
                assert_eq!(metric, SweepMetric::Rank);
                continue;
            };
            for id in 0..logits.len() {
                let moved = |by: f32| {
                    let mut moved = logits;
                    moved[id] += by;
                    reader.value(&moved)
                };
                let slope = (moved(1.0 / 256.0) - moved(-1.0 / 256.0)) * 128.0;
                assert!((slope - f64::from(gradient[id])).abs() < 1e-5, "{metric:?} {id}");
            }
        }
    }

    #[test]
    fn a_metric_without_its_answers_is_refused() {
        for (metric, none, says) in [
            (SweepMetric::LogProbability, [None, None], "answer"),
            (SweepMetric::LogitDifference, [Some(TokenId(0)), None], "wrong"),
        ] {
            let refused = MetricReader::new(metric, none, &[0.0]).unwrap_err().to_string();
            assert!(refused.contains(says), "{refused}");
        }
        assert!("logitdiff".parse::<SweepMetric>().unwrap_err().to_string().contains("kl, rank"));
    }
}
