#include "hypervisor/stop.h"

#include "hypervisor/frames.h"
#include "hypervisor/key.h"
#include "hypervisor/x86/x86.h"

static bool wiped;

void stop_wipe(void)
{
	__atomic_store_n(&wiped, true, __ATOMIC_SEQ_CST);
	key_wipe();
	frames_wipe();
}

bool stop_is_wiped(void)
{
	return __atomic_load_n(&wiped, __ATOMIC_SEQ_CST);
}

#ifdef HYPERVISOR_DEBUG
/* The serial port, for those who test. */
static void say(enum stop_reason reason)
{
	for (const char *c = "\nhypervisor: stop "; *c; c++)
		x86_out(0x3f8, (uint8_t)*c, 1);
	x86_out(0x3f8, '0' + (uint32_t)reason, 1);
	x86_out(0x3f8, '\n', 1);
}
#else
static void say(enum stop_reason reason)
{
	(void)reason;
}
#endif

void stop(enum stop_reason reason)
{
	static const struct descriptor_table nothing;

	stop_wipe();
	say(reason);
	if (reason == STOP_SHUTDOWN || reason == STOP_INVARIANT)
		__asm__ volatile("lidt %0; int3" : : "m"(nothing)); /* a triple fault: reset */
	x86_halt();
}
