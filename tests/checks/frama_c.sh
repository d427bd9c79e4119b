# Frama-C proves the contracts of the hypervisor's frames, page tables and of what stands in Linux's (hypervisor/frames.c,
# table.c, entry.h and nested.c, the files that are linked), and with each planted mistake it does not. By itself this
# proves the frames, and of the tables what takes no minutes, and tries a few mistakes; with PROVE=all (`make prove`) it proves all, tries all of them,
# and looks for contracts that contradict themselves.
. "$TOP/tests/checks/lib.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export WHY3CONFIG=$scratch/why3.conf
# What is proved at once, a unit: the file that Frama-C reads, and what of it is proved there.
declare -A unit_file=([frames]=hypervisor/frames.c [tables]=hypervisor/proofs/table.c [maps]=hypervisor/proofs/maps.c)
declare -A unit_proves=([frames]=hypervisor/frames.c [tables]="hypervisor/table.c hypervisor/entry.h"
	[maps]=hypervisor/nested.c)
declare -A unit_headers=([frames]=hypervisor/frames.h [tables]="hypervisor/table.h hypervisor/entry.h")
declare -A unit_prefix=([frames]="frames?" [tables]="(table|entry)")
files=(hypervisor/{frames,memory,table,entry}.h hypervisor/{frames,table,nested}.c hypervisor/proofs/{table,maps}.c
	hypervisor/proofs/maps.h)
# The slowest goal takes less than ten seconds: whatever the machine does besides, it is not given up too early.
includes="-I$TOP -idirafter /usr/include -idirafter /usr/include/$(gcc -print-multiarch)"
includes="$includes -idirafter $(gcc -print-file-name=include)"
options=(-machdep gcc_x86_64 -c11 -wp -wp-rte -wp-model Typed -wp-par 2 -wp-prover "cvc4,z3" -wp-timeout 100)

# functions FILE...: those defined there.
functions()
{
	grep -ohP '^(?!#)[a-z][a-z0-9_ ]*[ *]\K[a-z0-9_]+(?=\((?!.*;$))' "$@" | sort -u
}

# What of the tables takes no minutes.
quick_of_tables()
{
	functions hypervisor/entry.h | paste -sd, |
		sed 's/$/,entry_get,entry_set,index_of,leaf_set,new_table,page_of,table_change,table_look_up/'
}

# What a processor's instructions fill (nested_init), and what only reads, is not proved.
of_maps()
{
	local of=is_ordinary,is_ordinary_2m,nested_forget
	[ "${PROVE:-}" != all ] || of=$of,map_page,map_large,nested_fill
	echo $of
}

# prove ROOT UNIT OPTION...: what Frama-C says of it below ROOT, whose headers come before the project's.
prove()
{
	local root=$1 unit=$2 of
	shift 2
	# shellcheck disable=SC2086
	of=$(functions ${unit_proves[$unit]} | paste -sd,)
	[ "$unit" != frames ] || of=$of,memory_zero
	[ "$unit" != tables ] || [ "${PROVE:-}" = all ] || of=$(quick_of_tables)
	[ "$unit" != maps ] || of=$(of_maps)
	# It looks for headers where it stands, before anywhere else.
	(cd "$root" && frama-c "${options[@]}" -wp-fct "${fct:-$of}" "$@" -cpp-extra-args="-I$root $includes" \
		"${unit_file[$unit]}" 2>&1)
}

# "N / M" goals are proved.
proved()
{
	sed -n 's/^\[wp\] Proved goals: *\([0-9]*\) *\/ *\([0-9]*\)$/\1 \/ \2/p' "$1"
}

holds()
{
	local n m
	prove "$TOP" "$1" >"$scratch/$1.log"
	read -r n _ m <<<"$(proved "$scratch/$1.log")"
	[ -n "${n:-}" ] && [ "$n" = "$m" ] || grep -vE 'Valid|annotating' "$scratch/$1.log" | tail -n 50
}

# A contract that is not read proves nothing.
has_contracts()
{
	# shellcheck disable=SC2086
	grep -ohE "\b${unit_prefix[$1]}_[a-z_]+\(" ${unit_headers[$1]} | sort -u | tr -d '(' | while read -r name; do
		grep -qE "Goal typed_${name}_.*ensures" "$scratch/$1.log" || echo "nothing is ensured of $name"
	done
}

