#include "image/unwind.h"

#include <string.h>

/* How a pointer is written: its format, and what it is counted from. */
#define POINTER_FORMAT 0x0f
#define POINTER_BASE 0x70
#define POINTER_RELATIVE 0x10 /* to where it stands */
#define POINTER_INDIRECT 0x80
#define POINTER_NONE 0xff

/* A read position in the tables; @failed stays set after the first read beyond the end. */
struct cursor {
	struct span bytes;
	uint64_t vaddr; /* of bytes.data */
	size_t at;
	bool failed;
};

/* What a common information entry says about its functions' records. */
struct common {
	bool augmented;
	uint8_t code_encoding;
	uint8_t pads_encoding;
};

static uint64_t read_fixed(struct cursor *cursor, size_t size)
{
	uint64_t value = 0;
	struct span from;

	if (!span_slice(cursor->bytes, cursor->at, size, &from)) {
		cursor->failed = true;
		return 0;
	}
	memcpy(&value, from.data, size);
	cursor->at += size;
	return value;
}

static uint64_t read_uleb(struct cursor *cursor)
{
	uint64_t value = 0;

	for (unsigned int shift = 0; shift < 63; shift += 7) {
		uint64_t byte = read_fixed(cursor, 1);

		value |= (byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
	}
	cursor->failed = true;
	return 0;
}

/* The value as it is written, extended to 64 bits. */
static uint64_t read_raw_pointer(struct cursor *cursor, uint8_t encoding)
{
	switch (encoding & POINTER_FORMAT) {
	case 0x00:
	case 0x04:
	case 0x0c:
		return read_fixed(cursor, 8);
	case 0x02:
		return read_fixed(cursor, 2);
	case 0x03:
		return read_fixed(cursor, 4);
	case 0x0a:
		return (uint64_t)(int16_t)read_fixed(cursor, 2);
	case 0x0b:
		return (uint64_t)(int32_t)read_fixed(cursor, 4);
	default:
		cursor->failed = true;
		return 0;
	}
}

static uint64_t read_pointer(struct cursor *cursor, uint8_t encoding)
{
	uint64_t here = cursor->vaddr + cursor->at;
	uint64_t value = read_raw_pointer(cursor, encoding);

	switch (encoding & (POINTER_BASE | POINTER_INDIRECT)) {
	case 0:
		return value;
	case POINTER_RELATIVE:
		return here + value;
	default:
		cursor->failed = true;
		return 0;
	}
}

/* The letters after 'z' name fields in the order they stand in. */
static void read_augmentation(
	struct cursor *cursor, const char *letters, size_t count, struct common *ret)
{
	read_uleb(cursor); /* size of the fields */
	for (size_t i = 0; i < count; i++) {
		if (letters[i] == 'R')
			ret->code_encoding = (uint8_t)read_fixed(cursor, 1);
		else if (letters[i] == 'L')
			ret->pads_encoding = (uint8_t)read_fixed(cursor, 1);
		else if (letters[i] == 'P')
			read_raw_pointer(cursor, (uint8_t)read_fixed(cursor, 1));
		else if (letters[i] != 'S' && letters[i] != 'B')
			cursor->failed = true;
	}
}

/* @cursor stands behind the entry's zero identifier. */
static bool read_common(struct cursor *cursor, struct common *ret)
{
	uint8_t version = (uint8_t)read_fixed(cursor, 1);
	const char *letters = (const char *)cursor->bytes.data + cursor->at;
	size_t count = 0;

	*ret = (struct common){.pads_encoding = POINTER_NONE};
	while (read_fixed(cursor, 1) != 0)
		count++;
	if (cursor->failed || (version != 1 && version != 3))
		return false;
	read_uleb(cursor); /* code alignment */
	read_uleb(cursor); /* data alignment */
	read_uleb(cursor); /* return address register */
	ret->augmented = count > 0 && letters[0] == 'z';
	if (ret->augmented)
		read_augmentation(cursor, letters + 1, count - 1, ret);
	return !cursor->failed && (ret->augmented || count == 0);
}

static void mark_all(struct code_map *map, uint64_t vaddr, uint64_t size)
{
	struct span code = code_map_read(map, vaddr, size);

	for (uint64_t i = 0; i < code.size; i++)
		code_map_mark_target(map, vaddr + i);
}

/* @cursor stands behind the record's pointer to its common entry. */
static int add_function(struct code_map *map, struct cursor *cursor, const struct common *common)
{
	uint64_t start = read_pointer(cursor, common->code_encoding);
	uint64_t size = read_raw_pointer(cursor, common->code_encoding & POINTER_FORMAT);
	bool pads = false;

	if (common->augmented) {
		read_uleb(cursor); /* size of what follows */
		if (common->pads_encoding != POINTER_NONE)
			pads = read_raw_pointer(cursor, common->pads_encoding) != 0;
	}
	if (cursor->failed)
		return 0;
	if (pads)
		mark_all(map, start, size);
	return code_map_add_function(map, start, size);
}

/* One record, whose bytes are all of @record after its length; @all holds it and its entry. */
static int add_record(struct code_map *map, const struct cursor *all, struct cursor *record)
{
	uint64_t here = record->vaddr - all->vaddr;
	uint64_t back = read_fixed(record, 4);
	struct cursor entry = *all;
	struct common common;

	if (record->failed || back == 0 || back > here)
		return 0; /* a common entry: read through the records that need it */
	entry.at = here - back;
	read_fixed(&entry, 4); /* length */
	if (read_fixed(&entry, 4) != 0 || entry.failed || !read_common(&entry, &common))
		return 0;
	return add_function(map, record, &common);
}

int unwind_add(struct code_map *map, uint64_t vaddr)
{
	struct cursor all = {.bytes = code_map_read(map, vaddr, UINT64_MAX), .vaddr = vaddr};
	int r = 0;

	while (r == 0) {
		uint64_t size = read_fixed(&all, 4);
		struct cursor record = {.vaddr = vaddr + all.at};

		/* 0 ends the table; all ones would announce a 64-bit length, unused in practice. */
		if (all.failed || size == 0 || size == UINT32_MAX ||
			!span_slice(all.bytes, all.at, size, &record.bytes))
			break;
		r = add_record(map, &all, &record);
		all.at += size;
	}
	return r;
}

int unwind_add_indexed(struct code_map *map, uint64_t vaddr)
{
	struct cursor index = {.bytes = code_map_read(map, vaddr, UINT64_MAX), .vaddr = vaddr};
	uint8_t version = (uint8_t)read_fixed(&index, 1);
	uint8_t encoding = (uint8_t)read_fixed(&index, 1);
	uint64_t records;

	read_fixed(&index, 2); /* encodings of the index itself */
	records = read_pointer(&index, encoding);
	if (index.failed || version != 1)
		return 0;
	return unwind_add(map, records);
}
