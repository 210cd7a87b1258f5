//! What a run began with, and which settings it had before it was continued with others. Both are kept in
//! `training.toml`, so that a run is continued only as it began, and can be replayed to the same bits.

use lookback_files::{Refusal, Result};
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::Recipe;

/// What was asked for when a run began, besides its settings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunRecord {
    /// The texts, as they were named.
    pub texts: Vec<String>,
    /// How text became tokens, as it was named.
    pub tokenizer: String,
    /// The preset's name.
    pub preset: String,
    /// Wall time that was asked for, in minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minutes: Option<f64>,
}

/// Settings of an earlier part of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlierSettings {
    /// Steps done when the run was continued with other settings.
    pub until: u64,
    /// The values that it had until then of the settings that changed.
    pub settings: Table,
}

/// Settings that are settled when a run begins; so are all of the model's.
const SETTLED: [&str; 14] = [
    "seed",
    "batch",
    "accumulate",
    "context",
    "at_documents",
    "start_tables",
    "start_matrices",
    "compute",
    "optimizer",
    "average_share",
    "short_context",
    "short_share",
    "start_heads",
    "data",
];

/// Settings of what a directory holds, which change no weight.
const OF_THE_DIRECTORY: [&str; 4] =
    ["checkpoint_every", "checkpoints", "snapshots", "whole_snapshots"];

/// Keys of tables in the file that are no settings.
pub(super) const RECORDS: [&str; 2] = ["begun", "before"];

/// A setting that has two values, each as a file has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Its key, without `model.`.
    pub key: String,
    /// Its value here.
    pub here: String,
    /// Its value there.
    pub there: String,
    /// Whether it is settled when a run begins.
    pub is_fixed: bool,
}

impl Recipe {
    /// The settings that weights follow from, by key; those of the model beside the others.
    pub(crate) fn weight_settings(&self) -> Result<Table> {
        let mut table = Table::try_from(self)
            .map_err(|error| Refusal::ours(format!("training.toml: {error}")))?;
        for key in RECORDS.into_iter().chain(OF_THE_DIRECTORY) {
            table.remove(key);
        }
        if let Some(Value::Table(model)) = table.remove("model") {
            table.extend(model);
        }
        Ok(table)
    }

    /// The settings that weights follow from and that others have otherwise.
    pub fn differences(&self, other: &Self) -> Result<Vec<Difference>> {
        self.differences_from(&other.weight_settings()?)
    }

    /// The same, from settings as a checkpoint keeps them; it has none that were added after it.
    pub(crate) fn differences_from(&self, other: &Table) -> Result<Vec<Difference>> {
        let model = Table::try_from(self.model)
            .map_err(|error| Refusal::ours(format!("training.toml: {error}")))?;
        let differ = self.weight_settings()?.into_iter().filter_map(|(key, here)| {
            let there = other.get(&key).filter(|there| **there != here)?.to_string();
            let is_fixed = SETTLED.contains(&key.as_str()) || model.contains_key(&key);
            Some(Difference { key, here: here.to_string(), there, is_fixed })
        });
        Ok(differ.collect())
    }

    /// The settings of the parts of a run before the last, each with the steps done at its end.
    pub(crate) fn earlier(&self) -> Result<Vec<(u64, Self)>> {
        let mut settings = Self { begun: None, before: Vec::new(), ..self.clone() };
        let mut parts = Vec::new();
        for before in self.before.iter().rev() {
            for (key, value) in &before.settings {
                settings = settings.with(key, value.clone())?;
            }
            settings.check()?;
            parts.push((before.until, settings.clone()));
        }
        parts.reverse();
        if !parts.is_sorted_by(|(one, _), (next, _)| one < next) {
            return Err(Refusal::user(
                "before: its parts do not follow one another by their steps",
            ));
        }
        match parts.first() {
            Some((_, first)) if first.differences(self)?.iter().any(|of| of.is_fixed) => {
                Err(Refusal::user("before: it has a setting that cannot change over a run"))
            }
            _ => Ok(parts),
        }
    }

