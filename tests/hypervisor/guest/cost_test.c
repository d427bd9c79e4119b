/* Counts exits and instructions (docs/PERFORMANCE.md). On a machine of boot.py's COUNTED a
 *nanosecond is an instruction, and so is a tick of the time stamp counter.
 *
 *	cost_test FILE: an enclave file */
#include <time.h>
#include <x86intrin.h>

#include "tests/hypervisor/guest/attacker.h"

#define SECONDS 10
#define ROUNDS 1000

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* ---- Exits ---- */

/* Of the processor that this runs on. */
static struct hypervisor_status exits(void)
{
	struct hypervisor_status *status = aligned_alloc(4096, 4096), copy;

	memset(status, 0, 4096);
	mlock(status, 4096);
	hypercall(HC_STATUS, frame_of(status) << 12, 0);
	copy = *status;
	free(status);
	return copy;
}

static void show_exits(const char *name, const struct hypervisor_status *before, uint64_t start)
{
	static const char *const names[] = {
		"hypercalls", "nested faults", "APIC", "CPUID", "MSR", "ports", "others"};
	struct hypervisor_status after = exits();
	double seconds = (double)(now_ns() - start) / 1e9;
	uint64_t all = 0;

	for (unsigned int i = 0; i < HYPERVISOR_EXIT_COUNT; i++)
		all += after.exits[i] - before->exits[i];
	printf("@@ # %s: %.0f exits a second (", name, (double)all / seconds);
	for (unsigned int i = 0; i < HYPERVISOR_EXIT_COUNT; i++)
		printf("%s%.1f %s", i ? ", " : "",
			(double)(after.exits[i] - before->exits[i]) / seconds, names[i]);
	printf(") over %.1f s\n", seconds);
}

static void be_idle(uint64_t end)
{
	(void)end;
	sleep(SECONDS);
}

static void compute(uint64_t end)
{
	while (now_ns() < end)
		for (volatile int i = 0; i < 1000000; i++)
			;
}

/* Processes, pages and files, as a shell script has them. */
static void work(uint64_t end)
{
	while (now_ns() < end)
		if (system("sha256sum /bin/busybox >/tmp/sum; dd if=/dev/zero of=/tmp/file bs=64k "
			   "count=16 2>/dev/null; rm /tmp/file; true") != 0)
			exit(1);
}

static void sleep_often(uint64_t end)
{
	while (now_ns() < end)
		usleep(1000);
}

static void count_exits(void)
{
	static const struct {
		const char *name;
		void (*run)(uint64_t end);
	} loads[] = {{"idle", be_idle}, {"computing", compute}, {"processes and files", work},
		{"processes and files, again", work}, {"a timer each millisecond", sleep_often}};

	for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
		struct hypervisor_status before = exits();
		uint64_t start = now_ns();

		loads[i].run(start + SECONDS * 1000000000UL);
		show_exits(loads[i].name, &before, start);
	}
}

/* ---- Instructions ---- */

static uint64_t least(uint64_t what, uint64_t a, uint64_t b, uint64_t *ret_inside)
{
	struct attack cost = {.a = a, .b = b, .c = TEST_TIME, .result = (int64_t)what};

	if (ioctl(attacker, ATTACK_COST, &cost) < 0)
		exit(1);
	*ret_inside = cost.b;
	return (uint64_t)cost.result;
}

static uint64_t least_ioctl(int fd, unsigned long request, uint64_t tcs)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < ROUNDS; i++) {
		struct casemate_enter enter = {.tcs = tcs, .words = {TEST_ADD, 1, 2, 3}};
		uint64_t start = __rdtsc(), end;

		ioctl(fd, request, &enter);
		end = __rdtsc();
		if (end - start < best)
			best = end - start;
	}
	return best;
}

static void count_instructions(int fd, const struct image *image)
{
	uint64_t inside, nothing = least(ATTACK_COST_NOTHING, 0, 0, &inside);
	uint64_t cpuid = least(ATTACK_COST_CPUID, 0, 0, &inside) - nothing;
	uint64_t apic = least(ATTACK_COST_APIC, 0, 0, &inside) - nothing;
	uint64_t call = least(ATTACK_COST_CALL, 0, 0, &inside) - nothing;
	uint64_t enter = least(ATTACK_COST_ENTER, 1, image->tcs, &inside) - nothing;

	printf("@@ # instructions: CPUID %lu, APIC %lu, a hypercall that does nothing %lu, an "
	       "enclave and back %lu (in %lu, out %lu)\n",
		cpuid, apic, call, enter, inside, enter - inside);
	printf("@@ # instructions by ioctl: one that is refused %lu, an enclave and back %lu\n",
		least_ioctl(fd, _IO('x', 0), 0), least_ioctl(fd, CASEMATE_IOC_ENTER, image->tcs));
}

static int switch_on(void)
{
	struct casemate_status status;
	int fd = open(CASEMATE_DEVICE, O_RDWR | O_CLOEXEC);
	uint64_t since = now_ns();
	bool ok = ioctl(fd, CASEMATE_IOC_ENABLE) == 0;

	since = now_ns() - since;
	point(ok, "it is switched on to count");
	ioctl(fd, CASEMATE_IOC_STATUS, &status);
	printf("@@ # switched on in %lu ns, of which Linux stood still for %lu ns\n", since,
		status.demotion_ns);
	return fd;
}

static void switch_off(int fd)
{
	uint64_t since = now_ns();
	bool ok = ioctl(fd, CASEMATE_IOC_DISABLE, 0) == 0;

	since = now_ns() - since;
	point(ok, "it is switched off again");
	printf("@@ # switched off in %lu ns\n", since);
}

int main(int argc, char **argv)
{
	struct image image;
	uint64_t since;
	int fd, enclave;

	if (argc != 2 || !attacker_open())
		return 2;
	fd = switch_on();
	since = now_ns();
	enclave = start(argv[1], &image);
	since = now_ns() - since;
	point(enclave >= 0, "an enclave to enter");
	printf("@@ # %lu pages added, measured and signed in %lu ns\n", image.header.count, since);
	count_instructions(enclave, &image);
	close(enclave);
	count_exits();
	switch_off(fd);
	return 0;
}
