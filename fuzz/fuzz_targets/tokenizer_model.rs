//! What is held true stands in `lookback_fuzz::tokenizer_model`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lookback_fuzz::tokenizer_model::check(bytes));
