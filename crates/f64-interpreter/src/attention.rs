//! Attention with what a program may change in it: scores, weights, the mask, and the results of heads.

use lookback_model::{
    Attend, AttentionChange, AttentionEdit, ElementChange, OutputProjection, ValueId,
};
use lookback_reference::attend::{Variation, masked, scores_varied, softmax_beside};
use ndarray::{Array2, s};

use crate::{Pass, sequences};

impl Pass<'_> {
    pub(crate) fn attend(
        &self,
        config: &Attend,
        edits: &[AttentionEdit],
        [q, k, v]: [ValueId; 3],
    ) -> Array2<f64> {
        let (dim, group) = (config.head_dim, config.heads / config.key_heads);
        // The reference divides by the root of the head's width; the rest of the factor goes ahead.
        let ahead = f64::from(config.scale) * (dim as f64).sqrt();
        let query = self.read(q) * ahead;
        let mut z = Array2::zeros(query.dim());
        for (rows, segment) in sequences(self.batch).zip(&self.batch.segments) {
            let own = self.sequence_edits.iter().find(|(own, _)| *own == segment.sequence);
            let own = own.map_or(&[][..], |(_, edits)| edits.of_attention(config.layer));
            let edits = if edits.is_empty() { own } else { edits };
            for head in 0..config.heads {
                let columns = |head: usize| s![rows.clone(), head * dim..(head + 1) * dim];
                let key = self.read(k).slice(columns(head / group));
                let value = self.read(v).slice(columns(head / group));
                let variation = self.variation(config, head);
                let mut scores = scores_varied(query.slice(columns(head)), key, variation);
                if config.is_causal {
                    scores = masked(scores, variation.window);
                }
                let seen = scores.mapv(|score| score > f64::NEG_INFINITY);
                edit(edits, head, true, &seen, &mut scores);
                let mut weights = softmax_beside(scores.clone(), variation.sink);
                for (mut weights, scores) in weights.outer_iter_mut().zip(scores.outer_iter()) {
                    // A row that sees nothing gives nothing.
                    if scores.iter().all(|score| *score == f64::NEG_INFINITY) {
                        weights.fill(0.0);
                    }
                }
                edit(edits, head, false, &seen, &mut weights);
                z.slice_mut(columns(head)).assign(&weights.dot(&value));
            }
        }
        z
    }

    /// What a network changes in the attention of a head.
    fn variation(&self, config: &Attend, head: usize) -> Variation {
        Variation {
            window: config.window,
            score_cap: config.score_cap.map(f64::from),
            alibi_slope: config.alibi.map_or(0.0, |alibi| f64::from(alibi.slope(head))),
            sink: config.sinks.map(|sinks| self.weights.of(sinks)[[0, head]]),
        }
    }

    /// What each head adds to the output of attention, side by side.
    pub(crate) fn split_heads(&self, projection: &OutputProjection, z: ValueId) -> Array2<f64> {
        let OutputProjection { linear, heads } = projection;
        let (z, weight) = (self.read(z), self.weights.of(linear.weight));
        let (dim, width) = (linear.inputs / heads, linear.outputs);
        let mut results = Array2::zeros((z.nrows(), projection.width()));
        for head in 0..*heads {
            let own = s![.., head * dim..(head + 1) * dim];
            let result = z.slice(own).dot(&weight.slice(own).t());
            results.slice_mut(s![.., head * width..(head + 1) * width]).assign(&result);
        }
        results
    }

    /// The sum of the results and the bias.
    pub(crate) fn sum_heads(&self, projection: &OutputProjection, results: ValueId) -> Array2<f64> {
        let (results, width) = (self.read(results), projection.linear.outputs);
        let mut out = Array2::zeros((results.nrows(), width));
        for head in 0..projection.heads {
            out += &results.slice(s![.., head * width..(head + 1) * width]);
        }
        if let Some(bias) = projection.linear.bias {
            out += &self.weights.of(bias).row(0);
        }
        out
    }
}

/// Where an index stands among the chosen ones.
fn place(list: &Option<std::sync::Arc<[u32]>>, index: usize) -> Option<usize> {
    match list {
        None => Some(index),
        Some(list) => list.iter().position(|chosen| *chosen as usize == index),
    }
}

/// Changes a head's scores, or its weights, `[queries, keys]`, where a query sees a key.
fn edit(
    edits: &[AttentionEdit],
    head: usize,
    is_of_scores: bool,
    seen: &Array2<bool>,
    numbers: &mut Array2<f64>,
) {
    for edit in edits.iter().filter(|edit| edit.is_of_scores() == is_of_scores) {
        let Some(head) = place(&edit.heads, head) else { continue };
        for query in 0..numbers.nrows() {
            let Some(row) = place(&edit.queries, query) else { continue };
            let is_chosen = |key: &usize| seen[[query, *key]] && place(&edit.keys, *key).is_some();
            let mut keys: Vec<usize> = (0..numbers.ncols()).filter(is_chosen).collect();
            let (change, given) = match &edit.change {
                AttentionChange::KeepTop(count) => {
                    // Stable, so of equal scores the lower key comes first.
                    keys.sort_by(|a, b| numbers[[query, *b]].total_cmp(&numbers[[query, *a]]));
                    for key in keys.iter().skip(*count) {
                        numbers[[query, *key]] = f64::NEG_INFINITY;
                    }
                    continue;
                }
                AttentionChange::Scores(change, given)
                | AttentionChange::Pattern(change, given) => (change, given),
            };
            for key in keys {
                let number = match (&given[..], &edit.queries, &edit.keys) {
                    ([number], ..) => *number,
                    (given, Some(queries), Some(listed)) => {
                        let column = place(&edit.keys, key).unwrap_or(0);
                        given[(head * queries.len() + row) * listed.len() + column]
                    }
                    _ => continue,
                };
                let (number, x) = (f64::from(number), &mut numbers[[query, key]]);
                match change {
                    ElementChange::Set => *x = number,
                    ElementChange::Add => *x += number,
                    ElementChange::Scale => *x *= number,
                }
            }
        }
    }
}
