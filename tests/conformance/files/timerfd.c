/* covers: timerfd_create timerfd_settime timerfd_gettime */
/* timerfd_create(2): expirations, intervals, absolute times, readiness, errors. */
#include <poll.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>

#include "tests/conformance/files/conformance.h"

#define MS 1000000L
#define FAR_SECONDS 1000

static const struct itimerspec soon = {.it_value = {0, 10 * MS}};
static const struct itimerspec far_off = {.it_value = {FAR_SECONDS, 0}};
static const struct itimerspec disarmed;

static uint64_t take(int fd)
{
	uint64_t count = 0;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

static short ready(int fd, int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT};

	return poll(&p, 1, timeout_ms) < 0 ? -1 : p.revents;
}

static void test_once(void)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	struct itimerspec left;
	uint64_t count;

	CHECK_ERRNO(read(fd, &count, sizeof(count)), EAGAIN);
	CHECK_OK(timerfd_gettime(fd, &left));
	CHECK(left.it_value.tv_sec == 0 && left.it_value.tv_nsec == 0);
	CHECK_OK(timerfd_settime(fd, 0, &soon, NULL));
	CHECK_EQ(ready(fd, -1), POLLIN);
	CHECK_EQ(take(fd), 1);
	CHECK_EQ(ready(fd, 0), 0);
	CHECK_ERRNO(read(fd, &count, sizeof(count)), EAGAIN);
	CHECK_OK(timerfd_gettime(fd, &left));
	CHECK(left.it_value.tv_sec == 0 && left.it_value.tv_nsec == 0);
	close(fd);
}

static void test_blocking(void)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, 0);
	struct timespec before, after;

	clock_gettime(CLOCK_MONOTONIC, &before);
	CHECK_OK(timerfd_settime(fd, 0, &soon, NULL));
	CHECK_EQ(take(fd), 1);
	clock_gettime(CLOCK_MONOTONIC, &after);
	CHECK((after.tv_sec - before.tv_sec) * 1000 * MS + after.tv_nsec - before.tv_nsec >=
		10 * MS);
	CHECK_OK(timerfd_settime(fd, 0, &far_off, NULL));
	FORKED("a signal ends the wait with EINTR")
	{
		uint64_t count;

		interrupt_from_now_on();
		CHECK_ERRNO(read(fd, &count, sizeof(count)), EINTR);
	}
	close(fd);
}

static void test_interval(void)
{
	const struct itimerspec often = {{0, 5 * MS}, {0, 5 * MS}};
	int fd = timerfd_create(CLOCK_MONOTONIC, 0);
	struct itimerspec left;
	uint64_t sum;

	CHECK_OK(timerfd_settime(fd, 0, &often, NULL));
	usleep(50000);
	sum = take(fd);
	CHECK(sum >= 9);
	CHECK(take(fd) >= 1);
	CHECK_OK(timerfd_gettime(fd, &left));
	CHECK(left.it_interval.tv_sec == 0 && left.it_interval.tv_nsec == 5 * MS);
	CHECK(left.it_value.tv_sec == 0 && left.it_value.tv_nsec > 0);
	CHECK(left.it_value.tv_nsec <= 5 * MS);
	close(fd);
}

static void test_remaining(void)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	struct itimerspec left, old;
	uint64_t count;

	CHECK_OK(timerfd_settime(fd, 0, &far_off, &old));
	CHECK(old.it_value.tv_sec == 0 && old.it_value.tv_nsec == 0);
	CHECK_OK(timerfd_gettime(fd, &left));
	CHECK(left.it_value.tv_sec > FAR_SECONDS - 100 && left.it_value.tv_sec <= FAR_SECONDS);
	CHECK_EQ(left.it_interval.tv_sec, 0);
	CHECK_EQ(ready(fd, 0), 0);
	CHECK_OK(timerfd_settime(fd, 0, &disarmed, &old));
	CHECK(old.it_value.tv_sec > FAR_SECONDS - 100 && old.it_value.tv_sec <= FAR_SECONDS);
	CHECK_OK(timerfd_gettime(fd, &left));
	CHECK(left.it_value.tv_sec == 0 && left.it_value.tv_nsec == 0);
	/* What has expired and not been read is forgotten when the timer is set again. */
	CHECK_OK(timerfd_settime(fd, 0, &soon, NULL));
	CHECK_EQ(ready(fd, -1), POLLIN);
	CHECK_OK(timerfd_settime(fd, 0, &disarmed, NULL));
	CHECK_EQ(ready(fd, 0), 0);
	CHECK_ERRNO(read(fd, &count, sizeof(count)), EAGAIN);
	close(fd);
}

