//! All that a run needs to go on, in one file: weights, moments, steps done.
//!
//! The file is written whole or not at all, so that a run that dies leaves the last checkpoint. Where
//! the data stand follows from the steps.

use std::{collections::HashMap, path::Path};

use lookback_files::{Refusal, Result, map, write_whole_with};
use lookback_model::WeightId;
use safetensors::{Dtype, SafeTensors, tensor::Metadata, tensor::TensorInfo};

use crate::{average::Average, trainer::Trainer};

/// The key of the steps done.
const STEPS: &str = "steps";
/// The tensor that counts the steps whose weights the mean is of. It is no key beside the steps: keys
/// stand in any order, and the same run is to leave the same bytes.
const AVERAGED: &str = "averaged";

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
        if averaged(trainer).is_some() {
            let (dtype, shape, data_offsets) = (Dtype::U64, vec![1], (end, end + 8));
            infos.push((AVERAGED.to_owned(), TensorInfo { dtype, shape, data_offsets }));
        }
        let about = HashMap::from([(STEPS.to_owned(), trainer.steps().to_string())]);
        let failed =
            |error: &dyn std::fmt::Display| Refusal::ours(format!("{}: {error}", path.display()));
        let header = Metadata::new(Some(about), infos).map_err(|error| failed(&error))?;
        let header = serde_json::to_vec(&header).map_err(|error| failed(&error))?;
        write_whole_with(path, |to| {
            to.write_all(&(header.len() as u64).to_le_bytes())?;
            to.write_all(&header)?;
            for id in network.ids() {
                for (_, values) in kept(trainer, id) {
                    for value in values {
                        to.write_all(&value.to_le_bytes())?;
                    }
                }
            }
            averaged(trainer).map_or(Ok(()), |mean| to.write_all(&mean.steps().to_le_bytes()))
        })
    }

    /// Puts a trainer into the state that a file holds.
    pub fn read(path: &Path, trainer: &mut Trainer) -> Result<()> {
        let bytes = map(path)?;
        let broken = |why: &dyn std::fmt::Display| {
            Refusal::user(format!(
                "{}: it is no checkpoint of this run ({why}); train anew into another --out",
                path.display()
            ))
        };
        let (_, about) = SafeTensors::read_metadata(&bytes).map_err(|error| broken(&error))?;
        let file = SafeTensors::deserialize(&bytes).map_err(|error| broken(&error))?;
        let steps = about.metadata().as_ref().and_then(|about| about.get(STEPS)?.parse().ok());
        let steps: u64 = steps.ok_or_else(|| broken(&"it does not say its steps"))?;
        let network = trainer.weights().network().clone();
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
        trainer.pack();
        Ok(())
    }
}

/// The mean of the last steps' weights, once it has begun.
fn averaged(trainer: &Trainer) -> Option<&Average> {
    trainer.average.as_ref().filter(|average| average.steps() > 0)
}

/// What is kept of one weight, by name; Muon keeps no squares.
fn kept(trainer: &Trainer, id: WeightId) -> impl Iterator<Item = (&'static str, &[f32])> {
    let [mean, square] = trainer.optimizer.moments(id);
    let average = averaged(trainer).map_or(&[][..], |average| average.of(id));
    let values = [trainer.weights().rows(id), mean, square, average];
    PARTS.into_iter().zip(values).filter(|(_, values)| !values.is_empty())
}

/// What can be kept of a weight.
const PARTS: [&str; 4] = ["weight", "mean", "square", "average"];
