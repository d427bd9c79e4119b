#include "libos/syscalls/trace_stats.h"

#include "libos/syscalls/trace_value.h"
#include "platform/platform.h"

#define UNKNOWN SYSCALL_NR_MAX /* where all numbers without a call are counted */

struct counter {
	uint64_t calls, errors, ns;
};

static struct counter counters[SYSCALL_NR_MAX + 1];

void trace_stats_add(uint64_t nr, bool has_failed, uint64_t duration_ns)
{
	struct counter *counter = &counters[MIN(nr, (uint64_t)UNKNOWN)];

	__atomic_add_fetch(&counter->calls, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&counter->errors, has_failed, __ATOMIC_RELAXED);
	__atomic_add_fetch(&counter->ns, duration_ns, __ATOMIC_RELAXED);
}

static void print(const char *text)
{
	struct trace_line line = {.length = 0};

	trace_put(&line, "%s\n", text);
	platform_trace(line.text, line.length);
}

static void print_counter(const struct counter *counter, uint64_t total_ns, const char *name)
{
	struct trace_line line = {.length = 0};
	uint64_t share = total_ns ? counter->ns * 10000 / total_ns : 0;

	trace_put(&line, "%3lu.%02lu %4lu.%06lu %11lu %9lu ", share / 100, share % 100,
		counter->ns / 1000000000, counter->ns / 1000 % 1000000,
		counter->ns / 1000 / counter->calls, counter->calls);
	if (counter->errors)
		trace_put(&line, "%9lu %s", counter->errors, name);
	else
		trace_put(&line, "%9s %s", "", name);
	trace_put(&line, "\n");
	platform_trace(line.text, line.length);
}

/* The one that took longest of those not printed yet; -1: none is left. */
static int find_next(const struct counter *all, const bool *printed)
{
	int found = -1;

	for (int i = 0; i <= UNKNOWN; i++)
		if (!printed[i] && all[i].calls && (found < 0 || all[i].ns > all[found].ns))
			found = i;
	return found;
}

void trace_stats_print(void)
{
	static const char rule[] =
		"------ ----------- ----------- --------- --------- ----------------";
	bool printed[UNKNOWN + 1] = {false};
	struct counter total = {0};
	int nr;

	for (nr = 0; nr <= UNKNOWN; nr++) {
		total.calls += counters[nr].calls;
		total.errors += counters[nr].errors;
		total.ns += counters[nr].ns;
	}
	print("% time     seconds  usecs/call     calls    errors syscall");
	print(rule);
	while ((nr = find_next(counters, printed)) >= 0) {
		printed[nr] = true;
		print_counter(&counters[nr], total.ns,
			nr == UNKNOWN || !syscall_table[nr].name ? "(no call)"
								 : syscall_table[nr].name);
	}
	print(rule);
	if (total.calls)
		print_counter(&total, total.ns, "total");
}
