/* Pages that an enclave gets and gives while it runs, and its window, as its host sees them. A
 *thread that crashes is lost, so who crashes is one of those beside the first.
 *
 *	pages_test FILE OTHER: two enclave files (sign.py) */
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "tests/hypervisor/guest/host.h"

#define SPARE (1UL << 20) /* the image has nothing from there on */
#define MANY 64
#define LOCKED_MAX 8 /* pages */
#define COUNT_MAX (1UL << 40)
#define WORD 0x1234567890abcdefUL

static int64_t ask(int fd, const struct image *image, uint64_t command, uint64_t b, uint64_t c)
{
	return enter(fd, image->tcs, command, b, c, 0);
}

static bool crashes(
	int fd, const struct image *image, unsigned int thread, uint64_t command, uint64_t b)
{
	return enter(fd, thread_tcs(image, thread), command, b, 0, 0) == -2;
}

/* And its host is told which page it is. */
static bool misses(int fd, const struct image *image, unsigned int thread, uint64_t command,
	uint64_t b, uint64_t c)
{
	struct casemate_enter e = {.tcs = thread_tcs(image, thread), .words = {command, b, c}};

	return ioctl(fd, CASEMATE_IOC_ENTER, &e) == 0 && e.reason == HC_EXIT_MISSING &&
	       e.words[0] == (b & ~4095UL) && e.words[1] == b && e.words[2] == c;
}

/* Once all processors have noticed. */
static int64_t protect(int fd, const struct image *image, uint64_t offset, uint64_t access)
{
	int64_t r = ask(fd, image, TEST_PROTECT, offset, access);

	if (r != EAGAIN)
		return r;
	ioctl(fd, CASEMATE_IOC_FLUSH);
	return ask(fd, image, TEST_PROTECT, offset, access);
}

static bool is_zero(int fd, const struct image *image, uint64_t offset)
{
	for (uint64_t i = 0; i < 4096; i += 8)
		if (ask(fd, image, TEST_LOAD, offset + i, 0) != 0)
			return false;
	return true;
}

static bool fails(int r, int error)
{
	return r < 0 && errno == error;
}

static void test_new_pages(const char *file)
{
	struct image image;
	int fd = start(file, &image), early = build(&image);

	point(fails(augment(early, SPARE), EINVAL), "no such page before it is initialised");
	close(early);
	point(augment(fd, SPARE) == 0, "a page is added while an enclave runs");
	point(fails(augment(fd, SPARE), EEXIST), "but once");
	point(fails(augment(fd, 0), EEXIST) && fails(augment(fd, image.tcs), EEXIST),
		"and not where a page or a thread is");
	point(fails(augment(fd, image.header.size), EINVAL) &&
			fails(augment(fd, 1UL << 40), EINVAL) && fails(augment(fd, 1), EINVAL),
		"nor outside of it");
	point(misses(fd, &image, 1, TEST_LOAD, SPARE, 0),
		"before it is accepted, who touches it misses it");
	point(ask(fd, &image, TEST_PROTECT, SPARE, SGX_SECINFO_R) == EINVAL,
		"its access can't be changed before");
	point(ask(fd, &image, TEST_ACCEPT, SPARE, ENCLAVE_ACCEPT_TRIM) == EINVAL &&
			ask(fd, &image, TEST_ACCEPT, SPARE, 3) == EINVAL &&
			ask(fd, &image, TEST_ACCEPT, SPARE + 1, ENCLAVE_ACCEPT_NEW) == EINVAL,
		"it is accepted as what it is, only");
	point(ask(fd, &image, TEST_ACCEPT, SPARE, ENCLAVE_ACCEPT_NEW) == 0,
		"the enclave accepts it");
	point(ask(fd, &image, TEST_ACCEPT, SPARE, ENCLAVE_ACCEPT_NEW) == EINVAL, "but once, too");
	point(is_zero(fd, &image, SPARE), "it is zero");
	point(ask(fd, &image, TEST_STORE, SPARE, TEST_CODE) == 1 &&
			ask(fd, &image, TEST_LOAD, SPARE, 0) == (int64_t)TEST_CODE,
		"it is read and written");
	point(crashes(fd, &image, 2, TEST_RUN, SPARE), "and not executed");
	point(ask(fd, &image, TEST_ACCEPT, SPARE + 4096, ENCLAVE_ACCEPT_NEW) == ENOENT,
		"a page that was not added is not accepted");
	point(on_range(fd, CASEMATE_IOC_AUGMENT, SPARE + 4096, MANY * 4096UL) == 0 &&
			on_range(fd, CASEMATE_IOC_REMOVE, SPARE + 4096, MANY * 4096UL) == 0,
		"until it is accepted, Linux can take it back");
	close(fd);
}

