#include "host/probe.h"

#include <asm/prctl.h>
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/layout.h"

#define CPUID_SGX_LEAF7_EBX (1U << 2)

/* ---- Simulation: all that an enclave's start asks of the kernel, in a child ---- */

static sig_atomic_t trapped;
static volatile uint32_t *shared; /* first page of the region */

static int probe_region(int *ret_fd)
{
	void *at = (void *)PLATFORM_REGION_START;

	*ret_fd = memfd_create("casemate-check", MFD_CLOEXEC);
	if (*ret_fd < 0 || ftruncate(*ret_fd, (off_t)PLATFORM_REGION_SIZE) < 0)
		return -errno;
	shared = mmap(at, PLATFORM_REGION_SIZE, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_NORESERVE | MAP_FIXED_NOREPLACE, *ret_fd, 0);
	if (shared == MAP_FAILED)
		return -errno;
	return (const volatile void *)shared == at ? 0 : -EEXIST;
}

static int probe_discard(int fd)
{
	*shared = 1;
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE_SIZE) < 0)
		return -errno;
	return *shared == 0 ? 0 : -EIO;
}

static int probe_code(int fd)
{
	void *page = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);

	return page == MAP_FAILED ? -errno : 0;
}

static int probe_gs(int fd)
{
	unsigned long base = 0;

	(void)fd;
	if (syscall(SYS_arch_prctl, ARCH_SET_GS, PLATFORM_REGION_START) < 0 ||
		syscall(SYS_arch_prctl, ARCH_GET_GS, &base) < 0)
		return -errno;
	return base == PLATFORM_REGION_START ? 0 : -EIO;
}

static int probe_process(int fd)
{
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);
	int status;

	(void)fd;
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		*shared = 7;
		syscall(SYS_futex, shared, FUTEX_WAKE, 1, NULL, NULL, 0);
		_exit(prctl(PR_SET_PDEATHSIG, SIGKILL) < 0);
	}
	if (waitpid(pid, &status, 0) != pid || status != 0 || *shared != 7)
		return -EIO;
	return 0;
}

static void on_trap(int signo)
{
	trapped = signo;
}

static int probe_filter(int fd)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {ARRAY_SIZE(filter), filter};

	(void)fd;
	signal(SIGSYS, on_trap);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
		return -errno;
	syscall(SYS_getppid);
	return trapped == SIGSYS ? 0 : -EIO;
}

/* In the order of a start; the filter comes last, for it stays. */
static const struct {
	const char *what;
	int (*probe)(int fd);
} steps[] = {
	{"shared memory for code (is memory that programs may execute forbidden?)", probe_code},
	{"giving memory back (fallocate)", probe_discard},
	{"processes that share memory (clone)", probe_process},
	{"a thread's GS base (arch_prctl)", probe_gs},
	{"a filter for system calls (seccomp)", probe_filter},
};

struct probe_answer {
	int error;
	char what[128];
};

static struct probe_answer probe_steps(void)
{
	struct probe_answer answer = {0};
	const char *what = "4 TiB of addresses for an enclave (are `ulimit -v`, `ulimit -f` set? "
			   "they must be unlimited)";
	int fd;

	signal(SIGXFSZ, SIG_IGN);
	answer.error = probe_region(&fd);
	for (size_t i = 0; i < ARRAY_SIZE(steps) && !answer.error; i++) {
		what = steps[i].what;
		answer.error = steps[i].probe(fd);
	}
	snprintf(answer.what, sizeof(answer.what), "%s", what);
	return answer;
}

int host_probe_simulation(struct image_error *error)
{
	struct probe_answer answer = {0};
	int ends[2], status;
	ssize_t size;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return image_fail_errno(error, -errno, "a pipe");
	pid = fork();
	if (pid == 0) {
		answer = probe_steps();
		_exit(write(ends[1], &answer, sizeof(answer)) != sizeof(answer));
	}
	close(ends[1]);
	size = pid < 0 ? 0 : read(ends[0], &answer, sizeof(answer));
	close(ends[0]);
	if (pid < 0)
		return image_fail_errno(
			error, -errno, "starting a process (is `ulimit -u` set too low?)");
	if (waitpid(pid, &status, 0) != pid || size != sizeof(answer))
		return image_fail(error, -EIO, "a process that tried it was ended from outside");
	if (answer.error)
		return image_fail_errno(error, answer.error, "%s", answer.what);
	return 0;
}

bool host_probe_counts_reservations(void)
{
	char mode = '0';
	int fd = open("/proc/sys/vm/overcommit_memory", O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		if (read(fd, &mode, 1) != 1)
			mode = '0';
		close(fd);
	}
	return mode == '2';
}

/* ---- The others: first what the machine lacks, then what this version does ---- */

int host_probe_hypervisor(struct image_error *error)
{
	if (access("/dev/casemate", F_OK) < 0)
		return image_fail(error, -ENODEV, "no /dev/casemate: its driver is not loaded");
	return image_fail(error, -ENOTSUP, "this version of casemate has no LibOS for it");
}

int host_probe_sgx(struct image_error *error)
{
	unsigned int a, b = 0, c, d;

	if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & CPUID_SGX_LEAF7_EBX))
		return image_fail(
			error, -ENODEV, "the processor has no SGX, or it is switched off");
	if (access("/dev/sgx_enclave", R_OK | W_OK) < 0)
		return image_fail_errno(error, -errno, "/dev/sgx_enclave");
	return image_fail(error, -ENOTSUP, "this version of casemate has no LibOS for it");
}
