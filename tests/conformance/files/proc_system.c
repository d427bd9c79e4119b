/* covers: openat read lseek uname sysinfo */
/* The system-wide files of /proc, read as programs read them: proc(5). */
#include <ctype.h>
#include <dirent.h>
#include <mntent.h>
#include <stdio.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>

#include "tests/conformance/files/conformance.h"

static char text[1 << 18];

static const char *slurp(const char *path)
{
	CHECK(get_file(path, text, sizeof(text)) > 0);
	return text;
}

static long field(const char *key)
{
	size_t n = strlen(key);

	for (const char *at = text; at; at = strchr(at, '\n'), at += at != NULL)
		if (!strncmp(at, key, n))
			return strtol(at + n, NULL, 10);
	return -1;
}

static long number_in(const char *path)
{
	char *end;
	long n = strtol(slurp(path), &end, 10);

	return end > text && !strcmp(end, "\n") ? n : LONG_MIN;
}

static void test_meminfo(void)
{
	slurp("/proc/meminfo");
	CHECK(!strncmp(text, "MemTotal:", 9));
	CHECK(strstr(text, " kB\n"));
	CHECK(field("MemTotal:") > 0);
	CHECK(field("MemFree:") > 0 && field("MemFree:") <= field("MemTotal:"));
	CHECK(field("MemAvailable:") > 0 && field("MemAvailable:") <= field("MemTotal:"));
	CHECK(field("Buffers:") >= 0 && field("Cached:") >= 0 && field("Shmem:") >= 0);
	CHECK(field("SwapTotal:") >= field("SwapFree:") && field("SwapFree:") >= 0);
}

static void test_cpuinfo(void)
{
	long processors = 0;

	slurp("/proc/cpuinfo");
	for (const char *at = text; (at = strstr(at, "processor\t: ")); at++)
		processors++;
	CHECK(processors >= 1);
	CHECK_EQ(processors, sysconf(_SC_NPROCESSORS_ONLN));
	CHECK(strstr(text, "vendor_id\t: ") && strstr(text, "model name\t: "));
	CHECK(strstr(text, "\nflags\t\t: ") && strstr(text, " sse2 "));
	CHECK(strstr(text, "cpu MHz\t\t: "));
}

static void test_stat(void)
{
	unsigned long user, nice, system, idle;

	slurp("/proc/stat");
	CHECK_EQ(sscanf(text, "cpu %lu %lu %lu %lu", &user, &nice, &system, &idle), 4);
	CHECK(strstr(text, "\ncpu0 "));
	CHECK(field("ctxt ") >= 0);
	CHECK(field("processes ") >= 1);
	CHECK(field("procs_running ") >= 1);
	CHECK(field("btime ") > 1000000000L && field("btime ") <= time(NULL) + 1);
}

static void test_loadavg(void)
{
	double a, b, c;
	int running, total, last;

	CHECK_EQ(sscanf(slurp("/proc/loadavg"), "%lf %lf %lf %d/%d %d\n", &a, &b, &c, &running,
			 &total, &last),
		6);
	CHECK(a >= 0 && b >= 0 && c >= 0 && running >= 1 && total >= running && last > 0);
}

static void test_uptime(void)
{
	struct timespec boot;
	double up, idle;

	CHECK_EQ(sscanf(slurp("/proc/uptime"), "%lf %lf\n", &up, &idle), 2);
	CHECK_OK(clock_gettime(CLOCK_BOOTTIME, &boot));
	CHECK(up > 0 && idle >= 0 && up <= (double)boot.tv_sec + 1);
}

static void test_version(void)
{
	struct utsname u;
	char want[200];

	CHECK_OK(uname(&u));
	slurp("/proc/version");
	snprintf(want, sizeof(want), "Linux version %s ", u.release);
	CHECK(!strncmp(text, want, strlen(want)));
	snprintf(want, sizeof(want), "%s\n", u.release);
	CHECK_STR(slurp("/proc/sys/kernel/osrelease"), want);
	snprintf(want, sizeof(want), "%s\n", u.nodename);
	CHECK_STR(slurp("/proc/sys/kernel/hostname"), want);
	CHECK_STR(slurp("/proc/sys/kernel/ostype"), "Linux\n");
	snprintf(want, sizeof(want), "%s\n", u.version);
	CHECK_STR(slurp("/proc/sys/kernel/version"), want);
	CHECK_STR(u.sysname, "Linux");
	CHECK_STR(u.machine, "x86_64");
}

static void test_filesystems(void)
{
	slurp("/proc/filesystems");
	CHECK(strstr(text, "nodev\ttmpfs\n") && strstr(text, "nodev\tproc\n"));
	slurp("/proc/mounts");
	CHECK(strstr(text, " /proc proc "));
	if (strstr(text, " / "))
		CHECK(strstr(text, " / "));
	else
		test_skip("the root's mount", "a chroot shows none");
	CHECK(text[strlen(text) - 1] == '\n');
}

