/* Asks for system calls in every way that a program has, inside an enclave. All must be served by
 * the LibOS, which gives answers that the host would not: this is process 1, the host's name is
 * another, and the host's file named by argv[1] is not here. Prints TAP. Static, so that it knows
 * its own code.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/test.h"

#define X32_BIT 0x40000000L
#define I386_GETPID 20
#define VSYSCALL_GETTIMEOFDAY 0xffffffffff600000UL
#define VSYSCALL_TIME 0xffffffffff600400UL
#define VSYSCALL_GETCPU 0xffffffffff600800UL
#define PAGE_AT 0x20000000UL
#define FAULTED (-100000L)

static sigjmp_buf on_fault;

static void fault_handler(int signo)
{
	siglongjmp(on_fault, signo);
}

/* Call @code as a function that makes a system call; FAULTED if that ends in a signal. */
static long try_at(const void *code, long number, long a, long b)
{
	long result = number;

	if (sigsetjmp(on_fault, 1))
		return FAULTED;
	__asm__ volatile("sub $128, %%rsp\n\tcall *%3\n\tadd $128, %%rsp"
			 : "+a"(result), "+D"(a), "+S"(b)
			 : "r"(code)
			 : "rcx", "rdx", "r8", "r9", "r10", "r11", "memory", "cc");
	return result;
}

static unsigned char *page; /* below 4 GiB, for 32-bit code */

