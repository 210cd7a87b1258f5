#!/usr/bin/env python3
"""llama.cpp beside lookback, for running.py: its speed, its logits, and how far logits are from each other.

  llama.py describe FILE.gguf                                     what the file holds, in bytes
  llama.py quantize FILE.gguf OUT.gguf TYPE                       ggml's own mixture, such as Q4_K_M, of a file in f32
  llama.py widen FILE.gguf OUT.gguf                               a copy with every weight as the f32 number it stands for
  llama.py logits FILE.gguf IDS.json OUT.npy [--exact]            of every position; --exact rounds nothing to f16
  llama.py likeliest LOGITS                                       the likeliest token of every position
  llama.py compare EXPECTED.npy OTHER...                          distances from EXPECTED, .npy or lookback look's
  llama.py speed FILE.gguf [--prompt 512] [--decode 128]          medians of three rounds after one that warms up
  llama.py first FILE.gguf --id TOKEN                             seconds until it can say what follows one token

Needs llama-cpp-python, gguf and numpy. It is run in a process of its own, because a library that is loaded, threads and
memory included, must not sit beside what else is timed. It sets no callback for llama.cpp's log: llama.cpp calls it
until the process ends, and a function of Python's does not live that long. Each command prints one object last.
"""
import argparse
import ctypes
import json
import statistics
import time

import numpy

# Positions at the end of a text that are read one by one, as decoding reads them: those go other ways through
# llama.cpp's code than a prompt does.
ONE_BY_ONE = 32
ROUNDS = 3


class Context:
    """A model and its context, at llama.cpp's defaults but for the lengths and the threads."""

    def __init__(self, path, positions, batch, threads, is_exact=False):
        import llama_cpp

        self.lib = llama_cpp
        llama_cpp.llama_backend_init()
        self.model = llama_cpp.llama_model_load_from_file(path.encode(), llama_cpp.llama_model_default_params())
        assert self.model, f"{path}: llama.cpp cannot read it"
        how = llama_cpp.llama_context_default_params()
        how.n_ctx, how.n_batch, how.n_ubatch = positions, batch, batch
        how.n_threads = how.n_threads_batch = threads
        if is_exact:
            # Its fused attention rounds to f16 on the way: 2e-7 nats at 110M, where without it 5e-13 remain.
            how.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED
            how.type_k = how.type_v = llama_cpp.GGML_TYPE_F32
        self.context = llama_cpp.llama_init_from_model(self.model, how)
        assert self.context, f"{path}: llama.cpp cannot make a context of {positions} positions"
        self.vocabulary = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self.model))
        self.batch = llama_cpp.llama_batch_init(batch, 0, 1)

    def read(self, ids, first_position, is_every_row_wanted):
        """Passes the tokens through, and gives their logits: [tokens, vocabulary], or [1, vocabulary] of the last."""
        batch = self.batch
        batch.n_tokens = len(ids)
        for row, token in enumerate(ids):
            batch.token[row], batch.pos[row] = token, first_position + row
            batch.n_seq_id[row], batch.seq_id[row][0] = 1, 0
            batch.logits[row] = is_every_row_wanted or row == len(ids) - 1
        code = self.lib.llama_decode(self.context, batch)
        assert code == 0, f"llama_decode gave {code}"
        rows = len(ids) if is_every_row_wanted else 1
        logits = self.lib.llama_get_logits(self.context)  # waits for the pass
        return numpy.ctypeslib.as_array(logits, shape=(rows, self.vocabulary))

    def forget(self):
        self.lib.llama_memory_clear(self.lib.llama_get_memory(self.context), True)

    def close(self):
        self.lib.llama_batch_free(self.batch)
        self.lib.llama_free(self.context)
        self.lib.llama_model_free(self.model)


