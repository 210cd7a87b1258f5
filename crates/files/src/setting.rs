//! Names of settings in sentences. A library calls a setting `top_p`; that a program has
//! the flag `--top-p` for it, and a server the key `settings.top_p`, is put in by these.
//!
//! In a sentence a name stands between two noncharacters of Unicode, which are meant for such use within
//! one program. They never leave it: [`plain`] and [`named`] take them away, also where only one is left
//! of a pair, or a text of a stranger had them.

use std::fmt;

const BEGIN: char = '\u{fdd0}';
const END: char = '\u{fdd1}';

/// A setting in a sentence, such as `Setting("top_p")`, by the name that code has for it. The program that prints
/// the sentence puts its own name in; without that it reads `top_p`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting<'a>(pub &'a str);

impl fmt::Display for Setting<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{BEGIN}{}{END}", self.0)
    }
}

/// A sentence in which every setting is called as `name` calls it.
pub(crate) fn named(sentence: &str, name: impl Fn(&str) -> String) -> String {
    let (mut told, mut rest) = (String::with_capacity(sentence.len()), sentence);
    while let Some((before, after)) = rest.split_once(BEGIN) {
        told += before;
        match after.split_once(END) {
            Some((setting, after)) if !setting.contains(BEGIN) => {
                told += &name(setting);
                rest = after;
            }
            _ => rest = after,
        }
    }
    told += rest;
    told.retain(|sign| sign != END);
    told
}

/// A sentence in which every setting has the name that the libraries use.
pub(crate) fn plain(sentence: &str) -> String {
    named(sentence, str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_teller_calls_a_setting_as_it_is_given_there() {
        let sentence = format!("{} 2: give {} with it", Setting("top_p"), Setting("top_k"));
        assert_eq!(plain(&sentence), "top_p 2: give top_k with it");
        let upper = named(&sentence, str::to_uppercase);
        assert_eq!(upper, "TOP_P 2: give TOP_K with it");
    }

    #[test]
    fn no_mark_is_left_whatever_a_stranger_wrote() {
        for (sentence, told) in [
            ("a\u{fdd0}b", "ab"),
            ("a\u{fdd1}b", "ab"),
            ("\u{fdd1}a\u{fdd0}", "a"),
            ("\u{fdd0}a\u{fdd0}b\u{fdd1}c", "aBc"),
            ("\u{fdd0}\u{fdd1}", ""),
            ("nothing to name", "nothing to name"),
        ] {
            assert_eq!(named(sentence, str::to_uppercase), told);
        }
    }
}
