# SPDX-License-Identifier: MIT
"""Compares the fused kernels with the plain torch model: loss, gradients, speed."""
import sys
import time

import torch

import kernels
import model as M

torch.set_num_threads(1)
torch.manual_seed(1)
c = M.Config()
p = M.init_params(c)
for k, v in p.items():
    if not any(k.endswith(s) for s in M.NOT_TRAINED):
        v.requires_grad_()
    elif k.endswith("exp_probs_b"):
        v.copy_(torch.randn_like(v) * 20)  # fixed routes: a flipped expert would hide everything else
    if k.endswith("_scale"):
        v.data.fill_(1.0)
    if k.endswith("sinks"):
        v.data.copy_(torch.randn_like(v))
net = M.Model(c, p)
fused = kernels.Fused(net)
for B, T, topk in ((2, 293, False), (20, 128, False), (2, 293, True)):
    torch.manual_seed(B)
    tok = torch.randint(0, c.V, (B, T + 1))
    mask = (torch.rand(B, T) < .6).float()
    valid = torch.ones(B, T)
    net.train_indexer = net.topk_active = topk
    net.load = torch.zeros(c.L, c.N)
    for v in p.values():
        v.grad = None
    ce, kl, _, _ = net.loss(tok, mask, valid)
    (ce + kl).backward()
    ref = {k: v.grad for k, v in p.items() if v.grad is not None}
    load = net.load.clone()
    net.load.zero_()
    for v in p.values():
        v.grad = None
    loss, kl2, _ = fused.step(tok, mask, valid)
    print("B %d T %d: loss %.5f fused %.5f, kl %.5f %.5f, load diff %d" % (B, T, float(ce), loss, float(kl), kl2, (load - net.load).abs().sum()))
    bad = []
    for k, g in ref.items():
        h = p[k].grad
        if h is None:
            print("missing", k)
            continue
        e = float((g - h).norm() / (g.norm() + 1e-12))
        if e > 0.03:
            bad.append((round(e, 4), k, float(g.norm())))
    print("gradients over 3 %%: %d of %d" % (len(bad), len(ref)), sorted(bad)[-12:])
for B, T in ((40, 64), (20, 128)):
    tok = torch.randint(0, c.V, (B, T + 1))
    mask = (torch.rand(B, T) < .6).float()
    valid = torch.ones(B, T)
    net.train_indexer = net.topk_active = False
    for i in range(2):
        for j in range(8):
            fused.st.seconds[j] = 0
        t = time.time()
        fused.step(tok, mask, valid)
        dt = time.time() - t
    print("B %d T %d: %.0f tokens/s" % (B, T, B * T / dt), [round(x * 1000, 1) for x in fused.st.seconds], "ms: hc, linear, elementwise, attention, moe, head, embed, callback; total", round(dt * 1000))
