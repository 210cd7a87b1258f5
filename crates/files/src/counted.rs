//! Numbers with what they count: `1 step`, `2 steps`.

use std::fmt::Display;

/// `1 step`, `2 steps`; words that end in -x, -s or -ch, such as `box`, and those in -y after a
/// consonant, such as `entry`, as English has them.
pub fn counted(count: impl Display, one: &str) -> String {
    let count = count.to_string();
    if count == "1" {
        return format!("1 {one}");
    }
    let ends = |ends: &[&str]| ends.iter().any(|end| one.ends_with(end));
    match one.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'o', 'u'])) {
        Some(stem) => format!("{count} {stem}ies"),
        None if ends(&["x", "s", "ch", "sh"]) => format!("{count} {one}es"),
        None => format!("{count} {one}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn one_is_one_and_all_else_are_many() {
        for (count, one, said) in [
            (0, "step", "0 steps"),
            (1, "step", "1 step"),
            (2, "step", "2 steps"),
            (11, "byte", "11 bytes"),
            (1, "entry", "1 entry"),
            (3, "entry", "3 entries"),
            (4, "key", "4 keys"),
            (2, "box", "2 boxes"),
            (2, "batch", "2 batches"),
        ] {
            assert_eq!(counted(count, one), said);
        }
    }
}