static void test_absolute(clockid_t clock)
{
	int fd = timerfd_create(clock, 0);
	struct itimerspec at = {.it_value = {1, 0}};
	struct itimerspec left;
	struct timespec now;

	CHECK_OK(timerfd_settime(fd, TFD_TIMER_ABSTIME, &at, NULL));
	CHECK_EQ(take(fd), 1);
	clock_gettime(clock, &at.it_value);
	at.it_value.tv_sec += FAR_SECONDS;
	CHECK_OK(timerfd_settime(fd, TFD_TIMER_ABSTIME, &at, NULL));
	CHECK_OK(timerfd_gettime(fd, &left));
	CHECK(left.it_value.tv_sec > FAR_SECONDS - 100 && left.it_value.tv_sec <= FAR_SECONDS);
	clock_gettime(clock, &at.it_value);
	at.it_value.tv_nsec += 20 * MS;
	if (at.it_value.tv_nsec >= 1000 * MS) {
		at.it_value.tv_nsec -= 1000 * MS;
		at.it_value.tv_sec++;
	}
	CHECK_OK(timerfd_settime(fd, TFD_TIMER_ABSTIME, &at, NULL));
	CHECK_EQ(take(fd), 1);
	clock_gettime(clock, &now);
	CHECK(now.tv_sec > at.it_value.tv_sec ||
		(now.tv_sec == at.it_value.tv_sec && now.tv_nsec >= at.it_value.tv_nsec));
	close(fd);
}

static void test_epoll(void)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), epoll = epoll_create1(0);
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = 7};

	CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
	CHECK_EQ(epoll_wait(epoll, &event, 1, 0), 0);
	CHECK_OK(timerfd_settime(fd, 0, &soon, NULL));
	CHECK_EQ(epoll_wait(epoll, &event, 1, -1), 1);
	CHECK(event.events == EPOLLIN && event.data.u32 == 7);
	CHECK_EQ(take(fd), 1);
	CHECK_EQ(epoll_wait(epoll, &event, 1, 0), 0);
	close(epoll);
	close(fd);
}

static void test_flags(void)
{
	int fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);

	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(fd, F_GETFL), O_RDWR | O_NONBLOCK);
	close(fd);
	fd = timerfd_create(CLOCK_REALTIME, 0);
	CHECK_EQ(fcntl(fd, F_GETFD), 0);
	CHECK_EQ(fcntl(fd, F_GETFL), O_RDWR);
	close(fd);
}

static void test_errors(void)
{
	const struct itimerspec too_many_ns = {.it_value = {0, 1000 * MS}};
	const struct itimerspec negative = {.it_value = {-1, 0}};
	const struct itimerspec bad_interval = {{0, -1}, {1, 0}};
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), other = open(".", O_RDONLY);
	struct itimerspec left;
	char buf[8];

	CHECK_ERRNO(timerfd_create(99, 0), EINVAL);
	CHECK_ERRNO(timerfd_create(CLOCK_PROCESS_CPUTIME_ID, 0), EINVAL);
	CHECK_ERRNO(timerfd_create(CLOCK_MONOTONIC, 1), EINVAL);
	CHECK_ERRNO(timerfd_settime(fd, 0x100, &soon, NULL), EINVAL);
	CHECK_ERRNO(timerfd_settime(fd, 0, &too_many_ns, NULL), EINVAL);
	CHECK_ERRNO(timerfd_settime(fd, 0, &negative, NULL), EINVAL);
	CHECK_ERRNO(timerfd_settime(fd, 0, &bad_interval, NULL), EINVAL);
	CHECK_ERRNO(syscall(SYS_timerfd_settime, fd, 0, BAD_POINTER, NULL), EFAULT);
	CHECK_ERRNO(syscall(SYS_timerfd_settime, fd, 0, &far_off, BAD_POINTER), EFAULT);
	CHECK_ERRNO(timerfd_settime(-1, 0, &soon, NULL), EBADF);
	CHECK_ERRNO(timerfd_settime(other, 0, &soon, NULL), EINVAL);
	CHECK_ERRNO(syscall(SYS_timerfd_gettime, fd, BAD_POINTER), EFAULT);
	CHECK_ERRNO(timerfd_gettime(-1, &left), EBADF);
	CHECK_ERRNO(timerfd_gettime(other, &left), EINVAL);
	CHECK_ERRNO(read(fd, buf, 7), EINVAL);
	CHECK_ERRNO(write(fd, buf, 8), EINVAL);
	close(other);
	close(fd);
}

int main(void)
{
	test_begin();
	test_once();
	test_blocking();
	test_interval();
	test_remaining();
	test_absolute(CLOCK_MONOTONIC);
	test_absolute(CLOCK_REALTIME);
	test_epoll();
	test_flags();
	test_errors();
	return test_done();
}
