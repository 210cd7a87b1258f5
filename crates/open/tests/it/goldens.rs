//! Every family beside transformers, on any machine: tiny models whose weights follow from a formula, so that
//! only what transformers computes with them is kept. `scripts/goldens.py` writes the files.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use lookback_model::{FAMILIES, TokenId, save};
use lookback_open::{Compute, Model, OpenOptions};
use safetensors::{Dtype, serialize, tensor::TensorView};
use serde::Deserialize;
use serde_json::Value;

/// What transformers computes with a tiny model.
#[derive(Deserialize)]
struct Golden {
    config: Value,
    tensors: BTreeMap<String, Vec<usize>>,
    ids: Vec<u32>,
    logits: Vec<Vec<f32>>,
}

/// The largest difference, relative to the largest logit: both sum in f32, each in its own order.
const BOUND: f32 = 1e-5;

/// The FNV-1a hash of a tensor's name.
fn fnv1a(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// A tensor's values, as `scripts/goldens.py` has them.
fn weight(name: &str, shape: &[usize]) -> Vec<f32> {
    let center = if shape.len() == 1 && name.ends_with("weight") { 1.0 } else { 0.0 };
    let of = |place: u32| {
        let mut hash = place.wrapping_mul(0x9e37_79b1).wrapping_add(fnv1a(name));
        for (shift, factor) in [(16, 0x85eb_ca6b), (13, 0xc2b2_ae35), (16, 1)] {
            hash = (hash ^ (hash >> shift)).wrapping_mul(factor);
        }
        (f64::from(hash >> 8) / f64::from(1 << 24) - 0.5 + center) as f32
    };
    (1..=shape.iter().product::<usize>() as u32).map(of).collect()
}

/// Writes the model's directory.
fn write(golden: &Golden, folder: &Path) {
    let bytes: BTreeMap<&String, Vec<u8>> = golden
        .tensors
        .iter()
        .map(|(name, shape)| {
            (name, weight(name, shape).into_iter().flat_map(f32::to_le_bytes).collect())
        })
        .collect();
    let views = golden.tensors.iter().map(|(name, shape)| {
        (name.clone(), TensorView::new(Dtype::F32, shape.clone(), &bytes[name]).unwrap())
    });
    fs::write(folder.join("model.safetensors"), serialize(views, None).unwrap()).unwrap();
    fs::write(folder.join("config.json"), golden.config.to_string()).unwrap();
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens")
}

/// The names of all goldens: a family's own, and those of its kinds.
pub fn names() -> Vec<String> {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    let mut names: Vec<String> = entries.map(name).collect();
    names.sort();
    names
}

fn golden(name: &str) -> Golden {
    let text = fs::read_to_string(folder().join(format!("{name}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn every_family_has_a_golden() {
    let names = names();
    for family in FAMILIES.iter().map(|family| family.model_type) {
        assert!(
            names.iter().any(|name| name == family),
            "{family}: write one with scripts/goldens.py"
        );
    }
}

/// Writes a golden's directory, and gives its ids.
pub fn written(family: &str, folder: &Path) -> Vec<TokenId> {
    let golden = golden(family);
    write(&golden, folder);
    golden.ids.iter().copied().map(TokenId).collect()
}

/// A golden's model, and the ids of its golden.
pub fn opened(family: &str) -> (Model, Vec<TokenId>) {
    opened_with(family, Model::options())
}

/// The same with other options.
pub fn opened_with(family: &str, options: OpenOptions) -> (Model, Vec<TokenId>) {
    let golden = golden(family);
    let folder = tempfile::tempdir().unwrap();
    write(&golden, folder.path());
    let ids = golden.ids.iter().copied().map(TokenId).collect();
    (options.threads(2).open(folder.path()).unwrap(), ids)
}

#[test]
fn every_family_computes_what_transformers_computes() {
    for name in names() {
        let golden = golden(&name);
        let folder = tempfile::tempdir().unwrap();
        write(&golden, folder.path());
        let model = Model::open(folder.path()).unwrap();
        let ids: Vec<TokenId> = golden.ids.iter().copied().map(TokenId).collect();
        let ours = model.logits(&ids).unwrap();
        assert_eq!(ours.shape, [ids.len(), golden.logits[0].len()], "{name}");
        let theirs: Vec<f32> = golden.logits.concat();
        let largest = theirs.iter().fold(0.0, |a: f32, b| a.max(b.abs()));
        assert!(largest > 0.5, "{name}: logits that show something");
        let differences = ours.values.iter().zip(&theirs).map(|(a, b)| (a - b).abs() / largest);
        let furthest = differences.fold(0.0, f32::max);
        assert!(furthest <= BOUND, "{name}: {furthest:e} from transformers");
        println!("{name}: within {furthest:.1e} of transformers");
        // A greedy step chooses what transformers holds likeliest.
        let written = model.generate(ids).greedy().ignore_eos().max_tokens(1);
        let next = written.into_iter().next().unwrap().unwrap().token.unwrap();
        let last = golden.logits.last().unwrap();
        let best = (0..last.len()).fold(0, |a, b| if last[b] > last[a] { b } else { a });
        assert_eq!(next.index(), best, "{name}");
    }
}

#[test]
fn every_family_is_written_as_it_was_read() {
    for name in names() {
        let (model, ids) = opened(&name);
        let folder = tempfile::tempdir().unwrap();
        let weights = &model.weights;
        save(folder.path(), weights.network(), |id, out| weights.read(id, out)).unwrap();
        let copy = Model::options().threads(2).open(folder.path()).unwrap();
        assert_eq!(copy.config(), model.config(), "{name}");
        let bits = |model: &Model| {
            let logits = model.logits(&ids).unwrap();
            logits.values.iter().map(|x| x.to_bits()).collect::<Vec<_>>()
        };
        assert!(bits(&copy) == bits(&model), "{name}");
    }
}

#[test]
fn a_cache_of_chunks_gives_the_bits_of_one_pass_in_every_family() {
    for (name, compute) in
        names().into_iter().flat_map(|name| [(name.clone(), Compute::F32), (name, Compute::Bf16)])
    {
        let golden = golden(&name);
        let folder = tempfile::tempdir().unwrap();
        write(&golden, folder.path());
        let model = Model::options().compute(compute).threads(2).open(folder.path()).unwrap();
        let ids: Vec<TokenId> = golden.ids.iter().copied().map(TokenId).collect();
        let whole = model.logits(&ids).unwrap();
        for chunk in [1, 5, ids.len()] {
            let mut session = model.session(ids.len()).unwrap();
            for (at, part) in ids.chunks(chunk).enumerate() {
                let last = (at * chunk + part.len()) - 1;
                let logits = session.read(part).unwrap();
                let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                assert!(bits(logits) == bits(whole.part(last)), "{name}, {compute:?}, {chunk}");
            }
        }
    }
}
