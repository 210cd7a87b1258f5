//! All that a run needs to go on, in one file: weights, moments, steps done; the weights of its best
//! validation, if they are others; the settings by which it came so far.
//!
//! The file is written whole or not at all, so that a run that dies leaves the last checkpoint. Where
//! the data stand follows from the steps. It ends with the SHA-256 of all that stands before, so that a
//! disk that turns a bit over is found out: no run goes on from other numbers than it came to.

use std::{
    collections::HashMap,
    io::{self, Write},
    path::{Path, PathBuf},
};

use lookback_files::{Mapping, Refusal, Result, map, write_atomic_with};
use lookback_model::WeightId;
use safetensors::{Dtype, SafeTensors, tensor::Metadata, tensor::TensorInfo};
use sha2::{Digest, Sha256};
use toml::Table;

use crate::{best_weights::BestWeights, mean_loss::MeanLoss, trainer::Trainer};

/// The key of the steps done.
const STEPS: &str = "steps";
/// The tensor that counts the steps whose weights the mean is of. It is no key beside the steps: keys
/// stand in any order, and the same run is to leave the same bytes.
const AVERAGED: &str = "averaged";
/// The tensor of the mean training loss: two f64, the sum of the weighted losses and of their weights.
const MEAN_LOSS: &str = "mean_loss";
/// The tensor of the best validation: its step (u64) and its loss (f64).
const BEST: &str = "best";
/// The tensor of the settings that the weights follow from, as TOML.
const SETTINGS: &str = "settings";
/// The tensor that ends the file: the SHA-256 of every byte before its own. Files from before there was
/// one are read without it.
const CHECKSUM: &str = "checksum";
/// Bytes of it.
const SUM: usize = 32;

/// Reading and writing the state of a run.
#[derive(Debug)]
pub struct Checkpoint;

impl Checkpoint {
    /// Writes the state of a trainer.
    pub fn write(path: &Path, trainer: &Trainer) -> Result<()> {
        let network = trainer.weights().network();
        let mut infos = Vec::new();
        let mut end = 0;
        for id in network.ids() {
            let spec = network.weight(id);
            for (part, _) in weight_parts(trainer, id) {
                let begin = end;
                end += 4 * spec.len();
                infos.push((
                    format!("{part}.{}", spec.name),
                    TensorInfo {
                        dtype: Dtype::F32,
                        shape: spec.shape.to_vec(),
                        data_offsets: (begin, end),
                    },
                ));
            }
        }
        let records = records(trainer)?;
        for (name, bytes) in &records {
            let (dtype, shape) = match *name {
                SETTINGS => (Dtype::U8, vec![bytes.len()]),
                AVERAGED => (Dtype::U64, vec![1]),
                _ => (Dtype::U64, vec![2]),
            };
            let data_offsets = (end, end + bytes.len());
            end += bytes.len();
            infos.push(((*name).to_owned(), TensorInfo { dtype, shape, data_offsets }));
        }
        let (dtype, shape, data_offsets) = (Dtype::U8, vec![SUM], (end, end + SUM));
        infos.push((CHECKSUM.to_owned(), TensorInfo { dtype, shape, data_offsets }));
        let about = HashMap::from([(STEPS.to_owned(), trainer.steps().to_string())]);
        let failed =
            |error: &dyn std::fmt::Display| Refusal::ours(format!("{}: {error}", path.display()));
        let header = Metadata::new(Some(about), infos).map_err(|error| failed(&error))?;
        let header = serde_json::to_vec(&header).map_err(|error| failed(&error))?;
        write_atomic_with(path, |writer| {
            let mut writer = HashingWriter { writer, sum: Sha256::new() };
            writer.write_all(&(header.len() as u64).to_le_bytes())?;
            writer.write_all(&header)?;
            let mut bytes = Vec::new();
            for id in network.ids() {
                for (_, values) in weight_parts(trainer, id) {
                    for values in values.chunks(1 << 12) {
                        bytes.clear();
                        bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
                        writer.write_all(&bytes)?;
                    }
                }
            }
            records.iter().try_for_each(|(_, bytes)| writer.write_all(bytes))?;
            writer.writer.write_all(&writer.sum.finalize())
        })
    }

    /// Puts a trainer into the state that a file holds.
    ///
    /// # Errors
    /// Names the file and what is wrong with it. The trainer's state is then of no use, unless another
    /// file is read.
    pub fn read(path: &Path, trainer: &mut Trainer) -> Result<()> {
        OpenCheckpoint::open(path)?.restore(trainer)
    }
}

/// A checkpoint whose checksum is right.
pub(crate) struct OpenCheckpoint {
    path: PathBuf,
    bytes: Mapping,
}

