#!/usr/bin/env python3
"""The goldens of each family that llama.cpp has, written as GGUF files: whether this program computes with them what
transformers computed with the directories, and llama.cpp likewise.

  families_gguf.py LOOKBACK GOLDENS [NAME ...]      LOOKBACK: the program; GOLDENS: the folder of golden models; needs
                                                    Python packages numpy, torch, transformers, safetensors, gguf; and
                                                    llama_cpp, if its tokens are to be compared

Names of tensors are the gguf package's own table; what llama.cpp's converter does to their values stands in `changed`,
which metadata it writes in `metadata`. What a GGUF file cannot say of a golden is changed before, and transformers asked
again (VARIANTS). llama.cpp keeps its keys and values in f32 here, without flash attention. What it computes otherwise than
transformers does stands in TOLERANCES; beyond that, the ten likeliest tokens have one order, and greedy texts are one.
"""
import json, subprocess, sys, tempfile
from pathlib import Path

import gguf
import numpy as np
import torch
import transformers
from safetensors.numpy import load_file

try:
    import llama_cpp
except ImportError:
    llama_cpp = None

# Of the logits, relative to the largest where that is above 1.
BOUND = 2e-4
# llama.cpp's GELU is a table of half floats, and of families whose GELU is exact it takes the approximation as well.
TOLERANCES = dict(gelu_new=1e-3, gelu_pytorch_tanh=1e-3, gelu=1e-3)
ARCHITECTURES = dict(
    gpt2="GPT2", llama="LLAMA", mistral="LLAMA", qwen2="QWEN2", qwen3="QWEN3", gemma="GEMMA", gemma2="GEMMA2", gemma3_text="GEMMA3", phi="PHI2", phi3="PHI3",
    olmo="OLMO", olmo2="OLMO2", olmo3="OLMO2", smollm3="SMOLLM3", granite="GRANITE", stablelm="STABLELM", starcoder2="STARCODER2", gpt_neox="GPTNEOX",
    bloom="BLOOM", falcon="FALCON", mixtral="LLAMA", qwen3_moe="QWEN3MOE", olmoe="OLMOE", gpt_oss="GPT_OSS")
# Models that are made here, by the golden whose configuration they have and what is changed in it. Of the same name as a golden
# are those of which a GGUF file cannot say all: llama.cpp has no window of Mistral and StarCoder2, one scale and one pattern of
# layers for a family, no grouped heads of OLMoE, and rounds YaRN's bounds.
LINEAR = {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000000.0}
VARIANTS = {
    "mistral-window": ("mistral-window", dict(sliding_window=None)),
    "starcoder2": ("starcoder2", dict(sliding_window=None)),
    "gemma2": ("gemma2", dict(query_pre_attn_scalar=24)),
    "gemma3": ("gemma3", dict(num_hidden_layers=7, layer_types=None)),
    "olmo3": ("olmo3", dict(num_hidden_layers=5, layer_types=None)),
    "smollm3": ("smollm3", dict(num_hidden_layers=5, layer_types=None, no_rope_layers=None)),
    "olmoe": ("olmoe", dict(num_key_value_heads=4)),
    "gpt-oss": ("gpt-oss", dict(rope_parameters=dict(rope_type="yarn", rope_theta=10000.0, factor=8.0, original_max_position_embeddings=16, truncate=True))),
    "gemma": ("gemma2", dict(model_type="gemma", architectures=["GemmaForCausalLM"], attn_logit_softcapping=None, final_logit_softcapping=None, query_pre_attn_scalar=None, layer_types=None, sliding_window=None)),
    "gemma3-linear": ("gemma3", dict(num_hidden_layers=7, layer_types=None, rope_parameters=dict(full_attention=LINEAR, sliding_attention=dict(rope_type="default", rope_theta=10000.0)))),
    "olmo3-yarn": ("olmo3", dict(num_hidden_layers=5, layer_types=None, rope_parameters=dict(
        full_attention=dict(rope_type="yarn", rope_theta=500000.0, factor=8.0, original_max_position_embeddings=16),
        sliding_attention=dict(rope_type="default", rope_theta=500000.0)))),
    "falcon-new": ("falcon", dict(new_decoder_architecture=True, num_kv_heads=2)),
    "gpt-neox-sequential": ("gpt-neox", dict(use_parallel_residual=False)),
    "olmo": ("llama", dict(model_type="olmo", architectures=["OlmoForCausalLM"], clip_qkv=1.5, rms_norm_eps=None, layer_norm_eps=1e-5)),
    "stablelm-norms": ("stablelm", dict(qk_layernorm=True, use_parallel_residual=True)),
    "stablelm-biased": ("stablelm", dict(use_qkv_bias=True)),
    "llama-biased": ("llama", dict(attention_bias=True)),
    "qwen3-moe-dense": ("qwen3-moe", dict(num_local_experts=6, norm_topk_prob=True, tie_word_embeddings=True)),
}
PERMUTED = {"llama", "olmo", "mistral", "granite", "smollm3", "mixtral"}


