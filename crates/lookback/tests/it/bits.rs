//! No bit changes, in models that have learned: with cache, chunk, batch, threads, instructions or
//! looking.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::Arc;

use crate::fixture::{Fixture, shared};
use lookback::{
    Model,
    engine::{
        Isa, KvCache, Observer, Session, Shape, SiteView, ThreadPool, Workspace, forward,
        forward_observed,
    },
    model::{Batch, SequenceId, Site, TokenId},
    text::Specials,
};

/// What both models know how to read.
const TEXT: &str = "once upon a time there was a little red bird. the bird is red, and the house is \
                    old. one day tom saw the bird. what did tom see? the red bird.";

#[test]
fn no_bit_changes_in_a_model_that_has_learned_tinytown_for_ten_steps() {
    let fixture = Fixture::new();
    fixture.write("tinytown.txt", fixture.done("corpus --bytes 300000"));
    fixture.done("train tinytown.txt --preset default --tokenizer bpe:300 --steps 10 --out some");
    no_bit_changes(fixture.at("some").to_str().unwrap());
}

#[test]
#[ignore = "needs LOOKBACK_SHARED"]
fn no_bit_changes_in_a_small_real_model() {
    no_bit_changes(shared().join("models/stories260k").to_str().unwrap());
}

fn no_bit_changes(name: &str) {
    let alone = Arc::new(ThreadPool::single_threaded());
    let model = Model::options().pool(alone.clone()).open(name).unwrap();
    let ids = model.tokenizer().unwrap().encode(TEXT, Specials::Text).unwrap();
    let ids = &ids[..ids.len().min(model.config().context)];
    assert!(ids.len() > 40, "{}", ids.len());
    let plain = at_once(&model, &alone, ids, None);
    // The others are slow.
    let fastest = Isa::detect();
    let others = Isa::available().filter(|isa| *isa != fastest).map(|isa| (2, isa));
    for (threads, isa) in [(1, fastest), (2, fastest)].into_iter().chain(others) {
        let pool = Arc::new(ThreadPool::new(threads, isa));
        let model = Model::options().pool(pool.clone()).open(name).unwrap();
        let what = format!("{isa:?}, {threads} threads");
        assert!(at_once(&model, &pool, ids, None) == plain, "{what}");
        assert!(at_once(&model, &pool, ids, Some(8)) == plain, "{what}, beside eight others");
        assert!(watched(&model, &pool, ids) == plain, "{what}, watched");
        for chunk in if isa == fastest { &[1, 7, 64][..] } else { &[7] } {
            let last = in_chunks(&model, &pool, ids, *chunk);
            assert!(last == plain[plain.len() - last.len()..], "{what}, chunks of {chunk}");
        }
    }
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// The logits of all rows, from one pass; with others, their rows stand before it and behind it.
fn at_once(model: &Model, pool: &ThreadPool, ids: &[TokenId], others: Option<usize>) -> Vec<u32> {
    let (network, context) = (model.network(), model.config().context);
    let others = others.unwrap_or(0);
    let rows = ids.len() * (1 + others);
    let mut workspace = Workspace::new(
        network,
        Shape::Inference { rows, logit_rows: rows },
        context,
        pool.threads(),
    );
    let mut cache = KvCache::new(
        network,
        model.weights.compute(),
        1 + others,
        KvCache::pages(context) * (1 + others),
    );
    let mut batch = Batch::new();
    let (mut first, own) = (0, others / 2);
    for sequence in 0..=others {
        let of = SequenceId(sequence as u32);
        if sequence == own {
            first = batch.rows();
            batch.push(of, 0, ids);
        } else {
            // Others of other lengths, which say something else.
            let other: Vec<TokenId> =
                ids.iter().rev().copied().take(1 + 5 * sequence.min(7)).collect();
            batch.push(of, 0, &other);
        }
    }
    batch.add_all_logit_rows();
    let logits = forward(&model.weights, &mut workspace, &mut cache, pool, &batch).unwrap();
    let vocabulary = model.config().vocabulary;
    bits(&logits[first * vocabulary..(first + ids.len()) * vocabulary])
}

/// The last row's logits, with the text read through a cache in chunks.
fn in_chunks(model: &Model, pool: &ThreadPool, ids: &[TokenId], chunk: usize) -> Vec<u32> {
    let mut session = Session::new(&*model.weights, pool, model.config().context);
    let mut last = Vec::new();
    for chunk in ids.chunks(chunk) {
        last = bits(session.read(chunk).unwrap());
    }
    last
}

/// The logits of all rows of a pass in which every site is read.
fn watched(model: &Model, pool: &ThreadPool, ids: &[TokenId]) -> Vec<u32> {
    struct Everything(Vec<u32>);
    impl Observer for Everything {
        fn wants(&self, _: Site) -> bool {
            true
        }
        fn observe(&mut self, site: Site, view: SiteView<'_>) {
            if site == Site::Logits {
                self.0 = bits(view.values);
            }
        }
    }
    let (network, context) = (model.network(), model.config().context);
    let shape = Shape::Observed { rows: ids.len() };
    let mut workspace = Workspace::new(network, shape, context, pool.threads());
    let mut cache = KvCache::new(network, model.weights.compute(), 1, KvCache::pages(context));
    let mut seen = Everything(Vec::new());
    let batch = Batch::whole(ids);
    forward_observed(&model.weights, &mut workspace, &mut cache, pool, &batch, &mut seen).unwrap();
    seen.0
}
