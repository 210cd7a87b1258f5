//! Settings as text: a whole file, a file of some keys over other settings, or one `key=value`.

use lookback_files::{Kind, Refusal, Result, Setting, nearest};
use serde::Deserialize;
use toml::de::{DeTable, DeValue};

use super::{Recipe, record::RECORDS, setting_synonym};

impl Recipe {
    /// Reads settings, such as those of `--config`.
    pub fn parse(text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| in_line(text, &error))
    }

    /// The settings as `training.toml`.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).map_err(|error| Refusal::ours(format!("training.toml: {error}")))
    }

    /// One setting by `key=value`; keys of the model may go without `model.`.
    pub fn set(&mut self, setting: &str) -> Result<()> {
        let (key, value) = setting.split_once('=').ok_or_else(|| {
            let set = Setting("set");
            refuse(format!("{set} {setting}: it has no =; write {set} key=value"))
        })?;
        let (key, value) = (key.trim(), value.trim());
        if key.is_empty() {
            let set = Setting("set");
            return Err(refuse(format!("{set} {setting}: no key stands before the =")));
        }
        let as_written = toml::from_str::<toml::Table>(&format!("value = {value}"));
        let value = match as_written.ok().and_then(|mut table| table.remove("value")) {
            Some(value) => value,
            None => toml::Value::String(value.to_owned()),
        };
        let at = |refusal: Refusal| refusal.at(format!("{} {setting}", Setting("set")));
        *self = self.with(key, value).map_err(at)?;
        Ok(())
    }

    /// The settings of a file such as `--config` names: a whole one, or one of some keys, for which the
    /// others are as here.
    pub fn with_file(&self, text: &str) -> Result<Self> {
        // A whole file lacks the settings that were added after it, which take their former meaning.
        if let Ok(whole) = Self::parse(text) {
            return Ok(whole);
        }
        let here = self.to_toml()?;
        let read = |text| DeTable::parse(text).map_err(|error| in_line(text, &error));
        let mut file = read(text)?;
        // The file's keys keep their places, so a mistake is reported at its line; what is here is right.
        lay_under(file.get_mut(), read(&here)?.into_inner());
        Self::deserialize(toml::Deserializer::from(file)).map_err(|error| in_line(text, &error))
    }

    /// The same settings but for one; of the model where it is known to be.
    pub(super) fn with(&self, key: &str, value: toml::Value) -> Result<Self> {
        let mut table = toml::Table::try_from(self)
            .map_err(|error| Refusal::ours(format!("{key}: {error}")))?;
        let model = table.get("model").and_then(|model| model.as_table());
        let in_model = model.is_some_and(|model| model.contains_key(key));
        let is_setting = |name: &&String| *name != "model" && !RECORDS.contains(&name.as_str());
        let outer = table.keys().filter(is_setting);
        let known = outer.chain(model.into_iter().flat_map(|model| model.keys()));
        let known: Vec<&str> = known.map(String::as_str).collect();
        if !known.contains(&key) {
            return Err(refuse(unknown(key, &known)));
        }
        let place = if in_model { table.get_mut("model") } else { None };
        let place = match place.and_then(|model| model.as_table_mut()) {
            Some(model) => model,
            None => &mut table,
        };
        // A whole number where a fraction stands is that fraction.
        let value = match (place.get(key), value) {
            (Some(toml::Value::Float(_)), toml::Value::Integer(whole)) => {
                toml::Value::Float(whole as f64)
            }
            (_, value) => value,
        };
        place.insert(key.to_owned(), value);
        table.try_into().map_err(|error: toml::de::Error| refuse(plainly(error.message())))
    }
}

fn refuse(sentence: String) -> Refusal {
    Refusal::of(Kind::InvalidSetting, sentence)
}

/// Gives a table what only the other has, and so the tables of both.
fn lay_under<'t>(table: &mut DeTable<'t>, other: DeTable<'t>) {
    for (key, value) in other {
        match table.get_mut(key.get_ref().as_ref()) {
            None => {
                table.insert(key, value);
            }
            Some(own) => {
                if let (DeValue::Table(own), DeValue::Table(value)) =
                    (own.get_mut(), value.into_inner())
                {
                    lay_under(own, value);
                }
            }
        }
    }
}

/// An error of toml in a text, and its line.
fn in_line(text: &str, error: &toml::de::Error) -> Refusal {
    let message = plainly(error.message());
    let line = error.span().map(|span| 1 + text[..span.start].matches('\n').count());
    refuse(match line {
        Some(line) => format!("line {line}: {message}"),
        None => message,
    })
}