def describe(args):
    import gguf

    reader = gguf.GGUFReader(args.file)
    by_kind = {}
    for tensor in reader.tensors:
        by_kind[tensor.tensor_type.name] = by_kind.get(tensor.tensor_type.name, 0) + int(tensor.n_bytes)
    said = {name.split(".", 1)[1]: field.contents() for name, field in reader.fields.items() if name.startswith("llama.")}
    heads, width = said["attention.head_count"], said["embedding_length"]
    key_heads = said.get("attention.head_count_kv", heads)
    return dict(
        kind=max(by_kind, key=by_kind.get),
        weights_bytes=sum(by_kind.values()),
        # Of a position: a key and a value of every head that has its own, in f32, in every layer.
        position_bytes=said["block_count"] * 2 * key_heads * (width // heads) * 4,
        context=said["context_length"],
        vocabulary=len(reader.fields["tokenizer.ggml.tokens"].data),
    )


def quantize(args):
    import llama_cpp

    how = llama_cpp.llama_model_quantize_default_params()
    how.ftype = getattr(llama_cpp, f"LLAMA_FTYPE_MOSTLY_{args.type}")
    code = llama_cpp.llama_model_quantize(args.file.encode(), args.out.encode(), ctypes.byref(how))
    assert code == 0, f"llama_model_quantize gave {code}"
    return dict(type=args.type)


def widen(args):
    import gguf

    reader = gguf.GGUFReader(args.file)
    out = gguf.GGUFWriter(args.out, reader.fields["general.architecture"].contents())
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name in ("general.architecture", "general.file_type"):
            continue
        inner = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
        out.add_key_value(name, field.contents(), field.types[0], inner)
    for tensor in reader.tensors:
        out.add_tensor_info(tensor.name, [int(n) for n in reversed(tensor.shape)], numpy.dtype(numpy.float32), int(tensor.n_elements) * 4)
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_ti_data_to_file()
    # One tensor after the other, so that the whole copy is never in memory.
    for tensor in reader.tensors:
        out.write_tensor_data(gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(numpy.float32))
    out.close()
    return dict(tensors=len(reader.tensors))


def logits(args):
    with open(args.ids) as file:
        ids = json.load(file)
    at_once = max(1, len(ids) - ONE_BY_ONE)
    context = Context(args.file, len(ids), at_once, args.threads, args.exact)
    rows = [context.read(ids[:at_once], 0, True).copy()]
    for position in range(at_once, len(ids)):
        rows.append(context.read(ids[position : position + 1], position, True).copy())
    context.close()
    numpy.save(args.out, numpy.concatenate(rows))
    return dict(positions=len(ids))


def read_logits(path):
    """[positions, vocabulary]"""
    if path.endswith(".npy"):
        return numpy.load(path, mmap_mode="r")
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        site = json.loads(file.read(length))["logits"]
        assert site["dtype"] == "F32", site
        return numpy.memmap(path, numpy.float32, "r", 8 + length + site["data_offsets"][0], tuple(site["shape"][-2:]))


def likeliest(args):
    return dict(ids=[int(row.argmax()) for row in read_logits(args.file)])


def log_softmax(row):
    row = row.astype(numpy.float64)
    row = row - row.max()
    return row - numpy.log(numpy.exp(row).sum())


def compare(args):
    expected = read_logits(args.expected)
    others = [read_logits(path) for path in args.others]
    for path, other in zip(args.others, others):
        assert other.shape == expected.shape, f"{path}: {other.shape} and not {expected.shape}"
    apart, agree = [[] for _ in others], [[] for _ in others]
    neighbours, before = [], None
    for position, row in enumerate(expected):
        known = log_softmax(row)
        share = numpy.exp(known)
        for index, other in enumerate(others):
            guess = log_softmax(other[position])
            apart[index].append(float((share * (known - guess)).sum()))
            agree[index].append(int(known.argmax()) == int(guess.argmax()))
        if before is not None:
            neighbours.append(float((share * (known - before)).sum()))
        before = known
    return dict(
        positions=len(expected),
        # How far a position's distribution is from the one before it: what an answer to something else looks like.
        neighbours=statistics.mean(neighbours),
        others=[dict(kl=statistics.mean(a), kl_largest=max(a), argmax=statistics.mean(b)) for a, b in zip(apart, agree)],
    )


def speed(args):
    context = Context(args.file, args.prompt + args.decode, args.prompt, args.threads)
    ids = [position * 7919 % context.vocabulary for position in range(args.prompt + args.decode)]
    prefill, decode = [], []
    for _ in range(ROUNDS + 1):
        context.forget()
        began = time.perf_counter()
        context.read(ids[: args.prompt], 0, False)
        read = time.perf_counter()
        for position in range(args.prompt, len(ids)):
            context.read(ids[position : position + 1], position, False)
        prefill.append(read - began)
        decode.append(time.perf_counter() - read)
    context.close()
    return dict(
        prefill_tokens_per_second=args.prompt / statistics.median(prefill[1:]),
        decode_tokens_per_second=args.decode / statistics.median(decode[1:]),
        version=context.lib.__version__,
    )


def first(args):
    import llama_cpp  # which takes longer than a small file, and is Python's affair

    began = time.perf_counter()
    context = Context(args.file, 16, 1, args.threads)
    context.read([args.id], 0, False)
    seconds = time.perf_counter() - began
    context.close()
    return dict(first_seconds=seconds, version=llama_cpp.__version__)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_subparsers(required=True)

    def command(call, *places):
        one = what.add_parser(call.__name__)
        for place in places:
            one.add_argument(place, **(dict(nargs="+") if place == "others" else {}))
        one.set_defaults(call=call)
        return one

    command(describe, "file")
    command(quantize, "file", "out", "type")
    command(widen, "file", "out")
    command(likeliest, "file")
    command(compare, "expected", "others")
    of_logits = command(logits, "file", "ids", "out")
    of_logits.add_argument("--exact", action="store_true")
    of_speed = command(speed, "file")
    of_speed.add_argument("--prompt", type=int, default=512)
    of_speed.add_argument("--decode", type=int, default=128)
    of_first = command(first, "file")
    of_first.add_argument("--id", type=int, required=True)
    for one in (of_logits, of_speed, of_first):
        one.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    print(json.dumps(args.call(args)))


if __name__ == "__main__":
    main()
