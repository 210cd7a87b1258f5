//! Memory is taken once: neither a step of learning nor reading a token allocates after the first.
//!
//! One test only, since the counter is everybody's and a second test would be counted with it.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "it/fixture.rs"]
mod fixture;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use fixture::{CONTEXT, ids, networks, weights, weights_in};
use lookback_engine::{
    Compute, Gradients, Isa, KvCache, Method, Optimizer, OptimizerSettings, Session, Shape,
    ThreadPool, WeightMode, Workspace, forward, forward_backward,
};
use lookback_model::{
    AttentionChange, AttentionEdit, Batch, BlockSite, Change, Edit, Edits, ElementChange, Network,
    SequenceId, SequencePrograms, Site, Targets, forward::Rows,
};

/// The system's allocator, which counts requests of all threads.
struct Counting;

static REQUESTS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is handed to the system's allocator unchanged; a larger piece of memory and a
// zeroed one are asked for through `alloc`, as the trait does by default.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        REQUESTS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: `System` has the same contract, and the caller keeps it.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: `System` has the same contract, and the caller keeps it.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often memory was asked for while something was done.
fn requests(mut work: impl FnMut()) -> usize {
    let before = REQUESTS.load(Ordering::SeqCst);
    work();
    REQUESTS.load(Ordering::SeqCst) - before
}

#[test]
fn nothing_is_allocated_after_the_first_step_or_the_first_token() {
    assert_ne!(requests(|| drop(black_box(Box::new(1)))), 0, "the counter counts");
    for threads in [1, 2] {
        let pool = ThreadPool::new(threads, Isa::detect());
        for network in networks() {
            learning(&network, Compute::F32, Method::AdamW, &pool);
            learning(&network, Compute::F32, Method::Muon(Compute::F32), &pool);
            learning(&network, Compute::Bf16, Method::AdamW, &pool);
            learning(&network, Compute::Bf16, Method::Muon(Compute::Bf16), &pool);
            a_session(&network, &pool);
            many_sequences(&network, &pool);
            edits_that_come_and_go(&network, &pool);
        }
    }
}

/// Two passes, the gradient's norm and the optimizer.
fn learning(network: &Arc<Network>, compute: Compute, method: Method, pool: &ThreadPool) {
    let (sequences, context) = (3, 70);
    let rows = sequences * context;
    let mut weights = weights_in(network, WeightMode::Training, compute, pool);
    let mut gradients = Gradients::new(network);
    let mut optimizer = Optimizer::new(network, method, pool.threads());
    let shape = Shape::Training { rows, sequences };
    let mut workspace =
        Workspace::new(network, shape, context, pool.threads()).with_precision(network, compute);
    let settings = OptimizerSettings {
        rate: 1e-3,
        table_share: 1.0,
        head_share: 1.0,
        beta1: 0.9,
        beta2: 0.99,
        epsilon: 1e-8,
        momentum: 0.95,
        decay: 0.1,
        gradient_factor: 1.0,
    };
    let texts: Vec<_> = (0..sequences as u64).map(|index| ids(context, index)).collect();
    let answers: Vec<u32> = ids(rows, 9).iter().map(|id| id.0).collect();
    let (mut batch, mut targets) = (Batch::new(), Targets { ids: vec![], scale: 1.0, z_loss: 0.0 });
    let mut step = || {
        gradients.clear(pool);
        for _ in 0..2 {
            batch.clear();
            for (index, text) in texts.iter().enumerate() {
                batch.push(SequenceId(index as u32), 0, text);
            }
            batch.add_all_logit_rows();
            targets.ids.clear();
            targets.ids.extend_from_slice(&answers);
            forward_backward(&weights, &mut gradients, &mut workspace, pool, &batch, &targets);
        }
        black_box(gradients.norm(pool));
        optimizer.step(&mut weights, &gradients, &settings, pool);
    };
    step();
    for index in 1..4 {
        assert_eq!(requests(&mut step), 0, "step {index} on {} threads", pool.threads());
    }
}

