/* covers: clone3 clone vfork execve wait4 setpgid rt_sigprocmask rt_sigaction dup2 open close */
/* posix_spawn(3): libc's combination of vfork-like clone, file actions and execve. */
#include "tests/conformance/processes/process_test.h"

#include <spawn.h>
#include <sys/stat.h>

extern char **environ;
static char *self = "/proc/self/exe";

static int mode(int argc, char **argv)
{
	struct sigaction sa;
	sigset_t mask;
	char c;

	if (!strcmp(argv[1], "exit"))
		return atoi(argv[2]);
	if (!strcmp(argv[1], "stdin"))
		return read(0, &c, 1) == 1 ? c : 255;
	if (!strcmp(argv[1], "closed"))
		return fcntl(atoi(argv[2]), F_GETFD) == -1 && errno == EBADF ? 0 : 1;
	if (!strcmp(argv[1], "group"))
		return getpgrp() == getpid() ? 0 : 1;
	if (!strcmp(argv[1], "session"))
		return getsid(0) == getpid() ? 0 : 1;
	sigprocmask(SIG_SETMASK, NULL, &mask);
	sigaction(SIGUSR1, NULL, &sa);
	return argc == 2 && sigismember(&mask, SIGUSR2) && sa.sa_handler == SIG_DFL ? 0 : 1;
}

static int spawn_status(
	posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes, char *what, char *arg)
{
	char *argv[] = {"x", what, arg, NULL};
	pid_t pid;
	int error = posix_spawn(&pid, self, actions, attributes, argv, environ);

	return error ? -error : child_wait(pid);
}

static void exit_status(void)
{
	pid_t pid;
	char *argv[] = {"x", NULL};

	CHECK_EQ(spawn_status(NULL, NULL, "exit", "5"), EXITED(5));
	CHECK_EQ(posix_spawn(&pid, "/nonexistent", NULL, NULL, argv, environ), ENOENT);
	CHECK_EQ(posix_spawn(&pid, "/", NULL, NULL, argv, environ), EACCES);
	CHECK_EQ(posix_spawnp(&pid, "no-such-program-here", NULL, NULL, argv, environ), ENOENT);
	CHECK_ERRNO(waitpid(-1, NULL, 0), ECHILD); /* failures leave no child */
}

static void file_actions(void)
{
	posix_spawn_file_actions_t actions;
	char number[16];
	int fds[2], fd = open("file", O_RDWR | O_CREAT, 0600);

	REQUIRE(write(fd, "F", 1) == 1);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "file", O_RDONLY, 0);
	CHECK_EQ(spawn_status(&actions, NULL, "stdin", NULL), EXITED('F'));
	posix_spawn_file_actions_destroy(&actions);

	pipe_new(fds);
	REQUIRE(write(fds[1], "P", 1) == 1);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fds[0], 0);
	posix_spawn_file_actions_addclose(&actions, fd);
	CHECK_EQ(spawn_status(&actions, NULL, "stdin", NULL), EXITED('P'));
	snprintf(number, sizeof(number), "%d", fd);
	CHECK_EQ(spawn_status(&actions, NULL, "closed", number), EXITED(0));
	CHECK_EQ(spawn_status(NULL, NULL, "closed", number), EXITED(1));
	posix_spawn_file_actions_destroy(&actions);

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, 1000, 0);
	CHECK_EQ(spawn_status(&actions, NULL, "stdin", NULL), -EBADF);
	posix_spawn_file_actions_destroy(&actions);
	CHECK_OK(fcntl(fd, F_GETFD));

	REQUIRE(mkdir("sub", 0700) == 0 && rename("file", "sub/file") == 0);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addchdir_np(&actions, "sub");
	posix_spawn_file_actions_addopen(&actions, 0, "file", O_RDONLY, 0);
	CHECK_EQ(spawn_status(&actions, NULL, "stdin", NULL), EXITED('F'));
	posix_spawn_file_actions_destroy(&actions);
	CHECK_OK(access("sub/file", F_OK)); /* our own directory is as it was */
	close(fds[0]);
	close(fds[1]);
	close(fd);
}

static void attributes(void)
{
	posix_spawnattr_t attr;
	sigset_t set;

	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP);
	posix_spawnattr_setpgroup(&attr, 0);
	CHECK_EQ(spawn_status(NULL, &attr, "group", NULL), EXITED(0));
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID);
	CHECK_EQ(spawn_status(NULL, &attr, "session", NULL), EXITED(0));
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	posix_spawnattr_setsigmask(&attr, &set);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	posix_spawnattr_setsigdefault(&attr, &set);
	signal(SIGUSR1, SIG_IGN);
	CHECK_EQ(spawn_status(NULL, &attr, "signals", NULL), EXITED(0));
	CHECK_EQ(spawn_status(NULL, NULL, "signals", NULL), EXITED(1));
	signal(SIGUSR1, SIG_DFL);
	posix_spawnattr_destroy(&attr);
	sigprocmask(SIG_SETMASK, NULL, &set);
	CHECK(!sigismember(&set, SIGUSR2));
}

static void *spawns(void *arg)
{
	int *wrong = arg;

	for (int i = 0; i < 25; i++)
		*wrong += spawn_status(NULL, NULL, "exit", "9") != EXITED(9);
	return NULL;
}

static void from_several_threads(void)
{
	pthread_t threads[4];
	int wrong[4] = {0};

	for (int i = 0; i < 4; i++)
		threads[i] = thread_start(spawns, &wrong[i]);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	CHECK_EQ(wrong[0] + wrong[1] + wrong[2] + wrong[3], 0);
}

static void shell_commands(void)
{
	char line[64] = "";
	FILE *pipe;

	if (access("/bin/sh", X_OK)) {
		test_skip("system and popen", "no /bin/sh here");
		return;
	}
	CHECK_EQ(system("exit 3"), EXITED(3));
	CHECK_EQ(system("kill -9 $$"), SIGKILL);
	pipe = popen("echo out; exit 4", "r");
	REQUIRE(pipe);
	CHECK(fgets(line, sizeof(line), pipe) != NULL);
	CHECK_STR(line, "out\n");
	CHECK_EQ(pclose(pipe), EXITED(4));
}

int main(int argc, char **argv)
{
	alarm(DEADLINE_SECONDS);
	if (argc > 1)
		return mode(argc, argv);
	test_start();
	setenv("PATH", "/usr/bin:/bin", 1);
	exit_status();
	file_actions();
	attributes();
	from_several_threads();
	shell_commands();
	return test_done();
}
