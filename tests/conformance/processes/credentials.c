/* covers: getuid geteuid getgid getegid setuid setgid setreuid setregid setresuid setresgid
 * getresuid getresgid setfsuid setfsgid getgroups setgroups capget capset prctl execve */
/* credentials(7), capabilities(7): what each call changes, what an ordinary user may not, and that
 * what root gave up is gone. */
#include "tests/conformance/processes/process_test.h"

#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>

enum { USER = 12345, OTHER = 23456 };

static bool uids_are(uid_t r, uid_t e, uid_t s)
{
	uid_t r2, e2, s2;

	REQUIRE(getresuid(&r2, &e2, &s2) == 0);
	return r == r2 && e == e2 && s == s2 && getuid() == r && geteuid() == e;
}

static bool gids_are(gid_t r, gid_t e, gid_t s)
{
	gid_t r2, e2, s2;

	REQUIRE(getresgid(&r2, &e2, &s2) == 0);
	return r == r2 && e == e2 && s == s2 && getgid() == r && getegid() == e;
}

struct caps {
	uint64_t effective, permitted, inheritable;
};

static struct caps caps_get(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

	REQUIRE(syscall(SYS_capget, &header, data) == 0);
	return (struct caps){
		data[0].effective | (uint64_t)data[1].effective << 32,
		data[0].permitted | (uint64_t)data[1].permitted << 32,
		data[0].inheritable | (uint64_t)data[1].inheritable << 32,
	};
}

static long caps_set(struct caps c)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {
		{(uint32_t)c.effective, (uint32_t)c.permitted, (uint32_t)c.inheritable},
		{(uint32_t)(c.effective >> 32), (uint32_t)(c.permitted >> 32),
			(uint32_t)(c.inheritable >> 32)},
	};

	return syscall(SYS_capset, &header, data);
}

/* For everyone. */

static void reading(void)
{
	gid_t groups[256];
	int count = getgroups(0, NULL);

	CHECK(uids_are(getuid(), geteuid(), geteuid()));
	CHECK_EQ(syscall(SYS_getuid), getuid());
	CHECK_EQ(syscall(SYS_getegid), getegid());
	CHECK(count >= 0 && getgroups(256, groups) == count);
	if (count > 1)
		CHECK_ERRNO(getgroups(count - 1, groups), EINVAL);
	CHECK_ERRNO(syscall(SYS_getgroups, -1, groups), EINVAL);
	CHECK_ERRNO(syscall(SYS_getresuid, bad_address(), bad_address(), bad_address()), EFAULT);
	CHECK_EQ(setfsuid((uid_t)-1), geteuid());
	CHECK_EQ(setfsgid((gid_t)-1), getegid());
	CHECK_OK(setresuid((uid_t)-1, (uid_t)-1, (uid_t)-1));
	CHECK_OK(setreuid(getuid(), geteuid()));
	CHECK_OK(setuid(getuid()));
	CHECK_OK(setgid(getgid()));
	CHECK_ERRNO(setuid((uid_t)-1), EINVAL);
	CHECK_ERRNO(setgid((gid_t)-1), EINVAL);
}

static void capget_versions(void)
{
	struct __user_cap_header_struct header = {0x12345678, 0};
	struct __user_cap_data_struct data[2];

	CHECK_ERRNO(syscall(SYS_capget, &header, data), EINVAL);
	CHECK_EQ(header.version, _LINUX_CAPABILITY_VERSION_3);
	CHECK_OK(syscall(SYS_capget, &header, NULL));
	header = (struct __user_cap_header_struct){_LINUX_CAPABILITY_VERSION_3, -1};
	CHECK_ERRNO(syscall(SYS_capget, &header, data), EINVAL);
	header.pid = 0x3fffffff;
	CHECK_ERRNO(syscall(SYS_capget, &header, data), ESRCH);
	header.pid = getppid();
	CHECK_ERRNO(syscall(SYS_capset, &header, data), EPERM);
	CHECK_ERRNO(syscall(SYS_capget, bad_address(), data), EFAULT);
	CHECK_EQ(prctl(PR_CAPBSET_READ, CAP_KILL), prctl(PR_CAPBSET_READ, CAP_KILL) != 0);
	CHECK_ERRNO(prctl(PR_CAPBSET_READ, 64), EINVAL);
}

/* An ordinary user. */

