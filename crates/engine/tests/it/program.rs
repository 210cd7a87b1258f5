//! Programs that are changed and begun in their middle, against the f64 interpreter and whole passes.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use crate::fixture::{
    CONTEXT, bits, ids, mixtures, networks, noise, pools_and_chunks, weights, weights_in,
};
use lookback_engine::{
    Compute, Isa, KvCache, Observer, Sequences, Session, Shape, SiteView, ThreadPool, WeightMode,
    Weights, Workspace, forward, forward_from_layer, forward_observed,
};
use lookback_model::{
    Batch, BlockSite, Change, Edit, Edits, ElementType, Network, Program, SequenceId, Site,
    Steering, TokenId,
    forward::{self as passes, Rows},
};

const TOKENS: usize = 70;

pub fn block(layer: u16, site: BlockSite) -> Site {
    Site::Block(layer, site)
}

/// Numbers that look random.
pub fn numbers(count: usize, seed: u64) -> Arc<[f32]> {
    (0..count as u64).map(|at| noise(seed << 20 | at)).collect()
}

/// Edits of every kind at sites of every kind, some of which prevent a fusion.
pub fn edits() -> Vec<(Site, Edit)> {
    use BlockSite as B;
    let positions = |chosen: &[u32]| Some(Arc::from(chosen));
    let edit = |change, positions, columns, numbers| Edit { change, positions, columns, numbers };
    vec![
        (Site::Embed, edit(Change::Add, positions(&[0, 5, 66]), 0..48, numbers(3 * 48, 1))),
        (block(0, B::Q), edit(Change::Scale, None, 8..16, numbers(1, 2))),
        (block(0, B::Z), edit(Change::Set, None, 16..24, numbers(8, 3))),
        (block(0, B::MlpOut), edit(Change::Scale, positions(&[3, 64]), 0..48, numbers(1, 4))),
        (block(1, B::RotK), edit(Change::Add, None, 0..8, numbers(8, 5))),
        (block(1, B::AttnOut), edit(Change::Add, positions(&[69]), 4..9, numbers(5, 6))),
        (block(1, B::MlpPost), edit(Change::Set, positions(&[1, 2]), 7..8, numbers(2, 7))),
        (block(1, B::ResidPost), edit(Change::Scale, None, 0..48, numbers(48, 8))),
        (Site::LnFinal, edit(Change::Add, positions(&[10]), 0..3, numbers(3, 9))),
        (block(0, B::ResidPost), steered(Steering::ScaleAlong(0.0), None, 0..48, 10)),
        (block(1, B::Q), steered(Steering::AddOrthogonal, Some(&[4, 65]), 8..16, 11)),
        (block(1, B::Z), steered(Steering::ClampAlong { min: -0.01, max: 0.01 }, None, 0..24, 12)),
        (block(1, B::ResidPre), steered(Steering::AddByNorm, Some(&[2, 66]), 0..48, 13)),
        (block(1, B::MlpOut), steered(Steering::Swap, None, 3..40, 14)),
        (block(0, B::V), steered(Steering::ScaleAlong(2.5), Some(&[0, 1, 2]), 0..8, 15)),
    ]
}

/// A change along vectors of length 1.
fn steered(steering: Steering, at: Option<&[u32]>, columns: Range<usize>, seed: u64) -> Edit {
    let all = numbers(steering.vectors() * columns.len(), seed);
    let units = all.chunks(columns.len()).flat_map(|vector| {
        let length = vector.iter().fold(0.0, |sum, x| x.mul_add(*x, sum)).sqrt();
        vector.iter().map(move |x| x / length)
    });
    Edit {
        change: Change::Steer(steering),
        positions: at.map(Arc::from),
        columns,
        numbers: units.collect(),
    }
}

fn edited(network: &Network) -> Program {
    let mut program = passes::logits(network, Rows::All);
    for (site, edit) in edits() {
        assert!(program.edit(site, edit), "{site}");
    }
    program
}

/// The logits of all rows of one sequence, read in chunks by a program.
fn logits(
    program: &Program,
    weights: &Weights,
    pool: &ThreadPool,
    ids: &[TokenId],
    chunk: usize,
) -> Vec<u32> {
    let network = weights.network();
    let mut workspace =
        Workspace::for_program(network, program.clone(), chunk, |_| false, CONTEXT, pool.threads());
    let mut cache = KvCache::new(network, weights.compute(), 1, KvCache::pages(CONTEXT));
    let mut all = Vec::new();
    for (index, part) in ids.chunks(chunk).enumerate() {
        let mut batch = Batch::new();
        batch.push(SequenceId(0), index * chunk, part);
        batch.add_all_logit_rows();
        all.extend(bits(forward(weights, &mut workspace, &mut cache, pool, &batch).unwrap()));
    }
    all
}

pub fn f64_weights(network: &Network, weights: &Weights) -> lookback_f64_interpreter::Weights {
    lookback_f64_interpreter::Weights::new(network, |id, to| weights.read(id, to))
}

