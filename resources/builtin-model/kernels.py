# SPDX-License-Identifier: MIT
"""Builds kernels.cpp and runs a training step with it: loss and gradients of every parameter but the indexer's."""
import ctypes as ct
import os
import subprocess
import tempfile

import torch

import model as M

HERE = os.path.dirname(os.path.abspath(__file__))
FLAGS = ["-O3", "-march=native", "-mprefer-vector-width=512", "-ffast-math", "-shared", "-fPIC", "-w"]
_lib = None

LAYER = ["hc_attn_fn", "hc_attn_scale", "hc_attn_base", "attn_q_a", "attn_q_b", "attn_kv", "attn_sinks", "attn_output_a", "attn_output_b",
         "attn_compressor_ape", "attn_compressor_kv", "attn_compressor_gate", "hc_ffn_fn", "hc_ffn_scale", "hc_ffn_base", "ffn_gate_inp",
         "ffn_gate_exps", "ffn_up_exps", "ffn_down_exps", "ffn_gate_shexp", "ffn_up_shexp", "ffn_down_shexp"]
GLOBAL = ["token_embd", "output", "output_hc_fn", "output_hc_scale", "output_hc_base"]
P = ct.c_void_p


class Shape(ct.Structure):
    _fields_ = [(k, ct.c_int) for k in "E L V H D R G LQ LO N K F Lh Wn C SI".split()] + [(k, ct.c_float) for k in ("clamp", "expert_scale", "eps")]


class LayerS(ct.Structure):
    _fields_ = [("p%d" % i, P) for i in range(len(LAYER))]


class ParamsS(ct.Structure):
    _fields_ = [("g%d" % i, P) for i in range(len(GLOBAL))] + [("layer", LayerS * 16)]


CB = ct.CFUNCTYPE(P, ct.c_int)


class StepS(ct.Structure):
    _fields_ = [("s", Shape), ("p", ParamsS), ("g", ParamsS), ("ratios", ct.c_int * 16), ("tid2eid", P * 16), ("bias", P * 16), ("cos", P), ("sin", P),
                ("tok", P), ("valid", P), ("sel", P), ("target", P), ("B", ct.c_int), ("T", ct.c_int), ("n_sel", ct.c_int), ("want_mass", ct.c_int),
                ("loads", P), ("x", P * 16), ("zn", P * 16), ("mass", P * 16), ("mask_of", CB), ("seconds", ct.c_double * 8), ("forward_only", ct.c_int), ("best", P)]


def library(arena=8 << 30):
    global _lib
    if _lib is None:
        so = os.path.join(tempfile.mkdtemp(), "kernels.so")
        subprocess.check_call(["g++"] + FLAGS + ["-o", so, os.path.join(HERE, "kernels.cpp")])
        _lib = ct.CDLL(so)
        _lib.sg_init.argtypes = [ct.c_size_t]
        _lib.sg_step.restype = ct.c_float
        _lib.sg_step.argtypes = [P]
        f = ct.c_float
        _lib.sg_muon.argtypes = [P, P, P, ct.c_int, ct.c_int, ct.c_int, f, f, f, f, ct.c_int]
        _lib.sg_adam.argtypes = [P, P, P, P, ct.c_long, f, f, f, f, f]
        _lib.sg_init(arena)
    return _lib


def view(ptr, *shape):
    n = 1
    for d in shape:
        n *= d
    return torch.frombuffer((ct.c_float * n).from_address(ptr), dtype=torch.float32).view(*shape)


