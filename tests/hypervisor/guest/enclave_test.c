/* Enclaves as a program sees them. Prints its points as guest/lib.sh does.
 *
 *	enclave_test FILE OTHER_SVN OTHER_SIGNER CPUID: enclave files (sign.py) of the same code */
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "tests/hypervisor/guest/host.h"

#define SECRET_SEED 0x5eed0fca5e3a7eUL
#define SPIN_ROUNDS 30000000UL

static void test_calls(int fd, const struct image *image)
{
	uint64_t t = image->tcs;

	point(enter(fd, t, TEST_ADD, 1, 20, 300) == 321, "it is entered, computes and leaves");
	point(enter(fd, t, TEST_ADD, 5, 5, 5) == 15, "it goes on where it left");
	point(enter(fd, t, TEST_SVM, 0, 0, 0) == 0, "CPUID inside offers no SVM");
	point(enter(fd, t, TEST_SPIN, SPIN_ROUNDS, 0, 0) == 1,
		"interrupts change none of its registers");
	point(enter(fd, t, TEST_EXCEPTION, TEST_UD2, 0, 0) == 6, "its own handler sees #UD");
	point(enter(fd, t, TEST_EXCEPTION, TEST_PAGE_FAULT, 0, 0) == 14,
		"its own handler sees #PF");
	point(enter(fd, t, TEST_EXCEPTION, TEST_OUT, 0, 0) == 13, "no port is its: #GP");
	point(enter(fd, t, TEST_EXCEPTION, TEST_WRMSR, 0, 0) == 13,
		"SVM's registers are not its: #GP");
	point(enter(fd, t, TEST_EXCEPTION, TEST_DEBUG_REGISTER, 0, 0) == 6,
		"nor debug registers: #UD");
	point(enter(fd, t, TEST_EXCEPTION, TEST_VMRUN, 0, 0) == 6, "nor VMRUN: #UD");
	point(enter(fd, t, TEST_REPORT, 0, 0, 0) == 1,
		"a report holds where it was meant to, only");
}

#define VECTOR_COUNT 16
#define FOR_EACH_VECTOR(what)                                                                      \
	what(0) what(1) what(2) what(3) what(4) what(5) what(6) what(7) what(8) what(9) what(10)   \
		what(11) what(12) what(13) what(14) what(15)
#define LOAD_VECTOR(i) "movups 16*" #i "(%[before]), %%xmm" #i "\n"
#define STORE_VECTOR(i) "movups %%xmm" #i ", 16*" #i "(%[after])\n"

/* Whoever enters finds his vector registers as they were, and nothing of the enclave's, which fills
 * its own. */
static void test_vectors(int fd, const struct image *image)
{
	struct casemate_enter e = {.tcs = image->tcs, .words = {TEST_SPIN, SPIN_ROUNDS / 100}};
	uint64_t before[2 * VECTOR_COUNT], after[2 * VECTOR_COUNT] = {0};
	long r = SYS_ioctl;

	for (unsigned int i = 0; i < 2 * VECTOR_COUNT; i++)
		before[i] = 0x123456789abcdefUL * (i + 1);
	__asm__ volatile(FOR_EACH_VECTOR(LOAD_VECTOR) "syscall\n" FOR_EACH_VECTOR(STORE_VECTOR)
			 : "+a"(r)
			 : "D"(fd), "S"(CASEMATE_IOC_ENTER),
			 "d"(&e), [before] "r"(before), [after] "r"(after)
			 : "rcx", "r11", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",
			 "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
			 "xmm14", "xmm15");
	point(r == 0 && e.words[0] == 1 && memcmp(before, after, sizeof(before)) == 0,
		"what its host has in vector registers is not touched");
}

#define XFRM_AVX 4
#define WIDE_COUNT (4 * VECTOR_COUNT)
#define LOAD_WIDE(i) "vmovdqu 32*" #i "(%[before]), %%ymm" #i "\n"
#define STORE_WIDE(i) "vmovdqu %%ymm" #i ", 32*" #i "(%[after])\n"

/* ENTER with @before in AVX's registers, which are as after a reset if it is zero: what is in them
 * @after. */
static long enter_wide(int fd, struct casemate_enter *e, const uint64_t *before, uint64_t *after)
{
	long r = SYS_ioctl;

	__asm__ volatile(
		FOR_EACH_VECTOR(LOAD_WIDE) "cmpq $0, (%[before])\n"
					   "jne 1f\n"
					   "vzeroall\n"
					   "1: syscall\n" FOR_EACH_VECTOR(STORE_WIDE) "vzeroupper\n"
		: "+a"(r)
		: "D"(fd), "S"(CASEMATE_IOC_ENTER), "d"(e), [before] "r"(before), [after] "r"(after)
		: "rcx", "r11", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
		"xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
	return r;
}

static void wake(int signal)
{
	(void)signal;
}

/* Signals come while it is inside, so that the way out is an interrupt's. */
static void wake_each(unsigned int microseconds)
{
	struct itimerval interval = {{0, microseconds}, {0, microseconds}};
	struct sigaction action = {.sa_handler = wake};

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &interval, NULL);
}