static void test_protection(const char *file)
{
	struct image image;
	int fd = start(file, &image);

	if (augment(fd, SPARE) < 0 || ask(fd, &image, TEST_ACCEPT, SPARE, ENCLAVE_ACCEPT_NEW))
		point(false, "a page to protect");
	point(protect(fd, &image, SPARE, 7) == EINVAL && protect(fd, &image, SPARE, 0) == EINVAL &&
			protect(fd, &image, SPARE, SGX_SECINFO_W) == EINVAL &&
			protect(fd, &image, SPARE, 8 | SGX_SECINFO_R) == EINVAL,
		"no page is written and executed, nor not read");
	ask(fd, &image, TEST_STORE, SPARE, TEST_CODE);
	point(protect(fd, &image, SPARE, SGX_SECINFO_R | SGX_SECINFO_X) == 0 &&
			ask(fd, &image, TEST_RUN, SPARE, 0) == 7,
		"an enclave makes a page executable");
	point(crashes(fd, &image, 1, TEST_STORE, SPARE), "which is not written then");
	point(protect(fd, &image, SPARE, SGX_SECINFO_R) == 0 &&
			crashes(fd, &image, 2, TEST_RUN, SPARE) &&
			ask(fd, &image, TEST_LOAD, SPARE, 0) == (int64_t)TEST_CODE,
		"and one that is only read");
	point(protect(fd, &image, SPARE, SGX_SECINFO_R | SGX_SECINFO_W) == 0 &&
			ask(fd, &image, TEST_STORE, SPARE, 0) == 1,
		"and written again");
	close(fd);
}

static void test_removal(const char *file)
{
	struct image image;
	int fd = start(file, &image);

	if (augment(fd, SPARE) < 0 || ask(fd, &image, TEST_ACCEPT, SPARE, ENCLAVE_ACCEPT_NEW))
		point(false, "a page to remove");
	ask(fd, &image, TEST_STORE, SPARE, WORD);
	point(fails(take(fd, SPARE), EPERM), "no page is taken from an enclave");
	point(fails(take(fd, 0), EPERM) && fails(trim(fd, image.tcs), ENOENT),
		"nor one that it was built of, nor a thread");
	point(ask(fd, &image, TEST_ACCEPT, SPARE, ENCLAVE_ACCEPT_TRIM) == EINVAL,
		"it agrees to nothing that was not asked");
	point(trim(fd, SPARE) == 0, "Linux asks for a page");
	point(fails(trim(fd, SPARE), EBUSY), "but once");
	point(fails(take(fd, SPARE), EPERM), "and can't take it before the enclave agrees");
	point(fails(augment(fd, SPARE), EEXIST), "nor put another one there");
	point(crashes(fd, &image, 1, TEST_LOAD, SPARE), "the enclave has lost it");
	point(ask(fd, &image, TEST_ACCEPT, SPARE, ENCLAVE_ACCEPT_NEW) == EINVAL &&
			ask(fd, &image, TEST_PROTECT, SPARE, SGX_SECINFO_R) == EINVAL,
		"and does not get it back");
	point(ask(fd, &image, TEST_ACCEPT, SPARE, ENCLAVE_ACCEPT_TRIM) == 0, "it agrees");
	point(ask(fd, &image, TEST_ACCEPT, SPARE, ENCLAVE_ACCEPT_TRIM) == EINVAL, "once");
	point(fails(augment(fd, SPARE), EEXIST), "the page is still there");
	point(take(fd, SPARE) == 0, "then it is taken");
	point(fails(take(fd, SPARE), ENOENT), "and is gone");
	point(augment(fd, SPARE) == 0 && misses(fd, &image, 2, TEST_LOAD, SPARE, 0),
		"another one at its place is not the enclave's");
	point(ask(fd, &image, TEST_ACCEPT, SPARE, ENCLAVE_ACCEPT_NEW) == 0 &&
			is_zero(fd, &image, SPARE),
		"until it accepts that one, which is zero");
	close(fd);
}