static void child_without_privilege(void)
{
	uid_t u = getuid();
	gid_t g = getgid();
	struct caps none = {0}, some = {1, 1, 0};

	REQUIRE(setuid(0) == -1 && errno == EPERM);
	REQUIRE(setgid(0) == -1 && errno == EPERM);
	REQUIRE(setreuid(0, (uid_t)-1) == -1 && errno == EPERM);
	REQUIRE(setregid((gid_t)-1, 0) == -1 && errno == EPERM);
	REQUIRE(setresuid(u, u, OTHER) == -1 && errno == EPERM);
	REQUIRE(setresgid(g, OTHER, g) == -1 && errno == EPERM);
	REQUIRE(uids_are(u, u, u) && gids_are(g, g, g));
	REQUIRE(setgroups(0, NULL) == -1 && errno == EPERM);
	setfsuid(0);
	REQUIRE((uid_t)setfsuid((uid_t)-1) == u);
	REQUIRE(caps_get().effective == 0 && caps_get().permitted == 0);
	REQUIRE(caps_set(none) == 0);
	REQUIRE(caps_set(some) == -1 && errno == EPERM);
	REQUIRE(prctl(PR_CAPBSET_DROP, CAP_KILL) == -1 && errno == EPERM);
	REQUIRE(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT) == -1 && errno == EPERM);
	REQUIRE(kill(1, 0) == -1 && errno == EPERM);
}

/* Root. */

static void child_setuid_drops_all(void)
{
	REQUIRE(setgroups(0, NULL) == 0 && getgroups(0, NULL) == 0);
	REQUIRE(setgid(USER) == 0 && gids_are(USER, USER, USER));
	REQUIRE(caps_get().effective != 0);
	REQUIRE(setuid(USER) == 0 && uids_are(USER, USER, USER));
	REQUIRE(caps_get().effective == 0 && caps_get().permitted == 0);
	REQUIRE(setuid(0) == -1 && errno == EPERM);
	REQUIRE(seteuid(0) == -1 && errno == EPERM);
	REQUIRE(setresuid(0, 0, 0) == -1 && errno == EPERM);
	child_without_privilege();
}

/* The saved user id lets a program come back, and effective capabilities follow. */
static void child_comes_back(void)
{
	REQUIRE(seteuid(USER) == 0 && uids_are(0, USER, 0));
	REQUIRE(caps_get().effective == 0 && caps_get().permitted != 0);
	REQUIRE((uid_t)setfsuid((uid_t)-1) == USER);
	REQUIRE(seteuid(0) == 0 && uids_are(0, 0, 0));
	REQUIRE(caps_get().effective == caps_get().permitted);
	REQUIRE(setresuid(USER, OTHER, 0) == 0 && uids_are(USER, OTHER, 0));
	REQUIRE(setresuid(OTHER, 0, USER) == 0 && uids_are(OTHER, 0, USER));
}

static void child_swaps(void)
{
	REQUIRE(setreuid(USER, OTHER) == 0 && uids_are(USER, OTHER, OTHER));
	REQUIRE(setreuid(OTHER, USER) == 0 && uids_are(OTHER, USER, USER));
	REQUIRE(setreuid((uid_t)-1, OTHER) == 0 && uids_are(OTHER, OTHER, USER));
	REQUIRE(setuid(USER) == 0 && uids_are(OTHER, USER, USER)); /* no root: effective only */
}

static void child_group_ids(void)
{
	gid_t groups[] = {USER, OTHER, 7}, seen[3];

	REQUIRE(setgroups(3, groups) == 0 && getgroups(3, seen) == 3);
	for (int i = 0; i < 3; i++) {
		int found = 0;

		for (int j = 0; j < 3; j++)
			found += seen[j] == groups[i];
		REQUIRE(found == 1);
	}
	REQUIRE(syscall(SYS_setgroups, 65537, groups) == -1 && errno == EINVAL);
	REQUIRE(setregid(USER, OTHER) == 0 && gids_are(USER, OTHER, OTHER));
	REQUIRE(setresgid(1, 2, 3) == 0 && gids_are(1, 2, 3));
	REQUIRE(setgid(9) == 0 && gids_are(9, 9, 9));
	REQUIRE(setfsgid(OTHER) == 9 && setfsgid((gid_t)-1) == OTHER);
}

