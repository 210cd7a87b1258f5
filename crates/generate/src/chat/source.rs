//! A template's source before minijinja sees it: line ends as jinja2 reads them, the tags of
//! `{% generation %}` made into ones that minijinja has, and bounds on what its parser would follow into
//! any depth.
//!
//! The lexer recognises just enough: strings, comments, raw blocks, brackets and the signs beside the
//! delimiters (`{%-`, `+%}`). Mistakes in a template are reported by minijinja.

use std::{collections::BTreeSet, ops::Range};

use lookback_files::{Refusal, Result};

use super::UNREADABLE;

/// Bytes of a template; the longest in use have about 30,000.
const BYTES: usize = 1 << 20;
/// Names, numbers, strings and signs in one tag: a chain of operators is as deep as it is long.
const WORDS: usize = 10_000;
/// Brackets inside each other.
const BRACKETS: usize = 100;
/// Blocks inside each other; an `elif` counts as one inside its `if`.
const BLOCKS: usize = 500;

/// A template that may be parsed.
#[derive(Debug)]
pub(super) struct Source {
    /// For minijinja.
    pub(super) text: String,
    /// The strings that its tags spell, which it may look for in messages.
    pub(super) strings: BTreeSet<String>,
}

impl Source {
    /// Reads a template as a model's files give it.
    pub(super) fn read(source: &str) -> Result<Self> {
        if source.len() > BYTES {
            return Err(refuse(format!(
                "it has {} bytes, and {BYTES} are the most that are read",
                source.len()
            )));
        }
        let text = source.replace("\r\n", "\n").replace('\r', "\n");
        let mut reader =
            LanguageModel { text: &text, strings: BTreeSet::new(), renamed: Vec::new() };
        reader.read()?;
        let LanguageModel { strings, renamed, .. } = reader;
        let mut rewritten = String::with_capacity(text.len());
        let mut from = 0;
        for (name, other) in renamed {
            rewritten.push_str(&text[from..name.start]);
            rewritten.push_str(other);
            from = name.end;
        }
        rewritten.push_str(&text[from..]);
        Ok(Self { text: rewritten, strings })
    }
}

struct LanguageModel<'a> {
    text: &'a str,
    strings: BTreeSet<String>,
    renamed: Vec<(Range<usize>, &'static str)>,
}

/// One tag, between its delimiters.
struct Tag {
    /// After its closing delimiter.
    end: usize,
    /// Its first word.
    name: Range<usize>,
    words: usize,
    /// Whether an `=` stands in it outside of brackets.
    assigns: bool,
}

