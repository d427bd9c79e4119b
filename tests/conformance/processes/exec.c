/* covers: execve execveat vfork wait4 prlimit64 rt_sigaction rt_sigprocmask readlink */
/* execve(2), execveat(2): which program starts, with what, and what is left of the old one. */
#include "tests/conformance/processes/process_test.h"

#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/stat.h>

extern char **environ;
static char self[512];
static const char *path;
static char *const *args, *const *variables;
static char *no_variables[] = {NULL};

/* Runs a program in a child; the status is the program's, or its errno + 200 if exec fails. */
static void child_execs(void)
{
	execve(path, args, variables);
	_exit(errno == E2BIG ? 254 : 200 + errno);
}

static int exec_status(const char *program, char *const argv[], char *const envp[])
{
	path = program;
	args = argv;
	variables = envp;
	return child_run(child_execs);
}

/* The modes in which this program runs itself. */

static int mode_args(int argc, char **argv)
{
	REQUIRE(argc == 4 && !strcmp(argv[0], "zero"));
	REQUIRE(!strcmp(argv[2], "") && !strcmp(argv[3], "a b\n\xff") && !argv[4]);
	REQUIRE(environ[0] && !strcmp(environ[0], "A=1") && environ[1] && !environ[2]);
	REQUIRE(!strcmp(getenv("B"), "two words"));
	return 0;
}

static int mode_signals(void)
{
	struct sigaction sa;
	sigset_t set;

	sigaction(SIGUSR1, NULL, &sa);
	REQUIRE(sa.sa_handler == SIG_DFL);
	sigaction(SIGUSR2, NULL, &sa);
	REQUIRE(sa.sa_handler == SIG_IGN);
	sigprocmask(SIG_SETMASK, NULL, &set);
	REQUIRE(sigismember(&set, SIGHUP) && !sigismember(&set, SIGUSR1));
	sigpending(&set);
	REQUIRE(sigismember(&set, SIGHUP));
	stack_t stack;
	REQUIRE(sigaltstack(NULL, &stack) == 0 && stack.ss_flags == SS_DISABLE);
	return 0;
}

static int mode_fds(char **argv)
{
	REQUIRE(fcntl(atoi(argv[2]), F_GETFD) == 0);
	REQUIRE(lseek(atoi(argv[2]), 0, SEEK_CUR) == 2);
	REQUIRE(fcntl(atoi(argv[3]), F_GETFD) == -1 && errno == EBADF);
	return 0;
}

static int mode_auxv(char **argv)
{
	const unsigned char *random = (const unsigned char *)getauxval(AT_RANDOM);
	int any = 0;

	REQUIRE(getauxval(AT_PAGESZ) == PAGE);
	REQUIRE(!strcmp((const char *)getauxval(AT_EXECFN), argv[2]));
	REQUIRE(!strcmp((const char *)getauxval(AT_PLATFORM), "x86_64"));
	REQUIRE(getauxval(AT_UID) == getuid() && getauxval(AT_EUID) == geteuid());
	REQUIRE(getauxval(AT_GID) == getgid() && getauxval(AT_EGID) == getegid());
	REQUIRE(getauxval(AT_SECURE) == 0);
	REQUIRE(getauxval(AT_CLKTCK) == 100);
	REQUIRE(getauxval(AT_PHDR) && getauxval(AT_PHENT) == 56 && getauxval(AT_PHNUM) > 0);
	REQUIRE(getauxval(AT_ENTRY));
	REQUIRE(random);
	for (int i = 0; i < 16; i++)
		any |= random[i];
	REQUIRE(any);
	REQUIRE(write(STDERR_FILENO, random, 16) == 16);
	return 0;
}

static int mode_pid(char **argv)
{
	REQUIRE(getpid() == atoi(argv[2]) && getppid() == atoi(argv[3]));
	REQUIRE(thread_id() == getpid());
	return 0;
}

