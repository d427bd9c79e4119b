/* Builds an image and then damages, cuts and forges it. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/test.h"
#include "image/digest.h"
#include "image/file.h"
#include "image/image.h"
#include "image/superblock.h"

#define LARGE_FILE_SIZE (140 * 4096 + 5) /* so that the hash tree has two levels */
#define FLIP_STRIDE 769
#define CUT_STRIDE 1531

static struct image_error error;

static void write_file(const char *path, const void *bytes, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	CHECK(fd >= 0);
	CHECK_EQ(file_write_at(fd, bytes, size, 0), 0);
	close(fd);
}

/* The least that can be measured: a page to read and run, and one to write. */
static void write_libos(const char *path, uint32_t second_flags)
{
	uint8_t bytes[8192] = {0};
	Elf64_Ehdr header = {
		.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
		.e_type = ET_DYN,
		.e_machine = EM_X86_64,
		.e_entry = 0x200,
		.e_phoff = sizeof(header),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 2,
	};
	Elf64_Phdr loads[2] = {
		{.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_filesz = 4096, .p_memsz = 4096},
		{.p_type = PT_LOAD,
			.p_flags = second_flags,
			.p_offset = 4096,
			.p_vaddr = 4096,
			.p_filesz = 100,
			.p_memsz = 9000},
	};

	memcpy(bytes, &header, sizeof(header));
	memcpy(bytes + sizeof(header), loads, sizeof(loads));
	memset(bytes + 0x200, 0x90, 64);
	write_file(path, bytes, sizeof(bytes));
}

static void make_root(void)
{
	CLEANUP(buffer_done) struct buffer large = {0};

	CHECK_EQ(mkdir("root", 0755), 0);
	CHECK_EQ(buffer_resize(&large, LARGE_FILE_SIZE), 0);
	for (size_t i = 0; i < large.size; i++)
		large.data[i] = (uint8_t)(i * 7 + i / 4096);
	write_file("root/large", large.data, large.size);
	write_file("root/small", "small", 5);
}

static int build(const char *libos, const char *config, const char *output)
{
	struct image_source source = {.kind = IMAGE_SOURCE_DIR, .from = "root"};
	struct image_build_options options = {
		.sources = &source,
		.source_count = 1,
		.config_path = config,
		.output_path = output,
		.libos_path = libos,
		.source_date_epoch = 1700000000,
	};
	struct image_build_result result;
	int r = image_build(&options, &result, &error);

	if (r == 0)
		free(result.development_key);
	return r;
}

static int open_and_verify(const char *path)
{
	CLEANUP(image_closep) struct image *image = NULL;
	int r;

	error.text[0] = '\0';
	r = image_open(path, &image, &error);
	return r < 0 ? r : image_verify(image, &error);
}

static void test_good(void)
{
	CLEANUP(image_closep) struct image *image = NULL;
	struct stat st;

	CHECK_EQ(build("libos", "config", "app"), 0);
	CHECK_EQ(stat("casemate/sign-key.pem", &st), 0);
	CHECK_EQ(st.st_mode & 07777, 0600);
	CHECK_EQ(open_and_verify("app"), 0);
	CHECK_EQ(image_open("app", &image, &error), 0);
	CHECK_EQ(image->config.svn, 3);
	CHECK_EQ(image->platforms[IMAGE_PLATFORM_SIMULATION].claims.svn, 3);
	CHECK_EQ(image->platforms[IMAGE_PLATFORM_SIMULATION].claims.date, 0x20231114);
	CHECK_EQ(image->platforms[IMAGE_PLATFORM_SIMULATION].libos_bytes.size, 8192);
	CHECK(!image->platforms[IMAGE_PLATFORM_SGX].libos);
	CHECK_EQ(access("app.tmp", F_OK), -1);
}

/* What the error about a byte of the file must name. */
static const char *place_of(const struct image_superblock *superblock, uint64_t offset)
{
	for (uint32_t i = 0; i < superblock->section_count; i++) {
		const struct image_section *section = &superblock->sections[i];

		if (offset - section->offset < section->size)
			return image_section_name(section->kind);
	}
	if (offset < 8)
		return "not an enclave image";
	return offset < IMAGE_BLOCK_SIZE ? "superblock" : "between sections";
}

