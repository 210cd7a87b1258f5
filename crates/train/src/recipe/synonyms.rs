//! What settings are called elsewhere: in nanoGPT, transformers, PyTorch, llama.cpp and the papers.

/// Names of elsewhere, and the setting that means the same.
const NAMES: [(&str, &str); 30] = [
    ("lr learning_rate max_lr peak_lr base_lr step_size", "rate"),
    ("min_lr final_lr min_learning_rate lr_min_ratio", "final_share"),
    ("warmup warmup_iters warmup_steps warmup_ratio num_warmup_steps lr_warmup", "warmup_share"),
    ("lr_schedule lr_scheduler lr_scheduler_type scheduler decay_lr", "schedule"),
    ("cooldown cooldown_ratio warmdown warmdown_ratio lr_decay_iters", "cooldown_share"),
    (
        "batch_size micro_batch_size device_batch_size train_batch_size per_device_train_batch_size bs b",
        "batch",
    ),
    (
        "gradient_accumulation_steps grad_accum grad_accum_steps accumulation_steps accumulate_grad",
        "accumulate",
    ),
    (
        "block_size ctx_size n_ctx num_ctx context_size context_length context_len seq_len seq_length sequence_length max_seq_len max_length sequence_len n_positions max_position_embeddings c",
        "context",
    ),
    ("n_layer n_layers num_layers num_hidden_layers depth layer blocks n_blocks", "layers"),
    ("n_head n_heads num_heads num_attention_heads head", "heads"),
    ("n_kv_head n_kv_heads num_key_value_heads kv_heads num_kv_heads", "key_heads"),
    (
        "n_embd d_model hidden_size dim model_dim embed_dim embedding_size n_embed width_size",
        "width",
    ),
    ("d_ff ffn_dim intermediate_size mlp_hidden hidden_dim ffn_hidden_size feed_forward", "hidden"),
    ("weight_decay wd l2", "decay"),
    ("grad_clip clip_grad max_grad_norm gradient_clip_val clip_norm gradient_clipping", "clip"),
    ("adam_beta1 beta_1", "beta1"),
    ("adam_beta2 beta_2", "beta2"),
    ("eps adam_epsilon adam_eps", "epsilon"),
    (
        "max_iters max_steps iterations num_iterations num_steps total_steps train_steps n_steps",
        "steps",
    ),
    (
        "eval_interval eval_every eval_steps eval_iters validation_interval val_every val_loss_every",
        "validate_every",
    ),
    (
        "save_interval save_every save_steps checkpoint_interval checkpoint_steps always_save_checkpoint",
        "checkpoint_every",
    ),
    ("optim", "optimizer"),
    ("dtype precision torch_dtype", "compute"),
    ("rope_theta rope_base rope_freq_base rotary_base", "theta"),
    ("hidden_act act_fn activation_function nonlinearity", "activation"),
    ("tie_word_embeddings tied_embeddings weight_tying tie_weights tie_embeddings", "tied"),
    ("qk_norm query_key_norm", "head_norm"),
    ("logit_softcap final_logit_softcapping softcap logits_soft_cap", "logit_cap"),
    ("random_seed rng_seed", "seed"),
    ("initializer_range init_std init_scale", "start_matrices"),
];

/// The setting that a name of elsewhere means; hyphens and capitals do not count.
pub fn setting_synonym(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase().replace('-', "_");
    let known = |names: &str| names.split(' ').any(|other| other == name);
    NAMES.iter().find(|(names, _)| known(names)).map(|(_, setting)| *setting)
}

#[cfg(test)]
mod tests {
    use super::{super::preset, *};

    #[test]
    fn names_of_elsewhere_mean_settings_that_there_are() {
        let settings = preset("tiny").unwrap().to_toml().unwrap();
        for (names, setting) in NAMES {
            assert!(
                settings.contains(&format!("\n{setting} =")) || settings.starts_with(setting),
                "{setting}"
            );
            for name in names.split(' ') {
                assert!(!settings.contains(&format!("\n{name} =")), "{name} is a setting itself");
                assert_eq!(setting_synonym(name), Some(setting), "{name} stands for two");
            }
        }
        assert_eq!(setting_synonym("Learning-Rate"), Some("rate"));
        assert_eq!(setting_synonym("dropout"), None);
    }
}
