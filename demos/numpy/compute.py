"""Solves equations, decomposes a matrix and finds a tone in noise, with NumPy and SciPy; prints what came out."""
import os

import numpy as np
from scipy import integrate, optimize, signal, sparse
from scipy.sparse import linalg

rng = np.random.default_rng(1)

a = rng.standard_normal((800, 800))
x = rng.standard_normal(800)
print("800 equations solved:", np.allclose(np.linalg.solve(a, a @ x), x))
print("threads of OpenBLAS:", len(os.listdir("/proc/self/task")))

u, d, v = np.linalg.svd(a[:300, :200], full_matrices=False)
print("singular values rebuild the matrix:", np.allclose(u * d @ v, a[:300, :200]))

grid = sparse.diags([-1, 2, -1], [-1, 0, 1], shape=(20000, 20000), format="csc")
b = np.ones(20000)
print("20,000 sparse equations solved:", np.allclose(grid @ linalg.spsolve(grid, b), b))

t = np.arange(1 << 16) / 8000
tone = np.sin(2 * np.pi * 440 * t) + rng.standard_normal(t.size)
frequencies, power = signal.welch(tone, 8000, nperseg=8000)
print("a tone in noise, in Hz:", round(frequencies[power.argmax()]))

print("minimum of Rosenbrock's function at:", *np.round(optimize.minimize(optimize.rosen, [-1.2, 1]).x, 3))
print("integral of exp(-x^2), squared:", round(integrate.quad(lambda s: np.exp(-s * s), -np.inf, np.inf)[0] ** 2, 9))
