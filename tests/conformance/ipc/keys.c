/* covers: add_key request_key keyctl */
/* keyrings(7), add_key(2), request_key(2), keyctl(2). */
#include <linux/keyctl.h>
#include <pthread.h>
#include <stdio.h>

#include "tests/conformance/files/conformance.h"

#define POSSESSOR_VIEW 0x01000000
#define POSSESSOR_SEARCH 0x08000000
#define POSSESSOR_SETATTR 0x20000000

static long add(const char *type, const char *description, const char *payload, int keyring)
{
	return syscall(
		SYS_add_key, type, description, payload, payload ? strlen(payload) : 0, keyring);
}

static long request(const char *type, const char *description, const char *callout, int keyring)
{
	return syscall(SYS_request_key, type, description, callout, keyring);
}

static long control(int command, unsigned long a, unsigned long b, unsigned long c)
{
	return syscall(SYS_keyctl, command, a, b, c, 0);
}

static long read_key(long key, char *to, size_t size)
{
	return control(KEYCTL_READ, (unsigned long)key, (unsigned long)to, size);
}

static void test_payloads(void)
{
	char buf[64] = "";
	long key = add("user", "one", "secret", KEY_SPEC_PROCESS_KEYRING), other;

	CHECK(key > 0);
	CHECK_EQ(read_key(key, buf, sizeof(buf)), 6);
	CHECK_STR(buf, "secret");
	CHECK_EQ(add("user", "one", "changed", KEY_SPEC_PROCESS_KEYRING), key);
	CHECK_EQ(read_key(key, buf, sizeof(buf)), 7);
	CHECK_EQ(control(KEYCTL_UPDATE, key, (unsigned long)"new", 3), 0);
	CHECK_EQ(read_key(key, NULL, 0), 3);
	CHECK_ERRNO(control(KEYCTL_UPDATE, key, (unsigned long)BAD_POINTER, 3), EFAULT);
	other = add("logon", "service:name", "secret", KEY_SPEC_PROCESS_KEYRING);
	CHECK(other > 0);
	CHECK_ERRNO(read_key(other, buf, sizeof(buf)), EOPNOTSUPP);
	CHECK_ERRNO(add("logon", "name", "secret", KEY_SPEC_PROCESS_KEYRING), EINVAL);
	CHECK_ERRNO(add("user", "two", NULL, KEY_SPEC_PROCESS_KEYRING), EINVAL);
	CHECK_ERRNO(add("keyring", "two", "x", KEY_SPEC_PROCESS_KEYRING), EINVAL);
	CHECK_ERRNO(add("no_such_type", "two", "x", KEY_SPEC_PROCESS_KEYRING), ENODEV);
	CHECK_ERRNO(add(".user", "two", "x", KEY_SPEC_PROCESS_KEYRING), EPERM);
	CHECK_ERRNO(add("user", "two", "x", (int)key), ENOTDIR);
	CHECK_ERRNO(add("user", "two", "x", 0), EINVAL);
	CHECK_ERRNO(add("user", BAD_POINTER, "x", KEY_SPEC_PROCESS_KEYRING), EFAULT);
	CHECK_ERRNO(syscall(SYS_add_key, "user", "two", BAD_POINTER, 4, KEY_SPEC_PROCESS_KEYRING),
		EFAULT);
}

static void test_description(void)
{
	char text[128] = "", want[128];
	long key = add("user", "shown", "x", KEY_SPEC_PROCESS_KEYRING);
	long size = control(KEYCTL_DESCRIBE, key, (unsigned long)text, sizeof(text));

	snprintf(want, sizeof(want), "user;%u;%u;3f010000;shown", geteuid(), getegid());
	CHECK_EQ(size, strlen(want) + 1);
	CHECK_STR(text, want);
	CHECK_ERRNO(
		control(KEYCTL_DESCRIBE, 0x7ffffff0, (unsigned long)text, sizeof(text)), ENOKEY);
	CHECK_ERRNO(control(9999, 0, 0, 0), EOPNOTSUPP);
}

static void test_links(void)
{
	int32_t serials[2] = {0, 0};
	long ring = add("keyring", "ring", NULL, KEY_SPEC_PROCESS_KEYRING);
	long below = add("keyring", "below", NULL, (int)ring);
	long key = add("user", "deep", "x", (int)below);

	CHECK(ring > 0 && below > 0 && key > 0);
	CHECK_EQ(request("user", "deep", NULL, 0), key);
	CHECK_EQ(syscall(SYS_keyctl, KEYCTL_SEARCH, ring, "user", "deep", 0), key);
	CHECK_ERRNO(syscall(SYS_keyctl, KEYCTL_SEARCH, ring, "user", "none", 0), ENOKEY);
	CHECK_ERRNO(control(KEYCTL_LINK, ring, below, 0), EDEADLK);
	CHECK_EQ(control(KEYCTL_LINK, key, ring, 0), 0);
	CHECK_EQ(control(KEYCTL_READ, ring, (unsigned long)serials, sizeof(serials)),
		sizeof(serials));
	CHECK((serials[0] == key && serials[1] == below) ||
		(serials[0] == below && serials[1] == key));
	CHECK_EQ(control(KEYCTL_UNLINK, key, below, 0), 0);
	CHECK_ERRNO(control(KEYCTL_UNLINK, key, below, 0), ENOENT);
	CHECK_EQ(control(KEYCTL_CLEAR, ring, 0, 0), 0);
	CHECK_EQ(read_key(ring, NULL, 0), 0);
	CHECK_ERRNO(request("user", "deep", NULL, 0), ENOKEY);
}

