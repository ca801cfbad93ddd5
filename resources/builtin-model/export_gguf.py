# SPDX-License-Identifier: MIT
"""Writes a training checkpoint as GGUF v3 (architecture deepseek4):  export_gguf.py --checkpoint ck.pt --out starglass-guide.gguf

Q8_0: attention projections, shared and routed experts, output head. F16: embedding, hyper-connection, router, compressor and
indexer matrices. F32: norms (all one), biases, scales, sinks. I32: hash routing table.
"""
import argparse
import json
import os
import struct
import sys

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import bpe  # noqa: E402
import model as M  # noqa: E402

F32, F16, Q8_0, I32 = 0, 1, 8, 26
U32, V_I32, V_F32, BOOL, STR, ARR, U64 = 4, 5, 6, 7, 8, 9, 10
CONTEXT = 4096


def q8_0(x):
    """x [rows, in] -> bytes of Q8_0 blocks."""
    b = x.astype(np.float32).reshape(-1, 32)
    d = (np.abs(b).max(1) / 127).astype(np.float16)
    df = d.astype(np.float32)
    q = np.rint(np.divide(b, df[:, None], out=np.zeros_like(b), where=df[:, None] > 0)).clip(-127, 127).astype(np.int8)
    out = np.empty((len(b), 34), np.uint8)
    out[:, :2] = d.view(np.uint8).reshape(-1, 2)
    out[:, 2:] = q.view(np.uint8)
    return out.tobytes()


def q8_0_values(x):
    """What the engine sees: the rounded weights."""
    b = np.frombuffer(q8_0(x), np.uint8).reshape(-1, 34)
    d = b[:, :2].copy().view(np.float16).astype(np.float32)
    return (d * b[:, 2:].copy().view(np.int8).astype(np.float32)).reshape(x.shape)


def kind(name):
    """Storage type of a parameter."""
    if name.endswith("tid2eid"):
        return I32
    if any(name.endswith(s) for s in ("_scale", "_base", "sinks", "probs_b", "_norm")):
        return F32
    if any(s in name for s in ("token_embd", "hc_", "ffn_gate_inp", "compressor", "indexer")):
        return F16
    return Q8_0


def string(s):
    b = s.encode()
    return struct.pack("<Q", len(b)) + b


def value(t, v):
    if t == STR:
        return string(v)
    return struct.pack({U32: "<I", V_I32: "<i", V_F32: "<f", BOOL: "<?", U64: "<Q"}[t], v)


def kv(key, t, v):
    if isinstance(t, tuple):
        return string(key) + struct.pack("<IIQ", ARR, t[1], len(v)) + b"".join(value(t[1], x) for x in v)
    return string(key) + struct.pack("<I", t) + value(t, v)


