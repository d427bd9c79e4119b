/* memfd_create(2): files that never had a name, and their seals (fcntl(2), F_ADD_SEALS). */
#ifndef LIBOS_FILES_MEMFD_H
#define LIBOS_FILES_MEMFD_H

#include "libos/files/file.h"

#define MEMFD_NAME_LENGTH_MAX 249

bool memfd_flags_are_valid(uint32_t flags);
bool memfd_wants_huge_pages(uint32_t flags); /* of which there are none */
bool memfd_is_close_on_exec(uint32_t flags);
MUST_CHECK int memfd_new(const char *name, uint32_t flags, struct file **ret_file);
MUST_CHECK long memfd_seals(struct file *file); /* F_SEAL_*; -EINVAL: no memfd */
MUST_CHECK int memfd_add_seals(struct file *file, uint32_t seals);

#endif
