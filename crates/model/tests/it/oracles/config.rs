//! Any text as a `config.json`: what is understood is written so that it means the same again.

use lookback_model::{Config, Network};

/// Holds one text against its round trip.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let config = match Config::from_hugging_face(text) {
        Ok(config) => config,
        Err(refusal) => return super::sentence::check(&refusal),
    };
    // What a family's files cannot say is refused by name when it is to be written.
    if let Ok(written) = config.to_hugging_face() {
        let again = Config::from_hugging_face(&written).expect("it was written here");
        assert_eq!(again, config, "{written}");
    }
    if let Ok(settled) = config.clone().with_generation(&config.generation_to_hugging_face()) {
        assert_eq!(settled, config);
    }
    assert_eq!(Network::new(&config).config, config);
}

/// Where a search begins.
pub fn seeds() -> Vec<Vec<u8>> {
    let written =
        super::fixture::families().into_iter().map(|network| network.config.to_hugging_face());
    let older = r#"{"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 96,
        "vocab_size": 37, "max_position_embeddings": 32, "rms_norm_eps": 1e-05,
        "rope_theta": 10000.0, "hidden_act": "silu", "tie_word_embeddings": true,
        "eos_token_id": [1, 2], "sliding_window": null, "attention_bias": false}"#;
    let written = written.map(|text| text.expect("it is one of ours").into_bytes());
    written.chain([older.into()]).collect()
}