static bool flip_is_seen(
	int fd, const struct image_superblock *superblock, uint64_t offset, unsigned int bit)
{
	const char *place = place_of(superblock, offset);
	uint8_t byte, flipped;
	int r;

	if (file_read_at(fd, &byte, 1, offset) < 0)
		return false;
	flipped = byte ^ (uint8_t)(1u << bit);
	if (file_write_at(fd, &flipped, 1, offset) < 0)
		return false;
	r = open_and_verify("app");
	if (file_write_at(fd, &byte, 1, offset) < 0)
		return false;
	if (r < 0 && strstr(error.text, place))
		return true;
	printf("# bit %u of byte %lu (%s): %d \"%s\"\n", bit, offset, place, r, error.text);
	return false;
}

static void test_flips(void)
{
	CLEANUP(close_fdp) int fd = open("app", O_RDWR | O_CLOEXEC);
	struct image_superblock superblock;
	unsigned int flips = 0, seen = 0;

	CHECK_EQ(file_read_at(fd, &superblock, sizeof(superblock), 0), 0);
	for (uint64_t at = 0; at < superblock.file_size; flips++) {
		seen += flip_is_seen(fd, &superblock, at, flips % 8);
		at += at < 600 ? 7 : FLIP_STRIDE;
	}
	/* Each section's first and last byte, and the one behind it. */
	for (uint32_t i = 0; i < superblock.section_count; i++) {
		const struct image_section *section = &superblock.sections[i];

		flips += 2;
		seen += flip_is_seen(fd, &superblock, section->offset, 0);
		seen += flip_is_seen(fd, &superblock, section->offset + section->size - 1, 7);
		if (section->size % IMAGE_BLOCK_SIZE) {
			flips++;
			seen += flip_is_seen(fd, &superblock, section->offset + section->size, 3);
		}
	}
	CHECK(flips > 800);
	CHECK_EQ(seen, flips);
	CHECK_EQ(open_and_verify("app"), 0);
}

