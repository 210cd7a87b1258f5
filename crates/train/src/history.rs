//! How a run went, read back from its `metrics.jsonl`.

use std::{fs, path::Path};

use lookback_files::{Refusal, Result};
use serde::Serialize;
use serde_json::Value;

/// A loss after so many steps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point {
    /// Steps done.
    pub step: u64,
    /// Nats per token.
    pub loss: f64,
}

/// How a run went.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct History {
    /// The last step that was noted.
    pub steps: u64,
    /// On what it learned from.
    pub losses: Vec<Point>,
    /// On what was kept back.
    pub judged: Vec<Point>,
}

impl History {
    /// Reads a run's directory. One without metrics has no history; a line that a run was killed in
    /// the middle of is left out.
    pub fn read(directory: &Path) -> Result<Self> {
        let path = directory.join("metrics.jsonl");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) => {
                return match path.exists() {
                    true => Err(Refusal::reading(&path, &error)),
                    false => Ok(Self::default()),
                };
            }
        };
        let mut history = Self::default();
        for line in text.lines() {
            let Ok(value) = serde_json::from_str::<Value>(line) else { continue };
            let Some(step) = value["step"].as_u64() else { continue };
            history.steps = history.steps.max(step);
            let point = |key: &str| value[key].as_f64().map(|loss| Point { step, loss });
            history.losses.extend(point("training_loss"));
            history.judged.extend(point("validation_loss"));
        }
        Ok(history)
    }

    /// The same with at most so many training losses, the last among them.
    pub fn thinned(mut self, most: usize) -> Self {
        let every = self.losses.len().div_ceil(most.max(1)).max(1);
        let left = self.losses.len().saturating_sub(1) % every;
        let kept = self.losses.iter().copied().enumerate();
        self.losses = kept.filter(|(at, _)| at % every == left).map(|(_, point)| point).collect();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_is_what_the_run_noted() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(History::read(folder.path()).unwrap(), History::default());
        let lines = "{\"step\":1,\"training_loss\":7.5}\n{\"step\":2,\"training_loss\":6.5}\n\
                     {\"step\":2,\"tokens\":9,\"validation_loss\":6.25}\n{\"step\":3,\"train";
        fs::write(folder.path().join("metrics.jsonl"), lines).unwrap();
        let history = History::read(folder.path()).unwrap();
        assert_eq!(history.steps, 2);
        assert_eq!(history.judged, [Point { step: 2, loss: 6.25 }]);
        assert_eq!(history.losses.len(), 2);
        assert_eq!(history.thinned(1).losses, [Point { step: 2, loss: 6.5 }]);
    }
}
