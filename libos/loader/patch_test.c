#include "libos/loader/patch.h"

#include <asm/prctl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/test.h"

#define FILE_OFFSET 0x3000

/* Functions with one site of each kind, and code that must stay as it is. They are copied, so
 * they may name nothing outside. */
__asm__(".pushsection .text\n"
	".globl code_begin, code_mov, code_after, code_before, code_restorer, code_end\n"
	"code_begin: nop\n"
	"code_mov: mov $0x123,%eax\n"
	"mov_syscall: syscall\n"
	"  ret\n"
	"  int3\n"
	"code_after: mov %rdi,%rax\n"
	"after_syscall: syscall\n"
	"  cmp $-4096,%rax\n"
	"after_end: ja 1f\n"
	"  ret\n"
	"1: or $-1,%rax\n"
	"  ret\n"
	"code_before: mov %rdi,%rax\n"
	"before_site: lea 1(%rsi),%rsi\n"
	"  inc %rdx\n"
	"before_syscall: syscall\n"
	"  jmp 1f\n"
	"  int3\n"
	"1: ret\n"
	"code_restorer: mov $15,%eax\n"
	"  syscall\n"
	"code_long: mov $15,%rax\n"
	"long_syscall: syscall\n"
	"  nopl 0(%rax)\n"
	"code_jump: mov $39,%eax\n" /* getpid, by the untouched instruction */
	"  jmp jump_syscall\n"
	"jump_mov: mov $0x124,%eax\n"
	"jump_syscall: syscall\n"
	"  ret\n"
	"code_end:\n"
	".popsection\n");
extern const uint8_t code_begin[], code_mov[], mov_syscall[], code_after[], after_syscall[],
	after_end[], code_before[], before_site[], before_syscall[], code_restorer[], code_long[],
	long_syscall[], code_jump[], jump_mov[], jump_syscall[], code_end[];

/* What patched code finds at the entry: notes where it came from, answers as a LibOS would, and
 * spoils what a system call may spoil. */
extern const uint8_t test_entry[];
uint64_t entry_rax, entry_rcx, entry_rsi, entry_rdx, entry_result;
__asm__(".pushsection .text\n"
	".globl test_entry\n"
	"test_entry: mov %rax,entry_rax(%rip)\n"
	"  mov %rcx,entry_rcx(%rip)\n"
	"  mov %rsi,entry_rsi(%rip)\n"
	"  mov %rdx,entry_rdx(%rip)\n"
	"  mov entry_result(%rip),%rax\n"
	"  mov $0x246,%r11d\n"
	"  jmp *%rcx\n"
	".popsection\n");

enum { RAX, RBX, RCX, RDX, RSI, RDI, RBP, R8, R9, R10, R11, R12, R13, R14, R15, REGISTERS };

/* Calls @function with the registers loaded from @registers, and stores them there again. */
void call_with_registers(const void *function, uint64_t registers[REGISTERS]);
__asm__(".pushsection .text\n"
	".globl call_with_registers\n"
	"call_with_registers:\n"
	"  push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
	"  push %rsi; push %rdi\n"
	"  mov %rsi,%rax\n"
	"  mov 8(%rax),%rbx; mov 16(%rax),%rcx; mov 24(%rax),%rdx; mov 32(%rax),%rsi\n"
	"  mov 40(%rax),%rdi; mov 48(%rax),%rbp; mov 56(%rax),%r8; mov 64(%rax),%r9\n"
	"  mov 72(%rax),%r10; mov 80(%rax),%r11; mov 88(%rax),%r12; mov 96(%rax),%r13\n"
	"  mov 104(%rax),%r14; mov 112(%rax),%r15; mov (%rax),%rax\n"
	"  call *(%rsp)\n"
	"  push %rax\n"
	"  mov 16(%rsp),%rax\n"
	"  mov %rbx,8(%rax); mov %rcx,16(%rax); mov %rdx,24(%rax); mov %rsi,32(%rax)\n"
	"  mov %rdi,40(%rax); mov %rbp,48(%rax); mov %r8,56(%rax); mov %r9,64(%rax)\n"
	"  mov %r10,72(%rax); mov %r11,80(%rax); mov %r12,88(%rax); mov %r13,96(%rax)\n"
	"  mov %r14,104(%rax); mov %r15,112(%rax)\n"
	"  pop (%rax)\n"
	"  pop %rdi; pop %rsi\n"
	"  pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
	"  ret\n"
	".popsection\n");

