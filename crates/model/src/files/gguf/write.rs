//! Writes a model as a GGUF file, version 3: metadata, the list of tensors, their bytes.
//!
//! Weights are read and stored some rows at a time: never is a whole matrix held in f32 that its file has row by row.
//! What has the type already that it is to have is copied, so that its bits stay. The file is whole or not there.

use std::{
    io::{self, Write},
    path::Path,
};

use lookback_files::{Refusal, Result, write_atomic_with};
use lookback_kernels::{naive::stored::StorageType, quantize::quantize, thread_pool::ThreadPool};

use super::{
    super::{StoredModel, names::Names, places::Place},
    GgufTokenizer, GgufType, MAGIC, SamplingDefault, TYPES, align,
    describe::Description,
    types::Types,
};
use crate::{Config, Network, WeightId};

/// Where tensors begin: at multiples of this, from the end of the list on.
const ALIGNMENT: usize = 32;
/// Elements that are read, stored and written together, if a row has not more.
const TOGETHER: usize = 1 << 20;

/// A tensor that was written.
#[derive(Clone, Debug)]
pub struct TensorWritten<'a> {
    /// As its file calls it.
    pub name: &'a str,
    /// How it is stored.
    pub storage: StorageType,
    /// Bytes of all tensors up to and with this one, and of all.
    pub done: usize,
    /// Bytes of all tensors.
    pub all: usize,
}

/// A tensor of the file.
struct Tensor<'a> {
    name: String,
    /// Outermost first.
    shape: Vec<usize>,
    storage: StorageType,
    values: Values<'a>,
}

enum Values<'a> {
    /// Of weights, whose rows are its rows.
    Places(&'a [Place]),
    Numbers(&'a [f32]),
}

impl Tensor<'_> {
    fn bytes(&self) -> usize {
        self.storage.bytes(self.shape.iter().product())
    }
}

