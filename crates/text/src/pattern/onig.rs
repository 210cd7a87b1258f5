//! Regular expressions as Oniguruma reads them, which Hugging Face's tokenizers search with, in the words of
//! `fancy_regex`. The two agree on the Unicode version (16) and on how a search goes on, and differ in what
//! signs mean:
//!
//! 1. `$` holds before every line end and `^` behind every one but the last; `(?m)` lets `.` match a line end.
//! 2. `\w` outside of brackets takes `²³¹¼½¾`, never U+200C and U+200D; `\b` stands where it begins or ends.
//! 3. `[[:punct:]]` has symbols, `\p{Punct}` has not; `\h` is a hexadecimal digit.
//! 4. `{2}+` repeats once more and `{2}?` makes optional; only `?+`, `*+` and `++` give nothing back.
//! 5. An option without a group, `a(?i)b|c`, holds for all that follows in its group, the bars included.
//! 6. Without regard to case, *ss* matches `ß`, and the other way around (see `fold`).
//!
//! Whatever else Oniguruma knows is refused by name: calls, conditions, absent operators, callouts.

mod group;
mod repeat;

use lookback_files::{Refusal, Result};

use super::{
    class::{self, Signs, unknown},
    fold,
};

/// Groups within groups, and quantifiers upon quantifiers.
const DEPTH: usize = 200;
/// Bytes of a translation.
const LENGTH: usize = 1 << 18;

/// What `^`, `\b` and `\B` stand for.
const LINE_BEGIN: &str = r"(?:\A|(?<=\n)(?!\z))";

/// Translates a pattern.
pub(super) fn translated(source: &str) -> Result<String> {
    if source.len() > LENGTH {
        return Err(Refusal::user(format!("the pattern {} is too long", shown(source))));
    }
    let signs: Vec<char> = source.chars().collect();
    let captures = Captures::of(&signs);
    let mut reader = Reader {
        signs: signs.iter().copied().peekable(),
        captures,
        depth: 0,
        length: 0,
        only_letters: None,
        may_be_empty: true,
    };
    let text = reader.alternatives(Options::default()).and_then(|text| {
        let is_whole = reader.signs.peek().is_none();
        if is_whole { Ok(text) } else { Err(Refusal::user("it closes a group that is not open")) }
    });
    text.map_err(|refusal| {
        Refusal::user(format!("the pattern {} cannot be read ({refusal})", shown(source)))
    })
}

/// A pattern, short enough for a sentence.
pub(super) fn shown(source: &str) -> String {
    let short: String = source.chars().take(60).collect();
    let dots = if short.len() < source.len() { "…" } else { "" };
    format!("{short:?}{dots}")
}

#[derive(Clone, Copy, Default)]
struct Options {
    ignores_case: bool,
    dot_takes_line_ends: bool,
    is_extended: bool,
    /// Whether it stands in a look-behind.
    looks_behind: bool,
}

/// Which groups are kept for references back.
#[derive(Clone, Copy)]
enum Captures {
    None,
    Numbered,
    Named,
}

impl Captures {
    /// Groups are kept only where something refers to them: a search without is faster.
    fn of(signs: &[char]) -> Self {
        let has = |wanted: &str| {
            let wanted: Vec<char> = wanted.chars().collect();
            signs.windows(wanted.len()).any(|window| window == wanted)
        };
        let is_named = signs
            .windows(4)
            .any(|four| matches!(four, ['(', '?', '<', name] if !"=!".contains(*name)));
        if is_named || has("(?'") {
            Self::Named
        } else if signs.windows(2).any(|two| two[0] == '\\' && ('1'..='9').contains(&two[1])) {
            Self::Numbered
        } else {
            Self::None
        }
    }
}

/// What an atom is, for what may follow it.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Takes part in a run of letters.
    Letter(char),
    /// A group of nothing but letters, which take part in the run where they are not repeated.
    Run,
    /// May be repeated.
    Repeatable,
    /// May not.
    Anchor,
    /// Nothing, such as a comment.
    Nothing,
}

