//! The program itself with a small real model: it writes its story, and agrees with transformers.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs;

use crate::fixture::{Fixture, output, shared};
use serde_json::Value;

const MODEL: &str = "models/stories260k";

#[test]
#[ignore = "needs LOOKBACK_SHARED"]
fn without_a_prompt_it_tells_the_story_that_it_is_known_for() {
    let fixture = Fixture::new();
    let model = shared().join(MODEL);
    let expected = fs::read_to_string(model.join("expected.txt")).unwrap();
    let line = ["generate", model.to_str().unwrap(), "--greedy", "-n", "400"];
    let streamed = output(&mut fixture.program(line));
    assert_eq!((streamed.code, streamed.stderr.as_str()), (Some(0), ""));
    assert_eq!(streamed.stdout.trim_end(), expected.trim_end());

    let at_once = output(&mut fixture.program(line.into_iter().chain(["--json"])));
    let object: Value = serde_json::from_str(&at_once.stdout).unwrap();
    assert_eq!(object["text"].as_str().unwrap().trim_end(), expected.trim_end());
    assert_eq!(object["finish_reason"], "stop");
    assert_eq!(object["prompt_ids"], serde_json::json!([1]));
    let ids: Vec<u32> = serde_json::from_value(object["ids"].clone()).unwrap();
    assert!(ids.len() < 400 && ids.len() > 200, "{}", ids.len());
    assert_eq!(ids.last(), Some(&1), "its texts end where the next begins");
}

#[test]
#[ignore = "needs LOOKBACK_SHARED"]
fn the_program_verifies_what_transformers_computed() {
    let fixture = Fixture::new();
    for model in [MODEL, "golden/gpt2", "golden/llama"] {
        let model = shared().join(model);
        let expected = model.join("expected.safetensors");
        let line = ["verify", model.to_str().unwrap(), expected.to_str().unwrap()];
        let agreeing = output(&mut fixture.program(line.into_iter().chain(["--json"])));
        assert_eq!((agreeing.code, agreeing.stderr.as_str()), (Some(0), ""), "{agreeing:?}");
        let object: Value = serde_json::from_str(&agreeing.stdout).unwrap();
        assert_eq!(object["agrees"], true);
        assert_eq!(object["unknown"], serde_json::json!([]));
        assert!(object["largest"].as_f64().unwrap() < 2e-4);
        assert!(object["greedy_agreeing"].as_u64().unwrap() >= 32);
        let names: Vec<&str> = object["sites"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s["site"].as_str().unwrap())
            .collect();
        for site in ["blocks.0.resid_pre", "blocks.0.attn.pattern", "ln_final", "logits"] {
            assert!(names.contains(&site), "{names:?}");
        }

        // Nobody sums as exactly as this, so a difference is found, named, and an exit code of 1.
        let apart = output(&mut fixture.program(line.into_iter().chain(["--tolerance", "1e-12"])));
        assert_eq!(apart.code, Some(1), "{apart:?}");
        assert!(apart.stderr.contains("more than --tolerance"), "{apart:?}");
    }
}
