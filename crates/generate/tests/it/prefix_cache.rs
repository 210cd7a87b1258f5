//! A text says the same whether it is read on, branched, read again, or read without a cache.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::fixture::{self, CONTEXT};
use lookback_engine::{Compute, KvCache, Session, ThreadPool, Weights};
use lookback_generate::{
    context_window::ContextWindow,
    decode_step::{DecodeOptions, decode_step, top_k_ids},
    prefix_cache::PrefixCache,
    sample::{SamplerChain, Settings},
};
use lookback_text::TokenId;

fn ids(count: usize, seed: usize) -> Vec<TokenId> {
    (0..count).map(|at| TokenId(((at * at + 7 * at * seed + 3 * seed) % 50) as u32)).collect()
}

fn bits(logits: &[f32]) -> Vec<u32> {
    logits.iter().map(|logit| logit.to_bits()).collect()
}

/// What a session that has read nothing else says.
fn alone(weights: &Weights, pool: &ThreadPool, ids: &[TokenId]) -> Vec<u32> {
    bits(Session::new(weights, pool, CONTEXT).read(ids).unwrap())
}

#[test]
fn a_branch_reads_only_what_is_new_and_shares_the_rest() {
    let pool = ThreadPool::single_threaded();
    let weights = fixture::weights(&pool);
    let mut cache = PrefixCache::new(weights.network(), Compute::F32, 1, CONTEXT, 4, 0);
    let trunk = ids(100, 1);
    let first = cache.read(&weights, &pool, &trunk).unwrap();
    assert_eq!((first.cached, first.computed, first.pages, first.shared_pages), (0, 100, 2, 0));
    // It grows by a token, in its own pages.
    let longer = [trunk.clone(), ids(1, 2)].concat();
    let on = cache.read(&weights, &pool, &longer).unwrap();
    assert_eq!((on.cached, on.computed, on.pages, on.shared_pages), (100, 1, 2, 0));
    // It parts at token 70: the first page is shared, the second copied.
    let other = [trunk[..70].to_vec(), vec![TokenId(49)], ids(4, 3)].concat();
    let parted = cache.read(&weights, &pool, &other).unwrap();
    assert_eq!((parted.cached, parted.computed, parted.pages, parted.shared_pages), (70, 5, 2, 1));
    assert_eq!(bits(cache.logits()), alone(&weights, &pool, &other));
    // Back on the first branch, which still stands: its last token says what follows.
    let back = cache.read(&weights, &pool, &longer).unwrap();
    assert_eq!((back.cached, back.computed), (100, 1));
    assert_eq!(bits(cache.logits()), alone(&weights, &pool, &longer));
}

#[test]
fn no_text_tells_what_was_read_before_it() {
    let pool = ThreadPool::single_threaded();
    let weights = fixture::weights(&pool);
    // So few pages that texts have to give way, and fewer places than texts.
    for pages in [0, 7, 40] {
        let mut cache = PrefixCache::new(weights.network(), Compute::F32, 1, CONTEXT, 3, pages);
        let mut known = 0;
        for round in 0..60 {
            let trunk = ids(1 + (round * 37) % 120, round % 2);
            let text = [trunk, ids(round % 30, round % 5)].concat();
            known += cache.read(&weights, &pool, &text).unwrap().cached;
            let said = bits(cache.logits());
            assert_eq!(said, alone(&weights, &pool, &text), "round {round}, {pages} pages");
            cache.read_uncached(&weights, &pool, &text).unwrap();
            assert_eq!(bits(cache.logits()), said);
        }
        assert!(known > 500, "{known} tokens were known");
    }
}

#[test]
fn there_is_always_room_for_a_whole_text_beside_another() {
    let pool = ThreadPool::single_threaded();
    let weights = fixture::weights(&pool);
    let mut cache = PrefixCache::new(weights.network(), Compute::F32, 1, CONTEXT, 9, 0);
    let mut reading = None;
    for seed in 0..9 {
        let text = ids(CONTEXT, seed);
        reading = Some(cache.read(&weights, &pool, &text).unwrap());
        cache.read_uncached(&weights, &pool, &text).unwrap();
    }
    assert_eq!(reading.unwrap().pages, KvCache::pages(CONTEXT));
    for tokens in [0, CONTEXT + 1] {
        let said = cache.read(&weights, &pool, &ids(tokens, 1)).unwrap_err().to_string();
        assert_eq!(said, format!("a text of {tokens} tokens cannot be read in a context of 150"));
    }
}

