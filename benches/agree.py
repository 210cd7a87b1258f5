"""Whether programs say the same of a text before running.py times them: distances between their logits.

The yardstick is llama.cpp's, another program's, reading a copy of the file in which every weight is the f32 number that
it stands for, with attention and cache in f32 too: nothing is rounded to fewer bits. The text passes there as where it is
timed: most of it at once, the end one by one. Read running next.
"""
import json
import random
from dataclasses import dataclass
from pathlib import Path

from pairs import last_object, refuse, run

HERE = Path(__file__).resolve().parent
POSITIONS = 288

# Mean Kullback–Leibler divergences from the yardstick, in nats, above which nothing is timed.
#
# ours in f32: both sum f32 numbers, in different orders. `lookback verify` lets a logit differ by 2e-4, and logits that
# err by d, independently, move a distribution by about d²/2.
EXACT = 2e-4**2 / 2
# ours in bf16: 1e-3, the bound that the project sets itself for a trained model.
ROUNDED = 1e-3
# llama.cpp multiplies quantised weights by activations of 8 bits, and other types by f16 or bf16. What that costs is
# reported; only what answers another question, or answers with another model, is refused: it would be as far away as
# one position's distribution is from that of the next, and a tenth of that is still far more than rounding does.
ASTRAY = 0.1

# The likeliest token agrees at this share of positions at least; where two are within rounding, it need not.
ARGMAX = {"f32": 0.99, "bf16": 0.95, "llama.cpp": 0.8}


@dataclass
class Distance:
    """From the yardstick, over all positions."""

    kl: float  # mean, nats
    kl_largest: float
    argmax: float  # share of positions with the same likeliest token


class Reading:
    """A model's text, and its yardstick, in a folder of its own."""

    def __init__(self, args, model, what, folder):
        self.args, self.model, self.what, self.folder = args, model, what, folder
        text = (HERE.parent / "README.md").read_text()
        words = [args.lookback, "tokenizer", "encode", text, "--tokenizer", model, "--json"]
        ids = last_object(words)["ids"]
        # A tokenizer that knows bytes only stands in a file of random weights, to which all ids are the same.
        if len(ids) > len(text.encode()) / 2:
            ids = random.Random(1).choices(range(3, what["vocabulary"]), k=POSITIONS)
        self.ids = ids[:POSITIONS]
        (folder / "ids.json").write_text(json.dumps(self.ids))
        yardstick = model
        if what["kind"] != "F32":
            yardstick = folder / "wide.gguf"
            self.llama("widen", model, yardstick)
        self.llama("logits", yardstick, folder / "ids.json", folder / "expected.npy", "--exact", "--threads", args.threads)
        if yardstick != model:
            yardstick.unlink()

    def llama(self, *words):
        return last_object([self.args.python, HERE / "llama.py", *words])

    def comma_separated(self):
        return ",".join(str(token) for token in self.ids)

    def ours(self, compute):
        out = self.folder / f"{compute}.safetensors"
        run([self.args.lookback, "look", self.model, "--ids", self.comma_separated(), "--sites", "logits", "-o", out,
             "--compute", compute, "--threads", self.args.threads, "--json"])
        return out

    def theirs(self):
        out = self.folder / "theirs.npy"
        self.llama("logits", self.model, self.folder / "ids.json", out, "--threads", self.args.threads)
        return out

    def greedy(self, compute, count=16):
        """What ours writes on, token by token through its cache, is what it says in one pass over the whole."""
        words = ["--ids", self.comma_separated(), "--compute", compute, "--threads", self.args.threads, "--json"]
        written = last_object([self.args.lookback, "generate", self.model, "--greedy", "-n", count, "--ignore-end", *words])["ids"]
        ids = ",".join(str(token) for token in self.ids + written)
        out = self.folder / f"written-{compute}.safetensors"
        run([self.args.lookback, "look", self.model, "--ids", ids, "--sites", "logits", "-o", out, *words[2:]])
        said = self.llama("likeliest", out)["ids"][len(self.ids) - 1 : -1]
        if said != written:
            refuse(f"{self.model} in {compute}: written one by one {written}, said at once {said}")


def check(args, model, what, folder, computes):
    """Refuses what diverges; else gives `{name: Distance}` of ours by precision and of `llama.cpp`, and the text's ids."""
    reading = Reading(args, model, what, folder)
    files = {compute: reading.ours(compute) for compute in computes} | {"llama.cpp": reading.theirs()}
    found = reading.llama("compare", folder / "expected.npy", *files.values())
    distances = {name: Distance(**of) for name, of in zip(files, found["others"])}
    bounds = {"f32": EXACT, "bf16": ROUNDED, "llama.cpp": ASTRAY * found["neighbours"]}
    for name, distance in distances.items():
        # Written so that a distance that is no number is refused too.
        if not distance.kl <= bounds[name]:
            refuse(f"{model}, {name}: {distance.kl:.1e} nats from the f32 result, more than {bounds[name]:.1e}")
        if not distance.argmax >= ARGMAX[name]:
            refuse(f"{model}, {name}: the likeliest token agrees at {100 * distance.argmax:.0f} % of positions only")
    for compute in computes:
        reading.greedy(compute)
    return distances, reading
