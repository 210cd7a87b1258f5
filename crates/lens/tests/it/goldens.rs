//! Real and random models agree with what transformers computes with them, at every site it shows.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![allow(clippy::print_stdout, reason = "a golden's distance is worth reading")]

use std::path::PathBuf;

use lookback_engine::{Compute, Isa, ThreadPool, WeightMode, Weights};
use lookback_lens::verify;
use lookback_model::{FAMILIES, StoredModel};

/// One of each family, and of each kind of rotary scaling.
const GOLDENS: [&str; 28] = [
    "gpt2",
    "llama",
    "llama3-rope",
    "llama-linear-rope",
    "llama-yarn",
    "mistral-window",
    "qwen2",
    "qwen3",
    "gemma3",
    "phi",
    "phi3",
    "olmo2",
    "olmo3",
    "smollm3",
    "granite",
    "stablelm",
    "starcoder2",
    "gpt-neox",
    "gptj",
    "gpt-neo",
    "opt",
    "falcon",
    "gemma2",
    "bloom",
    "mixtral",
    "qwen3-moe",
    "olmoe",
    "gpt-oss",
];

fn shared() -> PathBuf {
    std::env::var_os("LOOKBACK_SHARED").expect("LOOKBACK_SHARED names the folder of goldens").into()
}

fn agrees(model: &str) {
    let folder = shared().join(model);
    let stored = StoredModel::open(&folder).unwrap();
    for path in Isa::available() {
        for threads in [1, 2] {
            let pool = ThreadPool::new(threads, path);
            let weights =
                Weights::load(&stored, WeightMode::Inference, Compute::F32, &pool).unwrap();
            let verdict = verify(&weights, &pool, &folder.join("expected.safetensors")).unwrap();
            assert_eq!(verdict.unknown, Vec::<String>::new());
            assert!(verdict.sites.len() > 2 * stored.config().layers);
            for site in &verdict.sites {
                assert!(site.relative < 1e-4, "{model}, {path:?}: {site:?}");
            }
            let (agreeing, of) = verdict.greedy.unwrap();
            println!("{model} {path:?}: {:.1e}, greedy {agreeing} of {of}", verdict.largest());
            assert!(agreeing >= 32);
        }
    }
}

#[test]
#[ignore = "needs LOOKBACK_SHARED"]
fn every_family_agrees_with_transformers() {
    for golden in GOLDENS {
        agrees(&format!("golden/{golden}"));
    }
    let stored = GOLDENS.iter().map(|golden| {
        StoredModel::open(&shared().join("golden").join(golden)).unwrap().config().family
    });
    let tried: Vec<_> = stored.collect();
    // Those of Gemma and OLMo stand in this repository alone: crates/open/tests/goldens.
    for family in FAMILIES.iter().filter(|family| !["gemma", "olmo"].contains(&family.model_type)) {
        assert!(tried.contains(family), "no golden of {family:?}");
    }
}

#[test]
#[ignore = "needs LOOKBACK_SHARED"]
fn stories260k_agrees_with_transformers() {
    agrees("models/stories260k");
}
