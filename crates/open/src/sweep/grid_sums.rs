//! The means of sweeps over pairs of prompts.

use lookback_files::{Kind, Refusal, Result};
use lookback_lens::{PatchingGrids, SweepGrid};
use serde::Serialize;

/// The pass of a sweep that is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangedPass {
    /// The one over the clean prompt, as in path patching.
    Clean,
    /// The one over the corrupted prompt.
    Corrupted,
}

/// Sums of metrics and grids.
#[derive(Debug, Default)]
pub(super) struct GridSums {
    clean: f64,
    corrupted: f64,
    grids: Option<Vec<SweepGrid>>,
    pairs: usize,
}

impl GridSums {
    /// Adds those of a pair.
    ///
    /// # Errors
    /// When its grids have another shape than those of the first.
    pub fn add(&mut self, (clean, corrupted, grids): PatchingGrids) -> Result<()> {
        self.clean += clean;
        self.corrupted += corrupted;
        self.pairs += 1;
        let Some(sums) = &mut self.grids else {
            self.grids = Some(grids);
            return Ok(());
        };
        for (sum, grid) in sums.iter_mut().zip(&grids) {
            same_shape(sum, grid)?;
            sum.add(grid);
        }
        Ok(())
    }

    /// The means of both metrics, and of grids with shares of the whole change.
    ///
    /// # Errors
    /// When there was no pair.
    pub fn means(self, changed: ChangedPass) -> Result<PatchingGrids> {
        let Some(mut grids) = self.grids else {
            return Err(Refusal::of(
                Kind::InvalidInput,
                "there is no pair of prompts to sweep over",
            ));
        };
        let pairs = self.pairs;
        let (clean, corrupted) = (self.clean / pairs as f64, self.corrupted / pairs as f64);
        let [from, to] = match changed {
            ChangedPass::Corrupted => [corrupted, clean],
            ChangedPass::Clean => [clean, corrupted],
        };
        grids.iter_mut().for_each(|grid| grid.finish(pairs, from, Some(to)));
        Ok((clean, corrupted, grids))
    }
}

/// Refuses to average grids that do not fit.
fn same_shape(sum: &SweepGrid, grid: &SweepGrid) -> Result<()> {
    if sum.shape == grid.shape {
        return Ok(());
    }
    let what = format!(
        "{}: its grid is {:?} and that of the first pair {:?}; sweep pairs of as many tokens, or over heads",
        grid.kind, grid.shape, sum.shape
    );
    Err(Refusal::of(Kind::InvalidInput, what))
}
