"""The hypervisor and its driver below a Debian kernel, in QEMU's emulation of an AMD processor.

    tests/hypervisor/boot.py [--machines NAME,...] [--tests NAME,...] [--threads] [--console | --tell]

Builds the driver and an initial file system, boots it on each machine of MACHINES, and prints what the
tests inside say (guest/*.sh). Verdicts never depend on time: a guest that is slow is waited for.
"""
import argparse
import contextlib
import dataclasses
import fcntl
import hashlib
import io
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from sign import make_enclave

TOP = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("BUILD", TOP / "build"))
HERE = Path(__file__).resolve().parent
WORK = BUILD / "tests" / "hypervisor"
BUSYBOX = Path("/bin/busybox")
TESTS = ["trust", "life", "enclave", "pages", "demo", "defence", "attack", "load", "linux"]
FUZZ_SECONDS = int(os.environ.get("FUZZ_SECONDS", 60))
FUZZ_SEED = int(os.environ.get("FUZZ_SEED", time.time()))
NETWORK = ["vmxnet3"]
KVM = ["irqbypass", "kvm", "kvm-amd", "ccp"]  # the last one for the standard flavour
SILENCE_S = 200  # a guest that says nothing for so long hangs

QEMU = ["qemu-system-x86_64", "-M", "q35", "-cpu", "max,la57=off",
        "-m", "512M", "-display", "none", "-serial", "stdio", "-monitor", "none", "-no-reboot",
        "-nic", "none"]
EDU = ["-device", "edu,dma_mask=0xffffffffffff"]
IOMMU = ["-device", "amd-iommu"]  # before the devices that it is to contain
# Of an IOMMU that was on and is off, the emulation asks about interrupts all the same: the table it reads then is memory
# that Linux has back. Cards behind one interrupt by a line.
BY_LINE = "pci=nomsi"
# QEMU serves a file, and says what it got of another (guest/load.sh).
SERVED = WORK / "served"
SERVED_BYTES = random.Random(1).randbytes(3 << 20)
NIC = ["-netdev", f"user,id=net,restrict=on,tftp={SERVED},guestfwd=tcp:10.0.2.100:1234-cmd:"
       f"sh -c 'head -c {len(SERVED_BYTES)} | sha256sum'", "-device", "vmxnet3,netdev=net"]


@dataclasses.dataclass
class Machine:
    """What is booted: which of Debian's kernels, the devices beside the ones above, whether there is the TPM,
    which is the same one for all, and what is different about its launch (guest/trust_test.c)."""
    name: str
    smp: str
    devices: list
    tpm: bool = False
    trust: str = "none"
    accel: str = ""  # as --threads says
    image: str = "hypervisor.bin"
    tests: list = None  # all
    flavour: str = "cloud-amd64"
    arguments: str = ""  # for the kernel


MACHINES = {
    "1": Machine("1 processors", "1", EDU + NIC),
    "2": Machine("2 processors", "2", IOMMU + EDU + NIC, tpm=True, trust="first", arguments=BY_LINE),
    # Those with the TPM have the same devices: firmware measures them. The standard flavour has a driver for the
    # IOMMU, which takes it first.
    "4": Machine("4 processors", "4", IOMMU + EDU + NIC, tpm=True, trust="again", flavour="amd64",
                 arguments="amd_iommu=off " + BY_LINE),
    "image": Machine("another hypervisor", "1", IOMMU + EDU + NIC, tpm=True, trust="image", tests=["trust"]),
    "debug": Machine("debug image", "2", IOMMU + EDU, image="hypervisor_debug.bin", tests=["life", "enclave", "pages", "linux"]),
    # Where the attacks of guest/defence_test.c succeed.
    "undefended": Machine("undefended image", "2", EDU, image="hypervisor_undefended.bin", tests=["life", "defence"]),
    "pcr": Machine("another boot", "1", IOMMU + EDU + NIC, tpm=True, trust="pcr", tests=["trust"]),
    "norandom": Machine("no RDRAND", "1", ["-cpu", "max,la57=off,rdrand=off"], tests=["norandom"]),
    "panic": Machine("a panic", "2", EDU, tests=["panic"]),
    "kexec": Machine("another kernel", "2", IOMMU + EDU, tests=["kexec"], flavour="amd64"),
    # Whose clock is its instructions, one a nanosecond: what is counted there is the same each time.
    "counted": Machine("a counted processor", "1", ["-icount", "shift=0,sleep=off"], accel="tcg,thread=single",
                       tests=["cost"]),
    # Many, and few with each one checked.
    "fuzz": Machine("calls at random", "2", EDU, tests=["fuzz"]),
    "fuzz-debug": Machine("checked calls at random", "2", IOMMU + EDU, image="hypervisor_debug.bin", tests=["fuzz"]),
}
CHECKED = ["1", "2", "4", "image", "pcr", "debug", "undefended", "norandom", "panic", "kexec"]
KERNEL_ARGUMENTS = "console=ttyS0 quiet panic=-1 oops=panic no_timer_check rdinit=/init"