impl OpenCheckpoint {
    /// Maps a file and checks it.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let opened = Self { path: path.to_owned(), bytes: map(path)? };
        let file = opened.tensors()?;
        if let (Ok(kept), Some((all, sum))) =
            (file.tensor(CHECKSUM), opened.bytes.split_last_chunk())
            && (kept.data() != sum || Sha256::digest(all).as_slice() != sum as &[u8; SUM])
        {
            return Err(Refusal::corrupt(format!(
                "{}: it does not have its own checksum, so it was damaged after it was written",
                path.display()
            )));
        }
        Ok(opened)
    }

    fn tensors(&self) -> Result<SafeTensors<'_>> {
        SafeTensors::deserialize(&self.bytes).map_err(|error| self.broken(&error))
    }

    fn broken(&self, why: &dyn std::fmt::Display) -> Refusal {
        Refusal::corrupt(format!(
            "{}: it is no checkpoint of this run ({why})",
            self.path.display()
        ))
    }

    /// Steps done.
    pub(crate) fn steps(&self) -> Result<u64> {
        let (_, about) =
            SafeTensors::read_metadata(&self.bytes).map_err(|error| self.broken(&error))?;
        let steps = about.metadata().as_ref().and_then(|about| about.get(STEPS)?.parse().ok());
        steps.ok_or_else(|| self.broken(&"it does not say its steps"))
    }

    /// The settings by which the run came so far; files from before they were kept have none.
    pub(crate) fn settings(&self) -> Result<Option<Table>> {
        let file = self.tensors()?;
        let Ok(tensor) = file.tensor(SETTINGS) else { return Ok(None) };
        let table = std::str::from_utf8(tensor.data()).ok().and_then(|text| text.parse().ok());
        table.map(Some).ok_or_else(|| self.broken(&"its settings cannot be read"))
    }

    /// Reads a weight as the run's model has it: of the best validation or the mean of the last steps,
    /// where it is kept, or else as the last step left it.
    pub(crate) fn read_model_weight(&self, name: &str, rows: &mut [f32]) -> Result<()> {
        let file = self.tensors()?;
        let name = stored_name(&file, name);
        let parts = [PARTS[4], PARTS[3], PARTS[0]];
        let has = |part: &&str| file.tensor(&format!("{part}.{name}")).is_ok();
        let part = parts.into_iter().find(has).unwrap_or(PARTS[0]);
        self.fill(&file, &format!("{part}.{name}"), rows)
    }

    /// Reads a tensor, all of whose values must be numbers.
    fn fill(&self, file: &SafeTensors<'_>, name: &str, rows: &mut [f32]) -> Result<()> {
        let tensor = file.tensor(name).map_err(|error| self.broken(&error))?;
        if tensor.data().len() != 4 * rows.len() || tensor.dtype() != Dtype::F32 {
            return Err(self.broken(&format!("{name} has another shape or type")));
        }
        for (value, bytes) in rows.iter_mut().zip(tensor.data().as_chunks().0) {
            *value = f32::from_le_bytes(*bytes);
        }
        match rows.iter().all(|value| value.is_finite()) {
            true => Ok(()),
            false => Err(self.broken(&format!("{name} holds NaN or infinity"))),
        }
    }

    /// Two numbers of eight bytes, as their bits; nothing where the file has no such tensor.
    fn pair(&self, file: &SafeTensors<'_>, name: &str) -> Result<Option<[u64; 2]>> {
        let Ok(tensor) = file.tensor(name) else { return Ok(None) };
        match tensor.data().as_chunks::<8>() {
            ([one, two], []) => Ok(Some([one, two].map(|bytes| u64::from_le_bytes(*bytes)))),
            _ => Err(self.broken(&format!("{name} has another shape or type"))),
        }
    }

    /// Puts a trainer into this state.
    pub(crate) fn restore(&self, trainer: &mut Trainer) -> Result<()> {
        let (file, steps) = (self.tensors()?, self.steps()?);
        let network = trainer.weights().network().clone();
        let names: Vec<String> =
            network.ids().map(|id| stored_name(&file, &network.weight(id).name)).collect();
        // A name with a flipped bit would otherwise go unnoticed.
        let is_ours = |name: &str| {
            let of_weight = name.split_once('.').filter(|(part, _)| PARTS.contains(part));
            let is_weight = |of: &str| names.iter().any(|name| name == of);
            RECORDS.contains(&name) || of_weight.is_some_and(|(_, of)| is_weight(of))
        };
        if let Some(name) = file.names().into_iter().find(|name| !is_ours(name)) {
            return Err(self.broken(&format!("{name} is not of this model")));
        }
        let fill = |part: &str, id: WeightId, rows: &mut [f32]| {
            let spec = network.weight(id);
            let name = format!("{part}.{}", names[id.index()]);
            let tensor = file.tensor(&name).map_err(|error| self.broken(&error))?;
            if tensor.shape() != spec.shape {
                return Err(self.broken(&format!("{name} has another shape or type")));
            }
            self.fill(&file, &name, rows)
        };
        for id in network.ids() {
            fill(PARTS[0], id, trainer.weights.rows_mut(id))?;
        }
        trainer.optimizer.restore(steps, |id, [m, v]| {
            fill(PARTS[1], id, m)?;
            // Muon keeps no squares of what it turns.
            if v.is_empty() { Ok(()) } else { fill(PARTS[2], id, v) }
        })?;
        if let (Some(average), Ok(steps)) = (&mut trainer.average, file.tensor(AVERAGED)) {
            let steps =
                steps.data().try_into().map_err(|_| self.broken(&"its mean is of no steps"))?;
            average.restore(u64::from_le_bytes(steps), |id, mean| fill(PARTS[3], id, mean))?;
        }
        trainer.mean_loss = match self.pair(&file, MEAN_LOSS)?.map(|bits| bits.map(f64::from_bits))
        {
            Some([sum, weight]) if sum.is_finite() && (0.0..=1.0).contains(&weight) => {
                MeanLoss { sum, weight }
            }
            Some(_) => return Err(self.broken(&"its mean loss is NaN or infinite")),
            None => MeanLoss::default(),
        };
        trainer.pending = None;
        trainer.best = None;
        if let Some([step, loss]) = self.pair(&file, BEST)? {
            let loss = f64::from_bits(loss);
            if step > steps || !loss.is_finite() {
                return Err(self.broken(&"its best validation cannot have been"));
            }
            let rows = network.ids().map(|id| {
                if step == steps {
                    return Ok(trainer.validated_rows(id).to_vec());
                }
                let mut rows = vec![0.0; network.weight(id).len()];
                fill(PARTS[4], id, &mut rows).map(|()| rows)
            });
            let rows = rows.collect::<Result<_>>()?;
            trainer.best = trainer.saves_best().then_some(BestWeights { step, loss, rows });
        }
        Ok(())
    }
}

