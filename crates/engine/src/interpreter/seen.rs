//! Shows the values at sites to a watcher. Looking changes nothing: scores and pattern are computed
//! afterwards, from the keys and the log-sum-exps that attention left.

use lookback_kernels::{attend, loss};
use lookback_model::{Attend, Op, Site, Step, ValueId};

use super::{Interpreter, keys::Keys};

/// Numbers at a site, for as long as a watcher looks at them.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// `[1, rows, width]`, or of attention's scores and pattern `[heads, queries, keys]` of a segment.
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

/// Which form of an attention is shown.
enum Form {
    Scores,
    Pattern { log_sum_exp: ValueId },
}

impl Interpreter<'_> {
    /// Shows what a step made.
    pub(super) fn show(&self, step: &Step, watch: &mut impl Watch) {
        for made in &step.makes {
            for site in self.program.names(*made) {
                if watch.wants(site) {
                    watch.see(site, self.view(*made, self.buffers.get(*made)));
                }
            }
        }
    }

    /// Values of rows, as a watcher is shown them.
    pub(crate) fn view<'v>(&self, value: ValueId, values: &'v [f32]) -> View<'v> {
        View { shape: [1, self.buffers.rows(value), self.buffers.width(value)], values }
    }

    /// Makes and shows what is only there to be read, if the watcher wants it.
    pub(super) fn show_derived(&mut self, step: &Step, watch: &mut impl Watch) {
        let made = step.makes[0];
        let Some(site) = self.program.names(made).find(|site| watch.wants(*site)) else { return };
        match (&step.op, &step.reads[..]) {
            (Op::Scores(how), &[q]) => self.show_attention(how, q, &Form::Scores, site, watch),
            (Op::Pattern(how), &[q, log_sum_exp]) => {
                self.show_attention(how, q, &Form::Pattern { log_sum_exp }, site, watch);
            }
            (Op::Probabilities, &[logits]) => {
                self.seen.clear();
                self.seen.resize(self.buffers.len(logits), 0.0);
                let width = self.buffers.width(logits);
                loss::softmax(self.pool, self.buffers.get(logits), width, self.seen);
                watch.see(site, self.view(logits, self.seen));
            }
            (op, _) => unreachable!("{op:?} is not derived"),
        }
    }

    fn show_attention(
        &mut self,
        how: &Attend,
        q: ValueId,
        form: &Form,
        site: Site,
        watch: &mut impl Watch,
    ) {
        let mut values = std::mem::take(self.seen);
        let heads = self.heads(how);
        let storage = match &self.keys {
            Keys::Cache(cache) => cache.storage(),
            Keys::Scratch(pages) => pages,
        };
        let pages = self.layer_pages(how).over(storage, self.table);
        let query = self.buffers.get(q);
        for span in self.spans {
            let keys = span.first_position + span.rows;
            values.clear();
            values.resize(how.heads * span.rows * keys, 0.0);
            let to = &mut values[..];
            match form {
                Form::Scores => attend::scores(self.pool, &heads, query, span, pages, to),
                Form::Pattern { log_sum_exp } => {
                    let totals = self.buffers.get(*log_sum_exp);
                    attend::pattern(self.pool, &heads, query, span, pages, totals, to);
                }
            }
            watch.see(site, View { shape: [how.heads, span.rows, keys], values: &values });
        }
        *self.seen = values;
    }
}
