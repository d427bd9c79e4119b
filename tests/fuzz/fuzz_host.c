/* The host lies: every answer of a host call, its result and the bytes it writes, comes from the
 * fuzzer, and each platform_* function that asks the host must still keep its promises. The fake
 * host writes only where the real one may; the sanitizers see whether a lie about a size is
 * believed. */
#include <asm/unistd.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include "abi/quoting.h"
#include "libos/core/heap.h"
#include "platform/simulation/host_call.h"
#include "platform/simulation/simulation.h"
#include "tests/fuzz/fuzz.h"

#define BUFFER_SIZE 512UL
#define GUARD 0xa5
#define ENTRY_COUNT 8
#define POLL_COUNT 5
#define EPOLL_REPORTED 0x23dfU /* all that epoll(7) reports */
#define ERRNO_MAX 4095
#define CALL_COUNT_MAX                                                                             \
	2000 /* an endless dialogue is the host's right; the fuzzer's time is not                  \
	      */

struct launch simulation_launch;
struct thread *thread_current_hosted;

static const uint8_t *input;
static size_t input_left;
static unsigned int call_count;
static jmp_buf on_end;

/* ---- What the functions under test stand on ---- */

void platform_panic(const char *why)
{
	(void)why;
	longjmp(on_end, 1); /* stopping the enclave is an honest answer to a lie */
}

/* What an end by longjmp leaves behind is freed after it. */
static void *objects[16];

void *heap_alloc(size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
		if (!objects[i])
			return objects[i] = calloc(1, size);
	return NULL;
}

void *heap_alloc_uncleared(size_t size)
{
	return heap_alloc(size);
}

void heap_free(void *object)
{
	for (size_t i = 0; object && i < ARRAY_SIZE(objects); i++)
		if (objects[i] == object)
			objects[i] = NULL;
	free(object);
}

static void free_objects(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
		heap_free(objects[i]);
}

void lock_acquire_slow(struct lock *lock)
{
	lock->state = 1; /* left held by a longjmp */
}

void lock_release_slow(struct lock *lock)
{
	(void)lock;
}

/* ---- The lying host ---- */

static void take(void *to, size_t size)
{
	size_t n = MIN(size, input_left);

	memcpy(to, input, n);
	memset((uint8_t *)to + n, 0, size - n);
	input += n;
	input_left -= n;
}

static uint64_t take_number(void)
{
	uint64_t number;

	take(&number, sizeof(number));
	return number;
}

static uint8_t take_byte(void)
{
	uint8_t byte;

	take(&byte, 1);
	return byte;
}

/* Bytes of the fuzzer at the start of a buffer, as many as it likes. */
static void lie_into(uint64_t address, uint64_t size)
{
	uint64_t count = take_byte() * 2U;

	if (address)
		take((uint8_t *)address, MIN(size, count));
}

static void lie_into_polls(uint64_t address, uint64_t count)
{
	struct platform_host_poll *polls = (struct platform_host_poll *)address;

	for (uint64_t i = 0; i < count; i++)
		take(&polls[i].ready, sizeof(polls[i].ready));
}

/* A socket's address, and how long it would have been. */
static void lie_into_address(uint64_t address, uint64_t length)
{
	uint32_t *size = (uint32_t *)length;

	if (!address)
		return;
	lie_into(address, *size);
	take(size, sizeof(*size));
}

/* Where the kernel writes for each call about sockets that writes. */
static void write_socket_answer(long nr, const uint64_t arguments[6])
{
	const uint64_t *a = arguments;

	switch (nr) {
	case __NR_accept4:
	case __NR_getpeername:
		lie_into_address(a[1], a[2]);
		break;
	case __NR_recvfrom:
		lie_into(a[1], a[2]);
		lie_into_address(a[4], a[5]);
		break;
	case __NR_getsockopt:
		lie_into_address(a[3], a[4]);
		break;
	case __NR_epoll_pwait2:
		lie_into(a[1], a[2] * sizeof(struct platform_host_event));
		break;
	default:
		break;
	}
}

