//! README and docs say what the program prints. Each fenced output and each table of numbers names, in a
//! comment right before it, what its numbers are from:
//!
//! - `printed by: COMMAND`: its lines are lines of what COMMAND prints, in this order; a blank line stands for
//!   anything in between. Checked by the ignored test, which needs the default model.
//! - `held by: FILE`: a test or a check in the source that fails when they change.
//! - `measured by: SCRIPT, …`: a timing or a comparison of whole runs, made with this script.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::fixture::real_models;
use serde_json::Value;

/// The file that README's examples of a real model open.
const REAL: &str = "smollm2-135m-instruct-q4_1.gguf";

/// A fenced block without a language, or a table.
struct Block {
    document: PathBuf,
    line: usize,
    /// The comment before it.
    source: Option<String>,
    lines: Vec<String>,
    is_table: bool,
}

impl Block {
    fn place(&self) -> String {
        format!("{}:{}", self.document.file_name().unwrap().display(), self.line)
    }

    /// Whether it shows numbers: an output with a word that begins with a digit, or a table with such a cell.
    fn has_numbers(&self) -> bool {
        let begins = |word: &str| word.trim().starts_with(|letter: char| letter.is_ascii_digit());
        self.lines.iter().any(|line| match self.is_table {
            true => line.split('|').any(begins),
            false => line.split(|letter: char| !letter.is_alphanumeric()).any(begins),
        })
    }

    /// What follows `key: ` in the comment before it.
    fn source(&self, key: &str) -> Option<&str> {
        self.source.as_deref()?.strip_prefix(key)?.strip_prefix(": ")
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The documents that show what the program prints; docs/errors.md is made from the refusals' snapshots.
fn documents() -> Vec<PathBuf> {
    let mut documents = vec![root().join("README.md"), root().join("ARCHITECTURE.md")];
    for entry in fs::read_dir(root().join("docs")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "md") && !path.ends_with("errors.md") {
            documents.push(path);
        }
    }
    documents.sort();
    documents
}

/// The blocks of a document, in order.
fn blocks(document: &Path) -> Vec<Block> {
    let text = fs::read_to_string(document).unwrap();
    let mut blocks: Vec<Block> = Vec::new();
    let (mut before, mut fence, mut in_table) = (None, None, false);
    for (index, line) in text.lines().enumerate() {
        let block = |source: Option<String>, is_table| Block {
            document: document.to_owned(),
            line: index + 1,
            source,
            lines: Vec::new(),
            is_table,
        };
        if let Some(language) = line.strip_prefix("```") {
            fence = match fence {
                None => {
                    if language.is_empty() || language == "text" {
                        blocks.push(block(before.take(), false));
                    }
                    Some(language.to_owned())
                }
                Some(_) => None,
            };
            continue;
        }
        let is_output = fence.as_deref().is_some_and(|language| ["", "text"].contains(&language));
        let is_row = fence.is_none() && line.starts_with('|');
        if is_row && !in_table {
            blocks.push(block(before.take(), true));
        }
        in_table = is_row;
        if is_output || is_row {
            blocks.last_mut().unwrap().lines.push(line.to_owned());
            continue;
        }
        let comment = line.strip_prefix("<!-- ").and_then(|line| line.strip_suffix(" -->"));
        if comment.is_some() || !line.is_empty() {
            before = comment.map(str::to_owned);
        }
    }
    blocks
}

/// Whether the lines stand in an output, in this order; a blank one stands for anything.
fn stand_in(lines: &[String], output: &str) -> Result<(), String> {
    let output: Vec<&str> = output.lines().map(str::trim_end).collect();
    let mut from = 0;
    for part in lines.split(|line| line.is_empty()).filter(|part| !part.is_empty()) {
        let part: Vec<&str> = part.iter().map(|line| line.trim_end()).collect();
        let found = output[from..].windows(part.len()).position(|lines| lines == part);
        let found = found.ok_or_else(|| {
            let missing = part.iter().find(|line| !output.contains(line)).unwrap_or(&part[0]);
            format!("{missing:?} is not printed there")
        })?;
        from += found + part.len();
    }
    Ok(())
}

#[test]
fn every_output_and_every_table_of_numbers_says_what_it_is_from() {
    let mut checked = 0;
    for block in documents().iter().flat_map(|document| blocks(document)) {
        if !block.has_numbers() {
            continue;
        }
        checked += 1;
        if let Some(command) = block.source("printed by") {
            assert!(command.starts_with("lookback"), "{}: {command}", block.place());
            continue;
        }
        let source = block.source("held by").or_else(|| block.source("measured by"));
        let source = source.unwrap_or_else(|| {
            panic!("{}: it needs a comment before it, as this test's file says", block.place())
        });
        let file = source.split([',', ' ']).next().unwrap();
        assert!(root().join(file).is_file(), "{}: there is no {file}", block.place());
    }
    assert!(checked >= 10, "{checked} blocks with numbers were found");
}

#[test]
fn every_family_of_models_has_its_row_in_the_readme() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    for family in lookback_model::FAMILIES {
        let gguf = match family.gguf {
            "" => "none".to_owned(),
            name => format!("`{name}`"),
        };
        let row = format!("| {} | `{}` | {gguf} | ", family.name, family.model_type);
        assert!(readme.contains(&row), "{row}");
    }
}

