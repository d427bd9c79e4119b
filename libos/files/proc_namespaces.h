/* Descriptors of namespaces, as opened below /proc/PID/ns. */
#ifndef LIBOS_FILES_PROC_NAMESPACES_H
#define LIBOS_FILES_PROC_NAMESPACES_H

#include "base/compiler.h"

struct file;

/* The CLONE_NEW* flag of the kind of namespace that @file stands for; 0: none. */
uint32_t namespace_kind(const struct file *file);

#endif
