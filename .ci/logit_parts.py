"""The parts of `why` and the strongest neurons of `neurons`, beside what PyTorch hooks read (hooked.py), in f64.

A part is the product of what was written into the stream and the logit's direction: the unembedding's row times the last
norm's gain, over the norm's scale as it is at this token, centered under a layer norm. edits_hooks.py runs this.
"""
import json

import torch


def gain(norm):
    """Of an RMS norm of Gemma's, one more than the weight."""
    weight = norm.weight.detach().double()
    return weight + 1 if "Gemma" in type(norm).__name__ else weight


def frozen(norm, x):
    """The function that a norm is of a part of x, with the scale that x gives it, and without its bias."""
    is_centered = isinstance(norm, torch.nn.LayerNorm)
    center = lambda part: part - part.mean(-1, keepdim=True) if is_centered else part
    epsilon = next(getattr(norm, name) for name in ("variance_epsilon", "eps") if hasattr(norm, name))
    scale = (center(x).pow(2).mean() + epsilon) ** -0.5
    return lambda part: gain(norm) * center(part) * scale


def final_norm(model):
    return getattr(model.hooked.base, model.hooked.names["norm"])


def unembedding(model):
    return model.hooked.model.get_output_embeddings().weight.detach().double()


def down_rows(model, layer):
    """What each neuron writes, [neurons, width]; of a mixture those of one expert after the other."""
    hooked = model.hooked
    mlp = getattr(hooked.layers[layer], hooked.names["mlp"])
    if hooked.config.model_type == "mixtral":
        return mlp.experts.down_proj.detach().double().transpose(1, 2).flatten(0, 1)
    weight = getattr(mlp, hooked.names["down"]).weight.detach().double()
    return weight if hooked.config.model_type == "gpt2" else weight.T


def behind(model, layer, name, written):
    """What a norm behind attention or the MLP makes of a part of all that is written there."""
    norm = model.hooked.names.get(name)
    return frozen(getattr(model.hooked.layers[layer], norm), written) if norm else lambda part: part


def posts(model, seen, layer, token):
    """What leaves each neuron at a token, by its number among all; of a mixture of the experts that were chosen, weighted or not."""
    post = seen[f"blocks.{layer}.mlp.post"][token].double()
    if post.dim() == 1:
        return torch.arange(len(post)), post, post
    chosen = seen[f"blocks.{layer}.mlp.router_logits"][token].topk(post.shape[0]).indices.sort().values
    weights = seen[f"blocks.{layer}.mlp.expert_weights"][token].double()
    numbers = chosen[:, None] * post.shape[1] + torch.arange(post.shape[1])
    return numbers.flatten(), post.flatten(), (post * weights[:, None]).flatten()


def expected_parts(model, seen, token, target):
    """By kind, layer and head: each part's share of the logit; and the shares of neurons by layer."""
    hooked, layers = model.hooked, len(model.hooked.layers)
    at = lambda site: seen[site][token].double()
    norm = frozen(final_norm(model), at(f"blocks.{layers - 1}.resid_post"))
    row = unembedding(model)[target]
    share = lambda part: norm(part) @ row
    parts = {("embedding", None, None): share(at("embed"))}
    if "pos_embed" in seen:
        parts["position", None, None] = share(seen["pos_embed"][token].double())
    bias = getattr(final_norm(model), "bias", None)
    if bias is not None:
        parts["final_bias", None, None] = bias.detach().double() @ row
    neurons = []
    for layer in range(layers):
        results = at(f"blocks.{layer}.attn.result")
        project = getattr(getattr(hooked.layers[layer], hooked.names["attn"]), hooked.names["o"])
        after = behind(model, layer, "after_attn", results.sum(0))
        for head, result in enumerate(results):
            parts["head", layer, head] = share(after(result))
        if project.bias is not None:
            parts["attention_bias", layer, None] = share(project.bias.detach().double())
        parts["mlp", layer, None] = share(at(f"blocks.{layer}.mlp_out"))
        numbers, post, weighted = posts(model, seen, layer, token)
        written = weighted[:, None] * down_rows(model, layer)[numbers]
        after = behind(model, layer, "after_mlp", written.sum(0))
        shares = share(after(written))
        neurons.append(dict(zip(numbers.tolist(), zip(post.tolist(), shares.tolist()))))
    return parts, neurons


