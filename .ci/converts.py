#!/usr/bin/env python3
"""What `lookback convert` writes, beside the programs that it is written for: llama.cpp and transformers.

  converts.py LOOKBACK SHARED PEERS [--full] [NAME ...]      LOOKBACK: the program; SHARED: the folder with models/, golden/, data/;
                                                             PEERS: that of the peers' models; needs Python packages numpy, torch,
                                                             transformers, safetensors, gguf, llama_cpp

1. stories260k as a GGUF file: the logits keep their bits, llama.cpp writes the expected text.
   What stands beside the weights: the padding token, sampling and chat templates, as gguf and transformers read them.
2. Each golden family that has a GGUF architecture, with a tokenizer of bytes: its file has the logits of its directory bit for bit, in
   this program and within rounding in llama.cpp, with the same greedy text; and as a directory again it has the same bits, and
   transformers the same greedy text.
3. A run trained here: llama.cpp writes the same greedy text.
4. SmolLM2 from its GGUF file to a directory that transformers runs, and from there to each type: llama.cpp's greedy text, and the loss.
5. Each tensor of every type beside llama_model_quantize: the same type, and a root mean square error at most 1 % larger.
With --full the perplexity of both files on wikitext, within 0.5 % of each other, as this program computes it.
"""
import ctypes, importlib.util, json, os, shutil, subprocess, sys, tempfile
from pathlib import Path

import gguf
import llama_cpp
import numpy as np
import torch
import transformers
from safetensors.numpy import load_file

spec = importlib.util.spec_from_file_location("families_gguf", Path(__file__).with_name("families_gguf.py"))
families = importlib.util.module_from_spec(spec)
spec.loader.exec_module(families)

# What llama.cpp says on its way.
SILENT = llama_cpp.llama_log_callback(lambda level, text, data: None)
llama_cpp.llama_log_set(SILENT, ctypes.c_void_p(0))
transformers.utils.logging.disable_progress_bar()

TYPES = dict(f16=1, bf16=32, q8_0=7, q6_k=18, q5_k_m=17, q5_1=9, q5_0=8, q4_k_m=15, q4_k_s=14, q4_1=3, q4_0=2)


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"converts.py: {' '.join(map(str, command))}: {done.stderr}")
    return done.stdout


def listed(ids):
    return ",".join(map(str, ids))


def ours(lookback, model, ids, count):
    """Its logits, and its greedy ids after the first eight."""
    with tempfile.TemporaryDirectory() as work:
        trace = Path(work) / "trace.safetensors"
        run(lookback, "look", model, "--ids", listed(ids), "--sites", "logits", "-o", trace)
        logits = load_file(trace)["logits"]
    text = json.loads(run(lookback, "generate", model, "--ids", listed(ids[:8]), "--greedy", "-n", count, "--json"))["ids"]
    return logits, text


def llama(file, **more):
    return llama_cpp.Llama(str(file), n_ctx=512, logits_all=True, verbose=False, type_k=0, type_v=0, flash_attn=False, n_threads=2, **more)


def greedy(model, ids, count, ends=()):
    model.reset()
    model.eval([int(id) for id in ids])
    text, gaps = [], []
    for _ in range(count):
        row = np.array(model.scores[model.n_tokens - 1])
        best = np.sort(row)[-2:]
        text.append(int(row.argmax())), gaps.append(best[1] - best[0])
        if text[-1] in ends:
            break
        model.eval(text[-1:])
    return text, gaps


def check_same(name, text, other, gaps, rounding):
    """Whether two greedy texts are one, or part where two tokens are nearer than rounding."""
    until = next((at for at, (a, b) in enumerate(zip(text, other)) if a != b), min(len(text), len(other)))
    if until < min(len(text), len(other)):
        assert gaps[until] < rounding, f"{name}: greedy token {until} is {text[until]} here and {other[until]} there, {gaps[until]:.4f} apart"
    return f"{until} of {len(text)} greedy tokens"


def stories(lookback, shared, work):
    folder, file = shared / "models/stories260k", work / "stories.gguf"
    told = run(lookback, "convert", folder, file)
    expected = load_file(folder / "expected.safetensors")
    ids = expected["input_ids"][0]
    a, text = ours(lookback, folder, ids, 64)
    b, again = ours(lookback, file, ids, 64)
    assert (a == b).all() and text == again, "stories260k: other bits from the file"
    model = llama(file)
    prompt = 'Once upon a time, the bird is red. The red bird said, "I am sad."'
    assert model.tokenize(prompt.encode()) == ids.tolist(), "stories260k: other ids in llama.cpp"
    theirs, gaps = greedy(model, ids[:8], 64)
    print(told.strip())
    print("stories260k:", check_same("stories260k", text, theirs, gaps, 1e-3))
    back = work / "stories"
    run(lookback, "convert", file, back)
    c, _ = ours(lookback, back, ids, 1)
    assert (a == c).all(), "stories260k: other bits after the way back"
    one, other = load_file(folder / "model.safetensors"), load_file(back / "model.safetensors")
    assert one.keys() == other.keys() and all((one[key] == other[key]).all() for key in one)
    tokenizer = transformers.AutoTokenizer.from_pretrained(back)
    assert tokenizer(prompt).input_ids == ids.tolist(), tokenizer(prompt).input_ids


