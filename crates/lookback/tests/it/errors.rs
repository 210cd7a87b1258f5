//! docs/errors.md: every refusal that a snapshot holds, as a table that is made here.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{collections::BTreeSet, fs, path::Path};

/// The snapshots that hold dialogues, and what they are about.
const DIALOGUES: [(&str, &str); 19] = [
    ("wrong_ways__thirty_wrong_ways_of_typing_the_readmes_commands_are_answered", "Commands"),
    ("arguments__mistakes_are_one_sentence_and_exit_with_2", "Arguments"),
    ("refusals__texts_that_cannot_be_learned_from_are_named", "Texts to learn from"),
    ("refusals__settings_that_cannot_be_meant_are_named", "Settings of a run"),
    ("refusals__arguments_that_cannot_be_meant_are_named", "Arguments of a run"),
    ("refusals__files_of_settings_are_refused_by_line_and_key", "Files of settings"),
    ("refusals__a_place_that_is_taken_is_refused", "Places"),
    ("refusals__a_run_goes_on_only_as_it_began", "Going on"),
    ("refusals__a_run_whose_files_are_broken_is_refused_by_the_file", "Broken runs"),
    ("refused_models__what_is_no_model_is_refused", "What is no model"),
    ("refused_models__a_configuration_that_is_not_understood_is_refused_by_key", "config.json"),
    ("refused_models__a_tokenizer_of_another_model_is_refused", "Tokenizers"),
    ("refused_models__weights_that_are_cut_or_lie_are_refused_by_length_type_and_shape", "Weights"),
    ("refused_models__weights_that_are_no_numbers_give_no_text", "Weights that are no numbers"),
    ("refused_gguf__a_gguf_that_is_cut_or_lies_is_refused_by_what_is_wrong", "GGUF"),
    (
        "refused_gguf__a_split_gguf_is_one_model_and_refused_without_one_of_its_parts",
        "Parts of a split GGUF",
    ),
    ("refused_models__prompts_and_ids_that_a_model_cannot_read_are_refused", "Prompts"),
    ("refused_models__texts_to_be_judged_by_are_refused_by_name", "Texts to be judged by"),
    ("convert__what_cannot_be_converted_is_refused_and_nothing_is_left", "What is not converted"),
];

/// The commands and the sentences of a dialogue.
fn dialogue(snapshot: &str) -> Vec<(String, String)> {
    let text = snapshot.splitn(3, "---\n").last().unwrap();
    let mut pairs = Vec::new();
    for line in text.lines() {
        match line.strip_prefix("$ ") {
            Some(command) => pairs.push((command.to_owned(), String::new())),
            None => {
                let sentence = line.strip_prefix("lookback: ").unwrap_or(line);
                pairs.last_mut().unwrap().1 += sentence;
            }
        }
    }
    pairs
}

#[test]
fn the_table_of_refusals_is_that_of_the_snapshots() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut table = String::from(
        "# What lookback refuses, and how\n\n\
         Each refusal is one sentence on stderr after `lookback: `, and nothing is written. Exit codes: 0 \
         done\n(a pipe that was closed early too), 1 the machine or the program failed, 2 the input was \
         refused, 130\ninterrupted. This table is made from the snapshots of the tests, which hold every \
         sentence:\n`INSTA_UPDATE=always cargo test -p lookback`, twice, makes it anew.\n\n\
         ## Kinds\n\n\
         A program reads the kind. With `--json` the refusal stands on stdout, too, as\n\
         `{\"error\":\"…\",\"kind\":\"…\"}`; the page's server answers with the same object, and a Rust \
         user has\n`Refusal::kind`. Kinds may be added, and never change their names.\n\n\
         | kind | what it means |\n|---|---|\n",
    );
    for kind in lookback::files::Kind::ALL {
        table += &format!("| `{kind}` | {} |\n", kind.about());
    }
    let mut all = BTreeSet::new();
    for (name, about) in DIALOGUES {
        let path = here.join(format!("tests/it/snapshots/it__{name}.snap"));
        table += &format!("\n## {about}\n\n| typed | answered |\n|---|---|\n");
        for (command, sentence) in dialogue(&fs::read_to_string(path).unwrap()) {
            let cell = |text: &str| text.replace('|', "\\|").replace('<', "&lt;");
            table += &format!("| `{}` | {} |\n", command.replace('|', "\\|"), cell(&sentence));
            all.insert(sentence);
        }
    }
    table += &format!("\n{} different sentences.\n", all.len());
    let place = here.join("../../docs/errors.md");
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::write(&place, &table).unwrap();
    }
    let there = fs::read_to_string(&place).unwrap_or_default();
    assert!(there == table, "docs/errors.md is not what the snapshots say; see its first lines");
}
