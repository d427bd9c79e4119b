/* Model-specific registers that Linux may not have as it likes: those of SVM, those that say where
 * memory is, those that send INIT. A write of what stands there already is carried out by doing
 * nothing; any other one raises #GP, as the manual has it for a bit that is reserved. */
#ifndef HYPERVISOR_X86_AMD_MSR_H
#define HYPERVISOR_X86_AMD_MSR_H

#include "base/compiler.h"

struct cpu;

/* The permission maps (APM volume 2, 15.11): two frames each, zero. */
void msr_init(
	uint8_t *linux_map, uint64_t linux_address, uint8_t *enclave_map, uint64_t enclave_address);
uint64_t msr_linux_map(void);
uint64_t msr_enclave_map(void);

/* Linux executed RDMSR or WRMSR on a register that its map names. */
void msr_handle_exit(struct cpu *cpu);

#endif
