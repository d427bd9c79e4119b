/* covers: process_vm_readv process_vm_writev */
/* process_vm_readv(2): another process's memory, by its numbers. */
#include "tests/conformance/processes/process_test.h"

#include <sys/prctl.h>
#include <sys/uio.h>

static char text[64] = "the original";
static int up[2], down[2];

static long read_vm(pid_t pid, void *to, void *from, size_t size)
{
	struct iovec local = {to, size}, remote = {from, size};

	return process_vm_readv(pid, &local, 1, &remote, 1, 0);
}

static void own_process(void)
{
	char copy[64] = "";

	CHECK_EQ(read_vm(getpid(), copy, text, sizeof(text)), sizeof(text));
	CHECK_STR(copy, text);
	struct iovec local[2] = {{"AB", 2}, {"CDE", 3}},
		     remote[3] = {{copy, 1}, {copy + 10, 3}, {copy + 20, 1}};
	CHECK_EQ(process_vm_writev(getpid(), local, 2, remote, 3, 0), 5);
	CHECK(copy[0] == 'A' && !memcmp(copy + 10, "BCD", 3) && copy[20] == 'E');
	CHECK_EQ(process_vm_readv(getpid(), local, 0, remote, 0, 0), 0);
}

static void errors(void)
{
	char copy[64], *pages = memory_new(2 * PAGE, PROT_READ | PROT_WRITE);
	struct iovec v = {copy, 8};

	CHECK_ERRNO(process_vm_readv(getpid(), &v, 1, &v, 1, 1), EINVAL);
	CHECK_ERRNO(process_vm_readv(getpid(), &v, 1025, &v, 1, 0), EINVAL);
	CHECK_ERRNO(process_vm_readv(0x3fffffff, &v, 1, &v, 1, 0), ESRCH);
	CHECK_ERRNO(read_vm(getpid(), copy, bad_address(), 8), EFAULT);
	CHECK_ERRNO(read_vm(getpid(), bad_address(), text, 8), EFAULT);
	CHECK_ERRNO(process_vm_readv(getpid(), bad_address(), 1, &v, 1, 0), EFAULT);
	munmap(pages + PAGE, PAGE);
	/* What could be had is counted. */
	struct iovec two[2] = {{pages, PAGE}, {pages + PAGE, PAGE}};
	char *room = memory_new(2 * PAGE, PROT_READ | PROT_WRITE);
	struct iovec local = {room, 2 * PAGE};
	CHECK_EQ(process_vm_readv(getpid(), &local, 1, two, 2, 0), PAGE);
	munmap(pages, PAGE);
	munmap(room, 2 * PAGE);
	if (geteuid() != 0)
		CHECK_ERRNO(read_vm(1, copy, text, 8), EPERM);
}

static void child_changes_and_waits(void)
{
	strcpy(text, "the child's own");
	pipe_say(up[1]);
	pipe_hear(down[0]);
	REQUIRE(!strcmp(text, "written from outside"));
}

static void a_child(void)
{
	char copy[64] = "", news[64] = "written from outside";
	struct iovec local = {news, sizeof(news)}, remote = {text, sizeof(text)};
	pid_t pid;

	pipe_new(up);
	pipe_new(down);
	pid = child_start(child_changes_and_waits);
	pipe_hear(up[0]);
	if (read_vm(pid, copy, text, sizeof(text)) == -1 && (errno == EPERM || errno == ENOSYS)) {
		test_skip("memory of a child", "not permitted here");
		kill(pid, SIGKILL);
		child_wait(pid);
		return;
	}
	CHECK_STR(copy, "the child's own");
	CHECK_STR(text, "the original");
	CHECK_EQ(process_vm_writev(pid, &local, 1, &remote, 1, 0), sizeof(news));
	pipe_say(down[1]);
	CHECK_EQ(child_wait(pid), EXITED(0));
	CHECK_ERRNO(read_vm(pid, copy, text, 8), ESRCH);
}

int main(void)
{
	char c;

	test_start();
	if (read_vm(getpid(), &c, text, 1) == -1 && errno == ENOSYS) {
		test_skip("process_vm_readv", "this kernel has none");
		return test_done();
	}
	own_process();
	errors();
	a_child();
	return test_done();
}
