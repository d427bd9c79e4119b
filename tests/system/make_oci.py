#!/usr/bin/env python3
"""Make an OCI layout, good or hostile, or a docker archive of the good one.

usage: make_oci.py DIRECTORY CASE [gzip | zstd | docker]"""
import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile

directory, case = sys.argv[1:3]
packing = sys.argv[3] if len(sys.argv) > 3 else "none"


class Layer:
    def __init__(self):
        self.bytes = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.bytes, mode="w", format=tarfile.PAX_FORMAT)

    def add(self, name, data=b"", type=tarfile.REGTYPE, mode=0o644, owner=(0, 0), link="", dev=None,
            pax=None):
        info = tarfile.TarInfo(name)
        info.type, info.mode, info.linkname, info.size = type, mode, link, len(data)
        info.uid, info.gid = owner
        info.mtime = 1234567890
        if dev:
            info.devmajor, info.devminor = dev
        info.pax_headers = pax or {}
        self.tar.addfile(info, io.BytesIO(data))

    def directory(self, name, mode=0o755):
        self.add(name, type=tarfile.DIRTYPE, mode=mode)

    def symlink(self, name, target):
        self.add(name, type=tarfile.SYMTYPE, link=target)

    def finish(self):
        self.tar.close()
        return self.bytes.getvalue()


def sparse(layer):
    """A file of 1 MiB + 1 byte in GNU's PAX format 1.0: a map, then the one block of data."""
    data = b"1\n1048576\n1\n".ljust(512, b"\0") + b"!"
    layer.add("GNUSparseFile.0/sparse", data, pax={
        "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "sparse",
        "GNU.sparse.realsize": "1048577"})


def good_layers():
    low, high = Layer(), Layer()
    low.add("etc/passwd", b"app:x:1234:99::/:/bin/sh\n")
    low.add("etc/group", b"staff:x:50:\n")
    low.add("etc/replaced", b"old")
    low.add("./bin/tool", b"tool", mode=0o4751, owner=(1234, 99),
            pax={"SCHILY.xattr.security.capability": "\1\0\0\2" + "\0" * 16})
    low.add("bin/tool2", type=tarfile.LNKTYPE, link="bin/tool")
    low.add("dev/null", type=tarfile.CHRTYPE, mode=0o666, dev=(1, 3))
    low.add("gone", b"gone")
    low.add("data/low", b"low")
    low.add("data/sub/low", b"low")
    low.directory("usr/lib")
    low.symlink("lib", "usr/lib")
    low.symlink("out", "../../../etc")
    low.add("n\u00e9e", b"x")
    low.add("long/" + "x" * 200, b"x")
    sparse(low)
    high.add("etc/replaced", b"new", mode=0o600, owner=(7, 7))
    high.add("data/high", b"high")
    high.add("data/.wh..wh..opq")
    high.directory("data")
    high.add(".wh.gone")
    high.add(".wh.never-was")
    high.add("lib/through", b"x")
    high.add("out/inside", b"x")
    return [low.finish(), high.finish()]


def hostile_layers():
    layer = Layer()
    layer.directory("d")
    if case == "dotdot":
        layer.add("../../escape-from-casemate", b"x")
    elif case == "hardlink-dotdot":
        layer.add("x", type=tarfile.LNKTYPE, link="../../etc/passwd")
    elif case == "hardlink-missing":
        layer.add("x", type=tarfile.LNKTYPE, link="etc/shadow")
    elif case == "hardlink-directory":
        layer.add("x", type=tarfile.LNKTYPE, link="d")
    elif case == "symlink-loop":
        layer.symlink("a", "b")
        layer.symlink("b", "a")
        layer.add("a/x", b"x")
    elif case == "file-as-directory":
        layer.add("f", b"x")
        layer.add("f/x", b"x")
    elif case == "negative-owner":
        layer.add("x", owner=(2**32 - 1, 0))
    elif case == "empty-whiteout":
        layer.add("d/.wh.")
    elif case == "root-as-file":
        layer.add(".", b"x")
    elif case == "deep":
        layer.directory("/".join(["d"] * 1100))
    elif case == "truncated":
        layer.add("x", b"x" * 100000)
        return [layer.finish()[:50000]]
    return [layer.finish()]


