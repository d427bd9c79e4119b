/* What the host's descriptors are and do: kinds, polling, terminals. */
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

#include "base/memory.h"
#include "platform/simulation/host_call.h"
#include "platform/simulation/simulation.h"

#define NS_PER_S 1000000000UL
#define POLL_COUNT_MAX 4096
#define POLL_ERROR 8
#define POLL_HANGUP 16
#define POLL_INVALID 32

/* struct stat of the x86-64 kernel. */
struct host_stat {
	uint64_t device, inode, link_count;
	uint32_t mode, uid, gid, pad;
	uint64_t rdev;
	int64_t size, block_size, blocks;
	uint64_t times[6];
	int64_t unused[3];
};
_Static_assert(sizeof(struct host_stat) == 144, "ABI");

long platform_host_seek(int host_fd, int64_t offset, int whence)
{
	return host_check_size(HOST_CALL(lseek, host_fd, offset, whence, 0, 0, 0), INT64_MAX);
}

static enum platform_host_kind kind_of(int host_fd, uint32_t mode)
{
	struct platform_terminal terminal;

	switch (mode & S_IFMT) {
	case S_IFREG:
		return PLATFORM_HOST_REGULAR;
	case S_IFIFO:
		return PLATFORM_HOST_PIPE;
	case S_IFSOCK:
		return PLATFORM_HOST_SOCKET;
	case S_IFCHR:
		if (!platform_host_terminal_get(host_fd, &terminal))
			return PLATFORM_HOST_TERMINAL;
		return PLATFORM_HOST_DEVICE;
	default:
		return PLATFORM_HOST_DEVICE;
	}
}

int platform_host_status(int host_fd, struct platform_host_status *ret_status)
{
	struct host_stat status = {0};
	int r = host_check_status(HOST_CALL(fstat, host_fd, &status, 0, 0, 0, 0));
	long flags = host_check_size(HOST_CALL(fcntl, host_fd, F_GETFL, 0, 0, 0, 0), INT32_MAX);

	if (r)
		return r;
	if (flags < 0)
		return (int)flags;
	if (flags & O_PATH) /* stands for a closed one: cli/run.c */
		return -EBADF;
	ret_status->kind = kind_of(host_fd, status.mode);
	ret_status->access = (uint32_t)flags & (O_ACCMODE | O_APPEND);
	if ((ret_status->access & O_ACCMODE) == O_ACCMODE)
		return -EIO;
	ret_status->size = status.size > 0 ? (uint64_t)status.size : 0;
	return 0;
}

/* struct pollfd is what platform_host_poll is, bit for bit. */
_Static_assert(sizeof(struct platform_host_poll) == 8, "ABI");

long platform_host_poll(struct platform_host_poll *polls, size_t count, uint64_t deadline_ns)
{
	uint64_t now = deadline_ns && deadline_ns != UINT64_MAX ? platform_monotonic_ns() : 0;
	uint64_t left = deadline_ns > now ? deadline_ns - now : 0;
	struct {
		int64_t seconds, nanoseconds;
	} ts = {(int64_t)(left / NS_PER_S), (int64_t)(left % NS_PER_S)};
	void *timeout = deadline_ns == UINT64_MAX ? NULL : &ts;
	long ready;

	if (count > POLL_COUNT_MAX)
		return -EINVAL;
	if (deadline_ns)
		ready = HOST_CALL_INTERRUPTIBLE(ppoll, polls, count, timeout, 0, 8, 0);
	else
		ready = HOST_CALL(ppoll, polls, count, timeout, 0, 8, 0);
	ready = host_check_size(ready, count);
	if (ready == -EINTR && !deadline_ns)
		ready = 0;
	if (ready < 0)
		return ready;
	/* Believe no bit that was not asked for; count anew. */
	ready = 0;
	for (size_t i = 0; i < count; i++) {
		if (polls[i].ready & POLL_INVALID)
			polls[i].ready |= POLL_ERROR;
		polls[i].ready &= (uint16_t)(polls[i].events | POLL_ERROR | POLL_HANGUP);
		ready += polls[i].ready != 0;
	}
	return ready;
}

int platform_host_terminal_get(int host_fd, struct platform_terminal *ret_terminal)
{
	memset(ret_terminal, 0, sizeof(*ret_terminal));
	return host_check_status(HOST_CALL(ioctl, host_fd, TCGETS, ret_terminal, 0, 0, 0));
}

int platform_host_terminal_set(
	int host_fd, unsigned int when, const struct platform_terminal *terminal)
{
	if (when > 2)
		return -EINVAL;
	return host_check_status(
		HOST_CALL_INTERRUPTIBLE(ioctl, host_fd, TCSETS + when, terminal, 0, 0, 0));
}

int platform_host_terminal_window(int host_fd, struct platform_window *ret_window)
{
	memset(ret_window, 0, sizeof(*ret_window));
	return host_check_status(HOST_CALL(ioctl, host_fd, TIOCGWINSZ, ret_window, 0, 0, 0));
}
