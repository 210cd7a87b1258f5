//! Walks back from anywhere to the sites of a pass, against slopes of the f64 interpreter.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{borrow::Cow, convert::Infallible, sync::Arc};

use crate::{
    fixture::{CONTEXT, bits, ids, mixtures, networks, weights, weights_in},
    program::{Kept, block, edits, f64_weights, numbers},
};
use lookback_engine::{
    BackwardShape, Compute, Gradients, Isa, ThreadPool, WeightMode, Weights, Workspace,
    backward_from_loss, backward_from_site, forward_backward_from_site,
};
use lookback_model::{
    Batch, BlockOrder, BlockSite, Change, Edit, Network, Program, RowKind, SequenceId, Site,
    StoredModel, Targets,
    forward::{self as passes, Rows},
};

const TOKENS: usize = 70;

/// Two sequences; the logits of some rows are computed.
fn two_sequences() -> Batch {
    let mut batch = Batch::new();
    batch.push(SequenceId(0), 0, &ids(TOKENS, 6));
    batch.add_last_logit_row();
    batch.push(SequenceId(1), 0, &ids(20, 7));
    batch.logit_rows.push(75);
    batch.add_last_logit_row();
    batch
}

#[test]
fn gradients_at_sites_are_the_slopes_of_the_f64_pass() {
    use BlockSite as B;
    let sites = [
        Site::Embed,
        block(0, B::Ln1),
        block(0, B::Q),
        block(0, B::V),
        block(0, B::Z),
        block(0, B::AttnOut),
        block(0, B::ResidMid),
        block(0, B::MlpPre),
        block(1, B::ResidPre),
        block(1, B::RotK),
        block(1, B::MlpPost),
        block(1, B::MlpOut),
        block(1, B::ResidPost),
        Site::LnFinal,
    ];
    for network in networks() {
        for program in [passes::logits(&network, Rows::LogitRows), edited_logit_rows(&network)] {
            check_slopes(&network, &program, Site::Logits, &sites);
        }
    }
    let sites = [block(1, B::RouterLogits), block(1, B::ExpertWeights), block(1, B::MlpPost)];
    for network in mixtures() {
        let program = passes::logits(&network, Rows::LogitRows);
        check_slopes(&network, &program, Site::Logits, &sites);
    }
}

#[test]
fn a_walk_back_may_start_anywhere() {
    use BlockSite as B;
    for network in networks() {
        let program = edited_logit_rows(&network);
        // In parallel blocks the MLP reads what enters the block.
        let before_mlp = match network.config.block_order {
            BlockOrder::Sequential => &[block(1, B::ResidMid), block(1, B::AttnOut)][..],
            BlockOrder::Parallel | BlockOrder::ParallelSharedNorm => &[block(1, B::ResidPre)],
        };
        for (start, sites) in [
            (block(1, B::K), &[block(1, B::Ln1), block(0, B::MlpPost), Site::Embed][..]),
            (block(1, B::Z), &[block(1, B::RotQ), block(1, B::V), block(0, B::RotK)]),
            (block(1, B::MlpPre), before_mlp),
            (block(0, B::ResidPost), &[block(0, B::ResidPost), block(0, B::Ln2)]),
            (Site::LnFinal, &[block(1, B::ResidPost), block(1, B::Q)]),
        ] {
            check_slopes(&network, &program, start, sites);
        }
    }
}

