# SPDX-License-Identifier: MIT
"""Calls of the two demo tools, for the built-in model's corpus.

make(rng, enabled) -> turn: {"user", "think", "answer", "steps_answer" (same as answer), "kind": "tools", "sub", "expect", "keep"}
  enabled  answer is the DSML call block (with its two leading line feeds); further keys:
           "calls": [{"name", "arguments"}], "tool_result": text, "after": {"think", "answer"} for the turn after the result
  not enabled  answer is OFF, no calls
  expect   {"calls": [...]} or {"off": True}
"""
KIND = "tools"
# As the engine's chat renderer writes them: schemas re-serialised, a blank line in front.
CLOCK = '{"name": "clock", "description": "current date and time"}'
CALCULATOR = '{"name": "calculator", "parameters": {"expression": "string"}}'
SECTION = "\n\nTools:\n" + CLOCK + "\n" + CALCULATOR
THINK_CLOCK = "Needs the clock."
THINK_OFF = "Needs a tool, but the tools are off."
OFF = ("I would need the clock or the calculator for that, and the demo tools are switched off. Turn them **on** and ask again. "
       "I can add and subtract up to three digits by myself.")
B = "\uff5c"  # the bar of the DSML marker

TIME = """what time is it|what's the time|whats the time|tell me the time|current time|time please|the time|do you have the time|do you know what time it is|how late is it|what is the current time
what time is it now|can you tell me the time|what does the clock say|clock|look at the clock|check the clock|show me the time|time now|what hour is it|is it late|give me the exact time|what is the exact time
i need the time|read the clock|what time do we have|i lost track of time, what time is it|my watch stopped, what time is it|is it already noon|how late is it now|use the clock tool|what is the time right now
call the clock|please check the time|time?|hour and minute please"""
DATE = """what is the date|what's the date today|what date is it|what is today's date|tell me the date|today's date|current date|date please|which date is today|what is the date today|give me the date
date today|what day of the month is it|do you know the date|what date do we have today|show me the date|can you tell me the date|i need today's date|what is the current date|date?|the date of today
which day of the month is it|check the date|look up the date|what date is today|i forgot the date|please give me the date|write down the date of today|full date please|is it the first of the month"""
DAY = """what day is it|what day is today|which day is it|what day of the week is it|which weekday is it|is it monday|is it friday today|is it the weekend|what weekday is today|tell me the day
day of the week|weekday|is today sunday|which day of the week do we have|what's the day today|do you know what day it is|name of today|is it saturday|today is which day|weekday please
can you tell me which day it is|is today a working day|what day do we have|i forgot what day it is|check which day it is|the day of the week please|is it tuesday already|is it wednesday|is it thursday today|current weekday"""
YEAR = """what year is it|which year is it|what is the year|current year|tell me the year|what year do we have|the year please|which year do we have|what's the current year|do you know what year it is
year|is it still 2025|in what year are we|what year is this|which year is this|can you tell me the year|check the year|look up the year|i forgot what year it is|give me the year
what month is it|which month is it|what is the month|current month|tell me the month|which month do we have|month please|what month are we in|is it march already|month"""
TIME, DATE, DAY, YEAR = ([x.strip() for x in t.replace("\n", "|").split("|")] for t in (TIME, DATE, DAY, YEAR))
MONTHS = [x for x in YEAR if "month" in x or "march" in x]
YEAR = [x for x in YEAR if x not in MONTHS]

# {e} is the expression as typed.
CALC = ["{e}", "{e}", "{e} =", "{e} = ?", "what is {e}", "what's {e}", "whats {e}", "how much is {e}", "calculate {e}", "compute {e}", "work out {e}",
        "solve {e}", "evaluate {e}", "can you calculate {e}", "tell me {e}", "give me {e}", "what does {e} equal", "result of {e}", "what is the result of {e}",
        "i need {e}", "find {e}", "use the calculator for {e}", "calculator: {e}", "please work out {e}", "do {e}", "what do i get for {e}",
        "value of {e}", "what is the value of {e}", "how much would {e} be", "could you compute {e}", "type {e} into the calculator", "math: {e}"]
