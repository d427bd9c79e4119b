#!/usr/bin/env python3
"""List the root file system of an enclave image, read from the format's specification alone.

usage: read_erofs.py IMAGE. One line a file: type, mode, owner, path, and the target, device or
size; extended attributes as lines "x PATH NAME SIZE"."""
import os
import stat
import struct
import sys

image = open(sys.argv[1], "rb").read()
offset, size = struct.unpack_from("<QQ", image, 64 + 64 + 8)
fs = image[offset:offset + size]
magic, = struct.unpack_from("<I", fs, 1024)
assert magic == 0xe0f5e1e2
root_nid, = struct.unpack_from("<H", fs, 1024 + 14)
PREFIXES = {1: "user.", 2: "system.posix_acl_access", 3: "system.posix_acl_default",
            4: "trusted.", 6: "security."}


def inode(nid):
    at = nid * 32
    form, icount, mode, _, length, start, _, uid, gid, _, _, _ = struct.unpack_from(
        "<HHHHQIIIIQII", fs, at)
    assert form & 1
    xattrs = 12 + 4 * (icount - 1) if icount else 0
    if form >> 1 == 2:
        data = fs[at + 64 + xattrs:at + 64 + xattrs + length]
    else:
        data = fs[start * 4096:start * 4096 + length]
    return mode, uid, gid, start, data, fs[at + 76:at + 64 + xattrs]


def entries(data):
    for block in (data[i:i + 4096] for i in range(0, len(data), 4096)):
        count = struct.unpack_from("<H", block, 8)[0] // 12
        heads = [struct.unpack_from("<QHB", block, 12 * i) for i in range(count)]
        ends = [head[1] for head in heads[1:]] + [len(block)]
        for (nid, name, _), end in zip(heads, ends):
            yield block[name:end].rstrip(b"\0"), nid


def show(path, nid):
    mode, uid, gid, start, data, xattrs = inode(nid)
    kind = {stat.S_IFDIR: "d", stat.S_IFLNK: "l", stat.S_IFCHR: "c", stat.S_IFBLK: "b",
            stat.S_IFIFO: "p"}.get(stat.S_IFMT(mode), "f")
    line = "%s %04o %d:%d %s" % (kind, stat.S_IMODE(mode), uid, gid, os.fsdecode(path))
    if kind == "l":
        line += " " + os.fsdecode(data)
    if kind in "cb":
        line += " %d:%d" % (start >> 8 & 0xfff, start & 0xff | start >> 12 & 0xfff00)
    if len(data) > 1 << 20 and kind == "f":
        line += " %d" % len(data)
    sys.stdout.buffer.write(os.fsencode(line + "\n"))
    at = 0
    while at < len(xattrs):
        name_size, prefix, value_size = struct.unpack_from("<BBH", xattrs, at)
        name = PREFIXES[prefix] + xattrs[at + 4:at + 4 + name_size].decode()
        print("x %s %s %d" % (os.fsdecode(path), name, value_size), flush=True)
        at += -(-(4 + name_size + value_size) // 4) * 4
    if kind == "d":
        names = [name for name, _ in entries(data)]
        assert names == sorted(names)
        for name, child in entries(data):
            if name not in (b".", b".."):
                show(path.rstrip(b"/") + b"/" + name, child)


show(b"/", root_nid)
