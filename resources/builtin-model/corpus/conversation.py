# SPDX-License-Identifier: MIT
"""Whole training conversations for the built-in model.

sample(rng, phrases_excluded=None, **knobs) -> {"thinking": bool, "tools": bool, "turns": [turn, ...]}
  turn: see sums.py, words.py, offtopic.py, smalltalk.py, tools.py; facts: the same keys with kind "fact", expect {"answer", "id"}.
  phrases_excluded: set of held-out phrases; None takes heldout.excluded().
  knobs: weights, p_single, p_thinking, p_tools, max_turns, noise (curriculum); defaults are the constants below.
render(conv) -> [(text, loss)]: the conversation as the chat layout of DeepSeek V4 spells it (special tokens literally), in pieces; loss tells
  which pieces are learnt. In thinking conversations without tools the reasoning of past turns is dropped, so only the last turn is learnt there.
"""
import heldout
import noise
import offtopic
import smalltalk
import sums
import tools
import words

WEIGHTS = {"fact": 0.42, "sums": 0.18, "words": 0.18, "offtopic": 0.12, "smalltalk": 0.05, "tools": 0.05}
P_SINGLE, P_THINKING, P_TOOLS, MAX_TURNS, NOISE = 0.88, 0.60, 0.35, 7, 0.80
BAR = "\uff5c"
BOS = f"<{BAR}begin\u2581of\u2581sentence{BAR}>"
EOS = f"<{BAR}end\u2581of\u2581sentence{BAR}>"
USER, ASSISTANT, THINK, END_THINK = f"<{BAR}User{BAR}>", f"<{BAR}Assistant{BAR}>", "<think>", "</think>"
FACTS = heldout.load_facts()
_EXCLUDED = heldout.excluded()


def fact_turn(fact, phrase):
    return {"user": phrase, "think": f"About {fact['topic']}.", "answer": fact["answer"], "steps_answer": fact["answer"], "kind": "fact",
            "sub": fact["id"], "expect": {"answer": fact["answer"], "id": fact["id"]}, "keep": []}


def make_turn(rng, kind, tools_on, excluded, noise_share=NOISE):
    """One turn of a kind, with typing noise in the user's text."""
    if kind == "fact":
        while True:
            fact = rng.choice(FACTS)
            phrase = rng.choice(fact["phrases"])
            if phrase not in excluded:
                break
        turn = fact_turn(fact, phrase)
    elif kind == "sums":
        turn = sums.make(rng)
    elif kind == "words":
        turn = words.make(rng)
    elif kind == "offtopic":
        turn = offtopic.make(rng)
    elif kind == "smalltalk":
        turn = smalltalk.make(rng, excluded)
    else:
        turn = tools.make(rng, tools_on, excluded)
    if rng.random() < noise_share:
        text = noise.augment(rng, turn["user"], keep=turn["keep"], light=kind in ("sums", "words", "tools"), frames=kind in ("fact", "offtopic"))
        # Noise must not turn a training phrase into a held-out one.
        if text.lower().rstrip("?!. ") not in excluded:
            turn["user"] = text
    return turn


def sample(rng, phrases_excluded=None, weights=None, p_single=P_SINGLE, p_thinking=P_THINKING, p_tools=P_TOOLS, max_turns=MAX_TURNS, noise_share=NOISE):
    """One conversation."""
    excluded = _EXCLUDED if phrases_excluded is None else phrases_excluded
    w = weights or WEIGHTS
    kinds = [k for k in w if w[k] > 0 and (k != "fact" or FACTS)]
    n = 1 if rng.random() < p_single else rng.randint(2, max_turns)
    chosen = rng.choices(kinds, [w[k] for k in kinds], k=n)
    on = rng.random() < (0.8 if "tools" in chosen else p_tools)
    return {"thinking": rng.random() < p_thinking, "tools": on, "turns": [make_turn(rng, k, on, excluded, noise_share) for k in chosen]}


def render(conv):
    """[(text, loss)]; joined, the texts are exactly what the engine's chat renderer writes."""
    out = [(BOS + (tools.SECTION if conv["tools"] else ""), False)]
    thinking, keep = conv["thinking"], conv["tools"]
    last = len(conv["turns"]) - 1

    def reply(think, answer, learn, kept):
        out.append((ASSISTANT + (THINK if thinking and kept else END_THINK), False))
        out.append(((think + END_THINK if thinking and kept else "") + answer + EOS, learn))
    for i, t in enumerate(conv["turns"]):
        out.append((USER + t["user"], False))
        kept = keep or i == last
        learn = not thinking or kept
        reply(t["think"], t["answer"] if thinking else t["steps_answer"], learn, kept)
        if "calls" in t:
            out.append((USER + "<tool_result>" + t["tool_result"] + "</tool_result>", False))
            reply(t["after"]["think"], t["after"]["answer"], learn, kept)
    return out


if __name__ == "__main__":
    import random
    import time
    g = random.Random(6)
    print(len(FACTS), "facts,", len(_EXCLUDED), "phrases held out")
    for _ in range(12):
        print(repr("".join(t for t, _ in render(sample(g)))))
    t0 = time.time()
    count, size = {}, 0
    for _ in range(5000):
        c = sample(g)
        size += sum(len(t) for t, _ in render(c))
        for t in c["turns"]:
            count[t["kind"]] = count.get(t["kind"], 0) + 1
            assert t["user"] and t["user"] not in _EXCLUDED
    print(count, size // 5000, "characters each,", round((time.time() - t0) / 5, 2), "ms each")
