/* Attacks that one check each stops (hypervisor/defence.h). On the image without those checks each
 * succeeds, which shows that it is an attack, and what it is that stops it.
 *
 *	defence_test succeed|fail FILE OTHER NEWER: what is expected; an enclave file, one of the
 *same code that somebody else has signed, and one of a later version (sign.py) */
#include <signal.h>
#include <sys/time.h>

#include "tests/hypervisor/guest/attacker.h"

#define SPARE (1UL << 20) /* the image has nothing from there on */
#define GIVEN (SPARE + 4096)
#define WORD 0x1234567890abcdefUL
#define NUMBER 2 /* of an enclave that is made while the victim is the only one */
#define TABLES 5 /* sign.py */
#define TRIES_TO_SUCCEED 50
#define TRIES_TO_FAIL 3

static bool is_expected;

static void verdict(bool succeeded, const char *attack)
{
	char name[256];

	snprintf(name, sizeof(name), "%s: %s", is_expected ? "undefended" : "not so", attack);
	point(succeeded == is_expected, name);
}

/* What the signer's enclaves seal with, if @fd's enclave gets that far. */
static int64_t signers_key(int fd, const struct image *image)
{
	int64_t key = -1;

	if (fd >= 0 && ioctl(fd, CASEMATE_IOC_INIT, &image->header.sigstruct) == 0)
		key = enter(fd, image->tcs, TEST_SEAL_SIGNER, 1, 0, 0);
	close(fd);
	return key;
}

/* The attacker can write the victim's public key into what he signed himself. */
static int64_t forge_signer(const char *other, const struct image *victim)
{
	struct image image = load(other);
	int64_t key;

	memcpy(image.header.sigstruct.modulus, victim->header.sigstruct.modulus,
		sizeof(image.header.sigstruct.modulus));
	key = signers_key(build(&image), &image);
	free(image.records);
	return key;
}

/* Or change what the victim has signed: a byte of a stack, which does no harm. */
static int64_t change_content(const char *file)
{
	struct image image = load(file);
	int64_t key;

	image.records[image.header.count - TEST_THREADS - TABLES - 1].page[0] ^= 1;
	key = signers_key(build(&image), &image);
	free(image.records);
	return key;
}

/* Does an enclave get to read the hypervisor's first word? */
static bool add_foreign_page(const char *file, uint64_t foreign)
{
	struct image image = load(file);
	int fd = build(&image);
	uint64_t at = attack(ATTACK_PAGE, 0, NUMBER, SPARE).a;
	bool is_read;
	int64_t r;

	attack(ATTACK_WRITE, at + 16, 0x203, 0);
	attack(ATTACK_WRITE, at + 24, foreign, 0);
	r = hypercall(HC_ENCLAVE_ADD, at, 0);
	printf("@@ # adding it: %ld\n", r);
	is_read = r == 0 && ioctl(fd, CASEMATE_IOC_INIT, &image.header.sigstruct) == 0 &&
		  enter(fd, image.tcs, TEST_LOAD, SPARE, 0, 0) == (int64_t)HYPERVISOR_MAGIC;
	close(fd);
	free(image.records);
	return is_read;
}

/* A page of an enclave's of which the attacker knows the frame: he gave that one. */
static bool give_page(int fd, const struct image *image, uint64_t frame)
{
	int64_t r = hypercall(HC_DONATE, attack(ATTACK_PAGE, 0, frame, 0).a, 1);

	ioctl(fd, CASEMATE_IOC_FLUSH);
	printf("@@ # given: %ld\n", r);
	/* If it was refused, the page is another frame, for which there may be none. */
	if (hypercall(HC_ENCLAVE_AUGMENT, 1, GIVEN) < 0 && augment(fd, GIVEN) < 0)
		return false;
	/* Where no consent is asked for, there is nothing to accept. */
	enter(fd, image->tcs, TEST_ACCEPT, GIVEN, ENCLAVE_ACCEPT_NEW, 0);
	return enter(fd, image->tcs, TEST_STORE, GIVEN, WORD, 0) == 1;
}

/* All that was given is Linux's again, so that its driver does not take it for its own. */
static void take_all(int fd, int spy)
{
	uint64_t list = attack(ATTACK_PAGE, 0, 0, 0).a;

	for (uint64_t i = 1; i <= NUMBER; i++)
		hypercall(HC_ENCLAVE_DESTROY, i, 0);
	ioctl(fd, CASEMATE_IOC_FLUSH);
	while (hypercall(HC_RECLAIM, list, HC_LIST_COUNT_MAX) == HC_LIST_COUNT_MAX)
		;
	ioctl(fd, CASEMATE_IOC_FLUSH);
	close(spy);
	close(fd);
}

enum order { GIVE_FIRST, SHARE_FIRST };

