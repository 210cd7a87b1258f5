#!/usr/bin/env python3
"""lookback running models beside llama.cpp: runs that take turns on this machine, one file or several.

  benches/running.py --peers DIR --python PYTHON [MODEL.gguf ...] [--json]
  benches/running.py --stories DIR --llama2c RUN

DIR holds make_models.py and real_model.py, which write the files that are timed where none are named (into --models,
once), and infer_bench.py for --transformers; PYTHON has llama-cpp-python, gguf and numpy (by default the variables
LOOKBACK_PEERS and LOOKBACK_PEERS_PYTHON name both). Before a file is timed, agree.py compares what is said of a text.

A file of f32 is run in f32. Others are run in bf16 too where the processor multiplies bf16; the prompt is then read in
bf16, and tokens pass one by one in whichever is faster. Shares are of the limits that `lookback bench` measures in the
same process: multiply-adds for the prompt, bytes read for single tokens. Then eight sequences of each Q8_0 file are
decoded side by side, and the first token of these and of the Q4_K files is waited for; the trained model, or each file that is named, is looked at with
every site; and the memory of a whole `lookback generate` is set beside weights and cache.
"""
import argparse
import json
import os
import tempfile
from pathlib import Path

import agree
import stories
import waits
from pairs import last_object, machine, median, multiplies_bf16, ratio, run, spread, take_turns, values

HERE = Path(__file__).resolve().parent
PREFILL, DECODE = "prefill_tokens_per_second", "decode_tokens_per_second"
SHAPES, KINDS = ["llama110m", "llama1b"], ["f32", "bf16", "q8_0", "q4_0"]
# Of which llama.cpp itself makes a file.
MIXTURES = ["Q4_K_M", "Q5_K_M", "Q6_K"]


def made(args):
    """The files of the table, written once, and which of them is trained."""
    root = Path(args.models)
    root.mkdir(parents=True, exist_ok=True)
    peers = Path(args.peers)
    for shape in SHAPES:
        if not all((root / f"{shape}-{kind}.gguf").exists() for kind in KINDS):
            run([args.python, peers / "make_models.py", root, shape])
        for kind in MIXTURES:
            out = root / f"{shape}-{kind.lower()}.gguf"
            if not out.exists():
                run([args.python, HERE / "llama.py", "quantize", root / f"{shape}-f32.gguf", out, kind])
    real = run([args.python, peers / "real_model.py", "get", root]).stdout.strip().splitlines()[-1]
    small, large = ([root / f"{shape}-{kind.lower()}.gguf" for kind in KINDS + MIXTURES] for shape in SHAPES)
    return [*small, Path(real), *large], [Path(real)]


def bench(args, model, compute, prompt, batch=1):
    return [args.lookback, "bench", model, "--compute", compute, "--prompt", prompt, "--decode", args.decode,
            "--batch", batch, "--threads", args.threads, "--json"]


def transformers(args, model, kind):
    """The directory of the same weights beside the file, where transformers has the type."""
    directory = model.parent / model.stem.rsplit("-", 1)[0]
    dtype = {"F32": "float32", "BF16": "bfloat16"}.get(kind)
    if not (args.transformers and dtype and directory.is_dir()):
        return {}
    return {"transformers": [args.python, Path(args.peers) / "infer_bench.py", "hf", directory, "--dtype", dtype, "--prompt",
                             args.prompt, "--decode", args.decode, "--threads", args.threads]}


