#!/usr/bin/env python3
"""What each part of a recipe is worth: a preset as it is, and with each of its parts switched off or another added.

  benches/recipes.py ablation TEXT [TEXT ...] [--preset tiny] [--steps 2000] [--seeds 3]
  benches/recipes.py race TEXT [TEXT ...] --peers DIR --python PYTHON [--preset tiny]

`ablation` trains on each text by itself, as characters. A loss at equal tokens is that after as many steps; one at
equal seconds is that of a run whose number of steps was chosen, by the speed of the first, so that it learns as long
as the preset does. Losses are of the last tenth of the text, in nats a character, with the spread over the seeds.
`race` runs nanoGPT's recipe in PyTorch (`loss` of DIR/train_bench.py) at the same budget of parameters, and says in
which share of its seconds lookback reaches its last loss: the smallest of several, each a run of its own.
"""
import argparse
import json
import os
import statistics
import tempfile
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
    "no decay": ["decay=0"],
    "half as many sequences a step": ["batch={half}"],
    "twice as many sequences a step": ["batch={twice}"],
}
# The shape of train_bench.py with a preset's budget, and the seconds after which its loss is to be reached.
PEERS = {"tiny": ("A", 180), "small": ("B", 300)}


def train(args, text, out, limit, settings, seed):
    words = [args.lookback, "train", text, "--preset", args.preset, "--tokenizer", "char", "--seed", seed, "--threads",
             args.threads, "--json", *limit, "--out", out]
    for setting in settings:
        words += ["--set", setting]
    return last_object(words)


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


def ablation(args, work):
    for text in args.texts:
        settings = settings_of(args, text, work)
        runs = {"the preset": []} | {name: of for name, of in changed(settings).items() if not args.only or name in args.only}
        per_step = int(settings["context"]) * int(settings["batch"]) * int(settings["accumulate"])
        print(f"\n{Path(text).name}: {args.preset}, {args.steps} steps of {per_step} tokens, {args.seeds} seeds\n")
        print("| | at equal tokens | at equal seconds | tokens/s |")
        print("|---|---|---|---|")
        speeds = {}
        for name, change in runs.items():
            batch = next((int(setting.split("=")[1]) for setting in change if setting.startswith("batch=")), None)
            tokens_per_step = per_step * batch // int(settings["batch"]) if batch else per_step
            equal_tokens, equal_seconds, speed = [], [], []
            for seed in range(args.seeds):
                def loss(steps):
                    out = work / f"{Path(text).stem}-{len(os.listdir(work))}-{seed}"
                    said = train(args, text, out, ["--steps", steps], args.set + change, seed)
                    return said["validation_loss"], said["tokens_per_second"]

                steps = args.steps * per_step // tokens_per_step
                found, fast = loss(steps)
                equal_tokens.append(found)
                speed.append(fast)
                speeds.setdefault(seed, fast)
                again = round(steps * fast / speeds[seed])
                equal_seconds.append(found if abs(again - steps) < 0.02 * steps else loss(again)[0])
            form = "{:.4f}"
            print(f"| {name} | {spread(equal_tokens, form)} | {spread(equal_seconds, form)} | {spread(speed)} |", flush=True)


def race(args, work):
    if args.preset not in PEERS:
        refuse(f"--preset {args.preset}: {' and '.join(PEERS)} have a peer of their budget")
    shape, seconds = PEERS[args.preset]
    seconds = args.seconds or seconds
    for text in args.texts:
        theirs = [args.python, Path(args.peers) / "train_bench.py", "loss", "--shape", shape, "--text", text, "--seconds",
                  seconds, "--threads", args.threads]
        theirs += ["--mode", args.mode] if args.mode else []
        curve = [json.loads(line) for line in run(theirs).stdout.splitlines()]
        goal = curve[-1]["validation_loss"]
        print(f"\n{Path(text).name}: nanoGPT's recipe, shape {shape}, {args.mode or 'its own mode'}: {goal:.4f} after "
              f"{curve[-1]['seconds']:.0f} s and {curve[-1]['steps']} steps", flush=True)
        for share in args.shares:
            losses = []
            for seed in range(args.seeds):
                out = work / f"race-{len(os.listdir(work))}"
                losses.append(train(args, text, out, ["--minutes", share * seconds / 60], args.set, seed)["validation_loss"])
            print(f"  lookback in {share * seconds:.0f} s, {share:.2f} of its time: {spread(losses, '{:.4f}')}", flush=True)
            if statistics.median(losses) <= goal:
                print(f"  reached in {share:.2f} of its time")
                break
        else:
            print("  not reached")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["ablation", "race"])
    parser.add_argument("texts", nargs="+", metavar="TEXT")
    parser.add_argument("--preset", default="tiny")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting beside the preset's")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", type=lambda text: text.split(","), help="these changes, by name")
    parser.add_argument("--peers", default=os.environ.get("LOOKBACK_PEERS"))
    parser.add_argument("--python", default=os.environ.get("LOOKBACK_PEERS_PYTHON", "python3"))
    parser.add_argument("--mode", help="of PyTorch, as train_bench.py names them")
    parser.add_argument("--seconds", type=float, help="of PyTorch [default: 180 for tiny, 300 for small]")
    parser.add_argument("--shares", type=lambda text: [float(share) for share in text.split(",")],
                        default=[0.1, 0.15, 0.2, 0.25, 0.33, 0.5, 1.0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--lookback", default="target/release/lookback")
    args = parser.parse_args()
    if args.what == "race" and not args.peers:
        parser.error("race needs --peers DIR, the folder that has train_bench.py")
    print(machine(args.threads))
    with tempfile.TemporaryDirectory() as work:
        {"ablation": ablation, "race": race}[args.what](args, Path(work))


if __name__ == "__main__":
    main()
