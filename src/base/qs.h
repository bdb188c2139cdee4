/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qs: publishing frozen objects to threads, by liburcu's QSBR flavour.  The only place that includes it.
 * A reader thread registers once, reads with qs_get, and says qs_quiescent() once per batch and
 * qs_offline()/qs_online() around every blocking call.  The writer publishes with qs_swap and frees the
 * old object after qs_synchronize().  ThreadSanitizer is told of the barriers it cannot see. */
#ifndef BASE_QS_H
#define BASE_QS_H

#include <stddef.h>

struct qs_ptr { void *p; };

void qs_thread_begin(void);
void qs_thread_end(void);
void qs_quiescent(void);
void qs_offline(void);
void qs_online(void);
const void *qs_get(struct qs_ptr *ptr);                 /* valid until this thread's next quiescent state */
void *qs_swap(struct qs_ptr *ptr, void *next);          /* the old object, still in use by readers */
void qs_synchronize(void);                              /* wait a grace period; not from a registered online reader */

#endif
