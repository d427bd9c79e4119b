# Frama-C proves the contracts of the hypervisor's frames (hypervisor/frames.c, the file that is linked), and
# with each planted mistake it does not. By itself this proves all and tries a few mistakes; with PROVE=all
# (`make prove`) it tries all of them, and looks for contracts that contradict themselves.
. "$TOP/tests/checks/lib.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export WHY3CONFIG=$scratch/why3.conf
file=hypervisor/frames.c
# The slowest goal takes less than three seconds: whatever the machine does besides, it is not given up too early.
includes="-I$TOP -idirafter /usr/include -idirafter /usr/include/$(gcc -print-multiarch)"
includes="$includes -idirafter $(gcc -print-file-name=include)"
options=(-machdep gcc_x86_64 -c11 -wp -wp-rte -wp-model Typed -wp-par 2 -wp-prover "cvc4,z3" -wp-timeout 100)

# prove ROOT OPTION...: what Frama-C says of the file below ROOT, whose headers come before the project's.
prove()
{
	local root=$1
	shift
	# It looks for headers where it stands, before anywhere else.
	(cd "$root" && frama-c "${options[@]}" "$@" -cpp-extra-args="-I$root $includes" "$file" 2>&1)
}

# "N / M" goals are proved.
proved()
{
	sed -n 's/^\[wp\] Proved goals: *\([0-9]*\) *\/ *\([0-9]*\)$/\1 \/ \2/p' "$1"
}

holds()
{
	local n m
	prove "$TOP" >"$scratch/log"
	read -r n _ m <<<"$(proved "$scratch/log")"
	[ -n "${n:-}" ] && [ "$n" = "$m" ] || grep -vE 'Valid|annotating' "$scratch/log" | tail -n 50
}

# A contract that is not read proves nothing.
has_contracts()
{
	grep -ohE '\bframes?_[a-z_]+\(' hypervisor/frames.h | sort -u | tr -d '(' | while read -r name; do
		grep -qE "Goal typed_${name}_.*ensures" "$scratch/log" || echo "nothing is ensured of $name"
	done
}

takes_nothing_for_granted()
{
	grep -nE 'axiom|admit|lemma|wp_typed.*assume' "$file" hypervisor/memory.h
}

# Dead code, and what is required, ensured or invariant and can't be: the prover would prove "false".
contradicts_nothing()
{
	prove "$TOP" -wp-smoke-tests -wp-smoke-timeout 3 >"$scratch/smoke"
	grep -q 'Passed\] Smoke-test' "$scratch/smoke" || echo "no smoke test was made"
	contradictions "$scratch/smoke"
}

contradictions()
{
	grep -E 'Failed\] Smoke-test|Doomed' "$1" || true
}

# Whoever looks for contradictions finds one.
finds_contradiction()
{
	local root=$scratch/contradiction
	mkdir -p "$root/hypervisor"
	cp "$file" hypervisor/frames.h hypervisor/memory.h "$root/hypervisor/"
	sed -i 's/requires is_of(frame, FRAME_WINDOW);/requires is_of(frame, FRAME_WINDOW) \&\& frame < 5 \&\& frame > 7;/' \
		"$root/$file"
	prove "$root" -wp-fct frame_unshare -wp-smoke-tests -wp-smoke-timeout 3 >"$scratch/planted"
	[ -n "$(contradictions "$scratch/planted")" ] || echo "the planted one was not found"
}

# breaks FUNCTION EXPRESSION [FILE]: with sed's EXPRESSION on FILE, FUNCTION is not proved.
breaks()
{
	local function=$1 expression=$2 mutated=${3:-$file} root=$scratch/mutant n m
	rm -rf "$root"
	mkdir -p "$root/hypervisor"
	cp "$file" hypervisor/frames.h hypervisor/memory.h "$root/hypervisor/"
	sed -i "$expression" "$root/$mutated"
	! cmp -s "$mutated" "$root/$mutated" || echo "the expression matches nothing"
	prove "$root" -wp-fct "$function" -wp-timeout 5 >"$scratch/mutant.log"
	read -r n _ m <<<"$(proved "$scratch/mutant.log")"
	if [ -z "${n:-}" ]; then
		tail -n 5 "$scratch/mutant.log"
	elif [ "$n" = "$m" ]; then
		echo "all of $m goals are proved"
	fi
}

mutant()
{
	silent "not proved: $1" breaks "${@:2}"
}

why3 config detect >"$scratch/why3.log" 2>&1 || cat "$scratch/why3.log"
silent "$file does what its contracts say" holds
echo "# goals proved: $(proved "$scratch/log")"
silent "each function has a contract" has_contracts
silent "nothing is taken for granted" eval '! takes_nothing_for_granted'

mutant "what is not Linux's is donated" frame_donate \
	'/^int frame_donate/,/^}/s/!frames_is_only(frame)/frame >= owner_count/'
