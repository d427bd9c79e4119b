"""Makes an enclave file for the tests: pages, as they are added, and the SIGSTRUCT over them.

Written from the specification alone (abi/SPEC.md, "Measurement"; abi/hypervisor.h), so that it says
independently of the hypervisor what an enclave's measurement is.

The file: u64 size, u64 base, u64 number of pages, SIGSTRUCT; then each page: u64 offset, u64 flags, 4096
bytes."""
import hashlib
import struct
import subprocess

PAGE = 4096
R, W, X, TCS, REG = 1, 2, 4, 0x100, 0x200
SIZE = 2 << 20  # one page table's worth
WINDOW = 1 << 36  # nested address (abi/hypervisor.h)
TABLES = 5
# An enclave's own CPUID: leaf, subleaf (ffffffff: any), and what it answers (guest/enclave_test.c).
CPUID = [(0, 0xffffffff, 7, 0x65736143, 0x6574616d, 0x21212121), (7, 0, 1, 2, 3, 4), (7, 1, 5, 6, 7, 8)]
THREADS, STACK = 4, 2 * PAGE  # the data segment ends with their stacks (enclave.lds)


def load(elf):
    """An ELF file's pages: (offset, flags, bytes), its base and its entry."""
    entry, phoff = struct.unpack_from("<QQ", elf, 24)
    phentsize, phnum = struct.unpack_from("<HH", elf, 54)
    pages, base = [], None
    for i in range(phnum):
        kind, flags, offset, vaddr, _, filesz, memsz, _ = struct.unpack_from(
            "<IIQQQQQQ", elf, phoff + i * phentsize)
        if kind != 1:
            continue
        base = vaddr if base is None else base
        memory = elf[offset:offset + filesz] + bytes(memsz - filesz)
        memory += bytes(-len(memory) % PAGE)
        secinfo = REG | (R if flags & 4 else 0) | (W if flags & 2 else 0) | (X if flags & 1 else 0)
        for at in range(0, len(memory), PAGE):
            pages.append((vaddr - base + at, secinfo, memory[at:at + PAGE]))
    return pages, base, entry


def page_tables(base, first):
    """Tables that map [base, base + SIZE) to nested addresses from 0, and as much above it to the window.
    They allow all; it is the nested table that does not."""
    tables = [bytearray(PAGE) for _ in range(TABLES)]
    for level in range(3):
        index = base >> (39 - 9 * level) & 511
        struct.pack_into("<Q", tables[level], 8 * index, first + (level + 1) * PAGE | 3)
    struct.pack_into("<Q", tables[2], 8 * ((base + SIZE) >> 21 & 511), first + 4 * PAGE | 3)
    for i in range(512):
        struct.pack_into("<Q", tables[3], 8 * i, i * PAGE | 3)
        struct.pack_into("<Q", tables[4], 8 * i, WINDOW + i * PAGE | 3)
    return [(first + i * PAGE, REG | R | W, bytes(table)) for i, table in enumerate(tables)]


def measure(pages):
    digest = hashlib.sha256(struct.pack("<8sIQ44x", b"ECREATE", 1, SIZE))
    for offset, flags, page in pages:
        digest.update(struct.pack("<8sQQ40x", b"EADD", offset, flags))
        for at in range(0, PAGE, 256):
            digest.update(struct.pack("<8sQ48x", b"EEXTEND", offset + at) + page[at:at + 256])
    return digest.digest()


def sigstruct(measurement, key, svn):
    """RSASSA-PKCS1-v1_5 by openssl; the two quotients by hand."""
    header = bytes.fromhex("06000000e10000000000010000000000") + struct.pack("<II", 0, 0x20240101)
    header += bytes.fromhex("01010000600000006000000001000000") + bytes(88)
    body = struct.pack("<II20xQQQQ32s32xHH", 0, 0xffffffff, 4, 3, 0xffffffffffffffff, ~0xe4 & (1 << 64) - 1,
                       measurement, 1, svn)
    signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=header + body,
                               capture_output=True, check=True).stdout
    modulus = subprocess.run(["openssl", "rsa", "-in", key, "-noout", "-modulus"],
                             capture_output=True, check=True, text=True).stdout
    m = int(modulus.strip().partition("=")[2], 16)
    s = int.from_bytes(signature, "big")
    q1 = s * s // m
    q2 = (s ** 3 - q1 * s * m) // m
    little = [n.to_bytes(384, "little") for n in (m, s, q1, q2)]
    return header + little[0] + struct.pack("<I", 3) + little[1] + body + bytes(12) + little[2] + little[3]


def make_enclave(elf_path, key, svn, to, has_cpuid=False):
    pages, base, entry = load(elf_path.read_bytes())
    tables = stacks_end = pages[-1][0] + PAGE
    pages += page_tables(base, tables)
    cpuid = 0
    if has_cpuid:
        cpuid = tables + (TABLES + THREADS) * PAGE
        table = b"".join(struct.pack("<6I", *entry) for entry in CPUID)
        pages.append((cpuid, REG | R, table + bytes(PAGE - len(table))))
    for i in range(THREADS):
        tcs = bytearray(PAGE)
        struct.pack_into("<Q", tcs, 32, entry - base)
        struct.pack_into("<QQQ", tcs, 72, tables, base + stacks_end - i * STACK, cpuid)
        pages.append((tables + (TABLES + i) * PAGE, TCS, bytes(tcs)))
    signed = sigstruct(measure(pages), key, svn)
    with open(to, "wb") as output:
        output.write(struct.pack("<QQQ", SIZE, base, len(pages)) + signed)
        for offset, flags, page in pages:
            output.write(struct.pack("<QQ", offset, flags) + page)
