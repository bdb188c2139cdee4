/* SPDX-License-Identifier: GPL-2.0-or-later */
/* own: who frees what.  AUTO(x) frees at scope exit through x_free; TAKE hands the object on. */
#ifndef BASE_OWN_H
#define BASE_OWN_H

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

/* Once per type, behind its x_free: OWN(policy) makes AUTO(policy) usable. */
#define OWN(name) \
	static inline __attribute__((unused)) void name##_auto(struct name **p) { name##_free(*p); }
#define AUTO(name) __attribute__((cleanup(name##_auto))) struct name *
#define TAKE(p) __extension__ ({ __typeof__(p) own_taken = (p); (p) = NULL; own_taken; })

static inline void own_free(void *p) { free(*(void **)p); }
static inline void own_close(int *fd) { if (*fd >= 0) close(*fd); }
#define AUTO_MEM __attribute__((cleanup(own_free)))
#define AUTO_FD __attribute__((cleanup(own_close))) int

#endif
