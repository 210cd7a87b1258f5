#!/usr/bin/env python3
"""Writes a golden of each family: a tiny configuration, and the logits that transformers computes with it.

usage: goldens.py crates/open/tests/goldens [NAME ...]

A family's golden has the name of its model_type; others, such as llama-yarn, are of a kind of a family.

The weights are not written: each follows from its name and place by the formula of `weight` below, which the test
`goldens` has too. So nobody's weights are committed, and a stranger's machine checks every family against
transformers. Needs Python packages: pip install torch transformers safetensors.

A golden is JSON: config (as config.json has it), tensors (the names and shapes that transformers writes), ids, and
logits [tokens, vocabulary] in float32.
"""
import json
import sys
import tempfile
from math import prod
from pathlib import Path

try:
    import numpy
    import torch
    import transformers
    from safetensors import safe_open
    from safetensors.torch import save_file
except ImportError as missing:
    sys.exit(f"goldens.py: {missing}; pip install torch transformers safetensors")

SIZE = dict(vocab_size=61, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48,
            max_position_embeddings=32, bos_token_id=1, eos_token_id=2)
GROUPED = dict(SIZE, num_key_value_heads=2)

# Three layers, of which the middle one differs where layers differ.
DEEP = dict(GROUPED, num_hidden_layers=3)
MIXED = ["sliding_attention", "full_attention", "sliding_attention"]


def rope(kind: str, theta: float = 10000.0, **others) -> dict:
    return dict(rope_parameters=dict(rope_type=kind, rope_theta=theta, **others))


