/* Bytes that wait: first in, first out, at most @size of them. The counters only grow, so a
 * position in the stream can be named after its bytes are gone. No lock of its own. */
#ifndef LIBOS_TERMINALS_RING_H
#define LIBOS_TERMINALS_RING_H

#include "base/compiler.h"

struct ring {
	uint8_t *bytes; /* the owner's */
	size_t size;    /* a power of two */
	uint64_t head;  /* how many were ever put in, */
	uint64_t tail;  /* and taken out: head - tail <= size */
};

static inline size_t ring_used(const struct ring *ring)
{
	return (size_t)(ring->head - ring->tail);
}

static inline size_t ring_room(const struct ring *ring)
{
	return ring->size - ring_used(ring);
}

/* There must be room. */
static inline void ring_put(struct ring *ring, uint8_t byte)
{
	ring->bytes[ring->head++ & (ring->size - 1)] = byte;
}

/* The byte @index after the first. */
static inline uint8_t ring_peek(const struct ring *ring, size_t index)
{
	return ring->bytes[(ring->tail + index) & (ring->size - 1)];
}

/* As many as there are and fit: how many. */
static inline size_t ring_take(struct ring *ring, uint8_t *to, size_t size)
{
	size_t count = MIN(size, ring_used(ring));

	for (size_t i = 0; i < count; i++)
		to[i] = ring_peek(ring, i);
	ring->tail += count;
	return count;
}

/* As many as there is room for: how many. */
static inline size_t ring_add(struct ring *ring, const uint8_t *from, size_t size)
{
	size_t count = MIN(size, ring_room(ring));

	for (size_t i = 0; i < count; i++)
		ring_put(ring, from[i]);
	return count;
}

static inline void ring_flush(struct ring *ring)
{
	ring->tail = ring->head;
}

#endif
