//! Changed scores, patterns and results of heads, and variants of the pass, against the f64 interpreter and
//! themselves: in chunks, on other processors, and where a change changes nothing.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::Arc;

use crate::{
    fixture::{
        CONTEXT, bits, has_no_choice, ids, networks, noise, pools_and_chunks, weights, weights_in,
    },
    program::{Kept, block, f64_weights, numbers},
};
use lookback_engine::{
    BackwardShape, Compute, Gradients, Isa, KvCache, ThreadPool, WeightMode, Weights, Workspace,
    backward_from_loss, backward_from_site, forward, forward_observed,
};
use lookback_model::{
    AttentionChange, AttentionEdit, Batch, BlockSite, Change, Edit, ElementChange, Network,
    PassVariant, Program, SequenceId, Site, Targets, TokenId,
    forward::{self as passes, Rows},
};

const TOKENS: usize = 70;

fn list(chosen: &[u32]) -> Option<Arc<[u32]>> {
    Some(Arc::from(chosen))
}

/// Edits of scores and of patterns, of each kind, in both layers.
pub fn attention_edits() -> Vec<(usize, AttentionEdit)> {
    let edit = |heads, queries, keys, change| AttentionEdit { heads, queries, keys, change };
    let scores = |change, numbers| AttentionChange::Scores(change, numbers);
    let pattern = |change, numbers| AttentionChange::Pattern(change, numbers);
    use ElementChange::{Add, Scale, Set};
    vec![
        (0, edit(list(&[0, 5]), None, None, scores(Scale, numbers(1, 1)))),
        (0, edit(list(&[1]), list(&[9, 66]), list(&[0, 2, 8]), scores(Add, numbers(6, 2)))),
        (0, edit(list(&[2]), list(&[65, 68]), list(&[60, 64]), pattern(Set, numbers(4, 3)))),
        (0, edit(list(&[0, 2]), None, list(&[1, 61]), pattern(Add, numbers(1, 4)))),
        (1, edit(None, list(&[40, 69]), None, AttentionChange::KeepTop(3))),
        (1, edit(list(&[3]), None, list(&[3]), scores(Set, numbers(1, 5)))),
        (1, edit(list(&[4]), None, None, pattern(Scale, numbers(1, 6)))),
    ]
}

/// Edits of the results of heads.
pub fn result_edits(width: usize) -> Vec<(Site, Edit)> {
    let site = |layer| block(layer, BlockSite::Result);
    let positions = |chosen: &[u32]| Some(Arc::from(chosen));
    let edit = |change, positions, columns, numbers| Edit { change, positions, columns, numbers };
    vec![
        (site(0), edit(Change::Scale, None, width..2 * width, numbers(1, 11))),
        (site(0), edit(Change::Add, positions(&[3, 64]), 4 * width + 3..5 * width, numbers(1, 12))),
        (site(1), edit(Change::Set, positions(&[69]), 0..width, numbers(width, 13))),
    ]
}

/// With all of these edits.
fn edited(network: &Network, mut program: Program) -> Program {
    for (layer, edit) in attention_edits() {
        program.edit_attention(layer, edit).unwrap();
    }
    for (site, edit) in result_edits(network.config.width) {
        assert!(program.edit(site, edit), "{site}");
    }
    program
}

/// The logits of all rows of one sequence, read in chunks by a program.
pub fn logits(
    program: &Program,
    weights: &Weights,
    pool: &ThreadPool,
    ids: &[TokenId],
    chunk: usize,
) -> Vec<u32> {
    let network = weights.network();
    let mut cache = KvCache::for_program(program, weights.compute(), 1, KvCache::pages(CONTEXT));
    let mut workspace =
        Workspace::for_program(network, program.clone(), chunk, |_| false, CONTEXT, pool.threads());
    let mut all = Vec::new();
    for (index, part) in ids.chunks(chunk).enumerate() {
        let mut batch = Batch::new();
        batch.push(SequenceId(0), index * chunk, part);
        batch.add_all_logit_rows();
        all.extend(bits(forward(weights, &mut workspace, &mut cache, pool, &batch).unwrap()));
    }
    all
}

