/* The search for system-call sites and their patching together, on the C libraries of this
 * machine: every trampoline is decoded and followed, and at the end the test patches the libc it
 * runs on and goes on working. */
#include <asm/prctl.h>
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <Zydis/Zydis.h>

#include "base/span.h"
#include "base/test.h"
#include "image/sites.h"
#include "libos/loader/patch.h"

/* Where the test pretends, or sees to it, that the trampolines are. */
#define AREA_DISTANCE (64 << 20)

struct library {
	struct span elf;
	Elf64_Phdr text; /* the executable segment */
	struct site *sites;
	uint32_t count;
	uint8_t *patched, *area;
	size_t area_size;
	int64_t area_distance;
};

static bool map_file(const char *path, struct span *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	void *bytes;

	if (fd < 0)
		return false;
	if (fstat(fd, &status) < 0)
		abort();
	bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	*ret = (struct span){bytes, (size_t)status.st_size};
	return bytes != MAP_FAILED;
}

static void find_text(struct library *library)
{
	const Elf64_Ehdr *header = (const void *)library->elf.data;
	const Elf64_Phdr *headers = (const void *)(library->elf.data + header->e_phoff);

	for (unsigned int i = 0; i < header->e_phnum; i++)
		if (headers[i].p_type == PT_LOAD && (headers[i].p_flags & PF_X))
			library->text = headers[i];
}

static bool library_open(struct library *library, const char *path)
{
	memset(library, 0, sizeof(*library));
	if (!map_file(path, &library->elf))
		return false;
	find_text(library);
	if (image_sites_find(
		    library->elf.data, library->elf.size, &library->sites, &library->count) < 0)
		abort();
	library->area_size = patch_area_size(library->count);
	library->area_distance = AREA_DISTANCE;
	library->area = malloc(library->area_size);
	library->patched = malloc(library->text.p_filesz);
	if (!library->area || !library->patched)
		abort();
	memcpy(library->patched, library->elf.data + library->text.p_offset,
		library->text.p_filesz);
	return true;
}

static void library_close(struct library *library)
{
	free(library->sites);
	free(library->patched);
	free(library->area);
	munmap((void *)library->elf.data, library->elf.size);
}

static uint32_t library_patch(struct library *library)
{
	struct patch_target target = {
		.text = library->patched,
		.size = library->text.p_filesz,
		.file_offset = library->text.p_offset,
		.area = library->area,
		.area_size = library->area_size,
		.area_distance = library->area_distance,
		.sites = library->sites,
		.count = library->count,
	};

	return patch_apply(&target);
}

/* Reads code instruction by instruction; addresses count from the start of the text. */
struct reader {
	ZydisDecoder decoder;
	const uint8_t *at;
	int64_t address;
	ZydisDecodedInstruction insn;
};

static struct reader reader_at(const uint8_t *at, int64_t address)
{
	struct reader reader = {.at = at, .address = address};

	ZydisDecoderInit(&reader.decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	return reader;
}

static bool read_instruction(struct reader *reader)
{
	if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(
		    &reader->decoder, NULL, reader->at, 15, &reader->insn)))
		return false;
	reader->at += reader->insn.length;
	reader->address += reader->insn.length;
	return true;
}

static bool is_jump_to(struct reader *reader, int64_t to)
{
	return read_instruction(reader) && reader->insn.opcode == 0xe9 &&
	       reader->address + reader->insn.raw.imm[0].value.s == to;
}

static bool is_enter(struct reader *reader, int64_t resume)
{
	return read_instruction(reader) && reader->insn.mnemonic == ZYDIS_MNEMONIC_LEA &&
	       reader->insn.raw.modrm.reg == 1 &&
	       reader->address + reader->insn.raw.disp.value == resume &&
	       read_instruction(reader) && reader->insn.mnemonic == ZYDIS_MNEMONIC_JMP &&
	       (reader->insn.attributes & ZYDIS_ATTRIB_HAS_SEGMENT_GS) &&
	       reader->insn.raw.disp.value == PATCH_ENTRY_GS_OFFSET;
}

/* The moved bytes: whole instructions that name no address. */
static bool is_moved(struct reader *reader, const uint8_t *original, size_t size)
{
	const uint8_t *end = reader->at + size;

	if (memcmp(reader->at, original, size))
		return false;
	while (reader->at < end)
		if (!read_instruction(reader) ||
			(reader->insn.attributes & ZYDIS_ATTRIB_IS_RELATIVE))
			return false;
	return reader->at == end;
}

