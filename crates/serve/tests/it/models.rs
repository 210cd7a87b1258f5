//! What the page is told of a model is what is held, not what a model of its shape would hold.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{path::Path, sync::Arc};

use crate::fixture::{PORT, ask, get, model};
use lookback_engine::{Compute, Isa, ThreadPool, WeightMode, Weights};
use lookback_model::StoredModel;
use lookback_open::Model;
use lookback_serve::{ServedModel, Server};
use safetensors::{Dtype, SafeTensors, serialize, tensor::TensorView};

/// Stores a model of these weights in bf16, as Hugging Face directories mostly have it.
fn store(folder: &Path, weights: &Weights) {
    lookback_model::save(folder, weights.network(), |id, to| weights.read(id, to)).unwrap();
    let path = folder.join("model.safetensors");
    let file = std::fs::read(&path).unwrap();
    let halved: Vec<(String, Vec<usize>, Vec<u8>)> = SafeTensors::deserialize(&file)
        .unwrap()
        .iter()
        .map(|(name, tensor)| {
            let upper = tensor.data().as_chunks::<4>().0.iter().flat_map(|word| [word[2], word[3]]);
            (name.to_owned(), tensor.shape().to_vec(), upper.collect())
        })
        .collect();
    let views = halved.iter().map(|(name, shape, bytes)| {
        (name, TensorView::new(Dtype::BF16, shape.clone(), bytes).unwrap())
    });
    std::fs::write(&path, serialize(views, None).unwrap()).unwrap();
}

#[tokio::test]
async fn bytes_and_precision_are_those_that_are() {
    let pool = Arc::new(ThreadPool::new(1, Isa::detect()));
    let server = Server::new(pool.clone()).unwrap();
    let plain = model("plain", &pool);
    let folder = tempfile::tempdir().unwrap();
    store(folder.path(), &plain.weights);
    let stored = StoredModel::open(folder.path()).unwrap();
    let load = |compute| Weights::load(&stored, WeightMode::Inference, compute, &pool).unwrap();
    for (name, compute) in [("f32", Compute::F32), ("bf16", Compute::Bf16)] {
        let weights = load(compute);
        let planned = Weights::stored_bytes(&stored, WeightMode::Inference, compute);
        assert_eq!(weights.bytes_held(), planned, "{name}");
        let tokenizer = Some((*plain.tokenizer).clone());
        let mut model = Model::new(folder.path().into(), weights, tokenizer, pool.clone());
        model.file_bytes = Some(stored.file_bytes());
        server.put_model(ServedModel::new(name, model).unwrap());
    }
    let wide = plain.weights.bytes_held();
    assert_eq!(wide, Weights::bytes(plain.weights.network(), WeightMode::Inference, Compute::F32));
    server.put_model(plain);
    let told = ask(&server.router("127.0.0.1", PORT), get("/api/models")).await.json();
    let of = |name: &str| {
        let all = told["models"].as_array().unwrap();
        all.iter().find(|model| model["name"] == name).unwrap().clone()
    };
    let length = std::fs::metadata(folder.path().join("model.safetensors")).unwrap().len();
    for name in ["f32", "bf16"] {
        let model = of(name);
        assert_eq!((&model["precision"], &model["compute"]), (&"bf16".into(), &name.into()));
        assert_eq!(model["file_bytes"], length, "{name}");
    }
    let model = of("plain");
    assert_eq!((&model["precision"], &model["compute"]), (&"f32".into(), &"f32".into()));
    assert_eq!(model["bytes"], wide);
    assert!(model["file_bytes"].is_null());
    // Stored in half the bytes, it is held in fewer than its copy in f32.
    assert!(of("f32")["bytes"].as_u64().unwrap() < wide as u64, "{told}");
}
