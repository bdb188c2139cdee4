/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ring: head and tail only ever grow; the slot is their low bits.  Each side keeps a copy of the other's
 * position and looks again only when by that copy it could not go on, so that in steady state the two
 * cache lines do not travel for every record.  Released after writing, acquired before reading. */
#include "base/ring.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { CACHE_LINE = 64 };

struct ring {
	size_t mask, size;
	unsigned char *slots;
	struct {
		_Alignas(CACHE_LINE) atomic_size_t head;        /* next to fill */
		size_t tail_seen;
		atomic_uint_least64_t lost;
	} producer;
	struct {
		_Alignas(CACHE_LINE) atomic_size_t tail;        /* next to read */
		size_t head_seen;
	} consumer;
};

struct ring *ring_new(size_t capacity, size_t record_size)
{
	size_t n = 1, bytes;
	struct ring *r;

	while (n < capacity && n <= SIZE_MAX / 4)
		n *= 2;
	if (n < capacity || __builtin_mul_overflow(n, record_size, &bytes))
		return NULL;
	r = aligned_alloc(CACHE_LINE, sizeof(*r));
	if (!r)
		return NULL;
	*r = (struct ring){ .mask = n - 1, .size = record_size, .slots = calloc(1, bytes ? bytes : 1) };
	if (r->slots)
		return r;
	free(r);
	return NULL;
}

void ring_free(struct ring *r)
{
	if (!r)
		return;
	free(r->slots);
	free(r);
}

void *ring_slot(struct ring *r)
{
	size_t head = atomic_load_explicit(&r->producer.head, memory_order_relaxed);

	if (head - r->producer.tail_seen > r->mask) {
		r->producer.tail_seen = atomic_load_explicit(&r->consumer.tail, memory_order_acquire);
		if (head - r->producer.tail_seen > r->mask) {
			atomic_fetch_add_explicit(&r->producer.lost, 1, memory_order_relaxed);
			return NULL;
		}
	}
	return r->slots + (head & r->mask) * r->size;
}

void ring_push(struct ring *r)
{
	size_t head = atomic_load_explicit(&r->producer.head, memory_order_relaxed);

	atomic_store_explicit(&r->producer.head, head + 1, memory_order_release);
}

const void *ring_peek(struct ring *r)
{
	size_t tail = atomic_load_explicit(&r->consumer.tail, memory_order_relaxed);

	if (tail == r->consumer.head_seen) {
		r->consumer.head_seen = atomic_load_explicit(&r->producer.head, memory_order_acquire);
		if (tail == r->consumer.head_seen)
			return NULL;
	}
	return r->slots + (tail & r->mask) * r->size;
}

void ring_pop(struct ring *r)
{
	size_t tail = atomic_load_explicit(&r->consumer.tail, memory_order_relaxed);

	atomic_store_explicit(&r->consumer.tail, tail + 1, memory_order_release);
}

uint64_t ring_lost(const struct ring *r)
{
	return atomic_load_explicit(&r->producer.lost, memory_order_relaxed);
}

size_t ring_used(const struct ring *r)
{
	size_t tail = atomic_load_explicit(&r->consumer.tail, memory_order_relaxed);
	size_t head = atomic_load_explicit(&r->producer.head, memory_order_relaxed);

	return head > tail ? head - tail : 0;
}