impl StoredModel {
    /// Writes it as a GGUF file of a type, with this tokenizer and what is suggested about sampling. `written` is told of
    /// each tensor, and may refuse to go on.
    ///
    /// # Errors
    /// When such a file has no words for the model, a weight is no finite number in its type, or the disk is full.
    pub fn write_gguf(
        &self,
        path: &Path,
        tokenizer: &GgufTokenizer,
        sampling: &[(String, SamplingDefault)],
        file_type: &'static GgufType,
        pool: &ThreadPool,
        written: &mut dyn FnMut(TensorWritten<'_>) -> Result<()>,
    ) -> Result<()> {
        let config = self.config();
        let mut described = Description::new(config, file_type.number)?;
        described.tokenizer(tokenizer);
        described.sampling(sampling);
        let names = names(config, &described.family.gguf_names);
        let stored = Network::new(&config.as_stored());
        let places = names.places(&stored);
        let types = Types::new(file_type, config, described.family);
        let factors = described.factors.iter().map(|(name, factors)| Tensor {
            name: (*name).to_owned(),
            shape: vec![factors.len()],
            storage: StorageType::F32,
            values: Values::Numbers(factors),
        });
        let weights = places.chunk_by(|one, next| one.name == next.name).map(|places| {
            let (name, shape) = (&places[0].name, places[0].shape());
            let storage = types.of(name, &shape);
            Tensor { name: name.clone(), shape, storage, values: Values::Places(places) }
        });
        let tensors: Vec<Tensor<'_>> = factors.chain(weights).collect();
        let shapes: Vec<_> =
            tensors.iter().map(|tensor| (tensor.name.clone(), tensor.shape.clone())).collect();
        described.check(config, &shapes)?;

        let (metadata, keys) = described.metadata.bytes();
        let head = head(metadata, keys, &tensors);
        let all = tensors.iter().map(Tensor::bytes).sum();
        let mut rows = WeightRows { model: self, network: &stored, whole: None };
        let mut refused = None;
        let wrote = write_atomic_with(path, |to| {
            to.write_all(&head)?;
            let (mut at, mut done) = (0, 0);
            for tensor in &tensors {
                to.write_all(&vec![0; align(at, ALIGNMENT) - at])?;
                at = align(at, ALIGNMENT) + tensor.bytes();
                done += tensor.bytes();
                let told = tensor.write(&mut rows, pool, to)?.and_then(|()| {
                    let Tensor { name, storage, .. } = tensor;
                    written(TensorWritten { name, storage: *storage, done, all })
                });
                if let Err(refusal) = told {
                    refused = Some(refusal);
                    return Err(io::Error::other("refused"));
                }
            }
            to.write_all(&vec![0; align(at, ALIGNMENT) - at])
        });
        match refused {
            Some(refusal) => Err(refusal),
            None => wrote.and_then(|()| self.check_unchanged()),
        }
    }
}

/// The names of the file's tensors: queries, keys and values are one tensor, and so are the branches of a gated MLP,
/// where the family's own files have it so.
fn names(config: &Config, names: &Names) -> Names {
    let own = &config.family.names;
    let is_fused = own.qkv[0] == own.qkv[1];
    let is_gated_together = !names.gate.is_empty() && own.gate == own.up;
    Names {
        qkv: if is_fused { ["attn_qkv"; 3] } else { names.qkv },
        gate: if is_gated_together { names.up } else { names.gate },
        ..*names
    }
}

/// All that stands before the tensors' bytes.
fn head(metadata: &[u8], keys: u64, tensors: &[Tensor<'_>]) -> Vec<u8> {
    let mut head = MAGIC.to_vec();
    head.extend(3u32.to_le_bytes());
    head.extend((tensors.len() as u64).to_le_bytes());
    head.extend(keys.to_le_bytes());
    head.extend(metadata);
    let mut at = 0;
    for tensor in tensors {
        head.extend((tensor.name.len() as u64).to_le_bytes());
        head.extend(tensor.name.as_bytes());
        head.extend((tensor.shape.len() as u32).to_le_bytes());
        head.extend(tensor.shape.iter().rev().flat_map(|size| (*size as u64).to_le_bytes()));
        head.extend(number(tensor.storage).to_le_bytes());
        head.extend((at as u64).to_le_bytes());
        at = align(at + tensor.bytes(), ALIGNMENT);
    }
    head.resize(align(head.len(), ALIGNMENT), 0);
    head
}

/// ggml's number of a type.
fn number(storage: StorageType) -> u32 {
    let known = TYPES.iter().find(|(_, _, known)| *known == Some(storage));
    known.expect("every type that is written has a number").0
}

impl Tensor<'_> {
    /// Writes its bytes. The inner refusal is of a weight that has no place in its type.
    fn write(
        &self,
        rows: &mut WeightRows<'_>,
        pool: &ThreadPool,
        to: &mut dyn Write,
    ) -> io::Result<Result<()>> {
        match &self.values {
            Values::Numbers(numbers) => {
                to.write_all(
                    &numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>(),
                )?;
                Ok(Ok(()))
            }
            Values::Places(places) => self.write_rows(places, rows, pool, to),
        }
    }

    fn write_rows(
        &self,
        places: &[Place],
        weights: &mut WeightRows<'_>,
        pool: &ThreadPool,
        to: &mut dyn Write,
    ) -> io::Result<Result<()>> {
        let inner = places[0].inner.unwrap_or(1);
        let row_bytes = self.storage.bytes(inner);
        let order = order(places);
        let together = (TOGETHER / inner).max(1);
        let mut values = vec![0.0; together.min(order.len()) * inner];
        let mut bytes = vec![0; together.min(order.len()) * row_bytes];
        for (chunk, sources) in order.chunks(together).enumerate() {
            let bytes = &mut bytes[..sources.len() * row_bytes];
            if !weights.copy(self.storage, places, sources, bytes) {
                let values = &mut values[..sources.len() * inner];
                weights.read(places, sources, values);
                if let Err(block) = quantize_rows(self.storage, values, bytes, inner, pool) {
                    let block = block + chunk * together * inner / self.storage.block_len();
                    return Ok(Err(self.no_number(block)));
                }
            }
            to.write_all(bytes)?;
        }
        weights.release(places);
        Ok(Ok(()))
    }

    /// Refuses values that are no finite numbers in their type.
    fn no_number(&self, block: usize) -> Refusal {
        let (name, storage) = (&self.name, self.storage.name());
        let what = match self.storage.is_quantised() {
            true => {
                format!("block {block} of {} values has no finite scale", self.storage.block_len())
            }
            false => format!("value {block} is no finite number"),
        };
        Refusal::user(format!(
            "tensor {name}: {what} in {storage}; correct the weights, or write another type"
        ))
    }
}

/// For each row of a stored tensor, the place and the row of its weight.
fn order(places: &[Place]) -> Vec<(u32, u32)> {
    let mut order = vec![(0, 0); places[0].outputs];
    for (number, place) in (0..).zip(places) {
        for row in 0..place.rows.len {
            order[place.rows.stored(row)] = (number, row as u32);
        }
    }
    order
}

/// Stores whole rows, some on each thread; the error is the first block that has no place in the type.
fn quantize_rows(
    storage: StorageType,
    values: &[f32],
    bytes: &mut [u8],
    inner: usize,
    pool: &ThreadPool,
) -> Result<(), usize> {
    use std::sync::Mutex;
    let rows = values.len() / inner;
    let together = rows.div_ceil(4 * pool.threads()).max(1);
    let (len, row_bytes) = (together * inner, storage.bytes(together * inner));
    type Task<'a> = (&'a mut [u8], Result<(), usize>);
    let tasks: Vec<Mutex<Task<'_>>> =
        bytes.chunks_mut(row_bytes.max(1)).map(|bytes| Mutex::new((bytes, Ok(())))).collect();
    pool.for_each_task(tasks.len(), &|task| {
        if let Ok(mut own) = tasks[task].lock() {
            let values = &values[task * len..];
            let values = &values[..values.len().min(len)];
            own.1 = quantize(storage, values, own.0);
        }
    });
    for (task, own) in tasks.into_iter().enumerate() {
        let first = task * len / storage.block_len();
        own.into_inner().map_or(Err(0), |own| own.1).map_err(|block| first + block)?;
    }
    Ok(())
}