    /// These settings for a run that has done so many steps by those of `file`, or by those that its
    /// checkpoint keeps: what was otherwise before is recorded.
    pub fn resumed(&self, steps: u64, file: &Self, kept: Option<&Table>) -> Result<Self> {
        let earlier = file.earlier()?;
        let then = earlier.iter().find(|(until, _)| steps <= *until);
        let by_file = then.map_or(file, |(_, settings)| settings).weight_settings()?;
        let is_as_recorded = match kept {
            None => true,
            Some(kept) => kept
                .iter()
                .all(|(key, value)| by_file.get(key).is_none_or(|of_file| of_file == value)),
        };
        if is_as_recorded && self.differences(file)?.is_empty() {
            return Ok(self.clone());
        }
        let was = kept.unwrap_or(&by_file);
        let mut settings = Table::new();
        for Difference { key, .. } in self.differences_from(was)? {
            settings.extend(was.get(&key).map(|value| (key, value.clone())));
        }
        let mut recorded = self.clone();
        recorded.before.retain(|before| before.until < steps);
        if steps > 0 && !settings.is_empty() {
            recorded.before.push(EarlierSettings { until: steps, settings });
        }
        Ok(recorded)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::preset, *};

    fn recipe(steps: u64) -> Recipe {
        Recipe { steps, ..preset("tiny").unwrap() }
    }

    /// Steps and rate of each part.
    fn parts(recipe: &Recipe) -> Vec<(u64, u64, f64)> {
        let parts = recipe.earlier().unwrap();
        parts.iter().map(|(until, of)| (*until, of.steps, of.rate)).collect()
    }

    #[test]
    fn each_part_of_a_run_has_the_settings_that_it_was_trained_by() {
        let first = recipe(20);
        let longer = Recipe { steps: 40, ..first.clone() }.resumed(20, &first, None).unwrap();
        let slower = Recipe { rate: 0.5, ..longer.clone() }.resumed(30, &longer, None).unwrap();
        assert_eq!(parts(&slower), [(20, 20, first.rate), (30, 40, first.rate)]);
        // The file keeps it, and continuing as it is changes nothing.
        let read = Recipe::parse(&slower.to_toml().unwrap()).unwrap();
        assert_eq!(read, slower);
        for steps in [5, 20, 30, 35] {
            assert_eq!(read.resumed(steps, &read, None).unwrap(), read);
        }
    }

    #[test]
    fn a_part_without_a_step_is_no_part() {
        let first = recipe(20);
        let longer = Recipe { steps: 40, ..first.clone() }.resumed(0, &first, None).unwrap();
        assert_eq!(longer, recipe(40));
        let longer = Recipe { steps: 40, ..first.clone() }.resumed(20, &first, None).unwrap();
        let slower = Recipe { rate: 0.5, ..longer.clone() }.resumed(20, &longer, None).unwrap();
        assert_eq!(parts(&slower), [(20, 20, first.rate)]);
        let back = Recipe { steps: 20, rate: first.rate, ..slower.clone() };
        assert_eq!(parts(&back.resumed(20, &slower, None).unwrap()), []);
        // From a checkpoint before them.
        let other = Recipe { rate: 0.25, ..slower.clone() }.resumed(10, &slower, None).unwrap();
        assert_eq!(parts(&other), [(10, 20, first.rate)]);
    }

    #[test]
    fn what_was_edited_in_the_file_is_recorded_too() {
        let first = recipe(20);
        let edited = Recipe { rate: 0.5, ..first.clone() };
        let kept = first.weight_settings().unwrap();
        let recorded = edited.resumed(7, &edited, Some(&kept)).unwrap();
        assert_eq!(parts(&recorded), [(7, 20, first.rate)]);
        // A setting of the directory alone is nothing to record.
        let more = Recipe { checkpoints: 9, ..first.clone() };
        assert_eq!(more.resumed(7, &first, Some(&kept)).unwrap(), more);
    }

    #[test]
    fn parts_that_cannot_have_been_are_refused() {
        let mut recipe = recipe(40);
        let part = |until, key: &str, value: i64| EarlierSettings {
            until,
            settings: Table::from_iter([(key.to_owned(), Value::Integer(value))]),
        };
        for before in [
            vec![part(30, "steps", 20), part(20, "steps", 30)],
            vec![part(10, "layers", 1)],
            vec![part(10, "seed", 1)],
            vec![part(10, "lerning_rate", 1)],
            vec![part(10, "rate", -1)],
        ] {
            recipe.before = before;
            assert!(recipe.earlier().is_err(), "{:?}", recipe.before);
        }
    }
}
