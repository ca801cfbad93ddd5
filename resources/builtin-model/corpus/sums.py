# SPDX-License-Identifier: MIT
"""Sums and differences with their steps, for the built-in model's corpus.

make(rng) -> turn: {"user", "think", "answer", "steps_answer", "kind": "sums", "sub", "expect", "keep"}
  think         the steps (thinking mode); answer is then only the result, "**734**"
  steps_answer  the answer for non-thinking mode: the same steps in a fenced block, then the result
  expect        {"number": int, "a": int, "op": "+"|"-", "b": int}

Steps. Addition, 478 + 256 (operands padded to equal length, units first,
each column "digit+digit+carry=carry digit"), the last line holds every digit, carry first:
    478+256
    8+6+0=14
    7+5+1=13
    4+2+1=07
    =0734
Subtraction, 478 - 485: compare digits from the left up to the first difference, keep or swap,
then columns "digit-digit-borrow=borrow digit"; a swap puts the minus sign into the last line:
    478-485
    4=4,7<8
    swap 485-478
    5-8-0=17
    8-7-1=00
    4-4-0=00
    =-007
Every line has one shape, so the net only needs local look-ups. The tokenizer never merges digits,
so no blanks are needed between them (set SEP = " " to space everything).
"""
import zlib

KIND = "sums"
SEP = ""

WORD_NUMBERS = {
    0: "zero", 1: "one", 2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven", 8: "eight", 9: "nine",
    10: "ten", 11: "eleven", 12: "twelve", 13: "thirteen", 14: "fourteen", 15: "fifteen", 16: "sixteen",
    17: "seventeen", 18: "eighteen", 19: "nineteen", 20: "twenty", 30: "thirty", 40: "forty", 50: "fifty",
    60: "sixty", 70: "seventy", 80: "eighty", 90: "ninety", 100: "a hundred",
}

# {a} and {b} stand in the order of the sum a + b.
ADD = [
    "{a}+{b}", "{a} + {b}", "{a}+{b}=", "{a} + {b} = ?", "{a} plus {b}", "what is {a} plus {b}", "what is {a} + {b}",
    "what's {a}+{b}", "whats {a} plus {b}", "how much is {a} plus {b}", "how much is {a} + {b}", "add {a} and {b}",
    "add {b} to {a}", "add up {a} and {b}", "add {a} + {b}", "sum of {a} and {b}", "the sum of {a} and {b}",
    "what is the sum of {a} and {b}", "compute {a} + {b}", "calculate {a} plus {b}", "calculate {a}+{b}",
    "work out {a} + {b}", "work out {a} plus {b}", "can you add {a} and {b}", "can you do {a} + {b}",
    "tell me {a} plus {b}", "what do i get if i add {a} and {b}", "what do {a} and {b} make",
    "how much do {a} and {b} make together", "{a} and {b} together", "{a} and {b} is how much", "put {a} and {b} together",
    "{a} more than {b}", "what is {a} more than {b}", "increase {a} by {b}", "{a} increased by {b}", "solve {a} + {b}",
    "solve {a}+{b}", "what does {a} + {b} equal", "{a} plus {b} equals", "what is the total of {a} and {b}",
    "total of {a} and {b}", "i need {a} plus {b}", "do the sum {a} + {b}", "give me {a} + {b}", "show me how to add {a} and {b}",
    "count {a} and {b} together", "evaluate {a} + {b}", "what number is {a} plus {b}", "start with {a} and add {b}",
    "if i add {b} to {a} what do i get", "math: {a} + {b}", "sum: {a} + {b}", "add: {a} {b}",
    "i had {a} {n} and got {b} more", "i have {a} {n} and buy {b} more, how many do i have",
    "there are {a} {n} and {b} more come, how many are there", "a box has {a} {n} and another has {b}, how many together",
    "we had {a} {n} and found {b} more, how many now", "one shelf holds {a} {n}, the other {b}, how many in all",
    "she has {a} {n} and he gives her {b}, how many does she have", "i read {a} pages and then {b} more, how many pages",
    "{a} {n} plus {b} {n}", "{a} {n} and {b} {n}, how many {n}",
    "i walked {a} steps and then {b} more, how many steps", "it costs {a} and the other costs {b}, what is the total",
]
# {a} and {b} stand in the order of the difference a - b.
SUB = [
    "{a}-{b}", "{a} - {b}", "{a}-{b}=", "{a} - {b} = ?", "{a} minus {b}", "what is {a} minus {b}", "what is {a} - {b}",
    "what's {a}-{b}", "whats {a} minus {b}", "how much is {a} minus {b}", "how much is {a} - {b}", "take {b} from {a}",
    "take {b} away from {a}", "subtract {b} from {a}", "{a} subtract {b}", "{a} take away {b}", "{a} less {b}",
    "what is {a} take away {b}", "what is {a} less {b}", "compute {a} - {b}", "calculate {a} minus {b}", "calculate {a}-{b}",
    "work out {a} - {b}", "work out {a} minus {b}", "can you subtract {b} from {a}", "can you do {a} - {b}",
    "tell me {a} minus {b}", "what do i get if i take {b} from {a}", "what is left if i take {b} from {a}",
    "{b} less than {a}", "what is {b} less than {a}", "decrease {a} by {b}", "reduce {a} by {b}", "{a} decreased by {b}",
    "solve {a} - {b}", "solve {a}-{b}", "what does {a} - {b} equal", "{a} minus {b} equals", "remove {b} from {a}",
    "what remains of {a} after taking {b}", "i need {a} minus {b}", "do the sum {a} - {b}", "give me {a} - {b}",
    "show me how to subtract {b} from {a}", "evaluate {a} - {b}", "what number is {a} minus {b}",
    "start with {a} and take away {b}", "start with {a} and subtract {b}", "math: {a} - {b}", "sum: {a} - {b}",
    "if i subtract {b} from {a} what do i get", "{a} without {b}", "{b} from {a}", "count back {b} from {a}",
]
# Only where a >= b: stories and differences.
SUB_POS = [
    "difference between {a} and {b}", "the difference of {a} and {b}", "what is the difference between {a} and {b}",
    "how many more is {a} than {b}", "how much bigger is {a} than {b}", "how far is it from {b} to {a}",
    "i had {a} {n} and gave away {b}", "i had {a} {n} and lost {b}, how many are left", "i have {a} {n} and eat {b}, how many do i have",
    "there are {a} {n} and {b} go away, how many are left", "a box has {a} {n}, i take {b} out, how many stay",
    "we had {a} {n} and sold {b}, how many now", "out of {a} {n} {b} are broken, how many are good",
    "a book has {a} pages and i read {b}, how many are left", "{a} {n} minus {b} {n}", "i had {a} coins and spent {b}",
    "i paid with {a} and it costs {b}, how much do i get back", "from {a} {n} take {b}, how many {n} remain",
]
THREE = ["{a}+{b}+{c}", "{a} + {b} + {c}", "what is {a} plus {b} plus {c}", "add {a}, {b} and {c}", "add up {a} {b} {c}",
         "sum of {a}, {b} and {c}", "what is {a} + {b} + {c}", "how much is {a} and {b} and {c} together", "calculate {a}+{b}+{c}",
         "total of {a}, {b} and {c}", "{a} plus {b} plus {c}"]
