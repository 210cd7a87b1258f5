//! What the fuzzers of `fuzz/` hold true of any bytes, held of where they begin and of every case that
//! they ever found.

mod config;
mod gguf;
mod gguf_parts;
#[path = "../../../../fuzz/src/hold.rs"]
mod hold;
mod safetensors;
#[path = "../../../../fuzz/src/sentence.rs"]
mod sentence;

use crate::fixture;
use hold::hold;

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

#[test]
fn parts_of_ggufs_are_read_as_plain_loops_read_them() {
    hold("gguf_parts", gguf_parts::seeds(), gguf_parts::check);
}