/* Where the kernel writes for each call that writes. */
static void write_answer(long nr, const uint64_t arguments[6])
{
	const uint64_t a = arguments[0], b = arguments[1], c = arguments[2], d = arguments[3];

	switch (nr) {
	case __NR_read:
	case __NR_pread64:
	case __NR_getdents64:
		lie_into(b, c);
		break;
	case __NR_readlinkat:
		lie_into(c, d);
		break;
	case __NR_getrandom:
		lie_into(a, b);
		break;
	case __NR_fstat:
		lie_into(b, 144);
		break;
	case __NR_clock_gettime:
		lie_into(b, 16);
		break;
	case __NR_sysinfo:
		lie_into(a, 112);
		break;
	case __NR_ioctl:
		if (b == 0x5401 /* TCGETS */)
			lie_into(c, 36);
		else if (b == 0x5413 /* TIOCGWINSZ */)
			lie_into(c, 8);
		else if (b == 0x541b /* SIOCINQ */ || b == 0x5411 /* SIOCOUTQ */)
			lie_into(c, 4);
		break;
	case __NR_ppoll:
		lie_into_polls(a, b);
		break;
	case __NR_sched_getaffinity:
		lie_into(c, b);
		break;
	case __NR_getcpu:
		lie_into(a, 4);
		break;
	case __NR_mincore:
		lie_into(c, b / PAGE_SIZE);
		break;
	default:
		write_socket_answer(nr, arguments);
		break;
	}
}

long host_syscall6(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f, long nr)
{
	const uint64_t arguments[6] = {a, b, c, d, e, f};

	if (++call_count > CALL_COUNT_MAX)
		longjmp(on_end, 1);
	write_answer(nr, arguments);
	switch (take_byte() % 6) {
	case 0:
		return 0;
	case 1:
		return -(long)(take_byte() + 1);
	case 2:
		return (long)take_byte();
	case 3:
		return (long)c; /* the size of many buffers, and just beyond */
	case 4:
		return (long)(c + 1);
	default:
		return (long)take_number();
	}
}

long host_syscall6_interruptible(
	uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f, long nr)
{
	return host_syscall6(a, b, c, d, e, f, nr);
}

/* ---- Promises ---- */

static bool is_status(long r)
{
	return r == 0 || (r < 0 && r >= -ERRNO_MAX);
}

static bool is_size(long r, uint64_t max)
{
	return (r < 0 && r >= -ERRNO_MAX) || (r >= 0 && (uint64_t)r <= max);
}

/* A buffer with guards around it; its size is the fuzzer's. */
struct guarded {
	uint8_t before[16], bytes[BUFFER_SIZE], after[16];
	size_t size;
};

static void guarded_init(struct guarded *g)
{
	memset(g, GUARD, sizeof(*g));
	g->size = 1 + take_number() % BUFFER_SIZE;
}

static void guarded_check(const struct guarded *g)
{
	for (size_t i = 0; i < sizeof(g->before); i++)
		FUZZ_ASSERT(g->before[i] == GUARD && g->after[i] == GUARD);
	for (size_t i = g->size; i < BUFFER_SIZE; i++)
		FUZZ_ASSERT(g->bytes[i] == GUARD);
}

static void try_transfers(void)
{
	struct guarded g;

	guarded_init(&g);
	FUZZ_ASSERT(is_size(platform_host_read(3, g.bytes, g.size), g.size));
	FUZZ_ASSERT(is_size(platform_host_pread(3, g.bytes, g.size, take_number()), g.size));
	FUZZ_ASSERT(is_size(platform_host_write(3, g.bytes, g.size), g.size));
	FUZZ_ASSERT(is_size(
		platform_host_pwrite(3, g.bytes, g.size, take_number(), take_byte() & 1), g.size));
	FUZZ_ASSERT(is_size(platform_host_seek(3, (int64_t)take_number(), 0), INT64_MAX));
	platform_random(g.bytes, g.size);
	guarded_check(&g);
}

static void try_links(void)
{
	struct guarded g;
	long r;

	guarded_init(&g);
	r = platform_host_readlink(3, (char *)g.bytes, g.size);
	FUZZ_ASSERT(is_size(r, g.size - 1));
	FUZZ_ASSERT(r < 0 || strnlen((char *)g.bytes, g.size) == (size_t)r);
	guarded_check(&g);
}