static int mode(int argc, char **argv)
{
	if (!strcmp(argv[1], "args"))
		return mode_args(argc, argv);
	if (!strcmp(argv[1], "signals"))
		return mode_signals();
	if (!strcmp(argv[1], "fds"))
		return mode_fds(argv);
	if (!strcmp(argv[1], "auxv"))
		return mode_auxv(argv);
	if (!strcmp(argv[1], "pid"))
		return mode_pid(argv);
	if (!strcmp(argv[1], "count"))
		return argc;
	/* Run by a script: "script ARGUMENT PATH MORE" */
	if (!strcmp(argv[1], "one  two"))
		return argc == 4 && !strcmp(argv[2], "./script") && !strcmp(argv[3], "more") ? 61
											     : 62;
	if (!strcmp(argv[1], "./bare"))
		return argc == 3 && !strcmp(argv[2], "more") ? 63 : 64;
	if (!strcmp(argv[1], "./inner"))
		return argc == 4 && !strcmp(argv[2], "./outer") && !strcmp(argv[3], "more") ? 65
											    : 66;
	return !strncmp(argv[1], "/dev/fd/", 8) ? 67 : 68;
}

static void file_new(const char *name, const char *content, mode_t permissions)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0700);

	REQUIRE(fd >= 0 && write(fd, content, strlen(content)) == (ssize_t)strlen(content));
	REQUIRE(fchmod(fd, permissions) == 0);
	close(fd);
}

static void arguments_and_environment(void)
{
	char *argv[] = {"zero", "args", "", "a b\n\xff", NULL};
	char *envp[] = {"A=1", "B=two words", NULL};

	CHECK_EQ(exec_status(self, argv, envp), EXITED(0));
}

static void errors(void)
{
	char *argv[] = {"x", NULL};

	mkdir("dir", 0700);
	file_new("plain", "data", 0600);
	file_new("garbage", "not a program", 0700);
	file_new("empty", "", 0700);
	file_new("lost", "#!/nonexistent/interpreter\n", 0700);
	REQUIRE(symlink("loop", "loop") == 0);
	CHECK_ERRNO(execve("missing", argv, no_variables), ENOENT);
	CHECK_ERRNO(execve("", argv, no_variables), ENOENT);
	CHECK_ERRNO(execve("dir", argv, no_variables), EACCES);
	CHECK_ERRNO(execve("plain", argv, no_variables), EACCES);
	CHECK_ERRNO(execve("garbage", argv, no_variables), ENOEXEC);
	CHECK_ERRNO(execve("empty", argv, no_variables), ENOEXEC);
	CHECK_ERRNO(execve("lost", argv, no_variables), ENOENT);
	CHECK_ERRNO(execve("loop", argv, no_variables), ELOOP);
	CHECK_ERRNO(execve("plain/x", argv, no_variables), ENOTDIR);
	CHECK_ERRNO(execve(bad_address(), argv, no_variables), EFAULT);
	CHECK_ERRNO(execve(self, bad_address(), no_variables), EFAULT);
	CHECK_ERRNO(execve(self, argv, bad_address()), EFAULT);
	char *bad[] = {"x", bad_address(), NULL};
	CHECK_ERRNO(execve(self, bad, no_variables), EFAULT);
	char name[5000];
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	CHECK_ERRNO(execve(name, argv, no_variables), ENAMETOOLONG);
	name[300] = 0;
	CHECK_ERRNO(execve(name, argv, no_variables), ENAMETOOLONG);
}

static void too_big(void)
{
	enum { STRING = 128 << 10 };
	char *long_string = malloc(STRING + 1), *argv[] = {"x", "count", long_string, NULL};
	static char *many[100000];
	static char string[100];

	memset(long_string, 'x', STRING);
	long_string[STRING] = 0;
	CHECK_ERRNO(execve(self, argv, no_variables), E2BIG);
	long_string[STRING - 1] = 0;
	CHECK_EQ(exec_status(self, argv, no_variables), EXITED(3));
	free(long_string);
	memset(string, 'y', sizeof(string) - 1);
	for (size_t i = 0; i < 99999; i++)
		many[i] = string;
	CHECK_ERRNO(execve(self, many, no_variables), E2BIG); /* 10 MB: over 6 MiB in any case */
	many[1] = "count";
	many[5003] = NULL;
	CHECK_EQ(exec_status(self, many, no_variables), EXITED(5003 & 0xff));
}

