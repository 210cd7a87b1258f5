#!/usr/bin/env python3
"""Inputs that once went wrong, each with the right value as an independent program gave it.

  cases.py LOOKBACK SHARED      LOOKBACK: the program; SHARED: the folder with cases/, models/ and data/

Prints a line a case and exits with 1 if one is wrong. Nothing but Python's own library is needed.
"""
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

LOOKBACK, SHARED = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
CASES = SHARED / "cases"
SMALL = "--tokenizer char --set batch=2 --set context=8 --set width=32 --set layers=1 --steps 2".split()


def lookback(*arguments, seconds=120, memory=None, stdin=None, folder=None):
    """Runs the program; memory in bytes of address space."""
    limit = (lambda: resource.setrlimit(resource.RLIMIT_AS, (memory, memory))) if memory else None
    command = [str(LOOKBACK), *map(str, arguments)]
    try:
        return subprocess.run(command, cwd=folder, input=stdin, capture_output=True, timeout=seconds, preexec_fn=limit)
    except subprocess.TimeoutExpired as late:
        return subprocess.CompletedProcess(command, 124, late.stdout or b"", late.stderr or b"")


def answer(*arguments, **options):
    """What a command that must go well prints as JSON."""
    done = lookback(*arguments, "--json", **options)
    assert done.returncode == 0, f"exit {done.returncode}: {done.stderr.decode()}"
    return json.loads(done.stdout)


def refused(done, *words):
    """One sentence, exit code 2, no control characters, and the words in it."""
    sentence = done.stderr.decode(errors="replace")
    assert done.returncode == 2, f"exit {done.returncode}: {sentence[:300]}"
    assert sentence.startswith("lookback: ") and sentence.count("\n") == 1 and len(sentence) < 1000, sentence[:1000]
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", sentence), repr(sentence)
    for word in words:
        assert word in sentence, f"{word!r} is not in {sentence!r}"
    return sentence


def ids(tokenizer, text):
    return answer("tokenizer", "encode", text, "--tokenizer", tokenizer)["ids"]


# Training and evaluating.


def large_vocabularies(at: Path):
    text = at / "my.txt"
    text.write_text("".join(f"line {i}: the bird is red\n" for i in range(1, 401)))
    for name in ["gpt2", "cl100k", "o200k"]:
        answer("train", text, "--tokenizer", name, "--steps", 1, "--out", at / name, seconds=300)


def documents_are_evaluated_as_they_were_learned(at: Path):
    settings = "width=48 heads=4 key_heads=4 hidden=96 layers=2 context=32 batch=16".split()
    settings = [part for setting in settings for part in ("--set", setting)]
    run = at / "run"
    names = CASES / "train/names.jsonl"
    told = answer("train", names, "--tokenizer", "bpe:300", *settings, "--threads", 1, "--steps", 600, "--out", run)
    own = at / "val.jsonl"
    own.write_text("".join(names.read_text().splitlines(keepends=True)[-1235:]))
    loss = answer("eval", run, own)["loss"]
    # transformers, with the end-of-text token after each document, has 2.8150 for the weights of the last step.
    assert abs(loss - 2.8150) < 0.02, loss
    assert abs(loss - told["validation_loss"]) < 2e-3, (loss, told["validation_loss"])


def documents_of_characters_end(at: Path):
    text = at / "x.jsonl"
    text.write_text('{"text":"anna"}\n{"text":"bob"}\n{"text":"carl"}\n' * 100)
    settings = "--set batch=4 --set context=16 --steps 100 --set width=32 --set layers=1".split()
    answer("train", text, "--tokenizer", "char", *settings, "--out", at / "run")
    for prompt in [[], ["-p", "a"]]:
        told = answer("generate", at / "run", *prompt, "-n", 30, "--greedy")
        assert told["finish_reason"] == "stop", told
        # After a lone a, which also ends a name, the document may be over.
        assert told["text"] in (["", "nna", "rl"] if prompt else ["anna", "bob", "carl"]), told


