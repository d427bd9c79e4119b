/* Root, and a kernel module of his, against an enclave.
 *
 *	attack_test without|with FILE: without the hypervisor each attack succeeds, which shows that
 *it is one; with it none may. The processors beside the first are numbered from 1. */
#include <signal.h>

#include "tests/hypervisor/guest/fuzz.h"

#define SPIN_ROUNDS 3000000UL /* of a turn inside */
#define MSR_APIC_BASE 0x1b
#define MSR_MTRR_DEFAULT 0x2ff
#define MSR_EFER 0xc0000080
#define MSR_VM_CR 0xc0010114
#define MSR_VM_HSAVE_PA 0xc0010117
#define EFER_SVME 0x1000UL
#define ICR_INIT 0x4500
#define ICR_STARTUP 0x4610
#define ICR_SMI 0x4200
#define IOMMU_ADDRESS 0xfed80000UL /* where QEMU has it */
#define IOMMU_CONTROL 0x18
#define FUZZ_ROUNDS 20000
#define REGION_PAGES_MAX 4096

static volatile uint64_t watched_word;

__attribute__((noinline)) static void watched_function(void)
{
	watched_word++;
}

/* What each attack achieves where nothing is in its way. Nothing that would end this machine. */
static int without(void)
{
	plant_secret();
	point(scan_for_secret() >= 1, "unprotected: a secret in memory is found");
	attack(ATTACK_PAGE, 0, 0, 0);
	point(attack(ATTACK_RDMSR, MSR_VM_CR, 0, 0).result == 0 &&
			!(attack(ATTACK_RDMSR, MSR_VM_CR, 0, 0).b & 0x10),
		"unprotected: SVM can be used");
	point(attack(ATTACK_WRMSR, MSR_VM_HSAVE_PA, 4096, 0).result == 0,
		"unprotected: VM_HSAVE_PA can be written");
	attack(ATTACK_WRMSR, MSR_VM_HSAVE_PA, 0, 0);
	uint64_t page = attack(ATTACK_PAGE, 0, 0, 0).a;
	point(attack(ATTACK_WRITE, page, 42, 0).result == 0 &&
			attack(ATTACK_READ, page, 0, 0).b == 42,
		"unprotected: any address can be written and read");
	attack(ATTACK_WATCH, (uint64_t)watched_function, (uint64_t)&watched_word, 0);
	watched_function();
	point(attack(ATTACK_WATCHED, 0, 0, 0).result >= 2,
		"unprotected: breakpoints tell what a program does");
	point(attack(ATTACK_STEP, 0, 0, 0).result >= 3,
		"unprotected: code is gone through step by step");
	return 0;
}

static void attack_memory(uint64_t region)
{
	bool all_ones = true, all_fault = true;
	uint64_t pages = 0, frame;

	while (pages < REGION_PAGES_MAX && (frame = region_frame(region, pages)) != 0) {
		struct attack read = attack(ATTACK_READ, frame + 8, 0, 0);

		if (read.result != 0 || read.b != UINT64_MAX)
			printf("@@ # page %lu at %#lx: %ld %#lx\n", pages, frame, read.result,
				read.b);
		all_ones &= read.result == 0 && read.b == UINT64_MAX;
		all_fault &= attack(ATTACK_WRITE, frame + 8, 0, 0).result == -EFAULT;
		pages++;
	}
	point(pages > 8 && all_ones, "each page of the hypervisor reads as ones");
	point(pages > 8 && all_fault, "a write to any of them faults");
}

static bool write_refused(uint64_t msr, uint64_t flip)
{
	struct attack old = attack(ATTACK_RDMSR, msr, 0, 0);

	return attack(ATTACK_WRMSR, msr, old.b ^ flip, 0).result != 0 &&
	       attack(ATTACK_RDMSR, msr, 0, 0).b == old.b;
}

