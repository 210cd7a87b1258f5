//! Python's methods of strings, lists and dictionaries, as templates call them. Those that minijinja's own
//! collection has as Python has them stay there; what neither has is refused by its name.

use minijinja::{
    Error, ErrorKind, State,
    value::{Kwargs, Tuple, Value, ValueKind, from_args},
};

use super::views::View;

/// Calls a method on a value.
pub(super) fn call(
    state: &mut State,
    value: &Value,
    name: &str,
    args: &[Value],
) -> Result<Value, Error> {
    let own = match value.kind() {
        ValueKind::String => {
            // The longest results are filled up to a width, which is paid for where it is filled.
            of_string(state, value.as_str().unwrap_or_default(), name, args)?
        }
        ValueKind::Seq if name == "index" => {
            let (sought,): (&Value,) = from_args(args)?;
            let at = value.try_iter()?.position(|item| item == *sought);
            Some(Value::from(at.ok_or_else(|| refuse("list.index: the value is not in the list"))?))
        }
        ValueKind::Map if name == "copy" => Some(value.clone()),
        ValueKind::Map if matches!(name, "keys" | "values" | "items") => {
            let () = from_args(args)?;
            state.consume_fuel(value.len().unwrap_or(0) as u64)?;
            View::of(value, name)?
        }
        _ => None,
    };
    let done = match own {
        Some(done) => Ok(done),
        None => minijinja_contrib::pycompat::unknown_method_callback(state, value, name, args),
    };
    done.map_err(|error| match error.kind() {
        ErrorKind::UnknownMethod => Error::new(
            ErrorKind::UnknownMethod,
            format!("the method {name} of a {} is not understood", value.kind()),
        ),
        _ => error,
    })
}

/// What Python's `str.isspace` is true for.
fn is_space(sign: char) -> bool {
    sign.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&sign)
}

/// The filter `trim`, which is Python's `strip`.
pub(super) fn trim(text: &str, signs: Option<&str>) -> String {
    stripped(text, signs, true, true).to_owned()
}

fn stripped<'a>(text: &'a str, signs: Option<&str>, left: bool, right: bool) -> &'a str {
    let goes = |sign: char| signs.map_or_else(|| is_space(sign), |signs| signs.contains(sign));
    let text = if left { text.trim_start_matches(goes) } else { text };
    if right { text.trim_end_matches(goes) } else { text }
}

