/* Asks for a system call in every way that a patched program could still have, and prints who
 *answered. Inside an enclave the process's number is the LibOS's; a call that gets past the LibOS
 *is answered with the host's number, or ends in a signal. Each way is tried in a child of its own.
 *
 *	escape		prints `NAME: ours`, `NAME: signal`, `NAME: error` or `NAME: ESCAPED` lines
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NR_GETPID_I386 20
#define X32_BIT 0x40000000L

enum answer { OURS = 10, FAILED, ESCAPED };

static unsigned char *code; /* a page that was written, then made executable */
static const unsigned char syscall_return[] = {0x0f, 0x05, 0xc3};
static const unsigned char mov_syscall_return[] = {0xb8, SYS_getpid, 0, 0, 0, 0x0f, 0x05, 0xc3};
static const unsigned char int80_return[] = {0xcd, 0x80, 0xc3};
static const unsigned char sysenter_return[] = {0x0f, 0x34, 0xc3};

static long call_at(const void *entry, long number)
{
	long result = number;

	/* A call from within asm: the red zone is in use. */
	__asm__ volatile("sub $128, %%rsp\n\tcall *%1\n\tadd $128, %%rsp"
			 : "+a"(result)
			 : "r"(entry)
			 : "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc");
	return result;
}

static long call_code(const unsigned char *bytes, size_t size, long number)
{
	code = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (code == MAP_FAILED)
		exit(1);
	memcpy(code + 64, bytes, size);
	if (mprotect(code, 4096, PROT_READ | PROT_EXEC))
		exit(1);
	return call_at(code + 64, number);
}

static long by_code_made_now(void)
{
	return call_code(syscall_return, sizeof(syscall_return), SYS_getpid);
}

static long by_code_that_looks_like_libc(void)
{
	return call_code(mov_syscall_return, sizeof(mov_syscall_return), 0);
}

static long by_code_rewritten(void)
{
	call_code(mov_syscall_return, sizeof(mov_syscall_return), 0);
	if (mprotect(code, 4096, PROT_READ | PROT_WRITE | PROT_EXEC))
		return -errno;
	memcpy(code + 64, syscall_return, sizeof(syscall_return));
	return call_at(code + 64, SYS_getpid);
}

/* The `syscall` of a libc function, reached past whatever stands before it. */
static long by_a_jump_into_libc(void)
{
	const unsigned char *text = (const unsigned char *)(void *)getppid;

	for (size_t i = 0; i < 64; i++)
		if (text[i] == 0x0f && text[i + 1] == 0x05)
			return call_at(text + i, SYS_getpid);
	return -ENOENT;
}

static long by_int80(void)
{
	return call_code(int80_return, sizeof(int80_return), NR_GETPID_I386);
}

static long by_sysenter(void)
{
	return call_code(sysenter_return, sizeof(sysenter_return), NR_GETPID_I386);
}

static long by_x32(void)
{
	return call_code(syscall_return, sizeof(syscall_return), SYS_getpid | X32_BIT);
}

static const struct {
	const char *name;
	long (*try)(void);
} ways[] = {
	{"code made now", by_code_made_now},
	{"code that looks like libc's", by_code_that_looks_like_libc},
	{"code rewritten", by_code_rewritten},
	{"a jump into libc", by_a_jump_into_libc},
	{"int 0x80", by_int80},
	{"sysenter", by_sysenter},
	{"an x32 number", by_x32},
};

static enum answer judge(long result, pid_t own)
{
	if (result == own)
		return OURS;
	return result < 0 ? FAILED : ESCAPED;
}

int main(void)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		int status;
		pid_t pid;

		fflush(stdout);
		pid = fork();
		if (pid == 0)
			_exit(judge(ways[i].try(), getpid()));
		if (waitpid(pid, &status, 0) != pid)
			return 1;
		printf("%s: %s\n", ways[i].name,
			WIFSIGNALED(status)              ? "signal"
			: WEXITSTATUS(status) == OURS    ? "ours"
			: WEXITSTATUS(status) == FAILED  ? "error"
			: WEXITSTATUS(status) == ESCAPED ? "ESCAPED"
							 : "broken");
	}
	return 0;
}
