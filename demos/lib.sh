# For the demonstrations: what each run.sh needs to build an image, start an enclave from it and check what it does.
#
#	. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
#	needs /usr/bin/redis-server
#	build "${image[@]}"
#	step "A server, and a client outside"
#	start -p "127.0.0.1:$port:6379" -- redis-server
#	patiently redis-cli -p "$port" ping
#	expect 42 redis-cli -p "$port" incrby answer 42
#	worked
#
# image.sh beside run.sh says what goes into the image; the application's test reads it, too. CASEMATE names the
# command; else it is the one on the PATH, or the one of the build tree. The exit status is 0 if all that
# was to be seen was seen, 77 if a program is not installed here, and 1 else. Nothing is left behind.
# shellcheck shell=bash
set -eu

here=$(cd "$(dirname "${BASH_SOURCE[1]}")" && pwd)
demo=$(basename "$here")
enclave=demo-$demo-$$
work=$(mktemp -d)
image_file=$work/$demo.enclave
top=$(dirname "$(dirname "$here")")
# shellcheck disable=SC2034 # who sources this uses it
image=() # the sources of `casemate build`
# shellcheck disable=SC1091
[ ! -e "$here/image.sh" ] || . "$here/image.sh"

# The programs are the distribution's, whatever else is installed; Casemate may stand anywhere.
casemate=${CASEMATE:-$(type -P casemate || echo "$top/build/cli/casemate")}
PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH

# Whatever ended it: no enclave, no process and no file is left.
tidy()
{
	local status=$?
	"$casemate" rm -f "$enclave" >"$work/rm" 2>&1 || true
	[ ! -S "$work/tmux" ] || tmux -S "$work/tmux" kill-server 2>"$work/rm" || true
	rm -rf "$work"
	[ $status -eq 0 ] || [ $status -eq 77 ] || echo "$demo: it did not work" >&2
}
trap tidy EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

say()
{
	printf '    %s\n' "$@"
}

step()
{
	printf '\n%s\n' "$demo: $*"
}

fail()
{
	say "$@" >&2
	"$casemate" logs "$enclave" >"$work/logs" 2>&1 && tail -n 20 "$work/logs" | sed 's/^/    | /' >&2
	exit 1
}

worked()
{
	printf '\n%s: it worked\n' "$demo"
}

# needs FILE...: what Debian's packages, named in README.md, have brought.
needs()
{
	local file
	[ -x "$casemate" ] || fail "no command casemate: put it on the PATH, or name it by CASEMATE"
	for file in "$@"; do
		[ -e "$file" ] && continue
		say "$file is not installed: README.md names the package" >&2
		exit 77
	done
}

# build ARGUMENT...: of `casemate build`, but for the image's name. The folder's casemate.json is its configuration.
build()
{
	local config=()
	step "the image, made from what is installed here"
	[ ! -e "$here/casemate.json" ] || config=(-c "$here/casemate.json")
	"$casemate" build -o "$image_file" "${config[@]}" "$@" >"$work/build" 2>&1 || fail "$(cat "$work/build")"
	sed -nE "s#^$work/#    #p; s/^measurement/    &/p" "$work/build"
}

# with_image COMMAND [OPTION...] -- PROGRAM...: words[] is a command line of casemate's, with the image where -- stands.
with_image()
{
	words=("$casemate")
	while [ "$1" != -- ]; do
		words+=("$1")
		shift
	done
	words+=("$image_file" "${@:2}")
}

# run [OPTION...] -- PROGRAM...: to its end, in an enclave of its own.
run()
{
	local words
	with_image run "$@"
	"${words[@]}"
}

# start [OPTION...] -- PROGRAM...: in the background, until `stop` or the end.
start()
{
	local words
	with_image start --name "$enclave" "$@"
	"${words[@]}" >"$work/start" 2>&1 || fail "$(cat "$work/start")"
}

# inside PROGRAM...: another program in the enclave that was started.
inside()
{
	"$casemate" exec "$enclave" "$@"
}

# stop: by SIGTERM; the server must end by itself, with success.
stop()
{
	local status
	"$casemate" stop -t 60 "$enclave" >"$work/stop" 2>&1 || fail "$(cat "$work/stop")"
	status=$("$casemate" wait "$enclave")
	[ "$status" = "${1:-0}" ] || fail "the server's exit status is $status"
	"$casemate" rm "$enclave" >"$work/rm"
}

free_port()
{
	/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# get ARGUMENT...: curl's, outside.
get()
{
	curl -sS --max-time 60 "$@"
}

# patiently COMMAND...: until it succeeds, for a minute and a half at most. (A published port takes
# connections before the server does, so an answer has to be waited for, not the port.)
patiently()
{
	local end=$((SECONDS + 90))
	until "$@" >"$work/patiently" 2>&1; do
		[ $SECONDS -lt $end ] || fail "it never worked: $*" "$(cat "$work/patiently")"
		sleep 0.1
	done
}

# matches PATTERN COMMAND...: what the command prints is shown, and a line of it must match (ERE).
matches()
{
	local pattern=$1
	shift
	"$@" >"$work/output" 2>&1 || fail "\$ $*" "$(cat "$work/output")" "(exit status $?)"
	sed -i 's/\r$//; s/.*\r//' "$work/output" # of a line that is written anew, the last state
	grep -qE -e "$pattern" "$work/output" || fail "\$ $*" "$(cat "$work/output")" "(nothing matches $pattern)"
	sed 's/^/    /' "$work/output"
}

# expect TEXT COMMAND...: it prints just that.
expect()
{
	local want=$1 got
	shift
	got=$("$@" 2>&1) || fail "\$ $*" "$got" "(exit status $?)"
	[ "$got" = "$want" ] || fail "\$ $*" "$got" "(not $want)"
	say "$(printf '%s ' "$@" | sed "s#$work/##g; s#^$casemate#casemate#") => $(head -n 3 <<<"$got")"
}