/// The furthest logit from the f64 interpreter's.
fn furthest(program: &Program, weights: &Weights, logits: &[u32], ids: &[TokenId]) -> f64 {
    let reference = f64_weights(weights.network(), weights);
    let values = lookback_f64_interpreter::run(program, &reference, &Batch::whole(ids), None);
    let truth = values[program.at(Site::Logits).unwrap().index()].as_ref().unwrap();
    logits.iter().zip(truth).fold(0.0f64, |worst, (fast, truth)| {
        worst.max((f64::from(f32::from_bits(*fast)) - truth).abs())
    })
}

#[test]
fn changed_attention_is_that_of_f64() {
    let pool = ThreadPool::single_threaded();
    for network in networks().into_iter().filter(|network| has_no_choice(network)) {
        let weights = weights(&network, WeightMode::Inference, &pool);
        let ids = ids(TOKENS, 1);
        let whole = passes::logits(&network, Rows::All);
        let plain = logits(&whole, &weights, &pool, &ids, TOKENS);
        let check = |program: &Program| {
            let fast = logits(program, &weights, &pool, &ids, TOKENS);
            let worst = furthest(program, &weights, &fast, &ids);
            assert!(worst < 3e-4, "{worst:e}");
            assert_ne!(fast, plain);
        };
        for (layer, edit) in attention_edits() {
            let mut program = whole.clone();
            program.edit_attention(layer, edit).unwrap();
            check(&program);
        }
        check(&edited(&network, whole));
    }
}

#[test]
fn chunks_threads_and_instructions_change_no_bit_of_changed_attention() {
    for network in networks().into_iter().step_by(3) {
        for compute in [Compute::F32, Compute::Bf16] {
            let program = edited(&network, passes::logits(&network, Rows::All));
            let ids = ids(TOKENS, 3);
            let run = |pool: &ThreadPool, chunk: usize| {
                let weights = weights_in(&network, WeightMode::Inference, compute, pool);
                logits(&program, &weights, pool, &ids, chunk)
            };
            let whole = run(&ThreadPool::new(1, Isa::detect()), TOKENS);
            for (pool, chunk) in pools_and_chunks() {
                assert!(run(&pool, chunk) == whole, "{pool:?}, {chunk}");
            }
        }
    }
}

/// What stands at some sites of a pass over one sequence.
fn observed<'a>(
    program: &Program,
    weights: &Weights,
    pool: &ThreadPool,
    ids: &[TokenId],
    sites: &'a [Site],
) -> Kept<'a> {
    let network = weights.network();
    let mut cache = KvCache::for_program(program, weights.compute(), 1, KvCache::pages(ids.len()));
    let is_seen = |site: Site| sites.contains(&site);
    let (program, rows) = (program.clone(), ids.len());
    let mut workspace =
        Workspace::for_program(network, program, rows, is_seen, CONTEXT, pool.threads());
    let mut kept = Kept::new(sites);
    let batch = Batch::whole(ids);
    forward_observed(weights, &mut workspace, &mut cache, pool, &batch, &mut kept).unwrap();
    kept
}

#[test]
fn what_writes_what_stands_there_changes_no_bit() {
    use BlockSite as B;
    let pool = ThreadPool::new(2, Isa::detect());
    let all: Arc<[u32]> = (0..TOKENS as u32).collect();
    for network in networks().into_iter().step_by(2) {
        for compute in [Compute::F32, Compute::Bf16] {
            let weights = weights_in(&network, WeightMode::Inference, compute, &pool);
            let ids = ids(TOKENS, 2);
            let whole = passes::logits(&network, Rows::All);
            let expected = logits(&whole, &weights, &pool, &ids, TOKENS);
            let sites = [B::Scores, B::Pattern, B::Result].map(|site| block(1, site));
            let kept = observed(&whole, &weights, &pool, &ids, &sites);
            let numbers = |site: B| Arc::<[f32]>::from(&kept.1[&block(1, site)][..]);
            let set = ElementChange::Set;
            let changes = [
                AttentionChange::Scores(set, numbers(B::Scores)),
                AttentionChange::Pattern(set, numbers(B::Pattern)),
            ];
            for change in changes {
                let (queries, keys) = (Some(all.clone()), Some(all.clone()));
                let edit = AttentionEdit { heads: None, queries, keys, change };
                let mut program = whole.clone();
                program.edit_attention(1, edit).unwrap();
                assert!(logits(&program, &weights, &pool, &ids, TOKENS) == expected);
            }
            let width = network.config.heads * network.config.width;
            let edit = Edit {
                change: Change::Set,
                positions: Some(all.clone()),
                columns: 0..width,
                numbers: numbers(B::Result),
            };
            let mut program = whole.clone();
            assert!(program.edit(block(1, B::Result), edit));
            assert!(logits(&program, &weights, &pool, &ids, TOKENS) == expected);
        }
    }
}