/// `None` for a method that is not one of these.
fn of_string(
    state: &State,
    text: &str,
    name: &str,
    args: &[Value],
) -> Result<Option<Value>, Error> {
    Ok(Some(match name {
        "strip" | "lstrip" | "rstrip" => {
            let (signs,): (Option<&str>,) = from_args(args)?;
            Value::from(stripped(text, signs, name != "rstrip", name != "lstrip"))
        }
        "split" | "rsplit" => {
            let (separator, max_splits, named): (Option<Value>, Option<i64>, Kwargs) =
                from_args(args)?;
            let separator = separator.or(named.get("sep")?).filter(|value| !value.is_none());
            let max_splits = max_splits.or(named.get("maxsplit")?).unwrap_or(-1);
            named.assert_all_used()?;
            let separator = match &separator {
                None => None,
                Some(value) => match value.as_str() {
                    Some("") => return Err(refuse("str.split: the separator is empty")),
                    Some(separator) => Some(separator),
                    None => return Err(refuse("str.split: the separator is not a text")),
                },
            };
            let max_splits = usize::try_from(max_splits).unwrap_or(usize::MAX);
            let parts = split(text, separator, max_splits, name == "rsplit");
            state.consume_fuel(parts.len() as u64)?;
            parts.into_iter().map(Value::from).collect()
        }
        "splitlines" => {
            let (keeps, named): (Option<bool>, Kwargs) = from_args(args)?;
            let keeps = keeps.or(named.get("keepends")?).unwrap_or(false);
            named.assert_all_used()?;
            let lines = lines(text, keeps);
            state.consume_fuel(lines.len() as u64)?;
            lines.into_iter().map(Value::from).collect()
        }
        "partition" | "rpartition" => {
            let (separator,): (&str,) = from_args(args)?;
            if separator.is_empty() {
                return Err(refuse("str.partition: the separator is empty"));
            }
            let at = if name == "partition" { text.find(separator) } else { text.rfind(separator) };
            let parts = match at {
                Some(at) => [&text[..at], separator, &text[at + separator.len()..]],
                None if name == "partition" => [text, "", ""],
                None => ["", "", text],
            };
            Value::from(Tuple::from(parts.map(Value::from)))
        }
        "removeprefix" => {
            let (prefix,): (&str,) = from_args(args)?;
            Value::from(text.strip_prefix(prefix).unwrap_or(text))
        }
        "removesuffix" => {
            let (suffix,): (&str,) = from_args(args)?;
            Value::from(text.strip_suffix(suffix).unwrap_or(text))
        }
        "find" | "rfind" | "index" | "rindex" | "count" => {
            let (sought, start, end): (&str, Option<i64>, Option<i64>) = from_args(args)?;
            let Some(bytes) = part(text, start, end) else {
                return Ok(Some(not_found(name)?));
            };
            let within = &text[bytes.clone()];
            let found = match name {
                "count" if sought.is_empty() => {
                    return Ok(Some(Value::from(within.chars().count() + 1)));
                }
                "count" => return Ok(Some(Value::from(within.matches(sought).count()))),
                "find" | "index" => within.find(sought),
                _ => within.rfind(sought),
            };
            match found {
                Some(at) => Value::from(text[..bytes.start + at].chars().count()),
                None => not_found(name)?,
            }
        }
        "startswith" | "endswith" if args.len() > 1 => {
            let (sought, start, end): (&Value, Option<i64>, Option<i64>) = from_args(args)?;
            let within = match part(text, start, end) {
                Some(bytes) => Value::from(&text[bytes]),
                None => return Ok(Some(Value::from(false))),
            };
            return of_pycompat(state, &within, name, sought).map(Some);
        }
        "title" => {
            let () = from_args(args)?;
            let mut after_letter = false;
            let mut titled = String::with_capacity(text.len());
            for sign in text.chars() {
                let is_cased = sign.is_lowercase() || sign.is_uppercase();
                match after_letter {
                    true => titled.extend(sign.to_lowercase()),
                    false => titled.extend(sign.to_uppercase()),
                }
                after_letter = is_cased;
            }
            Value::from(titled)
        }
        "swapcase" => {
            let () = from_args(args)?;
            let mut swapped = String::with_capacity(text.len());
            for sign in text.chars() {
                match sign.is_uppercase() {
                    true => swapped.extend(sign.to_lowercase()),
                    false => swapped.extend(sign.to_uppercase()),
                }
            }
            Value::from(swapped)
        }
        "isspace" => {
            let () = from_args(args)?;
            Value::from(!text.is_empty() && text.chars().all(is_space))
        }
        "ljust" | "rjust" | "center" | "zfill" => Value::from(filled(state, text, name, args)?),
        _ => return Ok(None),
    }))
}

/// `startswith` and `endswith` of a part, which take one text or several.
fn of_pycompat(state: &State, part: &Value, name: &str, sought: &Value) -> Result<Value, Error> {
    let text = part.as_str().unwrap_or_default();
    let has = |sought: &Value| match (sought.as_str(), name) {
        (Some(sought), "startswith") => Ok(text.starts_with(sought)),
        (Some(sought), _) => Ok(text.ends_with(sought)),
        (None, _) => Err(refuse("str.startswith and str.endswith take a text or texts")),
    };
    if sought.as_str().is_some() {
        return has(sought).map(Value::from);
    }
    for one in sought.try_iter()? {
        state.consume_fuel(1)?;
        if has(&one)? {
            return Ok(Value::from(true));
        }
    }
    Ok(Value::from(false))
}

fn not_found(name: &str) -> Result<Value, Error> {
    match name {
        "index" | "rindex" => Err(refuse("str.index: the text is not in it")),
        "count" => Ok(Value::from(0)),
        _ => Ok(Value::from(-1)),
    }
}

