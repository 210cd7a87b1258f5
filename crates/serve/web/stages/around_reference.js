/**
 * What the figures compute, in the words of the reference: lines of `crates/reference/src` as they stand there,
 * and where they are shown. `tests/page/around.test.js` compares them with the files.
 *
 * Three figures have none: the reference begins at the ids of a text, so it cuts none (tokens), and no forward
 * pass compares the rows of the table with each other (analogy, map).
 */

import { h } from '../kit/dom.js';
import { message } from '../kit/messages.js';

/** By the id of the section, or the class of the first, which has none. @type {{section: string, file: string, lines: string[]}[]} */
const REFERENCE = [
  {
    section: 'opening',
    file: 'crates/reference/src/attend.rs',
    lines: [
      'pub fn masked_softmax(scores: Array2<f64>, window: Option<usize>) -> Array2<f64> {',
      '    softmax(&masked(scores, window))',
      '}',
    ],
  },
  {
    section: 'training-section',
    file: 'crates/reference/src/logits.rs',
    lines: [
      'pub fn cross_entropy(logits: &Array2<f64>, targets: &[usize]) -> Vec<f64> {',
      '    let log_probabilities = log_softmax(logits);',
      '    targets.iter().enumerate().map(|(row, &target)| -log_probabilities[[row, target]]).collect()',
      '}',
    ],
  },
  {
    section: 'embed-section',
    file: 'crates/reference/src/embed.rs',
    lines: [
      'pub fn rows(table: &Array2<f64>, ids: &[usize]) -> Array2<f64> {',
      '    table.select(Axis(0), ids)',
      '}',
    ],
  },
  {
    section: 'position-section',
    file: 'crates/reference/src/position.rs',
    lines: [
      "pub fn rotate_by(x: ArrayView2<'_, f64>, frequencies: &[f64]) -> Array2<f64> {",
      '    let mut y = x.to_owned();',
      '    let half = frequencies.len();',
      '    for (position, (x, mut y)) in x.rows().into_iter().zip(y.rows_mut()).enumerate() {',
      '        for i in 0..half {',
      '            let angle = position as f64 * frequencies[i];',
      '            y[i] = x[i] * angle.cos() - x[i + half] * angle.sin();',
      '            y[i + half] = x[i + half] * angle.cos() + x[i] * angle.sin();',
      '        }',
      '    }',
      '    y',
      '}',
    ],
  },
  {
    section: 'exchange-section',
    file: 'crates/reference/src/block.rs',
    lines: [
      'fn attention(&self, x: &Array2<f64>) -> Array2<f64> {',
      '    let query = self.rotated(self.query.apply(x));',
      '    let key = self.rotated(self.key.apply(x));',
      '    let value = self.value.apply(x);',
      '    self.output.apply(&multi_head(&query, &key, &value, self.head_dim, self.window))',
      '}',
    ],
  },
  {
    section: 'attend-section',
    file: 'crates/reference/src/attend.rs',
    lines: [
      'pub fn masked(mut scores: Array2<f64>, window: Option<usize>) -> Array2<f64> {',
      '    for ((query, key), score) in scores.indexed_iter_mut() {',
      '        let is_future = key > query;',
      '        let is_too_old = window.is_some_and(|window| key + window <= query);',
      '        if is_future || is_too_old {',
      '            *score = f64::NEG_INFINITY;',
      '        }',
      '    }',
      '    scores',
      '}',
    ],
  },
  {
    section: 'context-section',
    file: 'crates/reference/src/attend.rs',
    lines: [
      'pub fn attend(',
      "    query: ArrayView2<'_, f64>,",
      "    key: ArrayView2<'_, f64>,",
      "    value: ArrayView2<'_, f64>,",
      '    window: Option<usize>,',
      ') -> Array2<f64> {',
      '    let scores = query.dot(&key.t()) / (query.ncols() as f64).sqrt();',
      '    let weights = masked_softmax(scores, window);',
      '    weights.dot(&value)',
      '}',
    ],
  },
  {
    section: 'mlp-section',
    file: 'crates/reference/src/mlp.rs',
    lines: [
      'pub fn apply(&self, x: &Array2<f64>) -> Array2<f64> {',
      '    let up = self.up.apply(x);',
      '    let hidden = match &self.gate {',
      '        Some(gate) => {',
      '            let linear = up.mapv(|x| self.activation.apply_linear(x));',
      '            gate.apply(x).mapv(|x| self.activation.apply(x)) * linear',
      '        }',
      '        None => up.mapv(|x| self.activation.apply(x)),',
      '    };',
      '    self.down.apply(&hidden)',
      '}',
    ],
  },
  {
    section: 'weights-section',
    file: 'crates/reference/src/mlp.rs',
    lines: [
      'pub fn apply(&self, x: &Array2<f64>) -> Array2<f64> {',
      '    let y = x.dot(&self.weight.t());',
      '    match &self.bias {',
      '        Some(bias) => y + bias,',
      '        None => y,',
      '    }',
      '}',
    ],
  },
  {
    section: 'unembed-section',
    file: 'crates/reference/src/lib.rs',
    lines: [
      'pub fn logits(&self, ids: &[usize]) -> Array2<f64> {',
      '    let mut x = embed::rows(&self.embed, ids);',
      '    if let Some(positions) = &self.positions {',
      '        x = x + embed::rows(positions, &Vec::from_iter(0..ids.len()));',
      '    }',
      '    for block in &self.blocks {',
      '        x = block.apply(&x);',
      '    }',
      '    let logits = self.norm.apply(&x).dot(&self.head.t());',
      '    match self.logit_cap {',
      '        Some(cap) => logits.mapv(|score| logits::capped(score, cap)),',
      '        None => logits,',
      '    }',
      '}',
    ],
  },
  {
    section: 'stream-section',
    file: 'crates/reference/src/block.rs',
    lines: [
      'pub fn apply(&self, x: &Array2<f64>) -> Array2<f64> {',
      '    let x = x + self.attention(&self.attention_norm.apply(x));',
      '    &x + self.mlp.apply(&self.mlp_norm.apply(&x))',
      '}',
    ],
  },
  {
    section: 'next-section',
    file: 'crates/reference/src/logits.rs',
    lines: [
      'pub fn log_softmax(scores: &Array2<f64>) -> Array2<f64> {',
      '    // exp overflows above 709. The same shift of all scores cancels out of the quotient, so the largest',
      '    // is moved to 0 first.',
      '    let max = scores.fold_axis(Axis(1), f64::NEG_INFINITY, |a, b| a.max(*b)).insert_axis(Axis(1));',
      '    let shifted = scores - &max;',
      '    let log_sum_exp = shifted.exp().sum_axis(Axis(1)).ln().insert_axis(Axis(1));',
      '    shifted - &log_sum_exp',
      '}',
    ],
  },
  {
    section: 'sample-section',
    file: 'crates/reference/src/sample.rs',
    lines: [
      "pub fn apply_temperature(logits: ArrayView1<'_, f64>, temperature: f64) -> Array1<f64> {",
      '    logits.mapv(|logit| logit / temperature)',
      '}',
    ],
  },
  {
    section: 'repeat-section',
    file: 'crates/reference/src/lib.rs',
    lines: [
      'pub fn generate_greedily(&self, prompt: &[usize], new_tokens: usize) -> Vec<usize> {',
      '    let mut ids = prompt.to_vec();',
      '    for _ in 0..new_tokens {',
      '        let logits: Array1<f64> = self.logits(&ids).row(ids.len() - 1).to_owned();',
      '        ids.push(sample::greedy(logits.view()));',
      '    }',
      '    ids',
      '}',
    ],
  },
  {
    section: 'repetition-section',
    file: 'crates/reference/src/sample.rs',
    lines: [
      "pub fn greedy(logits: ArrayView1<'_, f64>) -> usize {",
      '    (0..logits.len()).fold(0, |best, id| if logits[id] > logits[best] { id } else { best })',
      '}',
    ],
  },
  {
    section: 'around-section',
    file: 'crates/reference/src/norm.rs',
    lines: [
      'pub fn apply(&self, x: &Array2<f64>) -> Array2<f64> {',
      '    let x = if self.is_layer { centered(x) } else { x.clone() };',
      '    let mean_square = (&x * &x).mean_axis(Axis(1)).expect("a row has a width");',
      '    let rms = (mean_square + self.epsilon).sqrt().insert_axis(Axis(1));',
      '    let y = x / rms * &self.weight;',
      '    match &self.bias {',
      '        Some(bias) => y + bias,',
      '        None => y,',
      '    }',
      '}',
    ],
  },
];

/** Puts the lines of a section below its figure, or at its end. @param {Element | null} section */
export function reference(section) {
  const found = REFERENCE.find((of) => of.section === (section?.id || section?.className));
  if (!section || !found) return;
  const told = h(
    'details',
    { class: 'reference' },
    h('summary', null, message('around.reference', { file: h('code', null, found.file) })),
    h('pre', null, found.lines.join('\n')),
  );
  const figure = section.querySelector('figure');
  if (figure) figure.after(told);
  else section.append(told);
}
