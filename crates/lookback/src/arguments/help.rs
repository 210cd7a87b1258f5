//! Helps as they are printed: 80 columns, no end of a line left blank, and no line that holds a single
//! word of a paragraph.

/// Columns that every help fits.
pub(super) const COLUMNS: usize = 80;

/// A line of fewer letters is not left alone.
const SHORT: usize = 12;

/// What clap wrapped, line by line from the left, with the last lines of paragraphs filled up from those
/// before them.
pub(super) fn balanced(help: &str) -> String {
    let mut lines: Vec<String> = help.lines().map(|line| line.trim_end().to_owned()).collect();
    for at in 1..lines.len() {
        if !is_wrapped(&lines[at - 1], &lines[at]) {
            continue;
        }
        while is_short(&lines[at]) {
            let Some((before, after)) = filled(&lines[at - 1], &lines[at]) else { break };
            (lines[at - 1], lines[at]) = (before, after);
        }
    }
    lines.join("\n") + "\n"
}

/// Whether a line holds a single word, or a few letters.
fn is_short(line: &str) -> bool {
    let text = line.trim_start();
    !text.is_empty() && (!text.contains(' ') || text.chars().count() < SHORT)
}

/// Whether a line goes on with the paragraph of the one before it, where its first word found no place.
fn is_wrapped(before: &str, after: &str) -> bool {
    let text = after.trim_start();
    let first = text.split(' ').next().unwrap_or_default().chars().count();
    first > 0 && before.chars().count() + 1 + first > COLUMNS && paragraph(before, after).is_some()
}

/// What stands before a paragraph in its first line, such as an option, and the paragraph's part of that
/// line; the next line begins in the column of the paragraph.
fn paragraph<'a>(before: &'a str, after: &str) -> Option<(&'a str, &'a str)> {
    let indent = after.len() - after.trim_start().len();
    let (margin, paragraph) = before.split_at_checked(indent)?;
    let begins = !paragraph.starts_with(' ') && (indent == 0 || margin.ends_with(' '));
    (begins && !paragraph.is_empty()).then_some((margin, paragraph))
}

/// A line and the next, with one more word in the next.
fn filled(before: &str, after: &str) -> Option<(String, String)> {
    let (margin, paragraph) = paragraph(before, after)?;
    let (rest, word) = paragraph.rsplit_once(' ')?;
    let indent = " ".repeat(after.len() - after.trim_start().len());
    let filled = format!("{indent}{word} {}", after.trim_start());
    Some((format!("{margin}{}", rest.trim_end()), filled))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::program;

    /// Every help of the program, long and short, with the command's name.
    fn helps() -> Vec<(String, String)> {
        fn of(command: &clap::Command, name: &str, helps: &mut Vec<(String, String)>) {
            let mut command = command.clone();
            for help in [command.render_help(), command.render_long_help()] {
                helps.push((name.to_owned(), balanced(&help.to_string())));
            }
            for inner in command.get_subcommands() {
                of(inner, &format!("{name} {}", inner.get_name()), helps);
            }
        }
        let mut program = program();
        program.build();
        let mut helps = Vec::new();
        of(&program, "lookback", &mut helps);
        helps
    }

    #[test]
    fn every_help_fits_and_leaves_no_word_alone() {
        let helps = helps();
        assert!(helps.len() >= 30, "{}", helps.len());
        for (name, help) in helps {
            let lines: Vec<&str> = help.lines().collect();
            for (at, line) in lines.iter().enumerate() {
                assert!(line.chars().count() <= COLUMNS, "{name}: {line}");
                assert_eq!(line.trim_end(), *line, "{name}");
                let before = if at > 0 { lines[at - 1] } else { "" };
                let is_full =
                    before.chars().count() + 1 + line.trim().chars().count() > COLUMNS - 12;
                let is_continued =
                    is_full && paragraph(before, line).is_some() && !line.trim().is_empty();
                assert!(!is_continued || line.trim().contains(' '), "{name}: {before}\n{line}");
            }
        }
    }

    #[test]
    fn a_lonely_word_gets_company_and_a_line_of_its_own_stays() {
        let long = "word ".repeat(15) + "last";
        assert_eq!(
            balanced(&format!("{long}\nlonesome")),
            "word ".repeat(15).trim_end().to_owned() + "\nlast lonesome\n"
        );
        let listed = "  -x, --option <X>  Takes what is given and says what it makes of all of it in\n                    print";
        assert!(balanced(listed).ends_with("in print\n"), "{}", balanced(listed));
        for own in ["Examples:\n  lookback\n", "one\ntwo\n", "a  b   \n"] {
            assert_eq!(balanced(own), own.replace("   \n", "\n"));
        }
    }
}
