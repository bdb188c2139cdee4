/* SPDX-License-Identifier: GPL-2.0-or-later */
/* merge: three tables of rows, tried in order: one row per key; one per kind and rule; one per kind, which has room for all there
 * are.  A row keeps its event packed, so that it needs one block of memory; without memory for that it still counts.
 * Invariant: every packet is either in an event that was emitted or in some row's pending count. */
#include "event/merge.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/now.h"

enum { KEYS = 32768, RULES = 1024, NAME_MAX_LEN = 253 };
enum level { BY_KEY, BY_RULE, BY_KIND, LEVELS };
#define NONE UINT32_MAX
#define GRACE_NS (30 * NOW_NS_PER_S)

struct row {
	struct merge_key key;
	struct merge_count pending;
	char *body;                     /* the event as packed, or NULL */
	size_t body_len;
	char **names;                   /* EVENT_NAMES of them, or NULL */
	unsigned n_names;
	uint64_t more_names;
	int64_t told_ns, seen_ns;       /* monotonic */
	uint32_t next, denied;          /* in the bucket; first of the row's denied elements */
	bool used;
};

struct table {
	struct row *rows;
	uint32_t *buckets;
	uint32_t n, max, buckets_mask, free, fresh;     /* free: list of given-back rows; fresh: never used from here on */
};

struct element {
	struct merge_denied key;
	uint32_t row, next, row_next;
	uint8_t level;
};

struct merge {
	merge_emit_fn emit;
	void *arg;
	int64_t window_ns;
	uint64_t seed;
	struct table tables[LEVELS];
	struct element *elements;
	uint32_t *element_buckets;
	uint32_t n_elements, max_elements, elements_mask, free_element, fresh_element;
	struct merge_stats stats;
};

static const char folded[] = "more attempts at once than are kept apart: these are counted together";

/* --- rows --- */

static uint32_t hash(const struct merge *m, const void *key, size_t size)
{
	return (uint32_t)digest_hash64(key, size, m->seed);
}

/* The key that stands for k at a level. */
static struct merge_key key_at(const struct merge_key *k, enum level level)
{
	struct merge_key ret;

	if (level == BY_KEY)
		return *k;
	MERGE_KEY_INIT(&ret);
	ret.kind = k->kind;
	ret.rule = level == BY_RULE ? k->rule : 0;
	return ret;
}

static struct row *row_find(const struct merge *m, enum level level, const struct merge_key *k)
{
	const struct table *t = &m->tables[level];
	uint32_t at = t->buckets[hash(m, k, sizeof(*k)) & t->buckets_mask];

	while (at != NONE && memcmp(&t->rows[at].key, k, sizeof(*k)) != 0)
		at = t->rows[at].next;
	return at == NONE ? NULL : &t->rows[at];
}

static struct row *row_add(struct merge *m, enum level level, const struct merge_key *k)
{
	struct table *t = &m->tables[level];
	uint32_t at = t->free, *bucket = &t->buckets[hash(m, k, sizeof(*k)) & t->buckets_mask];
	struct row *r;

	if (t->n == t->max)
		return NULL;
	if (at == NONE)
		at = t->fresh++;
	else
		t->free = t->rows[at].next;
	r = &t->rows[at];
	*r = (struct row){ .key = *k, .next = *bucket, .denied = NONE, .used = true };
	*bucket = at;
	t->n++;
	return r;
}

static void names_clear(struct row *r)
{
	for (unsigned i = 0; i < r->n_names; i++)
		free(r->names[i]);
	free(r->names);
	r->names = NULL;
	r->n_names = 0;
	r->more_names = 0;
}

static void element_remove(struct merge *m, uint32_t at)
{
	struct element *el = &m->elements[at];
	uint32_t *link = &m->element_buckets[hash(m, &el->key, sizeof(el->key)) & m->elements_mask];

	while (*link != at)
		link = &m->elements[*link].next;
	*link = el->next;
	el->next = m->free_element;
	m->free_element = at;
	m->n_elements--;
}

static void row_remove(struct merge *m, enum level level, struct row *r)
{
	struct table *t = &m->tables[level];
	uint32_t at = (uint32_t)(r - t->rows), *link = &t->buckets[hash(m, &r->key, sizeof(r->key)) & t->buckets_mask];

	for (uint32_t el = r->denied, next; el != NONE; el = next) {
		next = m->elements[el].row_next;
		element_remove(m, el);
	}
	while (*link != at)
		link = &t->rows[*link].next;
	*link = r->next;
	names_clear(r);
	free(r->body);
	*r = (struct row){ .next = t->free };
	t->free = at;
	t->n--;
}

/* --- the kernel's denied elements --- */

static uint32_t element_find(const struct merge *m, const struct merge_denied *d)
{
	uint32_t at = m->element_buckets[hash(m, d, sizeof(*d)) & m->elements_mask];

	while (at != NONE && memcmp(&m->elements[at].key, d, sizeof(*d)) != 0)
		at = m->elements[at].next;
	return at;
}

