#include "image/measure.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "abi/sgx.h"
#include "image/digest.h"
#include "image/elf_file.h"

/* The enclave's layout: the LibOS's segments, in the order of their addresses, from the first
 * one's page on; a TCS page; a page that holds the image digest. */
struct layout {
	struct elf_file elf;
	Elf64_Phdr loads[ELF_SEGMENT_COUNT_MAX];
	unsigned int load_count;
	uint64_t base; /* address of the first page */
	uint64_t end;  /* offset behind the LibOS's last page */
};

static int compare_loads(const void *a, const void *b)
{
	uint64_t x = ((const Elf64_Phdr *)a)->p_vaddr, y = ((const Elf64_Phdr *)b)->p_vaddr;

	return x < y ? -1 : x > y;
}

static uint64_t load_first(const Elf64_Phdr *load)
{
	return ALIGN_DOWN(load->p_vaddr, SGX_PAGE_SIZE);
}

static uint64_t load_end(const Elf64_Phdr *load)
{
	return ALIGN_UP(load->p_vaddr + load->p_memsz, SGX_PAGE_SIZE);
}

static const char *load_problem(const struct layout *layout, const Elf64_Phdr *load)
{
	if (load->p_filesz > load->p_memsz)
		return "is larger in the file than in memory";
	if (!range_fits(load->p_offset, load->p_filesz, layout->elf.bytes.size))
		return "lies outside of the file";
	if (load->p_vaddr > UINT64_MAX / 2 || load->p_memsz > MEASURE_LIBOS_SIZE_MAX)
		return "is too large";
	if ((load->p_flags & (PF_W | PF_X)) == (PF_W | PF_X))
		return "is both writable and executable";
	return NULL;
}

static int collect_loads(struct layout *layout, struct image_error *error)
{
	for (unsigned int i = 0; i < layout->elf.header.e_phnum; i++) {
		Elf64_Phdr segment = elf_segment(&layout->elf, i);
		const char *problem;

		if (segment.p_type != PT_LOAD || !segment.p_memsz)
			continue;
		problem = load_problem(layout, &segment);
		if (problem)
			return image_fail(error, -ENOEXEC, "segment %u %s", i, problem);
		layout->loads[layout->load_count++] = segment;
	}
	if (!layout->load_count)
		return image_fail(error, -ENOEXEC, "no segment to load");
	return 0;
}

static int check_order(struct layout *layout, struct image_error *error)
{
	uint64_t end = 0;

	qsort(layout->loads, layout->load_count, sizeof(layout->loads[0]), compare_loads);
	layout->base = load_first(&layout->loads[0]);
	for (unsigned int i = 0; i < layout->load_count; i++) {
		if (load_first(&layout->loads[i]) < end)
			return image_fail(error, -ENOEXEC, "two segments share the page at %#lx",
				load_first(&layout->loads[i]));
		end = load_end(&layout->loads[i]);
	}
	layout->end = end - layout->base;
	if (layout->end > MEASURE_LIBOS_SIZE_MAX)
		return image_fail(error, -ENOEXEC, "its segments are too far apart");
	return 0;
}

static void measure_page(
	struct digest *digest, uint64_t offset, uint64_t flags, const uint8_t page[SGX_PAGE_SIZE])
{
	struct sgx_measure_eadd eadd = {.tag = "EADD", .offset = offset, .secinfo_flags = flags};

	digest_update(digest, &eadd, sizeof(eadd));
	for (unsigned int i = 0; i < SGX_PAGE_SIZE; i += SGX_EEXTEND_SIZE) {
		struct sgx_measure_eextend eextend = {.tag = "EEXTEND", .offset = offset + i};

		digest_update(digest, &eextend, sizeof(eextend));
		digest_update(digest, page + i, SGX_EEXTEND_SIZE);
	}
}

static uint64_t load_flags(const Elf64_Phdr *load)
{
	return SGX_SECINFO_REG | (load->p_flags & PF_R ? SGX_SECINFO_R : 0) |
	       (load->p_flags & PF_W ? SGX_SECINFO_W : 0) |
	       (load->p_flags & PF_X ? SGX_SECINFO_X : 0);
}

/* One page as it is loaded: the segment's bytes where they fall on it, zero elsewhere. */
static void load_page(const struct layout *layout, const Elf64_Phdr *load, uint64_t address,
	uint8_t page[SGX_PAGE_SIZE])
{
	uint64_t start = MAX(address, load->p_vaddr);
	uint64_t end = MIN(address + SGX_PAGE_SIZE, load->p_vaddr + load->p_filesz);

	memset(page, 0, SGX_PAGE_SIZE);
	if (start < end)
		memcpy(page + (start - address),
			layout->elf.bytes.data + load->p_offset + (start - load->p_vaddr),
			end - start);
}

static void measure_libos(struct digest *digest, const struct layout *layout)
{
	uint8_t page[SGX_PAGE_SIZE];

	for (unsigned int i = 0; i < layout->load_count; i++) {
		const Elf64_Phdr *load = &layout->loads[i];

		for (uint64_t at = load_first(load); at < load_end(load); at += SGX_PAGE_SIZE) {
			load_page(layout, load, at, page);
			measure_page(digest, at - layout->base, load_flags(load), page);
		}
	}
}

static void measure_tcs(struct digest *digest, const struct layout *layout)
{
	struct sgx_tcs tcs = {
		.entry_offset = layout->elf.header.e_entry - layout->base,
		.fs_limit = UINT32_MAX,
		.gs_limit = UINT32_MAX,
	};
	uint8_t page[SGX_PAGE_SIZE];

	memcpy(page, &tcs, sizeof(tcs));
	measure_page(digest, layout->end, SGX_SECINFO_TCS, page);
}

static void measure_image_digest(struct digest *digest, const struct layout *layout,
	const uint8_t image_digest[IMAGE_DIGEST_SIZE])
{
	uint8_t page[SGX_PAGE_SIZE] = {0};

	memcpy(page, image_digest, IMAGE_DIGEST_SIZE);
	measure_page(digest, layout->end + SGX_PAGE_SIZE, SGX_SECINFO_REG | SGX_SECINFO_R, page);
}

static void measure_create(struct digest *digest, const struct layout *layout)
{
	struct sgx_measure_ecreate ecreate = {
		.tag = "ECREATE", .ssa_frame_size = 1, .size = 2 * SGX_PAGE_SIZE};

	while (ecreate.size < layout->end + 2 * SGX_PAGE_SIZE)
		ecreate.size *= 2;
	digest_update(digest, &ecreate, sizeof(ecreate));
}

int measure_enclave(struct span libos, const uint8_t image_digest[IMAGE_DIGEST_SIZE],
	uint8_t ret_measurement[IMAGE_DIGEST_SIZE], struct image_error *error)
{
	CLEANUP(digest_freep) struct digest *digest = digest_new();
	struct layout layout = {0};
	int r;

	if (!digest)
		return image_fail_errno(error, -ENOMEM, "SHA-256");
	r = elf_open(libos, &layout.elf);
	if (r < 0)
		return image_fail(error, r, "not an ELF executable for x86-64");
	r = collect_loads(&layout, error);
	if (r == 0)
		r = check_order(&layout, error);
	if (r < 0)
		return r;
	measure_create(digest, &layout);
	measure_libos(digest, &layout);
	measure_tcs(digest, &layout);
	measure_image_digest(digest, &layout, image_digest);
	digest_final(digest, ret_measurement);
	return 0;
}
