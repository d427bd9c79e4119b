#!/bin/bash
# `make demo`: put Debian's python3, unmodified, into an enclave and run a program in it.
set -euo pipefail

build=${BUILD:-build}
image=$build/demo.enclave
python=/usr/bin/python3 # the distribution's, whatever PATH says

step()
{
	printf '\n\033[1m%s\033[0m\n' "$*"
}

show_and_run()
{
	printf '  $ %s\n' "$*"
	"$@" | sed 's/^/    /'
}

step "1. Build Casemate"
tools/install-deps.sh build
[ -f "$build/build.ninja" ] || meson setup "$build" >"$build.log" 2>&1 || { cat "$build.log" >&2; exit 1; }
rm -f "$build.log"
ninja -C "$build" -j"${JOBS:-2}" --quiet
casemate=$build/cli/casemate

step "2. Put $python and its library into an enclave image"
library=$($python -c 'import os; print(os.path.dirname(os.__file__))')
show_and_run "$casemate" build --copy $python --add "$library:$library" -o "$image"

step "3. Run a program in it"
"$casemate" run "$image" $python - <"$(dirname "$0")/demo.py" | sed 's/^/    /'

step "4. What the enclave is: the same input gives the same numbers, on any machine"
show_and_run "$casemate" inspect "$image"

step "This is the simulation platform: everything works as in an enclave, but nothing is
protected from the owner of this machine. docs/THREAT-MODEL.md says what other platforms add."