static void try_streams(void)
{
	struct platform_host_status status;
	struct platform_terminal terminal;
	struct platform_window window;
	int r = platform_host_status(3, &status);

	FUZZ_ASSERT(is_status(r));
	if (r == 0) {
		FUZZ_ASSERT(status.kind <= PLATFORM_HOST_DEVICE);
		FUZZ_ASSERT((status.access & 3) != 3 && !(status.access & ~(uint32_t)(3 | 02000)));
		FUZZ_ASSERT(status.size <= INT64_MAX);
	}
	FUZZ_ASSERT(is_status(platform_host_terminal_get(3, &terminal)));
	FUZZ_ASSERT(is_status(platform_host_terminal_set(3, take_byte() % 3, &terminal)));
	FUZZ_ASSERT(platform_host_terminal_set(3, 3, &terminal) == -EINVAL);
	FUZZ_ASSERT(is_status(platform_host_terminal_window(3, &window)));
}

static void try_poll(void)
{
	struct platform_host_poll polls[POLL_COUNT] = {{0}};
	const uint64_t deadlines[] = {0, 1, UINT64_MAX};
	uint64_t deadline = deadlines[take_byte() % 3];
	size_t count = take_byte() % (POLL_COUNT + 1);
	long ready, seen = 0;

	for (size_t i = 0; i < count; i++)
		polls[i] = (struct platform_host_poll){(int)i, take_byte(), 0};
	ready = platform_host_poll(polls, count, deadline);
	FUZZ_ASSERT(is_size(ready, count));
	FUZZ_ASSERT(deadline || ready != -EINTR);
	for (size_t i = 0; ready >= 0 && i < count; i++) {
		FUZZ_ASSERT(!(polls[i].ready & ~(polls[i].events | 8 | 16)));
		seen += polls[i].ready != 0;
	}
	FUZZ_ASSERT(ready < 0 || ready == seen);
}

static void try_sockets(void)
{
	struct platform_host_endpoint peer, from;
	int32_t value = 0;

	FUZZ_ASSERT(is_size(platform_host_socket(take_byte() & 1), INT32_MAX));
	take(&peer, sizeof(peer));
	FUZZ_ASSERT(is_status(platform_host_connect(3, &peer)));
	FUZZ_ASSERT(is_size(platform_host_accept(3, &from), INT32_MAX));
	FUZZ_ASSERT(is_status(platform_host_shutdown(3, 1 + take_byte() % 3)));
	FUZZ_ASSERT(platform_host_shutdown(3, 4) == -EINVAL);
	FUZZ_ASSERT(is_status(platform_host_option_set(3, 1, take_byte(), (int)take_byte() - 1)));
	FUZZ_ASSERT(is_status(platform_host_option_get(3, 1, take_byte(), &value)));
	FUZZ_ASSERT(is_status(platform_host_is_connected(3)));
	FUZZ_ASSERT(is_size(platform_host_queued(3, take_byte() & 1), INT32_MAX));
}

static void try_quote(void)
{
	static uint8_t quote[PLATFORM_QUOTE_SIZE_MAX];
	uint8_t report_data[64] = {0};

	simulation_launch.quoting_fd = take_byte() ? 3 : -1;
	FUZZ_ASSERT(!platform_attestation_type() == (simulation_launch.quoting_fd < 0));
	FUZZ_ASSERT(is_size(platform_quote(report_data, quote), QUOTING_EVIDENCE_SIZE_MAX));
}

static void try_datagrams(void)
{
	struct platform_host_endpoint to, from;
	bool is_addressed = take_byte() & 1;
	struct guarded g;
	long n;

	guarded_init(&g);
	take(&to, sizeof(to));
	FUZZ_ASSERT(is_size(
		platform_host_send(3, g.bytes, g.size, take_byte(), is_addressed ? &to : NULL),
		g.size));
	n = platform_host_receive(3, g.bytes, g.size, take_byte(), is_addressed ? &from : NULL);
	FUZZ_ASSERT(is_size(n, g.size));
	guarded_check(&g);
}

