/* covers: uname sysinfo sethostname setdomainname */
/* uname(2), sysinfo(2): the machine's names and numbers. */
#include "tests/conformance/processes/process_test.h"

#include <sys/sysinfo.h>
#include <sys/utsname.h>

static void names(void)
{
	struct utsname u;
	char name[256];
	int major = 0, minor = 0;

	CHECK_OK(uname(&u));
	CHECK_STR(u.sysname, "Linux");
	CHECK_STR(u.machine, "x86_64");
	CHECK(sscanf(u.release, "%d.%d", &major, &minor) == 2);
	CHECK(major > 4 || (major == 4 && minor >= 4));
	CHECK(u.version[0] != 0);
	CHECK_OK(gethostname(name, sizeof(name)));
	CHECK_STR(name, u.nodename);
	CHECK_ERRNO(syscall(SYS_uname, bad_address()), EFAULT);
	if (geteuid() != 0) {
		CHECK_ERRNO(sethostname("other", 5), EPERM);
		CHECK_ERRNO(setdomainname("other", 5), EPERM);
	} else {
		char longer[65] = {0};

		CHECK(sethostname(longer, 65) == -1 && (errno == EINVAL || errno == EPERM));
		CHECK(syscall(SYS_sethostname, longer, -1) == -1 &&
			(errno == EINVAL || errno == EPERM));
	}
}

static void numbers(void)
{
	struct sysinfo i;

	memset(&i, 0xff, sizeof(i));
	CHECK_OK(sysinfo(&i));
	CHECK(i.uptime >= 0 && i.uptime <= clock_ns(CLOCK_BOOTTIME) / 1000000000 + 1);
	CHECK(i.totalram > 0 && i.freeram <= i.totalram);
	CHECK(i.freeswap <= i.totalswap);
	CHECK(i.mem_unit > 0);
	CHECK(i.procs >= 1);
	CHECK((uint64_t)i.totalram * i.mem_unit >= 16 << 20);
	CHECK_ERRNO(syscall(SYS_sysinfo, bad_address()), EFAULT);
	CHECK(sysconf(_SC_NPROCESSORS_ONLN) >= 1);
	CHECK_EQ(sysconf(_SC_PAGESIZE), PAGE);
}

int main(void)
{
	test_start();
	names();
	numbers();
	return test_done();
}
