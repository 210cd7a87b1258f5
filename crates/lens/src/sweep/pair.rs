//! A clean and a corrupted prompt, between which a sweep patches or attributes.

use lookback_files::{Kind, Refusal, Result, counted};
use lookback_model::{BlockSite, Config, Edits, Site, TokenId};

use crate::{
    SiteFilter,
    sweep::{
        grid::SweepGrid,
        kind::{SweepKind, block_sites},
        metric::SweepMetric,
    },
};

/// A clean and a corrupted prompt, and what is asked of each place between them.
#[derive(Clone, Debug)]
pub struct PatchingSweep<'a> {
    /// The prompt whose activations are taken.
    pub clean: &'a [TokenId],
    /// The prompt into which they are put; as many tokens.
    pub corrupted: &'a [TokenId],
    /// What is judged, after the last token.
    pub metric: SweepMetric,
    /// The token that is right, and the one that is compared with.
    pub answers: [Option<TokenId>; 2],
    /// What is swept over.
    pub kinds: &'a [SweepKind],
    /// Makes a pass for each cell.
    pub patches: bool,
    /// Also says what one backward pass predicts of each cell.
    pub attributes: bool,
    /// What is changed of the clean passes, and of the corrupted ones.
    pub edits: [&'a Edits; 2],
}

/// The metric of both prompts, and a grid for each kind whose values are not yet shares.
pub type PatchingGrids = (f64, f64, Vec<SweepGrid>);

impl PatchingSweep<'_> {
    /// What is read of the clean pass.
    pub(crate) fn clean_sites(&self, config: &Config) -> SiteFilter {
        SiteFilter::only(self.replaced_sites(config).chain([Site::Logits]))
    }

    /// What attributions read of the corrupted pass: where it is replaced; of weights also what they weigh.
    pub(crate) fn attributed_sites(&self, config: &Config) -> SiteFilter {
        let values = in_blocks(config, has_pattern(self.kinds).then_some(BlockSite::V));
        SiteFilter::only(self.replaced_sites(config).chain(values))
    }

    fn replaced_sites(&self, config: &Config) -> impl Iterator<Item = Site> {
        let pattern = has_pattern(self.kinds).then_some(BlockSite::Pattern);
        in_blocks(config, block_sites(self.kinds).into_iter().chain(pattern))
    }
}

fn has_pattern(kinds: &[SweepKind]) -> bool {
    kinds.iter().any(|kind| kind.site == BlockSite::Pattern)
}

/// These sites of every block.
fn in_blocks(
    config: &Config,
    sites: impl IntoIterator<Item = BlockSite>,
) -> impl Iterator<Item = Site> {
    let layers = 0..config.layers as u16;
    sites
        .into_iter()
        .flat_map(move |site| layers.clone().map(move |layer| Site::Block(layer, site)))
}

/// Refuses prompts that cannot be patched into each other.
pub(super) fn check_pair(clean: &[TokenId], corrupted: &[TokenId]) -> Result<()> {
    let refused = |what: String| Err(Refusal::of(Kind::InvalidInput, what));
    if clean.len() != corrupted.len() {
        return refused(format!(
            "the clean prompt has {} and the corrupted one {}; a place of one is that of the other only where \
             both have as many",
            counted(clean.len(), "token"),
            counted(corrupted.len(), "token")
        ));
    }
    // That there is no token at all the pass says.
    if clean == corrupted && !clean.is_empty() {
        return refused(
            "the clean and the corrupted prompt are the same tokens; change one of them".into(),
        );
    }
    Ok(())
}

/// A grid without numbers.
pub(super) fn empty_grid(config: &Config, tokens: usize, kind: SweepKind) -> SweepGrid {
    SweepGrid {
        kind: kind.name(),
        axes: kind.axis_names(),
        shape: kind.shape(config, tokens),
        ..SweepGrid::default()
    }
}