/* Without room the element is not known here, and its counts are told by the caller. */
static void element_add(struct merge *m, const struct merge_denied *d, enum level level, struct row *r)
{
	uint32_t row = (uint32_t)(r - m->tables[level].rows), at = element_find(m, d), *bucket;
	struct element *el;

	if (at != NONE && m->elements[at].row == row && m->elements[at].level == level)
		return;
	if (at != NONE) {                               /* another rule's by now: the list of its old row must lose it */
		el = &m->elements[at];
		for (uint32_t *link = &m->tables[el->level].rows[el->row].denied; ; link = &m->elements[*link].row_next) {
			if (*link == at) {
				*link = el->row_next;
				break;
			}
		}
		element_remove(m, at);
	}
	if (m->n_elements == m->max_elements)
		return;
	at = m->free_element;
	if (at == NONE)
		at = m->fresh_element++;
	else
		m->free_element = m->elements[at].next;
	bucket = &m->element_buckets[hash(m, d, sizeof(*d)) & m->elements_mask];
	m->elements[at] = (struct element){ .key = *d, .row = row, .level = (uint8_t)level, .next = *bucket,
					    .row_next = r->denied };
	*bucket = at;
	r->denied = at;
	m->n_elements++;
}

/* --- counting --- */

static void count_add(struct merge_count *to, const struct merge_count *c)
{
	if (to->packets == 0 || c->first_ns < to->first_ns)
		to->first_ns = c->first_ns;
	if (to->packets == 0 || c->last_ns > to->last_ns)
		to->last_ns = c->last_ns;
	to->packets += c->packets;
	to->bytes += c->bytes;
}

static void name_add(struct row *r, const char *name)
{
	if (!name || !*name)
		return;
	for (unsigned i = 0; i < r->n_names; i++)
		if (strncmp(r->names[i], name, NAME_MAX_LEN) == 0)
			return;
	if (!r->names)
		r->names = calloc(EVENT_NAMES, sizeof(*r->names));
	if (r->names && r->n_names < EVENT_NAMES && (r->names[r->n_names] = strndup(name, NAME_MAX_LEN)))
		r->n_names++;
	else
		r->more_names++;
}

static void row_count(struct merge *m, struct row *r, const struct merge_count *c, const char *name, int64_t now_ns)
{
	if (c->packets == 0)
		return;
	if (r->pending.packets == 0 && now_ns - r->told_ns > m->window_ns)
		r->told_ns = now_ns;                    /* a window begins with its first packet */
	count_add(&r->pending, c);
	name_add(r, name);
	r->seen_ns = now_ns;
	m->stats.counted += c->packets;
}

/* --- telling --- */

static void tell(struct merge *m, struct row *r)
{
	struct event ev = { .kind = (enum event_kind)r->key.kind };
	struct arena *a = arena_new();
	struct err e;

	if (!a || !r->body || event_unpack(r->body, r->body_len, a, &ev, &e) < 0)
		ev = (struct event){ .kind = (enum event_kind)r->key.kind, .reason = folded };
	ev.summary = true;
	ev.packets = r->pending.packets;
	ev.bytes = r->pending.bytes;
	ev.first_ns = r->pending.first_ns;
	ev.last_ns = r->pending.last_ns;
	ev.n_names = (uint8_t)r->n_names;
	for (unsigned i = 0; i < r->n_names; i++)
		ev.names[i] = r->names[i];
	ev.more_names = r->more_names;
	m->emit(m->arg, &ev);
	m->stats.summaries++;
	arena_free(a);
	names_clear(r);
	r->pending = (struct merge_count){ 0 };
}

/* What is left of an event that stands for many: kind, rule, site; no ends. */
static struct event without_ends(const struct event *ev)
{
	struct event ret = *ev;

	ret.from = (struct event_end){ .zone = ev->from.zone, .zone_mode = ev->from.zone_mode };
	ret.to = (struct event_end){ .zone_mode = ev->to.zone_mode };
	ret.community_id = ret.domain = ret.dns_question = ret.tls_name = ret.service = ret.detail = NULL;
	ret.n_names = 0;
	memset(ret.names, 0, sizeof(ret.names));
	ret.proto = ret.tcp_flags = ret.icmp_type = ret.icmp_code = 0;
	ret.reason = folded;
	return ret;
}

static void keep_body(struct row *r, const struct event *ev)
{
	struct buf b;

	buf_init(&b);
	if (event_pack(ev, &b))
		r->body = buf_take(&b, &r->body_len);
	buf_fini(&b);
}

bool merge_hit(struct merge *m, const struct merge_key *k, const struct merge_denied *denied, const struct merge_count *c,
	       const char *name, int64_t now_ns)
{
	for (enum level level = BY_KEY; level < LEVELS; level++) {
		struct merge_key key = key_at(k, level);
		struct row *r = row_find(m, level, &key);

		if (r) {
			row_count(m, r, c, name, now_ns);
			m->stats.folded += level == BY_KEY ? 0 : c->packets;
			if (denied)
				element_add(m, denied, level, r);
			return true;
		}
		if (m->tables[level].n < m->tables[level].max)
			return false;
	}
	return false;
}