impl LanguageModel<'_> {
    fn read(&mut self) -> Result<()> {
        // How many blocks deep each open block has gone.
        let mut open: Vec<usize> = Vec::new();
        let mut at = 0;
        while let Some(start) = self.next_tag(at) {
            let rest = &self.text[start..];
            if rest.starts_with("{#") {
                let Some(end) = rest.find("#}") else { return Ok(()) };
                at = start + end + 2;
                continue;
            }
            let close = if rest.starts_with("{{") { "}}" } else { "%}" };
            let Some(tag) = self.tag(start, close)? else { return Ok(()) };
            at = tag.end;
            if close == "}}" {
                continue;
            }
            let name = &self.text[tag.name.clone()];
            match name {
                "raw" => {
                    let Some(end) = self.end_of_raw(at) else { return Ok(()) };
                    at = end;
                }
                // A block of its own, in which what is set stays, as in a call block of jinja2.
                "generation" if tag.words == 1 => self.renamed.push((tag.name.clone(), "with")),
                "endgeneration" if tag.words == 1 => {
                    self.renamed.push((tag.name.clone(), "endwith"));
                }
                _ => {}
            }
            match name {
                "for" | "if" | "macro" | "call" | "filter" | "with" | "block" | "autoescape"
                | "generation" => open.push(1),
                "set" if !tag.assigns => open.push(1),
                "elif" => open.last_mut().into_iter().for_each(|depth| *depth += 1),
                _ if name.starts_with("end") => drop(open.pop()),
                _ => {}
            }
            if open.iter().sum::<usize>() > BLOCKS {
                return Err(refuse(format!(
                    "its blocks are nested deeper than {BLOCKS} (line {})",
                    self.line(start)
                )));
            }
        }
        Ok(())
    }

    fn next_tag(&self, mut at: usize) -> Option<usize> {
        loop {
            at += self.text[at..].find('{')?;
            if matches!(self.text.as_bytes().get(at + 1), Some(b'{' | b'%' | b'#')) {
                return Some(at);
            }
            at += 1;
        }
    }

    /// The tag that begins here; none where it does not end.
    fn tag(&mut self, start: usize, close: &str) -> Result<Option<Tag>> {
        let text = self.text;
        let bytes = text.as_bytes();
        let mut at = start + 2;
        if matches!(bytes.get(at), Some(b'-' | b'+')) {
            at += 1;
        }
        let mut tag = Tag { end: at, name: at..at, words: 0, assigns: false };
        let mut brackets = 0_usize;
        while at < text.len() {
            let rest = &text[at..];
            if brackets == 0 {
                let bare = rest.strip_prefix(['-', '+']).unwrap_or(rest);
                if bare.starts_with(close) {
                    tag.end = text.len() - bare.len() + close.len();
                    return Ok(Some(tag));
                }
            }
            let first = rest.chars().next().unwrap_or(' ');
            let length = match first {
                _ if first.is_whitespace() => {
                    at += first.len_utf8();
                    continue;
                }
                '\'' | '"' => {
                    let Some(length) = string(rest) else { return Ok(None) };
                    if let Some(escape) = self.mend_escapes(at + 1..at + length - 1) {
                        let line = self.line(start);
                        return Err(refuse(format!(
                            "the escape {escape} of a string is not understood (line {line})"
                        )));
                    }
                    self.strings.insert(unescaped(&rest[1..length - 1]));
                    length
                }
                _ if first.is_alphanumeric() || first == '_' => rest
                    .find(|sign: char| !sign.is_alphanumeric() && sign != '_')
                    .unwrap_or(rest.len()),
                '(' | '[' | '{' => {
                    brackets += 1;
                    1
                }
                ')' | ']' | '}' => {
                    brackets = brackets.saturating_sub(1);
                    1
                }
                '=' if brackets == 0 => {
                    tag.assigns = true;
                    1
                }
                other => other.len_utf8(),
            };
            if tag.words == 0 {
                tag.name = at..at + length;
            }
            let word = &rest[..length];
            if matches!(word, "varargs" | "kwargs") && !text[..at].trim_end().ends_with('.') {
                let line = self.line(start);
                return Err(refuse(format!("{word} of a macro is not understood (line {line})")));
            }
            tag.words += 1;
            at += length;
            let too_much = if tag.words > WORDS {
                format!("a tag in it has more than {WORDS} words")
            } else if brackets > BRACKETS {
                format!("its brackets are nested deeper than {BRACKETS}")
            } else {
                continue;
            };
            return Err(refuse(format!("{too_much} (line {})", self.line(start))));
        }
        Ok(None)
    }

    /// Writes the escapes of a string that minijinja reads otherwise than Python as both read them alike;
    /// one that cannot be is given back.
    fn mend_escapes(&mut self, inner: Range<usize>) -> Option<&'static str> {
        let mut at = inner.start;
        while let Some(found) = self.text[at..inner.end].find('\\') {
            let slash = at + found;
            let sign = self.text[slash + 1..].chars().next()?;
            at = slash + 1 + sign.len_utf8();
            let other = match sign {
                '\n' => "",
                'a' => r"\x07",
                'v' => r"\x0b",
                '/' => r"\\/",
                'N' => return Some(r"\N"),
                'U' => return Some(r"\U"),
                _ => continue,
            };
            self.renamed.push((slash..at, other));
        }
        None
    }

    /// After the tag that ends a raw block.
    fn end_of_raw(&self, mut at: usize) -> Option<usize> {
        loop {
            at += self.text[at..].find("{%")? + 2;
            let inner = self.text[at..].strip_prefix(['-', '+']).unwrap_or(&self.text[at..]);
            let Some(after) = inner.trim_start().strip_prefix("endraw") else { continue };
            let after = after.trim_start();
            let after = after.strip_prefix(['-', '+']).unwrap_or(after);
            if let Some(rest) = after.strip_prefix("%}") {
                return Some(self.text.len() - rest.len());
            }
        }
    }

    fn line(&self, at: usize) -> usize {
        self.text[..at].matches('\n').count() + 1
    }
}