struct Reader<'a> {
    signs: Signs<'a>,
    captures: Captures,
    depth: usize,
    length: usize,
    /// The letters of the branch that was read last, if it was nothing else.
    only_letters: Option<Vec<char>>,
    /// Whether what was read last may match nothing.
    may_be_empty: bool,
}

impl Reader<'_> {
    /// Branches, up to the end or the end of the group.
    fn alternatives(&mut self, options: Options) -> Result<String> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(Refusal::user(format!("its groups are more than {DEPTH} deep")));
        }
        let mut text = self.branch(options)?;
        let mut may_be_empty = self.may_be_empty;
        while self.signs.next_if_eq(&'|').is_some() {
            text.push('|');
            text += &self.branch(options)?;
            self.only_letters = None;
            may_be_empty |= self.may_be_empty;
        }
        self.may_be_empty = may_be_empty;
        self.depth -= 1;
        Ok(text)
    }

    fn branch(&mut self, options: Options) -> Result<String> {
        let (mut text, mut run) = (String::new(), Vec::new());
        let mut may_be_empty = true;
        loop {
            self.skip_extended(options);
            if matches!(self.signs.peek(), None | Some('|' | ')')) {
                break;
            }
            // An option without a group takes all that is left of this one.
            let (atom, kind) = match self.isolated_option(options)? {
                Some(changed) => {
                    text += &letters(&std::mem::take(&mut run), options)?;
                    let rest = self.alternatives(changed)?;
                    text += &format!("(?:{rest})");
                    may_be_empty &= self.may_be_empty;
                    break;
                }
                None => self.atom(options)?,
            };
            self.skip_extended(options);
            while self.is_repeated_once() {
                self.skip_extended(options);
            }
            let repeated = match kind {
                Kind::Letter(letter) if self.quantifier_is_next() => {
                    self.repeated(letters(&[letter], options)?, options)?
                }
                Kind::Letter(letter) => {
                    run.push(letter);
                    may_be_empty = false;
                    continue;
                }
                Kind::Run if !self.quantifier_is_next() => {
                    run.extend(self.only_letters.take().unwrap_or_default());
                    may_be_empty = false;
                    continue;
                }
                Kind::Repeatable | Kind::Run => self.repeated(atom, options)?,
                Kind::Anchor | Kind::Nothing if self.quantifier_is_next() => {
                    return Err(Refusal::user("a quantifier stands behind nothing to repeat"));
                }
                Kind::Anchor | Kind::Nothing => atom,
            };
            may_be_empty &= self.may_be_empty || kind == Kind::Nothing;
            if kind != Kind::Nothing {
                text += &letters(&std::mem::take(&mut run), options)?;
                text += &repeated;
            }
            self.bound(repeated.len())?;
        }
        let is_only_letters = text.is_empty() && !run.is_empty();
        text += &letters(&run, options)?;
        self.bound(run.len())?;
        self.only_letters = is_only_letters.then_some(run);
        self.may_be_empty = may_be_empty;
        Ok(text)
    }

    /// Refuses a pattern that grows without end.
    fn bound(&mut self, more: usize) -> Result<()> {
        self.length += more;
        if self.length <= LENGTH { Ok(()) } else { Err(Refusal::user("it is too long")) }
    }

    /// In an extended pattern, white space and comments.
    fn skip_extended(&mut self, options: Options) {
        if !options.is_extended {
            return;
        }
        let is_space = |sign: &char| matches!(sign, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c');
        loop {
            if self.signs.next_if_eq(&'#').is_some() {
                while self.signs.next().is_some_and(|sign| sign != '\n') {}
            } else if self.signs.next_if(is_space).is_none() {
                return;
            }
        }
    }

    /// What stands next, without taking it.
    fn ahead(&self, length: usize) -> String {
        self.signs.clone().take(length).collect()
    }

    /// The end of a group that was opened.
    fn close(&mut self) -> Result<()> {
        match self.signs.next() {
            Some(')') => Ok(()),
            _ => Err(Refusal::user("a group is not closed")),
        }
    }

    fn atom(&mut self, options: Options) -> Result<(String, Kind)> {
        let Some(sign) = self.signs.next() else { return Ok((String::new(), Kind::Nothing)) };
        self.may_be_empty = matches!(sign, '^' | '$');
        let repeatable = |text: &str| Ok((text.to_owned(), Kind::Repeatable));
        let anchor = |text: &str| Ok((text.to_owned(), Kind::Anchor));
        match sign {
            '.' if options.dot_takes_line_ends => repeatable(r"[\x{0}-\x{10FFFF}]"),
            '.' => repeatable(r"[^\n]"),
            '^' => anchor(LINE_BEGIN),
            '$' => anchor("(?m:$)"),
            '[' => {
                let class = class::read(&mut self.signs)?;
                self.class(class, options).map(|text| (text, Kind::Repeatable))
            }
            '(' => self.group(options),
            '\\' => self.escape(options),
            '*' | '+' | '?' => Err(Refusal::user("a quantifier stands behind nothing to repeat")),
            letter => Ok((String::new(), Kind::Letter(letter))),
        }
    }

    /// A class, folded where case is ignored.
    fn class(&mut self, class: class::Class, options: Options) -> Result<String> {
        if !options.ignores_case {
            return Ok(class.text());
        }
        let is_many = matches!(self.signs.peek(), Some('*' | '+'));
        fold::class(&class, is_many, options.looks_behind)
    }

    fn escape(&mut self, options: Options) -> Result<(String, Kind)> {
        let Some(sign) = self.signs.next() else {
            return Err(Refusal::user("it ends in a backslash"));
        };
        // A group that is referred to may have matched nothing.
        self.may_be_empty = matches!(sign, 'A' | 'z' | 'Z' | 'b' | 'B' | 'k' | '1'..='9');
        let repeatable = |text: String| Ok((text, Kind::Repeatable));
        let anchor = |text: &str| Ok((text.to_owned(), Kind::Anchor));
        match sign {
            'A' => anchor(r"\A"),
            'z' => anchor(r"\z"),
            'Z' => anchor(r"(?=\n?\z)"),
            'b' => anchor(&class::boundary(true)),
            'B' => anchor(&class::boundary(false)),
            'R' => repeatable(r"(?>\r\n|[\n-\r\x{85}\x{2028}\x{2029}])".to_owned()),
            'N' => repeatable(r"[^\n]".to_owned()),
            'O' => repeatable(r"[\x{0}-\x{10FFFF}]".to_owned()),
            'w' | 'W' | 'd' | 'D' | 's' | 'S' | 'h' | 'H' => repeatable(class::shorthand(sign)),
            'p' | 'P' => repeatable(class::property(&mut self.signs, sign == 'P', false)?),
            '1'..='9' => self.reference(sign, options),
            'k' => {
                let end = match self.signs.next() {
                    Some('<') => '>',
                    Some('\'') => '\'',
                    _ => return Err(unknown(r"\k")),
                };
                let name = self.name(end)?;
                if options.ignores_case || name.starts_with(|sign: char| sign.is_ascii_digit()) {
                    return Err(unknown(r"\k"));
                }
                repeatable(format!(r"\k<{name}>"))
            }
            _ => {
                let letter = class::character(sign, &mut self.signs)?;
                Ok((String::new(), Kind::Letter(letter)))
            }
        }
    }

    /// `\1`: what a group matched.
    fn reference(&mut self, first: char, options: Options) -> Result<(String, Kind)> {
        let is_longer = self.signs.peek().is_some_and(char::is_ascii_digit);
        match self.captures {
            Captures::Numbered if !options.ignores_case && !is_longer => {
                Ok((format!(r"(?:\{first})"), Kind::Repeatable))
            }
            _ => Err(unknown(&format!(r"\{first}"))),
        }
    }
}

/// Letters in a row.
fn letters(run: &[char], options: Options) -> Result<String> {
    if options.ignores_case {
        return fold::letters(run, options.looks_behind);
    }
    Ok(run.iter().map(|letter| class::spelled(*letter)).collect())
}