takes_nothing_for_granted()
{
	grep -nE 'axiom|admit|lemma|wp_typed.*assume' "${files[@]}"
}

# Dead code, and what is required, ensured or invariant and can't be: the prover would prove "false".
contradicts_nothing()
{
	prove "$TOP" "$1" -wp-smoke-tests -wp-smoke-timeout 3 >"$scratch/smoke"
	grep -q 'Passed\] Smoke-test' "$scratch/smoke" || echo "no smoke test was made"
	contradictions "$scratch/smoke"
}

contradictions()
{
	grep -E 'Failed\] Smoke-test|Doomed' "$1" || true
}

copy_to()
{
	rm -rf "$1"
	mkdir -p "$1"
	cp --parents "${files[@]}" "$1"
}

# Whoever looks for contradictions finds one.
finds_contradiction()
{
	local root=$scratch/contradiction
	copy_to "$root"
	sed -i 's/requires is_of(frame, FRAME_WINDOW);/requires is_of(frame, FRAME_WINDOW) \&\& frame < 5 \&\& frame > 7;/' \
		"$root/hypervisor/frames.c"
	fct=frame_unshare prove "$root" frames -wp-smoke-tests -wp-smoke-timeout 3 >"$scratch/planted"
	[ -n "$(contradictions "$scratch/planted")" ] || echo "the planted one was not found"
}

# breaks UNIT FUNCTION EXPRESSION FILE: with sed's EXPRESSION on FILE, FUNCTION is not proved.
breaks()
{
	local unit=$1 function=$2 expression=$3 mutated=$4 root=$scratch/mutant n m
	copy_to "$root"
	sed -i "$expression" "$root/$mutated"
	! cmp -s "$mutated" "$root/$mutated" || echo "the expression matches nothing"
	fct=$function prove "$root" "$unit" -wp-timeout 5 >"$scratch/mutant.log"
	read -r n _ m <<<"$(proved "$scratch/mutant.log")"
	if [ -z "${n:-}" ]; then
		tail -n 5 "$scratch/mutant.log"
	elif [ "$n" = "$m" ]; then
		echo "all of $m goals are proved"
	fi
}

# mutant NAME FUNCTION EXPRESSION [FILE]
mutant()
{
	silent "not proved: $1" breaks frames "$2" "$3" "${4:-hypervisor/frames.c}"
}

table_mutant()
{
	silent "not proved: $1" breaks tables "$2" "$3" "${4:-hypervisor/table.c}"
}

map_mutant()
{
	silent "not proved: $1" breaks maps "$2" "$3" hypervisor/nested.c
}

why3 config detect >"$scratch/why3.log" 2>&1 || cat "$scratch/why3.log"
for unit in frames tables maps; do
	silent "the $unit do what their contracts say" holds "$unit"
	echo "# goals proved: $(proved "$scratch/$unit.log")"
	[ "$unit" = maps ] || { [ "$unit" = tables ] && [ "${PROVE:-}" != all ]; } ||
		silent "each function of the $unit has a contract" has_contracts "$unit"
done
silent "nothing is taken for granted" eval '! takes_nothing_for_granted'

mutant "what is not Linux's is donated" frame_donate \
	'/^int frame_donate/,/^}/s/!frames_is_only(frame)/frame >= owner_count/'
mutant "a frame is released as it is" frame_release '/^void frame_release/,/^}/s/memory_zero(frame);//'
map_mutant "another page is forgotten" nested_forget '/^void nested_forget/,/^}/s/frame \* PAGE_SIZE);/(frame + 1) * PAGE_SIZE);/'
table_mutant "a large page is changed as if it were small" table_change \
	'/^void table_change/,/^}/s/if (at.level == 1)/if (at.level <= 2)/'