def beside(lookback, shared, work):
    """The padding token, what is suggested about sampling, and named chat templates, as gguf and transformers read them."""
    folder, copy, file, back = (work / name for name in ("beside", "beside-copy", "beside.gguf", "beside-back"))
    shutil.copytree(shared / "models/stories260k", folder, copy_function=shutil.copyfile)
    folder.chmod(0o755)
    suggested = dict(do_sample=True, temperature=0.6, top_k=20, top_p=0.9, min_p=0.05, repetition_penalty=1.1, bos_token_id=1, eos_token_id=[1, 2])
    (folder / "generation_config.json").write_text(json.dumps(suggested))
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(dict(settings, pad_token="<unk>")))
    (folder / "additional_chat_templates").mkdir()
    (folder / "additional_chat_templates/tools.jinja").write_text("{{ tools }}")
    for source, out in [(folder, copy), (folder, file), (file, back)]:
        run(lookback, "convert", source, out)
    fields = gguf.GGUFReader(str(file)).fields
    keys = gguf.Keys.General
    found = {key: fields[key].contents() for key in (keys.SAMPLING_TEMP, keys.SAMPLING_TOP_K, keys.SAMPLING_TOP_P, keys.SAMPLING_MIN_P, keys.SAMPLING_PENALTY_REPEAT, keys.SAMPLING_PENALTY_LAST_N)}
    assert np.allclose(list(found.values()), [0.6, 20, 0.9, 0.05, 1.1, -1]), found
    assert fields[gguf.Keys.Tokenizer.PAD_ID].contents() == 0
    assert fields[gguf.Keys.Tokenizer.CHAT_TEMPLATE_N.format(name="tools")].contents() == "{{ tools }}"
    for out in (copy, back):
        config = transformers.GenerationConfig.from_pretrained(out).to_dict()
        for key, value in suggested.items():
            same = sorted(config[key]) == value if isinstance(value, list) else np.isclose(config[key], value)
            assert same, f"{out.name}: {key} is {config[key]}, not {value}"
        tokenizer = transformers.AutoTokenizer.from_pretrained(out)
        assert tokenizer.pad_token_id == 0 and tokenizer.chat_template["tools"] == "{{ tools }}", out.name
    print("padding, sampling and chat templates: the same in a copy, in a file as gguf reads it, and in a directory of it as transformers does")


def with_tokenizer(folder, to):
    """A copy of a golden with a tokenizer of bytes."""
    size = json.loads((folder / "config.json").read_text())["vocab_size"]
    shutil.copytree(folder, to)
    config = json.loads((to / "config.json").read_text())
    # A key of the class of transformers that is not among those of its files.
    config.pop("layer_norm_eps", None) if config["model_type"] == "olmo" else None
    (to / "config.json").write_text(json.dumps(config))
    pieces = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]
    pieces = (pieces + [f"▁t{i}" for i in range(max(0, size - len(pieces)))])[:size]
    special = [dict(id=i, content=p, special=True, normalized=False, single_word=False, lstrip=False, rstrip=False) for i, p in enumerate(pieces[:3])]
    replace = lambda a, b: dict(type="Replace", pattern=dict(String=a), content=b)
    tokenizer = dict(
        version="1.0", truncation=None, padding=None, added_tokens=special, normalizer=replace(" ", "▁"), pre_tokenizer=None, post_processor=None,
        decoder=dict(type="Sequence", decoders=[replace("▁", " "), dict(type="ByteFallback"), dict(type="Fuse")]),
        model=dict(type="BPE", dropout=None, unk_token="<unk>", fuse_unk=True, byte_fallback=True, vocab={p: i for i, p in enumerate(pieces)}, merges=[]))
    (to / "tokenizer.json").write_text(json.dumps(tokenizer))
    (to / "tokenizer_config.json").write_text(json.dumps(dict(tokenizer_class="PreTrainedTokenizerFast", bos_token="<s>", eos_token="</s>", unk_token="<unk>")))
    return to


