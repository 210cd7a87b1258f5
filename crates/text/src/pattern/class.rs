//! Character classes of Oniguruma, and characters that are written as escapes.

use std::{
    iter::{Copied, Peekable},
    slice::Iter,
};

use lookback_files::{Refusal, Result};

/// The rest of a pattern; a clone of it is a place, not a copy.
pub(super) type Signs<'a> = Peekable<Copied<Iter<'a, char>>>;

/// Classes within classes.
const DEPTH: usize = 50;

/// Word characters: within brackets, and as they stand alone, where Oniguruma takes the first 256 characters
/// from a table of its own.
const WORD: &str = r"\p{Alphabetic}\p{M}\p{Nd}\p{Pc}";
const WORD_ALONE: &str = r"\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{B2}\x{B3}\x{B9}\x{BC}-\x{BE}";
const HEXADECIMAL: &str = "0-9A-Fa-f";
const SPACE: &str = r"\p{White_Space}";

/// What stands between brackets.
pub(super) struct Class {
    /// Unions with `&&` between, in the words of `regex_syntax`.
    pub(super) positive: String,
    pub(super) is_negative: bool,
}

impl Class {
    /// With its brackets.
    pub(super) fn text(&self) -> String {
        let sign = if self.is_negative { "^" } else { "" };
        format!("[{sign}{}]", self.positive)
    }
}

/// `\w`, `\d`, `\s`, `\h` and their opposites, alone.
pub(super) fn shorthand(letter: char) -> String {
    let sign = if letter.is_ascii_uppercase() { "^" } else { "" };
    let set = match letter.to_ascii_lowercase() {
        'w' => WORD_ALONE,
        other => within(other),
    };
    format!("[{sign}{set}]")
}

/// What a shorthand is within brackets.
fn within(letter: char) -> &'static str {
    match letter {
        'w' => WORD,
        'd' => r"\p{Nd}",
        's' => SPACE,
        _ => HEXADECIMAL,
    }
}

/// `\b`, or where it does not hold.
pub(super) fn boundary(holds: bool) -> String {
    let (before, behind) = (format!("(?<=[{WORD_ALONE}])"), format!("(?=[{WORD_ALONE}])"));
    let (not_before, not_behind) = (format!("(?<![{WORD_ALONE}])"), format!("(?![{WORD_ALONE}])"));
    match holds {
        true => format!("(?:{before}{not_behind}|{not_before}{behind})"),
        false => format!("(?:{before}{behind}|{not_before}{not_behind})"),
    }
}

/// A set by its POSIX name, which is also a property. Punctuation is another set as a property, and a word's
/// characters are another set alone.
fn posix(name: &str, is_property: bool, is_within: bool) -> Option<&'static str> {
    Some(match name {
        "alnum" => r"\p{Alphabetic}\p{Nd}",
        "alpha" => r"\p{Alphabetic}",
        "ascii" => r"\x{0}-\x{7F}",
        "blank" => r"\p{Zs}\t",
        "cntrl" => r"\p{Cc}",
        "digit" => r"\p{Nd}",
        "graph" => r"[^\p{White_Space}\p{Cc}\p{Cn}]",
        "lower" => r"\p{Lowercase}",
        "print" => r"[^\p{White_Space}\p{Cc}\p{Cn}]\p{Zs}",
        "punct" if is_property => r"\p{P}",
        "punct" => r"\p{P}\p{S}",
        "space" => SPACE,
        "upper" => r"\p{Uppercase}",
        "xdigit" => HEXADECIMAL,
        "word" if is_property && !is_within => WORD_ALONE,
        "word" => WORD,
        _ => return None,
    })
}

