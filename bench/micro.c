/* What programs ask of a kernel, each measured alone. Prints a `name value unit` line for each
 * benchmark named on the command line, or for all. Built as any program is, so that it measures
 * what an unmodified one would meet. Files are made in the current directory. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BATCHES 5
#define BATCH_NS 20000000.0 /* long enough that reading the clock does not count */
#define BLOCK_SIZE 65536
#define JAVA "/usr/lib/jvm/java-17-openjdk-amd64/bin/java"

extern char **environ;

struct benchmark {
	const char *name;
	const char *unit;
	void (*run)(long count);            /* does its work @count times */
	double (*value)(double ns_per_run); /* in @unit */
};

static int zero_fd, plain_fd;
static char block[BLOCK_SIZE];

static void die(const char *what)
{
	fprintf(stderr, "micro: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* One system call each. */

static void run_getppid(long count)
{
	while (count--)
		getppid();
}

static void run_fstat(long count)
{
	struct stat st;

	while (count--)
		if (fstat(plain_fd, &st))
			die("fstat");
}

static void run_sigprocmask(long count)
{
	sigset_t set;

	sigemptyset(&set);
	while (count--)
		if (sigprocmask(SIG_BLOCK, &set, NULL))
			die("sigprocmask");
}

static void run_read_zero(long count)
{
	char byte;

	while (count--)
		if (read(zero_fd, &byte, 1) != 1)
			die("read");
}

/* Files */

static void run_stat(long count)
{
	struct stat st;

	while (count--)
		if (stat("plain", &st))
			die("stat");
}

static void run_open_close(long count)
{
	while (count--) {
		int fd = open("plain", O_RDONLY | O_CLOEXEC);

		if (fd < 0 || close(fd))
			die("open");
	}
}

/* Creates and removes, so that the directory stays small whatever @count is. */
static void run_create(long count)
{
	char name[32];

	for (long i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "small.%ld", i % 1000);
		int fd = open(name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

		if (fd < 0 || write(fd, block, 1024) != 1024 || close(fd) || unlink(name))
			die(name);
	}
}

/* Pipes and sockets between two processes. @open makes the two ends of a channel: [0] to read from.
 */

static void write_all(int fd, size_t size)
{
	while (size) {
		ssize_t written = write(fd, block, size);

		if (written <= 0)
			die("write");
		size -= (size_t)written;
	}
}

static void read_all(int fd, size_t size)
{
	while (size) {
		ssize_t got = read(fd, block, size);

		if (got <= 0)
			die("read");
		size -= (size_t)got;
	}
}

static pid_t start_child(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	return pid;
}

static void wait_for(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || status)
		die("a child failed");
}

static void open_pipe(int ends[2])
{
	if (pipe(ends))
		die("pipe");
}

static void open_unix(int ends[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		die("socketpair");
}

/* Blocks of BLOCK_SIZE from a child to its parent. */
static void stream(long count, void (*open)(int ends[2]))
{
	int ends[2];
	pid_t pid;

	open(ends);
	pid = start_child();
	if (pid == 0) {
		while (count--)
			write_all(ends[1], BLOCK_SIZE);
		_exit(0);
	}
	while (count--)
		read_all(ends[0], BLOCK_SIZE);
	close(ends[0]);
	close(ends[1]);
	wait_for(pid);
}

/* A byte to a child, and one back. */
static void ping_pong(long count, void (*open)(int ends[2]))
{
	int there[2], back[2];
	pid_t pid;

	open(there);
	open(back);
	pid = start_child();
	if (pid == 0) {
		while (count--) {
			read_all(there[0], 1);
			write_all(back[1], 1);
		}
		_exit(0);
	}
	while (count--) {
		write_all(there[1], 1);
		read_all(back[0], 1);
	}
	wait_for(pid);
	for (int i = 0; i < 2; i++) {
		close(there[i]);
		close(back[i]);
	}
}

static void run_pipe(long count)
{
	stream(count, open_pipe);
}

static void run_unix(long count)
{
	stream(count, open_unix);
}

static void run_ping_pong(long count)
{
	ping_pong(count, open_pipe);
}

static void run_unix_ping_pong(long count)
{
	ping_pong(count, open_unix);
}

/* Processes and threads */

static void run_fork_exec(long count)
{
	while (count--) {
		pid_t pid = start_child();

		if (pid == 0) {
			execl("/bin/true", "true", (char *)NULL);
			_exit(1);
		}
		wait_for(pid);
	}
}

static void spawn(long count, char **command)
{
	pid_t pid;

	while (count--) {
		errno = posix_spawn(&pid, command[0], NULL, NULL, command, environ);
		if (errno)
			die(command[0]);
		wait_for(pid);
	}
}

static void run_spawn(long count)
{
	spawn(count, (char *[]){"/bin/true", NULL});
}

static void run_python(long count)
{
	spawn(count, (char *[]){"/usr/bin/python3", "-c", "pass", NULL});
}

static void run_node(long count)
{
	spawn(count, (char *[]){"/usr/bin/node", "-e", "0", NULL});
}

static void run_java(long count)
{
	spawn(count, (char *[]){JAVA, "-version", NULL});
}

static void *do_nothing(void *unused)
{
	return unused;
}

static void run_pthread(long count)
{
	pthread_t thread;

	while (count--) {
		errno = pthread_create(&thread, NULL, do_nothing, NULL);
		if (errno || pthread_join(thread, NULL))
			die("pthread_create");
	}
}

/* Units */

static double as_ns(double ns)
{
	return ns;
}

static double as_us(double ns)
{
	return ns / 1e3;
}

static double as_ms(double ns)
{
	return ns / 1e6;
}

static double as_mb_per_s(double ns)
{
	return BLOCK_SIZE * 1e3 / ns;
}

static const struct benchmark benchmarks[] = {
	{"getppid", "ns", run_getppid, as_ns},
	{"fstat", "ns", run_fstat, as_ns},
	{"sigprocmask", "ns", run_sigprocmask, as_ns},
	{"read_zero", "ns", run_read_zero, as_ns},
	{"stat", "ns", run_stat, as_ns},
	{"open_close", "us", run_open_close, as_us},
	{"create", "us", run_create, as_us},
	{"pipe", "MB/s", run_pipe, as_mb_per_s},
	{"ping_pong", "us", run_ping_pong, as_us},
	{"unix", "MB/s", run_unix, as_mb_per_s},
	{"unix_ping_pong", "us", run_unix_ping_pong, as_us},
	{"fork_exec", "us", run_fork_exec, as_us},
	{"spawn", "us", run_spawn, as_us},
	{"pthread", "us", run_pthread, as_us},
	{"python", "ms", run_python, as_ms},
	{"node", "ms", run_node, as_ms},
	{"java", "ms", run_java, as_ms},
};

static double time_ns(const struct benchmark *benchmark, long count)
{
	double start = now_ns();

	benchmark->run(count);
	return now_ns() - start;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double measure_ns(const struct benchmark *benchmark)
{
	double batches[BATCHES];
	long count = 1;

	while (time_ns(benchmark, count) < BATCH_NS)
		count *= 2;
	for (int i = 0; i < BATCHES; i++)
		batches[i] = time_ns(benchmark, count) / (double)count;
	qsort(batches, BATCHES, sizeof(batches[0]), compare_doubles);
	return batches[BATCHES / 2];
}

static int is_wanted(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], name))
			return 1;
	return argc == 1;
}

int main(int argc, char **argv)
{
	zero_fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	plain_fd = open("plain", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	if (zero_fd < 0 || plain_fd < 0)
		die("open");
	for (size_t i = 0; i < sizeof(benchmarks) / sizeof(benchmarks[0]); i++) {
		const struct benchmark *benchmark = &benchmarks[i];

		if (!is_wanted(benchmark->name, argc, argv))
			continue;
		double value = benchmark->value(measure_ns(benchmark));

		printf("%s %.4g %s\n", benchmark->name, value, benchmark->unit);
		fflush(stdout);
	}
	unlink("plain");
	return 0;
}
