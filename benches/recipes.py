#!/usr/bin/env python3
"""What each part of a recipe is worth: a preset as it is, and with each of its parts switched off or another added.

  benches/recipes.py ablation TEXT [TEXT ...] [--preset tiny] [--steps 1000] [--seeds 3] [--kept DIR]
  benches/recipes.py race TEXT [TEXT ...] --peers DIR --python PYTHON [--preset tiny]

`ablation` trains on each text by itself, as characters. A loss at equal tokens is that after as many steps; one at
equal seconds is that of a run with as many steps as take the preset's seconds. How many those are is said by speeds,
each of a run of a few steps right after one of the preset (--rounds): they want the machine alone, and --alone CMD
runs them, such as through a lock. A speed within --same of the preset's counts as equal. Losses do not depend on
speed, since a run has the same bits on any number of threads and however often it is halted: they are of runs on one
thread each, as many at a time as there are threads, and may be computed beside other work, which is what --beside CMD
is for (`chrt -i 0`). With --kept DIR each run that has ended is kept there and not repeated, so that a table that was
interrupted goes on. Losses are of the last tenth of the text, in nats a character, with the spread over the seeds.

`race` runs nanoGPT's recipe in PyTorch (`loss` of DIR/train_bench.py, its vocabulary as large as the text's) at the
same budget of parameters, in the mode that is fastest in a short measurement, and says in which share of its seconds
lookback reaches its last loss: the smallest of several, each a run of its own. It wants the machine alone; each line
is said as soon as it is known. One text and one preset at a time is --preset with one TEXT.
"""
import argparse
import json
import os
import shlex
import statistics
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pairs import last_object, machine, refuse, run, spread

# What is changed of a preset, and how. Those that are as the preset has it already are passed over.
CHANGES = {
    "AdamW": ["optimizer=adamw"],
    "Muon": ["optimizer=muon"],
    "plain start of heads": ["start_heads=plain"],
    "mimetic start of heads": ["start_heads=mimetic"],
    "start at 0.02 everywhere": ["start_tables=0.02", "start_matrices=0.02"],
    "no head norms": ["head_norm=false"],
    "head norms": ["head_norm=true"],
    "gated SiLU": ["activation=silu"],
    "gated ReLU²": ["activation=relu2"],
    "tied head": ["tied=true"],
    "head of its own": ["tied=false"],
    "cosine": ["schedule=cosine"],
    "stable, then a line down": ["schedule=stable", "cooldown_share=0.4"],
    "no mean of weights": ["average_share=0"],
    "mean of the last tenth": ["average_share=0.1"],
    "long from the start": ["short_context=0"],
    "short for a third": ["short_context={quarter}", "short_share=0.3"],
    "no z-loss": ["z_loss=0"],
    "z-loss": ["z_loss=0.0001"],
    "no cap of logits": ["logit_cap=0"],
    "logits capped at 30": ["logit_cap=30"],
    "no decay": ["decay=0"],
    "half as many sequences a step": ["batch={half}"],
    "twice as many sequences a step": ["batch={twice}"],
}
# Characters of the text of a run that is timed.
TIMED = 20000
# The shape of train_bench.py with a preset's budget, and the seconds after which its loss is to be reached.
PEERS = {"tiny": ("A", 180), "small": ("B", 300)}


# Runs `loss` of train_bench.py with a shape whose vocabulary is the text's; the rest of it stays as it is.
PEER = """
import argparse, sys
sys.path.insert(0, sys.argv[1])
import torch, train_bench
shape, mode, text, seconds, threads = sys.argv[2:]
letters = len(set(open(text, encoding="utf8").read()))
train_bench.SHAPES[shape] = (*train_bench.SHAPES[shape][:5], letters)
torch.set_num_threads(int(threads))
train_bench.loss(argparse.Namespace(shape=shape, mode=mode, text=text, seconds=float(seconds)))
"""


def train(args, text, out, limit, settings, seed, before=(), threads=None):
    words = [*before, args.lookback, "train", text, "--preset", args.preset, "--tokenizer", "char", "--seed", seed,
             "--threads", threads or args.threads, "--json", *limit, "--out", out]
    for setting in settings:
        words += ["--set", setting]
    return last_object(words)