/// An error of toml on one line, without the names of Rust's types.
fn plainly(message: &str) -> String {
    // "unknown field `a`, expected one of `b`, `c`"
    if message.starts_with("unknown field") {
        let mut names = message.split('`').skip(1).step_by(2);
        if let Some(key) = names.next() {
            return unknown(key, &names.collect::<Vec<_>>());
        }
    }
    let mut plain = message.trim_end().replace('\n', " ");
    for (rust, words) in [
        ("expected usize", "a whole number is needed"),
        ("expected u64", "a whole number is needed"),
        ("expected u32", "a whole number is needed"),
        ("expected f64", "a number is needed"),
        ("expected a boolean", "true or false is needed"),
    ] {
        plain = plain.replace(rust, words);
    }
    plain
}

/// `there is no setting lerning_rate; these are: seed, steps`
fn unknown(key: &str, known: &[&str]) -> String {
    let known: Vec<&str> = known.iter().copied().filter(|name| !RECORDS.contains(name)).collect();
    let elsewhere = setting_synonym(key).filter(|meant| known.contains(meant));
    match elsewhere.or_else(|| nearest(key, known.iter().copied())) {
        Some(meant) => format!(
            "there is no setting {key}; did you mean {meant}? {} has all",
            Setting("print_config")
        ),
        None => format!("there is no setting {key}; these are: {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::preset, *};

    #[test]
    fn files_from_before_a_setting_mean_what_they_meant() {
        let mut recipe = preset("bench-a").unwrap();
        // What a run kept before one could choose.
        for setting in ["keep=last", "checkpoints=2", "snapshots=20"] {
            recipe.set(setting).unwrap();
        }
        let text = recipe.to_toml().unwrap();
        let later = [
            "optimizer",
            "table_share",
            "head_share",
            "momentum",
            "schedule",
            "cooldown_share",
            "z_loss",
            "average_share",
            "short_context",
            "short_share",
            "start_heads",
            "activation",
            "tied",
            "head_norm",
            "logit_cap",
            "keep",
            "checkpoints",
            "snapshots",
            "whole_snapshots",
        ];
        let is_earlier =
            |line: &&str| !later.iter().any(|key| line.starts_with(&format!("{key} =")));
        let earlier: Vec<&str> = text.lines().filter(is_earlier).collect();
        assert_eq!(earlier.len() + later.len(), text.lines().count());
        assert_eq!(Recipe::parse(&earlier.join("\n")).unwrap(), recipe);
    }

    #[test]
    fn a_setting_is_known_by_its_key() {
        let mut recipe = preset("tiny").unwrap();
        recipe.set("rate=1").unwrap();
        recipe.set("layers = 2").unwrap();
        recipe.set("architecture=gpt2").unwrap();
        assert_eq!((recipe.rate, recipe.model.layers), (1.0, 2));
        let said = recipe.set("lerning_rate=1").unwrap_err().to_string();
        assert!(said.contains("no setting lerning_rate; did you mean rate?"), "{said}");
        let said = recipe.set("colour=1").unwrap_err().to_string();
        assert!(said.contains("no setting colour; these are: accumulate, "), "{said}");
        assert!(recipe.set("layers=many").is_err());
    }

    #[test]
    fn a_file_of_some_keys_is_laid_over_other_settings_and_a_whole_one_is_not() {
        let small = preset("small").unwrap();
        let file = "rate = 1\n# The shape.\n[model]\nlayers = 2\n";
        let mut wanted = small.clone();
        (wanted.rate, wanted.model.layers) = (1.0, 2);
        assert_eq!(small.with_file(file).unwrap(), wanted);
        assert_eq!(small.with_file("").unwrap(), small);
        assert_eq!(small.with_file("model.layers = 2\nrate = 1.0").unwrap(), wanted);
        let whole = preset("bench-a").unwrap();
        assert_eq!(small.with_file(&whole.to_toml().unwrap()).unwrap(), whole);
        for (file, sentence) in [
            ("\nlerning_rate = 1", "line 2: there is no setting lerning_rate; did you mean rate?"),
            ("rate = 1\nlayers = 2", "line 2: there is no setting layers; "),
            ("[model]\nrate = 1", "line 2: there is no setting rate; "),
            ("seed = 1\nbatch = \"many\"", "line 2: "),
            ("[model]\nlayers = 1.5", "line 2: "),
            ("model = 3", "line 1: "),
            ("seed = ", "line 1: "),
        ] {
            let said = small.with_file(file).unwrap_err().to_string();
            assert!(said.starts_with(sentence), "{file}: {said}");
        }
    }

    #[test]
    fn settings_survive_their_file_and_unknown_keys_do_not() {
        let recipe = preset("small").unwrap();
        let text = recipe.to_toml().unwrap();
        assert_eq!(Recipe::parse(&text).unwrap(), recipe);
        let said = Recipe::parse(&format!("sede = 1\n{text}")).unwrap_err().to_string();
        assert!(said.contains("line 1") && said.contains("no setting sede"), "{said}");
    }
}