class Skip(Exception):
    """What the tests need and this machine lacks."""


def run(command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", check=False, **options)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}:\n{done.stdout}")
    return done.stdout


# What is needed

def find_headers(flavour):
    """Debian's newest kernel of that flavour whose headers are installed: (version, path)."""
    name = re.compile(rf"linux-headers-\d[^-]*(-\d+)?-{flavour}")
    found = sorted((path for path in Path("/usr/src").iterdir() if name.fullmatch(path.name)),
                   key=lambda path: [int(n) for n in re.findall(r"\d+", path.name)])
    if not found:
        raise Skip(f"no kernel headers (linux-headers-{flavour}) are installed")
    return found[-1].name.removeprefix("linux-headers-"), found[-1]


def fetch_kernel(version):
    """The kernel's package, unpacked and not installed."""
    kernel = WORK / f"kernel-{version}"
    if kernel.exists():
        return kernel
    package = f"linux-image-{version}"
    scratch = WORK / "download"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        run(["apt-get", "-q", "download", package], cwd=scratch)
        run(["dpkg-deb", "-x", next(scratch.glob("*.deb")), scratch / "kernel"])
    except (RuntimeError, OSError, StopIteration) as error:
        raise Skip(f"the package {package} can't be fetched: {str(error).splitlines()[-1]}") from error
    (scratch / "kernel").rename(kernel)
    shutil.rmtree(scratch)
    return kernel


def check_tools():
    for tool in ["qemu-system-x86_64", "cpio", "gcc", "make", "swtpm"]:
        if not shutil.which(tool):
            raise Skip(f"{tool} is not installed")
    if not BUSYBOX.exists():
        raise Skip("busybox-static is not installed")
    if not (BUILD / "hypervisor" / "hypervisor.bin").exists():
        raise Skip("it is not built: meson configure -Dhypervisor=true build")


# What runs in the guest

def build_modules(version, headers):
    """Kbuild writes beside the sources, so it gets copies."""
    modules = WORK / f"modules-{version}"
    for name in ["abi", "driver", "tests/hypervisor/module"]:
        if (TOP / name).is_dir():
            shutil.copytree(TOP / name, modules / name, dirs_exist_ok=True)
    built = []
    for name in ["driver", "tests/hypervisor/module"]:
        if (modules / name).is_dir():
            run(["make", "-C", headers, f"M={modules / name}", "EXTRA_CFLAGS=-DCASEMATE_TEST",
                 "modules"])
            built += (modules / name).glob("*.ko")
    return built


# What of the project the guest's programs and enclaves use.
LIBRARY = [TOP / "base/memory.c", TOP / "hypervisor/hmac.c", TOP / "crypto/sha256.c"]


def build_programs():
    built = []
    for source in sorted((HERE / "guest").glob("*.c")):
        program = WORK / source.stem
        library = LIBRARY if "sha256_blocks_ni" in source.read_text() else []
        run(["gcc", "-static", "-O2", "-Wall", "-Werror", "-D_GNU_SOURCE", "-I", TOP, "-o", program, source, *library])
        built.append(program)
    return built


def build_enclaves():
    """The same code signed as version 1, as version 2, by somebody else, and with a CPUID of its own."""
    where = WORK / "enclaves"
    where.mkdir(exist_ok=True)
    elf = where / "enclave.elf"
    sources = [HERE / "enclave" / "start.S", HERE / "enclave" / "enclave.c", *LIBRARY]
    run(["gcc", "-O2", "-Wall", "-Werror", "-ffreestanding", "-fno-builtin", "-fno-pic", "-fno-pie",
         "-mcmodel=large", "-mgeneral-regs-only", "-mno-red-zone", "-fno-stack-protector",
         "-fcf-protection=none", "-fno-asynchronous-unwind-tables", "-nostdlib", "-static", "-no-pie",
         "-Wl,--build-id=none", "-Wl,-T," + str(HERE / "enclave" / "enclave.lds"), "-I", TOP,
         "-Wl,-z,noexecstack", "-o", elf, *sources])
    keys = [where / "key1.pem", where / "key2.pem"]
    for key in keys:
        if not key.exists():
            run(["openssl", "genrsa", "-3", "-out", key, "3072"])
    make_enclave(elf, keys[0], 1, where / "svn1")
    make_enclave(elf, keys[0], 2, where / "svn2")
    make_enclave(elf, keys[1], 1, where / "other")
    make_enclave(elf, keys[0], 1, where / "cpuid", has_cpuid=True)
    return [where / name for name in ("svn1", "svn2", "other", "cpuid")]


