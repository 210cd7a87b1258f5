//! Path patching on every family: each number is that of two edited passes, one after the other.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::ops::Range;

use lookback_files::Refusal;
use lookback_lens::{Capture, NoFiles, SweepGrid, Trace};
use lookback_model::{BlockOrder, BlockSite, Change, Edit, Site, TokenId};
use lookback_open::{ChangedPass, Look, Model, SweepPair, SweepReport};

use crate::{
    goldens::{names, opened},
    sweep::{corrupted, difference},
};

/// Columns of a site at some positions.
#[derive(Clone, Debug)]
struct End {
    site: Site,
    columns: Range<usize>,
    positions: Vec<u32>,
}

/// An end of a head of a block's site, or of all columns.
fn end(trace: &Trace, layer: usize, site: BlockSite, head: Option<usize>, at: &[u32]) -> End {
    let capture = trace.block(layer, site).unwrap();
    let columns = match head {
        Some(head) => head * capture.shape[2]..(head + 1) * capture.shape[2],
        None => 0..capture.part(0).len(),
    };
    End { site: Site::Block(layer as u16, site), columns, positions: at.to_vec() }
}

/// What stands at an end becomes what a capture has there.
fn set(look: Look, end: &End, capture: &Capture) -> Look {
    let row = |row: &u32| capture.part(*row as usize)[end.columns.clone()].to_vec();
    let numbers: Vec<f32> = end.positions.iter().flat_map(row).collect();
    let edit = Edit {
        change: Change::Set,
        positions: Some(end.positions.clone().into()),
        columns: end.columns.clone(),
        numbers: numbers.into(),
    };
    look.edit(end.site, edit)
}

/// The clean pass in which the sender is that of the other, and every other output of a head and of an MLP is as it
/// was. Heads are frozen at z, unlike in the sweep.
fn sent(model: &Model, traces: [&Trace; 2], sender: &End, recomputes_mlps: bool) -> Trace {
    let [clean, other] = traces;
    let all: Vec<u32> = (0..clean.ids.len() as u32).collect();
    let mut look = model.look(&clean.ids);
    for layer in 0..model.config().layers {
        let mut frozen = vec![BlockSite::Z];
        // An output of all heads is one that is frozen behind them.
        let is_attention =
            matches!(sender.site, Site::Block(at, BlockSite::AttnOut) if usize::from(at) == layer);
        frozen.extend(is_attention.then_some(BlockSite::AttnOut));
        let is_sender =
            matches!(sender.site, Site::Block(at, BlockSite::MlpOut) if usize::from(at) == layer);
        frozen.extend((!recomputes_mlps || is_sender).then_some(BlockSite::MlpOut));
        for site in frozen {
            let site = Site::Block(layer as u16, site);
            let whole = clean.at(site).unwrap();
            let columns = 0..whole.part(0).len();
            look = set(look, &End { site, columns, positions: all.clone() }, whole);
            if site == sender.site {
                look = set(look, sender, other.at(site).unwrap());
            }
        }
    }
    look.trace().unwrap()
}

/// The metric of a path: receivers are none where the logits are.
fn expected(
    model: &Model,
    traces: [&Trace; 2],
    sender: &End,
    receivers: Option<&[End]>,
    recomputes_mlps: bool,
) -> f64 {
    let sent = sent(model, traces, sender, recomputes_mlps);
    let Some(receivers) = receivers else { return difference(sent.at(Site::Logits).unwrap()) };
    let mut look = model.look(&traces[0].ids);
    for receiver in receivers {
        look = set(look, receiver, sent.at(receiver.site).unwrap());
    }
    difference(&look.logits().unwrap())
}

fn report(model: &Model, ids: [&[TokenId]; 2], sets: [&str; 2], recomputes: bool) -> SweepReport {
    let query = model.sweep(ids[0], ids[1]).answer(TokenId(7)).wrong(TokenId(11));
    let query = query.over_paths(sets[0], sets[1], recomputes).unwrap();
    query.report(&mut |_, _| Ok(())).unwrap()
}

/// The place of a cell: its layer, its position where it has one, and its head.
fn sender(trace: &Trace, grid: &SweepGrid, cell: usize) -> End {
    let mut places = vec![0; grid.shape.len()];
    let mut rest = cell;
    for (place, len) in places.iter_mut().zip(&grid.shape).rev() {
        (*place, rest) = (rest % len, rest / len);
    }
    let of = |axis: &str| grid.axes.iter().position(|name| *name == axis).map(|at| places[at]);
    let site = match grid.kind.split(['-', ' ']).next().unwrap() {
        "heads" => BlockSite::Z,
        "attn" => BlockSite::AttnOut,
        "mlp" => BlockSite::MlpOut,
        other => panic!("{other}"),
    };
    let positions: Vec<u32> = match of("position") {
        Some(position) => vec![position as u32],
        None => (0..trace.ids.len() as u32).collect(),
    };
    end(trace, of("layer").unwrap(), site, of("head"), &positions)
}