static void scripts(void)
{
	char *argv[] = {"zero", "more", NULL}, text[1024];

	snprintf(text, sizeof(text), "#! %s  one  two \nrest\n", self);
	file_new("script", text, 0700);
	CHECK_EQ(exec_status("./script", argv, no_variables), EXITED(61));
	snprintf(text, sizeof(text), "#!%s", self);
	file_new("bare", text, 0700);
	CHECK_EQ(exec_status("./bare", argv, no_variables), EXITED(63));
	snprintf(text, sizeof(text), "#!%s\n", self);
	file_new("inner", text, 0700);
	file_new("outer", "#!./inner\n", 0700);
	CHECK_EQ(exec_status("./outer", argv, no_variables), EXITED(65));
	file_new("selfish", "#!./selfish\n", 0700);
	CHECK_EQ(exec_status("./selfish", argv, no_variables), EXITED(200 + ELOOP));
	file_new("hidden", text, 0600);
	file_new("denied", "#!./hidden\n", 0700);
	CHECK_EQ(exec_status("./denied", argv, no_variables), EXITED(200 + EACCES));
}

static void handler(int sig)
{
	(void)sig;
}

static void child_with_signals_execs(void)
{
	static char *argv[] = {"x", "signals", NULL};
	stack_t stack = {.ss_sp = memory_new(16 * PAGE, PROT_READ), .ss_size = 16 * PAGE};

	signal(SIGUSR1, handler);
	signal(SIGUSR2, SIG_IGN);
	sigaltstack(&stack, NULL);
	signal_block(SIG_BLOCK, SIGHUP);
	raise(SIGHUP);
	execv(self, argv);
}

static void child_with_files_execs(void)
{
	char kept[16], closed[16], *argv[] = {"x", "fds", kept, closed, NULL};
	int keep, close_it;

	file_new("kept", "abc", 0600);
	keep = open("kept", O_RDONLY);
	close_it = open("kept", O_RDONLY | O_CLOEXEC);
	lseek(keep, 2, SEEK_SET);
	snprintf(kept, sizeof(kept), "%d", keep);
	snprintf(closed, sizeof(closed), "%d", close_it);
	execv(self, argv);
}

static void *execs_from_thread(void *arg)
{
	char me[16], parent[16], *argv[] = {"x", "pid", me, parent, NULL};

	(void)arg;
	snprintf(me, sizeof(me), "%d", getpid());
	snprintf(parent, sizeof(parent), "%d", getppid());
	execv(self, argv);
	_exit(1);
}

static void *never_ends(void *arg)
{
	for (;;)
		if (arg)
			pause();
	return NULL;
}

/* The other threads die, one in a call, one in its own code, and the thread that calls execve()
 * becomes the leader. */
static void child_thread_execs(void)
{
	thread_start(never_ends, NULL);
	thread_start(never_ends, (void *)1);
	thread_start(execs_from_thread, NULL);
	never_ends((void *)1);
}

static void auxv_values(void)
{
	char random[2][16], *argv[] = {"x", "auxv", self, NULL};
	int fds[2];

	for (int i = 0; i < 2; i++) {
		int saved = dup(STDERR_FILENO);

		pipe_new(fds);
		dup2(fds[1], STDERR_FILENO);
		CHECK_EQ(exec_status(self, argv, no_variables), EXITED(0));
		dup2(saved, STDERR_FILENO);
		CHECK_EQ(read(fds[0], random[i], 16), 16);
		close(saved);
		close(fds[0]);
		close(fds[1]);
	}
	CHECK(memcmp(random[0], random[1], 16) != 0);
}

