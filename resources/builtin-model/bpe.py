# SPDX-License-Identifier: MIT
"""The built-in model's byte-level BPE: official split rules (for ASCII text), training, encoding.

Ids: 0 BOS, 1 EOS, 2 pad, 3..258 single bytes, then the merges in rank order, then the five markers.

A merge with letters is only ever learnt as prefix + one letter at the start of a piece that starts with a blank, a
capital or a back-quote. So " planet" may be one token, while "planet" inside double quotes stays single letters:
spelling, counting and reversing a quoted word is copying. Digits are never merged.
"""
import json
import re

BOS, EOS, PAD = 0, 1, 2
HEAD = ["<\uff5cbegin\u2581of\u2581sentence\uff5c>", "<\uff5cend\u2581of\u2581sentence\uff5c>", "<\uff5c\u2581pad\u2581\uff5c>"]
TAIL = ["<\uff5cUser\uff5c>", "<\uff5cAssistant\uff5c>", "<think>", "</think>", "\uff5cDSML\uff5c"]
USER, ASSISTANT, THINK, ENDTHINK, DSML = TAIL

_P = r"!-/:-@\[-`{-~"
_SPLIT = re.compile(r"[%s][A-Za-z]+|[^\r\n%sA-Za-z]?[A-Za-z]+| ?[%s]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+|[^\s%sA-Za-z]+" % (_P, _P, _P, _P))
_NUM = re.compile(r"[0-9]{1,3}")
_SPECIAL = re.compile("(" + "|".join(re.escape(s) for s in HEAD + TAIL) + ")")


def byte_alphabet():
    """GPT-2 byte -> printable code point."""
    keep = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    table, extra = {}, 0
    for b in range(256):
        if b in keep:
            table[b] = chr(b)
        else:
            table[b] = chr(256 + extra)
            extra += 1
    return table


ALPHABET = byte_alphabet()


def split(text):
    """Official pre-tokenisation of text without markers."""
    out, at = [], 0
    for m in _NUM.finditer(text):
        out += _SPLIT.findall(text[at:m.start()])
        out.append(m.group(0))
        at = m.end()
    out += _SPLIT.findall(text[at:])
    return out


def spell(piece):
    return tuple(ALPHABET[b] for b in piece.encode())


def train(texts, n_merges):
    """Learns merges from an iterable of texts (markers allowed)."""
    freq = {}
    for t in texts:
        for i, part in enumerate(_SPECIAL.split(t)):
            if i % 2 == 0:
                for p in split(part):
                    freq[p] = freq.get(p, 0) + 1
    words = []
    for p, f in freq.items():
        if len(p) < 2 or p[0].isdigit():
            continue
        letters = any(ch.isalpha() for ch in p)
        if letters and not (p[0] == " " or p[0].isupper() or p[0] == "`"):
            continue
        words.append([list(spell(p)), f, letters])
    merges, made = [], set()
    while len(merges) < n_merges:
        cnt = {}
        for w, f, letters in words:
            if len(w) < 2:
                continue
            if letters:
                if len(w[1]) == 1 or w[0] == "\u0120":  # one letter, or a capital chain behind a blank
                    cnt[(w[0], w[1])] = cnt.get((w[0], w[1]), 0) + f
            else:
                for q in zip(w, w[1:]):
                    cnt[q] = cnt.get(q, 0) + f
        cnt = {q: f for q, f in cnt.items() if q[0] + q[1] not in made}
        if not cnt:
            break
        best = min(cnt, key=lambda q: (-cnt[q], q))
        merges.append(best)
        made.add(best[0] + best[1])
        for rec in words:
            w = rec[0]
            if len(w) > 1 and best[0] in w:
                rec[0] = apply_merge(w, best)
    return merges


def apply_merge(w, pair):
    o, i = [], 0
    while i < len(w):
        if i + 1 < len(w) and w[i] == pair[0] and w[i + 1] == pair[1]:
            o.append(w[i] + w[i + 1])
            i += 2
        else:
            o.append(w[i])
            i += 1
    return o


class Tokenizer:
    def __init__(self, merges):
        self.merges = [tuple(m) for m in merges]
        self.tokens = HEAD + [ALPHABET[b] for b in range(256)] + [a + b for a, b in self.merges] + TAIL
        assert len(set(self.tokens)) == len(self.tokens)
        self.types = [3] * 3 + [1] * (256 + len(self.merges)) + [3, 3, 4, 4, 3]
        self.id = {t: i for i, t in enumerate(self.tokens)}
        self.rank = {m: i for i, m in enumerate(self.merges)}
        self.cache = {}
        inverse = {ch: b for b, ch in ALPHABET.items()}
        self.bytes = [None] * 3 + [bytes(inverse[ch] for ch in t) for t in self.tokens[3:-5]] + [None] * 5

    @property
    def size(self):
        return len(self.tokens)

    def piece(self, p):
        ids = self.cache.get(p)
        if ids is None:
            w = list(spell(p))
            while len(w) > 1:
                best = min(zip(w, w[1:]), key=lambda q: self.rank.get(q, 1 << 30))
                if best not in self.rank:
                    break
                w = apply_merge(w, best)
            ids = [self.id[t] for t in w]
            if len(self.cache) < 300000:
                self.cache[p] = ids
        return ids

    def text(self, t):
        """Ids of plain text: markers in it are text."""
        out = []
        for p in split(t):
            out += self.piece(p)
        return out

    def encode(self, t):
        """Ids of rendered text: markers are recognised."""
        out = []
        for i, part in enumerate(_SPECIAL.split(t)):
            if i % 2:
                out.append(self.id[part])
            elif part:
                out += self.text(part)
        return out

    def decode(self, ids):
        out = b""
        for i in ids:
            out += self.bytes[i] if self.bytes[i] is not None else self.tokens[i].encode()
        return out.decode("utf-8", "replace")

    def save(self, path):
        with open(path, "w") as f:
            json.dump(self.merges, f, ensure_ascii=True, indent=0)

    @staticmethod
    def load(path):
        with open(path) as f:
            return Tokenizer(json.load(f))
