# covers: NumPy and SciPy (OpenBLAS on four threads: products and decompositions of matrices, FFT, sparse matrices, optimisation)
. "$TOP/tests/applications/lib.sh"
python=/usr/bin/python3
need $python
$python -c "import numpy, scipy" 2>/dev/null || need /usr/lib/python3/dist-packages/scipy/scipy
app_env+=(OPENBLAS_NUM_THREADS=4)
. "$TOP/demos/numpy/image.sh"
app_image "${image[@]}"

# What is compared is rounded: in which order threads add is theirs to choose.
numpy_compare()
{
	{
		cat <<-'END'
			import os
			import numpy as np
			rng = np.random.default_rng(7)
			def show(name, *values): print(name, *(np.array2string(np.round(np.asarray(v), 6), threshold=8) for v in values))
		END
		cat
	} >"$SCRATCH/program.py"
	compare "$1" $python - <"$SCRATCH/program.py"
}

numpy_compare "products of matrices on four threads" <<'END'
a, b = rng.standard_normal((2, 900, 900))
c = a @ b; show("product", c.sum(), c[3], np.abs(c - np.einsum("ij,jk->ik", a, b, optimize=False)).max() < 1e-9)
single = a.astype(np.float32) @ b.astype(np.float32); show("single", np.abs(single - c).max() < 1e-2)
z = a + 1j * b; show("complex", (z @ z.conj().T).trace().real)
print("threads", len(os.listdir("/proc/self/task")))
END
numpy_compare "linear algebra" <<'END'
a = rng.standard_normal((300, 300)); s = a @ a.T + 300 * np.eye(300); b = rng.standard_normal(300)
show("solve", np.abs(s @ np.linalg.solve(s, b) - b).max() < 1e-9, np.linalg.slogdet(s)[1])
show("eigenvalues", np.linalg.eigvalsh(s)[:6]); u, d, v = np.linalg.svd(a); show("svd", d[:6], np.abs(u * d @ v - a).max() < 1e-9)
q, r = np.linalg.qr(a); show("qr", np.abs(np.diag(r))[:6], np.abs(q @ r - a).max() < 1e-9)
show("cholesky", np.diag(np.linalg.cholesky(s))[:6], np.linalg.cond(s), np.linalg.matrix_rank(a[:, :100]))
try: np.linalg.inv(np.zeros((3, 3)))
except np.linalg.LinAlgError as error: print(error)
END
numpy_compare "FFT, sorting, statistics" <<'END'
x = rng.standard_normal(1 << 18); f = np.fft.rfft(x); show("rfft", np.abs(f[:5]), np.abs(np.fft.irfft(f) - x).max() < 1e-12)
image = rng.random((256, 256)); show("fft2", np.abs(np.fft.fft2(image))[0, :5])
show("sorted", np.sort(x)[:4], np.argsort(x, kind="stable")[:4], np.percentile(x, [1, 50, 99]), np.histogram(x, 5)[0])
show("correlation", np.corrcoef(x[:1000], x[1000:2000])[0], np.cumsum(x)[-1], np.convolve(x, [1, 2, 1])[:3])
END
numpy_compare "files: npy mapped into memory, npz, text" <<'END'
x = rng.standard_normal((500, 200)); np.save("x.npy", x); m = np.load("x.npy", mmap_mode="r"); show("mapped", m[100:102, :3], (m == x).all())
w = np.lib.format.open_memmap("w.npy", "w+", np.int64, (100000,)); w[:] = np.arange(100000) ** 2; w.flush(); del w; show("written", np.load("w.npy")[-2:])
np.savez_compressed("z.npz", a=x, b=x.T); show("npz", sorted(np.load("z.npz").files), (np.load("z.npz")["b"] == x.T).all())
np.savetxt("t.txt", x[:5, :3], fmt="%.4f"); show("text", np.loadtxt("t.txt")[1]); np.arange(9, dtype=">i2").tofile("raw"); show("raw", np.fromfile("raw", ">i2"))
END
numpy_compare "SciPy" <<'END'
from scipy import fft, integrate, interpolate, linalg, optimize, signal, sparse, spatial, special, stats
from scipy.sparse import linalg as sparse_linalg
show("quad", integrate.quad(lambda t: np.exp(-t * t), -np.inf, np.inf)[0], special.gamma(5.5), stats.norm.ppf(0.975))
show("minimum", optimize.minimize(optimize.rosen, [1.3, 0.7, 0.8], method="BFGS").x, optimize.brentq(np.cos, 0, 3))
show("ode", integrate.solve_ivp(lambda t, y: [y[1], -y[0]], (0, 10), [1, 0], rtol=1e-8, atol=1e-8).y[:, -1])
grid = sparse.diags([-1, 2, -1], [-1, 0, 1], shape=(2000, 2000), format="csc"); show("sparse", sparse_linalg.spsolve(grid, np.ones(2000))[:4])
show("eigs", np.sort(sparse_linalg.eigsh(grid, k=3, which="LM", v0=np.ones(2000))[0]), linalg.expm(np.diag([0.0, 1, 2])).diagonal())
show("filter", signal.filtfilt(*signal.butter(4, 0.2), np.sin(np.arange(200)))[:4], fft.dct(np.arange(8.0))[:3])
tree = spatial.cKDTree(rng.random((5000, 3))); show("tree", tree.query(rng.random((2000, 3)), k=2, workers=4)[0].sum())
show("spline", interpolate.CubicSpline([0, 1, 2, 3], [0, 1, 8, 27])([0.5, 2.5]))
END
numpy_compare "after a fork, and in many processes" <<'END'
import multiprocessing
a = rng.standard_normal((300, 300)); want = (a @ a).sum()
def work(n): return bool(abs((a @ a).sum() - want) < 1e-6)
with multiprocessing.get_context("fork").Pool(3) as pool: print(pool.map(work, range(12)))
END
app_done
