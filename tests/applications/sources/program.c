/* What static.sh links in five ways: C's library as far as it leans on the kernel. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int total;
static __thread int own = 5;
static volatile sig_atomic_t signals;

static void *add(void *unused)
{
	for (int i = 0; i < 10000; i++) {
		pthread_mutex_lock(&lock);
		total++;
		pthread_mutex_unlock(&lock);
		own++;
	}
	return unused;
}

static void threads(void)
{
	pthread_t threads[8];

	for (int i = 0; i < 8; i++)
		if (pthread_create(&threads[i], NULL, add, NULL))
			exit(1);
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	printf("threads %d, own %d\n", total, own);
}

static void *wait_forever(void *unused)
{
	pause();
	return unused;
}

static void cancellation(void)
{
	pthread_t thread;
	void *result;

	pthread_create(&thread, NULL, wait_forever, NULL);
	pthread_cancel(thread);
	pthread_join(thread, &result);
	printf("cancelled %d\n", result == PTHREAD_CANCELED);
}

static void count_signal(int number)
{
	(void)number;
	signals++;
}

static void processes(void)
{
	int status, ends[2];
	char text[32] = "";

	fflush(stdout);
	if (pipe(ends))
		exit(1);
	if (fork() == 0) {
		dup2(ends[1], 1);
		execl("/bin/sh", "sh", "-c", "echo child; exit 9", (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	printf("read %zd ", read(ends[0], text, sizeof(text) - 1));
	printf("%s", text);
	wait(&status);
	printf("exit %d, system %d\n", WEXITSTATUS(status), WEXITSTATUS(system("exit 4")));
	FILE *pipe = popen("cat", "w");
	fputs("through popen\n", pipe);
	printf("pclose %d\n", pclose(pipe));
	signal(SIGUSR1, count_signal);
	raise(SIGUSR1);
	kill(getpid(), SIGUSR1);
	printf("signals %d\n", (int)signals);
}

static void memory(void)
{
	char *area =
		mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *blocks[100];

	memset(area, 1, 1 << 20);
	printf("mmap %d\n", area[12345]);
	printf("munmap %d\n", munmap(area, 1 << 20));
	for (int i = 0; i < 100; i++)
		blocks[i] = malloc((size_t)i * 5000 + 1);
	for (int i = 0; i < 100; i++)
		free(blocks[i]);
	area = sbrk(4096);
	printf("sbrk %d\n", area != (void *)-1);
}

static void files(void)
{
	struct stat st;
	FILE *file = fopen("f", "w");

	fprintf(file, "%d %s\n", 42, "words");
	fclose(file);
	printf("stat %d\n", stat("f", &st));
	printf("size %ld\n", (long)st.st_size);
	printf("open %d\n", fopen("nosuch", "r") == NULL);
	printf("ENOENT %d\n", errno == ENOENT);
	printf("rename %d\n", rename("f", "g"));
	printf("unlink %d\n", unlink("g"));
}

int main(int argc, char **argv)
{
	struct timespec now, later;
	char line[64];

	for (int i = 1; i < argc; i++)
		printf("argument [%s]\n", argv[i]);
	if (fgets(line, sizeof(line), stdin))
		printf("line %s", line);
	clock_gettime(CLOCK_MONOTONIC, &now);
	threads();
	cancellation();
	processes();
	memory();
	files();
	clock_gettime(CLOCK_MONOTONIC, &later);
	printf("later %d\n", later.tv_sec > now.tv_sec || later.tv_nsec > now.tv_nsec);
	return 23;
}
