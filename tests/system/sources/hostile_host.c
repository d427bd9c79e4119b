/* hostile_host PID SEED SECONDS: the host of a running enclave, whose memory it shares, posts
 * requests that no honest host would (abi/mailbox.h), and changes them while they are read. Says
 * how many were answered; fails when one is not. */
#include <dirent.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "abi/launch.h"
#include "abi/mailbox.h"
#include "platform/layout.h"

#define SCAN_SIZE (64UL << 20) /* the launch page lies just above the LibOS */
#define PATIENCE_S 120
#define BAD_FD 1000 /* no descriptor of the enclave's: a good one could be its own memory */

static struct launch *launch;
static struct mailbox *mailbox;
static uint64_t state;
static volatile bool is_over, is_scribbling;

static uint32_t draw(uint32_t below)
{
	state = state * 6364136223846793005UL + 1442695040888963407UL;
	return (uint32_t)(state >> 33) % below;
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* ---- The enclave's memory ---- */

static int open_region(const char *pid)
{
	char folder[64], path[384], target[64];
	DIR *directory;
	int fd = -1;

	snprintf(folder, sizeof(folder), "/proc/%s/fd", pid);
	directory = opendir(folder);
	if (!directory)
		fail(folder);
	for (struct dirent *entry; fd < 0 && (entry = readdir(directory));) {
		ssize_t n;

		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		n = readlink(path, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		if (strstr(target, "casemate-enclave"))
			fd = open(path, O_RDWR);
	}
	closedir(directory);
	return fd;
}

static void map_region(const char *pid)
{
	int fd = open_region(pid);
	char *region;

	if (fd < 0)
		fail("no memory of an enclave there");
	region = mmap(NULL, SCAN_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (region == MAP_FAILED)
		fail("mmap");
	for (size_t at = 0; !launch && at < SCAN_SIZE; at += 4096)
		if (((struct launch *)(region + at))->magic == LAUNCH_MAGIC &&
			((struct launch *)(region + at))->size == sizeof(struct launch))
			launch = (struct launch *)(region + at);
	if (!launch)
		fail("no launch page");
	mailbox = (struct mailbox *)(region + (launch->mailbox - PLATFORM_REGION_START));
}

/* ---- Requests ---- */

/* A number near what is sensible, or anything. */
static uint32_t draw_number(uint32_t sensible)
{
	static const uint32_t edges[] = {0, 1, 127, 128, 65535, MAILBOX_STRINGS_SIZE - 1,
		MAILBOX_STRINGS_SIZE, MAILBOX_STRINGS_SIZE + 1, INT32_MAX, 1U << 31, UINT32_MAX};

	switch (draw(8)) {
	case 0:
		return edges[draw(sizeof(edges) / sizeof(edges[0]))];
	case 1:
		return draw(UINT32_MAX);
	default:
		return draw(sensible + 1);
	}
}

static void fill_strings(struct mailbox_request *request)
{
	static const char *const words[] = {"/bin/true", "/bin/sh", "-c", ":", "/proc/1/status",
		"/proc/self/maps", "/proc/mounts", "/", "..", "/nosuch", "A=1", "=",
		"PATH=", "/dev/tty", "/dev/zero", "/proc/self/fd/0", "", "%s%n", "\xff\xfe/\x01"};
	uint32_t count = draw(6), size = 0;

	for (uint32_t i = 0; i < count; i++) {
		const char *word = words[draw(sizeof(words) / sizeof(words[0]))];

		memcpy(request->strings + size, word, strlen(word) + 1);
		size += (uint32_t)strlen(word) + 1;
	}
	if (draw(6) == 0)
		memset(request->strings + size, 'x', MAILBOX_STRINGS_SIZE - size);
	request->strings_size = draw(4) ? size : draw_number(size);
	request->argument_count = draw(4) ? count / 2 : draw_number(4);
	request->environment_count = draw(4) ? count - count / 2 : draw_number(4);
}

/* A program that starts, so that the rest of the request matters. */
static void fill_program(struct mailbox_request *request)
{
	static const char strings[] = "/bin/true";

	memcpy(request->strings, strings, sizeof(strings));
	request->strings_size = sizeof(strings);
	request->argument_count = 1;
	request->environment_count = 0;
}

static void fill(struct mailbox_request *request)
{
	static const uint32_t kinds[] = {MAILBOX_EXEC, MAILBOX_EXEC, MAILBOX_SIGNAL,
		MAILBOX_PROCESSES, MAILBOX_READ, MAILBOX_READ, 0, 77};

	request->kind = kinds[draw(sizeof(kinds) / sizeof(kinds[0]))];
	request->slot = draw_number(MAILBOX_SLOT_COUNT);
	request->signal = draw_number(64);
	request->offset = (uint64_t)draw_number(4096) << draw(32);
	request->flags = draw_number(15);
	request->uid = draw_number(1000);
	request->gid = draw_number(1000);
	for (int i = 0; i < 3; i++)
		request->streams[i] = draw(3) ? -1 : (int32_t)(BAD_FD + draw(1000));
	fill_strings(request);
	if (request->kind == MAILBOX_EXEC && draw(2)) {
		request->flags &= MAILBOX_TERMINAL | MAILBOX_TERMINAL_INPUT;
		fill_program(request);
	}
	/* To end process 1 is its right, and not what is looked at. */
	if (request->kind == MAILBOX_SIGNAL && request->slot == MAILBOX_SLOT_INIT)
		request->signal = 0;
}

static void ring(void)
{
	__atomic_add_fetch(&launch->live.doorbell, 1, __ATOMIC_RELEASE);
	syscall(SYS_futex, &launch->live.doorbell, FUTEX_WAKE, 1, NULL, NULL, 0);
}

/* Changes sizes and strings while they are looked at; kinds and signals stay. */
static void *scribble(void *unused)
{
	struct mailbox_request *request = &mailbox->request;
	uint64_t x = 88172645463325252UL;

	while (!is_over) {
		if (!is_scribbling) {
			usleep(50);
			continue;
		}
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		request->strings[x % 64] ^= (char)(x >> 32);
		if (!(x & 0x700))
			request->strings_size ^= 1U << (x >> 59);
		if (!(x & 0x3800))
			request->argument_count ^= 1U << (x >> 59);
		if (!(x & 0x1c000))
			mailbox->answer.text_size = (uint32_t)x;
		if (!(x & 0xe0000))
			usleep(50);
	}
	return unused;
}

static bool post(void)
{
	uint32_t number;
	time_t end = time(NULL) + PATIENCE_S;

	is_scribbling = draw(2);
	number = __atomic_add_fetch(&mailbox->posted, 1, __ATOMIC_RELEASE);
	ring();
	while (__atomic_load_n(&mailbox->answered, __ATOMIC_ACQUIRE) != number) {
		if (launch->live.done || time(NULL) > end)
			return false;
		usleep(20);
	}
	return true;
}

/* The kind and the slot are as posted. */
static bool is_believed(void)
{
	const struct mailbox_request *request = &mailbox->request;

	return request->kind == MAILBOX_EXEC && mailbox->answer.result >= 0 &&
	       (request->slot < 1 || request->slot > MAILBOX_SLOT_COUNT);
}

int main(int argc, char **argv)
{
	unsigned long count = 0;
	pthread_t scribbler;
	time_t end;

	if (argc != 4)
		return 2;
	map_region(argv[1]);
	state = strtoul(argv[2], NULL, 10);
	end = time(NULL) + atoi(argv[3]);
	if (pthread_create(&scribbler, NULL, scribble, NULL))
		fail("pthread_create");
	for (; time(NULL) < end; count++) {
		is_scribbling = false;
		fill(&mailbox->request);
		if (!post()) {
			fprintf(stderr, "request %lu of kind %u was not answered%s\n", count,
				mailbox->request.kind, launch->live.done ? ": it has ended" : "");
			return 1;
		}
		if (is_believed()) {
			fprintf(stderr, "it runs in slot %u\n", mailbox->request.slot);
			return 1;
		}
	}
	is_over = true;
	pthread_join(scribbler, NULL);
	printf("%lu requests answered\n", count);
	return 0;
}