# Head widths, tied tables and scales differ on purpose: what is taken for another shows in the logits.
FAMILIES = {
    "gpt2": transformers.GPT2Config(vocab_size=61, n_embd=32, n_layer=2, n_head=4, n_positions=32, bos_token_id=1,
                                    eos_token_id=2),
    "gpt2-layers": transformers.GPT2Config(vocab_size=61, n_embd=32, n_layer=3, n_head=4, n_positions=32, n_inner=40,
                                           activation_function="quick_gelu", scale_attn_by_inverse_layer_idx=True,
                                           reorder_and_upcast_attn=True, bos_token_id=1, eos_token_id=2),
    "llama": transformers.LlamaConfig(**GROUPED, tie_word_embeddings=False, rms_norm_eps=1e-5),
    "qwen2": transformers.Qwen2Config(**GROUPED, tie_word_embeddings=True),
    "qwen3": transformers.Qwen3Config(**GROUPED, head_dim=12, tie_word_embeddings=True),
    "llama-linear": transformers.LlamaConfig(**GROUPED, **rope("linear", factor=4.0)),
    "llama-llama3": transformers.LlamaConfig(**GROUPED, **rope("llama3", 500000.0, factor=8.0, low_freq_factor=1.0,
                                             high_freq_factor=4.0, original_max_position_embeddings=8)),
    "llama-yarn": transformers.LlamaConfig(**GROUPED, **rope("yarn", factor=8.0, original_max_position_embeddings=8)),
    "llama-dynamic": transformers.LlamaConfig(**GROUPED, **rope("dynamic", factor=2.0)),
    "llama-bias": transformers.LlamaConfig(**GROUPED, attention_bias=True, mlp_bias=True),
    "mistral": transformers.MistralConfig(**GROUPED, sliding_window=5, head_dim=12),
    "qwen2-window": transformers.Qwen2Config(**DEEP, use_sliding_window=True, sliding_window=4, max_window_layers=1),
    "smollm3": transformers.SmolLM3Config(**DEEP, pad_token_id=0, no_rope_layers=[1, 0, 1]),
    "granite": transformers.GraniteConfig(**GROUPED, embedding_multiplier=3.0, logits_scaling=2.5,
                                          residual_multiplier=0.4, attention_multiplier=0.15),
    "olmo": transformers.OlmoConfig(**GROUPED, clip_qkv=0.5),
    "olmo2": transformers.Olmo2Config(**GROUPED),
    "olmo3": transformers.Olmo3Config(**DEEP, sliding_window=5, layer_types=MIXED, rope_parameters=dict(
        full_attention=dict(rope_type="yarn", rope_theta=500000.0, factor=8.0, original_max_position_embeddings=8),
        sliding_attention=dict(rope_type="default", rope_theta=500000.0))),
    "gemma": transformers.GemmaConfig(**GROUPED, head_dim=12),
    "gemma2": transformers.Gemma2Config(**DEEP, head_dim=12, sliding_window=5, query_pre_attn_scalar=10,
                                        attn_logit_softcapping=5.0, final_logit_softcapping=3.0),
    "gemma3_text": transformers.Gemma3TextConfig(**DEEP, head_dim=12, sliding_window=5, query_pre_attn_scalar=10,
                                                 layer_types=MIXED),
    "phi": transformers.PhiConfig(**GROUPED, partial_rotary_factor=0.5),
    "phi-norms": transformers.PhiConfig(**GROUPED, partial_rotary_factor=0.5, qk_layernorm=True),
    "phi3": transformers.Phi3Config(**GROUPED, sliding_window=7, pad_token_id=0),
    "phi3-longrope": transformers.Phi3Config(**GROUPED, pad_token_id=0, original_max_position_embeddings=16, **rope(
        "longrope", short_factor=[1.0, 1.5, 2.0, 3.0], long_factor=[2.0, 4.0, 6.0, 9.0],
        original_max_position_embeddings=16)),
    "stablelm": transformers.StableLmConfig(**GROUPED, partial_rotary_factor=0.25),
    "stablelm-parallel": transformers.StableLmConfig(**GROUPED, partial_rotary_factor=0.5, use_qkv_bias=True,
                                                     use_parallel_residual=True),
    "stablelm-norms": transformers.StableLmConfig(**GROUPED, qk_layernorm=True, use_parallel_residual=True,
                                                  partial_rotary_factor=0.25),
    "starcoder2": transformers.Starcoder2Config(**GROUPED, sliding_window=5),
    "gpt_neox": transformers.GPTNeoXConfig(**SIZE, rotary_pct=0.25),
    "gpt_neox-sequential": transformers.GPTNeoXConfig(**SIZE, rotary_pct=0.5, use_parallel_residual=False),
    "gptj": transformers.GPTJConfig(vocab_size=61, n_embd=32, n_layer=2, n_head=4, n_positions=32, rotary_dim=4,
                                    bos_token_id=1, eos_token_id=2),
    "gpt_neo": transformers.GPTNeoConfig(vocab_size=61, hidden_size=32, num_layers=2, num_heads=4,
                                         max_position_embeddings=32, attention_types=[[["global", "local"], 1]],
                                         window_size=5, bos_token_id=1, eos_token_id=2),
    "opt": transformers.OPTConfig(vocab_size=61, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
                                  ffn_dim=48, max_position_embeddings=32, word_embed_proj_dim=32, bos_token_id=1,
                                  eos_token_id=2, pad_token_id=0),
    "opt-stream": transformers.OPTConfig(vocab_size=61, hidden_size=32, num_hidden_layers=3, num_attention_heads=4,
                                         ffn_dim=48, max_position_embeddings=32, word_embed_proj_dim=20,
                                         do_layer_norm_before=False, bos_token_id=1, eos_token_id=2, pad_token_id=0),
    "opt-plain": transformers.OPTConfig(vocab_size=61, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
                                        ffn_dim=48, max_position_embeddings=32, word_embed_proj_dim=32,
                                        enable_bias=False, layer_norm_elementwise_affine=False,
                                        activation_function="gelu", bos_token_id=1, eos_token_id=2, pad_token_id=0),
    "bloom": transformers.BloomConfig(vocab_size=61, hidden_size=30, n_layer=2, n_head=6, bos_token_id=1,
                                      eos_token_id=2),
    "falcon": transformers.FalconConfig(vocab_size=61, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
                                        bos_token_id=1, eos_token_id=2),
    "falcon-new": transformers.FalconConfig(vocab_size=61, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
                                            num_kv_heads=2, new_decoder_architecture=True, bias=True, bos_token_id=1,
                                            eos_token_id=2),
    "falcon-alibi": transformers.FalconConfig(vocab_size=61, hidden_size=32, num_hidden_layers=2, multi_query=False,
                                              num_attention_heads=4, alibi=True, parallel_attn=False, bias=True,
                                              bos_token_id=1, eos_token_id=2),
    "mixtral": transformers.MixtralConfig(**GROUPED, num_local_experts=5, num_experts_per_tok=2),
    "mixtral-window": transformers.MixtralConfig(**GROUPED, num_local_experts=3, num_experts_per_tok=3,
                                                 sliding_window=5, head_dim=12),
    "qwen3_moe": transformers.Qwen3MoeConfig(**GROUPED, head_dim=12, num_experts=7, num_experts_per_tok=3,
                                             moe_intermediate_size=20, norm_topk_prob=True, tie_word_embeddings=True),
    "qwen3_moe-dense": transformers.Qwen3MoeConfig(**dict(DEEP, num_hidden_layers=4), head_dim=12, num_experts=4,
                                                   num_experts_per_tok=2, moe_intermediate_size=20,
                                                   norm_topk_prob=False, decoder_sparse_step=2, mlp_only_layers=[3],
                                                   attention_bias=True),
    "olmoe": transformers.OlmoeConfig(**GROUPED, num_experts=6, num_experts_per_tok=2),
    "olmoe-bound": transformers.OlmoeConfig(**GROUPED, num_experts=6, num_experts_per_tok=2, clip_qkv=0.5),
    "gpt_oss": transformers.GptOssConfig(**DEEP, head_dim=12, sliding_window=5, num_local_experts=5,
                                         num_experts_per_tok=2, pad_token_id=0, rope_parameters=dict(
        rope_type="yarn", rope_theta=10000.0, factor=8.0, original_max_position_embeddings=8, beta_fast=32.0,
        beta_slow=1.0, truncate=False)),
    "olmoe-normalized": transformers.OlmoeConfig(**GROUPED, num_experts=4, num_experts_per_tok=3, norm_topk_prob=True),
}
IDS = [1, 7, 60, 7, 33, 12, 0, 45, 7, 60, 19, 2, 28]


