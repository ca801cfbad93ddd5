# SPDX-License-Identifier: MIT
"""From corpus conversations to token ids with a loss mask; also trains the tokenizer:

    python3 data.py --merges 1016        writes merges.json
"""
import argparse
import os
import random
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "corpus"))
sys.path.insert(0, HERE)
import bpe  # noqa: E402
import conversation  # noqa: E402
import facts_more  # noqa: E402
import facts_more_a  # noqa: E402
import facts_more_b  # noqa: E402
import facts_more_c  # noqa: E402
import facts_more_d  # noqa: E402
import facts_more_e  # noqa: E402
import facts_more_f  # noqa: E402
import fresh  # noqa: E402
import heldout  # noqa: E402
import smalltalk  # noqa: E402
import synonyms  # noqa: E402
import words  # noqa: E402

MAX_TOKENS = 640
EXTRA = [m.MORE for m in (facts_more, facts_more_a, facts_more_b, facts_more_c, facts_more_d,
                           facts_more_e, facts_more_f)]  # further wordings of the facts
WEIGHTS = {"fact": 0.50, "sums": 0.06, "words": 0.08, "offtopic": 0.36, "smalltalk": 0.08, "tools": 0.06}


def excluded():
    """Held-out phrases, with a margin: the split may move a little when a fact is edited during a run."""
    wide = heldout._pick([(f["id"], f["phrases"]) for f in heldout.load_facts()], 240, 2)
    talk = heldout._pick([(s["id"], s["phrases"]) for s in smalltalk.INTENTS], 46, 2)
    second = {q.lower().strip(" ?.!") for q in [q for _, q in fresh.FACT_QUESTIONS] + fresh.OFFTOPIC}
    return heldout.excluded() | second | {p for _, p in wide} | {p for _, p in talk}


def vary(rng, fact, phrase, out, keywords):
    """Other wordings of the same question: keywords, phrases of the fact joined, runs of words of several phrases, words left out or moved."""
    ws = phrase.split()
    r = rng.random()
    if r < 0.06:
        p = rng.choice(fact["phrases"])
        text = phrase if p in out else phrase + rng.choice([", ", " ", "? ", ". ", " - ", ", i mean ", " or "]) + p
    elif r < 0.36:  # runs of words of two or three phrases
        runs = []
        for p in [phrase] + [rng.choice(fact["phrases"]) for _ in range(1 if rng.random() < 0.6 else 2)]:
            if p in out:
                continue
            w = p.split()
            n = rng.randint(2, 5)
            i = rng.randrange(max(1, len(w) - n + 1))
            runs.append(" ".join(w[i:i + n]))
        rng.shuffle(runs)
        text = " ".join(runs)
    elif r < 0.48 and len(ws) >= 4:
        n = 2 if len(ws) >= 7 and rng.random() < 0.5 else 1
        gone = set(rng.sample(range(len(ws)), n))
        text = " ".join(w for i, w in enumerate(ws) if i not in gone)
    elif r < 0.56 and len(ws) >= 3:
        rng.shuffle(ws)
        text = " ".join(ws)
    elif r < 0.66:  # the words of one phrase that carry its meaning
        text = " ".join(synonyms.content(phrase)) or phrase
    elif r < 0.80:
        text = keywords.query(rng, fact["index"]) or phrase
    else:
        text = phrase
    if len(text.split()) <= 3 and rng.random() < 0.3:
        text = synonyms.frame(rng, text)
    if rng.random() < 0.45:
        text = synonyms.swap(rng, text)
    return phrase if text.strip(" ?.!") in out else text


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
    words.PIECES = sorted({t[1:] if t[0] == "\u0120" else t.lower() for t in tok.tokens[259:-5]
                           if re.fullmatch("\u0120[a-z]{2,9}|[A-Z][a-z]{1,8}", t)})

    conversation.FACTS = [dict(f, index=i, phrases=f["phrases"] + sorted({p for more in EXTRA for p in more.get(f["id"], [])} - set(f["phrases"]) - out))
                          for i, f in enumerate(heldout.load_facts())]
    keywords = synonyms.Keywords([dict(f, phrases=[p for p in f["phrases"] if p not in out]) for f in conversation.FACTS])
    plain_turn = conversation.fact_turn

    def gen(rng):
        conversation.fact_turn = lambda fact, phrase: plain_turn(fact, vary(rng, fact, phrase, out, keywords))
        late = progress() > 0.88  # long conversations and the tools section cost tokens: seldom at first
        p_single, p_tools = (0.86, 0.25) if late else (0.95, 0.13)
        while True:
            conv = conversation.sample(rng, phrases_excluded=out, p_single=p_single, p_tools=p_tools, weights=WEIGHTS, noise_share=0.75, p_thinking=0.45)
            conversation.fact_turn = plain_turn
            ids, mask = encode(tok, conversation.render(conv))
            if len(conv["turns"]) == 1 and conv["turns"][0]["kind"] in ("fact", "smalltalk", "offtopic") and rng.random() < 0.7:
                # Which answer it is shows in the first tokens; the rest is soon known by heart and need not be repeated each time.
                start = mask.index(1)
                close = tok.id[bpe.ENDTHINK]
                if conv["thinking"]:
                    start = ids.index(close, start)
                cut = start + rng.randint(4, 10)
                ids, mask = ids[:cut], mask[:cut]
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