static uint32_t offset_of(const uint8_t *label)
{
	return FILE_OFFSET + (uint32_t)(label - code_begin);
}

enum { MOV, AFTER, BEFORE, RESTORER, LONG, JUMP, SITES };

static struct site sites[SITES];
static struct patch_target target;
static struct patch_view view;
static uint8_t *pages;

#define AREA_PAGE 3

static void describe_sites(void)
{
	sites[MOV] = (struct site){offset_of(code_mov), SITE_MOV, 0, 0};
	sites[AFTER] = (struct site){offset_of(after_syscall), SITE_AFTER, 6, 0};
	sites[BEFORE] = (struct site){offset_of(before_site), SITE_BEFORE, 7, 0};
	sites[RESTORER] = (struct site){offset_of(code_restorer), SITE_MOV, 0, 0};
	sites[LONG] = (struct site){offset_of(long_syscall), SITE_AFTER, 4, 0};
	sites[JUMP] = (struct site){offset_of(jump_mov), SITE_MOV, 0, 0};
}

static void set_up(void)
{
	pages = mmap(
		NULL, 4 * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED)
		abort();
	memcpy(pages, code_begin, (size_t)(code_end - code_begin));
	describe_sites();
	target = (struct patch_target){
		.text = pages,
		.size = (size_t)(code_end - code_begin),
		.file_offset = FILE_OFFSET,
		.area = pages + AREA_PAGE * PAGE_SIZE,
		.area_size = PAGE_SIZE,
		.area_distance = AREA_PAGE * PAGE_SIZE,
		.sites = sites,
		.count = SITES,
	};
	view = (struct patch_view){
		.text = (uint64_t)pages,
		.file_offset = FILE_OFFSET,
		.area = (uint64_t)target.area,
		.sites = sites,
		.count = SITES,
	};
}

static const uint8_t *copy_of(const uint8_t *label)
{
	return pages + (label - code_begin);
}

static uint64_t address_of(const uint8_t *label)
{
	return (uint64_t)copy_of(label);
}

static uint64_t slot(unsigned int site)
{
	return view.area + site * PATCH_SLOT_SIZE;
}

static void test_apply(void)
{
	CHECK_EQ(patch_area_size(SITES), SITES * PATCH_SLOT_SIZE);
	CHECK_EQ(patch_apply(&target), 4);
	CHECK_EQ(sites[MOV].kind, SITE_MOV);
	CHECK_EQ(sites[RESTORER].kind, PATCH_SITE_REFUSED);
	CHECK_EQ(sites[LONG].kind, PATCH_SITE_REFUSED);
	CHECK_EQ(*copy_of(code_mov), 0xe9);
	CHECK(memcmp(copy_of(mov_syscall), "\x0f\x05\xc3", 3) == 0);
	CHECK(memcmp(copy_of(after_syscall) + 5, "\xcc\xcc\xcc", 3) == 0);
	CHECK_EQ(*copy_of(after_end), 0x77);
	CHECK(memcmp(copy_of(before_site) + 5, "\xcc\xcc\xcc\xcc\xeb", 5) == 0);
	CHECK(memcmp(copy_of(code_restorer), code_restorer, (size_t)(code_jump - code_restorer)) ==
		0);
	CHECK_EQ(target.area[RESTORER * PATCH_SLOT_SIZE], 0xcc);
	CHECK(memcmp(target.area + RESTORER * PATCH_SLOT_SIZE,
		      target.area + RESTORER * PATCH_SLOT_SIZE + 1, PATCH_SLOT_SIZE - 1) == 0);
}