static void attack_registers(void)
{
	bool all_fault = true;

	point(write_refused(MSR_VM_HSAVE_PA, 4096), "VM_HSAVE_PA is out of reach");
	point(write_refused(MSR_EFER, EFER_SVME), "EFER.SVME can't be set");
	point(write_refused(MSR_EFER, 1UL << 8), "EFER.LME can't be cleared");
	point(write_refused(MSR_APIC_BASE, 1UL << 20), "the APIC stays where it is");
	point(write_refused(MSR_APIC_BASE, 1UL << 11), "the APIC stays on");
	point(write_refused(MSR_MTRR_DEFAULT, 6), "memory types stay as they are");
	point(attack(ATTACK_RDMSR, MSR_VM_CR, 0, 0).b & 0x10, "SVM looks switched off");
	for (uint64_t i = 0; i <= 6; i++)
		all_fault &= attack(ATTACK_SVM, i, 0, 0).result == -EFAULT;
	point(all_fault, "none of SVM's instructions is there");
}

/* A thread that was not entered yet begins by pushing words onto its stack. (Where it is executed
 * can't be asked: the emulation stops there whatever a guest's DR7 says.) */
static void attack_by_debugging(int fd, const struct image *image, uint64_t number)
{
	const struct record *tcs = &image->records[image->header.count - 2];
	struct hypervisor_tcs first;
	int64_t answer, heard;
	struct attack step;

	memcpy(&first, tcs->page, sizeof(first));
	attack(ATTACK_WATCH, 0, first.stack - 8, 0);
	answer = enter(fd, tcs->offset, TEST_ADD, 1, 2, 3);
	heard = attack(ATTACK_WATCHED, 0, 0, 0).result;
	if (answer != 6 || heard)
		printf("@@ # answer %ld, heard %ld\n", answer, heard);
	point(answer == 6 && heard == 0, "breakpoints for data tell nothing of an enclave");
	step = attack(ATTACK_STEP, number, thread_tcs(image, 2), TEST_STEPPED);
	if (step.c != 1 || step.result > 3)
		printf("@@ # answer %ld, heard %ld\n", step.c, step.result);
	point(step.c == 1 && step.result <= 3, "nor do single steps: its flags are its own");
}

static pid_t begin_inside(int fd, uint64_t tcs)
{
	pid_t child = fork();

	if (child)
		return child;
	run_on(1);
	enter(fd, tcs, TEST_SPIN, 100 * SPIN_ROUNDS, 0, 0);
	_exit(0);
}

/* Between two turns it may be destroyed, and its program is told: then it is tried again. */
static void attack_who_is_inside(const char *file)
{
	bool was_busy = processors() == 1;

	for (int i = 0; i < 50 && !was_busy; i++) {
		struct image image;
		int fd = start(file, &image);
		pid_t child = begin_inside(fd, image.tcs);

		usleep(100 * 1000);
		was_busy = hypercall(HC_ENCLAVE_DESTROY, 2, 0) == -EBUSY;
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		close(fd);
		free(image.records);
	}
	point(was_busy, "an enclave is not destroyed while a thread is inside");
}

/* Without an IOMMU the same attacks succeed, which shows that they are some. */
static void attack_by_dma(uint64_t region)
{
	uint64_t image = region_frame(region, 0), page = attack(ATTACK_PAGE, 0, 0, 42).a;
	struct attack read = attack(ATTACK_DMA_READ, page + 8, 0, 0);

	point(read.result == 1 && read.b == 42, "a device reads Linux's memory");
	read = attack(ATTACK_DMA_READ, image, 0, 0);
	if (!has_iommu()) {
		point(read.result == 1 && read.b == HYPERVISOR_MAGIC,
			"unprotected: without an IOMMU a device reads the hypervisor");
		attack(ATTACK_DMA_WRITE, image, 42, 0);
		point(attack(ATTACK_DMA_READ, image, 0, 0).b == 42,
			"unprotected: and writes to it");
		attack(ATTACK_DMA_WRITE, image, HYPERVISOR_MAGIC, 0);
		return;
	}
	point(read.result == 0, "a device can't read the hypervisor");
	attack(ATTACK_DMA_WRITE, image, 42, 0);
	point(attack(ATTACK_WRITE, IOMMU_ADDRESS + IOMMU_CONTROL, 0, 0).result == -EFAULT,
		"the IOMMU can't be switched off");
	point(attack(ATTACK_READ, IOMMU_ADDRESS + IOMMU_CONTROL, 0, 0).b == UINT64_MAX,
		"its registers read as ones");
	attack(ATTACK_DMA_WRITE, IOMMU_ADDRESS + IOMMU_CONTROL, 0, 0);
	point(attack(ATTACK_DMA_READ, image, 0, 0).result == 0, "nor by a device");
}

