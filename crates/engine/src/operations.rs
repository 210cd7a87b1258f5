//! What laying out and walking back must know of each operation: what it keeps, and what it may compute
//! again.

use std::slice;

use lookback_model::{Linear, Norm, NormKind, Op, Program, Step, ValueId};

/// Rows of logits that the loss holds at once.
pub(crate) const LOSS_ROWS: usize = 256;

/// Which of its inputs the backward of a step reads.
pub(crate) fn saved_inputs(step: &Step) -> &[ValueId] {
    match &step.op {
        Op::Norm(_)
        | Op::Linear(_)
        | Op::Attend(_)
        | Op::Activate(_)
        | Op::Logits(_)
        | Op::Loss(_) => &step.reads,
        Op::LinearAdd(_) => &step.reads[..1],
        Op::Embed(_)
        | Op::Rotate(_)
        | Op::Add
        | Op::Select
        | Op::Edit(_)
        | Op::Scores(_)
        | Op::Pattern(_)
        | Op::Probabilities => &[],
    }
}

/// Which of its results the backward of a step reads.
pub(crate) fn saved_results(step: &Step) -> &[ValueId] {
    match &step.op {
        Op::Attend(_) => &step.makes,
        Op::Logits(head) if head.cap.is_some() => &step.makes,
        Op::Embed(_)
        | Op::Norm(_)
        | Op::Linear(_)
        | Op::LinearAdd(_)
        | Op::Rotate(_)
        | Op::Activate(_)
        | Op::Add
        | Op::Select
        | Op::Logits(_)
        | Op::Loss(_)
        | Op::Edit(_)
        | Op::Scores(_)
        | Op::Pattern(_)
        | Op::Probabilities => &[],
    }
}

/// Whether a result costs so little that it may be computed again on the way back.
pub(crate) fn is_recomputable(op: &Op) -> bool {
    match op {
        Op::Norm(_) | Op::Activate(_) => true,
        Op::Embed(_)
        | Op::Linear(_)
        | Op::LinearAdd(_)
        | Op::Rotate(_)
        | Op::Attend(_)
        | Op::Add
        | Op::Select
        | Op::Logits(_)
        | Op::Loss(_)
        | Op::Edit(_)
        | Op::Scores(_)
        | Op::Pattern(_)
        | Op::Probabilities => false,
    }
}

/// The input whose gradient begins as the gradient of the result, in the same place.
pub(crate) fn passes_gradient_to(step: &Step) -> Option<ValueId> {
    match &step.op {
        Op::Add | Op::Edit(_) => Some(step.reads[0]),
        Op::LinearAdd(_) => Some(step.reads[1]),
        Op::Embed(_)
        | Op::Norm(_)
        | Op::Linear(_)
        | Op::Rotate(_)
        | Op::Attend(_)
        | Op::Activate(_)
        | Op::Select
        | Op::Logits(_)
        | Op::Loss(_)
        | Op::Scores(_)
        | Op::Pattern(_)
        | Op::Probabilities => None,
    }
}

/// The linear layers of an operation.
pub(crate) fn linear_layers(op: &Op) -> &[Linear] {
    match op {
        Op::Linear(layers) => layers,
        Op::LinearAdd(layer) => slice::from_ref(layer),
        Op::Logits(head) | Op::Loss(head) => slice::from_ref(&head.linear),
        Op::Embed(_)
        | Op::Norm(_)
        | Op::Rotate(_)
        | Op::Attend(_)
        | Op::Activate(_)
        | Op::Add
        | Op::Select
        | Op::Edit(_)
        | Op::Scores(_)
        | Op::Pattern(_)
        | Op::Probabilities => &[],
    }
}

/// Rows that an operation multiplies at once, of those that it reads.
pub(crate) fn rows_at_once(op: &Op, rows: usize) -> usize {
    if matches!(op, Op::Loss(_)) { rows.min(LOSS_ROWS) } else { rows }
}

/// The weights that get a gradient from an operation, whether or not they learn.
pub(crate) fn weights(op: &Op) -> impl Iterator<Item = lookback_model::WeightId> + '_ {
    let [table, bias] = match op {
        Op::Embed(table) => [Some(*table), None],
        Op::Norm(norm) => [Some(norm.weight), norm.bias],
        Op::Linear(_)
        | Op::LinearAdd(_)
        | Op::Rotate(_)
        | Op::Attend(_)
        | Op::Activate(_)
        | Op::Add
        | Op::Select
        | Op::Logits(_)
        | Op::Loss(_)
        | Op::Edit(_)
        | Op::Scores(_)
        | Op::Pattern(_)
        | Op::Probabilities => [None; 2],
    };
    let linear = linear_layers(op).iter().flat_map(|layer| [Some(layer.weight), layer.bias]);
    [table, bias].into_iter().chain(linear).flatten()
}

/// Statistics of a norm that its backward reads, for each row of what it made.
pub(crate) fn statistics(program: &Program, step: &Step) -> usize {
    match &step.op {
        Op::Norm(norm) => program.value(step.makes[0]).width / norm.width * statistics_of(norm),
        _ => 0,
    }
}

/// Statistics that a norm keeps of what it brings to a scale together.
pub(crate) fn statistics_of(norm: &Norm) -> usize {
    match norm.kind {
        NormKind::Layer => 2,
        NormKind::Rms => 1,
    }
}