static void test_ends(void)
{
	long key = add("user", "revoked", "x", KEY_SPEC_PROCESS_KEYRING), next;

	CHECK_EQ(control(KEYCTL_REVOKE, key, 0, 0), 0);
	CHECK_ERRNO(read_key(key, NULL, 0), EKEYREVOKED);
	next = add("user", "revoked", "x", KEY_SPEC_PROCESS_KEYRING);
	CHECK(next > 0 && next != key);
	CHECK_EQ(control(KEYCTL_SET_TIMEOUT, next, 1, 0), 0);
	sleep(2);
	CHECK_ERRNO(read_key(next, NULL, 0), EKEYEXPIRED);
	CHECK(request("user", "not there", "please", KEY_SPEC_PROCESS_KEYRING) == -1 &&
		(errno == ENOKEY || errno == ENOENT)); /* with and without /sbin/request-key */
}

static void test_permissions(void)
{
	long key = add("user", "mine", "x", KEY_SPEC_SESSION_KEYRING);

	CHECK_ERRNO(control(KEYCTL_SETPERM, key, 0xffffffff, 0), EINVAL);
	CHECK_EQ(control(KEYCTL_SETPERM, key, POSSESSOR_SEARCH | POSSESSOR_SETATTR, 0), 0);
	CHECK_ERRNO(control(KEYCTL_UPDATE, key, (unsigned long)"y", 1), EACCES);
	CHECK_EQ(read_key(key, NULL, 0), 1); /* who has it and may find it may read it */
	CHECK_EQ(control(KEYCTL_SETPERM, key, POSSESSOR_VIEW | POSSESSOR_SETATTR, 0), 0);
	CHECK_ERRNO(read_key(key, NULL, 0), EACCES);
	FORKED("another user with another session sees nothing")
	{
		become_nobody();
		CHECK(control(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0) > 0);
		if (geteuid() != 0 && getppid() > 0 && access("/root", X_OK))
			CHECK(read_key(key, NULL, 0) == -1 && errno == EACCES);
	}
}

static void *thread_has_its_own(void *ret)
{
	*(long *)ret = control(KEYCTL_GET_KEYRING_ID, KEY_SPEC_THREAD_KEYRING, 1, 0);
	return NULL;
}

static void test_anchors(void)
{
	long own = control(KEYCTL_GET_KEYRING_ID, KEY_SPEC_THREAD_KEYRING, 1, 0), others = 0;
	long session = control(KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0, 0);
	pthread_t thread;

	CHECK(own > 0);
	pthread_create(&thread, NULL, thread_has_its_own, &others);
	pthread_join(thread, NULL);
	CHECK(others > 0 && others != own);
	FORKED("a child has its parent's session and no more")
	{
		CHECK_EQ(control(KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0, 0), session);
		CHECK_ERRNO(control(KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 0, 0), ENOKEY);
		CHECK_ERRNO(control(KEYCTL_GET_KEYRING_ID, KEY_SPEC_THREAD_KEYRING, 0, 0), ENOKEY);
		CHECK(control(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0) != session);
	}
	CHECK(control(KEYCTL_GET_KEYRING_ID, KEY_SPEC_USER_KEYRING, 0, 0) > 0);
	CHECK_ERRNO(control(KEYCTL_GET_KEYRING_ID, -6, 0, 0), EINVAL);
	CHECK_EQ(control(KEYCTL_SET_REQKEY_KEYRING, KEY_REQKEY_DEFL_PROCESS_KEYRING, 0, 0),
		KEY_REQKEY_DEFL_DEFAULT);
	CHECK_EQ(control(KEYCTL_SET_REQKEY_KEYRING, KEY_REQKEY_DEFL_NO_CHANGE, 0, 0),
		KEY_REQKEY_DEFL_PROCESS_KEYRING);
	CHECK_ERRNO(control(KEYCTL_SET_REQKEY_KEYRING, 77, 0, 0), EINVAL);
}

static void *idle(void *arg)
{
	pause();
	return arg;
}

static bool gives_its_own(void)
{
	int status = -1;
	pid_t pid = test_fork();

	if (pid == 0) {
		errno = 0;
		if (control(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0) < 0)
			_exit(1);
		_exit(control(KEYCTL_SESSION_TO_PARENT, 0, 0, 0) == 0 ? 0 : errno + 1);
	}
	waitpid(pid, &status, 0);
	errno = WEXITSTATUS(status) - 1;
	return status == 0;
}

static long session(void)
{
	return control(KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0, 0);
}

/* keyctl_session_to_parent(3) */
static void test_given(void)
{
	FORKED("a session keyring is given to the parent")
	{
		long before, key;
		pthread_t t;

		CHECK(control(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0) > 0);
		before = session();
		key = add("user", "given", "secret", KEY_SPEC_SESSION_KEYRING);
		CHECK(key > 0 && gives_its_own());
		CHECK(session() > 0 && session() != before);
		CHECK_ERRNO(request("user", "given", NULL, 0), ENOKEY);
		CHECK(!pthread_create(&t, NULL, idle, NULL));
		CHECK(!gives_its_own() && errno == EPERM); /* it has threads */
	}
}

static void test_quota(void)
{
	if (!is_root())
		return;
	FORKED("a user has only so many bytes")
	{
		static char payload[30001];

		become_nobody();
		memset(payload, 'x', sizeof(payload) - 1);
		control(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0);
		CHECK_ERRNO(add("user", "large", payload, KEY_SPEC_THREAD_KEYRING), EDQUOT);
	}
}

int main(void)
{
	test_begin();
	if (control(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0) == -1) {
		test_skip("keys", "a container's filter refuses these calls");
		return test_done();
	}
	test_payloads();
	test_description();
	test_links();
	test_ends();
	test_permissions();
	test_anchors();
	test_given();
	test_quota();
	return test_done();
}