@torch.no_grad()
def family(lookback, name, goldens, work):
    if name in families.VARIANTS:
        folder, ids, logits, _ = families.made(name, goldens, work)
    else:
        folder = goldens / name
        expected = load_file(folder / "expected.safetensors")
        ids, logits = expected["input_ids"][0], expected["logits"][0]
    folder = with_tokenizer(folder, work / f"{name}-model")
    file, back = work / f"{name}.gguf", work / f"{name}-back"
    done = subprocess.run([lookback, "convert", folder, file, "--json"], capture_output=True, text=True)
    if done.returncode:
        # What a file has no words for; the tests of `open` hold which goldens these are.
        assert done.returncode == 2 and not file.exists(), f"{name}: {done.stderr}"
        return print(f"{name}: refused: {done.stderr.strip()}")
    a, text = ours(lookback, folder, ids, 24)
    b, again = ours(lookback, file, ids, 24)
    assert (a == b).all() and text == again, f"{name}: other bits from the file, {np.abs(a - b).max():.1e} away"
    size = max(1, np.abs(a).max())
    c = json.loads((folder / "config.json").read_text())
    activation = c.get("hidden_activation") or c.get("hidden_act") or c.get("activation_function") or c.get("activation") or "gelu_new"
    rounding = families.TOLERANCES.get(activation, families.BOUND) * size
    theirs, other, rows = families.llama_cpp_says(file, ids, len(text))
    away = np.abs(b - theirs).max()
    assert away < rounding, f"{name}: llama.cpp's logits are {away / size:.1e} away"
    gaps = [np.diff(np.sort(row)[-2:])[0] for row in rows]
    same = check_same(name, text, other, gaps, 2 * rounding)
    run(lookback, "convert", file, back)
    d, _ = ours(lookback, back, ids, 1)
    # What Llama 3 does to rotary frequencies is a list in a GGUF file, and told again by its rule.
    exact = (a == d).all()
    assert exact or np.abs(a - d).max() < 1e-5 * size, f"{name}: other bits after the way back, {np.abs(a - d).max():.1e}"
    model = transformers.AutoModelForCausalLM.from_pretrained(back, dtype=torch.float32, attn_implementation="eager").eval()
    furthest = np.abs(model(torch.tensor(ids[None])).logits[0].numpy() - a).max() / size
    assert furthest < families.BOUND, f"{name}: transformers' logits of the directory are {furthest:.1e} away"
    print(f"{name}: {'the same bits' if exact else 'bits of its rule'} as a file and as a directory again; llama.cpp within {away / size:.1e}, {same}; transformers within {furthest:.1e}")


def trained(lookback, shared, work):
    text = work / "text.txt"
    text.write_text((shared / "data/tinyshakespeare.txt").read_text()[:200_000])
    for name, settings in [("char", ["--tokenizer", "char"]), ("bpe", ["--tokenizer", "bpe:512"])]:
        folder, file = work / f"run-{name}", work / f"run-{name}.gguf"
        run(lookback, "train", text, "--preset", "tiny", *settings, "--steps", 60, "--set", "validate_every=60", "--out", folder)
        run(lookback, "convert", folder, file)
        check_run(lookback, folder, file, "First Citizen:\nYou are", name)


def check_run(lookback, folder, file, prompt, name):
    model = llama(file)
    ids = json.loads(run(lookback, "tokenizer", "encode", "--tokenizer", folder, prompt, "--json"))["ids"]
    theirs = model.tokenize(prompt.encode(), special=True)
    assert ids == theirs, f"{name}: ids {ids} here, {theirs} in llama.cpp"
    text = json.loads(run(lookback, "generate", folder, "--ids", listed(ids), "--greedy", "-n", 48, "--json"))["ids"]
    other, gaps = greedy(model, ids, len(text))
    print(f"a run with {name}:", check_same(name, text, other, gaps, 1e-2))


def tensors(file):
    return {tensor.name: tensor for tensor in gguf.GGUFReader(str(file)).tensors}


def values(tensor):
    return gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float64)


def compare_types(lookback, whole, name, kind, work):
    """Tensors of a type beside those of llama_model_quantize, from the same file in f32."""
    mine, theirs = work / f"{name}-{kind}.gguf", work / f"{name}-{kind}-llama.gguf"
    if not mine.exists():
        run(lookback, "convert", whole, mine, "--type", kind)
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype, params.nthread = TYPES[kind], 2
    status = llama_cpp.llama_model_quantize(str(whole).encode(), str(theirs).encode(), ctypes.byref(params))
    assert status == 0, f"llama_model_quantize: {status}"
    a, b, exact = tensors(mine), tensors(theirs), tensors(whole)
    assert a.keys() == b.keys(), set(a) ^ set(b)
    worst, best, same = 0, 10, 0
    for key in a:
        assert a[key].tensor_type == b[key].tensor_type, f"{name} {kind}: {key} is {a[key].tensor_type.name}, {b[key].tensor_type.name} of llama.cpp"
        if np.array_equal(a[key].data, b[key].data):
            same += 1
            continue
        x = values(exact[key])
        own, other = (np.sqrt(np.mean((values(of[key]) - x) ** 2)) for of in (a, b))
        assert own <= 1.01 * other, f"{name} {kind}: {key} errs by {own:.3e}, {other:.3e} of llama.cpp"
        worst, best = max(worst, own / other), min(best, own / other)
    rest = f"; errors of the others {best:.4f} to {worst:.4f} of llama.cpp's" if same < len(a) else ""
    print(f"{name} {kind}: {len(a)} tensors of the same types, {same} with the same bytes{rest}", flush=True)
    return mine, theirs


