//! Sampling: greedy, temperature, top-k, top-p. `top_k` and `top_p` give the ids that are kept; the
//! draw among them is not part of the reference.

use ndarray::{Array1, ArrayView1};

/// The likeliest token; of several with the same logit, the first.
pub fn greedy(logits: ArrayView1<'_, f64>) -> usize {
    (0..logits.len()).fold(0, |best, id| if logits[id] > logits[best] { id } else { best })
}

/// Logits at a temperature: below 1 the likely become likelier, above 1 the odds even out.
pub fn apply_temperature(logits: ArrayView1<'_, f64>, temperature: f64) -> Array1<f64> {
    logits.mapv(|logit| logit / temperature)
}

/// The k likeliest. Fan et al. 2018.
pub fn top_k(logits: ArrayView1<'_, f64>, k: usize) -> Vec<usize> {
    let mut ids = likeliest_first(logits);
    ids.truncate(k);
    ids
}

/// The fewest likeliest whose probabilities reach p together. Holtzman et al. 2020, section 3.1.
pub fn top_p(logits: ArrayView1<'_, f64>, p: f64) -> Vec<usize> {
    let max = logits[greedy(logits)];
    let weights = logits.mapv(|logit| (logit - max).exp());
    let total = weights.sum();
    let mut cumulative = 0.0;
    likeliest_first(logits)
        .into_iter()
        .take_while(|&id| {
            let is_below_p = cumulative < p;
            cumulative += weights[id] / total;
            is_below_p
        })
        .collect()
}

fn likeliest_first(logits: ArrayView1<'_, f64>) -> Vec<usize> {
    let mut ids = Vec::from_iter(0..logits.len());
    ids.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
    ids
}