/// The rows of weights, whichever way a file holds them.
struct WeightRows<'a> {
    model: &'a StoredModel,
    /// The network that is written, which may have biases that the model has not.
    network: &'a Network,
    /// A weight that its file does not hold row by row.
    whole: Option<(WeightId, Vec<f32>)>,
}

impl WeightRows<'_> {
    fn find(&self, place: &Place) -> Option<WeightId> {
        self.model.network().find(&self.network.weight(place.id).name)
    }

    /// Copies rows that are stored in this type; whether all are.
    fn copy(
        &self,
        storage: StorageType,
        places: &[Place],
        sources: &[(u32, u32)],
        out: &mut [u8],
    ) -> bool {
        let row_bytes = out.len() / sources.len();
        for ((place, row), out) in sources.iter().zip(out.chunks_exact_mut(row_bytes.max(1))) {
            let place = &places[*place as usize];
            let id = self.find(place).filter(|id| self.model.storage_type(*id) == storage);
            let Some(row) = id.and_then(|id| self.model.row(id, *row as usize)) else {
                return false;
            };
            out.copy_from_slice(row);
        }
        true
    }

    /// Widens rows; those of a weight that the model does not have are zeros.
    fn read(&mut self, places: &[Place], sources: &[(u32, u32)], out: &mut [f32]) {
        let inner = out.len() / sources.len();
        for ((place, row), out) in sources.iter().zip(out.chunks_exact_mut(inner.max(1))) {
            let (place, row) = (&places[*place as usize], *row as usize);
            let Some(id) = self.find(place) else {
                out.fill(0.0);
                continue;
            };
            if self.model.row(id, row).is_some() {
                self.model.read_rows(id, row..row + 1, out);
            } else {
                out.copy_from_slice(&self.whole(id)[row * inner..][..inner]);
            }
        }
    }

    fn whole(&mut self, id: WeightId) -> &[f32] {
        if self.whole.as_ref().is_none_or(|(whole, _)| *whole != id) {
            // The old one goes before the new one comes.
            self.whole = None;
            let mut values = vec![0.0; self.model.network().weight(id).len()];
            self.model.weights.read(id, &mut values);
            self.whole = Some((id, values));
        }
        self.whole.as_ref().map_or(&[], |(_, values)| values)
    }

    fn release(&mut self, places: &[Place]) {
        places.iter().filter_map(|place| self.find(place)).for_each(|id| self.model.release(id));
        self.whole = None;
    }
}
