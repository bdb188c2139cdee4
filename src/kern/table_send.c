/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_send: the model into the kernel, as one transaction.
 * Over a table of ours: base chains stay (deleting any base chain throws every queued packet of the namespace away); rules
 * are flushed and filled in again in place; sets of the same definition keep their place and, if static, get new
 * elements; what the model no longer has goes last.  A reader of the old rules sees the old elements or the new ones,
 * at worst none, and a miss only leads to a question. */
#include "kern/table_model.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "base/digest.h"
#include "kern/nl.h"
#include "kern/table_fences.h"
#include "kern/table_diff.h"
#include "kern/table_flow.h"
#include "kern/table_live.h"
#include "kern/table_wire.h"

static bool model_counter(const struct table *t, const char *name)
{
	for (uint32_t i = 0; i < TABLE_COUNTERS + t->counters.n; i++)
		if (table_model_has_counter(t, i) && !strcmp(table_model_counter_name(t, i), name))
			return true;
	return false;
}

static const char *family_word(uint8_t family)
{
	return family == NFPROTO_NETDEV ? "netdev" : "inet";
}

static bool is_stranger(const struct table *t, const struct table_live_chain *c)
{
	const struct table_chain *m = table_model_find_chain(t, c->name);

	return c->hook >= 0 && (!m || m->hook < 0);
}

/* A chain that only our tables have. */
static const char *note_of(const struct table *t)
{
	return t->family == NFPROTO_NETDEV ? table_fences_chains[TABLE_FENCES_CH_DROP] : table_chain_rows[TABLE_CH_ABOUT];
}

/* A base chain can be neither moved nor deleted, so a table with others than ours is somebody else's; but in one of ours
 * (it has our note) another base chain is of another version, of an interface that is guarded no more, or of somebody who
 * tampers: it is emptied and accepts. */
static int check_live(const struct table *t, const struct table_live *l, struct err *e)
{
	for (size_t i = 0; i < l->chains.n; i++) {
		const struct table_live_chain *c = &l->chains.at[i];
		const struct table_chain *m = table_model_find_chain(t, c->name);

		if (c->hook < 0 && (!m || m->hook < 0))
			continue;
		if (!m && table_live_find_chain(l, note_of(t)))
			continue;
		if (!m || m->hook != c->hook || m->priority != c->priority)
			return err_plain(e, EEXIST, "table '%s %s' is there and its chain '%s' is not one of ours: "
					 "look at it with nft and delete it by hand", family_word(t->family), TABLE_TABLE, c->name);
	}
	return 0;
}

/* A hook of family netdev that is taken away flushes every queue too: only where its device is gone, or another one has its
 * name. */
static bool must_go(const struct table *t, const struct table_live_chain *c)
{
	const struct table_chain *m = table_model_find_chain(t, c->name);

	if (c->hook >= 0 && t->family == NFPROTO_INET)
		return false;
	if (c->hook >= 0)
		return m ? table_live_moved(c, m) && if_nametoindex(m->device) : !*c->device || !if_nametoindex(c->device);
	return !m;
}

/* Of family netdev no chain of ours is told anew while it hangs where it should: its policy is the one thing others may change. */
static bool is_shut(const struct table *t, const struct table_live_chain *c)
{
	return c->policy != NF_ACCEPT && (is_stranger(t, c) || (c->hook >= 0 && t->family == NFPROTO_NETDEV));
}

/* Empty what is there, as far as the new contents need it. */
static void clear(struct nl_batch *b, const struct table *t, const struct table_live *l, const struct table_diff *d)
{
	table_wire_delete(b, t->family, TABLE_WIRE_RULES, NULL);
	for (size_t i = 0; i < l->sets.n; i++) {
		const struct table_live_set *s = &l->sets.at[i];
		const struct table_set *m = table_model_find_set(t, s->name);

		if (!m || !table_live_same_set(s, m))
			table_wire_delete(b, t->family, TABLE_WIRE_SET, s->name);
		else if (m->keep != TABLE_KEPT && !table_diff_base(d, m))
			table_wire_delete(b, t->family, TABLE_WIRE_ELEMENTS, s->name);
	}
	for (size_t i = 0; i < l->chains.n; i++)
		if (must_go(t, &l->chains.at[i]))
			table_wire_delete(b, t->family, TABLE_WIRE_CHAIN, l->chains.at[i].name);
		else if (is_shut(t, &l->chains.at[i]))
			table_wire_neutral(b, t->family, l->chains.at[i].name);
	for (size_t i = 0; i < l->counters.n; i++)
		if (!model_counter(t, l->counters.at[i]))
			table_wire_delete(b, t->family, TABLE_WIRE_COUNTER, l->counters.at[i]);
	for (size_t i = 0; i < l->objects.n; i++)
		if (l->objects.at[i].type == TABLE_LIVE_FLOWTABLE)
			table_wire_delete(b, t->family, TABLE_WIRE_FLOWTABLE, l->objects.at[i].name);
		else
			table_wire_delete_object(b, t->family, l->objects.at[i].name, l->objects.at[i].type);
}

static bool is_new(const struct table *t, const struct table_chain *c, const struct table_live *l)
{
	const struct table_live_chain *live = table_live_find_chain(l, c->name);

	if (t->family == NFPROTO_NETDEV && c->hook >= 0)
		return (!live || table_live_moved(live, c)) && table_live_can_be(l, c);
	return c->hook >= 0 || !live;
}

