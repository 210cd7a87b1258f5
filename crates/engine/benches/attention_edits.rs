//! A pass with one head's attention changed beside a plain pass, in pairs: medians of their ratios, and the middle
//! half of them. The network has SmolLM2's shape in twelve layers, with random weights.
//! `cargo bench -p lookback-engine --bench attention_edits [-- TOKENS]`

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::{sync::Arc, time::Instant};

use lookback_engine::{Compute, Isa, KvCache, ThreadPool, WeightMode, Weights, Workspace, forward};
use lookback_files::{Refusal, Result};
use lookback_model::{
    AttentionChange, AttentionEdit, Batch, BlockSite, Change, Config, Edit, ElementChange, Network,
    Program, SequenceId, Site, Size, TokenId,
    forward::{Rows, logits},
};

const SIZE: Size = Size {
    vocabulary: 8192,
    width: 576,
    layers: 12,
    heads: 9,
    key_heads: 3,
    hidden: 1536,
    context: 2048,
};
/// The layer that is changed.
const LAYER: usize = 5;
const PAIRS: usize = 15;

fn main() -> Result<()> {
    let isa = Isa::from_env().map_err(Refusal::user)?;
    let pool = ThreadPool::new(2, isa);
    let asked = std::env::args().skip(1).find_map(|word| word.parse().ok());
    let network = Arc::new(Network::new(&Config::llama(SIZE)?));
    let weights =
        Weights::new(network.clone(), WeightMode::Inference, Compute::F32, &pool, |_, weight| {
            for (at, x) in weight.iter_mut().enumerate() {
                *x = ((at * 37 % 101) as f32 - 50.0) / 2000.0;
            }
            Ok(())
        })?;
    println!("{isa:?}, {} threads, changed in one of {} layers", pool.threads(), SIZE.layers);
    for tokens in asked.map_or(vec![16, 128, 512], |tokens| vec![tokens]) {
        let plain = logits(&network, Rows::LogitRows);
        for (what, program) in changed(&plain)? {
            let [low, middle, high] = ratios(&weights, &pool, [&plain, &program], tokens)?;
            println!(
                "{tokens:4} tokens, {what}: {middle:.3} of a plain pass ({low:.3} to {high:.3})"
            );
        }
    }
    Ok(())
}

/// Programs with one head of one layer changed.
fn changed(plain: &Program) -> Result<Vec<(&'static str, Program)>> {
    let with = |change| {
        let heads = Some(Arc::from([4]));
        let mut program = plain.clone();
        program
            .edit_attention(LAYER, AttentionEdit { heads, queries: None, keys: None, change })?;
        Ok(program)
    };
    let mut results = plain.clone();
    let edit = Edit {
        change: Change::Scale,
        positions: None,
        columns: 4 * SIZE.width..5 * SIZE.width,
        numbers: Arc::from([0.5]),
    };
    results.edit(Site::Block(LAYER as u16, BlockSite::Result), edit);
    let half: Arc<[f32]> = Arc::from([0.5]);
    Ok(vec![
        ("scores", with(AttentionChange::Scores(ElementChange::Scale, half.clone()))?),
        ("pattern", with(AttentionChange::Pattern(ElementChange::Scale, half))?),
        ("largest score", with(AttentionChange::KeepTop(1))?),
        ("result", results),
    ])
}

/// The first quartile, the median and the third of the second program's time over the first's.
fn ratios(
    weights: &Weights,
    pool: &ThreadPool,
    programs: [&Program; 2],
    tokens: usize,
) -> Result<[f64; 3]> {
    let network = weights.network();
    let ids: Vec<TokenId> = (0..tokens as u32).map(|at| TokenId(at * 7 % 8000)).collect();
    let mut batch = Batch::new();
    batch.push(SequenceId(0), 0, &ids);
    batch.add_last_logit_row();
    let mut passes = programs.map(|program| {
        let cache = KvCache::for_program(program, Compute::F32, 1, KvCache::pages(tokens));
        let workspace = Workspace::for_program(
            network,
            program.clone(),
            tokens,
            |_| false,
            tokens,
            pool.threads(),
        );
        (workspace.touched(pool), cache)
    });
    let mut found = Vec::new();
    for pair in 0..=PAIRS {
        let mut seconds = [0.0; 2];
        for (seconds, (workspace, cache)) in seconds.iter_mut().zip(&mut passes) {
            cache.truncate(SequenceId(0), 0);
            let began = Instant::now();
            forward(weights, workspace, cache, pool, &batch)?;
            *seconds = began.elapsed().as_secs_f64();
        }
        // The first touches what later ones find in place.
        if pair > 0 {
            found.push(seconds[1] / seconds[0]);
        }
    }
    found.sort_by(f64::total_cmp);
    Ok([PAIRS / 4, PAIRS / 2, PAIRS * 3 / 4].map(|at| found[at]))
}
