# SPDX-License-Identifier: MIT
"""Makes user texts look typed by people: case, punctuation, politeness, frames, typos, synonyms.

augment(rng, text, keep=(), light=False, frames=True) -> str
  keep    strings that must survive unchanged (words to spell without quotes, ...)
  light   sums, words, tools: no synonyms, no word dropout, few typos
  frames  allow question frames in front of short keyword phrases
Digits, anything with a digit in it, quoted words and `keep` are never altered.
"""
import re

PREFIX = ["hi, ", "hello, ", "hey, ", "hey ", "hi ", "please ", "please, ", "quick question: ", "question: ", "ok, ", "ok ", "so ",
          "so, ", "well, ", "sorry, ", "excuse me, ", "one thing: ", "now ", "and ", "um, ", "hmm, ", "also, ", "good day, ",
          "i have a question: ", "can you help me: ", "just wondering: ", "starglass, ", "next: "]
SUFFIX = [" please", ", please", " thanks", ", thanks", " thank you", ", thank you", " pls", " now", " then", " for me", " again",
          ", i am new here", ", just asking", " ok", " right now", ", any idea"]
# Frames for statements of a subject ("hit rate", "the hit rate meter").
FRAME_KEY = ["what is {}", "what is {} about", "tell me about {}", "explain {}", "help with {}", "info on {}", "something about {}",
             "{} please explain", "can you explain {}", "i want to know about {}", "what about {}", "{} - what is that",
             "describe {}", "{} meaning", "what does {} mean", "question about {}", "more on {}"]
# Frames for questions and commands.
FRAME_Q = ["can you tell me {}", "tell me {}", "i want to know {}", "i would like to know {}", "do you know {}", "please tell me {}",
           "could you tell me {}", "i wonder {}", "i am asking {}", "explain to me {}", "do you have any idea {}", "say {}"]
QUESTION_WORDS = {"what", "how", "where", "why", "when", "which", "who", "whats", "what's", "where's", "how's"}
VERB_WORDS = {"is", "are", "does", "do", "can", "could", "should", "will", "would", "show", "tell", "explain", "describe", "i", "my",
              "it", "the", "why", "when", "open", "make", "help", "give", "let", "if", "there", "we", "you", "please", "has", "have",
              "was", "did", "a", "an", "some", "this", "that", "am", "need", "want", "in", "at", "on", "to", "for", "after", "not"}
SYNONYMS = {
    "show": ["show", "display"], "explain": ["explain", "describe"], "describe": ["describe", "explain"],
    "delete": ["delete", "remove", "erase"], "remove": ["remove", "delete"], "erase": ["erase", "delete"],
    "memory": ["memory", "ram"], "ram": ["ram", "memory"], "quick": ["quick", "fast"], "quickly": ["quickly", "fast"],
    "speedy": ["fast"], "reply": ["reply", "answer"], "response": ["response", "answer", "reply"], "answer": ["answer", "reply"],
    "chat": ["chat", "conversation"], "conversation": ["conversation", "chat"], "picture": ["picture", "image"],
    "image": ["image", "picture"], "big": ["big", "large"], "large": ["large", "big"], "small": ["small", "little"],
    "begin": ["begin", "start"], "start": ["start", "begin"], "use": ["use", "work with"], "find": ["find", "see"],
    "machine": ["machine", "computer"], "computer": ["computer", "machine", "pc"], "pc": ["pc", "computer"],
    "program": ["program", "app"], "app": ["app", "program"], "want": ["want", "would like"], "whole": ["whole", "entire"],
    "screen": ["screen", "window"], "laptop": ["laptop", "computer"], "graph": ["graph", "chart"], "chart": ["chart", "graph"],
    "ssd": ["ssd", "disk"], "disk": ["disk", "drive"], "drive": ["drive", "disk"], "mean": ["mean", "stand for"],
    "purpose": ["purpose", "use"], "stop": ["stop", "halt"], "folder": ["folder", "directory"], "directory": ["directory", "folder"],
    "change": ["change", "set"], "fix": ["fix", "solve"], "happens": ["happens", "goes on"], "need": ["need", "require"],
}
CONTRACT = [("what is", "what's"), ("what is", "whats"), ("how is", "how's"), ("where is", "where's"), ("where is", "wheres"),
            ("i am", "i'm"), ("i am", "im"), ("it is", "it's"), ("do not", "don't"), ("do not", "dont"), ("does not", "doesn't"),
            ("does not", "doesnt"), ("can not", "can't"), ("cannot", "can't"), ("cannot", "cant"), ("is not", "isn't"),
            ("i have", "i've"), ("that is", "that's"), ("who is", "who's"), ("there is", "there's"), ("you are", "you're"),
            ("will not", "won't"), ("are not", "aren't"), ("i would", "i'd")]
