#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Draws starglass.png: a four-pointed star behind glass. Needs nothing but Python.

    python3 resources/desktop/make_icon.py
"""
import math
import pathlib
import struct
import zlib

SIZE, SUB = 256, 4
NIGHT, GLASS, STAR = (14, 42, 71), (0, 114, 178), (255, 255, 255)


def rounded(x, y, half, radius):
    dx, dy = max(abs(x) - half + radius, 0), max(abs(y) - half + radius, 0)
    return math.hypot(dx, dy) <= radius


def star(x, y, size):
    # |x|^p + |y|^p <= size^p with p < 1 is a star with hollow sides.
    return abs(x) ** 0.55 + abs(y) ** 0.55 <= size ** 0.55


def sample(x, y):
    """Colour and coverage at x, y in [-1, 1]."""
    if not rounded(x, y, 0.94, 0.26):
        return (0, 0, 0), 0
    if star(x, y, 0.74) or star(x - 0.48, y + 0.48, 0.24):
        return STAR, 1
    t = 0.5 + 0.5 * (x + y) / 1.9
    return tuple(round(a + (b - a) * t) for a, b in zip(GLASS, NIGHT)), 1


def main():
    rows = []
    for py in range(SIZE):
        row = bytearray([0])
        for px in range(SIZE):
            total, cover = [0, 0, 0], 0
            for sy in range(SUB):
                for sx in range(SUB):
                    colour, a = sample(2 * (px + (sx + 0.5) / SUB) / SIZE - 1, 2 * (py + (sy + 0.5) / SUB) / SIZE - 1)
                    cover += a
                    if a:
                        for i in range(3):
                            total[i] += colour[i]
            row += bytes([round(c / cover) if cover else 0 for c in total] + [round(255 * cover / SUB**2)])
        rows.append(bytes(row))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", SIZE, SIZE, 8, 6, 0, 0, 0))
    png += chunk(b"IDAT", zlib.compress(b"".join(rows), 9)) + chunk(b"IEND", b"")
    pathlib.Path(__file__).with_name("starglass.png").write_bytes(png)


if __name__ == "__main__":
    main()
