//! Special tokens that a prompt spells: text, unless `--special` asks for the tokens.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use lookback::{Model, text::Specials};
use serde_json::Value;

use crate::fixture::{Fixture, SMALL};

const END: &str = "<|endoftext|>";

fn ids(json: &str, key: &str) -> Vec<u32> {
    let json: Value = serde_json::from_str(json).unwrap();
    serde_json::from_value(json[key].clone()).unwrap()
}

#[test]
fn special_tokens_in_a_prompt_are_text_unless_asked_for() {
    let fixture = Fixture::new();
    let small = SMALL.replace("char", "bpe:280").replace("context=16", "context=64");
    fixture.done(&format!("train town.txt {small} --steps 1 --out good"));
    let model = Model::open(fixture.at("good")).unwrap();
    let tokenizer = model.tokenizer().unwrap();
    let end = tokenizer.id_of(END).unwrap();

    let text = format!("tom{END}anna");
    for (flag, specials) in [("", Specials::Text), (" --special", Specials::Allowed)] {
        let expected: Vec<u32> =
            model.encode_with(&text, specials).unwrap().iter().map(|id| id.0).collect();
        assert_eq!(expected.contains(&end.0), specials == Specials::Allowed);
        let line = format!("tokenizer encode {text} --tokenizer good --json{flag}");
        assert_eq!(ids(&fixture.done(&line), "ids"), expected, "{line}");
        let line = format!("generate good -p {text} -n 1 --json{flag}");
        assert_eq!(ids(&fixture.done(&line), "prompt_ids"), expected, "{line}");
    }
    assert_eq!(model.encode(&text), model.encode_with(&text, Specials::Text));

    let refused = fixture.lookback("generate good --ids 1 --special");
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("--special"), "{}", refused.stderr);
}
