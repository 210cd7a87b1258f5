"""What somebody waits for: the first token of a file that is in the page cache, and every number of a pass.

Ours are whole programs, from their start to their end; llama.cpp's clock starts when Python and the library are there.
A look is timed warm too, as `lookback bench --look` does it: in one process, passes with every site read and passes
without take turns. Read running next.
"""
from agree import HERE
from pairs import ratio, refuse, spread, take_turns, values
from stories import read_safetensors


def first_token(args, model, compute, reading):
    """Seconds to a first token after a prompt of one, round by round, ours beside llama.cpp's."""
    begin, follows = reading.ids[0], reading.llama("likeliest", reading.ours(compute))["ids"][0]
    runs = {
        "lookback": [args.lookback, "generate", model, "--ids", begin, "-n", 1, "--greedy", "--ignore-end", "--compute", compute,
                     "--threads", args.threads, "--json"],
        "llama.cpp": [args.python, HERE / "llama.py", "first", model, "--id", begin, "--threads", args.threads],
    }
    # The round that does not count is held to the logits, and leaves the file in the page cache.
    written = take_turns(runs, 1)["lookback"][0]["ids"]
    if written != [follows]:
        refuse(f"{model} in {compute}: after {begin} comes {written}, and by its logits {follows}")
    found = take_turns(runs, args.pairs)
    ours, theirs = values(found["lookback"], "whole_seconds"), values(found["llama.cpp"], "first_seconds")
    return dict(computed_in=compute, seconds=ours, llama_cpp_seconds=theirs, ratio=ratio(theirs, ours))


def logits(path, rows):
    """The bytes of the first rows of a trace's logits."""
    shape, numbers = read_safetensors(path)["logits"]
    return numbers[: rows * shape[-1]].tobytes()


def look(args, model, reading):
    """Seconds and memory of a look at every site, in f32: warm, and of a whole program that writes them to a file."""
    ids, out = reading.ids[: args.look], reading.folder / "sites.safetensors"
    same = ["--compute", "f32", "--threads", args.threads, "--json"]
    runs = {
        "warm": [args.lookback, "bench", model, "--look", "--prompt", len(ids), "--decode", 1, *same],
        "cold": [args.lookback, "look", model, "--ids", ",".join(map(str, ids)), "-o", out, *same],
    }
    take_turns(runs, 1)
    # A look changes no bit, nor does what comes after: these rows stood in a longer text when they were compared.
    if logits(out, len(ids)) != logits(reading.ours("f32"), len(ids)):
        refuse(f"{model}: the logits of {len(ids)} tokens, looked at with every site, are not those without")
    found = take_turns(runs, args.pairs)
    plain, looked = values(found["warm"], "plain_seconds"), values(found["warm"], "look_seconds")
    size = out.stat().st_size / 2**20
    out.unlink()
    return dict(tokens=len(ids), plain_seconds=plain, look_seconds=looked, ratio=ratio(looked, plain),
                cold_seconds=values(found["cold"], "whole_seconds"), cold_mb=values(found["cold"], "resident_mb"), file_mb=size)


def print_first_token(model, of):
    print(f"\nfirst token of {model} in the page cache, in {of['computed_in']}: {spread(of['seconds'], '{:.2f}')} s; "
          f"llama.cpp: {spread(of['llama_cpp_seconds'], '{:.2f}')} s, {of['ratio']} ours")


def print_look(model, of):
    print(f"\nevery site of {of['tokens']} tokens of {model} in f32: {spread(of['look_seconds'], '{:.3f}')} s, {of['ratio']} "
          f"a pass without looking ({spread(of['plain_seconds'], '{:.3f}')} s); from the program's start to a file of "
          f"{of['file_mb']:.0f} MB: {spread(of['cold_seconds'], '{:.2f}')} s and {spread(of['cold_mb'])} MB of memory")
