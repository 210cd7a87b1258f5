//! The executor that watches: it wraps another, and hands the sites asked for to a watcher.
//!
//! Looking changes nothing: fusions are left apart, which equals them bit for bit, and the attention
//! pattern is computed afterwards from scores and the log-sum-exps that attention kept.

use lookback_files::Result;
use lookback_kernels::{attend, loss, team::Team};
use lookback_model::{
    Activation, Attend, Batch, BlockSite, Execute, Head, Index, Linear, Loss, Norm, Rotary, Site,
    Targets, WeightId, forward,
};

use crate::{cache::Cache, run::Run, tape::Rows, weights::Weights, workspace::Workspace};

/// Numbers at a site, for as long as a watcher looks at them.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// `[rows, width]`, or of attention's scores and pattern `[heads, queries, keys]` of a segment.
    pub shape: [usize; 3],
    /// In this order.
    pub values: &'a [f32],
}

/// Who looks.
pub trait Watch {
    /// Whether to be shown a site.
    fn wants(&self, site: Site) -> bool;
    /// Is shown a site: `[1, rows, width]`, or `[heads, queries, keys]` once for each segment.
    fn see(&mut self, site: Site, view: View<'_>);
}

/// Which form of an attention is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weighing {
    /// Scaled scores, −inf where hidden.
    Scores,
    /// exp(score − log-sum-exp), +0 where hidden.
    Pattern,
}