@torch.no_grad()
def made(name, goldens, work):
    """A random model of a variant, and what transformers computes with it: its folder, ids, logits and greedy ids."""
    golden, changes = VARIANTS[name]
    c = json.loads((goldens / golden / "config.json").read_text())
    for key, value in changes.items():
        c.pop(key, None)
        if value is not None or key == "sliding_window":
            c[key] = value
    config = transformers.AutoConfig.for_model(**c)
    torch.manual_seed(sum(name.encode()))
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32, attn_implementation="eager").eval()
    for key, p in model.named_parameters():
        is_norm = ("norm" in key or ".ln_" in key) and key.endswith("weight") and not c["model_type"].startswith("gemma")
        p.copy_(torch.randn_like(p) * (0.175 if p.dim() > 1 else 0.2) + (1.0 if is_norm else 0.0))
    ids = torch.randint(3, c["vocab_size"], (1, 24))
    greedy = model.generate(ids[:, :8], do_sample=False, max_new_tokens=32, eos_token_id=None, pad_token_id=0)
    folder = work / f"{name}-made"
    model.save_pretrained(folder)
    return folder, ids[0].numpy(), model(ids).logits[0].numpy(), greedy[0].numpy()


def permute(w, heads):
    """Dimension i of a head's second half goes behind dimension i of its first."""
    return w.reshape(heads, 2, w.shape[0] // heads // 2, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape)


def changed(name, w, c):
    """What the converter makes of a tensor."""
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
    if "query_key_value" in name and kind == "falcon" and c.get("new_decoder_architecture"):
        groups = c["num_kv_heads"]
        parts = w.reshape(groups, heads // groups + 2, width // heads, *w.shape[1:])
        parts = [parts[:, :-2], parts[:, -2:-1], parts[:, -1:]]
        w = np.concatenate([part.reshape(-1, *w.shape[1:]) for part in parts])
    if "query_key_value" in name and kind in ("gpt_neox", "bloom"):
        parts = w.reshape(heads, 3, width // heads, *w.shape[1:])
        w = np.concatenate([parts[:, part].reshape(-1, *w.shape[1:]) for part in range(3)])
    return w


def rope(out, c):
    theta, scaling = c.get("rope_theta"), c.get("rope_scaling") or {}
    parameters = c.get("rope_parameters") or {}
    local = parameters.get("sliding_attention")
    parameters = parameters.get("full_attention", parameters)
    theta, scaling = parameters.get("rope_theta", theta), {**scaling, **parameters}
    dim = c.get("head_dim") or c["hidden_size"] // c["num_attention_heads"]
    out.add_rope_dimension_count(int(dim * scaling.get("partial_rotary_factor", 1.0)))
    if theta:
        out.add_rope_freq_base(theta)
    if local:
        out.add_rope_freq_base_swa(local["rope_theta"])
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
    out.add_feed_forward_length(hidden)
    out.add_head_count(heads)
    is_new_falcon = c.get("new_decoder_architecture")
    groups = c.get("num_kv_heads") if is_new_falcon else 1 if c.get("multi_query") else c.get("num_key_value_heads")
    out.add_head_count_kv(groups or heads)
    epsilon = c.get("rms_norm_eps")
    if epsilon:
        out.add_layer_norm_rms_eps(epsilon)
    else:
        out.add_layer_norm_eps(c.get("layer_norm_eps") or c.get("layer_norm_epsilon") or c.get("norm_epsilon"))
    if c.get("head_dim"):
        out.add_key_length(c["head_dim"])
        out.add_value_length(c["head_dim"])
    if kind not in ("gpt2", "bloom"):
        rope(out, c)
    if c.get("sliding_window") and kind not in PERMUTED and c.get("use_sliding_window", True):
        out.add_sliding_window(c["sliding_window"])
    if kind in ("gpt_neox", "stablelm"):
        out.add_parallel_residual(c["use_parallel_residual"])
    if c.get("clip_qkv"):
        out.add_clamp_kqv(c["clip_qkv"])
    if kind == "granite":
        out.add_embedding_scale(c["embedding_multiplier"])
        out.add_residual_scale(c["residual_multiplier"])
        out.add_attention_scale(c["attention_multiplier"])
        out.add_logit_scale(c["logits_scaling"])
    if kind == "gemma2":
        out.add_attn_logit_softcapping(c["attn_logit_softcapping"])
        out.add_final_logit_softcapping(c["final_logit_softcapping"])
    experts = c.get("num_local_experts") or c.get("num_experts")
    if experts:
        out.add_expert_count(experts)
        out.add_expert_used_count(c["num_experts_per_tok"])
        if kind != "mixtral":
            out.add_expert_feed_forward_length(c.get("moe_intermediate_size") or hidden)


def vocabulary(out, size):
    pieces = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]
    out.add_tokenizer_model("llama")
    out.add_token_list(pieces + [f"▁t{i}" for i in range(size - len(pieces))])
    out.add_token_scores([-float(i) for i in range(size)])
    out.add_token_types([2, 3, 3] + [6] * 256 + [1] * (size - len(pieces)))
    out.add_bos_token_id(1), out.add_eos_token_id(2), out.add_unk_token_id(0)


def apart(state, c):
    """The same tensors with the two branches of gpt-oss's experts apart, as [experts, outputs, inner]."""
    for name, w in state.items():
        if ".experts.gate_up_proj" in name:
            before, is_bias = name.split("gate_up_proj")[0], name.endswith("bias")
            for branch, stem in enumerate(("gate_proj", "up_proj")):
                part = w[..., branch::2]
                yield f"{before}{stem}.{'bias' if is_bias else 'weight'}", part if is_bias else part.swapaxes(1, 2)
        elif name.endswith(".experts.down_proj"):
            yield f"{name}.weight", w.swapaxes(1, 2)
        elif name.endswith(".experts.down_proj_bias"):
            yield name.replace("_bias", ".bias"), w
        else:
            yield name, w


def write(folder, path, **split):
    c = json.loads((folder / "config.json").read_text())
    state = load_file(folder / "model.safetensors")
    arch = getattr(gguf.MODEL_ARCH, ARCHITECTURES[c["model_type"]])
    out = gguf.GGUFWriter(path, gguf.MODEL_ARCH_NAMES[arch], **split)
    metadata(out, c)
    vocabulary(out, c["vocab_size"])
    table = gguf.get_tensor_name_map(arch, c.get("num_hidden_layers") or c.get("n_layer"))
    # The table has names of Bloom's blocks as files had them that began with no `transformer.`.
    bare = (lambda name: name.removeprefix("transformer.")) if c["model_type"] == "bloom" else (lambda name: name)
    # Each of several tensors that are one stack there: matrices of experts, norms of heads.
    stacks = {}
    for name, w in apart(state, c):
        if ".norms." in name:
            before, rest = name.split(".norms.")
            number, part = rest.split(".", 1)
            stacks.setdefault(f"{before}.{part}", {})[int(number)] = w
            continue
        if ".experts." in name and name.split(".experts.")[1].split(".")[0].isdigit():
            before, rest = name.split(".experts.")
            number, part = rest.split(".", 1)
            stacks.setdefault(f"{before}.experts.{part}", {})[int(number)] = w
            continue
        theirs = table.get_name(bare(name), try_suffixes=(".weight", ".bias", ""))
        if name.endswith(".sinks"):
            theirs = theirs and theirs + ".weight"
        if theirs is None:
            sys.exit(f"families_gguf.py: the gguf package has no name for {name}")
        out.add_tensor(theirs, np.ascontiguousarray(changed(name, w, c).astype(np.float32)))
    for name, parts in stacks.items():
        theirs = table.get_name(name, try_suffixes=(".weight",))
        out.add_tensor(theirs, np.stack([parts[number] for number in sorted(parts)]).astype(np.float32))
    out.write_header_to_file(), out.write_kv_data_to_file(), out.write_tensors_to_file(), out.close()
    return c


def lookback_says(lookback, file, ids, count):
    """Its logits, and its greedy text after the first eight ids, until the end token if it comes."""
    listed = lambda ids: ",".join(map(str, ids))
    trace = file.with_suffix(".safetensors")
    look = [lookback, "look", file, "--ids", listed(ids), "--sites", "logits", "-o", trace]
    generate = [lookback, "generate", file, "--ids", listed(ids[:8]), "--greedy", "-n", str(count), "--json"]
    ran = [subprocess.run(command, capture_output=True, text=True) for command in (look, generate)]
    for one in ran:
        if one.returncode != 0:
            sys.exit(f"families_gguf.py: {file.name}: {one.stderr}")
    return load_file(trace)["logits"], json.loads(ran[1].stdout)["ids"]


def llama_cpp_says(file, ids, count):
    """The same of llama.cpp, the greedy text with the logits from which each of its tokens was taken."""
    f32 = 0
    model = llama_cpp.Llama(str(file), n_ctx=128, logits_all=True, verbose=False, type_k=f32, type_v=f32, flash_attn=False, n_threads=1)
    model.eval([int(id) for id in ids])
    logits = np.array(model.scores[: len(ids)])
    model.reset()
    model.eval([int(id) for id in ids[:8]])
    text, rows = [], []
    for _ in range(count):
        row = np.array(model.scores[model.n_tokens - 1])
        text.append(int(row.argmax())), rows.append(row)
        model.eval(text[-1:])
    return logits, text, rows


def check_order(name, ours, theirs, rounding):
    """Whether the ten likeliest tokens of each row stand in one order, but for those nearer to each other than rounding."""
    rows = 0
    for row, (a, b) in enumerate(zip(ours, theirs)):
        ten = np.unique(np.concatenate([np.argsort(-a)[:10], np.argsort(-b)[:10]]))
        gaps, others = a[ten][:, None] - a[ten][None], b[ten][:, None] - b[ten][None]
        assert not ((gaps > 2 * rounding) & (others < 0)).any(), f"{name}: the ten likeliest of row {row} are not those of llama.cpp"
        rows += list(np.argsort(-a)[:10]) == list(np.argsort(-b)[:10])
    return rows


def compare(lookback, name, goldens, work):
    if name in VARIANTS:
        folder, ids, logits, greedy = made(name, goldens, work)
    else:
        folder = goldens / name
        expected = load_file(folder / "expected.safetensors")
        ids, logits, greedy = expected["input_ids"][0], expected["logits"][0], expected["greedy"][0]
    file = work / f"{name}.gguf"
    c = write(folder, file)
    count = len(greedy) - 8
    size = max(1, np.abs(logits).max())
    ours, text = lookback_says(lookback, file, ids, count)
    furthest = np.abs(ours - logits).max() / size
    line = f"{name}: logits of the GGUF file within {furthest:.1e} of transformers'"
    assert furthest < BOUND, line
    count = len(text) if text[-1] == c["eos_token_id"] else count
    assert text == greedy[8:][:count].tolist(), f"{name}: the greedy text is {text}, not {greedy[8:]}"
    if llama_cpp is None:
        print(line)
        return
    theirs, other, rows = llama_cpp_says(file, ids, count)
    activation = c.get("hidden_activation") or c.get("hidden_act") or c.get("activation_function") or c.get("activation") or "gelu_new"
    rounding = TOLERANCES.get(activation, BOUND) * size
    away = np.abs(ours - theirs).max()
    assert away < rounding, f"{name}: llama.cpp's logits are {away / size:.1e} away"
    same = check_order(name, ours, theirs, rounding)
    until = next((at for at, (a, b) in enumerate(zip(text, other)) if a != b), count)
    if until < count:
        likeliest = rows[until][other[until]] - rows[until][text[until]]
        assert likeliest < 2 * rounding, f"{name}: greedy token {until} is {text[until]}, and {other[until]} of llama.cpp"
    print(f"{line}; llama.cpp's within {away / size:.1e}, its ten likeliest the same in {same} of {len(ours)} rows, {until} of {count} greedy tokens")


def compare_parts(lookback, folder, work):
    """Whether a file that the gguf package split has the logits of the whole one, whichever of its parts is named."""
    ids = load_file(folder / "expected.safetensors")["input_ids"][0]
    whole = work / "whole.gguf"
    write(folder, whole)
    write(folder, work / "split.gguf", split_max_tensors=7, small_first_shard=True)
    parts = sorted(work.glob("split-*-of-*.gguf"))
    assert len(parts) > 2
    wanted, _ = lookback_says(lookback, whole, ids, 1)
    for part in parts:
        assert (lookback_says(lookback, part, ids, 1)[0] == wanted).all(), part.name
    if llama_cpp is not None:
        theirs, _, _ = llama_cpp_says(parts[0], ids, 1)
        assert np.abs(theirs - wanted).max() < BOUND * max(1, np.abs(wanted).max())
    print(f"a file in {len(parts)} parts has the logits of the whole one, by whichever part it is opened")


def main(lookback, goldens, *names):
    goldens = Path(goldens)
    kind = lambda folder: json.loads((folder / "config.json").read_text())["model_type"]
    folders = sorted(path.parent for path in goldens.glob("*/expected.safetensors"))
    known = {folder.name for folder in folders if kind(folder) in ARCHITECTURES} | set(VARIANTS)
    with tempfile.TemporaryDirectory() as work:
        for name in names or sorted(known):
            compare(lookback, name, goldens, Path(work))
        if not names:
            compare_parts(lookback, goldens / "llama", Path(work))
    if llama_cpp is None:
        print("families_gguf.py: llama_cpp is not installed, so nothing was compared with llama.cpp")


if __name__ == "__main__":
    main(*sys.argv[1:])
