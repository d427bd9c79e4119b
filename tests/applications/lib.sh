# For the application tests: runs a command natively and inside an enclave, and compares.
#
#	. "$TOP/tests/applications/lib.sh"
#	app_image --copy /usr/bin/perl --add /usr/share/perl:/usr/share/perl
#	compare "a hash keeps its keys" perl -e 'print scalar(%h)'
#	app_done
#
# Each command runs twice, in an empty directory, with the same standard input and environment; its
# standard output and exit status must be the same. With CASEMATE_NATIVE=1 both runs are native.
# APP_VERBOSE=1 shows what each native run prints. tests/run sets TOP, BUILD, CASEMATE and SCRATCH.
# shellcheck shell=bash
set -u

app_name=$(basename "$0" .sh)
app_dir=$BUILD/tests/applications/$app_name
app_image_file=$app_dir.enclave
app_points=0
app_failures=0
app_run_options=() # of `casemate run`, besides
app_env=(PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin LANG=C.UTF-8 TZ=UTC USER=root HOME=/tmp)

mkdir -p "$app_dir"

# report OK NAME: one TAP point; the rest of what there is to say follows on standard input.
report()
{
	app_points=$((app_points + 1))
	if [ "$1" = ok ]; then
		echo "ok $app_points - $2"
	else
		app_failures=$((app_failures + 1))
		echo "not ok $app_points - $2"
		sed 's/^/# /'
	fi
}

app_done()
{
	echo "1..$app_points"
	exit $((app_failures != 0))
}

# need PROGRAM...: gives up, with the reason, where a program can't be had.
need()
{
	local program
	for program in "$@"; do
		[ -x "$program" ] && continue
		echo "ok 1 - $app_name # SKIP $program is not installed (make deps)"
		echo "1..1"
		exit 0
	done
}

# expect NAME COMMAND...: a step outside any enclave (compiling a test's program, say) that must work.
expect()
{
	local name=$1
	shift
	if "$@" >"$SCRATCH/expect" 2>&1; then
		report ok "$name"
	else
		report fail "$name" <"$SCRATCH/expect"
		app_done
	fi
}

