//! A pass is remembered, shared by those who wait, and forgotten when there is no room.

use lookback_engine::{WeightMode, Weights};
use lookback_model::{BlockSite, Config, Size};
use lookback_text::Tokenizer;

use super::*;
use lookback_open::Model;

use crate::models::ServedModel;

/// A model whose logits are far larger than anything else of it: 65,536 tokens, four wide.
fn input(tokens: usize) -> ModelInput {
    let tokenizer = Tokenizer::train_bpe(&["the bird is red"], 260, &["<|endoftext|>"]).unwrap();
    let size = Size {
        vocabulary: 1 << 16,
        width: 4,
        layers: 1,
        heads: 2,
        key_heads: 1,
        hidden: 4,
        context: 1024,
    };
    let network = Arc::new(Network::new(&Config::llama(size).unwrap()));
    let weights = Weights::new(
        network,
        WeightMode::Inference,
        Compute::F32,
        &ThreadPool::single_threaded(),
        |_, to| {
            to.fill(0.01);
            Ok(())
        },
    );
    let weights = Arc::new(weights.unwrap());
    let model = served("wide", weights, tokenizer);
    ModelInput {
        model: Arc::new(model),
        ids: (0..tokens as u32).map(TokenId).collect(),
        rendered: None,
        edits: Edits::default(),
    }
}

fn served(name: &str, weights: Arc<Weights>, tokenizer: Tokenizer) -> ServedModel {
    let pool = Arc::new(ThreadPool::single_threaded());
    ServedModel::new(name, Model::new("nowhere".into(), weights, Some(tokenizer), pool)).unwrap()
}

fn passes() -> PassCache {
    PassCache::new(Arc::new(ThreadPool::single_threaded()))
}

#[tokio::test]
async fn the_same_prompt_costs_one_pass() {
    let (passes, input) = (passes(), input(4));
    let first = passes.sites(&input, &[Site::Embed]).await.unwrap();
    let second = passes.sites(&input, &[Site::Logits, Site::Probabilities]).await.unwrap();
    assert!(Arc::ptr_eq(&first, &second), "what is cheap was kept unasked");
}

#[tokio::test]
async fn of_many_logits_only_the_tokens_asked_for_are_kept() {
    let (passes, input) = (passes(), input(400));
    let part = |token| (Site::Logits, Some(token));
    let first = passes.parts(&input, &[part(399)]).await.unwrap();
    assert!(first.at(Site::Logits).is_none());
    assert_eq!(first.part(Site::Logits, 399).unwrap().shape, [1 << 16]);
    assert!(first.bytes() < 4 << 20, "{}", first.bytes());
    let second = passes.parts(&input, &[part(7)]).await.unwrap();
    assert!(second.part(Site::Logits, 7).is_some() && second.part(Site::Logits, 399).is_some());
    let again = passes.parts(&input, &[part(7), part(399)]).await.unwrap();
    assert!(Arc::ptr_eq(&second, &again));
    let whole = passes.sites(&input, &[Site::Logits]).await.unwrap();
    assert_eq!(
        whole.at(Site::Logits).unwrap().part(7),
        second.part(Site::Logits, 7).unwrap().values
    );
}

#[tokio::test]
async fn what_several_want_while_they_wait_is_read_in_one_pass() {
    let (passes, input) = (passes(), input(400));
    let lock = passes.0.compute_lock.clone().lock_owned().await;
    let ask = |token| {
        let (passes, input) = (passes.clone(), input.clone());
        tokio::spawn(
            async move { passes.parts(&input, &[(Site::Logits, Some(token))]).await.unwrap() },
        )
    };
    let waiting = [ask(1), ask(2), ask(3)];
    while passes.0.pending.lock().unwrap().len() < 3 {
        tokio::task::yield_now().await;
    }
    drop(lock);
    let [a, b, c] = waiting;
    let (a, b, c) = (a.await.unwrap(), b.await.unwrap(), c.await.unwrap());
    assert!(Arc::ptr_eq(&a, &b) && Arc::ptr_eq(&b, &c));
    assert!(passes.0.pending.lock().unwrap().is_empty());
}

