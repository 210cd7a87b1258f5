//! The filters `int` and `float`, which read a text as Python's types do and give something else where it is
//! no number, and the function `dict`.

use minijinja::{
    Error, ErrorKind,
    value::{Kwargs, Value, ValueKind},
};

/// The filter `int`.
pub(super) fn int(
    value: &Value,
    default: Option<Value>,
    base: Option<u32>,
    named: Kwargs,
) -> Result<Value, Error> {
    let default = default.or(named.get("default")?).unwrap_or_else(|| Value::from(0));
    let base = base.or(named.get("base")?).unwrap_or(10);
    named.assert_all_used()?;
    let read = match value.kind() {
        ValueKind::Bool => Some(i128::from(value.is_true())),
        ValueKind::Number if value.is_integer() => return Ok(value.clone()),
        ValueKind::Number => f64::try_from(value.clone()).ok().and_then(truncated),
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default();
            integer(text, base).or_else(|| point(text).and_then(truncated))
        }
        _ => None,
    };
    Ok(read.map_or(default, Value::from))
}

/// The filter `float`.
pub(super) fn float(value: &Value, default: Option<Value>, named: Kwargs) -> Result<Value, Error> {
    let default = default.or(named.get("default")?).unwrap_or_else(|| Value::from(0.0));
    named.assert_all_used()?;
    let read = match value.kind() {
        ValueKind::Bool => Some(f64::from(u8::from(value.is_true()))),
        ValueKind::Number => f64::try_from(value.clone()).ok(),
        ValueKind::String => point(value.as_str().unwrap_or_default()),
        _ => None,
    };
    Ok(read.map_or(default, Value::from))
}

/// The function `dict`: of another, or of pairs, and of what is named.
pub(super) fn dict(value: Option<Value>, named: Kwargs) -> Result<Value, Error> {
    let refuse = |why: &str| Error::new(ErrorKind::InvalidOperation, why.to_owned());
    let mut pairs: Vec<(Value, Value)> = Vec::new();
    if let Some(value) = value {
        for item in value.try_iter()? {
            if value.kind() == ValueKind::Map {
                pairs.push((item.clone(), value.get_item(&item)?));
                continue;
            }
            let pair: Vec<Value> = item.try_iter()?.take(3).collect();
            match <[Value; 2]>::try_from(pair) {
                Ok([key, value]) => pairs.push((key, value)),
                Err(_) => return Err(refuse("dict takes a dictionary or pairs")),
            }
        }
    }
    for name in named.args() {
        pairs.push((Value::from(name), named.get(name)?));
    }
    named.assert_all_used()?;
    Ok(Value::from_pairs(pairs))
}

/// Digits without the signs that Python lets stand between and around them.
fn bare(text: &str) -> Option<String> {
    let text = super::methods::trim(text, None);
    let is_apart = !text.starts_with('_') && !text.ends_with('_') && !text.contains("__");
    is_apart.then(|| text.replace('_', ""))
}

fn integer(text: &str, base: u32) -> Option<i128> {
    let text = bare(text)?.to_lowercase();
    let (is_negative, digits) = match text.strip_prefix(['+', '-']) {
        Some(digits) => (text.starts_with('-'), digits),
        None => (false, text.as_str()),
    };
    let prefixes = [(2, "0b"), (8, "0o"), (16, "0x")];
    let found = prefixes.into_iter().find_map(|(of, prefix)| {
        Some((of, digits.strip_prefix(prefix)?)).filter(|_| base == of || base == 0)
    });
    let (base, digits) = found.unwrap_or((if base == 0 { 10 } else { base }, digits));
    if !(2..=36).contains(&base) || digits.starts_with(['+', '-']) {
        return None;
    }
    let number = i128::from_str_radix(digits, base).ok()?;
    Some(if is_negative { -number } else { number })
}

fn point(text: &str) -> Option<f64> {
    bare(text)?.parse().ok()
}

/// Towards 0; none where there is no such number.
fn truncated(number: f64) -> Option<i128> {
    (number.abs() < 1e38).then_some(number as i128)
}
