//! Sweeps on every family: each number is that of one pass with one edit.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use lookback_files::Refusal;
use lookback_lens::{Capture, NoFiles, SweepGrid, SweepMetric, Trace};
use lookback_model::{
    AttentionChange, AttentionEdit, BlockSite, Change, Edit, ElementChange, Site, TokenId,
};
use lookback_open::{Look, Model, SweepPair, SweepQuery, SweepReport};

use crate::goldens::{names, opened, opened_with};

/// The prompt with other tokens at the second, fourth … place.
pub fn corrupted(clean: &[TokenId]) -> Vec<TokenId> {
    let other = |(at, id): (usize, &TokenId)| TokenId(if at % 2 == 1 { 60 - id.0 } else { id.0 });
    clean.iter().enumerate().map(other).collect()
}

fn sweep(model: &Model, clean: &[TokenId], other: &[TokenId], kinds: &[&str]) -> SweepReport {
    let query = model.sweep(clean, other).answer(TokenId(7)).wrong(TokenId(11));
    let query = kinds.iter().fold(query, |query, kind| query.over(kind).unwrap());
    query.report(&mut |_, _| Ok(())).unwrap()
}

/// The metric of logits, `[tokens, vocabulary]`.
pub fn difference(logits: &Capture) -> f64 {
    let last = logits.part(logits.shape[0] - 1);
    f64::from(last[7]) - f64::from(last[11])
}

/// One pass in which positions and columns of a site are those of the clean one.
fn patched(
    look: Look,
    clean: &Trace,
    site: Site,
    positions: Vec<u32>,
    head: Option<usize>,
) -> Look {
    let captured = clean.at(site).unwrap();
    let width = captured.part(0).len();
    let columns = match head {
        None => 0..width,
        Some(head) => head * captured.shape[2]..(head + 1) * captured.shape[2],
    };
    let rows = positions.iter().map(|&row| &captured.part(row as usize)[columns.clone()]);
    let numbers = rows.flatten().copied().collect();
    look.edit(
        site,
        Edit { change: Change::Set, positions: Some(positions.into()), columns, numbers },
    )
}

fn patched_pattern(
    look: Look,
    clean: &Trace,
    layer: usize,
    head: usize,
    queries: Vec<u32>,
) -> Look {
    let captured = clean.block(layer, BlockSite::Pattern).unwrap();
    let tokens = captured.shape[1];
    let rows =
        queries.iter().map(|&query| &captured.part(head)[query as usize * tokens..][..tokens]);
    let numbers = rows.flatten().copied().collect();
    let edit = AttentionEdit {
        heads: Some([head as u32].into()),
        queries: Some(queries.into()),
        keys: Some((0..tokens as u32).collect()),
        change: AttentionChange::Pattern(ElementChange::Set, numbers),
    };
    look.edit_attention(layer, edit)
}

