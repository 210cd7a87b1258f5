//! Batches whose sequences have edits of their own: neighbours have the bits that they have alone.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    attention_edits::{attention_edits, logits, result_edits},
    fixture::{CONTEXT, bits, ids, networks, pools_and_chunks, weights, weights_in},
    program::{block, edits, f64_weights},
};
use lookback_engine::{
    BackwardShape, Compute, Isa, KvCache, Observer, SiteView, ThreadPool, WeightMode, Weights,
    Workspace, forward, forward_observed,
};
use lookback_model::{
    Batch, BlockSite, Change, Edit, Edits, Network, PassEdit, PassVariant, SequenceId,
    SequencePrograms, Site, TokenId,
    forward::{self as passes, Rows},
};

const TOKENS: usize = 70;

/// None, some of each kind, others of each kind, and one of logits.
fn all_edits(network: &Network) -> Vec<Edits> {
    let values = edits().into_iter().map(PassEdit::from);
    let attention = attention_edits().into_iter().map(PassEdit::from);
    let results = result_edits(network.config.width).into_iter().map(PassEdit::from);
    let every: Vec<PassEdit> = values.chain(attention).chain(results).collect();
    let half = |odd: usize| every.iter().skip(odd).step_by(2).cloned();
    let of_logits = Edit {
        change: Change::Scale,
        positions: Some(Arc::from([3, 69])),
        columns: 5..9,
        numbers: [1.5].into(),
    };
    vec![
        Edits::default(),
        Edits::new(half(0)),
        Edits::new(half(1)),
        Edits::new([(Site::Logits, of_logits)]),
    ]
}

fn texts() -> Vec<Vec<TokenId>> {
    (0..4).map(|seed| ids(TOKENS, 30 + seed)).collect()
}

/// A cache and buffers for all texts side by side, in chunks.
fn buffers(
    programs: &SequencePrograms<'_>,
    weights: &Weights,
    pool: &ThreadPool,
    chunk: usize,
) -> (Workspace, KvCache) {
    let (network, program) = (weights.network(), programs.program());
    let pages = 4 * KvCache::pages(TOKENS);
    let cache = KvCache::for_program(program, weights.compute(), 4, pages);
    let (rows, threads) = (4 * chunk, pool.threads());
    let workspace =
        Workspace::for_program(network, program.clone(), rows, |_| false, CONTEXT, threads)
            .with_precision(network, weights.compute());
    (workspace, cache)
}

/// The logits of each text, read side by side.
fn side_by_side(
    weights: &Weights,
    pool: &ThreadPool,
    (workspace, cache): &mut (Workspace, KvCache),
    chunk: usize,
) -> Vec<Vec<u32>> {
    let texts = texts();
    let width = weights.network().config.vocabulary;
    let mut read = vec![Vec::new(); texts.len()];
    for first in (0..TOKENS).step_by(chunk) {
        let mut batch = Batch::new();
        for (sequence, text) in (0..).zip(&texts) {
            batch.push(SequenceId(sequence), first, &text[first..TOKENS.min(first + chunk)]);
        }
        batch.add_all_logit_rows();
        let logits = bits(forward(weights, workspace, cache, pool, &batch).unwrap());
        for (read, segment) in read.iter_mut().zip(&batch.segments) {
            read.extend(&logits[segment.rows.start * width..segment.rows.end * width]);
        }
    }
    read
}

#[test]
fn each_sequence_of_a_batch_has_the_bits_that_its_edits_give_it_alone() {
    for network in networks() {
        let all = all_edits(&network);
        let union: Vec<&Edits> = all.iter().collect();
        let programs = SequencePrograms::new(&network, Rows::All, &union).unwrap();
        for compute in [Compute::F32, Compute::Bf16] {
            for (pool, chunk) in pools_and_chunks().into_iter().step_by(2) {
                let weights = weights_in(&network, WeightMode::Inference, compute, &pool);
                let mut buffers = buffers(&programs, &weights, &pool, chunk);
                // Then with other edits in the same buffers, and at last without any.
                for turn in [0, 1, 4] {
                    let of = |text: usize| match turn {
                        4 => &all[0],
                        turn => &all[(text + turn) % all.len()],
                    };
                    for sequence in 0..4 {
                        let edits = of(sequence as usize);
                        let bound = (!edits.is_empty()).then(|| programs.bind(edits).unwrap());
                        buffers.0.set_edits(SequenceId(sequence), bound);
                    }
                    let read = side_by_side(&weights, &pool, &mut buffers, chunk);
                    for (at, (text, read)) in texts().iter().zip(read).enumerate() {
                        let program = of(at).logits(&network, Rows::All).unwrap();
                        let alone = logits(&program, &weights, &pool, text, TOKENS);
                        assert!(read == alone, "{at} of {turn}, {compute:?}, {chunk}");
                    }
                }
            }
        }
    }
}

/// Copies what is shown, by site: rows of all sequences, or once for each.
struct Shown(BTreeMap<Site, Vec<Vec<f32>>>);

impl Observer for Shown {
    fn wants(&self, _: Site) -> bool {
        true
    }

    fn observe(&mut self, site: Site, view: SiteView<'_>) {
        self.0.entry(site).or_default().push(view.values.to_vec());
    }
}

/// Everything that a batch shows.
fn shown(
    program: lookback_model::Program,
    weights: &Weights,
    pool: &ThreadPool,
    batch: &Batch,
    set: impl FnOnce(&mut Workspace),
) -> Shown {
    let (network, rows) = (weights.network(), batch.rows());
    let pages = 4 * KvCache::pages(TOKENS);
    let mut cache = KvCache::for_program(&program, weights.compute(), 4, pages);
    let mut workspace =
        Workspace::for_program(network, program, rows, |_| true, CONTEXT, pool.threads())
            .with_precision(network, weights.compute());
    set(&mut workspace);
    let mut shown = Shown(BTreeMap::new());
    forward_observed(weights, &mut workspace, &mut cache, pool, batch, &mut shown).unwrap();
    shown
}

