/* covers: semget semop semtimedop semctl */
/* semget(2), semop(2), semctl(2): values, waiting, undoing. */
#include <sys/ipc.h>
#include <sys/sem.h>
#include <time.h>

#include "tests/conformance/files/conformance.h"

union semun {
	int val;
	struct semid_ds *buf;
	unsigned short *array;
	struct seminfo *info;
};

static int set_new(int count)
{
	return semget(IPC_PRIVATE, count, 0600);
}

static int get(int id, int n)
{
	return semctl(id, n, GETVAL);
}

static int put(int id, int n, int value)
{
	return semctl(id, n, SETVAL, (union semun){.val = value});
}

static int change(int id, int n, int by, int flags)
{
	struct sembuf op = {(unsigned short)n, (short)by, (short)flags};

	return semop(id, &op, 1);
}

static void test_get(void)
{
	key_t key = (key_t)(0x5a000000 | (getpid() & 0xffff));
	int id = semget(key, 3, IPC_CREAT | IPC_EXCL | 0600);

	CHECK(id >= 0);
	CHECK_EQ(semget(key, 0, 0), id);
	CHECK_EQ(semget(key, 3, IPC_CREAT | 0600), id);
	CHECK_ERRNO(semget(key, 4, 0), EINVAL);
	CHECK_ERRNO(semget(key, 3, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
	CHECK_ERRNO(semget(IPC_PRIVATE, 0, 0600), EINVAL);
	CHECK_ERRNO(semget(IPC_PRIVATE, -1, 0600), EINVAL);
	CHECK_ERRNO(semget(IPC_PRIVATE, 1000000, 0600), EINVAL);
	CHECK_OK(semctl(id, 0, IPC_RMID));
	CHECK_ERRNO(semget(key, 0, 0), ENOENT);
	CHECK_ERRNO(get(id, 0), EINVAL);
}

static void test_values(void)
{
	unsigned short values[3] = {5, 6, 7};
	int id = set_new(3);
	struct semid_ds ds;

	CHECK_EQ(get(id, 0), 0);
	CHECK_OK(semctl(id, 0, SETALL, (union semun){.array = values}));
	CHECK_EQ(get(id, 2), 7);
	CHECK_EQ(semctl(id, 2, GETPID), getpid());
	CHECK_OK(put(id, 1, 32767));
	CHECK_ERRNO(put(id, 1, 32768), ERANGE);
	CHECK_ERRNO(put(id, 1, -1), ERANGE);
	CHECK_ERRNO(put(id, 3, 1), EINVAL);
	CHECK_ERRNO(get(id, 3), EINVAL);
	CHECK_ERRNO(change(id, 1, 1, 0), ERANGE);
	memset(values, 0, sizeof(values));
	CHECK_OK(semctl(id, 0, GETALL, (union semun){.array = values}));
	CHECK(values[0] == 5 && values[1] == 32767 && values[2] == 7);
	CHECK_OK(semctl(id, 0, IPC_STAT, (union semun){.buf = &ds}));
	CHECK_EQ(ds.sem_nsems, 3);
	CHECK_EQ(ds.sem_otime, 0);
	CHECK(ds.sem_ctime > 0);
	CHECK_OK(change(id, 0, -5, 0));
	CHECK_EQ(get(id, 0), 0);
	CHECK_OK(semctl(id, 0, IPC_STAT, (union semun){.buf = &ds}));
	CHECK(ds.sem_otime > 0);
	ds.sem_perm.mode = 0640;
	CHECK_OK(semctl(id, 0, IPC_SET, (union semun){.buf = &ds}));
	CHECK_OK(semctl(id, 0, IPC_STAT, (union semun){.buf = &ds}));
	CHECK_EQ(ds.sem_perm.mode, 0640);
	CHECK_ERRNO(semctl(id, 0, 1000), EINVAL);
	semctl(id, 0, IPC_RMID);
}

static void test_atomic(void)
{
	struct sembuf ops[] = {{0, -1, 0}, {1, -1, IPC_NOWAIT}, {0, -1, 0}};
	struct sembuf both[] = {{0, 3, 0}, {0, -3, 0}, {0, 0, IPC_NOWAIT}};
	struct sembuf many[501] = {{0}};
	int id = set_new(2);

	put(id, 0, 2);
	CHECK_ERRNO(semop(id, ops, 3), EAGAIN);
	CHECK_EQ(get(id, 0), 2);
	put(id, 1, 1);
	CHECK_OK(semop(id, ops, 3));
	CHECK_EQ(get(id, 0), 0);
	CHECK_EQ(get(id, 1), 0);
	CHECK_OK(semop(id, both, 3));
	CHECK_ERRNO(semop(id, ops, 0), EINVAL);
	CHECK_ERRNO(semop(id, many, 501), E2BIG);
	CHECK_ERRNO(change(id, 2, 1, 0), EFBIG);
	CHECK_ERRNO(semop(id, BAD_POINTER, 1), EFAULT);
	CHECK_ERRNO(semop(-1, ops, 1), EINVAL);
	CHECK_ERRNO(change(id, 0, -1, IPC_NOWAIT), EAGAIN);
	put(id, 0, 1);
	CHECK_ERRNO(change(id, 0, 0, IPC_NOWAIT), EAGAIN);
	semctl(id, 0, IPC_RMID);
}

static void test_timed(void)
{
	struct timespec short_time = {0, 20000000}, bad = {0, 1000000000};
	struct sembuf op = {0, -1, 0};
	int id = set_new(1);

	CHECK_ERRNO(semtimedop(id, &op, 1, &short_time), EAGAIN);
	CHECK_ERRNO(semtimedop(id, &op, 1, &bad), EINVAL);
	put(id, 0, 1);
	CHECK_OK(semtimedop(id, &op, 1, &short_time));
	put(id, 0, 1);
	CHECK_OK(semtimedop(id, &op, 1, NULL));
	semctl(id, 0, IPC_RMID);
}

static void wait_for_waiters(int id, int n, int command, int count)
{
	while (semctl(id, n, command) != count)
		usleep(1000);
}

static void test_waiting(void)
{
	int id = set_new(1);
	pid_t taker, zero;

	taker = test_fork();
	if (!taker) {
		CHECK_OK(change(id, 0, -2, 0));
		test_child_exit();
	}
	wait_for_waiters(id, 0, GETNCNT, 1);
	CHECK_OK(change(id, 0, 1, 0));
	CHECK_EQ(semctl(id, 0, GETNCNT), 1);
	zero = test_fork();
	if (!zero) {
		CHECK_OK(change(id, 0, 0, 0));
		test_child_exit();
	}
	wait_for_waiters(id, 0, GETZCNT, 1);
	CHECK_OK(change(id, 0, 1, 0));
	JOIN(taker);
	JOIN(zero);
	CHECK_EQ(get(id, 0), 0);
	taker = test_fork();
	if (!taker) {
		CHECK_ERRNO(change(id, 0, -1, 0), EIDRM);
		test_child_exit();
	}
	wait_for_waiters(id, 0, GETNCNT, 1);
	CHECK_OK(semctl(id, 0, IPC_RMID));
	JOIN(taker);
}

static void handler(int signal)
{
	(void)signal;
}

static void test_interrupted(void)
{
	struct sigaction sa = {.sa_handler = handler, .sa_flags = SA_RESTART};
	int id = set_new(1);
	pid_t pid = test_fork();

	if (!pid) {
		sigaction(SIGUSR1, &sa, NULL);
		put(id, 0, 1);
		CHECK_OK(change(id, 0, -1, 0));
		CHECK_ERRNO(change(id, 0, -1, 0), EINTR);
		test_child_exit();
	}
	wait_for_waiters(id, 0, GETNCNT, 1);
	kill(pid, SIGUSR1);
	JOIN(pid);
	CHECK_EQ(semctl(id, 0, GETNCNT), 0);
	semctl(id, 0, IPC_RMID);
}

static void test_undo(void)
{
	int id = set_new(2);

	put(id, 0, 5);
	put(id, 1, 1);
	FORKED("takes with SEM_UNDO and ends")
	{
		CHECK_OK(change(id, 0, -3, SEM_UNDO));
		CHECK_OK(change(id, 1, 4, SEM_UNDO));
		CHECK_OK(change(id, 1, -2, 0));
		CHECK_EQ(get(id, 0), 2);
	}
	CHECK_EQ(get(id, 0), 5);
	CHECK_EQ(get(id, 1), 0);
	FORKED("SETVAL forgets what was to be undone")
	{
		CHECK_OK(change(id, 0, -3, SEM_UNDO));
		CHECK_OK(put(id, 0, 9));
	}
	CHECK_EQ(get(id, 0), 9);
	FORKED("undone after exec too")
	{
		CHECK_OK(change(id, 0, -3, SEM_UNDO));
		execl("/bin/sh", "sh", "-c", "exit 0", NULL);
	}
	CHECK_EQ(get(id, 0), 9);
	FORKED("a child does not inherit it")
	{
		CHECK_OK(change(id, 0, -1, SEM_UNDO));
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		waitpid(pid, NULL, 0);
		CHECK_EQ(get(id, 0), 8);
	}
	CHECK_EQ(get(id, 0), 9);
	FORKED("removed before the end")
	{
		int other = set_new(1);

		CHECK_OK(change(other, 0, 1, SEM_UNDO));
		semctl(other, 0, IPC_RMID);
		CHECK_OK(change(id, 0, -1, SEM_UNDO));
	}
	CHECK_EQ(get(id, 0), 9);
	semctl(id, 0, IPC_RMID);
}

static void test_info(void)
{
	struct seminfo info = {0};
	struct semid_ds ds;
	int id = set_new(2);

	CHECK_OK(semctl(0, 0, IPC_INFO, (union semun){.info = &info}));
	CHECK_EQ(info.semvmx, 32767);
	CHECK_EQ(info.semopm, 500);
	CHECK(semctl(0, 0, SEM_INFO, (union semun){.info = &info}) >= 0);
	CHECK(info.semusz >= 1 && info.semaem >= 2);
	CHECK_EQ(semctl(id % 32768, 0, SEM_STAT, (union semun){.buf = &ds}), id);
	CHECK_EQ(semctl(id % 32768, 0, SEM_STAT_ANY, (union semun){.buf = &ds}), id);
	semctl(id, 0, IPC_RMID);
}

static void test_permissions(void)
{
	struct sembuf zero = {0, 0, 0}, up = {0, 1, 0};
	struct semid_ds ds;
	int id;

	if (!is_root()) {
		test_skip("permissions", "needs root");
		return;
	}
	id = semget(IPC_PRIVATE, 1, 0604);
	FORKED("others may do what the mode says")
	{
		become_nobody();
		CHECK_OK(semop(id, &zero, 1));
		CHECK_ERRNO(semop(id, &up, 1), EACCES);
		CHECK_ERRNO(put(id, 0, 1), EACCES);
		CHECK_OK(get(id, 0));
		CHECK_ERRNO(semctl(id, 0, IPC_RMID), EPERM);
		CHECK_OK(semctl(id, 0, IPC_STAT, (union semun){.buf = &ds}));
	}
	semctl(id, 0, IPC_RMID);
}

/* Many processes, one mutex, one counter in a file. */
static void test_contention(void)
{
	enum { PROCESSES = 4, ROUNDS = 200 };
	int id = set_new(1), fd = open("counter", O_RDWR | O_CREAT | O_TRUNC, 0600), count = 0;
	pid_t pids[PROCESSES];

	REQUIRE(fd >= 0 && pwrite(fd, &count, sizeof(count), 0) == sizeof(count));
	put(id, 0, 1);
	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = test_fork();
		if (pids[i])
			continue;
		for (int n = 0; n < ROUNDS; n++) {
			CHECK_OK(change(id, 0, -1, SEM_UNDO));
			CHECK_EQ(pread(fd, &count, sizeof(count), 0), sizeof(count));
			count++;
			CHECK_EQ(pwrite(fd, &count, sizeof(count), 0), sizeof(count));
			CHECK_OK(change(id, 0, 1, SEM_UNDO));
		}
		test_child_exit();
	}
	for (int i = 0; i < PROCESSES; i++)
		JOIN(pids[i]);
	CHECK_EQ(pread(fd, &count, sizeof(count), 0), sizeof(count));
	CHECK_EQ(count, PROCESSES * ROUNDS);
	close(fd);
	semctl(id, 0, IPC_RMID);
}

static void test_proc(void)
{
	static char text[65536];
	int id = set_new(3);
	char line[64];

	REQUIRE(get_file("/proc/sysvipc/sem", text, sizeof(text)) > 0);
	snprintf(line, sizeof(line), "         0 %10d   600 %10u", id, 3);
	CHECK(strstr(text, line) != NULL);
	semctl(id, 0, IPC_RMID);
}

int main(void)
{
	test_begin();
	test_get();
	test_values();
	test_atomic();
	test_timed();
	test_waiting();
	test_interrupted();
	test_undo();
	test_info();
	test_permissions();
	test_contention();
	test_proc();
	return test_done();
}
