//! Any bytes as a `.gguf`: what is read is what a reader of plain loops finds in the same bytes.
//!
//! That reader knows no bounds but those of a slice: it says nothing where a file ends too early.

use std::fs;

use half::{bf16, f16};
use lookback_model::{StorageType, StoredModel, StoredTokenizer};

thread_local! {
    static PLACE: tempfile::TempDir = tempfile::tempdir().expect("a place");
}

/// What a file holds.
#[derive(Default)]
struct Plain {
    tokens: Vec<Vec<u8>>,
    merges: Vec<Vec<u8>>,
    scores: Vec<u32>,
    kinds: Vec<u32>,
    alignment: usize,
    tensors: Vec<Tensor>,
    data: Vec<u8>,
}

struct Tensor {
    name: String,
    elements: usize,
    kind: u32,
    offset: usize,
}

/// The rest of a file.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.bytes(4)?.try_into().ok()?))
    }

    fn size(&mut self) -> Option<usize> {
        Some(u64::from_le_bytes(self.bytes(8)?.try_into().ok()?) as usize)
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let length = self.size()?;
        self.bytes(length)
    }
}

/// Bytes of a number of metadata, by its type; of a text or list they follow from what is in it.
fn width(kind: u32) -> Option<usize> {
    Some(match kind {
        0 | 1 | 7 => 1,
        2 | 3 => 2,
        4..=6 => 4,
        10..=12 => 8,
        _ => return None,
    })
}

fn read(file: &[u8]) -> Option<Plain> {
    let mut rest = Rest(file);
    let mut plain = Plain { alignment: 32, ..Plain::default() };
    rest.bytes(8)?;
    let (tensors, keys) = (rest.size()?, rest.size()?);
    for _ in 0..keys {
        let key = rest.text()?;
        match rest.u32()? {
            8 => drop(rest.text()?),
            9 => {
                let (kind, count) = (rest.u32()?, rest.size()?);
                for _ in 0..count {
                    let one = if kind == 8 { rest.text()? } else { rest.bytes(width(kind)?)? };
                    let number = || one.try_into().map(u32::from_le_bytes).ok();
                    match key {
                        b"tokenizer.ggml.tokens" => plain.tokens.push(one.to_vec()),
                        b"tokenizer.ggml.merges" => plain.merges.push(one.to_vec()),
                        b"tokenizer.ggml.scores" => plain.scores.push(number()?),
                        b"tokenizer.ggml.token_type" => plain.kinds.push(number()?),
                        _ => {}
                    }
                }
            }
            kind => {
                let bytes = rest.bytes(width(kind)?)?;
                if key == b"general.alignment" {
                    let whole = bytes.iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte));
                    plain.alignment = whole as usize;
                }
            }
        }
    }
    for _ in 0..tensors {
        let name = String::from_utf8(rest.text()?.to_vec()).ok()?;
        let dimensions = rest.u32()?;
        let mut elements = 1;
        for _ in 0..dimensions {
            elements *= rest.size()?;
        }
        let (kind, offset) = (rest.u32()?, rest.size()?);
        plain.tensors.push(Tensor { name, elements, kind, offset });
    }
    let at = (file.len() - rest.0.len()).next_multiple_of(plain.alignment);
    plain.data = file.get(at..).unwrap_or_default().to_vec();
    Some(plain)
}

