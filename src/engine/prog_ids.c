/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Identities: devices that no entry can tell apart are one class, makers likewise; an identity is a device class, the maker
 * that the registry names, and whether it is sticky. */
#include "engine/prog_part.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/vec.h"

enum { IDS_MAX = 1 << 24, ID_WORDS = 3 };

struct ids {
	struct prog_build *b;
	VEC(const char *) tags;         /* that groups ask for, sorted */
	VEC(uint32_t) devices, makers;  /* one of each class; class 0: none */
	uint32_t *maker_class;          /* 0: no maker; then by maker */
	struct pool keys;               /* of the joint tables' columns */
	struct pool ids;
	uint64_t *key;                  /* scratch */
};

static int compare_tags(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool collect_tags(struct ids *s)
{
	const struct policy *p = s->b->p;
	size_t n = 0;

	for (uint32_t g = 0; g < p->n_groups; g++)
		for (uint32_t i = 0; i < p->groups[g].n_tags; i++)
			if (!VEC_PUSH(&s->tags, p->groups[g].tags[i]))
				return false;
	if (!s->tags.n)
		return true;
	qsort(s->tags.at, s->tags.n, sizeof(*s->tags.at), compare_tags);
	for (size_t i = 0; i < s->tags.n; i++)
		if (i == 0 || strcmp(s->tags.at[i], s->tags.at[n - 1]) != 0)
			s->tags.at[n++] = s->tags.at[i];
	s->tags.n = n;
	return true;
}

bool prog_is_cleared(const struct policy_cleared *c, int64_t now_ns)
{
	return c && (!c->date.set || now_ns >= c->date.ns) && (!c->until.set || now_ns < c->until.ns);
}

static bool lists_maker(const struct policy_group *g, uint32_t maker)
{
	for (uint32_t i = 0; i < g->n_makers; i++)
		if (g->makers[i] == maker)
			return true;
	return false;
}

static int class_makers(struct ids *s)
{
	struct prog_build *b = s->b;
	struct prog *g = b->g;
	const struct policy *p = b->p;
	const size_t words = 1 + (2 * (size_t)p->n_groups + 63) / 64;
	AUTO_MEM uint64_t *key = calloc(words, sizeof(*key));
	struct pool keys;
	bool ok;

	pool_init(&keys, words, &b->budget);
	s->maker_class = calloc(p->n_makers + (size_t)1, sizeof(uint32_t));
	g->maker_hit = prog_alloc(b, p->n_makers, sizeof(*g->maker_hit));
	ok = key && s->maker_class && g->maker_hit && pool_add(&keys, key) == 0 && VEC_PUSH(&s->makers, POLICY_NONE);
	for (uint32_t m = 0; ok && m < p->n_makers; m++) {
		struct policy_basis_hit *hit = &g->maker_hit[m];

		policy_maker_restricted(p, m, NULL, 0, g->now_ns, hit);
		memset(key, 0, words * sizeof(*key));
		key[0] = 1U | (hit->restricted ? 2U : 0) | (hit->described_only ? 4U : 0);
		for (uint32_t k = 0; k < p->n_groups; k++) {
			if (b->group_maker[(size_t)k * p->n_makers + m])
				pool_set(key + 1, 2 * (size_t)k);
			if (lists_maker(&p->groups[k], m))
				pool_set(key + 1, 2 * (size_t)k + 1);
		}
		s->maker_class[m + 1] = pool_add(&keys, key);
		ok = s->maker_class[m + 1] != POOL_NONE && (s->maker_class[m + 1] < s->makers.n || VEC_PUSH(&s->makers, m));
	}
	g->n_maker_classes = keys.n;
	pool_fini(&keys);
	return ok ? 0 : prog_too_big(b);
}

static void device_key(const struct ids *s, uint32_t device, uint64_t *key, size_t words)
{
	const struct policy_device *d = &s->b->p->devices[device];

	memset(key, 0, words * sizeof(*key));
	key[0] = 1 + (uint64_t)s->maker_class[d->maker + 1];
	key[1] = (uint64_t)s->maker_class[d->registry_maker + 1] << 1 | prog_is_cleared(d->cleared, s->b->g->now_ns);
	key[2] = s->b->device_named[device] || s->b->device_joint[device] ? device + UINT64_C(1) : 0;
	for (uint32_t i = 0; i < d->n_tags && s->tags.n; i++) {
		const char *const *at = bsearch(&d->tags[i], s->tags.at, s->tags.n, sizeof(*s->tags.at), compare_tags);

		if (at)
			pool_set(key + 3, (size_t)(at - s->tags.at));
	}
}

static int class_devices(struct ids *s)
{
	struct prog_build *b = s->b;
	struct prog *g = b->g;
	const size_t words = 3 + (s->tags.n + 63) / 64;
	AUTO_MEM uint64_t *key = calloc(words, sizeof(*key));
	struct pool keys;
	bool ok;

	pool_init(&keys, words, &b->budget);
	g->device_class = prog_alloc(b, b->p->n_devices + (size_t)1, sizeof(uint32_t));
	ok = key && g->device_class && pool_add(&keys, key) == 0 && VEC_PUSH(&s->devices, POLICY_NONE);
	for (uint32_t d = 0; ok && d < b->p->n_devices; d++) {
		device_key(s, d, key, words);
		g->device_class[d + 1] = pool_add(&keys, key);
		ok = g->device_class[d + 1] != POOL_NONE && (g->device_class[d + 1] < s->devices.n || VEC_PUSH(&s->devices, d));
	}
	g->n_device_classes = keys.n;
	pool_fini(&keys);
	return ok ? 0 : prog_too_big(b);
}

static struct prog_who who_of(const struct ids *s, uint32_t device, uint32_t maker, bool sticky)
{
	const struct prog_build *b = s->b;
	struct prog_who who = { .listed = s->devices.at[device], .sticky = sticky,
				.makers = { POLICY_NONE, POLICY_NONE, s->makers.at[maker] } };

	if (who.listed != POLICY_NONE) {
		const struct policy_device *d = &b->p->devices[who.listed];

		who.makers[0] = d->maker;
		who.makers[1] = d->registry_maker;
		who.cleared = prog_is_cleared(d->cleared, b->g->now_ns);
		who.known = true;
	}
	who.restricted = sticky;
	for (unsigned i = 0; i < 3; i++) {
		const struct policy_basis_hit *hit = who.makers[i] == POLICY_NONE ? NULL : &b->g->maker_hit[who.makers[i]];

		who.restricted |= hit && hit->restricted;
		who.known |= hit && !hit->described_only;
	}
	who.restricted &= !who.cleared;
	who.known |= who.restricted;
	return who;
}

/* Which column of the joint tables. */
static uint32_t joint_of(struct ids *s, const struct prog_who *who)
{
	struct prog_build *b = s->b;
	uint32_t at;

	memset(s->key, 0, s->keys.words * sizeof(*s->key));
	s->key[0] = (who->firewall ? 1U : 0) | (who->unknown ? 2U : 0);
	if (who->listed != POLICY_NONE && b->device_joint[who->listed])
		s->key[0] |= (who->listed + UINT64_C(1)) << 2;
	for (uint32_t g = 0; g < b->p->n_groups; g++)
		if (b->group_joint[g] && prog_is_like(b, g, who))
			pool_set(s->key + 1, g);
	at = pool_add(&s->keys, s->key);
	return at != b->joint_who.n || VEC_PUSH(&b->joint_who, *who) ? at : POOL_NONE;
}

/* Nobody proves who is not known, and who is known is not unknown. */
static uint32_t heeds(const struct prog_who *who)
{
	enum { PROOFS = PROG_PROOF | PROG_PROOF_RESTRICTED };
	const uint32_t paired = who->restricted ? PROG_OF_RESTRICTED : PROG_OF_OTHERS;

	return PROG_SPOOF | PROG_STRAY | PROG_ROUTED |
	       (who->known ? paired : (paired & ~(uint32_t)PROOFS) | PROG_MEANINGFUL);
}

static uint32_t add_id(struct ids *s, const struct prog_who *who, uint32_t as_unknown)
{
	struct prog_build *b = s->b;
	struct prog_id id = { .as_unknown = as_unknown };
	uint64_t row[ID_WORDS] = { 0 };

	id.flags = (who->restricted ? PROG_RESTRICTED : 0) | (who->known ? PROG_KNOWN : 0);
	id.heeds = heeds(who);
	id.joint = joint_of(s, who);
	for (unsigned side = 0; side < PROG_SIDES; side++) {
		memcpy(b->row, b->base[side][PROG_DEVICE], b->words * sizeof(*b->row));
		if (who->listed != POLICY_NONE)
			prog_apply(b, side, POLICY_REF_DEVICE, who->listed, b->row);
		for (uint32_t g = 0; g < b->p->n_groups; g++)
			if (b->group_asks[g] == PROG_ASKS_WHO && prog_is_member(b, g, who, POLICY_NONE))
				prog_apply(b, side, POLICY_REF_GROUP, g, b->row);
		id.class[side] = pool_add(&b->classes[side][PROG_DEVICE], b->row);
		if (id.class[side] == POOL_NONE)
			return POOL_NONE;
	}
	_Static_assert(sizeof(id) <= sizeof(row), "an id is a row of a pool");
	memcpy(row, &id, sizeof(id));
	return id.joint == POOL_NONE ? POOL_NONE : pool_add(&s->ids, row);
}

/* An identity and, where it is not known, the same where that means something. */
static uint32_t add_both(struct ids *s, struct prog_who who)
{
	uint32_t as_unknown = 0;

	if (!who.known) {
		struct prog_who unknown = who;

		unknown.unknown = true;
		as_unknown = add_id(s, &unknown, 0);
	}
	return as_unknown == POOL_NONE ? POOL_NONE : add_id(s, &who, as_unknown);
}

static int class_ids(struct ids *s)
{
	struct prog_build *b = s->b;
	struct prog *g = b->g;
	const size_t n = (size_t)g->n_device_classes * g->n_maker_classes * 2;
	const struct prog_who firewall = { .listed = POLICY_NONE, .makers = { POLICY_NONE, POLICY_NONE, POLICY_NONE },
					   .firewall = true, .known = true };
	uint32_t *at;

	at = g->id_of = n > IDS_MAX ? NULL : prog_alloc(b, n, sizeof(*at));
	g->maker_plane = prog_alloc(b, b->p->n_makers + (size_t)1, sizeof(*g->maker_plane));
	if (!at || !g->maker_plane)
		return prog_too_big(b);
	g->sticky_plane = g->n_maker_classes * g->n_device_classes;
	for (uint32_t m = 0; m <= b->p->n_makers; m++)
		g->maker_plane[m] = s->maker_class[m] * g->n_device_classes;
	for (uint32_t plane = 0; plane < 2 * g->n_maker_classes; plane++) {
		for (uint32_t d = 0; d < g->n_device_classes; d++) {
			*at = add_both(s, who_of(s, d, plane % g->n_maker_classes, plane >= g->n_maker_classes));
			if (*at++ == POOL_NONE)
				return prog_too_big(b);
		}
	}
	g->nobody = g->id_of[0];
	g->firewall = add_id(s, &firewall, 0);
	g->n_ids = s->ids.n;
	g->n_joint_ids = (uint32_t)b->joint_who.n;
	g->ids = prog_alloc(b, s->ids.n, sizeof(*g->ids));
	if (!g->ids || g->firewall == POOL_NONE)
		return prog_too_big(b);
	for (uint32_t i = 0; i < s->ids.n; i++)
		memcpy(&g->ids[i], pool_at(&s->ids, i), sizeof(*g->ids));
	return 0;
}

int prog_ids(struct prog_build *b)
{
	const size_t words = 1 + (b->p->n_groups + (size_t)63) / 64;
	struct ids s = { .b = b, .key = calloc(words, sizeof(*s.key)) };
	int rc = -1;

	pool_init(&s.keys, words, &b->budget);
	pool_init(&s.ids, ID_WORDS, &b->budget);
	if (!s.key || !collect_tags(&s))
		err_plain(b->e, ENOMEM, "out of memory");
	else if (class_makers(&s) == 0 && class_devices(&s) == 0)
		rc = class_ids(&s);
	VEC_FREE(&s.tags);
	VEC_FREE(&s.devices);
	VEC_FREE(&s.makers);
	pool_fini(&s.keys);
	pool_fini(&s.ids);
	free(s.maker_class);
	free(s.key);
	return rc;
}
