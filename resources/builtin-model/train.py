# SPDX-License-Identifier: MIT
"""Trains the built-in model. See README.md for the command.

The schedule is a function of the wall clock: warm-up, constant rate, linear decay to zero at --end (HH:MM or minutes).
A checkpoint (weights, optimiser, counters) is written every --save seconds; --resume continues from it.
"""
import argparse
import datetime
import json
import math
import os
import random
import signal
import sys
import time

import torch

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import bpe  # noqa: E402
import data  # noqa: E402
import evaluate_torch  # noqa: E402
import model as M  # noqa: E402
import optim  # noqa: E402


def end_time(s):
    if ":" in s:
        h, m = map(int, s.split(":"))
        d = datetime.datetime.now().replace(hour=h, minute=m, second=0)
        return d.timestamp()
    return time.time() + 60 * float(s)


def batches(gen, rng, tokens, pool=384):
    """Length-sorted padded batches: (tok [B, T+1], mask [B, T], valid [B, T])."""
    while True:
        conv = sorted((gen(rng) for _ in range(pool)), key=lambda x: len(x[0]))
        out, cur = [], []
        for c in conv:
            if cur and len(c[0]) * (len(cur) + 1) > tokens:
                out.append(cur)
                cur = []
            cur.append(c)
        out.append(cur)
        rng.shuffle(out)
        for b in out:
            T = len(b[-1][0]) - 1
            tok = torch.full((len(b), T + 1), bpe.PAD, dtype=torch.long)
            mask = torch.zeros(len(b), T)
            valid = torch.zeros(len(b), T)
            for i, (ids, m, _) in enumerate(b):
                tok[i, :len(ids)] = torch.tensor(ids)
                mask[i, :len(ids) - 1] = torch.tensor(m[1:], dtype=torch.float32)
                valid[i, :len(ids) - 1] = 1
            yield tok, mask, valid


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--out", required=True, help="checkpoint folder")
    ap.add_argument("--end", default="90", help="HH:MM or minutes from now")
    ap.add_argument("--resume", action="store_true")
    ap.add_argument("--tokens", type=int, default=2560)
    ap.add_argument("--lr", type=float, default=0.02)
    ap.add_argument("--adam", type=float, default=0.004)
    ap.add_argument("--decay-from", type=float, default=0.4, help="share of the run after which the rate falls")
    ap.add_argument("--indexer-from", type=float, default=0.6)
    ap.add_argument("--topk-from", type=float, default=0.85)
    ap.add_argument("--save", type=float, default=180)
    ap.add_argument("--seed", type=int, default=7)
    ap.add_argument("--test", type=float, default=300, help="seconds between two tests on the held-out set")
    ap.add_argument("--plain", action="store_true", help="no fused kernels")
    a = ap.parse_args()
    torch.set_num_threads(1)
    os.makedirs(a.out, exist_ok=True)
    ck = os.path.join(a.out, "ck.pt")
    tok = bpe.Tokenizer.load(os.path.join(os.path.dirname(os.path.abspath(__file__)), "merges.json"))
    c = M.Config(V=tok.size)
    p = M.init_params(c)
    done = {"tokens": 0, "steps": 0, "seconds": 0.0}
    state = None
    if a.resume and os.path.exists(ck):
        state = torch.load(ck)
        for k in p:
            p[k] = state["p"][k]
        done = state["done"]
    for k, v in p.items():
        if not any(k.endswith(s) for s in M.NOT_TRAINED):
            v.requires_grad_()
    opt = optim.Optimizer(p, M.is_muon)
    if state:
        opt.load(state["opt"])
        del state
    net = M.Model(c, p)
    if not a.plain:
        try:
            import kernels
            net.ops = kernels.Fused(net)
            opt.lib = kernels.library()
        except Exception as e:  # the plain operators give the same result
            print("plain operators:", e, flush=True)
    rng = random.Random(a.seed + done["steps"])
    t0 = time.time()
    end = end_time(a.end)
    start = t0 - done["seconds"]  # the schedule spans all runs
    last_save = last_log = last_test = t0
    tests = evaluate_torch.items(tok)
    acc, n_acc, tk = 0.0, 0, 0
    kinds = {}
    load = torch.zeros(c.L, c.N)
    last_kl = 0.0
    log = open(os.path.join(a.out, "log.txt"), "a")

    def save():
        torch.save({"p": {k: v.detach() for k, v in p.items()}, "opt": opt.state(), "done": done, "config": vars(c)}, ck + ".tmp")
        os.replace(ck + ".tmp", ck)

    stop = []
    signal.signal(signal.SIGTERM, lambda *x: stop.append(1))  # save and leave
    progress = 0.0
    src = batches(data.generator(tok, lambda: progress), rng, a.tokens)
    w0 = logged = done["steps"]
    while True:
        now = time.time()
        progress = (now - start) / (end - start)
        if progress >= 1 or stop:
            break
        lr = min(1.0, (1 - progress) / (1 - a.decay_from)) * min(1.0, (done["steps"] - w0 + 4) / 40)
        net.train_indexer = progress >= a.indexer_from and done["steps"] % 5 == 0  # its few parameters need fewer steps
        net.topk_active = progress >= a.topk_from
        tb, mask, valid = next(src)
        net.load = torch.zeros(c.L, c.N)
        if net.ops:
            ce, kl, n_sel = net.ops.step(tb, mask, valid)
        else:
            ce, kl, _, sel = net.loss(tb, mask, valid)
            (ce + kl if net.train_indexer else ce).backward()
            n_sel = len(sel)
        opt.step(a.lr * lr, a.adam * lr)
        with torch.no_grad():
            for l in range(c.Lh, c.L):
                n = net.load[l]
                p["blk.%d.exp_probs_b" % l].sub_((n - n.mean()).sign(), alpha=0.001 + 0.004 * lr)
        load = 0.98 * load + net.load
        v = float(ce)
        last_kl = float(kl) or last_kl
        if not math.isfinite(v):
            print("loss is not finite", flush=True)
            sys.exit(1)
        n = int(valid.sum())
        acc += v * n_sel
        n_acc += n_sel
        tk += n
        done["tokens"] += n
        done["steps"] += 1
        now = time.time()
        done["seconds"] = now - start
        if now - last_log > 20:
            s = load / load.sum(1, keepdim=True)
            ent = float(-(s * torch.log2(s + 1e-9)).sum(1)[c.Lh:].mean())
            rec = dict(t=datetime.datetime.now().strftime("%H:%M:%S"), step=done["steps"], Mtok=round(done["tokens"] / 1e6, 3),
                       loss=round(acc / max(1, n_acc), 4), kl=round(last_kl, 3), tps=round(tk / (now - last_log)), lr=round(lr, 3),
                       ms=[round(x * 1000 / max(1, done['steps'] - logged)) for x in net.ops.st.seconds] if net.ops else [],
                       ent=round(ent, 2), maxload=round(float(s.max()) * c.N, 1), progress=round(progress, 3))
            print(json.dumps(rec), flush=True)
            log.write(json.dumps(rec) + "\n")
            log.flush()
            acc, n_acc, tk, last_log, logged = 0.0, 0, 0, now, done["steps"]
            if net.ops:
                net.ops.st.seconds[:] = [0.0] * 8
        if now - last_test > a.test and net.ops:
            r = evaluate_torch.summary(evaluate_torch.judge(tests, net.ops.predict))
            rec = dict(t=datetime.datetime.now().strftime("%H:%M:%S"), step=done["steps"], test=r)
            print(json.dumps(rec), flush=True)
            log.write(json.dumps(rec) + "\n")
            last_test = time.time()
        if now - last_save > a.save:
            save()
            last_save = time.time()
    save()
    print("done", json.dumps(done), flush=True)


if __name__ == "__main__":
    main()
