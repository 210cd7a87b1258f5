//! Rotary frequencies under each kind of scaling are transformers' (5.24, `ROPE_INIT_FUNCTIONS`).

use lookback_model::{Config, Positions, RotaryConfig};

const LLAMA: &str = r#"{"model_type": "llama", "vocab_size": 50, "hidden_size": WIDTH, "num_hidden_layers": 2,
    "num_attention_heads": 4, "intermediate_size": 100, "max_position_embeddings": CONTEXT, REST}"#;

fn config(width: usize, context: usize, rest: &str) -> Config {
    let text = LLAMA.replace("WIDTH", &width.to_string()).replace("CONTEXT", &context.to_string());
    Config::from_hugging_face(&text.replace("REST", rest)).expect(rest)
}

fn rotary(config: &Config) -> &RotaryConfig {
    let Positions::Rotary(rotary) = &config.positions else { panic!("a llama rotates") };
    rotary
}

#[track_caller]
fn are(found: &[f32], wanted: &[f32]) {
    assert_eq!(found.len(), wanted.len());
    for (found, wanted) in found.iter().zip(wanted) {
        assert!((found - wanted).abs() <= 5e-5 * wanted, "{found} is not {wanted}");
    }
}

#[test]
fn llama3_keeps_high_frequencies_and_divides_low_ones() {
    let config = config(
        64,
        128,
        r#""rope_theta": 500000.0, "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
           "high_freq_factor": 4.0, "original_max_position_embeddings": 64}"#,
    );
    are(
        &rotary(&config).frequencies(128),
        &[
            1.0,
            0.079_403_01,
            0.004_700_754,
            0.000_911_583_1,
            0.000_176_776_68,
            3.428_102e-5,
            6.647_87e-6,
            1.289_173e-6,
        ],
    );
}

#[test]
fn yarn_interpolates_and_raises_cosines_and_sines() {
    let config = config(
        64,
        128,
        r#""rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32,
           "truncate": false, "mscale": 0.707, "mscale_all_dim": 1.0}"#,
    );
    are(
        &rotary(&config).frequencies(128),
        &[1.0, 0.148_49, 0.025, 0.007_905_7, 0.002_5, 0.000_790_57, 0.000_25, 7.905_7e-5],
    );
    are(&[rotary(&config).attention_factor()], &[0.964_326_9]);
}

#[test]
fn dynamic_scaling_follows_from_the_context_that_a_model_is_opened_for() {
    let short = config(32, 32, r#""rope_scaling": {"type": "dynamic", "factor": 2.0}"#);
    assert_eq!((short.context, short.long_context), (32, Some(64)));
    are(&rotary(&short).frequencies(short.context), &[1.0, 0.1, 0.01, 0.001]);
    let long = short.clone().for_context(64).expect("as long as it can be");
    are(&rotary(&long).frequencies(long.context), &[1.0, 0.069_336, 0.004_807_5, 0.000_333_33]);
    let refusal = short.for_context(65).expect_err("longer").to_string();
    assert_eq!(refusal, "a context of 65: this model reads 64 tokens at once at most");
}

#[test]
fn longrope_has_a_list_of_divisors_for_each_side_of_the_original_context() {
    let short = config(
        32,
        64,
        r#""original_max_position_embeddings": 16, "rope_scaling": {"type": "longrope",
           "short_factor": [1.0, 1.5, 2.0, 3.0], "long_factor": [2.0, 4.0, 6.0, 9.0]}"#,
    );
    assert_eq!((short.context, short.long_context), (16, Some(64)));
    are(&rotary(&short).frequencies(short.context), &[1.0, 0.066_667, 0.005, 0.000_333_33]);
    are(&[rotary(&short).attention_factor()], &[1.224_744_9]);
    let long = short.for_context(17).expect("longer");
    are(&rotary(&long).frequencies(long.context), &[0.5, 0.025, 0.001_666_7, 0.000_111_11]);
}

#[test]
fn a_list_of_divisors_that_does_not_fit_is_refused() {
    let text = LLAMA.replace("WIDTH", "32").replace("CONTEXT", "64").replace(
        "REST",
        r#""rope_scaling": {"type": "longrope", "original_max_position_embeddings": 16,
           "short_factor": [1.0, 1.5], "long_factor": [2.0, 4.0, 6.0, 9.0]}"#,
    );
    let refusal = Config::from_hugging_face(&text).expect_err("two of four").to_string();
    assert_eq!(refusal, "2 factors of rotary frequencies cannot be; 8 dimensions have 4");
}
