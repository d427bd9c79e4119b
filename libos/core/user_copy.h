/* The one routine that touches a program's memory. A fault inside it does not kill the LibOS: the
 * trap handler finds the instruction in fault_table and goes on at its fixup. */
#ifndef LIBOS_CORE_USER_COPY_H
#define LIBOS_CORE_USER_COPY_H

#include "base/compiler.h"

/* Copy forward; returns how many bytes were NOT copied because of a fault. The caller has checked
 * that the program's side is in the program's half. */
size_t user_copy(void *to, const void *from, size_t size);

/* Atomic operations on a program's aligned 32-bit word: 0 or -EFAULT; the old value in *ret_old. */
int user_word_load(const uint32_t *word, uint32_t *ret_value);
int user_word_compare_exchange(
	uint32_t *word, uint32_t expected, uint32_t desired, uint32_t *ret_old);
int user_word_exchange(uint32_t *word, uint32_t value, uint32_t *ret_old);
int user_word_add(uint32_t *word, uint32_t value, uint32_t *ret_old);

struct fault_entry {
	uintptr_t instruction, fixup;
};
extern const struct fault_entry fault_table[], fault_table_end[];

#endif
