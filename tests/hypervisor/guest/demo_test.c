/* The story of one secret, told to a person (`make demo-hypervisor`), and a test like the others.
 */
#include <inttypes.h>

#include "tests/hypervisor/guest/attacker.h"

#define PAGES_MAX 65536
#define DMA_PAGES 12 /* the emulated device takes its time */

static uint64_t pages[PAGES_MAX];
static size_t page_count;

static void say(const char *text)
{
	printf("@@ # %s\n", text);
	fflush(stdout);
}

static void find_hidden_pages(void)
{
	struct attack found = attack(ATTACK_NEXT_HIDDEN, 0, 0, 0);

	for (page_count = 0; found.result == 1 && page_count < PAGES_MAX; page_count++) {
		pages[page_count] = found.c;
		found = attack(ATTACK_NEXT_HIDDEN, found.c + 4096, 0, 0);
	}
}

static void in_ordinary_memory(void)
{
	say("A program keeps a secret in ordinary memory. Root's kernel module looks for it:");
	plant_secret();
	point(scan_for_secret() >= 1, "root finds it: on Linux, root can read everything");
	attack(ATTACK_PAGE, 0, 0, 0);
}

static void by_module(void)
{
	char text[128];

	say("Root's kernel module reads all of physical memory, word by word:");
	point(scan_for_secret() == 0, "the enclave's secret is nowhere");
	find_hidden_pages();
	snprintf(text, sizeof(text),
		"%zu pages read as nothing but ones: they are not Linux's any more", page_count);
	point(page_count > 100, text);
	point(attack(ATTACK_WRITE, pages[page_count / 2], 0, 0).result == -EFAULT,
		"writing to one is a fault");
}

static void by_devmem(void)
{
	uint64_t word = 0, ones = 0, read = 0;
	int fd;

	say("Root lifts Linux's own protection of /dev/mem, and reads those pages there:");
	attack(ATTACK_DEVMEM, 1, 0, 0);
	fd = open("/dev/mem", O_RDONLY | O_CLOEXEC);
	for (size_t i = 0; i < page_count; i++)
		if (pread(fd, &word, sizeof(word), (off_t)pages[i] + 512) == sizeof(word)) {
			read++;
			ones += word == UINT64_MAX;
		}
	close(fd);
	attack(ATTACK_DEVMEM, 0, 0, 0);
	point(read == page_count && ones == read, "/dev/mem has ones to give, and nothing else");
}

static void by_dma(void)
{
	uint64_t page = attack(ATTACK_PAGE, 0, 0, 42).a, leaked = 0;

	say("Root programs a PCI device to read them, past the processor:");
	point(attack(ATTACK_DMA_READ, page + 8, 0, 0).b == 42, "the device reads Linux's memory");
	for (size_t i = 0; i < DMA_PAGES; i++)
		leaked += (uint64_t)attack(
			ATTACK_DMA_READ, pages[i * (page_count - 1) / (DMA_PAGES - 1)], 0, 0)
				  .result;
	point(leaked == 0, "and of the others it gets nothing: the IOMMU is not Linux's either");
}

static void give_back(int fd, const struct image *image)
{
	say("The enclave meanwhile:");
	point(enter(fd, image->tcs, TEST_CHECK, 0, 0, 0) == 1, "has its secret, unchanged");
	say("casemate hypervisor disable");
	point(system("casemate hypervisor disable 2>/dev/null") != 0,
		"is refused: an enclave lives");
	say("casemate hypervisor disable --force");
	point(system("casemate hypervisor disable --force") == 0, "the machine is Linux's again");
	find_hidden_pages();
	point(page_count == 0, "all memory, too");
	point(scan_for_secret() == 0, "and the secret is not in it: it was wiped");
	point(!(attack(ATTACK_RDMSR, 0xc0010114, 0, 0).b & 0x10),
		"nothing is below Linux: the processor offers its virtualization again");
}

int main(int argc, char **argv)
{
	struct image image;
	int fd;

	if (!attacker_open() || argc != 2)
		return 2;
	in_ordinary_memory();
	say("casemate hypervisor enable");
	point(system("casemate hypervisor enable") == 0, "this running Linux is a guest now");
	system("casemate hypervisor status | sed 's/^/@@ #     /'");
	say("An enclave is made: 4 KiB of secret, made up inside");
	fd = start(argv[1], &image);
	point(fd >= 0 && enter(fd, image.tcs, TEST_SECRET, SECRET_SEED, 0, 0) == 1,
		"it runs at ring 0, in memory of its own");
	by_module();
	by_devmem();
	if (has_iommu())
		by_dma();
	give_back(fd, &image);
	return 0;
}
