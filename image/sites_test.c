#include "image/sites.h"

#include <elf.h>
#include <stdlib.h>

#include "base/test.h"

/* The tests' file: headers, code at CODE, tables at DATA, where it is mapped as it is stored. */
#define CODE 0x1000
#define DATA 0x2000
#define SECTIONS 0x3000
#define FILE_SIZE 0x4000

static uint8_t elf[FILE_SIZE] ALIGNED(8);

/* A piece of machine code by name, kept as data: none of it runs. */
#define MACHINE_CODE(name, text)                                                                   \
	extern const uint8_t name[], name##_end[];                                                 \
	__asm__(".pushsection .rodata\n" #name ":\n" text "\n" #name "_end:\n.popsection\n")

static void add_segment(unsigned int index, uint32_t flags, uint64_t at)
{
	Elf64_Phdr header = {.p_type = PT_LOAD,
		.p_flags = flags,
		.p_offset = at,
		.p_vaddr = at,
		.p_filesz = 0x1000,
		.p_memsz = 0x1000};

	memcpy(elf + sizeof(Elf64_Ehdr) + index * sizeof(header), &header, sizeof(header));
}

static void add_section(
	unsigned int index, const char *name, uint32_t type, uint64_t at, uint64_t size)
{
	static const uint64_t names = SECTIONS + 0x800;
	Elf64_Shdr header = {.sh_name = index * 32,
		.sh_type = type,
		.sh_flags = SHF_ALLOC,
		.sh_addr = at,
		.sh_offset = at,
		.sh_size = size};

	memcpy(elf + names + index * 32, name, strlen(name) + 1);
	memcpy(elf + SECTIONS + index * sizeof(header), &header, sizeof(header));
	if (index == 0) { /* the section of names itself */
		header.sh_offset = names;
		memcpy(elf + SECTIONS, &header, sizeof(header));
	}
}

/* Code that nothing is known of. */
static void make_elf(const uint8_t *code, const uint8_t *code_end)
{
	Elf64_Ehdr header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB},
		.e_type = ET_DYN,
		.e_machine = EM_X86_64,
		.e_phoff = sizeof(header),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 2,
		.e_shoff = SECTIONS,
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = 4};

	memset(elf, 0, sizeof(elf));
	memset(elf + CODE, 0xcc, 0x1000);
	memcpy(elf + CODE, code, (size_t)(code_end - code));
	memcpy(elf, &header, sizeof(header));
	add_segment(0, PF_R | PF_X, CODE);
	add_segment(1, PF_R, DATA);
	add_section(0, ".shstrtab", SHT_STRTAB, 0, 0);
}

static void add_function(unsigned int index, uint64_t at, uint64_t size)
{
	Elf64_Sym symbol = {.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
		.st_shndx = 1,
		.st_value = CODE + at,
		.st_size = size};

	memcpy(elf + SECTIONS + 0xc00 + index * sizeof(symbol), &symbol, sizeof(symbol));
	add_section(1, ".symtab", SHT_SYMTAB, SECTIONS + 0xc00, (index + 1) * sizeof(symbol));
}

/* The same as one function. */
static void make_function(const uint8_t *code, const uint8_t *code_end)
{
	make_elf(code, code_end);
	add_function(0, 0, (uint64_t)(code_end - code));
}

/* The only site found as text: "mov 0", "after 2 6"; "none", or how many. */
static const char *found(void)
{
	static const char *const kinds[] = {"?", "mov", "after", "before"};
	static char text[64];
	struct site *sites = NULL;
	uint32_t count = 0;

	if (image_sites_find(elf, sizeof(elf), &sites, &count) < 0)
		return "error";
	if (count == 0)
		snprintf(text, sizeof(text), "none");
	else if (count > 1)
		snprintf(text, sizeof(text), "%u", count);
	else if (sites->kind == SITE_MOV)
		snprintf(text, sizeof(text), "mov %u", sites->offset - CODE);
	else
		snprintf(text, sizeof(text), "%s %u %u", kinds[sites->kind], sites->offset - CODE,
			sites->displaced);
	free(sites);
	return text;
}