def a_run_goes_on_with_its_own_text(at: Path):
    text = at / "a.txt"
    text.write_text("".join(f"line {i}: the bird is red\n" for i in range(1, 401)))
    settings = "--tokenizer char --set layers=1 --set width=32 --steps 20".split()
    answer("train", text, *settings, "--out", at / "run")
    for other in [["no-such-file.txt"], ["--tokenizer", "o200k"], ["--preset", "small"]]:
        refused(lookback("train", *other, "--resume", "--out", at / "run", "--steps", 40, folder=at))


def validation_begins_at_documents(at: Path):
    settings = "at_documents=true context=13 batch=64 layers=2 heads=2 key_heads=2 width=48 hidden=96".split()
    settings = [part for setting in settings for part in ("--set", setting)]
    sort = CASES / "train/sort.jsonl"
    told = answer("train", sort, "--tokenizer", "char", *settings, "--steps", 600, "--threads", 1, "--out", at / "run")
    # transformers, each document from its beginning, has 0.4252; documents had no end token then.
    assert told["validation_loss"] < 0.45, told
    tests = json.loads((CASES / "train/sort_test.json").read_text())[:60]
    right = sum(
        answer("generate", at / "run", "-p", prompt, "-n", len(wanted), "--greedy")["text"] == wanted
        for prompt, wanted in tests
    )
    assert right >= 58, f"{right} of {len(tests)} sorted rightly"


def the_best_weights_are_kept(at: Path):
    text = at / "my.txt"
    text.write_bytes((SHARED / "data/tinyshakespeare.txt").read_bytes()[:3000])
    settings = "width=32 heads=2 key_heads=2 hidden=64 layers=2 context=32 batch=8".split()
    settings = [part for setting in settings for part in ("--set", setting)]
    run = at / "run"
    answer("train", text, "--tokenizer", "char", *settings, "--threads", 1, "--steps", 2000, "--out", run)
    metrics = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    losses = [line["validation_loss"] for line in metrics if line.get("validation_loss") is not None]
    kept = answer("eval", run, text)["loss"]
    assert min(losses) < losses[-1] - 0.5, losses
    # Of the whole text; the last step's weights know nine tenths of it by heart.
    assert kept > 1.0, kept


def byte_order_marks_are_skipped(at: Path):
    for name in ["bom.jsonl", "bom.txt"]:
        answer("train", CASES / "train" / name, *SMALL, "--out", at / name)
        shown = lookback("tokenizer", "show", "--tokenizer", at / name).stdout.decode()
        assert "\ufeff" not in shown and "feff" not in shown.lower(), shown


# Other people's files.


def added_tokens_are_read(at: Path):
    model = CASES / "run/added_tokens_decoder"
    assert ids(model, "a<tool>b") == [97, 260, 98]


def gguf_without_a_pre_tokenizer(at: Path):
    found = ids(CASES / "run/bpe-no-pre.gguf", "the 123456 12345!!!")
    assert found[:5] == [116, 259, 32, 257, 265], found


def gguf_ends_at_a_token_by_its_name(at: Path):
    model = CASES / "run/eog-by-name.gguf"
    told = answer("generate", model, "--ids", 5, "--logit-bias", "289+1000", "-n", 4)
    assert told["finish_reason"] == "stop" and len(told["ids"]) <= 1, told


def gguf_without_bos_and_eos(at: Path):
    assert ids(CASES / "run/spm-no-bos-key.gguf", "a")[0] == 1


def llama_cpps_own_q4_0(at: Path):
    done = lookback("look", CASES / "run/q-Q4_0.gguf", "--ids", "5,70")
    assert done.returncode == 0, done.stderr.decode()


