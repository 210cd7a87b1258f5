//! `lookback convert`, as it is typed: a trained run becomes a file with the same text, and what cannot be converted is
//! refused with nothing left behind.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::{fixture::Fixture, refused_models::dialogue};
use serde_json::Value;

#[test]
fn a_trained_run_writes_the_same_text_from_every_form() {
    let fixture = Fixture::with_model();
    let done = fixture.done("convert good good.gguf");
    assert!(
        done.starts_with("good.gguf: 11 tensors, ") && done.contains(" (11 in f32), "),
        "{done}"
    );
    let line = |model: &str| format!("generate {model} -p tom -n 10 --seed 7");
    let text = fixture.done(&line("good"));
    assert_eq!(fixture.done(&line("good.gguf")), text);
    let told = fixture.done("convert good.gguf back --json");
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        (&told["type"], &told["tensors"], &told["types"]["f32"]),
        (&"f32".into(), &11.into(), &11.into())
    );
    assert!(told["bytes"].as_u64() > Some(1000) && told["seconds"].is_f64(), "{told}");
    assert_eq!(fixture.done(&line("back")), text);
    assert_eq!(fixture.read("back/model.safetensors"), fixture.read("good/model.safetensors"));
    assert_eq!(fixture.read("back/config.json"), fixture.read("good/config.json"));
}

#[test]
fn small_types_are_smaller_and_say_what_did_not_fit() {
    let fixture = Fixture::with_model();
    let bytes = |line: &str| {
        let told: Value = serde_json::from_str(&fixture.done(line)).unwrap();
        told["bytes"].as_u64().unwrap()
    };
    let whole = bytes("convert good whole.gguf --json");
    let small = bytes("convert good small.gguf --type Q4_0 --json");
    assert!(small * 2 < whole, "{small} of {whole} bytes");
    let halves = bytes("convert good halves --type bf16 --json");
    assert_eq!(halves * 2, bytes("convert good directory --json"));
    for model in ["small.gguf", "halves"] {
        fixture.done(&format!("generate {model} -p tom -n 5 --greedy"));
    }
    // Rows of 32 and 48 are whole blocks of 32 or not, and none of 256.
    let output = fixture.lookback("convert good k.gguf --type q4_k_m -v");
    assert_eq!(output.code, Some(0), "{output:?}");
    for (rows, wanted, instead) in [(32, "q4_k's 256", "q5_0"), (48, "q6_k's 256", "f16")] {
        let said = format!(
            "rows of {rows} are not whole blocks of {wanted}, so it is stored in {instead}"
        );
        assert!(output.stderr.contains(&said), "{said}: {}", output.stderr);
    }
    fixture.done("generate k.gguf -p tom -n 5 --greedy");
}

#[test]
fn what_cannot_be_converted_is_refused_and_nothing_is_left() {
    let fixture = Fixture::with_model();
    fixture.done("convert good taken.gguf");
    fixture.done("convert good taken");
    fixture.copy("good", "no-tokenizer");
    for name in ["tokenizer.json", "tokenizer_config.json"] {
        std::fs::remove_file(fixture.at("no-tokenizer").join(name)).unwrap();
    }
    fixture.copy("good", "window");
    let file = "window/config.json";
    fixture.replace(file, file, "LlamaForCausalLM", "MistralForCausalLM");
    let window = "\"model_type\": \"mistral\", \"sliding_window\": 8";
    fixture.replace(file, file, "\"model_type\": \"llama\"", window);
    let lines = [
        "convert good",
        "convert good out.gguf --type q4",
        "convert good out --type q8_0",
        "convert good taken.gguf",
        "convert good taken",
        "convert good no/such/out.gguf",
        "convert nowhere out.gguf",
        "convert town.txt out.gguf",
        "convert no-tokenizer out.gguf",
        "convert window out.gguf",
        "convert good out.gguf --type q8_0 --json",
    ];
    let (last, refused) = lines.split_last().unwrap();
    fixture.done(last);
    let lines: Vec<String> = refused.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(dialogue(&fixture, &lines));
}