/* @fill: what Linux has in each of them, all the same or all zero. */
static void test_wide_once(int fd, const struct image *image, uint64_t fill, const char *names[2])
{
	struct casemate_enter e = {.tcs = image->tcs, .words = {TEST_SPIN_WIDE, SPIN_ROUNDS / 100}};
	uint64_t before[WIDE_COUNT], after[WIDE_COUNT] = {0};
	long r;

	for (unsigned int i = 0; i < WIDE_COUNT; i++)
		before[i] = fill * (i + 1);
	r = enter_wide(fd, &e, before, after);
	point(r == 0 && e.words[0] == 1 && memcmp(before, after, sizeof(before)) == 0, names[0]);
	memset(after, 0, sizeof(after));
	e = (struct casemate_enter){.tcs = image->tcs, .words = {TEST_SPIN_WIDE, 10 * SPIN_ROUNDS}};
	wake_each(50000);
	r = enter_wide(fd, &e, before, after);
	wake_each(0);
	point(r == -EINTR && memcmp(before, after, sizeof(before)) == 0, names[1]);
	point(ioctl(fd, CASEMATE_IOC_ENTER, &e) == 0 && e.words[0] == 1,
		"an enclave's AVX registers outlive interrupts");
}

/* An enclave that may use AVX, and fills its registers. */
static void test_wide_vectors(const char *file)
{
	struct image image;
	int fd;

	if (!__builtin_cpu_supports("avx2")) {
		printf("@@ # no AVX2 here\n");
		return;
	}
	wanted_xfrm = SGX_XFRM_LEGACY | XFRM_AVX;
	fd = start(file, &image);
	wanted_xfrm = SGX_XFRM_LEGACY;
	test_wide_once(fd, &image, 0x123456789abcdefUL,
		(const char *[]){"what its host has in AVX's registers is kept when it leaves",
			"and when it is interrupted"});
	test_wide_once(fd, &image, 0,
		(const char *[]){"where its host has nothing, nothing of the enclave's is found",
			"nor when it is interrupted"});
	close(fd);
}

static void test_keys(int fd, const struct image *image, char **files)
{
	struct image svn2, other;
	int svn2_fd = start(files[2], &svn2), other_fd = start(files[3], &other);
	int64_t own = enter(fd, image->tcs, TEST_SEAL_ENCLAVE, 0, 0, 0);
	int64_t signer1 = enter(fd, image->tcs, TEST_SEAL_SIGNER, 1, 0, 0);

	point(svn2_fd >= 0 && other_fd >= 0, "several enclaves live at once");
	point(own > 0 || own < -2, "an enclave has a sealing key");
	point(own == enter(svn2_fd, svn2.tcs, TEST_SEAL_ENCLAVE, 0, 0, 0),
		"the same code has the same one in another enclave");
	point(signer1 != own && signer1 == enter(svn2_fd, svn2.tcs, TEST_SEAL_SIGNER, 1, 0, 0),
		"a later version gets the key of the earlier one");
	point(enter(fd, image->tcs, TEST_SEAL_SIGNER, 2, 0, 0) == 0,
		"an earlier version does not get the key of the later one");
	point(enter(other_fd, other.tcs, TEST_SEAL_SIGNER, 1, 0, 0) != signer1,
		"another signer has other keys");
	close(svn2_fd);
	close(other_fd);
}

/* While a child is inside, is its parent refused? On a busy machine, or with one processor, the
 * parent may be first, or come between two turns of the child: then it is let in, and it is no
 * answer. */
static bool is_refused_once(int fd, const struct image *image, int *go)
{
	bool was_busy = false;
	pid_t child;

	__atomic_store_n(go, 0, __ATOMIC_RELEASE);
	child = fork();
	if (child == 0) {
		__atomic_store_n(go, 1, __ATOMIC_RELEASE);
		enter(fd, image->tcs, TEST_SPIN, 20 * SPIN_ROUNDS, 0, 0);
		_exit(0);
	}
	while (!__atomic_load_n(go, __ATOMIC_ACQUIRE))
		usleep(1000);
	while (!was_busy && waitpid(child, NULL, WNOHANG) == 0) {
		struct casemate_enter e = {.tcs = image->tcs};

		usleep(1000);
		if (ioctl(fd, CASEMATE_IOC_ENTER, &e) == 0)
			break;
		was_busy = errno == EBUSY;
	}
	waitpid(child, NULL, 0);
	return was_busy;
}

