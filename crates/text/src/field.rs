//! Fields of JSON objects, asked for by name and refused by name.

use lookback_files::{Refusal, Result, excerpt};
use serde_json::Value;

/// A text that must be there. `of` names the object.
pub(crate) fn text<'a>(value: &'a Value, key: &str, of: &str) -> Result<&'a str> {
    value[key].as_str().ok_or_else(|| Refusal::user(format!("{of} has no text `{key}`")))
}

/// A list that must be there.
pub(crate) fn list<'a>(value: &'a Value, key: &str, of: &str) -> Result<&'a [Value]> {
    value[key]
        .as_array()
        .map(Vec::as_slice)
        .ok_or_else(|| Refusal::user(format!("{of} has no list `{key}`")))
}

/// A flag, or its default; anything else is refused.
pub(crate) fn flag(value: &Value, key: &str, otherwise: bool) -> Result<bool> {
    match &value[key] {
        Value::Null => Ok(otherwise),
        Value::Bool(flag) => Ok(*flag),
        other => {
            let other = excerpt(&other.to_string());
            Err(Refusal::user(format!("`{key}` is {other}, and not true or false")))
        }
    }
}
