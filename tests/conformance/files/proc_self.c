/* covers: openat read readlink getdents64 prctl */
/* /proc/self, read as programs read it: proc(5). */
#include <ctype.h>
#include <dirent.h>
#include <elf.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "tests/conformance/files/conformance.h"

static char text[1 << 18];

static const char *slurp(const char *path)
{
	CHECK(get_file(path, text, sizeof(text)) >= 0);
	return text;
}

static const char *link_of(const char *path)
{
	ssize_t n = readlink(path, text, sizeof(text) - 1);

	text[n < 0 ? 0 : n] = 0;
	return text;
}

/* The number after "Key:" at a line's start, or -1. */
static long field(const char *all, const char *key)
{
	size_t n = strlen(key);

	for (const char *at = all; at; at = strchr(at, '\n'), at += at != NULL)
		if (!strncmp(at, key, n))
			return strtol(at + n, NULL, 10);
	return -1;
}

static void test_links(void)
{
	char cwd[PATH_MAX], pid[64], exe[PATH_MAX];

	REQUIRE(getcwd(cwd, sizeof(cwd)));
	CHECK_STR(link_of("/proc/self/cwd"), cwd);
	CHECK_EQ(link_of("/proc/self/root")[0], '/');
	snprintf(exe, sizeof(exe), "%.4000s", link_of("/proc/self/exe"));
	CHECK_EQ(exe[0], '/');
	CHECK(same_file("/proc/self/exe", exe));
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	CHECK_STR(link_of("/proc/self"), pid);
	snprintf(pid, sizeof(pid), "%d/task/%d", (int)getpid(), (int)getpid());
	CHECK_STR(link_of("/proc/thread-self"), pid);
	CHECK(same_file("/proc/self/cwd", "."));
	FORKED("the link follows the reader")
	{
		snprintf(pid, sizeof(pid), "%d", (int)getpid());
		CHECK_STR(link_of("/proc/self"), pid);
	}
}

static void test_exe_is_elf(void)
{
	char head[4] = "";
	int fd = open("/proc/self/exe", O_RDONLY);

	CHECK_EQ(read(fd, head, 4), 4);
	CHECK(!memcmp(head, "\177ELF", 4));
	CHECK_EQ(open("/proc/self/exe", O_WRONLY), -1);
	CHECK(errno == ETXTBSY || errno == EROFS || (errno == EACCES && !is_root()));
	close(fd);
}

static void test_status(void)
{
	char want[64];
	const char *s = slurp("/proc/self/status");

	CHECK_EQ(field(s, "Pid:"), getpid());
	CHECK_EQ(field(s, "Tgid:"), getpid());
	CHECK_EQ(field(s, "PPid:"), getppid());
	CHECK_EQ(field(s, "TracerPid:"), 0);
	CHECK_EQ(field(s, "Uid:"), getuid());
	CHECK_EQ(field(s, "Gid:"), getgid());
	CHECK_EQ(field(s, "Threads:"), 1);
	CHECK(field(s, "FDSize:") > 0);
	CHECK(field(s, "VmSize:") > 0 && field(s, "VmRSS:") > 0);
	CHECK(field(s, "VmPeak:") >= field(s, "VmSize:"));
	CHECK(strstr(s, "\nState:\tR (running)\n"));
	CHECK(strstr(s, "\nSigBlk:\t0000000000000000\n"));
	CHECK(strstr(s, "\nCapEff:\t") && strstr(s, "\nCapBnd:\t") && strstr(s, "\nSeccomp:\t"));
	CHECK(strstr(s, "\nCpus_allowed_list:\t"));
	snprintf(want, sizeof(want), "\nUmask:\t%04o\n", 022);
	CHECK(strstr(s, want));
}