#[test]
fn what_is_shown_of_a_sequence_is_what_its_edits_make_alone() {
    let pool = ThreadPool::new(2, Isa::detect());
    for network in networks().into_iter().step_by(2) {
        let weights = weights(&network, WeightMode::Inference, &pool);
        let (all, texts) = (all_edits(&network), texts());
        let union: Vec<&Edits> = all.iter().collect();
        let programs = SequencePrograms::new(&network, Rows::All, &union).unwrap();
        let mut batch = Batch::new();
        for (sequence, text) in (0..).zip(&texts) {
            batch.push(SequenceId(sequence), 0, text);
        }
        batch.add_all_logit_rows();
        let together = shown(programs.program().clone(), &weights, &pool, &batch, |workspace| {
            for (sequence, edits) in (0..).zip(&all) {
                workspace.set_edits(SequenceId(sequence), Some(programs.bind(edits).unwrap()));
            }
        });
        for (at, (text, edits)) in texts.iter().zip(&all).enumerate() {
            let program = edits.logits(&network, Rows::All).unwrap();
            let alone = shown(program, &weights, &pool, &Batch::whole(text), |_| {});
            assert!(alone.0.contains_key(&block(1, BlockSite::Result)));
            for (site, own) in &alone.0 {
                let of_batch = &together.0[site];
                let found = match &of_batch[..] {
                    [rows] => &rows[at * own[0].len()..(at + 1) * own[0].len()],
                    of_sequences => &of_sequences[at],
                };
                assert_eq!(bits(found), bits(&own[0]), "{site} of {at}");
            }
        }
    }
}

#[test]
fn the_f64_interpreter_gives_each_sequence_its_edits() {
    let pool = ThreadPool::single_threaded();
    for network in networks() {
        let weights = weights(&network, WeightMode::Inference, &pool);
        let reference = f64_weights(&network, &weights);
        let (all, texts) = (all_edits(&network), texts());
        let union: Vec<&Edits> = all.iter().collect();
        let programs = SequencePrograms::new(&network, Rows::All, &union).unwrap();
        let mut batch = Batch::new();
        let mut bound = Vec::new();
        for ((sequence, text), edits) in (0..).zip(&texts).zip(&all) {
            batch.push(SequenceId(sequence), 0, text);
            bound.push((SequenceId(sequence), programs.bind(edits).unwrap()));
        }
        batch.add_all_logit_rows();
        let program = programs.program();
        let values = lookback_f64_interpreter::run_with_sequence_edits(
            program, &reference, &batch, &bound, None,
        );
        let together = values[program.at(Site::Logits).unwrap().index()].as_ref().unwrap();
        for (at, (text, edits)) in texts.iter().zip(&all).enumerate() {
            let program = edits.logits(&network, Rows::All).unwrap();
            let values =
                lookback_f64_interpreter::run(&program, &reference, &Batch::whole(text), None);
            let alone = values[program.at(Site::Logits).unwrap().index()].as_ref().unwrap();
            for ((row, column), logit) in alone.indexed_iter() {
                let found = together[[at * TOKENS + row, column]];
                assert!((found - logit).abs() < 1e-10, "{at}: {found} {logit}");
            }
        }
    }
}

#[test]
fn what_has_no_place_in_a_batch_is_refused() {
    let network = &networks()[1];
    let all = all_edits(network);
    let programs = SequencePrograms::new(network, Rows::All, &[&all[0], &all[3]]).unwrap();
    for (edits, says) in [(&all[1], "embed: this batch"), (&all[2], "blocks.0.attn.q: this batch")]
    {
        let refused = programs.bind(edits).unwrap_err().to_string();
        assert!(refused.starts_with(says), "{refused}");
    }
    let scores = Edits::new(attention_edits().into_iter().take(1));
    let refused = programs.bind(&scores).unwrap_err().to_string();
    assert!(refused.starts_with("blocks.0.attn.scores: this batch"), "{refused}");
    let variant = PassVariant { no_scale: true, ..PassVariant::default() };
    let other = all[3].clone().of_variant(variant);
    for refused in [
        programs.bind(&other).unwrap_err(),
        SequencePrograms::new(network, Rows::All, &[&all[3], &other]).unwrap_err(),
    ] {
        assert!(refused.to_string().contains("variants share no batch"), "{refused}");
    }
    // Edits of all sequences would stand in the place of those of each.
    let mut program =
        SequencePrograms::new(network, Rows::All, &[&scores]).unwrap().program().clone();
    let (layer, edit) = attention_edits().swap_remove(0);
    assert!(program.edit_attention(layer, edit).is_err());
    // Gradients are those of programs whose edits hold for all.
    let shape = BackwardShape { rows: 8, logit_rows: 8, sequences: 1 };
    for edits in [&all[3], &scores] {
        let programs = SequencePrograms::new(network, Rows::All, &[edits]).unwrap();
        let from = (programs.program().clone(), Some(Site::Logits));
        let wants = |site| site == Site::Embed;
        let made = Workspace::for_backward(network, from, shape, |_| false, wants, 8, 1);
        assert!(made.is_none());
    }
    let from = (passes::logits(network, Rows::All), Some(Site::Logits));
    let wants = |site| site == Site::Embed;
    assert!(Workspace::for_backward(network, from, shape, |_| false, wants, 8, 1).is_some());
}
