#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the seeds of fuzz_chat and fuzz_text: every conversation and every reply of the golden
data, each behind the byte of flags that both fuzzers read first.

    make_text_seeds.py FOLDER
"""
import base64
import json
import pathlib
import sys

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "golden"


def cases(name):
    return json.loads((GOLDEN / name).read_text(encoding="utf-8"))["cases"]


def chunk_bytes(chunk):
    return base64.b64decode(chunk["base64"]) if isinstance(chunk, dict) else chunk.encode()


def seeds():
    for case in cases("chat/render.json"):
        if "request" in case:
            yield False, json.dumps(case["request"], ensure_ascii=False).encode()
    for case in cases("dsml/parse.json"):
        yield case["thinking"], case["text"].encode()
    for case in cases("dsml/stream.json"):
        yield case["thinking"], b"".join(chunk_bytes(chunk) for chunk in case["chunks"])


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for number, (thinking, text) in enumerate(seeds()):
        # Bit 0: the reply begins inside the reasoning. Bit 1 (fuzz_text): tools. The rest: pieces.
        flags = (number % 64) * 4 + 2 + int(bool(thinking))
        (folder / f"golden-{number:04}").write_bytes(bytes([flags]) + text)
    (folder / "written").write_bytes(b"")


main()
