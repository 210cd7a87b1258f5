"""transformers' models in f32 with eager attention, in which what stands at lookback's sites is read and changed by
PyTorch hooks. Knows the families of FAMILIES and no edit; edits_hooks.py has those.

A site has lookback's name and shape: x, [tokens, ...], without a batch.
"""
import sys

import torch
from torch.nn import functional
from transformers import AutoModelForCausalLM

GATED = dict(base="model", layers="layers", embed="embed_tokens", norm="norm", ln1="input_layernorm", attn="self_attn", qkv=("q_proj", "k_proj", "v_proj"),
             o="o_proj", ln2="post_attention_layernorm", mlp="mlp", pre="gate_proj", linear="up_proj", down="down_proj")
FAMILIES = dict(
    llama=GATED,
    mixtral=GATED,
    gemma2=GATED | dict(ln2="pre_feedforward_layernorm", after_attn="post_attention_layernorm", after_mlp="post_feedforward_layernorm"),
    gpt2=dict(base="transformer", layers="h", embed="wte", position="wpe", norm="ln_f", ln1="ln_1", attn="attn", qkv="c_attn", o="c_proj", ln2="ln_2", mlp="mlp",
              pre="c_fc", down="c_proj"),
    gpt_neox=dict(base="gpt_neox", layers="layers", embed="embed_in", norm="final_layer_norm", ln1="input_layernorm", attn="attention", qkv="query_key_value",
                  o="dense", ln2="post_attention_layernorm", mlp="mlp", pre="dense_h_to_4h", down="dense_4h_to_h"),
)