/// The length of the string that begins a text, with its quotes; none where it does not end.
fn string(text: &str) -> Option<usize> {
    let quote = text.as_bytes()[0];
    let mut bytes = text.bytes().enumerate().skip(1);
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            _ if byte == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// The usual escapes of a string; the rare ones stay as they are.
fn unescaped(inner: &str) -> String {
    let mut text = String::with_capacity(inner.len());
    let mut signs = inner.chars();
    while let Some(sign) = signs.next() {
        match sign {
            '\\' => match signs.next() {
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                Some('r') => text.push('\r'),
                Some(other) => text.push(other),
                None => {}
            },
            sign => text.push(sign),
        }
    }
    text
}

fn refuse(why: String) -> Refusal {
    Refusal::user(format!("{UNREADABLE}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(source: &str) -> String {
        Source::read(source).unwrap().text
    }

    #[test]
    fn generation_is_a_block_wherever_it_is_a_tag_and_nowhere_else() {
        for (source, expected) in [
            ("{% generation %}a{% endgeneration %}", "{% with %}a{% endwith %}"),
            ("{%- generation -%}a{%-endgeneration-%}", "{%- with -%}a{%-endwith-%}"),
            ("{%+generation+%}a{%+ endgeneration +%}", "{%+with+%}a{%+ endwith +%}"),
            ("{%\n\tgeneration\n%}", "{%\n\twith\n%}"),
        ] {
            assert_eq!(rewritten(source), expected);
        }
        for same in [
            "{{ '{% generation %}' }}",
            "{% set generation = 1 %}{{ generation }}",
            "{# {% generation %} #}{{ \"\\\"{% generation %}\" }}",
            "{% raw %}{% generation %}{%- endraw -%}",
            "{{ {'a': {'%}': '}}'}} }}{% generation x %}",
            "a { % generation % } b {",
        ] {
            assert_eq!(rewritten(same), same);
        }
    }

    #[test]
    fn lines_end_as_jinja2_ends_them() {
        assert_eq!(rewritten("a\r\nb\rc\n\r\n{{ 'x\r\ny' }}"), "a\nb\nc\n\n{{ 'x\ny' }}");
    }

    #[test]
    fn strings_of_tags_are_listed() {
        let source =
            Source::read("a 'b' {{ 'c\\'d' + \"e\\n\" }}{# 'f' #}{% if 'g' in m %}").unwrap();
        let strings: Vec<&str> = source.strings.iter().map(String::as_str).collect();
        assert_eq!(strings, ["c'd", "e\n", "g"]);
    }

    #[test]
    fn what_is_too_long_or_too_deep_is_refused() {
        let refused = |source: String| Source::read(&source).unwrap_err().to_string();
        let said = refused(format!("\n{{{{ {}1 }}}}", "not ".repeat(32_000)));
        assert_eq!(
            said,
            "the model's chat template cannot be read: a tag in it has more than 10000 words (line 2)"
        );
        assert!(refused("x".repeat(BYTES + 1)).contains("it has 1048577 bytes"));
        assert!(refused(format!("{{{{ {} }}}}", "[".repeat(101))).contains("brackets are nested"));
        let blocks = |one: &str| one.repeat(501);
        assert!(refused(blocks("{% if a %}")).contains("blocks are nested"));
        assert!(refused(format!("{{% if a %}}{}", blocks("{% elif a %}"))).contains("blocks"));
        assert!(Source::read(&"{% if a %}{% endif %}".repeat(2000)).is_ok());
        assert!(Source::read(&"{% set a %}b{% endset %}{% set a = 1 %}".repeat(2000)).is_ok());
    }
}
