# SPDX-License-Identifier: MIT
"""The fixed split and the test set of the built-in model.

    python3 heldout.py --out heldout.jsonl
writes one JSON object per line: {"kind", "sub", "user", "thinking", "tools", "expect"}
  fact 200 (at most 2 per fact), sums 200 (100 +, 100 -), words 120 (60 spell, 60 reverse),
  offtopic 200, tools 60 (20 clock, 40 calculator), smalltalk 40.
expect: fact {"answer", "id"} · sums {"number", ...} · words {"text", "word"} · offtopic {"refusal": true} · tools {"calls": [...]} ·
        smalltalk {"answer", "id"}
check(item, think, answer, calls) -> bool is the one judge, see there. Facts and small talk are held out by phrase (smallest hash first, so adding
facts hardly moves the split); sums and words by the hash rules of their modules.
"""
import argparse
import json
import random
import re
import zlib

import offtopic
import smalltalk
import sums
import tools
import words


def load_facts():
    """All facts written so far."""
    facts = []
    for module in ("facts_program", "facts_model"):
        try:
            facts += __import__(module).FACTS
        except ImportError:
            pass
    return facts


def _pick(groups, total, per_group):
    """The `total` phrases with the smallest hashes, at most per_group of each group: [(id, phrase)]."""
    ranked = sorted((zlib.crc32(("h:" + p).encode()), g, p) for g, ps in groups for p in ps)
    used, out = {}, []
    for _, g, p in ranked:
        if used.get(g, 0) < per_group:
            used[g] = used.get(g, 0) + 1
            out.append((g, p))
            if len(out) == total:
                break
    return out


def fact_phrases():
    return _pick([(f["id"], f["phrases"]) for f in load_facts()], 200, 2)


def smalltalk_phrases():
    return _pick([(s["id"], s["phrases"]) for s in smalltalk.INTENTS], 40, 2)


def excluded():
    """Every phrase that training must not contain."""
    return {p for _, p in fact_phrases()} | {p for _, p in smalltalk_phrases()} | {p for p, _ in tools.HELDOUT_CLOCK} | set(
        offtopic.HELDOUT_OFFTOPIC)


def items():
    """The whole test set, always the same for the same corpus."""
    rng = random.Random(20260)
    out = []

    def add(kind, sub, user, expect, tools_on=False):
        out.append({"kind": kind, "sub": sub, "user": user, "thinking": len(out) % 2 == 0, "tools": tools_on, "expect": expect})
    facts = {f["id"]: f for f in load_facts()}
    for g, p in fact_phrases():
        add("fact", "fact", p, {"answer": facts[g]["answer"], "id": g})
    for op in "+-":
        seen = set()
        while len(seen) < 100:
            a, b = sums.operands(rng, op, heldout=True)
            if (a, b) not in seen:
                seen.add((a, b))
                add("sums", "add" if op == "+" else "sub", sums.phrase(rng, a, op, b),
                    {"number": a + b if op == "+" else a - b, "a": a, "op": op, "b": b})
    pool = [w for w in words.HELDOUT_WORDS if len(w) <= 10]
    rng.shuffle(pool)
    for i in range(120):
        turn = words.make(rng, word=pool[(i // 2) % len(pool)], sub=("spell", "reverse")[i % 2], quoted=i % 6 < 4)
        add("words", turn["sub"], turn["user"], turn["expect"])
    for q in offtopic.HELDOUT_OFFTOPIC:
        add("offtopic", "heldout", q, {"refusal": True})
    for q, _ in tools.HELDOUT_CLOCK:
        add("tools", "clock", q, {"calls": [{"name": "clock", "arguments": {}}]}, True)
    for i in range(40):
        a, b = rng.randint(11, 99), rng.randint(3, 99)
        e = (f"{a} * {b}", f"{a * b} / {b}", f"{a}.5 + {b}.2", f"{a * 37 + 2000} + {b * 41 + 1000}")[i % 4]
        add("tools", "calculator", tools.HELDOUT_CALC[i % len(tools.HELDOUT_CALC)].format(e=e),
            {"calls": [{"name": "calculator", "arguments": {"expression": e}}]}, True)
    talk = {s["id"]: s for s in smalltalk.INTENTS}
    for g, p in smalltalk_phrases():
        add("smalltalk", "smalltalk", p, {"answer": talk[g]["answer"], "id": g})
    return out


def _plain(text):
    return re.sub(r"\s+", " ", text).strip()


def check(item, think, answer, calls):
    """True when a reply is right. think: reasoning text (not judged); answer: text after it; calls: [{"name", "arguments": dict}] or None.

    fact, smalltalk  the answer is that fact's answer (white space apart)
    sums             the last number in the answer is right
    words            the last line of the answer holds the text (spelling: any separators; reversal: the word alone), case ignored
    offtopic         the answer is the refusal, and nothing was called
    tools            exactly the expected call (blanks in the expression do not matter)
    """
    kind, expect = item["kind"], item["expect"]
    if kind == "tools":
        def norm(cs):
            return [(c["name"], {k: str(v).replace(" ", "") for k, v in c["arguments"].items()}) for c in cs or []]
        return norm(calls) == norm(expect["calls"])
    if calls:
        return False
    if kind in ("fact", "smalltalk"):
        return _plain(answer) == _plain(expect["answer"])
    if kind == "offtopic":
        return _plain(answer) == _plain(offtopic.REFUSAL)
    last = answer.strip().rsplit("\n", 1)[-1]
    if kind == "sums":
        numbers = re.findall(r"-?\d+", last)
        return bool(numbers) and int(numbers[-1]) == expect["number"]
    found = re.sub(r"[^a-z0-9]", "", last.lower())
    want = re.sub(r"[^a-z0-9]", "", expect["text"].lower())
    if item["sub"] in ("spell", "reverse"):
        return found == want
    return bool(re.search(r"\*\*" + re.escape(want) + r"\*\*", last.lower()))


if __name__ == "__main__":
    ap = argparse.ArgumentParser(description="Write the held-out test set.")
    ap.add_argument("--out", default="heldout.jsonl")
    args = ap.parse_args()
    rows = items()
    with open(args.out, "w", encoding="utf-8") as f:
        for row in rows:
            f.write(json.dumps(row, ensure_ascii=False) + "\n")
    counts = {}
    for row in rows:
        counts[row["kind"]] = counts.get(row["kind"], 0) + 1
    print(counts)