/// Compares gradients at sites with slopes of the f64 interpreter, of a walk that starts at a site with a
/// gradient that looks random. A site is moved at one position of both sequences, or of one.
fn check_slopes(network: &Arc<Network>, program: &Program, start: Site, sites: &[Site]) {
    let pool = ThreadPool::single_threaded();
    let weights = weights(network, WeightMode::Inference, &pool);
    let batch = two_sequences();
    let rows_of = |site: Site| match program.value(program.at(site).unwrap()).rows {
        RowKind::LogitRows => batch.logit_rows.clone(),
        _ => (0..batch.rows()).collect(),
    };
    let width_of = |site: Site| program.value(program.at(site).unwrap()).width;
    let cotangent = numbers(rows_of(start).len() * width_of(start), 8);
    let mut workspace = Workspace::for_backward(
        network,
        (program.clone(), Some(start)),
        BackwardShape { rows: batch.rows(), logit_rows: batch.logit_rows.len(), sequences: 2 },
        |_| false,
        |site| sites.contains(&site),
        CONTEXT,
        1,
    )
    .unwrap()
    .with_precision(network, Compute::F32);
    let mut none = Gradients::for_weights(network, |_| false);
    let mut kept = Kept::new(sites);
    let given = (&batch, &cotangent[..]);
    backward_from_site(&weights, &mut none, &mut workspace, &pool, given, &mut kept).unwrap();

    let reference = f64_weights(network, &weights);
    for &site in sites {
        let (gradient, width) = (&kept.1[&site], width_of(site));
        let position = if rows_of(site).len() < batch.rows() { TOKENS as u32 - 1 } else { 19 };
        let direction = numbers(width, 9);
        let objective = |by: f32| {
            let mut moved = program.clone();
            let edit = Edit {
                change: Change::Add,
                positions: Some(Arc::from([position])),
                columns: 0..width,
                numbers: direction.iter().map(|x| x * by).collect(),
            };
            // A value with two names has one gradient: an edit by the first reaches all that reads it.
            let value = moved.at(site).unwrap();
            let first = moved.sites_of(value).next().unwrap();
            assert!(moved.edit(first, edit));
            let values = lookback_f64_interpreter::run(&moved, &reference, &batch, None);
            let end = values[moved.at(start).unwrap().index()].as_ref().unwrap();
            let products = end.iter().zip(&*cotangent).map(|(x, y)| x * f64::from(*y));
            products.fold(0.0, |sum, product| sum + product)
        };
        // A power of two, so that the edit's numbers are moved exactly.
        let step = 1.0 / 65_536.0;
        let slope = (objective(step) - objective(-step)) / (2.0 * f64::from(step));
        let moved = rows_of(site).into_iter().enumerate();
        let moved = moved.filter(|(_, row)| batch.positions[*row] == position);
        let expected = moved.fold(0.0, |sum, (row, _)| {
            let row = gradient[row * width..(row + 1) * width].iter().zip(&*direction);
            row.fold(sum, |sum, (a, b)| sum + f64::from(*a) * f64::from(*b))
        });
        let off = (slope - expected).abs() / expected.abs().max(0.1);
        assert!(off < 2e-4, "from {start} to {site}: {slope} and {expected}");
    }
}

/// As [`edited`], for the logit rows of a batch.
fn edited_logit_rows(network: &Network) -> Program {
    let mut program = passes::logits(network, Rows::LogitRows);
    for (site, edit) in edits() {
        assert!(program.edit(site, edit), "{site}");
    }
    program
}

/// The loss and the gradients at some sites, walked back to with weights that run or that learn.
fn gradients_at(
    sites: &[Site],
    weights: &Weights,
    pool: &ThreadPool,
    is_trainable: bool,
) -> (u64, Vec<Vec<u32>>) {
    let network = weights.network();
    let batch = Batch::whole(&ids(TOKENS, 10));
    let rows = batch.rows();
    let targets = ids(rows, 11).iter().map(|id| id.0).collect();
    let targets = Targets { ids: targets, scale: 1.0, z_loss: 0.0 };
    let mut gradients = Gradients::for_weights(network, |_| is_trainable);
    // Buffers for more rows and sequences than there are change no bit.
    let [rows, sequences] = if is_trainable { [rows, 1] } else { [2 * rows + 3, 4] };
    let mut workspace = Workspace::for_backward(
        network,
        (passes::loss(network), None),
        BackwardShape { rows, logit_rows: rows, sequences },
        |_| is_trainable,
        |site| sites.contains(&site),
        CONTEXT,
        pool.threads(),
    )
    .unwrap()
    .with_precision(network, weights.compute());
    let mut kept = Kept::new(sites);
    let given = (&batch, &targets);
    let loss = backward_from_loss(weights, &mut gradients, &mut workspace, pool, given, &mut kept);
    (loss.unwrap().total.to_bits(), sites.iter().map(|site| bits(&kept.1[site])).collect())
}

