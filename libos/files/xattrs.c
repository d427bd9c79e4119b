#include "libos/files/xattrs.h"

#include <linux/errno.h>
#include <linux/xattr.h>

#include "base/list.h"
#include "base/memory.h"
#include "libos/core/heap.h"

struct xattr {
	struct list link;
	size_t name_size; /* with the NUL */
	size_t size;
	char bytes[]; /* the name, the value */
};

struct xattrs {
	struct list entries;
	size_t total;
};

void xattrs_free(struct xattrs *xattrs)
{
	struct xattr *xattr, *next;

	if (!xattrs)
		return;
	LIST_FOR_EACH_SAFE (xattr, next, &xattrs->entries, link)
		heap_free(xattr);
	heap_free(xattrs);
}

static struct xattr *find(const struct xattrs *xattrs, const char *name)
{
	struct xattr *xattr;

	if (!xattrs)
		return NULL;
	LIST_FOR_EACH (xattr, &xattrs->entries, link)
		if (!strcmp(xattr->bytes, name))
			return xattr;
	return NULL;
}

long xattrs_get(const struct xattrs *xattrs, const char *name, void *to, size_t size)
{
	const struct xattr *xattr = find(xattrs, name);

	if (!xattr)
		return -ENODATA;
	if (size && size < xattr->size)
		return -ERANGE;
	if (size)
		memcpy(to, xattr->bytes + xattr->name_size, xattr->size);
	return (long)xattr->size;
}

static void drop(struct xattrs *xattrs, struct xattr *xattr)
{
	xattrs->total -= xattr->name_size + xattr->size;
	list_remove(&xattr->link);
	heap_free(xattr);
}

static struct xattrs *get_or_new(struct xattrs **xattrs)
{
	if (!*xattrs) {
		*xattrs = heap_alloc(sizeof(**xattrs));
		if (*xattrs)
			list_init(&(*xattrs)->entries);
	}
	return *xattrs;
}

int xattrs_set(struct xattrs **where, const char *name, const void *from, size_t size, int flags)
{
	struct xattr *old = find(*where, name), *xattr;
	size_t name_size = strlen(name) + 1;
	struct xattrs *xattrs;

	if (old && flags & XATTR_CREATE)
		return -EEXIST;
	if (!old && flags & XATTR_REPLACE)
		return -ENODATA;
	xattrs = get_or_new(where);
	xattr = heap_alloc(sizeof(*xattr) + name_size + size);
	if (!xattrs || !xattr || xattrs->total + name_size + size > XATTR_TOTAL_MAX) {
		heap_free(xattr);
		return -ENOSPC;
	}
	xattr->name_size = name_size;
	xattr->size = size;
	memcpy(xattr->bytes, name, name_size);
	memcpy(xattr->bytes + name_size, from, size);
	if (old)
		drop(xattrs, old);
	xattrs->total += name_size + size;
	list_add_tail(&xattrs->entries, &xattr->link);
	return 0;
}

long xattrs_list(const struct xattrs *xattrs, char *to, size_t size)
{
	struct xattr *xattr;
	size_t done = 0;

	if (!xattrs)
		return 0;
	LIST_FOR_EACH (xattr, &xattrs->entries, link) {
		if (size && size - done < xattr->name_size)
			return -ERANGE;
		if (size)
			memcpy(to + done, xattr->bytes, xattr->name_size);
		done += xattr->name_size;
	}
	return (long)done;
}

int xattrs_remove(struct xattrs *xattrs, const char *name)
{
	struct xattr *xattr = find(xattrs, name);

	if (!xattr)
		return -ENODATA;
	drop(xattrs, xattr);
	return 0;
}