#[test]
fn results_are_chains_over_a_heads_columns_and_their_sum_goes_on_by_head() {
    use BlockSite as B;
    let pool = ThreadPool::new(2, Isa::detect());
    for network in networks().into_iter().take(2) {
        let weights = weights(&network, WeightMode::Inference, &pool);
        let ids = ids(TOKENS, 4);
        let sites = [B::Z, B::Result, B::AttnOut].map(|site| block(1, site));
        let whole = passes::logits(&network, Rows::All);
        let plain = observed(&whole, &weights, &pool, &ids, &sites).1;
        let (width, heads) = (network.config.width, network.config.heads);
        let (output, head_dim) = (network.blocks[1].output, network.config.head_dim);
        let mut weight = vec![0.0; width * heads * head_dim];
        weights.read(output.weight, &mut weight);
        let bias = output.bias.map(|bias| weights.rows(bias).to_vec());
        let chain = |row: usize, out: usize, skipped: &dyn Fn(usize) -> bool| {
            (0..heads * head_dim).filter(|k| !skipped(k / head_dim)).fold(0.0f32, |sum, k| {
                plain[&sites[0]][row * heads * head_dim + k]
                    .mul_add(weight[out * heads * head_dim + k], sum)
            })
        };
        for (at, result) in plain[&sites[1]].iter().enumerate() {
            let (row, head, out) = (at / width / heads, at / width % heads, at % width);
            assert_eq!(*result, chain(row, out, &|other| other != head));
        }
        // Of a changed row: the unchanged heads' columns, the changed results by head, the bias.
        let edit = |columns| Edit {
            change: Change::Add,
            positions: Some([5].into()),
            columns,
            numbers: [0.5].into(),
        };
        let mut program = whole.clone();
        assert!(program.edit(sites[1], edit(width..2 * width)));
        assert!(program.edit(sites[1], edit(4 * width..4 * width + 1)));
        let changed = observed(&program, &weights, &pool, &ids, &sites).1;
        for (at, found) in changed[&sites[2]].iter().enumerate() {
            let (row, out) = (at / width, at % width);
            if row != 5 {
                assert_eq!(found.to_bits(), plain[&sites[2]][at].to_bits());
                continue;
            }
            let result = |head: usize| changed[&sites[1]][(row * heads + head) * width + out];
            let kept = chain(row, out, &|head| head == 1 || head == 4);
            let sum = kept + result(1) + result(4);
            let sum = bias.as_ref().map_or(sum, |bias| sum + bias[out]);
            assert_eq!(found.to_bits(), sum.to_bits());
        }
        let before = plain[&sites[1]][(5 * heads + 1) * width];
        assert_eq!(changed[&sites[1]][(5 * heads + 1) * width], before + 0.5);
        // What does not fit leaves the program as it was.
        let mut refused = whole.clone();
        assert!(!refused.edit(sites[1], edit(0..heads * width + 1)));
        assert_eq!(refused, whole);
    }
}