def compare_why(model, ids):
    """How many logits were taken apart, and the largest difference of a part, over the sum of absolute values."""
    hooked, farthest = model.hooked, 0.0
    seen = model.plain(ids)
    wanted = [(-1, None, None), (len(ids) // 2, 270, None), (-1, 265, 300)]
    for token, target, against in wanted:
        words = [] if target is None else ["--token", f"#{target}"]
        words += [] if against is None else ["--against", f"#{against}"]
        said = json.loads(model.call("why", model.folder, "--ids", ",".join(map(str, ids)), "--position", token, "--top", 0,
                                     "--neurons", 4, *words, "--json", "--quiet"))
        why = said["why"]
        # Negative positions count from the end on both sides.
        parts, neurons = expected_parts(model, seen, token, said["target"]["id"])
        if against is not None:
            other, other_neurons = expected_parts(model, seen, token, against)
            parts = {name: part - other[name] for name, part in parts.items()}
            neurons = [{number: (x, share - others[number][1]) for number, (x, share) in of.items()}
                       for of, others in zip(neurons, other_neurons)]
        told = {(part["kind"], part.get("layer"), part.get("head")): part["contribution"] for part in why["parts"]}
        assert told.keys() == parts.keys(), (model.folder, told.keys() ^ parts.keys())
        absolute = sum(abs(part) for part in parts.values())
        distances = [abs(told[name] - part) / absolute for name, part in parts.items()]
        before_cap = sum(parts.values())
        logit = before_cap
        cap = getattr(hooked.config, "final_logit_softcapping", None)
        if cap and against is None:
            logit = cap * torch.tanh(before_cap / cap)
        if not (cap and against is not None):
            distances.append(abs(why["logit"] - logit) / absolute)
        for layer in why["neurons"]:
            expected = neurons[layer["layer"]]
            strongest = sorted(expected.values(), key=lambda pair: -abs(pair[1]))[:4]
            for neuron, (_, share) in zip(layer["neurons"], strongest):
                post, own = expected[neuron["index"]]
                largest = max(abs(x) for x, _ in expected.values())
                distances += [abs(neuron["contribution"] - share) / absolute, abs(neuron["contribution"] - own) / absolute,
                              abs(neuron["post"] - post) / largest]
        farthest = max(farthest, *map(float, distances))
    return len(wanted), farthest


def compare_neurons(model):
    """How many neurons were compared, and the largest difference of an activation, over the layer's largest."""
    if model.tokenizer is None:
        return 0, 0.0
    said = json.loads(model.call("neurons", model.folder, "--sequences", 6, "--tokens", 24, "--json", "--quiet"))
    sequences = said["sequences"]
    passes = []
    for ids in sequences:
        model.hooked.run(ids)
        passes.append({site: x for site, x in model.hooked.seen.items() if ".mlp." in site})
    compared, farthest = 0, 0.0
    rows = unembedding(model) * gain(final_norm(model))
    for layer in said["layers"]:
        number = layer["layer"]
        # Of a mixture, 0 stands where an expert did not work.
        activations = torch.zeros(sum(map(len, sequences)), len(down_rows(model, number)), dtype=torch.float64)
        rows_of = [(seen, token) for seen, ids in zip(passes, sequences) for token in range(len(ids))]
        for place, (seen, token) in enumerate(rows_of):
            numbers, post, _ = posts(model, seen, number, token)
            activations[place, numbers] = post
        sizes = activations.abs().max(0).values.sort(descending=True).values
        for told, size in zip(layer["strongest"], sizes.tolist()):
            place = sum(map(len, sequences[: told["sequence"]])) + told["token"]
            x = float(activations[place, told["neuron"]])
            farthest = max(farthest, abs(told["activation"] - x) / float(sizes[0]), abs(abs(told["activation"]) - size) / float(sizes[0]))
            # What it raises where it is strongest: lowered, where it is negative there.
            effect = rows @ down_rows(model, number)[told["neuron"]] * (1 if x > 0 else -1)
            pushed = torch.stack([effect[told["up"]], effect.topk(len(told["up"])).values])
            lowered = torch.stack([-effect[told["down"]], (-effect).topk(len(told["down"])).values])
            farthest = max(farthest, *(float((a - b).abs().max() / effect.abs().max()) for a, b in (pushed, lowered)))
            compared += 1
    return compared, farthest
