//! What layout and the backward pass must know of each operation, in one place: what its backward reads, and
//! what may be recomputed.

use std::slice;

use lookback_model::{Change, Linear, Norm, NormKind, Op, Program, Step, ValueId, WeightId};

/// Rows of logits that the loss holds at once.
pub(crate) const LOSS_ROWS: usize = 256;

/// Rows of which the results of all heads are computed at once.
pub(crate) const HEAD_ROWS: usize = 64;

/// What a step means for layout and for the backward pass.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Traits<'s> {
    /// Inputs that its backward reads.
    pub saved_inputs: &'s [ValueId],
    /// Results that its backward reads.
    pub saved_outputs: &'s [ValueId],
    /// Inputs that get a gradient.
    pub gradient_inputs: &'s [ValueId],
    /// Whether its result costs so little that it may be recomputed in the backward pass.
    pub is_recomputable: bool,
    /// The input whose gradient begins as the gradient of the result, in the same place.
    pub passes_gradient_to: Option<ValueId>,
    /// Its linear layers.
    pub linear_layers: &'s [Linear],
    /// Its other weights.
    pub vectors: [Option<WeightId>; 2],
}

/// The traits of a step.
pub(crate) fn traits(step: &Step) -> Traits<'_> {
    let (inputs, outputs) = (&step.inputs[..], &step.outputs[..]);
    let plain = Traits { gradient_inputs: inputs, ..Traits::default() };
    match &step.op {
        Op::Embed(table) => Traits { vectors: [Some(*table), None], ..plain },
        Op::Norm(norm) => Traits {
            saved_inputs: inputs,
            is_recomputable: true,
            vectors: [Some(norm.weight), norm.bias],
            ..plain
        },
        Op::Linear(layers) => Traits { saved_inputs: inputs, linear_layers: layers, ..plain },
        Op::LinearAdd(layer) => Traits {
            saved_inputs: &inputs[..1],
            passes_gradient_to: Some(inputs[1]),
            linear_layers: slice::from_ref(layer),
            ..plain
        },
        Op::Attend(attend) | Op::AttendEdited(attend, _) => Traits {
            saved_inputs: inputs,
            saved_outputs: outputs,
            vectors: [attend.sinks, None],
            ..plain
        },
        Op::SplitHeads(projection) => Traits {
            saved_inputs: inputs,
            linear_layers: slice::from_ref(&projection.linear),
            ..plain
        },
        // Each result has a gradient, and the results have z's.
        Op::SumHeads(projection) => Traits {
            gradient_inputs: &inputs[2..],
            linear_layers: slice::from_ref(&projection.linear),
            ..plain
        },
        Op::Activate(_) => Traits { saved_inputs: inputs, is_recomputable: true, ..plain },
        Op::Route(routing) => Traits {
            saved_inputs: if routing.gradient_reads_logits() { inputs } else { &[] },
            saved_outputs: outputs,
            ..plain
        },
        Op::Experts(linears) => {
            Traits { saved_inputs: inputs, linear_layers: &linears.layers, ..plain }
        }
        Op::Combine => Traits { saved_inputs: inputs, ..plain },
        Op::Edit(edit) => Traits {
            saved_inputs: match edit.change {
                Change::Steer(_) => inputs,
                Change::Set | Change::Add | Change::Scale => &[],
            },
            passes_gradient_to: Some(inputs[0]),
            ..plain
        },
        // Programs with places for sequences' own edits go forward only.
        Op::SequenceEdits(_) => plain,
        Op::Clamp(_) => {
            Traits { saved_inputs: inputs, passes_gradient_to: Some(inputs[0]), ..plain }
        }
        Op::Add | Op::Scale(_) => Traits { passes_gradient_to: Some(inputs[0]), ..plain },
        Op::Logits(head) => Traits {
            saved_inputs: inputs,
            saved_outputs: if head.cap.is_some() { outputs } else { &[] },
            linear_layers: slice::from_ref(&head.linear),
            ..plain
        },
        Op::Loss(head) => {
            Traits { saved_inputs: inputs, linear_layers: slice::from_ref(&head.linear), ..plain }
        }
        Op::Rotate(_)
        | Op::Select
        | Op::Scores(..)
        | Op::Pattern(..)
        | Op::Results(_)
        | Op::Probabilities => plain,
    }
}

/// The weights that get a gradient from a step, whether or not they are trainable.
pub(crate) fn weights(step: &Step) -> impl Iterator<Item = WeightId> + '_ {
    let Traits { linear_layers, vectors, .. } = traits(step);
    let linear = linear_layers.iter().flat_map(|layer| [Some(layer.weight), layer.bias]);
    vectors.into_iter().chain(linear).flatten()
}

/// Rows that an operation multiplies at once, of those that it reads.
pub(crate) fn chunk_rows(op: &Op, rows: usize) -> usize {
    match op {
        Op::Loss(_) => rows.min(LOSS_ROWS),
        Op::SplitHeads(projection) => rows.min(HEAD_ROWS) * projection.heads,
        // An expert's rows may be filled up to whole pairs.
        Op::Experts(_) => rows.next_multiple_of(2),
        _ => rows,
    }
}

/// Statistics of a norm that its backward reads, for each row of what it made.
pub(crate) fn statistics(program: &Program, step: &Step) -> usize {
    match &step.op {
        Op::Norm(norm) => {
            program.value(step.outputs[0]).width / norm.width * statistics_per_norm(norm)
        }
        _ => 0,
    }
}

/// Statistics that a norm keeps of what it brings to a scale together.
pub(crate) fn statistics_per_norm(norm: &Norm) -> usize {
    match norm.kind {
        NormKind::Layer => 2,
        NormKind::Rms => 1,
    }
}
