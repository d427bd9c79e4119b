/* What the host says of memory: the machine's, and an address space's. */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/resource.h>
#include <linux/stat.h>
#include <linux/sysinfo.h>

#include "base/format.h"
#include "base/memory.h"
#include "platform/simulation/host_call.h"
#include "platform/simulation/simulation.h"

#define US_PER_S 1000000L
#define NS_PER_US 1000UL
#define BYTES_MAX (1UL << 52)

void platform_memory_total(uint64_t *ret_total, uint64_t *ret_free)
{
	struct sysinfo info = {0};
	uint64_t total, free;

	if (HOST_CALL(sysinfo, &info, 0, 0, 0, 0, 0) || !info.mem_unit ||
		__builtin_mul_overflow(info.totalram, (uint64_t)info.mem_unit, &total) ||
		__builtin_mul_overflow(
			info.freeram + info.bufferram, (uint64_t)info.mem_unit, &free))
		total = free = 0;
	*ret_total = MIN(MAX(ALIGN_DOWN(total, PAGE_SIZE), PAGE_SIZE), BYTES_MAX);
	*ret_free = MIN(MAX(ALIGN_DOWN(free, PAGE_SIZE), PAGE_SIZE), *ret_total);
}

/* The decimal number at *@at, which moves behind it. */
static uint64_t take_number(const char **at)
{
	uint64_t number = 0;

	while (**at == ' ')
		++*at;
	for (; **at >= '0' && **at <= '9'; ++*at)
		number = MIN(number * 10 + (uint64_t)(**at - '0'), BYTES_MAX);
	return number;
}

static long read_file(const char *path, char *to, size_t size)
{
	long fd = host_check_size(
		HOST_CALL(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0, 0, 0), INT32_MAX);
	long n;

	if (fd < 0)
		return fd;
	n = host_check_size(HOST_CALL(read, fd, to, size, 0, 0, 0), size);
	(void)HOST_CALL(close, fd, 0, 0, 0, 0, 0);
	return n;
}

/* /proc/PID/statm, in pages: size, resident, resident and shared. */
int platform_space_usage(struct thread *thread, uint64_t *ret_private, uint64_t *ret_shared)
{
	struct platform_thread *p = thread->platform;
	char path[32], text[128] = "";
	const char *at = text;
	uint64_t resident, shared;
	long n;

	format_string(
		path, sizeof(path), "/proc/%d/statm", p->host_pid ? p->host_pid : p->host_tid);
	n = read_file(path, text, sizeof(text) - 1);
	if (n < 0)
		return (int)n;
	(void)take_number(&at);
	resident = take_number(&at);
	shared = take_number(&at);
	if (!resident || shared > resident || resident > BYTES_MAX / PAGE_SIZE)
		return -EIO;
	*ret_private = (resident - shared) * PAGE_SIZE;
	*ret_shared = shared * PAGE_SIZE;
	return 0;
}

/* The number of KiB behind @name in @text. */
static uint64_t find_kib(const char *text, const char *name)
{
	size_t size = strlen(name);

	for (const char *at = text; *at; at++)
		if ((at == text || at[-1] == '\n') && !strncmp(at, name, size)) {
			at += size;
			return take_number(&at) * 1024;
		}
	return 0;
}

/* /proc/PID/smaps_rollup. */
int platform_space_share(struct thread *thread, uint64_t *ret_private)
{
	struct platform_thread *p = thread->platform;
	char path[48], text[2048];
	long n;

	format_string(path, sizeof(path), "/proc/%d/smaps_rollup",
		p->host_pid ? p->host_pid : p->host_tid);
	n = read_file(path, text, sizeof(text) - 1);
	if (n < 0)
		return (int)n;
	text[n] = '\0';
	*ret_private = MIN(find_kib(text, "Pss_Anon:"), BYTES_MAX);
	return 0;
}

uint64_t platform_memory_used(void)
{
	struct statx status = {0};

	if (HOST_CALL(statx, simulation_launch.region_fd, "", AT_EMPTY_PATH, STATX_BLOCKS, &status,
		    0) ||
		status.stx_blocks > BYTES_MAX / 512)
		return BYTES_MAX;
	return status.stx_blocks * 512;
}

void platform_space_peak(uint64_t *ret_bytes, uint64_t *ret_faults, uint64_t *ret_system_ns)
{
	struct rusage usage = {0};

	*ret_bytes = *ret_faults = *ret_system_ns = 0;
	if (HOST_CALL(getrusage, RUSAGE_SELF, &usage, 0, 0, 0, 0) || usage.ru_maxrss < 0 ||
		usage.ru_maxrss > INT64_MAX / 1024 || usage.ru_minflt < 0 ||
		usage.ru_stime.tv_sec < 0 || usage.ru_stime.tv_sec > INT32_MAX ||
		usage.ru_stime.tv_usec < 0 || usage.ru_stime.tv_usec >= US_PER_S)
		return;
	*ret_bytes = (uint64_t)usage.ru_maxrss * 1024;
	*ret_faults = (uint64_t)usage.ru_minflt;
	*ret_system_ns =
		(uint64_t)(usage.ru_stime.tv_sec * US_PER_S + usage.ru_stime.tv_usec) * NS_PER_US;
}