/// One text, token by token, over page after page.
fn a_session(network: &Arc<Network>, pool: &ThreadPool) {
    let weights = weights(network, WeightMode::Inference, pool);
    let mut session = Session::new(&weights, pool, CONTEXT);
    let text = ids(CONTEXT, 3);
    session.read(&text[..1]).unwrap();
    for at in 1..CONTEXT {
        let asked = requests(|| {
            black_box(session.read(&text[at..=at]).unwrap());
        });
        assert_eq!(asked, 0, "token {at} on {} threads", pool.threads());
    }
}

/// Five texts side by side, two of them branches of others, token by token.
fn many_sequences(network: &Arc<Network>, pool: &ThreadPool) {
    const TEXTS: usize = 5;
    let weights = weights(network, WeightMode::Inference, pool);
    let shape = Shape::Inference { rows: TEXTS, logit_rows: TEXTS };
    let mut workspace = Workspace::new(network, shape, CONTEXT, pool.threads());
    let mut cache =
        KvCache::new(network, weights.compute(), TEXTS, TEXTS * KvCache::pages(CONTEXT));
    let text = ids(CONTEXT, 4);
    let mut batch = Batch::new();
    for at in 0..CONTEXT {
        let asked = requests(|| {
            if at == 70 {
                cache.fork(SequenceId(0), SequenceId(3));
                cache.fork(SequenceId(1), SequenceId(4));
            }
            batch.clear();
            for index in 0..TEXTS {
                batch.push(SequenceId(index as u32), at, &text[at..=at]);
            }
            batch.add_all_logit_rows();
            let logits = forward(&weights, &mut workspace, &mut cache, pool, &batch).unwrap();
            black_box(logits);
        });
        assert!(at == 0 || asked == 0, "token {at} on {} threads: {asked}", pool.threads());
    }
}

/// Three texts side by side, whose edits change from token to token.
fn edits_that_come_and_go(network: &Arc<Network>, pool: &ThreadPool) {
    const TEXTS: usize = 3;
    let weights = weights(network, WeightMode::Inference, pool);
    let site = |site| Site::Block(1, site);
    let value = |change| Edit { change, positions: None, columns: 0..8, numbers: [0.5].into() };
    let change = AttentionChange::Pattern(ElementChange::Scale, [0.5].into());
    let attention = AttentionEdit { heads: None, queries: None, keys: None, change };
    let all = [
        Edits::new([(site(BlockSite::Z), value(Change::Set))]),
        Edits::new([(site(BlockSite::Result), value(Change::Scale))]),
        Edits::new([(0, attention)]),
    ];
    let union: Vec<&Edits> = all.iter().collect();
    let programs = SequencePrograms::new(network, Rows::All, &union).unwrap();
    let program = programs.program().clone();
    let pages = TEXTS * KvCache::pages(CONTEXT);
    let mut cache = KvCache::for_program(&program, weights.compute(), TEXTS, pages);
    let threads = pool.threads();
    let mut workspace =
        Workspace::for_program(network, program, TEXTS, |_| false, CONTEXT, threads);
    let bound: Vec<_> = all.iter().map(|edits| Some(programs.bind(edits).unwrap())).collect();
    let text = ids(CONTEXT, 4);
    let mut batch = Batch::new();
    for at in 0..CONTEXT {
        let asked = requests(|| {
            for sequence in 0..TEXTS {
                let edits = &bound[(sequence + at) % TEXTS];
                let edits = edits.as_ref().filter(|_| (sequence + at / 2) % 2 == 0).cloned();
                workspace.set_edits(SequenceId(sequence as u32), edits);
            }
            batch.clear();
            for index in 0..TEXTS {
                batch.push(SequenceId(index as u32), at, &text[at..=at]);
            }
            batch.add_all_logit_rows();
            let logits = forward(&weights, &mut workspace, &mut cache, pool, &batch).unwrap();
            black_box(logits);
        });
        assert!(at < 4 || asked == 0, "token {at} on {threads} threads: {asked}");
    }
}
