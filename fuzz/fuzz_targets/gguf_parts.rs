//! What is held true stands in `lookback_fuzz::gguf_parts`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lookback_fuzz::gguf_parts::check(bytes));
