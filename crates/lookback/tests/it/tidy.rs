//! The repository checks itself: who knows whom, what stands where, and how long it is.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Which crates of this workspace a crate may name; the arrows go one way. `files` is everybody's.
const MAY_KNOW: [(&str, &[&str]); 13] = [
    ("files", &[]),
    ("text", &["files"]),
    ("kernels", &[]),
    ("reference", &[]),
    ("model", &["files", "text", "kernels"]),
    ("engine", &["files", "model", "kernels"]),
    ("f64-interpreter", &["files", "model", "reference"]),
    ("generate", &["files", "text", "model", "engine"]),
    ("train", &["files", "text", "model", "engine"]),
    ("lens", &["files", "text", "model", "engine", "generate"]),
    ("open", &["files", "text", "model", "engine", "generate", "lens", "train"]),
    ("serve", &["files", "text", "model", "engine", "generate", "lens", "train", "open"]),
    (
        "lookback",
        &["files", "text", "model", "engine", "generate", "lens", "train", "open", "serve"],
    ),
];

/// Yardsticks: nobody's dependency but, for their tests, of those that compute.
const YARDSTICKS: [&str; 2] = ["reference", "f64-interpreter"];

/// Where `unsafe` may stand: the instructions and threads of the kernels, memory-mapped files, an
/// allocator that says when memory ends, hangups that are ignored, tests and fuzzers that watch allocations.
const MAY_BE_UNSAFE: [&str; 10] = [
    "crates/kernels/src",
    "crates/kernels/tests",
    "crates/kernels/benches",
    "crates/files/src/mapping.rs",
    "crates/files/src/mapping/cut.rs",
    "crates/model/tests/hostile.rs",
    "crates/engine/tests/allocations.rs",
    "crates/lookback/src/interrupt/hangup.rs",
    "crates/lookback/src/memory/out_of_memory.rs",
    "fuzz/src/lib.rs",
];

/// Tests that are programs of their own, beside `it`, the one of each crate: their allocator counts what
/// the whole program asks for.
const TESTED_ALONE: [&str; 2] =
    ["crates/engine/tests/allocations.rs", "crates/model/tests/hostile.rs"];

/// Which file of the reference says what a kernel computes; optimizers and steering have theirs in
/// `f64-interpreter`.
const REFERENCE_OF: [(&str, Option<&str>); 16] = [
    ("activate", Some("mlp")),
    ("add", Some("block")),
    ("attend", Some("attend")),
    ("bf16", Some("mlp")),
    ("cap", Some("logits")),
    ("embed", Some("embed")),
    ("experts", Some("experts")),
    ("loss", Some("logits")),
    ("matmul", Some("mlp")),
    ("muon", None),
    ("norm", Some("norm")),
    ("optimize", None),
    ("position", Some("position")),
    ("scale", Some("block")),
    ("steer", None),
    ("stored", Some("mlp")),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Every file of the repository, as a path from its root, in order.
fn files() -> Vec<String> {
    fn walk(folder: &Path, root: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if !["target", ".git", "node_modules"].contains(&name.as_str())
                    && !path.join("CACHEDIR.TAG").exists()
                {
                    walk(&path, root, found);
                }
            } else {
                found.push(path.strip_prefix(root).unwrap().to_string_lossy().into_owned());
            }
        }
    }
    let root = root();
    let mut found = Vec::new();
    walk(&root, &root, &mut found);
    found.sort();
    found
}

fn rust_files() -> Vec<(String, String)> {
    let is_rust = |path: &String| Path::new(path).extension().is_some_and(|end| end == "rs");
    let read = |path: String| {
        let text = fs::read_to_string(root().join(&path)).unwrap();
        (path, text)
    };
    files().into_iter().filter(is_rust).map(read).collect()
}

/// The names of the workspace's crates among these dependencies, without `lookback-`.
fn ours(manifest: &toml::Table, kind: &str) -> BTreeSet<String> {
    let table = manifest.get(kind).and_then(toml::Value::as_table);
    let names = table.into_iter().flat_map(toml::Table::keys);
    names.filter_map(|name| name.strip_prefix("lookback-")).map(str::to_owned).collect()
}

