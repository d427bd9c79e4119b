/* Calls at random for as long as one likes, of all who can make some, at once: root's kernel, a
 *program (VMMCALL, and the driver's ioctls), and an enclave. Another enclave's secret must come out
 *of it whole.
 *
 *	fuzz_test SECONDS SEED FILE OTHER: two enclave files */
#include <time.h>
#include <ucontext.h>

#include "tests/hypervisor/guest/fuzz.h"

#define VMMCALL_LENGTH 3
#define TELL_S 20 /* how often something is said, for who waits */
#define ROUNDS 200

static uint64_t seed;
static time_t end;

static bool is_time_left(void)
{
	return time(NULL) < end;
}

/* ---- Ring 0 ---- */

static int fuzz_kernel(void)
{
	struct fuzz fuzz = fuzz_start(find_region(), seed);
	time_t told = time(NULL);

	while (is_time_left()) {
		for (int i = 0; i < ROUNDS; i++)
			fuzz_once(&fuzz);
		if (time(NULL) - told >= TELL_S) {
			told = time(NULL);
			printf("@@ # ring 0: %lu hypercalls, of which %lu succeeded\n", fuzz.calls,
				fuzz.successes);
			fflush(stdout);
		}
	}
	printf("@@ # ring 0, at the end: %lu hypercalls, of which %lu succeeded\n", fuzz.calls,
		fuzz.successes);
	return fuzz.calls && fuzz.successes ? 0 : 1;
}

/* ---- Ring 3 ---- */

static volatile uint64_t refused;

static void skip(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)info;
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += VMMCALL_LENGTH;
	refused++;
}

static uint64_t call_as_program(uint64_t *state)
{
	for (uint64_t i = 0; i < ROUNDS; i++) {
		uint64_t a = secret_next(state) % 24, b = secret_next(state), c = b >> 52;

		__asm__ volatile("vmmcall" : "+a"(a) : "D"(b), "S"(c) : "memory");
	}
	return ROUNDS;
}

static uint64_t ask_driver(int fd, uint64_t *state)
{
	static uint64_t memory[4 * 512] __attribute__((aligned(4096)));

	for (uint64_t i = 0; i < ROUNDS; i++) {
		uint64_t r = secret_next(state), word = secret_next(state);
		const uint64_t some[] = {(uint64_t)memory, word % 1024 << 12, 4096, 8192, word, 0,
			HYPERVISOR_WINDOW, UINT64_MAX << 12};
		uint64_t argument[8] = {
			some[r >> 8 & 7], some[r >> 11 & 7], some[r >> 14 & 7], r >> 17 & 0x307};
		unsigned long request = _IOC(_IOC_READ | _IOC_WRITE, CASEMATE_IOC, 16 + r % 12,
			sizeof(uint64_t) * (1 + (r >> 4 & 3)));
		static const unsigned long known[] = {CASEMATE_IOC_AUGMENT, CASEMATE_IOC_TRIM,
			CASEMATE_IOC_REMOVE, CASEMATE_IOC_SHARE, CASEMATE_IOC_UNSHARE,
			CASEMATE_IOC_FLUSH, CASEMATE_IOC_ADD, CASEMATE_IOC_ENTER};

		if (r >> 40 & 7)
			request = known[r >> 43 & 7];
		if (request == CASEMATE_IOC_ENTER)
			argument[0] |= 1; /* its thread is for the enclave's own calls */
		ioctl(fd, request, argument);
	}
	return ROUNDS;
}

static int fuzz_program(int fd)
{
	struct sigaction action = {.sa_sigaction = skip, .sa_flags = SA_SIGINFO};
	uint64_t state = seed + 1, calls = 0, asked = 0;

	sigaction(SIGILL, &action, NULL);
	while (is_time_left()) {
		calls += call_as_program(&state);
		asked += ask_driver(fd, &state);
	}
	printf("@@ # ring 3: %lu hypercalls, of which %lu were refused; %lu ioctls\n", calls,
		refused, asked);
	return calls == refused ? 0 : 1;
}

/* ---- Inside ---- */

static int fuzz_inside(int fd, uint64_t tcs)
{
	uint64_t state = seed + 2, calls = 0;

	while (is_time_left()) {
		uint64_t from = secret_next(&state);
		int64_t answer = enter(fd, tcs, TEST_FUZZ, from, ROUNDS, 0);

		if (answer != 1) {
			printf("@@ # inside: %ld, errno %d, after %lu calls, in those from %#lx\n",
				answer, errno, calls, from);
			return 1;
		}
		calls += ROUNDS;
	}
	printf("@@ # inside: %lu calls\n", calls);
	return 0;
}

/* ---- All of them ---- */

static bool run_all(int fd, uint64_t tcs, const char *other)
{
	struct image image;
	pid_t children[3];
	bool ok = true;
	int status;

	for (int i = 0; i < 3; i++) {
		children[i] = fork();
		if (children[i] == 0)
			exit(i == 0      ? fuzz_kernel()
				: i == 1 ? fuzz_program(start(other, &image))
					 : fuzz_inside(fd, tcs));
	}
	for (int i = 0; i < 3; i++) {
		waitpid(children[i], &status, 0);
		ok &= status == 0;
	}
	return ok;
}

int main(int argc, char **argv)
{
	struct image image;
	int fd;

	if (argc != 5 || !attacker_open())
		return 2;
	end = time(NULL) + atol(argv[1]);
	seed = strtoul(argv[2], NULL, 0);
	printf("@@ # seed %lu\n", seed);
	fd = start(argv[3], &image);
	point(fd >= 0 && enter(fd, image.tcs, TEST_SECRET, SECRET_SEED, 0, 0) == 1,
		"an enclave has a secret, before calls at random");
	point(run_all(fd, thread_tcs(&image, 1), argv[4]),
		"the kernel, a program and the enclave call at random");
	fuzz_stop();
	point(enter(fd, image.tcs, TEST_CHECK, 0, 0, 0) == 1, "the secret is whole after that");
	point(scan_for_secret() == 0, "and nowhere that Linux can read");
	close(fd);
	return 0;
}