THINGS = ["apples", "books", "coins", "cards", "eggs", "pens", "balls", "cakes", "stones", "stamps", "files", "points", "birds",
          "nuts", "boxes", "keys", "cups", "toys", "cookies", "marbles", "flowers", "people", "cars", "shells"]


def is_heldout_pair(a, op, b):
    """True for the fixed 4 % of pairs (one operand >= 10 or more) never shown in training."""
    return max(a, b) >= 10 and zlib.crc32(f"{a}{op}{b}".encode()) % 25 == 0


def add_steps(a, b):
    """Lines of the written addition of two non-negative integers."""
    n = max(len(str(a)), len(str(b)))
    x, y = str(a).zfill(n), str(b).zfill(n)
    lines, out, carry = [SEP.join(f"{x}+{y}")], "", 0
    for i in range(n - 1, -1, -1):
        s = int(x[i]) + int(y[i]) + carry
        lines.append(SEP.join(f"{x[i]}+{y[i]}+{carry}={s // 10}{s % 10}"))
        carry, out = s // 10, str(s % 10) + out
    lines.append(SEP.join(f"={carry}{out}"))
    return lines


def sub_steps(a, b):
    """Lines of the written subtraction; a may be smaller than b."""
    n = max(len(str(a)), len(str(b)))
    x, y = str(a).zfill(n), str(b).zfill(n)
    lines, cmp_ = [SEP.join(f"{x}-{y}")], []
    for p, q in zip(x, y):
        cmp_.append(p + (">" if p > q else "<" if p < q else "=") + q)
        if p != q:
            break
    lines.append(",".join(cmp_))
    swap = a < b
    if swap:
        x, y = y, x
    lines.append(("swap " if swap else "keep ") + SEP.join(f"{x}-{y}"))
    out, borrow = "", 0
    for i in range(n - 1, -1, -1):
        d = int(x[i]) - int(y[i]) - borrow
        nb = 1 if d < 0 else 0
        lines.append(SEP.join(f"{x[i]}-{y[i]}-{borrow}={nb}{d % 10}"))
        borrow, out = nb, str(d % 10) + out
    lines.append(SEP.join("=" + ("-" if swap else "") + out))
    return lines