/* What df(1) and mount(8) read: glibc's name of it is a link into /proc, here as in a container. */
static void test_mounted(void)
{
	FILE *table = setmntent(_PATH_MOUNTED, "r");
	bool has_proc = false;

	CHECK(table);
	for (struct mntent *mount; table && (mount = getmntent(table));)
		has_proc |= !strcmp(mount->mnt_dir, "/proc") && !strcmp(mount->mnt_type, "proc");
	CHECK(has_proc);
	if (table)
		endmntent(table);
}

static void test_numbers(void)
{
	CHECK(number_in("/proc/sys/kernel/pid_max") >= 301);
	CHECK(getpid() < number_in("/proc/sys/kernel/pid_max"));
	CHECK(number_in("/proc/sys/vm/overcommit_memory") >= 0 && text[0] <= '2');
	CHECK(number_in("/proc/sys/vm/max_map_count") >= 1000);
	CHECK(number_in("/proc/sys/kernel/threads-max") > 0);
	CHECK(number_in("/proc/sys/kernel/ngroups_max") == 65536);
	CHECK(number_in("/proc/sys/kernel/cap_last_cap") >= 37);
	CHECK(number_in("/proc/sys/fs/nr_open") >= 1024);
	CHECK(number_in("/proc/sys/fs/file-max") > 0);
	CHECK(number_in("/proc/sys/fs/pipe-max-size") >= 4096);
}

static bool is_uuid(const char *s)
{
	for (int i = 0; i < 36; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23 ? s[i] != '-'
							    : !isxdigit((unsigned char)s[i]))
			return false;
	return s[36] == '\n' && s[37] == 0;
}

static void test_uuids(void)
{
	char first[64];

	CHECK(is_uuid(slurp("/proc/sys/kernel/random/uuid")));
	CHECK_EQ(text[14], '4');
	strcpy(first, text);
	CHECK(strcmp(slurp("/proc/sys/kernel/random/uuid"), first) != 0);
	CHECK(is_uuid(slurp("/proc/sys/kernel/random/boot_id")));
	strcpy(first, text);
	CHECK_STR(slurp("/proc/sys/kernel/random/boot_id"), first);
	CHECK(number_in("/proc/sys/kernel/random/entropy_avail") > 0);
}

static void test_sysinfo(void)
{
	struct sysinfo s;

	CHECK_OK(sysinfo(&s));
	slurp("/proc/meminfo");
	CHECK_EQ(s.totalram / 1024 * s.mem_unit, field("MemTotal:"));
	CHECK(s.uptime > 0 && s.procs >= 1 && s.freeram <= s.totalram);
}

/* Files of /proc have no size, are read from any offset, and refuse what they don't do. */
static void test_nature(void)
{
	struct stat st;
	char a[64], b[64];
	int fd = open("/proc/version", O_RDONLY);

	CHECK_OK(fstat(fd, &st));
	CHECK(S_ISREG(st.st_mode));
	CHECK_EQ(st.st_size, 0);
	CHECK_EQ(read(fd, a, 20), 20);
	CHECK_EQ(pread(fd, b, 10, 10), 10);
	CHECK(!memcmp(a + 10, b, 10));
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	CHECK_EQ(read(fd, b, 20), 20);
	CHECK(!memcmp(a, b, 20));
	close(fd);
	CHECK_ERRNO(open("/proc/nothing-here", O_RDONLY), ENOENT);
	CHECK_ERRNO(open("/proc/new", O_RDWR | O_CREAT, 0600), ENOENT);
	CHECK_ERRNO(mkdir("/proc/new", 0700), ENOENT);
	CHECK(unlink("/proc/version") == -1);
	FORKED("an ordinary user doesn't write what root owns")
	{
		become_nobody();
		CHECK(open("/proc/sys/kernel/hostname", O_WRONLY) == -1);
		CHECK(errno == EACCES || errno == EROFS);
	}
}

static void test_listing(void)
{
	struct dirent *e;
	bool self = false, own = false, meminfo = false;
	DIR *d = opendir("/proc");

	REQUIRE(d != NULL);
	while ((e = readdir(d))) {
		self |= !strcmp(e->d_name, "self");
		meminfo |= !strcmp(e->d_name, "meminfo");
		own |= atoi(e->d_name) == getpid() && e->d_type == DT_DIR;
	}
	CHECK(self && own && meminfo);
	closedir(d);
}

int main(void)
{
	test_begin();
	test_meminfo();
	test_cpuinfo();
	test_stat();
	test_loadavg();
	test_uptime();
	test_version();
	test_filesystems();
	test_mounted();
	test_numbers();
	test_uuids();
	test_sysinfo();
	test_nature();
	test_listing();
	return test_done();
}