#[test]
fn every_number_is_that_of_a_pass_with_one_edit() {
    let kinds = [
        ("resid_pre", BlockSite::ResidPre),
        ("resid_mid", BlockSite::ResidMid),
        ("attn_out", BlockSite::AttnOut),
        ("mlp_out", BlockSite::MlpOut),
        ("z", BlockSite::Z),
        ("q", BlockSite::Q),
        ("k", BlockSite::K),
        ("v", BlockSite::V),
        ("pattern", BlockSite::Pattern),
        ("z-by-position", BlockSite::Z),
        ("k-by-position", BlockSite::K),
        ("pattern-by-position", BlockSite::Pattern),
    ];
    let mut compared = 0;
    for name in names() {
        let (model, clean) = opened(&name);
        let other = corrupted(&clean);
        let tokens = clean.len();
        let trace = model.look(&clean).trace().unwrap();
        let report = sweep(&model, &clean, &other, &kinds.map(|(kind, _)| kind));
        assert_eq!(report.clean, difference(&model.logits(&clean).unwrap()), "{name}");
        assert_eq!(report.corrupted, difference(&model.logits(&other).unwrap()), "{name}");
        for ((kind, site), grid) in kinds.iter().zip(&report.grids) {
            let cells: usize = grid.shape.iter().product();
            assert_eq!((grid.values.len(), grid.kind.as_str()), (cells, *kind), "{name}");
            // Not all of them, and never the same part of a row.
            for cell in (0..cells).filter(|cell| cell % 7 == 3 || cell + 1 == cells) {
                let in_layer = cells / grid.shape[0];
                let (layer, place) = (cell / in_layer, cell % in_layer);
                let last = *grid.shape.last().unwrap();
                let all: Vec<u32> = (0..tokens as u32).collect();
                let (positions, head) = match grid.shape.len() {
                    3 => (vec![(place / last) as u32], Some(place % last)),
                    _ if grid.axes[1] == "position" => (vec![place as u32], None),
                    _ => (all, Some(place)),
                };
                let look = model.look(&other);
                let look = match (site, head) {
                    (BlockSite::Pattern, Some(head)) => {
                        patched_pattern(look, &trace, layer, head, positions)
                    }
                    _ => patched(look, &trace, Site::Block(layer as u16, *site), positions, head),
                };
                let expected = difference(&look.logits().unwrap());
                let found = grid.values[cell];
                assert_eq!(
                    found.to_bits(),
                    expected.to_bits(),
                    "{name} {kind} {cell}: {found} {expected}"
                );
                compared += 1;
            }
        }
    }
    assert!(compared > 1000, "{compared}");
}

#[test]
fn one_weight_at_a_time_is_one_edit_of_the_pattern() {
    for name in ["llama", "gpt2", "gemma2"] {
        let (model, clean) = opened(name);
        let other = corrupted(&clean);
        let tokens = clean.len();
        let query = model.sweep(&clean, &other).answer(TokenId(7)).wrong(TokenId(11));
        let report = query.over_weights(0, 1).unwrap().report(&mut |_, _| Ok(())).unwrap();
        let grid = &report.grids[0];
        assert_eq!(grid.shape, [tokens, tokens]);
        let trace = model.look(&clean).trace().unwrap();
        let pattern = trace.block(0, BlockSite::Pattern).unwrap().part(1);
        for cell in (0..tokens * tokens).step_by(5) {
            let (query, key) = (cell / tokens, cell % tokens);
            let change = AttentionChange::Pattern(ElementChange::Set, [pattern[cell]].into());
            let one = |at: usize| Some([at as u32].into());
            let edit = AttentionEdit { heads: one(1), queries: one(query), keys: one(key), change };
            let expected = match key <= query {
                true => difference(&model.look(&other).edit_attention(0, edit).logits().unwrap()),
                false => report.corrupted,
            };
            assert_eq!(grid.values[cell].to_bits(), expected.to_bits(), "{name} {cell}");
        }
    }
}

#[test]
fn what_is_the_same_in_both_changes_nothing_and_all_of_it_everything() {
    for name in names() {
        let (model, clean) = opened(&name);
        let tokens = clean.len();
        // Only the token before the last is another.
        let mut other = clean.clone();
        other[tokens - 2] = TokenId(60 - other[tokens - 2].0);
        let report = sweep(&model, &clean, &other, &["resid_pre", "z-by-position"]);
        for grid in &report.grids {
            let in_layer: usize = grid.shape[1..].iter().product();
            let each = in_layer / tokens;
            for (cell, value) in grid.values.iter().enumerate() {
                if cell % in_layer / each < tokens - 2 {
                    assert_eq!(value.to_bits(), report.corrupted.to_bits(), "{name} {cell}");
                }
            }
        }
        // The stream that enters the first layer there is all that differs.
        assert_eq!(report.grids[0].values[tokens - 2], report.clean, "{name}");
        assert_eq!(report.grids[0].normalized.as_ref().unwrap()[tokens - 2], 1.0, "{name}");
    }
}

