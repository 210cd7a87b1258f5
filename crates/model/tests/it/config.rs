//! `config.json`: what is understood, and what is refused by name.

use lookback_model::{
    Activation, Config, Network, NormKind, Positions, QueryKeyNorm, RotaryConfig, Size,
};
use lookback_text::TokenId;

const LLAMA: &str = r#"{"model_type": "llama", "vocab_size": 50, "hidden_size": 48,
    "num_hidden_layers": 2, "num_attention_heads": 6, "intermediate_size": 100 REST}"#;
const GPT2: &str = r#"{"model_type": "gpt2", "vocab_size": 50, "n_embd": 48, "n_layer": 2,
    "n_head": 6, "n_positions": 16 REST}"#;

fn with(config: &str, rest: &str) -> lookback_files::Result<Config> {
    let comma = if rest.is_empty() { "" } else { "," };
    Config::from_hugging_face(&config.replace(" REST", &format!("{comma}{rest}")))
}

fn refusal(config: &str, rest: &str) -> String {
    with(config, rest).expect_err(rest).to_string()
}

#[test]
fn a_short_llama_has_transformers_defaults() {
    let config = with(LLAMA, "").expect("understood");
    assert_eq!((config.family.model_type, config.norm), ("llama", NormKind::Rms));
    assert_eq!((config.key_heads, config.head_dim, config.context), (6, 8, 2048));
    assert_eq!(config.epsilon, 1e-6);
    assert_eq!(config.positions, Positions::Rotary(RotaryConfig::plain(10000.0, 8)));
    assert_eq!((config.activation, config.gated, config.tied), (Activation::Silu, true, false));
    assert_eq!(config.scale.to_bits(), 0.353_553_38_f32.to_bits());
    assert!(!config.attention_bias && !config.output_bias && !config.mlp_bias);
}

