/* When has every processor forgotten a translation? A frame that changes its owner raises a number;
 * a processor that leaves the guest and will flush its TLB before it enters one again takes that
 * number over. No processor is interrupted: a Linux that does not call HC_FLUSH everywhere gets no
 * frames. */
#ifndef HYPERVISOR_FLUSH_H
#define HYPERVISOR_FLUSH_H

#include "base/compiler.h"

struct cpu;

/* Under hypervisor_lock, after the tables were changed. */
void flush_request(void);
/* Has every demoted processor flushed since the last request? Under hypervisor_lock. */
bool flush_is_complete(void);
/* @cpu is outside of any guest; true: its TLB must be flushed when it enters one. */
bool flush_notice(struct cpu *cpu);

#endif