# What an image depends on: how it is built, by what, and from which packages and files.
app_image_key()
{
	printf '%s\n' "$@" "${app_env[@]}"
	sha256sum "$CASEMATE" "$CASEMATE_LIBOS"
	stat -c '%n %s %Y' /var/lib/dpkg/status "$app_dir"/* 2>/dev/null
}

# Where no enclave is run, the second run at least finds only the programs that the image would hold.
app_stand_in()
{
	rm -rf "${SCRATCH:?}/bin"
	mkdir -p "$SCRATCH/bin"
	while [ $# -gt 0 ]; do
		[ "$1" != --copy ] || ln -sf "$2" "$SCRATCH/bin/"
		shift
	done
}

# app_image ARGUMENTS...: builds this test's image with these arguments of `casemate build`, unless it
# stands there already.
app_image()
{
	local key quoted
	if [ "${CASEMATE_NATIVE:-}" = 1 ]; then
		app_stand_in "$@"
		return
	fi
	quoted=$(printf '"%s",' "${app_env[@]}")
	echo "{\"Env\":[${quoted%,}],\"WorkingDir\":\"/tmp\"}" >"$app_dir.json"
	key=$(app_image_key "$@" | sha256sum)
	if [ -e "$app_image_file" ] && [ "$(cat "$app_dir.key" 2>/dev/null)" = "$key" ]; then
		return 0
	fi
	expect "an image of $app_name" "$CASEMATE" build -c "$app_dir.json" -o "$app_image_file" "$@"
	echo "$key" >"$app_dir.key"
}

# run_native DIR COMMAND...: in the empty directory DIR.
run_native()
{
	local dir=$1
	shift
	rm -rf "$dir"
	mkdir -p "$dir"
	(cd "$dir" && exec timeout -k 5 "${APP_TIMEOUT:-280}" env -i "${app_env[@]}" "$@")
}

run_inside()
{
	if [ "${CASEMATE_NATIVE:-}" = 1 ]; then
		run_native "$SCRATCH/inside" env PATH="$SCRATCH/bin" "$@"
	else
		timeout -k 5 "${APP_TIMEOUT:-280}" "$CASEMATE" run "${app_run_options[@]}" -w /tmp \
			"$app_image_file" "$@"
	fi
}

# compare NAME COMMAND...: standard input goes to both runs.
compare()
{
	local name=$1 native_status inside_status
	shift
	if [ -t 0 ]; then
		: >"$SCRATCH/stdin"
	else
		cat >"$SCRATCH/stdin"
	fi
	{
		run_native "$SCRATCH/native" "$@" <"$SCRATCH/stdin" \
			>"$SCRATCH/native.out" 2>"$SCRATCH/native.err"
		native_status=$?
		run_inside "$@" <"$SCRATCH/stdin" >"$SCRATCH/inside.out" 2>"$SCRATCH/inside.err"
		inside_status=$?
	} 2>/dev/null # the shell's own words about a crash
	if [ -n "${APP_VERBOSE:-}" ]; then
		sed 's/^/# | /' "$SCRATCH/native.out" "$SCRATCH/native.err"
	fi

	case $native_status in
	124 | 126 | 127) # too slow, or not there: the test itself is wrong
		report fail "$name (natively: $native_status)" <"$SCRATCH/native.err"
		return
		;;
	esac
	if cmp -s "$SCRATCH/native.out" "$SCRATCH/inside.out" &&
		[ $native_status -eq $inside_status ]; then
		report ok "$name"
	else
		report fail "$name" <<-END
			exit status: natively $native_status, inside $inside_status
			$(diff -u --label natively --label inside "$SCRATCH/native.out" \
				"$SCRATCH/inside.out" | head -n 40)
			standard error inside:
			$(tail -n 20 "$SCRATCH/inside.err")
		END
	fi
}

free_port()
{
	/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# serve NAME SERVER...: starts the server natively, and inside with its port published, and compares
# what its clients see, which are outside. The word @port@ in SERVER is the port that it listens on.
# Standard input is a bash script, the client: $port is where it finds the server, and
# `beside COMMAND...` runs a command beside the server. At its end the server gets a SIGTERM, and
# its exit status is compared, too.
serve()
{
	local name=$1
	shift
	cat >"$SCRATCH/client"
	serve_run native "$@" 2>/dev/null # the shell's own words
	serve_run inside "$@" 2>/dev/null
	if [ -n "${APP_VERBOSE:-}" ]; then
		sed 's/^/# | /' "$SCRATCH/native.out" "$SCRATCH/native.log"
	fi
	if cmp -s "$SCRATCH/native.out" "$SCRATCH/inside.out" &&
		grep -q '^client: 0$' "$SCRATCH/native.out"; then
		report ok "$name"
	else
		report fail "$name" <<-END
			$(diff -u "$SCRATCH/native.out" "$SCRATCH/inside.out" | head -n 40)
			all of it, natively:
			$(tail -n 20 "$SCRATCH/native.out")
			the server natively:
			$(tail -n 20 "$SCRATCH/native.log")
			the server inside:
			$(tail -n 20 "$SCRATCH/inside.log")
		END
	fi
}

# serve_run WHERE SERVER...: what the client says goes to WHERE.out, and what the server says to WHERE.log.
serve_run()
{
	local where=$1 inner port server beside enclave=$app_name-$$
	local dir=$SCRATCH/$where limit=(timeout -k 5 "${APP_TIMEOUT:-280}")
	shift
	inner=$(free_port)
	rm -rf "$dir" "$dir.tmp"
	mkdir -p "$dir" "$dir.tmp"
	if [ "$where" = native ] || [ "${CASEMATE_NATIVE:-}" = 1 ]; then
		port=$inner
		beside=(env -C "$dir" -i "${app_env[@]}")
		[ "$where" = native ] || beside+=(PATH="$SCRATCH/bin")
		"${limit[@]}" "${beside[@]}" "${@//@port@/$inner}" >"$dir.log" 2>&1 </dev/null &
	else
		port=$(free_port)
		beside=("$CASEMATE" exec "$enclave")
		"${limit[@]}" "$CASEMATE" run --name "$enclave" -p "127.0.0.1:$port:$inner" -w /tmp \
			"$app_image_file" "${@//@port@/$inner}" >"$dir.log" 2>&1 </dev/null &
	fi
	server=$!
	serve_wait "$port" "$server"
	(
		cd "$dir.tmp" || exit
		export port inner
		"${limit[@]}" bash -u -c "$(declare -p beside)
			beside() { \"\${beside[@]}\" \"\$@\"; }
			. '$SCRATCH/client'"
		echo "client: $?"
	) >"$dir.out" 2>&1 </dev/null
	kill -TERM "$server"
	wait "$server"
	echo "server: $?" >>"$dir.out"
}

# Natively, connections are refused until the server listens.
serve_wait()
{
	for _ in $(seq 600); do
		(exec 3<>"/dev/tcp/127.0.0.1/$1") && return
		kill -0 "$2" || return
		sleep 0.05
	done
}

# on_screen NAME COMMAND...: runs it in a terminal of 80 by 24, natively and inside, and compares what
# is seen. Standard input says what happens, a step a line:
#	type TEXT	as it stands
#	key KEY...	as tmux(1) names them: Enter, C-c, Up
#	wait PATTERN	until a line of the screen matches it (ERE)
#	size COLUMNS ROWS
#	show		the screen as it is now is compared
# The last screen is compared in any case; below it stands the exit status.
on_screen()
{
	local name=$1
	shift
	cat >"$SCRATCH/steps"
	screen_run native env -i "${app_env[@]}" TERM=xterm "$@"
	if [ "${CASEMATE_NATIVE:-}" = 1 ]; then
		screen_run inside env -i "${app_env[@]}" TERM=xterm PATH="$SCRATCH/bin" "$@"
	else
		screen_run inside "$CASEMATE" run -it -w /tmp "$app_image_file" "$@"
	fi
	if cmp -s "$SCRATCH/native.screen" "$SCRATCH/inside.screen" &&
		! grep -q '^never shown' "$SCRATCH/native.screen"; then
		report ok "$name"
	else
		diff -u "$SCRATCH/native.screen" "$SCRATCH/inside.screen" >"$SCRATCH/screen.diff" ||
			true
		cat "$SCRATCH/native.screen" >>"$SCRATCH/screen.diff"
		report fail "$name" <"$SCRATCH/screen.diff"
	fi
}

screen_tmux()
{
	tmux -S "$SCRATCH/tmux" -f /dev/null "$@"
}

# screen_run WHERE COMMAND...: the screens that were to be shown go to WHERE.screen.
screen_run()
{
	local where=$1 step rest
	shift
	rm -rf "${SCRATCH:?}/$where"
	mkdir -p "$SCRATCH/$where"
	screen_tmux new-session -d -x 80 -y 24 -c "$SCRATCH/$where" \
		"$(printf '%q ' "$@"); echo status \$?; exec sleep 1000" \; set -g status off
	while read -r step rest; do
		case $step in
		type) screen_tmux send-keys -l -- "$rest" ;;
		key) screen_tmux send-keys ${rest:+$rest} ;; # a list of keys
		size) screen_tmux resize-window -x "${rest% *}" -y "${rest#* }" ;;
		show) screen_tmux capture-pane -p ;;
		wait) screen_wait "$rest" || break ;;
		esac
	done <"$SCRATCH/steps" >"$SCRATCH/$where.screen"
	screen_wait '^status [0-9]+$' >>"$SCRATCH/$where.screen"
	screen_tmux capture-pane -p >>"$SCRATCH/$where.screen"
	screen_tmux kill-server
}

screen_wait()
{
	for _ in $(seq 600); do
		screen_tmux capture-pane -p | grep -qE -e "$1" && return
		sleep 0.05
	done
	echo "never shown: $1"
	return 1
}
