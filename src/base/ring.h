/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ring: fixed-size records from one producer thread to one consumer thread, without locks or waiting.
 * A full ring refuses the record and counts it: the producer never waits. */
#ifndef BASE_RING_H
#define BASE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring;

/* capacity is rounded up to a power of two.  NULL: out of memory. */
struct ring *ring_new(size_t capacity, size_t record_size);
void ring_free(struct ring *r);
/* Producer: a slot to fill, or NULL when full (counted); then ring_push publishes it. */
void *ring_slot(struct ring *r);
void ring_push(struct ring *r);
/* Consumer: the oldest record or NULL; ring_pop gives its slot back. */
const void *ring_peek(struct ring *r);
void ring_pop(struct ring *r);
uint64_t ring_lost(const struct ring *r);               /* records refused since the start; any thread */
size_t ring_used(const struct ring *r);                 /* any thread; approximate */

#endif