/* Who writes to a page on another processor while it is taken away. */
static void test_removal_under_a_thread(const char *file)
{
	struct image image;
	int fd = start(file, &image), status;
	int64_t r = EAGAIN;
	pid_t child;

	if (augment(fd, SPARE) < 0 || ask(fd, &image, TEST_ACCEPT, SPARE, ENCLAVE_ACCEPT_NEW))
		point(false, "a page to write to");
	child = fork();
	if (child == 0) {
		run_on(1);
		/* The end; or, where nothing is by then, it misses that. */
		_exit(enter(fd, thread_tcs(&image, 1), TEST_COUNT, SPARE, COUNT_MAX, 0) < -1 ? 0
											     : 1);
	}
	while (ask(fd, &image, TEST_LOAD, SPARE, 0) == 0)
		usleep(1000);
	point(trim(fd, SPARE) == 0, "a page is asked for while a thread writes to it");
	while (r == EAGAIN)
		r = ask(fd, &image, TEST_ACCEPT, SPARE, ENCLAVE_ACCEPT_TRIM);
	point(r == 0 && take(fd, SPARE) == 0, "and taken");
	waitpid(child, &status, 0);
	point(status == 0, "which stops that thread");
	point(augment(fd, SPARE) == 0 &&
			ask(fd, &image, TEST_ACCEPT, SPARE, ENCLAVE_ACCEPT_NEW) == 0 &&
			is_zero(fd, &image, SPARE),
		"nothing was written to what came after");
	close(fd);
}

static void test_demand(const char *file)
{
	struct image image;
	int fd = start(file, &image);

	point(misses(fd, &image, 1, TEST_DEMAND, SPARE + 8, WORD),
		"a page that a thread misses is asked of its host");
	point(misses(fd, &image, 1, TEST_DEMAND, SPARE + 8, WORD), "again, while it is not there");
	point(augment(fd, SPARE) == 0 &&
			enter(fd, thread_tcs(&image, 1), TEST_DEMAND, 0, 0, 0) == 1 &&
			ask(fd, &image, TEST_LOAD, SPARE + 8, 0) == (int64_t)WORD &&
			ask(fd, &image, TEST_LOAD, SPARE, 0) == 0,
		"when it is, the enclave's own handler accepts it, and the thread goes on");
	point(misses(fd, &image, 1, TEST_LOAD, SPARE + 4096, 0) && augment(fd, SPARE + 4096) == 0 &&
			misses(fd, &image, 1, TEST_LOAD, SPARE + 4096, 0),
		"a page that its handler does not accept stays missing");
	point(ask(fd, &image, TEST_ACCEPT, SPARE + 4096, ENCLAVE_ACCEPT_NEW) == 0 &&
			enter(fd, thread_tcs(&image, 1), 0, 0, 0, 0) == 0,
		"until another thread accepts it");
	point(misses(fd, &image, 1, TEST_RAISE_ON, SPARE + 2 * 4096 + 2048, 0) &&
			augment(fd, SPARE + 2 * 4096) == 0 &&
			misses(fd, &image, 1, TEST_RAISE_ON, SPARE + 2 * 4096 + 2048, 0),
		"an exception whose stack is missing waits, and no other one comes before it");
	point(ask(fd, &image, TEST_ACCEPT, SPARE + 2 * 4096, ENCLAVE_ACCEPT_NEW) == 0 &&
			enter(fd, thread_tcs(&image, 1), 0, 0, 0, 0) == 6,
		"it is delivered when its stack is there");
	point(ask(fd, &image, TEST_DEMAND, SPARE, WORD) == 1, "what is there is not asked for");
	point(crashes(fd, &image, 2, TEST_LOAD, image.tcs), "a TCS is no such page");
	point(crashes(fd, &image, 3, TEST_LOAD, TEST_WINDOW), "nor is one of the window");
	close(fd);
}

