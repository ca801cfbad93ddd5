# SPDX-License-Identifier: MIT
"""Quick accuracy of a checkpoint on the held-out set, in torch:

    evaluate_torch.py --checkpoint ck.pt [--rounded] [--show 3] [--thinking both|on|off]

A reply counts when every token of it (reasoning, answer, end mark) is the most likely one given the right beginning: the
same as a greedy reply equal to the expected text, letter by letter. That is stricter than heldout.check on the answer alone.
--rounded: weights as stored in the GGUF, FP8 KV rows, FP4 indexer rows, indexer selection active.
"""
import argparse
import os
import sys

import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import bpe  # noqa: E402
import data  # noqa: E402
import conversation  # noqa: E402
import heldout  # noqa: E402
import model as M  # noqa: E402
import offtopic  # noqa: E402
import smalltalk  # noqa: E402
import sums  # noqa: E402
import tools  # noqa: E402
import words  # noqa: E402


def turn_of(item, facts, talk):
    u, e = item["user"], item["expect"]
    if item["kind"] == "fact":
        return conversation.fact_turn(facts[e["id"]], u)
    if item["kind"] == "smalltalk":
        return smalltalk.build(talk[e["id"]], u)
    if item["kind"] == "sums":
        return sums._turn(u, sums.steps(e["a"], e["op"], e["b"]), e["number"], item["sub"], e["a"], e["op"], e["b"])
    if item["kind"] == "words":
        return words.build(u, e["word"], item["sub"])
    if item["kind"] == "offtopic":
        return offtopic.build(u)
    call = e["calls"][0]
    if call["name"] == "clock":
        return dict(tools.clock_turn(u, "time", "2025-01-01 12:00:00 Wednesday"))
    return dict(tools.calc_turn(u, call["arguments"]["expression"]))


def items(tok, thinking="both"):
    """[(kind, ids, mask, item)] with the expected reply in place."""
    facts = {f["id"]: f for f in heldout.load_facts()}
    talk = {s["id"]: s for s in smalltalk.INTENTS}
    out = []
    for it in heldout.items():
        if thinking != "both":
            it["thinking"] = thinking == "on"
        t = turn_of(it, facts, talk)
        t = {"steps_answer": t["answer"], **{k: v for k, v in t.items() if k not in ("calls", "tool_result", "after")}}
        ids, mask = data.encode(tok, conversation.render({"thinking": it["thinking"], "tools": it["tools"], "turns": [t]}))
        out.append((it["kind"] if it["kind"] not in ("sums", "words", "tools") else it["kind"] + "." + it["sub"], ids, mask, it))
    return sorted(out, key=lambda x: len(x[1]))


def judge(tests, predict, tokens=2560):
    """[(kind, right, item, predicted ids, expected ids)]; predict(tok, mask, valid) -> ids at supervised positions."""
    out, at = [], 0
    while at < len(tests):
        n = 1
        while at + n < len(tests) and len(tests[at + n][1]) * (n + 1) <= tokens:
            n += 1
        batch = tests[at:at + n]
        at += n
        T = max(len(b[1]) for b in batch) - 1
        tok = torch.full((n, T + 1), bpe.PAD, dtype=torch.long)
        mask, valid = torch.zeros(n, T), torch.zeros(n, T)
        for i, (_, ids, m, _) in enumerate(batch):
            tok[i, :len(ids)] = torch.tensor(ids)
            mask[i, :len(ids) - 1] = torch.tensor(m[1:], dtype=torch.float32)
            valid[i, :len(ids) - 1] = 1
        best = predict(tok, mask, valid)
        o = 0
        for kind, ids, m, it in batch:
            want = [x for x, f in zip(ids[1:], m[1:]) if f]
            got = best[o:o + len(want)].tolist()
            o += len(want)
            out.append((kind, got == want, it, got, want))
    return out


