//! What the fuzzer of settings in `fuzz/` holds true of any text, held of where it begins and of every
//! case that it ever found.

#[path = "../../../../fuzz/src/hold.rs"]
mod hold;
#[path = "../../../../fuzz/src/sentence.rs"]
mod sentence;
mod settings;

use hold::hold;

#[test]
fn settings_survive_being_written() {
    hold("settings", settings::seeds(), settings::check);
}