MUL = ["{a} times {b}", "what is {a} times {b}", "multiply {a} by {b}", "multiply {a} and {b}", "{a} multiplied by {b}", "how much is {a} times {b}",
       "the product of {a} and {b}", "product of {a} and {b}", "what's {a} x {b}", "{a} x {b}", "{a}x{b}", "calculate {a} times {b}", "work out {a} times {b}",
       "what is the product of {a} and {b}", "{a} boxes with {b} eggs each, how many eggs", "{a} rows of {b} chairs, how many chairs", "what do {a} times {b} make"]
DIV = ["{a} divided by {b}", "what is {a} divided by {b}", "divide {a} by {b}", "how much is {a} divided by {b}", "{a} over {b}", "split {a} by {b}",
       "calculate {a} divided by {b}", "quotient of {a} and {b}", "what is the quotient of {a} and {b}", "share {a} among {b}", "how often does {b} go into {a}",
       "work out {a} divided by {b}", "{a} \u00f7 {b}", "how many times does {b} fit into {a}"]
WEEK = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
MONTH_NAMES = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"]


def dsml(name, arguments):
    """The canonical call block, with its leading blank line."""
    d = B + "DSML" + B
    params = "".join(f'<{d}parameter name="{k}" string="true">{v}</{d}parameter>\n' for k, v in arguments.items())
    return f'\n\n<{d}tool_calls>\n<{d}invoke name="{name}">\n{params}</{d}invoke>\n</{d}tool_calls>'


def clock_result(rng):
    import datetime
    t = datetime.datetime(2024, 1, 1) + datetime.timedelta(seconds=rng.randrange(12 * 365 * 86400))
    return t.strftime("%Y-%m-%d %H:%M:%S ") + WEEK[t.weekday()]


def clock_answer(sub, result):
    date, time, day = result.split()
    y, m, d = date.split("-")
    return {"time": f"It is **{time[:5]}**.", "date": f"Today is **{date}**.", "day": f"Today is **{day}**.", "year": f"It is the year **{y}**.",
            "month": f"It is **{MONTH_NAMES[int(m) - 1]}**."}[sub]


def format_value(v):
    """A result as the calculator tool prints it: at most 6 decimals, no trailing zeros."""
    text = f"{v:.6f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def calc_turn(user, expression):
    value = format_value(eval(expression, {"__builtins__": {}}))  # noqa: S307 - only our own digits and operators
    call = {"name": "calculator", "arguments": {"expression": expression}}
    return {"user": user, "think": f"Needs the calculator: {expression}", "answer": dsml(**call), "kind": KIND, "sub": "calculator", "calls": [call],
            "tool_result": value, "after": {"think": "The calculator answered.", "answer": f"{expression} = **{value}**"}}


def _int(rng, digits):
    return rng.randint(10 ** (digits - 1), 10 ** digits - 1)


def _dec(rng):
    return f"{rng.randint(0, 99)}.{rng.randint(1, 9)}" if rng.random() < 0.7 else f"{rng.randint(0, 99)}.{rng.randint(0, 9)}{rng.randint(1, 9)}"


def _typed(rng, e):
    """How a user might type the normalised expression."""
    if rng.random() < 0.35:
        e = e.replace(" ", "")
    r = rng.random()
    if r < 0.15:
        e = e.replace("*", "x")
    elif r < 0.20:
        e = e.replace("/", ":") if "(" not in e else e
    return e