#[test]
fn every_path_is_that_of_two_passes_with_edits() {
    let mut compared = 0;
    let mut changed = 0;
    for name in names() {
        let (model, clean) = opened(&name);
        let other = corrupted(&clean);
        let trace = model.look(&clean).trace().unwrap();
        let other_trace = model.look(&other).trace().unwrap();
        let last = clean.len() as u32 - 1;
        let all: Vec<u32> = (0..=last).collect();
        let key_head = 1 / (model.config().heads / model.config().key_heads);
        let of = |site, head, at: &[u32]| end(&trace, 1, site, head, at);
        let q = of(BlockSite::Q, Some(1), &all);
        let whole_head = vec![
            q.clone(),
            of(BlockSite::K, Some(key_head), &all),
            of(BlockSite::V, Some(key_head), &all),
        ];
        let last_query = of(BlockSite::Q, Some(0), &[last]);
        let first_mlp = end(&trace, 0, BlockSite::Ln2, None, &all);
        let second_mlp = of(BlockSite::Ln2, None, &all);
        let mlp = |layer| end(&trace, layer, BlockSite::Ln2, None, &all);
        let mlps = (0..model.config().layers).map(mlp);
        let several: Vec<End> = mlps.chain(whole_head.iter().cloned()).collect();
        let cases: Vec<(&str, &str, Option<Vec<End>>)> = vec![
            ("heads,mlp,attn-by-position", "logits", None),
            ("heads-by-position", "1.1.q", Some(vec![q])),
            ("heads,mlp", "1.1", Some(whole_head)),
            ("mlp-by-position", "1.0.q[-1]", Some(vec![last_query])),
            ("attn", "mlp.0", Some(vec![first_mlp])),
            ("heads", "mlp.1", Some(vec![second_mlp])),
            ("heads,attn", "mlp,1.1", Some(several)),
        ];
        // An attention stands beside its MLP there, and not in front of it.
        let is_sequential = model.config().block_order == BlockOrder::Sequential;
        for (senders, receivers, ends) in cases {
            if (senders, receivers) == ("attn", "mlp.0") && !is_sequential {
                continue;
            }
            for recomputes in [false, true] {
                let found = report(&model, [&clean, &other], [senders, receivers], recomputes);
                assert_eq!(found.changed, ChangedPass::Clean);
                assert_eq!(found.clean, difference(trace.at(Site::Logits).unwrap()), "{name}");
                assert_eq!(found.corrupted, difference(other_trace.at(Site::Logits).unwrap()));
                for grid in &found.grids {
                    let cells: usize = grid.shape.iter().product();
                    assert_eq!(grid.values.len(), cells);
                    for cell in (0..cells).filter(|cell| cells < 16 || cell % 5 == 1) {
                        let sender = sender(&trace, grid, cell);
                        let traces = [&trace, &other_trace];
                        let wanted = expected(&model, traces, &sender, ends.as_deref(), recomputes);
                        assert_eq!(
                            grid.values[cell].to_bits(),
                            wanted.to_bits(),
                            "{name}, {} {cell}, {recomputes}: {} {wanted}, clean {}",
                            grid.kind,
                            grid.values[cell],
                            found.clean
                        );
                        compared += 1;
                        changed += usize::from(wanted != found.clean);
                    }
                }
            }
        }
    }
    assert!(compared > 2000 && changed > compared / 3, "{changed} of {compared}");
}

#[test]
fn senders_that_are_named_alone_have_the_numbers_of_their_sets() {
    let (model, clean) = opened("llama");
    let other = corrupted(&clean);
    let ids = [&clean[..], &other[..]];
    let named = report(&model, ids, ["0.1,mlp.0,0.2[-1],attn.0", "1.1"], false);
    let of = |set: &str| report(&model, ids, [set, "1.1"], false).grids.remove(0).values;
    let (heads, mlps, attentions) = (of("heads"), of("mlp"), of("attn"));
    let by_position = of("heads-by-position");
    let at = (clean.len() - 1) * model.config().heads + 2;
    let grid = &named.grids[0];
    assert_eq!(grid.senders, ["0.1", "mlp.0", "0.2[-1]", "attn.0"]);
    assert_eq!((&grid.axes[..], &grid.shape[..]), (&["sender"][..], &[4][..]));
    assert_eq!(grid.values, [heads[1], mlps[0], by_position[at], attentions[0]]);
    // Shares are of the way from the clean pass to the corrupted one.
    let share = (heads[1] - named.clean) / (named.corrupted - named.clean);
    assert_eq!(grid.normalized.as_ref().unwrap()[0], share);
}

#[test]
fn behind_its_receivers_a_sender_changes_nothing() {
    for name in names() {
        let (model, clean) = opened(&name);
        let other = corrupted(&clean);
        let found = report(&model, [&clean, &other], ["heads,mlp", "1.0.v"], true);
        for grid in &found.grids {
            let in_layer = grid.values.len() / grid.shape[0];
            for value in &grid.values[in_layer..] {
                assert_eq!(value.to_bits(), found.clean.to_bits(), "{name} {}", grid.kind);
            }
        }
    }
}

