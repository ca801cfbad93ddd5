# SPDX-License-Identifier: MIT
"""The built-in model in torch: the deepseek4 forward pass, batched, with gradients.

Norm weights are the constant one everywhere (they are exported as ones), so they are no parameters.
Tokens of a batch are padded sequences [B, T]; all sequences start at position 0.
Two sets of operators exist: plain torch (this file) and fused kernels (kernels.py); `use_kernels` selects.
"""
import math

import torch
import torch.nn.functional as F


class Config:
    def __init__(self, **kw):
        self.E, self.L, self.V = 192, 6, 1024
        self.H, self.D, self.R, self.G = 4, 128, 64, 2
        self.LQ, self.LO = 64, 64
        self.N, self.K, self.F, self.Lh = 32, 2, 64, 1
        self.Wn, self.IH, self.ID, self.TK = 128, 4, 128, 16
        self.C, self.SI = 2, 4
        self.ratios = [0, 0, 4, 128, 4, 128]
        self.rope_base, self.clamp, self.expert_scale = 10000.0, 10.0, 1.5
        self.eps = 1e-6
        for k, v in kw.items():
            assert hasattr(self, k), k
            setattr(self, k, v)

    @property
    def mix(self):
        return 2 * self.C + self.C * self.C


def coff(r):
    return 2 if r == 4 else 1


def init_params(c, seed=1):
    """Dictionary name -> f32 tensor. Matrices are [out, in] (GGUF dims [in, out]); experts [N, out, in]."""
    g = torch.Generator().manual_seed(seed)
    p = {}

    def mat(name, *shape, gain=1.0):
        p[name] = torch.randn(*shape, generator=g) * (gain / math.sqrt(shape[-1]))

    def hc(pre, rows):
        p[pre + "_fn"] = torch.randn(rows, c.C * c.E, generator=g) * (0.02)

    E = c.E
    p["token_embd"] = torch.randn(c.V, E, generator=g) * 0.5
    mat("output", c.V, E, gain=0.5)
    p["output_hc_fn"] = torch.randn(c.C, c.C * E, generator=g) * 0.02
    p["output_hc_scale"] = torch.full((1,), 0.1)
    p["output_hc_base"] = torch.zeros(c.C)
    for l in range(c.L):
        b = "blk.%d." % l
        r = c.ratios[l]
        for k in ("attn", "ffn"):
            p[b + "hc_%s_fn" % k] = torch.randn(c.mix, c.C * E, generator=g) * 0.02
            p[b + "hc_%s_scale" % k] = torch.full((3,), 0.1)
            base = torch.zeros(c.mix)
            for i in range(c.C):
                base[i] = 0.4 * (1 if i % 2 == 0 else -1)
                base[c.C + i] = 0.4 * (1 if (i + l + (k == "ffn")) % 2 == 0 else -1)
                base[2 * c.C + i * c.C + i] = 4.0
            p[b + "hc_%s_base" % k] = base
        mat(b + "attn_q_a", c.LQ, E)
        mat(b + "attn_q_b", c.H * c.D, c.LQ)
        mat(b + "attn_kv", c.D, E)
        p[b + "attn_sinks"] = torch.zeros(c.H)
        mat(b + "attn_output_a", c.G, c.LO, c.D * c.H // c.G)
        mat(b + "attn_output_b", E, c.G * c.LO, gain=0.5)
        if r:
            w = coff(r) * c.D
            p[b + "attn_compressor_ape"] = torch.randn(r, w, generator=g) * 0.1
            mat(b + "attn_compressor_kv", w, E)
            mat(b + "attn_compressor_gate", w, E)
        if r == 4:
            mat(b + "indexer.attn_q_b", c.IH * c.ID, c.LQ)
            mat(b + "indexer.proj", c.IH, E)
            p[b + "indexer_compressor_ape"] = torch.randn(r, 2 * c.ID, generator=g) * 0.1
            mat(b + "indexer_compressor_kv", 2 * c.ID, E)
            mat(b + "indexer_compressor_gate", 2 * c.ID, E)
        mat(b + "ffn_gate_inp", c.N, E)
        if l >= c.Lh:
            p[b + "exp_probs_b"] = torch.zeros(c.N)
        else:
            tid = torch.stack([torch.randperm(c.N, generator=g)[:c.K] for _ in range(c.V)])
            p[b + "ffn_gate_tid2eid"] = tid.to(torch.int32)
        mat(b + "ffn_gate_exps", c.N, c.F, E)
        mat(b + "ffn_up_exps", c.N, c.F, E)
        mat(b + "ffn_down_exps", c.N, E, c.F, gain=0.5)
        mat(b + "ffn_gate_shexp", c.F, E)
        mat(b + "ffn_up_shexp", c.F, E)
        mat(b + "ffn_down_shexp", E, c.F, gain=0.5)
    return p


NOT_TRAINED = ("exp_probs_b", "ffn_gate_tid2eid")
MUON = ("attn_q_a", "attn_q_b", "attn_kv", "attn_output_a", "attn_output_b", "compressor_kv", "compressor_gate",
        "indexer.attn_q_b", "_exps", "_shexp")


def is_muon(name):
    return any(name.endswith(m) for m in MUON)


def rms(x, eps=1e-6):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps)


