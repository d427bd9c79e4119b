/* covers: adjtimex clock_adjtime settimeofday */
/* adjtimex(2), settimeofday(2): what anybody may ask, and what is refused. The machine's clock is
 * never set: whoever may do it is given arguments that are invalid. */
#include "tests/conformance/processes/process_test.h"

#include <sys/time.h>
#include <sys/timex.h>

#define NOBODY 65534

static void is_plausible(long state, const struct timex *tx)
{
	CHECK(state >= TIME_OK && state <= TIME_ERROR);
	CHECK(labs(time(NULL) - tx->time.tv_sec) <= 60);
	CHECK(tx->time.tv_usec >= 0 && tx->time.tv_usec < 1000000000);
	CHECK(tx->tick >= 9000 && tx->tick <= 11000);
	CHECK(tx->tolerance > 0);
	CHECK(tx->precision > 0);
}

static void queries(void)
{
	struct timex tx = {.modes = 0};

	is_plausible(syscall(SYS_adjtimex, &tx), &tx);
	tx = (struct timex){.modes = 0};
	is_plausible(syscall(SYS_clock_adjtime, CLOCK_REALTIME, &tx), &tx);
}

static void errors(void)
{
	struct timex tx = {.modes = 0};

	CHECK_ERRNO(syscall(SYS_adjtimex, bad_address()), EFAULT);
	CHECK_ERRNO(syscall(SYS_clock_adjtime, CLOCK_REALTIME, bad_address()), EFAULT);
	CHECK_ERRNO(syscall(SYS_clock_adjtime, 99, &tx), EINVAL);
	CHECK_ERRNO(syscall(SYS_clock_adjtime, CLOCK_MONOTONIC, &tx), EOPNOTSUPP);
}

static void setting_errors(void)
{
	const struct timeval too_many = {.tv_usec = 1000001}, negative = {.tv_sec = -1};

	CHECK_ERRNO(syscall(SYS_settimeofday, bad_address(), NULL), EFAULT);
	CHECK_ERRNO(syscall(SYS_settimeofday, NULL, bad_address()), EFAULT);
	CHECK_ERRNO(syscall(SYS_settimeofday, &too_many, NULL), EINVAL);
	CHECK_ERRNO(syscall(SYS_settimeofday, &negative, NULL), EINVAL);
}

/* Nothing is set; Linux still asks whether the caller may. */
static void setting_nothing(void)
{
	long r = syscall(SYS_settimeofday, NULL, NULL);

	CHECK(r == 0 || (r == -1 && errno == EPERM));
}

/* A tick that no kernel takes: EINVAL for who may set it. */
static void nobody_sets(void)
{
	struct timex tx = {.modes = ADJ_TICK, .tick = 1};

	REQUIRE(geteuid() != 0 || setresuid(NOBODY, NOBODY, NOBODY) == 0);
	REQUIRE(syscall(SYS_adjtimex, &tx) == -1 && errno == EPERM);
	REQUIRE(syscall(SYS_clock_adjtime, CLOCK_REALTIME, &tx) == -1 && errno == EPERM);
	REQUIRE(syscall(SYS_settimeofday, NULL, NULL) == -1 && errno == EPERM);
}

int main(void)
{
	test_start();
	queries();
	errors();
	setting_errors();
	setting_nothing();
	CHECK_CHILD(nobody_sets);
	return test_done();
}
