//! Which bytes of a rendered chat its messages brought in, so that what a message spells is never taken for
//! what the template wrote.
//!
//! A template is rendered a second time with the characters of the messages replaced, each message's by
//! code points that Unicode has not assigned. What comes out shows where they went, also where a template
//! trims, splits, joins or repeats them. A template may look at what it is given (search for a text, test a
//! letter, change the case), and then does something else with the marks. So the second rendering counts
//! only if, with its marks read back, it is the first one; if it is not, fewer characters are marked:
//!
//! 1. all of them;
//! 2. all but white space, for templates that trim;
//! 3. only signs that are neither letters nor white space, for templates that change or test the case;
//! 4. and 5. as 2 and 3, but without what the template's own strings spell, for templates that search or
//!    split;
//! 6. one character of each control token that a message spells: the first, or the second, and so on.
//!
//! A control token that a message spells always has a mark in it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Range,
};

use lookback_files::{Refusal, Result};

use super::Message;

/// A stretch of a rendered chat, and the message that brought it in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MessageSpan {
    pub(super) bytes: Range<usize>,
    pub(super) message: usize,
}

#[derive(Clone, Copy, Debug)]
enum Marked {
    All,
    Words,
    Signs,
    WordsApart,
    SignsApart,
    One(usize),
}

/// Finds what the messages brought into `rendered`.
///
/// `render`: the template over other messages; `strings`: those that it spells; `specials`: the spellings
/// of control tokens
pub(super) fn find_spans(
    messages: &[Message],
    rendered: &str,
    strings: &BTreeSet<String>,
    specials: &[&str],
    render: &dyn Fn(&[Message]) -> Result<String>,
) -> Result<Vec<MessageSpan>> {
    let longest = specials.iter().map(|special| special.chars().count()).max().unwrap_or(0);
    let first = [
        Marked::All,
        Marked::Words,
        Marked::Signs,
        Marked::WordsApart,
        Marked::SignsApart,
        Marked::One(0),
    ];
    for level in first.into_iter().chain((1..longest).map(Marked::One)) {
        let mut marks = Marks::new(messages);
        let mut other = Vec::with_capacity(messages.len());
        for (index, message) in messages.iter().enumerate() {
            let chosen = chosen(level, &message.content, strings, specials);
            let Some(content) = marks.mark(index, &message.content, &chosen) else { break };
            other.push(Message::new(message.role.clone(), content));
        }
        if other.len() < messages.len() {
            continue;
        }
        // With the marks a template may refuse what it takes without them.
        let Ok(marked) = render(&other) else { continue };
        if let Some(spans) = marks.read(&marked, rendered) {
            return Ok(spans);
        }
    }
    Err(Refusal::user(
        "a message spells a control token, and the model's chat template acts upon that, so that nobody \
         could tell the message's from the template's; leave the control token out of the message",
    ))
}

/// Which bytes of a content begin a character to be marked.
fn chosen(
    level: Marked,
    content: &str,
    strings: &BTreeSet<String>,
    specials: &[&str],
) -> Vec<bool> {
    let is_marked = |sign: char| match level {
        Marked::All => true,
        Marked::Words | Marked::WordsApart => !sign.is_whitespace(),
        Marked::Signs | Marked::SignsApart => !sign.is_whitespace() && !sign.is_alphanumeric(),
        Marked::One(_) => false,
    };
    let mut chosen = vec![false; content.len()];
    content.char_indices().for_each(|(at, sign)| chosen[at] = is_marked(sign));
    if matches!(level, Marked::WordsApart | Marked::SignsApart) {
        for string in strings.iter().filter(|string| !string.is_empty()) {
            for (start, _) in content.match_indices(string.as_str()) {
                chosen[start..start + string.len()].fill(false);
            }
        }
    }
    for special in specials.iter().filter(|special| !special.is_empty()) {
        for (start, _) in content.match_indices(special) {
            if chosen[start..start + special.len()].contains(&true) {
                continue;
            }
            let wanted = if let Marked::One(index) = level { index } else { 0 };
            let places = special.char_indices().map(|(at, _)| start + at);
            // Of a shorter token the last character.
            if let Some(place) = places.take(wanted + 1).last() {
                chosen[place] = true;
            }
        }
    }
    chosen
}

/// Code points in planes that Unicode has not assigned: no letters, no white space, without case.
const UNASSIGNED: Range<u32> = 0x4_0000..0xE_0000;

/// Marks, and what each stands for.
struct Marks {
    next: u32,
    /// No mark is a character that a message has.
    taken: BTreeSet<u32>,
    by_sign: HashMap<(usize, char), char>,
    by_mark: HashMap<char, (usize, char)>,
}

impl Marks {
    fn new(messages: &[Message]) -> Self {
        let signs = messages.iter().flat_map(|message| message.content.chars().map(u32::from));
        let taken = signs.filter(|sign| UNASSIGNED.contains(sign)).collect();
        let (by_sign, by_mark) = (HashMap::new(), HashMap::new());
        Self { next: UNASSIGNED.start, taken, by_sign, by_mark }
    }

    /// A mark that nothing has yet; none where they end.
    fn free(&mut self) -> Option<char> {
        // The two last of each plane are no characters, and will never be.
        while self.taken.contains(&self.next) || self.next & 0xFFFE == 0xFFFE {
            self.next += 1;
        }
        let mark = char::from_u32(self.next).filter(|_| self.next < UNASSIGNED.end);
        self.next += 1;
        mark
    }

    /// A message's content with the chosen characters marked; none where the marks end.
    fn mark(&mut self, message: usize, content: &str, chosen: &[bool]) -> Option<String> {
        let mut marked = String::with_capacity(4 * content.len());
        for (at, sign) in content.char_indices() {
            if !chosen[at] {
                marked.push(sign);
                continue;
            }
            let mark = match self.by_sign.get(&(message, sign)) {
                Some(mark) => *mark,
                None => {
                    let mark = self.free()?;
                    self.by_sign.insert((message, sign), mark);
                    self.by_mark.insert(mark, (message, sign));
                    mark
                }
            };
            marked.push(mark);
        }
        Some(marked)
    }

    /// Where marks stand in a rendering; none if it is not `rendered` with marks.
    fn read(&self, marked: &str, rendered: &str) -> Option<Vec<MessageSpan>> {
        let mut spans: Vec<MessageSpan> = Vec::new();
        let mut rest = rendered.chars();
        let mut at = 0;
        for mark in marked.chars() {
            let (message, sign) = match self.by_mark.get(&mark) {
                Some((message, sign)) => (Some(*message), *sign),
                None => (None, mark),
            };
            if rest.next() != Some(sign) {
                return None;
            }
            let end = at + sign.len_utf8();
            if let Some(message) = message {
                match spans.last_mut() {
                    Some(last) if last.bytes.end == at && last.message == message => {
                        last.bytes.end = end;
                    }
                    _ => spans.push(MessageSpan { bytes: at..end, message }),
                }
            }
            at = end;
        }
        rest.next().is_none().then_some(spans)
    }
}

/// From the first to the last byte that each message brought in.
pub(super) fn message_extents(spans: &[MessageSpan]) -> BTreeMap<usize, Range<usize>> {
    let mut extents: BTreeMap<usize, Range<usize>> = BTreeMap::new();
    for MessageSpan { bytes, message } in spans {
        let extent = extents.entry(*message).or_insert(bytes.clone());
        extent.end = extent.end.max(bytes.end);
    }
    extents
}
