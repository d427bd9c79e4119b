#include "libos/files/erofs.h"

#include <asm/errno.h>

#include "base/checked.h"
#include "base/memory.h"
#include "libos/files/erofs_window.h"

static const char *const prefixes[] = {
	[EROFS_XATTR_USER] = "user.",
	[EROFS_XATTR_ACL_ACCESS] = "system.posix_acl_access",
	[EROFS_XATTR_ACL_DEFAULT] = "system.posix_acl_default",
	[EROFS_XATTR_TRUSTED] = "trusted.",
	[EROFS_XATTR_LUSTRE] = "lustre.",
	[EROFS_XATTR_SECURITY] = "security.",
};

/* One attribute: its name is @prefix and @name_size bytes at @position, its value is after them. */
struct xattr {
	const char *prefix;
	uint64_t position;
	size_t name_size, value_size;
};

struct walk {
	struct erofs_window window;
	/* 0 to go on, 1 when it was what was looked for, or a negative errno. */
	int (*visit)(struct walk *walk, const struct xattr *xattr);
	const char *name;
	char *to;
	size_t size, done;
};

/* Visit the attribute at @position, which ends before @limit. An unknown prefix is passed over.
 * *ret_size: with its padding. */
static int visit_one(struct walk *walk, uint64_t position, uint64_t limit, uint64_t *ret_size)
{
	struct erofs_xattr_entry entry;
	struct xattr xattr;
	int r;

	if (!range_fits(position, sizeof(entry), limit))
		return -EUCLEAN;
	r = erofs_window_copy(&walk->window, position, &entry, sizeof(entry));
	if (r < 0)
		return r;
	*ret_size = ALIGN_UP(sizeof(entry) + entry.name_size + entry.value_size, 4UL);
	if (!range_fits(position, *ret_size, limit))
		return -EUCLEAN;
	if (entry.prefix >= ARRAY_SIZE(prefixes) || !prefixes[entry.prefix])
		return 0;
	xattr.prefix = prefixes[entry.prefix];
	xattr.position = position + sizeof(entry);
	xattr.name_size = entry.name_size;
	xattr.value_size = entry.value_size;
	return walk->visit(walk, &xattr);
}

static int visit_shared(struct walk *walk, uint64_t position, unsigned int count)
{
	const struct erofs *fs = walk->window.fs;
	uint64_t limit = fs->blocks.block_count * EROFS_BLOCK_SIZE;

	for (unsigned int i = 0; i < count; i++) {
		uint64_t size;
		uint32_t number;
		int r = erofs_window_copy(
			&walk->window, position + i * sizeof(number), &number, sizeof(number));

		if (r == 0)
			r = visit_one(walk, fs->xattrs + number * sizeof(number), limit, &size);
		if (r != 0)
			return r;
	}
	return 0;
}

static int visit_all(struct walk *walk, const struct erofs_inode *inode)
{
	uint64_t position = inode->xattrs, limit = position + inode->xattrs_size;
	struct erofs_xattr_header header;
	int r;

	if (inode->xattrs_size == 0)
		return 0;
	erofs_window_init(&walk->window, inode->fs);
	r = erofs_window_copy(&walk->window, position, &header, sizeof(header));
	if (r < 0)
		return r;
	position += sizeof(header);
	if (!range_fits(position, header.shared_count * sizeof(uint32_t), limit))
		return -EUCLEAN;
	r = visit_shared(walk, position, header.shared_count);
	position += header.shared_count * sizeof(uint32_t);
	while (r == 0 && position < limit) {
		uint64_t size;

		r = visit_one(walk, position, limit, &size);
		if (r == 0)
			position += size;
	}
	return r;
}

static int visit_get(struct walk *walk, const struct xattr *xattr)
{
	size_t prefix_size = strlen(xattr->prefix);
	char name[EROFS_NAME_MAX];
	int r;

	if (strncmp(walk->name, xattr->prefix, prefix_size) != 0 ||
		strlen(walk->name) != prefix_size + xattr->name_size)
		return 0;
	r = erofs_window_copy(&walk->window, xattr->position, name, xattr->name_size);
	if (r < 0)
		return r;
	if (memcmp(name, walk->name + prefix_size, xattr->name_size) != 0)
		return 0;
	walk->done = xattr->value_size;
	if (walk->size == 0)
		return 1;
	if (walk->size < xattr->value_size)
		return -ERANGE;
	r = erofs_window_copy(
		&walk->window, xattr->position + xattr->name_size, walk->to, xattr->value_size);
	return r < 0 ? r : 1;
}

static int visit_list(struct walk *walk, const struct xattr *xattr)
{
	size_t prefix_size = strlen(xattr->prefix), whole = prefix_size + xattr->name_size + 1;
	int r;

	if (walk->size > 0) {
		char *to = walk->to + walk->done;

		if (walk->size - walk->done < whole)
			return -ERANGE;
		memcpy(to, xattr->prefix, prefix_size);
		r = erofs_window_copy(
			&walk->window, xattr->position, to + prefix_size, xattr->name_size);
		if (r < 0)
			return r;
		if (memchr(to, 0, whole - 1))
			return -EUCLEAN;
		to[whole - 1] = '\0';
	}
	walk->done += whole;
	return 0;
}

int erofs_xattr_get(
	const struct erofs_inode *inode, const char *name, void *to, size_t size, size_t *ret_size)
{
	struct walk walk;
	int r;

	walk.visit = visit_get;
	walk.name = name;
	walk.to = to;
	walk.size = size;
	walk.done = 0;
	r = visit_all(&walk, inode);
	if (r < 0)
		return r;
	*ret_size = walk.done;
	return r == 0 ? -ENODATA : 0;
}

int erofs_xattr_list(const struct erofs_inode *inode, char *to, size_t size, size_t *ret_size)
{
	struct walk walk;
	int r;

	walk.visit = visit_list;
	walk.to = to;
	walk.size = size;
	walk.done = 0;
	r = visit_all(&walk, inode);
	if (r == 0)
		*ret_size = walk.done;
	return r;
}