/* Is one frame an enclave's page and in the window of another one, the attacker's? */
static void spy_on_page(const char *file, enum order order)
{
	uint64_t *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED | MAP_POPULATE, -1, 0);
	uint64_t frame = frame_of(page);
	struct image image, spys;
	int fd = start(file, &image), spy = start(file, &spys);
	bool is_there;

	if (order == SHARE_FIRST)
		hypercall3(HC_WINDOW_MAP, NUMBER, 0, frame);
	is_there = give_page(fd, &image, frame);
	if (order == GIVE_FIRST)
		hypercall3(HC_WINDOW_MAP, NUMBER, 0, frame);
	point(frame && is_there, "an enclave has a page");
	verdict(enter(spy, spys.tcs, TEST_LOAD, TEST_WINDOW, 0, 0) == (int64_t)WORD,
		order == GIVE_FIRST ? "a page of an enclave's is put into another one's window"
				    : "a frame in a window is given away, and becomes a page");
	if (order == GIVE_FIRST) {
		hypercall(HC_STATUS, frame << 12, 0);
		verdict(enter(fd, image.tcs, TEST_LOAD, GIVEN, 0, 0) != (int64_t)WORD,
			"the hypervisor is made to write into an enclave");
	}
	take_all(fd, spy);
	munmap(page, 4096);
	free(image.records);
	free(spys.records);
}

/* Code in the window is Linux's, who may change it at any time. */
static bool run_window(const char *file, uint64_t *page)
{
	struct image image;
	int fd = start(file, &image);
	bool is_run;

	page[0] = TEST_CODE;
	is_run = share(fd, page, 0, 4096) == 0 &&
		 enter(fd, image.tcs, TEST_RUN, TEST_WINDOW, 0, 0) == 7;
	close(fd);
	free(image.records);
	return is_run;
}

/* An old version, with a fault that is mended since, asks for what the new one seals with. */
static bool get_newer_key(const char *file, const char *newer)
{
	struct image old_image, new_image;
	int fd = start(file, &old_image), other = start(newer, &new_image);
	int64_t key = enter(other, new_image.tcs, TEST_SEAL_SIGNER, 2, 0, 0);
	bool is_got = key && key != -1 && key != -2 &&
		      enter(fd, old_image.tcs, TEST_SEAL_SIGNER, 2, 0, 0) == key;

	close(fd);
	close(other);
	free(old_image.records);
	free(new_image.records);
	return is_got;
}

/* Linux takes a page away and puts another one there, with none of it agreed to. */
static bool replace_page(int fd, const struct image *image)
{
	uint64_t t = image->tcs;

	if (augment(fd, SPARE) < 0)
		return false;
	enter(fd, t, TEST_ACCEPT, SPARE, ENCLAVE_ACCEPT_NEW, 0);
	enter(fd, t, TEST_STORE, SPARE, WORD, 0);
	take(fd, SPARE);
	augment(fd, SPARE);
	return enter(fd, t, TEST_LOAD, SPARE, 0, 0) == 0;
}

static void wake(int signal)
{
	(void)signal;
}

/* Waits inside until somebody else is, or for a second. */
static int64_t meet(int fd, const struct image *image)
{
	struct itimerval second = {.it_value.tv_sec = 1};
	struct sigaction action = {.sa_handler = wake};

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &second, NULL);
	return enter(fd, image->tcs, TEST_MEET, 2, 0, 0);
}

/* Two processors enter one thread before it was interrupted: does it meet itself? */
static bool enter_twice(const char *file, volatile int64_t *shared)
{
	struct image image;
	int fd = start(file, &image);
	int64_t met;
	pid_t child;

	shared[0] = shared[1] = 0;
	child = fork();
	if (child == 0) {
		run_on(1);
		shared[0] = 1;
		shared[1] = meet(fd, &image);
		_exit(0);
	}
	run_on(0);
	while (!shared[0])
		;
	met = meet(fd, &image);
	waitpid(child, NULL, 0);
	close(fd);
	free(image.records);
	return met > 0 || shared[1] > 0;
}

static void test_busy(const char *file)
{
	void *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int tries = is_expected ? TRIES_TO_SUCCEED : TRIES_TO_FAIL;
	bool succeeded = false;

	if (processors() < 2)
		return;
	while (!succeeded && tries--)
		succeeded = enter_twice(file, shared);
	verdict(succeeded, "a thread is run by two processors at once");
}

int main(int argc, char **argv)
{
	uint64_t *page =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct image victim;
	uint64_t foreign;
	int64_t key;
	int fd;

	if (!attacker_open() || argc < 5)
		return 2;
	is_expected = strcmp(argv[1], "succeed") == 0;
	fd = start(argv[2], &victim);
	key = enter(fd, victim.tcs, TEST_SEAL_SIGNER, 1, 0, 0);
	point(fd >= 0 && key != 0 && key != -1 && key != -2, "an enclave has its signer's key");
	verdict(forge_signer(argv[3], &victim) == key,
		"an enclave of somebody else's has that key");
	verdict(change_content(argv[2]) == key, "an enclave that was changed has that key");
	foreign = region_frame(find_region(), 0);
	point(foreign != 0, "where the hypervisor stands is known");
	verdict(add_foreign_page(argv[2], foreign),
		"an enclave is made of the hypervisor's memory");
	verdict(replace_page(fd, &victim), "a page of an enclave is replaced by zeros");
	close(fd);
	verdict(run_window(argv[2], page), "code in a window is executed");
	verdict(get_newer_key(argv[2], argv[4]), "an old version has the key of a newer one");
	test_busy(argv[2]);
	spy_on_page(argv[2], GIVE_FIRST);
	spy_on_page(argv[2], SHARE_FIRST);
	return 0;
}