def rope_table(c, T):
    inv = c.rope_base ** (-torch.arange(0, c.R, 2, dtype=torch.float64) / c.R)
    a = torch.arange(T, dtype=torch.float64)[:, None] * inv[None]
    return torch.cos(a).float(), torch.sin(a).float()


def rope(x, cos, sin, R, inverse=False):
    """Rotates the last R elements of x [..., T(or rows), (heads,) D]; cos/sin broadcast against [..., R/2]."""
    a, b = x[..., :-R], x[..., -R:]
    b = b.reshape(*b.shape[:-1], R // 2, 2)
    s = -sin if inverse else sin
    v0, v1 = b[..., 0], b[..., 1]
    o = torch.stack((v0 * cos - v1 * s, v0 * s + v1 * cos), -1).flatten(-2)
    return torch.cat((a, o), -1)


def sinkhorn(Z, SI, eps):
    M = torch.softmax(Z, -1) + eps
    M = M / (M.sum(-2, keepdim=True) + eps)
    for _ in range(SI - 1):
        M = M / (M.sum(-1, keepdim=True) + eps)
        M = M / (M.sum(-2, keepdim=True) + eps)
    return M


def lin(x, w):
    return F.linear(x, w)


def hc_pre(c, h, fn, scale, base):
    """h [n, C*E] -> (normed input [n, E], post [n, C], M [n, C, C])."""
    C, E = c.C, c.E
    r = torch.rsqrt(h.pow(2).mean(-1, keepdim=True) + c.eps)
    m = F.linear(h, fn) * r
    pre = torch.sigmoid(m[:, :C] * scale[0] + base[:C]) + c.eps
    post = 2 * torch.sigmoid(m[:, C:2 * C] * scale[1] + base[C:2 * C])
    Z = (m[:, 2 * C:] * scale[2] + base[2 * C:]).view(-1, C, C)
    M = sinkhorn(Z, c.SI, c.eps)
    hv = h.view(-1, C, E)
    u = sum(pre[:, i:i + 1] * hv[:, i] for i in range(C))
    return rms(u, c.eps), post, M


def hc_post(c, h, y, post, M):
    C, E = c.C, c.E
    hv = h.view(-1, C, E)
    out = [post[:, d:d + 1] * y + sum(M[:, s, d:d + 1] * hv[:, s] for s in range(C)) for d in range(C)]
    return torch.cat(out, -1)


def compress(c, kk, gg, ape, r, w, cos, sin):
    """kk, gg [B, T, coff*w] -> rows [B, T//r, w], normed and rotated."""
    B, T, _ = kk.shape
    ng = T // r
    kk = kk[:, :ng * r].reshape(B, ng, r, -1)
    gg = gg[:, :ng * r].reshape(B, ng, r, -1) + ape
    if r == 4:
        k_prev = F.pad(kk[:, :-1, :, :w], (0, 0, 0, 0, 1, 0))
        g_prev = F.pad(gg[:, :-1, :, :w], (0, 0, 0, 0, 1, 0), value=-1e30)
        kk = torch.cat((k_prev, kk[..., w:]), 2)
        gg = torch.cat((g_prev, gg[..., w:]), 2)
    out = rms((torch.softmax(gg, 2) * kk).sum(2), c.eps)
    return rope(out, cos[:ng * r:r], sin[:ng * r:r], c.R)


def e4m3_round(x):
    """Nearest finite E4M3 value, |x| <= 448."""
    a = x.abs()
    e = torch.floor(torch.log2(a.clamp(min=2.0 ** -6)))
    e = e.clamp(-6, 8)
    q = torch.exp2(e - 3)
    return torch.sign(x) * torch.round(a / q) * q


def fp8sim(x, R):
    a, b = x[..., :-R], x[..., -R:]
    s = a.reshape(*a.shape[:-1], -1, 64)
    m = s.abs().amax(-1, keepdim=True).clamp(min=1e-4)
    sc = torch.exp2(torch.ceil(torch.log2(m / 448)))
    s = e4m3_round((s / sc).clamp(-448, 448)) * sc
    return torch.cat((s.reshape(a.shape), b), -1)


def fp4sim(x):
    n = x.shape[-1]
    h = x.reshape(-1, n)
    st = 1
    while st < n:
        v = h.reshape(-1, n // (2 * st), 2, st)
        h = torch.stack((v[:, :, 0] + v[:, :, 1], v[:, :, 0] - v[:, :, 1]), 2).reshape(-1, n)
        st *= 2
    h = h / math.sqrt(n)
    s = h.reshape(-1, n // 32, 32)
    m = s.abs().amax(-1, keepdim=True).clamp(min=7.052966e-38)
    sc = torch.exp2(torch.ceil(torch.log2(m / 6)))
    v = s / sc
    a = v.abs()
    q = torch.where(a < 2, torch.round(a * 2) / 2, torch.where(a < 4, torch.round(a), torch.round(a / 2) * 2))
    return (torch.sign(v) * q.clamp(max=6) * sc).reshape(x.shape)


class MoE(torch.autograd.Function):
    """Routed experts: x [n, E], ids [n, K], w [n, K]; tokens grouped by expert."""

    @staticmethod
    def forward(ctx, x, w, ids, Wg, Wu, Wd, clamp):
        n, K = ids.shape
        N = Wg.shape[0]
        flat = ids.reshape(-1)
        order = torch.argsort(flat, stable=True)
        cnt = torch.bincount(flat, minlength=N).tolist()
        tok = order // K
        xg = x.index_select(0, tok)
        ws = w.reshape(-1).index_select(0, order)[:, None]
        g = torch.empty(n * K, Wg.shape[1])
        u = torch.empty_like(g)
        y = torch.empty(n * K, x.shape[1])
        o = 0
        for e in range(N):
            if cnt[e]:
                s = slice(o, o + cnt[e])
                torch.mm(xg[s], Wg[e].t(), out=g[s])
                torch.mm(xg[s], Wu[e].t(), out=u[s])
                o += cnt[e]
        gc, uc = g.clamp(max=clamp), u.clamp(-clamp, clamp)
        sg = torch.sigmoid(gc)
        t = gc * sg * uc
        tw = t * ws
        o = 0
        for e in range(N):
            if cnt[e]:
                s = slice(o, o + cnt[e])
                torch.mm(tw[s], Wd[e].t(), out=y[s])
                o += cnt[e]
        out = torch.zeros_like(x).index_add_(0, tok, y)
        ctx.save_for_backward(xg, g, u, ws, order, tok, Wg, Wu, Wd)
        ctx.cnt, ctx.clamp, ctx.shape = cnt, clamp, x.shape
        return out

    @staticmethod
    def backward(ctx, dout):
        xg, g, u, ws, order, tok, Wg, Wu, Wd = ctx.saved_tensors
        cnt, clamp = ctx.cnt, ctx.clamp
        dy = dout.index_select(0, tok)
        gc, uc = g.clamp(max=clamp), u.clamp(-clamp, clamp)
        sg = torch.sigmoid(gc)
        sl = gc * sg
        tw = sl * uc * ws
        dtw = torch.empty_like(g)
        dWg, dWu, dWd = torch.zeros_like(Wg), torch.zeros_like(Wu), torch.zeros_like(Wd)
        o = 0
        for e, k in enumerate(cnt):
            if k:
                s = slice(o, o + k)
                torch.mm(dy[s], Wd[e], out=dtw[s])
                torch.mm(dy[s].t(), tw[s], out=dWd[e])
                o += k
        dws = (dtw * sl * uc).sum(-1)
        dt = dtw * ws
        dg = dt * uc * (sg * (1 + gc * (1 - sg))) * (g < clamp)
        du = dt * sl * (u.abs() < clamp)
        dxg = torch.empty_like(xg)
        o = 0
        for e, k in enumerate(cnt):
            if k:
                s = slice(o, o + k)
                torch.mm(dg[s], Wg[e], out=dxg[s])
                dxg[s].addmm_(du[s], Wu[e])
                torch.mm(dg[s].t(), xg[s], out=dWg[e])
                torch.mm(du[s].t(), xg[s], out=dWu[e])
                o += k
        dx = torch.zeros(ctx.shape).index_add_(0, tok, dxg)
        dw = torch.empty_like(dws)
        dw[order] = dws
        return dx, dw.view(ctx.shape[0], -1), None, dWg, dWu, dWd, None


class Model:
    def __init__(self, c, p):
        self.c, self.p = c, p
        self.tables = {}
        self.sim = False          # simulate FP8 KV rows, FP4 indexer rows (evaluation)
        self.topk_active = False  # apply the indexer's selection in the forward pass
        self.train_indexer = False
        self.load = None          # per-layer expert counts of the last forward
        self.routes = None        # if a list: collects (layer, ids) for evaluation
        self.ops = None           # fused kernels module

    def masks(self, T):
        """cos, sin [T, R/2]; raw window mask [T, T]; compressed masks by ratio."""
        if T not in self.tables:
            if len(self.tables) > 400:
                self.tables.clear()
            c = self.c
            cos, sin = rope_table(c, T)
            t = torch.arange(T)
            d = t[:, None] - t[None]
            raw = torch.where((d >= 0) & (d < c.Wn), 0.0, -1e30)
            comp = {}
            for r in set(c.ratios):
                if r:
                    comp[r] = torch.where(torch.arange(T // r)[None] < ((t + 1) // r)[:, None], 0.0, -1e30)
            self.tables[T] = (cos, sin, raw, comp)
        return self.tables[T]

    def attention(self, l, x, B, T):
        c, p, b = self.c, self.p, "blk.%d." % l
        cos, sin, raw, comp = self.masks(T)
        r = c.ratios[l]
        zn = rms(lin(x, p[b + "attn_q_a"]), c.eps)
        q = rms(lin(zn, p[b + "attn_q_b"]).view(B, T, c.H, c.D), c.eps)
        kv = rms(lin(x, p[b + "attn_kv"]), c.eps).view(B, T, c.D)
        q = rope(q, cos[:, None], sin[:, None], c.R)
        kv = rope(kv, cos, sin, c.R)
        if self.sim:
            kv = fp8sim(kv, c.R).half().float()
        mask = raw
        keys = kv
        nc = T // r if r else 0
        if nc:
            rows = compress(c, lin(x, p[b + "attn_compressor_kv"]).view(B, T, -1),
                            lin(x, p[b + "attn_compressor_gate"]).view(B, T, -1),
                            p[b + "attn_compressor_ape"], r, c.D, cos, sin)
            if self.sim:
                rows = fp8sim(rows, c.R).half().float()
            keys = torch.cat((kv, rows), 1)
            mask = torch.cat((raw, comp[r]), 1)
        q = q.transpose(1, 2).reshape(B, c.H * T, c.D)
        z = torch.bmm(q, keys.transpose(1, 2)).view(B, c.H, T, T + nc) * (1 / math.sqrt(c.D)) + mask
        kl = None
        if r == 4 and nc > 1 and (self.train_indexer or self.topk_active):
            with torch.set_grad_enabled(self.train_indexer and torch.is_grad_enabled()):
                s = self.indexer(l, x.detach(), zn.detach(), B, T, cos, sin, comp[r])
            if self.topk_active and nc > c.TK:
                with torch.no_grad():
                    kth = s.detach().topk(c.TK, -1).values[..., -1:]
                    drop = torch.where(s.detach() >= kth, 0.0, -1e30)
                    full = torch.zeros(B, 1, T, T + nc)
                    full[:, 0, :, T:] = drop
                z = z + full
        sink = p[b + "attn_sinks"].view(1, c.H, 1, 1).expand(B, c.H, T, 1)
        a = torch.softmax(torch.cat((z, sink), -1), -1)[..., :-1]
        if r == 4 and nc > 1 and self.train_indexer and torch.is_grad_enabled():
            with torch.no_grad():
                tgt = a[..., T:].sum(1) + 1e-9 * (comp[r] > -1)
                tgt = tgt / tgt.sum(-1, keepdim=True).clamp(min=1e-9)
                vis = ((torch.arange(T) + 1) // 4 >= 2).float()[None] * self.valid
            lp = torch.log_softmax(s, -1)
            kl = ((tgt * (torch.log(tgt + 1e-9) - lp)).sum(-1) * vis).sum() / vis.sum().clamp(min=1)
        o = torch.bmm(a.reshape(B, c.H * T, T + nc), keys).view(B, c.H, T, c.D)
        o = rope(o.transpose(1, 2), cos[:, None], sin[:, None], c.R, inverse=True)
        o = o.reshape(B * T, c.G, c.D * c.H // c.G).transpose(0, 1)
        y = torch.bmm(o, p[b + "attn_output_a"].transpose(1, 2))
        y = y.transpose(0, 1).reshape(B * T, c.G * c.LO)
        return lin(y, p[b + "attn_output_b"]), kl

    def indexer(self, l, x, zn, B, T, cos, sin, mask):
        c, p, b = self.c, self.p, "blk.%d." % l
        ik = compress(c, lin(x, p[b + "indexer_compressor_kv"]).view(B, T, -1),
                      lin(x, p[b + "indexer_compressor_gate"]).view(B, T, -1),
                      p[b + "indexer_compressor_ape"], 4, c.ID, cos, sin)
        iq = rope(lin(zn, p[b + "indexer.attn_q_b"]).view(B, T, c.IH, c.ID), cos[:, None], sin[:, None], c.R)
        if self.sim:
            ik, iq = fp4sim(ik), fp4sim(iq)
        wt = lin(x, p[b + "indexer.proj"]).view(B, T, c.IH, 1) / math.sqrt(c.ID * c.IH)
        s = torch.bmm(iq.reshape(B, T * c.IH, c.ID), ik.transpose(1, 2)).view(B, T, c.IH, -1)
        return (torch.relu(s) * wt).sum(2) + mask

    def route(self, l, x, tok):
        c, p, b = self.c, self.p, "blk.%d." % l
        s = torch.sqrt(F.softplus(lin(x, p[b + "ffn_gate_inp"])) + 1e-12)
        if l < c.Lh:
            ids = p[b + "ffn_gate_tid2eid"].long()[tok]
        else:
            ids = torch.topk(s.detach() + p[b + "exp_probs_b"], c.K, -1).indices
        w = s.gather(1, ids)
        return ids, w / w.sum(-1, keepdim=True).clamp(min=2.0 ** -14) * c.expert_scale

    def ffn(self, l, x, tok):
        c, p, b = self.c, self.p, "blk.%d." % l
        ids, w = self.route(l, x, tok)
        if self.load is not None:
            self.load[l] += torch.bincount(ids[self.valid.view(-1) > 0].reshape(-1), minlength=c.N)
        if self.routes is not None:
            self.routes.append((l, ids))
        y = MoE.apply(x, w, ids, p[b + "ffn_gate_exps"], p[b + "ffn_up_exps"], p[b + "ffn_down_exps"], c.clamp)
        g = lin(x, p[b + "ffn_gate_shexp"]).clamp(max=c.clamp)
        u = lin(x, p[b + "ffn_up_shexp"]).clamp(-c.clamp, c.clamp)
        return y + lin(F.silu(g) * u, p[b + "ffn_down_shexp"])

    def hidden(self, tok, valid):
        """tok, valid [B, T] -> final normed hidden [B*T, E], indexer KL sum."""
        c, p = self.c, self.p
        B, T = tok.shape
        self.valid = valid
        flat = tok.reshape(-1)
        h = F.embedding(flat, p["token_embd"]).repeat(1, c.C)
        kl = 0.0
        for l in range(c.L):
            b = "blk.%d." % l
            x, post, M = hc_pre(c, h, p[b + "hc_attn_fn"], p[b + "hc_attn_scale"], p[b + "hc_attn_base"])
            y, k = self.attention(l, x, B, T)
            if k is not None:
                kl = kl + k
            h = hc_post(c, h, y, post, M)
            x, post, M = hc_pre(c, h, p[b + "hc_ffn_fn"], p[b + "hc_ffn_scale"], p[b + "hc_ffn_base"])
            h = hc_post(c, h, self.ffn(l, x, flat), post, M)
        r = torch.rsqrt(h.pow(2).mean(-1, keepdim=True) + c.eps)
        w = torch.sigmoid(F.linear(h, p["output_hc_fn"]) * r * p["output_hc_scale"] + p["output_hc_base"]) + c.eps
        hv = h.view(-1, c.C, c.E)
        v = sum(w[:, i:i + 1] * hv[:, i] for i in range(c.C))
        return rms(v, c.eps), kl

    def loss(self, tok, mask, valid):
        """tok [B, T+1] ids, mask [B, T] 1 where the next token is supervised."""
        x, kl = self.hidden(tok[:, :-1], valid)
        sel = mask.reshape(-1).nonzero()[:, 0]
        logits = lin(x.index_select(0, sel), self.p["output"])
        ce = F.cross_entropy(logits, tok[:, 1:].reshape(-1)[sel])
        return ce, kl, logits, sel
