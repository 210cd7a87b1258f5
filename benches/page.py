#!/usr/bin/env python3
"""How long the page's figures wait for their numbers, and what memory the server holds after them.

  benches/page.py --lookback PROGRAM MODEL [MODEL ...] [--tokens 16,120,512] [--times 5] [--figures NAMES] [--browser] [--json]

Every figure asks as the page does (crates/serve/web/stages), of a text that was not read before; then another token, head
and layer of the same text are chosen, which needs no pass. Then the same with a head of the first layer off, and with
one of the last, from where on alone the pass is another. A figure's time is that of all its questions, asked side by
side. Drawing is not in it; with --browser it is: each figure is drawn in a browser, and waited for until it is painted,
after another token, layer or head of one text is chosen. Read pairs next.
"""
import argparse
import json
import os
import pathlib
import random
import re
import statistics
import subprocess
import threading
import time
import urllib.request

from pairs import machine, refuse

KINDS = ["new", "chosen", "first off", "chosen off", "last off", "chosen last"]  # of how a figure is asked
WORDS = "the bird is red and dog a was in of to it he she they we big small house tree".split()


class Server:
    """`lookback serve` of some models, asked as its page asks it."""

    def __init__(self, program, models, threads):
        command = [program, "serve", *models, "--no-open", "--port", "0", "--threads", str(threads)]
        self.program = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.url = self.program.stdout.readline().strip().rstrip("/")
        if not self.url.startswith("http"):
            refuse(f"{' '.join(command)}: it did not begin")
        page = urllib.request.urlopen(self.url).read().decode()
        self.token = re.search(r'name="lookback-token" content="([^"]+)"', page).group(1)
        self.models = json.loads(self.ask("models"))["models"]

    def ask(self, name, body=None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json", "x-lookback-token": self.token}
        return urllib.request.urlopen(urllib.request.Request(f"{self.url}/api/{name}", data, headers)).read()

    def seconds(self, questions):
        """From the first question to the last answer."""
        began = time.perf_counter()
        threads = [threading.Thread(target=self.ask, args=question) for question in questions]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.perf_counter() - began

    def resident_mb(self):
        """Pages that are no file's, in megabytes."""
        status = open(f"/proc/{self.program.pid}/status").read()
        return int(re.search(r"RssAnon:\s+(\d+)", status).group(1)) / 1024

    def stop(self):
        self.program.terminate()
        self.program.wait()


def text_of(server, model, tokens, random):
    """A text of so many tokens of this model that nobody asked about before."""
    words = [random.choice(WORDS) for _ in range(tokens // 4)]  # at first too few for a model of short tokens too
    for _ in range(60):
        cut = json.loads(server.ask("tokens", {"model": model["name"], "prompt": " ".join(words)}))
        over = len(cut["ids"]) - tokens
        if over == 0:
            return " ".join(words)
        words = words[: -max(1, over // 4)] if over > 0 else words + [random.choice(WORDS) for _ in range(max(1, -over // 4))]
    refuse(f"{model['name']}: no text of {tokens} tokens")


def figures(model, prompt, tokens, layer, head, token, edits=()):
    """The questions of each figure about a text, as the page asks them when it is drawn."""
    of = {"model": model["name"], "prompt": prompt, "chat": False, "edits": list(edits)}
    here, block = {"layer": layer, "head": head}, f"blocks.{layer}"
    shared = head // (model["heads"] // model["key_heads"])

    def look(*sites):
        return "look", {**of, "sites": [{"site": site, "at": at} for site, at in sites]}

    why = {**of, "position": token, "share": 0.8, "exact": True}
    parts = ["pre", "post"] + ["pre_linear"] * model["gated"]
    first = max(0, min(token - 6, tokens - 12))
    rows = [("embed", [at]) for at in range(first, min(tokens, first + 12))]
    dials = [(f"{block}.attn.{name}", [token, head]) for name in ["q", "rot_q"]] * (model["positions"] == "rotary")
    vectors = [(f"{block}.attn.rot_q", [token, head]), (f"{block}.attn.rot_k", [0, shared]), (f"{block}.attn.v", [0, shared])]
    pattern = (f"{block}.attn.pattern", [head])
    first_seen = [("next", {**of, "token": token, "most": 8}), look(("probabilities", [token]), pattern)]
    off = {"edits": [f"{block}.attn.z[:, {head}] = 0"]}
    return {
        "opening": first_seen,
        "opening, a head off": [(name, {**body, **off}) for name, body in first_seen],
        "tokens": [("tokens", of)],
        "look": [look(("logits", [token]), pattern)],
        "embed": [look(*rows), ("embed", {**of, "token": token})],
        "position": [("position", {**of, "token": token}), *([look(*dials)] if dials else [])],
        "attend": [("attend/glance", {**of, "most": 24}), ("attend", {**of, **here}), look((f"{block}.attn.scores", [head]), pattern),
                   ("attend/cell", {**of, **here, "query": token, "key": 0}), look(*vectors)],
        "context": [("context", {**of, **here, "token": token, "most": 12}), look(pattern)],
        "ov": [("exchange", {**of, "token": token, "layers": [layer]}), look((pattern[0], [head, token]))],
        "mlp": [("mlp", {**of, "layer": layer, "token": token, "by": "activation", "units": 8, "tokens": 6}),
                look(*[(f"{block}.mlp.{part}", [token]) for part in parts])],
        "stream": [("stream", {**of, "token": token})],
        "logit_lens": [("depths", {**of, "token": token, "first": token, "count": 1, "halves": False, "most": 10})],
        "logit_lens, halves": [("depths", {**of, "token": token, "first": token, "count": 1, "halves": True, "most": 10})],
        "logit_lens, others": [("depths", {**of, "token": token, "first": token - 3, "count": 3, "halves": False, "most": 1})],
        "next": [("next", {**of, "token": token, "most": 20, "find": ""})],
        "why": [("next", {**of, "token": token, "most": 16, "find": ""}), ("why", {**why, "openings": 60})],
        "faithfulness": [("why", {**why, "check": 8, "check_alone": True})],
        "sample": [("sample", {**of, "settings": {}, "seed": 0, "draws": 1000})],
    }


def tables(model):
    """The questions that no text is in."""
    of = {"model": model["name"]}
    return {"map": [("map", of), ("map/points", {**of, "step": None, "axes": [0, 1]})], "analogy": [("analogy", of)],
            "heads": [("heads", of)], "near": [("map/near", {**of, "id": 5, "step": None})]}


def times_of(server, model, args, random):
    """Milliseconds by number of tokens, then by figure: of a new text, of another choice in it, and both with a head of
    the first layer off, and with one of the last layer off."""
    found = {}
    for tokens in args.tokens:
        if tokens > model["context"]:
            continue
        found[tokens] = kinds = {kind: {} for kind in KINDS}
        for _ in range(args.times):
            names = figures(model, "", tokens, 0, 0, tokens - 1)
            for name in [name for name in names if not args.figures or name in args.figures]:
                prompt = text_of(server, model, tokens, random)
                last = (model["layers"] - 1, model["heads"] - 1, tokens - 1)
                other = (model["layers"] // 2, 0, tokens // 2)
                off = [[f"blocks.{of}.attn.z[:, 0] = 0"] for of in [0, model["layers"] - 1]]
                asked = [(edits, at) for edits in [[], *off] for at in [last, other]]
                for kind, (edits, at) in zip(KINDS, asked):
                    questions = figures(model, prompt, tokens, *at, edits)[name]
                    kinds[kind].setdefault(name, []).append(1e3 * server.seconds(questions))
        kinds["resident_mb"] = server.resident_mb()
    return found


def drawn(server, model, args, random):
    """Milliseconds until figures are painted in a browser, by number of tokens, by figure and by what is chosen."""
    found, page = {}, pathlib.Path(__file__).parent.parent / "tests/page"
    for tokens in [tokens for tokens in args.tokens if tokens <= model["context"]]:
        chosen = {"model": model["name"], "prompt": text_of(server, model, tokens, random), "token": str(tokens - 2)}
        chosen |= {"layer": str(model["layers"] // 2), "head": "0"}
        command = ["node", "waits.js", server.url, json.dumps(chosen), str(args.times)]
        found[tokens] = json.loads(subprocess.run(command, cwd=page, stdout=subprocess.PIPE, check=True).stdout)
    return found


def show_drawn(name, of):
    """A line a figure: medians, and the slowest, of what is chosen."""
    print(f"\n{name}, milliseconds until a figure is painted: median (slowest)")
    columns = [(tokens, kind) for tokens in of for kind in ["token", "layer", "head"]]
    print(f"{'':22}" + "".join(f"{f'{tokens} {kind}':>16}" for tokens, kind in columns))
    for figure in next(iter(of.values())):
        times = [of[tokens][figure][kind] for tokens, kind in columns]
        print(f"{figure:22}" + "".join(f"{f'{statistics.median(all):.0f} ({max(all):.0f})':>16}" for all in times))


def show(name, of):
    """A line a figure: medians of new texts, then of other choices."""
    texts = of["texts"]
    kinds = [(kind, tokens) for kind in KINDS for tokens in texts]
    print(f"\n{name}, milliseconds (medians)")
    for row in [0, 1]:
        print(f"{'':22}" + "".join(f"{str(column[row]):>11}" for column in kinds))
    for figure in next(iter(texts.values()))["new"]:
        print(f"{figure:22}" + "".join(f"{statistics.median(texts[tokens][kind][figure]):11.0f}" for kind, tokens in kinds))
    for figure, times in of["table"].items():
        print(f"{figure:16}{times[0]:12.0f} the first time, {statistics.median(times[1:] or times):.0f} then")
    held = ", ".join(f"{at['resident_mb']:.0f}" for at in texts.values())
    print(f"held at each length: {held} MB; {of['resident_mb']:.0f} MB at last")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--lookback", default="target/release/lookback")
    parser.add_argument("--tokens", default="16,120,512", type=lambda text: [int(part) for part in text.split(",")])
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--figures", type=lambda text: text.split(","), help="these alone, such as why,faithfulness")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--browser", action="store_true")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    server, told = Server(args.lookback, args.models, args.threads), {}
    try:
        began = server.resident_mb()
        for model in server.models:
            if args.browser:
                told[model["name"]] = drawn(server, model, args, random.Random(0))
                continue
            found = times_of(server, model, args, random.Random(0))
            asked = {} if args.figures else tables(model)
            of_table = {name: [1e3 * server.seconds(questions) for _ in range(args.times)] for name, questions in asked.items()}
            told[model["name"]] = {"texts": found, "table": of_table, "resident_mb": server.resident_mb()}
    finally:
        server.stop()
    if args.json:
        print(json.dumps({"machine": machine(args.threads), "models": told, "resident_mb_at_first": began}))
        return
    print(f"{machine(args.threads)}\n{began:.0f} MB held at first")
    for name, of in told.items():
        (show_drawn if args.browser else show)(name, of)


if __name__ == "__main__":
    main()
