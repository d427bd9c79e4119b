/* covers: semctl shmctl msgctl */
/* proc_sys_kernel(5): the number that the next object is to have; and what is read of objects that
 * are not the caller's: sem_stat_any and its like in semctl(2), shmctl(2), msgctl(2), and
 * /proc/sysvipc. */
#include <sched.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

#include "tests/conformance/files/conformance.h"

#ifndef MSG_STAT_ANY
#define MSG_STAT_ANY 13
#endif
#ifndef SHM_STAT_ANY
#define SHM_STAT_ANY 15
#endif
#ifndef SEM_STAT_ANY
#define SEM_STAT_ANY 20
#endif
#define INDEX_COUNT 32768

static int number_set(const char *path, int number)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), length;
	char text[16];
	ssize_t r;

	if (fd < 0)
		return -1;
	length = snprintf(text, sizeof(text), "%d", number);
	r = write(fd, text, (size_t)length);
	close(fd);
	return r == length ? 0 : -1;
}

static void test_next_id(const char *path, int (*make)(void), int (*discard)(int))
{
	int first = make(), second;

	REQUIRE(first >= 0);
	CHECK_OK(number_set(path, first + INDEX_COUNT));
	second = make();
	/* The place is taken: another one. */
	CHECK(second >= 0 && second != first && second % INDEX_COUNT != first % INDEX_COUNT);
	CHECK_OK(discard(second));
	CHECK_OK(discard(first));
	CHECK_OK(number_set(path, first));
	CHECK_EQ(make(), first); /* though that number was another's */
	CHECK_OK(discard(first));
	first = make(); /* once */
	CHECK(first >= 0);
	CHECK_OK(discard(first));
}

static int make_queue(void)
{
	return msgget(IPC_PRIVATE, 0600);
}
static int discard_queue(int id)
{
	return msgctl(id, IPC_RMID, NULL);
}
static int make_segment(void)
{
	return shmget(IPC_PRIVATE, 4096, 0600);
}
static int discard_segment(int id)
{
	return shmctl(id, IPC_RMID, NULL);
}
static int make_set(void)
{
	return semget(IPC_PRIVATE, 1, 0600);
}
static int discard_set(int id)
{
	return semctl(id, 0, IPC_RMID);
}

static bool listed(const char *path, int id)
{
	static char text[65536];
	char number[16];

	snprintf(number, sizeof(number), " %10d ", id);
	return get_file(path, text, sizeof(text)) > 0 && strstr(text, number);
}

static void test_of_others(void)
{
	int queue = make_queue(), segment = make_segment(), set = make_set();

	FORKED("another user sees that they are there, and what they are")
	{
		struct msqid_ds queue_ds;
		struct shmid_ds segment_ds;
		struct semid_ds set_ds;

		become_nobody();
		CHECK_ERRNO(msgctl(queue % INDEX_COUNT, MSG_STAT, &queue_ds), EACCES);
		CHECK_EQ(msgctl(queue % INDEX_COUNT, MSG_STAT_ANY, &queue_ds), queue);
		CHECK_EQ(queue_ds.msg_perm.mode, 0600);
		CHECK_ERRNO(shmctl(segment % INDEX_COUNT, SHM_STAT, &segment_ds), EACCES);
		CHECK_EQ(shmctl(segment % INDEX_COUNT, SHM_STAT_ANY, &segment_ds), segment);
		CHECK_EQ(segment_ds.shm_segsz, 4096);
		CHECK_ERRNO(semctl(set % INDEX_COUNT, 0, SEM_STAT, &set_ds), EACCES);
		CHECK_EQ(semctl(set % INDEX_COUNT, 0, SEM_STAT_ANY, &set_ds), set);
		CHECK_EQ(set_ds.sem_nsems, 1);
		CHECK(listed("/proc/sysvipc/msg", queue));
		CHECK(listed("/proc/sysvipc/shm", segment));
		CHECK(listed("/proc/sysvipc/sem", set));
		CHECK_ERRNO(discard_queue(queue), EPERM);
	}
	CHECK_OK(discard_queue(queue));
	CHECK_OK(discard_segment(segment));
	CHECK_OK(discard_set(set));
}

int main(void)
{
	test_begin();
	if (!is_root()) {
		test_skip("numbers and others' objects", "needs root");
		return test_done();
	}
	(void)unshare(CLONE_NEWIPC); /* where there is such a thing, nobody else is disturbed */
	test_next_id("/proc/sys/kernel/msg_next_id", make_queue, discard_queue);
	test_next_id("/proc/sys/kernel/shm_next_id", make_segment, discard_segment);
	test_next_id("/proc/sys/kernel/sem_next_id", make_set, discard_set);
	test_of_others();
	return test_done();
}