def once(args, work, text, steps, settings, seed, before=()):
    """What a run of so many steps said, from --kept if it is there: it would say the same again."""
    name = "-".join([args.preset, Path(text).stem, *args.set, *settings, str(steps), str(seed)])
    kept = (args.kept or work) / f"{name}.json"
    if not kept.exists():
        # The last loss counts, and it alone: twenty more would take longer than a short run does.
        last_alone = [*args.set, *settings, f"validate_every={steps}"]
        with tempfile.TemporaryDirectory() as out:
            said = train(args, text, Path(out) / "run", ["--steps", steps], last_alone, seed, before, threads=1)
        kept.write_text(json.dumps(said))
    return json.loads(kept.read_text())


def settings_of(args, text, work):
    """What the preset says, as training.toml keeps it: `{key: value as written}`."""
    out = work / f"settings-{Path(text).stem}"
    train(args, text, out, ["--steps", 1], args.set, 0)
    lines = (line.split(" = ", 1) for line in (out / "training.toml").read_text().splitlines() if " = " in line)
    return {key: value.strip('"') for key, value in lines}


def changed(settings):
    """Each change that changes something: `{name: settings}`."""
    context, batch = int(settings["context"]), int(settings["batch"])
    fill = {"quarter": context // 4, "half": batch // 2, "twice": 2 * batch}
    same = lambda a, b: a == b or (a.replace(".", "").isdigit() and b.replace(".", "").isdigit() and float(a) == float(b))
    found = {}
    for name, change in CHANGES.items():
        change = [setting.format(**fill) for setting in change]
        if not all(same(settings[key], value) for key, value in (setting.split("=") for setting in change)):
            found[name] = change
    return found


def batch_of(change, settings):
    return next((int(setting.split("=")[1]) for setting in change if setting.startswith("batch=")), int(settings["batch"]))


def speeds_of(args, work, runs, per_step):
    """Of each change, how many times the preset's speed it has, right after it: `{name: [of each round]}`."""
    kept = (args.kept or work) / f"speeds-{args.preset}.json"
    found = json.loads(kept.read_text()) if kept.exists() else {}
    # The beginning of a text, of which next to nothing is kept back to be judged by.
    text = work / "beginning.txt"
    text.write_text(Path(args.texts[0]).read_text(encoding="utf8")[:TIMED], encoding="utf8")

    def speed(change, steps):
        with tempfile.TemporaryDirectory() as out:
            settings = [*args.set, *change]
            return train(args, text, Path(out) / "run", ["--steps", steps], settings, 0, args.alone)["tokens_per_second"]

    for number in range(args.rounds):
        for name, change in runs.items():
            if len(found.setdefault(name, [])) <= number:
                # As many tokens for each; the first steps of a run are as quick as its last.
                steps = max(1, args.speed_steps * per_step["the preset"] // per_step[name])
                usual = speed([], args.speed_steps)
                found[name].append(speed(change, steps) / usual)
                kept.write_text(json.dumps(found))
    return found


def ablation(args, work):
    settings = settings_of(args, args.texts[0], work)
    runs = {"the preset": []} | {name: of for name, of in changed(settings).items() if not args.only or name in args.only}
    sequence = int(settings["context"]) * int(settings["accumulate"])
    per_step = {name: sequence * batch_of(change, settings) for name, change in runs.items()}
    whole = per_step["the preset"]
    speeds = speeds_of(args, work, runs, per_step)
    for text in args.texts:
        print(f"\n{Path(text).name}: {args.preset}, {args.steps} steps of {whole} tokens, {args.seeds} seeds\n")
        print("| | at equal tokens | at equal seconds | tokens/s, as a share of the preset's |")
        print("|---|---|---|---|", flush=True)
        for name, change in runs.items():
            faster = statistics.median(speeds[name])
            steps = args.steps * whole // per_step[name]
            counts = {"tokens": steps, "seconds": steps if abs(faster - 1) < args.same else round(steps * faster)}
            with ThreadPoolExecutor(args.threads) as several:
                started = {(count, seed): several.submit(once, args, work, text, count, change, seed, args.beside)
                           for count in set(counts.values()) for seed in range(args.seeds)}
            losses = {of: [started[count, seed].result()["validation_loss"] for seed in range(args.seeds)]
                      for of, count in counts.items()}
            said = " | ".join(spread(losses[of], "{:.4f}") for of in counts)
            print(f"| {name} | {said} | {spread(speeds[name], '{:.2f}')} |", flush=True)


def fastest_mode(args, shape):
    """PyTorch's mode that trains fastest here, each tried for a few seconds."""
    words = [args.python, Path(args.peers) / "train_bench.py", "speed", "--shape", shape, "--seconds", args.mode_seconds]
    tried = [json.loads(line) for line in run([*words, "--threads", args.threads]).stdout.splitlines()]
    said = ", ".join(f"{one['mode']} {one['tokens_per_second']}" for one in tried)
    print(f"\nPyTorch at shape {shape}, tokens/s: {said}", flush=True)
    return max(tried, key=lambda one: one["tokens_per_second"])["mode"]


def race(args, work):
    if args.preset not in PEERS:
        refuse(f"--preset {args.preset}: {' and '.join(PEERS)} have a peer of their budget")
    shape, seconds = PEERS[args.preset]
    seconds = args.seconds or seconds
    mode = args.mode or fastest_mode(args, shape)
    for text in args.texts:
        theirs = run([args.python, "-c", PEER, args.peers, shape, mode, text, seconds, args.threads])
        curve = [json.loads(line) for line in theirs.stdout.splitlines()]
        goal = curve[-1]["validation_loss"]
        print(f"\n{Path(text).name}: nanoGPT's recipe, shape {shape}, {mode}: {goal:.4f} after "
              f"{curve[-1]['seconds']:.0f} s and {curve[-1]['steps']} steps", flush=True)
        for share in args.shares:
            losses, steps, took = [], [], []
            for seed in range(args.seeds):
                out = work / f"race-{len(os.listdir(work))}"
                said = train(args, text, out, ["--minutes", share * seconds / 60], args.set, seed)
                losses.append(said["validation_loss"])
                steps.append(said["steps"])
                took.append(said["seconds"])
            print(f"  lookback in {share * seconds:.0f} s, {share:.2f} of its time: {spread(losses, '{:.4f}')} after "
                  f"{spread(took, '{:.1f}')} s and {spread(steps)} steps, {said['parameters']} parameters", flush=True)
            if statistics.median(losses) <= goal:
                print(f"  reached in {share:.2f} of its time", flush=True)
                break
        else:
            print("  not reached", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["ablation", "race"])
    parser.add_argument("texts", nargs="+", metavar="TEXT")
    parser.add_argument("--preset", default="tiny")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting beside the preset's")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", type=lambda text: text.split(","), help="these changes, by name")
    parser.add_argument("--rounds", type=int, default=3, help="of speeds")
    parser.add_argument("--speed-steps", type=int, default=24, help="steps of a run for its speed")
    parser.add_argument("--same", type=float, default=0.05, help="how far a speed may be from the preset's and be equal")
    parser.add_argument("--alone", type=shlex.split, default=[], metavar="CMD", help="what runs that are timed run through")
    parser.add_argument("--beside", type=shlex.split, default=[], metavar="CMD", help="what runs for their loss run through")
    parser.add_argument("--kept", type=Path, metavar="DIR", help="where runs that have ended are kept")
    parser.add_argument("--peers", default=os.environ.get("LOOKBACK_PEERS"))
    parser.add_argument("--python", default=os.environ.get("LOOKBACK_PEERS_PYTHON", "python3"))
    parser.add_argument("--mode", help="of PyTorch, as train_bench.py names them [default: the fastest]")
    parser.add_argument("--mode-seconds", type=float, default=8, help="for which each of PyTorch's modes is tried")
    parser.add_argument("--seconds", type=float, help="of PyTorch [default: 180 for tiny, 300 for small]")
    parser.add_argument("--shares", type=lambda text: [float(share) for share in text.split(",")],
                        default=[0.1, 0.15, 0.2, 0.25, 0.33, 0.5, 1.0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--lookback", default="target/release/lookback")
    args = parser.parse_args()
    if args.what == "race" and not args.peers:
        parser.error("race needs --peers DIR, the folder that has train_bench.py")
    if args.kept:
        args.kept.mkdir(parents=True, exist_ok=True)
    print(machine(args.threads), flush=True)
    with tempfile.TemporaryDirectory() as work:
        {"ablation": ablation, "race": race}[args.what](args, Path(work))


if __name__ == "__main__":
    main()
