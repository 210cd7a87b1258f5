"""What the benchmarks beside this file share: runs that take turns, and what is said of them.

Hosts are shared and clocks wander, so nothing here is compared across runs: every program runs once in each
round, and a ratio is taken within the round. Read training next.
"""
import ast
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path


def refuse(why):
    """Ends without a figure: what is not correct is not timed."""
    sys.exit(f"not timed: {why}")


@dataclass
class Ended:
    """A program that ended well."""

    stdout: str
    stderr: str
    seconds: float
    resident_mb: float  # the most memory that it held, pages of mapped files included


# A program counts its parent's memory as its own until it begins, so a small one starts it and says of it: its
# exit code, its seconds and the kilobytes that it held at the most.
STARTER = """
import os, sys, time
began = time.perf_counter()
child = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(child, 0)
said = os.waitstatus_to_exitcode(status), time.perf_counter() - began, usage.ru_maxrss
os.write(int(sys.argv[1]), repr(said).encode())
"""


def run(command, **environment):
    """Runs a command to its end, with these variables besides, and refuses if that is a bad one."""
    command = [str(word) for word in command]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.TemporaryFile() as about:
        subprocess.run([sys.executable, "-ISc", STARTER, str(about.fileno()), *command], stdout=out, stderr=err,
                       stdin=subprocess.DEVNULL, pass_fds=[about.fileno()], env=os.environ | environment)
        for file in (out, err, about):
            file.seek(0)
        said, ended = err.read().decode(errors="replace"), about.read().decode()
        code, seconds, kilobytes = ast.literal_eval(ended) if ended else (1, 0, 0)
        if code != 0:
            last = said.strip().splitlines()[-1:] or [f"exit code {code}"]
            refuse(f"{' '.join(command)}: {last[0]}")
        return Ended(out.read().decode(), said, seconds, kilobytes / 1024)


def last_object(command):
    """The JSON object in the last line that a command prints, with `resident_mb` and `whole_seconds`."""
    ended = run(command)
    besides = {"resident_mb": ended.resident_mb, "whole_seconds": ended.seconds}
    return json.loads(ended.stdout.strip().splitlines()[-1]) | besides


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


def of_processor(key):
    """What the system says of its first processor; nothing where it does not say."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(key)), "")


def multiplies_bf16():
    """Whether the processor has the instruction; elsewhere two multiply-adds a lane stand in for it."""
    return "avx512_bf16" in of_processor("flags").split()


def machine(threads):
    """The processor by name: a speed without one says nothing."""
    name = of_processor("model name") or platform.processor() or platform.machine()
    flags = of_processor("flags").split()
    known = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in flags]
    return f"{name} ({', '.join(known)}), {threads} of {os.cpu_count()} cores"
