"""Trains a small GPT-2 on Tinytown and checks that `lookback heads` finds the heads that its look-ups need: those of
layer 1 by their induction score, and a head of layer 0 that looks at the token before.

python .ci/induction_heads.py LOOKBACK TOKENIZER OUT (TOKENIZER: the default model's directory; takes three minutes)
"""

import json
import subprocess
import sys
from pathlib import Path

SETTINGS = {
    "layers": 3,
    "heads": 4,
    "key_heads": 4,
    "width": 64,
    "hidden": 256,
    "context": 64,
    "batch": 16,
    "accumulate": 1,
    "at_documents": "true",
    "optimizer": "adamw",
    "rate": 0.003,
    "final_share": 0.05,
    "warmup_share": 0.03,
    "decay": 0.1,
    "start_tables": 0.1,
    "start_matrices": 0.06,
    "start_heads": "mimetic",
    "keep": "last",
}


def main(lookback, tokenizer, out):
    run = lambda *line: subprocess.run([lookback, *map(str, line)], check=True, capture_output=True, text=True).stdout
    out = Path(out)
    text = out / "town.txt"
    out.mkdir(parents=True, exist_ok=True)
    text.write_text(run("corpus", "--bytes", 4_000_000))
    settings = [part for key, value in SETTINGS.items() for part in ("--set", f"{key}={value}")]
    model = out / "gpt2"
    run("train", text, "--tokenizer", tokenizer, "--preset", "gpt2", "--compute", "bf16", *settings,
        "--steps", 8300, "--out", model, "--quiet")
    heads = json.loads(run("heads", model, "--json"))["heads"]
    score = {(head["layer"], head["head"]): head for head in heads}
    best = lambda kind: sorted(score, key=lambda at: -score[at][kind])
    induction = best("induction")[:4]
    assert {layer for layer, _ in induction} == {1}, induction
    previous = best("previous_token")[0]
    assert previous[0] == 0, previous

    def answered(*off):
        options = [part for name in off for part in ("--off", name)]
        return json.loads(run("eval", model, "--questions", "--json", *options))["questions"]["lookup-easy"]["right"]

    plain = answered()
    found = answered(*(f"{layer}.{head}" for layer, head in induction))
    others = answered("attn.2")
    before = answered("{}.{}".format(*previous))
    print(f"look-ups of 100: {plain}; without {induction}: {found}; without layer 2: {others}; "
          f"without {previous}, which looks at the token before: {before}")
    # The run has the same bits on every machine: these are the numbers of docs/interventions.md.
    assert (plain, found, before, others) == (100, 7, 27, 100)
    kept = sorted((head["induction"] for head in heads), reverse=True)
    assert [round(kept[at], 3) for at in (0, 3, 4)] == [0.104, 0.086, 0.037], kept


main(*sys.argv[1:])
