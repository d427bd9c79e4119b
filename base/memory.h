/* The memory and string functions of ISO C, for code without a libc: the compiler itself calls
 * the first four. memory.c implements them; a hosted build links its libc's. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include "base/compiler.h"

#if __STDC_HOSTED__
#include <string.h>
#else
void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);
void *memchr(const void *from, int byte, size_t size);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t max);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
#endif

/* Copy at most @size - 1 bytes and always terminate; returns strlen(from). @size > 0. */
static inline size_t string_copy(char *to, const char *from, size_t size)
{
	size_t length = strlen(from);
	size_t n = MIN(length, size - 1);

	memcpy(to, from, n);
	to[n] = '\0';
	return length;
}

/* A wipe the compiler may not drop. */
static inline void memory_wipe(void *secret, size_t size)
{
	memset(secret, 0, size);
	__asm__ volatile("" : : "r"(secret) : "memory");
}

/* Equal, in time that depends on @size alone. */
static inline bool memory_equal_ct(const void *a, const void *b, size_t size)
{
	const volatile uint8_t *x = a, *y = b;
	uint8_t diff = 0;

	for (size_t i = 0; i < size; i++)
		diff = (uint8_t)(diff | (x[i] ^ y[i]));
	return diff == 0;
}

#endif
