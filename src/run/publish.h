/* SPDX-License-Identifier: GPL-2.0-or-later */
/* publish: which judge is in force, and the old ones on their way out.  A judge is freed when the workers are past it (a grace
 * period), what the kernel counted for it has been read (its page of the ledger), and the recorder has drained every
 * record that points to it.  Main thread; workers read only the pointer. */
#ifndef RUN_PUBLISH_H
#define RUN_PUBLISH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/own.h"
#include "base/qs.h"

struct judge;
struct publish;
struct recorder;

struct publish *publish_new(void);              /* NULL: out of memory */
/* Whose records old judges wait for; before the first publish_swap. */
void publish_recorder(struct publish *p, struct recorder *r);
void publish_free(struct publish *p);           /* when no worker runs and the recorder has stopped */
OWN(publish)
struct qs_ptr *publish_pointer(struct publish *p);      /* for workers */
const struct judge *publish_current(const struct publish *p);
/* Put j in force and wait for a grace period.  page: the old one's denials are still to be read from the ledger.
 * false: out of memory, nothing changed (j stays the caller's). */
bool publish_swap(struct publish *p, struct judge *j, bool page);
/* The judge that the page to be collected belongs to: the oldest that waits for one, else the current one. */
const struct judge *publish_page_owner(const struct publish *p);
void publish_page_collected(struct publish *p);
void publish_tick(struct publish *p);           /* free what can go */
size_t publish_retired(const struct publish *p);

#endif
