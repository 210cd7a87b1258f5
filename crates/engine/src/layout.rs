//! Where each value of a pass stands: slots that are used again once no step reads them.
//!
//! Time runs over the program and, with a backward pass, back over it: with n steps, step i runs at time i
//! and its backward at time 2n − i. A value lives from its step to its last reader, a gradient from its first
//! part to the backward of the step that made the value. A large value that costs little, of a norm or an
//! activation, lives twice instead: it is given up after its last reader in the forward pass and
//! recomputed for its readers in the backward pass. Read `workspace` next.

use std::{cmp::Reverse, ops::Range};

use lookback_model::{Program, RowKind, Site, ValueId};

use crate::{backward_plan::BackwardPlan, operations::traits};

/// The most rows of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Tokens.
    pub rows: usize,
    /// Tokens whose logits are computed.
    pub logit_rows: usize,
}

impl Bounds {
    /// Rows of a kind; none of what is never laid out.
    pub(crate) fn of(self, kind: RowKind) -> usize {
        match kind {
            RowKind::Tokens => self.rows,
            RowKind::LogitRows => self.logit_rows,
            RowKind::Queries => 0,
        }
    }

    /// Elements of a value at most.
    pub(crate) fn elements(self, program: &Program, value: ValueId) -> usize {
        let value = program.value(value);
        // Indices of experts take as many bytes as numbers.
        value.width * self.of(value.rows)
    }
}

/// The slots of a program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Elements of each slot.
    pub slots: Vec<usize>,
    /// The slot of each value.
    pub values: Vec<usize>,
    /// The slot of each value's gradient. Empty without a backward pass.
    pub gradients: Vec<usize>,
    /// Where each value stands when it is recomputed. Empty without a backward pass.
    pub recomputed: Vec<Option<Recomputed>>,
}

/// A value that is recomputed, in the backward pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Recomputed {
    /// Where it stands then.
    pub slot: usize,
    /// The step whose backward reads it first.
    pub reader: usize,
}

/// Elements from which a value that costs little is recomputed: smaller ones stay in a cache.
pub(crate) const MIN_RECOMPUTED: usize = 1 << 19;

/// The slot of a value that is never stored.
pub(crate) const NO_SLOT: usize = usize::MAX;

/// The times from which and to which a value or a gradient stands in a slot.
struct Lifetime {
    from: usize,
    to: usize,
    elements: usize,
    content: Content,
}

enum Content {
    Value(ValueId),
    Gradient(ValueId),
    Recomputed(ValueId, usize),
}

impl Layout {
    /// Places every value, and every gradient of a backward pass. What costs little and has at least
    /// `recomputed` elements is recomputed.
    pub(crate) fn new(
        program: &Program,
        bounds: Bounds,
        backward_plan: Option<&BackwardPlan>,
        recomputed: usize,
    ) -> Self {
        let mut lifetimes = values(program, bounds, backward_plan, recomputed);
        let mut layout = Self { values: vec![NO_SLOT; program.values.len()], ..Self::default() };
        if let Some(backward_plan) = backward_plan {
            layout.gradients = vec![NO_SLOT; program.values.len()];
            layout.recomputed = vec![None; program.values.len()];
            lifetimes.extend(gradients(program, bounds, backward_plan));
        }
        layout.assign_slots(&mut lifetimes);
        if let Some(backward_plan) = backward_plan {
            layout.share_gradients(program, backward_plan);
        }
        layout
    }

    /// Elements of all slots.
    pub(crate) fn elements(&self) -> usize {
        self.slots.iter().sum()
    }

    /// Gives each life the smallest slot that is free all its time, or one of its own. The largest come
    /// first, so that no slot has to grow, and nothing small stands for long where something large could.
    fn assign_slots(&mut self, lifetimes: &mut [Lifetime]) {
        lifetimes.sort_by_key(|lifetime| (Reverse(lifetime.elements), lifetime.from));
        let mut taken: Vec<Vec<Range<usize>>> = Vec::new();
        for lifetime in lifetimes {
            let time = lifetime.from..lifetime.to + 1;
            let is_free = |taken: &[Range<usize>]| {
                taken.iter().all(|other| other.end <= time.start || time.end <= other.start)
            };
            // Slots were opened in the order of their size.
            let slot = taken.iter().rposition(|taken| is_free(taken)).unwrap_or_else(|| {
                self.slots.push(lifetime.elements);
                taken.push(Vec::new());
                taken.len() - 1
            });
            taken[slot].push(time);
            match lifetime.content {
                Content::Value(value) => self.values[value.index()] = slot,
                Content::Gradient(value) => self.gradients[value.index()] = slot,
                Content::Recomputed(value, reader) => {
                    self.recomputed[value.index()] = Some(Recomputed { slot, reader });
                }
            }
        }
    }