#[test]
fn turns_write_what_the_loop_writes_also_past_a_full_context() {
    let pool = ThreadPool::single_threaded();
    let weights = fixture::weights(&pool);
    // Penalties look back on the whole text, also where the window shows less of it.
    let settings = Settings {
        temperature: 1.2,
        repeat_penalty: 1.05,
        repeat_last_n: -1,
        dry_multiplier: 0.1,
        xtc_probability: 0.3,
        xtc_threshold: 0.02,
        top_k: 0,
        ..Settings::usual(5)
    };
    let prompt = ids(20, 4);
    let mut cache = PrefixCache::new(weights.network(), Compute::F32, 1, CONTEXT, 3, 0);
    let mut text = prompt.clone();
    for tokens in 0..2 * CONTEXT {
        let mut sampler = SamplerChain::new(&settings).unwrap();
        sampler.skip(tokens);
        let window = ContextWindow::new(CONTEXT, text.clone(), None);
        let shown = DecodeOptions { alternatives: 3, compares_uncached: tokens % 29 == 0 };
        let turn = decode_step(&mut cache, &weights, &pool, &window, &mut sampler, shown).unwrap();
        assert!(turn.uncached.is_none_or(|uncached| uncached.different_logits == 0));
        let drawn = turn.alternatives.iter().find(|one| one.id == turn.drawn).unwrap();
        assert!(drawn.chain_probability.unwrap() > 0.0 && drawn.probability > 0.0);
        assert!(turn.alternatives[..3].is_sorted_by(|a, b| a.probability >= b.probability));
        text.push(turn.drawn);
    }
    assert_eq!(text, written_by_the_loop(&weights, &pool, &settings, &prompt));
}

fn written_by_the_loop(
    weights: &Weights,
    pool: &ThreadPool,
    settings: &Settings,
    prompt: &[TokenId],
) -> Vec<TokenId> {
    use lookback_generate::repeat::{Continuation, GenerationLimits};
    let window = ContextWindow::new(CONTEXT, prompt.to_vec(), None);
    let session = Session::new(weights, pool, CONTEXT);
    let sampler = SamplerChain::new(settings).unwrap();
    let mut text =
        Continuation::new(session, window, sampler, GenerationLimits::new(2 * CONTEXT)).unwrap();
    text.try_for_each(|id| id.map(drop)).unwrap();
    text.window().ids().to_vec()
}

#[test]
fn the_likeliest_come_first_and_of_equals_the_lower_id() {
    let of = |values: &[f32], most| -> Vec<u32> {
        top_k_ids(values, most).iter().map(|id| id.0).collect()
    };
    assert_eq!(of(&[0.0, 2.0, -0.0, 2.0, f32::NEG_INFINITY], 4), [1, 3, 0, 2]);
    assert_eq!(of(&[1.0, 2.0], 9), [1, 0]);
    assert!(of(&[1.0, 2.0], 0).is_empty());
}

#[test]
fn texts_are_forgotten_before_they_hold_more_than_they_may() {
    let pool = ThreadPool::single_threaded();
    let weights = fixture::weights(&pool);
    let most = 3;
    let mut cache =
        PrefixCache::new(weights.network(), Compute::F32, 1, CONTEXT, 9, 0).with_max_pages(most);
    for first in 0..8 {
        // One page each, and none like another.
        let text: Vec<TokenId> = (0..20).map(|at| TokenId((7 * first + at) % 50)).collect();
        let reading = cache.read(&weights, &pool, &text).unwrap();
        assert_eq!((reading.cached, reading.computed), (0, 20));
        assert!(cache.used_pages() <= most, "{} pages", cache.used_pages());
    }
    // The newest are still there.
    let newest: Vec<TokenId> = (0..20).map(|at| TokenId((7 * 7 + at) % 50)).collect();
    assert_eq!(cache.read(&weights, &pool, &newest).unwrap().cached, 19);
}
