# SPDX-License-Identifier: MIT
"""Turns a GGUF written by export_gguf.py back into a checkpoint, to train on from the published file:

    import_gguf.py --gguf starglass-guide.gguf --out run/ck.pt

The weights come out as rounded in the file; the optimiser starts afresh. The tokenizer must be that of merges.json.
"""
import argparse
import os
import struct
import sys

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import bpe  # noqa: E402
import export_gguf as X  # noqa: E402
import model as M  # noqa: E402
import optim  # noqa: E402

SCALAR = {X.U32: "<I", X.V_I32: "<i", X.V_F32: "<f", X.BOOL: "<?", X.U64: "<Q"}


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        v = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return v[0] if len(v) == 1 else v

    def string(self):
        n = self.take("<Q")
        self.at += n
        return self.data[self.at - n:self.at].decode()

    def value(self, t):
        if t == X.STR:
            return self.string()
        if t == X.ARR:
            t, n = self.take("<IQ")
            return [self.value(t) for _ in range(n)]
        return self.take(SCALAR[t])


def read(path):
    """-> metadata, {tensor name: float32 or int32 array}."""
    with open(path, "rb") as f:
        r = Reader(f.read())
    magic, version, n, n_meta = r.take("<4sIQQ")
    if magic != b"GGUF" or version != 3:
        raise ValueError("not a GGUF of version 3")
    meta = {}
    for _ in range(n_meta):
        key = r.string()
        meta[key] = r.value(r.take("<I"))
    table = []
    for _ in range(n):
        name = r.string()
        dims = [r.take("<Q") for _ in range(r.take("<I"))]
        table.append((name, dims[::-1]) + r.take("<IQ"))
    base = (r.at + 31) // 32 * 32
    out = {}
    for name, shape, t, pos in table:
        count, pos = int(np.prod(shape)), base + pos
        if t == X.Q8_0:
            b = np.frombuffer(r.data, np.uint8, count // 32 * 34, pos).reshape(-1, 34)
            x = b[:, :2].copy().view(np.float16).astype(np.float32) * b[:, 2:].copy().view(np.int8).astype(np.float32)
        else:
            x = np.frombuffer(r.data, {X.F32: "<f4", X.F16: "<f2", X.I32: "<i4"}[t], count, pos)
        out[name] = torch.from_numpy(x.astype(np.int32 if t == X.I32 else np.float32).reshape(shape))
    return meta, out


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--gguf", default=os.path.join(HERE, "starglass-guide.gguf"))
    ap.add_argument("--out", required=True)
    a = ap.parse_args()
    meta, tensors = read(a.gguf)
    tok = bpe.Tokenizer.load(os.path.join(HERE, "merges.json"))
    if meta["tokenizer.ggml.tokens"] != tok.tokens:
        sys.exit("the file has another tokenizer than merges.json")
    c = M.Config(V=tok.size)
    for key, _, v in X.metadata(c, tok):
        if key.startswith("deepseek4.") and (meta[key] != v if isinstance(v, str) else not np.allclose(meta[key], v)):
            sys.exit("%s is %s, not %s" % (key, meta[key], v))
    p = M.init_params(c)
    for k in p:
        name = k + (".bias" if k.endswith("exp_probs_b") else ".weight")
        p[k] = tensors[name].reshape(p[k].shape).to(p[k].dtype).contiguous()
        if not any(k.endswith(s) for s in M.NOT_TRAINED):
            p[k].requires_grad_()
    opt = optim.Optimizer(p, M.is_muon)
    done = {"tokens": 0, "steps": 0, "seconds": 0.0}
    os.makedirs(os.path.dirname(os.path.abspath(a.out)), exist_ok=True)
    torch.save({"p": {k: v.detach() for k, v in p.items()}, "opt": opt.state(), "done": done, "config": vars(c)}, a.out)
    print(a.out, len(p), "tensors")


if __name__ == "__main__":
    main()
