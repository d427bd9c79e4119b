#include "libos/files/locks.h"

#include <errno.h>

#include "base/test.h"
#include "libos/files/waiting_doubles.h"

#define ERESTARTSYS_VALUE (-512)

/* struct flock */
struct request {
	int16_t type, whence;
	int64_t start, length;
	int32_t pid;
};

static struct file *file, *other;

/* The same file opened twice. */
static void setup(void)
{
	double_signal_pending = false;
	double_on_sleep = NULL;
	double_become(&double_thread);
	file = double_regular_file();
	other = file_new(file->inode, NULL, file->ops, O_RDWR);
}

static void teardown(void)
{
	locks_release(file);
	locks_release(other);
	CHECK(list_is_empty(&file->inode->flocks));
	CHECK(list_is_empty(&file->inode->posix_locks));
	file_unref(file);
	file_unref(other);
}

static long set(uint32_t command, int type, int64_t start, int64_t length)
{
	struct request request = {(int16_t)type, SEEK_SET, start, length, 0};

	return locks_fcntl(file, command, (uintptr_t)&request);
}

/* What stands in the way of the other process: as "type start length", 0 if nothing does. */
static struct request look(int type, int64_t start, int64_t length)
{
	struct request request = {(int16_t)type, SEEK_SET, start, length, 0};
	struct thread *before = thread_current();

	double_become(before == &double_thread ? &double_other_thread : &double_thread);
	CHECK_EQ(locks_fcntl(file, F_GETLK, (uintptr_t)&request), 0);
	double_become(before);
	return request;
}

static bool is(struct request request, int type, int64_t start, int64_t length)
{
	return request.type == type && request.start == start && request.length == length;
}

static unsigned int count(void)
{
	unsigned int n = 0;
	struct file_lock *lock;

	LIST_FOR_EACH (lock, &file->inode->posix_locks, link)
		n++;
	return n;
}

static void test_ranges(void)
{
	setup();
	CHECK_EQ(set(F_SETLK, F_WRLCK, 10, 10), 0);
	CHECK_EQ(set(F_SETLK, F_WRLCK, 30, 10), 0);
	CHECK_EQ(count(), 2);
	CHECK(is(look(F_RDLCK, 0, 0), F_WRLCK, 10, 10));
	CHECK_EQ(look(F_RDLCK, 0, 0).pid, 100);
	CHECK_EQ(look(F_RDLCK, 20, 10).type, F_UNLCK);
	/* Neighbours join. */
	CHECK_EQ(set(F_SETLK, F_WRLCK, 20, 10), 0);
	CHECK_EQ(count(), 1);
	CHECK(is(look(F_RDLCK, 0, 0), F_WRLCK, 10, 30));
	/* A piece of another type in the middle. */
	CHECK_EQ(set(F_SETLK, F_RDLCK, 15, 5), 0);
	CHECK_EQ(count(), 3);
	CHECK(is(look(F_WRLCK, 15, 1), F_RDLCK, 15, 5));
	CHECK_EQ(look(F_RDLCK, 15, 5).type, F_UNLCK);
	CHECK(is(look(F_RDLCK, 20, 1), F_WRLCK, 20, 20));
	/* A hole, an end, everything. */
	CHECK_EQ(set(F_SETLK, F_UNLCK, 25, 5), 0);
	CHECK(is(look(F_RDLCK, 26, 0), F_WRLCK, 30, 10));
	CHECK_EQ(set(F_SETLK, F_UNLCK, 35, 0), 0);
	CHECK(is(look(F_RDLCK, 26, 0), F_WRLCK, 30, 5));
	CHECK_EQ(set(F_SETLK, F_UNLCK, 5, 7), 0);
	CHECK(is(look(F_RDLCK, 0, 0), F_WRLCK, 12, 3));
	CHECK_EQ(set(F_SETLK, F_WRLCK, 0, 0), 0);
	CHECK_EQ(count(), 1);
	CHECK(is(look(F_RDLCK, 1L << 40, 1), F_WRLCK, 0, 0));
	CHECK_EQ(set(F_SETLK, F_UNLCK, 0, 0), 0);
	CHECK_EQ(count(), 0);
	/* A negative length reaches back. */
	CHECK_EQ(set(F_SETLK, F_WRLCK, 10, -4), 0);
	CHECK(is(look(F_RDLCK, 0, 0), F_WRLCK, 6, 4));
	teardown();
}

static void test_errors(void)
{
	struct request request = {F_RDLCK, 7, 0, 0, 0};

	setup();
	CHECK_EQ(set(F_SETLK, F_WRLCK, -1, 5), -EINVAL);
	CHECK_EQ(set(F_SETLK, F_WRLCK, 3, -4), -EINVAL);
	CHECK_EQ(set(F_SETLK, F_WRLCK, INT64_MAX, 2), -EOVERFLOW);
	CHECK_EQ(set(F_SETLK, 9, 0, 0), -EINVAL);
	CHECK_EQ(set(F_GETLK, F_UNLCK, 0, 0), -EINVAL);
	CHECK_EQ(locks_fcntl(file, F_SETLK, (uintptr_t)&request), -EINVAL);
	CHECK_EQ(locks_fcntl(file, F_SETLK, 0), -EFAULT);
	file->flags = O_RDONLY;
	CHECK_EQ(set(F_SETLK, F_WRLCK, 0, 0), -EBADF);
	CHECK_EQ(set(F_SETLK, F_RDLCK, 0, 0), 0);
	file->flags = O_WRONLY;
	CHECK_EQ(set(F_SETLK, F_RDLCK, 0, 0), -EBADF);
	request = (struct request){F_WRLCK, SEEK_SET, 0, 0, 5};
	CHECK_EQ(locks_fcntl(file, F_OFD_SETLK, (uintptr_t)&request), -EINVAL);
	teardown();
}