#[tokio::test]
async fn who_goes_away_leaves_the_queue() {
    let (passes, input) = (passes(), input(4));
    let lock = passes.0.compute_lock.clone().lock_owned().await;
    let waiting = {
        let (passes, input) = (passes.clone(), input.clone());
        tokio::spawn(async move { passes.sites(&input, &[Site::Embed]).await.map(|_| ()) })
    };
    while passes.0.pending.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    waiting.abort();
    assert!(waiting.await.is_err());
    assert!(passes.0.pending.lock().unwrap().is_empty(), "its wish is withdrawn");
    drop(lock);
    assert!(passes.cached_passes().0.is_empty(), "and nobody computed it");
}

#[tokio::test]
async fn the_oldest_pass_is_forgotten_first() {
    let passes = passes();
    // Four whole tables of logits fit, five do not.
    let input = [input(300), input(301), input(302), input(303), input(304)];
    for input in &input {
        passes.sites(input, &[Site::Logits]).await.unwrap();
    }
    let cached_passes: Vec<usize> =
        passes.cached_passes().0.iter().map(|(key, _)| key.1.len()).collect();
    assert_eq!(cached_passes, [301, 302, 303, 304]);
}

#[tokio::test]
async fn what_no_machine_holds_is_refused_with_the_numbers() {
    let error = passes().sites(&input(1024), &[Site::Embed]).await;
    assert!(error.is_ok(), "1,024 tokens of this model take 512 MB");
    let network = Network::new(
        &Config::llama(Size {
            vocabulary: 1 << 16,
            width: 4,
            layers: 1,
            heads: 2,
            key_heads: 1,
            hidden: 4,
            context: 1 << 16,
        })
        .unwrap(),
    );
    let refused = check_memory(&network, Compute::F32, 1 << 16, 1, None).unwrap_err();
    let said = format!("{refused:?}");
    assert!(said.contains("65536 tokens need ") && said.contains("2048 MB is the most"), "{said}");
    // Where less is free, a half of that.
    assert!(check_memory(&network, Compute::F32, 64, 1, Some(1 << 30)).is_ok());
    let refused = check_memory(&network, Compute::F32, 64, 1, Some(4 << 20)).unwrap_err();
    let said = format!("{refused:?}");
    assert!(said.contains("64 tokens need ") && said.contains("and 2 MB is the most"), "{said}");
}

/// A long prompt of a model whose patterns are far larger than its streams.
fn long() -> ModelInput {
    let tokenizer = Tokenizer::train_bpe(&["the bird is red"], 260, &["<|endoftext|>"]).unwrap();
    let size = Size {
        vocabulary: 300,
        width: 16,
        layers: 12,
        heads: 8,
        key_heads: 8,
        hidden: 16,
        context: 1024,
    };
    let network = Arc::new(Network::new(&Config::llama(size).unwrap()));
    let mut at = 0_u32;
    let weights = Weights::new(
        network,
        WeightMode::Inference,
        Compute::F32,
        &ThreadPool::single_threaded(),
        |_, to| {
            for value in to {
                at = at.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *value = (at >> 8) as f32 / (1 << 23) as f32 - 1.0;
            }
            Ok(())
        },
    );
    let weights = Arc::new(weights.unwrap());
    let model = served("long", weights, tokenizer);
    ModelInput {
        model: Arc::new(model),
        ids: (0..700).map(|id| TokenId(id % 300)).collect(),
        rendered: None,
        edits: Edits::default(),
    }
}

