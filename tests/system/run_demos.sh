# Each folder of demos/ does what it promises, from any directory, and leaves nothing behind.
. "$TOP/tests/system/lib.sh"
export TMPDIR=$SCRATCH/tmp XDG_RUNTIME_DIR=$SCRATCH/run
mkdir -p "$TMPDIR" "$XDG_RUNTIME_DIR"

has_worked()
{
	cat "$1.out"
	is "exit status 0" "exit status $status" && grep -qx "$1: it worked" "$1.out"
}

nothing_is_left()
{
	is "" "$(ls -A "$TMPDIR")" && is 1 "$("$CASEMATE" ps -a | wc -l)"
}

is_documented()
{
	grep -qF "demos/$1/run.sh" "$TOP/demos/$1/README.md" && grep -qF "$1: it worked" "$TOP/demos/$1/README.md"
}

for demo in "$TOP"/demos/*/; do
	name=$(basename "$demo")
	"${demo}run.sh" </dev/null >"$name.out" 2>&1
	status=$?
	if [ $status -eq 77 ]; then
		points=$((points + 1))
		echo "ok $points - $name # SKIP $(tail -n 1 "$name.out")"
		continue
	fi
	point "$name" has_worked "$name"
	point "$name leaves nothing behind" nothing_is_left
	point "$name is documented" is_documented "$name"
done

# wrong COMMANDS: a demonstration of cat that sees something else than it was to see.
wrong()
{
	mkdir -p wrong
	printf '%s\n' ". '$TOP/demos/lib.sh'" 'build --copy /bin/cat' "$*" worked >wrong/run.sh
	bash wrong/run.sh
}

point "what is not as expected is a failure" exits 1 wrong 'expect one run -- cat <<<two'
point "so is what does not match" exits 1 wrong 'matches one run -- cat <<<two'
point "so is a program that fails" exits 1 wrong 'matches . run -- cat /nosuch'
point "so is a server that is killed, when it should have ended" exits 1 wrong 'start -- cat /dev/zero; stop'
point "a program that is not installed is told" exits 77 wrong 'needs /nosuch'
point "what fails leaves nothing behind" nothing_is_left
system_done