def steps(a, op, b):
    return add_steps(a, b) if op == "+" else sub_steps(a, b)


def _number(rng, digits):
    return rng.randint(0, 9) if digits == 1 else rng.randint(10 ** (digits - 1), 10 ** digits - 1)


def _pair(rng, op):
    r = rng.random()
    if r < 0.60:
        da, db = 3, 3
    elif r < 0.74:
        da, db = rng.choice([(3, 2), (2, 3)])
    elif r < 0.87:
        da, db = 2, 2
    elif r < 0.92:
        da, db = rng.choice([(3, 1), (1, 3)])
    elif r < 0.97:
        da, db = rng.choice([(2, 1), (1, 2)])
    else:
        da, db = 1, 1
    a, b = _number(rng, da), _number(rng, db)
    style = rng.random()
    if style < 0.30 and da > 1 and db > 1:  # chains: low columns carry or borrow
        x, y = [int(c) for c in str(a)], [int(c) for c in str(b)]
        for i in range(1, min(len(x), len(y)) + 1):
            if i == len(x) or i == len(y):
                break
            if op == "+":
                y[-i] = rng.randint(max(0, 9 - x[-i]), 9)
            else:
                y[-i] = rng.randint(x[-i], 9)
        b = int("".join(map(str, y)))
    elif style < 0.38 and da > 1:  # zeros and nines
        a = int(str(a)[0] + "".join(rng.choice("0009") for _ in str(a)[1:]))
    elif style < 0.48 and da == db and da > 1:  # equal leading digits: the comparison goes on
        k = rng.randint(1, da - 1)
        b = int(str(a)[:k] + str(b)[k:])
        if rng.random() < 0.08:
            b = a
    if op == "-" and a < b and rng.random() < 0.45:  # about a quarter of the differences stay negative
        a, b = b, a
    return a, b


def operands(rng, op, heldout=False):
    """A pair on the wanted side of the split."""
    while True:
        a, b = _pair(rng, op)
        if is_heldout_pair(a, op, b) == heldout:
            return a, b


def _turn(user, lines, number, sub, a, op, b, keep=()):
    think = "\n".join(lines)
    answer = f"**{number}**"
    return {"user": user, "think": think, "answer": answer, "steps_answer": f"```\n{think}\n```\n{answer}", "kind": KIND,
            "sub": sub, "expect": {"number": number, "a": a, "op": op, "b": b}, "keep": list(keep)}


def phrase(rng, a, op, b, words=False):
    """One wording of a + b or a - b."""
    if op == "+":
        t = rng.choice(ADD[:4]) if rng.random() < 0.18 else rng.choice(ADD)
    elif a >= b and rng.random() < 0.25:
        t = rng.choice(SUB_POS)
    else:
        t = rng.choice(SUB[:4]) if rng.random() < 0.18 else rng.choice(SUB)
    fa, fb = (WORD_NUMBERS[a], WORD_NUMBERS[b]) if words else (a, b)
    return t.format(a=fa, b=fb, n=rng.choice(THINGS))


def make(rng, heldout=False):
    """One sum. heldout=True draws a pair that training never sees."""
    if not heldout and rng.random() < 0.04:
        a, b, c = (rng.randint(0, 99 if rng.random() < 0.6 else 20) for _ in range(3))
        lines = add_steps(a, b) + add_steps(a + b, c)
        return _turn(rng.choice(THREE).format(a=a, b=b, c=c), lines, a + b + c, "three", a, "+", b)
    op = "+" if rng.random() < 0.47 else "-"  # differences are the harder half
    if not heldout and rng.random() < 0.04:
        a, b = rng.choice(list(WORD_NUMBERS)), rng.choice(list(WORD_NUMBERS))
        if is_heldout_pair(a, op, b):
            a, b = a % 10, b % 10
        return _turn(phrase(rng, a, op, b, words=True), steps(a, op, b), a + b if op == "+" else a - b, "add" if op == "+" else "sub",
                     a, op, b, keep=(WORD_NUMBERS[a], WORD_NUMBERS[b]))
    a, b = operands(rng, op, heldout)
    return _turn(phrase(rng, a, op, b), steps(a, op, b), a + b if op == "+" else a - b, "add" if op == "+" else "sub", a, op, b)


if __name__ == "__main__":
    import random
    r = random.Random(1)
    for _ in range(20000):
        t = make(r)
        last = t["think"].rsplit("=", 2)[-1] if t["sub"] == "three" else t["think"].rsplit("\n=", 1)[1]
        assert int(last.replace(" ", "")) == t["expect"]["number"], t
    for _ in range(4):
        t = make(r)
        print(t["user"], "|", t["think"].replace("\n", " / "), "|", t["answer"])
    print("wordings", len(ADD), len(SUB) + len(SUB_POS))
