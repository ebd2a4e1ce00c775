"""Finds the polynomials of crates/inference/src/kernels/rows.rs (Python with numpy): polynomials.py

Minimizes the largest error by least squares whose weights grow where the error is large (Lawson, 1961).
"""

from math import erfc, sqrt

import numpy as np


def minimax(powers, values, weights, rounds):
    """Coefficients of columns of powers, whose weighted errors have the least maximum."""
    growing = np.ones(len(values))
    best = (np.inf, None)
    for _ in range(rounds):
        scale = weights * np.sqrt(growing)
        found, *_ = np.linalg.lstsq(powers * scale[:, None], values * scale, rcond=None)
        errors = np.abs((powers @ found - values) * weights)
        best = min(best, (errors.max(), found), key=lambda pair: pair[0])
        growing *= errors / errors.max() + 1e-4
        growing /= growing.max()
    return best


def main():
    # The logarithm to base 2 of Φ(-s), times s as GELU has it; -1 at 0.
    far, degree = 14.0, 6
    s = far * (1 - np.cos(np.linspace(0, np.pi, 4000))) / 2
    tail = np.array([0.5 * erfc(value / sqrt(2)) for value in s])
    powers = np.stack([(s / far) ** n for n in range(1, degree + 1)], axis=1)
    error, found = minimax(powers, np.log2(tail) + 1, np.maximum(s, 1e-3) * tail * np.log(2), 2000)
    print(f"GELU's tail, error {error:.1e}:", [-1.0, *(float(np.float32(c / far**n)) for n, c in enumerate(found, 1))])
    # 2^r around 0, relative error.
    r = np.linspace(-0.5, 0.5, 20001)
    powers = np.stack([r**n for n in range(6)], axis=1)
    error, found = minimax(powers, 2.0**r, 2.0**-r, 500)
    print(f"2^r, relative error {error:.1e}:", [float(np.float32(c)) for c in found])


if __name__ == "__main__":
    main()