/// What a file calls a weight. Those of earlier versions call the gate of a gated MLP `up`, and its other
/// branch `linear`.
fn stored_name(file: &SafeTensors<'_>, name: &str) -> String {
    if file.names().iter().any(|stored| stored.contains(".mlp.linear.")) {
        name.replace(".mlp.up.", ".mlp.linear.").replace(".mlp.gate.", ".mlp.up.")
    } else {
        name.to_owned()
    }
}

/// Writes through, and sums up what went by.
struct HashingWriter<'a> {
    writer: &'a mut dyn Write,
    sum: Sha256,
}

impl Write for HashingWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.writer.write(bytes)?;
        self.sum.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// What is kept of one weight, by name; Muon keeps no squares.
fn weight_parts(trainer: &Trainer, id: WeightId) -> impl Iterator<Item = (&'static str, &[f32])> {
    let [mean, square] = trainer.optimizer.moments(id);
    let average = trainer.averaged().map_or(&[][..], |average| average.weight(id));
    // Those that were just validated stand here already.
    let best = trainer.best.as_ref().filter(|best| best.step != trainer.steps());
    let best = best.map_or(&[][..], |best| &best.rows[id.index()]);
    let values = [trainer.weights().rows(id), mean, square, average, best];
    PARTS.into_iter().zip(values).filter(|(_, values)| !values.is_empty())
}

/// What is kept of the run, in this order.
fn records(trainer: &Trainer) -> Result<Vec<(&'static str, Vec<u8>)>> {
    let pair = |of: [u64; 2]| of.iter().flat_map(|bits| bits.to_le_bytes()).collect();
    let mean = trainer.averaged();
    let averaged = mean.map(|mean| (AVERAGED, mean.steps().to_le_bytes().to_vec()));
    let MeanLoss { sum, weight } = trainer.mean_loss;
    let mean_loss = (MEAN_LOSS, pair([sum.to_bits(), weight.to_bits()]));
    let best = trainer.best.as_ref();
    let best = best.map(|best| (BEST, pair([best.step, best.loss.to_bits()])));
    let settings = trainer.recipe_at(trainer.steps().saturating_sub(1)).weight_settings()?;
    let settings = (SETTINGS, settings.to_string().into_bytes());
    Ok(averaged.into_iter().chain([mean_loss]).chain(best).chain([settings]).collect())
}

/// What can be kept of a weight.
const PARTS: [&str; 5] = ["weight", "mean", "square", "average", "best"];
/// What can be kept besides.
const RECORDS: [&str; 5] = [AVERAGED, MEAN_LOSS, BEST, SETTINGS, CHECKSUM];
