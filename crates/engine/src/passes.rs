//! The passes that a program is run for: logits, a loss, its gradients, looking, and beginning at a layer.

use std::{borrow::Cow, convert::Infallible};

use lookback_files::{Refusal, Result};
use lookback_kernels::thread_pool::ThreadPool;
use lookback_model::{Batch, BlockSite, Loss, Program, Site, Targets, ValueId};

use crate::{
    Gradients, KvCache, Observer, SiteView, Weights, Workspace, backward::Backward, cache::Cached,
    interpreter::Interpreter,
};

/// The logits of a batch's logit rows, `[logit_rows, vocabulary]`; its keys and values go into the cache.
pub fn forward<'s>(
    weights: &Weights,
    workspace: &'s mut Workspace,
    cache: &mut KvCache,
    pool: &ThreadPool,
    batch: &Batch,
) -> Result<&'s [f32]> {
    let mut pass = Interpreter::cached(weights, workspace, (cache, Cached::Nothing), pool, batch)?;
    pass.run(0..pass.program.steps.len(), None);
    Ok(logits(workspace, batch))
}

/// The logits after a pass.
fn logits<'s>(workspace: &'s Workspace, batch: &Batch) -> &'s [f32] {
    let Some(value) = workspace.program.at(Site::Logits) else { return &[] };
    let len = workspace.program.value(value).width * batch.logit_rows.len();
    &workspace.slots[workspace.layout.values[value.index()]][..len]
}

/// As [`forward`], of a pass that begins with the residual stream before a layer, `[rows, width]`, over
/// positions that the cache holds: the keys and values of the layers below stay as they are, those of the
/// others are written anew, in pages of the sequence's own.
pub fn forward_from_layer<'s>(
    weights: &Weights,
    workspace: &'s mut Workspace,
    cache: &mut KvCache,
    pool: &ThreadPool,
    batch: &Batch,
    (layer, stream): (usize, &[f32]),
) -> Result<&'s [f32]> {
    let value = resid_pre(workspace, layer)?;
    let mut pass =
        Interpreter::cached(weights, workspace, (cache, Cached::LowerLayers), pool, batch)?;
    let first = pass.start_behind(&[(value, stream)]);
    pass.run(first..pass.program.steps.len(), None);
    Ok(logits(workspace, batch))
}

/// As [`forward_from_layer`], of a pass that begins behind the value at the first of some sites. `known` has the
/// rows, `[rows, width]`, of each of [`Workspace::sites_read_behind`] it. Of the layer that the pass begins in,
/// the cache holds the keys and values that stand before the rows of the batch.
pub fn forward_from_sites<'s>(
    weights: &Weights,
    workspace: &'s mut Workspace,
    cache: &mut KvCache,
    pool: &ThreadPool,
    batch: &Batch,
    known: &[(Site, &[f32])],
) -> Result<&'s [f32]> {
    let values = known_values(workspace, known)?;
    let mut pass =
        Interpreter::cached(weights, workspace, (cache, Cached::LowerLayers), pool, batch)?;
    let first = pass.start_behind(&values);
    pass.run(first..pass.program.steps.len(), None);
    Ok(logits(workspace, batch))
}

/// Begins behind the value at the first of some sites, as [`forward_from_sites`], ends where the last of some
/// others is made, and shows the sites that are made between. Without a cache for programs in which no attention
/// stands between.
pub fn forward_between_sites(
    weights: &Weights,
    workspace: &mut Workspace,
    cache: Option<&mut KvCache>,
    pool: &ThreadPool,
    batch: &Batch,
    (known, last): (&[(Site, &[f32])], &[Site]),
    observer: &mut impl Observer,
) -> Result<()> {
    let values = known_values(workspace, known)?;
    let ends = last.iter().filter_map(|site| workspace.program.at(*site));
    let ends = ends.filter_map(|value| workspace.program.producer(value));
    let end = ends.max().map_or(0, |producer| producer + 1);
    let mut pass = match cache {
        Some(cache) => {
            Interpreter::cached(weights, workspace, (cache, Cached::LowerLayers), pool, batch)?
        }
        None => Interpreter::uncached(weights, workspace, pool, batch),
    };
    let first = pass.start_behind(&values);
    pass.run_observed(first..end.max(first), observer);
    Ok(())
}