def regular_expressions_are_onigs(at: Path):
    # tokenizers 0.22.
    right = {
        "regex-w-super.json": ("a²", [257]),
        "regex-dollar.json": (" \na \nb", [32, 10, 97, 32, 10, 98]),
        "regex-posix-punct.json": ("“”", [226, 128, 156, 257]),
    }
    for name, (text, wanted) in right.items():
        found = ids(CASES / "run" / name, text)
        assert found == wanted, f"{name}: {found}, not {wanted}"


# Hostile files: a sentence within seconds, in bounded memory.


def edited(at: Path, file: str, change):
    """A copy of a model with one JSON file changed."""
    model = at / "model"
    shutil.copytree(SHARED / "models/stories260k", model)
    for path in [model, *model.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    content = json.loads((model / file).read_text())
    change(content)
    (model / file).write_text(json.dumps(content))
    return model


def a_long_chain_in_a_template(at: Path):
    model = edited(at, "tokenizer_config.json", lambda c: c.update(chat_template="{{ " + "not " * 32000 + "1 }}"))
    refused(lookback("chat", model, stdin=b"hi\n", seconds=10))


def twenty_thousand_pre_tokenizers(at: Path):
    digits = {"type": "Digits", "individual_digits": True}
    sequence = {"type": "Sequence", "pretokenizers": [digits] * 20000}
    model = edited(at, "tokenizer.json", lambda c: c.update(pre_tokenizer=sequence))
    refused(lookback("tokenizer", "encode", "hi", "--tokenizer", model / "tokenizer.json", seconds=10))


def a_normalizer_that_doubles(at: Path):
    double = {"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}
    sequence = {"type": "Sequence", "normalizers": [double] * 60}
    model = edited(at, "tokenizer.json", lambda c: c.update(normalizer=sequence))
    encode = ["tokenizer", "encode", "aaaa", "--tokenizer", model / "tokenizer.json"]
    refused(lookback(*encode, seconds=10, memory=6 << 30))


def a_configuration_that_is_a_device(at: Path):
    model = edited(at, "config.json", lambda c: None)
    (model / "config.json").unlink()
    (model / "config.json").symlink_to("/dev/zero")
    refused(lookback("generate", model, "-p", "a", seconds=10, memory=6 << 30), "config.json")


def a_model_that_is_a_fifo(at: Path):
    os.mkfifo(at / "fifo")
    refused(lookback("generate", at / "fifo", "-p", "a", seconds=5))


def control_characters_of_a_path(at: Path):
    refused(lookback("generate", "no\x1b[31m\nsuch", "-p", "a"))


def control_characters_of_a_vocabulary(at: Path):
    # To a terminal, which script(1) makes, none arrives raw.
    program = f"{LOOKBACK} generate {CASES / 'attack/escapes.gguf'} --ids 1 -n 8"
    done = subprocess.run(["script", "-qec", program, "/dev/null"], capture_output=True, timeout=20, stdin=subprocess.DEVNULL)
    shown = done.stdout.replace(b"\r\n", b"\n")
    own = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", shown)
    assert b"\x1b]" not in shown and b"\x07" not in own and b"\x1b" not in own, shown[:400]


def a_skippable_frame(at: Path):
    (at / "s.txt.zst").write_bytes(b"\x50\x2a\x4d\x18\x00\x00\x00\x00")
    sentence = refused(lookback("train", at / "s.txt.zst", *SMALL, "--out", at / "run"))
    assert "broken" not in sentence and "fetch it again" not in sentence, sentence


def is_check(item):
    code = getattr(item, "__code__", None)
    return code is not None and code.co_argcount == 1 and code.co_varnames[0] == "at"


def main():
    checks = [check for check in globals().values() if is_check(check)]
    wrong = 0
    for check in checks:
        with tempfile.TemporaryDirectory() as at:
            try:
                check(Path(at))
                print("ok   ", check.__name__.replace("_", " "))
            except AssertionError as error:
                wrong += 1
                print("WRONG", check.__name__.replace("_", " ") + ":", error)
    print(f"{len(checks) - wrong} passed, {wrong} failed")
    sys.exit(wrong > 0)


main()
