/* What a thread asked of the scheduler: sched(7). The host's scheduler is told the processors only.
 */
#ifndef LIBOS_PROCESSES_SCHED_H
#define LIBOS_PROCESSES_SCHED_H

#include "base/compiler.h"

#define SCHEDULE_CPU_COUNT_MAX 1024
#define SCHEDULE_MASK_WORDS (SCHEDULE_CPU_COUNT_MAX / 64)

struct thread_schedule {
	uint32_t policy;  /* SCHED_* */
	int32_t priority; /* of FIFO and RR, else 0 */
	int32_t nice;     /* -20..19 */
	uint16_t ioprio;  /* ioprio_set(2); 0 = never set */
	bool reset_on_fork;
	bool has_mask; /* else: all processors */
	uint64_t mask[SCHEDULE_MASK_WORDS];
};

void schedule_inherit(struct thread_schedule *child, const struct thread_schedule *parent);

#endif
