//! The known name that is nearest to a mistyped one.

/// The known name that is most like this one, if any is like it at all (Jaro and Winkler 1990).
pub fn nearest<'a>(mistyped: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let holds = |long: &str, short: &str| short.len() >= 3 && long.contains(short);
    let likeness = |name: &str| match holds(name, mistyped) || holds(mistyped, name) {
        true => 1.0,
        false => strsim::jaro_winkler(name, mistyped),
    };
    let all = known.into_iter().map(|name| (likeness(name), name));
    let (likeness, name) = all.max_by(|left, right| left.0.total_cmp(&right.0))?;
    (likeness > 0.8).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_is_understood_and_another_word_is_not() {
        let known = ["rate", "final_share", "warmup_share", "layers"];
        assert_eq!(nearest("wramup_share", known), Some("warmup_share"));
        assert_eq!(nearest("layer", known), Some("layers"));
        assert_eq!(nearest("warmup", known), Some("warmup_share"));
        assert_eq!(nearest("learning_rate", known), Some("rate"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest("rate", []), None);
    }
}
