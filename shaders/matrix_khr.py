#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Rewrites a SPIR-V module from SPV_NV_cooperative_matrix to SPV_KHR_cooperative_matrix.

usage: matrix_khr.py IN.spv NAME OUT.inc

The two differ in opcodes, in the order of stride and layout, and in that a KHR type names its
use. Types follow matrix.glsl: f16 16x16 is A, f16 16x17 is B, f32 16x17 is C; 17 becomes 16.
Writes a C array of words, as glslangValidator --vn does.
"""
import struct
import sys

TYPE_INT, TYPE_FLOAT, CONST_TRUE, CONST_FALSE, CONSTANT = 21, 22, 41, 42, 43
NV = {"type": 5358, "load": 5359, "store": 5360, "mul_add": 5361, "length": 5362}
KHR = {"type": 4456, "load": 4457, "store": 4458, "mul_add": 4459, "length": 4460}
NV_CAPABILITY, KHR_CAPABILITY = 5357, 6022


def text(words):
    return struct.pack("<%dI" % len(words), *words).split(b"\0")[0]


def text_words(value):
    data = value + b"\0" * (4 - len(value) % 4)
    return list(struct.unpack("<%dI" % (len(data) // 4), data))


def main():
    data = open(sys.argv[1], "rb").read()
    words = list(struct.unpack("<%dI" % (len(data) // 4), data))
    head, body = words[:5], words[5:]
    instructions = []
    at = 0
    while at < len(body):
        length = body[at] >> 16
        instructions.append((body[at] & 0xFFFF, body[at + 1:at + length]))
        at += length

    bits, values, uint_type, false, true = {}, {}, None, None, None
    for op, args in instructions:
        if op == TYPE_FLOAT:
            bits[args[0]] = args[1]
        elif op == TYPE_INT and args[1:] == [32, 0]:
            uint_type = args[0]
        elif op == CONSTANT and len(args) == 3:
            values[args[1]] = args[2]
        elif op == CONST_FALSE:
            false = args[1]
        elif op == CONST_TRUE:
            true = args[1]
    sixteen = next(i for i, v in values.items() if v == 16)
    # Uses 0 to 2 and layouts 0 and 1, as constants of our own behind the type `uint`.
    first = head[3]
    number = {n: first + n for n in range(3)}
    head[3] += 3
    layout = {false: number[0], true: number[1]}

    out = []
    for op, args in instructions:
        if op == 17 and args == [NV_CAPABILITY]:
            args = [KHR_CAPABILITY]
        elif op == 10 and text(args) == b"SPV_NV_cooperative_matrix":
            args = text_words(b"SPV_KHR_cooperative_matrix")
        elif op == NV["type"]:
            result, component, scope, rows, columns = args
            use = 2 if bits[component] == 32 else 1 if values[columns] == 17 else 0
            op, args = KHR["type"], [result, component, scope, rows, sixteen, number[use]]
        elif op == NV["load"]:
            kind, result, pointer, stride, column_major, *memory = args
            op, args = KHR["load"], [kind, result, pointer, layout[column_major], stride] + memory
        elif op == NV["store"]:
            pointer, value, stride, column_major, *memory = args
            op, args = KHR["store"], [pointer, value, layout[column_major], stride] + memory
        elif op == NV["mul_add"]:
            op = KHR["mul_add"]
        elif op == NV["length"]:
            op = KHR["length"]
        out.append((len(args) + 1) << 16 | op)
        out.extend(args)
        if op == TYPE_INT and args[0] == uint_type:
            for n, identity in number.items():
                out.extend([4 << 16 | CONSTANT, uint_type, identity, n])
    with open(sys.argv[3], "w") as file:
        file.write("const uint32_t %s[] = {\n" % sys.argv[2])
        file.writelines("0x%08x,\n" % word for word in head + out)
        file.write("};\n")


main()
