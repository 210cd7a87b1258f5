//! What `lookback bench` promises: its keys, figures that belong together, and refusals.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::fixture::Fixture;
use serde_json::Value;

#[test]
fn speeds_stand_beside_the_limits_of_the_machine() {
    let fixture = Fixture::with_model();
    let line = "bench good --prompt 10 --decode 4 --batch 3 --threads 2 --json";
    let found: Value = serde_json::from_str(&fixture.done(line)).unwrap();
    let number = |key: &str| {
        let number = found[key].as_f64().unwrap_or_else(|| panic!("{key}: {found}"));
        assert!(number > 0.0 && number.is_finite(), "{key}: {found}");
        number
    };
    for key in ["prefill_tokens_per_second", "decode_tokens_per_second", "peak_memory_mb"] {
        number(key);
    }
    let share = |of: &str, limit: &str| number(of) / number(limit);
    let near = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-9;
    assert!(near(number("decode_share"), share("decode_gb_per_second", "read_gb_per_second")));
    let prefill = share("prefill_gflops_per_second", "gemm_gflops_per_second");
    assert!(near(number("prefill_share"), prefill));
    assert!(number("bf16_gflops_per_second") > 0.0);
    let asked = ["prompt", "decode", "batch", "threads"].map(|key| found[key].as_u64().unwrap());
    assert_eq!(asked, [10, 4, 3, 2]);
    assert_eq!(found["compute"], "f32");
}

#[test]
fn looking_is_timed_beside_not_looking() {
    let fixture = Fixture::with_model();
    let line = "bench good --prompt 10 --decode 1 --look --json";
    let found: Value = serde_json::from_str(&fixture.done(line)).unwrap();
    for key in ["plain_seconds", "look_seconds"] {
        assert!(found[key].as_f64().unwrap() > 0.0, "{key}: {found}");
    }
    let traced = fixture.at("trace.safetensors");
    fixture.done("look good --ids 1,2,3,4,5,6,7,8,9,10 -o trace.safetensors");
    // The file holds the same sites, the ids and a header beside them.
    let written = std::fs::metadata(&traced).unwrap().len();
    let seen = found["look_bytes"].as_u64().unwrap();
    assert!(seen < written && written < seen + 20_000, "{seen} bytes seen, {written} written");
}

#[test]
fn lengths_are_those_that_the_context_leaves() {
    let fixture = Fixture::with_model();
    let lengths = |line: &str| {
        let found: Value = serde_json::from_str(&fixture.done(line)).unwrap();
        ["prompt", "decode"].map(|key| found[key].as_u64().unwrap())
    };
    assert_eq!(lengths("bench good --json"), [12, 4]);
    assert_eq!(lengths("bench good --prompt 3 --json"), [3, 13]);
    assert_eq!(lengths("bench good --decode 6 --json"), [10, 6]);
    assert_eq!(
        fixture.refused("bench good --prompt 12 --decode 5"),
        "--prompt 12 and --decode 5: this model's context is 16 tokens; ask for fewer"
    );
}
