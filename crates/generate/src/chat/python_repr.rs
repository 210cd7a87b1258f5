//! Values as Python prints them, where minijinja prints them otherwise: numbers with a point, and what lists
//! and dictionaries hold. What `~` joins is printed by minijinja: numbers from 1e16 on or below 1e-4 have
//! other digits there.

use std::fmt::Write;

use minijinja::{
    Error, ErrorKind, Output, State,
    value::{Kwargs, Value, ValueKind},
};

use super::views::View;

/// Containers inside each other.
const DEPTH: usize = 900;

/// Prints what stands between `{{` and `}}`.
pub(super) fn print(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    match own(state, value)? {
        Some(text) => Ok(out.write_str(&text)?),
        None => minijinja::escape_formatter(out, state, value),
    }
}

/// The filter `string`, which is Python's `str`.
pub(super) fn string(state: &State, value: &Value) -> Result<Value, Error> {
    match own(state, value)? {
        Some(text) => Ok(Value::from(text)),
        None => minijinja::filters::string(state, value),
    }
}

/// The filter `join`.
pub(super) fn join(
    state: &State,
    value: &Value,
    separator: Option<Value>,
    attribute: Option<String>,
    named: Kwargs,
) -> Result<String, Error> {
    let separator = separator.or(named.get("d")?).unwrap_or_else(|| Value::from(""));
    let attribute = attribute.or(named.get("attribute")?);
    named.assert_all_used()?;
    let separator = plain(state, &separator)?;
    let mut joined = String::new();
    for (index, mut item) in value.try_iter()?.enumerate() {
        for name in attribute.iter().flat_map(|names| names.split('.')) {
            item = match name.parse::<usize>() {
                Ok(index) => item.get_item_by_index(index)?,
                Err(_) => item.get_attr(name)?,
            };
        }
        let text = plain(state, &item)?;
        let separator = if index > 0 { separator.as_str() } else { "" };
        state.consume_fuel(1 + ((separator.len() + text.len()) / 64) as u64)?;
        joined.push_str(separator);
        joined.push_str(&text);
    }
    Ok(joined)
}

/// Python's `str`.
fn plain(state: &State, value: &Value) -> Result<String, Error> {
    Ok(own(state, value)?.unwrap_or_else(|| value.to_string()))
}

/// A number with a point, or a container; none for what minijinja prints as Python does.
fn own(state: &State, value: &Value) -> Result<Option<String>, Error> {
    let mut text = String::new();
    match value.kind() {
        ValueKind::Seq | ValueKind::Map => written(state, value, 0, &mut text)?,
        _ => match (float_of(value), value.downcast_object_ref::<View>()) {
            (Some(number), _) => text = float(number, "nan", "inf"),
            (_, Some(view)) => {
                let mut items = String::new();
                written(state, view.items(), 0, &mut items)?;
                text = format!("dict_{}({items})", view.name());
            }
            _ => return Ok(None),
        },
    }
    Ok(Some(text))
}

fn float_of(value: &Value) -> Option<f64> {
    (value.kind() == ValueKind::Number && !value.is_integer())
        .then(|| f64::try_from(value.clone()).ok())?
}

/// Python's `repr`.
fn written(state: &State, value: &Value, depth: usize, text: &mut String) -> Result<(), Error> {
    if depth > DEPTH {
        let why = format!("values nested deeper than {DEPTH} are not printed");
        return Err(Error::new(ErrorKind::InvalidOperation, why));
    }
    let before = text.len();
    match value.kind() {
        ValueKind::Seq => {
            let (open, close) = if value.is_tuple() { ("(", ")") } else { ("[", "]") };
            text.push_str(open);
            let mut count = 0;
            for item in value.try_iter()? {
                text.push_str(if count > 0 { ", " } else { "" });
                written(state, &item, depth + 1, text)?;
                count += 1;
            }
            text.push_str(if value.is_tuple() && count == 1 { "," } else { "" });
            text.push_str(close);
        }
        ValueKind::Map => {
            text.push('{');
            for (index, key) in value.try_iter()?.enumerate() {
                text.push_str(if index > 0 { ", " } else { "" });
                written(state, &key, depth + 1, text)?;
                text.push_str(": ");
                written(state, &value.get_item(&key)?, depth + 1, text)?;
            }
            text.push('}');
        }
        ValueKind::String => quote(value.as_str().unwrap_or_default(), text),
        _ if value.is_undefined() => text.push_str("Undefined"),
        _ => match float_of(value) {
            Some(number) => text.push_str(&float(number, "nan", "inf")),
            None => write!(text, "{value:?}")?,
        },
    }
    state.consume_fuel(1 + ((text.len() - before) / 64) as u64)
}

/// A text as Python's `repr` writes it.
fn quote(quoted: &str, text: &mut String) {
    let quote = if quoted.contains('\'') && !quoted.contains('"') { '"' } else { '\'' };
    text.push(quote);
    for sign in quoted.chars() {
        match sign {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            sign if sign == quote => text.extend(['\\', sign]),
            // Rust takes the same characters for printable as Python.
            sign if is_printable(sign) => text.push(sign),
            sign => {
                let _infallible = match u32::from(sign) {
                    code @ ..0x100 => write!(text, "\\x{code:02x}"),
                    code @ ..0x1_0000 => write!(text, "\\u{code:04x}"),
                    code => write!(text, "\\U{code:08x}"),
                };
            }
        }
    }
    text.push(quote);
}

fn is_printable(sign: char) -> bool {
    // Behind another character, since a mark at the beginning of a text is escaped too.
    let text = String::from_iter(['a', sign]);
    matches!(sign, '"' | '\'') || text.escape_debug().nth(1) == Some(sign)
}

/// A number as Python writes it: the shortest digits, with an exponent from 1e16 on and below 1e-4.
pub(super) fn float(number: f64, not_a_number: &str, infinity: &str) -> String {
    if number.is_nan() {
        return not_a_number.to_owned();
    }
    if number.is_infinite() {
        return format!("{}{infinity}", if number < 0.0 { "-" } else { "" });
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..16).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.abs())
        }
        // Rust's own exponents begin where Python's do.
        _ => format!("{number:?}"),
    }
}