/// What [`Look`] needs of the executor that it wraps.
pub trait Peek: Execute {
    /// Shows a result.
    fn read(&self, x: Self::Rows, to: &mut dyn FnMut(View<'_>));
    /// Shows scores or pattern of an attention that made `z` from `q`, segment by segment.
    fn attention(
        &self,
        q: Self::Rows,
        z: Self::Rows,
        how: &Attend,
        which: Weighing,
        to: &mut dyn FnMut(View<'_>),
    );
    /// Shows the softmax of logits.
    fn probabilities(&self, logits: Self::Rows, to: &mut dyn FnMut(View<'_>));
}

/// A pass with a watcher.
#[derive(Debug)]
pub struct Look<'a, E, W> {
    inner: &'a mut E,
    watch: &'a mut W,
}

impl<'a, E: Peek, W: Watch> Look<'a, E, W> {
    /// Wraps an executor.
    pub fn new(inner: &'a mut E, watch: &'a mut W) -> Self {
        Self { inner, watch }
    }
}

/// Passes whole sequences through and shows their sites; the head is left out where nobody wants logits.
pub fn look(
    weights: &Weights,
    space: &mut Workspace,
    cache: &mut Cache,
    team: &Team,
    batch: &Batch,
    watch: &mut impl Watch,
) -> Result<()> {
    let wants_logits = watch.wants(Site::Logits) || watch.wants(Site::Probabilities);
    let mut run = Run::cached(weights, space, cache, team, batch)?;
    let mut look = Look::new(&mut run, watch);
    if wants_logits {
        forward::logits(weights.network(), &mut look, batch);
    } else {
        forward::stream(weights.network(), &mut look, batch);
    }
    Ok(())
}

/// Passes the residual stream before one layer, `[rows, width]`, through that layer alone and shows the
/// layer's sites, which are those of a whole pass to the last bit. `space` is one for looking.
pub fn look_at_layer(
    weights: &Weights,
    space: &mut Workspace,
    cache: &mut Cache,
    team: &Team,
    batch: &Batch,
    (layer, stream): (usize, &[f32]),
    watch: &mut impl Watch,
) -> Result<()> {
    let entering = space.tape.entering(layer);
    let mut run = Run::cached(weights, space, cache, team, batch)?;
    let x = run.begin_at(entering, stream);
    forward::layer(weights.network(), layer, &mut Look::new(&mut run, watch), x, batch);
    Ok(())
}

impl<E: Peek, W: Watch> Execute for Look<'_, E, W> {
    type Rows = E::Rows;

    fn embed(&mut self, table: WeightId, width: usize, by: Index, batch: &Batch) -> E::Rows {
        self.inner.embed(table, width, by, batch)
    }

    fn norm(&mut self, x: E::Rows, how: &Norm) -> E::Rows {
        self.inner.norm(x, how)
    }

    fn linear(&mut self, x: E::Rows, how: &Linear) -> E::Rows {
        self.inner.linear(x, how)
    }

    fn rotate(&mut self, x: E::Rows, how: &Rotary, batch: &Batch) -> E::Rows {
        self.inner.rotate(x, how, batch)
    }

    fn attend(&mut self, [q, k, v]: [E::Rows; 3], how: &Attend, batch: &Batch) -> E::Rows {
        let z = self.inner.attend([q, k, v], how, batch);
        for (site, which) in
            [(BlockSite::Scores, Weighing::Scores), (BlockSite::Pattern, Weighing::Pattern)]
        {
            let site = Site::Block(how.layer as u16, site);
            if self.watch.wants(site) {
                let watch = &mut *self.watch;
                self.inner.attention(q, z, how, which, &mut |view| watch.see(site, view));
            }
        }
        z
    }

    fn gate(&mut self, pre: E::Rows, linear: Option<E::Rows>, how: Activation) -> E::Rows {
        self.inner.gate(pre, linear, how)
    }

    fn add(&mut self, x: E::Rows, y: E::Rows) -> E::Rows {
        self.inner.add(x, y)
    }

    fn select(&mut self, x: E::Rows, batch: &Batch) -> E::Rows {
        self.inner.select(x, batch)
    }

    fn logits(&mut self, x: E::Rows, how: &Head) -> E::Rows {
        let logits = self.inner.logits(x, how);
        if self.watch.wants(Site::Probabilities) {
            let watch = &mut *self.watch;
            self.inner.probabilities(logits, &mut |view| watch.see(Site::Probabilities, view));
        }
        logits
    }

    fn loss(&mut self, x: E::Rows, how: &Head, targets: &Targets) -> Loss {
        self.inner.loss(x, how, targets)
    }

    fn site(&mut self, site: Site, x: E::Rows) -> E::Rows {
        if self.watch.wants(site) {
            let watch = &mut *self.watch;
            self.inner.read(x, &mut |view| watch.see(site, view));
        }
        x
    }
}

impl Peek for Run<'_> {
    fn read(&self, x: Rows, to: &mut dyn FnMut(View<'_>)) {
        to(View { shape: [1, x.rows, x.width], values: self.buffers.get(x) });
    }

    fn attention(
        &self,
        q: Rows,
        z: Rows,
        how: &Attend,
        which: Weighing,
        to: &mut dyn FnMut(View<'_>),
    ) {
        let heads = self.heads(how);
        let pages = self.pages(how).over(self.storage(), self.table);
        let query = self.buffers.get(q);
        for span in self.spans {
            let keys = span.first_position + span.rows;
            let mut values = vec![0.0; how.heads * span.rows * keys];
            match which {
                Weighing::Scores => {
                    attend::scores(self.team, &heads, query, span, pages, &mut values);
                }
                Weighing::Pattern => {
                    let log_sum_exp = &self.asides[z.step];
                    attend::pattern(
                        self.team,
                        &heads,
                        query,
                        span,
                        pages,
                        log_sum_exp,
                        &mut values,
                    );
                }
            }
            to(View { shape: [how.heads, span.rows, keys], values: &values });
        }
    }

    fn probabilities(&self, logits: Rows, to: &mut dyn FnMut(View<'_>)) {
        let mut values = vec![0.0; logits.len()];
        loss::softmax(self.team, self.buffers.get(logits), logits.width, &mut values);
        to(View { shape: [1, logits.rows, logits.width], values: &values });
    }
}