def libraries(program):
    """A dynamic program's libraries, its loader included."""
    return [Path(path) for path in re.findall(r"(/\S+) \(0x", run(["ldd", program]))]


def put(root, name, source, mode=0o755):
    to = root / name
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, to)
    to.chmod(mode)


def build_initrd(kernel, modules, programs, enclaves):
    root = WORK / "root"
    shutil.rmtree(root, ignore_errors=True)
    for name in ["proc", "sys", "dev", "tmp", "bin"]:
        (root / name).mkdir(parents=True)
    put(root, "bin/busybox", BUSYBOX)
    put(root, "init", HERE / "guest" / "init.sh")
    for script in (HERE / "guest").glob("*.sh"):
        put(root, f"tests/{script.name}", script)
    for module in modules + [path for name in KVM + NETWORK for path in kernel.rglob(name + ".ko")]:
        put(root, f"modules/{module.name}", module)
    for program in programs:
        put(root, f"bin/{program.name}", program)
    put(root, "boot/vmlinuz", next(kernel.glob("boot/vmlinuz-*")))
    for enclave in enclaves:
        put(root, f"enclaves/{enclave.name}", enclave)
    casemate = BUILD / "cli" / "casemate"
    put(root, "bin/casemate", casemate)
    for library in libraries(casemate):
        put(root, str(library).lstrip("/"), library)
    for image in (BUILD / "hypervisor").glob("*.bin"):
        put(root, f"images/{image.name}", image)
    (root / "tests" / "served.sha256").write_text(hashlib.sha256(SERVED_BYTES).hexdigest() + "\n")
    names = "\n".join(str(path.relative_to(root)) for path in root.rglob("*"))
    initrd = WORK / f"initrd-{os.getpid()}-{kernel.name}.cpio"
    with open(initrd, "wb") as output:
        subprocess.run(["cpio", "--quiet", "-o", "-H", "newc"], input=names.encode(), cwd=root,
                       stdout=output, check=True)
    return initrd


# Booting

def show_console(line):
    print("#", line, flush=True)


def tell(line):
    """What is told on lines of its own, and what was found below it."""
    text = line.partition("@@ ")[2]
    if text.startswith("# errno"):
        return
    if text.startswith("# "):
        print(f"\n\033[1m{text[2:]}\033[0m" if not text.startswith("#  ") else text[2:], flush=True)
    elif text.startswith("ok - "):
        print("    " + text[5:], flush=True)
    elif text.startswith("not ok - "):
        print("    FAILED: " + text[9:], flush=True)


@contextlib.contextmanager
def running_tpm(wanted):
    """QEMU's arguments for the TPM, whose state outlives a boot. A socket's path must be short."""
    if not wanted:
        yield []
        return
    (WORK / "tpm").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        path = f"{directory}/tpm"
        tpm = subprocess.Popen(["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={WORK}/tpm", "--ctrl",
                                f"type=unixio,path={path}", "--terminate"])
        try:
            while not Path(path).exists() and tpm.poll() is None:
                time.sleep(0.1)
            yield ["-chardev", f"socket,id=tpm,path={path}", "-tpmdev", "emulator,id=tpm0,chardev=tpm",
                   "-device", "tpm-tis,tpmdev=tpm0"]
        finally:
            tpm.kill()
            tpm.wait()


class Guest:
    """One boot: what it said that is ours, and the whole console for when it goes wrong."""

    def __init__(self, kernel, initrd, machine, tpm, accel, tests, show):
        command = QEMU + ["-accel", machine.accel or accel] + machine.devices + tpm + ["-smp", machine.smp, "-kernel",
                          next(kernel.glob("boot/vmlinuz-*")), "-initrd", initrd, "-append",
                          f"{KERNEL_ARGUMENTS} {machine.arguments} "
                          f"casemate.trust={machine.trust} casemate.image={machine.image} "
                          f"casemate.tests={','.join(machine.tests or tests)} "
                          f"casemate.fuzz={FUZZ_SECONDS} casemate.seed={FUZZ_SEED}"]
        self.lines, self.console, self.timed_out = [], [], False
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            self.read(show)
        finally:
            self.process.kill()
            self.process.wait()

    def read(self, show):
        timer = None
        for raw in self.process.stdout:
            if timer:
                timer.cancel()
            line = raw.decode(errors="replace").rstrip()
            self.console.append(line)
            if show:
                show(line)
            if "@@ " in line:
                self.lines.append(line.partition("@@ ")[2])
            timer = threading.Timer(SILENCE_S, self.give_up)
            timer.daemon = True
            timer.start()
        if timer:
            timer.cancel()

    def give_up(self):
        self.timed_out = True
        self.process.kill()

    def ended(self):
        return "end" in self.lines