class Fused:
    """One step at a time on a fixed parameter dictionary; gradients land in p[k].grad."""

    def __init__(self, net):
        self.net, c, p = net, net.c, net.p
        self.lib = library()
        st = self.st = StepS()
        for k, _ in Shape._fields_:
            setattr(st.s, k, getattr(c, k))
        self.grads = {k: torch.zeros_like(v) for k, v in p.items() if v.requires_grad}
        for dst, src in ((st.p, p), (st.g, self.grads)):
            for i, k in enumerate(GLOBAL):
                setattr(dst, "g%d" % i, src[k].data_ptr())
            for l in range(c.L):
                for i, k in enumerate(LAYER):
                    t = src.get("blk.%d.%s" % (l, k))
                    setattr(dst.layer[l], "p%d" % i, t.data_ptr() if t is not None else None)
        for l in range(c.L):
            st.ratios[l] = c.ratios[l]
            t = p.get("blk.%d.ffn_gate_tid2eid" % l)
            st.tid2eid[l] = t.data_ptr() if t is not None else None
            t = p.get("blk.%d.exp_probs_b" % l)
            st.bias[l] = t.data_ptr() if t is not None else None
        self.cos, self.sin = M.rope_table(c, 4096)
        st.cos, st.sin = self.cos.data_ptr(), self.sin.data_ptr()
        self.null = CB()
        self.cb = CB(self._mask)

    def _mask(self, l):
        net, c = self.net, self.net.c
        B, T = self.B, self.T
        nc = T // 4
        if nc <= c.TK:
            return None
        with torch.no_grad():
            s = self._scores(l)
            kth = s.topk(c.TK, -1).values[..., -1:]
            drop = torch.where(s >= kth, 0.0, -1e30).contiguous()
        self.keep.append(drop)
        return drop.data_ptr()

    def _scores(self, l):
        net, c = self.net, self.net.c
        B, T = self.B, self.T
        cos, sin, _, comp = net.masks(T)
        x = view(self.st.x[l], B * T, c.E)
        zn = view(self.st.zn[l], B * T, c.LQ)
        return net.indexer(l, x, zn, B, T, cos, sin, comp[4])

    def predict(self, tok, mask, valid):
        """Most likely next token at every supervised position (in row order), without gradients."""
        best = torch.zeros(int(mask.sum()), dtype=torch.int32)
        load, self.net.load = self.net.load, None
        train, self.net.train_indexer = self.net.train_indexer, False
        self.st.loads, self.st.forward_only, self.st.best = None, 1, best.data_ptr()
        self.step(tok, mask, valid)
        self.st.forward_only, self.st.best = 0, None
        self.net.load, self.net.train_indexer = load, train
        return best.long()

    def step(self, tok, mask, valid):
        """tok [B, T+1], mask and valid [B, T] -> (loss, indexer KL, supervised tokens)."""
        net, c, st = self.net, self.net.c, self.st
        B, T = mask.shape
        self.B, self.T, self.keep = B, T, []
        for g in self.grads.values():
            g.zero_()
        ids = tok[:, :-1].to(torch.int32).contiguous()
        sel = mask.reshape(-1).nonzero()[:, 0].to(torch.int32)
        target = tok[:, 1:].reshape(-1)[sel.long()].to(torch.int32)
        valid = valid.contiguous()
        st.tok, st.sel, st.target, st.valid = ids.data_ptr(), sel.data_ptr(), target.data_ptr(), valid.data_ptr()
        st.B, st.T, st.n_sel = B, T, len(sel)
        if net.load is not None:
            st.loads = net.load.data_ptr()
        use = net.train_indexer and T >= 8
        st.want_mass = int(use)
        st.mask_of = self.cb if net.topk_active and T // 4 > c.TK else self.null
        loss = self.lib.sg_step(ct.byref(st))
        for k, g in self.grads.items():
            net.p[k].grad = None if "indexer" in k else g
        kl = 0.0
        if use:
            vis = ((torch.arange(T) + 1) // 4 >= 2).float()[None] * valid
            nv = vis.sum().clamp(min=1)
            total = 0.0
            for l in range(c.L):
                if c.ratios[l] == 4:
                    s = self._scores(l)
                    with torch.no_grad():
                        tgt = view(st.mass[l], B, T, T // 4).clone()
                        tgt = tgt + 1e-9 * (net.masks(T)[3][4] > -1)
                        tgt = tgt / tgt.sum(-1, keepdim=True).clamp(min=1e-9)
                    lp = torch.log_softmax(s, -1)
                    total = total + ((tgt * (torch.log(tgt + 1e-9) - lp)).sum(-1) * vis).sum() / nv
            total.backward()
            kl = float(total)
        return loss, kl, len(sel)
