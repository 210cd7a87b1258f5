"""What the benchmarks beside this file share: runs that take turns, and what is said of them.

Hosts are shared and clocks wander, so nothing here is compared across runs: every program runs once in each
round, and a ratio is taken within the round. Read training next.
"""
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path


def refuse(why):
    """Ends without a figure: what is not correct is not timed."""
    sys.exit(f"not timed: {why}")


@dataclass
class Ended:
    """A program that ended well."""

    stdout: str
    seconds: float
    resident_mb: float  # the most memory that it held, pages of mapped files included


def run(command):
    """Runs a command to its end, and refuses if that is a bad one."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.perf_counter()
        child = subprocess.Popen([str(word) for word in command], stdout=out, stderr=err, stdin=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        for file in (out, err):
            file.seek(0)
        if child.returncode != 0:
            said = err.read().decode(errors="replace").strip().splitlines()
            refuse(f"{' '.join(str(word) for word in command)}: {said[-1] if said else f'exit code {child.returncode}'}")
        return Ended(out.read().decode(), seconds, usage.ru_maxrss / 1024)


def last_object(command):
    """The JSON object in the last line that a command prints, with `resident_mb`."""
    ended = run(command)
    return json.loads(ended.stdout.strip().splitlines()[-1]) | {"resident_mb": ended.resident_mb}


def take_turns(runs, rounds):
    """Runs every command once a round: `{name: [object of each round]}`."""
    found = {name: [] for name in runs}
    for number in range(rounds):
        for name, command in runs.items():
            if sys.stderr.isatty():
                print(f"\rround {number + 1} of {rounds}: {name}".ljust(60), end="", file=sys.stderr, flush=True)
            found[name].append(last_object(command))
    if sys.stderr.isatty():
        print("\r".ljust(61) + "\r", end="", file=sys.stderr, flush=True)
    return found


def values(objects, key):
    return [one[key] for one in objects]


def median(objects, key):
    return statistics.median(values(objects, key))


def spread(numbers, form="{:.0f}"):
    """The median with the smallest and the largest."""
    return f"{form.format(statistics.median(numbers))} ({form.format(min(numbers))}–{form.format(max(numbers))})"


def ratio(ours, theirs, form="{:.2f}"):
    """Round by round: how many times theirs ours is, with the smallest and the largest."""
    return spread([a / b for a, b in zip(ours, theirs)], form) + " ×"


def machine(threads):
    """The processor by name: a speed without one says nothing."""
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
        flags = next((line.split(":", 1)[1].split() for line in lines if line.startswith("flags")), [])
        known = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in flags]
        name = f"{name} ({', '.join(known)})"
    except (OSError, StopIteration):
        pass
    return f"{name}, {threads} of {os.cpu_count()} cores"
