//! What docs/facts.md says, computed again: what SmolLM2 and the default model know, and which parts hold it.
//!
//! A row of a table is compared as text, with its numbers as they are written there. A row that differs is
//! shown as it should be.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod default_model;
mod false_date;
mod real_model;

use std::{fmt, fs, path::Path};

use lookback::{Capture, Edit, Model, Site, Trace, model::BlockSite};
use lookback_model::{Change, TokenId};

/// The file of SmolLM2; without it nothing is compared.
const REAL: &str = "smollm2-135m-instruct-q4_1.gguf";

/// What writes into the residual stream of a layer.
const PARTS: [BlockSite; 2] = [BlockSite::MlpOut, BlockSite::AttnOut];

/// SmolLM2, if it is here.
fn real_model() -> Option<Model> {
    let path = crate::fixture::real_models().join(REAL);
    path.is_file().then(|| Model::open(path.to_str().unwrap()).unwrap())
}

/// A prompt, the token that answers it, and the pass over it as it is.
struct Read {
    ids: Vec<TokenId>,
    answer: TokenId,
    trace: Trace,
    log_probability: f64,
}

impl Read {
    fn new(model: &Model, ids: Vec<TokenId>, answer: TokenId) -> Self {
        let sites = "blocks.*.mlp_out,blocks.*.attn_out,logits";
        let trace = model.look(&ids).sites(sites).trace().unwrap();
        let logits = trace.at(Site::Logits).unwrap().part(ids.len() - 1);
        let log_probability = log_probability(logits, answer);
        Self { ids, answer, trace, log_probability }
    }

    fn last(&self) -> usize {
        self.ids.len() - 1
    }

    fn logits(&self) -> &[f32] {
        self.trace.at(Site::Logits).unwrap().part(self.last())
    }

    fn output(&self, site: Site) -> &Capture {
        self.trace.at(site).unwrap()
    }

    /// Fall of the answer's log-probability by an edit, and whether it still stands first.
    fn fall(&self, model: &Model, edits: Vec<(Site, Edit)>) -> (f64, bool) {
        let logits = after(model, &self.ids, edits);
        (
            self.log_probability - log_probability(&logits, self.answer),
            rank(&logits, self.answer) == 1,
        )
    }

    /// Of the difference between the logits of the two answers the share that is there: 0 over the other
    /// prompt, 1 over this one; and whether this prompt's answer stands first.
    fn share(&self, other: &Self, logits: &[f32]) -> (f64, bool) {
        let difference = |logits: &[f32]| {
            let at = |id: TokenId| f64::from(logits[id.0 as usize]);
            at(self.answer) - at(other.answer)
        };
        let [own, others] = [self, other].map(|read| difference(read.logits()));
        ((difference(logits) - others) / (own - others), rank(logits, self.answer) == 1)
    }

    /// The share that edits of a pass over the other prompt bring back.
    fn restored(&self, model: &Model, other: &Self, edits: Vec<(Site, Edit)>) -> (f64, bool) {
        self.share(other, &after(model, &other.ids, edits))
    }

    /// Puts what a part makes of this prompt at these positions.
    fn put(&self, site: Site, positions: &[usize]) -> (Site, Edit) {
        let numbers = positions.iter().flat_map(|&at| self.output(site).part(at)).copied();
        set(site, positions, self.output(site).part(0).len(), numbers.collect())
    }
}

/// Numbers at some positions: a row for all, or a row for each.
fn set(site: Site, positions: &[usize], width: usize, numbers: Vec<f32>) -> (Site, Edit) {
    let positions: Vec<u32> = positions.iter().map(|&at| at as u32).collect();
    let (change, columns) = (Change::Set, 0..width);
    (site, Edit { change, positions: Some(positions.into()), columns, numbers: numbers.into() })
}

/// The logits after the last token.
fn after(model: &Model, ids: &[TokenId], edits: Vec<(Site, Edit)>) -> Vec<f32> {
    let look = edits.into_iter().fold(model.look(ids), |look, (site, edit)| look.edit(site, edit));
    look.logits().unwrap().part(ids.len() - 1).to_vec()
}

fn log_probability(logits: &[f32], id: TokenId) -> f64 {
    let largest = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let sum: f64 = logits.iter().map(|&logit| (f64::from(logit) - largest).exp()).sum();
    f64::from(logits[id.0 as usize]) - largest - sum.ln()
}

fn rank(logits: &[f32], id: TokenId) -> usize {
    1 + logits.iter().filter(|&&logit| logit > logits[id.0 as usize]).count()
}

/// The mean of what a part makes, over all tokens but the first of each prompt.
fn mean_behind_first(prompts: &[Read], site: Site) -> Vec<f32> {
    let width = prompts[0].output(site).part(0).len();
    let (mut sums, mut rows) = (vec![0.0_f64; width], 0);
    for prompt in prompts {
        for position in 1..prompt.ids.len() {
            let row = prompt.output(site).part(position);
            sums.iter_mut().zip(row).for_each(|(sum, &number)| *sum += f64::from(number));
            rows += 1;
        }
    }
    sums.iter().map(|sum| (sum / f64::from(rows)) as f32).collect()
}

/// What stands there, moved in a random direction as far as the mean is away: behind the first token, a row
/// a token. A direction is a row of signs, the bits of SplitMix64's numbers.
fn as_far_at_random(prompt: &Read, site: Site, mean: &[f32], seed: u64) -> Vec<f32> {
    let width = mean.len();
    let mut draw = SplitMix(seed);
    let mut moved = Vec::new();
    for position in 0..prompt.ids.len() {
        let row = prompt.output(site).part(position);
        let squares = row.iter().zip(mean).map(|(&x, &m)| (f64::from(m) - f64::from(x)).powi(2));
        let distance = squares.sum::<f64>().sqrt();
        let signs: Vec<f64> = (0..width / 64)
            .flat_map(|_| {
                let bits = draw.number();
                (0..64).map(move |bit| if bits >> bit & 1 == 1 { 1.0 } else { -1.0 })
            })
            .collect();
        if position > 0 {
            let moved_by = signs.iter().map(|sign| distance * sign / (width as f64).sqrt());
            moved.extend(row.iter().zip(moved_by).map(|(&x, by)| (f64::from(x) + by) as f32));
        }
    }
    moved
}

struct SplitMix(u64);

impl SplitMix {
    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

/// A sample, written as its median and quartiles, each between two neighbours where it falls between them.
struct Spread(Vec<f64>);

impl Spread {
    fn quantile(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let place = share * (sorted.len() - 1) as f64;
        let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
        below + (above - below) * place.fract()
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [low, median, high] = [0.25, 0.5, 0.75].map(|share| hundredths(self.quantile(share)));
        write!(f, "{median} ({low}, {high})")
    }
}

/// What rounds to nothing has no sign.
fn hundredths(number: f64) -> String {
    format!("{number:.2}").replace("-0.00", "0.00")
}

/// A sample's spread, and how often the answer stood first.
fn cells(results: &[(f64, bool)]) -> String {
    let spread = Spread(results.iter().map(|&(number, _)| number).collect());
    format!("{spread} | {}", results.iter().filter(|(_, is_first)| *is_first).count())
}

fn document(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    let text = fs::read_to_string(path).unwrap();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Asks of a document that it has all of these rows and sentences, and shows all that it has not.
fn assert_says(name: &str, wanted: &[String]) {
    let document = document(name);
    let missing: Vec<&str> =
        wanted.iter().filter(|text| !document.contains(*text)).map(String::as_str).collect();
    assert!(missing.is_empty(), "docs/{name} does not say:\n{}", missing.join("\n"));
}