static void test_busy(int fd, const struct image *image)
{
	int *go = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	bool was_busy = sysconf(_SC_NPROCESSORS_ONLN) == 1;

	for (int i = 0; i < 50 && !was_busy; i++)
		was_busy = is_refused_once(fd, image, go);
	point(was_busy, "a thread is entered by one at a time");
}

/* A child for each further thread, each on a processor of its own where there are as many. */
static int64_t meet_on(int fd, const struct image *image, unsigned int thread)
{
	run_on(thread);
	return enter(fd, thread_tcs(image, thread), TEST_MEET, TEST_THREADS, 0, 0);
}

static void test_threads(int fd, const struct image *image)
{
	int64_t *met = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned int different = 0;
	cpu_set_t before;
	bool all = true;

	sched_getaffinity(0, sizeof(before), &before);
	for (unsigned int i = 1; i < TEST_THREADS; i++) {
		if (fork() == 0) {
			met[i] = meet_on(fd, image, i);
			_exit(0);
		}
	}
	met[0] = meet_on(fd, image, 0);
	sched_setaffinity(0, sizeof(before), &before);
	while (wait(NULL) > 0)
		;
	for (unsigned int i = 0; i < TEST_THREADS; i++) {
		unsigned int j = 0;

		all &= met[i] > 0;
		while (j < i && met[j] != met[i])
			j++;
		different += j == i;
	}
	point(all, "several threads are inside at once");
	point(different == (processors() < TEST_THREADS ? processors() : TEST_THREADS),
		"each on the processor that entered it");
	for (unsigned int i = 0; i < TEST_THREADS; i++)
		all &= enter(fd, thread_tcs(image, i), TEST_ADD, i, 10, 100) == 110 + i;
	point(all, "each goes on where it left");
}

/* NMIs of processor @number, as Linux counts them. */
static unsigned long nmi_count(unsigned int number)
{
	FILE *file = fopen("/proc/interrupts", "re");
	unsigned long count = 0;
	char line[512];

	while (file && fgets(line, sizeof(line), file)) {
		char *at = strstr(line, "NMI:");

		for (unsigned int i = 0; at && i <= number; i++)
			count = strtoul(i ? at : at + 4, &at, 10);
		if (at)
			break;
	}
	if (file)
		fclose(file);
	return count;
}

/* Linux asks each processor for a stack trace, by NMI, while one of them is inside. */
static void test_nmi(int fd, const struct image *image)
{
	unsigned long before = nmi_count(1);
	int status = -1, trigger = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);
	pid_t child;

	if (processors() < 2)
		return;
	child = fork();
	if (child == 0) {
		run_on(1);
		_exit(enter(fd, image->tcs, TEST_SPIN, 20 * SPIN_ROUNDS, 0, 0) == 1 ? 0 : 1);
	}
	usleep(200 * 1000);
	for (int i = 0; i < 5; i++) {
		if (write(trigger, "l", 1) != 1)
			break;
		usleep(100 * 1000);
	}
	close(trigger);
	waitpid(child, &status, 0);
	point(nmi_count(1) >= before + 5, "NMIs reach Linux while an enclave runs");
	point(status == 0, "which goes on unharmed");
}

static bool answers(int fd, const struct image *image, uint32_t leaf, uint32_t subleaf,
	const uint32_t wanted[4])
{
	int64_t first = enter(fd, image->tcs, TEST_CPUID, leaf, subleaf, 0);
	int64_t second = enter(fd, image->tcs, TEST_CPUID, leaf, subleaf, 1);

	return first == (int64_t)(wanted[0] | (uint64_t)wanted[1] << 32) &&
	       second == (int64_t)(wanted[2] | (uint64_t)wanted[3] << 32);
}

static uint32_t first_leaf(uint32_t *ret_ebx)
{
	uint32_t a = 0, c = 0, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(*ret_ebx), "+c"(c), "=d"(d));
	return a;
}

