#!/usr/bin/python3
"""Fits the segments of the normal quantile and writes quantile.def.

Needs python3-mpmath. To run it, ten seconds:  python3 lib/math/quantile.py > lib/math/quantile.def

quantile.h defines segments and variable. In each segment the constant and then the linear
coefficient are rounded to float before the rest is fitted, so that the later coefficients make up
for the rounding of the earlier ones.
"""
import struct
import sys

from mpmath import cos, erfc, exp, linspace, log, lu_solve, matrix, mp, mpf, pi, sqrt

mp.dps = 25
DEGREE = 8
SEGMENTS = 32


def to_float(x):
    return mpf(struct.unpack("f", struct.pack("f", float(x)))[0])


def upper_quantile(p):
    """z with P(N(0,1) > z) = p, 0 < p <= 1/2, by Halley's iteration."""
    z = sqrt(-2 * log(2 * p))
    while True:
        miss = (erfc(z / sqrt(2)) / 2 - p) / (exp(-z * z / 2) / sqrt(2 * pi))
        step = miss / (1 - z * miss / 2)
        z += step
        if abs(step) < mpf(10) ** -20:
            return z


def remez(s, y, powers):
    """Coefficients of the powers of s that come nearest y on the grid, in the maximum norm."""
    n, last = len(powers), len(s) - 1
    basis = [[x**k for k in powers] for x in s]
    nodes = [round(last * (1 - cos(pi * k / n)) / 2) for k in range(n + 1)]
    while True:
        system = matrix([basis[i] + [(-1) ** row] for row, i in enumerate(nodes)])
        c = lu_solve(system, matrix([y[i] for i in nodes]))[:n]
        error = [v - sum(a * b for a, b in zip(c, row)) for v, row in zip(y, basis)]
        extrema = []
        for i, e in enumerate(error):
            if not extrema or (e > 0) != (error[extrema[-1]] > 0):
                extrema.append(i)
            elif abs(e) > abs(error[extrema[-1]]):
                extrema[-1] = i
        while len(extrema) > n + 1:
            extrema.pop(0 if abs(error[extrema[0]]) < abs(error[extrema[-1]]) else -1)
        if extrema == nodes or len(extrema) <= n:
            return list(c), max(abs(e) for e in error)
        nodes = extrema


def fit(segment):
    s = [(1 - cos(pi * x)) / 2 for x in linspace(0, 1, 129)][1:]
    y = [upper_quantile((2 - x) * mpf(2) ** (segment - SEGMENTS - 1)) for x in s]
    coefficients = []
    for k in range(3):
        c, error = remez(s, y, range(k, DEGREE + 1))
        if k == 2:
            return coefficients + [to_float(v) for v in c], error
        if k == 0 and segment == SEGMENTS - 1:
            c[0] = 0  # the median, exactly
        coefficients.append(to_float(c[0]))
        y = [v - coefficients[k] * x**k for v, x in zip(y, s)]


def main():
    rows, errors = zip(*(fit(segment) for segment in range(SEGMENTS)))
    print(f"/* Written by quantile.py: row k holds the coefficient of s^k in segments 0 to "
          f"{SEGMENTS - 1}. */")
    for column in zip(*rows):
        numbers = [f"{float(c):.9g}" for c in column]
        literals = [(n if "." in n or "e" in n else n + ".0") + "F" for n in numbers]
        lines = [", ".join(literals[i:i + 6]) for i in range(0, SEGMENTS, 6)]
        print("{" + ",\n ".join(lines) + "},")
    print(f"largest error of a fit {float(max(errors)):.2g}", file=sys.stderr)


main()
