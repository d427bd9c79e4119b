/* covers: msgget msgsnd msgrcv msgctl */
/* msgget(2), msgop(2), msgctl(2): queues, types, limits. */
#include <sys/ipc.h>
#include <sys/msg.h>

#include "tests/conformance/files/conformance.h"

#ifndef MSG_COPY
#define MSG_COPY 040000
#endif

struct message {
	long type;
	char text[64];
};

static int queue_new(void)
{
	return msgget(IPC_PRIVATE, 0600);
}

static int put(int id, long type, const char *text, int flags)
{
	struct message m = {.type = type};

	strcpy(m.text, text);
	return msgsnd(id, &m, strlen(text) + 1, flags);
}

/* The text of the message, or "" */
static const char *take(int id, long type, int flags)
{
	static struct message m;

	m.text[0] = 0;
	(void)!msgrcv(id, &m, sizeof(m.text), type, flags | IPC_NOWAIT);
	return m.text;
}

static void test_get(void)
{
	key_t key = (key_t)(0x5a000000 | (getpid() & 0xffff));
	int id = msgget(key, IPC_CREAT | IPC_EXCL | 0600);

	CHECK(id >= 0);
	CHECK_EQ(msgget(key, 0), id);
	CHECK_EQ(msgget(key, IPC_CREAT | 0600), id);
	CHECK_ERRNO(msgget(key, IPC_CREAT | IPC_EXCL), EEXIST);
	CHECK_OK(msgctl(id, IPC_RMID, NULL));
	CHECK_ERRNO(msgget(key, 0), ENOENT);
	CHECK_ERRNO(msgctl(id, IPC_RMID, NULL), EINVAL);
}

static void test_types(void)
{
	int id = queue_new();

	for (int round = 0; round < 2; round++) {
		CHECK_OK(put(id, 3, "three", 0));
		CHECK_OK(put(id, 1, "one", 0));
		CHECK_OK(put(id, 2, "two", 0));
		CHECK_OK(put(id, 1, "one again", 0));
		if (round)
			break;
		CHECK_STR(take(id, 2, 0), "two");
		CHECK_STR(take(id, -2, 0), "one");
		CHECK_STR(take(id, 3, MSG_EXCEPT), "one again");
		CHECK_STR(take(id, 0, 0), "three");
		CHECK_STR(take(id, 0, 0), "");
	}
	CHECK_STR(take(id, -3, 0), "one");
	CHECK_STR(take(id, -3, 0), "one again");
	CHECK_STR(take(id, -3, 0), "two");
	CHECK_STR(take(id, -2, 0), "");
	CHECK_STR(take(id, -3, 0), "three");
	msgctl(id, IPC_RMID, NULL);
}

static void test_sizes(void)
{
	static char big[8192 + 1 + sizeof(long)] = {1};
	struct message m;
	int id = queue_new();

	CHECK_OK(put(id, 1, "long message", 0));
	CHECK_ERRNO(msgrcv(id, &m, 4, 0, IPC_NOWAIT), E2BIG);
	CHECK_EQ(msgrcv(id, &m, 4, 0, IPC_NOWAIT | MSG_NOERROR), 4);
	CHECK(!memcmp(m.text, "long", 4));
	CHECK_EQ(m.type, 1);
	CHECK_ERRNO(msgrcv(id, &m, sizeof(m.text), 0, IPC_NOWAIT), ENOMSG);
	CHECK_ERRNO(msgsnd(id, big, 8193, IPC_NOWAIT), EINVAL);
	CHECK_OK(msgsnd(id, big, 8192, IPC_NOWAIT));
	CHECK_OK(msgsnd(id, big, 8192, IPC_NOWAIT));
	CHECK_ERRNO(msgsnd(id, big, 1, IPC_NOWAIT), EAGAIN);
	CHECK_OK(msgsnd(id, big, 0, IPC_NOWAIT));
	CHECK_ERRNO(put(id, 0, "", IPC_NOWAIT), EINVAL);
	CHECK_ERRNO(put(id, -1, "", IPC_NOWAIT), EINVAL);
	CHECK_ERRNO(put(-1, 1, "", IPC_NOWAIT), EINVAL);
	CHECK_ERRNO(msgsnd(id, BAD_POINTER, 1, IPC_NOWAIT), EFAULT);
	CHECK_ERRNO(msgrcv(id, &m, (size_t)-1, 0, IPC_NOWAIT), EINVAL);
	CHECK_ERRNO(msgrcv(-1, &m, 1, 0, IPC_NOWAIT), EINVAL);
	msgctl(id, IPC_RMID, NULL);
}

static void test_copy(void)
{
	int id = queue_new();
	struct message m;

	put(id, 5, "first", 0);
	put(id, 6, "second", 0);
	if (msgrcv(id, &m, sizeof(m.text), 1, MSG_COPY | IPC_NOWAIT) == -1 && errno == ENOSYS) {
		test_skip("MSG_COPY", "the kernel is built without it");
		msgctl(id, IPC_RMID, NULL);
		return;
	}
	CHECK_STR(m.text, "second");
	CHECK_EQ(m.type, 6);
	CHECK_ERRNO(msgrcv(id, &m, sizeof(m.text), 2, MSG_COPY | IPC_NOWAIT), ENOMSG);
	CHECK_ERRNO(msgrcv(id, &m, sizeof(m.text), 0, MSG_COPY), EINVAL);
	CHECK_ERRNO(msgrcv(id, &m, sizeof(m.text), 0, MSG_COPY | MSG_EXCEPT | IPC_NOWAIT), EINVAL);
	CHECK_STR(take(id, 0, 0), "first");
	msgctl(id, IPC_RMID, NULL);
}