static void fill_registers(uint64_t registers[REGISTERS])
{
	for (unsigned int i = 0; i < REGISTERS; i++)
		registers[i] = 0x1111111111111111u * (i + 1);
}

static bool registers_are_kept(const uint64_t registers[REGISTERS], unsigned int changed)
{
	uint64_t expected[REGISTERS];

	fill_registers(expected);
	for (unsigned int i = 0; i < REGISTERS; i++)
		if (!(changed & (1u << i)) && registers[i] != expected[i])
			return false;
	return true;
}

#define SPOILT (1u << RAX | 1u << RCX | 1u << R11)

static void test_run_mov(void)
{
	uint64_t registers[REGISTERS];

	fill_registers(registers);
	entry_result = 4711;
	call_with_registers(copy_of(code_mov), registers);
	CHECK_EQ(entry_rax, 0x123);
	CHECK_EQ(entry_rcx, address_of(mov_syscall) + 2);
	CHECK_EQ(registers[RAX], 4711);
	CHECK(registers_are_kept(registers, SPOILT));
}

static void test_run_after(void)
{
	uint64_t registers[REGISTERS];

	fill_registers(registers);
	registers[RDI] = 77;
	entry_result = 12;
	call_with_registers(copy_of(code_after), registers);
	CHECK_EQ(entry_rax, 77);
	CHECK_EQ(entry_rcx, slot(AFTER) + 15);
	CHECK_EQ(registers[RAX], 12);
	CHECK(registers_are_kept(registers, SPOILT | 1u << RDI));

	entry_result = (uint64_t)-22;
	call_with_registers(copy_of(code_after), registers);
	CHECK_EQ(registers[RAX], -1);
}

static void test_run_before(void)
{
	uint64_t registers[REGISTERS];

	fill_registers(registers);
	registers[RDI] = 78;
	registers[RSI] = 100;
	registers[RDX] = 200;
	entry_result = 13;
	call_with_registers(copy_of(code_before), registers);
	CHECK_EQ(entry_rax, 78);
	CHECK_EQ(entry_rcx, address_of(before_syscall) + 2);
	CHECK_EQ(entry_rsi, 101);
	CHECK_EQ(entry_rdx, 201);
	CHECK_EQ(registers[RAX], 13);
	CHECK(registers_are_kept(registers, SPOILT | 1u << RDI | 1u << RSI | 1u << RDX));
}

static void test_run_jump_to_syscall(void)
{
	uint64_t registers[REGISTERS];

	fill_registers(registers);
	call_with_registers(copy_of(code_jump), registers);
	CHECK_EQ(registers[RAX], getpid());
}

static void test_run(void)
{
	static struct {
		uint64_t other;
		const void *entry;
	} block = {0, test_entry};
	unsigned long before = 0;

	_Static_assert(offsetof(__typeof__(block), entry) == PATCH_ENTRY_GS_OFFSET, "ABI");
	CHECK_EQ(mprotect(pages, 4 * PAGE_SIZE, PROT_READ | PROT_EXEC), 0);
	CHECK_EQ(syscall(SYS_arch_prctl, ARCH_GET_GS, &before), 0);
	CHECK_EQ(syscall(SYS_arch_prctl, ARCH_SET_GS, &block), 0);
	test_run_mov();
	test_run_after();
	test_run_before();
	test_run_jump_to_syscall();
	CHECK_EQ(syscall(SYS_arch_prctl, ARCH_SET_GS, before), 0);
}

