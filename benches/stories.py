"""stories260k written greedily, ours beside llama2.c: a model so small that all there is to save is overhead.

llama2.c reads files of its own, so the Hugging Face directory is turned into them here. Its program is compiled with
`gcc -Ofast -march=native -fopenmp run.c -lm -o run`. Both must write the same story.
"""
import array
import json
import statistics
import struct
from pathlib import Path

from pairs import ratio, refuse, run, spread

# Runs of which one figure is made: llama2.c's own clock counts milliseconds, and a story takes it some thirty.
RUNS = 10
BEGINNING = 1


def read_safetensors(path):
    """`{name: (shape, numbers)}` of a file of f32 tensors."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    found = {}
    for name, tensor in json.loads(data[8 : 8 + length]).items():
        if name != "__metadata__":
            begin, end = (8 + length + offset for offset in tensor["data_offsets"])
            found[name] = tensor["shape"], array.array("f", data[begin:end])
    return found


def in_pairs(shape, numbers, heads):
    """Hugging Face rotates a head's first half with its second, llama2.c neighbours: row i of a half goes to 2i."""
    rows, width = shape
    half = rows // heads // 2
    out = array.array("f")
    for head in range(heads):
        for row in range(half):
            for part in (0, 1):
                begin = (head * 2 * half + part * half + row) * width
                out.extend(numbers[begin : begin + width])
    return out


def convert(directory, folder):
    """model.bin and tokenizer.bin as llama2.c reads them."""
    config = json.loads((directory / "config.json").read_text())
    tensors = read_safetensors(directory / "model.safetensors")
    layers, heads, key_heads = (config[f"num_{what}"] for what in ("hidden_layers", "attention_heads", "key_value_heads"))
    if not config["tie_word_embeddings"]:
        refuse(f"{directory}: its last table is not the first one, which is all that is written here")
    header = [config["hidden_size"], config["intermediate_size"], layers, heads, key_heads, config["vocab_size"],
              config["max_position_embeddings"]]
    with open(folder / "model.bin", "wb") as out:
        out.write(struct.pack("7i", *header))
        tensors["model.embed_tokens.weight"][1].tofile(out)
        for name in ("input_layernorm", "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
                     "post_attention_layernorm", "mlp.gate_proj", "mlp.down_proj", "mlp.up_proj"):
            for layer in range(layers):
                shape, numbers = tensors[f"model.layers.{layer}.{name}.weight"]
                rotates = {"self_attn.q_proj": heads, "self_attn.k_proj": key_heads}.get(name)
                (in_pairs(shape, numbers, rotates) if rotates else numbers).tofile(out)
        tensors["model.norm.weight"][1].tofile(out)
        # Where older files kept the angles' cosines and sines, which the program steps over.
        out.write(bytes(4 * header[6] * (header[0] // heads)))
    pieces = json.loads((directory / "tokenizer.json").read_text())["model"]["vocab"]
    pieces = [piece.replace("▁", " ").encode() for piece, _ in sorted(pieces.items(), key=lambda entry: entry[1])]
    with open(folder / "tokenizer.bin", "wb") as out:
        out.write(struct.pack("i", max(map(len, pieces))))
        for piece in pieces:
            # Scores say which pieces merge first in a prompt, and here there is none.
            out.write(struct.pack("fi", 0, len(piece)) + piece)


def theirs(args, folder, threads, count):
    """Tokens per second of llama2.c, by its own clock, which starts at the second token."""
    seconds = 0
    for _ in range(RUNS):
        words = [args.llama2c, folder / "model.bin", "-t", 0, "-n", count, "-z", folder / "tokenizer.bin"]
        ended = run(words, OMP_NUM_THREADS=str(threads))
        seconds += (count - 1) / float(ended.stderr.split("tok/s:")[1])
    return ended.stdout, RUNS * (count - 1) / seconds


def ours(args, threads, count):
    """The same of a whole program that streams `count` tokens, less one that streams one."""
    seconds = 0
    words = [args.lookback, "generate", args.stories, "--ids", BEGINNING, "--greedy", "--threads", threads, "-n"]
    for _ in range(RUNS):
        ended = run([*words, count])
        seconds += ended.seconds - run([*words, 1]).seconds
    return ended.stdout, RUNS * (count - 1) / seconds


def measure(args, work):
    """Tokens per second, round by round: `{name: [...]}`."""
    directory = Path(args.stories)
    convert(directory, work)
    whole = run([args.lookback, "generate", directory, "--ids", BEGINNING, "--greedy", "--json"])
    # But for the token that ends it, at which llama2.c stops without printing.
    count = len(json.loads(whole.stdout)["ids"]) - 1
    found, told = {}, {}
    for _ in range(args.pairs):
        for threads in sorted({1, args.threads}):
            for name, (text, speed) in {
                f"lookback, {threads} threads": ours(args, threads, count),
                f"llama2.c, {threads} threads": theirs(args, work, threads, count),
            }.items():
                found.setdefault(name, []).append(speed)
                told[name] = text.strip()
    if len(set(told.values())) > 1:
        refuse("the stories differ: " + "; ".join(f"{name}: …{text[-60:]!r}" for name, text in told.items()))
    return count, found


def table(args, work):
    """Prints what was measured, and gives it as an object."""
    count, found = measure(args, work)
    best = {who: max((name for name in found if name.startswith(who)), key=lambda name: statistics.median(found[name]))
            for who in ("lookback", "llama2.c")}
    against = ratio(found[best["lookback"]], found[best["llama2.c"]])
    print(f"\nstories260k, {count} tokens greedily, tokens/s (of each {RUNS} runs together):\n")
    for name, speeds in found.items():
        print(f"- {name}: {spread(speeds)}")
    print(f"\nthe better of each: {against}")
    return dict(tokens=count, tokens_per_second=found, ratio=against)
