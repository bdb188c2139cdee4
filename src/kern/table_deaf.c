/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_deaf: a big transaction that our own watch does not listen to, since the kernel makes a notification of every element
 * while anybody listens.  nf_tables' counter of transactions tells whether ours was the only one meanwhile.  The counter moves
 * before a transaction is notified: so a transaction that was counted already is waited for (an empty one of ours queues behind
 * it) while we still listen, and one that is notified after we listen again is counted all the same.  Nothing of others is
 * neither heard nor counted. */
#include "kern/table_model.h"

#include <errno.h>

#include <linux/netfilter.h>

#include "kern/nl.h"
#include "kern/table_wire.h"

enum { BIG = 2000 };

static size_t elements_of(const struct table *t)
{
	size_t n = 0;

	for (size_t i = 0; t && i < t->sets.n; i++)
		n += t->sets.at[i].n;
	return n;
}

static int wait_for_others(struct nl *n, struct err *e)
{
	AUTO(nl_batch) b = nl_batch_new(n, 0);

	if (!b)
		return err_plain(e, ENOMEM, "out of memory");
	table_wire_any(b, NFPROTO_INET);
	return nl_batch_try(b, e);
}

int table_send_deaf(struct nl *n, struct nl *watch, const struct table *t, const struct table_was *was, bool *ret_missed,
		    struct err *e)
{
	const unsigned group = *table_watch_groups;
	uint32_t before, after;
	struct err ignored;
	int rc;

	if (elements_of(t) + elements_of(t->fences) < BIG || nl_genid(n, &before, &ignored) < 0 ||
	    wait_for_others(n, &ignored) < 0 || nl_hear(watch, group, false, &ignored) < 0)
		return table_send_after(n, t, was, e);
	rc = table_send_after(n, t, was, e);
	if (nl_hear(watch, group, true, &ignored) < 0 || nl_genid(n, &after, &ignored) < 0 || after != before + (rc == 0))
		*ret_missed = true;
	return rc;
}