static void test_to_native(void)
{
	uint64_t syscall = address_of(mov_syscall);

	CHECK_EQ(patch_pc_to_native(&view, slot(MOV)), address_of(code_mov));
	CHECK_EQ(patch_pc_to_native(&view, slot(MOV) + 5), syscall);
	CHECK_EQ(patch_pc_to_native(&view, slot(MOV) + 12), syscall);
	CHECK_EQ(patch_pc_to_native(&view, slot(MOV) + 20), slot(MOV) + 20);

	syscall = address_of(after_syscall);
	CHECK_EQ(patch_pc_to_native(&view, slot(AFTER)), syscall);
	CHECK_EQ(patch_pc_to_native(&view, slot(AFTER) + 7), syscall);
	CHECK_EQ(patch_pc_to_native(&view, slot(AFTER) + 15), syscall + 2);
	CHECK_EQ(patch_pc_to_native(&view, slot(AFTER) + 21), address_of(after_end));
	CHECK_EQ(patch_pc_to_native(&view, slot(AFTER) + 23), address_of(after_end));
	CHECK_EQ(patch_pc_to_native(&view, slot(AFTER) + 26), slot(AFTER) + 26);

	syscall = address_of(before_syscall);
	CHECK_EQ(patch_pc_to_native(&view, slot(BEFORE)), address_of(before_site));
	CHECK_EQ(patch_pc_to_native(&view, slot(BEFORE) + 4), address_of(before_site) + 4);
	CHECK_EQ(patch_pc_to_native(&view, slot(BEFORE) + 7), syscall);
	CHECK_EQ(patch_pc_to_native(&view, slot(BEFORE) + 14), syscall);

	CHECK_EQ(patch_pc_to_native(&view, slot(RESTORER)), slot(RESTORER));
	CHECK_EQ(patch_pc_to_native(&view, slot(SITES)), slot(SITES));
	CHECK_EQ(patch_pc_to_native(&view, view.area - 1), view.area - 1);
	CHECK_EQ(patch_pc_to_native(&view, 0), 0);
	CHECK_EQ(patch_pc_to_native(&view, UINT64_MAX), UINT64_MAX);
}

static void test_from_native(void)
{
	uint64_t syscall = address_of(after_syscall);

	CHECK_EQ(patch_pc_from_native(&view, address_of(code_mov)), address_of(code_mov));
	CHECK_EQ(patch_pc_from_native(&view, address_of(mov_syscall)), slot(MOV) + 5);
	CHECK_EQ(patch_pc_from_native(&view, address_of(mov_syscall) + 2),
		address_of(mov_syscall) + 2);
	CHECK_EQ(patch_pc_from_native(&view, syscall), syscall);
	CHECK_EQ(patch_pc_from_native(&view, syscall + 2), slot(AFTER) + 15);
	CHECK_EQ(patch_pc_from_native(&view, address_of(after_end)), address_of(after_end));
	CHECK_EQ(patch_pc_from_native(&view, address_of(before_site)), address_of(before_site));
	CHECK_EQ(patch_pc_from_native(&view, address_of(before_site) + 4), slot(BEFORE) + 4);
	CHECK_EQ(patch_pc_from_native(&view, address_of(before_syscall)), slot(BEFORE) + 7);
	CHECK_EQ(patch_pc_from_native(&view, address_of(before_syscall) + 2),
		address_of(before_syscall) + 2);
	CHECK_EQ(patch_pc_from_native(&view, address_of(code_restorer) + 5),
		address_of(code_restorer) + 5);
	CHECK_EQ(patch_pc_from_native(&view, 0), 0);
	CHECK_EQ(patch_pc_from_native(&view, UINT64_MAX), UINT64_MAX);
}

/* Whatever a program is told and gives back, it goes on at the same place. */
static void test_round_trip(void)
{
	bool same = true;

	for (uint64_t pc = view.area; pc < slot(SITES); pc++) {
		uint64_t native = patch_pc_to_native(&view, pc);
		uint64_t back = patch_pc_from_native(&view, native);

		same = same && patch_pc_to_native(&view, back) == native;
	}
	CHECK(same);
}

