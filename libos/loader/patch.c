#include "libos/loader/patch.h"

#include "base/checked.h"
#include "base/memory.h"

#define SYSCALL_SIZE 2
#define JUMP_SIZE 5
#define MOV_SIZE 5
#define DISPLACED_MIN 3
#define DISPLACED_MAX 16
#define SITE_SIZE_MAX (SYSCALL_SIZE + DISPLACED_MAX)
#define ENTER_SIZE 15 /* lea rel32(%rip),%rcx; jmp *%gs:ENTRY */
#define INT3 0xcc
#define NR_RT_SIGRETURN 15

_Static_assert(ENTER_SIZE + DISPLACED_MAX + JUMP_SIZE <= PATCH_SLOT_SIZE, "a slot fits");

/* A site's parts: bytes moved from before its `syscall`, and from after it. A mov is moved too,
 * only its `syscall` stays. */
static uint32_t moved_before(const struct site *site)
{
	if (site->kind == SITE_MOV)
		return MOV_SIZE;
	return site->kind == SITE_BEFORE ? site->displaced : 0;
}

static uint32_t moved_after(const struct site *site)
{
	return site->kind == SITE_AFTER ? site->displaced : 0;
}

/* All bytes of a site, from its offset on. */
static uint32_t site_size(const struct site *site)
{
	return moved_before(site) + SYSCALL_SIZE + moved_after(site);
}

/* The bytes that a patch overwrites. */
static uint32_t window_size(const struct site *site)
{
	return site->kind == SITE_MOV ? MOV_SIZE : site_size(site);
}

size_t patch_area_size(uint32_t count)
{
	return (size_t)count * PATCH_SLOT_SIZE;
}

#define RESTORER_SIZE_MAX 7

/* Unwinders and debuggers know a signal frame by the bytes of the restorer's code. */
static bool is_restorer(const uint8_t *text, size_t syscall)
{
	static const uint8_t mov_rax[] = {0x48, 0xc7, 0xc0, NR_RT_SIGRETURN, 0, 0, 0};
	static const uint8_t mov_eax[] = {0xb8, NR_RT_SIGRETURN, 0, 0, 0};

	_Static_assert(sizeof(mov_rax) == RESTORER_SIZE_MAX, "what is looked at before a site");

	return (syscall >= sizeof(mov_rax) &&
		       !memcmp(text + syscall - sizeof(mov_rax), mov_rax, sizeof(mov_rax))) ||
	       (syscall >= sizeof(mov_eax) &&
		       !memcmp(text + syscall - sizeof(mov_eax), mov_eax, sizeof(mov_eax)));
}

static bool kind_is_valid(const struct site *site)
{
	switch (site->kind) {
	case SITE_MOV:
		return true;
	case SITE_AFTER:
	case SITE_BEFORE:
		return site->displaced >= DISPLACED_MIN && site->displaced <= DISPLACED_MAX;
	default:
		return false;
	}
}

/* No byte of text before @from or from @end on may be touched. */
static bool site_is_valid(
	const struct patch_target *target, const struct site *site, size_t from, size_t end)
{
	size_t at, syscall;

	if (!kind_is_valid(site) || site->offset < target->file_offset)
		return false;
	at = site->offset - target->file_offset;
	if (at < from || !range_fits(at, site_size(site), end))
		return false;
	syscall = at + moved_before(site);
	return target->text[syscall] == 0x0f && target->text[syscall + 1] == 0x05 &&
	       (site->kind != SITE_MOV || target->text[at] == 0xb8) &&
	       !is_restorer(target->text, syscall);
}

/* Code being written; @address counts from the first byte of text. */
struct writer {
	uint8_t *at;
	int64_t address;
};

static void write_bytes(struct writer *writer, const void *bytes, size_t size)
{
	memcpy(writer->at, bytes, size);
	writer->at += size;
	writer->address += (int64_t)size;
}

/* An opcode and the distance from its end to @to, which is known to fit. */
static void write_relative(
	struct writer *writer, const void *opcode, size_t opcode_size, int64_t to)
{
	int32_t distance;

	write_bytes(writer, opcode, opcode_size);
	distance = (int32_t)(to - (writer->address + (int64_t)sizeof(distance)));
	write_bytes(writer, &distance, sizeof(distance));
}

