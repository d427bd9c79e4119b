# What the LibOS's ELF file may not hold, whatever its sources say.
. "$TOP/tests/checks/lib.sh"

libos=${CASEMATE_LIBOS:-}
if [ ! -f "$libos" ]; then
	echo "not ok 1 - there is a LibOS: $libos"
	echo "1..1"
	exit 1
fi
listing=$SCRATCH/libos.lst
objdump -dw --no-show-raw-insn "$libos" >"$listing"

writable_and_executable()
{
	readelf -lW "$libos" | grep -E '^ +(LOAD|GNU_STACK) .* RWE '
	return 0
}

relocations()
{
	readelf -rW "$libos" | grep -E '^[0-9a-f]{8,}'
	return 0
}

# in_functions PATTERN EXCEPT: the instructions that match, with their function, but for those of EXCEPT.
in_functions()
{
	awk -v pattern="$1" -v except="$2" '
		/^[0-9a-f]+ <.*>:$/ { name = $2; next }
		/^Disassembly of section/ { section = $4 }
		$0 ~ pattern && (name section) !~ except { print section, name, $0 }' "$listing"
}

silent "no segment is writable and executable" writable_and_executable
silent "no relocation is left for load time" relocations
silent "a syscall instruction stands in .text.host_syscall only" \
	in_functions '\t(syscall|sysenter|int +[$]0x80)' '\\.text\\.host_syscall'
silent "no use of %fs" in_functions '%fs' '^$'
silent "vector registers are used by sha256_ only" in_functions '%[xyz]mm[0-9]' '^<sha256_'
size -A "$libos" | awk '/^\./ { sum += $2 } END { print "# LibOS: " sum " bytes in sections" }'
check_done
