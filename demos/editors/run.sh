#!/bin/bash
# vim and less at a terminal in an enclave. `run.sh FILE` lets you edit it; without it, a script types and looks.
# shellcheck source=demos/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
. "$top/demos/screen.sh"
needs /usr/bin/tmux /usr/bin/vim.basic /usr/bin/less
build "${image[@]}"

if [ $# -gt 0 ]; then
	file=$(realpath "$1")
	run -it -v "$(dirname "$file"):/files" -- vim.basic "/files/$(basename "$file")"
	exit
fi

step "vim: a file is typed, sorted, changed and saved"
mkdir "$work/files"
screen -v "$work/files:/files" -- vim.basic -u NONE -i NONE -n /files/fruit
shows '^~'
type_text "ipear
apple
fig"
type_keys Escape
shows '^fig'
type_text ":%!sort"
type_keys Enter
shows '^apple'
type_text ":%s/fig/date/"
type_keys Enter
shows '^date'
show
type_text ":wq"
type_keys Enter
screen_ends 0
expect "apple date pear" sh -c "cat $work/files/fruit | xargs"

step "less: a long text, a search, the end"
seq 1000 >"$work/files/numbers"
screen -v "$work/files:/files" -- less /files/numbers
shows '^23$'
type_text "/^77[0-9]"
type_keys Enter
shows '^770$'
type_keys G
shows '^1000$'
type_keys q
screen_ends 0

worked
