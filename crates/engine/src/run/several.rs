//! Products that read the same rows, as one piece of work: threads meet once for all of them.

use lookback_kernels::matmul;
use lookback_model::Linear;

use super::Run;
use crate::{packed::Forward, products, tape::Rows};

impl Run<'_> {
    /// The results of several linear layers on the same rows, which become the next steps'.
    pub(super) fn several<const N: usize>(&mut self, x: Rows, how: [&Linear; N]) -> [Rows; N] {
        let made = how.map(|how| {
            let step = self.next;
            self.next += 1;
            Rows { step, rows: x.rows, width: how.outputs }
        });
        let mut rooms = made.map(|made| self.buffers.take(made));
        let mut lens = made.iter().map(|made| made.len());
        let outputs = rooms.each_mut().map(|room| &mut room[..lens.next().unwrap_or(0)]);
        let entering = self.buffers.get(x);
        let panels = how.map(|how| match self.weights.forward(how.weight) {
            Some(Forward::F32(panels)) => Some(panels),
            _ => None,
        });
        if panels.iter().all(Option::is_some) {
            let panels = panels.map(Option::unwrap_or_default);
            let biases = how.map(|how| how.bias.map(|bias| self.weights.rows(bias)));
            matmul::forward_several(self.team, entering, panels, biases, outputs);
        } else {
            for (how, y) in how.into_iter().zip(outputs) {
                let (factors, of) = (&mut *self.factors, Some(x.step));
                products::forward(self.team, self.weights, how, entering, of, factors, None, y);
            }
        }
        for (made, room) in made.into_iter().zip(rooms) {
            self.buffers.put(made, room);
        }
        made
    }
}
