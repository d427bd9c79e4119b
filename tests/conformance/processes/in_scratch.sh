#!/bin/sh
# in_scratch.sh PROGRAM [ARGUMENT...]: runs PROGRAM in a new empty directory and removes it after.
program=$(realpath "$1") || exit 99
shift
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 99
"$program" "$@"
