/* Classic BPF as seccomp(2) uses it: a program of at most 4096 steps that looks at 64 bytes about a
 * system call and returns 32 bits. A checked program ends after at most as many steps as it has,
 * since jumps go forward only, and reads nothing but those bytes and its own memory.
 * Source: seccomp(2), Documentation/networking/filter.rst. Knows nothing of threads. */
#ifndef LIBOS_PROCESSES_BPF_H
#define LIBOS_PROCESSES_BPF_H

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "base/compiler.h"

/* 0, or -EINVAL: the kernel would not take it as a filter of system calls. @count: 1 to
 * BPF_MAXINSNS, checked here. */
MUST_CHECK int bpf_check(const struct sock_filter *code, uint32_t count);

/* What the checked program returns for @data. */
uint32_t bpf_run(const struct sock_filter *code, const struct seccomp_data *data);

#endif
