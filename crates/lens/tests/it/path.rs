//! Path patching by its definition, in the f64 interpreter: everything frozen by edits, and no pass that is cut.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use lookback_engine::{ThreadPool, WeightMode};
use lookback_f64_interpreter as f64_interpreter;
use lookback_lens::{PathSweep, SiteFilter, SweepMetric, Trace, path_sweep, trace};
use lookback_model::{Batch, BlockSite, Change, Edit, Edits, Program, Site, TokenId, forward};

use crate::{
    fixture::{ids, weights},
    shapes::networks,
};

/// How far f32 may be from f64, relative to the largest change of a grid.
const BOUND: f64 = 1e-3;

fn set(program: &mut Program, site: Site, columns: std::ops::Range<usize>, rows: &[f32]) {
    let positions = (0..(rows.len() / columns.len()) as u32).collect();
    let (change, positions) = (Change::Set, Some(positions));
    let edit = Edit { change, positions, columns, numbers: rows.into() };
    assert!(program.edit(site, edit), "{site}");
}

/// Some columns of all rows of a site.
fn columns(trace: &Trace, site: Site, columns: std::ops::Range<usize>) -> Vec<f32> {
    let capture = trace.at(site).unwrap();
    let rows = (0..trace.ids.len()).flat_map(|row| &capture.part(row)[columns.clone()]);
    rows.copied().collect()
}

#[test]
fn paths_are_those_of_the_f64_interpreter() {
    let pool = ThreadPool::single_threaded();
    let mut compared = 0;
    for network in networks() {
        let weights = weights(&network, WeightMode::Inference, &pool);
        let (clean, other) = (ids(9, 3), ids(9, 4));
        let [own, new] =
            [&clean, &other].map(|ids| trace(&weights, &pool, ids, &SiteFilter::all()).unwrap());
        let reference = f64_interpreter::Weights::new(&network, |id, out| weights.read(id, out));
        let batch = Batch::whole(&clean);
        let run = |program: &Program| f64_interpreter::run(program, &reference, &batch, None);
        let plain = forward::logits(&network, forward::Rows::All);
        let metric = |program: &Program| {
            let values = run(program);
            let logits = values[program.at(Site::Logits).unwrap().index()].as_ref().unwrap();
            logits[[8, 7]] - logits[[8, 11]]
        };
        let config = &network.config;
        let head_dim = own.block(0, BlockSite::Z).unwrap().shape[2];
        let none = Edits::default();
        for (receivers, recomputes_mlps) in
            [("logits", false), ("logits", true), ("1.1.q", true), ("1.0.v", false)]
        {
            let sweep = PathSweep {
                clean: &clean,
                corrupted: &other,
                metric: SweepMetric::LogitDifference,
                answers: [Some(TokenId(7)), Some(TokenId(11))],
                senders: &"heads".parse().unwrap(),
                receivers: &receivers.parse().unwrap(),
                recomputes_mlps,
                edits: [&none, &none],
            };
            let (_, _, grids) = path_sweep(&weights, &pool, &sweep, &mut |_, _| Ok(())).unwrap();
            let base = metric(&plain);
            let mut expected = Vec::new();
            for cell in 0..config.layers * config.heads {
                let (layer, head) = (cell / config.heads, cell % config.heads);
                let mut frozen = plain.clone();
                for at in 0..config.layers {
                    let z = Site::Block(at as u16, BlockSite::Z);
                    let width = config.heads * head_dim;
                    set(&mut frozen, z, 0..width, &columns(&own, z, 0..width));
                    if at == layer {
                        let sent = head * head_dim..(head + 1) * head_dim;
                        set(&mut frozen, z, sent.clone(), &columns(&new, z, sent));
                    }
                    let mlp = Site::Block(at as u16, BlockSite::MlpOut);
                    if !recomputes_mlps {
                        let whole = columns(&own, mlp, 0..config.width);
                        set(&mut frozen, mlp, 0..config.width, &whole);
                    }
                }
                let (site, receiver) = match receivers {
                    "1.1.q" => (BlockSite::Q, head_dim..2 * head_dim),
                    "1.0.v" => (BlockSite::V, 0..head_dim),
                    _ => {
                        expected.push(metric(&frozen));
                        continue;
                    }
                };
                let site = Site::Block(1, site);
                let values = run(&frozen);
                let read = values[frozen.at(site).unwrap().index()].as_ref().unwrap();
                let read = read.rows().into_iter().flat_map(|row| {
                    row.to_vec()[receiver.clone()].iter().map(|x| *x as f32).collect::<Vec<_>>()
                });
                let mut last = plain.clone();
                set(&mut last, site, receiver.clone(), &read.collect::<Vec<_>>());
                expected.push(metric(&last));
            }
            let largest = expected.iter().fold(0.0, |a: f64, x| a.max((x - base).abs()));
            assert!(largest > 1e-3, "{receivers}: nothing changes");
            for (cell, (found, expected)) in grids[0].values.iter().zip(&expected).enumerate() {
                let apart = (found - expected).abs();
                assert!(
                    apart <= BOUND * largest + 1e-5 * base.abs(),
                    "{receivers} {recomputes_mlps} {cell}: {found} {expected}, of {largest}"
                );
                compared += 1;
            }
        }
    }
    assert!(compared > 200, "{compared}");
}