static void test_syscall_return(void)
{
	unsigned int returns = 0;

	CHECK(patch_is_syscall_return(&view, address_of(mov_syscall) + 2));
	CHECK(patch_is_syscall_return(&view, slot(AFTER) + 15));
	CHECK(patch_is_syscall_return(&view, address_of(after_syscall) + 2));
	CHECK(patch_is_syscall_return(&view, address_of(before_syscall) + 2));
	for (uint64_t pc = view.text; pc < view.text + 4 * PAGE_SIZE; pc++)
		returns += patch_is_syscall_return(&view, pc);
	CHECK_EQ(returns, 5); /* four sites, one of them in both forms */
}

/* One site over "nop; mov $1,%eax; syscall; cmp; nop..."; at 0x1010 "mov $1,%ebx; syscall". */
static uint32_t apply_one(struct site site, int64_t distance, size_t area_size)
{
	static const uint8_t code[48] = {0x90, 0xb8, 1, 0, 0, 0, 0x0f, 0x05, 0x48, 0x3d, 0, 0xf0,
		0xff, 0xff, 0x90, 0x90, 0xbb, 1, 0, 0, 0, 0x0f, 0x05};
	uint8_t text[sizeof(code)], area[PATCH_SLOT_SIZE];
	struct patch_target one = {.text = text,
		.size = sizeof(text),
		.file_offset = 0x1000,
		.area = area,
		.area_size = area_size,
		.area_distance = distance,
		.sites = &site,
		.count = 1};
	uint32_t patched;

	memcpy(text, code, sizeof(code));
	patched = patch_apply(&one);
	if (patched == 0)
		CHECK(memcmp(text, code, sizeof(code)) == 0 && site.kind == PATCH_SITE_REFUSED);
	return patched;
}

static void test_refusals(void)
{
	const size_t area = PATCH_SLOT_SIZE;

	CHECK_EQ(apply_one((struct site){0x1001, SITE_MOV, 0, 0}, 0x10000, area), 1);
	CHECK_EQ(apply_one((struct site){0x1006, SITE_AFTER, 6, 0}, -0x10000, area), 1);
	CHECK_EQ(apply_one((struct site){0x1001, SITE_BEFORE, 5, 0}, 0x10000, area), 1);

	CHECK_EQ(apply_one((struct site){0x1000, SITE_MOV, 0, 0}, 0x10000, area), 0);
	CHECK_EQ(apply_one((struct site){0x0001, SITE_MOV, 0, 0}, 0x10000, area), 0);
	CHECK_EQ(apply_one((struct site){0x100a, SITE_MOV, 0, 0}, 0x10000, area), 0);
	CHECK_EQ(apply_one((struct site){UINT32_MAX, SITE_MOV, 0, 0}, 0x10000, area), 0);
	CHECK_EQ(apply_one((struct site){0x1001, 0, 0, 0}, 0x10000, area), 0);
	CHECK_EQ(apply_one((struct site){0x1001, 4, 0, 0}, 0x10000, area), 0);
	CHECK_EQ(apply_one((struct site){0x1006, SITE_AFTER, 2, 0}, 0x10000, area), 0);
	CHECK_EQ(apply_one((struct site){0x1010, SITE_MOV, 0, 0}, 0x10000, area), 0);
	CHECK_EQ(apply_one((struct site){0x1015, SITE_AFTER, 16, 0}, 0x10000, area), 1);
	CHECK_EQ(apply_one((struct site){0x102e, SITE_AFTER, 3, 0}, 0x10000, area), 0);
	CHECK_EQ(apply_one((struct site){0x1006, SITE_AFTER, 17, 0}, 0x10000, area), 0);
	CHECK_EQ(apply_one((struct site){0x1002, SITE_BEFORE, 3, 0}, 0x10000, area), 0);
	CHECK_EQ(apply_one((struct site){0x1001, SITE_MOV, 0, 0}, 0x10000, area - 1), 0);
	CHECK_EQ(apply_one((struct site){0x1001, SITE_MOV, 0, 0}, 1LL << 31, area), 0);
	CHECK_EQ(apply_one((struct site){0x1001, SITE_MOV, 0, 0}, -(1LL << 31), area), 0);
	CHECK_EQ(apply_one((struct site){0x1001, SITE_MOV, 0, 0}, INT64_MIN, area), 0);
}

