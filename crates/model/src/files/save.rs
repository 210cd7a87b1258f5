//! Writes a model as the directory that transformers loads: safetensors and their `config.json`.
//!
//! Weights are asked for one by one and streamed: at most one stored tensor is held in memory.
//! GPT-2's files have every bias, so those that a model does not have are written as zeros. Every file is
//! whole or absent, and `config.json` comes last, so a directory that has it is a model.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use lookback_files::{Refusal, Result, write_atomic, write_atomic_with};
use lookback_kernels::{naive::stored::StorageType, quantize::quantize};
use serde_json::{Map, json};

use super::{gguf::TensorWritten, names::Names, places::Place};
use crate::{Network, WeightId, WeightKind};

/// Writes `model.safetensors`, `generation_config.json` and `config.json` into a directory, which
/// is made if need be. `fill` puts a weight's values into a slice: `[outputs, inner]` or `[n]`.
pub fn save(
    folder: &Path,
    network: &Network,
    fill: impl FnMut(WeightId, &mut [f32]),
) -> Result<()> {
    save_as(folder, network, StorageType::F32, fill, &mut |_| Ok(()))
}

/// As [`save`], with all tensors in f32, f16 or bf16. `written` is told of each, and may refuse to go on.
///
/// # Errors
/// Also of a value that is no finite number in that type.
pub fn save_as(
    folder: &Path,
    network: &Network,
    storage: StorageType,
    mut fill: impl FnMut(WeightId, &mut [f32]),
    written: &mut dyn FnMut(TensorWritten<'_>) -> Result<()>,
) -> Result<()> {
    let (name, dtype) = match storage {
        StorageType::F32 => ("float32", "F32"),
        StorageType::F16 => ("float16", "F16"),
        StorageType::Bf16 => ("bfloat16", "BF16"),
        other => {
            return Err(Refusal::unsupported(format!(
                "a directory's tensors are stored as f32, f16 or bf16, not as {}",
                other.name()
            )));
        }
    };
    let config = network.config.to_hugging_face_of(name)?;
    let stored = Network::new(&network.config.as_stored());
    check_norms(network, &mut fill)?;
    fs::create_dir_all(folder).map_err(|error| Refusal::writing(folder, &error))?;

    let names = &network.config.family.names;
    let places = names.places(&stored);
    let header = header(&places, names, storage, dtype);
    let all = tensors(&places).map(|tensor| storage.bytes(tensor[0].stored_elements())).sum();
    let (mut refused, mut done) = (None, 0);
    let wrote = write_atomic_with(&folder.join("model.safetensors"), |to| {
        to.write_all(&(header.len() as u64).to_le_bytes())?;
        to.write_all(header.as_bytes())?;
        let (mut values, mut bytes) = (Vec::new(), Vec::new());
        for tensor in tensors(&places) {
            values.clear();
            values.resize(tensor[0].stored_elements(), 0.0);
            for place in tensor {
                let Some(id) = network.find(&stored.weight(place.id).name) else { continue };
                match place.row {
                    None => put(place, |out| fill(id, out), &mut values),
                    Some(row) => {
                        let mut rows = vec![0.0; network.weight(id).len()];
                        fill(id, &mut rows);
                        let len = place.rows.len;
                        let own = &rows[row * len..][..len];
                        put(place, |out| out.copy_from_slice(own), &mut values);
                    }
                }
            }
            let to = &mut Numbers { to, storage, bytes: &mut bytes, written: 0 };
            let numbers = match tensor[0].inner {
                Some(inner) if tensor[0].is_transposed => values
                    .chunks_exact(tensor[0].outputs_of_one() * inner)
                    .try_for_each(|matrix| to.write_columns(matrix, inner)),
                _ => to.write(&values),
            };
            done += storage.bytes(values.len());
            let name = names.full(&tensor[0].name);
            let told = match numbers {
                Ok(()) => written(TensorWritten { name: &name, storage, done, all }),
                Err(NotWritten::Disk(error)) => return Err(error),
                Err(NotWritten::Value(at)) => Err(Refusal::user(format!(
                    "tensor {name}: value {at} is no finite number in {}; correct the weights, or write another \
                     type",
                    storage.name()
                ))),
            };
            if let Err(refusal) = told {
                refused = Some(refusal);
                return Err(io::Error::other("refused"));
            }
        }
        Ok(())
    });
    if let Some(refusal) = refused {
        return Err(refusal);
    }
    wrote?;
    let generation = network.config.generation_to_hugging_face();
    write_atomic(&folder.join("generation_config.json"), generation.as_bytes())?;
    write_atomic(&folder.join("config.json"), config.as_bytes())
}

/// Refuses weights of norms that the family's files have no place for, unless they are 1.
fn check_norms(network: &Network, fill: &mut impl FnMut(WeightId, &mut [f32])) -> Result<()> {
    let is_left_out = |id: &WeightId| {
        !network.config.has_norm_weights && network.weight(*id).kind == WeightKind::Gain
    };
    for id in network.ids().filter(is_left_out) {
        let mut values = vec![0.0; network.weight(id).len()];
        fill(id, &mut values);
        if values.iter().any(|value| *value != 1.0) {
            return Err(Refusal::unsupported(format!(
                "files of this model have no weights of norms, and {} was changed",
                network.weight(id).name
            )));
        }
    }
    Ok(())
}

/// The places of each stored tensor, which stand side by side.
fn tensors(places: &[Place]) -> impl Iterator<Item = &[Place]> {
    places.chunk_by(|one, next| one.name == next.name)
}

/// Puts the rows of a weight where they stand in their tensor.
fn put(place: &Place, fill: impl FnOnce(&mut [f32]), tensor: &mut [f32]) {
    let (rows, inner) = (&place.rows, place.inner.unwrap_or(1));
    if rows.are_contiguous() {
        let here = &mut tensor[rows.first * inner..][..rows.len * inner];
        fill(here);
        if place.is_less_one {
            here.iter_mut().for_each(|weight| *weight -= 1.0);
        }
        return;
    }
    let mut values = vec![0.0; rows.len * inner];
    fill(&mut values);
    for (row, values) in values.chunks_exact(inner).enumerate() {
        tensor[rows.stored(row) * inner..][..inner].copy_from_slice(values);
    }
}

/// The JSON, padded with spaces so that the data begins at a multiple of eight.
fn header(places: &[Place], names: &Names, storage: StorageType, dtype: &str) -> String {
    let mut object = Map::new();
    object.insert("__metadata__".to_owned(), json!({ "format": "pt" }));
    let mut at = 0;
    for tensor in tensors(places) {
        let end = at + storage.bytes(tensor[0].stored_elements());
        let info = json!({ "dtype": dtype, "shape": tensor[0].shape(), "data_offsets": [at, end] });
        object.insert(names.full(&tensor[0].name), info);
        at = end;
    }
    let mut text = serde_json::Value::Object(object).to_string();
    let padding = text.len().next_multiple_of(8) - text.len();
    text.extend(std::iter::repeat_n(' ', padding));
    text
}

/// Why numbers were not written.
enum NotWritten {
    Disk(io::Error),
    /// The value of this place is no finite number in the type. An f32 is written as it is.
    Value(usize),
}

/// Where the numbers of a tensor are written.
struct Numbers<'a> {
    to: &'a mut dyn Write,
    storage: StorageType,
    bytes: &'a mut Vec<u8>,
    written: usize,
}

impl Numbers<'_> {
    /// Writes `[outputs, inner]` as `[inner, outputs]`, a few stored rows at a time.
    fn write_columns(&mut self, values: &[f32], inner: usize) -> Result<(), NotWritten> {
        const TOGETHER: usize = 32;
        let outputs = values.len() / inner;
        let mut stored = vec![0.0; TOGETHER * outputs];
        for first in (0..inner).step_by(TOGETHER) {
            let here = TOGETHER.min(inner - first);
            for (output, row) in values.chunks_exact(inner).enumerate() {
                for (i, value) in row[first..first + here].iter().enumerate() {
                    stored[i * outputs + output] = *value;
                }
            }
            self.write(&stored[..here * outputs])?;
        }
        Ok(())
    }

    fn write(&mut self, values: &[f32]) -> Result<(), NotWritten> {
        const TOGETHER: usize = 1 << 14;
        for values in values.chunks(TOGETHER) {
            self.bytes.resize(self.storage.bytes(values.len()), 0);
            quantize(self.storage, values, self.bytes)
                .map_err(|at| NotWritten::Value(self.written + at))?;
            self.to.write_all(self.bytes).map_err(NotWritten::Disk)?;
            self.written += values.len();
        }
        Ok(())
    }
}