/// The values at some sites, with their rows.
fn known_values<'r>(
    workspace: &Workspace,
    known: &[(Site, &'r [f32])],
) -> Result<Vec<(ValueId, &'r [f32])>> {
    let value = |(site, rows): &(Site, &'r [f32])| {
        let value = workspace.program.at(*site);
        let value = value.ok_or_else(|| Refusal::ours(format!("{site} is not in this program")))?;
        Ok((value, *rows))
    };
    known.iter().map(value).collect()
}

fn resid_pre(workspace: &Workspace, layer: usize) -> Result<ValueId> {
    let site = Site::Block(layer as u16, BlockSite::ResidPre);
    workspace.program.at(site).ok_or_else(|| Refusal::ours(format!("there is no layer {layer}")))
}

/// The loss of a batch of whole sequences.
pub fn evaluate(
    weights: &Weights,
    workspace: &mut Workspace,
    pool: &ThreadPool,
    batch: &Batch,
    targets: &Targets,
) -> Loss {
    let mut pass = Interpreter::uncached(weights, workspace, pool, batch);
    let steps = &pass.program.steps;
    pass.run(0..steps.len(), Some(targets));
    steps.last().map_or(Loss::default(), |last| pass.loss(last.outputs[0], targets))
}

/// The loss of a batch of whole sequences; adds its gradients to `gradients`.
///
/// The batch has as many rows as the workspace was made for.
pub fn forward_backward(
    weights: &Weights,
    gradients: &mut Gradients,
    workspace: &mut Workspace,
    pool: &ThreadPool,
    batch: &Batch,
    targets: &Targets,
) -> Loss {
    assert_eq!(workspace.bounds.rows, batch.rows(), "the workspace was made for another batch");
    let loss =
        backward_from_loss(weights, gradients, workspace, pool, (batch, targets), &mut NoObserver);
    loss.expect("the workspace was made for a backward pass from the loss")
}

/// As [`forward_backward`], showing the gradients at the sites that the workspace was made for. None if it
/// was not made for a backward pass from the loss.
pub fn backward_from_loss(
    weights: &Weights,
    gradients: &mut Gradients,
    workspace: &mut Workspace,
    pool: &ThreadPool,
    (batch, targets): (&Batch, &Targets),
    observer: &mut impl Observer,
) -> Option<Loss> {
    let backward_plan = workspace.backward_plan.take()?;
    let losses = backward_plan.starts_at_loss(&workspace.program).then_some(backward_plan.start);
    let loss = losses.map(|losses| {
        let mut pass = Interpreter::uncached(weights, workspace, pool, batch);
        // The loss is made together with its gradient.
        pass.run(0..pass.program.steps.len() - 1, None);
        let mut backward = Backward { pass, gradients, backward_plan: &backward_plan };
        backward.run_from_loss(targets, observer);
        backward.pass.loss(losses, targets)
    });
    workspace.backward_plan = Some(backward_plan);
    loss
}

/// A pass over whole sequences up to the value at the site that the workspace was made for,
/// and the backward pass from its gradient, `[rows, width]`; shows the gradients at the sites wanted. None if
/// the workspace was not made for that.
pub fn backward_from_site(
    weights: &Weights,
    gradients: &mut Gradients,
    workspace: &mut Workspace,
    pool: &ThreadPool,
    (batch, gradient): (&Batch, &[f32]),
    observer: &mut impl Observer,
) -> Option<()> {
    let given = |_: &[f32]| Ok::<_, Infallible>(Cow::Borrowed(gradient));
    let (batches, observers) = ((batch, batch), (&mut NoObserver, observer));
    let done = forward_backward_from_site(
        weights,
        gradients,
        workspace,
        pool,
        (batches, given),
        observers,
    );
    done.map(|Ok(())| ())
}

/// As [`backward_from_site`], from a gradient that is made of the value, `[rows, width]`, such as that of a metric of
/// logits. The first observer is shown the values of the pass, the second the gradients.
///
/// The first batch goes forward. The second has the first of its sequences ([`Batch::leading`]): those alone go
/// back, and the gradient is that of their rows. No sequence reads another, so each has the bits that it has alone.
pub fn forward_backward_from_site<'g, E>(
    weights: &Weights,
    gradients: &mut Gradients,
    workspace: &mut Workspace,
    pool: &ThreadPool,
    ((batch, leading), gradient): (
        (&Batch, &Batch),
        impl FnOnce(&[f32]) -> Result<Cow<'g, [f32]>, E>,
    ),
    (values, observer): (&mut impl Observer, &mut impl Observer),
) -> Option<Result<(), E>> {
    assert!(batch.segments.starts_with(&leading.segments), "sequences that do not come first");
    let backward_plan = workspace.backward_plan.take()?;
    let done = (!backward_plan.starts_at_loss(&workspace.program)).then(|| {
        let mut pass = Interpreter::uncached(weights, workspace, pool, batch);
        pass.run_observed(0..pass.program.steps.len(), values);
        let gradient = gradient(pass.buffers.get(backward_plan.start))?;
        // The rows of the first sequences stand first in every buffer.
        let pass = Interpreter::uncached(weights, workspace, pool, leading);
        let mut backward = Backward { pass, gradients, backward_plan: &backward_plan };
        backward.run_from_value(&gradient, observer);
        Ok(())
    });
    workspace.backward_plan = Some(backward_plan);
    done
}

