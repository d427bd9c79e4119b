/* covers: mmap munmap fork memfd_create mprotect futex */
/* MAP_SHARED memory between processes: one memory, atomics and locks included. */
#include "tests/conformance/processes/process_test.h"

#include <semaphore.h>

struct shared {
	atomic_long count;
	long plain;
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	sem_t semaphore;
	int turn;
	char text[64];
};

static struct shared *s;

static void child_adds(void)
{
	for (int i = 0; i < 20000; i++) {
		atomic_fetch_add(&s->count, 1);
		if (i % 8 == 0) {
			REQUIRE(pthread_mutex_lock(&s->mutex) == 0);
			s->plain++;
			REQUIRE(pthread_mutex_unlock(&s->mutex) == 0);
		}
	}
}

static void atomics_and_mutex(void)
{
	pid_t pids[4];
	int wrong = 0;

	for (int i = 0; i < 4; i++)
		pids[i] = child_start(child_adds);
	for (int i = 0; i < 4; i++)
		wrong += child_wait(pids[i]) != EXITED(0);
	CHECK_EQ(wrong, 0);
	CHECK_EQ(atomic_load(&s->count), 80000);
	CHECK_EQ(s->plain, 10000);
}

static void child_takes_turns(void)
{
	for (int i = 0; i < 1000; i++) {
		pthread_mutex_lock(&s->mutex);
		while (s->turn % 2 == 0)
			pthread_cond_wait(&s->cond, &s->mutex);
		s->turn++;
		pthread_cond_signal(&s->cond);
		pthread_mutex_unlock(&s->mutex);
	}
}

static void conditions(void)
{
	pid_t pid = child_start(child_takes_turns);

	for (int i = 0; i < 1000; i++) {
		pthread_mutex_lock(&s->mutex);
		while (s->turn % 2 == 1)
			pthread_cond_wait(&s->cond, &s->mutex);
		s->turn++;
		pthread_cond_signal(&s->cond);
		pthread_mutex_unlock(&s->mutex);
	}
	CHECK_EQ(child_wait(pid), EXITED(0));
	CHECK_EQ(s->turn, 2000);
}

static void child_posts(void)
{
	for (int i = 0; i < 500; i++)
		REQUIRE(sem_post(&s->semaphore) == 0);
}

static void semaphores(void)
{
	pid_t pid = child_start(child_posts);
	int wrong = 0;

	for (int i = 0; i < 500; i++)
		while (sem_wait(&s->semaphore))
			wrong += errno != EINTR;
	CHECK_EQ(wrong, 0);
	CHECK_EQ(child_wait(pid), EXITED(0));
	CHECK_ERRNO(sem_trywait(&s->semaphore), EAGAIN);
}

static void grandchild_writes(void)
{
	strcpy(s->text, "from below");
}

static void child_forks(void)
{
	REQUIRE(child_run(grandchild_writes) == 0);
	REQUIRE(!strcmp(s->text, "from below"));
}

static void child_unmaps(void)
{
	REQUIRE(munmap(s, sizeof(*s)) == 0);
}

static void down_the_generations(void)
{
	CHECK_CHILD(child_forks);
	CHECK_STR(s->text, "from below");
	CHECK_CHILD(child_unmaps);
	CHECK_STR(s->text, "from below");
}

static int fd;

static void child_maps_and_writes(void)
{
	char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	REQUIRE(p != MAP_FAILED && p[0] == 'a');
	p[PAGE] = 'b';
	REQUIRE(pwrite(fd, "c", 1, 2 * PAGE - 1) == 1);
}

/* A file, its mappings and its reads and writes are one memory. */
static void files(int file)
{
	char *p, c = 0;

	fd = file;
	REQUIRE(ftruncate(fd, 2 * PAGE) == 0);
	p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	REQUIRE(p != MAP_FAILED);
	p[0] = 'a';
	CHECK_CHILD(child_maps_and_writes);
	CHECK_EQ(p[PAGE], 'b');
	CHECK_EQ(p[2 * PAGE - 1], 'c');
	CHECK_EQ(pread(fd, &c, 1, PAGE), 1);
	CHECK_EQ(c, 'b');
	char *q = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	q[0] = 'z';
	CHECK_EQ(p[0], 'a');
	close(fd);
	CHECK_EQ(p[PAGE], 'b'); /* mappings outlive descriptors */
	munmap(p, 2 * PAGE);
	CHECK_EQ(q[0], 'z');
	CHECK_EQ(q[PAGE], 'b');
	munmap(q, 2 * PAGE);
}

static void child_changes_protection(void)
{
	REQUIRE(mprotect(s, sizeof(*s), PROT_NONE) == 0);
}

int main(void)
{
	pthread_mutexattr_t mutex_attr;
	pthread_condattr_t cond_attr;

	test_start();
	s = shared_new(PAGE);
	pthread_mutexattr_init(&mutex_attr);
	pthread_mutexattr_setpshared(&mutex_attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&s->mutex, &mutex_attr);
	pthread_condattr_init(&cond_attr);
	pthread_condattr_setpshared(&cond_attr, PTHREAD_PROCESS_SHARED);
	pthread_cond_init(&s->cond, &cond_attr);
	sem_init(&s->semaphore, 1, 0);
	atomics_and_mutex();
	conditions();
	semaphores();
	down_the_generations();
	files(memfd_create("shared", MFD_CLOEXEC));
	files(open("file", O_RDWR | O_CREAT, 0600));
	CHECK_CHILD(child_changes_protection);
	s->text[0] = 1; /* ours is as it was */
	CHECK_EQ(s->text[0], 1);
	return test_done();
}
