//! Fields of JSON objects, asked for by name and refused by name.

use lookback_files::{Refusal, Result};
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

/// A flag, or what it is where nobody says.
pub(crate) fn flag(value: &Value, key: &str, otherwise: bool) -> bool {
    value[key].as_bool().unwrap_or(otherwise)
}
