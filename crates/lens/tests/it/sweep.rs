//! Attribution patching is the slope of the f64 interpreter's metric along the change.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::Arc;

use lookback_engine::{ThreadPool, WeightMode};
use lookback_lens::{PatchingSweep, SiteFilter, SweepMetric, patching_sweep, sweep_kinds, trace};
use lookback_model::{
    AttentionChange, AttentionEdit, Batch, BlockSite, Change, Edit, Edits, ElementChange, Program,
    Site, TokenId, forward,
};

use crate::{
    fixture::{ids, weights},
    shapes::networks,
};

/// How far gradients in f32 may be from slopes, relative to the largest of a grid.
const BOUND: f64 = 2e-3;

#[test]
fn attributions_are_slopes_of_the_f64_interpreter() {
    let pool = ThreadPool::single_threaded();
    for network in networks() {
        let weights = weights(&network, WeightMode::Inference, &pool);
        let (clean, base) = (ids(9, 3), ids(9, 4));
        let kinds: Vec<_> = ["resid_pre", "mlp_out", "z", "k", "pattern"]
            .iter()
            .flat_map(|name| sweep_kinds(name).unwrap())
            .collect();
        let answers = [Some(TokenId(7)), Some(TokenId(11))];
        let none = Edits::default();
        let sweep = PatchingSweep {
            clean: &clean,
            corrupted: &base,
            metric: SweepMetric::LogitDifference,
            answers,
            kinds: &kinds,
            patches: false,
            attributes: true,
            edits: [&none, &none],
        };
        let (_, _, grids) = patching_sweep(&weights, &pool, &sweep, &mut |_, _| Ok(())).unwrap();
        let both =
            [&clean, &base].map(|ids| trace(&weights, &pool, ids, &SiteFilter::all()).unwrap());
        let reference =
            lookback_f64_interpreter::Weights::new(&network, |id, out| weights.read(id, out));
        let plain = forward::logits(&network, forward::Rows::All);
        let metric = |program: &Program| {
            let batch = Batch::whole(&base);
            let values = lookback_f64_interpreter::run(program, &reference, &batch, None);
            let logits = values[program.at(Site::Logits).unwrap().index()].as_ref().unwrap();
            logits[[8, 7]] - logits[[8, 11]]
        };
        for (kind, grid) in kinds.iter().zip(&grids) {
            let found = grid.attribution.as_ref().unwrap();
            let largest = found.iter().fold(0.0, |a: f64, x| a.max(x.abs()));
            let in_layer = found.len() / 2;
            for cell in (0..found.len()).step_by(4) {
                let (layer, place) = (cell / in_layer, cell % in_layer);
                let moved = |by: f32| {
                    let mut program = plain.clone();
                    let site = Site::Block(layer as u16, kind.site);
                    let [new, own] = both.each_ref().map(|trace| trace.at(site).unwrap());
                    let apart = |at: usize| by * (new.values[at] - own.values[at]);
                    if kind.site == BlockSite::Pattern {
                        let all: Arc<[u32]> = (0..9).collect();
                        let numbers = (place * 81..(place + 1) * 81).map(apart).collect();
                        let change = AttentionChange::Pattern(ElementChange::Add, numbers);
                        let heads = Some([place as u32].into());
                        let (queries, keys) = (Some(all.clone()), Some(all));
                        let edit = AttentionEdit { heads, queries, keys, change };
                        program.edit_attention(layer, edit).unwrap();
                        return metric(&program);
                    }
                    let width = own.values.len() / 9;
                    let is_head = own.shape.len() == 3;
                    let columns = match is_head {
                        true => place * own.shape[2]..(place + 1) * own.shape[2],
                        false => 0..width,
                    };
                    let positions: Vec<u32> =
                        if is_head { (0..9).collect() } else { vec![place as u32] };
                    let numbers = positions.iter().flat_map(|&row| {
                        let first = row as usize * width;
                        columns.clone().map(move |column| first + column)
                    });
                    let numbers = numbers.map(apart).collect();
                    let (change, positions) = (Change::Add, Some(positions.into()));
                    assert!(program.edit(site, Edit { change, positions, columns, numbers }));
                    metric(&program)
                };
                // A power of two, so that the numbers are moved exactly.
                let step = 1.0 / 65_536.0;
                let slope = (moved(step) - moved(-step)) / (2.0 * f64::from(step));
                let apart = (slope - found[cell]).abs();
                assert!(apart <= BOUND * largest, "{kind:?} {cell}: {slope} {}", found[cell]);
            }
        }
    }
}