static void test_overlap(void)
{
	uint8_t text[] = {0xb8, 1, 0, 0, 0, 0x0f, 0x05, 0x48, 0x3d, 0, 0xf0, 0xff, 0xff};
	uint8_t area[3 * PATCH_SLOT_SIZE];
	struct site list[] = {{0, SITE_MOV, 0, 0}, {5, SITE_AFTER, 6, 0}, {0, SITE_BEFORE, 5, 0}};
	struct patch_target two = {.text = text,
		.size = sizeof(text),
		.area = area,
		.area_size = sizeof(area),
		.area_distance = 0x1000,
		.sites = list,
		.count = 3};

	CHECK_EQ(patch_apply(&two), 1);
	CHECK_EQ(list[1].kind, PATCH_SITE_REFUSED);
	CHECK_EQ(list[2].kind, PATCH_SITE_REFUSED);
	CHECK_EQ(list[2].offset, 5);
	CHECK_EQ(text[5], 0x0f);
}

/* A list out of order is put in order, or the search in it would go astray. */
static void test_disorder(void)
{
	uint8_t text[] = {0xb8, 1, 0, 0, 0, 0x0f, 0x05};
	uint8_t area[2 * PATCH_SLOT_SIZE];
	struct site list[] = {{100, SITE_MOV, 0, 0}, {0, SITE_MOV, 0, 0}};
	struct patch_target two = {.text = text,
		.size = sizeof(text),
		.area = area,
		.area_size = sizeof(area),
		.area_distance = 0x1000,
		.sites = list,
		.count = 2};

	CHECK_EQ(patch_apply(&two), 0);
	CHECK_EQ(list[1].offset, 100);
	CHECK_EQ(text[0], 0xb8);
}

static void test_scan(void)
{
	static const uint8_t text[] = {
		0x90, 0xb8, 1, 1, 0, 0, 0x0f, 0x05,  /* found, at 1 */
		0x90, 0xb8, 15, 0, 0, 0, 0x0f, 0x05, /* rt_sigreturn */
		0x41, 0xb8, 1, 0, 0, 0, 0x0f, 0x05,  /* mov $1,%r8d */
		0x66, 0xb8, 1, 0, 0, 0, 0x0f, 0x05,  /* mov $1,%ax; ... */
		0x90, 0xb8, 1, 2, 0, 0, 0x0f, 0x05,  /* no such number */
		0x90, 0xb8, 0, 0, 0, 0, 0x0f, 0x05,  /* found, at 41 */
		0x90, 0xb8, 1, 0, 0, 0, 0x0f,        /* cut off */
	};
	struct site found[4];

	CHECK_EQ(patch_scan_mov(text, sizeof(text), 0x2000, found, 4), 2);
	CHECK_EQ(found[0].offset, 0x2001);
	CHECK_EQ(found[0].kind, SITE_MOV);
	CHECK_EQ(found[1].offset, 0x2029);
	CHECK_EQ(patch_scan_mov(text, sizeof(text), 0, found, 1), 1);
	CHECK_EQ(patch_scan_mov(text, sizeof(text), 1ULL << 32, found, 4), 0);
	CHECK_EQ(patch_scan_mov(text, 0, 0, found, 4), 0);
}

int main(void)
{
	set_up();
	test_apply();
	test_run();
	test_to_native();
	test_from_native();
	test_round_trip();
	test_syscall_return();
	test_refusals();
	test_overlap();
	test_disorder();
	test_scan();
	return test_done();
}
