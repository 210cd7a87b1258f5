//! For how many positions a model is opened: more than those of its first training may have other rotary
//! frequencies, which are chosen once and are the same for all of a sequence.

use lookback_files::{Refusal, Result};

use super::{Config, Positions, RopeScaling, RotaryConfig};

impl Config {
    /// The same model opened for another number of positions. A rotary embedding whose frequencies depend on
    /// it has those of this context, for all of a sequence.
    ///
    /// # Errors
    /// If the model cannot have so many positions.
    pub fn for_context(self, context: usize) -> Result<Self> {
        let longest = self.long_context.unwrap_or(self.context);
        if context == 0 || context > longest {
            return Err(Refusal::user(format!(
                "a context of {context}: this model reads {longest} tokens at once at most"
            )));
        }
        let long_context = Some(longest).filter(|longest| *longest > context);
        Ok(Self { context, long_context, ..self })
    }

    /// The same for so many positions, if these are more than it is usually opened for and can have others.
    pub(crate) fn opened_for(self, context: Option<usize>) -> Result<Self> {
        let longest = self.long_context.unwrap_or(self.context);
        match context.filter(|context| (self.context + 1..=longest).contains(context)) {
            Some(context) => self.for_context(context),
            None => Ok(self),
        }
    }

    /// The positions that its file names.
    pub(crate) fn written_context(&self) -> usize {
        match &self.positions {
            Positions::Rotary(RotaryConfig { scaling: RopeScaling::LongRope(_), .. }) => {
                self.long_context.unwrap_or(self.context)
            }
            _ => self.context,
        }
    }

    /// The same with the context of its first training, where a longer one has other rotary frequencies.
    pub(crate) fn with_short_context(self) -> Self {
        let Positions::Rotary(rotary) = &self.positions else { return self };
        let (short, longest) = match &rotary.scaling {
            RopeScaling::LongRope(long_rope) => (long_rope.original_context, self.context),
            RopeScaling::Dynamic { factor, .. } => {
                (self.context, (self.context as f64 * f64::from(*factor)) as usize)
            }
            _ => return self,
        };
        let context = short.min(self.context);
        Self { context, long_context: Some(longest).filter(|it| *it > context), ..self }
    }
}
