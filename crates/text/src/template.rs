//! What is put before and after a text: the beginning-of-text token, as a rule.

use lookback_files::{Refusal, Result, excerpt};
use serde_json::Value;

use crate::{budget, field};

/// Ids around a text.
#[derive(Debug, Default)]
pub(crate) struct Template {
    pub(crate) before: Vec<u32>,
    pub(crate) after: Vec<u32>,
}

impl Template {
    /// Reads a `post_processor` object; the pair's template is not needed here.
    pub(crate) fn read(value: &Value) -> Result<Self> {
        let mut template = Self::default();
        template.add(value)?;
        Ok(template)
    }

    fn add(&mut self, value: &Value) -> Result<()> {
        if value.is_null() {
            return Ok(());
        }
        match field::text(value, "type", "a post-processor")? {
            "Sequence" => {
                for one in field::list(value, "processors", "a post-processor")? {
                    self.add(one)?;
                }
            }
            // It trims offsets, which are not kept here.
            "ByteLevel" => {}
            "RobertaProcessing" => {
                self.before.push(number(&value["cls"][1])?);
                self.after.push(number(&value["sep"][1])?);
            }
            "TemplateProcessing" => self.add_template(value)?,
            other => {
                return Err(Refusal::unsupported(format!(
                    "the post-processor {} is not understood, and would change the ids",
                    excerpt(other)
                )));
            }
        }
        let around = self.before.len() + self.after.len();
        budget::check(around, budget::AROUND, "tokens around a text in its post-processor")
    }

    fn add_template(&mut self, value: &Value) -> Result<()> {
        let (mut before, mut after) = (Vec::new(), Vec::new());
        let mut texts = 0;
        let single = field::list(value, "single", "TemplateProcessing")?;
        budget::check(single.len(), budget::AROUND, "pieces in its TemplateProcessing")?;
        for part in single {
            if !part["Sequence"].is_null() {
                if part["Sequence"]["id"] == "B" {
                    return Err(Refusal::user(
                        "TemplateProcessing puts a second text, $B, where there is one; correct its `single`",
                    ));
                }
                texts += 1;
                continue;
            }
            let name = field::text(&part["SpecialToken"], "id", "TemplateProcessing")?;
            let ids = field::list(&value["special_tokens"][name], "ids", "TemplateProcessing")?;
            budget::check(ids.len(), budget::AROUND, "ids of one token in its post-processor")?;
            let place = if texts == 0 { &mut before } else { &mut after };
            for id in ids {
                place.push(number(id)?);
            }
        }
        if texts != 1 {
            return Err(Refusal::user(format!(
                "TemplateProcessing holds a text {texts} times, not once"
            )));
        }
        // Outer templates stand around inner ones.
        self.before.splice(0..0, before);
        self.after.extend(after);
        Ok(())
    }
}

fn number(value: &Value) -> Result<u32> {
    let id = value.as_u64().and_then(|id| u32::try_from(id).ok());
    id.ok_or_else(|| {
        let value = excerpt(&value.to_string());
        Refusal::user(format!("the post-processor's id {value} is no id"))
    })
}

/// The template that puts tokens around a text, in the words of `tokenizer.json`.
pub(crate) fn write(before: Option<(&str, u32)>, after: Option<(&str, u32)>) -> Value {
    let owned = |token: Option<(&str, u32)>| -> Vec<(String, u32)> {
        token.into_iter().map(|(name, id)| (name.to_owned(), id)).collect()
    };
    write_all(&owned(before), &owned(after))
}

/// The same of several tokens.
pub(crate) fn write_all(before: &[(String, u32)], after: &[(String, u32)]) -> Value {
    let text = |id: &str, kind: u8| serde_json::json!({"Sequence": {"id": id, "type_id": kind}});
    let around = |name: &str, kind: u8| {
        let token = |name: &str| serde_json::json!({"SpecialToken": {"id": name, "type_id": kind}});
        let before = before.iter().map(|(name, _)| token(name));
        let after = after.iter().map(|(name, _)| token(name));
        before.chain([text(name, kind)]).chain(after).collect::<Vec<_>>()
    };
    let mut specials = serde_json::Map::new();
    for (name, id) in before.iter().chain(after) {
        let special = serde_json::json!({"id": name, "ids": [id], "tokens": [name]});
        specials.insert(name.clone(), special);
    }
    if specials.is_empty() {
        return Value::Null;
    }
    let pair = [around("A", 0), around("B", 1)].concat();
    serde_json::json!({
        "type": "TemplateProcessing",
        "single": around("A", 0),
        "pair": pair,
        "special_tokens": specials,
    })
}
