#!/usr/bin/env python3
"""Runs the tests of some crates, by the programs that `cargo test --workspace` has compiled.

  tested.py 'CRATE ...' [FILTER ...]      FILTER: what programs of tests take, such as --ignored or --skip NAME

`cargo test -p CRATE` unites features over the crates that are named, and compiles copies of most of what they
depend on (LOG.md). All programs are run, and if a test of one fails this exits with 1.
"""
import json
import subprocess
import sys
from pathlib import Path

crates, filters = sys.argv[1].split(), sys.argv[2:]
folders = {crate.removeprefix("lookback-") for crate in crates}
made = subprocess.run(
    ["cargo", "test", "--workspace", "--no-run", "--quiet", "--message-format", "json"],
    stdout=subprocess.PIPE,
    check=True,
)
failed = []
for line in made.stdout.splitlines():
    of = json.loads(line)
    if of["reason"] != "compiler-artifact" or not of["executable"] or not of["profile"]["test"]:
        continue
    folder = Path(of["manifest_path"]).parent
    if folder.name not in folders:
        continue
    print(f"{folder.name}, {of['target']['name']}", flush=True)
    if subprocess.run([of["executable"], "--quiet", *filters], cwd=folder).returncode != 0:
        failed.append(f"{folder.name}, {of['target']['name']}")
if failed:
    sys.exit(f"tests failed: {'; '.join(failed)}")
