//! The schedules of a recipe: the length of sequences, the learning rate, and the averaging of weights, by step.

use super::{Recipe, Schedule};

impl Recipe {
    /// Tokens of the sequences of a step, counted from 0.
    pub fn context_at(&self, step: u64) -> usize {
        let is_short = self.short_context > 0
            && (step as f64) < libm::round(self.short_share * self.steps as f64);
        if is_short { self.short_context } else { self.context }
    }

    /// How many steps before and with this one, counted from 0, the model is the mean of; 0 of a step
    /// before them.
    pub fn averaged_at(&self, step: u64) -> u64 {
        let count = libm::round(self.average_share * self.steps as f64) as u64;
        (step + 1).saturating_sub(self.steps.saturating_sub(count))
    }

    /// The learning rate of a step, counted from 0: a linear warm-up, then the schedule.
    pub fn rate_at(&self, step: u64) -> f64 {
        let warmup = f64::max(1.0, libm::round(self.warmup_share * self.steps as f64));
        let done = step as f64;
        if done < warmup {
            return self.rate * (done + 1.0) / warmup;
        }
        let rest = f64::max(1.0, self.steps as f64 - warmup);
        let part = f64::min(1.0, (done - warmup) / rest);
        let share = match self.schedule {
            Schedule::Cosine => 0.5 * (1.0 + libm::cos(std::f64::consts::PI * part)),
            Schedule::Stable => {
                let left = self.steps as f64 - done;
                let cooldown = f64::max(1.0, self.cooldown_share * self.steps as f64);
                f64::clamp(left / cooldown, 0.0, 1.0)
            }
        };
        self.rate * (self.final_share + (1.0 - self.final_share) * share)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::preset, *};

    #[test]
    fn the_rate_rises_over_the_warm_up_and_falls_to_its_share() {
        let mut recipe = preset("tiny").unwrap();
        (recipe.steps, recipe.warmup_share, recipe.final_share) = (1000, 0.1, 0.1);
        recipe.rate = 1.0;
        assert_eq!(recipe.rate_at(0), 0.01);
        assert_eq!(recipe.rate_at(99), 1.0);
        assert!((recipe.rate_at(550) - 0.55).abs() < 1e-9);
        assert!((recipe.rate_at(1000) - 0.1).abs() < 1e-9);
    }

    #[test]
    fn a_stable_rate_falls_in_a_line_at_the_end() {
        let mut recipe = preset("tiny").unwrap();
        (recipe.steps, recipe.warmup_share, recipe.final_share) = (1000, 0.1, 0.0);
        (recipe.rate, recipe.schedule, recipe.cooldown_share) = (1.0, Schedule::Stable, 0.2);
        assert_eq!(recipe.rate_at(49), 0.5);
        assert_eq!([100, 500, 800].map(|step| recipe.rate_at(step)), [1.0; 3]);
        assert_eq!([900, 1000].map(|step| recipe.rate_at(step)), [0.5, 0.0]);
    }

    #[test]
    fn the_first_steps_are_short_and_the_last_are_averaged() {
        let mut recipe = preset("tiny").unwrap();
        recipe.steps = 100;
        assert_eq!((recipe.context_at(0), recipe.averaged_at(99)), (64, 0));
        (recipe.short_context, recipe.short_share, recipe.average_share) = (16, 0.25, 0.1);
        assert_eq!([0, 24, 25, 99].map(|step| recipe.context_at(step)), [16, 16, 64, 64]);
        assert_eq!([0, 89, 90, 99].map(|step| recipe.averaged_at(step)), [0, 0, 1, 10]);
        recipe.short_context = 24;
        assert!(recipe.check().unwrap_err().to_string().contains("divide the context of 64"));
    }
}