def metadata(c, tok):
    A = "deepseek4."
    n = c.L
    return [
        ("general.architecture", STR, "deepseek4"),
        ("general.name", STR, "Starglass built-in guide"),
        ("general.license", STR, "MIT"),
        ("general.alignment", U32, 32),
        ("general.sampling.temp", V_F32, 0.0),
        (A + "block_count", U32, n), (A + "context_length", U64, CONTEXT), (A + "embedding_length", U32, c.E), (A + "vocab_size", U32, c.V),
        (A + "attention.head_count", U32, c.H), (A + "attention.head_count_kv", U32, 1), (A + "attention.key_length", U32, c.D),
        (A + "attention.value_length", U32, c.D), (A + "attention.q_lora_rank", U32, c.LQ), (A + "attention.output_lora_rank", U32, c.LO),
        (A + "attention.output_group_count", U32, c.G), (A + "attention.sliding_window", U32, c.Wn),
        (A + "attention.layer_norm_rms_epsilon", V_F32, c.eps), (A + "attention.compress_ratios", (ARR, U32), c.ratios),
        (A + "attention.compress_rope_freq_base", V_F32, c.rope_base), (A + "attention.indexer.head_count", U32, c.IH),
        (A + "attention.indexer.key_length", U32, c.ID), (A + "attention.indexer.top_k", U32, c.TK), (A + "rope.dimension_count", U32, c.R),
        (A + "rope.freq_base", V_F32, c.rope_base), (A + "rope.scaling.type", STR, "none"), (A + "rope.scaling.factor", V_F32, 1.0),
        (A + "rope.scaling.original_context_length", U64, CONTEXT), (A + "rope.scaling.yarn_beta_fast", V_F32, 32.0),
        (A + "rope.scaling.yarn_beta_slow", V_F32, 1.0), (A + "expert_count", U32, c.N), (A + "expert_used_count", U32, c.K),
        (A + "expert_shared_count", U32, 1), (A + "expert_feed_forward_length", U32, c.F), (A + "expert_weights_scale", V_F32, c.expert_scale),
        (A + "expert_weights_norm", BOOL, True), (A + "hash_layer_count", U32, c.Lh), (A + "swiglu_clamp_exp", (ARR, V_F32), [c.clamp] * n),
        (A + "hyper_connection.count", U32, c.C), (A + "hyper_connection.sinkhorn_iterations", U32, c.SI),
        (A + "hyper_connection.epsilon", V_F32, c.eps),
        ("tokenizer.ggml.model", STR, "gpt2"), ("tokenizer.ggml.pre", STR, "joyai-llm"), ("tokenizer.ggml.tokens", (ARR, STR), tok.tokens),
        ("tokenizer.ggml.token_type", (ARR, V_I32), tok.types), ("tokenizer.ggml.merges", (ARR, STR), [a + " " + b for a, b in tok.merges]),
        ("tokenizer.ggml.bos_token_id", U32, bpe.BOS), ("tokenizer.ggml.eos_token_id", U32, bpe.EOS), ("tokenizer.ggml.padding_token_id", U32, bpe.PAD),
        ("starglass.chat.tools_head", STR, "Tools:\n"), ("starglass.chat.tools_tail", STR, ""),
    ]


def tensors(c, p):
    """[(name, dims, type, bytes)] in file order."""
    out = []

    def add(name, x, t, suffix=".weight"):
        x = np.ascontiguousarray(x)
        dims = list(x.shape[::-1])
        data = q8_0(x) if t == Q8_0 else x.astype({F32: "<f4", F16: "<f2", I32: "<i4"}[t]).tobytes()
        out.append((name + suffix, dims, t, data))
    one = {"attn_norm": c.E, "attn_q_a_norm": c.LQ, "attn_kv_a_norm": c.D, "ffn_norm": c.E}
    for k, v in p.items():
        x = v.detach().float().numpy() if v.is_floating_point() else v.numpy()
        if k.endswith("attn_output_a"):  # [G, LO, gd] -> rows g * LO + t
            x = x.reshape(-1, x.shape[-1])
        add(k, x, kind(k), ".bias" if k.endswith("exp_probs_b") else ".weight")
    add("output_norm", np.ones(c.E), F32)
    for l in range(c.L):
        b = "blk.%d." % l
        for k, n in one.items():
            add(b + k, np.ones(n), F32)
        if c.ratios[l]:
            add(b + "attn_compressor_norm", np.ones(c.D), F32)
        if c.ratios[l] == 4:
            add(b + "indexer_compressor_norm", np.ones(c.ID), F32)
    return out


def write(path, c, p, tok):
    meta, ts = metadata(c, tok), tensors(c, p)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(ts), len(meta)) + b"".join(kv(*m) for m in meta)
    pos = 0
    for name, dims, t, data in ts:
        head += string(name) + struct.pack("<I", len(dims)) + b"".join(struct.pack("<Q", d) for d in dims) + struct.pack("<IQ", t, pos)
        pos += (len(data) + 31) // 32 * 32
    head += b"\0" * (-len(head) % 32)
    with open(path + ".tmp", "wb") as f:
        f.write(head)
        for _, _, _, data in ts:
            f.write(data + b"\0" * (-len(data) % 32))
    os.replace(path + ".tmp", path)
    return os.path.getsize(path)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--checkpoint", required=True)
    ap.add_argument("--out", required=True)
    a = ap.parse_args()
    ck = torch.load(a.checkpoint)
    c = M.Config(**ck["config"])
    tok = bpe.Tokenizer.load(os.path.join(HERE, "merges.json"))
    print(a.out, write(a.out, c, ck["p"], tok), "bytes", json.dumps(ck["done"]))


if __name__ == "__main__":
    main()
