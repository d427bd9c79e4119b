# For demonstrations of programs that want a terminal: one of 80 by 24 that tmux shows and types at.
#
#	screen -- bash -i
#	type_text "ls"
#	type_keys Enter C-d
#	shows '^bin'	waits for a line that matches (ERE), and fails if none comes
# shellcheck shell=bash disable=SC2154

screen_tmux()
{
	tmux -S "$work/tmux" -f /dev/null "$@"
}

# screen [OPTION...] -- PROGRAM...: in an enclave of its own, at the terminal.
screen()
{
	local words
	with_image run -it "$@"
	screen_tmux new-session -d -x 80 -y 24 "$(printf '%q ' "${words[@]}")
		echo status \$?; exec sleep 1000" \; set -g status off
}

type_text()
{
	screen_tmux send-keys -l -- "$*"
}

type_keys()
{
	screen_tmux send-keys "$@"
}

screen_text()
{
	screen_tmux capture-pane -p
}

shows()
{
	local end=$((SECONDS + 60))
	until screen_text | grep -qE -e "$1"; do
		[ $SECONDS -lt $end ] || fail "the screen never shows $1:" "$(screen_text)"
		sleep 0.1
	done
}

# show: the screen as it is, framed.
show()
{
	screen_text | sed -n 's/^/    | /; /[^ |]/p'
}

# screen_ends STATUS: the program ends so.
screen_ends()
{
	shows "^status $1\$"
	screen_tmux kill-server
}