layers = good_layers() if case == "layers" else hostile_layers()
config = {"architecture": "arm64" if case == "arm64" else "amd64", "os": "linux", "config": {
    "Entrypoint": ["/bin/tool"], "Cmd": None, "Env": ["PATH=/bin"], "WorkingDir": "/data",
    "User": "app:staff", "Labels": {"x": "y"}, "ExposedPorts": {"80/tcp": {}}}}


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def pack(data):
    if packing == "gzip":
        return gzip.compress(data)
    if packing == "zstd":
        return subprocess.run(["zstd", "-qc"], input=data, stdout=subprocess.PIPE, check=True).stdout
    return data


config["rootfs"] = {"type": "layers", "diff_ids": ["sha256:" + sha256(layer) for layer in layers]}
if case == "wrong-diff-id":
    config["rootfs"]["diff_ids"] = ["sha256:" + "0" * 64]
config_text = json.dumps(config).encode()
if case == "duplicate-key":
    config_text = config_text[:-1] + b', "os": "linux"}'
os.makedirs(directory + "/blobs/sha256")

if packing == "docker":
    with tarfile.open(directory + "/docker.tar", "w") as tar:
        def member(name, data):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        member(sha256(config_text) + ".json", config_text)
        member("0/layer.tar", layers[0])
        member("1/real.tar", layers[1])
        info = tarfile.TarInfo("1/layer.tar")
        info.type, info.linkname = tarfile.SYMTYPE, "../1/real.tar"
        tar.addfile(info)
        member("manifest.json", json.dumps([{
            "Config": sha256(config_text) + ".json", "RepoTags": ["x:v1"],
            "Layers": ["0/layer.tar", "1/layer.tar"]}]).encode())
    sys.exit()


def blob(data, type, **more):
    with open(directory + "/blobs/sha256/" + sha256(data), "wb") as file:
        file.write(data)
    return {"mediaType": "application/vnd.oci.image." + type, "digest": "sha256:" + sha256(data),
            "size": len(data), **more}


manifest = {"schemaVersion": 2, "config": blob(config_text, "config.v1+json"),
            "layers": [blob(pack(layer), "layer.v1.tar") for layer in layers]}
if case == "wrong-blob":
    path = directory + "/blobs/sha256/" + sha256(layers[0])
    data = bytearray(layers[0])
    data[-1] ^= 1
    open(path, "wb").write(data)
if case == "wrong-size":
    manifest["layers"][0]["size"] = 1
if case == "traversing-digest":
    manifest["layers"][0]["digest"] = "sha256:../../../../etc/passwd"
manifest_blob = blob(json.dumps(manifest).encode(), "manifest.v1+json", annotations={
    "org.opencontainers.image.ref.name": "v1"})
if case == "wrong-manifest":
    path = directory + "/blobs/sha256/" + manifest_blob["digest"][7:]
    data = bytearray(open(path, "rb").read())
    data[-3] ^= 1
    open(path, "wb").write(data)
# One image for several platforms: an index in the index.
platforms = blob(json.dumps({"schemaVersion": 2, "manifests": [
    dict(manifest_blob, platform={"os": "linux", "architecture": "amd64"}),
    dict(manifest_blob, platform={"os": "linux", "architecture": "s390x"})]}).encode(),
    "index.v1+json", annotations={"org.opencontainers.image.ref.name": "v1"})
with open(directory + "/index.json", "w") as file:
    json.dump({"schemaVersion": 2, "manifests": [platforms]}, file)
with open(directory + "/oci-layout", "w") as file:
    file.write('{"imageLayoutVersion": "1.0.0"}')
