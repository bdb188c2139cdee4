/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sent: the kernel's table as the judge and its plan want it. */
#ifndef KERNEL_SENT_H
#define KERNEL_SENT_H

#include <stdbool.h>

struct err;
struct judge;
struct nl;
struct plan;

enum { SENT_QUEUE = 100 };              /* the first; the number of the log group, too */

/* Ends the test with words when rc is negative. */
void sent_must(int rc, const struct err *e, const char *what);
struct sent_how {
	struct nl *nl;
	bool native_queue;
	bool again;                     /* the generation was used before: marks of it are cleared first */
	bool denies;                    /* what the kernel knows to be denied is hardly ever asked about */
};
void sent_table(const struct sent_how *how, const struct judge *j, const struct plan *plan);

#endif