#[test]
fn edits_do_what_they_do_in_f64() {
    let pool = ThreadPool::single_threaded();
    for network in networks() {
        let weights = weights(&network, WeightMode::Inference, &pool);
        let ids = ids(TOKENS, 1);
        let plain = logits(&passes::logits(&network, Rows::All), &weights, &pool, &ids, TOKENS);
        let reference = f64_weights(&network, &weights);
        let batch = Batch::whole(&ids);
        let check = |program: &Program| {
            let fast = logits(program, &weights, &pool, &ids, TOKENS);
            let values = lookback_f64_interpreter::run(program, &reference, &batch, None);
            let truth = values[program.at(Site::Logits).unwrap().index()].as_ref().unwrap();
            let worst = fast.iter().zip(truth).fold(0.0f64, |worst, (fast, truth)| {
                worst.max((f64::from(f32::from_bits(*fast)) - truth).abs())
            });
            assert!(worst < 2e-4, "{worst:e}");
            fast
        };
        assert_eq!(check(&passes::logits(&network, Rows::All)), plain);
        // Each alone changes something, and so do all together.
        for (site, edit) in edits() {
            let mut program = passes::logits(&network, Rows::All);
            assert!(program.edit(site, edit));
            assert_ne!(check(&program), plain, "{site}");
        }
        check(&edited(&network));
    }
}

#[test]
fn an_edit_that_changes_nothing_changes_no_bit() {
    let pool = ThreadPool::new(2, Isa::detect());
    for network in networks() {
        for compute in [Compute::F32, Compute::Bf16] {
            let weights = weights_in(&network, WeightMode::Inference, compute, &pool);
            let ids = ids(TOKENS, 2);
            let plain = passes::logits(&network, Rows::All);
            let mut idle = plain.clone();
            for (site, value) in plain.sites.clone() {
                if plain.value(value).element == ElementType::U32 {
                    continue;
                }
                let edit = Edit {
                    change: Change::Scale,
                    positions: None,
                    columns: 0..plain.value(value).width,
                    numbers: Arc::from([1.0]),
                };
                assert!(idle.edit(site, edit), "{site}");
            }
            let expected = logits(&plain, &weights, &pool, &ids, TOKENS);
            assert_eq!(logits(&idle, &weights, &pool, &ids, TOKENS), expected);
        }
    }
}

#[test]
fn chunks_threads_and_instructions_change_no_bit_of_an_edited_pass() {
    for network in networks() {
        for compute in [Compute::F32, Compute::Bf16] {
            let program = edited(&network);
            let ids = ids(TOKENS, 3);
            let run = |pool: &ThreadPool, chunk: usize| {
                let weights = weights_in(&network, WeightMode::Inference, compute, pool);
                logits(&program, &weights, pool, &ids, chunk)
            };
            let whole = run(&ThreadPool::new(1, Isa::detect()), TOKENS);
            for (pool, chunk) in pools_and_chunks() {
                assert_eq!(run(&pool, chunk), whole, "{pool:?}, {chunk}");
            }
        }
    }
}

/// Sequences of an edited program: read in chunks, forked, truncated, beside each other.
#[test]
fn a_session_with_edits_gives_the_bits_of_one_pass() {
    let pool = ThreadPool::new(2, Isa::detect());
    for network in networks() {
        let weights = weights(&network, WeightMode::Inference, &pool);
        let ids = ids(TOKENS, 21);
        let program = edited(&network);
        let whole = logits(&program, &weights, &pool, &ids, TOKENS);
        let vocabulary = network.config.vocabulary;
        let after = |token: usize| &whole[token * vocabulary..(token + 1) * vocabulary];
        let edits = Edits::new(edits());
        for chunk in [1, 7, 64] {
            let session = Session::new(&weights, &pool, CONTEXT);
            let mut session = session.with_edits(&edits).unwrap();
            for (at, part) in ids.chunks(chunk).enumerate() {
                let last = at * chunk + part.len() - 1;
                assert_eq!(bits(session.read(part).unwrap()), after(last), "{chunk}");
            }
            session.truncate(30);
            assert_eq!(bits(session.read(&ids[30..66]).unwrap()), after(65));
        }
        let pages = 3 * KvCache::pages(CONTEXT);
        let sequences = Sequences::new(&network, Compute::F32, 2, CONTEXT, 3, pages);
        let mut sequences = sequences.with_edits(&network, &edits, 2).unwrap();
        let [first, second] = [0, 1].map(SequenceId);
        sequences.read(&weights, &pool, first, &ids[..40]).unwrap();
        sequences.fork(first, second);
        let read = sequences.read(&weights, &pool, second, &ids[40..]).unwrap();
        assert_eq!(bits(read), after(TOKENS - 1));
    }
}