#[test]
fn lines_are_looked_for_in_order_and_without_gaps_but_where_one_is_shown() {
    let output = "one\ntwo\nthree\nfour\n";
    let stand = |lines: &[&str]| {
        let lines: Vec<String> = lines.iter().map(|&line| line.to_owned()).collect();
        stand_in(&lines, output).is_ok()
    };
    assert!(stand(&["one", "two", "", "four"]));
    assert!(!stand(&["one", "three"]), "a gap that is not shown");
    assert!(!stand(&["three", "", "one"]), "another order");
    assert!(!stand(&["two", "", "five"]), "a line that is not printed");
}

/// What a command of a document prints; none where it needs a real model that is not here.
fn printed(command: &str, folder: &Path) -> Option<String> {
    if command.contains(REAL) && !real_models().join(REAL).is_file() {
        return None;
    }
    let mut program = Command::new("bash");
    let own = Path::new(env!("CARGO_BIN_EXE_lookback")).parent().unwrap();
    let path = format!("{}:{}", own.display(), env::var("PATH").unwrap());
    program.args(["-o", "pipefail", "-c", command]).env("PATH", path).current_dir(folder);
    let done = crate::fixture::output(&mut program);
    assert_eq!(done.code, Some(0), "{command}: {done:?}");
    Some(done.stdout)
}

/// A document's text with every run of white space as one space.
fn words(document: &str) -> String {
    let text = fs::read_to_string(root().join(document)).unwrap();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// 8301 as 8,301.
fn with_commas(number: u64) -> String {
    let digits = number.to_string();
    let mut written = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            written.push(',');
        }
        written.push(digit);
    }
    written
}