/* @file's table is in sign.py. */
static void test_cpuid(int plain_fd, const struct image *plain, const char *file)
{
	static const uint32_t nothing[4];
	struct image image, changed = load(file);
	int fd = start(file, &image);
	uint32_t highest, ebx;

	highest = first_leaf(&ebx);
	point(enter(plain_fd, plain->tcs, TEST_CPUID, 0, 0, 0) ==
			(int64_t)(highest | (uint64_t)ebx << 32),
		"an enclave without a table of its own hears what the processor says");
	point(answers(fd, &image, 0, 0,
		      (const uint32_t[]){7, 0x65736143, 0x6574616d, 0x21212121}) &&
			answers(fd, &image, 7, 0, (const uint32_t[]){1, 2, 3, 4}) &&
			answers(fd, &image, 7, 1, (const uint32_t[]){5, 6, 7, 8}),
		"CPUID is what stands in the enclave's table");
	point(answers(fd, &image, 0, 99, (const uint32_t[]){7, 0x65736143, 0x6574616d, 0x21212121}),
		"for any subleaf where that is so there");
	point(answers(fd, &image, 7, 2, nothing) && answers(fd, &image, 1, 0, nothing) &&
			answers(fd, &image, 0x80000001, 0, nothing),
		"and nothing where nothing stands there");
	close(fd);
	for (uint64_t i = 0; i < changed.header.count; i++)
		if (changed.records[i].flags == 0x201)
			changed.records[i].page[8] ^= 1;
	fd = build(&changed);
	point(ioctl(fd, CASEMATE_IOC_INIT, &changed.header.sigstruct) < 0 && errno == EKEYREJECTED,
		"the table is measured");
	close(fd);
	fd = start(file, &image);
	for (uint64_t i = 0; i < image.header.count; i++)
		if (image.records[i].flags == 0x201)
			trim(fd, image.records[i].offset);
	point(enter(fd, image.tcs, TEST_CPUID, 0, 0, 0) == -2,
		"without its table an enclave does not go on");
	close(fd);
}

static void test_crashes(const char *path)
{
	struct image image;
	int fd = start(path, &image);

	point(enter(fd, image.tcs, TEST_CRASH, 0, 0, 0) == -2,
		"a place without memory ends a thread");
	point(enter(fd, image.tcs, TEST_ADD, 1, 1, 1) == -1 && errno == EPIPE, "for good");
	close(fd);
	fd = start(path, &image);
	point(enter(fd, image.tcs, TEST_CRASH, 1, 0, 0) == -2, "its code can't be written");
	close(fd);
}

static void test_refusals(const char *path)
{
	struct image image = load(path);
	struct sgx_sigstruct forged = image.header.sigstruct;
	int fd = build(&image);

	point(enter(fd, image.tcs, TEST_ADD, 1, 1, 1) == -1 && errno == EINVAL,
		"it is not entered before it is initialised");
	point(add(fd, &image.records[0]) < 0 && errno == EEXIST, "no page is added twice");
	forged.signature[5] ^= 1;
	point(ioctl(fd, CASEMATE_IOC_INIT, &forged) < 0 && errno == EKEYREJECTED,
		"a changed signature is refused");
	forged = image.header.sigstruct;
	forged.body.isv_svn++;
	point(ioctl(fd, CASEMATE_IOC_INIT, &forged) < 0 && errno == EKEYREJECTED,
		"a changed version is refused");
	forged = image.header.sigstruct;
	forged.q1[0] ^= 1;
	point(ioctl(fd, CASEMATE_IOC_INIT, &forged) < 0 && errno == EKEYREJECTED,
		"a changed quotient is refused");
	forged = image.header.sigstruct;
	memset(forged.modulus, 0, sizeof(forged.modulus));
	memset(forged.signature, 0, sizeof(forged.signature));
	memset(forged.q1, 0, sizeof(forged.q1));
	memset(forged.q2, 0, sizeof(forged.q2));
	point(ioctl(fd, CASEMATE_IOC_INIT, &forged) < 0 && errno == EKEYREJECTED,
		"a key of 0 is refused");
	point(ioctl(fd, CASEMATE_IOC_INIT, &image.header.sigstruct) == 0, "the true one is taken");
	point(add(fd, &(struct record){.offset = 1 << 20, .flags = 0x203}) < 0 && errno == EINVAL,
		"no page is added after that");
	close(fd);
	image.records[0].page[4000] ^= 1;
	fd = build(&image);
	point(ioctl(fd, CASEMATE_IOC_INIT, &image.header.sigstruct) < 0 && errno == EKEYREJECTED,
		"other code is refused");
	point(add(fd, &(struct record){.offset = 1 << 20, .flags = 0x207}) < 0 && errno == EINVAL,
		"no page is written and executed");
	close(fd);
}

int main(int argc, char **argv)
{
	struct image image;
	int fd;

	if (argc != 5)
		return 2;
	fd = start(argv[1], &image);
	point(fd >= 0, "an enclave is made, and its measurement is what was signed");
	if (fd < 0)
		return 1;
	test_calls(fd, &image);
	test_vectors(fd, &image);
	test_wide_vectors(argv[1]);
	test_keys(fd, &image, argv);
	point(enter(fd, image.tcs, TEST_SECRET, SECRET_SEED, 0, 0) == 1, "it makes a secret");
	test_busy(fd, &image);
	test_threads(fd, &image);
	test_nmi(fd, &image);
	test_cpuid(fd, &image, argv[4]);
	test_crashes(argv[1]);
	test_refusals(argv[1]);
	point(enter(fd, image.tcs, TEST_CHECK, 0, 0, 0) == 1, "its secret is still there");
	return 0;
}