/// What stands behind `\p` or `\P`, as a class.
pub(super) fn property(
    signs: &mut Signs<'_>,
    is_opposite: bool,
    is_within: bool,
) -> Result<String> {
    if signs.next_if_eq(&'{').is_none() {
        return Err(unknown(if is_opposite { r"\P without {}" } else { r"\p without {}" }));
    }
    let is_inverse = signs.next_if_eq(&'^').is_some();
    let mut name = String::new();
    loop {
        match signs.next() {
            Some('}') => break,
            // Signs that part the words of a name change nothing.
            Some(' ' | '-' | '_') => {}
            Some(sign) if sign.is_ascii_alphanumeric() => name.push(sign.to_ascii_lowercase()),
            _ => return Err(unknown(r"such a name in \p{}")),
        }
    }
    let set = match posix(&name, true, is_within) {
        Some(set) => set.to_owned(),
        None => {
            let set = format!(r"\p{{{name}}}");
            if regex_syntax::Parser::new().parse(&set).is_err() {
                return Err(unknown(&format!(r"\p{{{name}}}")));
            }
            set
        }
    };
    let sign = if is_opposite == is_inverse { "" } else { "^" };
    Ok(format!("[{sign}{set}]"))
}

/// Reads a class, behind its `[`.
pub(super) fn read(signs: &mut Signs<'_>) -> Result<Class> {
    read_within(signs, 0)
}

/// What can stand at either end of a range, or not.
enum Item {
    One(char),
    Set(String),
}

fn read_within(signs: &mut Signs<'_>, depth: usize) -> Result<Class> {
    if depth > DEPTH {
        return Err(Refusal::user(format!("its classes are more than {DEPTH} deep")));
    }
    let is_negative = signs.next_if_eq(&'^').is_some();
    let mut unions = vec![String::new()];
    let mut is_first = true;
    loop {
        let Some(sign) = signs.next() else { return Err(not_closed()) };
        let union = unions.last_mut().ok_or_else(not_closed)?;
        match sign {
            // A bracket that closes nothing is one of the characters.
            ']' if !(is_first && signs.clone().any(|sign| sign == ']')) => break,
            '&' if signs.next_if_eq(&'&').is_some() => {
                unions.push(String::new());
                is_first = false;
                continue;
            }
            _ => {}
        }
        is_first = false;
        let item = read_item(sign, signs, depth)?;
        let Item::One(from) = item else {
            let Item::Set(set) = item else { continue };
            union.push_str(&set);
            // A bar behind a set is one of the characters.
            if signs.next_if_eq(&'-').is_some() {
                union.push_str(&spelled('-'));
            }
            continue;
        };
        match range_end(signs, depth)? {
            Some(Item::One(to)) if to < from => {
                return Err(Refusal::user("a range ends before it begins"));
            }
            Some(Item::One(to)) => {
                *union += &format!("{}-{}", spelled(from), spelled(to));
                // So is one behind a range.
                if signs.next_if_eq(&'-').is_some() {
                    union.push_str(&spelled('-'));
                }
            }
            Some(Item::Set(set)) => *union += &format!("{}{}{set}", spelled(from), spelled('-')),
            None => union.push_str(&spelled(from)),
        }
    }
    // Nothing on one side of && leaves nothing.
    let empty = r"[^\x{0}-\x{10FFFF}]";
    let parts: Vec<String> = match unions.as_slice() {
        [one] if one.is_empty() => return Err(Refusal::user("a class is empty")),
        all => all
            .iter()
            .map(|union| format!("[{}]", if union.is_empty() { empty } else { union }))
            .collect(),
    };
    let positive = match parts.as_slice() {
        [_] => unions.remove(0),
        several => several.join("&&"),
    };
    Ok(Class { positive, is_negative })
}

/// The other end of a range, if `-` and one stand here. A bar before the closing bracket is a character.
fn range_end(signs: &mut Signs<'_>, depth: usize) -> Result<Option<Item>> {
    let mut ahead = signs.clone();
    if ahead.next_if_eq(&'-').is_none() {
        return Ok(None);
    }
    let Some(sign) = ahead.next() else { return Err(not_closed()) };
    if sign == ']' || sign == '&' && ahead.peek() == Some(&'&') {
        return Ok(None);
    }
    let item = read_item(sign, &mut ahead, depth)?;
    *signs = ahead;
    Ok(Some(item))
}