/// The bytes of `text[start:end]`, as Python counts; none where it begins behind its end.
fn part(text: &str, start: Option<i64>, end: Option<i64>) -> Option<std::ops::Range<usize>> {
    if start.is_none() && end.is_none() {
        return Some(0..text.len());
    }
    let length = text.chars().count() as i64;
    let inside = |index: i64| if index < 0 { (index + length).max(0) } else { index };
    let (start, end) = (inside(start.unwrap_or(0)), inside(end.unwrap_or(length)).min(length));
    let byte =
        |index: i64| text.char_indices().nth(index as usize).map_or(text.len(), |(byte, _)| byte);
    (start <= end).then(|| byte(start)..byte(end))
}

fn split<'a>(
    text: &'a str,
    separator: Option<&str>,
    max_splits: usize,
    from_the_right: bool,
) -> Vec<&'a str> {
    let Some(separator) = separator else { return words(text, max_splits, from_the_right) };
    let max_splits = max_splits.saturating_add(1);
    if from_the_right {
        let mut parts: Vec<&str> = text.rsplitn(max_splits, separator).collect();
        parts.reverse();
        return parts;
    }
    text.splitn(max_splits, separator).collect()
}

/// Split at white space, of which there is none at the ends and between words any amount.
fn words(text: &str, max_splits: usize, from_the_right: bool) -> Vec<&str> {
    let mut parts = Vec::new();
    // The last part keeps its white space at the far end, as Python's does.
    let mut rest = stripped(text, None, !from_the_right, from_the_right);
    while !rest.is_empty() {
        if parts.len() == max_splits {
            parts.push(rest);
            break;
        }
        let word = match from_the_right {
            false => &rest[..rest.find(is_space).unwrap_or(rest.len())],
            true => {
                let before = rest.char_indices().rev().find(|(_, sign)| is_space(*sign));
                &rest[before.map_or(0, |(at, sign)| at + sign.len_utf8())..]
            }
        };
        parts.push(word);
        rest = match from_the_right {
            false => stripped(&rest[word.len()..], None, true, false),
            true => stripped(&rest[..rest.len() - word.len()], None, false, true),
        };
    }
    if from_the_right {
        parts.reverse();
    }
    parts
}

/// Lines as `str.splitlines` ends them.
fn lines(text: &str, keeps_ends: bool) -> Vec<&str> {
    let ends = |sign: char| {
        matches!(
            sign,
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'
                ..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
        )
    };
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(ends) {
        let tail = &rest[at..];
        let first = tail.chars().next().map_or(1, char::len_utf8);
        let length = if tail.starts_with("\r\n") { 2 } else { first };
        lines.push(&rest[..if keeps_ends { at + length } else { at }]);
        rest = &rest[at + length..];
    }
    if !rest.is_empty() {
        lines.push(rest);
    }
    lines
}

/// A text filled up to a width.
fn filled(state: &State, text: &str, name: &str, args: &[Value]) -> Result<String, Error> {
    let (width, sign): (i64, Option<&str>) = from_args(args)?;
    let sign = match (name, sign) {
        ("zfill", None) => "0",
        (_, None) => " ",
        (_, Some(sign)) if sign.chars().count() == 1 && name != "zfill" => sign,
        _ => return Err(refuse(&format!("str.{name}: a text is filled up with one character"))),
    };
    let length = text.chars().count();
    let missing = usize::try_from(width).unwrap_or(0).saturating_sub(length);
    state.consume_fuel((missing / 16) as u64)?;
    let signs = |count: usize| sign.repeat(count);
    Ok(match name {
        "ljust" => format!("{text}{}", signs(missing)),
        "rjust" => format!("{}{text}", signs(missing)),
        "center" => {
            // Where it does not come out even, Python puts one more on the left of odd widths.
            let left = missing / 2 + (missing & (width.max(0) as usize) & 1);
            format!("{}{text}{}", signs(left), signs(missing - left))
        }
        _ => {
            let (sign, digits) = match text.strip_prefix(['+', '-']) {
                Some(digits) => (&text[..1], digits),
                None => ("", text),
            };
            format!("{sign}{}{digits}", signs(missing))
        }
    })
}

fn refuse(why: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, why.to_owned())
}
