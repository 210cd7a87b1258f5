#!/usr/bin/env python3
"""The goldens of each family that llama.cpp has, written as GGUF files: whether this program computes with them what
transformers computed with the directories, and llama.cpp likewise.

  families_gguf.py LOOKBACK GOLDENS [NAME ...]      LOOKBACK: the program; GOLDENS: the folder of golden models; needs
                                                    Python packages numpy, safetensors, gguf; llama_cpp as well, if its
                                                    likeliest tokens and greedy ids are to be compared

Names of tensors are the gguf package's own table; what its converter does to their values stands in `changed`.
"""
import json, subprocess, sys, tempfile
from pathlib import Path

import gguf
import numpy as np
from safetensors.numpy import load_file

BOUND = 2e-4
ARCHITECTURES = dict(
    gpt2="GPT2", llama="LLAMA", mistral="LLAMA", qwen2="QWEN2", qwen3="QWEN3", gemma2="GEMMA2", gemma3_text="GEMMA3", phi="PHI2", phi3="PHI3",
    olmo2="OLMO2", olmo3="OLMO2", smollm3="SMOLLM3", granite="GRANITE", stablelm="STABLELM", starcoder2="STARCODER2", gpt_neox="GPTNEOX",
    bloom="BLOOM", falcon="FALCON", mixtral="LLAMA", qwen3_moe="QWEN3MOE", olmoe="OLMOE", gpt_oss="GPT_OSS")
# What these files cannot say: windows of Mistral, other scales than a head's width, layers that are not every fourth or sixth.
UNSAYABLE = {"mistral-window", "gemma2", "gemma3", "smollm3", "olmo3"}
PERMUTED = {"llama", "mistral", "granite", "smollm3", "mixtral"}


