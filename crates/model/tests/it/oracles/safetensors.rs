//! Any bytes as a `model.safetensors`: what is read is what the format's own crate reads, bit for bit,
//! and what that crate reads as this model is not refused.

use std::{collections::BTreeMap, fs};

use ::safetensors::{Dtype, SafeTensors, tensor::TensorView};
use half::{bf16, f16};
use lookback_model::{Config, Network, Size, StoredModel, WeightId, save};

const TINY: Size =
    Size { vocabulary: 3, width: 4, layers: 1, heads: 2, key_heads: 1, hidden: 4, context: 4 };

/// A directory whose weights are tried, and which tensor is which weight.
struct Place {
    folder: tempfile::TempDir,
    network: Network,
    by_name: BTreeMap<String, WeightId>,
}

thread_local! {
    static PLACE: Place = place();
}

fn place() -> Place {
    let network = Network::new(&Config::llama(TINY).expect("valid"));
    let folder = tempfile::tempdir().expect("a place");
    // Each weight holds nothing but its own number, which tells under what name it is kept.
    save(folder.path(), &network, |id, out| out.fill(id.0 as f32)).expect("written");
    let bytes = fs::read(folder.path().join("model.safetensors")).expect("it was written");
    let file = SafeTensors::deserialize(&bytes).expect("it was written");
    let id = |tensor: &TensorView<'_>| WeightId(values(tensor).expect("of f32")[0] as u32);
    let by_name = file.iter().map(|(name, tensor)| (name.to_owned(), id(&tensor))).collect();
    Place { folder, network, by_name }
}

/// A tensor's values, of the types that are read.
fn values(tensor: &TensorView<'_>) -> Option<Vec<f32>> {
    let data = tensor.data();
    let halves = || data.as_chunks::<2>().0.iter().map(|two| u16::from_le_bytes(*two));
    Some(match tensor.dtype() {
        Dtype::F32 => data.as_chunks().0.iter().map(|four| f32::from_le_bytes(*four)).collect(),
        Dtype::F16 => halves().map(|bits| f16::from_bits(bits).to_f32()).collect(),
        Dtype::BF16 => halves().map(|bits| bf16::from_bits(bits).to_f32()).collect(),
        _ => return None,
    })
}

/// What the file means to the format's own crate, if it is this model.
fn by_the_format(place: &Place, bytes: &[u8]) -> Option<BTreeMap<u32, Vec<f32>>> {
    let file = SafeTensors::deserialize(bytes).ok()?;
    let mut found = BTreeMap::new();
    for (name, tensor) in file.iter() {
        // A name may go without what stands before every name.
        let full = format!("model.{name}");
        let id = *place.by_name.get(name).or_else(|| place.by_name.get(&full))?;
        let [outputs, inner] = place.network.weight(id).shape;
        let is_vector = outputs == 1 && tensor.shape() == [inner];
        if !is_vector && tensor.shape() != [outputs, inner] {
            return None;
        }
        if found.insert(id.0, values(&tensor)?).is_some() {
            return None;
        }
    }
    (found.len() == place.by_name.len()).then_some(found)
}

/// Holds one file against the format's own crate.
pub fn check(bytes: &[u8]) {
    PLACE.with(|place| {
        fs::write(place.folder.path().join("model.safetensors"), bytes).expect("written");
        let expected = by_the_format(place, bytes);
        match (StoredModel::open(place.folder.path()), expected) {
            (Err(refusal), expected) => {
                super::sentence::check(&refusal);
                let is_stricter = ["is there twice", "is not the JSON"];
                let is_told = is_stricter.iter().any(|why| refusal.to_string().contains(why));
                assert!(expected.is_none() || is_told, "{refusal}");
            }
            (Ok(_), None) => panic!("the format's own crate does not read this as the model"),
            (Ok(stored), Some(expected)) => {
                for id in place.network.ids() {
                    let read = super::fixture::read(&stored, id);
                    let same = read.iter().zip(&expected[&id.0]);
                    let is_same = same.into_iter().all(|(a, b)| a.to_bits() == b.to_bits());
                    assert!(is_same, "{}", place.network.weight(id).name);
                }
            }
        }
    });
}

/// Where a search begins.
pub fn seeds() -> Vec<Vec<u8>> {
    let place = place();
    let whole = fs::read(place.folder.path().join("model.safetensors")).expect("it was written");
    let mut tensors = super::fixture::tensors_of(&place.folder.path().join("model.safetensors"));
    for (count, (_, dtype, _, bytes)) in tensors.iter_mut().enumerate() {
        if count % 2 == 0 {
            (*dtype, *bytes) = (["F16", "BF16"][count / 2 % 2], bytes[bytes.len() / 2..].to_vec());
        }
    }
    vec![whole, super::fixture::safetensors(&tensors), super::fixture::with_header("{}", &[])]
}