#[test]
fn an_attribution_does_not_depend_on_what_else_is_asked() {
    let kinds = [
        "resid_pre",
        "resid_mid",
        "attn_out",
        "mlp_out",
        "z",
        "q",
        "k",
        "v",
        "pattern",
        "z-by-position",
        "k-by-position",
        "pattern-by-position",
    ];
    let bits = |grid: &SweepGrid| -> Vec<u64> {
        grid.attribution.iter().flatten().map(|x| x.to_bits()).collect()
    };
    for name in names() {
        let (model, clean) = opened(&name);
        let other = corrupted(&clean);
        let query = |kinds: &[&str]| {
            let query = model.sweep(&clean, &other).answer(TokenId(7)).wrong(TokenId(11));
            kinds.iter().fold(query, |query, kind| query.over(kind).unwrap())
        };
        let together = query(&kinds).attribution_alone().report(&mut |_, _| Ok(())).unwrap();
        assert_eq!(together.corrupted, difference(&model.logits(&other).unwrap()), "{name}");
        let mut not_zero = 0;
        for (kind, grid) in kinds.iter().zip(&together.grids) {
            let alone = query(&[kind]).attribution_alone().report(&mut |_, _| Ok(())).unwrap();
            assert_eq!(bits(&alone.grids[0]), bits(grid), "{name} {kind}");
            assert_eq!(alone.corrupted.to_bits(), together.corrupted.to_bits(), "{name} {kind}");
            assert_eq!(bits(grid).len(), grid.shape.iter().product::<usize>(), "{name} {kind}");
            not_zero += grid.attribution.iter().flatten().filter(|x| **x != 0.0).count();
        }
        assert!(not_zero > 100, "{name}: {not_zero}");
        // Nor on whether the changes are made, too.
        let beside =
            query(&["mlp_out", "pattern"]).attribution().report(&mut |_, _| Ok(())).unwrap();
        for (at, grid) in [3, 8].into_iter().zip(&beside.grids) {
            assert_eq!(bits(grid), bits(&together.grids[at]), "{name} {}", grid.kind);
        }
    }
}

#[test]
fn pairs_that_share_a_pass_have_the_attributions_that_each_has_alone() {
    for name in ["llama", "gpt2", "gemma2", "mixtral", "bloom"] {
        let (model, clean) = opened(name);
        // Long and short ones, so that batches are of several pairs and of one.
        let most = model.config().context.min(40);
        let long: Vec<TokenId> = clean.iter().cycle().take(most).copied().collect();
        let prompts = [&clean[..], &clean[1..], &long, &long[3..], &clean, &clean[2..]];
        let pairs: Vec<SweepPair> = (7..)
            .zip(prompts)
            .map(|(answer, prompt)| SweepPair {
                clean: prompt.to_vec(),
                corrupted: corrupted(prompt),
                answer: Some(TokenId(answer)),
                wrong: Some(TokenId(30)),
            })
            .collect();
        // An edit of all passes leaves them one program; that of another prompt is another constant in each.
        for edit in [None, Some("blocks.0.mlp_out[1] *= 0.5"), Some("blocks.0.attn_out = mean")] {
            let report = |pairs: &[SweepPair]| {
                let query = model.sweep_pairs(pairs.to_vec());
                let edits: Vec<_> = edit.into_iter().map(|edit| edit.parse().unwrap()).collect();
                let query = query.interventions(&edits, &NoFiles).attribution_alone();
                let query = query.over("z").unwrap().over("pattern").unwrap();
                let mut done = Vec::new();
                let report = query.report(&mut |pairs, all| {
                    done.push((pairs, all));
                    Ok(())
                });
                let report = report.unwrap();
                assert_eq!(done.last(), Some(&(pairs.len(), pairs.len())), "{done:?}");
                (report, done.len())
            };
            let (together, batches) = report(&pairs);
            let is_shared = batches < pairs.len();
            assert_eq!(is_shared, !edit.is_some_and(|edit| edit.ends_with("mean")), "{batches}");
            assert!(batches > 1);
            let alone = pairs.iter().map(|pair| report(std::slice::from_ref(pair)).0);
            let alone: Vec<SweepReport> = alone.collect();
            let mean = |of: &dyn Fn(&SweepReport) -> f64| {
                alone.iter().map(of).sum::<f64>() / pairs.len() as f64
            };
            assert_eq!(together.clean, mean(&|report| report.clean), "{name}");
            assert_eq!(together.corrupted, mean(&|report| report.corrupted), "{name}");
            for (at, grid) in together.grids.iter().enumerate() {
                for (cell, found) in grid.attribution.iter().flatten().enumerate() {
                    let of =
                        |report: &SweepReport| report.grids[at].attribution.as_ref().unwrap()[cell];
                    assert_eq!(*found, mean(&of), "{name} {} {cell} {edit:?}", grid.kind);
                }
            }
        }
    }
}