#[test]
fn gradients_through_changed_attention_are_slopes_of_the_f64_pass() {
    use BlockSite as B;
    let pool = ThreadPool::single_threaded();
    let sites = [
        block(0, B::RotQ),
        block(0, B::RotK),
        block(0, B::V),
        block(1, B::RotQ),
        block(1, B::V),
        block(1, B::Z),
    ];
    for network in networks().into_iter().filter(|network| has_no_choice(network)) {
        let program = edited(&network, passes::logits(&network, Rows::All));
        let weights = weights(&network, WeightMode::Inference, &pool);
        let reference = f64_weights(&network, &weights);
        let batch = Batch::whole(&ids(TOKENS, 6));
        let cotangent = numbers(TOKENS * network.config.vocabulary, 8);
        let mut workspace = Workspace::for_backward(
            &network,
            (program.clone(), Some(Site::Logits)),
            BackwardShape { rows: TOKENS, logit_rows: TOKENS, sequences: 1 },
            |_| false,
            |site| sites.contains(&site),
            CONTEXT,
            1,
        )
        .unwrap()
        .with_precision(&network, Compute::F32);
        let mut none = Gradients::for_weights(&network, |_| false);
        let mut kept = Kept::new(&sites);
        let given = (&batch, &cotangent[..]);
        backward_from_site(&weights, &mut none, &mut workspace, &pool, given, &mut kept).unwrap();
        for site in sites {
            let gradient = &kept.1[&site];
            let width = gradient.len() / TOKENS;
            for position in [2u32, 66] {
                let direction = numbers(width, 9 + u64::from(position));
                let objective = |by: f32| {
                    let mut moved = program.clone();
                    let edit = Edit {
                        change: Change::Add,
                        positions: Some(Arc::from([position])),
                        columns: 0..width,
                        numbers: direction.iter().map(|x| x * by).collect(),
                    };
                    assert!(moved.edit(site, edit));
                    let values = lookback_f64_interpreter::run(&moved, &reference, &batch, None);
                    let end = values[moved.at(Site::Logits).unwrap().index()].as_ref().unwrap();
                    let products = end.iter().zip(&*cotangent).map(|(x, y)| x * f64::from(*y));
                    products.fold(0.0, |sum, product| sum + product)
                };
                let step = 1.0 / 65_536.0;
                let slope = (objective(step) - objective(-step)) / (2.0 * f64::from(step));
                let row = position as usize * width..(position as usize + 1) * width;
                let expected = gradient[row].iter().zip(&*direction);
                let expected =
                    expected.fold(0.0, |sum, (a, b)| sum + f64::from(*a) * f64::from(*b));
                let off = (slope - expected).abs() / expected.abs().max(0.1);
                assert!(off < 3e-4, "{site}, {position}: {slope} and {expected}");
            }
        }
    }
}

/// The loss and every weight's gradient of a program, and those at the queries of the first layer.
fn gradients(program: &Program, weights: &Weights, pool: &ThreadPool) -> (f64, Vec<Vec<f32>>) {
    let network = weights.network();
    let batch = Batch::whole(&ids(TOKENS, 10));
    let targets = ids(TOKENS, 11).iter().map(|id| id.0).collect();
    let targets = Targets { ids: targets, scale: 1.0, z_loss: 0.0 };
    let mut gradients = Gradients::for_weights(network, |_| true);
    let sites = [block(0, BlockSite::Q)];
    let mut workspace = Workspace::for_backward(
        network,
        (program.clone(), None),
        BackwardShape { rows: TOKENS, logit_rows: TOKENS, sequences: 1 },
        |_| true,
        |site| sites.contains(&site),
        CONTEXT,
        pool.threads(),
    )
    .unwrap()
    .with_precision(network, weights.compute());
    let mut kept = Kept::new(&sites);
    let given = (&batch, &targets);
    let loss = backward_from_loss(weights, &mut gradients, &mut workspace, pool, given, &mut kept);
    let of_weights = network.ids().map(|id| gradients.of(id).to_vec());
    let all = of_weights.chain([kept.1[&sites[0]].clone()]).collect();
    (loss.unwrap().total, all)
}