static void try_epoll(void)
{
	struct platform_host_event events[POLL_COUNT + 1];
	const uint64_t deadlines[] = {0, 1, UINT64_MAX};
	uint64_t deadline = deadlines[take_byte() % 3];
	size_t count = 1 + take_byte() % POLL_COUNT;
	long n;

	memset(events, GUARD, sizeof(events));
	FUZZ_ASSERT(is_size(platform_host_epoll_new(), INT32_MAX));
	FUZZ_ASSERT(is_status(platform_host_epoll_control(3, 1, 4, take_byte(), take_number())));
	FUZZ_ASSERT(platform_host_epoll_wait(3, events, 0, deadline) == -EINVAL);
	n = platform_host_epoll_wait(3, events, count, deadline);
	FUZZ_ASSERT(is_size(n, count));
	FUZZ_ASSERT(deadline || n != -EINTR);
	for (long i = 0; i < n; i++)
		FUZZ_ASSERT(!(events[i].events & ~EPOLL_REPORTED));
	for (size_t i = 0; i < sizeof(events[0]); i++)
		FUZZ_ASSERT(((uint8_t *)&events[count])[i] == GUARD);
}

static void check_entry(const struct platform_host_entry *entry)
{
	FUZZ_ASSERT(entry->length >= 1 && entry->length <= 255);
	FUZZ_ASSERT(strnlen(entry->name, sizeof(entry->name)) == entry->length);
	FUZZ_ASSERT(
		!strchr(entry->name, '/') && strcmp(entry->name, ".") && strcmp(entry->name, ".."));
	FUZZ_ASSERT(entry->next != 0 && entry->type <= 15);
}

static void try_directories(void)
{
	struct platform_host_entry entries[ENTRY_COUNT];
	struct platform_host_file file;
	size_t count = 1 + take_byte() % ENTRY_COUNT;
	long n;
	int r = platform_host_stat(3, &file);

	FUZZ_ASSERT(is_status(r));
	if (r == 0)
		FUZZ_ASSERT(file.size <= INT64_MAX && file.blocks <= INT64_MAX &&
			    !(file.mode & ~0177777U));
	n = platform_host_list(3, take_number() >> 1, entries, count);
	FUZZ_ASSERT(is_size(n, count));
	for (long i = 0; i < n; i++)
		check_entry(&entries[i]);
	FUZZ_ASSERT(is_size(platform_host_lookup(3, "name"), INT32_MAX));
	FUZZ_ASSERT(platform_host_lookup(3, "..") == -EINVAL);
	FUZZ_ASSERT(platform_host_lookup(3, "a/b") == -EINVAL);
	FUZZ_ASSERT(is_size(platform_host_reopen(3, take_byte() % 3, take_byte() & 1), INT32_MAX));
}

static void try_changes(void)
{
	int64_t times[2] = {(int64_t)take_number(), (int64_t)take_number()};
	static const uint32_t types[] = {0100644, 0040755, 0120777, 0010600, 0060600};

	FUZZ_ASSERT(is_status(platform_host_make(3, "name", types[take_byte() % 5], "target")));
	FUZZ_ASSERT(platform_host_make(3, ".", 0100644, NULL) == -EINVAL);
	FUZZ_ASSERT(is_status(platform_host_link(3, 4, "name")));
	FUZZ_ASSERT(is_status(platform_host_remove(3, "name", take_byte() & 1)));
	FUZZ_ASSERT(is_status(platform_host_rename(3, "name", 4, "other", 0)));
	FUZZ_ASSERT(is_status(platform_host_set_mode(3, 0644)));
	FUZZ_ASSERT(is_status(platform_host_set_owner(3, 1, 1)));
	FUZZ_ASSERT(is_status(platform_host_set_size(3, take_number())));
	FUZZ_ASSERT(is_status(platform_host_set_times(3, &times[0], &times[1])));
	FUZZ_ASSERT(is_status(platform_host_allocate(3, 0, 0, take_number())));
	FUZZ_ASSERT(is_status(platform_host_sync(3, take_byte() & 1)));
}

