#!/bin/bash
# NumPy and SciPy in an enclave, with OpenBLAS on all processors; the same program outside says the same.
# shellcheck source=demos/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
needs /usr/bin/python3 /usr/lib/python3/dist-packages/numpy /usr/lib/python3/dist-packages/scipy
build "${image[@]}" --add "$here/compute.py:/compute.py"

step "linear algebra, sparse matrices, signals, optimisation"
run -- /usr/bin/python3 /compute.py >"$work/inside" || fail "exit status $?"
matches "^threads of OpenBLAS: [0-9]+$" cat "$work/inside"
/usr/bin/python3 "$here/compute.py" >"$work/outside"
cmp "$work/outside" "$work/inside" >"$work/cmp" || fail "$(diff "$work/outside" "$work/inside")"
say "(outside it says the same)"

worked
