//! The gradient of an input through a stored weight, from the panels of the forward pass: to the bits of its copy in
//! f32, without that copy. Read `matmul/input_gradient.rs` first.

use std::{marker::PhantomData, ops::Range};

use super::{
    Panels, StorageType,
    block_format::{self, BlockFormat, block_len, with_format},
    panel_len, panels_len, widen,
};
use crate::{
    lanes::Lanes,
    matmul::{
        Accumulate, PANEL,
        input_gradient::{ForwardPanels, Strip, WeightShape, for_each_strip},
    },
    thread_pool::ThreadPool,
};

/// dx = dy · weight: each a chain over outputs ascending.
///
/// `dy`: `[rows, outputs]`, `dx`: `[rows, inner]`.
pub fn input_gradient(
    pool: &ThreadPool,
    dy: &[f32],
    weight: Panels<'_>,
    accumulate: Accumulate,
    dx: &mut [f32],
) {
    let Panels { storage, data, outputs, inner } = weight;
    assert_eq!(data.len(), panels_len(storage, outputs, inner), "panels of another shape");
    let size = panel_len(storage, inner);
    let shape = WeightShape { outputs, inner };
    with_format!(storage, F => {
        let panels = StoredPanels::<F> { data, size, format: PhantomData };
        for_each_strip(pool, dy, shape, accumulate, dx, &|isa, task| isa.run(Strip { panels, task }));
    });
}

/// Panels of one format, of `size` words each.
struct StoredPanels<'a, F> {
    data: &'a [u32],
    size: usize,
    format: PhantomData<F>,
}

impl<F> Clone for StoredPanels<'_, F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F> Copy for StoredPanels<'_, F> {}

impl<F: BlockFormat> ForwardPanels for StoredPanels<'_, F> {
    #[inline(always)]
    fn square<'v, L: Lanes>(
        &'v self,
        simd: L,
        panel: usize,
        steps: Range<usize>,
        widened: &'v mut [f32; PANEL * PANEL],
    ) -> &'v [f32] {
        debug_assert!(steps.start.is_multiple_of(F::STEPS), "steps from within a sub-block");
        debug_assert!(self.size.is_multiple_of(block_len::<F>()));
        let panel = &self.data[panel * self.size..][..self.size];
        let widened = &mut widened[..steps.len() * PANEL];
        widen::<L, F>(simd, panel, steps.start, widened);
        widened
    }
}