def permute(w, heads):
    """Dimension i of a head's second half goes behind dimension i of its first."""
    return w.reshape(heads, 2, w.shape[0] // heads // 2, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape)


def changed(name, w, c):
    """What the converter makes of a tensor, as (stem, values) pairs."""
    kind, heads = c["model_type"], c.get("num_attention_heads") or c.get("n_head")
    keys = c.get("num_key_value_heads") or heads
    width = c.get("hidden_size") or c.get("n_embd")
    if kind == "gpt2" and name.endswith((".c_attn.weight", ".c_proj.weight", ".c_fc.weight")):
        w = w.T
    if kind in PERMUTED and ".q_proj." in name:
        w = permute(w, heads)
    if kind in PERMUTED and ".k_proj." in name:
        w = permute(w, keys)
    if kind.startswith("gemma") and name.endswith("norm.weight"):
        w = w + 1
    if "query_key_value" in name and kind in ("gpt_neox", "bloom"):
        parts = w.reshape(heads, 3, width // heads, *w.shape[1:])
        w = np.concatenate([parts[:, part].reshape(-1, *w.shape[1:]) for part in range(3)])
    return w


def rope(out, c, arch):
    theta, scaling = c.get("rope_theta"), c.get("rope_scaling") or {}
    parameters = c.get("rope_parameters") or {}
    parameters = parameters.get("full_attention", parameters)
    theta, scaling = parameters.get("rope_theta", theta), {**scaling, **parameters}
    heads = c["num_attention_heads"]
    dim = c.get("head_dim") or c["hidden_size"] // heads
    out.add_rope_dimension_count(int(dim * scaling.get("partial_rotary_factor", 1.0)))
    if theta:
        out.add_rope_freq_base(theta)
    kind = scaling.get("rope_type", "default")
    if kind == "linear":
        out.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        out.add_rope_scaling_factor(scaling["factor"])
    if kind == "yarn":
        out.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        out.add_rope_scaling_factor(scaling["factor"])
        out.add_rope_scaling_orig_ctx_len(scaling["original_max_position_embeddings"])
    if kind == "llama3":
        speeds = 1 / theta ** (np.arange(0, dim, 2, dtype=np.float32) / dim)
        low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
        original, factor = scaling["original_max_position_embeddings"], scaling["factor"]
        length = 2 * np.pi / speeds
        smooth = (original / length - low) / (high - low)
        between = 1 / ((1 - smooth) / factor + smooth)
        factors = np.where(length < original / high, 1, np.where(length > original / low, factor, between))
        out.add_tensor("rope_freqs.weight", factors.astype(np.float32))


def metadata(out, c):
    kind = c["model_type"]
    heads = c.get("num_attention_heads") or c.get("n_head")
    width = c.get("hidden_size") or c.get("n_embd")
    hidden = c.get("ffn_hidden_size") or c.get("intermediate_size") or c.get("n_inner") or 4 * width
    out.add_context_length(c.get("max_position_embeddings") or c.get("n_positions") or 128)
    out.add_embedding_length(width)
    out.add_block_count(c.get("num_hidden_layers") or c.get("n_layer"))
    out.add_feed_forward_length(c.get("moe_intermediate_size") or hidden)
    out.add_head_count(heads)
    out.add_head_count_kv(1 if c.get("multi_query") else c.get("num_key_value_heads") or heads)
    epsilon = c.get("rms_norm_eps")
    if epsilon:
        out.add_layer_norm_rms_eps(epsilon)
    else:
        out.add_layer_norm_eps(c.get("layer_norm_eps") or c.get("layer_norm_epsilon") or c.get("norm_epsilon"))
    if c.get("head_dim"):
        out.add_key_length(c["head_dim"])
        out.add_value_length(c["head_dim"])
    if kind not in ("gpt2", "bloom"):
        rope(out, c, kind)
    if c.get("sliding_window") and kind not in PERMUTED:
        out.add_sliding_window(c["sliding_window"])
    if kind == "gpt_neox":
        out.add_parallel_residual(c["use_parallel_residual"])
    if kind == "granite":
        out.add_embedding_scale(c["embedding_multiplier"])
        out.add_residual_scale(c["residual_multiplier"])
        out.add_attention_scale(c["attention_multiplier"])
        out.add_logit_scale(c["logits_scaling"])
    if "gemma2" == kind:
        out.add_attn_logit_softcapping(c["attn_logit_softcapping"])
        out.add_final_logit_softcapping(c["final_logit_softcapping"])
    experts = c.get("num_local_experts") or c.get("num_experts")
    if experts:
        out.add_expert_count(experts)
        out.add_expert_used_count(c["num_experts_per_tok"])
        if c.get("moe_intermediate_size"):
            out.add_expert_feed_forward_length(c["moe_intermediate_size"])


def write(folder, path):
    c = json.loads((folder / "config.json").read_text())
    state = load_file(folder / "model.safetensors")
    arch = getattr(gguf.MODEL_ARCH, ARCHITECTURES[c["model_type"]])
    out = gguf.GGUFWriter(path, gguf.MODEL_ARCH_NAMES[arch])
    metadata(out, c)
    vocabulary = c["vocab_size"]
    pieces = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]
    out.add_tokenizer_model("llama")
    out.add_token_list(pieces + [f"▁t{i}" for i in range(vocabulary - len(pieces))])
    out.add_token_scores([-float(i) for i in range(vocabulary)])
    out.add_token_types([2, 3, 3] + [6] * 256 + [1] * (vocabulary - len(pieces)))
    out.add_bos_token_id(1), out.add_eos_token_id(2), out.add_unk_token_id(0)
    table = gguf.get_tensor_name_map(arch, c.get("num_hidden_layers") or c.get("n_layer"))
    experts = {}
    for name, w in state.items():
        if ".experts." in name and name.split(".experts.")[1].split(".")[0].isdigit():
            before, rest = name.split(".experts.")
            number, part = rest.split(".", 1)
            experts.setdefault(f"{before}.experts.{part}", {})[int(number)] = w
            continue
        theirs = table.get_name(name, try_suffixes=(".weight", ".bias"))
        if theirs is None:
            sys.exit(f"families_gguf.py: the gguf package has no name for {name}")
        out.add_tensor(theirs, np.ascontiguousarray(changed(name, w, c).astype(np.float32)))
    for name, parts in experts.items():
        theirs = table.get_name(name, try_suffixes=(".weight",))
        out.add_tensor(theirs, np.stack([parts[number] for number in sorted(parts)]).astype(np.float32))
    out.write_header_to_file(), out.write_kv_data_to_file(), out.write_tensors_to_file(), out.close()


def compare(lookback, folder, work):
    file, trace = work / f"{folder.name}.gguf", work / f"{folder.name}.safetensors"
    write(folder, file)
    expected = load_file(folder / "expected.safetensors")
    ids, logits = expected["input_ids"][0], expected["logits"][0]
    command = [lookback, "look", file, "--ids", ",".join(map(str, ids)), "--sites", "logits", "-o", trace]
    ran = subprocess.run(command, capture_output=True, text=True)
    if ran.returncode != 0:
        sys.exit(f"families_gguf.py: {folder.name}: {ran.stderr}")
    ours = load_file(trace)["logits"]
    furthest = np.abs(ours - logits).max() / max(1, np.abs(logits).max())
    line = f"{folder.name}: logits of the GGUF file within {furthest:.1e} of transformers'"
    assert furthest < BOUND, line
    try:
        import llama_cpp
    except ImportError:
        print(line)
        return
    model = llama_cpp.Llama(str(file), n_ctx=128, logits_all=True, verbose=False)
    model.eval(ids.tolist())
    theirs = np.array(model.scores[: len(ids)])
    for row, (a, b) in enumerate(zip(ours, theirs)):
        assert set(np.argsort(-a)[:10]) == set(np.argsort(-b)[:10]), f"{folder.name}: the ten likeliest of row {row} differ from llama.cpp's"
    print(f"{line}; llama.cpp's are within {np.abs(ours - theirs).max() / max(1, np.abs(logits).max()):.1e}")


def main(lookback, goldens, *names):
    folders = sorted(Path(goldens).glob("*/config.json"))
    with tempfile.TemporaryDirectory() as work:
        for folder in (path.parent for path in folders):
            kind = json.loads((folder / "config.json").read_text())["model_type"]
            if kind not in ARCHITECTURES or folder.name in UNSAYABLE or names and folder.name not in names:
                continue
            compare(lookback, folder, Path(work))


if __name__ == "__main__":
    main(*sys.argv[1:])
