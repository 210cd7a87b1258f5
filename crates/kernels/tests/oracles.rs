//! What the fuzzer of stored weights in `fuzz/` holds true of any bytes, held of where it begins and of
//! every case that it ever found.

#[path = "oracles/quantised.rs"]
mod quantised;

use std::{fs, path::Path};

#[test]
fn stored_weights_give_the_bits_of_their_copies() {
    quantised::seeds().iter().for_each(|seed| quantised::check(seed));
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles/found");
    let Ok(entries) = fs::read_dir(found) else { return };
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        quantised::check(&fs::read(&path).expect("a file"));
    }
}
