//! What the fuzzer of settings in `fuzz/` holds true of any text, held of where it begins and of every
//! case that it ever found.

#[path = "oracles/sentence.rs"]
mod sentence;
#[path = "oracles/settings.rs"]
mod settings;

use std::{fs, path::Path};

#[test]
fn settings_survive_being_written() {
    settings::seeds().iter().for_each(|seed| settings::check(seed));
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles/found");
    let Ok(entries) = fs::read_dir(found) else { return };
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        settings::check(&fs::read(&path).expect("a file"));
    }
}
