# SPDX-License-Identifier: MIT
"""Muon for matrices (same-shaped ones in one batch), AdamW for everything else."""
import torch


def newton_schulz(g, steps=4):
    """Approximate orthogonalisation of a batch of matrices [n, r, c]."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g / (g.norm(dim=(1, 2), keepdim=True) + 1e-7)
    flip = x.shape[1] > x.shape[2]
    if flip:
        x = x.transpose(1, 2)
    x = x.bfloat16().contiguous()
    for _ in range(steps):
        s = torch.bmm(x, x.transpose(1, 2))
        x = a * x + torch.bmm(b * s + c * torch.bmm(s, s), x)
    x = x.float()
    return x.transpose(1, 2) if flip else x


class Optimizer:
    def __init__(self, params, is_muon, momentum=0.95, betas=(0.9, 0.97), decay=0.02):
        self.params, self.momentum, self.betas, self.decay = params, momentum, betas, decay
        self.groups = {}
        self.adam = []
        for k, v in params.items():
            if not v.requires_grad:
                continue
            if is_muon(k):
                self.groups.setdefault(tuple(v.shape[-2:]), []).append(k)
            else:
                self.adam.append(k)
        self.m = {k: torch.zeros_like(v) for k, v in params.items() if v.requires_grad}
        self.v = {k: torch.zeros_like(params[k]) for k in self.adam}
        self.t = 0
        self.lib = None  # fused kernels

    @torch.no_grad()
    def step(self, lr_muon, lr_adam):
        self.t += 1
        if self.lib:
            return self.fused(lr_muon, lr_adam)
        for shape, names in self.groups.items():
            use = [k for k in names if self.params[k].grad is not None]
            if not use:
                continue
            ups = []
            for k in use:
                g, m = self.params[k].grad, self.m[k]
                m.lerp_(g, 1 - self.momentum)
                ups.append(torch.lerp(g, m, self.momentum).view(-1, *shape))
            ns = newton_schulz(torch.cat(ups, 0)) if len(ups) > 1 else newton_schulz(ups[0])
            o, scale = 0, max(1.0, shape[0] / shape[1]) ** 0.5
            for k in use:
                p = self.params[k]
                n = p.numel() // (shape[0] * shape[1])
                p.mul_(1 - lr_muon * self.decay).add_(ns[o:o + n].reshape(p.shape), alpha=-lr_muon * scale)
                o += n
        b1, b2 = self.betas
        for k in self.adam:
            p = self.params[k]
            if p.grad is None:
                continue
            g, m, v = p.grad, self.m[k], self.v[k]
            m.lerp_(g, 1 - b1)
            v.mul_(b2).addcmul_(g, g, value=1 - b2)
            d = v.sqrt().div_((1 - b2 ** self.t) ** 0.5).add_(1e-8)
            p.addcdiv_(m, d, value=-lr_adam / (1 - b1 ** self.t))
        for p in self.params.values():
            p.grad = None

    def fused(self, lr_muon, lr_adam):
        b1, b2 = self.betas
        for shape, names in self.groups.items():
            for k in names:
                p = self.params[k]
                if p.grad is not None:
                    g = p.grad.contiguous()
                    self.lib.sg_muon(p.data_ptr(), g.data_ptr(), self.m[k].data_ptr(), p.numel() // (shape[0] * shape[1]), shape[0], shape[1],
                                     self.momentum, lr_muon, self.decay, max(1.0, shape[0] / shape[1]) ** 0.5, 4)
        for k in self.adam:
            p = self.params[k]
            if p.grad is not None:
                g = p.grad.contiguous()
                self.lib.sg_adam(p.data_ptr(), g.data_ptr(), self.m[k].data_ptr(), self.v[k].data_ptr(), p.numel(), b1, b2,
                                 1 / (1 - b1 ** self.t), 1 / (1 - b2 ** self.t), lr_adam)
        for p in self.params.values():
            p.grad = None

    def state(self):
        return {"m": self.m, "v": self.v, "t": self.t}

    def load(self, s):
        for k in self.m:
            if k in s["m"]:
                self.m[k].copy_(s["m"][k])
        for k in self.v:
            if k in s["v"]:
                self.v[k].copy_(s["v"][k])
        self.t = s["t"]
