#!/bin/sh
# in_scratch.sh PROGRAM [ARG...]: run PROGRAM in a fresh, empty directory that is removed afterwards.
# Searchable by all, so that a program started as root can give up its rights and go on working.
program=$(realpath "$1") || exit 99
shift
scratch=$(mktemp -d) || exit 99
trap 'chmod -R u+rwx "$scratch"; rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM
chmod 755 "$scratch"
cd "$scratch" || exit 99
"$program" "$@"
