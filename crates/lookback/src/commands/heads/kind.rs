//! What is scored of a head, and how a head is called.

use lookback::HeadScore;

/// A kind of head: its name, and how much of it a head is.
pub(super) type Kind = (&'static str, fn(&HeadScore) -> f64);

/// `layer.head`
pub(super) fn name(head: &HeadScore) -> String {
    format!("{}.{}", head.profile.layer, head.profile.head)
}
