# What the tests inside the guest share. Each point is one line that starts with "@@ ", so that what the
# kernel prints meanwhile does no harm.
# shellcheck shell=sh

# passes NAME COMMAND...: the command succeeds.
passes()
{
	name=$1
	shift
	if output=$("$@" 2>&1); then
		echo "@@ ok - $name"
	else
		echo "@@ not ok - $name"
		echo "$output" | sed 's/^/@@ # /'
	fi
}

# fails NAME TEXT COMMAND...: it fails, and says so with TEXT.
fails()
{
	name=$1
	text=$2
	shift 2
	if output=$("$@" 2>&1); then
		echo "@@ not ok - $name"
		echo "@@ # it succeeded: $output"
	elif echo "$output" | grep -q -- "$text"; then
		echo "@@ ok - $name"
	else
		echo "@@ not ok - $name"
		echo "$output" | sed 's/^/@@ # /'
	fi
}

processors()
{
	grep -c '^processor' /proc/cpuinfo
}

is_off()
{
	[ "$(casemate hypervisor status)" = off ]
}

has_processors()
{
	casemate hypervisor status | grep -q "^processors *$1\$"
}
