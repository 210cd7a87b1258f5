//! How an ordinary test holds what a fuzzer holds; taken in by path, so that each crate has its own
//! folder of cases.

use std::{fs, path::Path};

/// Checks the seeds, then the files of the crate's `tests/it/oracles/found` that begin with this name.
pub fn hold(name: &str, seeds: Vec<Vec<u8>>, check: fn(&[u8])) {
    seeds.iter().for_each(|seed| check(seed));
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/oracles/found");
    let Ok(entries) = fs::read_dir(found) else { return };
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        let of_this = path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(name));
        if of_this {
            check(&fs::read(&path).expect("a file"));
        }
    }
}