static void child_keeps_capabilities(void)
{
	struct caps c;

	REQUIRE(prctl(PR_GET_KEEPCAPS) == 0);
	REQUIRE(prctl(PR_SET_KEEPCAPS, 2) == -1 && errno == EINVAL);
	REQUIRE(prctl(PR_SET_KEEPCAPS, 1) == 0 && prctl(PR_GET_KEEPCAPS) == 1);
	REQUIRE(setuid(USER) == 0);
	c = caps_get();
	REQUIRE(c.permitted != 0 && c.effective == 0);
	c.effective = c.permitted = 1 << CAP_SETUID;
	REQUIRE(caps_set(c) == 0);
	REQUIRE(setuid(OTHER) == 0);
	c.permitted |= 1 << CAP_KILL;
	REQUIRE(caps_set(c) == -1 && errno == EPERM); /* what was dropped is gone */
}

static void child_bounding_set(void)
{
	REQUIRE(prctl(PR_CAPBSET_READ, CAP_SYS_TIME) == 1);
	REQUIRE(prctl(PR_CAPBSET_DROP, CAP_SYS_TIME) == 0);
	REQUIRE(prctl(PR_CAPBSET_READ, CAP_SYS_TIME) == 0);
	REQUIRE(prctl(PR_CAPBSET_DROP, 64) == -1 && errno == EINVAL);
	char *argv[] = {"x", "bounded", NULL};
	execv("/proc/self/exe", argv);
}

static void child_ambient(void)
{
	struct caps c = caps_get();

	REQUIRE(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0) == 0);
	REQUIRE(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0) == -1 &&
		errno == EPERM);
	c.inheritable |= 1 << CAP_KILL;
	REQUIRE(caps_set(c) == 0 && caps_get().inheritable & 1 << CAP_KILL);
	REQUIRE(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0) == 0);
	REQUIRE(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0) == 1);
	REQUIRE(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0);
	REQUIRE(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0) == 0);
}

static void child_secure_bits(void)
{
	REQUIRE(prctl(PR_GET_SECUREBITS) == 0);
	REQUIRE(prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED) ==
		0);
	REQUIRE(setuid(USER) == 0);
	REQUIRE(caps_get().effective != 0); /* user ids and capabilities are apart now */
	REQUIRE(prctl(PR_SET_SECUREBITS, 0) == -1 && errno == EPERM);
}

/* What threads of one process do to their credentials is libc's to spread. */
static void *reads_uid(void *arg)
{
	pipe_hear(*(int *)arg);
	return (void *)(uintptr_t)syscall(SYS_geteuid);
}

static void child_threads_change_together(void)
{
	int fds[2];
	void *result;

	pipe_new(fds);
	pthread_t t = thread_start(reads_uid, &fds[0]);
	REQUIRE(setresuid(USER, USER, USER) == 0);
	pipe_say(fds[1]);
	pthread_join(t, &result);
	REQUIRE((uintptr_t)result == USER);
}

static void child_raw_call_is_the_threads_own(void)
{
	int fds[2];
	void *result;

	pipe_new(fds);
	pthread_t t = thread_start(reads_uid, &fds[0]);
	REQUIRE(syscall(SYS_setresuid, USER, USER, USER) == 0);
	pipe_say(fds[1]);
	pthread_join(t, &result);
	REQUIRE((uintptr_t)result == 0 && geteuid() == USER);
}

static void child_no_new_privileges(void)
{
	REQUIRE(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0);
	REQUIRE(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0) == -1 && errno == EINVAL);
	REQUIRE(prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0) == -1 && errno == EINVAL);
	REQUIRE(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	REQUIRE(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	pid_t pid = fork();
	if (pid == 0)
		_exit(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 1);
	REQUIRE(child_wait(pid) == 0);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return strcmp(argv[1], "bounded") || caps_get().effective >> CAP_SYS_TIME & 1;
	test_start();
	reading();
	capget_versions();
	CHECK_CHILD(child_no_new_privileges);
	if (geteuid() != 0) {
		CHECK_CHILD(child_without_privilege);
		return test_done();
	}
	if (caps_get().effective >> CAP_SETPCAP & 1) {
		CHECK_CHILD(child_bounding_set);
		CHECK_CHILD(child_secure_bits);
	} else {
		test_skip("bounding set, secure bits", "this root has no CAP_SETPCAP");
	}
	CHECK_CHILD(child_setuid_drops_all);
	CHECK_CHILD(child_comes_back);
	CHECK_CHILD(child_swaps);
	CHECK_CHILD(child_group_ids);
	CHECK_CHILD(child_keeps_capabilities);
	CHECK_CHILD(child_ambient);
	CHECK_CHILD(child_threads_change_together);
	CHECK_CHILD(child_raw_call_is_the_threads_own);
	return test_done();
}
