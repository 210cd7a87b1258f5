//! The passes that a program is run for: logits, a loss, its gradients, looking, and beginning at a layer.

use lookback_files::{Refusal, Result};
use lookback_kernels::thread_pool::ThreadPool;
use lookback_model::{Batch, BlockSite, Loss, Site, Targets};

use crate::{
    Cache, Gradients, View, Watch, Weights, Workspace, backward::Backward, cache::Known,
    interpreter::Interpreter,
};

/// The logits of a batch's wanted rows, `[wanted, vocabulary]`; its keys and values go into the cache.
pub fn forward<'s>(
    weights: &Weights,
    space: &'s mut Workspace,
    cache: &mut Cache,
    pool: &ThreadPool,
    batch: &Batch,
) -> Result<&'s [f32]> {
    let mut pass = Interpreter::cached(weights, space, (cache, Known::Nothing), pool, batch)?;
    pass.run(0..pass.program.steps.len(), None);
    Ok(logits(space, batch))
}

/// The logits after a pass.
fn logits<'s>(space: &'s Workspace, batch: &Batch) -> &'s [f32] {
    let Some(value) = space.program.at(Site::Logits) else { return &[] };
    let len = space.program.value(value).width * batch.wanted.len();
    &space.slots[space.layout.values[value.index()]][..len]
}

/// As [`forward`], of a pass that begins with the residual stream before a layer, `[rows, width]`, over
/// positions that the cache holds: the keys and values of the layers below stay as they are, those of the
/// others are written anew, in pages of the sequence's own.
pub fn forward_from_layer<'s>(
    weights: &Weights,
    space: &'s mut Workspace,
    cache: &mut Cache,
    pool: &ThreadPool,
    batch: &Batch,
    (layer, stream): (usize, &[f32]),
) -> Result<&'s [f32]> {
    let known = resid_pre(space, layer)?;
    let mut pass = Interpreter::cached(weights, space, (cache, Known::LowerLayers), pool, batch)?;
    let first = pass.begin_at(known, stream);
    pass.run(first..pass.program.steps.len(), None);
    Ok(logits(space, batch))
}

fn resid_pre(space: &Workspace, layer: usize) -> Result<lookback_model::ValueId> {
    let site = Site::Block(layer as u16, BlockSite::ResidPre);
    space.program.at(site).ok_or_else(|| Refusal::ours(format!("there is no layer {layer}")))
}

/// The loss of a batch of whole sequences.
pub fn evaluate(
    weights: &Weights,
    space: &mut Workspace,
    pool: &ThreadPool,
    batch: &Batch,
    targets: &Targets,
) -> Loss {
    let mut pass = Interpreter::uncached(weights, space, pool, batch);
    let steps = &pass.program.steps;
    pass.run(0..steps.len(), Some(targets));
    steps.last().map_or(Loss::default(), |last| pass.loss(last.makes[0], targets))
}

/// The loss of a batch of whole sequences; adds its gradients to `gradients`.
///
/// The batch has as many rows as the workspace was made for.
pub fn learn(
    weights: &Weights,
    gradients: &mut Gradients,
    space: &mut Workspace,
    pool: &ThreadPool,
    batch: &Batch,
    targets: &Targets,
) -> Loss {
    assert_eq!(space.bounds.rows, batch.rows(), "the workspace was made for another batch");
    let loss = walk_back_from_loss(weights, gradients, space, pool, (batch, targets), &mut Nobody);
    loss.expect("the workspace was made for a walk back from the loss")
}

