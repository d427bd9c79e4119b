#include "libos/files/signalfd.h"

#include <errno.h>
#include <linux/eventpoll.h>
#include <signal.h>

#include "base/test.h"
#include "libos/files/epoll.h"
#include "libos/files/poll.h"
#include "libos/files/waiting_doubles.h"
#include "libos/syscalls/syscall.h"

/* One of struct signalfd_siginfo. */
union record {
	struct {
		uint32_t signo;
		int32_t err, code;
		uint32_t pid, uid;
		int32_t fd;
		uint32_t tid, band, overrun, trap;
		int32_t status, value;
		uint64_t pointer;
	};
	uint8_t bytes[128];
};

static union record records[3];

static long call(int fd, signal_set mask, uint32_t flags)
{
	struct syscall_args args = {(uint64_t)fd, (uintptr_t)&mask, sizeof(mask), flags, 0, 0};

	return sys_signalfd4(&double_thread, &args);
}

static void usr1_arrives(void)
{
	struct signal_info info = {.signo = SIGUSR1, .code = -1 /* SI_QUEUE */};

	info.queue.pid = 7;
	info.queue.uid = 8;
	info.queue.value = 0x1122334455667788;
	double_signal_arrives(&info);
}

static void test_reading(void)
{
	struct file *file;

	CHECK_EQ(call(-1, SIGNAL_BIT(SIGUSR1) | SIGNAL_BIT(SIGKILL), 0), 0);
	file = fd_get(0);
	CHECK_EQ(file_poll(file, NULL), 0);
	CHECK_EQ(double_read(file, records, 127), -EINVAL);
	double_on_sleep = usr1_arrives;
	CHECK_EQ(double_read(file, records, sizeof(records)), 128);
	CHECK(records[0].signo == SIGUSR1 && records[0].code == -1);
	CHECK(records[0].pid == 7 && records[0].uid == 8 && records[0].value == 0x55667788);
	CHECK_EQ(records[0].pointer, 0x1122334455667788);
	file->flags |= O_NONBLOCK;
	CHECK_EQ(double_read(file, records, sizeof(records)), -EAGAIN);
	usr1_arrives();
	CHECK_EQ(file_poll(file, NULL), POLLIN);
	/* Other signals from now on. */
	CHECK_EQ(call(0, SIGNAL_BIT(SIGUSR2), 0), 0);
	CHECK_EQ(file_poll(file, NULL), 0);
	CHECK_EQ(double_read(file, records, sizeof(records)), -EAGAIN);
	CHECK_EQ(call(0, SIGNAL_BIT(SIGUSR1), 0), 0);
	CHECK_EQ(double_read(file, records, sizeof(records)), 128);
	file->flags &= ~(uint32_t)O_NONBLOCK;
	CHECK_EQ(double_read(file, records, sizeof(records)), -512);
	double_signal_pending = false;
	double_fd_set(0, NULL);
	file_unref(file);
}

static void test_errors(void)
{
	signal_set mask = 0;
	struct syscall_args args = {(uint64_t)-1, (uintptr_t)&mask, 4, 0, 0, 0};

	CHECK_EQ(call(-1, 0, 1), -EINVAL);
	CHECK_EQ(call(40, 0, 0), -EBADF);
	double_fd_set(0, double_regular_file());
	CHECK_EQ(call(0, 0, 0), -EINVAL);
	double_fd_set(0, NULL);
	CHECK_EQ(sys_signalfd(&double_thread, &args), -EINVAL);
}

/* An epoll goes on waiting in the process it was told in: that must not go away meanwhile. */
static void test_epoll(void)
{
	struct epoll_event_user event = {EPOLLIN, 5};
	struct file *file, *epoll;

	CHECK_EQ(call(-1, SIGNAL_BIT(SIGUSR1), 0), 0);
	CHECK_EQ(epoll_install(0), 1);
	file = fd_get(0);
	epoll = fd_get(1);
	CHECK_EQ(epoll_control(epoll, EPOLL_CTL_ADD, 0, file, &event), 0);
	CHECK_EQ(double_process.reference_count, 2);
	CHECK_EQ(epoll_wait_events(epoll, (uintptr_t)&event, 1, 0), 0);
	usr1_arrives();
	CHECK_EQ(epoll_wait_events(epoll, (uintptr_t)&event, 1, 0), 1);
	CHECK(event.events == EPOLLIN && event.data == 5);
	double_fd_set(0, NULL);
	file_unref(file);
	CHECK_EQ(double_process.reference_count, 1);
	CHECK(list_is_empty(&double_process.signals.arrivals.waiters));
	double_fd_set(1, NULL);
	file_unref(epoll);
}

int main(void)
{
	double_init();
	test_reading();
	test_errors();
	test_epoll();
	return test_done();
}
