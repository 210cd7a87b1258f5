//! What the fuzzers of `fuzz/` hold true of any bytes, held of where they begin and of every case that
//! they ever found.

#[path = "oracles/config.rs"]
mod config;
#[path = "oracles/gguf.rs"]
mod gguf;
#[path = "oracles/safetensors.rs"]
mod safetensors;
#[path = "oracles/sentence.rs"]
mod sentence;
mod world;

use std::{fs, path::Path};

/// Checks the seeds, then the files of `tests/oracles/found` that begin with this name.
fn hold(name: &str, seeds: Vec<Vec<u8>>, check: fn(&[u8])) {
    seeds.iter().for_each(|seed| check(seed));
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles/found");
    let Ok(entries) = fs::read_dir(found) else { return };
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        let of_this = path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(name));
        if of_this {
            check(&fs::read(&path).expect("a file"));
        }
    }
}

#[test]
fn configurations_survive_being_written() {
    hold("config", config::seeds(), config::check);
}

#[test]
fn safetensors_are_read_as_their_own_crate_reads_them() {
    hold("safetensors", safetensors::seeds(), safetensors::check);
}

#[test]
fn ggufs_are_read_as_plain_loops_read_them() {
    hold("gguf", gguf::seeds(), gguf::check);
}