#[test]
fn a_sweep_that_would_not_fit_memory_is_refused_before_it_begins() {
    let limit = Arc::new(AtomicUsize::new(usize::MAX));
    let admitted = limit.clone();
    let options =
        Model::options().admit(move |what, bytes| match bytes <= admitted.load(Relaxed) {
            true => Ok(()),
            false => Err(Refusal::user(format!("{what} needs {bytes} bytes"))),
        });
    let (model, clean) = opened_with("llama", options);
    let other = corrupted(&clean);
    let query = || {
        let query = model.sweep(&clean, &other).answer(TokenId(7)).wrong(TokenId(11));
        query.over("z").unwrap().over("pattern").unwrap()
    };
    for query in [query(), query().attribution(), query().attribution_alone()] {
        let (bytes, _) = query.plan();
        limit.store(bytes, Relaxed);
        assert!(query.report(&mut |_, _| Ok(())).is_ok());
        limit.store(bytes - 1, Relaxed);
        let refused = query.report(&mut |_, _| panic!("a pass was made")).unwrap_err();
        assert_eq!(refused.to_string(), format!("the sweep needs {bytes} bytes"));
    }
    // What only a backward pass takes counts, and so does what patterns take.
    let bytes = |query: SweepQuery| query.plan().0;
    assert!(bytes(query().attribution()) > bytes(query()));
    let alone = |kind: &str| model.sweep(&clean, &other).over(kind).unwrap().attribution_alone();
    assert!(bytes(alone("pattern")) > bytes(alone("z")));
    let ablation = model.ablate(&clean).answer(TokenId(7));
    limit.store(ablation.bytes() - 1, Relaxed);
    assert!(ablation.report(&mut |_, _| panic!("a pass was made")).is_err());
}

#[test]
fn metrics_and_means_over_pairs_follow_from_single_ones() {
    let (model, clean) = opened("llama");
    let other = corrupted(&clean);
    let mut third = clean.clone();
    third[2] = TokenId(1);
    let pair = |corrupted: &[TokenId]| SweepPair {
        clean: clean.clone(),
        corrupted: corrupted.to_vec(),
        answer: Some(TokenId(7)),
        wrong: None,
    };
    for (metric, _) in SweepMetric::ALL {
        let of = |pairs: Vec<SweepPair>| {
            let query = model.sweep_pairs(pairs).metric(metric).over("attn_out").unwrap();
            query.wrong(TokenId(11)).report(&mut |_, _| Ok(())).unwrap()
        };
        let [first, second] = [of(vec![pair(&other)]), of(vec![pair(&third)])];
        let both = of(vec![pair(&other), pair(&third)]);
        assert_eq!(both.pairs, 2);
        for (at, value) in both.grids[0].values.iter().enumerate() {
            let mean = (first.grids[0].values[at] + second.grids[0].values[at]) / 2.0;
            assert_eq!(*value, mean, "{metric:?} {at}");
        }
        assert_eq!(both.corrupted, (first.corrupted + second.corrupted) / 2.0);
    }
    // Without answers it is KL, which the clean pass has none of.
    let report = model.sweep(&clean, &other).over("z").unwrap().report(&mut |_, _| Ok(())).unwrap();
    assert_eq!((report.metric, report.clean), (SweepMetric::Kl, 0.0));
    let short = SweepPair { clean: clean[1..].to_vec(), ..pair(&other[1..]) };
    let query = model.sweep_pairs(vec![pair(&other), short]);
    let refused = query.clone().over("resid_pre").unwrap().report(&mut |_, _| Ok(()));
    assert!(refused.unwrap_err().to_string().contains("pair 2"));
    assert!(query.over("q").unwrap().report(&mut |_, _| Ok(())).is_ok());
}