static bool slot_is_right(const struct library *library, uint32_t i)
{
	const struct site *site = &library->sites[i];
	const uint8_t *original = library->elf.data + site->offset;
	int64_t at = (int64_t)(site->offset - library->text.p_offset);
	int64_t slot = library->area_distance + (int64_t)i * PATCH_SLOT_SIZE;
	struct reader window = reader_at(library->patched + at, at);
	struct reader reader = reader_at(library->area + (size_t)i * PATCH_SLOT_SIZE, slot);

	if (!is_jump_to(&window, slot))
		return false;
	switch (site->kind) {
	case SITE_MOV:
		return is_moved(&reader, original, 5) && is_enter(&reader, at + 7) &&
		       memcmp(library->patched + at + 5, "\x0f\x05", 2) == 0;
	case SITE_BEFORE:
		return is_moved(&reader, original, site->displaced) &&
		       is_enter(&reader, at + site->displaced + 2);
	case SITE_AFTER:
		return is_enter(&reader, slot + 15) &&
		       is_moved(&reader, original + 2, site->displaced) &&
		       is_jump_to(&reader, at + 2 + site->displaced);
	default:
		return false;
	}
}

static size_t window_size(const struct site *site)
{
	return site->kind == SITE_MOV ? 5 : 2 + site->displaced;
}

/* Undo all patches: what differs then was changed without need. */
static bool rest_is_unchanged(const struct library *library)
{
	const uint8_t *original = library->elf.data + library->text.p_offset;
	bool same;
	uint8_t *copy = malloc(library->text.p_filesz);

	if (!copy)
		abort();
	memcpy(copy, library->patched, library->text.p_filesz);
	for (uint32_t i = 0; i < library->count; i++) {
		size_t at = library->sites[i].offset - library->text.p_offset;

		memcpy(copy + at, original + at, window_size(&library->sites[i]));
	}
	same = memcmp(copy, original, library->text.p_filesz) == 0;
	free(copy);
	return same;
}

static bool round_trips(const struct library *library)
{
	struct patch_view view = {.text = 1 << 30,
		.file_offset = library->text.p_offset,
		.area = (1 << 30) + AREA_DISTANCE,
		.sites = library->sites,
		.count = library->count};

	for (uint64_t pc = view.text; pc < view.text + library->text.p_filesz; pc++)
		if (patch_pc_to_native(&view, patch_pc_from_native(&view, pc)) != pc)
			return false;
	return true;
}

static void test_library(const char *path, uint32_t sites_min)
{
	struct library library;
	uint32_t wrong = 0;

	if (!library_open(&library, path)) {
		test_skip(path, "not on this machine");
		return;
	}
	printf("# %s: %u sites\n", path, library.count);
	CHECK(library.count >= sites_min);
	CHECK_EQ(library_patch(&library), library.count);
	for (uint32_t i = 0; i < library.count; i++)
		wrong += !slot_is_right(&library, i);
	CHECK_EQ(wrong, 0);
	CHECK(rest_is_unchanged(&library));
	CHECK(round_trips(&library));
	library_close(&library);
}

/* Most of the mov kind are found without a decoder, and nothing that the decoder denies. */
static void test_scan(const char *path)
{
	static struct site found[1024];
	struct library library;
	uint32_t count, wrong = 0, movs = 0;

	if (!library_open(&library, path)) {
		test_skip(path, "not on this machine");
		return;
	}
	count = patch_scan_mov(library.patched, library.text.p_filesz, library.text.p_offset, found,
		ARRAY_SIZE(found));
	for (uint32_t i = 0; i < library.count; i++)
		movs += library.sites[i].kind == SITE_MOV;
	for (uint32_t i = 0, j = 0; i < count; i++) {
		while (j < library.count && library.sites[j].offset < found[i].offset)
			j++;
		wrong += j == library.count || library.sites[j].offset != found[i].offset ||
			 library.sites[j].kind != SITE_MOV;
	}
	printf("# %s: %u of %u without a decoder\n", path, count, movs);
	CHECK_EQ(wrong, 0);
	CHECK(count * 10 >= movs * 9);
	library_close(&library);
}

