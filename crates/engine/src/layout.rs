//! Where each result of a pass stands: slots that are used again once nobody reads them any more.
//!
//! Time runs over the tape and, when learning, back over it: with n steps, step i runs at time i and
//! its backward at time 2n − i. A result lives from its step to its last reader, a gradient from its
//! first part to the backward of the step that made the result. A large result that costs little, of a
//! norm or an activation, lives twice instead: it is given up after its last reader on the way forward
//! and made again for its readers on the way back. Read `workspace` next.

use std::{cmp::Reverse, ops::Range};

use crate::tape::{Op, Tape};

/// Whether a pass is walked back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Forward only.
    Forward,
    /// Forward, then back.
    Back,
}

/// The slots of a tape.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Elements of each slot.
    pub slots: Vec<usize>,
    /// For each step, the slot of its result.
    pub results: Vec<usize>,
    /// For each step, the slot of its result's gradient. Empty without a backward.
    pub gradients: Vec<usize>,
    /// For each step, where its result stands when it is made again. Empty without a backward.
    pub again: Vec<Option<Again>>,
}

/// A result that is made a second time, on the way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Again {
    /// Where it stands then.
    pub slot: usize,
    /// The step whose backward reads it first.
    pub by: usize,
}

/// Elements from which a result that costs little is made again: smaller ones stay in a cache.
pub const REMADE: usize = 1 << 19;

/// The time from which to which something stands in a slot.
struct Life {
    from: usize,
    to: usize,
    elements: usize,
    of: Of,
}

enum Of {
    Result(usize),
    Gradient(usize),
    Again(usize, usize),
}

impl Layout {
    /// Places every result (and gradient) of a tape. What costs little and has at least so many
    /// elements is made again.
    pub fn new(tape: &Tape, direction: Direction, least: usize) -> Self {
        let mut lives = results(tape, direction, least);
        let mut layout = Self { results: vec![NOWHERE; tape.steps.len()], ..Self::default() };
        if direction == Direction::Back {
            layout.gradients = vec![NOWHERE; tape.steps.len()];
            layout.again = vec![None; tape.steps.len()];
            lives.extend(gradients(tape));
        }
        layout.place(&mut lives);
        if direction == Direction::Back {
            layout.share_gradients(tape);
        }
        layout
    }

    /// Elements of all slots.
    pub fn elements(&self) -> usize {
        self.slots.iter().sum()
    }

    /// Gives each life the smallest slot that is free all its time, or one of its own. The largest come
    /// first, so that no slot has to grow, and nothing small stands for long where something large could.
    fn place(&mut self, lives: &mut [Life]) {
        lives.sort_by_key(|life| (Reverse(life.elements), life.from));
        let mut taken: Vec<Vec<Range<usize>>> = Vec::new();
        for life in lives {
            let time = life.from..life.to + 1;
            let is_free = |taken: &[Range<usize>]| {
                taken.iter().all(|other| other.end <= time.start || time.end <= other.start)
            };
            // Slots were opened in the order of their size.
            let slot = taken.iter().rposition(|taken| is_free(taken)).unwrap_or_else(|| {
                self.slots.push(life.elements);
                taken.push(Vec::new());
                taken.len() - 1
            });
            taken[slot].push(time);
            match life.of {
                Of::Result(step) => self.results[step] = slot,
                Of::Gradient(step) => self.gradients[step] = slot,
                Of::Again(step, by) => self.again[step] = Some(Again { slot, by }),
            }
        }
    }

    /// The gradient of a sum is the gradient of what was added to: they share one slot.
    fn share_gradients(&mut self, tape: &Tape) {
        for step in (0..tape.steps.len()).rev() {
            if let Some(to) = passes_on(tape, step) {
                self.gradients[to] = self.gradients[step];
            }
        }
    }
}

/// A slot for what takes no place.
const NOWHERE: usize = usize::MAX;

/// The result that takes over the gradient of this step's result: the one that a sum adds to, if the
/// sum is the last to read it.
pub fn passes_on(tape: &Tape, step: usize) -> Option<usize> {
    let to = match tape.steps[step].op {
        Op::LinearAdd(_, _, to) => to.step,
        Op::Add(x, _) => x.step,
        _ => return None,
    };
    (last_reader(tape, to) == Some(step)).then_some(to)
}

/// The last step that reads a step's result: the first to contribute to its gradient.
pub fn last_reader(tape: &Tape, made: usize) -> Option<usize> {
    tape.steps.iter().rposition(|step| step.op.inputs().any(|x| x.step == made))
}

