# For the checks: each runs a command over the sources, and passes if it prints nothing.
# shellcheck shell=bash
set -u
cd "$TOP" || exit 1
check_points=0
check_failures=0

# sources PATTERN...: the files of the project that match, not what it builds or takes from elsewhere.
sources()
{
	git ls-files -co --exclude-standard -- "$@" | grep -v '^third_party/' | while read -r file; do
		[ ! -f "$file" ] || echo "$file"
	done
}

# silent NAME COMMAND...: a point that fails if the command prints anything, or fails silently.
silent()
{
	local name=$1 output status
	shift
	output=$("$@" 2>&1)
	status=$?
	check_points=$((check_points + 1))
	if [ -z "$output" ] && [ $status -eq 0 ]; then
		echo "ok $check_points - $name"
		return
	fi
	check_failures=$((check_failures + 1))
	echo "not ok $check_points - $name"
	printf '%s\n' "${output:-exit status $status}" | sed 's/^/# /' | head -n 60
}

check_done()
{
	echo "1..$check_points"
	exit $((check_failures != 0))
}