void merge_start(struct merge *m, const struct merge_key *k, const struct merge_denied *denied, const struct event *ev,
		 int64_t now_ns)
{
	for (enum level level = BY_KEY; level < LEVELS; level++) {
		struct merge_key key = key_at(k, level);
		struct merge_count c = { ev->packets, ev->bytes, ev->first_ns, ev->last_ns };
		struct row *r = row_find(m, level, &key);

		if (r) {
			row_count(m, r, &c, NULL, now_ns);
		} else {
			struct event told = level == BY_KEY ? *ev : without_ends(ev);

			r = row_add(m, level, &key);
			if (!r)
				continue;
			r->told_ns = r->seen_ns = now_ns;
			keep_body(r, &told);
			m->emit(m->arg, &told);
			m->stats.first++;
		}
		m->stats.folded += level == BY_KEY ? 0 : ev->packets;
		if (denied)
			element_add(m, denied, level, r);
		return;
	}
}

bool merge_count_denied(struct merge *m, const struct merge_denied *d, const struct merge_count *c, int64_t now_ns)
{
	uint32_t at = element_find(m, d);
	const struct element *el;

	if (at == NONE)
		return false;
	el = &m->elements[at];
	row_count(m, &m->tables[el->level].rows[el->row], c, NULL, now_ns);
	return true;
}

static void walk(struct merge *m, int64_t now_ns, bool all, bool forget)
{
	for (enum level level = BY_KEY; level < LEVELS; level++) {
		struct table *t = &m->tables[level];

		for (uint32_t i = 0; i < t->fresh; i++) {
			struct row *r = &t->rows[i];

			if (!r->used)
				continue;
			if (r->pending.packets && (all || now_ns - r->told_ns >= m->window_ns)) {
				tell(m, r);
				r->told_ns = now_ns;
			}
			if (forget || (!all && !r->pending.packets && now_ns - r->seen_ns >= m->window_ns + GRACE_NS))
				row_remove(m, level, r);
		}
	}
}

void merge_tick(struct merge *m, int64_t now_ns)
{
	walk(m, now_ns, false, false);
}

void merge_flush(struct merge *m, bool forget)
{
	walk(m, now_mono_ns(), true, forget);
}

void merge_stats(const struct merge *m, struct merge_stats *ret)
{
	*ret = m->stats;
	ret->keys = m->tables[BY_KEY].n;
	ret->rules = m->tables[BY_RULE].n + m->tables[BY_KIND].n;
}

/* --- the whole --- */

static uint32_t power_of_two(size_t n)
{
	uint32_t p = 16;

	while (p < n && p < UINT32_C(1) << 30)
		p <<= 1;
	return p;
}

static uint32_t *buckets_new(uint32_t n)
{
	uint32_t *ret = malloc(n * sizeof(*ret));

	if (ret)
		memset(ret, 0xff, n * sizeof(*ret));
	return ret;
}

static bool table_init(struct table *t, size_t max)
{
	uint32_t buckets = power_of_two(max);

	t->max = (uint32_t)max;
	t->free = NONE;
	t->buckets_mask = buckets - 1;
	t->rows = calloc(max, sizeof(*t->rows));
	t->buckets = buckets_new(buckets);
	return t->rows && t->buckets;
}

struct merge *merge_new(const struct merge_config *c, merge_emit_fn emit, void *arg)
{
	size_t keys = c->max_keys ? c->max_keys : KEYS, rules = c->max_rules ? c->max_rules : RULES;
	uint32_t buckets = power_of_two(2 * keys);
	struct merge *m = calloc(1, sizeof(*m));
	bool ok;

	if (!m)
		return NULL;
	m->emit = emit;
	m->arg = arg;
	m->window_ns = c->window_ns ? c->window_ns : 60 * NOW_NS_PER_S;
	m->seed = digest_seed();
	ok = table_init(&m->tables[BY_KEY], keys);
	ok &= table_init(&m->tables[BY_RULE], rules);
	ok &= table_init(&m->tables[BY_KIND], EVENT_KINDS);
	m->max_elements = (uint32_t)(2 * keys);
	m->elements_mask = buckets - 1;
	m->free_element = NONE;
	m->elements = calloc(m->max_elements, sizeof(*m->elements));
	m->element_buckets = buckets_new(buckets);
	if (ok && m->elements && m->element_buckets)
		return m;
	merge_free(m);
	return NULL;
}

void merge_free(struct merge *m)
{
	if (!m)
		return;
	for (enum level level = BY_KEY; level < LEVELS; level++) {
		struct table *t = &m->tables[level];

		for (uint32_t i = 0; t->rows && i < t->fresh; i++) {
			names_clear(&t->rows[i]);
			free(t->rows[i].body);
		}
		free(t->rows);
		free(t->buckets);
	}
	free(m->elements);
	free(m->element_buckets);
	free(m);
}