#[test]
fn gradients_at_sites_are_the_same_from_every_form_of_the_weights() {
    let sites = [Site::Embed, block(0, BlockSite::Z), block(1, BlockSite::MlpPre)];
    for network in networks() {
        for compute in [Compute::F32, Compute::Bf16] {
            let found = |mode: WeightMode, pool: &ThreadPool, is_trainable: bool| {
                let weights = weights_in(&network, mode, compute, pool);
                gradients_at(&sites, &weights, pool, is_trainable)
            };
            let learned = found(WeightMode::Training, &ThreadPool::new(1, Isa::detect()), true);
            for isa in Isa::available() {
                let pool = ThreadPool::new(3, isa);
                assert!(found(WeightMode::Inference, &pool, false) == learned, "{isa:?}");
                assert!(found(WeightMode::Training, &pool, false) == learned, "{isa:?}");
            }
        }
    }
}

#[test]
#[ignore = "needs LOOKBACK_SHARED"]
fn gradients_at_sites_of_a_quantised_file_are_those_of_its_copy_in_f32() {
    let shared = std::env::var_os("LOOKBACK_SHARED").expect("LOOKBACK_SHARED names the cases");
    let sites = [Site::Embed, block(0, BlockSite::MlpPost), block(0, BlockSite::Q)];
    let path = std::path::Path::new(&shared).join("cases/run/q-Q4_0.gguf");
    let stored = StoredModel::open(&path).unwrap();
    let pool = ThreadPool::new(2, Isa::detect());
    let [stored, copy] = [WeightMode::Inference, WeightMode::Training].map(|mode| {
        let weights = Weights::load(&stored, mode, Compute::F32, &pool).unwrap();
        gradients_at(&sites, &weights, &pool, false)
    });
    assert!(stored == copy);
}

/// Walks back from half of the logits to sites, over the first of the sequences of a batch: the gradients.
fn gradients_of_leading(
    network: &Arc<Network>,
    compute: Compute,
    (batch, leading): (&Batch, usize),
    sites: &[Site],
) -> Vec<Vec<u32>> {
    let pool = ThreadPool::new(2, Isa::detect());
    let weights = weights_in(network, WeightMode::Inference, compute, &pool);
    let larger = two_sequences();
    let shape = BackwardShape { rows: larger.rows(), logit_rows: 3, sequences: 3 };
    let from = (edited_logit_rows(network), Some(Site::Logits));
    let wants = |site| sites.contains(&site);
    let workspace = Workspace::for_backward(network, from, shape, |_| false, wants, CONTEXT, 2);
    let mut workspace = workspace.unwrap().with_precision(network, compute);
    let mut gradients = Vec::new();
    // What the larger pass left in the buffers is not read.
    for (batch, leading) in [(&larger, 2), (batch, leading)] {
        let leading = batch.leading(leading);
        let len = leading.logit_rows.len() * network.config.vocabulary;
        let half = |logits: &[f32]| {
            let half = logits[..len].iter().map(|logit| logit * 0.5).collect();
            Ok::<_, Infallible>(Cow::Owned(half))
        };
        let (mut kept, mut none) = (Kept::new(sites), Gradients::for_weights(network, |_| false));
        let given = ((batch, &leading), half);
        let observers = (&mut Kept::new(&[]), &mut kept);
        forward_backward_from_site(&weights, &mut none, &mut workspace, &pool, given, observers)
            .unwrap()
            .unwrap();
        gradients = sites.iter().map(|site| bits(&kept.1[site])).collect();
    }
    gradients
}

#[test]
fn a_walk_back_over_the_first_sequences_has_the_bits_of_their_own_batch() {
    let batch = |lens: &[usize]| {
        let mut batch = Batch::new();
        for (sequence, &len) in (0..).zip(lens) {
            batch.push(SequenceId(sequence), 0, &ids(len, 3 + u64::from(sequence)));
            batch.add_last_logit_row();
        }
        batch
    };
    let sites = [block(0, BlockSite::Z), block(1, BlockSite::ResidPre), Site::Embed];
    for network in networks().into_iter().chain(mixtures()) {
        for compute in [Compute::F32, Compute::Bf16] {
            let gradients = |lens: &[usize], leading: usize| {
                gradients_of_leading(&network, compute, (&batch(lens), leading), &sites)
            };
            let alone = gradients(&[5], 1);
            assert_eq!(alone, gradients(&[5, 7, 2], 1));
            let two = gradients(&[5, 7, 2], 2);
            assert_eq!(two, gradients(&[5, 7], 2));
            for (alone, two) in alone.iter().zip(&two) {
                assert!(two.starts_with(alone) && two.len() > 2 * alone.len());
            }
        }
    }
}