def smollm2(lookback, shared, peers, work, full):
    source = peers / "smollm2-135m-instruct-q4_1.gguf"
    folder = work / "smollm2"
    run(lookback, "convert", source, folder)
    ids = json.loads(run(lookback, "tokenizer", "encode", "--tokenizer", source, "The capital of France is Paris. The capital of Italy", "--json"))["ids"]
    logits, text = ours(lookback, source, ids, 24)
    again, same = ours(lookback, folder, ids, 24)
    assert (logits == again).all() and text == same, "SmolLM2: other bits from its directory"
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    assert tokenizer("The capital of France is Paris. The capital of Italy").input_ids == ids
    chat = [dict(role="user", content="Hi")]
    assert "<|im_start|>user\nHi<|im_end|>" in tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.no_grad():
        theirs = model.generate(torch.tensor([ids[:8]]), do_sample=False, max_new_tokens=len(text), temperature=None, top_p=None, top_k=None)[0, 8:].tolist()
    assert theirs == text, f"SmolLM2: transformers writes {theirs}, not {text}"
    print("SmolLM2: its directory has the bits of its file, and transformers writes the same text")
    whole = work / "smollm2-f32.gguf"
    run(lookback, "convert", folder, whole, "--type", "f32")
    corpus = work / "wiki.txt"
    corpus.write_text((shared / "data/wikitext2-test.txt").read_text()[: None if full else 40_000])
    perplexity = lambda file: json.loads(run(lookback, "eval", file, corpus, "--compute", "bf16", "--json"))["perplexity"]
    before = perplexity(whole)
    print(f"SmolLM2 f32: perplexity {before:.3f}")
    for kind in TYPES:
        mine, theirs = compare_types(lookback, whole, "smollm2", kind, work)
        prompt = ids[:8]
        text = json.loads(run(lookback, "generate", mine, "--ids", listed(prompt), "--greedy", "-n", 16, "--json"))["ids"]
        other, gaps = greedy(llama(mine), prompt, len(text))
        own = perplexity(mine)
        line = f"SmolLM2 {kind}: {check_same(kind, text, other, gaps, 0.5)} in llama.cpp; perplexity {own:.3f}"
        if full:
            other = perplexity(theirs)
            line += f", {other:.3f} of llama.cpp's file"
            assert own < 1.005 * other, line
        print(line, flush=True)
        mine.unlink(), theirs.unlink()


def wide(lookback, work):
    """A random model whose rows are whole blocks of 256."""
    config = transformers.LlamaConfig(hidden_size=512, num_hidden_layers=9, num_attention_heads=8, num_key_value_heads=4, intermediate_size=1024, vocab_size=1024, tie_word_embeddings=False, bos_token_id=1, eos_token_id=2)
    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    with torch.no_grad():
        for parameter in model.parameters():
            # Heavier tails than a normal's, as trained weights have them.
            parameter.mul_(1 + parameter.abs() / 0.02)
    model.save_pretrained(work / "wide-plain")
    folder = with_tokenizer(work / "wide-plain", work / "wide")
    whole = work / "wide-f32.gguf"
    run(lookback, "convert", folder, whole)
    for kind in TYPES:
        compare_types(lookback, whole, "wide", kind, work)


def main(lookback, shared, peers, *rest):
    lookback, shared, peers = Path(lookback).resolve(), Path(shared), Path(peers)
    full, names = "--full" in rest, [name for name in rest if name != "--full"]
    goldens = shared / "golden"
    folders = sorted(path.parent for path in goldens.glob("*/expected.safetensors"))
    known = [folder.name for folder in folders] + [name for name in families.VARIANTS if name not in {folder.name for folder in folders}]
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        if not names:
            stories(lookback, shared, work)
            beside(lookback, shared, work)
            trained(lookback, shared, work)
            wide(lookback, work)
            smollm2(lookback, shared, peers, work, full)
        for name in names or known:
            if name in ("stories", "beside", "wide"):
                dict(stories=lambda: stories(lookback, shared, work), beside=lambda: beside(lookback, shared, work), wide=lambda: wide(lookback, work))[name]()
            elif name == "trained":
                trained(lookback, shared, work)
            elif name == "smollm2":
                smollm2(lookback, shared, peers, work, full)
            else:
                family(lookback, name, goldens, work)


if __name__ == "__main__":
    main(*sys.argv[1:])
