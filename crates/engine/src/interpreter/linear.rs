//! Linear layers. Those that read the same rows are one piece of work: threads meet once for all of them.

use lookback_kernels::{matmul, stored};
use lookback_model::{Linear, ValueId};

use super::Interpreter;
use crate::{
    packed::ForwardPanels,
    products::{self, Input},
};

impl Interpreter<'_> {
    /// The results of one or more linear layers on the same rows.
    pub(super) fn linear(&mut self, layers: &[Linear], x: ValueId, makes: &[ValueId]) {
        match (layers, makes) {
            ([a, b], &[y, z]) => self.several(x, [a, b], [y, z]),
            ([a, b, c], &[y, z, w]) => self.several(x, [a, b, c], [y, z, w]),
            _ => self.one_by_one(x, layers, makes),
        }
    }

    /// A matrix product with what is added after it.
    pub(super) fn product(
        &mut self,
        x: ValueId,
        layer: &Linear,
        residual: Option<ValueId>,
        y: &mut [f32],
    ) {
        let buffers = &self.buffers;
        let (entering, residual) = (buffers.get(x), residual.map(|to| buffers.get(to)));
        let (pool, weights, operands) = (self.pool, self.weights, &mut *self.operands);
        let input = Input { x: entering, value: Some(x) };
        products::forward(pool, weights, layer, input, operands, residual, y);
    }

    fn one_by_one<'l>(
        &mut self,
        x: ValueId,
        layers: impl IntoIterator<Item = &'l Linear>,
        makes: &[ValueId],
    ) {
        for (layer, made) in layers.into_iter().zip(makes) {
            self.write(*made, |pass, y| pass.product(x, layer, None, y));
        }
    }

    /// All at once where their weights are multiplied in f32, and either none or all as a file stores them.
    fn several<const N: usize>(&mut self, x: ValueId, layers: [&Linear; N], makes: [ValueId; N]) {
        let weights = self.weights;
        let panels = layers.map(|layer| weights.forward(layer.weight));
        let wide = panels.map(|panels| match panels {
            Some(ForwardPanels::F32(panels)) => Some(panels),
            _ => None,
        });
        let stored = panels.map(|panels| match panels {
            Some(ForwardPanels::Stored(panels)) => Some(panels),
            _ => None,
        });
        let (wide, stored) = (all(wide), all(stored));
        if wide.is_none() && stored.is_none() {
            return self.one_by_one(x, layers, &makes);
        }
        let biases = layers.map(|layer| layer.bias.map(|bias| weights.rows(bias)));
        let mut taken = makes.map(|made| self.buffers.take(made));
        let mut lens = makes.iter().map(|made| self.buffers.len(*made));
        let y = taken.each_mut().map(|buffer| &mut buffer[..lens.next().unwrap_or(0)]);
        let (pool, x) = (self.pool, self.buffers.get(x));
        match (wide, stored) {
            (Some(panels), _) => matmul::forward_several(pool, x, panels, biases, y),
            (_, Some(panels)) => stored::forward_several(pool, x, panels, biases, y),
            (None, None) => {}
        }
        for (made, buffer) in makes.into_iter().zip(taken) {
            self.buffers.put(made, buffer);
        }
    }
}

/// All of them, or none if one is missing.
fn all<T: Copy, const N: usize>(options: [Option<T>; N]) -> Option<[T; N]> {
    let mut all = [(*options.first()?)?; N];
    for (one, option) in all.iter_mut().zip(options) {
        *one = option?;
    }
    Some(all)
}