/* Everything that is not there yet, then elements and rules. */
static bool fill(struct nl_batch *b, const struct table *t, const struct table_live *l, const struct table_diff *d)
{
	bool ok = table_flow_put(b, t, l);

	for (size_t i = 0; i < t->chains.n; i++)
		if (is_new(t, &t->chains.at[i], l))
			table_wire_chain(b, t, i);
	for (unsigned i = 0; i < TABLE_COUNTERS; i++)
		if (table_counter_family(i) == t->family && !table_live_has_counter(l, table_counter_names[i]))
			table_wire_counter(b, t->family, table_counter_names[i]);
	for (size_t i = 0; i < t->counters.n; i++)
		if (t->counters.at[i].used && !table_live_has_counter(l, t->counters.at[i].name))
			table_wire_counter(b, t->family, t->counters.at[i].name);
	for (size_t i = 0; i < t->sets.n; i++) {
		const struct table_live_set *s = table_live_find_set(l, t->sets.at[i].name);

		const struct table_set *base = table_diff_base(d, &t->sets.at[i]);

		if (!s || !table_live_same_set(s, &t->sets.at[i])) {
			ok = table_wire_set(b, t, i) && ok;
			base = NULL;
		}
		if (base)
			ok = table_diff_wire(b, t, base, &t->sets.at[i]) && ok;
		else
			table_wire_elements(b, NFT_MSG_NEWSETELEM, t, &t->sets.at[i]);
	}
	for (size_t i = 0; i < t->chains.n; i++)
		ok = (!table_live_can_be(l, &t->chains.at[i]) || table_wire_rules(b, t, i)) && ok;
	return ok;
}

static bool replace(struct nl_batch *b, const struct table *t, const struct table_live *l, const struct table *was)
{
	struct table_diff d;
	bool ok;

	if (!table_diff_init(&d, l->present ? was : NULL))
		return false;
	table_wire_table(b, t->family,
			 !l->present || l->flags & TABLE_WIRE_PERSIST ? table_wire_flags(t->owner, l->flags) : 0);
	if (l->present)
		clear(b, t, l, &d);
	ok = fill(b, t, l, &d);
	table_diff_fini(&d);
	return ok;
}

static int transact(struct nl *n, const struct table *t, const struct table_was *was, bool really, struct err *e)
{
	AUTO(table_live) l = NULL;
	AUTO(table_live) fences = NULL;
	AUTO(nl_batch) b = NULL;
	const struct table *known;
	uint32_t genid;

	if (nl_genid(n, &genid, e) < 0 || table_live_read(n, t->family, &l, e) < 0 || check_live(t, l, e) < 0)
		return -1;
	if (t->fences && (table_live_read(n, NFPROTO_NETDEV, &fences, e) < 0 || check_live(t->fences, fences, e) < 0))
		return -1;
	b = nl_batch_new(n, genid);
	if (!b)
		return err_plain(e, ENOMEM, "out of memory");
	known = was && was->genid == genid ? was->table : NULL;
	if (!replace(b, t, l, known) || (fences && !replace(b, t->fences, fences, known ? known->fences : NULL)))
		return err_plain(e, ENOMEM, "out of memory");
	return really ? nl_batch_commit(b, e) : nl_batch_try(b, e);
}

/* Words for a refusal that comes from somebody else's hold on the table. */
static int owned_by_other(struct nl *n, struct err *e)
{
	struct table_about about;
	struct err e2;

	if (e->code == EPERM && table_read_about(n, &about, &e2) == 0 && about.owned)
		return err_plain(e, EPERM, "the table belongs to a process that is alive (a ringfenced, which may hang): "
				 "end it first");
	return err_wrap(e, "the kernel's table");
}

int table_send_after(struct nl *n, const struct table *t, const struct table_was *was, struct err *e)
{
	enum { ATTEMPTS = 16, GONE = 4 };
	int rc = -1;

	for (unsigned i = 0; i < ATTEMPTS; i++) {
		rc = transact(n, t, was, true, e);
		if (!rc || (e->code != ERESTART &&      /* else somebody changed nf_tables since we looked */
			    (e->code != ENOENT || i >= GONE)))  /* or an interface went */
			break;
	}
	return rc < 0 ? owned_by_other(n, e) : 0;
}

int table_send(struct nl *n, const struct table *t, struct err *e)
{
	return table_send_after(n, t, NULL, e);
}

int table_try(struct nl *n, const struct table *t, struct err *e)
{
	return transact(n, t, NULL, false, e) < 0 ? err_wrap(e, "the kernel's table") : 0;
}

static int delete(struct nl *n, uint8_t family, struct err *e)
{
	AUTO(nl_batch) b = nl_batch_new(n, 0);

	if (!b)
		return err_plain(e, ENOMEM, "out of memory");
	table_wire_delete(b, family, TABLE_WIRE_TABLE, NULL);
	return nl_batch_commit(b, e) < 0 ? owned_by_other(n, e) : 0;
}

int table_delete(struct nl *n, struct err *e)
{
	struct err none;

	if (delete(n, NFPROTO_NETDEV, &none) < 0 && none.code != ENOENT) {
		*e = none;
		return -1;
	}
	return delete(n, NFPROTO_INET, e);
}
