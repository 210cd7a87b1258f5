//! Groups, and the options that hold within them or from one place on.

use lookback_files::{Refusal, Result};

use super::{Captures, Kind, Options, Reader, unknown};

impl Reader<'_> {
    /// `(?i)` and its like, if one stands here: the options from here on.
    pub(super) fn isolated_option(&mut self, options: Options) -> Result<Option<Options>> {
        if self.ahead(2) != "(?" {
            return Ok(None);
        }
        let letters: String = self
            .signs
            .clone()
            .skip(2)
            .take_while(|sign| sign.is_ascii_alphabetic() || *sign == '-')
            .collect();
        let end = self.signs.clone().nth(2 + letters.len());
        if letters.is_empty() || end != Some(')') {
            return Ok(None);
        }
        for _ in 0..letters.len() + 3 {
            self.signs.next();
        }
        changed(options, &letters).map(Some)
    }

    pub(super) fn group(&mut self, options: Options) -> Result<(String, Kind)> {
        let lookaround = ["(?=", "(?!", "(?<=", "(?<!"];
        let is_plain = self.ahead(2) == "?:";
        let opening = if self.signs.next_if_eq(&'?').is_none() {
            match (self.captures, self.ahead(1).as_str()) {
                (_, "*") => return Err(unknown("(*")),
                (Captures::Numbered, _) => "(".to_owned(),
                _ => "(?:".to_owned(),
            }
        } else {
            match self.signs.next() {
                Some(kind @ (':' | '=' | '!' | '>')) => format!("(?{kind}"),
                Some('<') if matches!(self.signs.peek(), Some('=' | '!')) => {
                    format!("(?<{}", self.signs.next().unwrap_or_default())
                }
                Some('<') => format!("(?<{}>", self.name('>')?),
                Some('\'') => format!("(?<{}>", self.name('\'')?),
                Some('#') => {
                    let mut is_escaped = false;
                    loop {
                        match self.signs.next() {
                            Some(')') if !is_escaped => return Ok((String::new(), Kind::Nothing)),
                            Some(sign) => is_escaped = sign == '\\' && !is_escaped,
                            None => return Err(Refusal::user("a comment is not closed")),
                        }
                    }
                }
                Some(first) if first.is_ascii_alphabetic() || first == '-' => {
                    return self.group_with_options(first, options);
                }
                Some(other) => return Err(unknown(&format!("(?{other}"))),
                None => return Err(Refusal::user("a group is not closed")),
            }
        };
        let looks_behind =
            options.looks_behind || opening.starts_with("(?<=") || opening.starts_with("(?<!");
        let inner = self.alternatives(Options { looks_behind, ..options })?;
        self.close()?;
        self.may_be_empty |= lookaround.contains(&opening.as_str());
        let kind = match opening.as_str() {
            _ if lookaround.contains(&opening.as_str()) => Kind::Anchor,
            "(?:" if is_plain && self.only_letters.is_some() => Kind::Run,
            _ => Kind::Repeatable,
        };
        Ok((format!("{opening}{inner})"), kind))
    }

    pub(super) fn name(&mut self, end: char) -> Result<String> {
        let mut name = String::new();
        loop {
            match self.signs.next() {
                Some(sign) if sign == end && !name.is_empty() => return Ok(name),
                Some(sign) if sign.is_ascii_alphanumeric() || sign == '_' => name.push(sign),
                _ => return Err(Refusal::user("the name of a group has other signs than letters")),
            }
        }
    }

    /// `(?i-m:`…
    fn group_with_options(&mut self, first: char, options: Options) -> Result<(String, Kind)> {
        let mut letters = String::from(first);
        loop {
            match self.signs.next() {
                Some(':') => break,
                Some(letter) if letter.is_ascii_alphabetic() || letter == '-' => {
                    letters.push(letter)
                }
                _ => return Err(unknown(&format!("(?{letters}"))),
            }
        }
        let inner = self.alternatives(changed(options, &letters)?)?;
        self.close()?;
        Ok((format!("(?:{inner})"), Kind::Repeatable))
    }
}

/// The options after the letters of a group, such as `i-m`.
fn changed(mut options: Options, letters: &str) -> Result<Options> {
    let mut is_on = true;
    for letter in letters.chars() {
        match letter {
            '-' if is_on => is_on = false,
            'i' => options.ignores_case = is_on,
            'm' => options.dot_takes_line_ends = is_on,
            'x' => options.is_extended = is_on,
            _ => return Err(unknown(&format!("(?{letters}"))),
        }
    }
    Ok(options)
}
