/* covers: sched_yield sched_getaffinity sched_setaffinity sched_getscheduler sched_setscheduler
 * sched_getparam sched_setparam sched_get_priority_max sched_get_priority_min
 * sched_rr_get_interval sched_getattr sched_setattr getpriority setpriority getcpu */
/* sched(7): affinity, policies, priorities; the rules of who may change what. */
#include "tests/conformance/processes/process_test.h"

#include <sys/resource.h>

struct attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

static void affinity(void)
{
	cpu_set_t set, old;
	int first = -1;

	CHECK_OK(sched_getaffinity(0, sizeof(old), &old));
	CHECK(CPU_COUNT(&old) >= 1);
	CHECK(CPU_COUNT(&old) <= sysconf(_SC_NPROCESSORS_CONF));
	for (int i = 0; first < 0; i++)
		if (CPU_ISSET(i, &old))
			first = i;
	CPU_ZERO(&set);
	CPU_SET(first, &set);
	CHECK_OK(sched_setaffinity(0, sizeof(set), &set));
	CHECK_OK(sched_getaffinity(getpid(), sizeof(set), &set));
	CHECK_EQ(CPU_COUNT(&set), 1);
	CHECK(CPU_ISSET(first, &set));
	CHECK_EQ(sched_getcpu(), first);
	CPU_ZERO(&set);
	CHECK_ERRNO(sched_setaffinity(0, sizeof(set), &set), EINVAL);
	CPU_SET(1000, &set);
	CHECK_ERRNO(sched_setaffinity(0, sizeof(set), &set), EINVAL);
	CHECK_OK(sched_setaffinity(0, sizeof(old), &old));
	CHECK_ERRNO(sched_getaffinity(0x3fffffff, sizeof(set), &set), ESRCH);
	CHECK_ERRNO(sched_setaffinity(0x3fffffff, sizeof(old), &old), ESRCH);
	CHECK_ERRNO(syscall(SYS_sched_getaffinity, 0, 3, &set), EINVAL);
	CHECK_ERRNO(syscall(SYS_sched_getaffinity, 0, 128, bad_address()), EFAULT);
	CHECK(syscall(SYS_sched_getaffinity, 0, 1024, &set) % 8 == 0);
	if (geteuid() != 0)
		CHECK_ERRNO(sched_setaffinity(1, sizeof(old), &old), EPERM);
}

static void child_inherits_affinity(void)
{
	cpu_set_t set;

	REQUIRE(sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) == 1);
}

static void affinity_is_inherited(void)
{
	cpu_set_t set, old;
	int cpu = sched_getcpu();

	sched_getaffinity(0, sizeof(old), &old);
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	CHECK_OK(sched_setaffinity(0, sizeof(set), &set));
	CHECK_CHILD(child_inherits_affinity);
	CHECK_OK(sched_setaffinity(0, sizeof(old), &old));
}

static void policies(void)
{
	struct sched_param param = {7};
	struct timespec t;

	CHECK_EQ(sched_getscheduler(0), SCHED_OTHER);
	CHECK_OK(sched_getparam(0, &param));
	CHECK_EQ(param.sched_priority, 0);
	CHECK_OK(sched_setscheduler(0, SCHED_BATCH, &param));
	CHECK_EQ(sched_getscheduler(getpid()), SCHED_BATCH);
	CHECK_OK(sched_setscheduler(0, SCHED_OTHER, &param));
	CHECK_OK(sched_setparam(0, &param));
	param.sched_priority = 1;
	CHECK_ERRNO(sched_setscheduler(0, SCHED_OTHER, &param), EINVAL);
	CHECK_ERRNO(sched_setparam(0, &param), EINVAL);
	CHECK_ERRNO(sched_setscheduler(0, 77, &param), EINVAL);
	CHECK_ERRNO(sched_setscheduler(0, SCHED_OTHER, NULL), EINVAL);
	CHECK_ERRNO(sched_getparam(0, NULL), EINVAL);
	CHECK_ERRNO(sched_getscheduler(-1), EINVAL);
	CHECK_ERRNO(sched_getscheduler(0x3fffffff), ESRCH);
	CHECK_ERRNO(sched_getparam(-1, &param), EINVAL);
	CHECK_EQ(sched_get_priority_max(SCHED_FIFO), 99);
	CHECK_EQ(sched_get_priority_min(SCHED_RR), 1);
	CHECK_EQ(sched_get_priority_max(SCHED_OTHER), 0);
	CHECK_ERRNO(sched_get_priority_max(77), EINVAL);
	CHECK_ERRNO(sched_get_priority_min(-1), EINVAL);
	CHECK_OK(sched_rr_get_interval(0, &t));
	CHECK(t.tv_sec >= 0 && t.tv_nsec >= 0);
	CHECK_ERRNO(sched_rr_get_interval(-1, &t), EINVAL);
	param.sched_priority = 0;
	CHECK_ERRNO(sched_setscheduler(0, SCHED_FIFO, &param), EINVAL);
	param.sched_priority = 100;
	CHECK_ERRNO(sched_setscheduler(0, SCHED_FIFO, &param), EINVAL);
}

