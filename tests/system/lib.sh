# For the system tests: the command line as its users see it. tests/run sets TOP, BUILD, CASEMATE and
# SCRATCH, and starts each test in SCRATCH.
# shellcheck shell=bash
set -u
points=0
failures=0

# point NAME CONDITION...: passes if the command CONDITION does; what it printed goes to the report.
point()
{
	local name=$1 output
	shift
	points=$((points + 1))
	if output=$("$@" 2>&1); then
		echo "ok $points - $name"
	else
		failures=$((failures + 1))
		echo "not ok $points - $name"
		printf '%s\n' "$*" "$output" | sed 's/^/# /' | head -n 30
	fi
}

system_done()
{
	echo "1..$points"
	exit $((failures != 0))
}

# is WANTED GOT
is()
{
	[ "$1" = "$2" ] && return
	printf 'expected: %s\ngot:      %s\n' "$1" "$2"
	return 1
}

# exits STATUS COMMAND...
exits()
{
	local want=$1 got
	shift
	"$@" </dev/null
	got=$?
	is "exit status $want" "exit status $got"
}

# says PATTERN COMMAND...: what it prints, to either stream, matches.
says()
{
	local pattern=$1 output
	shift
	output=$("$@" 2>&1 </dev/null)
	grep -qE -e "$pattern" <<<"$output" && return
	printf 'nothing matches: %s\n%s\n' "$pattern" "$output"
	return 1
}

# shell_image NAME [BUILD ARGUMENT...]: an image with a shell and a few programs.
shell_image()
{
	local image=$1
	shift
	"$CASEMATE" build --copy /bin/bash --copy /bin/sh --copy /bin/cat --copy /bin/sleep \
		--copy /bin/ls --copy /usr/bin/env --copy /bin/true --copy /usr/bin/wc \
		--copy /usr/bin/seq --copy /bin/mkdir --copy /usr/bin/id --copy /usr/bin/sha256sum \
		-o "$image" "$@" || {
		echo "not ok 1 - an image for this test"
		echo "1..1"
		exit 1
	}
}