/// A library names a setting by `Setting`; that the program has a flag for it, only the program says.
#[test]
fn a_library_names_no_flag() {
    let is_library = |path: &str| {
        let Some((krate, file)) =
            path.strip_prefix("crates/").and_then(|path| path.split_once("/src/"))
        else {
            return false;
        };
        krate != "lookback" || file == "lib.rs"
    };
    let names_flag = |code: &str| {
        code.match_indices("--").any(|(at, _)| {
            let is_word = code[..at].ends_with(|sign: char| sign.is_alphanumeric() || sign == '-');
            !is_word && code[at + 2..].starts_with(|sign: char| sign.is_ascii_lowercase())
        })
    };
    let mut named = Vec::new();
    for (path, text) in rust_files().into_iter().filter(|(path, _)| is_library(path)) {
        for (number, line) in (1..).zip(text.lines()) {
            // Two minuses before a name can only stand in a string, once comments are gone.
            let code = line.split("// ").next().unwrap_or_default();
            if !code.trim_start().starts_with("//") && names_flag(code) {
                named.push(format!("{path}:{number}: {}", line.trim()));
            }
        }
    }
    assert!(named.is_empty(), "name the setting by `Setting`:\n{}", named.join("\n"));
}

/// Which family a model is of only its own file asks: all others read what the family says of it.
#[test]
fn nothing_asks_for_a_family_outside_its_file() {
    let folder = "crates/model/src/families";
    let stems = files().into_iter().filter_map(|path| {
        Some(path.strip_prefix(folder)?.strip_prefix('/')?.strip_suffix(".rs")?.to_owned())
    });
    let mut asks: Vec<String> = stems.map(|stem| format!("families::{stem}")).collect();
    assert!(asks.len() >= 4, "{asks:?}");
    for field in ["model_type", ".gguf", "family.name"] {
        asks.extend(["==", "!="].map(|compared| format!("{field} {compared} \"")));
    }
    asks.extend(["match config.family", "match self.family", "match family"].map(str::to_owned));
    for (path, text) in rust_files() {
        let is_source = path.starts_with("crates/") && path.contains("/src/");
        // The list of families finds one by its name.
        if !is_source || path.starts_with(folder) {
            continue;
        }
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (line, words) in code.lines().enumerate() {
            let words = words.split("//").next().unwrap_or_default();
            let asked = asks.iter().find(|asked| words.contains(asked.as_str()));
            assert!(asked.is_none(), "{path}:{}: {}", line + 1, words.trim());
        }
    }
}

#[test]
fn a_crate_knows_only_those_below_it() {
    let mut seen = BTreeSet::new();
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(path.join("Cargo.toml")).unwrap();
        let manifest: toml::Table = text.parse().unwrap();
        let (_, may_know) = MAY_KNOW
            .iter()
            .find(|(known, _)| *known == name)
            .unwrap_or_else(|| panic!("crates/{name} has no row in the table of who knows whom"));
        for other in ours(&manifest, "dependencies") {
            assert!(may_know.contains(&other.as_str()), "{name} must not know {other}");
        }
        for other in ours(&manifest, "dev-dependencies") {
            let allowed =
                may_know.contains(&other.as_str()) || YARDSTICKS.contains(&other.as_str());
            assert!(allowed, "the tests of {name} must not know {other}");
        }
        assert!(manifest.contains_key("lints"), "crates/{name} leaves the workspace's lints out");
        seen.insert(name);
    }
    assert_eq!(seen.len(), MAY_KNOW.len(), "the table names a crate that is not there");
}

#[test]
fn the_table_itself_goes_one_way() {
    for (place, (_, may_know)) in MAY_KNOW.iter().enumerate() {
        for other in *may_know {
            let below = MAY_KNOW[..place].iter().any(|(name, _)| name == other);
            assert!(below, "{other} stands above {}", MAY_KNOW[place].0);
        }
    }
}

#[test]
fn every_kernel_has_its_twin_its_reference_its_test_and_its_bench() {
    let there = files();
    let stems = there
        .iter()
        .filter_map(|path| path.strip_prefix("crates/kernels/src/naive/")?.strip_suffix(".rs"));
    for stem in stems.filter(|stem| !stem.contains('/') && !["math", "mod", "sums"].contains(stem))
    {
        let (_, reference) = REFERENCE_OF
            .iter()
            .find(|(kernel, _)| *kernel == stem)
            .unwrap_or_else(|| panic!("the kernel {stem} has no row in the table of references"));
        let mut wanted = vec![
            format!("crates/kernels/src/{stem}.rs"),
            format!("crates/kernels/tests/it/{stem}.rs"),
            format!("crates/kernels/benches/{stem}.rs"),
        ];
        wanted.extend(reference.map(|reference| format!("crates/reference/src/{reference}.rs")));
        for path in wanted {
            assert!(there.contains(&path), "the kernel {stem} lacks {path}");
        }
    }
}

