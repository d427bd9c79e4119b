/* What the demoted Linux asks for (abi/hypervisor.h). Each call first checks all it was given, then
 * acts, and can't fail any more. */
#ifndef HYPERVISOR_HYPERCALL_H
#define HYPERVISOR_HYPERCALL_H

#include "base/compiler.h"

struct cpu;

/* Linux's kernel executed VMMCALL, its arguments are in its registers, and so is the answer. */
void hypercall(struct cpu *cpu);

#endif
