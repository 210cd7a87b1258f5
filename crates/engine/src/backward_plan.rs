//! Which steps a backward pass visits: those that lie between where it starts and what it is for.

use lookback_model::{ElementType, Op, Program, ValueId, WeightId};

use crate::operations;

/// The backward pass through a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BackwardPlan {
    /// Where it starts: the losses, or a value whose gradient is given.
    pub start: ValueId,
    /// Whether each step is visited.
    visits: Vec<bool>,
    /// For each value the visited step that writes its gradient first: the last that reads it.
    writers: Vec<Option<usize>>,
}

impl BackwardPlan {
    /// From `start` to the trainable weights and the values whose gradients are wanted. No step stands
    /// behind the one that makes `start`.
    pub(crate) fn new(
        program: &Program,
        start: ValueId,
        is_trainable: impl Fn(WeightId) -> bool,
        wants: impl Fn(ValueId) -> bool,
    ) -> Self {
        let mut needed: Vec<bool> =
            (0..program.values.len() as u32).map(|value| wants(ValueId(value))).collect();
        let mut is_for = Vec::with_capacity(program.steps.len());
        for step in &program.steps {
            let has_weight = operations::weights(step).any(&is_trainable);
            let is_needed = has_weight || step.inputs.iter().any(|read| needed[read.index()]);
            is_for.push(is_needed);
            if is_needed && !step.op.is_derived() {
                step.outputs.iter().for_each(|output| needed[output.index()] = true);
            }
        }
        let mut visits = vec![false; program.steps.len()];
        let mut writers = vec![None; program.values.len()];
        let mut has_gradient = vec![false; program.values.len()];
        has_gradient[start.index()] = true;
        for (at, step) in program.steps.iter().enumerate().rev() {
            let is_reached = step.outputs.iter().any(|output| has_gradient[output.index()]);
            if !is_reached || !is_for[at] || step.op.is_derived() {
                continue;
            }
            visits[at] = true;
            for read in operations::traits(step).gradient_inputs {
                if program.value(*read).element == ElementType::F32 {
                    has_gradient[read.index()] = true;
                    writers[read.index()].get_or_insert(at);
                }
            }
        }
        Self { start, visits, writers }
    }

    /// Whether a step is visited.
    pub(crate) fn visits(&self, step: usize) -> bool {
        self.visits[step]
    }

    /// The visited step that writes a value's gradient first.
    pub(crate) fn writer(&self, value: ValueId) -> Option<usize> {
        self.writers[value.index()]
    }

    /// Whether a value gets a gradient.
    pub(crate) fn has_gradient(&self, value: ValueId) -> bool {
        value == self.start || self.writer(value).is_some()
    }

    /// The value that takes over the gradient of a step's result, in the same place.
    pub(crate) fn gradient_alias(&self, program: &Program, step: usize) -> Option<ValueId> {
        let to = operations::traits(&program.steps[step]).passes_gradient_to?;
        (self.visits(step) && self.writer(to) == Some(step)).then_some(to)
    }

    /// Whether it starts at the losses, whose gradient is 1.
    pub(crate) fn starts_at_loss(&self, program: &Program) -> bool {
        let producer = program.producer(self.start).map(|producer| &program.steps[producer].op);
        matches!(producer, Some(Op::Loss(_)))
    }
}
