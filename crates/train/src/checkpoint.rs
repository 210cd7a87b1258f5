//! All that a run needs to go on, in one file: weights, moments, steps done.
//!
//! The file is written whole or not at all, so that a run that dies leaves the last checkpoint. Where
//! the data stand follows from the steps. It ends with the SHA-256 of all that stands before, so that a
//! disk that turns a bit over is found out: no run goes on from other numbers than it came to.

use std::{
    collections::HashMap,
    io::{self, Write},
    path::Path,
};

use lookback_files::{Refusal, Result, map, write_whole_with};
use lookback_model::WeightId;
use safetensors::{Dtype, SafeTensors, tensor::Metadata, tensor::TensorInfo};
use sha2::{Digest, Sha256};

use crate::trainer::Trainer;

/// The key of the steps done.
const STEPS: &str = "steps";
/// The tensor that counts the steps whose weights the mean is of. It is no key beside the steps: keys
/// stand in any order, and the same run is to leave the same bytes.
const AVERAGED: &str = "averaged";
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
            for (part, _) in kept(trainer, id) {
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
        if trainer.averaged().is_some() {
            let (dtype, shape, data_offsets) = (Dtype::U64, vec![1], (end, end + 8));
            infos.push((AVERAGED.to_owned(), TensorInfo { dtype, shape, data_offsets }));
            end += 8;
        }
        let (dtype, shape, data_offsets) = (Dtype::U8, vec![SUM], (end, end + SUM));
        infos.push((CHECKSUM.to_owned(), TensorInfo { dtype, shape, data_offsets }));
        let about = HashMap::from([(STEPS.to_owned(), trainer.steps().to_string())]);
        let failed =
            |error: &dyn std::fmt::Display| Refusal::ours(format!("{}: {error}", path.display()));
        let header = Metadata::new(Some(about), infos).map_err(|error| failed(&error))?;
        let header = serde_json::to_vec(&header).map_err(|error| failed(&error))?;
        write_whole_with(path, |to| {
            let mut to = Summing { to, sum: Sha256::new() };
            to.write_all(&(header.len() as u64).to_le_bytes())?;
            to.write_all(&header)?;
            let mut bytes = Vec::new();
            for id in network.ids() {
                for (_, values) in kept(trainer, id) {
                    for values in values.chunks(1 << 12) {
                        bytes.clear();
                        bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
                        to.write_all(&bytes)?;
                    }
                }
            }
            if let Some(mean) = trainer.averaged() {
                to.write_all(&mean.steps().to_le_bytes())?;
            }
            to.to.write_all(&to.sum.finalize())
        })
    }

    /// Puts a trainer into the state that a file holds.
    ///
    /// # Errors
    /// Names the file and what is wrong with it. The trainer's state is then of no use, unless another
    /// file is read.
    pub fn read(path: &Path, trainer: &mut Trainer) -> Result<()> {
        let bytes = map(path)?;
        let broken = |why: &dyn std::fmt::Display| {
            Refusal::user(format!("{}: it is no checkpoint of this run ({why})", path.display()))
        };
        let (_, about) = SafeTensors::read_metadata(&bytes).map_err(|error| broken(&error))?;
        let file = SafeTensors::deserialize(&bytes).map_err(|error| broken(&error))?;
        if let (Ok(kept), Some((all, sum))) = (file.tensor(CHECKSUM), bytes.split_last_chunk())
            && (kept.data() != sum || Sha256::digest(all).as_slice() != sum as &[u8; SUM])
        {
            return Err(Refusal::user(format!(
                "{}: it does not have its own checksum, so it was damaged after it was written",
                path.display()
            )));
        }
        let steps = about.metadata().as_ref().and_then(|about| about.get(STEPS)?.parse().ok());
        let steps: u64 = steps.ok_or_else(|| broken(&"it does not say its steps"))?;
        let network = trainer.weights().network().clone();
        // A name with a bit turned over would otherwise be one that nobody misses.
        let is_ours = |name: &str| {
            let of_weight = name.split_once('.').filter(|(part, _)| PARTS.contains(part));
            let is_weight = |of: &str| network.ids().any(|id| network.weight(id).name == of);
            [AVERAGED, CHECKSUM].contains(&name) || of_weight.is_some_and(|(_, of)| is_weight(of))
        };
        if let Some(name) = file.names().into_iter().find(|name| !is_ours(name)) {
            return Err(broken(&format!("{name} is not of this model")));
        }
        let fill = |part: &str, id: WeightId, to: &mut [f32]| {
            let spec = network.weight(id);
            let name = format!("{part}.{}", spec.name);
            let tensor = file.tensor(&name).map_err(|error| broken(&error))?;
            if tensor.shape() != spec.shape || tensor.dtype() != Dtype::F32 {
                return Err(broken(&format!("{name} has another shape or type")));
            }
            for (to, bytes) in to.iter_mut().zip(tensor.data().as_chunks().0) {
                *to = f32::from_le_bytes(*bytes);
            }
            match to.iter().all(|value| value.is_finite()) {
                true => Ok(()),
                false => Err(broken(&format!("{name} holds a value that is no number"))),
            }
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
            let steps = steps.data().try_into().map_err(|_| broken(&"its mean is of no steps"))?;
            average.restore(u64::from_le_bytes(steps), |id, mean| fill(PARTS[3], id, mean))?;
        }
        trainer.ahead = None;
        Ok(())
    }
}

/// Writes through, and sums up what went by.
struct Summing<'a> {
    to: &'a mut dyn Write,
    sum: Sha256,
}

impl Write for Summing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.sum.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// What is kept of one weight, by name; Muon keeps no squares.
fn kept(trainer: &Trainer, id: WeightId) -> impl Iterator<Item = (&'static str, &[f32])> {
    let [mean, square] = trainer.optimizer.moments(id);
    let average = trainer.averaged().map_or(&[][..], |average| average.of(id));
    let values = [trainer.weights().rows(id), mean, square, average];
    PARTS.into_iter().zip(values).filter(|(_, values)| !values.is_empty())
}

/// What can be kept of a weight.
const PARTS: [&str; 4] = ["weight", "mean", "square", "average"];