#[test]
fn gradients_of_weights_through_changed_attention_are_slopes_and_the_same_everywhere() {
    for network in networks().into_iter().take(1) {
        let program = edited(&network, passes::loss(&network));
        let pool = ThreadPool::new(1, Isa::Portable);
        let weights = weights(&network, WeightMode::Training, &pool);
        let (_, expected) = gradients(&program, &weights, &pool);
        for isa in Isa::available() {
            for threads in [1, 3] {
                let (_, found) = gradients(&program, &weights, &ThreadPool::new(threads, isa));
                let same = found.iter().zip(&expected).all(|(a, b)| bits(a) == bits(b));
                assert!(same, "{isa:?}, {threads}");
            }
        }
        let reference = f64_weights(&network, &weights);
        let batch = Batch::whole(&ids(TOKENS, 10));
        let targets = ids(TOKENS, 11).iter().map(|id| id.0).collect();
        let targets = Targets { ids: targets, scale: 1.0, z_loss: 0.0 };
        let names =
            ["attn.o.weight", "attn.o.bias", "attn.q.weight", "attn.k.weight", "attn.v.weight"];
        for name in
            names.iter().flat_map(|name| [0, 1].map(|layer| format!("blocks.{layer}.{name}")))
        {
            let id = network.find(&name).unwrap();
            let gradient = &expected[id.index()];
            let columns = network.weight(id).shape[1];
            let direction: Vec<f64> =
                (0..gradient.len() as u64).map(|at| f64::from(noise(at + 77))).collect();
            let objective = |by: f64| {
                let mut moved = reference.clone();
                for (at, direction) in direction.iter().enumerate() {
                    moved.of_mut(id)[[at / columns, at % columns]] += by * direction;
                }
                lookback_f64_interpreter::program_loss(&program, &moved, &batch, &targets).total
            };
            let step = 1e-6;
            let slope = (objective(step) - objective(-step)) / (2.0 * step);
            let expected =
                gradient.iter().zip(&direction).fold(0.0, |sum, (a, b)| sum + f64::from(*a) * b);
            let off = (slope - expected).abs() / expected.abs().max(0.1);
            assert!(off < 5e-4, "{name}: {slope} and {expected}");
        }
    }
}

#[test]
fn variants_are_those_of_f64_and_refuse_what_they_are_not_for() {
    let changes: [fn(&mut PassVariant); 6] = [
        |variant| variant.no_mask = true,
        |variant| variant.no_scale = true,
        |variant| variant.no_position = true,
        |variant| variant.uniform_attention = true,
        |variant| variant.plain_attention = true,
        |variant| (variant.no_mask, variant.plain_attention, variant.no_scale) = (true, true, true),
    ];
    let pool = ThreadPool::new(2, Isa::detect());
    for network in networks().into_iter().filter(|network| has_no_choice(network)) {
        let weights = weights(&network, WeightMode::Inference, &pool);
        let ids = ids(TOKENS, 5);
        let plain = logits(&passes::logits(&network, Rows::All), &weights, &pool, &ids, TOKENS);
        let none = PassVariant::default();
        let program = passes::logits_of_variant(&network, Rows::All, none).unwrap();
        assert_eq!(program, passes::logits(&network, Rows::All));
        for change in changes {
            let mut variant = none;
            change(&mut variant);
            let program = passes::logits_of_variant(&network, Rows::All, variant).unwrap();
            let found = logits(&program, &weights, &pool, &ids, TOKENS);
            let worst = furthest(&program, &weights, &found, &ids);
            assert!(worst < 5e-4, "{variant:?}: {worst:e}");
            assert!(found != plain, "{variant:?}");
            assert_eq!(program.is_causal(), !variant.no_mask);
            if program.is_causal() {
                assert!(logits(&program, &weights, &pool, &ids, 7) == found, "{variant:?}");
                continue;
            }
            // What sees the whole sequence cannot go on from a cache.
            let mut cache = KvCache::for_program(&program, Compute::F32, 1, 2);
            let mut workspace = Workspace::for_program(&network, program, 9, |_| false, CONTEXT, 2);
            let mut batch = Batch::new();
            batch.push(SequenceId(0), 1, &ids[..9]);
            let refusal = forward(&weights, &mut workspace, &mut cache, &pool, &batch).unwrap_err();
            assert!(refusal.to_string().starts_with("attention without a mask"), "{refusal}");
        }
    }
}