def held(args, model, what, ids, compute):
    """The most memory of a whole program that reads the prompt and writes on, and what it cannot do without."""
    prompt = (ids * (args.prompt // len(ids) + 1))[: args.prompt]
    ended = run([args.lookback, "generate", model, "--ids", ",".join(map(str, prompt)), "-n", args.decode, "--greedy",
                 "--ignore-end", "--compute", compute, "--threads", args.threads, "--json"])
    of_f32 = {"f32": 1, "bf16": 0.5}[compute]
    needed = (what["weights_bytes"] + (args.prompt + args.decode) * what["position_bytes"] * of_f32) / 2**20
    return dict(resident_mb=ended.resident_mb, weights_and_cache_mb=needed)


def percent(share):
    return f"{100 * share:.0f} %"


def measure(args, model, folder, is_looked_at):
    """Compares and times one file, and gives its rows of the table."""
    what = last_object([args.python, HERE / "llama.py", "describe", model])
    computes = ["f32"] if what["kind"] == "F32" else args.compute
    distances, reading = agree.check(args, model, what, folder, computes)
    runs = {f"lookback {compute}": bench(args, model, compute, args.prompt) for compute in computes}
    runs["llama.cpp"] = [args.python, HERE / "llama.py", "speed", model, "--prompt", args.prompt, "--decode", args.decode,
                         "--threads", args.threads]
    found = take_turns(runs | transformers(args, model, what["kind"]), args.pairs)

    ours = [name for name in found if name.startswith("lookback")]
    chosen = {PREFILL: ours[-1], DECODE: max(ours, key=lambda name: median(found[name], DECODE))}
    said = dict(model=model.name, kind=what["kind"], rounds=found, distances={k: vars(v) for k, v in distances.items()})
    rows = []
    for key, share, limit, unit in [(PREFILL, "prefill_share", "gemm_gflops_per_second", "GFLOP/s"),
                                    (DECODE, "decode_share", "read_gb_per_second", "GB/s")]:
        of, peer = found[chosen[key]], found["llama.cpp"]
        against = ratio(values(of, key), values(peer, key))
        said[key] = dict(computed_in=chosen[key].split()[1], median=median(of, key), llama_cpp=median(peer, key), ratio=against,
                         share=median(of, share), limit=median(of, limit))
        row = [model.name, f"{key.split('_')[0]}, {said[key]['computed_in']}", spread(values(of, key), "{:.1f}"),
               spread(values(peer, key), "{:.1f}"), against, f"{percent(said[key]['share'])} of {said[key]['limit']:.0f} {unit}"]
        if args.transformers:
            other = found.get("transformers")
            row.append(f"{spread(values(other, key), '{:.1f}')}, {ratio(values(of, key), values(other, key))}" if other else "")
        rows.append(row)
    said["memory"] = held(args, model, what, reading.ids, said[DECODE]["computed_in"])
    said["memory"]["llama_cpp_mb"] = median(found["llama.cpp"], "resident_mb")
    if what["kind"] in ("Q8_0", "Q4_K"):
        said["first_token"] = waits.first_token(args, model, said[DECODE]["computed_in"], reading)
    if is_looked_at and args.look:
        said["look"] = waits.look(args, model, reading)
    if what["kind"] == "Q8_0" and args.batch > 1:
        compute = computes[-1]
        # Every sequence's prompt is read alone, which is not what is asked for here, so they are short.
        short = min(64, args.prompt)
        both = {"one": bench(args, model, compute, short), "together": bench(args, model, compute, short, args.batch)}
        both = take_turns(both, args.pairs)
        together = {name: values(of, DECODE) for name, of in both.items()}
        said["together"] = dict(batch=args.batch, computed_in=compute, tokens_per_second=together,
                                ratio=ratio(together["together"], together["one"]))
    return said, rows


def print_heads(args):
    heads = ["file", "what", "lookback, tokens/s", "llama.cpp, tokens/s", "ratio", "of the limit"]
    heads += ["transformers, tokens/s and ratio"] if args.transformers else []
    print_rows([heads, ["---"] * len(heads)])


def print_rows(rows):
    print(*(f"| {' | '.join(row)} |" for row in rows), sep="\n", flush=True)


def print_rest(args, all_said):
    print("\nmean nats from the f32 result, and where the likeliest token agrees:\n")
    for said in all_said:
        told = [f"{name if name == 'llama.cpp' else 'ours in ' + name} {of['kl']:.1e}, {percent(of['argmax'])}"
                for name, of in said["distances"].items()]
        print(f"- {said['model']}: {'; '.join(told)}")
    print(f"\nmemory at the most, over {args.prompt} + {args.decode} tokens:\n")
    for said in all_said:
        of = said["memory"]
        times = of["resident_mb"] / of["weights_and_cache_mb"]
        print(f"- {said['model']}: {of['resident_mb']:.0f} MB, {times:.2f} × weights and cache ({of['weights_and_cache_mb']:.0f} MB); "
              f"llama.cpp in Python {of['llama_cpp_mb']:.0f} MB")
    for said in all_said:
        if of := said.get("together"):
            one, many = of["tokens_per_second"]["one"], of["tokens_per_second"]["together"]
            print(f"\n{of['batch']} sequences of {said['model']} side by side in {of['computed_in']}: {spread(many)} tokens/s, "
                  f"one: {spread(one)}, {of['ratio']}")
    for said in all_said:
        if of := said.get("first_token"):
            waits.print_first_token(said["model"], of)
        if of := said.get("look"):
            waits.print_look(said["model"], of)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words = lambda text: text.split(",")
    parser.add_argument("files", nargs="*", type=Path, metavar="MODEL.gguf", help="[default: those of the table]")
    parser.add_argument("--peers", default=os.environ.get("LOOKBACK_PEERS"))
    parser.add_argument("--python", default=os.environ.get("LOOKBACK_PEERS_PYTHON", "python3"))
    parser.add_argument("--models", default=Path.home() / ".cache/lookback-peers/models", help="where files are made")
    parser.add_argument("--transformers", action="store_true", help="beside it, where it has the type")
    parser.add_argument("--compute", type=words, help="of files that are not f32 [default: f32, and bf16 where the processor has it]")
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--decode", type=int, default=128)
    parser.add_argument("--batch", type=int, default=8, help="sequences side by side, in Q8_0; 1 leaves that out")
    parser.add_argument("--look", type=int, default=128, help="tokens to look at with every site; 0 leaves that out")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--stories", help="a directory of stories260k, to be timed beside llama2.c")
    parser.add_argument("--llama2c", help="llama2.c's program")
    parser.add_argument("--json", action="store_true", help="one object in the last line, with every round")
    parser.add_argument("--lookback", default="target/release/lookback")
    args = parser.parse_args()
    if bool(args.stories) != bool(args.llama2c):
        parser.error("--stories and --llama2c go together")
    if not (args.files or args.peers or args.stories):
        parser.error("name files, --peers to make them with, or --stories")
    print(machine(args.threads))
    if args.compute is None:
        args.compute = ["f32", "bf16"] if multiplies_bf16() else ["f32"]
        if not multiplies_bf16() and (args.files or args.peers):
            print("this processor has no instruction for bf16, which would be emulated: everything is computed in f32")
    report = dict(machine=machine(args.threads), prompt=args.prompt, decode=args.decode, pairs=args.pairs)
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        if args.stories:
            report["stories"] = stories.table(args, work)
        files, looked_at = (args.files, args.files) if args.files or not args.peers else made(args)
        all_said = []
        if files:
            print()
            print_heads(args)
        for index, model in enumerate(files):
            folder = work / str(index)
            folder.mkdir()
            said, of_file = measure(args, model, folder, model in looked_at)
            all_said.append(said)
            print_rows(of_file)
        if all_said:
            print_rest(args, all_said)
        report["files"] = all_said
    if args.json:
        print(json.dumps(report))


if __name__ == "__main__":
    main()