#[tokio::test]
async fn another_layer_head_or_token_needs_no_new_pass_and_has_its_bits() {
    let (passes, input) = (passes(), long());
    let first = passes.sites(&input, &[Site::Embed]).await.unwrap();
    let all = lookback_lens::trace(
        &input.model.weights,
        &ThreadPool::single_threaded(),
        &input.ids,
        &SiteFilter::parse("blocks.*.attn.*, blocks.*.mlp.*, logits").unwrap(),
    );
    let all = all.unwrap();
    let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    for layer in [11, 3, 7, 3] {
        let sites = [BlockSite::Scores, BlockSite::Pattern, BlockSite::MlpPost];
        let wanted = sites.map(|site| Site::Block(layer, site));
        assert!(first.at(wanted[0]).is_none(), "all were kept, so nothing is shown by it");
        let pass = passes.sites(&input, &wanted).await.unwrap();
        assert_eq!(pass.milliseconds.to_bits(), first.milliseconds.to_bits(), "a new pass");
        for site in wanted {
            let [made, whole] = [&pass.at(site), &all.at(site)].map(|seen| seen.unwrap());
            assert_eq!(bits(&made.values), bits(&whole.values), "{site}");
        }
    }
    for token in [699, 0, 350] {
        let part = [(Site::Logits, Some(token)), (Site::Block(5, BlockSite::Pattern), Some(2))];
        let pass = passes.parts(&input, &part).await.unwrap();
        assert_eq!(pass.milliseconds.to_bits(), first.milliseconds.to_bits(), "a new pass");
        let row = all.at(Site::Logits).unwrap().part(token);
        assert_eq!(bits(pass.row(Site::Logits, token)), bits(row));
    }
}

#[tokio::test]
async fn a_pass_with_edits_shares_what_stands_below_them_and_both_are_held() {
    use lookback_model::{Change, Edit};
    let (passes, plain) = (passes(), long());
    let off = |number: f32| {
        let edit =
            Edit { change: Change::Set, positions: None, columns: 0..2, numbers: [number].into() };
        ModelInput { edits: Edits::new([(Site::Block(7, BlockSite::Z), edit)]), ..plain.clone() }
    };
    let stream = |layer| Site::Block(layer, BlockSite::ResidPost);
    let before = passes.sites(&plain, &[stream(11)]).await.unwrap();
    let after = passes.sites(&off(0.0), &[stream(11)]).await.unwrap();
    let again = passes.sites(&off(1.0), &[stream(11)]).await.unwrap();
    for layer in 0..12 {
        let [before, after, again] =
            [&before, &after, &again].map(|pass| &pass.trace.sites[&stream(layer)]);
        assert_eq!(Arc::ptr_eq(before, after), layer < 7, "{layer}");
        assert_eq!(Arc::ptr_eq(before, again), layer < 7, "{layer}");
    }
    assert_ne!(before.at(stream(11)), after.at(stream(11)));
    assert_ne!(again.at(stream(11)), after.at(stream(11)));
    let held = passes.sites(&plain, &[stream(0)]).await.unwrap();
    assert!(Arc::ptr_eq(&held, &before));
    // Layers on both sides of the edit are made again without a pass, with its edits.
    for layer in [3, 7, 9] {
        let scores = Site::Block(layer, BlockSite::Scores);
        let input = off(0.0);
        let made = passes.sites(&input, &[scores]).await.unwrap();
        let weights = &input.model.weights;
        let filter = SiteFilter::only([scores]);
        let pool = ThreadPool::single_threaded();
        let whole =
            lookback_lens::trace_with_edits(weights, &pool, &input.ids, &filter, &input.edits);
        assert_eq!(made.at(scores), whole.unwrap().at(scores), "{layer}");
    }
}

#[tokio::test]
async fn a_look_at_every_layer_keeps_a_bounded_part_of_a_long_prompt() {
    let (passes, input) = (passes(), long());
    let layer = 2 * 4 * 8 * input.ids.len().pow(2);
    for at in (0..12).chain((0..12).rev()) {
        let wanted = [BlockSite::Scores, BlockSite::Pattern].map(|site| Site::Block(at, site));
        let pass = passes.sites(&input, &wanted).await.unwrap();
        assert!(
            pass.bytes() <= default_sites::MAX_BYTES + recompute::MAX_LAYER_BYTES + 2 * layer,
            "{}",
            pass.bytes()
        );
    }
    let cached_passes = passes.cached_passes();
    let all: usize = cached_passes.0.iter().map(|(_, pass)| pass.bytes()).sum();
    assert!(
        all <= MAX_CACHED_BYTES
            .max(default_sites::MAX_BYTES + recompute::MAX_LAYER_BYTES + 2 * layer),
        "{all}"
    );
}
