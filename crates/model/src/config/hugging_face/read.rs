//! Values in a `config.json` that several families have, under whatever key.

use lookback_files::{Refusal, Result, excerpt};
use lookback_text::TokenId;

use super::{
    super::{Activation, keys::Keys},
    write::ACTIVATIONS,
};
use crate::Family;

impl Keys<'_> {
    /// Refuses a file whose weights are for something else than the next token.
    pub(super) fn check_architecture(&mut self, family: &Family) -> Result<()> {
        let wanted = family.architecture;
        let Some(value) = self.take("architectures") else { return Ok(()) };
        let names = value.as_array().map(Vec::as_slice).unwrap_or_default();
        if names.is_empty() || names.iter().any(|name| name == wanted) {
            return Ok(());
        }
        Err(Refusal::unsupported(format!(
            "architectures {} is not understood; {wanted} is",
            excerpt(&value.to_string())
        )))
    }

    /// The MLP's nonlinearity.
    pub(crate) fn activation(
        &mut self,
        key: &'static str,
        defaults: Activation,
    ) -> Result<Activation> {
        let Some(name) = self.word(key)? else { return Ok(defaults) };
        // That of gpt-oss has no name in files.
        let known = || ACTIVATIONS.iter().filter(|(_, known)| *known != Activation::SwigluOai);
        let found = known().find(|(known, _)| *known == name);
        found.map(|(_, activation)| *activation).ok_or_else(|| {
            let known: Vec<&str> = known().map(|(known, _)| *known).collect();
            let (name, known) = (excerpt(name), known.join(", "));
            Refusal::unsupported(format!("{key} \"{name}\" is not understood; {known} are"))
        })
    }

    /// What a text begins with, if the vocabulary has it.
    pub(crate) fn bos(&mut self, vocabulary: usize) -> Result<Option<TokenId>> {
        Ok(inside(vocabulary, &self.ids("bos_token_id")?).first().copied())
    }

    /// What ends a text, of that which the vocabulary has.
    pub(crate) fn eos(&mut self, vocabulary: usize) -> Result<Vec<TokenId>> {
        Ok(inside(vocabulary, &self.ids("eos_token_id")?))
    }
}

/// Ids that the vocabulary has. A small model often keeps the ids of a larger one's tokenizer;
/// a token that it cannot make ends nothing.
pub(super) fn inside(vocabulary: usize, ids: &[u64]) -> Vec<TokenId> {
    let known = ids.iter().filter(|id| usize::try_from(**id).is_ok_and(|id| id < vocabulary));
    known.filter_map(|id| u32::try_from(*id).ok()).map(TokenId).collect()
}
