//! What is held true stands in `lookback_fuzz::tokenizer`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lookback_fuzz::tokenizer::check(bytes));