#[test]
#[ignore = "needs the default model in LOOKBACK_HOME"]
fn what_the_documents_show_is_what_the_program_prints() {
    let folder = tempfile::tempdir().unwrap();
    if real_models().join(REAL).is_file() {
        #[cfg(unix)]
        std::os::unix::fs::symlink(real_models().join(REAL), folder.path().join(REAL)).unwrap();
    }
    let mut outputs = BTreeMap::new();
    let (mut wrong, mut checked) = (Vec::new(), 0);
    for block in documents().iter().flat_map(|document| blocks(document)) {
        let Some(command) = block.source("printed by") else { continue };
        let output =
            outputs.entry(command.to_owned()).or_insert_with(|| printed(command, folder.path()));
        let Some(output) = output else { continue };
        checked += 1;
        if let Err(line) = stand_in(&block.lines, output) {
            wrong.push(format!("{}: {command}: {line}\n{output}", block.place()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(checked >= 2, "{checked} outputs were compared");
}

#[test]
#[ignore = "needs the default model in LOOKBACK_HOME"]
fn what_the_documents_show_of_the_default_in_sentences_is_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let tour = printed("lookback --no-serve", folder.path()).unwrap();
    let (_, after) = tour.split_once('(').unwrap();
    let parameters = after.split(' ').next().unwrap().parse().unwrap();
    let sentence = format!("a transformer of {} parameters", with_commas(parameters));
    assert!(words("README.md").contains(&sentence), "README.md does not say {sentence:?}");

    let home = PathBuf::from(env::var_os("LOOKBACK_HOME").unwrap());
    let metrics = fs::read_to_string(home.join("default/metrics.jsonl")).unwrap();
    let metrics: Vec<Value> =
        metrics.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let last = metrics.iter().filter_map(|line| line["step"].as_u64()).max().unwrap();
    let at = |step: u64, key: &str| {
        let line = metrics.iter().find(|line| line["step"] == step && line[key].is_number());
        line.unwrap_or_else(|| panic!("no {key} at step {step}"))[key].as_f64().unwrap()
    };
    let answered =
        |step| format!("{:.0} % at step {}", 100.0 * at(step, "look_ups"), with_commas(step));
    let loss = |step| format!("{:.2}", at(step, "repeated"));
    let sentence = format!(
        "of 50 look-ups the first model answered {}, {} and {} of {}, and the words of lists surprised \
         it by {}, {} and {} nats",
        answered(1162),
        answered(1494),
        answered(1826),
        with_commas(last),
        loss(1162),
        loss(1494),
        loss(1826),
    );
    assert!(
        words("docs/recipes.md").contains(&sentence),
        "docs/recipes.md does not say {sentence:?}"
    );
}

/// The rows of docs/recipes.md's scores that are shares of questions, by kind.
const SCORES: [(&str, &str); 9] = [
    ("context, value right after its key", "lookup-easy"),
    ("context, value two words after its key", "lookup-hard"),
    ("lists that repeat", "list"),
    ("facts that are asked in the stories", "fact-asked"),
    ("the same in other words", "fact-reworded"),
    ("facts that are only stated", "fact-stated"),
    ("facts that are stated in one of many pages", "fact-rare"),
    ("facts that stand nowhere", "fact-held-out"),
    ("few-shot, pairs never shown among pairs", "few-shot"),
];

#[test]
#[ignore = "needs the default model in LOOKBACK_HOME"]
fn what_the_documents_show_of_the_defaults_scores_is_what_eval_counts() {
    let folder = tempfile::tempdir().unwrap();
    let scores = printed("lookback eval default --questions --json", folder.path()).unwrap();
    let scores: Value = serde_json::from_str(&scores).unwrap();
    let document = root().join("docs/recipes.md");
    let tables = blocks(&document);
    // Of three runs the default is the first, and of the two with and without a line the first as well.
    for (table, is_percent) in [("| questions | three runs |", true), ("| questions | of |", false)]
    {
        let table = tables.iter().find(|block| block.lines[0].starts_with(table)).unwrap();
        for (row, kind) in SCORES {
            let line = table.lines.iter().find(|line| line.starts_with(&format!("| {row} |")));
            let line = line.unwrap_or_else(|| panic!("docs/recipes.md has no row {row:?}"));
            let of_kind = &scores["questions"][kind];
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            if is_percent {
                let share = format!("{:.0},", 100.0 * of_kind["share"].as_f64().unwrap());
                assert!(cells[2].starts_with(&share), "{row}: {share} {line}");
            } else {
                let (asked, right) = (of_kind["asked"].to_string(), of_kind["right"].to_string());
                assert_eq!((cells[2], cells[3]), (&*asked, &*right), "{row}: {line}");
            }
        }
    }
}
