//! Letters without regard to case, as Oniguruma compares them: by Unicode's full case folding, in which `ß`
//! is *ss* and `ﬁ` is *fi*. One letter of a pattern may match two of a text, and the other way around.

use std::{fmt::Write, sync::LazyLock};

use lookback_files::{Refusal, Result};
use regex_syntax::hir::{Class as Parsed, ClassUnicode, ClassUnicodeRange, HirKind};

use super::class::Class;

/// Letters that fold to several, in every case, so that a search compares and makes nothing.
struct Several {
    folded: Vec<char>,
    /// What each of the folded letters may be.
    spellings: Vec<Vec<char>>,
    /// The letters that are all of them in one.
    letters: Vec<char>,
}

static SEVERAL: LazyLock<Vec<Several>> = LazyLock::new(|| {
    let mut several: Vec<Several> = Vec::new();
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
        match several.iter_mut().find(|there| there.folded == folded) {
            Some(there) => there.letters.extend(cases(letter)),
            None => several.push(Several {
                spellings: folded.iter().map(|letter| cases(*letter)).collect(),
                folded,
                letters: cases(letter),
            }),
        }
    }
    several
});

/// A letter in every case that is one letter.
fn cases(letter: char) -> Vec<char> {
    let set = folded_set([letter]);
    set.iter().flat_map(|range| range.start()..=range.end()).collect()
}

fn folded_set(letters: impl IntoIterator<Item = char>) -> ClassUnicode {
    let ranges = letters.into_iter().map(|letter| ClassUnicodeRange::new(letter, letter));
    let mut set = ClassUnicode::new(ranges);
    set.case_fold_simple();
    set
}

/// A run of letters, in every case. Where letters may be one letter in two ways, Oniguruma tries some of
/// them, and in a look-behind none: such a run is refused.
pub(super) fn letters(run: &[char], looks_behind: bool) -> Result<String> {
    let (mut text, mut at) = (String::new(), 0);
    while at < run.len() {
        let here: Vec<usize> = sequences(&run[at..]).map(|several| several.folded.len()).collect();
        let end = at + here.first().copied().unwrap_or(1);
        let is_shared = (at + 1..end).any(|inner| sequences(&run[inner..]).next().is_some());
        let is_several = end - at > 1 || as_several(run[at]).next().is_some();
        if here.len() > 1 || is_shared || looks_behind && is_several {
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

/// Sequences that begin here and are one letter in another spelling.
fn sequences(run: &[char]) -> impl Iterator<Item = &'static Several> {
    SEVERAL.iter().filter(move |several| {
        let pairs = run.iter().zip(&several.spellings);
        run.len() >= several.folded.len()
            && pairs.into_iter().all(|(letter, all)| all.contains(letter))
    })
}

/// What a letter is in several.
fn as_several(letter: char) -> impl Iterator<Item = &'static Several> {
    SEVERAL.iter().filter(move |several| several.letters.contains(&letter))
}

/// Letters that belong together, read in every way.
fn row(run: &[char]) -> String {
    let Some((first, rest)) = run.split_first() else { return String::new() };
    let mut ways = vec![format!("{}{}", one(*first), row(rest))];
    for several in as_several(*first) {
        let spelled: String = several.folded.iter().map(|letter| one(*letter)).collect();
        ways.push(format!("{spelled}{}", row(rest)));
    }
    for several in sequences(run) {
        let set = folded_set(several.letters.iter().copied());
        ways.push(format!("{}{}", ranges(&set), row(&run[several.folded.len()..])));
    }
    match ways.as_slice() {
        [way] => way.clone(),
        several => format!("(?:{})", several.join("|")),
    }
}

/// One letter, in every case that is one letter.
fn one(letter: char) -> String {
    ranges(&folded_set([letter]))
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
    for Several { folded, letters, .. } in SEVERAL.iter() {
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
