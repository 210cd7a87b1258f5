//! What every refusal is: the user's mistake, in one sentence of a bearable length.

use lookback_files::{Blame, Refusal};

/// Says nothing, as long as it is one.
pub fn check(refusal: &Refusal) {
    let sentence = refusal.to_string();
    assert_eq!(refusal.blame(), Blame::User, "{sentence}");
    assert!(
        !sentence.is_empty() && !sentence.contains('\n') && sentence.len() < 2000,
        "{sentence}"
    );
}