/* The entry of the live test: counts the call and makes it. */
extern const uint8_t live_entry[];
uint64_t live_calls;
__asm__(".pushsection .text\n"
	".globl live_entry\n"
	"live_entry: lea -128(%rsp),%rsp\n"
	"  push %rcx\n"
	"  pushfq\n"
	"  incq live_calls(%rip)\n"
	"  popfq\n"
	"  syscall\n"
	"  pop %rcx\n"
	"  lea 128(%rsp),%rsp\n"
	"  jmp *%rcx\n"
	".popsection\n");

/* The address of this process's own libc, and its path. */
static uint8_t *find_libc(const char **ret_path)
{
	Dl_info info;

	if (!dladdr(dlsym(RTLD_DEFAULT, "gnu_get_libc_version"), &info))
		abort();
	*ret_path = info.dli_fname;
	return info.dli_fbase;
}

/* Room for trampolines behind the text: the first free place a jump can reach. */
static bool place_area(struct library *library, const uint8_t *text)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;

	for (int64_t distance = -(1LL << 30); distance < 1LL << 30; distance += 16 << 20) {
		uint8_t *at =
			(uint8_t *)(ALIGN_DOWN((uint64_t)text, PAGE_SIZE) + (uint64_t)distance);

		if (mmap(at, library->area_size, PROT_READ | PROT_WRITE, flags, -1, 0) != at)
			continue;
		free(library->area);
		library->area = at;
		library->area_distance = at - text;
		return true;
	}
	return false;
}

/* In a process of its own: from here on its libc is patched. */
static bool patch_own_libc(void)
{
	static struct {
		uint64_t other;
		const void *entry;
	} block = {0, live_entry};
	struct library library;
	const char *path;
	uint8_t *text = find_libc(&path), *first;
	size_t size;

	if (!library_open(&library, path))
		return false;
	text += library.text.p_vaddr;
	first = (uint8_t *)ALIGN_DOWN((uint64_t)text, PAGE_SIZE);
	size = (size_t)(text - first) + library.text.p_filesz;
	if (!place_area(&library, text) || library_patch(&library) != library.count ||
		mprotect(library.area, library.area_size, PROT_READ | PROT_EXEC) ||
		syscall(SYS_arch_prctl, ARCH_SET_GS, &block) ||
		mprotect(first, size, PROT_READ | PROT_WRITE | PROT_EXEC))
		return false;
	memcpy(text, library.patched, library.text.p_filesz);
	return mprotect(first, size, PROT_READ | PROT_EXEC) == 0;
}

static bool pipe_works(void)
{
	char text[6] = "";
	int ends[2];

	return pipe(ends) == 0 && write(ends[1], "hello", 6) == 6 &&
	       read(ends[0], text, sizeof(text)) == 6 && !strcmp(text, "hello") &&
	       close(ends[0]) == 0 && close(ends[1]) == 0;
}

static bool files_work(void)
{
	char line[64] = "";
	FILE *file = fopen("/proc/self/comm", "r");
	bool read = file && fgets(line, sizeof(line), file) && strlen(line) > 1;

	if (file)
		fclose(file);
	return read && open("/nonexistent", O_RDONLY) == -1;
}

static bool fork_works(void)
{
	int status = -1;
	pid_t child = fork();

	if (child == 0)
		_exit(getppid() > 0 ? 42 : 1);
	return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 42;
}

enum { LIVE_OK, LIVE_WRONG, LIVE_UNUSED, LIVE_NOT_PATCHED };

static int live_child(void)
{
	if (!patch_own_libc())
		return LIVE_NOT_PATCHED;
	if (!pipe_works() || !files_work() || !fork_works() || getpid() != syscall(SYS_getpid))
		return LIVE_WRONG;
	return live_calls >= 15 ? LIVE_OK : LIVE_UNUSED;
}

static void test_live(void)
{
	int status = -1;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0)
		_exit(live_child());
	CHECK(child > 0 && waitpid(child, &status, 0) == child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == LIVE_NOT_PATCHED)
		test_skip("a patched libc works", "text can't be made writable here");
	else
		CHECK_EQ(status, LIVE_OK << 8);
}

int main(void)
{
	static const char glibc[] = "/lib/x86_64-linux-gnu/libc.so.6";
	static const char musl[] = "/lib/x86_64-linux-musl/libc.so";

	test_library(glibc, 500);
	test_library("/lib64/ld-linux-x86-64.so.2", 40);
	test_library(musl, 450);
	test_scan(glibc);
	test_scan(musl);
	test_live();
	return test_done();
}