#define CHECK_FUNCTION(name, expected)                                                             \
	do {                                                                                       \
		make_function(name, name##_end);                                                   \
		test_report(                                                                       \
			!strcmp(found(), expected), #name " gives " expected, __FILE__, __LINE__); \
	} while (0)

MACHINE_CODE(plain_mov, "mov $1,%eax; syscall; ret");
MACHINE_CODE(mov_retried, "mov $1,%eax; 1: syscall; cmp $-4,%rax; je 1b; ret");
MACHINE_CODE(mov_large, "mov $0x40000001,%eax; syscall; ret");
MACHINE_CODE(after_cmp, "xor %eax,%eax; syscall; cmp $-4096,%rax; ja 1f; 1: ret");
MACHINE_CODE(after_two, "xor %eax,%eax; syscall; mov %eax,%edi; mov %edi,%esi; ret");
MACHINE_CODE(after_ret, "xor %eax,%eax; syscall; pop %rbx; pop %rbp; ret");
MACHINE_CODE(after_jump_to_syscall, "1: syscall; cmp $-4096,%rax; je 1b; ret");
MACHINE_CODE(before_mov, "mov %rdi,%rax; syscall; ret");
MACHINE_CODE(before_two, "push %rbx; mov %esi,%edi; mov %edx,%eax; syscall; ret");
MACHINE_CODE(before_loop, "nop; 1: mov %rdi,%rax; syscall; jmp 1b");

static void test_kinds(void)
{
	CHECK_FUNCTION(plain_mov, "mov 0");
	CHECK_FUNCTION(mov_retried, "mov 0");
	CHECK_FUNCTION(mov_large, "mov 0");
	CHECK_FUNCTION(after_cmp, "after 2 6");
	CHECK_FUNCTION(after_two, "after 2 4");
	CHECK_FUNCTION(after_ret, "after 2 3");
	CHECK_FUNCTION(after_jump_to_syscall, "after 0 6");
	CHECK_FUNCTION(before_mov, "before 0 3");
	CHECK_FUNCTION(before_two, "before 1 4");
	CHECK_FUNCTION(before_loop, "before 1 3");
}

MACHINE_CODE(restorer_long, "mov $15,%rax; syscall; nopl 0(%rax)");
MACHINE_CODE(restorer_short, "mov $15,%eax; syscall; nopl 0(%rax)");
MACHINE_CODE(after_relative, "xor %eax,%eax; syscall; lea 0(%rip),%rcx; ret");
MACHINE_CODE(after_call, "xor %eax,%eax; syscall; call .; ret");
MACHINE_CODE(after_indirect_call, "xor %eax,%eax; syscall; nop; call *%rax; jmp .");
MACHINE_CODE(after_split, "jne 1f; .byte 0x0f; 1: add $0x90909090,%eax; ret");
MACHINE_CODE(after_jump, "xor %eax,%eax; syscall; jmp .; ret");
MACHINE_CODE(after_short_ret, "xor %eax,%eax; syscall; pop %rbx; ret; nop; nop");
MACHINE_CODE(after_syscall, "xor %eax,%eax; syscall; nop; syscall; jmp .");
MACHINE_CODE(after_interrupt, "xor %eax,%eax; syscall; nop; int $0x80; jmp .");
MACHINE_CODE(after_landing, "xor %eax,%eax; syscall; endbr64; jmp .");
MACHINE_CODE(after_target, "jne 1f; syscall; 1: cmp $-4096,%rax; ret");
MACHINE_CODE(after_inner_target, "jne 1f; syscall; mov %eax,%edi; 1: mov %edi,%esi; ret");
MACHINE_CODE(before_target, "mov %rdi,%rax; 1: syscall; jmp 1b");
MACHINE_CODE(before_inner_target, "mov %edi,%esi; 1: mov %edi,%eax; syscall; jmp 1b");
MACHINE_CODE(before_relative, "mov 0(%rip),%eax; syscall; jmp .");
MACHINE_CODE(before_call, "call *8(%rax); syscall; jmp .");
MACHINE_CODE(inside_immediate, "mov $0x050f,%eax; ret");
MACHINE_CODE(immediate_tail, "mov $0x050f0000,%ebx; cmp $-4096,%rax; ret");
MACHINE_CODE(inside_wide_immediate, "movabs $0x050f00000001b890,%rax; ret");
MACHINE_CODE(other_register, "mov $1,%r8d; syscall; jmp .");

static void test_refusals(void)
{
	CHECK_FUNCTION(restorer_long, "none");
	CHECK_FUNCTION(restorer_short, "none");
	CHECK_FUNCTION(after_relative, "none");
	CHECK_FUNCTION(after_call, "none");
	CHECK_FUNCTION(after_indirect_call, "none");
	CHECK_FUNCTION(after_split, "none");
	CHECK_FUNCTION(after_jump, "none");
	CHECK_FUNCTION(after_short_ret, "none");
	CHECK_FUNCTION(after_syscall, "none");
	CHECK_FUNCTION(after_interrupt, "none");
	CHECK_FUNCTION(after_landing, "none");
	CHECK_FUNCTION(after_target, "none");
	CHECK_FUNCTION(after_inner_target, "none");
	CHECK_FUNCTION(before_target, "none");
	CHECK_FUNCTION(before_inner_target, "none");
	CHECK_FUNCTION(before_relative, "none");
	CHECK_FUNCTION(before_call, "none");
	CHECK_FUNCTION(inside_immediate, "none");
	CHECK_FUNCTION(immediate_tail, "none");
	CHECK_FUNCTION(inside_wide_immediate, "none");
	CHECK_FUNCTION(other_register, "before 0 6");
}

MACHINE_CODE(two_sites, "xor %eax,%eax; syscall; cmp $-4096,%rax; mov $1,%eax; syscall; ret");
MACHINE_CODE(overlapping, "xor %eax,%eax; syscall; mov $1,%eax; syscall; jmp .");

static void test_several(void)
{
	CHECK_FUNCTION(two_sites, "2");
	/* The second one's mov has gone to the first one's slot. */
	CHECK_FUNCTION(overlapping, "after 2 5");
}

static void test_function_end(void)
{
	/* xor, syscall | cmp, ret */
	make_elf(after_cmp, after_cmp_end);
	add_function(0, 0, 4);
	CHECK_STR(found(), "none");
	add_function(1, 4, 9);
	CHECK_STR(found(), "none");
	/* xor | syscall, cmp, ret */
	make_elf(before_mov, before_mov_end);
	add_function(0, 0, 3);
	add_function(1, 3, 3);
	CHECK_STR(found(), "none");
}

MACHINE_CODE(switch_table,
	"lea 0x1000+switch_table(%rip),%rdx; movslq (%rdx,%rax,4),%rcx; add %rdx,%rcx; jmp *%rcx\n"
	"syscall; cmp $-4096,%rax; ret");
#define SWITCH_CASE 16

static void test_tables(void)
{
	static const uint64_t pointer = CODE + 4;
	static const int32_t distance = CODE - DATA + SWITCH_CASE + 2;

	make_function(after_cmp, after_cmp_end);
	memcpy(elf + DATA + 8, &pointer, sizeof(pointer));
	CHECK_STR(found(), "none");

	CHECK_FUNCTION(switch_table, "after 16 6");
	memcpy(elf + DATA, &distance, sizeof(distance));
	CHECK_STR(found(), "none");
}

MACHINE_CODE(address_taken, "xor %eax,%eax; mov $0x1009,%edi; syscall; cmp $-4096,%rax; ret");

static void test_fixed_address(void)
{
	Elf64_Ehdr *header = (Elf64_Ehdr *)(void *)elf;

	CHECK_FUNCTION(address_taken, "after 7 6");
	header->e_type = ET_EXEC;
	CHECK_STR(found(), "before 2 5");
}

MACHINE_CODE(unknown_mov, "nop; mov $1,%eax; syscall; ret");
MACHINE_CODE(unknown_prefix, "nop; mov $1,%r8d; syscall; ret");
MACHINE_CODE(unknown_number, "nop; mov $0x200,%eax; syscall; ret");
MACHINE_CODE(unknown_jump, "jmp 1f; .byte 0x48; 1: xor %eax,%eax; syscall; cmp $-4096,%rax; ret");

MACHINE_CODE(unknown_overlap, "nop; mov $1,%eax; .byte 0x0f; 1: add $-4096,%eax; syscall; jmp 1b");

static void set_entry(uint64_t at)
{
	Elf64_Ehdr *header = (Elf64_Ehdr *)(void *)elf;

	header->e_entry = CODE + at;
}

static void test_unknown_code(void)
{
	make_elf(unknown_mov, unknown_mov_end);
	CHECK_STR(found(), "mov 1");
	make_elf(unknown_prefix, unknown_prefix_end);
	CHECK_STR(found(), "none");
	make_elf(unknown_number, unknown_number_end);
	CHECK_STR(found(), "none");
	make_elf(after_cmp, after_cmp_end);
	CHECK_STR(found(), "none");
	set_entry(0);
	CHECK_STR(found(), "after 2 6");
	make_elf(unknown_jump, unknown_jump_end);
	set_entry(0);
	CHECK_STR(found(), "after 5 6");
	/* What looks like a site ends inside an instruction that is one. */
	make_elf(unknown_overlap, unknown_overlap_end);
	set_entry(7);
	CHECK_STR(found(), "before 7 5");
}

MACHINE_CODE(behind_ret, "ret; xor %eax,%eax; syscall; cmp $-4096,%rax; ret; .byte 0x06");
MACHINE_CODE(jumped_at, "xor %eax,%eax; syscall; cmp $-4096,%rax; ret; jmp jumped_at+4");

static void test_doubt(void)
{
	/* Not reached, and the function does not decode: these may be data. */
	make_elf(behind_ret, behind_ret_end);
	set_entry(0);
	CHECK_STR(found(), "none");
	CHECK_FUNCTION(behind_ret, "none");
	/* What looks like a jump counts, wherever it stands. */
	make_elf(after_cmp, after_cmp_end);
	add_function(0, 0, 11);
	CHECK_STR(found(), "after 2 6");
	make_elf(jumped_at, jumped_at_end);
	add_function(0, 0, 11);
	CHECK_STR(found(), "none");
}

static void test_relocated_pointer(void)
{
	Elf64_Rela relocation = {.r_offset = DATA + 0x100,
		.r_info = ELF64_R_INFO(0, R_X86_64_RELATIVE),
		.r_addend = CODE};

	make_elf(after_cmp, after_cmp_end);
	memcpy(elf + DATA, &relocation, sizeof(relocation));
	CHECK_STR(found(), "none");
	add_section(1, ".rela.dyn", SHT_RELA, DATA, sizeof(relocation));
	CHECK_STR(found(), "after 2 6");
}

/* One common entry ("zLR" or "zR") and one record, for 13 bytes of code. */
static void add_unwind_table(bool pads)
{
	static const uint8_t with_pads[] = {0x14, 0, 0, 0, 0, 0, 0, 0, 1, 'z', 'L', 'R', 0, 1, 0x78,
		16, 2, 0x1b, 0x1b, 0, 0, 0, 0, 0,                      /* */
		0x14, 0, 0, 0, 0x1c, 0, 0, 0, 0, 0, 0, 0, 13, 0, 0, 0, /* start at +32 */
		4, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
	static const uint8_t without_pads[] = {0x14, 0, 0, 0, 0, 0, 0, 0, 1, 'z', 'R', 0, 1, 0x78,
		16, 1, 0x1b, 0, 0, 0, 0, 0, 0, 0,                      /* */
		0x10, 0, 0, 0, 0x1c, 0, 0, 0, 0, 0, 0, 0, 13, 0, 0, 0, /* start at +32 */
		0, 0, 0, 0, 0, 0, 0, 0};
	static const int32_t start = CODE - (DATA + 32);

	memcpy(elf + DATA, pads ? with_pads : without_pads,
		pads ? sizeof(with_pads) : sizeof(without_pads));
	memcpy(elf + DATA + 32, &start, sizeof(start));
}

static void test_unwind_table(void)
{
	make_elf(after_cmp, after_cmp_end);
	add_unwind_table(false);
	CHECK_STR(found(), "none");
	add_section(1, ".eh_frame", SHT_PROGBITS, DATA, 0x1000);
	CHECK_STR(found(), "after 2 6");
	add_unwind_table(true);
	CHECK_STR(found(), "none");
	make_elf(plain_mov, plain_mov_end);
	add_unwind_table(true);
	add_section(1, ".eh_frame", SHT_PROGBITS, DATA, 0x1000);
	CHECK_STR(found(), "mov 0");
}

static void test_unwind_index(void)
{
	static const uint8_t index[] = {1, 0x1b, 0x03, 0x3b, 0xfc, 0xfe, 0xff, 0xff};
	Elf64_Ehdr *header = (Elf64_Ehdr *)(void *)elf;
	Elf64_Phdr program_header = {.p_type = PT_GNU_EH_FRAME, .p_vaddr = DATA + 0x100};

	make_elf(after_cmp, after_cmp_end);
	add_unwind_table(false);
	memcpy(elf + DATA + 0x100, index, sizeof(index));
	memcpy(elf + sizeof(*header) + 2 * sizeof(program_header), &program_header,
		sizeof(program_header));
	header->e_phnum = 3;
	CHECK_STR(found(), "after 2 6");
}

static void test_go_table(void)
{
	static const uint64_t header[] = {0x08010000fffffff1, 1, 0, CODE, 0, 0, 0, 0, 72};
	static const uint32_t functions[] = {0, 0, 13, 0};

	make_elf(after_cmp, after_cmp_end);
	memcpy(elf + DATA, header, sizeof(header));
	memcpy(elf + DATA + sizeof(header), functions, sizeof(functions));
	add_section(1, ".gopclntab", SHT_PROGBITS, DATA, 0x1000);
	CHECK_STR(found(), "after 2 6");
	elf[DATA] = 0xfb;
	CHECK_STR(found(), "none");
}

static void test_other_files(void)
{
	Elf64_Ehdr *header = (Elf64_Ehdr *)(void *)elf;
	struct site *sites;
	uint32_t count = 1;

	CHECK_EQ(image_sites_find((const uint8_t *)"#!/bin/sh\n", 10, &sites, &count), 0);
	CHECK_EQ(count, 0);
	CHECK_EQ(image_sites_find(NULL, 0, &sites, &count), 0);
	make_function(plain_mov, plain_mov_end);
	header->e_machine = EM_AARCH64;
	CHECK_STR(found(), "none");
	make_function(plain_mov, plain_mov_end);
	header->e_ident[EI_CLASS] = ELFCLASS32;
	CHECK_STR(found(), "none");
	make_function(plain_mov, plain_mov_end);
	header->e_phoff = UINT64_MAX - 8;
	CHECK_STR(found(), "none");
	make_function(plain_mov, plain_mov_end);
	add_segment(0, PF_R, CODE);
	CHECK_STR(found(), "none");
	make_elf(unknown_mov, unknown_mov_end);
	add_segment(1, PF_R | PF_X, CODE); /* twice the same */
	CHECK_STR(found(), "mov 1");
}

/* Nothing read from the file may lead outside it: for the sanitizers to see. */
static void test_damage(void)
{
	unsigned int failed = 0;

	for (size_t i = 0; i < 0x600; i++) {
		size_t at = i < 0x100 ? i : i < 0x200 ? DATA + i - 0x100 : SECTIONS + i - 0x200;

		make_elf(after_cmp, after_cmp_end);
		add_function(0, 0, 13);
		add_unwind_table(i % 2);
		add_section(2, ".eh_frame", SHT_PROGBITS, DATA, 0x1000);
		elf[at] = (uint8_t)(elf[at] ^ (i % 3 ? 0xff : 0x80));
		failed += strcmp(found(), "error") == 0;
	}
	CHECK_EQ(failed, 0);
}

static void test_truncation(void)
{
	unsigned int failed = 0;

	make_function(after_cmp, after_cmp_end);
	for (size_t size = 0; size < sizeof(elf); size += size < 0x100 ? 1 : 61) {
		uint8_t *copy = malloc(size + 1);
		struct site *sites = NULL;
		uint32_t count;

		if (!copy)
			abort();
		memcpy(copy + 1, elf, size);
		failed += image_sites_find(copy + 1, size, &sites, &count) < 0;
		free(sites);
		free(copy);
	}
	CHECK_EQ(failed, 0);
}

int main(void)
{
	test_kinds();
	test_refusals();
	test_several();
	test_function_end();
	test_tables();
	test_fixed_address();
	test_unknown_code();
	test_doubt();
	test_relocated_pointer();
	test_unwind_table();
	test_unwind_index();
	test_go_table();
	test_other_files();
	test_damage();
	test_truncation();
	return test_done();
}
