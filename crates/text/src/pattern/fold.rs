//! Letters without regard to case, as Oniguruma compares them: by Unicode's full case folding, in which `ß`
//! is *ss* and `ﬁ` is *fi*. One letter of a pattern may match two of a text, and the other way around.

use std::{fmt::Write, sync::LazyLock};

use lookback_files::{Refusal, Result};
use regex_syntax::hir::{Class as Parsed, ClassUnicode, ClassUnicodeRange, HirKind};

use super::class::Class;

/// Letters that fold to several, and what they fold to.
static SEVERAL: LazyLock<Vec<(Vec<char>, Vec<char>)>> = LazyLock::new(|| {
    let mut several: Vec<(Vec<char>, Vec<char>)> = Vec::new();
    for letter in ('\u{80}'..='\u{1fff}').chain('\u{fb00}'..='\u{fb17}') {
        let folded: Vec<char> = match letter {
            // Without an upper case of several letters, or with another one.
            'ẞ' => vec!['s', 's'],
            'İ' => vec!['i', '\u{307}'],
            _ => letter.to_uppercase().flat_map(char::to_lowercase).collect(),
        };
        if folded.len() < 2 {
            continue;
        }
        match several.iter_mut().find(|(there, _)| *there == folded) {
            Some((_, letters)) => letters.push(letter),
            None => several.push((folded, vec![letter])),
        }
    }
    several
});

/// A run of letters, in every case. Where letters may be one letter in two ways, Oniguruma tries some of
/// them, and in a look-behind none: such a run is refused.
pub(super) fn letters(run: &[char], looks_behind: bool) -> Result<String> {
    let (mut text, mut at) = (String::new(), 0);
    while at < run.len() {
        let here: Vec<usize> = sequences(&run[at..]).map(|(folded, _)| folded.len()).collect();
        let end = at + here.first().copied().unwrap_or(1);
        let is_shared = (at + 1..end).any(|inner| sequences(&run[inner..]).next().is_some());
        if here.len() > 1 || is_shared || looks_behind && is_several(&run[at..end]) {
            let letters: String = run[at..].iter().take(4).collect();
            return Err(Refusal::user(format!(
                "it ignores the case of {letters:?}, which may be fewer letters in several ways"
            )));
        }
        text += &row(&run[at..end]);
        at = end;
    }
    Ok(text)
}

/// Whether letters are more or fewer in another spelling.
fn is_several(run: &[char]) -> bool {
    let folds = |letter: &char| {
        SEVERAL.iter().any(|(_, letters)| letters.iter().any(|one| is_same(*one, *letter)))
    };
    run.len() > 1 || run.iter().any(folds)
}

/// Sequences that begin here and are one letter in another spelling.
fn sequences(run: &[char]) -> impl Iterator<Item = &'static (Vec<char>, Vec<char>)> {
    SEVERAL.iter().filter(move |(folded, _)| {
        run.len() >= folded.len()
            && run.iter().zip(folded).all(|(one, other)| is_same(*one, *other))
    })
}

/// Letters that belong together, read in every way.
fn row(run: &[char]) -> String {
    let Some((first, rest)) = run.split_first() else { return String::new() };
    let mut ways = vec![format!("{}{}", one(*first), row(rest))];
    let is_one = |letters: &[char]| letters.iter().any(|letter| is_same(*letter, *first));
    for (folded, _) in SEVERAL.iter().filter(|(_, letters)| is_one(letters)) {
        let spelled: String = folded.iter().map(|letter| one(*letter)).collect();
        ways.push(format!("{spelled}{}", row(rest)));
    }
    for (folded, letters) in sequences(run) {
        let mut set = ClassUnicode::new(
            letters.iter().map(|letter| ClassUnicodeRange::new(*letter, *letter)),
        );
        set.case_fold_simple();
        ways.push(format!("{}{}", ranges(&set), row(&run[folded.len()..])));
    }
    match ways.as_slice() {
        [way] => way.clone(),
        several => format!("(?:{})", several.join("|")),
    }
}

/// One letter, in every case that is one letter.
fn one(letter: char) -> String {
    let mut set = ClassUnicode::new([ClassUnicodeRange::new(letter, letter)]);
    set.case_fold_simple();
    ranges(&set)
}

fn is_same(one: char, other: char) -> bool {
    let mut set = ClassUnicode::new([ClassUnicodeRange::new(one, one)]);
    set.case_fold_simple();
    one == other || has(&set, other)
}

fn has(set: &ClassUnicode, letter: char) -> bool {
    set.iter().any(|range| (range.start()..=range.end()).contains(&letter))
}

/// A class, in every case. Where it stands for one letter that folds to several, it matches these as well;
/// `is_many` says that it is repeated without end, where its own letters do the same.
pub(super) fn class(class: &Class, is_many: bool, looks_behind: bool) -> Result<String> {
    let failed = || Refusal::user("a class without regard to case cannot be read");
    let parsed = regex_syntax::Parser::new().parse(&format!("[{}]", class.positive));
    let mut set = match parsed.map_err(|_| failed())?.into_kind() {
        HirKind::Class(Parsed::Unicode(set)) => set,
        // A class of one character, and one of none.
        HirKind::Literal(literal) => {
            let text = std::str::from_utf8(&literal.0).map_err(|_| failed())?;
            ClassUnicode::new(text.chars().map(|letter| ClassUnicodeRange::new(letter, letter)))
        }
        _ => return Err(failed()),
    };
    let before = set.clone();
    set.case_fold_simple();
    if class.is_negative {
        set.negate();
        return Ok(ranges(&set));
    }
    let mut ways = vec![ranges(&set)];
    for (folded, letters) in SEVERAL.iter() {
        let is_wanted = letters.iter().any(|letter| has(&before, *letter));
        let is_done = is_many && folded.iter().all(|letter| has(&set, *letter));
        if is_wanted && looks_behind {
            return Err(Refusal::user("it looks behind at a class without regard to case"));
        }
        if is_wanted && !is_done {
            ways.push(row(folded));
        }
    }
    Ok(match ways.as_slice() {
        [way] => way.clone(),
        several => format!("(?:{})", several.join("|")),
    })
}

/// A set as a class of ranges; one that is empty matches nothing.
fn ranges(set: &ClassUnicode) -> String {
    if set.ranges().is_empty() {
        return "(?!)".to_owned();
    }
    let mut text = String::from("[");
    for range in set.iter() {
        let _ = write!(
            text,
            r"\x{{{:X}}}-\x{{{:X}}}",
            u32::from(range.start()),
            u32::from(range.end())
        );
    }
    text.push(']');
    text
}