#[test]
fn an_ablation_is_the_edit_of_its_name() {
    for name in ["llama", "gpt2", "gemma2", "gpt_neox", "mixtral"] {
        let (model, ids) = opened(name);
        let query = model.ablate(&ids).answer(TokenId(7)).wrong(TokenId(11));
        for (is_zero, what) in [(false, "mean"), (true, "0")] {
            let report = query.clone().zero(is_zero).report(&mut |_, _| Ok(())).unwrap();
            assert_eq!(report.unchanged, difference(&model.logits(&ids).unwrap()), "{name}");
            let config = model.config();
            for layer in 0..config.layers {
                for head in 0..config.heads {
                    let edit = format!("blocks.{layer}.attn.z[:, {head}] = {what}");
                    let expected = model.look(&ids).intervene(&edit).logits().unwrap();
                    let found = report.grids[0].values[layer * config.heads + head];
                    assert_eq!(found, difference(&expected), "{name} {edit}");
                }
                let edit = format!("blocks.{layer}.mlp_out[:] = {what}");
                let expected = model.look(&ids).intervene(&edit).logits().unwrap();
                assert_eq!(report.grids[1].values[layer], difference(&expected), "{name} {edit}");
            }
        }
    }
}

#[test]
fn what_cannot_be_swept_is_refused_in_a_sentence() {
    let (model, clean) = opened("gpt2");
    let other = corrupted(&clean);
    let refusal = |clean: &[TokenId], other: &[TokenId], metric: Option<SweepMetric>| {
        let query = model.sweep(clean, other).over("resid_pre").unwrap();
        let query = metric.into_iter().fold(query, |query, metric| query.metric(metric));
        query.report(&mut |_, _| Ok(())).unwrap_err().to_string()
    };
    assert!(refusal(&clean, &other[1..], None).contains("has"));
    assert!(refusal(&clean, &clean, None).contains("same tokens"));
    assert!(refusal(&[], &[], None).contains("no token"));
    assert!(
        model.ablate(&[]).report(&mut |_, _| Ok(())).unwrap_err().to_string().contains("no token")
    );
    assert!(refusal(&clean, &other, Some(SweepMetric::Loss)).contains("answer"));
    assert!(model.sweep(&clean, &other).over("resid").is_err());
    assert!(
        model.sweep(&clean, &other).over_weights(0, 99).unwrap_err().to_string().contains("99")
    );
    let query = model.sweep(&clean, &other).answer(TokenId(4_000_000)).over("z").unwrap();
    assert!(query.report(&mut |_, _| Ok(())).unwrap_err().to_string().contains("4000000"));
    let rank = model.sweep(&clean, &other).answer(TokenId(7)).metric(SweepMetric::Rank);
    let refused = rank.over("z").unwrap().attribution().report(&mut |_, _| Ok(())).unwrap_err();
    assert!(refused.to_string().contains("no gradient"), "{refused}");
}
