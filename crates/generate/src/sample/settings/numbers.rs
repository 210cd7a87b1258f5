//! The numbers of the settings by their names: how they are set, and which are refused.

use lookback_files::{Kind, Refusal, Result, Setting, quoted_excerpt};

use super::{
    super::parameters::{SAMPLER_PARAMETERS, SamplerParameter},
    Settings,
};

/// Where a number stands in the settings.
enum Place<'a> {
    Number(&'a mut f64),
    Count(&'a mut usize),
    Last(&'a mut i64),
}

impl Settings {
    /// Sets a number by the name that [`SAMPLER_PARAMETERS`] gives it, or refuses it by that name.
    pub fn set(&mut self, name: &str, value: f64) -> Result<()> {
        let parameter = SAMPLER_PARAMETERS.iter().find(|parameter| parameter.name == name);
        let (Some(parameter), Some(place)) = (parameter, self.place(name)) else {
            let known: Vec<&str> =
                SAMPLER_PARAMETERS.iter().map(|parameter| parameter.name).collect();
            let known = known.join(", ");
            return Err(Refusal::of(
                Kind::InvalidSetting,
                format!("there is no sampler {}; there are {known}", quoted_excerpt(name)),
            ));
        };
        if parameter.is_whole && value.fract() != 0.0 {
            return Err(refuse(parameter, value));
        }
        match place {
            Place::Number(number) => *number = value,
            Place::Count(count) if value >= 0.0 => *count = value as usize,
            Place::Last(last) if value >= -1.0 => *last = value as i64,
            _ => return Err(refuse(parameter, value)),
        }
        Ok(())
    }

    /// Refuses values that are not possible.
    pub(super) fn check(&self) -> Result<()> {
        let mut settings = self.clone();
        for parameter in &SAMPLER_PARAMETERS {
            let value = match settings.place(parameter.name) {
                Some(Place::Number(number)) => *number,
                Some(Place::Count(count)) => *count as f64,
                Some(Place::Last(last)) => *last as f64,
                None => continue,
            };
            // Written so that NaN is refused too.
            if !(parameter.possible[0] <= value && value <= parameter.possible[1]) {
                return Err(refuse(parameter, value));
            }
        }
        for (id, bias) in &self.logit_bias.biases {
            if bias.is_nan() || *bias == f64::INFINITY {
                let what = "a bias is a number, or -inf to ban the token";
                return Err(Refusal::of(
                    Kind::InvalidSetting,
                    format!("{} {id}: {what}, not {bias}", Setting("logit_bias")),
                ));
            }
        }
        Ok(())
    }

    fn place(&mut self, name: &str) -> Option<Place<'_>> {
        use Place::{Count, Last, Number};
        Some(match name {
            "temperature" => Number(&mut self.temperature),
            "dynatemp_range" => Number(&mut self.dynatemp_range),
            "dynatemp_exp" => Number(&mut self.dynatemp_exp),
            "top_k" => Count(&mut self.top_k),
            "top_p" => Number(&mut self.top_p),
            "min_p" => Number(&mut self.min_p),
            "typical" => Number(&mut self.typical),
            "top_n_sigma" => Number(&mut self.top_n_sigma),
            "xtc_probability" => Number(&mut self.xtc_probability),
            "xtc_threshold" => Number(&mut self.xtc_threshold),
            "repeat_penalty" => Number(&mut self.repeat_penalty),
            "presence_penalty" => Number(&mut self.presence_penalty),
            "frequency_penalty" => Number(&mut self.frequency_penalty),
            "repeat_last_n" => Last(&mut self.repeat_last_n),
            "dry_multiplier" => Number(&mut self.dry_multiplier),
            "dry_base" => Number(&mut self.dry_base),
            "dry_allowed_length" => Count(&mut self.dry_allowed_length),
            "dry_penalty_last_n" => Last(&mut self.dry_penalty_last_n),
            "mirostat" => Count(&mut self.mirostat),
            "mirostat_ent" => Number(&mut self.mirostat_ent),
            "mirostat_lr" => Number(&mut self.mirostat_lr),
            _ => return None,
        })
    }
}

fn refuse(parameter: &SamplerParameter, value: f64) -> Refusal {
    let setting = Setting(parameter.name);
    Refusal::of(Kind::InvalidSetting, format!("{setting} {value}: {}", parameter.range))
}

#[cfg(test)]
mod tests {
    use super::{super::SamplerKind, *};

    #[test]
    fn every_described_number_can_be_set_and_changes_nothing_when_neutral() {
        let mut settings = Settings::usual(0);
        for parameter in SAMPLER_PARAMETERS {
            let possible = parameter.possible[0]..=parameter.possible[1];
            for value in [parameter.min, parameter.max, parameter.neutral, parameter.default] {
                assert!(possible.contains(&value), "{}", parameter.name);
            }
            settings.set(parameter.name, parameter.neutral).unwrap();
            let known = SamplerKind::ORDER.iter().any(|kind| kind.name() == parameter.sampler);
            assert!(known || parameter.sampler == "mirostat", "{}", parameter.name);
        }
        assert_eq!(settings, Settings::plain(0));
        assert!(settings.stages().unwrap().is_empty());
    }

    #[test]
    fn what_people_set_first_makes_the_step_of_its_sampler() {
        for parameter in SAMPLER_PARAMETERS.iter().filter(|parameter| parameter.is_main) {
            let mut alone = Settings::plain(0);
            alone.set(parameter.name, parameter.min.max(parameter.step)).unwrap();
            assert_eq!(alone.stages().unwrap().first().unwrap().sampler_name(), parameter.sampler);
        }
    }

    #[test]
    fn what_cannot_be_set_is_refused_by_name() {
        let mut settings = Settings::plain(0);
        let said = settings.set("luck", 5.0).unwrap_err().to_string();
        assert!(
            said.starts_with("there is no sampler \"luck\"; there are repeat_penalty"),
            "{said}"
        );
        for value in [-1.0, 2.5, f64::NAN] {
            let said = settings.set("top_k", value).unwrap_err().to_string();
            assert!(said.starts_with(&format!("top_k {value}: ")), "{said}");
        }
        assert!(settings.set("repeat_last_n", -2.0).is_err());
        assert!(settings.set("mirostat", 3.0).and_then(|()| settings.check()).is_err());
    }
}
