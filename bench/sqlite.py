"""20,000 indexed selects on a database file, each its own read transaction. Prints `sqlite MS ms`."""
import os
import sqlite3
import time

database = sqlite3.connect("bench.db", isolation_level=None)
database.execute("create table t (k integer primary key, v text)")
database.execute("begin")
database.executemany("insert into t values (?, ?)", ((n, f"value {n}") for n in range(20000)))
database.execute("commit")
start = time.monotonic()
for n in range(20000):
    database.execute("select v from t where k = ?", (n * 7919 % 20000,)).fetchone()
print(f"sqlite {(time.monotonic() - start) * 1e3:.4g} ms")
database.close()
os.unlink("bench.db")
