//! Reads words, numbers and texts of an intervention, one after the other, and says where it stops.

use lookback_files::{Kind, Refusal, Result, Setting, quoted_excerpt};

/// What is left of a text.
pub(crate) struct Parser<'a> {
    whole: &'a str,
    rest: &'a str,
}

impl<'a> Parser<'a> {
    /// From the beginning.
    pub(crate) fn new(text: &'a str) -> Self {
        Self { whole: text, rest: text.trim_start() }
    }

    /// Refuses the text, for this reason.
    pub(crate) fn refuse(&self, why: impl std::fmt::Display) -> Refusal {
        let place = match self.rest.is_empty() {
            true => "at its end".to_owned(),
            false => format!("at {}", quoted_excerpt(self.rest)),
        };
        let whole = quoted_excerpt(self.whole);
        let sentence = format!("{} {whole}, {place}: {why}", Setting("edit"));
        Refusal::of(Kind::InvalidSetting, sentence)
    }

    fn advance(&mut self, bytes: usize) {
        self.rest = self.rest[bytes..].trim_start();
    }

    /// Whether the rest begins so.
    pub(crate) fn begins_with(&self, sign: &str) -> bool {
        self.rest.starts_with(sign)
    }

    /// Takes a sign, if it is there.
    pub(crate) fn takes(&mut self, sign: &str) -> bool {
        let is_there = self.begins_with(sign);
        if is_there {
            self.advance(sign.len());
        }
        is_there
    }

    /// Takes a word, if it is there and is no part of a longer one.
    pub(crate) fn takes_word(&mut self, word: &str) -> bool {
        let goes_on = |rest: &str| {
            rest.starts_with(|sign: char| sign.is_alphanumeric() || "_./\\-".contains(sign))
        };
        let is_there = self.rest.strip_prefix(word).is_some_and(|rest| !goes_on(rest));
        if is_there {
            self.advance(word.len());
        }
        is_there
    }

    /// Takes a sign that must be there.
    pub(crate) fn expect(&mut self, sign: &str) -> Result<()> {
        if self.takes(sign) { Ok(()) } else { Err(self.refuse(format!("{sign} is expected"))) }
    }

    /// Takes letters; maybe none.
    pub(crate) fn word(&mut self, is_part: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|sign| !is_part(sign)).unwrap_or(self.rest.len());
        let word = &self.rest[..end];
        self.advance(end);
        word
    }

    /// Takes a whole number, if there is one.
    pub(crate) fn integer(&mut self) -> Result<Option<i64>> {
        let digits = self.rest.strip_prefix('-').unwrap_or(self.rest);
        let count = digits.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(digits.len());
        if count == 0 {
            return Ok(None);
        }
        let len = self.rest.len() - digits.len() + count;
        let number = self.rest[..len].parse();
        let number = number.map_err(|_| self.refuse("this number is too large"))?;
        self.advance(len);
        Ok(Some(number))
    }

    /// Takes a seed.
    pub(crate) fn seed(&mut self) -> Result<u64> {
        let end = self.rest.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(self.rest.len());
        let seed = self.rest[..end].parse();
        let seed =
            seed.map_err(|_| self.refuse("a seed, a whole number below 2^64, is expected"))?;
        self.advance(end);
        Ok(seed)
    }

    /// Takes a number, if there is one.
    pub(crate) fn number_if_any(&mut self) -> Result<Option<f32>> {
        let is_number = |sign: char| sign.is_ascii_digit() || ".".contains(sign);
        let unsigned = self.rest.strip_prefix(['-', '+']).unwrap_or(self.rest);
        if !unsigned.starts_with(is_number) {
            return Ok(None);
        }
        let mut len = self.rest.len() - unsigned.len();
        let mut before = ' ';
        for sign in unsigned.chars() {
            let is_exponent_sign = "+-".contains(sign) && "eE".contains(before);
            if !(is_number(sign) || "eE".contains(sign) || is_exponent_sign) {
                break;
            }
            (len, before) = (len + 1, sign);
        }
        let word = &self.rest[..len];
        match word.parse::<f32>() {
            Ok(number) if number.is_finite() => {
                self.advance(len);
                Ok(Some(number))
            }
            Ok(_) => Err(self.refuse("this number is too large for single precision")),
            Err(_) => Err(self.refuse(format!("{word} is no number"))),
        }
    }

    /// Takes a number.
    pub(crate) fn number(&mut self) -> Result<f32> {
        let number = self.number_if_any()?;
        number.ok_or_else(|| self.refuse("a number is expected"))
    }

    /// Takes a number, or `none`.
    pub(crate) fn bound(&mut self) -> Result<Option<f32>> {
        if self.takes_word("none") { Ok(None) } else { self.number().map(Some) }
    }

    /// Takes a text in quotes, with the escapes of JSON.
    pub(crate) fn string(&mut self) -> Result<String> {
        if !self.begins_with("\"") {
            return Err(self.refuse("a text in double quotes is expected"));
        }
        let mut is_escaped = false;
        for (at, sign) in self.rest.char_indices().skip(1) {
            match sign {
                '"' if !is_escaped => {
                    let quoted = &self.rest[..=at];
                    let text = serde_json::from_str(quoted);
                    let text = text.map_err(|_| self.refuse("a backslash before this is \\\\"))?;
                    self.advance(at + 1);
                    return Ok(text);
                }
                '\\' => is_escaped = !is_escaped,
                _ => is_escaped = false,
            }
        }
        Err(self.refuse("this text has no quote at its end"))
    }

    /// Takes a file's name: in quotes, or a word up to a space, a comma or a bracket.
    pub(crate) fn path(&mut self) -> Result<String> {
        if self.begins_with("\"") {
            return self.string();
        }
        let word = self.word(|sign| !sign.is_whitespace() && !",()[]\"".contains(sign));
        match word {
            "" => Err(self.refuse("a value is expected")),
            word => Ok(word.to_owned()),
        }
    }

    /// Takes the rest of a list up to its bracket.
    pub(crate) fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.takes(",") {
            items.push(item(self)?);
        }
        self.expect("]")?;
        Ok(items)
    }

    /// Nothing may be left.
    pub(crate) fn end(&self) -> Result<()> {
        match self.rest.is_empty() {
            true => Ok(()),
            false => Err(self.refuse("nothing more is expected")),
        }
    }
}