static void write_jump(struct writer *writer, int64_t to)
{
	write_relative(writer, "\xe9", 1, to);
}

static void write_enter(struct writer *writer, int64_t resume)
{
	static const uint8_t jump_to_entry[] = {
		0x65, 0xff, 0x24, 0x25, PATCH_ENTRY_GS_OFFSET, 0, 0, 0};

	write_relative(writer, "\x48\x8d\x0d", 3, resume);
	write_bytes(writer, jump_to_entry, sizeof(jump_to_entry));
}

static void write_slot(
	const struct patch_target *target, const struct site *site, size_t at, uint32_t index)
{
	size_t before = moved_before(site), after = moved_after(site);
	size_t slot = (size_t)index * PATCH_SLOT_SIZE;
	size_t resume = at + before + SYSCALL_SIZE;
	struct writer writer = {target->area + slot, target->area_distance + (int64_t)slot};

	write_bytes(&writer, target->text + at, before);
	if (after == 0) {
		write_enter(&writer, (int64_t)resume);
		return;
	}
	write_enter(&writer, writer.address + ENTER_SIZE);
	write_bytes(&writer, target->text + resume, after);
	write_jump(&writer, (int64_t)(resume + after));
}

static void write_window(
	const struct patch_target *target, const struct site *site, size_t at, uint32_t index)
{
	struct writer writer = {target->text + at, (int64_t)at};

	memset(target->text + at, INT3, window_size(site));
	write_jump(&writer, target->area_distance + (int64_t)index * PATCH_SLOT_SIZE);
}

/* Does every 32-bit distance between text and area fit? */
static bool area_is_near(const struct patch_target *target)
{
	uint64_t far = target->area_distance < 0 ? 0 - (uint64_t)target->area_distance
						 : (uint64_t)target->area_distance;

	return target->size < INT32_MAX && target->area_size < INT32_MAX && far < INT32_MAX &&
	       far + target->size + target->area_size < INT32_MAX;
}

/* Offsets stay in order whatever the list was, so that it can be searched. */
static void refuse(struct site *site, uint32_t offset_min)
{
	site->kind = PATCH_SITE_REFUSED;
	site->offset = MAX(site->offset, offset_min);
}

static bool site_fits(const struct patch_target *target, const struct site *site)
{
	return kind_is_valid(site) && site->offset >= target->file_offset &&
	       range_fits(site->offset - target->file_offset, site_size(site), target->size);
}

void patch_prepare(const struct patch_target *target)
{
	bool possible = target->area_size >= patch_area_size(target->count) && area_is_near(target);
	uint32_t offset_min = 0;

	memset(target->area, INT3, target->area_size);
	for (uint32_t i = 0; i < target->count; i++) {
		struct site *site = &target->sites[i];

		if (!possible || site->offset < offset_min || !site_fits(target, site))
			refuse(site, offset_min);
		offset_min = site->offset;
	}
}

