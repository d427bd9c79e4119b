/* covers: shmget shmat shmdt shmctl */
/* shmget(2), shmop(2), shmctl(2): segments, attachments, their count and their end. */
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>

#include "tests/conformance/files/conformance.h"

#define PAGE 4096UL

static int segment_new(size_t size)
{
	return shmget(IPC_PRIVATE, size, IPC_CREAT | 0600);
}

static long attach_count(int id)
{
	struct shmid_ds ds;

	return shmctl(id, IPC_STAT, &ds) ? -1 : (long)ds.shm_nattch;
}

static void test_get(void)
{
	key_t key = (key_t)(0x5a000000 | (getpid() & 0xffff));
	int id = shmget(key, 5000, IPC_CREAT | IPC_EXCL | 0640);
	struct shmid_ds ds;

	CHECK(id >= 0);
	CHECK_EQ(shmget(key, 0, 0), id);
	CHECK_EQ(shmget(key, 5000, IPC_CREAT | 0600), id);
	CHECK_ERRNO(shmget(key, 5000, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
	CHECK_ERRNO(shmget(key, 5001, 0), EINVAL);
	CHECK_ERRNO(shmget(key + 0x10000, 1, 0), ENOENT);
	CHECK_ERRNO(shmget(IPC_PRIVATE, 0, 0600), EINVAL);
	CHECK_OK(shmctl(id, IPC_STAT, &ds));
	CHECK_EQ(ds.shm_segsz, 5000);
	CHECK_EQ(ds.shm_perm.mode & 0777, 0640);
	CHECK_EQ(ds.shm_perm.__key, key);
	CHECK_EQ(ds.shm_perm.uid, geteuid());
	CHECK_EQ(ds.shm_perm.cgid, getegid());
	CHECK_EQ(ds.shm_cpid, getpid());
	CHECK_EQ(ds.shm_lpid, 0);
	CHECK_EQ(ds.shm_atime, 0);
	CHECK(ds.shm_ctime > 0);
	CHECK_OK(shmctl(id, IPC_RMID, NULL));
	CHECK_ERRNO(shmctl(id, IPC_RMID, NULL), EINVAL);
	CHECK_ERRNO(shmctl(id, IPC_STAT, &ds), EINVAL);
	CHECK_ERRNO(shmget(key, 0, 0), ENOENT);
}

static void test_attach(void)
{
	int id = segment_new(3 * PAGE);
	char *a = shmat(id, NULL, 0), *b = shmat(id, NULL, 0), *ro = shmat(id, NULL, SHM_RDONLY);

	REQUIRE(a != (void *)-1 && b != (void *)-1 && ro != (void *)-1);
	CHECK(a != b);
	strcpy(a + PAGE, "shared");
	CHECK_STR(b + PAGE, "shared");
	CHECK_STR(ro + PAGE, "shared");
	CHECK_EQ(a[0] | a[3 * PAGE - 1], 0);
	CHECK_EQ(attach_count(id), 3);
	CHECK_OK(shmdt(b));
	CHECK_ERRNO(shmdt(b), EINVAL);
	CHECK_EQ(attach_count(id), 2);
	CHECK_ERRNO(shmdt(a + PAGE), EINVAL);
	CHECK_ERRNO(shmdt(a + 1), EINVAL);
	CHECK_ERRNO(mprotect(ro, 3 * PAGE, PROT_READ | PROT_WRITE), EACCES);
	CHECK_OK(shmdt(ro));
	CHECK_OK(shmdt(a));
	CHECK_EQ(attach_count(id), 0);
	a = shmat(id, NULL, 0);
	CHECK_STR(a + PAGE, "shared");
	shmdt(a);
	CHECK_OK(shmctl(id, IPC_RMID, NULL));
	CHECK_ERRNO((long)shmat(id, NULL, 0), EINVAL);
	CHECK_ERRNO((long)shmat(-1, NULL, 0), EINVAL);
}

static void test_places(void)
{
	int id = segment_new(2 * PAGE);
	char *room = mmap(NULL, 4 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *at;

	REQUIRE(room != MAP_FAILED);
	CHECK_ERRNO((long)shmat(id, room, 0), EINVAL);
	CHECK_ERRNO((long)shmat(id, room + 1, 0), EINVAL);
	CHECK_ERRNO((long)shmat(id, NULL, SHM_REMAP), EINVAL);
	at = shmat(id, room + PAGE, SHM_REMAP);
	CHECK(at == room + PAGE);
	CHECK_OK(shmdt(at));
	at = shmat(id, room + PAGE + 77, SHM_RND);
	CHECK(at == room + PAGE);
	at[0] = 1;
	CHECK_OK(shmdt(at));
	munmap(room, 4 * PAGE);
	shmctl(id, IPC_RMID, NULL);
}

/* A part unmapped: what is left counts, and shmdt takes it all. */
static void test_parts(void)
{
	int id = segment_new(4 * PAGE);
	char *a = shmat(id, NULL, 0);
	unsigned char present;

	CHECK_OK(munmap(a + PAGE, PAGE));
	CHECK_EQ(attach_count(id), 2);
	CHECK_OK(shmdt(a));
	CHECK_EQ(attach_count(id), 0);
	CHECK_ERRNO(mincore(a + 2 * PAGE, PAGE, &present), ENOMEM);
	a = shmat(id, NULL, 0);
	CHECK_OK(munmap(a, 4 * PAGE));
	CHECK_EQ(attach_count(id), 0);
	shmctl(id, IPC_RMID, NULL);
}

static void test_removal(void)
{
	key_t key = (key_t)(0x5b000000 | (getpid() & 0xffff));
	int id = shmget(key, PAGE, IPC_CREAT | 0600);
	char *a = shmat(id, NULL, 0), *b;
	struct shmid_ds ds;

	CHECK_OK(shmctl(id, IPC_RMID, NULL));
	CHECK_OK(shmctl(id, IPC_STAT, &ds));
	CHECK(ds.shm_perm.mode & SHM_DEST);
	CHECK_EQ(ds.shm_perm.__key, IPC_PRIVATE);
	CHECK_ERRNO(shmget(key, 0, 0), ENOENT);
	strcpy(a, "alive");
	b = shmat(id, NULL, 0);
	CHECK(b != (void *)-1);
	CHECK_STR(b, "alive");
	shmdt(a);
	CHECK_STR(b, "alive");
	shmdt(b);
	CHECK_ERRNO(shmctl(id, IPC_STAT, &ds), EINVAL);
}

static void test_processes(void)
{
	int id = segment_new(PAGE), to[2], from[2];
	char *a = shmat(id, NULL, 0), c = 'x';
	struct shmid_ds ds;
	pid_t pid;

	REQUIRE(!pipe(to) && !pipe(from));
	pid = test_fork();
	if (!pid) {
		a[1] = 7;
		write(from[1], &c, 1);
		CHECK_EQ(read(to[0], &c, 1), 1);
		test_child_exit();
	}
	CHECK_EQ(read(from[0], &c, 1), 1);
	CHECK_EQ(a[1], 7);
	CHECK_EQ(attach_count(id), 2);
	write(to[1], &c, 1);
	JOIN(pid);
	CHECK_EQ(attach_count(id), 1);
	CHECK_OK(shmctl(id, IPC_STAT, &ds));
	CHECK_EQ(ds.shm_lpid, pid);
	FORKED("detached by exec")
	{
		execl("/bin/sh", "sh", "-c", "exit 0", NULL);
		_exit(1);
	}
	CHECK_EQ(attach_count(id), 1);
	shmdt(a);
	shmctl(id, IPC_RMID, NULL);
}

static void test_control(void)
{
	int id = segment_new(PAGE), highest;
	struct shm_info usage;
	struct shmid_ds ds;
	struct shminfo info;

	CHECK_OK(shmctl(id, SHM_LOCK, NULL));
	shmctl(id, IPC_STAT, &ds);
	CHECK(ds.shm_perm.mode & SHM_LOCKED);
	CHECK_OK(shmctl(id, SHM_UNLOCK, NULL));
	ds.shm_perm.mode = 01444;
	CHECK_OK(shmctl(id, IPC_SET, &ds));
	shmctl(id, IPC_STAT, &ds);
	CHECK_EQ(ds.shm_perm.mode, 0444);
	highest = shmctl(0, SHM_INFO, (void *)&usage);
	CHECK(highest >= 0);
	CHECK(usage.used_ids >= 1 && usage.shm_tot >= 1);
	CHECK_OK(shmctl(0, IPC_INFO, (void *)&info));
	CHECK_EQ(info.shmmin, 1);
	CHECK_EQ(shmctl(id % 32768, SHM_STAT, &ds), id);
	CHECK_EQ(shmctl(id % 32768, SHM_STAT_ANY, &ds), id);
	CHECK_ERRNO(shmctl(id, 1000, NULL), EINVAL);
	CHECK_ERRNO(shmctl(-1, IPC_STAT, &ds), EINVAL);
	CHECK_ERRNO(shmctl(id, IPC_STAT, BAD_POINTER), EFAULT);
	shmctl(id, IPC_RMID, NULL);
}

static void test_permissions(void)
{
	int id, private = segment_new(PAGE);
	struct shmid_ds ds;

	if (!is_root()) {
		test_skip("permissions", "needs root");
		return;
	}
	id = shmget(IPC_PRIVATE, PAGE, 0604);
	FORKED("others may do what the mode says")
	{
		become_nobody();
		CHECK((long)shmat(id, NULL, SHM_RDONLY) != -1);
		CHECK_ERRNO((long)shmat(id, NULL, 0), EACCES);
		CHECK_ERRNO((long)shmat(private, NULL, SHM_RDONLY), EACCES);
		CHECK_OK(shmctl(id, IPC_STAT, &ds));
		CHECK_ERRNO(shmctl(private, IPC_STAT, &ds), EACCES);
		CHECK_EQ(shmctl(private % 32768, SHM_STAT_ANY, &ds), private);
		CHECK_ERRNO(shmctl(private, IPC_RMID, NULL), EPERM);
		CHECK_ERRNO(shmctl(private, IPC_SET, &ds), EPERM);
		CHECK_ERRNO(shmctl(private, SHM_UNLOCK, NULL), EPERM);
	}
	shmctl(id, IPC_RMID, NULL);
	shmctl(private, IPC_RMID, NULL);
}

static void test_proc(void)
{
	static char text[65536];
	int id = segment_new(PAGE);
	char line[64], *a = shmat(id, NULL, 0);

	REQUIRE(get_file("/proc/sysvipc/shm", text, sizeof(text)) > 0);
	snprintf(line, sizeof(line), "         0 %10d   600 %21lu %5d", id, PAGE, getpid());
	CHECK(strstr(text, line) != NULL);
	REQUIRE(get_file("/proc/self/maps", text, sizeof(text)) > 0);
	CHECK(strstr(text, "/SYSV00000000 (deleted)") != NULL);
	shmdt(a);
	shmctl(id, IPC_RMID, NULL);
}

int main(void)
{
	test_begin();
	test_get();
	test_attach();
	test_places();
	test_parts();
	test_removal();
	test_processes();
	test_control();
	test_permissions();
	test_proc();
	return test_done();
}
