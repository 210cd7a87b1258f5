//! Hands the values at sites to an observer. Observing changes no result: scores and pattern are computed
//! afterwards, from the keys and the log-sum-exps that attention left.

use lookback_kernels::{attend, loss};
use lookback_model::{Attend, AttentionEdit, ElementType, Op, Site, Step, ValueId};

use super::{Interpreter, attention::own_edits, keys::Keys};

/// The values at a site, borrowed for one call of an observer.
#[derive(Clone, Copy, Debug)]
pub struct SiteView<'a> {
    /// `[1, rows, width]`, or of attention's scores and pattern `[heads, queries, keys]` of a segment.
    pub shape: [usize; 3],
    /// In this order.
    pub values: &'a [f32],
}

/// An observer of sites: a forward hook on those that it wants.
pub trait Observer {
    /// Whether it wants a site.
    fn wants(&self, site: Site) -> bool;
    /// Is given the values at a site: `[1, rows, width]`, or `[heads, queries, keys]` once for each segment.
    fn observe(&mut self, site: Site, view: SiteView<'_>);
}

/// Which form of an attention is captured.
enum Form {
    Scores,
    Pattern { log_sum_exp: ValueId },
}

impl Interpreter<'_> {
    /// Captures the outputs of a step; indices as numbers.
    pub(super) fn capture(&mut self, step: &Step, observer: &mut impl Observer) {
        let program = self.program;
        for output in &step.outputs {
            for site in program.sites_of(*output) {
                if !observer.wants(site) {
                    continue;
                }
                if program.value(*output).element == ElementType::F32 {
                    observer.observe(site, self.view(*output, self.buffers.get(*output)));
                    continue;
                }
                self.derived.clear();
                self.derived.extend(self.buffers.indices(*output).iter().map(|&it| it as f32));
                observer.observe(site, self.view(*output, self.derived));
            }
        }
    }

    /// Values of rows, as an observer is given them.
    pub(crate) fn view<'v>(&self, value: ValueId, values: &'v [f32]) -> SiteView<'v> {
        SiteView { shape: [1, self.buffers.rows(value), self.buffers.width(value)], values }
    }

    /// Computes and captures a derived value, if the observer wants it.
    pub(super) fn capture_derived(&mut self, step: &Step, observer: &mut impl Observer) {
        let output = step.outputs[0];
        let Some(site) = self.program.sites_of(output).find(|site| observer.wants(*site)) else {
            return;
        };
        match (&step.op, &step.inputs[..]) {
            (Op::Scores(attend, edits), &[q]) => {
                self.capture_attention((attend, &edits[..]), q, &Form::Scores, site, observer)
            }
            (Op::Pattern(attend, edits), &[q, log_sum_exp]) => {
                self.capture_attention(
                    (attend, &edits[..]),
                    q,
                    &Form::Pattern { log_sum_exp },
                    site,
                    observer,
                );
            }
            (Op::Results(projection), &[z]) => {
                let mut results = std::mem::take(self.derived);
                self.results(projection, z, &mut results);
                let shape = [1, self.buffers.rows(z), projection.width()];
                observer.observe(site, SiteView { shape, values: &results });
                *self.derived = results;
            }
            (Op::Probabilities, &[logits]) => {
                self.derived.clear();
                self.derived.resize(self.buffers.len(logits), 0.0);
                let width = self.buffers.width(logits);
                loss::softmax(self.pool, self.buffers.get(logits), width, self.derived);
                observer.observe(site, self.view(logits, self.derived));
            }
            (op, _) => unreachable!("{op:?} is not derived"),
        }
    }

    fn capture_attention(
        &mut self,
        (config, edits): (&Attend, &[AttentionEdit]),
        q: ValueId,
        form: &Form,
        site: Site,
        observer: &mut impl Observer,
    ) {
        let mut values = std::mem::take(self.derived);
        let heads = self.heads(config);
        let storage = match &self.keys {
            Keys::Cache(cache) => cache.storage(),
            Keys::Scratch(pages) => pages,
        };
        let pages = self.layer_pages(config).pages(storage, self.table);
        let query = self.buffers.get(q);
        for (span, segment) in self.spans.iter().zip(&self.batch.segments) {
            let own = own_edits(self.sequence_edits, segment.sequence, config.layer);
            let edits = if edits.is_empty() { own } else { edits };
            let keys = span.first_position + span.rows;
            values.clear();
            values.resize(config.heads * span.rows * keys, 0.0);
            let out = &mut values[..];
            match form {
                Form::Scores if edits.is_empty() => {
                    attend::scores(self.pool, &heads, query, span, pages, out);
                }
                Form::Scores => {
                    let edited = (&heads, edits);
                    attend::scores_edited(self.pool, edited, query, span, pages, out);
                }
                Form::Pattern { log_sum_exp } => {
                    let (pool, sums) = (self.pool, self.buffers.get(*log_sum_exp));
                    if edits.is_empty() {
                        attend::pattern(pool, &heads, query, span, pages, sums, out);
                    } else {
                        let edited = (&heads, edits);
                        attend::pattern_edited(pool, edited, query, span, pages, sums, out);
                    }
                }
            }
            observer.observe(
                site,
                SiteView { shape: [config.heads, span.rows, keys], values: &values },
            );
        }
        *self.derived = values;
    }
}
