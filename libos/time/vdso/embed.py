#!/usr/bin/env python3
"""Write a file as a C array: embed.py NAME FILE HEADER."""
import sys

name, source, target = sys.argv[1:]
data = open(source, "rb").read()
with open(target, "w") as out:
    out.write("static const unsigned char %s[] = {\n" % name)
    for at in range(0, len(data), 16):
        out.write("\t" + " ".join("0x%02x," % byte for byte in data[at : at + 16]) + "\n")
    out.write("};\n")
