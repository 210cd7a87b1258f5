//! What a product's threads share out: blocks of rows by panels, of one product or of several.

use super::{Accumulate, BLOCK, Epilogue, PANEL, Panels, Product, Shared, panels_len};
use crate::{
    isa::Isa,
    thread_pool::ThreadPool,
    tile::{Lhs, OutPtr},
};

/// A product's tasks, blocks of rows by panels, in an order in which the larger matrix is read from
/// memory once: all panels of a block where rows are many, all blocks of a panel where panels are.
#[derive(Clone, Copy)]
pub(crate) struct Tasks {
    blocks: usize,
    panels: usize,
}

impl Tasks {
    pub(crate) fn new(rows: usize, outputs: usize) -> Self {
        Self { blocks: rows.div_ceil(BLOCK), panels: outputs.div_ceil(PANEL) }
    }

    pub(crate) fn count(self) -> usize {
        self.blocks * self.panels
    }

    /// Block and panel of a task.
    pub(crate) fn block_and_panel(self, task: usize) -> (usize, usize) {
        if self.blocks * BLOCK < self.panels * PANEL {
            (task % self.blocks, task / self.blocks)
        } else {
            (task / self.panels, task % self.panels)
        }
    }
}

/// Multiply-adds that are worth a meeting of threads.
pub(super) const MIN_PARALLEL_MULTIPLY_ADDS: usize = 16 * 1024;

/// A product whose shapes agree, to be run task by task.
#[derive(Clone, Copy)]
pub(super) struct Work<'a> {
    rows: usize,
    left: Lhs,
    panels: Panels<'a>,
    accumulate: Accumulate,
    epilogue: Epilogue<'a>,
    out: OutPtr,
    tasks: Tasks,
}

impl<'a> Work<'a> {
    /// `left` has `rows` rows of `panels.inner` steps; `y`, `[rows, outputs]`, is not touched meanwhile.
    pub(super) fn new(
        rows: usize,
        left: Lhs,
        panels: Panels<'a>,
        accumulate: Accumulate,
        epilogue: Epilogue<'a>,
        y: &mut [f32],
    ) -> Self {
        let Panels { data, outputs, inner } = panels;
        assert_eq!(data.len(), panels_len(outputs, inner), "panels of another shape");
        assert_eq!(y.len(), rows * outputs, "an output of another shape");
        assert!(epilogue.bias.is_none_or(|bias| bias.len() == outputs), "a bias of another width");
        assert!(
            epilogue.residual.is_none_or(|to| to.len() == y.len()),
            "a residual of another shape"
        );
        let out = OutPtr { ptr: y.as_mut_ptr(), row_stride: outputs };
        Self { rows, left, panels, accumulate, epilogue, out, tasks: Tasks::new(rows, outputs) }
    }

    fn multiply_adds(&self) -> usize {
        self.rows * self.panels.outputs * self.panels.inner
    }

    fn run(&self, simd: Isa, task: usize) {
        let Self { rows, left, panels, accumulate, epilogue, out, tasks } = *self;
        let (block, panel) = tasks.block_and_panel(task);
        let rows = block * BLOCK..rows.min((block + 1) * BLOCK);
        simd.run(Product { left, panels, rows, panel, accumulate, epilogue, out });
    }
}

/// Runs products that do not read what another writes.
pub(super) fn run_all(pool: &ThreadPool, all: &[Work<'_>]) {
    let total = all.iter().map(|work| work.tasks.count()).sum();
    let shared = Shared(all);
    let run = |mut task: usize| {
        let Shared(all) = *shared.get();
        for work in all {
            let count = work.tasks.count();
            if task < count {
                return work.run(pool.isa(), task);
            }
            task -= count;
        }
    };
    // Where there is little to do, threads would take longer to meet than to work.
    if all.iter().map(Work::multiply_adds).sum::<usize>() < MIN_PARALLEL_MULTIPLY_ADDS {
        (0..total).for_each(run);
    } else {
        pool.for_each_task(total, &run);
    }
}