static void test_signal_masks(void)
{
	sigset_t set, old;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	CHECK_OK(sigprocmask(SIG_BLOCK, &set, &old));
	signal(SIGUSR2, SIG_IGN);
	slurp("/proc/self/status");
	CHECK(strstr(text, "\nSigBlk:\t0000000000000200\n"));
	CHECK(strtoull(strstr(text, "SigIgn:") + 7, NULL, 16) & 1 << (SIGUSR2 - 1));
	CHECK_OK(raise(SIGUSR1));
	slurp("/proc/self/status");
	CHECK(strtoull(strstr(text, "SigPnd:") + 7, NULL, 16) & 1 << (SIGUSR1 - 1));
	signal(SIGUSR1, SIG_IGN);
	CHECK_OK(sigprocmask(SIG_SETMASK, &old, NULL));
}

static void test_stat(void)
{
	const char *after;
	int pid, ppid, pgrp, session, spaces = 0;
	char comm[32], state;

	CHECK_OK(prctl(PR_SET_NAME, "odd) (name"));
	slurp("/proc/self/stat");
	CHECK_EQ(sscanf(text, "%d (%31[^\n]", &pid, comm), 2);
	CHECK_EQ(pid, getpid());
	after = strrchr(text, ')');
	REQUIRE(after != NULL);
	CHECK(strstr(text, "(odd) (name)"));
	CHECK_EQ(sscanf(after, ") %c %d %d %d", &state, &ppid, &pgrp, &session), 4);
	CHECK_EQ(state, 'R');
	CHECK_EQ(ppid, getppid());
	CHECK_EQ(pgrp, getpgrp());
	CHECK_EQ(session, getsid(0));
	for (const char *c = after; *c; c++)
		spaces += *c == ' ';
	CHECK(spaces >= 50);
	CHECK_EQ(text[strlen(text) - 1], '\n');
}

static void test_states_of_others(void)
{
	char path[64];
	pid_t pid = test_fork();

	if (pid == 0) {
		pause();
		_exit(0);
	}
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	CHECK_EQ(field(slurp(path), "PPid:"), getpid());
	CHECK_OK(kill(pid, SIGKILL));
	siginfo_t info;
	CHECK_OK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
	CHECK(strstr(slurp(path), "State:\tZ (zombie)"));
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	CHECK_ERRNO(open(path, O_RDONLY), ENOENT);
}

static void test_statm(void)
{
	unsigned long size, resident, shared, code;

	CHECK_EQ(sscanf(slurp("/proc/self/statm"), "%lu %lu %lu %lu", &size, &resident, &shared,
			 &code),
		4);
	CHECK(size >= resident && resident > 0 && code > 0);
}

static void test_task(void)
{
	char path[64];
	int count = 0;
	struct dirent *e;
	DIR *d = opendir("/proc/self/task");

	while (d && (e = readdir(d)))
		count += atoi(e->d_name) == getpid();
	CHECK_EQ(count, 1);
	closedir(d);
	snprintf(path, sizeof(path), "/proc/self/task/%d/status", (int)getpid());
	CHECK_EQ(field(slurp(path), "Pid:"), getpid());
	CHECK_ERRNO(open("/proc/self/task/1073741824/status", O_RDONLY), ENOENT);
}

static void test_arguments(char **argv)
{
	extern char **environ;
	ssize_t n = get_file("/proc/self/cmdline", text, sizeof(text));

	CHECK_STR(text, argv[0]);
	CHECK_EQ(n, strlen(argv[0]) + 1);
	n = get_file("/proc/self/environ", text, sizeof(text));
	CHECK(n >= 0);
	if (environ[0])
		CHECK(memmem(text, (size_t)n, environ[0], strlen(environ[0]) + 1));
}

static void test_comm(void)
{
	CHECK(put_file("/proc/self/comm", "a-much-too-long-name\n"));
	CHECK_STR(slurp("/proc/self/comm"), "a-much-too-long\n");
	CHECK_OK(prctl(PR_SET_NAME, "short"));
	CHECK_STR(slurp("/proc/self/comm"), "short\n");
	CHECK(strstr(slurp("/proc/self/status"), "Name:\tshort\n"));
}

