//! Configurations that other programs were reported to refuse or to misread, and those that people have: what
//! transformers makes of each was computed with a small model of the same keys.

use lookback_model::{Config, Positions, RopeScaling};

/// A configuration of two layers of one family, with more keys.
fn config(model_type: &str, rest: &str) -> lookback_files::Result<Config> {
    let sizes = match model_type {
        "bloom" => r#""n_layer": 2, "layer_norm_epsilon": 1e-5"#,
        _ => {
            r#""num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "hidden_size": 64,
            "intermediate_size": 96, "max_position_embeddings": 64"#
        }
    };
    let text = format!(
        r#"{{"model_type": "{model_type}", "vocab_size": 37, "bos_token_id": 1, "eos_token_id": 2, {sizes} {rest}}}"#
    );
    Config::from_hugging_face(&text)
}

fn read(model_type: &str, rest: &str) -> Config {
    config(model_type, rest).unwrap_or_else(|refusal| panic!("{model_type}: {refusal}"))
}

fn refused(model_type: &str, rest: &str) -> String {
    config(model_type, rest).expect_err("a refusal").to_string()
}

fn windows(config: &Config) -> [bool; 2] {
    [0, 1].map(|layer| config.layer_window(layer).is_some())
}

#[test]
fn the_files_of_published_models_are_read() {
    // bigscience/bloom-560m
    let bloom = read(
        "bloom",
        r#", "n_embed": 64, "num_attention_heads": 4, "masked_softmax_fusion": true, "offset_alibi": 100,
        "seq_length": 2048, "skip_bias_add": true, "skip_bias_add_qkv": false, "unk_token_id": 0,
        "attention_softmax_in_fp32": true, "bias_dropout_fusion": true, "pad_token_id": 3,
        "apply_residual_connection_post_layernorm": false, "pretraining_tp": 2"#,
    );
    assert_eq!((bloom.width, bloom.heads, bloom.context), (64, 4, 2048));
    // google/gemma-2-2b and google/gemma-3-1b-it
    let gemma2 = read(
        "gemma2",
        r#", "head_dim": 16, "cache_implementation": "hybrid", "hidden_act": "gelu_pytorch_tanh",
        "hidden_activation": "gelu_pytorch_tanh", "query_pre_attn_scalar": 16, "sliding_window": 7,
        "rope_theta": 10000.0, "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0"#,
    );
    assert_eq!((windows(&gemma2), gemma2.scale), ([true, false], 0.25));
    read(
        "gemma3_text",
        r#", "head_dim": 16, "cache_implementation": "hybrid", "query_pre_attn_scalar": 16,
        "rope_theta": 1000000, "rope_local_base_freq": 10000, "rope_scaling": null,
        "sliding_window": 7, "sliding_window_pattern": 6"#,
    );
    // microsoft/Phi-4-mini-instruct
    let phi4 = read(
        "phi3",
        r#", "attention_bias": false, "full_attn_mod": 1, "interpolate_factor": 1,
        "lm_head_bias": false, "mlp_bias": false, "partial_rotary_factor": 0.75,
        "sliding_window": 262144, "embd_pdrop": 0.0, "auto_map": {}, "tie_word_embeddings": true"#,
    );
    let Positions::Rotary(rotary) = &phi4.positions else { panic!("rotary") };
    assert_eq!((rotary.rotary_dim, phi4.tied), (12, true));
    let said = refused("phi3", r#", "lm_head_bias": true"#);
    assert!(said.contains("lm_head_bias is true, which is not understood"), "{said}");
    // bigcode/starcoder2-3b: transformers reads norm_epsilon and hidden_act.
    let starcoder2 = read(
        "starcoder2",
        r#", "activation_function": "gelu", "hidden_act": "gelu_pytorch_tanh", "layer_norm_epsilon": 1e-6,
        "norm_epsilon": 1e-5, "mlp_type": "default", "norm_type": "layer_norm", "use_bias": true,
        "scale_attention_softmax_in_fp32": true, "scale_attn_weights": true, "sliding_window": 7,
        "rope_theta": 999999.4420358813, "attention_softmax_in_fp32": true"#,
    );
    assert_eq!((windows(&starcoder2), starcoder2.epsilon), ([true, true], 1e-5));
    let said = refused("starcoder2", r#", "norm_type": "rms_norm""#);
    assert!(said.contains("norm_type is \"rms_norm\", which is not understood"), "{said}");
    // databricks/dolly-v2-3b
    read(
        "gpt_neox",
        r#", "custom_pipelines": {"text-generation": {}}, "rotary_pct": 0.25, "rotary_emb_base": 10000,
        "layer_norm_eps": 1e-5, "use_parallel_residual": true"#,
    );
}

/// transformers rotates whole heads in these families, whatever the file says.
#[test]
fn a_part_of_each_head_is_rotated_where_the_family_can() {
    for model_type in
        ["llama", "mistral", "qwen2", "qwen3", "gemma2", "gemma3_text", "olmo2", "olmo3", "smollm3"]
    {
        let said = refused(model_type, r#", "partial_rotary_factor": 0.5"#);
        assert!(said.contains("models of this family rotate whole heads"), "{model_type}: {said}");
        read(model_type, r#", "partial_rotary_factor": 1.0"#);
        let inside =
            r#", "rope_parameters": {"rope_type": "default", "partial_rotary_factor": 0.5}"#;
        let said = refused(model_type, inside);
        assert!(said.contains("partial_rotary_factor is 0.5"), "{model_type}: {said}");
    }
    for model_type in ["phi", "phi3", "stablelm", "gpt_neox"] {
        let config = read(model_type, r#", "partial_rotary_factor": 0.5"#);
        let Positions::Rotary(rotary) = &config.positions else { panic!("rotary") };
        assert_eq!(rotary.rotary_dim, 8, "{model_type}");
        let said = refused(model_type, r#", "partial_rotary_factor": 1.5"#);
        assert!(said.contains("24 rotary dimensions cannot be; an even number"), "{said}");
    }
}

/// Where a file names no layers, those that do not rotate have the window.
#[test]
fn a_window_of_smollm3_is_in_its_layers_without_positions() {
    let window = r#", "use_sliding_window": true, "sliding_window": 5, "no_rope_layers": [1, 0]"#;
    assert_eq!(windows(&read("smollm3", window)), [false, true]);
    let named = format!(r#"{window}, "layer_types": ["sliding_attention", "full_attention"]"#);
    assert_eq!(windows(&read("smollm3", &named)), [true, false]);
    let unused = r#", "use_sliding_window": false, "sliding_window": 5, "no_rope_layers": [1, 0]"#;
    assert_eq!(windows(&read("smollm3", unused)), [false, false]);
}

/// mlx-vlm#1709, vllm#29111: of Gemma 3 the scaling is that of the layers without a window.
#[test]
fn scaling_of_gemma3_is_for_layers_that_see_everything() {
    let older = r#", "head_dim": 16, "rope_theta": 1000000.0, "rope_local_base_freq": 10000.0,
        "rope_scaling": {"factor": 8.0, "rope_type": "linear", "type": "linear"}"#;
    let newer = r#", "head_dim": 16, "rope_parameters": {
        "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000000.0},
        "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}}"#;
    for rest in [older, newer] {
        let config = read("gemma3_text", rest);
        let Positions::Rotary(rotary) = &config.positions else { panic!("rotary") };
        let local = config.window_rotary.as_ref().expect("its own");
        assert_eq!(rotary.scaling, RopeScaling::Linear { factor: 8.0 });
        assert_eq!((rotary.theta, local.theta), (1_000_000.0, 10_000.0));
        assert_eq!(local.scaling, RopeScaling::None);
    }
}

/// mistral.rs#615, mistral.rs#82: a window of null is none.
#[test]
fn a_window_of_null_is_none() {
    for model_type in ["mistral", "mixtral", "phi3", "qwen2", "starcoder2", "gpt_oss"] {
        let config = read(model_type, r#", "sliding_window": null"#);
        assert_eq!(windows(&config), [false, false], "{model_type}");
    }
}

#[test]
fn numbers_of_layers_that_no_model_has_are_refused_before_lists_are_made() {
    for model_type in ["gemma2", "gemma3_text", "olmo3", "smollm3", "gpt_oss", "qwen3_moe", "qwen2"]
    {
        let text = format!(
            r#"{{"model_type": "{model_type}", "vocab_size": 37, "num_hidden_layers": 30000000000000,
            "num_attention_heads": 4, "hidden_size": 64, "intermediate_size": 96}}"#
        );
        let said = Config::from_hugging_face(&text).expect_err("a refusal").to_string();
        assert!(said.contains("layers of 30000000000000 cannot be"), "{said}");
    }
}

#[test]
fn rotary_frequencies_that_are_no_numbers_are_refused() {
    for rest in [
        r#", "rope_theta": 0.0"#,
        r#", "rope_theta": -1.0"#,
        r#", "rope_theta": 1e400"#,
        r#", "rope_theta": 1e39"#,
        r#", "rope_scaling": {"type": "linear", "factor": 0.0}"#,
        r#", "rope_scaling": {"type": "linear", "factor": -2.0}"#,
        r#", "rope_scaling": {"type": "yarn", "factor": 0.0, "original_max_position_embeddings": 16}"#,
        r#", "rope_scaling": {"type": "llama3", "factor": 0.0, "low_freq_factor": 1.0,
            "high_freq_factor": 4.0, "original_max_position_embeddings": 16}"#,
        r#", "rope_scaling": {"type": "longrope", "original_max_position_embeddings": 16,
            "short_factor": [0, 0, 0, 0, 0, 0, 0, 0], "long_factor": [1, 1, 1, 1, 1, 1, 1, 1]}"#,
    ] {
        let said = refused("llama", rest);
        assert!(!said.contains('\n') && !said.is_empty(), "{rest}: {said}");
    }
}