def boot(machine, ready, arguments):
    """One boot, or another one if it hangs: the emulation does, seldom (hypervisor/DESIGN.md, "Tested")."""
    for is_last in (False, True):
        if machine.trust == "first":
            shutil.rmtree(WORK / "tpm", ignore_errors=True)
        with running_tpm(machine.tpm) as tpm:
            guest = Guest(*ready, machine, tpm, arguments.accel, arguments.tests.split(","), arguments.show)
        guest.is_second = is_last
        if is_last or not guest.timed_out:
            return guest
        print(f"# {machine.name}: nothing was said for {SILENCE_S} s, so it is booted once more; at last it said:")
        for line in guest.console[-20:]:
            print("#  ", line)


def report(guest, name, number):
    """Prints a boot's points; returns how many there are by now, and whether one failed."""
    failed = False
    for line in guest.lines:
        point = re.match(r"(not ok|ok) - (.*)", line)
        if point:
            number += 1
            failed |= point[1] == "not ok"
            print(f"{point[1]} {number} - {name}: {point[2]}")
        elif line.startswith("#"):
            print(line)
    number += 1
    print(f"{'ok' if guest.ended() else 'not ok'} {number} - {name}: it came to its end")
    if guest.is_second:
        number += 1
        print(f"ok {number} - {name}: it does not hang # SKIP it did, silent for {SILENCE_S} s, and was booted once more")
    if not guest.ended() or failed:
        why = f"said nothing for {SILENCE_S} s" if guest.timed_out else "switched off or reset"
        print(f"# the guest {why if not guest.ended() else 'failed'}; its console:")
        for line in guest.console[-60:]:
            print("#  ", line)
    return number, failed or not guest.ended()


def compare_keys(keys, number):
    """What the TPM's key depends on. `keys`: the sealing key of an enclave, by the kind of launch."""
    first, failed = keys.get("first"), False
    for kind, same, name in [("again", True, "is the same after a reboot"),
                             ("image", False, "is another one with another hypervisor"),
                             ("pcr", False, "is another one when something else was booted")]:
        if kind in keys and first:
            ok = (keys[kind] == first) == same
            number += 1
            failed |= not ok
            print(f"{'ok' if ok else 'not ok'} {number} - an enclave's sealing key {name}")
    return number, failed


def prepare(flavours):
    """For each flavour its kernel and an initial file system of this run's own. One run builds at a time."""
    ready = {}
    with open(WORK / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        check_tools()
        found = {flavour: find_headers(flavour) for flavour in flavours}
        kernels = {flavour: fetch_kernel(version) for flavour, (version, _) in found.items()}
        programs, enclaves = build_programs(), build_enclaves()
        SERVED.mkdir(exist_ok=True)
        (SERVED / "served").write_bytes(SERVED_BYTES)
        for flavour, kernel in kernels.items():
            ready[flavour] = kernel, build_initrd(kernel, build_modules(*found[flavour]), programs, enclaves)
    return ready


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--machines", default=",".join(CHECKED))
    parser.add_argument("--tests", default=",".join(TESTS))
    # They take turns otherwise: the emulation's own fault with threads is in hypervisor/DESIGN.md, "Tested".
    parser.add_argument("--threads", dest="accel", action="store_const", const="tcg,thread=multi",
                        default="tcg,thread=single", help="each of the guest's processors runs on a thread of its own")
    parser.add_argument("--console", dest="show", action="store_const", const=show_console,
                        help="show the guest's console")
    parser.add_argument("--tell", dest="show", action="store_const", const=tell,
                        help="tell a person what happens, instead of the points")
    arguments = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    machines = [MACHINES[name] for name in arguments.machines.split(",")]
    try:
        ready = prepare(sorted({machine.flavour for machine in machines}))
    except Skip as skip:
        print(f"ok 1 - the hypervisor in an emulated machine # SKIP {skip}\n1..1")
        return 0
    if any(machine.tpm for machine in machines):
        shutil.rmtree(WORK / "tpm", ignore_errors=True)
    number, failed, keys = 0, False, {}
    for machine in machines:
        guest = boot(machine, ready[machine.flavour], arguments)
        with contextlib.redirect_stdout(io.StringIO() if arguments.show is tell else sys.stdout):
            number, bad = report(guest, machine.name, number)
        failed |= bad
        keys.update(line.split()[1:] for line in guest.lines if line.startswith("key "))
    for _, initrd in ready.values():
        initrd.unlink()
    number, bad = compare_keys(keys, number)
    if arguments.show is not tell:
        print(f"1..{number}")
    return int(failed or bad)


if __name__ == "__main__":
    sys.exit(main())
