#!/bin/sh
# Makes of a static library one whose members' common names stay among themselves: what is not marked to be
# seen from outside can't be, as in a shared library.
#
#	tools/hide-symbols.sh IN.a OUT.a
set -eu

object=${2%.a}.o
ld -r --whole-archive "$1" -o "$object"
objcopy --localize-hidden "$object"
rm -f "$2"
ar rcsD "$2" "$object"
rm -f "$object"