/// As [`learn`], showing the gradients at the sites that the workspace was made for. None if it was not
/// made for a walk back from the loss.
pub fn walk_back_from_loss(
    weights: &Weights,
    gradients: &mut Gradients,
    space: &mut Workspace,
    pool: &ThreadPool,
    (batch, targets): (&Batch, &Targets),
    watch: &mut impl Watch,
) -> Option<Loss> {
    let walk = space.walk.take()?;
    let losses = walk.starts_at_loss(&space.program).then_some(walk.start);
    let loss = losses.map(|losses| {
        let mut pass = Interpreter::uncached(weights, space, pool, batch);
        // The loss is made together with its gradient.
        pass.run(0..pass.program.steps.len() - 1, None);
        let mut backward = Backward { pass, gradients, walk: &walk };
        backward.walk_from_loss(targets, watch);
        backward.pass.loss(losses, targets)
    });
    space.walk = Some(walk);
    loss
}

/// A pass over whole sequences up to the value at the site that the workspace was made for, and the walk
/// back from its gradient, `[rows, width]`; shows the gradients at the sites wanted. None if the workspace
/// was not made for that.
pub fn walk_back(
    weights: &Weights,
    gradients: &mut Gradients,
    space: &mut Workspace,
    pool: &ThreadPool,
    (batch, gradient): (&Batch, &[f32]),
    watch: &mut impl Watch,
) -> Option<()> {
    let walk = space.walk.take()?;
    let is_value = !walk.starts_at_loss(&space.program);
    if is_value {
        let mut pass = Interpreter::uncached(weights, space, pool, batch);
        pass.run(0..pass.program.steps.len(), None);
        Backward { pass, gradients, walk: &walk }.walk_from(gradient, watch);
    }
    space.walk = Some(walk);
    is_value.then_some(())
}

/// Passes whole sequences through and shows their sites; the head is left out where nobody wants logits.
pub fn look(
    weights: &Weights,
    space: &mut Workspace,
    cache: &mut Cache,
    pool: &ThreadPool,
    batch: &Batch,
    watch: &mut impl Watch,
) -> Result<()> {
    let mut pass = Interpreter::cached(weights, space, (cache, Known::Nothing), pool, batch)?;
    let wants_logits = watch.wants(Site::Logits) || watch.wants(Site::Probabilities);
    let head = pass.program.at(Site::Logits).and_then(|logits| pass.program.maker(logits));
    let steps = match head {
        Some(head) if !wants_logits => head,
        _ => pass.program.steps.len(),
    };
    pass.run_watched(0..steps, watch);
    Ok(())
}

/// Passes the residual stream before one layer, `[rows, width]`, through that layer alone and shows the
/// layer's sites, which are those of a whole pass to the last bit. `space` is one for looking.
pub fn look_at_layer(
    weights: &Weights,
    space: &mut Workspace,
    cache: &mut Cache,
    pool: &ThreadPool,
    batch: &Batch,
    (layer, stream): (usize, &[f32]),
    watch: &mut impl Watch,
) -> Result<()> {
    let known = resid_pre(space, layer)?;
    let left = space.program.at(Site::Block(layer as u16, BlockSite::ResidPost));
    let end = left.and_then(|left| space.program.maker(left)).map_or(0, |maker| maker + 1);
    let mut pass = Interpreter::cached(weights, space, (cache, Known::Nothing), pool, batch)?;
    let first = pass.begin_at(known, stream);
    let site = Site::Block(layer as u16, BlockSite::ResidPre);
    if watch.wants(site) {
        watch.see(site, pass.view(known, stream));
    }
    pass.run_watched(first..end, &mut OfLayer(layer as u16, watch));
    Ok(())
}

/// Watches the sites of one layer: what it leaves has the next one's name, too.
struct OfLayer<'w, W>(u16, &'w mut W);

impl<W: Watch> Watch for OfLayer<'_, W> {
    fn wants(&self, site: Site) -> bool {
        matches!(site, Site::Block(layer, _) if layer == self.0) && self.1.wants(site)
    }

    fn see(&mut self, site: Site, view: View<'_>) {
        self.1.see(site, view);
    }
}

/// Watches nothing.
struct Nobody;

impl Watch for Nobody {
    fn wants(&self, _: Site) -> bool {
        false
    }

    fn see(&mut self, _: Site, _: View<'_>) {}
}