static void attack_processors(void)
{
	bool all_there = true;

	for (uint64_t i = 1; i < (uint64_t)sysconf(_SC_NPROCESSORS_ONLN); i++) {
		all_there &= attack(ATTACK_ICR, i, ICR_SMI, i).result == 1;
		all_there &= attack(ATTACK_ICR, i, ICR_INIT, i).result == 1;
		all_there &= attack(ATTACK_ICR, i, ICR_STARTUP, i).result == 1;
	}
	/* All but itself, by the shorthand. */
	all_there &= attack(ATTACK_ICR, 0, ICR_INIT | 3 << 18, 0).result == 1;
	point(all_there, "no INIT, STARTUP or SMI reaches a processor");
}

static void attack_hypercalls(uint64_t region)
{
	uint64_t frame = region_frame(region, 0), page;
	int64_t number;

	page = attack(ATTACK_PAGE, 0, frame >> 12, 0xfee00).a;
	point(hypercall(HC_DONATE, page, 2) == 0, "the hypervisor's own frame is no gift");
	attack(ATTACK_PAGE, 0, 0xfee00, 0);
	point(hypercall(HC_DONATE, page, 1) == 0, "nor is a device");
	attack(ATTACK_PAGE, 0, page >> 12, 0);
	point(hypercall(HC_DONATE, page, 1) == 0, "nor the list itself");
	attack(ATTACK_PAGE, 0, UINT64_MAX, 0);
	point(hypercall(HC_DONATE, page, 1) == 0, "nor what is no frame");
	point(hypercall(HC_STATUS, frame, 0) == -EFAULT &&
			hypercall(HC_RECLAIM, frame, 1) == -EFAULT &&
			hypercall(HC_DONATE, frame, 1) == -EFAULT &&
			hypercall(HC_ENCLAVE_CREATE, frame, 0) == -EFAULT &&
			hypercall(HC_ENCLAVE_ADD, frame, 0) == -EFAULT,
		"no argument may lie in the hypervisor");
	point(hypercall(HC_STATUS, page + 4090, 0) == -EFAULT,
		"nor reach over the end of its frame");
	/* An enclave that is built from someone else's pages. */
	attack(ATTACK_WRITE, page + offsetof(struct sgx_secs, size), 2 << 20, 0);
	attack(ATTACK_WRITE, page + offsetof(struct sgx_secs, base), 0, 0);
	attack(ATTACK_WRITE, page + 16, 1, 0);
	attack(ATTACK_WRITE, page + offsetof(struct sgx_secs, attributes), SGX_ATTRIBUTE_MODE64BIT,
		0);
	attack(ATTACK_WRITE, page + offsetof(struct sgx_secs, attributes) + 8, SGX_XFRM_LEGACY, 0);
	number = hypercall(HC_ENCLAVE_CREATE, page, 0);
	attack(ATTACK_WRITE, page, (uint64_t)number, 0);
	attack(ATTACK_WRITE, page + 8, 0, 0);
	attack(ATTACK_WRITE, page + 16, 0x203, 0);
	attack(ATTACK_WRITE, page + 24, frame, 0);
	point(number > 0 && hypercall(HC_ENCLAVE_ADD, page, 0) == -EFAULT,
		"no page of an enclave comes from the hypervisor's memory");
	point(hypercall(HC_ENCLAVE_DESTROY, (uint64_t)number, 0) == 0, "it is gone again");
	point(hypercall(HC_LEAVE, 0, 0) == -EBUSY, "no processor leaves while there are enclaves");
}

