//! All that a run needs to go on, in one file: weights, moments, steps done.
//!
//! The file is written whole or not at all, so that a run that dies leaves the last checkpoint. Where
//! the data stand follows from the steps.

use std::{collections::HashMap, path::Path};

use lookback_files::{Refusal, Result, map, write_whole_with};
use lookback_model::WeightId;
use safetensors::{Dtype, SafeTensors, tensor::Metadata, tensor::TensorInfo};

use crate::trainer::Trainer;

/// The key of the steps done.
const STEPS: &str = "steps";

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
            for part in parts(trainer, id) {
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
        let about = HashMap::from([(STEPS.to_owned(), trainer.steps().to_string())]);
        let failed =
            |error: &dyn std::fmt::Display| Refusal::ours(format!("{}: {error}", path.display()));
        let header = Metadata::new(Some(about), infos).map_err(|error| failed(&error))?;
        let header = serde_json::to_vec(&header).map_err(|error| failed(&error))?;
        write_whole_with(path, |to| {
            to.write_all(&(header.len() as u64).to_le_bytes())?;
            to.write_all(&header)?;
            for id in network.ids() {
                let [m, v] = trainer.optimizer.moments(id);
                for values in [trainer.weights().rows(id), m, v] {
                    for value in values {
                        to.write_all(&value.to_le_bytes())?;
                    }
                }
            }
            Ok(())
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
        trainer.pack();
        Ok(())
    }
}

/// What is kept of one weight.
fn parts(trainer: &Trainer, id: WeightId) -> &'static [&'static str] {
    let [_, square] = trainer.optimizer.moments(id);
    if square.is_empty() { &PARTS[..2] } else { &PARTS }
}

/// What can be kept of a weight.
const PARTS: [&str; 3] = ["weight", "mean", "square"];
