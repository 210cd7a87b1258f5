//! Writes a model as the directory that transformers loads: f32 safetensors and their `config.json`.
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
use serde_json::{Map, json};

use super::{names::Names, places::Place};
use crate::{Network, WeightId, WeightKind};

/// Writes `model.safetensors`, `generation_config.json` and `config.json` into a directory, which
/// is made if need be. `fill` puts a weight's values into a slice: `[outputs, inner]` or `[n]`.
pub fn save(
    folder: &Path,
    network: &Network,
    mut fill: impl FnMut(WeightId, &mut [f32]),
) -> Result<()> {
    let config = network.config.to_hugging_face()?;
    let stored = Network::new(&network.config.as_stored());
    check_norms(network, &mut fill)?;
    fs::create_dir_all(folder).map_err(|error| Refusal::writing(folder, &error))?;

    let names = &network.config.family.names;
    let places = names.places(&stored);
    let header = header(&places, names);
    write_atomic_with(&folder.join("model.safetensors"), |to| {
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
            match tensor[0].inner {
                Some(inner) if tensor[0].is_transposed => {
                    for matrix in values.chunks_exact(tensor[0].outputs_of_one() * inner) {
                        write_columns(to, matrix, inner, &mut bytes)?;
                    }
                }
                _ => write_floats(to, values.iter().copied(), &mut bytes)?,
            }
        }
        Ok(())
    })?;
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
fn header(places: &[Place], names: &Names) -> String {
    let mut object = Map::new();
    object.insert("__metadata__".to_owned(), json!({ "format": "pt" }));
    let mut at = 0;
    for tensor in tensors(places) {
        let end = at + 4 * tensor[0].stored_elements();
        let info = json!({ "dtype": "F32", "shape": tensor[0].shape(), "data_offsets": [at, end] });
        object.insert(names.full(&tensor[0].name), info);
        at = end;
    }
    let mut text = serde_json::Value::Object(object).to_string();
    let padding = text.len().next_multiple_of(8) - text.len();
    text.extend(std::iter::repeat_n(' ', padding));
    text
}

/// Writes `[outputs, inner]` as `[inner, outputs]`, a few stored rows at a time.
fn write_columns(
    to: &mut dyn Write,
    values: &[f32],
    inner: usize,
    bytes: &mut Vec<u8>,
) -> io::Result<()> {
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
        write_floats(to, stored[..here * outputs].iter().copied(), bytes)?;
    }
    Ok(())
}

fn write_floats(
    to: &mut dyn Write,
    mut values: impl Iterator<Item = f32>,
    bytes: &mut Vec<u8>,
) -> io::Result<()> {
    const TOGETHER: usize = 1 << 14;
    loop {
        bytes.clear();
        bytes.extend(values.by_ref().take(TOGETHER).flat_map(f32::to_le_bytes));
        if bytes.is_empty() {
            return Ok(());
        }
        to.write_all(bytes)?;
    }
}