static const void *make_code(const unsigned char *bytes, size_t size)
{
	if (!page)
		page = mmap((void *)PAGE_AT, 4096, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (page == MAP_FAILED || mprotect(page, 4096, PROT_READ | PROT_WRITE))
		abort();
	memset(page, 0xcc, 4096);
	memcpy(page + 64, bytes, size);
	if (mprotect(page, 4096, PROT_READ | PROT_EXEC))
		abort();
	return page + 64;
}

#define CODE(...)                                                                                  \
	make_code((const unsigned char[]){__VA_ARGS__}, sizeof((unsigned char[]){__VA_ARGS__}))
#define SYSCALL_RET CODE(0x0f, 0x05, 0xc3)

static void check_code_made_now(const char *host_file)
{
	struct utsname name;

	CHECK_EQ(try_at(SYSCALL_RET, SYS_getpid, 0, 0), 1);
	CHECK_EQ(try_at(SYSCALL_RET, SYS_getppid, 0, 0), 0);
	CHECK_EQ(try_at(SYSCALL_RET, SYS_open, (long)host_file, O_RDONLY), -ENOENT);
	CHECK_EQ(try_at(SYSCALL_RET, SYS_uname, (long)&name, 0), 0);
	CHECK_STR(name.nodename, "casemate");
	/* mov $nr, %eax; syscall: what is patched in libraries, here not from a file */
	CHECK_EQ(try_at(CODE(0xb8, SYS_getpid, 0, 0, 0, 0x0f, 0x05, 0xc3), 0, 0, 0), 1);
	/* The same again, from a page that may be written while it runs. */
	SYSCALL_RET;
	CHECK_EQ(mprotect(page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC), 0);
	CHECK_EQ(try_at(page + 64, SYS_getpid, 0, 0), 1);
	memcpy(page + 64, "\xb8\x6e\x00\x00\x00\x0f\x05\xc3", 8);
	CHECK_EQ(try_at(page + 64, SYS_getpid, 0, 0), 0); /* 0x6e: getppid */
	/* `0f 05` in the middle of another instruction */
	CHECK_EQ(try_at((const char *)CODE(0x48, 0xb8, 0x0f, 0x05, 0xc3, 0, 0, 0, 0, 0) + 2,
			 SYS_getpid, 0, 0),
		1);
}

static void check_numbers(void)
{
	CHECK_EQ(try_at(SYSCALL_RET, -1, 0, 0), -ENOSYS);
	CHECK_EQ(try_at(SYSCALL_RET, SYS_getpid | X32_BIT, 0, 0), -ENOSYS);
	CHECK_EQ(try_at(SYSCALL_RET, 520 | X32_BIT, 0, 0), -ENOSYS); /* x32's execve */
	CHECK_EQ(try_at(SYSCALL_RET, 0x7fffffff, 0, 0), -ENOSYS);
	CHECK_EQ(try_at(SYSCALL_RET, SYS_io_uring_setup, 0, 0), -ENOSYS);
	CHECK_EQ(try_at(SYSCALL_RET, 0xdead00000000L | SYS_getpid, 0, 0), 1);
	CHECK_EQ(syscall(-1), -1);
	CHECK_EQ(errno, ENOSYS);
	CHECK_EQ(syscall(SYS_getpid | X32_BIT), -1);
	CHECK_EQ(errno, ENOSYS);
}

/* Doors to the kernel of other kinds: an error or a signal, never the host's answer. */
static void check_other_doors(void)
{
	long r = try_at(CODE(0xcd, 0x80, 0xc3), I386_GETPID, 0, 0);

	CHECK(r == -ENOSYS || r == FAULTED);
	r = try_at(CODE(0x0f, 0x34, 0xc3), I386_GETPID, 0, 0); /* sysenter */
	CHECK(r == -ENOSYS || r == FAULTED);
	/* far return to 32-bit code: mov $20, %eax; int $0x80; ljmp back is not reached */
	make_code((const unsigned char[]){0xb8, 20, 0, 0, 0, 0xcd, 0x80, 0xf4}, 8);
	if (mprotect(page, 4096, PROT_READ | PROT_WRITE))
		abort();
	memcpy(page + 128, "\x6a\x23\x57\x48\xcb", 5); /* push $0x23; push %rdi; lretq */
	if (mprotect(page, 4096, PROT_READ | PROT_EXEC))
		abort();
	CHECK_EQ(try_at(page + 128, 0, (long)(page + 64), 0), FAULTED);
	CHECK_EQ(getpid(), 1);
}

/* Linux emulates these three addresses, or refuses them: here the LibOS answers as to the calls. */
static void check_vsyscall(void)
{
	struct timeval tv = {0};
	long r = try_at((const void *)VSYSCALL_TIME, 0, 0, 0);
	unsigned int cpu = 9999;

	CHECK(r == FAULTED || labs(r - time(NULL)) <= 1);
	r = try_at((const void *)VSYSCALL_GETTIMEOFDAY, 0, (long)&tv, 0);
	CHECK(r == FAULTED || (r == 0 && labs(tv.tv_sec - time(NULL)) <= 1));
	r = try_at((const void *)VSYSCALL_GETCPU, 0, (long)&cpu, 0);
	CHECK(r == FAULTED || (r == 0 && cpu < 4096));
	/* Anything else there is a fault. */
	CHECK_EQ(try_at((const void *)(VSYSCALL_TIME + 16), SYS_getpid, 0, 0), FAULTED);
}

extern const char own_site[], own_site_syscall[];
__asm__(".text\nown_site: mov $39, %eax\nown_site_syscall: syscall\nret\n");

/* A site known from the program's file is patched; the instruction itself stays and traps. */
static void check_patched_site(void)
{
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(try_at(own_site, 0, 0, 0), 1);
		CHECK_EQ(try_at(own_site_syscall, SYS_getppid, 0, 0), 0);
	}
}

int main(int argc, char **argv)
{
	static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGSYS};
	static char stack[64 * 1024]; /* 32-bit code leaves half a stack pointer */
	const stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};
	struct sigaction action = {.sa_handler = fault_handler, .sa_flags = SA_ONSTACK};

	sigaltstack(&alternate, NULL);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		sigaction(faults[i], &action, NULL);
	CHECK_EQ(argc, 2);
	CHECK_EQ(getpid(), 1);
	check_code_made_now(argv[1]);
	check_numbers();
	check_patched_site();
	check_other_doors();
	check_vsyscall();
	return test_done();
}