static void child_is_real_time(void)
{
	struct sched_param param = {5};

	if (sched_setscheduler(0, SCHED_FIFO, &param)) {
		REQUIRE(errno == EPERM);
		return;
	}
	REQUIRE(sched_getscheduler(0) == SCHED_FIFO);
	REQUIRE(sched_getparam(0, &param) == 0 && param.sched_priority == 5);
	pid_t pid = fork();
	if (pid == 0)
		_exit(sched_getscheduler(0) == SCHED_FIFO ? 0 : 1);
	REQUIRE(child_wait(pid) == 0);
	REQUIRE(sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param) == 0);
	pid = fork();
	if (pid == 0)
		_exit(sched_getscheduler(0) == SCHED_OTHER ? 0 : 1);
	REQUIRE(child_wait(pid) == 0);
}

static void attributes(void)
{
	struct attr a = {0}, longer[2] = {{0}};

	CHECK_OK(syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0));
	CHECK_EQ(a.size, sizeof(a));
	CHECK_EQ(a.policy, SCHED_OTHER);
	CHECK_EQ(a.nice, getpriority(PRIO_PROCESS, 0));
	CHECK_OK(syscall(SYS_sched_setattr, 0, &a, 0));
	CHECK_ERRNO(syscall(SYS_sched_getattr, 0, &a, 47, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_sched_getattr, 0, &a, sizeof(a), 1), EINVAL);
	CHECK_ERRNO(syscall(SYS_sched_getattr, 0, NULL, sizeof(a), 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_sched_setattr, 0, &a, 1), EINVAL);
	a.policy = 77;
	CHECK_ERRNO(syscall(SYS_sched_setattr, 0, &a, 0), EINVAL);
	longer[0].size = sizeof(longer);
	longer[1].period = 1;
	CHECK_ERRNO(syscall(SYS_sched_setattr, 0, longer, 0), E2BIG);
	CHECK_EQ(longer[0].size >= sizeof(a), 1);
}

static void child_is_nice(void)
{
	REQUIRE(setpriority(PRIO_PROCESS, 0, 10) == 0);
	REQUIRE(getpriority(PRIO_PROCESS, 0) == 10);
	REQUIRE(syscall(SYS_getpriority, PRIO_PROCESS, 0) == 10); /* the raw call: 20 - nice */
	errno = 0;
	REQUIRE(nice(3) == 13 && errno == 0);
	REQUIRE(setpriority(PRIO_PROCESS, 0, 1000) == 0);
	REQUIRE(getpriority(PRIO_PROCESS, 0) == 19);
	pid_t pid = fork();
	if (pid == 0)
		_exit(getpriority(PRIO_PROCESS, 0) == 19 ? 0 : 1);
	REQUIRE(child_wait(pid) == 0);
	if (geteuid() != 0)
		REQUIRE(setpriority(PRIO_PROCESS, 0, 5) == -1 && errno == EACCES);
}

static void priorities(void)
{
	CHECK_CHILD(child_is_nice);
	CHECK_ERRNO(getpriority((__priority_which_t)3, 0), EINVAL);
	CHECK_ERRNO(setpriority((__priority_which_t)-1, 0, 0), EINVAL);
	CHECK_ERRNO(getpriority(PRIO_PROCESS, 0x3fffffff), ESRCH);
	CHECK_ERRNO(setpriority(PRIO_PROCESS, 0x3fffffff, 0), ESRCH);
	CHECK_EQ(syscall(SYS_getpriority, PRIO_PGRP, 0) > 0, 1);
	CHECK_EQ(syscall(SYS_getpriority, PRIO_USER, 0) > 0, 1);
	if (geteuid() != 0)
		CHECK_ERRNO(setpriority(PRIO_PROCESS, 1, 19), EPERM);
}

static void which_cpu(void)
{
	unsigned int cpu = 9999, node = 9999;

	CHECK_OK(syscall(SYS_getcpu, &cpu, &node, NULL));
	CHECK((long)cpu < sysconf(_SC_NPROCESSORS_CONF));
	CHECK(node < 1024);
	CHECK_OK(syscall(SYS_getcpu, NULL, NULL, NULL));
	CHECK_ERRNO(syscall(SYS_getcpu, bad_address(), NULL, NULL), EFAULT);
	CHECK_EQ(syscall(SYS_sched_yield), 0);
}

int main(void)
{
	test_start();
	affinity();
	affinity_is_inherited();
	policies();
	CHECK_CHILD(child_is_real_time);
	attributes();
	priorities();
	which_cpu();
	return test_done();
}