class Hooked:
    """A model whose `run` takes {site: [function of x that gives what stands there then]}, and keeps all sites in `seen`."""

    def __init__(self, folder):
        options = dict(attn_implementation="eager", dtype=torch.float32)
        self.model = AutoModelForCausalLM.from_pretrained(folder, **options).eval()
        self.config = c = self.model.config
        self.names = names = FAMILIES[c.model_type]
        self.base = getattr(self.model, names["base"])
        self.layers = getattr(self.base, names["layers"])
        self.heads = c.num_attention_heads
        self.key_heads = getattr(c, "num_key_value_heads", None) or self.heads
        self.changes, self.seen, self.attending, self.wants_results, self.variant = {}, {}, None, False, None
        ids = torch.tensor([[5, 7, 9, 5, 7, 11]])
        with torch.inference_mode():
            before = self.model(ids).logits
        self.hook()
        # Hooks that change nothing, and the experts as they are written below, compute the same.
        torch.testing.assert_close(self.run(ids[0].tolist()), before[0], rtol=1e-5, atol=1e-5)

    @torch.no_grad()
    def run(self, ids, changes={}, wants_results=False, variant=None):
        """The logits, [tokens, vocabulary]. A variant is one of no-mask, no-scale, no-position, uniform-attention, plain-attention."""
        return self.forward(ids, changes, wants_results, variant)

    def in_double(self, ids, changes, variant):
        """What is seen at sites where the same pass is computed in float64."""
        self.model.double()
        # Norms and softmax name float32 themselves.
        single, torch.float32 = torch.float32, torch.float64
        try:
            self.run(ids, changes, variant=variant)
            return self.seen
        finally:
            torch.float32 = single
            self.model.float()

    def forward(self, ids, changes={}, wants_results=False, variant=None):
        """The same, for gradients."""
        self.changes, self.seen, self.wants_results, self.variant = changes, {}, wants_results, variant
        logits = self.model(torch.tensor([ids]), use_cache=False).logits[0]
        return self.at("logits", logits)

    def at(self, site, x):
        for change in self.changes.get(site, []):
            x = change(x.clone())
        self.seen[site] = x
        return x

    def output(self, module, site, shape=(-1,)):
        """What a module gives is a site; of a tuple, the first."""

        def hook(module, inputs, output):
            first = output[0] if isinstance(output, tuple) else output
            rows = self.at(site, first.reshape(-1, first.shape[-1]).unflatten(-1, shape)).reshape(first.shape)
            return (rows, *output[1:]) if isinstance(output, tuple) else rows

        module.register_forward_hook(hook)

    def input(self, module, site, shape=(-1,), in_place=False):
        """What a module reads is a site; in place, also for those who read it after it."""

        def hook(module, inputs):
            first = inputs[0]
            rows = self.at(site, first.reshape(-1, first.shape[-1]).unflatten(-1, shape)).reshape(first.shape)
            if in_place:
                first.copy_(rows)
            return None if in_place else (rows, *inputs[1:])

        module.register_forward_pre_hook(hook)

    def hook(self):
        names = self.names
        self.output(getattr(self.base, names["embed"]), "embed")
        if "position" in names:
            position = getattr(self.base, names["position"])
            position.register_forward_hook(lambda module, inputs, output: 0 * output if self.variant == "no-position" else None)
            self.output(position, "pos_embed")
        for number, layer in enumerate(self.layers):
            at = f"blocks.{number}."
            attention, mlp = getattr(layer, names["attn"]), getattr(layer, names["mlp"])
            self.input(layer, at + "resid_pre")
            self.output(getattr(layer, names["ln1"]), at + "ln1")
            self.hook_attention(attention, number)
            self.output(getattr(layer, names["after_attn"]) if "after_attn" in names else attention, at + "attn_out")
            if getattr(self.config, "use_parallel_residual", False):
                self.hook_parallel_sum(layer, attention, at + "resid_mid")
            else:
                self.input(getattr(layer, names["ln2"]), at + "resid_mid", in_place=True)
            self.output(getattr(layer, names["ln2"]), at + "ln2")
            if self.config.model_type == "mixtral":
                self.hook_experts(mlp, at + "mlp.")
            else:
                self.output(getattr(mlp, names["pre"]), at + "mlp.pre")
                if "linear" in names:
                    self.output(getattr(mlp, names["linear"]), at + "mlp.pre_linear")
                self.input(getattr(mlp, names["down"]), at + "mlp.post")
            self.output(getattr(layer, names["after_mlp"]) if "after_mlp" in names else mlp, at + "mlp_out")
            self.output(layer, at + "resid_post")
        self.output(getattr(self.base, names["norm"]), "ln_final")
        self.hook_softmax()

    def hook_parallel_sum(self, layer, attention, site):
        """Only the sum that leaves the block reads the stream after attention, so it is changed through attention's output."""
        layer.register_forward_pre_hook(lambda module, inputs: setattr(self, "stream", inputs[0]))

        def hook(module, inputs, output):
            middle = self.stream[0] + output[0][0]
            changed = self.at(site, middle)
            return output if changed is middle else ((changed - self.stream[0])[None], *output[1:])

        attention.register_forward_hook(hook)

    def hook_attention(self, attention, number):
        at, names = f"blocks.{number}.attn.", self.names
        project = getattr(attention, names["o"])
        if isinstance(names["qkv"], tuple):
            for name, site, heads in zip(names["qkv"], "qkv", (self.heads, self.key_heads, self.key_heads)):
                self.output(getattr(attention, name), at + site, (heads, -1))
        else:
            # GPT-2 has all queries, then all keys, then all values; GPT-NeoX those of each head together.
            is_by_head = self.config.model_type == "gpt_neox"

            def hook(module, inputs, output):
                rows = output[0].unflatten(-1, (self.heads, 3, -1) if is_by_head else (3, self.heads, -1))
                parts = [self.at(at + site, part) for site, part in zip("qkv", rows.unbind(-2 if is_by_head else -3))]
                return torch.stack(parts, -2 if is_by_head else -3).reshape(output.shape)

            getattr(attention, names["qkv"]).register_forward_hook(hook)
        self.input(project, at + "z", (self.heads, -1))

        def hook_result(module, inputs, output):
            site = at + "result"
            if not (self.wants_results or site in self.changes):
                return None
            z = inputs[0][0].unflatten(-1, (self.heads, -1))
            result = torch.einsum("thd,hdw->thw", z, self.output_weight(number).unflatten(0, (self.heads, -1)))
            changed = self.at(site, result)
            is_changed = (changed != result).flatten(1).any(1)[None, :, None]
            bias = 0 if module.bias is None else module.bias
            return torch.where(is_changed, changed.sum(1)[None] + bias, output)

        project.register_forward_hook(hook_result)
        attention.register_forward_pre_hook(lambda *_: setattr(self, "attending", number))
        attention.register_forward_hook(lambda *_: setattr(self, "attending", None))

    def output_weight(self, number):
        """[heads * head_dim, width]"""
        weight = getattr(getattr(self.layers[number], self.names["attn"]), self.names["o"]).weight
        return weight if self.config.model_type == "gpt2" else weight.T

    def hook_softmax(self):
        """Rotated queries and keys, scores and weights stand in a function of the family's file, not in modules."""
        file = sys.modules[type(self.model).__module__]
        eager, softmax = file.eager_attention_forward, functional.softmax

        def attend(module, query, key, value, mask, **options):
            at = f"blocks.{self.attending}.attn."
            by_heads = lambda x: x.transpose(0, 1)[None]
            groups = getattr(module, "num_key_value_groups", 1)
            if self.variant == "no-position":
                query, key = by_heads(self.seen[at + "q"]), by_heads(self.seen[at + "k"])
            if self.variant == "plain-attention":
                query = key = value = by_heads(self.seen[f"blocks.{self.attending}.ln1"].unflatten(-1, (self.heads, -1)))
                module.num_key_value_groups = 1
            if self.variant == "no-mask":
                mask = None
            if self.variant == "no-scale":
                options["scaling"] = 1.0
            query, key = (by_heads(self.at(at + site, x[0].transpose(0, 1))) for site, x in (("rot_q", query), ("rot_k", key)))
            done = eager(module, query, key, value, mask, **options)
            module.num_key_value_groups = groups
            return done

        def soft(x, *rest, **options):
            if self.attending is None:
                return softmax(x, *rest, **options)
            at, hidden = f"blocks.{self.attending}.attn.", x[0] < -1e30
            scores = self.at(at + "scores", x[0].masked_fill(hidden, -torch.inf))
            if self.variant == "uniform-attention":
                scores = torch.zeros_like(scores).masked_fill(hidden, -torch.inf)
            weights = softmax(scores, *rest, **options).nan_to_num(0)
            return self.at(at + "pattern", weights)[None]

        file.eager_attention_forward, functional.softmax = attend, soft
        self.unhook = lambda: (setattr(file, "eager_attention_forward", eager), setattr(functional, "softmax", softmax))

    def hook_experts(self, mlp, at):
        """Mixtral's router and experts, with those of a token ascending, [tokens, chosen, ...]."""
        experts = mlp.experts

        def forward(x):
            rows = x[0]
            logits = self.at(at + "router_logits", functional.linear(rows, mlp.gate.weight))
            weights, chosen = logits.softmax(-1).topk(mlp.top_k)
            weights = weights / weights.sum(-1, keepdim=True)
            chosen, order = chosen.sort(-1)
            weights = self.at(at + "expert_weights", weights.gather(-1, order))
            pre, linear = torch.einsum("tw,tchw->tch", rows, experts.gate_up_proj[chosen]).chunk(2, -1)
            pre, linear = self.at(at + "pre", pre), self.at(at + "pre_linear", linear)
            post = self.at(at + "post", experts.act_fn(pre) * linear)
            out = torch.einsum("tch,tcwh->tcw", post, experts.down_proj[chosen])
            return (out * weights[..., None]).sum(1)[None]

        mlp.forward = forward
