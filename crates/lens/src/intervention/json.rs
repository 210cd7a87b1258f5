//! Interventions as JSON: `{"site", "tokens", "heads", "dimensions", "op", "value"}`, where what is not chosen
//! is left out. Text and JSON have the same meaning, and each follows from the other without loss.

use lookback_files::{Kind, Refusal, Result, Setting, nearest};
use lookback_model::Site;
use serde_json::{Map, Value, json};

use crate::intervention::{
    operation::{Intervention, Operation},
    selection::{Axis, Index, Selection},
};

impl Intervention {
    /// As an object of JSON.
    pub fn to_json(&self) -> Value {
        let mut object = Map::from_iter([("site".to_owned(), json!(self.site.to_string()))]);
        for (axis, chosen) in &self.selection.0 {
            let value = match &chosen[..] {
                [one] => json!(one),
                several => json!(several),
            };
            object.insert(axis.plural().to_owned(), value);
        }
        if let Value::Object(operation) = json!(self.operation) {
            object.extend(operation);
        }
        Value::Object(object)
    }

    /// From an object of JSON, or from a string that has the text.
    ///
    /// # Errors
    /// When it cannot be understood; what was expected is named.
    pub fn from_json(value: &Value) -> Result<Self> {
        let object = match value {
            Value::String(text) => return text.parse(),
            Value::Object(object) => object,
            _ => return Err(refusal("an edit is a string or an object")),
        };
        let name = object.get("site").and_then(Value::as_str);
        let site = name.ok_or_else(|| refusal("\"site\" is missing"))?;
        let site: Site = site.parse().map_err(|why: String| refusal(&why))?;
        let (mut selection, mut operation) = (Selection::all(), Map::new());
        for (key, value) in object.iter().filter(|(key, _)| *key != "site") {
            if ["op", "value"].contains(&key.as_str()) {
                operation.insert(key.clone(), value.clone());
            } else if let Some(axis) = Axis::parse(key) {
                selection = selection.with(axis, indices(axis, value)?);
            } else {
                let known = Axis::NAMES.iter().map(|(.., name)| *name).chain(["op", "value"]);
                let meant = nearest(key, known);
                let meant = meant.map_or(String::new(), |key| format!("; did you mean {key:?}?"));
                return Err(refusal(&format!("there is no key {key:?} in an edit{meant}")));
            }
        }
        let operation: Operation = serde_json::from_value(Value::Object(operation))
            .map_err(|error| refusal(&format!("its \"op\" and \"value\": {}", expected(&error))))?;
        let intervention = Self { site, selection, operation };
        intervention.check()?;
        Ok(intervention)
    }
}

/// What was expected of an operation. Of a value that may be of several kinds, serde says nothing of use.
fn expected(error: &serde_json::Error) -> String {
    let sentence = error.to_string();
    match sentence.contains("untagged enum") {
        false => sentence,
        true => {
            "the value is a number, a list of numbers, \"mean\", or an object with mean_of, from, \
                 resample, file, dir or unit, as docs/interventions.md has them"
                .to_owned()
        }
    }
}

fn indices(axis: Axis, value: &Value) -> Result<Vec<Index>> {
    let several = match value {
        Value::Array(several) => several.clone(),
        Value::Null => vec![json!({})],
        one => vec![one.clone()],
    };
    let read = |value: Value| match value.is_array() {
        true => None,
        false => serde_json::from_value(value).ok(),
    };
    let read: Option<Vec<Index>> = several.into_iter().map(read).collect();
    read.filter(|read| !read.is_empty()).ok_or_else(|| {
        let what = "are chosen by a number, a text, {\"start\", \"end\"} or a list of these";
        refusal(&format!("{} {what}", axis.plural()))
    })
}

fn refusal(what: &str) -> Refusal {
    Refusal::of(Kind::InvalidSetting, format!("{}: {what}", Setting("edit")))
}