    /// A gradient that is passed on stays where it is.
    fn share_gradients(&mut self, program: &Program, backward_plan: &BackwardPlan) {
        for (at, step) in program.steps.iter().enumerate().rev() {
            if let Some(to) = backward_plan.gradient_alias(program, at) {
                self.gradients[to.index()] = self.gradients[step.outputs[0].index()];
            }
        }
    }
}

fn values(
    program: &Program,
    bounds: Bounds,
    backward_plan: Option<&BackwardPlan>,
    recomputed: usize,
) -> Vec<Lifetime> {
    let end = 2 * program.steps.len();
    // The lifetime of each value; none for those that no step makes.
    let mut times: Vec<Option<[usize; 2]>> = vec![None; program.values.len()];
    for (at, step) in program.steps.iter().enumerate() {
        // What is derived is made elsewhere, while it is read.
        if !step.op.is_derived() {
            step.outputs.iter().for_each(|output| times[output.index()] = Some([at; 2]));
        }
        for read in &step.inputs {
            if let Some([_, to]) = &mut times[read.index()] {
                *to = at;
            }
        }
    }
    let mut lifetimes = Vec::new();
    let mut kept = Vec::new();
    if let Some(backward_plan) = backward_plan {
        let recomputed_readers = readers_of_recomputed(program, bounds, backward_plan, recomputed);
        for (at, step) in
            program.steps.iter().enumerate().filter(|(at, _)| backward_plan.visits(*at))
        {
            let inputs = traits(step).saved_inputs.iter();
            let inputs = inputs.filter(|read| recomputed_readers[read.index()].is_none());
            kept.extend(inputs.chain(traits(step).saved_outputs).map(|value| (*value, end - at)));
        }
        for (value, readers) in recomputed_readers.into_iter().enumerate() {
            let Some(Range { start, end: reader }) = readers else { continue };
            let value = ValueId(value as u32);
            lifetimes.push(Lifetime {
                from: end - reader,
                to: end - start,
                elements: bounds.elements(program, value),
                content: Content::Recomputed(value, reader),
            });
        }
    }
    // The logits, or the last result, are read by the caller.
    let last = program.steps.last().map_or(&[][..], |step| &step.outputs);
    kept.extend(last.iter().copied().chain(program.at(Site::Logits)).map(|value| (value, end)));
    for (value, until) in kept {
        if let Some([_, to]) = &mut times[value.index()] {
            *to = until.max(*to);
        }
    }
    for (value, time) in times.into_iter().enumerate() {
        let Some([from, to]) = time else { continue };
        let value = ValueId(value as u32);
        let elements = bounds.elements(program, value);
        // What no step reads, such as the log-sum-exps of a pass without a backward pass, is not made.
        let is_read = to > from || program.sites_of(value).next().is_some();
        if elements > 0 && is_read {
            lifetimes.push(Lifetime { from, to, elements, content: Content::Value(value) });
        }
    }
    lifetimes
}

/// For each value that is recomputed, the first and the last step whose backward reads it. What it is
/// made of stands there still, since the backward of the step that made it reads it too.
fn readers_of_recomputed(
    program: &Program,
    bounds: Bounds,
    backward_plan: &BackwardPlan,
    min_elements: usize,
) -> Vec<Option<Range<usize>>> {
    let mut readers: Vec<Option<Range<usize>>> = vec![None; program.values.len()];
    for (at, step) in program.steps.iter().enumerate().filter(|(at, _)| backward_plan.visits(*at)) {
        for read in traits(step).saved_inputs {
            let first = readers[read.index()].as_ref().map_or(at, |readers| readers.start);
            readers[read.index()] = Some(first..at);
        }
    }
    for (at, step) in program.steps.iter().enumerate() {
        // Nothing is recomputed of what would have to be recomputed itself.
        let stands = step.inputs.iter().all(|read| readers[read.index()].is_none());
        for output in &step.outputs {
            let is_large = bounds.elements(program, *output) >= min_elements;
            if !traits(step).is_recomputable || !backward_plan.visits(at) || !is_large || !stands {
                readers[output.index()] = None;
            }
        }
    }
    readers
}

