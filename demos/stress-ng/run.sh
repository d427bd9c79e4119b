#!/bin/bash
# stress-ng in an enclave: memory, processes, pipes and locks at once, and each result is verified.
# shellcheck source=demos/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
needs /usr/bin/stress-ng
build "${image[@]}"

step "computing, memory, processes, pipes, sockets and futexes for six seconds, verified"
matches "successful run completed" run -w /tmp -- stress-ng --temp-path /tmp --verify --metrics-brief --timeout 6s \
	--cpu 1 --vm 1 --vm-bytes 64M --fork 1 --pipe 1 --sock 1 --futex 1 --timer 1

worked
