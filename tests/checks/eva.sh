# Frama-C's Eva follows the hypervisor's C (the files that are linked) from what proofs/eva*.c call it with, which is
# any bytes and registers, and finds nothing that C leaves undefined: no access beyond an object, no number that was
# never set, no shift too far. Each planted mistake is found. With PROVE=all (`make prove`) it tries more of them.
. "$TOP/tests/checks/lib.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
includes="-idirafter /usr/include -idirafter /usr/include/$(gcc -print-multiarch)"
includes="$includes -idirafter $(gcc -print-file-name=include)"

# eva OPTION...: what it says of the files below the present directory, whose headers come before the project's.
eva()
{
	frama-c -machdep gcc_x86_64 -c11 -cpp-extra-args="-include $TOP/hypervisor/proofs/eva.h ${more:-} -I. -I$TOP $includes" \
		-eva "$@" 2>&1
}

of_bytes()
{
	eva -eva-precision 4 -eva-use-spec x86_cpuid,x86_rdrand hypervisor/proofs/eva.c \
		hypervisor/x86/{decode,ports,walk}.c hypervisor/{hmac,key,signature}.c crypto/sha256.c
}

# Its long loops are few and plain, and too many to go through one by one.
of_signatures()
{
	eva -main verify_signature -eva-precision 2 -eva-slevel 1000 -eva-slevel-function multiply:0 -eva-split-return auto \
		hypervisor/proofs/eva.c hypervisor/x86/{decode,ports,walk}.c hypervisor/{hmac,key,signature}.c crypto/sha256.c
}

of_exits()
{
	eva -eva-precision 4 -eva-use-spec x86_cpuid,x86_rdmsr hypervisor/proofs/eva_exits.c \
		hypervisor/x86/amd/{cpu,linux,msr}.c hypervisor/x86/{apic,decode,ports}.c
}

# What a function answers is followed apart, as far as there is room for it. Contracts that are written in the words of
# others (frama_c.sh reads those files as one) are passed over.
of_calls()
{
	local more="-include $TOP/hypervisor/proofs/eva_calls.h"
	local room=iommu_init:400,init_iommus:100,enclave_create:60,enclave_add:60,enclave_init:60,add:10,check_secs:60
	eva -eva-precision 2 -eva-use-spec x86_wrmsr -eva-split-return full -eva-slevel 12 -eva-slevel-function $room \
		-eva-auto-loop-unroll 18 -kernel-warn-key annot-error=inactive hypervisor/proofs/eva_calls.c \
		hypervisor/{enclave_call,flush,hypercall,nested,page,window}.c hypervisor/x86/amd/iommu.c
}

# alarms ENTRY: of_ENTRY's, in one line each. One is known: the hash copies no bytes from one beyond its input's end,
# which C allows and the contract that Frama-C has of memcpy does not.
alarms()
{
	"of_$1" >"$scratch/log"
	grep -q 'eva. done for function' "$scratch/log" || tail -n 5 "$scratch/log"
	grep -A2 'eva:alarm' "$scratch/log" | tr -d '\n' | sed 's/\[eva:alarm\]/\n&/g' | grep 'eva:alarm' |
		grep -vE "crypto/sha256.c:[0-9]+: Warning: +function memcpy: precondition 'valid_src'" || true
}

# Of code that is never reached nothing is said.
reaches()
{
	local percent
	percent=$(sed -n 's/.*statements reached (out of [0-9]*): \([0-9]*\)% coverage.*/\1/p' "$scratch/log")
	[ "${percent:-0}" -ge 90 ] || echo "of what is analysed, $percent% is reached"
}

# finds ENTRY FILE EXPRESSION: with sed's EXPRESSION on FILE, there is an alarm.
finds()
{
	local root=$scratch/mutant
	rm -rf "$root"
	mkdir -p "$root"
	cp -r abi base crypto hypervisor "$root"
	sed -i "$3" "$root/$2"
	! cmp -s "$2" "$root/$2" || echo "the expression matches nothing"
	(cd "$root" && alarms "$1" >"$scratch/mutant.log")
	grep -q 'eva:alarm' "$scratch/mutant.log" || echo "nothing is found"
}

mutant()
{
	silent "found: $1" finds "${@:2}"
}

cd "$TOP" || exit 1
for entry in bytes signatures exits calls; do
	silent "nothing undefined in what is done with $entry" alarms $entry
	silent "which is followed to its end: $entry" reaches
done

mutant "a byte behind an instruction" bytes hypervisor/x86/decode.c 's/c->at == c->end/c->at > c->end/'
mutant "a register that there is not" exits hypervisor/x86/amd/linux.c 's/return all\[number\];/return all[number + 1];/'
mutant "a request over the end of its frame" calls hypervisor/linux_memory.h '0,/offset > PAGE_SIZE - size || /s///'
if [ "${PROVE:-}" = all ]; then
	mutant "a list longer than a frame" calls hypervisor/hypercall.c 's/MIN(count, HC_LIST_COUNT_MAX)/count/'
	mutant "a thread too many" calls hypervisor/enclave.c \
		's/thread_count >= HYPERVISOR_THREAD_COUNT_MAX/thread_count > HYPERVISOR_THREAD_COUNT_MAX/'
	mutant "an enclave that there is not" calls hypervisor/enclave.c 's/number > ARRAY_SIZE/number > 1 + ARRAY_SIZE/'
	mutant "an answer over the end of a page" calls hypervisor/enclave.c 's/ || within > PAGE_SIZE - size//'
	mutant "a page of no memory" calls hypervisor/enclave.c 's/ || !frames_is_memory(source)//'
	mutant "a page table of nobody's" bytes hypervisor/x86/walk.c '0,/if (!frames_is_memory(frame))/s//if (!frame)/'
	mutant "more of a page than there is room for" bytes hypervisor/x86/walk.c \
		's/MIN(size - done, PAGE_SIZE - at % PAGE_SIZE)/PAGE_SIZE - at % PAGE_SIZE/'
	mutant "the frame of a walk that failed" bytes hypervisor/x86/walk.c 's/\*ret_frame = frame;//'
	mutant "a limb beyond a product" signatures hypervisor/signature.c 's/limbs\[i + LIMBS\]/limbs[i + LIMBS + 1]/'
	mutant "a square that was not made" signatures hypervisor/signature.c 's/!multiply_mod(&s, &s, &m, &q1, &square) ||//'
	mutant "a byte too many of a port's write" exits hypervisor/x86/ports.c 's/if (i >= size)/if (i > size)/'
	mutant "a permission beyond its map" exits hypervisor/x86/amd/msr.c 's/0x1000 : 0x800/0x2000 : 0x800/'
fi
check_done
