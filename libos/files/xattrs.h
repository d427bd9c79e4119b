/* Extended attributes in memory: xattr(7). */
#ifndef LIBOS_FILES_XATTRS_H
#define LIBOS_FILES_XATTRS_H

#include "base/compiler.h"

#define XATTR_NAME_LENGTH_MAX 255
#define XATTR_VALUE_SIZE_MAX 65536
#define XATTR_TOTAL_MAX (1024UL * 1024) /* names and values of one inode */

struct xattrs; /* heap; NULL: none. The inode's lock protects it. */

void xattrs_free(struct xattrs *xattrs);
/* As getxattr(2), setxattr(2), listxattr(2), removexattr(2). */
MUST_CHECK long xattrs_get(const struct xattrs *xattrs, const char *name, void *to, size_t size);
MUST_CHECK int xattrs_set(
	struct xattrs **xattrs, const char *name, const void *from, size_t size, int flags);
MUST_CHECK long xattrs_list(const struct xattrs *xattrs, char *to, size_t size);
MUST_CHECK int xattrs_remove(struct xattrs *xattrs, const char *name);

#endif
