/* For Frama-C's Eva (tests/checks/eva.sh): an exit of Linux's of any kind, with
 * any registers. What a processor writes into a control block is as its manual
 * says; frames and tables, which are proved or walked elsewhere, answer
 * anything. */
#include <__fc_builtin.h>

#include <asm/errno.h>

#include "hypervisor/frames.h"
#include "hypervisor/hypercall.h"
#include "hypervisor/lock.h"
#include "hypervisor/nested.h"
#include "hypervisor/stop.h"
#include "hypervisor/x86/amd/cpu.h"
#include "hypervisor/x86/amd/msr.h"
#include "hypervisor/x86/decode.h"
#include "hypervisor/x86/ports.h"
#include "hypervisor/x86/walk.h"

#define ANY(object) Frama_C_make_unknown((char *)&(object), sizeof(object))
#define ANY_U64(from, to) Frama_C_unsigned_long_interval(from, to)

struct lock hypervisor_lock;

static struct cpu cpu;

bool frames_is_linux(uint64_t frame)
{
	(void)frame;
	return Frama_C_interval(0, 1);
}

int nested_fill(uint64_t address)
{
	(void)address;
	return Frama_C_interval(-ENOMEM, 0);
}

void hypercall(struct cpu *of)
{
	(void)of;
}

size_t walk_read(uint64_t cr3, uint64_t cr4, uint64_t address, void *to, size_t size)
{
	(void)cr3;
	(void)cr4;
	(void)address;
	Frama_C_make_unknown(to, size);
	return size; /* of less: eva.c */
}

void stop_wipe(void)
{
}

void stop(enum stop_reason reason)
{
	(void)reason;
	for (;;)
		;
}

static void handle(uint64_t first, uint64_t last)
{
	hypervisor_lock = (struct lock){0};
	ANY(cpu);
	cpu.linux_vmcb.exit_code = ANY_U64(first, last);
	linux_handle_exit(&cpu);
}

/* @kind: bit 0: in, not out; bit 2: of a string. */
static void handle_port(unsigned int kind, unsigned int size)
{
	ANY(cpu);
	cpu.linux_vmcb.exit_code = EXIT_IO;
	cpu.linux_vmcb.exit_info1 = (ANY_U64(0, UINT16_MAX) << 16) + (size << 4) + kind;
	linux_handle_exit(&cpu);
}

static void handle_ports(void)
{
	static const unsigned int kinds[] = {0, 1, 4, 5};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		handle_port(kinds[i], 1);
		handle_port(kinds[i], 2);
		handle_port(kinds[i], 4);
	}
}

int main(void)
{
	static uint8_t linux_ports[3 * PAGE_SIZE], enclave_ports[3 * PAGE_SIZE];
	static uint8_t linux_msrs[2 * PAGE_SIZE], enclave_msrs[2 * PAGE_SIZE];
	struct hypervisor_ports ports;

	ANY(ports);
	ports_init(&ports, linux_ports, 0, enclave_ports, 0);
	msr_init(linux_msrs, 0, enclave_msrs, 0);
	if (Frama_C_interval(0, 1))
		handle_ports();
	else if (Frama_C_interval(0, 1))
		handle(0, EXIT_IO - 1);
	else
		handle(EXIT_IO + 1, UINT64_MAX);
	return 0;
}
