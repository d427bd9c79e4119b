/* select(2), pselect6(2): sets of bits in, entries of poll, sets of bits out. */
#include "libos/files/poll.h"

#include <asm/errno.h>

#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/files/descriptors.h"
#include "libos/processes/process.h"
#include "libos/syscalls/timeout.h"
#include "libos/syscalls/mask.h"
#include "libos/syscalls/syscall.h"

#define SET_IN (POLLRDNORM | POLLRDBAND | POLLIN | POLLHUP | POLLERR)
#define SET_OUT (POLLWRBAND | POLLWRNORM | POLLOUT | POLLERR)
#define SET_EXCEPT POLLPRI

/* Sets of up to so many descriptors, and so many files, need no heap memory. */
#define SELECT_FEW_WORDS 16
#define SELECT_FEW_FILES 16

struct select_call {
	uint64_t few_words[3 * SELECT_FEW_WORDS];
	struct poll_entry few_entries[SELECT_FEW_FILES];
	int32_t few_fds[SELECT_FEW_FILES];
	uint64_t addresses[3];
	uint64_t *sets[3]; /* read, write, except: @words each */
	size_t words;
	struct poll_entry *entries;
	int32_t *fds; /* of the entries */
	size_t count;
};

/* What puts a descriptor into each of the sets; a hang-up alone is no exception. */
static const uint32_t set_events[3] = {SET_IN, SET_OUT, SET_EXCEPT};
/* Bits in the last word beyond @n do not count. */
static int select_read_sets(struct select_call *call, size_t n)
{
	uint64_t last = n % 64 ? (1UL << n % 64) - 1 : ~0UL;

	call->words = (n + 63) / 64;
	call->sets[0] = call->few_words;
	if (call->words > SELECT_FEW_WORDS)
		call->sets[0] = heap_alloc(3 * call->words * sizeof(uint64_t));
	if (!call->sets[0])
		return -ENOMEM;
	for (int i = 0; i < 3; i++) {
		call->sets[i] = call->sets[0] + (size_t)i * call->words;
		memset(call->sets[i], 0, call->words * sizeof(uint64_t));
		if (call->addresses[i] && user_read(call->sets[i], call->addresses[i],
						  call->words * sizeof(uint64_t)))
			return -EFAULT;
		if (call->words)
			call->sets[i][call->words - 1] &= last;
	}
	return 0;
}

static uint64_t select_word(const struct select_call *call, size_t word)
{
	return call->sets[0][word] | call->sets[1][word] | call->sets[2][word];
}

static int select_make_entries(struct select_call *call)
{
	size_t total = 0;

	for (size_t word = 0; word < call->words; word++)
		total += bits_count(select_word(call, word));
	call->entries = call->few_entries;
	call->fds = call->few_fds;
	if (total <= SELECT_FEW_FILES)
		return 0;
	call->entries = heap_alloc(total * sizeof(*call->entries));
	call->fds = heap_alloc(total * sizeof(*call->fds));
	return call->entries && call->fds ? 0 : -ENOMEM;
}

static int select_add(struct select_call *call, size_t word, unsigned int bit)
{
	struct poll_entry *entry = &call->entries[call->count];
	int fd = (int)(word * 64 + bit);

	*entry = (struct poll_entry){.file = fd_get(fd)};
	if (!entry->file)
		return -EBADF;
	for (int i = 0; i < 3; i++)
		if (call->sets[i][word] >> bit & 1)
			entry->events |= set_events[i];
	call->fds[call->count++] = fd;
	return 0;
}

static int select_get_files(struct select_call *call)
{
	int r = select_make_entries(call);

	for (size_t word = 0; word < call->words; word++)
		for (uint64_t bits = select_word(call, word); bits && !r; bits &= bits - 1)
			r = select_add(call, word, (unsigned int)__builtin_ctzl(bits));
	return r;
}

/* Keep the bits that hold; returns how many do, over all sets. */
static long select_answer_sets(struct select_call *call)
{
	long total = 0;

	for (size_t i = 0; i < call->count; i++) {
		size_t word = (size_t)call->fds[i] / 64;
		uint64_t bit = 1UL << call->fds[i] % 64;

		for (int set = 0; set < 3; set++) {
			if (!(call->sets[set][word] & bit))
				continue;
			if (call->entries[i].ready & set_events[set])
				total++;
			else
				call->sets[set][word] &= ~bit;
		}
	}
	return total;
}

static int select_write_sets(struct select_call *call)
{
	for (int i = 0; i < 3; i++)
		if (call->addresses[i] && user_write(call->addresses[i], call->sets[i],
						  call->words * sizeof(uint64_t)))
			return -EFAULT;
	return 0;
}

/* What comes of it: bits set, 0, -EINTR, ... */
static long select_run(struct select_call *call, size_t n, uint64_t deadline_ns)
{
	long r = select_read_sets(call, n);

	if (!r)
		r = select_get_files(call);
	if (!r)
		r = poll_entries(call->entries, call->count, 0, deadline_ns);
	if (r < 0)
		return r;
	r = select_answer_sets(call);
	return select_write_sets(call) ? -EFAULT : r;
}

static void select_done(struct select_call *call)
{
	for (size_t i = 0; i < call->count; i++)
		file_unref(call->entries[i].file);
	if (call->entries != call->few_entries)
		heap_free(call->entries);
	if (call->fds != call->few_fds)
		heap_free(call->fds);
	if (call->sets[0] != call->few_words)
		heap_free(call->sets[0]);
}

static long do_select(const struct syscall_args *args, uint64_t deadline_ns)
{
	int32_t n = (int32_t)args->a;
	struct select_call call;
	long r;

	if (n < 0)
		return -EINVAL;
	call.addresses[0] = args->b;
	call.addresses[1] = args->c;
	call.addresses[2] = args->d;
	call.entries = NULL;
	call.fds = NULL;
	call.count = 0;
	r = select_run(&call, MIN((size_t)n, (size_t)FD_COUNT_MAX), deadline_ns);
	select_done(&call);
	return r == -EINTR ? -ERESTARTNOHAND : r;
}

long sys_select(struct thread *thread, const struct syscall_args *args)
{
	uint64_t deadline_ns;
	long r;

	(void)thread;
	r = timeout_from_timeval(args->e, &deadline_ns);
	if (r)
		return r;
	r = do_select(args, deadline_ns);
	if (timeout_left_timeval(args->e, deadline_ns) && r == -ERESTARTNOHAND)
		r = -EINTR;
	return r;
}

/* The sixth argument of pselect6: a mask and its size. */
struct mask_argument {
	uint64_t address, size;
};

long sys_pselect6(struct thread *thread, const struct syscall_args *args)
{
	struct mask_argument mask = {0, 0};
	uint64_t deadline_ns;
	long r;

	if (args->f && USER_GET(&mask, args->f))
		return -EFAULT;
	r = timeout_from_timespec(args->e, &deadline_ns);
	if (!r)
		r = mask_begin(thread, mask.address, mask.size);
	if (r)
		return r;
	r = do_select(args, deadline_ns);
	if (timeout_left_timespec(args->e, deadline_ns) && r == -ERESTARTNOHAND)
		r = -EINTR;
	return mask_end(thread, r);
}