#[test]
fn the_tests_of_a_crate_are_one_program_that_has_all_of_them() {
    let mut alone = Vec::new();
    let mut found = 0;
    for (path, _) in rust_files() {
        let Some((of, test)) = path.split_once("/tests/") else { continue };
        match test.strip_prefix("it/") {
            Some("main.rs") => (),
            Some(module) if !module.contains('/') || module.ends_with("/mod.rs") => {
                // A file that nobody names is never compiled, and its tests never fail.
                let stem = module.trim_end_matches("/mod.rs").trim_end_matches(".rs");
                let main = fs::read_to_string(root().join(of).join("tests/it/main.rs")).unwrap();
                let named = main.lines().any(|line| line == format!("mod {stem};"));
                assert!(named, "{of}/tests/it/main.rs does not name {stem}");
                found += 1;
            }
            Some(_) => (),
            None => alone.push(path),
        }
    }
    assert!(found > 80, "only {found} files of tests were found");
    assert_eq!(alone, TESTED_ALONE, "a test stands in tests/it, or in this list");
}

#[test]
fn unsafe_stands_only_where_it_is_listed() {
    for (path, text) in rust_files() {
        let listed = MAY_BE_UNSAFE.iter().any(|place| path.starts_with(place));
        // In code, not in a comment, and not as part of the name of a lint.
        let is_unsafe = |line: &str| {
            let code = line.split("//").next().unwrap_or_default();
            ["{", "fn", "impl", "extern", "("]
                .iter()
                .any(|next| code.contains(&format!("{} {next}", "unsafe")))
                || code.contains(concat!("unsafe", "("))
        };
        let found = text.lines().position(is_unsafe);
        if let (false, Some(line)) = (listed, found) {
            panic!("{path}:{}: unsafe is not allowed here; see MAY_BE_UNSAFE", line + 1);
        }
    }
}

#[test]
fn files_are_short_and_open_with_a_promise() {
    for (path, text) in rust_files() {
        let lines = text.lines().count();
        assert!(lines <= 600, "{path} has {lines} lines; a file past 600 becomes a folder");
        if lines > 400 {
            println!("{path} has {lines} lines; past 400, think of a folder of the same stem");
        }
        assert!(text.starts_with("//! "), "{path} does not open with what it does");
    }
}

#[test]
fn no_file_is_a_drawer_for_leftovers() {
    for path in files() {
        let name = Path::new(&path).file_stem().unwrap().to_string_lossy().into_owned();
        let drawers = ["utils", "util", "common", "helpers", "helper", "misc"];
        assert!(!drawers.contains(&name.as_str()), "{path}: name what it holds");
    }
}

#[test]
fn nothing_is_left_to_do_and_nothing_outside_is_needed() {
    let forbidden =
        [concat!("todo", "!"), concat!("unimplemented", "!("), concat!("../", "shared")];
    let text_files = ["rs", "toml", "md", "py", "js", "html", "css"];
    for path in files() {
        let of_text = |end: &std::ffi::OsStr| text_files.iter().any(|known| end == *known);
        if path.starts_with(".ci/") || !Path::new(&path).extension().is_some_and(of_text) {
            continue;
        }
        let text = fs::read_to_string(root().join(&path)).unwrap();
        for (line, words) in text.lines().enumerate() {
            for word in forbidden {
                assert!(!words.contains(word), "{path}:{}: {word}", line + 1);
            }
        }
    }
}

#[test]
fn the_documents_name_what_is_there() {
    let folders = ["crates/", "docs/", "web/", "benches/", "tools/", "fuzz/"];
    for document in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "GLOSSARY.md"] {
        // A checkout of an early commit has no documents yet.
        let Ok(text) = fs::read_to_string(root().join(document)) else { continue };
        let is_of_a_path = |letter: char| letter.is_ascii_alphanumeric() || "_-./".contains(letter);
        for word in text.split(|letter| !is_of_a_path(letter)) {
            let path = word.trim_end_matches(['.', '/']);
            // A place to be filled in is named NAME.
            let is_place = folders.iter().any(|folder| path.starts_with(folder));
            if is_place && !path.contains("NAME") {
                assert!(root().join(path).exists(), "{document} names {path}, which is not there");
            }
        }
        for (name, _) in MAY_KNOW.iter().filter(|_| document == "ARCHITECTURE.md") {
            assert!(text.contains(name), "{document} does not name the crate {name}");
        }
    }
}
