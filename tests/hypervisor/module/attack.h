/* What the attacker's kernel module does for the attacks. */
#ifndef TESTS_HYPERVISOR_MODULE_ATTACK_H
#define TESTS_HYPERVISOR_MODULE_ATTACK_H

#include <linux/ioctl.h>
#include <stdint.h>

struct attack {
	uint64_t a, b, c;
	int64_t result;
};

/* Look in all of memory for the two words a, ~b in a row: result = how often; c = the last address.
 * (The question must not be what is found.) */
#define ATTACK_SCAN _IOWR('A', 0, struct attack)
/* Put those two words into a page of the kernel's, as a secret that nothing protects: c = its
 * address. */
#define ATTACK_PLANT _IOWR('A', 1, struct attack)
/* The word at physical address a: b. result: 0, or -EFAULT when reading it faults. */
#define ATTACK_READ _IOWR('A', 2, struct attack)
/* Write b to physical address a. */
#define ATTACK_WRITE _IOWR('A', 3, struct attack)
/* MSR a: read to b; write b. result: 0 or -EIO. */
#define ATTACK_RDMSR _IOWR('A', 4, struct attack)
#define ATTACK_WRMSR _IOWR('A', 5, struct attack)
/* VMMCALL with rax = a, rdi = b, rsi = c, rdx = result. */
#define ATTACK_HYPERCALL _IOWR('A', 6, struct attack)
/* Write ICR: destination a, low half b; then is that processor (number c) still there? result: 1.
 */
#define ATTACK_ICR _IOWR('A', 7, struct attack)
/* VMRUN, VMLOAD, VMSAVE, STGI, CLGI, SKINIT, INVLPGA by number a. result: 0, or -EFAULT: it
 * faulted. */
#define ATTACK_SVM _IOWR('A', 8, struct attack)
/* The physical address of page a of the hypervisor's image as Linux mapped it at b. */
#define ATTACK_LOOK_UP _IOWR('A', 9, struct attack)
/* Physical address of an empty page for arguments: a; and its words 0..2: a write of b, c. */
#define ATTACK_PAGE _IOWR('A', 10, struct attack)
/* A device (QEMU's edu) reads the word at physical address a: b, result 1; or result 0: it got
 * nothing. -ENODEV: there is no such device. */
#define ATTACK_DMA_READ _IOWR('A', 11, struct attack)
/* The device writes the word b there; result 0 says only that it tried. */
#define ATTACK_DMA_WRITE _IOWR('A', 12, struct attack)
/* The next page at or after physical address a that reads as ones and is not to be
 * written: c, result 1. */
#define ATTACK_NEXT_HIDDEN _IOWR('A', 13, struct attack)
/* Lift Linux's own restriction of /dev/mem (a: 1), or put it back. */
#define ATTACK_DEVMEM _IOWR('A', 14, struct attack)
/* Breakpoints of the processors: where a (if it is not 0) is executed, and where the 8 bytes at b
 * are written.
 * ATTACK_WATCHED takes them away: result = how often Linux heard of one. */
#define ATTACK_WATCH _IOWR('A', 15, struct attack)
#define ATTACK_WATCHED _IOWR('A', 16, struct attack)
/* Enter enclave a at TCS b, with command c, single-stepping: c = its answer, result = how many
 * steps Linux heard of (of an enclave 0: of three instructions of its own). */
#define ATTACK_STEP _IOWR('A', 17, struct attack)
/* How many ticks of the time stamp counter something takes at least, by result, which is then that.
 * Enclave a, at TCS b, with command c, which answers with the counter: b = from here to there. */
#define ATTACK_COST _IOWR('A', 18, struct attack)
/* Say at the next panic, as a point of the tests, whether the driver had everything wiped. */
#define ATTACK_PANIC _IOWR('A', 19, struct attack)

enum attack_cost {
	ATTACK_COST_NOTHING,
	ATTACK_COST_CPUID, /* an exit that is answered at once */
	ATTACK_COST_APIC,  /* one that is decoded: a write to the local APIC */
	ATTACK_COST_CALL,  /* the hypercall that does nothing */
	ATTACK_COST_ENTER,
};

#endif
