# The program that `make demo` runs inside an enclave.
import os
import platform
import subprocess
import sys

print("Hello from", platform.python_implementation(), platform.python_version(),
      "on", platform.system(), platform.machine())
print("process", os.getpid(), "of host", repr(platform.node()), "as user", os.getuid())
print("sum of the first million squares:", sum(n * n for n in range(1_000_000)))
child = subprocess.run([sys.executable, "-c", "import os; print(os.getpid(), os.getppid())"],
                       capture_output=True, text=True, check=True)
print("it started a child; its process id and its parent's:", child.stdout.strip())
print("what it sees of the file system:", " ".join(sorted(os.listdir("/"))))
for path in "/etc/shadow", "/home", "/var/log":
    print("the host's", path, "is", "VISIBLE" if os.path.exists(path) else "not there")
