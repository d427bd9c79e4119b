#!/usr/bin/env python3
"""Compute an image's measurement and check its SIGSTRUCT from the specification alone.

usage: sgx_check.py IMAGE. Prints one line a fact; exits 1 if one does not hold."""
import hashlib
import struct
import sys

image = open(sys.argv[1], "rb").read()
count, = struct.unpack_from("<I", image, 12)
sections = {}
measured = b""
for i in range(count):
    kind, platform, offset, size, _ = struct.unpack_from("<IIQQQ", image, 64 + 64 * i)
    entry = bytearray(image[64 + 64 * i:128 + 64 * i])
    sections[kind] = image[offset:offset + size]
    if kind <= 4:
        entry[8:16] = bytes(8)
        measured += entry
failed = False


def check(what, holds):
    global failed
    print(("holds: " if holds else "FAILS: ") + what)
    failed |= not holds


digest = hashlib.sha256(measured).digest()
check("image digest", digest == image[32:64])

# The hash tree, bottom up.
level = [sections[2][i:i + 4096] for i in range(0, len(sections[2]), 4096)]
levels = []
while not levels or len(level) > 1:
    hashes = b"".join(hashlib.sha256(block).digest() for block in level)
    hashes += bytes(-len(hashes) % 4096)
    level = [hashes[i:i + 4096] for i in range(0, len(hashes), 4096)]
    levels.insert(0, hashes)
check("hash tree", b"".join(levels) == sections[3])
check("its root", hashlib.sha256(levels[0]).digest() == image[64 + 64 + 32:64 + 64 + 64])

# ECREATE, EADD, EEXTEND.
libos = sections[5]
entry_point, phoff = struct.unpack_from("<QQ", libos, 24)
phentsize, phnum = struct.unpack_from("<HH", libos, 54)
loads = []
for i in range(phnum):
    ptype, flags, offset, vaddr, _, filesz, memsz, _ = struct.unpack_from(
        "<IIQQQQQQ", libos, phoff + i * phentsize)
    if ptype == 1 and memsz:
        loads.append((vaddr, memsz, libos[offset:offset + filesz], flags))
loads.sort(key=lambda load: load[0])
base = loads[0][0] & ~4095
pages = []
for vaddr, memsz, data, flags in loads:
    first = vaddr & ~4095
    memory = bytes(vaddr - first) + data + bytes(memsz - len(data))
    memory += bytes(-len(memory) % 4096)
    secinfo = 0x200 | (flags & 4 and 1) | (flags & 2 and 2) | (flags & 1 and 4)
    for at in range(0, len(memory), 4096):
        pages.append((first - base + at, secinfo, memory[at:at + 4096]))
end = pages[-1][0] + 4096
tcs = struct.pack("<QQQIIQQQQII", 0, 0, 0, 0, 0, entry_point - base, 0, 0, 0, 2**32 - 1, 2**32 - 1)
pages.append((end, 0x100, tcs + bytes(4096 - len(tcs))))
pages.append((end + 4096, 0x201, digest + bytes(4096 - 32)))
size = 8192
while size < end + 8192:
    size *= 2
measure = hashlib.sha256(struct.pack("<8sIQ44x", b"ECREATE", 1, size))
for offset, secinfo, page in pages:
    measure.update(struct.pack("<8sQQ40x", b"EADD", offset, secinfo))
    for at in range(0, 4096, 256):
        measure.update(struct.pack("<8sQ48x", b"EEXTEND", offset + at) + page[at:at + 256])

s = sections[6]
check("SIGSTRUCT's size", len(s) == 1808)
check("measurement", measure.digest() == s[960:992])
modulus = int.from_bytes(s[128:512], "little")
signature = int.from_bytes(s[516:900], "little")
q1 = int.from_bytes(s[1040:1424], "little")
q2 = int.from_bytes(s[1424:1808], "little")
check("exponent", struct.unpack_from("<I", s, 512)[0] == 3)
check("q1", q1 == signature**2 // modulus)
check("q2", q2 == (signature**3 - q1 * signature * modulus) // modulus)
signed = hashlib.sha256(s[0:128] + s[900:1028]).digest()
info = bytes.fromhex("3031300d060960864801650304020105000420") + signed
padded = b"\0\1" + b"\xff" * (384 - 3 - len(info)) + b"\0" + info
check("signature", pow(signature, 3, modulus) == int.from_bytes(padded, "big"))
check("header", s[0:16].hex() == "06000000e10000000000010000000000" and
      s[24:40].hex() == "01010000600000006000000001000000")
sys.exit(failed)