table_mutant "a page that is held is present" entry_leaf 's/== 1 ? 0 : TABLE_PRESENT/== 1 ? TABLE_PRESENT : 0/' hypervisor/entry.h
if [ "${PROVE:-}" = all ]; then
	silent "no contract of the frames contradicts itself" contradicts_nothing frames
	silent "nor of the tables" contradicts_nothing tables
	silent "nor of the maps" contradicts_nothing maps
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

	table_mutant "a table's frame is an enclave's" new_table '/^static uint32_t new_table/,/^}/s/FRAME_HYPERVISOR/FRAME_ENCLAVE/'
	table_mutant "a table's frame serves nobody" new_table '/^static uint32_t new_table/,/^}/s/, .enclave = enclave//'
	table_mutant "a table names itself" add_table '/^static uint32_t add_table/,/^}/s/entry_link(new_frame,/entry_link(at.frame,/'
	table_mutant "a new table takes the place of what is there" add_table \
		'/^static uint32_t add_table/,/^}/s/entry_is_present(entry_get(at.frame, index))/false/'
	table_mutant "a table is not linked" add_table '/^static uint32_t add_table/,/^}/s/^\tentry_set(at.frame.*//'
	table_mutant "a root is not known" table_init '/^int table_init/,/^}/s/table->root = root;//'
	table_mutant "a large page is walked as a table" walk '/^static struct place walk/,/^}/s/!entry_is_link(entry)/!entry_is_present(entry)/'
	table_mutant "a page is walked as a table" walk '/^static struct place walk/,/^}/s/at.level > least)/at.level >= least)/'
	table_mutant "the way down counts no levels" walk '/^static struct place walk/,/^}/s/at.level--;//'
	table_mutant "a page stands at another's place" index_of '/^static unsigned int index_of/,/^}/s/i < level; i++/i + 1 < level; i++/'
	table_mutant "a page beyond the tables is in them" page_of '/^static uint64_t page_of/,/^}/s/% (1UL << 36)/% (1UL << 45)/'
	table_mutant "a small page is mapped in a large one" table_map '/^int table_map/,/^}/s/if (at.level > level)/if (at.level > 2)/'
	table_mutant "another frame is mapped" table_map '/^int table_map/,/^}/s/physical \/ PAGE_SIZE/physical \/ PAGE_SIZE + 1/'
	table_mutant "a large page replaces a table" table_map '/^int table_map/,/^}/s/level == 2 && entry_is_link(entry)/false/'
	table_mutant "a changed page is another's" table_change '/^void table_change/,/^}/s/entry_frame(entry_get(at.frame, index))/at.frame/'
	table_mutant "a table is looked up as a page" table_look_up \
		'/^uint64_t table_look_up/,/^}/s/walk(table, page, 1)/walk(table, page, 2)/'
	table_mutant "a released table is still named" drop '/^static void drop/,/^}/s/entry_set(frame, index, 0);//'
	table_mutant "the table above is released" drop '/^static void drop/,/^}/s/frame_release(child);/frame_release(frame);/'
	table_mutant "the last entry's table is not released" empty '/^static void empty/,/^}/s/i < ENTRY_COUNT; i++/i < ENTRY_COUNT - 1; i++/'
	table_mutant "a table is released with others below it" empty '/^static void empty/,/^}/s/^\t\tempty(.*//'
	table_mutant "a root is released twice" table_done '/^void table_done/,/^}/s/frame_release(root);/&&/'
	table_mutant "a root is released with tables below it" table_done '/^void table_done/,/^}/s/^\tempty(.*//'
	table_mutant "what is unmapped stays" table_unmap '/^void table_unmap/,/^}/s/leaf_set(at.frame, index, 0);/{}/'
	table_mutant "a link is a large page" entry_link 's/TABLE_USER + TABLE_WRITE + TABLE_PRESENT/TABLE_LARGE + &/' hypervisor/entry.h
	table_mutant "a frame is read with its flags" entry_frame 's/entry \/ PAGE_SIZE % ENTRY_FRAMES/entry \/ PAGE_SIZE/' hypervisor/entry.h

	map_mutant "what is not Linux's is mapped for it" map_page '/^static int map_page/,/^}/s/frame : ones_frame/frame : frame/'
	map_mutant "a frame is mapped at another's address" map_page '/^static int map_page/,/^}/s/shown \* PAGE_SIZE/(shown + 1) * PAGE_SIZE/'
	map_mutant "the first of a large page is not looked at" is_ordinary_2m '/^static bool is_ordinary_2m/,/^}/s/i = 0;/i = 1;/'
	map_mutant "a large page is mapped whosever it is" nested_fill '/^int nested_fill/,/^}/s/ \&\& is_ordinary_2m(first)//'
	map_mutant "an address beyond the tables is another's" nested_fill '/^int nested_fill/,/^}/s/: 1UL << 36/: 1UL << 40/'
fi
check_done
