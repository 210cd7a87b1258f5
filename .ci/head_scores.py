"""Compares `lookback heads` with TransformerLens's head_detector, on patterns that transformers computes from the
same weights; and copying and composition with numpy, from the raw weights.

python .ci/head_scores.py LOOKBACK MODEL... (directories that transformers loads; needs transformer_lens)
"""

import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from transformer_lens import head_detector as detector
from transformers import AutoModelForCausalLM

BOUND = 1e-4
KINDS = {
    "previous_token": detector.get_previous_token_head_detection_pattern,
    "duplicate_token": detector.get_duplicate_token_head_detection_pattern,
    "induction": detector.get_induction_head_detection_pattern,
}


def detected(model, sequences, kind):
    """The mean score of every head over sequences, [layers, heads]."""
    scores = []
    for ids in sequences:
        tokens = torch.tensor([ids])
        with torch.no_grad():
            attentions = model(tokens, output_attentions=True).attentions
        places = KINDS[kind](tokens)
        score = detector.compute_head_attention_similarity_score
        options = dict(exclude_bos=False, exclude_current_token=False, error_measure="mul")
        scores.append([[score(head, places, **options) for head in layer[0]] for layer in attentions])
    return np.mean(scores, axis=0)


def circuits(model):
    """W_Q, W_K, W_V as [heads, head_dim, width] and W_O as [heads, width, head_dim], of each layer; f64."""
    config = model.config
    heads, keys = config.num_attention_heads, getattr(config, "num_key_value_heads", None)
    keys = keys or heads
    weights = {name: value.double().numpy() for name, value in model.state_dict().items()}
    layers = []
    for layer in range(config.num_hidden_layers):
        if f"transformer.h.{layer}.attn.c_attn.weight" in weights:
            q, k, v = np.split(weights[f"transformer.h.{layer}.attn.c_attn.weight"].T, 3)
            o = weights[f"transformer.h.{layer}.attn.c_proj.weight"].T
        else:
            at = f"model.layers.{layer}.self_attn"
            q, k, v, o = (weights[f"{at}.{name}_proj.weight"] for name in "qkvo")
        width = q.shape[1]
        split = lambda matrix, count: matrix.reshape(count, -1, width)
        shared = lambda matrix: np.repeat(split(matrix, keys), heads // keys, axis=0)
        o = o.reshape(width, heads, -1).transpose(1, 0, 2)
        layers.append((split(q, heads), shared(k), shared(v), o))
    embed = model.get_input_embeddings().weight.detach().double().numpy()
    unembed = model.get_output_embeddings().weight.detach().double().numpy()
    return layers, embed, unembed


def repeated_texts(folder):
    """Where texts can be read, random words that come again and again, a line each."""
    if not (Path(folder) / "tokenizer.json").exists():
        return None
    drawn, lines = random.Random(4747), []
    for _ in range(64):
        words = drawn.sample("cat dog ball sun tree house red big small bird park day girl boy car box fish".split(), 11)
        lines.append(json.dumps({"text": " ".join(words * 4)}))
    file = tempfile.NamedTemporaryFile("w", suffix=".jsonl")
    file.write("\n".join(lines))
    file.flush()
    return file


def compare_repeated(program, folder, model):
    """Scores of the three kinds on many longer sequences, and the largest difference."""
    texts = repeated_texts(folder)
    command = [program, "heads", folder, *([texts.name] if texts else []), "--sequences", "64", "--tokens", "96", "--json"]
    ours = json.loads(subprocess.check_output(command))
    farthest, highest = 0.0, 0.0
    sets = [(kind, kind, ours["sequences"]) for kind in KINDS] + [("repeated_induction", "induction", ours["repeated"])]
    for name, kind, sequences in sets:
        theirs = detected(model, sequences, kind)
        highest = max(highest, theirs.max())
        for head in ours["heads"]:
            farthest = max(farthest, abs(head[name] - theirs[head["layer"], head["head"]]))
    return farthest, len(ours["sequences"]), len(ours["repeated"]), highest


def main():
    program, models = sys.argv[1], sys.argv[2:]
    for folder in models:
        command = [program, "heads", folder, "--sequences", "8", "--tokens", "32", "--raw", "--json"]
        ours = json.loads(subprocess.check_output(command + ["--composition", "1000000"]))
        model = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").float().eval()
        layers, embed, unembed = circuits(model)
        heads = layers[0][0].shape[0]
        farthest = 0.0
        for kind in KINDS:
            theirs = detected(model, ours["sequences"], kind)
            for head in ours["heads"]:
                farthest = max(farthest, abs(head[kind] - theirs[head["layer"], head["head"]]))
        repeated = detected(model, ours["repeated"], "induction")
        both = embed.T @ unembed
        for head in ours["heads"]:
            layer, index = head["layer"], head["head"]
            farthest = max(farthest, abs(head["repeated_induction"] - repeated[layer, index]))
            _, _, v, o = layers[layer]
            eigenvalues = np.linalg.eigvals(v[index] @ both @ o[index])
            copying = eigenvalues.real.sum() / np.abs(eigenvalues).sum()
            farthest = max(farthest, abs(head["copying"] - copying))
        for pair in ours["composition"][:: max(1, len(ours["composition"]) // 200)]:
            (wl, wh), (rl, rh) = pair["writes"], pair["reads"]
            written = layers[wl][3][wh] @ layers[wl][2][wh]
            q, k, v, o = (matrix[rh] for matrix in layers[rl])
            reads = {"query": k.T @ q, "key": q.T @ k, "value": o @ v}[pair["kind"]]
            norm = np.linalg.norm
            score = norm(reads @ written) / (norm(reads) * norm(written))
            farthest = max(farthest, abs(score - pair["score"]))
        print(f"{folder}: {len(layers)} layers of {heads} heads, within {farthest:.1e}")
        farthest, texts, repeated, highest = compare_repeated(program, folder, model)
        print(f"{folder}: {texts} texts and {repeated} repeated sequences, within {farthest:.1e}; the highest score is {highest:.2f}")
        assert farthest < BOUND, farthest


main()