fn gradients(program: &Program, bounds: Bounds, backward_plan: &BackwardPlan) -> Vec<Lifetime> {
    let end = 2 * program.steps.len();
    let steps = || program.steps.iter().enumerate();
    // A gradient that is passed on lives, in one slot, until the last that takes it over is done.
    let mut until = vec![end; program.values.len()];
    let mut is_taken_over = vec![false; program.values.len()];
    for (at, step) in steps() {
        let passed_to = backward_plan.gradient_alias(program, at);
        let own = passed_to.map_or(end - at, |to| until[to.index()]);
        step.outputs.iter().for_each(|output| until[output.index()] = own);
        passed_to.into_iter().for_each(|to| is_taken_over[to.index()] = true);
    }
    let mut lifetimes = Vec::new();
    for (at, output) in
        steps().flat_map(|(at, step)| step.outputs.iter().map(move |output| (at, *output)))
    {
        // The gradient of the losses is 1, and that of another start is there before the backward pass.
        let from = match backward_plan.writer(output) {
            Some(writer) => end - writer,
            None if output == backward_plan.start && !backward_plan.starts_at_loss(program) => at,
            None => continue,
        };
        if !is_taken_over[output.index()] {
            let elements = bounds.elements(program, output);
            let content = Content::Gradient(output);
            lifetimes.push(Lifetime { from, to: until[output.index()], elements, content });
        }
    }
    lifetimes
}

#[cfg(test)]
mod tests {
    use lookback_model::{Config, Network, Size, forward};

    use super::*;
    use crate::fuse::fuse;

    const BOUNDS: Bounds = Bounds { rows: 8, logit_rows: 1 };

    fn network() -> Network {
        let size = Size {
            vocabulary: 50,
            width: 16,
            layers: 3,
            heads: 4,
            key_heads: 2,
            hidden: 24,
            context: 32,
        };
        Network::new(&Config::llama(size).unwrap())
    }

    fn losses(network: &Network) -> (Program, BackwardPlan) {
        let program = fuse(forward::loss(network), |_| false);
        let start = program.steps[program.steps.len() - 1].outputs[0];
        let backward_plan = BackwardPlan::new(&program, start, |_| true, |_| false);
        (program, backward_plan)
    }

    #[test]
    fn depth_costs_a_run_no_memory() {
        let network = network();
        let program = fuse(forward::logits(&network, forward::Rows::LogitRows), |_| false);
        let layout = Layout::new(&program, BOUNDS, None, MIN_RECOMPUTED);
        let (width, keys, hidden, vocabulary) = (16, 8, 24, 50);
        let attention = 8 * (4 * width + 4 * keys);
        let mlp = 8 * (2 * width + 3 * hidden);
        assert!(layout.elements() <= attention.max(mlp) + 8 * width + vocabulary);
    }

    #[test]
    fn nothing_is_overwritten_while_it_is_still_read() {
        let (program, backward_plan) = losses(&network());
        for min_elements in [0, usize::MAX] {
            let layout = Layout::new(&program, BOUNDS, Some(&backward_plan), min_elements);
            let mut lifetimes = values(&program, BOUNDS, Some(&backward_plan), min_elements);
            lifetimes.extend(gradients(&program, BOUNDS, &backward_plan));
            let slot = |lifetime: &Lifetime| match lifetime.content {
                Content::Value(value) => layout.values[value.index()],
                Content::Gradient(value) => layout.gradients[value.index()],
                Content::Recomputed(value, _) => layout.recomputed[value.index()].unwrap().slot,
            };
            for (index, a) in lifetimes.iter().enumerate() {
                for b in &lifetimes[index + 1..] {
                    assert!(slot(a) != slot(b) || a.to < b.from || b.to < a.from);
                }
            }
        }
    }

    #[test]
    fn what_is_computed_again_is_not_kept() {
        let size = |layers| Size {
            vocabulary: 50,
            width: 16,
            layers,
            heads: 4,
            key_heads: 4,
            hidden: 64,
            context: 32,
        };
        let elements = |layers, min_elements| {
            let (program, backward_plan) =
                losses(&Network::new(&Config::gpt2(size(layers)).unwrap()));
            Layout::new(&program, BOUNDS, Some(&backward_plan), min_elements).elements()
        };
        let of_a_layer = |min_elements| elements(9, min_elements) - elements(8, min_elements);
        // The stream twice, queries, keys, values, what attention gives, its log-sum-exps, and what is
        // activated.
        let kept = 8 * (6 * 16 + 4 + 64);
        assert_eq!(of_a_layer(0), kept);
        assert_eq!(of_a_layer(usize::MAX), kept + 8 * (2 * 16 + 64));
    }
}