#[test]
fn an_edit_that_does_not_fit_is_refused() {
    let network = &networks()[1];
    let edit = |columns, numbers, positions: Option<&[u32]>| Edit {
        change: Change::Set,
        positions: positions.map(Arc::from),
        columns,
        numbers,
    };
    let mut program = passes::logits(network, Rows::All);
    program.derive(|_| true);
    let before = program.clone();
    let one = || numbers(1, 0);
    let refused = [
        (Site::Embed, edit(40..49, one(), None)),
        (Site::Embed, edit(4..4, one(), None)),
        (Site::Embed, edit(0..48, numbers(47, 0), None)),
        (Site::Embed, edit(0..48, numbers(96, 0), Some(&[4, 4]))),
        (Site::Embed, edit(0..48, numbers(96, 0), Some(&[5, 4]))),
        (Site::PosEmbed, edit(0..48, one(), None)),
        (Site::Probabilities, edit(0..48, one(), None)),
        (block(0, BlockSite::Pattern), edit(0..1, one(), None)),
        (block(2, BlockSite::Z), edit(0..1, one(), None)),
    ];
    for (site, edit) in refused {
        assert!(!program.edit(site, edit), "{site}");
    }
    assert_eq!(program, before);
    // Which experts work on a token follows from the router's logits, which can be edited.
    let mut program = passes::logits(&mixtures()[0], Rows::All);
    assert!(!program.edit(block(0, BlockSite::ExpertIndices), edit(0..1, one(), None)));
    assert!(program.edit(block(0, BlockSite::RouterLogits), edit(0..1, one(), None)));
    assert!(program.edit(block(0, BlockSite::ExpertWeights), edit(1..2, one(), None)));
}

/// Keeps what is seen at some sites.
pub struct Kept<'a>(&'a [Site], pub BTreeMap<Site, Vec<f32>>);

impl<'a> Kept<'a> {
    pub fn new(sites: &'a [Site]) -> Self {
        Self(sites, BTreeMap::new())
    }
}

impl Observer for Kept<'_> {
    fn wants(&self, site: Site) -> bool {
        self.0.contains(&site)
    }

    fn observe(&mut self, site: Site, view: SiteView<'_>) {
        self.1.insert(site, view.values.to_vec());
    }
}

#[test]
fn a_pass_that_begins_at_a_layer_ends_as_a_whole_one() {
    let pool = ThreadPool::new(2, Isa::detect());
    let stream = block(1, BlockSite::ResidPre);
    for network in networks() {
        for compute in [Compute::F32, Compute::Bf16] {
            let weights = weights_in(&network, WeightMode::Inference, compute, &pool);
            let text = ids(TOKENS + 20, 4);
            let (ids, rest) = text.split_at(TOKENS);
            let edit = Edit {
                change: Change::Add,
                positions: Some(Arc::from([2, 65])),
                columns: 3..40,
                numbers: numbers(37, 5),
            };
            let plain = passes::logits(&network, Rows::All);
            let mut program = plain.clone();
            assert!(program.edit(stream, edit));
            let expected = logits(&program, &weights, &pool, &text, text.len());
            let unedited = logits(&plain, &weights, &pool, &text, text.len());

            // What the edit makes of the stream, looked at in a pass of its own.
            let rows = text.len();
            let of = |program: &Program| program.clone();
            let mut looked = Workspace::for_program(
                &network,
                of(&program),
                rows,
                |site| site == stream,
                CONTEXT,
                2,
            );
            let mut cache = KvCache::new(&network, compute, 3, 3 * KvCache::pages(CONTEXT));
            let sites = [stream];
            let mut seen = Kept::new(&sites);
            let batch = Batch::whole(ids);
            forward_observed(&weights, &mut looked, &mut cache, &pool, &batch, &mut seen).unwrap();
            cache.truncate(SequenceId(0), 0);

            // The trunk, and a branch of it whose second layer is computed anew.
            let shape = Shape::Inference { rows, logit_rows: rows };
            let mut workspace = Workspace::new(&network, shape, CONTEXT, 2);
            let vocabulary = network.config.vocabulary;
            let mut batch = Batch::whole(ids);
            forward(&weights, &mut workspace, &mut cache, &pool, &batch).unwrap();
            cache.fork(SequenceId(0), SequenceId(1));
            batch.segments[0].sequence = SequenceId(1);
            let known = (1, &seen.1[&stream][..]);
            let branch =
                forward_from_layer(&weights, &mut workspace, &mut cache, &pool, &batch, known)
                    .unwrap();
            assert_eq!(bits(branch), expected[..TOKENS * vocabulary]);
            for (sequence, expected) in [(0, &unedited), (1, &expected)] {
                let mut batch = Batch::new();
                batch.push(SequenceId(sequence), TOKENS, rest);
                batch.add_all_logit_rows();
                let on = forward(&weights, &mut workspace, &mut cache, &pool, &batch).unwrap();
                assert_eq!(bits(on), expected[TOKENS * vocabulary..], "sequence {sequence}");
            }
            // Positions that the cache does not hold cannot be begun again.
            let mut batch = Batch::new();
            batch.push(SequenceId(2), 0, &ids[..1]);
            batch.add_all_logit_rows();
            let row = (1, &seen.1[&stream][..network.config.width]);
            assert!(
                forward_from_layer(&weights, &mut workspace, &mut cache, &pool, &batch, row)
                    .is_err()
            );
        }
    }
}
