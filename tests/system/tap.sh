# TAP for shell tests: source it, then
#	check "what must hold" command...
#	check_fails "what must fail" STATUS "words on standard error" command...
#	tap_done
tap_count=0
tap_failures=0

tap_result() {
	tap_count=$((tap_count + 1))
	if [ "$1" = 0 ]; then
		echo "ok $tap_count - $2"
	else
		echo "not ok $tap_count - $2"
		tap_failures=$((tap_failures + 1))
	fi
}

check() {
	tap_what=$1
	shift
	if tap_output=$("$@" 2>&1); then
		tap_result 0 "$tap_what"
	else
		tap_result 1 "$tap_what"
		printf '%s\n' "$tap_output" | sed 's/^/# /'
	fi
}

check_fails() {
	tap_what=$1 tap_status=$2 tap_words=$3
	shift 3
	tap_output=$("$@" 2>&1 >/dev/null)
	tap_got=$?
	case $tap_output in
	*"$tap_words"*) tap_found=0 ;;
	*) tap_found=1 ;;
	esac
	if [ "$tap_got" = "$tap_status" ] && [ "$tap_found" = 0 ]; then
		tap_result 0 "$tap_what"
	else
		tap_result 1 "$tap_what"
		echo "# status $tap_got, not $tap_status; or no \"$tap_words\" in: $tap_output"
	fi
}

tap_skip() {
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1 # SKIP $2"
}

tap_done() {
	echo "1..$tap_count"
	[ "$tap_failures" = 0 ]
}
