# covers: python3 (subprocess, multiprocessing by fork and spawn, threading, sqlite3, venv, asyncio)
. "$TOP/tests/applications/lib.sh"
python=/usr/bin/python3
need $python
library=$($python -c 'import os; print(os.path.dirname(os.__file__))')
packages=/usr/share/python-wheels # what ensurepip installs from
app_image --copy $python --copy /bin/sh --copy /bin/cat --copy /bin/sleep --copy /bin/echo \
	--add "$library:$library" --add "$packages:$packages"

compare "language, files, json, hashes" $python - <<'END'
import collections, decimal, hashlib, json, os, pathlib, re, tempfile, zlib, random, datetime
print(sum(n * n for n in range(100000)), decimal.Decimal(1) / 7, 2 ** 200)
print(hashlib.sha256(b"casemate").hexdigest(), hashlib.blake2b(b"x").hexdigest()[:16], zlib.crc32(b"abc"))
path = pathlib.Path("d/e"); path.mkdir(parents=True); (path / "f").write_text("héllo\n"); print(sorted(map(str, pathlib.Path(".").rglob("*"))))
with tempfile.NamedTemporaryFile(dir=".") as f: f.write(b"x" * 5000); f.flush(); print(os.stat(f.name).st_size)
print(json.dumps({"b": [1, 2.5, None], "a": "ü"}, sort_keys=True), re.findall(r"\d+", "a1b22"), random.Random(1).random())
print(datetime.datetime(2024, 2, 29, tzinfo=datetime.timezone.utc).isoformat(), collections.Counter("banana").most_common(1))
os.symlink("f", "d/e/l"); os.link("d/e/f", "d/e/h"); print(os.readlink("d/e/l"), os.stat("d/e/h").st_nlink, os.path.realpath("d/e/l") == os.path.realpath("d/e/f"))
END

compare "subprocess" $python - <<'END'
import signal, subprocess, sys
print(subprocess.run(["cat"], input=b"through cat", stdout=subprocess.PIPE).stdout)
print(subprocess.check_output("echo shell; exit 0", shell=True, text=True), end="")
print(subprocess.run(["sh", "-c", "echo err >&2; exit 7"], stderr=subprocess.PIPE))
try: subprocess.run(["sleep", "10"], timeout=0.1)
except subprocess.TimeoutExpired as e: print("timed out", e.cmd)
p = subprocess.Popen(["sleep", "10"]); p.send_signal(signal.SIGTERM); print(p.wait())
p1 = subprocess.Popen(["echo", "a pipeline"], stdout=subprocess.PIPE); p2 = subprocess.Popen(["cat"], stdin=p1.stdout, stdout=subprocess.PIPE); p1.stdout.close(); print(p2.communicate()[0])
try: subprocess.run(["/no/such/program"])
except FileNotFoundError as e: print("not found", e.errno)
print(len(subprocess.run([sys.executable, "-c", "print('x' * 300000)"], capture_output=True).stdout))
procs = [subprocess.Popen([sys.executable, "-c", f"import sys; sys.exit({i})"]) for i in range(8)]; print([p.wait() for p in procs])
print(subprocess.run(["sh", "-c", "echo $0 $A; pwd >/dev/null"], env={"A": "only"}, cwd="/", start_new_session=True, stdout=subprocess.PIPE, close_fds=True))
END

for method in fork spawn forkserver; do
	compare "multiprocessing by $method" $python - $method <<'END'
import pathlib, subprocess, sys
pathlib.Path("work.py").write_text('''
import multiprocessing as mp, sys, os
def square(n): return n * n
def serve(q, lock, total):
    for n in iter(q.get, None):
        with lock: total.value += n
def main():
    mp.set_start_method(sys.argv[1])
    with mp.Pool(3) as pool: print(sum(pool.map(square, range(1000))), pool.apply(square, (12,)))
    q, lock, total = mp.Queue(), mp.Lock(), mp.Value("q", 0)
    workers = [mp.Process(target=serve, args=(q, lock, total)) for _ in range(3)]
    for w in workers: w.start()
    for n in range(300): q.put(n)
    for w in workers: q.put(None)
    for w in workers: w.join()
    print(total.value, [w.exitcode for w in workers])
    a, b = mp.Pipe(); p = mp.Process(target=b.send, args=({"pid": True},)); p.start(); print(a.recv()); p.join()
    with mp.Manager() as m: d = m.dict(); d["k"] = 1; print(dict(d))
    array = mp.Array("i", 4); p = mp.Process(target=os._exit, args=(3,)); p.start(); p.join(); print(p.exitcode, list(array))
if __name__ == "__main__": main()
''')
sys.exit(subprocess.run([sys.executable, "work.py", sys.argv[1]], timeout=200).returncode)
END
done

