#!/bin/bash
# bash at a terminal in an enclave. `run.sh shell` gives you one; without it, a script types at it and looks.
# shellcheck source=demos/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
. "$top/demos/screen.sh"
needs /usr/bin/tmux
build "${image[@]}"

if [ "${1:-}" = shell ]; then
	step "you are inside; exit or Ctrl-D ends it"
	run -it -- bash
	exit
fi

step "a shell at a terminal, in which somebody types"
screen -- bash --norc
shows '[#$]$'
type_text "PS1='inside\$ '"
type_keys Enter
shows '^inside\$$'

step "a job is stopped by Ctrl-Z, goes on in the background, comes back and ends by Ctrl-C"
type_text "sh -c 'echo running; exec sleep 1000'"
type_keys Enter
shows '^running'
type_keys C-z
shows '^\[1\]\+ +Stopped +sh -c'
type_text "bg; jobs"
type_keys Enter
shows '^\[1\]\+ +Running +sh -c'
type_text fg
type_keys Enter
shows '^sh -c'
type_keys C-c
type_text 'echo "ended: $?"'
type_keys Enter
shows '^ended: 130'

step "line editing, history, and a window that grows"
type_text "echo hullo world"
type_keys M-b M-b Right Delete
type_text a
type_keys Enter
shows '^hallo world'
type_keys Up C-e
type_text " again"
type_keys Enter
shows '^hallo world again'
screen_tmux resize-window -x 90 -y 30
type_text "stty size; uname -n; tty"
type_keys Enter
shows '^30 90$'
shows '^/dev/pts/'
show
type_text "exit 7"
type_keys Enter
screen_ends 7

worked