DROPPABLE = {"the", "a", "an", "please", "really", "just", "exactly", "actually", "very", "some", "my", "this", "that", "here", "so", "now"}
_CUT = re.compile(r'("[^"]*"|`[^`]*`|\S*\d\S*)')


def _pieces(text, keep):
    """Splits into (text, protected) runs."""
    runs = [(t, bool(_CUT.fullmatch(t))) for t in _CUT.split(text) if t]
    for k in keep:
        out = []
        for t, p in runs:
            if p or not k:
                out.append((t, p))
                continue
            parts = re.split(r"(?<![A-Za-z])(" + re.escape(k) + r")(?![A-Za-z])", t)
            out += [(x, i % 2 == 1) for i, x in enumerate(parts) if x]
        runs = out
    return runs


def _typo(rng, word):
    if len(word) < 4 or not word.isalpha():
        return word
    i = rng.randrange(1, len(word) - 1)
    r = rng.random()
    if r < 0.35:
        return word[:i] + word[i + 1] + word[i] + word[i + 2:]
    if r < 0.70:
        return word[:i] + word[i + 1:]
    return word[:i] + word[i] + word[i:]


def _per_word(runs, fn):
    return [(t if p else re.sub(r"[A-Za-z']+", lambda m: fn(m.group(0)), t), p) for t, p in runs]


def augment(rng, text, keep=(), light=False, frames=True):
    """Returns a varied form of text with the same meaning; see the module text."""
    words = text.split()
    first = words[0].lower() if words else ""
    runs = _pieces(text, keep)
    if not light:
        if rng.random() < 0.25:  # contractions, both ways
            long_, short = rng.choice([c for c in CONTRACT if c[0] in text or c[1] in text] or [("", "")])
            if long_:
                src, dst = (long_, short) if long_ in text else (short, long_)
                pat = re.compile(r"\b" + re.escape(src) + r"\b")
                runs = [(t if p else pat.sub(dst, t, count=1), p) for t, p in runs]
        if rng.random() < 0.30:
            runs = _per_word(runs, lambda w: rng.choice(SYNONYMS[w]) if w in SYNONYMS and rng.random() < 0.5 else w)
        if len(words) >= 6 and rng.random() < 0.20:
            gone = [False]

            def drop(w):
                if not gone[0] and w in DROPPABLE and rng.random() < 0.6:
                    gone[0] = True
                    return ""
                return w
            runs = [(t if p else re.sub(r" {2,}", " ", t), p) for t, p in _per_word(runs, drop)]
    if rng.random() < (0.05 if light else 0.13):
        free = [m.group(0) for t, p in runs if not p for m in re.finditer(r"[A-Za-z]{4,}", t)]
        if free:
            victims = {rng.choice(free)}
            runs = _per_word(runs, lambda w: _typo(rng, w) if w in victims else w)
    runs = [(t.lstrip() if i == 0 and not p else t, p) for i, (t, p) in enumerate(runs)]
    asks = first in QUESTION_WORDS
    if frames and not light and rng.random() < 0.16:
        if asks and first not in ("whats", "what's", "where's", "how's"):
            f = rng.choice(FRAME_Q)
        elif len(words) <= 4 and first not in VERB_WORDS:
            f = rng.choice(FRAME_KEY)
        else:
            f = "{}"
        left, right = f.split("{}")
        runs = [(left, False)] + runs + [(right, False)]
    r = rng.random()
    if r < 0.12:
        runs = [(rng.choice(PREFIX), False)] + runs
    if rng.random() < 0.07:
        runs = runs + [(rng.choice(SUFFIX), False)]
    case = rng.random()
    if case < 0.04:
        runs = [(t if p else t.upper(), p) for t, p in runs]
    elif case < 0.45:
        for i, (t, p) in enumerate(runs):
            if p:
                break
            if t.strip():
                k = len(t) - len(t.lstrip())
                runs[i] = (t[:k] + t[k:k + 1].upper() + t[k + 1:], p)
                break
    out = "".join(t for t, _ in runs).strip()
    if out and out[-1] not in "?!.=`":
        r = rng.random()
        if asks or first in ("is", "are", "does", "do", "can", "could", "should", "will"):
            out += "?" if r < 0.50 else "." if r < 0.53 else "??" if r < 0.55 else ""
        else:
            out += "." if r < 0.22 else "?" if r < 0.34 else "!" if r < 0.37 else " ?" if r < 0.38 else ""
    return out


if __name__ == "__main__":
    import random
    g = random.Random(2)
    for s in ["what is the hit rate", "hit rate meter", 'spell "planet"', "take 8 from 40", "i see a percent next to the experts, what does it say"]:
        for _ in range(5):
            print(augment(g, s, light='"' in s or "8" in s))