fn read_item(sign: char, signs: &mut Signs<'_>, depth: usize) -> Result<Item> {
    match sign {
        '[' if signs.peek() == Some(&':') => read_posix(signs).map(Item::Set),
        '[' => Ok(Item::Set(read_within(signs, depth + 1)?.text())),
        '\\' => {
            let Some(sign) = signs.next() else { return Err(not_closed()) };
            Ok(match sign {
                'w' | 'd' | 's' | 'h' => Item::Set(format!("[{}]", within(sign))),
                'W' | 'D' | 'S' | 'H' => {
                    Item::Set(format!("[^{}]", within(sign.to_ascii_lowercase())))
                }
                'p' | 'P' => Item::Set(property(signs, sign == 'P', true)?),
                'b' => Item::One('\x08'),
                _ => Item::One(character(sign, signs)?),
            })
        }
        one => Ok(Item::One(one)),
    }
}

/// `[:alpha:]` or `[:^alpha:]`, behind its `[`.
fn read_posix(signs: &mut Signs<'_>) -> Result<String> {
    let inner: String = signs.clone().skip(1).take_while(|sign| *sign != ':').collect();
    let (sign, name) = match inner.strip_prefix('^') {
        Some(name) => ("^", name),
        None => ("", inner.as_str()),
    };
    let end: String = signs.clone().skip(1 + inner.chars().count()).take(2).collect();
    match posix(name, false, true) {
        Some(set) if end == ":]" => {
            for _ in 0..inner.chars().count() + 3 {
                signs.next();
            }
            Ok(format!("[{sign}{set}]"))
        }
        _ => Err(unknown(&format!("[:{}", inner.chars().take(20).collect::<String>()))),
    }
}

/// The character that an escape stands for; `sign` is what stands behind the backslash.
pub(super) fn character(sign: char, signs: &mut Signs<'_>) -> Result<char> {
    let escape = || unknown(&format!(r"\{sign}"));
    let code = match sign {
        't' => 9,
        'n' => 10,
        'v' => 11,
        'f' => 12,
        'r' => 13,
        'a' => 7,
        'e' => 27,
        'x' if signs.next_if_eq(&'{').is_some() => {
            let digits = digits(signs, 16, 8);
            if signs.next_if_eq(&'}').is_none() {
                return Err(escape());
            }
            digits.ok_or_else(escape)?
        }
        // A byte of UTF-8 is no character of its own.
        'x' => digits(signs, 16, 2).filter(|code| *code < 0x80).ok_or_else(escape)?,
        'u' => {
            let at_most = signs.clone().take(4).filter(char::is_ascii_hexdigit).count();
            digits(signs, 16, 4).filter(|_| at_most == 4).ok_or_else(escape)?
        }
        '0' => {
            let code = digits(signs, 8, 2).unwrap_or(0);
            Some(code).filter(|code| *code < 0x80).ok_or_else(escape)?
        }
        letter if letter.is_ascii_alphanumeric() => return Err(escape()),
        other => u32::from(other),
    };
    char::from_u32(code).ok_or_else(escape)
}

fn digits(signs: &mut Signs<'_>, radix: u32, max: usize) -> Option<u32> {
    let mut text = String::new();
    while text.len() < max {
        let Some(digit) = signs.next_if(|sign| sign.is_digit(radix)) else { break };
        text.push(digit);
    }
    u32::from_str_radix(&text, radix).ok()
}

/// A character as it stands for nothing but itself.
pub(super) fn spelled(sign: char) -> String {
    match sign {
        'a'..='z' | 'A'..='Z' | '0'..='9' => sign.to_string(),
        other => format!(r"\x{{{:X}}}", u32::from(other)),
    }
}

fn not_closed() -> Refusal {
    Refusal::user("a class is not closed")
}

/// A part that is not translated.
pub(super) fn unknown(part: &str) -> Refusal {
    Refusal::unsupported(format!("{part} is not understood"))
}