mutant "a frame is released as it is" frame_release '/^void frame_release/,/^}/s/memory_zero(frame);//'
if [ "${PROVE:-}" = all ]; then
	silent "no contract contradicts itself" contradicts_nothing
	silent "one that does is found" finds_contradiction
	mutant "the array is read one beyond its end" frames_is_memory \
		'/^bool frames_is_memory/,/^}/s/frame < owner_count/frame <= owner_count/'
	mutant "what a window shows is given away" frames_is_only '/^bool frames_is_only/,/^}/s/FRAME_LINUX/FRAME_WINDOW/'
	mutant "a frame that is not Linux's alone is shared" frame_share \
		'/^int frame_share/,/^}/s/!frames_is_only(frame)/!frames_is_memory(frame)/'
	mutant "a window's frame comes back as free" frame_unshare '/^void frame_unshare/,/^}/s/FRAME_LINUX/FRAME_FREE/'
	mutant "what is beyond the array is refused to Linux" frames_is_linux \
		'/^bool frames_is_linux/,/^}/s/frame >= owner_count/frame > owner_count/'
	mutant "incoming frames are Linux's" frames_is_linux \
		'/^bool frames_is_linux/,/^}/s/FRAME_DEVICE/FRAME_INCOMING/'
	mutant "hidden registers are Linux's" frames_is_linux '/^bool frames_is_linux/,/^}/s/is_hidden(frame)/false/'
	mutant "the last hidden range is forgotten" is_hidden \
		'/^static bool is_hidden/,/^}/s/i < hidden_count/i + 1 < hidden_count/'
	mutant "one range too many is hidden" frames_hide \
		'/^int frames_hide/,/^}/s/hidden_count == FRAMES_HIDDEN_MAX/hidden_count > FRAMES_HIDDEN_MAX/'
	mutant "memory is added to what is in use" frames_add_ram \
		'/^void frames_add_ram/,/^}/s/if (owners\[i\].kind == FRAME_DEVICE)/if (owners[i].kind != FRAME_LINUX)/'
	mutant "a range of memory is one frame too long" frames_add_ram \
		'/^void frames_add_ram/,/^}/s/i - first < count/i - first <= count/'
	mutant "the array may have a frame with the number of none" frames_init \
		'/^void frames_init/,/^}/s/MIN(count, (uint64_t)FRAME_NONE)/count/'
	mutant "a frame that is reserved is as it was" frame_claim '/^int frame_claim/,/^}/s/memory_zero(frame);//'
	mutant "what a window shows is claimed" frame_claim \
		'/^int frame_claim/,/^}/s/!frames_is_only(frame)/!frames_is_memory(frame)/'
	mutant "what is donated is free at once" frame_donate '/^int frame_donate/,/^}/s/push(FRAME_INCOMING/push(FRAME_FREE/'
	mutant "what settles is as Linux left it" frames_settle '/^void frames_settle/,/^}/s/memory_zero(frame);//'
	mutant "what settles is Linux's again" frames_settle \
		'/^void frames_settle/,/^}/s/push(FRAME_FREE, frame);/set(frame, (struct frame){.kind = FRAME_LINUX});/'
	mutant "a frame stays in its list" pop '/^static uint32_t pop/,/^}/s/first_of\[kind\] = owners.*//'
	mutant "a frame enters a list without its rest" push '/^static void push/,/^}/s/, .page = first_of\[kind\]//'
	mutant "the owner is not written" pop '/^static uint32_t pop/,/^}/s/set(frame, owner);//'
	mutant "an empty list is taken from" frame_take \
		'/^int frame_take/,/^}/s/first_of\[kind\] == FRAME_NONE/first_of[FRAME_RESERVED] == FRAME_NONE/'
	mutant "a reserved frame is returned" frame_return '/^int frame_return/,/^}/s/pop(FRAME_FREE/pop(FRAME_RESERVED/'
	mutant "a returned frame is still the hypervisor's" frame_return '/^int frame_return/,/^}/s/FRAME_LINUX/FRAME_HYPERVISOR/'
	mutant "frames that serve an enclave are not wiped" frames_wipe \
		'/^void frames_wipe/,/^}/s/owners\[i\].enclave && owners\[i\].kind != FRAME_WINDOW/owners[i].kind == FRAME_ENCLAVE/'
	mutant "the first frame is not wiped" frames_wipe '/^void frames_wipe/,/^}/s/i = 0;/i = 1;/'
	mutant "another enclave's frame is found" frames_next_of \
		'/^uint32_t frames_next_of/,/^}/s/owners\[i\].enclave == enclave/owners[i].enclave/'
	mutant "the last word is not zeroed" memory_zero 's/i < FRAME_WORDS; i++/i < FRAME_WORDS - 1; i++/' hypervisor/memory.h
fi
check_done
