//! README and docs say what the program prints. Each fenced output and each table of numbers names, in a
//! comment right before it, what its numbers are from:
//!
//! - `printed by: COMMAND`: its lines are lines of what COMMAND prints, in this order; a blank line stands for
//!   anything in between. Checked by the ignored test, which needs the default model.
//! - `held by: FILE`: a test or a check in the source that fails when they change.
//! - `measured by: SCRIPT, …`: a timing or a comparison of whole runs, made with this script.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod world;

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use world::{real_models, said};

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
    let done = said(&mut program);
    assert_eq!(done.code, Some(0), "{command}: {done:?}");
    Some(done.stdout)
}

/// The metrics of the default model's run, a line each.
fn metrics() -> Vec<Value> {
    let home = PathBuf::from(env::var_os("LOOKBACK_HOME").unwrap());
    let text = fs::read_to_string(home.join("default/metrics.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
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