static bool all_hidden_refused(uint64_t enclave)
{
	struct attack next = {.c = 0};
	uint64_t count = 0, at = 0;

	for (; (next = attack(ATTACK_NEXT_HIDDEN, at, 0, 0)).result == 1; at = next.c + 4096) {
		if (hypercall3(HC_WINDOW_MAP, enclave, 7, next.c >> 12) != -EFAULT)
			return false;
		count++;
	}
	printf("@@ # %lu frames are not Linux's\n", count);
	return count > 8;
}

/* What an enclave is to see of others' memory, or Linux to get of what enclaves see. */
static void attack_window(int fd, const uint64_t *page)
{
	uint64_t list;

	point(all_hidden_refused(1), "no frame that is not Linux's gets into a window");
	point(hypercall3(HC_WINDOW_MAP, 1, 7, 0xfee00) == -EFAULT &&
			hypercall3(HC_WINDOW_MAP, 1, 7, IOMMU_ADDRESS >> 12) == -EFAULT &&
			hypercall3(HC_WINDOW_MAP, 1, 7, frame_of(page) | 1UL << 52) == -EFAULT &&
			hypercall3(HC_WINDOW_MAP, 1, 7, UINT64_MAX) == -EFAULT,
		"nor what is no memory");
	point(hypercall3(HC_WINDOW_MAP, 1, HYPERVISOR_WINDOW_COUNT_MAX, frame_of(page)) ==
				-EINVAL &&
			hypercall3(HC_WINDOW_MAP, 1, -(HYPERVISOR_WINDOW >> 12), frame_of(page)) ==
				-EINVAL &&
			hypercall(HC_WINDOW_UNMAP, 1, -(HYPERVISOR_WINDOW >> 12)) == -EINVAL &&
			hypercall3(HC_WINDOW_MAP, 0, 7, frame_of(page)) == -EINVAL &&
			hypercall3(HC_WINDOW_MAP, UINT64_MAX, 7, frame_of(page)) == -EINVAL,
		"nor anything outside of a window");
	point(share(fd, page, 0, 4096) == 0, "memory is shared");
	list = attack(ATTACK_PAGE, 0, frame_of(page), 0).a;
	point(frame_of(page) && hypercall(HC_DONATE, list, 1) == 0,
		"a frame that an enclave sees is no gift");
}

/* A page that an enclave had, with a secret in it, is Linux's again. */
static void attack_removed_page(int fd, const struct image *image)
{
	uint64_t state = SECRET_SEED, first = secret_next(&state), second = secret_next(&state);
	uint64_t t = image->tcs, at = 1UL << 20;
	int64_t r;

	point(augment(fd, at) == 0 && enter(fd, t, TEST_ACCEPT, at, ENCLAVE_ACCEPT_NEW, 0) == 0 &&
			enter(fd, t, TEST_STORE, at, first, 0) == 1 &&
			enter(fd, t, TEST_STORE, at + 8, second, 0) == 1,
		"a secret is in a page that was added");
	r = hypercall(HC_ENCLAVE_TRIM, 1, at);
	point(r == 0 && hypercall(HC_ENCLAVE_REMOVE, 1, at) == -EPERM,
		"which is not taken before the enclave agrees");
	while ((r = enter(fd, t, TEST_ACCEPT, at, ENCLAVE_ACCEPT_TRIM, 0)) == EAGAIN)
		ioctl(fd, CASEMATE_IOC_FLUSH);
	point(r == 0 && take(fd, at) == 0 && scan_for_secret() == 0,
		"when it is Linux's again, nothing is in it");
}

