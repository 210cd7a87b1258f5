//! Heads, scored.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use lookback_lens::{CompositionKind, composition, copying, head_profiles, neuron_firing};
use lookback_model::{BlockSite, TokenId};

use crate::goldens::{names, opened};

#[test]
fn scores_are_what_the_patterns_of_a_pass_say_in_every_family() {
    for name in names() {
        let (model, ids) = opened(&name);
        let half = &ids[..ids.len() / 2];
        let twice = [half, half].concat();
        let sequences = [ids.clone(), twice];
        let none = |_: TokenId| false;
        let mut each = |_| Ok(());
        let profiles =
            head_profiles(&model.weights, &model.pool, &sequences, &none, &mut each).unwrap();
        let config = model.config();
        assert_eq!(profiles.len(), config.layers * config.heads, "{name}");
        for profile in &profiles {
            // By plain indices, from the patterns themselves.
            let (mut previous, mut induction) = (0.0, 0.0);
            for ids in &sequences {
                let tokens = ids.len();
                let trace = model.look(ids).sites("blocks.*.attn.pattern").trace().unwrap();
                let pattern = trace.block(profile.layer, BlockSite::Pattern).unwrap();
                let at = |query: usize, key: usize| {
                    f64::from(pattern.part(profile.head)[query * tokens + key])
                };
                let all: f64 = (0..tokens)
                    .flat_map(|q| (0..=q).map(move |k| (q, k)))
                    .map(|(q, k)| at(q, k))
                    .sum();
                previous += (1..tokens).map(|query| at(query, query - 1)).sum::<f64>() / all;
                let pairs = (0..tokens).flat_map(|q| (1..=q).map(move |k| (q, k)));
                let behind = pairs.filter(|&(query, key)| ids[key - 1] == ids[query]);
                induction += behind.map(|(query, key)| at(query, key)).sum::<f64>() / all;
            }
            let apart = (profile.previous_token - previous / 2.0).abs();
            assert!(apart < 1e-12, "{name}: {profile:?}");
            assert!((profile.induction - induction / 2.0).abs() < 1e-12, "{name}: {profile:?}");
            assert!(profile.entropy >= 0.0 && profile.distance >= 0.0, "{name}");
        }
    }
}

#[test]
fn circuits_have_scores_within_their_bounds_in_every_family() {
    for name in names() {
        let (model, _) = opened(&name);
        let config = model.config();
        for raw in [false, true] {
            let scores = copying(&model.weights, &model.pool, raw);
            assert_eq!(scores.len(), config.layers * config.heads, "{name}");
            assert!(scores.iter().all(|score| score.abs() <= 1.0 + 1e-9), "{name}: {scores:?}");
            let pairs = composition(&model.weights, &model.pool, raw, usize::MAX);
            let layers = config.layers;
            let expected = 3 * config.heads * config.heads * layers * (layers - 1) / 2;
            assert_eq!(pairs.len(), expected, "{name}");
            assert!(pairs.iter().all(|pair| (0.0..=1.0).contains(&pair.score)), "{name}");
            assert!(pairs.iter().map(|pair| pair.score).rev().is_sorted(), "{name}");
            assert!(pairs.iter().all(|pair| pair.writes[0] < pair.reads[0]), "{name}");
        }
    }
}

/// ‖W_Q W_O W_V …‖ by plain loops over `[width, width]`, for one pair.
#[test]
fn composition_is_the_norm_of_the_product() {
    let (model, _) = opened("llama");
    let network = model.network();
    let config = model.config();
    let (width, head_dim) = (config.width, config.head_dim);
    let group = config.heads / config.key_heads;
    let read = |id| {
        let mut values = vec![0.0; network.weight(id).len()];
        model.weights.read(id, &mut values);
        values.into_iter().map(f64::from).collect::<Vec<f64>>()
    };
    let (writes, reads) = ([0, 1], [1, 2]);
    let circuit = |[layer, head]: [usize; 2], which: CompositionKind| {
        let block = &network.blocks[layer];
        let [q, k, v] = block.qkv.map(|linear| read(linear.weight));
        let o = read(block.output.weight);
        let inner = config.heads * head_dim;
        let mut product = vec![0.0; width * width];
        for (row, column) in (0..width).flat_map(|r| (0..width).map(move |c| (r, c))) {
            product[row * width + column] = (0..head_dim)
                .map(|d| {
                    let (own, shared) = (head * head_dim + d, head / group * head_dim + d);
                    let (query, key) = (own * width, shared * width);
                    match which {
                        // [width, width]: QKᵀ, QK, OV
                        CompositionKind::Query => k[key + row] * q[query + column],
                        CompositionKind::Key => q[query + row] * k[key + column],
                        CompositionKind::Value => o[row * inner + own] * v[key + column],
                    }
                })
                .sum();
        }
        product
    };
    let norm = |a: &[f64]| a.iter().map(|x| x * x).sum::<f64>().sqrt();
    let written = circuit(writes, CompositionKind::Value);
    let found = composition(&model.weights, &model.pool, true, usize::MAX);
    for kind in [CompositionKind::Query, CompositionKind::Key, CompositionKind::Value] {
        let reading = circuit(reads, kind);
        let mut product = vec![0.0; width * width];
        for (row, column) in (0..width).flat_map(|r| (0..width).map(move |c| (r, c))) {
            product[row * width + column] =
                (0..width).map(|i| reading[row * width + i] * written[i * width + column]).sum();
        }
        let expected = norm(&product) / (norm(&reading) * norm(&written));
        let ours = found
            .iter()
            .find(|pair| pair.kind == kind && pair.writes == writes && pair.reads == reads)
            .unwrap();
        assert!((ours.score - expected).abs() < 1e-9, "{kind:?}: {} {expected}", ours.score);
    }
}

#[test]
fn a_neuron_fires_where_its_activation_is_largest() {
    for name in names() {
        let (model, ids) = opened(&name);
        let mut each = |_| Ok(());
        let layers = neuron_firing(
            &model.weights,
            &model.pool,
            std::slice::from_ref(&ids),
            (4, 2),
            &mut each,
        )
        .unwrap();
        assert_eq!(layers.len(), model.config().layers, "{name}");
        let trace = model.look(&ids).sites("blocks.*.mlp.post").trace().unwrap();
        for of in &layers {
            let post = trace.block(of.layer, BlockSite::MlpPost).unwrap();
            let most = post.values.iter().fold(0.0, |most: f32, x| most.max(x.abs()));
            let first = &of.strongest[0];
            assert_eq!(first.activation.abs(), most, "{name}: {first:?}");
            assert!(post.part(first.token).contains(&first.activation), "{name}: {first:?}");
            // Where norms stand on the stream itself, no neuron raises a token alone.
            let tokens = if name == "opt-stream" { 0 } else { 2 };
            assert_eq!((first.up.len(), first.down.len()), (tokens, tokens), "{name}");
            assert_eq!(of.strongest.len(), 4, "{name}");
            assert!(of.dead.len() < of.count, "{name}");
        }
    }
}