static void test_owners(void)
{
	struct request request = {F_WRLCK, SEEK_SET, 0, 10, 0};

	setup();
	CHECK_EQ(set(F_SETLK, F_WRLCK, 0, 10), 0);
	/* Another descriptor of the same process is the same owner; another process is not. */
	CHECK_EQ(locks_fcntl(other, F_SETLK, (uintptr_t)&request), 0);
	double_become(&double_other_thread);
	CHECK_EQ(set(F_SETLK, F_RDLCK, 9, 1), -EAGAIN);
	CHECK_EQ(set(F_SETLK, F_RDLCK, 10, 1), 0);
	/* Its close takes its own locks only. */
	locks_close(file);
	CHECK_EQ(count(), 1);
	double_become(&double_thread);
	/* An open file is an owner of its own. */
	CHECK_EQ(locks_fcntl(other, F_OFD_SETLK, (uintptr_t)&request), -EAGAIN);
	locks_close(other);
	CHECK_EQ(count(), 0);
	CHECK_EQ(locks_fcntl(other, F_OFD_SETLK, (uintptr_t)&request), 0);
	CHECK_EQ(set(F_OFD_SETLK, F_RDLCK, 5, 1), -EAGAIN);
	CHECK_EQ(set(F_SETLK, F_RDLCK, 5, 1), -EAGAIN);
	locks_close(other);
	CHECK_EQ(count(), 1);
	request.type = F_RDLCK;
	CHECK_EQ(locks_fcntl(file, F_OFD_GETLK, (uintptr_t)&request), 0);
	CHECK(request.type == F_WRLCK && request.pid == -1);
	locks_release(other);
	CHECK_EQ(count(), 0);
	teardown();
}

static void owner_unlocks(void)
{
	double_become(&double_thread);
	CHECK_EQ(set(F_SETLK, F_UNLCK, 0, 0), 0);
	double_become(&double_other_thread);
}

/* The first process wants what the second has, which already waits for the first. */
static void owner_closes_the_circle(void)
{
	double_become(&double_thread);
	CHECK_EQ(set(F_SETLKW, F_WRLCK, 100, 1), -EDEADLK);
	owner_unlocks();
}

static void test_waiting(void)
{
	setup();
	CHECK_EQ(set(F_SETLK, F_WRLCK, 0, 10), 0);
	double_become(&double_other_thread);
	CHECK_EQ(set(F_SETLKW, F_WRLCK, 0, 1), ERESTARTSYS_VALUE);
	double_signal_pending = false;
	double_on_sleep = owner_unlocks;
	CHECK_EQ(set(F_SETLKW, F_WRLCK, 0, 1), 0);
	CHECK_EQ(set(F_SETLK, F_UNLCK, 0, 0), 0);

	CHECK_EQ(set(F_SETLK, F_WRLCK, 100, 1), 0);
	double_become(&double_thread);
	CHECK_EQ(set(F_SETLK, F_WRLCK, 0, 10), 0);
	double_become(&double_other_thread);
	double_on_sleep = owner_closes_the_circle;
	CHECK_EQ(set(F_SETLKW, F_WRLCK, 5, 1), 0);
	locks_close(file);
	teardown();
}

static void other_unlocks(void)
{
	CHECK_EQ(locks_flock(other, LOCK_UN), 0);
}

static void test_flock(void)
{
	setup();
	CHECK_EQ(locks_flock(file, LOCK_SH), 0);
	CHECK_EQ(locks_flock(other, LOCK_SH | LOCK_NB), 0);
	/* The conversion fails, and what was held is gone. */
	CHECK_EQ(locks_flock(file, LOCK_EX | LOCK_NB), -EAGAIN);
	CHECK_EQ(locks_flock(other, LOCK_EX | LOCK_NB), 0);
	CHECK_EQ(locks_flock(file, LOCK_SH | LOCK_NB), -EAGAIN);
	CHECK_EQ(locks_flock(file, LOCK_EX), ERESTARTSYS_VALUE);
	double_signal_pending = false;
	double_on_sleep = other_unlocks;
	CHECK_EQ(locks_flock(file, LOCK_EX), 0);
	CHECK_EQ(locks_flock(file, LOCK_EX), 0);
	CHECK_EQ(locks_flock(file, 0), -EINVAL);
	CHECK_EQ(locks_flock(file, LOCK_SH | LOCK_EX), -EINVAL);
	/* Another kind of lock altogether. */
	CHECK_EQ(set(F_SETLK, F_WRLCK, 0, 0), 0);
	locks_close(file);
	CHECK_EQ(locks_flock(other, LOCK_SH | LOCK_NB), -EAGAIN);
	locks_release(file);
	CHECK_EQ(locks_flock(other, LOCK_SH | LOCK_NB), 0);
	teardown();
}

int main(void)
{
	double_init();
	test_ranges();
	test_errors();
	test_owners();
	test_waiting();
	test_flock();
	return test_done();
}
