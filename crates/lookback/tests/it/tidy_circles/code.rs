//! Code as a list of words, without comments and strings: as much of Rust as a search for names needs.

pub(super) fn is_name(word: &str) -> bool {
    word.starts_with(|sign: char| sign.is_alphanumeric() || sign == '_')
}

/// Names, `::`, and all other signs one by one.
pub(super) fn words(text: &str) -> Vec<&str> {
    let is_of_name = |sign: char| sign.is_alphanumeric() || sign == '_';
    let (mut words, mut rest) = (Vec::new(), text.trim_start());
    while let Some(first) = rest.chars().next() {
        let len = match first {
            _ if is_of_name(first) => rest.find(|sign| !is_of_name(sign)).unwrap_or(rest.len()),
            ':' if rest.starts_with("::") => 2,
            _ => first.len_utf8(),
        };
        words.push(&rest[..len]);
        rest = rest[len..].trim_start();
    }
    words
}

/// Code alone. What is taken away leaves a space behind.
pub(super) fn without_comments_and_strings(text: &str) -> String {
    let (mut code, mut rest) = (String::new(), text);
    while let Some(first) = rest.chars().next() {
        let of_name = code.ends_with(|sign: char| sign.is_alphanumeric() || sign == '_');
        let len = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => block_comment(rest),
            '"' => 1 + quoted(&rest[1..], '"'),
            'r' if !of_name || code.ends_with('b') => raw_string(rest).unwrap_or(0),
            '\'' => character(rest).unwrap_or(0),
            _ => 0,
        };
        if len > 0 {
            code.push(' ');
            rest = &rest[len..];
        } else {
            code.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    code
}

fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        match &text.as_bytes()[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// Bytes up to the closing quote, which is one of them; what stands behind a backslash closes nothing.
fn quoted(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, sign) in text.char_indices() {
        match sign {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if sign == quote => return at + 1,
            _ => (),
        }
    }
    text.len()
}

fn raw_string(text: &str) -> Option<usize> {
    let hashes = text[1..].find(|sign| sign != '#')?;
    let begin = 1 + hashes;
    let inner = text[begin..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(begin + 1 + inner.find(&end).map_or(inner.len(), |at| at + end.len()))
}

/// A character in quotes; none where the quote begins the name of a lifetime.
fn character(text: &str) -> Option<usize> {
    let mut signs = text[1..].chars();
    let first = signs.next()?;
    if first == '\\' {
        return Some(1 + quoted(&text[1..], '\''));
    }
    (signs.next() == Some('\'')).then_some(2 + first.len_utf8())
}
