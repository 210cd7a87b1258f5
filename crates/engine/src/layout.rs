//! Where each result of a pass stands: slots that are used again once nobody reads them any more.
//!
//! Time runs over the tape and, when learning, back over it: with n steps, step i runs at time i and
//! its backward at time 2n − i. A result lives from its step to its last reader, a gradient from its
//! first part to the backward of the step that made the result. Read `workspace` next.

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
}

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
}

impl Layout {
    /// Places every result (and gradient) of a tape.
    pub fn new(tape: &Tape, direction: Direction) -> Self {
        let mut lives = results(tape, direction);
        let mut layout = Self { results: vec![NOWHERE; tape.steps.len()], ..Self::default() };
        if direction == Direction::Back {
            layout.gradients = vec![NOWHERE; tape.steps.len()];
            lives.extend(gradients(tape));
        }
        lives.sort_by_key(|life| life.from);
        layout.place(&lives);
        if direction == Direction::Back {
            layout.share_gradients(tape);
        }
        layout
    }

    /// Elements of all slots.
    pub fn elements(&self) -> usize {
        self.slots.iter().sum()
    }

    /// Gives each life the free slot that fits best; where none is large enough, the largest grows.
    fn place(&mut self, lives: &[Life]) {
        let mut free_from: Vec<usize> = Vec::new();
        for life in lives {
            let free = (0..self.slots.len()).filter(|&slot| free_from[slot] <= life.from);
            let slot = free.min_by_key(|&slot| {
                let held = self.slots[slot];
                if held >= life.elements { (0, held) } else { (1, usize::MAX - held) }
            });
            let slot = slot.unwrap_or_else(|| {
                self.slots.push(0);
                free_from.push(0);
                self.slots.len() - 1
            });
            self.slots[slot] = self.slots[slot].max(life.elements);
            free_from[slot] = life.to + 1;
            match life.of {
                Of::Result(step) => self.results[step] = slot,
                Of::Gradient(step) => self.gradients[step] = slot,
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

fn results(tape: &Tape, direction: Direction) -> Vec<Life> {
    let end = 2 * tape.steps.len();
    let mut lives: Vec<Life> = Vec::with_capacity(tape.steps.len());
    for (at, step) in tape.steps.iter().enumerate() {
        let elements = step.made.len();
        lives.push(Life { from: at, to: at, elements, of: Of::Result(at) });
        for x in step.op.inputs() {
            lives[x.step].to = lives[x.step].to.max(at);
        }
        if direction == Direction::Back {
            for x in step.op.read_again() {
                lives[x.step].to = lives[x.step].to.max(end - at);
            }
            if step.op.reads_result_again() {
                lives[at].to = end - at;
            }
        }
    }
    // The last result is read by whoever asked for the pass.
    if let Some(last) = lives.last_mut() {
        last.to = end;
    }
    lives
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
        let layout = Layout::new(&tape, Direction::Forward);
        let (width, keys, hidden, vocabulary) = (16, 8, 24, 50);
        let attention = 8 * (4 * width + 4 * keys);
        let mlp = 8 * (2 * width + 3 * hidden);
        assert!(layout.elements() <= attention.max(mlp) + 8 * width + vocabulary);
    }

    #[test]
    fn nothing_is_overwritten_while_it_is_still_read() {
        let network = network();
        let tape = Plan::tape(&network, 8, 8, Purpose::Loss);
        let layout = Layout::new(&tape, Direction::Back);
        let mut lives = results(&tape, Direction::Back);
        lives.extend(gradients(&tape));
        let slot = |life: &Life| match life.of {
            Of::Result(step) => layout.results[step],
            Of::Gradient(step) => layout.gradients[step],
        };
        for (index, a) in lives.iter().enumerate() {
            for b in &lives[index + 1..] {
                assert!(slot(a) != slot(b) || a.to < b.from || b.to < a.from);
            }
        }
    }
}
