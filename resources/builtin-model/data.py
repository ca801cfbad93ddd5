# SPDX-License-Identifier: MIT
"""From corpus conversations to token ids with a loss mask; also trains the tokenizer:

    python3 data.py --merges 1016        writes merges.json
"""
import argparse
import os
import random
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "corpus"))
sys.path.insert(0, HERE)
import bpe  # noqa: E402
import conversation  # noqa: E402
import heldout  # noqa: E402
import smalltalk  # noqa: E402

MAX_TOKENS = 640


def excluded():
    """Held-out phrases, with a margin: the split may move a little when a fact is edited during a run."""
    wide = heldout._pick([(f["id"], f["phrases"]) for f in heldout.load_facts()], 240, 2)
    talk = heldout._pick([(s["id"], s["phrases"]) for s in smalltalk.INTENTS], 46, 2)
    return heldout.excluded() | {p for _, p in wide} | {p for _, p in talk}


def encode(tok, pieces):
    ids, mask = [], []
    for text, loss in pieces:
        e = tok.encode(text)
        ids += e
        mask += [1 if loss else 0] * len(e)
    return ids, mask


def generator(tok, progress):
    """progress() -> share of the run done, for the curriculum. Returns gen(rng) -> (ids, mask, conversation)."""
    out = excluded()

    def gen(rng):
        p_single = 0.92 if progress() < 0.3 else 0.84
        p_tools = 0.2
        while True:
            conv = conversation.sample(rng, phrases_excluded=out, p_single=p_single, p_tools=p_tools)
            ids, mask = encode(tok, conversation.render(conv))
            if len(ids) <= MAX_TOKENS and sum(mask):
                return ids, mask, conv
    return gen


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--merges", type=int, default=1016)
    ap.add_argument("--conversations", type=int, default=12000)
    a = ap.parse_args()
    rng = random.Random(3)
    texts = ("".join(t for t, _ in conversation.render(conversation.sample(rng))) for _ in range(a.conversations))
    merges = bpe.train(texts, a.merges)
    tok = bpe.Tokenizer(merges)
    tok.save(os.path.join(HERE, "merges.json"))
    gen = generator(tok, lambda: 0.5)
    lens, sup = [], 0
    for _ in range(1500):
        ids, mask, conv = gen(rng)
        lens.append(len(ids))
        sup += sum(mask)
    lens.sort()
    print(tok.size, "tokens; conversation length mean %.1f median %d p90 %d max %d; supervised %.2f" %
          (sum(lens) / len(lens), lens[len(lens) // 2], lens[len(lens) * 9 // 10], lens[-1], sup / sum(lens)))


if __name__ == "__main__":
    main()
