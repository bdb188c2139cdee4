/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vec: a typed growable array as three fields, for code that builds and then freezes.
 *	VEC(struct rule) rules;   VEC_PUSH(&v, item) -> bool (false: out of memory), VEC_FREE(&v) */
#ifndef BASE_VEC_H
#define BASE_VEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#define VEC(type) struct { type *at; size_t n, cap; }
/* Make room for one more element of the given size; false when memory ran out (nothing changed). */
bool vec_grow(void **at, size_t *cap, size_t n, size_t size);
bool vec_reserve(void **at, size_t *cap, size_t n, size_t size);
#define VEC_ROOM(v) ((v)->n < (v)->cap || vec_grow((void **)&(v)->at, &(v)->cap, (v)->n, sizeof(*(v)->at)))
#define VEC_PUSH(v, ...) (VEC_ROOM(v) ? ((v)->at[(v)->n++] = (__VA_ARGS__), true) : false)
/* Room for n elements in all, no more than that where it has to be made; false as above. */
#define VEC_RESERVE(v, n) ((n) <= (v)->cap || vec_reserve((void **)&(v)->at, &(v)->cap, (n), sizeof(*(v)->at)))
#define VEC_FREE(v) do { free((v)->at); (v)->at = NULL; (v)->n = (v)->cap = 0; } while (0)

#endif
