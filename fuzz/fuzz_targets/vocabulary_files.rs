//! What is held true stands in `lookback_fuzz::vocabulary_files`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lookback_fuzz::vocabulary_files::check(bytes));
