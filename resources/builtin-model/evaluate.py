#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures the built-in model through the project's own engine, from the quantised GGUF.

    python3 evaluate.py [--cli ../../build/release/bin/starglass-cli] [--model FILE] [--save answers.jsonl]

Asks every question of the fixed held-out set (corpus/heldout.py) and of the second set, which was written without sight of the
training phrases (corpus/fresh.py), greedily, on one loaded engine (`starglass-cli run --jsonl`). Prints a line per kind, the empty
answers, the share of experts used and how much an expert tells about the topic. Standard library only.
"""
import argparse
import collections
import json
import math
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "corpus"))
import fresh  # noqa: E402
import heldout  # noqa: E402


def questions():
    """All items: the held-out set, then the fresh one (kinds "fresh fact", "fresh offtopic"), judged by the same check."""
    out = list(heldout.items())
    facts = {f["id"]: f for f in heldout.load_facts()}
    for i, (fact, text) in enumerate(fresh.FACT_QUESTIONS):
        out.append({"kind": "fact", "sub": fact, "group": "fresh fact", "user": text, "thinking": i % 2 == 0, "tools": i % 3 == 0,
                    "expect": {"answer": facts[fact]["answer"], "id": fact}})
    for i, text in enumerate(fresh.OFFTOPIC):
        out.append({"kind": "offtopic", "sub": "", "group": "fresh offtopic", "user": text, "thinking": i % 2 == 0, "tools": i % 3 == 0,
                    "expect": {"refusal": True}})
    return out


def ask(cli, model, items):
    lines = "".join(json.dumps({"user": i["user"], "thinking": i["thinking"], "tools": i["tools"], "temperature": 0, "max_tokens": 400}) + "\n"
                    for i in items)
    command = [cli, "run", "--jsonl", "-", "--routing"] + (["-m", model] if model else ["--builtin"])
    run = subprocess.run(command, input=lines, capture_output=True, text=True)
    if run.returncode not in (0, 1):
        sys.exit(run.stderr)
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    if len(answers) != len(items):
        sys.exit("%d answers to %d questions: %s" % (len(answers), len(items), run.stderr))
    return answers


def calls_of(answer):
    """(name, arguments as a dictionary) of each call the model made."""
    out = []
    for call in answer.get("tool_calls", []):
        try:
            out.append({"name": call["name"], "arguments": json.loads(call["arguments"])})
        except ValueError:
            out.append({"name": call["name"], "arguments": {}})
    return out


def mutual_information(table):
    """Bits that the column tells about the row, from counts [row][column]."""
    total = sum(map(sum, table)) or 1
    columns = [sum(c) for c in zip(*table)]
    bits = 0.0
    for row in table:
        r = sum(row)
        for n, c in zip(row, columns):
            if n:
                bits += n / total * math.log2(n * total / (r * c))
    return bits


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--cli", default=os.path.join(HERE, "../../build/release/bin/starglass-cli"))
    ap.add_argument("--model", help="a GGUF instead of the built-in model")
    ap.add_argument("--save", help="write questions, answers and verdicts here")
    args = ap.parse_args()

    items = questions()
    answers = ask(args.cli, args.model, items)
    right, total, modes = collections.Counter(), collections.Counter(), collections.defaultdict(lambda: [0, 0])
    empty, first, rows = 0, [], []
    experts = collections.defaultdict(lambda: None)
    for item, answer in zip(items, answers):
        group = item.get("group", item["kind"])
        good = "error" not in answer and bool(heldout.check(item, answer["thinking"], answer["answer"], calls_of(answer)))
        total[group] += 1
        right[group] += good
        mode = modes["thinking" if item["thinking"] else "not thinking"]
        mode[0] += good
        mode[1] += 1
        empty += not answer.get("answer", "").strip()
        first.append(answer.get("first_token_seconds", 0))
        rows.append({**item, "got": answer, "right": good})
        counts = answer.get("experts", {}).get("decode")
        if counts:
            old = experts[item["kind"]]
            experts[item["kind"]] = counts if old is None else [[a + b for a, b in zip(x, y)] for x, y in zip(old, counts)]
    for group in total:
        print("%-16s %3d of %3d  %5.1f %%" % (group, right[group], total[group], 100.0 * right[group] / total[group]))
    for mode, (good, count) in modes.items():
        print("%-16s %3d of %3d  %5.1f %%" % (mode, good, count, 100.0 * good / count))
    print("empty answers    %d of %d" % (empty, len(items)))
    first.sort()
    print("first token      median %.3f s, 95 %% within %.3f s" % (first[len(first) // 2], first[len(first) * 95 // 100]))
    kinds = sorted(k for k in experts if experts[k])
    if kinds:
        layers = len(experts[kinds[0]])
        used = ["%d of %d" % (sum(any(experts[k][l][e] for k in kinds) for e in range(len(experts[kinds[0]][l]))), len(experts[kinds[0]][l]))
                for l in range(layers)]
        print("experts used     " + ", ".join(used) + " (by layer)")
        print("topic-expert     " + ", ".join("%.2f" % mutual_information([experts[k][l] for k in kinds]) for l in range(layers)) +
              " bits of information by layer, %d kinds of question" % len(kinds))
    if args.save:
        with open(args.save, "w") as f:
            for row in rows:
                f.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