static void test_truncation(void)
{
	CLEANUP(buffer_done) struct buffer bytes = {0};
	unsigned int cuts = 0, seen = 0;
	int fd = open("cut", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	CHECK_EQ(file_read("app", 1 << 24, &bytes, &error), 0);
	CHECK_EQ(file_write_at(fd, bytes.data, bytes.size, 0), 0);
	CHECK_EQ(open_and_verify("cut"), 0);
	CHECK_EQ(ftruncate(fd, (off_t)bytes.size + 1), 0);
	CHECK_EQ(open_and_verify("cut"), -EBADMSG);
	CHECK(strstr(error.text, "something follows it"));
	for (size_t size = bytes.size - 1; size > CUT_STRIDE; size -= CUT_STRIDE, cuts++) {
		CHECK_EQ(ftruncate(fd, (off_t)size), 0);
		seen += open_and_verify("cut") == -EBADMSG && strstr(error.text, "cut off");
	}
	CHECK_EQ(ftruncate(fd, 0), 0);
	CHECK_EQ(open_and_verify("cut"), -EBADMSG);
	CHECK_EQ(seen, cuts);
	close(fd);
}

/* A change of the superblock by somebody who can compute checksums. */
typedef void forge_fn(struct image_superblock *superblock);

static void check_forgery(forge_fn *forge, int expected, const char *words)
{
	CLEANUP(buffer_done) struct buffer bytes = {0};
	struct image_superblock *superblock;

	CHECK_EQ(file_read("app", 1 << 24, &bytes, &error), 0);
	superblock = (struct image_superblock *)(void *)bytes.data;
	forge(superblock);
	CHECK_EQ(digest_of(superblock, offsetof(struct image_superblock, checksum),
			 superblock->checksum),
		0);
	write_file("forged", bytes.data, bytes.size);
	CHECK_EQ(open_and_verify("forged"), expected);
	CHECK(strstr(error.text, words));
	if (!strstr(error.text, words))
		printf("# \"%s\" has not \"%s\"\n", error.text, words);
}

static void forge_version(struct image_superblock *s)
{
	s->version = 2;
}

static void forge_flags(struct image_superblock *s)
{
	s->flags = 4;
}

static void forge_count(struct image_superblock *s)
{
	s->section_count = IMAGE_SECTION_COUNT_MAX + 1;
}

static void forge_kind(struct image_superblock *s)
{
	s->sections[4].kind = 99;
}

static void forge_platform(struct image_superblock *s)
{
	s->sections[4].platform = IMAGE_PLATFORM_SGX;
}

static void forge_overlap(struct image_superblock *s)
{
	s->sections[2].offset = s->sections[1].offset;
}

static void forge_outside(struct image_superblock *s)
{
	s->sections[1].size = UINT64_MAX - 4095;
}

static void forge_reserved(struct image_superblock *s)
{
	s->reserved[2000] = 1;
}

static void forge_root(struct image_superblock *s)
{
	s->sections[1].digest[0] ^= 1;
	CHECK_EQ(superblock_seal(s), 0);
}

static void forge_encrypted(struct image_superblock *s)
{
	s->sections[3].kind = IMAGE_SECTION_KEY_ENVELOPE;
}

static void test_forgeries(void)
{
	check_forgery(forge_version, -EPROTONOSUPPORT, "format version 2 is unknown");
	check_forgery(forge_flags, -EPROTONOSUPPORT, "unknown flags 0x4");
	check_forgery(forge_count, -EBADMSG, "25 sections are too many");
	check_forgery(forge_kind, -EBADMSG, "section 4 (unknown): unknown kind");
	check_forgery(forge_platform, -EBADMSG, "only one of LIBOS and SIGSTRUCT");
	check_forgery(forge_overlap, -EBADMSG, "section 2 (HASH_TREE): overlaps");
	check_forgery(forge_outside, -EBADMSG, "section 1 (ROOTFS): lies outside");
	check_forgery(forge_reserved, -EBADMSG, "reserved bytes are not zero");
	check_forgery(forge_root, -EBADMSG, "signs another enclave");
	check_forgery(forge_encrypted, -EBADMSG, "encrypted images are not supported");
}

/* A configuration with its digest made good: the text itself must be right, too. */
static void check_config(const char *text, const char *words)
{
	CLEANUP(buffer_done) struct buffer bytes = {0};
	struct image_superblock *superblock;
	struct image_section *section;

	CHECK_EQ(file_read("app", 1 << 24, &bytes, &error), 0);
	superblock = (struct image_superblock *)(void *)bytes.data;
	section = &superblock->sections[0];
	memset(bytes.data + section->offset, 0, section->size);
	memcpy(bytes.data + section->offset, text, strlen(text));
	section->size = strlen(text);
	CHECK_EQ(digest_of(text, strlen(text), section->digest), 0);
	CHECK_EQ(superblock_seal(superblock), 0);
	write_file("forged", bytes.data, bytes.size);
	CHECK(open_and_verify("forged") < 0);
	CHECK(strstr(error.text, words));
	if (!strstr(error.text, words))
		printf("# \"%s\" has not \"%s\"\n", error.text, words);
}

static void test_configs(void)
{
	check_config("{\"AllowEverything\":true}", "CONFIG section: unknown key");
	check_config("{\"Svn\": 3}", "CONFIG section: not in canonical form");
	check_config("{\"Debug\":false,\"Svn\":3}", "CONFIG section: not in canonical form");
	check_config("{\"User\":\"root:root\"}", "CONFIG section: User: \"root:root\" is not");
	check_config("{\"Svn\":4}", "signs another enclave");
}

static void test_build_errors(void)
{
	write_libos("wx", PF_R | PF_W | PF_X);
	CHECK_EQ(build("wx", NULL, "bad"), -ENOEXEC);
	CHECK(strstr(error.text, "writable and executable"));
	CHECK_EQ(build("root/small", NULL, "bad"), -ENOEXEC);
	CHECK_EQ(build("missing", NULL, "bad"), -ENOENT);
	CHECK_EQ(build("libos", "missing", "bad"), -ENOENT);
	CHECK_EQ(build("libos", NULL, "no/such/directory"), -ENOENT);
	CHECK_EQ(build("libos", NULL, "/dev/null"), -EINVAL);
	CHECK_EQ(access("bad", F_OK), -1);
}

static int remove_visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int main(void)
{
	char directory[] = "/tmp/casemate-test-XXXXXX";

	if (!mkdtemp(directory) || chdir(directory) < 0)
		return 1;
	setenv("XDG_CONFIG_HOME", directory, 1);
	make_root();
	write_libos("libos", PF_R | PF_W);
	write_file("config", "{\"Svn\": 3}", 10);
	test_good();
	test_flips();
	test_truncation();
	test_forgeries();
	test_configs();
	test_build_errors();
	CHECK_EQ(chdir("/"), 0);
	CHECK_EQ(nftw(directory, remove_visit, 16, FTW_DEPTH | FTW_PHYS), 0);
	return test_done();
}
