//! What a product's threads share out: blocks of rows by panels, of one product or of several.

use super::{After, BLOCK, PANEL, Panels, Product, Shared, Start, panels_len};
use crate::{
    path::Path,
    team::Team,
    tile::{Left, Out},
};

/// A product's tasks, blocks of rows by panels, in an order in which the larger matrix is read from
/// memory once: all panels of a block where rows are many, all blocks of a panel where panels are.
#[derive(Clone, Copy)]
pub(crate) struct Tasks {
    blocks: usize,
    panels: usize,
}

impl Tasks {
    pub(crate) fn of(rows: usize, outputs: usize) -> Self {
        Self { blocks: rows.div_ceil(BLOCK), panels: outputs.div_ceil(PANEL) }
    }

    pub(crate) fn count(self) -> usize {
        self.blocks * self.panels
    }

    /// Block and panel of a task.
    pub(crate) fn of_number(self, task: usize) -> (usize, usize) {
        if self.blocks * BLOCK < self.panels * PANEL {
            (task % self.blocks, task / self.blocks)
        } else {
            (task / self.panels, task % self.panels)
        }
    }
}

/// Multiply-adds that are worth a meeting of threads.
const LEAST: usize = 16 * 1024;

/// A product whose shapes agree, to be run task by task.
#[derive(Clone, Copy)]
pub(super) struct Work<'a> {
    rows: usize,
    left: Left,
    panels: Panels<'a>,
    start: Start,
    after: After<'a>,
    out: Out,
    tasks: Tasks,
}

impl<'a> Work<'a> {
    /// `left` has `rows` rows of `panels.inner` steps; `y`, `[rows, outputs]`, is not touched meanwhile.
    pub(super) fn new(
        rows: usize,
        left: Left,
        panels: Panels<'a>,
        start: Start,
        after: After<'a>,
        y: &mut [f32],
    ) -> Self {
        let Panels { data, outputs, inner } = panels;
        assert_eq!(data.len(), panels_len(outputs, inner), "panels of another shape");
        assert_eq!(y.len(), rows * outputs, "an output of another shape");
        assert!(after.bias.is_none_or(|bias| bias.len() == outputs), "a bias of another width");
        assert!(after.residual.is_none_or(|to| to.len() == y.len()), "a residual of another shape");
        let out = Out { at: y.as_mut_ptr(), by_row: outputs };
        Self { rows, left, panels, start, after, out, tasks: Tasks::of(rows, outputs) }
    }

    fn multiply_adds(&self) -> usize {
        self.rows * self.panels.outputs * self.panels.inner
    }

    fn run(&self, on: Path, task: usize) {
        let Self { rows, left, panels, start, after, out, tasks } = *self;
        let (block, panel) = tasks.of_number(task);
        let rows = block * BLOCK..rows.min((block + 1) * BLOCK);
        on.run(Product { left, panels, rows, panel, start, after, out });
    }
}

/// Runs products that do not read what another writes.
pub(super) fn run_all(team: &Team, all: &[Work<'_>]) {
    let total = all.iter().map(|work| work.tasks.count()).sum();
    let shared = Shared(all);
    let run = |mut task: usize| {
        let Shared(all) = *shared.get();
        for work in all {
            let count = work.tasks.count();
            if task < count {
                return work.run(team.path(), task);
            }
            task -= count;
        }
    };
    // Where there is little to do, threads would take longer to meet than to work.
    if all.iter().map(Work::multiply_adds).sum::<usize>() < LEAST {
        (0..total).for_each(run);
    } else {
        team.run(total, &run);
    }
}