static void fuzz_hypercalls(uint64_t region)
{
	struct fuzz fuzz = fuzz_start(region, 1);

	for (unsigned int i = 0; i < FUZZ_ROUNDS; i++)
		fuzz_once(&fuzz);
	fuzz_stop();
	printf("@@ # %lu hypercalls, of which %lu succeeded\n", fuzz.calls, fuzz.successes);
	point(fuzz.calls && fuzz.successes,
		"hypercalls with arguments at random leave it standing");
}

static void attack_from_user_mode(void)
{
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		__asm__ volatile("vmmcall" : : "a"(HC_WIPE) : "memory");
		_exit(0);
	}
	waitpid(child, &status, 0);
	point(WIFSIGNALED(status) && WTERMSIG(status) == SIGILL, "a program makes no hypercalls");
}

/* A child that is inside, on another processor if there is one, until it can't be any more. */
static pid_t begin_spinning(int fd, uint64_t tcs)
{
	pid_t child = fork();

	if (child)
		return child;
	while (enter(fd, tcs, TEST_SPIN, SPIN_ROUNDS, 0, 0) == 1)
		;
	_exit(errno == ESHUTDOWN ? 0 : 1);
}

static void attack_after_wipe(int fd, uint64_t tcs, const uint64_t *page)
{
	pid_t spinning = begin_spinning(fd, tcs);
	int status;

	usleep(500 * 1000);
	point(hypercall(HC_WIPE, 0, 0) == 0, "root may have everything wiped");
	point(waitpid(spinning, &status, 0) == spinning && status == 0,
		"who is inside then comes out, and its processor goes on");
	point(hypercall(HC_ENCLAVE_ADD, 0, 0) == -ESHUTDOWN &&
			hypercall(HC_ENCLAVE_INIT, 1, 0) == -ESHUTDOWN &&
			hypercall(HC_ENCLAVE_AUGMENT, 1, 1UL << 20) == -ESHUTDOWN &&
			hypercall3(HC_WINDOW_MAP, 1, 7, frame_of(page)) == -ESHUTDOWN,
		"no enclave is made with the keys that are gone");
	point(enter(fd, tcs, TEST_CHECK, 0, 0, 0) == -1 && errno == ESHUTDOWN,
		"nor is one entered that is gone");
	point(page[0] == 42, "what was shared is Linux's, and not wiped");
}

static int with(const char *file)
{
	uint64_t region = find_region();
	struct image image;
	int fd = start(file, &image);
	uint64_t *page =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	page[0] = 42;
	point(fd >= 0 && enter(fd, image.tcs, TEST_SECRET, SECRET_SEED, 0, 0) == 1,
		"an enclave has a secret");
	point(scan_for_secret() == 0, "the secret is nowhere in memory that Linux can read");
	point(region != 0, "where the hypervisor was loaded is known");
	attack_memory(region);
	attack_by_dma(region);
	attack_registers();
	attack_processors();
	attack_by_debugging(fd, &image, 1);
	attack_hypercalls(region);
	attack_window(fd, page);
	attack_removed_page(fd, &image);
	attack_who_is_inside(file);
	fuzz_hypercalls(region);
	attack_from_user_mode();
	point(scan_for_secret() == 0, "the secret is still nowhere");
	point(enter(fd, image.tcs, TEST_CHECK, 0, 0, 0) == 1, "the enclave still has it");
	point(system("casemate hypervisor disable") != 0,
		"the hypervisor is not switched off by the way");
	attack_after_wipe(fd, image.tcs, page);
	point(system("casemate hypervisor disable --force") == 0, "it is by force");
	point(scan_for_secret() == 0, "and the secret is wiped");
	point(enter(fd, image.tcs, TEST_CHECK, 0, 0, 0) == -1 && errno == ENODEV,
		"its enclave is gone");
	return 0;
}

int main(int argc, char **argv)
{
	if (!attacker_open() || argc < 2)
		return 2;
	return strcmp(argv[1], "with") ? without() : with(argv[2]);
}