/* The first site that lies at @at of the text or later. */
static uint32_t first_site(const struct patch_target *target, size_t at)
{
	uint32_t low = 0, high = target->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (target->sites[middle].offset < target->file_offset + at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool patch_is_cut(const struct patch_target *target, size_t at)
{
	for (uint32_t i = first_site(target, at + RESTORER_SIZE_MAX); i-- > 0;) {
		const struct site *site = &target->sites[i];
		uint64_t end = site->offset + (uint64_t)SITE_SIZE_MAX;

		if (end <= target->file_offset + at)
			break;
		if (site->kind != PATCH_SITE_REFUSED)
			return true;
	}
	return false;
}

uint32_t patch_range(const struct patch_target *target, size_t start, size_t end)
{
	uint32_t patched = 0;
	size_t from = start;

	for (uint32_t i = first_site(target, start); i < target->count; i++) {
		struct site *site = &target->sites[i];
		size_t at = site->offset - target->file_offset;

		if (site->offset >= target->file_offset + end)
			break;
		if (site->kind == PATCH_SITE_REFUSED)
			continue;
		if (!site_is_valid(target, site, from, end)) {
			site->kind = PATCH_SITE_REFUSED;
			continue;
		}
		write_slot(target, site, at, i);
		write_window(target, site, at, i);
		from = at + site_size(site);
		patched++;
	}
	return patched;
}

uint32_t patch_apply(const struct patch_target *target)
{
	patch_prepare(target);
	return patch_range(target, 0, target->size);
}

static uint64_t site_address(const struct patch_view *view, const struct site *site)
{
	return view->text + (site->offset - view->file_offset);
}

/* The patched site that holds @pc, an address in text; NULL if none does. */
static const struct site *find_site(const struct patch_view *view, uint64_t pc)
{
	uint64_t offset = pc - view->text + view->file_offset;
	uint32_t low = 0, high = view->count;

	if (pc < view->text)
		return NULL;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (view->sites[middle].offset <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	while (low > 0 && view->sites[low - 1].kind == PATCH_SITE_REFUSED)
		low--;
	if (low == 0 || offset - view->sites[low - 1].offset >= site_size(&view->sites[low - 1]))
		return NULL;
	return &view->sites[low - 1];
}

static uint64_t slot_address(const struct patch_view *view, const struct site *site)
{
	return view->area + (uint64_t)(site - view->sites) * PATCH_SLOT_SIZE;
}

uint64_t patch_pc_to_native(const struct patch_view *view, uint64_t pc)
{
	uint64_t index = (pc - view->area) / PATCH_SLOT_SIZE;
	uint64_t at = (pc - view->area) % PATCH_SLOT_SIZE;
	uint64_t before, after, syscall;
	const struct site *site;

	if (pc < view->area || index >= view->count)
		return pc;
	site = &view->sites[index];
	if (site->kind == PATCH_SITE_REFUSED)
		return pc;
	before = moved_before(site);
	after = moved_after(site);
	syscall = site_address(view, site) + before;
	if (at < before)
		return syscall - before + at;
	if (at < before + ENTER_SIZE)
		return syscall;
	at -= before + ENTER_SIZE;
	if (after > 0 && at < after + JUMP_SIZE)
		return syscall + SYSCALL_SIZE + MIN(at, after);
	return pc;
}

uint64_t patch_pc_from_native(const struct patch_view *view, uint64_t pc)
{
	const struct site *site = find_site(view, pc);
	uint64_t at, before, after;

	if (!site)
		return pc;
	at = pc - site_address(view, site);
	before = moved_before(site);
	after = moved_after(site);
	if (at > 0 && at <= before)
		return slot_address(view, site) + at;
	if (at >= SYSCALL_SIZE && at < SYSCALL_SIZE + after)
		return slot_address(view, site) + ENTER_SIZE + at - SYSCALL_SIZE;
	return pc;
}

bool patch_is_syscall_return(const struct patch_view *view, uint64_t pc)
{
	uint64_t native = patch_pc_to_native(view, pc);
	const struct site *site = find_site(view, native - SYSCALL_SIZE);

	return site && native == site_address(view, site) + moved_before(site) + SYSCALL_SIZE;
}

/* With a prefix before it, b8 loads another register or is longer than five bytes. */
static bool may_be_prefix(uint8_t byte)
{
	return (byte & 0xf0) == 0x40 || byte == 0x66;
}

static bool is_plain_mov(const uint8_t *at)
{
	return at[0] == 0xb8 && at[2] <= 1 && at[3] == 0 && at[4] == 0 && at[5] == 0x0f &&
	       at[6] == 0x05 && !(at[1] == NR_RT_SIGRETURN && at[2] == 0) && !may_be_prefix(at[-1]);
}

uint32_t patch_scan_mov(const uint8_t *text, size_t size, uint64_t file_offset,
	struct site *ret_sites, uint32_t max)
{
	uint32_t count = 0;

	for (size_t at = 1; count < max && range_fits(at, MOV_SIZE + SYSCALL_SIZE, size); at++) {
		if (!is_plain_mov(text + at))
			continue;
		if (file_offset > UINT32_MAX || at > UINT32_MAX - file_offset)
			break;
		ret_sites[count++] =
			(struct site){.offset = (uint32_t)(file_offset + at), .kind = SITE_MOV};
	}
	return count;
}