def fnv1a(name: str) -> int:
    """The FNV-1a hash of a tensor's name, 32 bits wide."""
    value = 0x811C9DC5
    for byte in name.encode():
        value = (value ^ byte) * 0x01000193 % 2**32
    return value


def weight(name: str, shape: list[int]) -> torch.Tensor:
    """A tensor's values: murmur's finaliser over name and place, from -1/2 to 1/2; a norm's weights stand around 1."""
    h = (numpy.arange(1, prod(shape) + 1, dtype=numpy.uint64) * 0x9E3779B1 + fnv1a(name)) % 2**32
    for shift, factor in (16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1):
        h = (h ^ (h >> shift)) * factor % 2**32
    values = (h >> 8).astype(numpy.float64) / 2**24 - 0.5
    is_norm = len(shape) == 1 and name.endswith("weight")
    return torch.tensor((values + is_norm).astype(numpy.float32).reshape(shape))


def model(config: transformers.PretrainedConfig) -> torch.nn.Module:
    """A model with the formula's weights."""
    return read(config)[0]


def read(config: transformers.PretrainedConfig) -> tuple[torch.nn.Module, dict, dict]:
    """A model with the formula's weights, its config.json, and the names and shapes of its tensors."""
    # Falcon's eager attention adds ALiBi a second time (transformers 5). It rounds slopes and distances to bf16, which
    # those of four heads and a short text are not changed by.
    attention = "sdpa" if getattr(config, "alibi", False) else "eager"
    config._attn_implementation = attention
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        written = json.loads((Path(folder) / "config.json").read_text())
        with safe_open(Path(folder) / "model.safetensors", "pt") as file:
            tensors = {name: list(file.get_slice(name).get_shape()) for name in file.keys()}
        # Read back from the file: some names there differ from the module's own.
        state = {name: weight(name, shape) for name, shape in tensors.items()}
        save_file(state, Path(folder) / "model.safetensors", metadata={"format": "pt"})
        model, report = transformers.AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, attn_implementation=attention, output_loading_info=True)
    if report["missing_keys"] or report["unexpected_keys"] or report["mismatched_keys"]:
        sys.exit(f"goldens.py: transformers did not read all of its file: {report}")
    return model.eval(), written, tensors


@torch.no_grad()
def golden(config: transformers.PretrainedConfig) -> dict:
    """What transformers computes with the formula's weights."""
    model, written, tensors = read(config)
    logits = model(torch.tensor([IDS])).logits[0]
    return {"config": written, "tensors": tensors, "ids": IDS, "logits": logits.tolist()}


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    folder, chosen = Path(sys.argv[1]), sys.argv[2:] or FAMILIES
    for family in chosen:
        if family not in FAMILIES:
            sys.exit(f"goldens.py: {family} is none of {', '.join(FAMILIES)}")
        made = golden(FAMILIES[family])
        rows = ",\n  ".join(json.dumps([float(f"{x:.9g}") for x in row]) for row in made.pop("logits"))
        text = json.dumps(made, indent=None, sort_keys=True)
        (folder / f"{family}.json").write_text(f'{text[:-1]},\n "logits": [\n  {rows}\n ]}}\n')
        print(f"{family}: {len(made['tensors'])} tensors")


if __name__ == "__main__":
    main()