static void test_window(const char *file, const char *other_file)
{
	struct image image, other;
	int fd = start(file, &image), other_fd = start(other_file, &other);
	volatile uint64_t *memory =
		mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *shared = (void *)memory;

	memory[0] = WORD;
	point(share(fd, shared, 0, 8192) == 0, "a program shares memory with an enclave");
	point(ask(fd, &image, TEST_LOAD, TEST_WINDOW, 0) == (int64_t)WORD,
		"the enclave reads what it has written");
	point(ask(fd, &image, TEST_STORE, TEST_WINDOW + 4096, WORD + 1) == 1 &&
			memory[512] == WORD + 1,
		"and it reads what the enclave has");
	memory[0] = TEST_CODE;
	point(crashes(fd, &image, 1, TEST_RUN, TEST_WINDOW), "nothing is executed in the window");
	point(fails(share(fd, (uint8_t *)shared + 8192, 0, 4096), EEXIST),
		"a page of the window is one page");
	point(fails(share(fd, shared, 16384, 4096), EFAULT) &&
			fails(share(other_fd, shared, 0, 4096), EFAULT),
		"a page is in one window, once");
	point(fails(share(fd, (uint8_t *)shared + 8192, HYPERVISOR_WINDOW_COUNT_MAX << 12, 4096),
		      EINVAL),
		"the window has an end");
	point(ask(fd, &image, TEST_ACCEPT, HYPERVISOR_WINDOW, ENCLAVE_ACCEPT_NEW) == EINVAL &&
			ask(fd, &image, TEST_PROTECT, HYPERVISOR_WINDOW, 5) == EINVAL &&
			fails(trim(fd, HYPERVISOR_WINDOW), EINVAL) &&
			fails(take(fd, HYPERVISOR_WINDOW), EINVAL),
		"it is no page of the enclave's");
	point(unshare_window(fd, 0, 4096) == 0, "it is taken out of the window");
	point(crashes(fd, &image, 2, TEST_LOAD, TEST_WINDOW), "where the enclave misses it");
	point(share(other_fd, shared, 0, 4096) == 0 &&
			ask(other_fd, &other, TEST_STORE, TEST_WINDOW, WORD) == 1 &&
			memory[0] == WORD,
		"and may be in another one");
	close(other_fd);
	close(fd);
	point(memory[0] == WORD && memory[512] == WORD + 1,
		"memory that was shared is as it was, once the enclaves are gone");
	munmap(shared, 3 * 4096);
}

/* VmLck of /proc/self/status, in pages. */
static unsigned long locked_pages(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	unsigned long kilobytes = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "VmLck: %lu kB", &kilobytes) == 1)
			break;
	if (file)
		fclose(file);
	return kilobytes / 4;
}

/* Root without the right to lock as much as he likes. */
static bool may_lock(unsigned int pages)
{
	struct rlimit limit = {pages * 4096UL, pages * 4096UL};
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[2];

	if (setrlimit(RLIMIT_MEMLOCK, &limit) < 0 || syscall(SYS_capget, &header, sets) < 0)
		return false;
	sets[0].effective &= ~(1U << CAP_IPC_LOCK);
	return syscall(SYS_capset, &header, sets) == 0;
}

static void test_locked_memory_of(const char *file)
{
	struct image image;
	int fd = start(file, &image), status;
	uint8_t *memory = mmap(NULL, 2 * LOCKED_MAX * 4096, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	point(may_lock(LOCKED_MAX) && locked_pages() == 0, "a program may lock few pages");
	point(fails(share(fd, memory, 0, (LOCKED_MAX + 1) * 4096UL), ENOMEM) &&
			locked_pages() == LOCKED_MAX,
		"it shares no more than it may lock");
	point(unshare_window(fd, 0, 2 * 4096) == 0 && locked_pages() == LOCKED_MAX - 2,
		"what is shared no more does not count");
	point(share(fd, memory, 0, 4096) == 0 && fails(share(fd, memory, 0, 4096), EEXIST) &&
			fails(share(fd, NULL, 4096, 4096), EFAULT) &&
			locked_pages() == LOCKED_MAX - 1,
		"nor does what could not be shared");
	if (fork() == 0)
		_exit(unshare_window(fd, 0, 4096) == 0 && locked_pages() == 0 ? 0 : 1);
	wait(&status);
	point(status == 0 && locked_pages() == LOCKED_MAX - 2,
		"it counts for who shared, whoever ends that");
	close(fd);
	point(locked_pages() == 0, "nothing counts when the enclave is gone");
}

static void test_locked_memory(const char *file)
{
	pid_t child = fork();

	if (child == 0) {
		test_locked_memory_of(file);
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	test_new_pages(argv[1]);
	test_protection(argv[1]);
	test_removal(argv[1]);
	test_removal_under_a_thread(argv[1]);
	test_demand(argv[1]);
	test_window(argv[1], argv[2]);
	test_locked_memory(argv[1]);
	return 0;
}