fn results(tape: &Tape, direction: Direction, least: usize) -> Vec<Life> {
    let end = 2 * tape.steps.len();
    let mut lives: Vec<Life> = Vec::with_capacity(tape.steps.len());
    for (at, step) in tape.steps.iter().enumerate() {
        let elements = step.made.len();
        lives.push(Life { from: at, to: at, elements, of: Of::Result(at) });
        for x in step.op.inputs() {
            lives[x.step].to = lives[x.step].to.max(at);
        }
    }
    if direction == Direction::Back {
        let again = again(tape, least);
        for (at, step) in tape.steps.iter().enumerate() {
            for x in step.op.read_again().filter(|x| again[x.step].is_none()) {
                lives[x.step].to = lives[x.step].to.max(end - at);
            }
            if step.op.reads_result_again() {
                lives[at].to = end - at;
            }
        }
        for (at, readers) in again.iter().enumerate() {
            let Some(Range { start, end: by }) = readers.clone() else { continue };
            let elements = tape.steps[at].made.len();
            lives.push(Life { from: end - by, to: end - start, elements, of: Of::Again(at, by) });
        }
    }
    // The last result is read by whoever asked for the pass.
    if let Some(last) = lives.get_mut(tape.steps.len().wrapping_sub(1)) {
        last.to = end;
    }
    lives
}

/// For each step whose result is made again, the first and the last step whose backward reads it. What
/// it is made of stands there still, since the backward of that step reads it too.
fn again(tape: &Tape, least: usize) -> Vec<Option<Range<usize>>> {
    let mut again: Vec<Option<Range<usize>>> = vec![None; tape.steps.len()];
    for (at, step) in tape.steps.iter().enumerate() {
        for x in step.op.read_again() {
            let first = again[x.step].as_ref().map_or(at, |readers| readers.start);
            again[x.step] = Some(first..at);
        }
    }
    for (at, step) in tape.steps.iter().enumerate() {
        // Nothing is made again of what would have to be made again itself.
        let stands = step.op.inputs().all(|x| again[x.step].is_none());
        if !step.op.costs_little() || step.made.len() < least || !stands {
            again[at] = None;
        }
    }
    again
}

fn gradients(tape: &Tape) -> Vec<Life> {
    let end = 2 * tape.steps.len();
    let begin = |step: usize| end - step;
    let mut lives = Vec::new();
    // A gradient that is passed on lives, in one slot, until the last that takes it over is done.
    let mut until: Vec<usize> = (0..tape.steps.len()).map(begin).collect();
    for step in 0..tape.steps.len() {
        if let Some(to) = passes_on(tape, step) {
            until[step] = until[to];
        }
    }
    let mut taken_over = vec![false; tape.steps.len()];
    for step in 0..tape.steps.len() {
        if let Some(to) = passes_on(tape, step) {
            taken_over[to] = true;
        }
    }
    for (at, step) in tape.steps.iter().enumerate() {
        let Some(first) = last_reader(tape, at) else { continue };
        if taken_over[at] {
            continue;
        }
        // The loss makes its gradient while the pass still goes forward.
        let from = match tape.steps[first].op {
            Op::Loss(..) => first,
            _ => begin(first),
        };
        lives.push(Life { from, to: until[at], elements: step.made.len(), of: Of::Gradient(at) });
    }
    lives
}

#[cfg(test)]
mod tests {
    use lookback_model::{Config, Network, Size};

    use super::*;
    use crate::plan::{Plan, Purpose};

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

    #[test]
    fn depth_costs_a_run_no_memory() {
        let network = network();
        let tape = Plan::tape(&network, 8, 1, Purpose::Run);
        let layout = Layout::new(&tape, Direction::Forward, REMADE);
        let (width, keys, hidden, vocabulary) = (16, 8, 24, 50);
        let attention = 8 * (4 * width + 4 * keys);
        let mlp = 8 * (2 * width + 3 * hidden);
        assert!(layout.elements() <= attention.max(mlp) + 8 * width + vocabulary);
    }

    #[test]
    fn nothing_is_overwritten_while_it_is_still_read() {
        let network = network();
        let tape = Plan::tape(&network, 8, 8, Purpose::Loss);
        for least in [0, usize::MAX] {
            let layout = Layout::new(&tape, Direction::Back, least);
            let mut lives = results(&tape, Direction::Back, least);
            lives.extend(gradients(&tape));
            let slot = |life: &Life| match life.of {
                Of::Result(step) => layout.results[step],
                Of::Gradient(step) => layout.gradients[step],
                Of::Again(step, _) => layout.again[step].unwrap().slot,
            };
            for (index, a) in lives.iter().enumerate() {
                for b in &lives[index + 1..] {
                    assert!(slot(a) != slot(b) || a.to < b.from || b.to < a.from);
                }
            }
        }
    }

    #[test]
    fn what_is_made_again_is_not_kept() {
        let size = |layers| Size {
            vocabulary: 50,
            width: 16,
            layers,
            heads: 4,
            key_heads: 4,
            hidden: 64,
            context: 32,
        };
        let elements = |layers, least| {
            let network = Network::new(&Config::gpt2(size(layers)).unwrap());
            let tape = Plan::tape(&network, 8, 8, Purpose::Loss);
            Layout::new(&tape, Direction::Back, least).elements()
        };
        let of_a_layer = |least| elements(9, least) - elements(8, least);
        // The stream twice, queries, keys, values, what attention gives, and what is activated.
        let kept = 8 * (6 * 16 + 64);
        assert_eq!(of_a_layer(0), kept);
        assert_eq!(of_a_layer(usize::MAX), kept + 8 * (2 * 16 + 64));
    }
}
