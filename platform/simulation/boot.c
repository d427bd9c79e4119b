/* The first instructions of an enclave on the simulation, and its last. */
#include <asm/errno.h>

#include "abi/mailbox.h"
#include "base/format.h"
#include "base/memory.h"
#include "platform/upcalls.h"
#include "libos/core/heap.h"
#include "platform/simulation/host_call.h"
#include "platform/simulation/simulation.h"

struct launch simulation_launch;
struct launch_live *simulation_live;

extern char libos_end[];

static void launch_check(const struct launch *launch)
{
	if (launch->magic != LAUNCH_MAGIC || launch->size != sizeof(*launch))
		platform_panic("the launcher and this LibOS are of different versions");
	if (launch->region_free < (uintptr_t)libos_end ||
		launch->region_free > (uintptr_t)libos_end + (64UL << 20) ||
		!IS_ALIGNED(launch->region_free, PAGE_SIZE) || !launch->cpu_count ||
		launch->cpu_count > 4096 || launch->strings_size > sizeof(launch->strings) ||
		launch->mount_count > LAUNCH_MOUNT_COUNT_MAX ||
		launch->port_count > LAUNCH_PORT_COUNT_MAX ||
		launch->name_count > LAUNCH_NAME_COUNT_MAX ||
		!IS_ALIGNED(launch->mailbox, PAGE_SIZE) || launch->mailbox < (uintptr_t)libos_end ||
		launch->mailbox > launch->region_free ||
		launch->region_free - launch->mailbox < sizeof(struct mailbox))
		platform_panic("the launch page makes no sense");
}

void simulation_start(struct launch *untrusted_launch)
{
	uint64_t old;

	memcpy(&simulation_launch, untrusted_launch, sizeof(simulation_launch));
	simulation_live = &untrusted_launch->live;
	launch_check(&simulation_launch);
	heap_init();
	if (simulation_signals_block(&old))
		platform_panic("the host refused to block signals");
	simulation_traps_init();
	libos_boot(&simulation_launch);
	return_to_program();
}

int platform_boot_thread(struct thread *thread)
{
	int r = platform_thread_prepare(thread);

	if (r)
		return r;
	thread->platform->host_pid = (int32_t)HOST_CALL(getpid, 0, 0, 0, 0, 0, 0);
	thread->platform->host_tid = thread->platform->host_pid;
	simulation_thread_adopt(thread);
	platform_space_clear();
	simulation_filter_install();
	simulation_signals_restore(0);
	return 0;
}

uint32_t platform_host_signals_take(void)
{
	return __atomic_exchange_n(&simulation_live->host_signals, 0, __ATOMIC_ACQ_REL);
}

uint32_t *platform_doorbell(void)
{
	return &simulation_live->doorbell;
}

struct mailbox *platform_mailbox(void)
{
	return (struct mailbox *)simulation_launch.mailbox;
}

void platform_host_notify(void)
{
	uint64_t one = 1;

	if (simulation_launch.notify_fd >= 0)
		(void)HOST_CALL(write, simulation_launch.notify_fd, &one, sizeof(one), 0, 0, 0);
}

int32_t platform_thread_host_process(const struct thread *thread)
{
	return thread->platform->host_pid;
}

bool platform_is_protected(void)
{
	return false;
}

void platform_enclave_exit(int status)
{
	simulation_live->exit_status = status;
	__atomic_store_n(&simulation_live->done, 1, __ATOMIC_RELEASE);
	for (;;)
		(void)HOST_CALL(exit_group, 0, 0, 0, 0, 0, 0);
}

void platform_panic(const char *why)
{
	char line[320];
	size_t n = format_string(line, sizeof(line), "casemate: the LibOS stops: %s\n", why);

	platform_log(line, MIN(n, sizeof(line) - 1));
	if (!simulation_live)
		(void)HOST_CALL(exit_group, 125, 0, 0, 0, 0, 0);
	platform_enclave_exit(125 << 8);
}
