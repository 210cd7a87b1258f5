//! How many bytes a search reads, counted by an automaton of its own, since the engine does not say: it counts
//! what it backtracks, but a look-ahead may read the rest of a text at each place without giving anything back.
//!
//! The automaton knows more matches than the pattern, so that it is never the first to stop:
//!
//! 1. what a look-ahead matches is read beside what follows it, and need not be there;
//! 2. a look-behind, a boundary and an end are always there;
//! 3. a reference to a group reads what the group may match, or nothing;
//! 4. groups give back what the pattern's would keep, and many repetitions become any number.
//!
//! Where it stops, nothing of the pattern goes on, and a place where it has seen no match has none. A pattern
//! without any of these is searched by the engine in one pass over the text, and so is counted as one.

use std::panic::{RefUnwindSafe, UnwindSafe};

use fancy_regex::{Assertion, Expr, LookAround};
use regex_automata::{
    Anchored, Input, MatchKind,
    hybrid::dfa::{Cache, DFA},
    nfa::thompson,
    util::{pool::Pool, syntax},
};

/// Bytes of a part that may be written several times; a repetition that needs more becomes any number.
const COPIES: usize = 4 << 10;
/// Bytes of an automaton's parts.
const SIZE: usize = 32 << 20;

/// A byte that no text has.
const NOWHERE: &str = r"(?-u:\xFF)";

type NewCache = Box<dyn Fn() -> Cache + Send + Sync + UnwindSafe + RefUnwindSafe>;

/// What stands for a pattern where bytes are counted.
#[derive(Debug)]
pub(crate) struct Reach {
    dfa: DFA,
    caches: Pool<Cache, NewCache>,
    is_plain: bool,
}

/// What a count found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Read {
    /// Bytes that were read.
    pub(crate) bytes: usize,
    /// Whether the pattern may match.
    pub(crate) may_match: bool,
}

impl Reach {
    /// Of a pattern that the engine can read; why not, otherwise.
    pub(crate) fn new(pattern: &str) -> Result<Self, String> {
        let tree = Expr::parse_tree(pattern).map_err(|error| error.to_string())?;
        let is_plain = is_plain(&tree.expr);
        let mut more = String::new();
        if is_plain {
            tree.expr.to_str(&mut more, 0);
        } else {
            let mut groups = Vec::new();
            list_groups(&tree.expr, &mut groups);
            Writer { groups: &groups, depth: 0 }.write(&tree.expr, &mut more);
        }
        let kind = if is_plain { MatchKind::LeftmostFirst } else { MatchKind::All };
        let dfa = DFA::builder()
            .configure(DFA::config().match_kind(kind).skip_cache_capacity_check(true))
            .syntax(syntax::Config::new().utf8(false))
            .thompson(thompson::Config::new().utf8(false).nfa_size_limit(Some(SIZE)))
            .build(&more)
            .map_err(|error| error.to_string())?;
        let own = dfa.clone();
        let caches = Pool::new(Box::new(move || own.create_cache()) as NewCache);
        Ok(Self { dfa, caches, is_plain })
    }

    /// Whether one search is one pass over the text, wherever the match begins.
    pub(crate) fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// Reads from a byte on, as far as the pattern may: with a match that begins here, or, where it is
    /// plain, anywhere. Not much more than `max_bytes` bytes; none where the automaton fails.
    pub(crate) fn read(&self, text: &str, from: usize, max_bytes: usize) -> Option<Read> {
        let mut cache = self.caches.get();
        let (dfa, cache) = (&self.dfa, &mut *cache);
        let anchored = if self.is_plain { Anchored::No } else { Anchored::Yes };
        let input = Input::new(text).range(from..).anchored(anchored);
        let mut state = dfa.start_state_forward(cache, &input).ok()?;
        let mut may_match = false;
        let ahead = &text.as_bytes()[from..];
        for (read, byte) in ahead.iter().enumerate().take(max_bytes.saturating_add(1)) {
            state = dfa.next_state(cache, state, *byte).ok()?;
            if state.is_tagged() {
                may_match |= state.is_match();
                if state.is_dead() || state.is_quit() {
                    return Some(Read { bytes: read + 1, may_match });
                }
            }
        }
        state = dfa.next_eoi_state(cache, state).ok()?;
        let bytes = ahead.len().min(max_bytes.saturating_add(1)) + 1;
        Some(Read { bytes, may_match: may_match || state.is_match() })
    }
}

/// Whether the engine needs no steps of its own for a pattern.
fn is_plain(expr: &Expr) -> bool {
    match expr {
        Expr::Empty | Expr::Any { .. } | Expr::Literal { .. } | Expr::Delegate { .. } => true,
        Expr::Assertion(assertion) => matches!(
            assertion,
            Assertion::StartText
                | Assertion::EndText
                | Assertion::StartLine { .. }
                | Assertion::EndLine { .. }
        ),
        Expr::Concat(parts) | Expr::Alt(parts) => parts.iter().all(is_plain),
        Expr::Group(inner) => is_plain(inner),
        Expr::Repeat { child, .. } => is_plain(child),
        _ => false,
    }
}

/// Groups that are kept, in the order of their numbers.
fn list_groups<'a>(expr: &'a Expr, groups: &mut Vec<&'a Expr>) {
    if let Expr::Group(inner) = expr {
        groups.push(inner);
    }
    expr.children_iter().for_each(|child| list_groups(child, groups));
}

struct Writer<'a> {
    groups: &'a [&'a Expr],
    /// References within references.
    depth: usize,
}

impl Writer<'_> {
    /// Writes what has all matches of `expr`, and more.
    fn write(&mut self, expr: &Expr, text: &mut String) {
        match expr {
            Expr::Empty | Expr::Assertion(_) => {}
            Expr::Any { .. } | Expr::Literal { .. } | Expr::Delegate { .. } => expr.to_str(text, 3),
            Expr::Concat(parts) => {
                text.push_str("(?:");
                parts.iter().for_each(|part| self.write(part, text));
                text.push(')');
            }
            Expr::Alt(parts) => {
                text.push_str("(?:");
                for (index, part) in parts.iter().enumerate() {
                    text.push_str(if index > 0 { "|" } else { "" });
                    self.write(part, text);
                }
                text.push(')');
            }
            Expr::Group(inner) => self.write(inner, text),
            Expr::AtomicGroup(inner) => self.write(inner, text),
            Expr::LookAround(inner, LookAround::LookAhead | LookAround::LookAheadNeg) => {
                text.push_str("(?:(?:");
                self.write(inner, text);
                text.push_str(&format!("){NOWHERE}|)"));
            }
            Expr::LookAround(..) => {}
            Expr::Repeat { child, lo, hi, .. } => {
                let mut inner = String::new();
                self.write(child, &mut inner);
                let (min, max) = (*lo, Some(*hi).filter(|hi| *hi != usize::MAX));
                let copies = max.unwrap_or(min).max(1).saturating_mul(inner.len());
                let quantifier = match (min, max) {
                    _ if copies > COPIES => "*".to_owned(),
                    (min, Some(max)) => format!("{{{min},{max}}}"),
                    (min, None) => format!("{{{min},}}"),
                };
                text.push_str(&format!("(?:{inner}){quantifier}"));
            }
            Expr::Backref { group, .. }
                if self.depth == 0 && (1..=self.groups.len()).contains(group) =>
            {
                text.push_str("(?:");
                self.depth += 1;
                self.write(self.groups[group - 1], text);
                self.depth -= 1;
                text.push_str(")?");
            }
            _ => text.push_str("(?s:.)*"),
        }
    }
}