/// The values of a tensor's bytes, by the formulas of ggml.
fn values(kind: u32, elements: usize, bytes: &[u8]) -> Option<Vec<f32>> {
    // The values of these are held to those of another program's beside the kernels.
    let others = [
        (6, StorageType::Q5_0),
        (7, StorageType::Q5_1),
        (10, StorageType::Q2K),
        (11, StorageType::Q3K),
        (12, StorageType::Q4K),
        (13, StorageType::Q5K),
        (14, StorageType::Q6K),
        (20, StorageType::Iq4Nl),
        (23, StorageType::Iq4Xs),
        (39, StorageType::Mxfp4),
    ];
    if let Some((_, storage)) = others.into_iter().find(|(number, _)| *number == kind) {
        let mut values = vec![0.0; elements];
        storage.widen(bytes.get(..storage.bytes(elements))?, &mut values);
        return Some(values);
    }
    let half = |bytes: &[u8]| Some(f16::from_le_bytes(bytes.try_into().ok()?).to_f32());
    let mut values = Vec::new();
    for place in 0..elements {
        let (block, i) = (place / 32, place % 32);
        values.push(match kind {
            0 => f32::from_le_bytes(bytes.get(4 * place..4 * place + 4)?.try_into().ok()?),
            1 => half(bytes.get(2 * place..2 * place + 2)?)?,
            30 => {
                let bytes = bytes.get(2 * place..2 * place + 2)?;
                bf16::from_le_bytes(bytes.try_into().ok()?).to_f32()
            }
            8 => {
                let block = bytes.get(34 * block..34 * block + 34)?;
                f32::from(block[2 + i] as i8) * half(&block[..2])?
            }
            2 | 3 => {
                let (width, first) = if kind == 2 { (18, 2) } else { (20, 4) };
                let block = bytes.get(width * block..width * block + width)?;
                let quant = f32::from(block[first + i % 16] >> (4 * (i / 16)) & 15);
                let scale = half(&block[..2])?;
                match kind {
                    2 => (quant - 8.0) * scale,
                    _ => quant * scale + half(&block[2..4])?,
                }
            }
            28 => f64::from_le_bytes(bytes.get(8 * place..8 * place + 8)?.try_into().ok()?) as f32,
            _ => return None,
        });
    }
    Some(values)
}

/// All of a model's numbers in no order; NaN is one number.
fn sorted(values: impl Iterator<Item = f32>) -> Vec<u32> {
    let bits = |value: f32| if value.is_nan() { f32::NAN.to_bits() } else { value.to_bits() };
    let mut all: Vec<u32> = values.map(bits).collect();
    all.sort_unstable();
    all
}

/// Holds one file against the plain reader.
pub fn check(bytes: &[u8]) {
    let path = PLACE.with(|folder| folder.path().join("a.gguf"));
    fs::write(&path, bytes).expect("written");
    let stored = match StoredModel::open(&path) {
        Ok(stored) => stored,
        Err(refusal) => return super::sentence::check(&refusal),
    };
    let plain = read(bytes).expect("what was opened can be read");
    let StoredTokenizer::Gguf(tokenizer) = stored.tokenizer() else { panic!("it is a file") };
    let texts = |texts: &[String]| -> Vec<Vec<u8>> {
        texts.iter().map(|text| text.clone().into_bytes()).collect()
    };
    assert_eq!(texts(&tokenizer.tokens), plain.tokens);
    assert_eq!(texts(&tokenizer.merges), plain.merges);
    let bits: Vec<u32> = tokenizer.scores.iter().map(|score| score.to_bits()).collect();
    // What is behind the last token belongs to none; a name may say more than a type.
    let tokens = plain.tokens.len();
    assert_eq!(bits, plain.scores[..tokens.min(plain.scores.len())]);
    let kinds: Vec<u32> = tokenizer.token_types.iter().map(|kind| *kind as u32).collect();
    let is_said = !tokenizer.remarks.is_empty();
    assert!(is_said || kinds == plain.kinds[..tokens.min(plain.kinds.len())]);
    assert_eq!(weights(&stored), numbers(bytes), "every number of the file, and no other");
}

/// A model's numbers in no order.
pub fn weights(stored: &StoredModel) -> Vec<u32> {
    sorted(stored.network().ids().flat_map(|id| super::fixture::read(stored, id)))
}

/// Those of all tensors of a file.
pub fn numbers(file: &[u8]) -> Vec<u32> {
    let plain = read(file).expect("what was opened can be read");
    let in_file = plain.tensors.iter().flat_map(|tensor| {
        let bytes = &plain.data[tensor.offset.min(plain.data.len())..];
        values(tensor.kind, tensor.elements, bytes)
            .unwrap_or_else(|| panic!("{} lies beyond the file", tensor.name))
    });
    sorted(in_file)
}

/// Where a search begins.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for kind in [0, 1, 2, 3, 8, 30] {
        seeds.push(super::fixture::quantised_gguf(kind));
    }
    seeds.push(super::fixture::Gguf::new().finish());
    // What each architecture says beside its tensors.
    for network in super::fixture::families() {
        seeds.push(super::fixture::gguf_keys(&network).finish());
    }
    seeds
}