def _calculator(rng):
    while True:
        r = rng.random()
        if r < 0.40:
            a, b = _int(rng, rng.randint(1, 3)), _int(rng, rng.randint(1, 3))
            e, t = f"{a} * {b}", rng.choice(MUL).format(a=a, b=b) if rng.random() < 0.6 else None
        elif r < 0.62:
            a, b = _int(rng, rng.randint(1, 4)), _int(rng, rng.randint(1, 2))
            if rng.random() < 0.5:
                a *= b
            e, t = f"{a} / {b}", rng.choice(DIV).format(a=a, b=b) if rng.random() < 0.6 else None
        elif r < 0.76:  # four digits or more
            a, b, op = _int(rng, rng.randint(4, 6)), _int(rng, rng.randint(2, 6)), rng.choice("+-*")
            if rng.random() < 0.3:
                a, b = b, a
            e, t = f"{a} {op} {b}", None
            if rng.random() < 0.4:
                t = rng.choice(["what is {e}", "how much is {e}", "calculate {e}", "{e}"]).format(
                    e=e.replace("+", "plus").replace("-", "minus").replace("*", "times"))
        elif r < 0.87:
            e, t = f"{_dec(rng)} {rng.choice('+-*/')} {_dec(rng) if rng.random() < 0.6 else rng.randint(1, 99)}", None
        else:
            a, b, c = (rng.randint(1, 99) for _ in range(3))
            o, p = rng.choice([("*", "+"), ("*", "-"), ("+", "*"), ("-", "*"), ("/", "+"), ("+", "/"), ("*", "*"), ("/", "*")])
            e = f"({a} {o} {b}) {p} {c}" if o in "+-" and rng.random() < 0.7 else f"{a} {o} {b} {p} {c}"
            t = None
        try:
            return calc_turn(t or rng.choice(CALC).format(e=_typed(rng, e)), e)
        except ZeroDivisionError:
            continue


def clock_turn(user, sub, result):
    call = {"name": "clock", "arguments": {}}
    return {"user": user, "think": THINK_CLOCK, "answer": dsml(**call), "kind": KIND, "sub": "clock", "calls": [call],
            "tool_result": result, "after": {"think": "The clock answered.", "answer": clock_answer(sub, result)}}


def make(rng, enabled=True, excluded=()):
    """One tool task; excluded holds wordings that must not be used (held out)."""
    while True:
        if rng.random() < 0.36:
            sub, table = rng.choice([("time", TIME), ("time", TIME), ("date", DATE), ("day", DAY), ("year", YEAR), ("month", MONTHS)])
            turn = clock_turn(rng.choice(table), sub, clock_result(rng))
        else:
            turn = _calculator(rng)
        if turn["user"] not in excluded:
            break
    turn.update(steps_answer=turn["answer"], expect={"calls": turn["calls"]}, keep=["x"])
    if not enabled:
        for k in ("calls", "tool_result", "after"):
            del turn[k]
        turn.update(think=THINK_OFF, answer=OFF, steps_answer=OFF, expect={"off": True})
    return turn


# Hand-written wordings of clock questions that training never uses, and unusual wordings of expressions.
HELDOUT_CLOCK = [("hey what time have you got", "time"), ("what is the time at the moment", "time"), ("could you check what time it is", "time"),
                 ("tell me what time it is now", "time"), ("how late do we have it", "time"), ("please tell me the current time", "time"),
                 ("i want to know the time", "time"), ("show the clock", "time"), ("what date is it today", "date"), ("can you give me today's date", "date"),
                 ("i need the current date", "date"), ("please tell me the date of today", "date"), ("do we have monday today", "day"),
                 ("can you tell me what weekday it is", "day"), ("please tell me which day of the week it is", "day"), ("is today the weekend", "day"),
                 ("do you know the current year", "year"), ("please tell me which year it is", "year"), ("what is the current month", "month"),
                 ("do you know which month it is", "month")]
HELDOUT_CALC = ["could you tell me {e}", "hi there, {e} please", "i want to know {e}", "what would {e} give", "calculate this: {e}", "please evaluate {e}",
                "how many is {e}", "work this out: {e}", "what number is {e}", "find the result of {e}"]


if __name__ == "__main__":
    import random
    g = random.Random(5)
    print(len(TIME), len(DATE), len(DAY), len(YEAR), len(MONTHS), len(CALC), len(MUL), len(DIV))
    for _ in range(3000):
        make(g)
    for _ in range(8):
        t = make(g)
        print(t["user"], "|", t["think"], "|", t["after"]["answer"])
    print(t["answer"])
