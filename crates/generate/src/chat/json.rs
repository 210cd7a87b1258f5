//! The filter `tojson` of templates, which transformers defines as Python's `json.dumps` with the arguments
//! `ensure_ascii`, `indent`, `separators` and `sort_keys`.

use std::fmt::Write;

use minijinja::{
    Error, ErrorKind, State,
    value::{Kwargs, Rest, Value, ValueKind},
};

use super::python_repr;

/// Containers inside each other; Python gives up near this depth too.
const DEPTH: usize = 900;

struct Style {
    ensure_ascii: bool,
    indent: Option<String>,
    between: String,
    after_key: String,
    sort_keys: bool,
}

/// A value as JSON.
pub(super) fn dumps(
    state: &State,
    value: &Value,
    positional: Rest<Value>,
    named: Kwargs,
) -> Result<String, Error> {
    let names = ["ensure_ascii", "indent", "separators", "sort_keys"];
    if positional.len() > names.len() {
        return Err(refuse("tojson takes four arguments at most"));
    }
    let argument = |index: usize| -> Result<Option<Value>, Error> {
        let given: Option<Value> = named.get(names[index])?;
        let value = positional.get(index).cloned().or(given);
        Ok(value.filter(|value| !value.is_none()))
    };
    let ensure_ascii = argument(0)?.is_some_and(|value| value.is_true());
    let indent = argument(1)?.map(|indent| match indent.as_str() {
        Some(text) => Ok::<_, Error>(text.to_owned()),
        None => {
            let spaces =
                i64::try_from(indent).map_err(|_| refuse("tojson's indent is not a number"))?;
            Ok(" ".repeat(spaces.clamp(0, 64) as usize))
        }
    });
    let indent = indent.transpose()?;
    let usual = if indent.is_some() { "," } else { ", " };
    let (between, after_key) = match argument(2)? {
        None => (usual.to_owned(), ": ".to_owned()),
        Some(separators) => {
            let parts: Vec<Value> = separators.try_iter()?.take(3).collect();
            match parts.iter().map(|part| part.as_str()).collect::<Option<Vec<_>>>().as_deref() {
                Some([between, after_key]) => ((*between).to_owned(), (*after_key).to_owned()),
                _ => return Err(refuse("tojson's separators are two texts")),
            }
        }
    };
    let sort_keys = argument(3)?.is_some_and(|value| value.is_true());
    named.assert_all_used()?;
    let style = Style { ensure_ascii, indent, between, after_key, sort_keys };
    let mut json = String::new();
    style.write(state, value, 0, &mut json)?;
    Ok(json)
}

impl Style {
    fn write(
        &self,
        state: &State,
        value: &Value,
        depth: usize,
        json: &mut String,
    ) -> Result<(), Error> {
        if depth > DEPTH {
            return Err(refuse(&format!(
                "tojson does not write values nested deeper than {DEPTH}"
            )));
        }
        let before = json.len();
        match value.kind() {
            ValueKind::None => json.push_str("null"),
            ValueKind::Bool => json.push_str(if value.is_true() { "true" } else { "false" }),
            ValueKind::Number => json.push_str(&number(value)),
            ValueKind::String => self.string(value.as_str().unwrap_or_default(), json),
            ValueKind::Seq => {
                let items: Vec<Value> = value.try_iter()?.collect();
                self.items('[', ']', items.len(), depth, json, &mut |index, json| {
                    self.write(state, &items[index], depth + 1, json)
                })?;
            }
            ValueKind::Map => {
                let mut pairs = Vec::new();
                for key in value.try_iter()? {
                    pairs.push((self.key(&key)?, value.get_item(&key)?));
                }
                if self.sort_keys {
                    pairs.sort_by(|left, right| left.0.cmp(&right.0));
                }
                self.items('{', '}', pairs.len(), depth, json, &mut |index, json| {
                    let (key, value) = &pairs[index];
                    self.string(key, json);
                    json.push_str(&self.after_key);
                    self.write(state, value, depth + 1, json)
                })?;
            }
            other => {
                return Err(refuse(&format!("a value of type {other} is not JSON serializable")));
            }
        }
        state.consume_fuel(1 + ((json.len() - before) / 64) as u64)
    }

    fn items(
        &self,
        open: char,
        close: char,
        count: usize,
        depth: usize,
        json: &mut String,
        item: &mut dyn FnMut(usize, &mut String) -> Result<(), Error>,
    ) -> Result<(), Error> {
        json.push(open);
        let line = |depth: usize, json: &mut String| {
            if let (Some(indent), true) = (&self.indent, count > 0) {
                json.push('\n');
                (0..depth).for_each(|_| json.push_str(indent));
            }
        };
        for index in 0..count {
            if index > 0 {
                json.push_str(&self.between);
            }
            line(depth + 1, json);
            item(index, json)?;
        }
        line(depth, json);
        json.push(close);
        Ok(())
    }

    /// A key, which JSON has as a text.
    fn key(&self, key: &Value) -> Result<String, Error> {
        match key.kind() {
            ValueKind::String => Ok(key.as_str().unwrap_or_default().to_owned()),
            ValueKind::None => Ok("null".to_owned()),
            ValueKind::Bool => Ok(key.is_true().to_string()),
            ValueKind::Number => Ok(number(key)),
            other => Err(refuse(&format!("a key of type {other} is not JSON serializable"))),
        }
    }

    fn string(&self, text: &str, json: &mut String) {
        json.push('"');
        for sign in text.chars() {
            match sign {
                '"' => json.push_str("\\\""),
                '\\' => json.push_str("\\\\"),
                '\n' => json.push_str("\\n"),
                '\r' => json.push_str("\\r"),
                '\t' => json.push_str("\\t"),
                '\u{8}' => json.push_str("\\b"),
                '\u{c}' => json.push_str("\\f"),
                ' '..='~' => json.push(sign),
                '\u{0}'..='\u{1f}' => escape(sign, json),
                _ if self.ensure_ascii => escape(sign, json),
                sign => json.push(sign),
            }
        }
        json.push('"');
    }
}

fn escape(sign: char, json: &mut String) {
    for unit in sign.encode_utf16(&mut [0; 2]) {
        let _infallible = write!(json, "\\u{unit:04x}");
    }
}

/// A number as Python's `json` writes it.
fn number(value: &Value) -> String {
    match f64::try_from(value.clone()) {
        Ok(number) if !value.is_integer() => python_repr::float(number, "NaN", "Infinity"),
        _ => value.to_string(),
    }
}

fn refuse(why: &str) -> Error {
    Error::new(ErrorKind::BadSerialization, why.to_owned())
}