compare "shared memory and mmap" $python - <<'END'
import mmap, os
from multiprocessing import shared_memory
s = shared_memory.SharedMemory(create=True, size=100000); s.buf[:4] = b"abcd"
t = shared_memory.SharedMemory(name=s.name); print(bytes(t.buf[:4])); t.close(); s.close(); s.unlink()
m = mmap.mmap(-1, 8192); pid = os.fork()
if pid == 0: m[:5] = b"child"; os._exit(0)
os.waitpid(pid, 0); print(m[:5])
open("f", "wb").write(b"0" * 10000)
with open("f", "r+b") as f, mmap.mmap(f.fileno(), 0) as m: m[5000:5003] = b"new"; m.flush(); print(m.find(b"new"))
print(open("f", "rb").read()[4999:5004])
END

compare "threads, locks, queues, futures" $python - <<'END'
import concurrent.futures, queue, threading, time
total, lock = 0, threading.Lock()
def add():
    global total
    for _ in range(20000):
        with lock: total += 1
ts = [threading.Thread(target=add) for _ in range(8)]
for t in ts: t.start()
for t in ts: t.join()
print(total); q = queue.Queue(10)
def produce(): [q.put(n) for n in range(1000)]; q.put(None)
threading.Thread(target=produce).start(); print(sum(iter(q.get, None)))
with concurrent.futures.ThreadPoolExecutor(16) as ex: print(sum(ex.map(lambda n: (time.sleep(0.001), n)[1], range(100))))
e = threading.Event(); print(e.wait(0.02)); threading.Timer(0.01, e.set).start(); print(e.wait(10))
barrier = threading.Barrier(4); ts = [threading.Thread(target=barrier.wait) for _ in range(3)]
for t in ts: t.start()
barrier.wait(); print("barrier"); s = threading.Semaphore(0); threading.Thread(target=s.release).start(); print(s.acquire(timeout=10))
END

compare "signals" $python - <<'END'
import os, signal, time
got = []
signal.signal(signal.SIGUSR1, lambda n, f: got.append(n)); os.kill(os.getpid(), signal.SIGUSR1); print(got)
signal.signal(signal.SIGALRM, lambda n, f: got.append(n)); signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
while len(got) < 5: signal.pause()
signal.setitimer(signal.ITIMER_REAL, 0); print(len(got) >= 5)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2}); os.kill(os.getpid(), signal.SIGUSR2)
print(signal.sigpending(), signal.sigwait({signal.SIGUSR2}), signal.sigtimedwait({signal.SIGUSR2}, 0.01))
pid = os.fork()
if pid == 0: signal.signal(signal.SIGSEGV, signal.SIG_DFL); os.kill(os.getpid(), signal.SIGSEGV)
print(os.WTERMSIG(os.waitpid(pid, 0)[1])); r = os.waitid
def raise_(n, f): raise TimeoutError
signal.signal(signal.SIGALRM, raise_); signal.alarm(1)
try: time.sleep(20)
except TimeoutError: print("interrupted")
END

compare "asyncio over pipes and subprocesses" $python - <<'END'
import asyncio
async def child(n):
    p = await asyncio.create_subprocess_exec("cat", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    out, _ = await p.communicate(b"%d" % n); return int(out), p.returncode
async def main():
    print(await asyncio.gather(*(child(n) for n in range(5))))
    try: await asyncio.wait_for(asyncio.sleep(10), 0.02)
    except asyncio.TimeoutError: print("timeout")
    print(await asyncio.get_running_loop().run_in_executor(None, sum, range(10)))
asyncio.run(main())
END

compare "sqlite3" $python - <<'END'
import sqlite3, threading
db = sqlite3.connect("f.db"); db.execute("pragma journal_mode=wal"); db.execute("create table t (k integer primary key, v text)")
with db: db.executemany("insert into t values (?, ?)", ((n, f"value {n}") for n in range(5000)))
print(db.execute("select count(*), max(v) from t").fetchone(), db.execute("select v from t where k = 4321").fetchone())
def read(): print(sqlite3.connect("f.db").execute("select sum(k) from t").fetchone())
t = threading.Thread(target=read); t.start(); t.join()
a, b = sqlite3.connect("f.db", timeout=0.05, isolation_level=None), sqlite3.connect("f.db", timeout=0.05, isolation_level=None)
a.execute("begin immediate")
try: b.execute("begin immediate")
except sqlite3.OperationalError as e: print(e)
a.rollback(); b.execute("begin immediate"); b.execute("delete from t where k > 10"); b.commit(); print(a.execute("select count(*) from t").fetchone(), db.execute("pragma integrity_check").fetchone())
END

compare "venv" sh <<'END'
/usr/bin/python3 -m venv v && v/bin/python -c 'import sys; print(sys.prefix != sys.base_prefix, sys.prefix.endswith("/v"))'
v/bin/pip --version | while read -r name rest; do echo "$name"; done
v/bin/pip list --disable-pip-version-check --format=freeze
END

compare "an uncaught exception" $python -c 'raise SystemExit(3)'
compare "a crash" $python -c 'import ctypes; ctypes.string_at(0)'
app_done
