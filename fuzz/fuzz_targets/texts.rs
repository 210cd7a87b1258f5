//! What is held true stands in `lookback_fuzz::texts`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lookback_fuzz::texts::check(bytes));