static void try_memory(void)
{
	const uintptr_t at = 0x10000000;
	uint8_t resident[8] = {0, 0, 0, 0, GUARD, GUARD, GUARD, GUARD};
	const void *memory = (const void *)(PLATFORM_REGION_START + (1UL << 30));

	FUZZ_ASSERT(is_status(platform_map_anonymous(at, PAGE_SIZE, PLATFORM_READ)));
	FUZZ_ASSERT(is_status(platform_map_nothing(at, PAGE_SIZE)));
	FUZZ_ASSERT(is_status(platform_map_region(at, PAGE_SIZE, PLATFORM_READ, memory, true)));
	FUZZ_ASSERT(is_status(platform_unmap(at, PAGE_SIZE)));
	FUZZ_ASSERT(is_status(platform_protect(at, PAGE_SIZE, 0)));
	FUZZ_ASSERT(is_status(platform_move(at, PAGE_SIZE, at + PAGE_SIZE)));
	FUZZ_ASSERT(is_status(platform_discard(at, PAGE_SIZE)));
	FUZZ_ASSERT(is_status(platform_resident(at, 4 * PAGE_SIZE, resident)));
	FUZZ_ASSERT(resident[4] == GUARD && resident[7] == GUARD);
	/* The region itself is never the program's to change, whatever the host would answer. */
	FUZZ_ASSERT(platform_map_anonymous(PLATFORM_REGION_START, PAGE_SIZE, 0) < 0);
	FUZZ_ASSERT(platform_unmap(PLATFORM_REGION_END - PAGE_SIZE, PAGE_SIZE) < 0);
	FUZZ_ASSERT(platform_protect(PLATFORM_REGION_START - PAGE_SIZE, 2 * PAGE_SIZE, 0) < 0);
	FUZZ_ASSERT(platform_move(at, PAGE_SIZE, PLATFORM_REGION_START) < 0);
	FUZZ_ASSERT(platform_discard(PLATFORM_REGION_START, PAGE_SIZE) < 0);
	platform_memory_discard((void *)(uintptr_t)memory, PAGE_SIZE);
	platform_space_clear();
}

static void try_time(void)
{
	static uint64_t last; /* over all inputs: it never goes back */
	uint32_t word = 0;
	uint64_t now = platform_monotonic_ns();

	FUZZ_ASSERT(now >= last && now <= INT64_MAX);
	last = now;
	FUZZ_ASSERT(platform_realtime_ns() <= INT64_MAX);
	FUZZ_ASSERT(platform_thread_cpu_ns() <= INT64_MAX);
	FUZZ_ASSERT(platform_thread_cpu_ns_of(thread_current_hosted) <= INT64_MAX);
	FUZZ_ASSERT(platform_space_cpu_ns_of(thread_current_hosted) <= INT64_MAX);
	platform_wait(&word, 0, take_number());
	platform_wake(&word, 1);
	FUZZ_ASSERT(word == 0);
}

static void try_machine(void)
{
	const uint64_t mask[2] = {take_number(), take_number()};
	uint64_t own, shared, faults, system_ns;
	uint8_t piece[64];
	int r = platform_space_usage(thread_current_hosted, &own, &shared);

	FUZZ_ASSERT(is_status(r));
	FUZZ_ASSERT(r < 0 || (own <= 1UL << 52 && shared <= 1UL << 52));
	platform_space_peak(&own, &faults, &system_ns);
	FUZZ_ASSERT(own <= INT64_MAX && faults <= INT64_MAX && system_ns <= INT64_MAX);
	FUZZ_ASSERT(
		is_size(platform_space_read(thread_current_hosted, piece, 0x10000, sizeof(piece)),
			sizeof(piece)));
	FUZZ_ASSERT(
		is_size(platform_space_write(thread_current_hosted, 0x10000, piece, sizeof(piece)),
			sizeof(piece)));
	platform_timer_slack(1 + take_number());
	FUZZ_ASSERT(platform_cpu_count() == simulation_launch.cpu_count);
	FUZZ_ASSERT(platform_cpu_current() < simulation_launch.cpu_count);
	platform_thread_affinity(thread_current_hosted, mask, ARRAY_SIZE(mask));
	(void)platform_cpus_are_host_cpus();
	FUZZ_ASSERT(is_status(platform_rseq(0x1000, 32, 0, 0)));
	FUZZ_ASSERT(is_size(platform_membarrier(0, 0, 0), UINT32_MAX));
}

static void (*const tries[])(void) = {try_transfers, try_links, try_streams, try_poll, try_sockets,
	try_quote, try_datagrams, try_epoll, try_directories, try_changes, try_memory, try_time,
	try_machine};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct platform_thread platform = {.host_tid = 100, .host_pid = 100};
	static struct thread thread = {.platform = &platform};

	thread_current_hosted = &thread;
	simulation_launch.cpu_count = 2;
	simulation_launch.region_fd = 5;
	input = data;
	input_left = size;
	call_count = 0;
	if (setjmp(on_end) == 0)
		while (input_left)
			tries[take_byte() % ARRAY_SIZE(tries)]();
	free_objects();
	return 0;
}