static void test_status(void)
{
	int id = queue_new();
	struct msqid_ds ds;
	struct msginfo info;

	put(id, 1, "abc", 0);
	put(id, 1, "defgh", 0);
	CHECK_OK(msgctl(id, IPC_STAT, &ds));
	CHECK_EQ(ds.msg_qnum, 2);
	CHECK_EQ(ds.__msg_cbytes, 10);
	CHECK_EQ(ds.msg_lspid, getpid());
	CHECK_EQ(ds.msg_lrpid, 0);
	CHECK(ds.msg_stime > 0 && ds.msg_rtime == 0);
	take(id, 0, 0);
	CHECK_OK(msgctl(id, IPC_STAT, &ds));
	CHECK_EQ(ds.msg_qnum, 1);
	CHECK_EQ(ds.msg_lrpid, getpid());
	ds.msg_qbytes = 6;
	CHECK_OK(msgctl(id, IPC_SET, &ds));
	CHECK_ERRNO(put(id, 1, "x", IPC_NOWAIT), EAGAIN);
	CHECK_OK(msgctl(0, IPC_INFO, (void *)&info));
	CHECK(info.msgmax >= 8192);
	CHECK(msgctl(0, MSG_INFO, (void *)&info) >= 0);
	CHECK(info.msgpool >= 1 && info.msgmap >= 1 && info.msgtql >= 6);
	CHECK_EQ(msgctl(id % 32768, MSG_STAT, &ds), id);
	CHECK_ERRNO(msgctl(id, 1000, &ds), EINVAL);
	CHECK_ERRNO(msgctl(id, IPC_STAT, BAD_POINTER), EFAULT);
	msgctl(id, IPC_RMID, NULL);
}

static void handler(int signal)
{
	(void)signal;
}

static void test_waiting(void)
{
	struct sigaction sa = {.sa_handler = handler, .sa_flags = SA_RESTART};
	int id = queue_new();
	struct message m;
	pid_t pid = test_fork();

	if (!pid) {
		CHECK_EQ(msgrcv(id, &m, sizeof(m.text), 7, 0), 6);
		CHECK_STR(m.text, "seven");
		CHECK_ERRNO(msgrcv(id, &m, sizeof(m.text), 7, 0), EIDRM);
		test_child_exit();
	}
	let_others_run();
	put(id, 6, "six", 0);
	put(id, 7, "seven", 0);
	let_others_run();
	CHECK_OK(msgctl(id, IPC_RMID, NULL));
	JOIN(pid);

	id = queue_new();
	pid = test_fork();
	if (!pid) {
		char big[8192 + sizeof(long)] = {1};

		for (int i = 0; i < 4; i++)
			CHECK_OK(msgsnd(id, big, 8192, 0));
		test_child_exit();
	}
	for (int i = 0; i < 4; i++) {
		static char big[8192 + sizeof(long)];

		let_others_run();
		CHECK_EQ(msgrcv(id, big, 8192, 0, 0), 8192);
	}
	JOIN(pid);
	FORKED("a handler ends the call, whatever SA_RESTART says")
	{
		interrupt_from_now_on();
		sigaction(SIGALRM, &sa, NULL);
		CHECK_ERRNO(msgrcv(id, &m, sizeof(m.text), 0, 0), EINTR);
	}
	msgctl(id, IPC_RMID, NULL);
}

static void test_permissions(void)
{
	struct msqid_ds ds;
	int id;

	if (!is_root()) {
		test_skip("permissions", "needs root");
		return;
	}
	id = msgget(IPC_PRIVATE, 0604);
	put(id, 1, "secret", 0);
	FORKED("others may do what the mode says")
	{
		become_nobody();
		CHECK_ERRNO(put(id, 1, "x", 0), EACCES);
		CHECK_STR(take(id, 0, 0), "secret");
		CHECK_OK(msgctl(id, IPC_STAT, &ds));
		CHECK_ERRNO(msgctl(id, IPC_SET, &ds), EPERM);
		CHECK_ERRNO(msgctl(id, IPC_RMID, NULL), EPERM);
	}
	FORKED("more than the limit is for the privileged")
	{
		become_nobody();
		int own = queue_new();

		CHECK_OK(msgctl(own, IPC_STAT, &ds));
		ds.msg_qbytes = 1 << 20;
		CHECK_ERRNO(msgctl(own, IPC_SET, &ds), EPERM);
		CHECK_OK(msgctl(own, IPC_RMID, NULL));
	}
	msgctl(id, IPC_RMID, NULL);
}

static void test_proc(void)
{
	static char text[65536];
	int id = queue_new();
	char line[64];

	put(id, 1, "abc", 0);
	REQUIRE(get_file("/proc/sysvipc/msg", text, sizeof(text)) > 0);
	snprintf(line, sizeof(line), "         0 %10d   600  %10u %10u", id, 4, 1);
	CHECK(strstr(text, line) != NULL);
	msgctl(id, IPC_RMID, NULL);
}

int main(void)
{
	test_begin();
	test_get();
	test_types();
	test_sizes();
	test_copy();
	test_status();
	test_waiting();
	test_permissions();
	test_proc();
	return test_done();
}