/* The C library may change what getauxval(3) says of the processor, but not these. */
static void test_auxv(void)
{
	static const unsigned long same[] = {AT_PHDR, AT_PHENT, AT_PHNUM, AT_PAGESZ, AT_BASE,
		AT_ENTRY, AT_UID, AT_EUID, AT_GID, AT_EGID, AT_CLKTCK, AT_SECURE, AT_RANDOM,
		AT_EXECFN};
	ssize_t n = get_file("/proc/self/auxv", text, sizeof(text));
	const Elf64_auxv_t *v = (void *)text;
	size_t count = (size_t)n / sizeof(*v), agree = 0;

	CHECK(n > 0 && n % (ssize_t)sizeof(*v) == 0);
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < ARRAY_SIZE(same); k++)
			agree +=
				v[i].a_type == same[k] && v[i].a_un.a_val == getauxval(v[i].a_type);
	CHECK_EQ(agree, ARRAY_SIZE(same));
	CHECK(count && v[count - 1].a_type == AT_NULL);
}

static void test_mounts(void)
{
	char dev[256], dir[256], type[64], options[512];
	bool root = false, proc = false;
	int bad = 0, freq, pass, id, parent, count = 0;

	for (char *s = strtok((char *)slurp("/proc/self/mounts"), "\n"); s;
		s = strtok(NULL, "\n")) {
		bad += sscanf(s, "%255s %255s %63s %511s %d %d", dev, dir, type, options, &freq,
			       &pass) != 6;
		root |= !strcmp(dir, "/");
		proc |= !strcmp(dir, "/proc") && !strcmp(type, "proc");
	}
	CHECK(proc && bad == 0);
	if (root)
		CHECK(root);
	else
		test_skip("the root's mount", "a chroot shows none");
	for (char *s = strtok((char *)slurp("/proc/self/mountinfo"), "\n"); s;
		s = strtok(NULL, "\n")) {
		bad += sscanf(s, "%d %d %*d:%*d %255s %255s %511s", &id, &parent, dev, dir,
			       options) != 5;
		bad += strstr(s, " - ") == NULL;
		count++;
	}
	CHECK(count > 0 && bad == 0);
}

static void test_limits(void)
{
	const struct rlimit small = {123, 456};
	char soft[32], hard[32];
	const char *at;

	FORKED("limits as setrlimit(2) left them")
	{
		CHECK_OK(setrlimit(RLIMIT_NOFILE, &small));
		at = strstr(slurp("/proc/self/limits"), "Max open files");
		CHECK(!strncmp(text, "Limit ", 6));
		CHECK(at && sscanf(at + 14, "%31s %31s", soft, hard) == 2);
		CHECK_STR(soft, "123");
		CHECK_STR(hard, "456");
	}
}

static void test_oom_score_adj(void)
{
	CHECK(isdigit((unsigned char)slurp("/proc/self/oom_score_adj")[0]) || text[0] == '-');
	FORKED("raising one's own score is allowed")
	{
		CHECK(put_file("/proc/self/oom_score_adj", "900"));
		CHECK_STR(slurp("/proc/self/oom_score_adj"), "900\n");
		CHECK(!put_file("/proc/self/oom_score_adj", "1001"));
	}
}

/* proc(5): who logged in, for the kernel's audit; pam_loginuid(8) writes it. */
static void test_login(void)
{
	FORKED("a login's user is set once and inherited")
	{
		CHECK(!put_file("/proc/self/loginuid", "root"));
		CHECK(!put_file("/proc/self/loginuid", "4294967296"));
		if (!strcmp(slurp("/proc/self/loginuid"), "4294967295")) {
			CHECK(put_file("/proc/self/loginuid", "7"));
			CHECK_STR(slurp("/proc/self/loginuid"), "7");
			CHECK(strcmp(slurp("/proc/self/sessionid"), "4294967295"));
			CHECK_EQ(system("read uid </proc/self/loginuid; [ \"$uid\" = 7 ]"), 0);
			become_nobody();
			CHECK(!put_file("/proc/self/loginuid", "8"));
		}
	}
}

int main(int argc, char **argv)
{
	(void)argc;
	test_begin();
	test_arguments(argv);
	test_links();
	test_exe_is_elf();
	test_status();
	test_signal_masks();
	test_stat();
	test_states_of_others();
	test_statm();
	test_task();
	test_comm();
	test_auxv();
	test_mounts();
	test_limits();
	test_oom_score_adj();
	test_login();
	return test_done();
}
