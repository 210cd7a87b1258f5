//! Real and random models agree with what transformers computes with them, at every site it shows.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![allow(clippy::print_stdout, reason = "a golden's distance is worth reading")]

use std::path::PathBuf;

use lookback_engine::{Compute, Isa, ThreadPool, WeightMode, Weights};
use lookback_lens::verify;
use lookback_model::{FAMILIES, StoredModel};

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
    for family in FAMILIES {
        agrees(&format!("golden/{}", family.model_type));
    }
}

#[test]
#[ignore = "needs LOOKBACK_SHARED"]
fn stories260k_agrees_with_transformers() {
    agrees("models/stories260k");
}