#[test]
fn a_short_qwen3_has_transformers_defaults() {
    let short = LLAMA.replace("llama", "qwen3");
    let config = with(&short, "").expect("understood");
    assert_eq!(
        (config.family.model_type, config.query_key_norm),
        ("qwen3", Some(QueryKeyNorm::Heads))
    );
    assert_eq!((config.head_dim, config.scale), (128, lookback_model::config::default_scale(128)));
    let chunked = refusal(&short, r#""layer_types": ["full_attention", "chunked_attention"]"#);
    assert_eq!(
        chunked,
        "layer_types \"chunked_attention\" is not understood; full_attention and sliding_attention are"
    );
}

#[test]
fn a_short_gpt2_has_transformers_defaults() {
    let config = with(GPT2, "").expect("understood");
    assert_eq!((config.family.model_type, config.norm), ("gpt2", NormKind::Layer));
    assert_eq!((config.key_heads, config.head_dim, config.hidden), (6, 8, 192));
    assert_eq!((config.positions, config.epsilon), (Positions::Learned, 1e-5));
    assert_eq!((config.activation, config.gated, config.tied), (Activation::GeluTanh, false, true));
    assert!(config.attention_bias && config.output_bias && config.mlp_bias && config.norm_bias);
    let plain = with(GPT2, r#""scale_attn_weights": false, "n_inner": 7"#).expect("understood");
    assert_eq!((plain.scale, plain.hidden), (1.0, 7));
}

#[test]
fn the_rotary_base_is_found_in_old_files_and_new_ones() {
    for (rest, wanted) in [
        (r#""rope_theta": 5e5"#, 5e5),
        (r#""rope_theta": 5e5, "rope_scaling": null"#, 5e5),
        (r#""rope_theta": 5e5, "rope_scaling": {"type": "default"}"#, 5e5),
        (r#""rope_parameters": {"rope_theta": 1e6, "rope_type": "default"}"#, 1e6),
        (r#""rope_theta": 1e6, "rope_parameters": {"rope_type": "default"}"#, 1e6),
    ] {
        let config = with(LLAMA, rest).expect(rest);
        let wanted = Positions::Rotary(RotaryConfig::plain(wanted, 8));
        assert_eq!(config.positions, wanted, "{rest}");
    }
}

#[test]
fn what_changes_the_mathematics_is_refused_by_name() {
    for (config, rest, reason) in [
        (
            LLAMA,
            r#""hidden_act": "foo""#,
            "hidden_act \"foo\" is not understood; silu, swish, gelu, gelu_python, gelu_new, \
             gelu_pytorch_tanh, gelu_fast, gelu_python_tanh, gelu_accurate, quick_gelu, relu, relu2 are",
        ),
        (
            LLAMA,
            r#""rope_scaling": {"type": "spiral", "factor": 2.0}"#,
            "rope_scaling.rope_type spiral is not understood; default, linear, llama3, dynamic, yarn and \
             longrope are",
        ),
        (
            LLAMA,
            r#""rope_parameters": {"rope_type": "llama3", "factor": 8.0}"#,
            "rope_parameters.low_freq_factor is missing",
        ),
        (
            LLAMA,
            r#""rope_parameters": {"rope_type": "default", "partial_rotary_factor": 1.5}"#,
            "partial_rotary_factor is 1.5, but models of this family rotate whole heads; 1 is understood",
        ),
        (
            LLAMA,
            r#""rope_scaling": {"type": "linear", "factor": 0.0}"#,
            "rotary frequencies that are not finite cannot be; check theta 10000 and the factors of the \
             rope scaling",
        ),
        (
            LLAMA,
            r#""rope_scaling": {"mystery": 2}"#,
            "rope_scaling.mystery = 2 is not understood, and may change what the model computes; \
             remove it if you know that it does not",
        ),
        (
            LLAMA,
            r#""logit_scale": 0.5"#,
            "logit_scale = 0.5 is not understood, and may change what the model computes; remove \
             it if you know that it does not",
        ),
        (
            LLAMA,
            r#""quantization_config": {"bits": 4}"#,
            "quantization_config = {\"bits\":4} is not understood, and may change what the model \
             computes; remove it if you know that it does not",
        ),
        (
            GPT2,
            r#""add_cross_attention": true"#,
            "add_cross_attention is true, which is not understood; false is",
        ),
        (
            GPT2,
            r#""architectures": ["GPT2ForSequenceClassification"]"#,
            "architectures [\"GPT2ForSequenceClassification\"] is not understood; GPT2LMHeadModel \
             is",
        ),
    ] {
        assert_eq!(refusal(config, rest), reason);
    }
}

#[test]
fn what_changes_nothing_is_passed_over() {
    let rest = r#""attention_dropout": 0.1, "_name_or_path": "x", "use_cache": false,
        "pad_token_id": 3, "torch_dtype": "bfloat16", "pretraining_tp": 1, "rope_scaling": null,
        "something_new": false, "something_else": null, "nothing": [], "nothing_at_all": {}"#;
    assert_eq!(with(LLAMA, rest).expect("harmless"), with(LLAMA, "").expect("understood"));
}

#[test]
fn sizes_that_cannot_be_are_refused_with_what_could() {
    for (config, from, to, reason) in [
        (LLAMA, "\"vocab_size\": 50", "\"vocab_size\": 0", "a vocabulary of 0 cannot be; at least"),
        (LLAMA, "48", "-48", "hidden_size is -48; a whole number is needed"),
        (LLAMA, "48", "50", "a width of 50 cannot be shared by 6 heads"),
        (LLAMA, "\"vocab_size\": 50,", "", "vocab_size is missing"),
        (LLAMA, "100", "18446744073709551615", "an MLP width of 18446744073709551615 cannot be"),
        (LLAMA, "48", "1e999", "not the JSON object that is needed"),
        (LLAMA, " REST", ", \"num_key_value_heads\": 4", "6 heads cannot share 4 key/value heads"),
        (LLAMA, " REST", ", \"head_dim\": 7", "7 rotary dimensions cannot be; an even number"),
        (LLAMA, " REST", ", \"rms_norm_eps\": -1", "a norm epsilon of -1 cannot be"),
        (LLAMA, " REST", ", \"rms_norm_eps\": 1e300", "a norm epsilon of inf cannot be"),
        (LLAMA, " REST", ", \"rope_theta\": 0", "a rotary theta of 0 cannot be"),
        (LLAMA, "llama", "mamba", "model_type \"mamba\" is not understood; gpt2, llama"),
        (LLAMA, "\"model_type\": \"llama\",", "", "model_type is missing; gpt2, llama"),
        (GPT2, "\"n_layer\": 2", "\"n_layer\": 1000000", "layers of 1000000 cannot be; 4096 is"),
        (GPT2, "\"n_head\": 6", "\"n_head\": 0", "a width of 48 cannot be shared by 0 heads"),
        (GPT2, "{", "[", "not the JSON object that is needed"),
    ] {
        let text = config.replacen(from, to, 1).replace(" REST", "");
        let sentence = Config::from_hugging_face(&text).expect_err(reason).to_string();
        assert!(sentence.starts_with(reason), "{sentence}");
    }
}

#[test]
fn ids_that_the_vocabulary_lacks_end_nothing() {
    let rest = r#""bos_token_id": 50256, "eos_token_id": [2, 50256, 7]"#;
    let config = with(GPT2, rest).expect("understood");
    assert_eq!(config.bos, None);
    assert_eq!(config.eos, [TokenId(2), TokenId(7)]);
}

#[test]
fn constructors_refuse_what_files_may_not_say_either() {
    let size =
        Size { vocabulary: 10, width: 8, layers: 1, heads: 2, key_heads: 2, hidden: 8, context: 4 };
    assert!(Config::gpt2(size).is_ok() && Config::llama(size).is_ok());
    assert!(Config::gpt2(Size { heads: 0, ..size }).is_err());
    assert!(Config::llama(Size { heads: 0, ..size }).is_err());
    assert!(Config::llama(Size { context: 0, ..size }).is_err());
    let valid = || Config::gpt2(size).expect("valid");
    assert!(valid().with(|config| config.eos.push(TokenId(10))).is_err());
    assert!(valid().with(|config| config.window = Some(0)).is_err());
}

#[test]
fn a_cache_saves_the_multiplications_of_all_tokens_but_the_last() {
    let size = Size {
        vocabulary: 50,
        width: 8,
        layers: 2,
        heads: 2,
        key_heads: 1,
        hidden: 12,
        context: 64,
    };
    let network = Network::new(&Config::llama(size).expect("a configuration"));
    // Queries and the output 8 × 8, keys and values 8 × 4, three matrices of 8 × 12.
    let linears = 2 * (2 * 8 * 8 + 2 * 8 * 4 + 3 * 8 * 12);
    let (head, pairs) = (8 * 50, 2 * 2 * 8);
    assert_eq!(network.multiplications(0, 1), linears + pairs + head);
    assert_eq!(network.multiplications(9, 1), linears + 10 * pairs + head);
    // Step by step the head speaks after every token, and else the work is that of one pass.
    let steps: u64 = (0..20).map(|known| network.multiplications(known, 1)).sum();
    assert_eq!(network.multiplications(0, 20), steps - 19 * head);
    let windowed = Config::llama(size).and_then(|of| of.with(|config| config.window = Some(4)));
    let windowed = Network::new(&windowed.expect("a configuration"));
    assert_eq!(windowed.multiplications(9, 1), linears + 4 * pairs + head);
}
