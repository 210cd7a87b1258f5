//! Quantifiers, and how Oniguruma reads several of them in a row.

use lookback_files::{Refusal, Result};

use super::{DEPTH, Options, Reader, Signs};

/// The most repetitions that Oniguruma counts.
const REPEATS: u32 = 100_000;

impl Reader<'_> {
    /// Takes a `{1}`, which changes nothing.
    pub(super) fn is_repeated_once(&mut self) -> bool {
        let mut ahead = self.signs.clone();
        let is_once = interval(&mut ahead) == Some((1, Some(1)));
        if is_once {
            self.signs = ahead;
        }
        is_once
    }

    pub(super) fn quantifier_is_next(&self) -> bool {
        let mut signs = self.signs.clone();
        match signs.peek() {
            Some('*' | '+' | '?') => true,
            Some('{') => interval(&mut signs).is_some(),
            _ => false,
        }
    }

    /// An atom with the quantifiers behind it.
    pub(super) fn repeated(&mut self, atom: String, options: Options) -> Result<String> {
        let mut text = atom;
        for _ in 0..DEPTH {
            self.skip_extended(options);
            if !self.quantifier_is_next() {
                return Ok(text);
            }
            let may_be_empty = self.may_be_empty;
            let (quantifier, is_interval) = match self.signs.next_if(|sign| *sign != '{') {
                Some(sign) => {
                    self.may_be_empty |= sign != '+';
                    // A loop ends once its body has matched nothing, sooner here than there.
                    if may_be_empty && sign != '?' {
                        return Err(Refusal::user("it repeats what may match nothing"));
                    }
                    (sign.to_string(), None)
                }
                None => {
                    let Some((min, max)) = interval(&mut self.signs) else { return Ok(text) };
                    if max.is_some_and(|max| max < min) || min.max(max.unwrap_or(0)) > REPEATS {
                        return Err(Refusal::user("the limits of a repetition cannot be"));
                    }
                    self.may_be_empty |= min == 0;
                    if may_be_empty && max != Some(0) && (max, min) != (Some(1), 0) {
                        return Err(Refusal::user("it repeats what may match nothing"));
                    }
                    let end = max.map_or(String::new(), |max| max.to_string());
                    (format!("{{{min},{end}}}"), Some(max == Some(min)))
                }
            };
            let is_exact = is_interval == Some(true);
            text = if !is_exact && self.signs.next_if_eq(&'?').is_some() {
                format!("(?:(?:{text}){quantifier}?)")
            } else if is_interval.is_none() && self.signs.next_if_eq(&'+').is_some() {
                format!("(?>(?:{text}){quantifier})")
            } else {
                format!("(?:(?:{text}){quantifier})")
            };
        }
        Err(Refusal::user("it repeats repetitions without end"))
    }
}

/// `{2}`, `{2,}`, `{,3}` or `{2,3}`, the second with its limits swapped for `{2}` spelled once; nothing, and
/// nothing taken that matters, where it is none.
fn interval(signs: &mut Signs<'_>) -> Option<(u32, Option<u32>)> {
    let mut ahead = signs.clone();
    ahead.next_if_eq(&'{')?;
    let number = |ahead: &mut Signs<'_>| {
        let mut digits = String::new();
        while let Some(digit) = ahead.next_if(char::is_ascii_digit) {
            digits.push(digit);
        }
        digits
    };
    let min = number(&mut ahead);
    let comma = ahead.next_if_eq(&',').is_some();
    let max = if comma { number(&mut ahead) } else { min.clone() };
    ahead.next_if_eq(&'}')?;
    if min.is_empty() && max.is_empty() {
        return None;
    }
    let parsed = |digits: &str| digits.parse::<u32>().unwrap_or(u32::MAX);
    let limits = (
        if min.is_empty() { 0 } else { parsed(&min) },
        Some(&max).filter(|max| !max.is_empty()).map(|max| parsed(max)),
    );
    *signs = ahead;
    Some(limits)
}