static int exec_fd, exec_flags;
static const char *exec_name;

static void child_execveats(void)
{
	static char *argv[] = {"x", "count", "c", NULL};

	syscall(SYS_execveat, exec_fd, exec_name, argv, no_variables, exec_flags);
	_exit(200 + errno);
}

static int execveat_status(int fd, const char *name, int flags)
{
	exec_fd = fd;
	exec_name = name;
	exec_flags = flags;
	return child_run(child_execveats);
}

static void relative_to_a_descriptor(void)
{
	char dir_name[512], *slash;
	int dir, file = open(self, O_RDONLY | O_CLOEXEC), plain = open("plain", O_RDONLY),
		 path_only;

	strcpy(dir_name, self);
	slash = strrchr(dir_name, '/');
	*slash = 0;
	dir = open(dir_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CHECK_EQ(execveat_status(dir, slash + 1, 0), EXITED(3));
	CHECK_EQ(execveat_status(AT_FDCWD, self, 0), EXITED(3));
	CHECK_EQ(execveat_status(-1, self, 0), EXITED(3));
	CHECK_EQ(execveat_status(file, "", AT_EMPTY_PATH), EXITED(3));
	path_only = open(self, O_PATH | O_CLOEXEC);
	CHECK_EQ(execveat_status(path_only, "", AT_EMPTY_PATH), EXITED(3));
	close(path_only);
	CHECK_EQ(execveat_status(file, "", 0), EXITED(200 + ENOENT));
	CHECK_EQ(execveat_status(-1, "x", 0), EXITED(200 + EBADF));
	CHECK_EQ(execveat_status(file, "x", 0), EXITED(200 + ENOTDIR));
	CHECK_EQ(execveat_status(plain, "", AT_EMPTY_PATH), EXITED(200 + EACCES));
	CHECK_EQ(execveat_status(dir, slash + 1, 0x40000000), EXITED(200 + EINVAL));
	REQUIRE(symlink(self, "link") == 0);
	CHECK_EQ(execveat_status(AT_FDCWD, "link", 0), EXITED(3));
	CHECK_EQ(execveat_status(AT_FDCWD, "link", AT_SYMLINK_NOFOLLOW), EXITED(200 + ELOOP));
	close(file);
	close(plain);
	/* A script through a close-on-exec descriptor is gone when its interpreter opens it. */
	int script = open("bare", O_RDONLY | O_CLOEXEC);
	CHECK_EQ(execveat_status(script, "", AT_EMPTY_PATH), EXITED(200 + ENOENT));
	fcntl(script, F_SETFD, 0);
	CHECK_EQ(execveat_status(script, "", AT_EMPTY_PATH), EXITED(67));
	close(script);
	close(dir);
}

static void a_program_being_written_is_busy(void)
{
	char buffer[4096], *argv[] = {"x", "count", NULL};
	int from = open(self, O_RDONLY), to = open("copy", O_WRONLY | O_CREAT, 0700);
	ssize_t n;

	while ((n = read(from, buffer, sizeof(buffer))) > 0)
		REQUIRE(write(to, buffer, (size_t)n) == n);
	CHECK_EQ(exec_status("copy", argv, no_variables), EXITED(200 + ETXTBSY));
	close(to);
	CHECK_EQ(exec_status("copy", argv, no_variables), EXITED(2));
	close(from);
}

int main(int argc, char **argv)
{
	ssize_t n;

	alarm(DEADLINE_SECONDS);
	if (argc > 1)
		return mode(argc, argv);
	test_start();
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	REQUIRE(n > 0 && self[0] == '/');
	arguments_and_environment();
	errors();
	too_big();
	scripts();
	CHECK_CHILD(child_with_signals_execs);
	CHECK_CHILD(child_with_files_execs);
	CHECK_CHILD(child_thread_execs);
	auxv_values();
	relative_to_a_descriptor();
	a_program_being_written_is_busy();
	return test_done();
}