#[test]
fn edits_hold_for_both_passes_and_patches_stand_behind_them() {
    for name in ["llama", "gpt2", "gpt_neox", "gemma2"] {
        let (model, clean) = opened(name);
        let other = corrupted(&clean);
        let edits = ["blocks.0.attn.z[:, 1] = 0", "blocks.1.resid_pre[-2] *= 0.5"];
        let parsed: Vec<_> = edits.iter().map(|edit| edit.parse().unwrap()).collect();
        let edited =
            |ids: &[TokenId]| edits.iter().fold(model.look(ids), |look, edit| look.intervene(edit));
        let trace = edited(&clean).trace().unwrap();
        let query = model.sweep(&clean, &other).answer(TokenId(7)).wrong(TokenId(11));
        let query = query.interventions(&parsed, &NoFiles);
        let swept = query.clone().over("z").unwrap().over("mlp_out").unwrap();
        let found = swept.report(&mut |_, _| Ok(())).unwrap();
        assert_eq!(found.clean, difference(trace.at(Site::Logits).unwrap()), "{name}");
        assert_eq!(found.corrupted, difference(&edited(&other).logits().unwrap()), "{name}");
        let all: Vec<u32> = (0..clean.len() as u32).collect();
        let heads = model.config().heads;
        for (cell, value) in found.grids[0].values.iter().enumerate() {
            let end = end(&trace, cell / heads, BlockSite::Z, Some(cell % heads), &all);
            let wanted = set(edited(&other), &end, trace.at(end.site).unwrap());
            assert_eq!(*value, difference(&wanted.logits().unwrap()), "{name} {cell}");
        }
        let paths = query.over_paths("heads", "1.1.q", false).unwrap();
        let paths = paths.report(&mut |_, _| Ok(())).unwrap();
        assert_eq!(paths.clean, found.clean, "{name}");
        // A head that is switched off in both passes sends nothing.
        assert_eq!(paths.grids[0].values[1], paths.clean, "{name}");
        assert_ne!(paths.grids[0].values[0], paths.clean, "{name}");
    }
}

#[test]
fn what_has_no_path_is_refused_by_name() {
    let (model, clean) = opened("llama");
    let other = corrupted(&clean);
    let refusal = |senders: &str, receivers: &str| {
        let query = model.sweep(&clean, &other).over_paths(senders, receivers, false);
        let found = query.and_then(|query| query.report(&mut |_, _| Ok(())));
        found.unwrap_err().to_string()
    };
    for (senders, receivers) in
        [("1.1", "1.1.q"), ("heads", "0.0.q"), ("mlp.1", "mlp.1"), ("0.1[0]", "1.1.q[-1]")]
    {
        let said = refusal(senders, receivers);
        assert!(said.contains(&format!("no direct path from {senders} to {receivers}")), "{said}");
    }
    assert!(refusal("0.1[0]", "logits").contains("no direct path"));
    assert!(refusal("", "logits").contains("there is none in it"));
    assert!(refusal("heads", " ").contains("there is none in it"));
    assert!(refusal("heads", "9.0.q").contains("9.0.q: this model has 2 layers"));
    assert!(refusal("0.99", "logits").contains("0.99"));
    let pair = |clean: &[TokenId], corrupted: &[TokenId]| SweepPair {
        clean: clean.to_vec(),
        corrupted: corrupted.to_vec(),
        answer: None,
        wrong: None,
    };
    let of = |pair: SweepPair| {
        let query = model.sweep_pairs(vec![pair]).over_paths("heads", "logits", false).unwrap();
        query.report(&mut |_, _| Ok(())).unwrap_err().to_string()
    };
    assert!(of(pair(&clean, &other[1..])).contains("only where both have as many"));
    assert!(of(pair(&clean, &clean)).contains("same tokens"));
    let both = model.sweep(&clean, &other).over("z").unwrap();
    let both = both.over_paths("heads", "logits", false).unwrap().report(&mut |_, _| Ok(()));
    assert!(both.unwrap_err().to_string().contains("by themselves"));
}

#[test]
fn a_sweep_ends_where_it_is_told_to() {
    let (model, clean) = opened("llama");
    let other = corrupted(&clean);
    let query = model.sweep(&clean, &other).answer(TokenId(7)).wrong(TokenId(11));
    let queries = [
        query.clone().over("z-by-position").unwrap(),
        query.over_paths("heads-by-position", "1.1", true).unwrap(),
    ];
    for query in queries {
        let (_, all) = query.plan();
        let mut told = Vec::new();
        let whole = query.report(&mut |done, of| {
            told.push(done);
            assert_eq!(of, all);
            Ok(())
        });
        assert!(whole.is_ok());
        assert_eq!(told, (1..=all).collect::<Vec<_>>());
        let mut last = 0;
        let refused = query.report(&mut |done, _| {
            last = done;
            if done == 5 { Err(Refusal::interrupt("no more")) } else { Ok(()) }
        });
        assert_eq!((last, refused.unwrap_err().to_string()), (5, "no more".to_owned()));
    }
}
