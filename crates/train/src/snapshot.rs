//! The embedding table at steps of a run, so that one can watch it take shape:
//! `snapshots/00000660.safetensors` is the table after step 660.

use std::{
    fs,
    path::{Path, PathBuf},
};

use lookback_engine::Weights;
use lookback_files::{Kind, Refusal, Result, read_bytes_up_to, write_atomic};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

/// Rows that a snapshot keeps at most.
const ROWS: usize = 8192;
/// Bytes of the file: room for rows of 32,768 numbers.
const MOST: u64 = 1 << 30;
/// The table's name in the file.
const NAME: &str = "embed";

/// The embedding table as it stood after a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Steps taken.
    pub step: u64,
    /// Tokens, at most the first 8,192.
    pub rows: usize,
    /// Length of each row.
    pub width: usize,
    /// `[rows, width]`
    pub values: Vec<f32>,
}

/// The steps of which a model's directory has snapshots, the first first; none for what is no
/// directory of a run.
pub fn snapshots(model: &Path) -> Vec<u64> {
    let Ok(entries) = fs::read_dir(model.join("snapshots")) else { return Vec::new() };
    let step = |name: &str| name.strip_suffix(".safetensors")?.parse().ok();
    let mut steps: Vec<u64> = entries
        .filter_map(|entry| step(entry.ok()?.file_name().to_str()?))
        // A name that is not as we write it would not be found again.
        .filter(|&step| place(model, step).is_file())
        .collect();
    steps.sort_unstable();
    steps
}

fn place(model: &Path, step: u64) -> PathBuf {
    model.join(format!("snapshots/{step:08}.safetensors"))
}

impl Snapshot {
    /// What is kept of a model that took so many steps.
    pub fn of(step: u64, weights: &Weights) -> Self {
        let network = weights.network();
        let [all, width] = network.weight(network.embed).shape;
        let rows = all.min(ROWS);
        let ids: Vec<u32> = (0..rows as u32).collect();
        let mut values = vec![0.0; rows * width];
        weights.gather(network.embed, &ids, &mut values);
        Self { step, rows, width, values }
    }

    /// Writes it into a model's directory.
    pub fn write(&self, model: &Path) -> Result<()> {
        let bytes: Vec<u8> = self.values.iter().flat_map(|x| x.to_le_bytes()).collect();
        let path = place(model, self.step);
        let file = TensorView::new(Dtype::F32, vec![self.rows, self.width], &bytes)
            .and_then(|view| safetensors::serialize([(NAME, view)], None))
            .map_err(|error| Refusal::ours(format!("{}: {error}", path.display())))?;
        write_atomic(&path, &file)
    }

    /// Reads the snapshot of a step from a model's directory.
    pub fn read(model: &Path, step: u64) -> Result<Self> {
        let path = place(model, step);
        if !path.is_file() {
            return Err(Refusal::of(
                Kind::NotFound,
                format!("{}: there is no snapshot of step {step}", model.display()),
            ));
        }
        // Not mapped: a server reads it, and a mapped file that is cut short ends the program.
        let file = read_bytes_up_to(&path, MOST)?;
        let broken = |why: String| {
            Refusal::corrupt(format!("{}: {why}; it is no snapshot of ours", path.display()))
        };
        let tensors = SafeTensors::deserialize(&file).map_err(|error| broken(error.to_string()))?;
        let table = tensors.tensor(NAME).map_err(|error| broken(error.to_string()))?;
        let (Dtype::F32, &[rows, width]) = (table.dtype(), table.shape()) else {
            return Err(broken(format!("{:?} {:?} is no table", table.dtype(), table.shape())));
        };
        let floats = table.data().as_chunks().0.iter();
        let values = floats.map(|bytes| f32::from_le_bytes(*bytes)).collect();
        Ok(Self { step, rows, width, values })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small(step: u64) -> Snapshot {
        Snapshot {
            step,
            rows: 2,
            width: 3,
            values: vec![1.0, -0.0, 3.5, f32::MIN_POSITIVE, 5.0, 6.0],
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("snapshots")).unwrap();
        for step in [660, 0, 33] {
            small(step).write(folder.path()).unwrap();
        }
        assert_eq!(snapshots(folder.path()), [0, 33, 660]);
        assert_eq!(Snapshot::read(folder.path(), 33).unwrap(), small(33));
    }

    #[test]
    fn a_model_without_snapshots_has_none() {
        let folder = tempfile::tempdir().unwrap();
        assert!(snapshots(folder.path()).is_empty());
        assert!(snapshots(&folder.path().join("model.gguf")).is_empty());
        assert!(Snapshot::read(folder.path(), 0).is_err());
    }

    #[test]
    fn other_files_are_no_snapshots() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join("snapshots").join(name);
        fs::create_dir(at("")).unwrap();
        for name in ["7.safetensors", ".00000007.safetensors.part", "notes.txt"] {
            fs::write(at(name), "x").unwrap();
        }
        fs::write(at("00000009.safetensors"), "x").unwrap();
        assert_eq!(snapshots(folder.path()), [9]);
        let said = Snapshot::read(folder.path(), 9).unwrap_err().to_string();
        assert!(
            said.contains("00000009.safetensors") && said.contains("no snapshot of ours"),
            "{said}"
        );
    }
}
