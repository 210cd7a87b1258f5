//! The examples that the helps print: each is one that the program takes. What they do is tried by
//! `tests/it/examples.rs`.

use clap::{Command, CommandFactory, FromArgMatches};

use super::{ParsedArguments, program};

/// The words of the first command of a line that a shell would run, quotes taken off.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut quote, mut is_begun) = (vec![String::new()], None, false);
    for letter in line.trim().chars() {
        match (letter, quote) {
            ('"' | '\'', None) => (quote, is_begun) = (Some(letter), true),
            (letter, Some(open)) if letter == open => quote = None,
            ('|' | '>', None) => break,
            (' ', None) if is_begun => {
                words.push(String::new());
                is_begun = false;
            }
            (' ', None) => {}
            (letter, _) => {
                words.last_mut().unwrap().push(letter);
                is_begun = true;
            }
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Every command, with the names that lead to it.
fn commands(name: &str, command: &Command, found: &mut Vec<(String, Command)>) {
    found.push((name.to_owned(), command.clone()));
    for inner in command.get_subcommands() {
        commands(&format!("{name} {}", inner.get_name()), inner, found);
    }
}

/// The lines under `Example:` or `Examples:` at the end of a help.
fn examples(command: &Command) -> Vec<String> {
    let said = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let (_, examples) = said.split_once("Example").unwrap_or_default();
    examples.lines().skip(1).filter(|line| line.starts_with("  ")).map(str::to_owned).collect()
}

#[test]
fn every_example_is_taken_and_every_command_has_one() {
    let mut all = Vec::new();
    commands("lookback", &ParsedArguments::command(), &mut all);
    let mut taken = 0;
    for (name, command) in all {
        let mut shown = 0;
        for line in examples(&command) {
            // What stands before a pipe is another program's, or ours.
            let ours = line.split('|').map(words).find(|words| words[0] == "lookback");
            let Some(words) = ours else { continue };
            let parsed = program().try_get_matches_from(&words);
            let parsed = parsed.and_then(|matches| ParsedArguments::from_arg_matches(&matches));
            assert!(parsed.is_ok(), "{name} --help: {line}: {}", parsed.unwrap_err());
            shown += usize::from(words.join(" ").starts_with(&name));
            taken += 1;
        }
        assert!(shown > 0, "{name} --help has no example of it");
    }
    assert!(taken >= 30, "{taken}");
}

#[test]
fn a_line_is_cut_into_the_words_of_a_shell() {
    let line = "  lookback generate x -p \"the bird\" --stop '' --ban 'a|b' > out.txt";
    let expected = ["lookback", "generate", "x", "-p", "the bird", "--stop", "--ban", "a|b"];
    assert_eq!(words(line), expected);
}