/// Passes whole sequences through and shows their sites; the head is left out where no logits are wanted.
pub fn forward_observed(
    weights: &Weights,
    workspace: &mut Workspace,
    cache: &mut KvCache,
    pool: &ThreadPool,
    batch: &Batch,
    observer: &mut impl Observer,
) -> Result<()> {
    let mut pass = Interpreter::cached(weights, workspace, (cache, Cached::Nothing), pool, batch)?;
    let end = end_of_observed(pass.program, observer);
    pass.run_observed(0..end, observer);
    Ok(())
}

/// The step before which an observed pass ends: the head is left out where no logits are wanted.
fn end_of_observed(program: &Program, observer: &impl Observer) -> usize {
    let wants_logits = observer.wants(Site::Logits) || observer.wants(Site::Probabilities);
    let head = program.at(Site::Logits).and_then(|logits| program.producer(logits));
    match head {
        Some(head) if !wants_logits => head,
        _ => program.steps.len(),
    }
}

/// Passes the residual stream before one layer, `[rows, width]`, through that layer alone and shows the
/// layer's sites, which are those of a whole pass to the last bit. `workspace` is one for observing.
pub fn forward_layer(
    weights: &Weights,
    workspace: &mut Workspace,
    cache: &mut KvCache,
    pool: &ThreadPool,
    batch: &Batch,
    (layer, stream): (usize, &[f32]),
    observer: &mut impl Observer,
) -> Result<()> {
    let left = workspace.program.at(Site::Block(layer as u16, BlockSite::ResidPost));
    let end =
        left.and_then(|left| workspace.program.producer(left)).map_or(0, |producer| producer + 1);
    let mut observer = LayerObserver(layer as u16, observer);
    observe_from_layer(
        weights,
        workspace,
        (cache, pool),
        batch,
        (layer, stream),
        Some(end),
        &mut observer,
    )
}

/// As [`forward_observed`], of a pass that begins with the residual stream before a layer, `[rows, width]`: the sites
/// from there on are those of a whole pass to the last bit.
pub fn forward_observed_from_layer(
    weights: &Weights,
    workspace: &mut Workspace,
    cache: &mut KvCache,
    pool: &ThreadPool,
    batch: &Batch,
    from: (usize, &[f32]),
    observer: &mut impl Observer,
) -> Result<()> {
    observe_from_layer(weights, workspace, (cache, pool), batch, from, None, observer)
}

/// Shows the sites from the stream before a layer on, to a step or to the end of the pass.
fn observe_from_layer(
    weights: &Weights,
    workspace: &mut Workspace,
    (cache, pool): (&mut KvCache, &ThreadPool),
    batch: &Batch,
    (layer, stream): (usize, &[f32]),
    end: Option<usize>,
    observer: &mut impl Observer,
) -> Result<()> {
    let value = resid_pre(workspace, layer)?;
    // Where no norm stands before attention, the stream is what it reads as well.
    let entering: Vec<Site> = workspace.program.sites_of(value).collect();
    let mut pass = Interpreter::cached(weights, workspace, (cache, Cached::Nothing), pool, batch)?;
    let first = pass.start_behind(&[(value, stream)]);
    for site in entering {
        if observer.wants(site) {
            observer.observe(site, pass.view(value, stream));
        }
    }
    let end = end.unwrap_or_else(|| end_of_observed(pass.program, observer));
    pass.run_observed(first..end, observer);
    Ok(())
}

/// Watches the sites of one layer: what it leaves has the next one's name, too.
struct LayerObserver<'w, W>(u16, &'w mut W);

impl<W: Observer> Observer for LayerObserver<'_, W> {
    fn wants(&self, site: Site) -> bool {
        matches!(site, Site::Block(layer, _) if layer == self.0) && self.1.wants(site)
    }

    fn observe(&mut self, site: Site, view: SiteView<'_>) {
        self.1.observe(site, view);
    }
}

/// Watches nothing.
struct NoObserver;

impl Observer for NoObserver {
    fn wants(&self, _: Site) -> bool {
        false
    }

    fn observe(&mut self, _: Site, _: SiteView<'_>) {}
}