def summary(res):
    d = {}
    for kind, ok, *_ in res:
        a = d.setdefault(kind, [0, 0])
        a[0] += ok
        a[1] += 1
    return {k: "%d/%d" % tuple(v) for k, v in sorted(d.items())}


def torch_predict(net):
    def f(tok, mask, valid):
        with torch.no_grad():
            x, _ = net.hidden(tok[:, :-1], valid)
            sel = mask.reshape(-1).nonzero()[:, 0]
            return M.lin(x.index_select(0, sel), net.p["output"]).argmax(-1)
    return f


def routing(net, tests, tokens=2560):
    """Per layer: experts used, entropy of their use in bits, information between the kind of a turn and the expert in bits."""
    c = net.c
    kinds = sorted({t[0].split(".")[0] for t in tests})
    count = torch.zeros(c.L, len(kinds), c.N)
    for kind in kinds:
        mine = [t for t in tests if t[0].split(".")[0] == kind]
        net.routes = []
        keep = []

        def predict(tok, mask, valid):
            keep.append(valid.reshape(-1) > 0)
            return torch_predict(net)(tok, mask, valid)
        judge(mine, predict, tokens)
        for i, (l, ids) in enumerate(net.routes):
            count[l, kinds.index(kind)] += torch.bincount(ids[keep[i // c.L]].reshape(-1), minlength=c.N)
    net.routes = None
    for l in range(c.L):
        p = count[l] / count[l].sum(1, keepdim=True) / len(kinds)  # every kind weighs the same
        pe, pk = p.sum(0), p.sum(1)
        mi = float((p * torch.log2(p / (pk[:, None] * pe[None]) + 1e-12)).sum())
        ent = float(-(pe * torch.log2(pe + 1e-12)).sum())
        top = p / pe.clamp(min=1e-9)
        print("layer %d: experts used %d of %d, entropy %.2f of %.2f bits, kind-expert information %.2f of %.2f bits, experts with over 60 %% one kind %d" %
              (l, int((count[l].sum(0) > 0).sum()), c.N, ent, torch.log2(torch.tensor(float(c.N))), mi, torch.log2(torch.tensor(float(len(kinds)))),
               int((top.max(0).values > 0.6).sum())))


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--checkpoint", required=True)
    ap.add_argument("--rounded", action="store_true")
    ap.add_argument("--thinking", default="both")
    ap.add_argument("--show", type=int, default=0)
    ap.add_argument("--kind", default="")
    ap.add_argument("--routing", action="store_true")
    a = ap.parse_args()
    torch.set_num_threads(1)
    ck = torch.load(a.checkpoint)
    c = M.Config(**ck["config"])
    p = ck["p"]
    tok = bpe.Tokenizer.load(os.path.join(HERE, "merges.json"))
    if a.rounded:
        import export_gguf as X
        for k, v in p.items():
            t = X.kind(k)
            if t == X.Q8_0:
                p[k] = torch.from_numpy(X.q8_0_values(v.reshape(-1, v.shape[-1]).numpy())).view(v.shape)
            elif t == X.F16:
                p[k] = v.half().float()
    net = M.Model(c, p)
    net.sim = net.topk_active = a.rounded
    tests = [t for t in items(tok, a.thinking) if t[0].startswith(a.kind)]
    if a.routing:
        routing(net, tests)
    res = judge(tests, torch_predict(net))
    print(ck["done"], summary(res))
    shown = {}
    for kind, ok, it, got, want in res:
        if not ok and shown.get(kind, 0) < a.show:
            shown[kind] = shown.get(kind, 0) + 1
            i = next(i for i in range(len(want)) if got[i] != want[i])
            print(kind, "think" if it["thinking"] else "plain", "|", it["user"], "| wanted:", tok.decode(want)[:70].replace("\n", "/"),
                  "| got to:", tok.decode(want[:i])[-30:].replace("\n", "/"), "->", tok.decode(got[i:i + 8]).replace("\n", "/"))


if __name__ == "__main__":
    main()
