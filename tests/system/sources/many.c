/* Many processes and threads at once. Prints what came of them.
 * usage: many processes N | many threads N | many together N
 * together: N processes that end when there is a byte to read, and another byte is waited for. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what)
{
	printf("%s: %s\n", what, strerror(errno));
	exit(1);
}

/* Seconds that a thousand signals to a process that is there take: what finding it costs. */
static double find_cost(pid_t pid)
{
	double start = now();

	for (int i = 0; i < 1000; i++)
		if (kill(pid, 0))
			die("kill");
	return now() - start;
}

static void ask(const char *what)
{
	printf("%s\n", what);
	fflush(stdout);
	getchar();
}

/* All live at once: each waits until the parent has started the last. */
static void processes(int count, int asks)
{
	int ends[2], sum = 0, status;
	pid_t pid = 0;
	char byte;

	if (pipe(ends))
		die("pipe");
	for (int i = 0; i < count; i++) {
		pid = fork();
		if (pid < 0)
			die("fork");
		if (pid)
			continue;
		close(ends[1]);
		_exit(read(ends[0], &byte, 1) == 0 ? i % 100 : 101);
	}
	printf("cost of 1000 kills: %.6f\n", find_cost(pid));
	if (asks)
		ask("started");
	close(ends[1]);
	for (int i = 0; i < count; i++) {
		if (wait(&status) < 0 || !WIFEXITED(status))
			die("wait");
		sum += WEXITSTATUS(status);
	}
	printf("processes: %d, sum %d\n", count, sum);
	if (asks)
		ask("ended");
}

static pthread_barrier_t barrier;

static void *meet(void *number)
{
	pthread_barrier_wait(&barrier);
	return number;
}

static void threads(int count)
{
	pthread_t *all = calloc((size_t)count, sizeof(*all));
	pthread_attr_t attr;
	long sum = 0;
	void *got;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	pthread_barrier_init(&barrier, NULL, (unsigned int)count + 1);
	for (long i = 0; i < count; i++) {
		errno = pthread_create(&all[i], &attr, meet, (void *)i);
		if (errno)
			die("pthread_create");
	}
	printf("cost of 1000 kills: %.6f\n", find_cost(getpid()));
	pthread_barrier_wait(&barrier);
	for (long i = 0; i < count; i++) {
		errno = pthread_join(all[i], &got);
		if (errno)
			die("pthread_join");
		sum += (long)got;
	}
	printf("threads: %d, sum %ld\n", count, sum);
}

int main(int argc, char **argv)
{
	double start = now();
	int count = argc == 3 ? atoi(argv[2]) : 0;

	if (argc != 3)
		return 2;
	if (!strcmp(argv[1], "processes"))
		processes(count, 0);
	else if (!strcmp(argv[1], "together"))
		processes(count, 1);
	else
		threads(count);
	printf("seconds: %.2f\n", now() - start);
	return 0;
}
