/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scalars and lists of them: text to values, each with the words for what is wrong with it. */
#include "policy/policy_read.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/now.h"
#include "base/word.h"
#include "policy/doc.h"

POLICY_SCALAR(version)
{
	const char *s = policy_read_text(r, v, f);

	(void)obj;
	if (s && strcmp(s, "1"))
		diag_add(r->d, DIAG_ERROR, v->loc, "version '%.20s' is not known: this program reads version 1", s);
}

static bool is_truth(const struct doc_node *v)
{
	return !v->quoted && (!strcasecmp(v->text, "true") || !strcasecmp(v->text, "false"));
}

/* Free text.  Words that YAML takes for something else must be in quotes, so that every reader sees the same. */
static const char *text_of(struct policy_read *r, const struct doc_node *v, const struct policy_field *f)
{
	const char *s = policy_read_text(r, v, f);

	if (!s)
		return NULL;
	if (is_truth(v))
		diag_add(r->d, DIAG_ERROR, v->loc, "'%s' takes text: put \"%s\" in quotes", f->key, s);
	else if (!*s)
		diag_add(r->d, DIAG_ERROR, v->loc, "'%s' is empty: write text or leave it out", f->key);
	else if (strlen(s) > POLICY_MAX_TEXT)
		diag_add(r->d, DIAG_ERROR, v->loc, "'%s' has %zu bytes; at most %d are read", f->key, strlen(s),
			 POLICY_MAX_TEXT);
	else
		return arena_strdup(r->a, s);
	return NULL;
}

POLICY_SCALAR(str)
{
	*(const char **)policy_at(obj, f->off) = text_of(r, v, f);
}

POLICY_SCALAR(name)
{
	const char *s = text_of(r, v, f);

	if (s && !policy_read_is_name(s))
		policy_read_bad_name(r, v->loc, s, strcmp(f->key, "name") ? f->key : "device");
	else if (s && f->key[0] == 'i' && !strcmp(s, "default"))
		diag_add(r->d, DIAG_ERROR, v->loc, "the id 'default' stands for the policy's default: choose another");
	*(const char **)policy_at(obj, f->off) = s;
}

POLICY_SCALAR(timezone)
{
	const char *s = text_of(r, v, f);

	if (!s)
		return;
	if (!now_zone_exists(s))
		diag_add(r->d, DIAG_ERROR, v->loc, "there is no time zone '%.60s' on this system: write one such as "
			 "Europe/London or UTC", s);
	else
		*(const char **)policy_at(obj, f->off) = s;
}

POLICY_SCALAR(word)
{
	const struct word *words = f->more;
	const char *s = policy_read_text(r, v, f), *near, *names[16];
	char list[200];
	size_t n = 0;
	int value;

	if (!s)
		return;
	if (word_find(words, s, &value) && !(v->quoted && (!strcmp(s, "true") || !strcmp(s, "false")))) {
		*(unsigned *)policy_at(obj, f->off) = (unsigned)value;
		return;
	}
	for (; words[n].name && n < 16; n++)
		names[n] = words[n].name;
	if (word_find(words, s, &value)) {
		diag_add(r->d, DIAG_ERROR, v->loc, "\"%s\" is text, and '%s' takes the word: write it without quotes", s, f->key);
		return;
	}
	near = word_nearest(s, names, n);
	diag_add(r->d, DIAG_ERROR, v->loc, "'%.60s' is no value of '%s': write %s%s%s%s", s, f->key,
		 word_list(words, list, sizeof(list)), near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static bool truth_of(struct policy_read *r, const struct doc_node *v, const struct policy_field *f, bool *ret)
{
	const char *s = policy_read_text(r, v, f);

	if (!s)
		return false;
	*ret = !strcmp(s, "true");
	if (!v->quoted && (*ret || !strcmp(s, "false")))
		return true;
	diag_add(r->d, DIAG_ERROR, v->loc, "'%s' takes true or false, not '%.60s'%s", f->key, s,
		 v->quoted ? " in quotes" : "");
	return false;
}

POLICY_SCALAR(bool)
{
	truth_of(r, v, f, policy_at(obj, f->off));
}

POLICY_SCALAR(tristate)
{
	bool yes;

	if (truth_of(r, v, f, &yes))
		*(enum policy_tristate *)policy_at(obj, f->off) = yes ? POLICY_YES : POLICY_NO;
}

/* Decimal digits alone, at most max. */
static bool number_of(const char *s, unsigned long max, unsigned long *ret)
{
	unsigned long n = 0;

	if (!*s || (s[0] == '0' && s[1]) || strlen(s) > 10)
		return false;
	for (; *s >= '0' && *s <= '9'; s++)
		n = n * 10 + (unsigned long)(*s - '0');
	*ret = n;
	return !*s && n <= max;
}

/* The estate's bound holds: what includes it may narrow it, not widen it. */
POLICY_SCALAR(days)
{
	uint32_t *at = policy_at(obj, f->off);
	const char *s = policy_read_text(r, v, f);
	unsigned long n;

	if (!s)
		return;
	if (v->quoted || !number_of(s, 36500, &n) || !n)
		diag_add(r->d, DIAG_ERROR, v->loc, "'%s' takes a number of days from 1 to 36500, not '%.40s'", f->key, s);
	else if (*at && n > *at)
		diag_add(r->d, DIAG_ERROR, v->loc, "the files that are included allow %u days at most: %lu cannot widen that",
			 *at, n);
	else
		*at = (uint32_t)n;
}

POLICY_SCALAR(mask)
{
	const char *s = policy_read_text(r, v, f);
	unsigned long mask = 0;
	unsigned shift = 0;

	if (!s)
		return;
	if (!strncmp(s, "0x", 2) && strlen(s) <= 10)
		for (const char *c = s + 2; *c; c++) {
			const char digits[] = "0123456789abcdef", *at = memchr(digits, *c | 0x20, 16);

			mask = at ? mask << 4 | (unsigned long)(at - digits) : ~0ul >> 8;
		}
	else if (!number_of(s, UINT32_MAX, &mask))
		mask = 0;
	while (shift < 24 && mask != 0xfful << shift)
		shift++;
	if (mask != 0xfful << shift)
		diag_add(r->d, DIAG_ERROR, v->loc, "'%s' takes 8 neighbouring bits such as 0xff000000, not '%.40s'", f->key, s);
	else
		*(uint32_t *)policy_at(obj, f->off) = (uint32_t)mask;
}

bool policy_read_time(struct policy_read *r, const struct doc_node *v, bool stop, struct policy_time *ret)
{
	struct err e = { 0 };
	char *text;

	if (v->kind != DOC_SCALAR || doc_is_null(v))
		return false;
	text = arena_strdup(r->a, v->text);
	if (text && when_parse(text, r->p->site.timezone, stop, v->loc, ret, &e))
		diag_err(r->d, &e);
	return true;
}

POLICY_SCALAR(start)
{
	if (!policy_read_time(r, v, false, policy_at(obj, f->off)))
		policy_read_wrong(r, v, f);
}

POLICY_SCALAR(stop)
{
	if (!policy_read_time(r, v, true, policy_at(obj, f->off)))
		policy_read_wrong(r, v, f);
}

/* A list into the arena: one function reads an item. */
static_assert(_Alignof(struct mac) == 1 && _Alignof(struct addr) == 1 && _Alignof(struct prefix) == 1, "made of bytes");

typedef bool (*item_fn)(struct policy_read *r, const struct doc_node *v, void *item);

static void read_list(struct policy_read *r, const struct doc_node *v, const struct policy_field *f, void *obj, size_t size,
		      item_fn item)
{
	uint32_t *count = policy_at(obj, f->n_off), n, done = *count;
	const struct doc_node *items;
	struct loc *locs = NULL;
	char *at;

	if (!policy_read_items(r, v, f, &items, &n))
		return;
	at = f->type == POLICY_T_STRS || f->type == POLICY_T_IFACES ? arena_alloc(r->a, (size_t)done + n, size) :
								      arena_text(r->a, ((size_t)done + n) * size);
	if (f->loc_off)
		locs = arena_array(r->brief, (size_t)done + n, struct loc);
	if (!at || (f->loc_off && !locs))
		return;
	if (done)       /* an include gave some already */
		memcpy(at, *(char **)policy_at(obj, f->off), done * size);
	if (done && locs)
		memcpy(locs, *(struct loc **)policy_at(obj, f->loc_off), done * sizeof(*locs));
	for (uint32_t i = 0; i < n; i++) {
		if (items[i].kind != DOC_SCALAR || doc_is_null(&items[i]) || is_truth(&items[i])) {
			policy_read_wrong(r, &items[i], f);
			continue;
		}
		if (!item(r, &items[i], at + done * size))
			continue;
		if (locs)
			locs[done] = items[i].loc;
		done++;
	}
	*(void **)policy_at(obj, f->off) = at;
	*count = done;
	if (locs)
		*(struct loc **)policy_at(obj, f->loc_off) = locs;
}

static bool item_str(struct policy_read *r, const struct doc_node *v, void *item)
{
	if (policy_read_is_name(v->text))
		return (*(const char **)item = arena_strdup(r->a, v->text)) != NULL;
	policy_read_bad_name(r, v->loc, v->text, "tag");
	return false;
}

static bool item_addr(struct policy_read *r, const struct doc_node *v, void *item)
{
	const char *slash = strchr(v->text, '/');

	if (addr_parse(v->text, item))
		return true;
	diag_add(r->d, DIAG_ERROR, v->loc, "'%.60s' is no address: write %s", v->text,
		 slash ? "one address, without a prefix length" : "one such as 10.20.1.10 or fd00:20::10");
	return false;
}

static bool item_mac(struct policy_read *r, const struct doc_node *v, void *item)
{
	struct mac *m = item;

	if (!addr_mac_parse(v->text, m))
		diag_add(r->d, DIAG_ERROR, v->loc, "'%.60s' is no MAC: write one such as \"44:19:b6:00:10:01\"", v->text);
	else if (addr_mac_is_group(m))
		diag_add(r->d, DIAG_ERROR, v->loc, "%s is a group's MAC: a device sends from its own", v->text);
	else if (!addr_mac_u64(m))
		diag_add(r->d, DIAG_ERROR, v->loc, "the MAC of zeros is no device's");
	else
		return true;
	return false;
}

static bool item_net(struct policy_read *r, const struct doc_node *v, void *item)
{
	char net[ADDR_PREFIX_TEXT], host[ADDR_TEXT];
	struct prefix *p = item;
	struct addr whole;
	bool host_bits = false;

	if (!addr_prefix_parse(v->text, p, &host_bits)) {
		diag_add(r->d, DIAG_ERROR, v->loc, "'%.60s' is no address or prefix: write one such as 10.20.0.0/16 or "
			 "\"fd00:20::/64\"", v->text);
		return false;
	}
	if (!host_bits)
		return true;
	snprintf(host, sizeof(host), "%.*s", (int)strcspn(v->text, "/"), v->text);
	if (!addr_parse(host, &whole))
		snprintf(host, sizeof(host), "the address alone");
	diag_add(r->d, DIAG_ERROR, v->loc, "%.60s has bits beyond its length: write %s for the network, or %s", v->text,
		 addr_prefix_text(p, net, sizeof(net)), host);
	return false;
}

uint32_t policy_read_iface(struct policy_read *r, const char *name, struct loc loc)
{
	struct policy_name n = { name, POLICY_NAME_ZONE, r->p->n_ifaces, loc };
	const struct policy_name *known;
	bool failed = false;

	known = policy_names_add(&r->ifaces, n, &failed);
	if (known)
		return known->index;
	if (failed || r->p->n_ifaces == POLICY_MAX_IFACES)
		return POLICY_NONE;
	r->p->ifaces[r->p->n_ifaces] = (struct policy_iface){ .name = name, .loc = loc };
	return r->p->n_ifaces++;
}

/* What the kernel takes for an interface's name (dev_valid_name), and what nft prints back unharmed. */
static bool item_iface(struct policy_read *r, const struct doc_node *v, void *item)
{
	const char *s = v->text, *name;
	uint32_t *index = item;

	if (!*s || strlen(s) > 15 || strpbrk(s, "/: \n\"\\*'") || !strcmp(s, ".") || !strcmp(s, "..")) {
		diag_add(r->d, DIAG_ERROR, v->loc, "'%.60s' is no interface's name: write one of up to 15 characters "
			 "such as eth1.20", s);
		return false;
	}
	for (const char *c = s; *c; c++)
		if ((unsigned char)*c >= 0x80) {
			diag_add(r->d, DIAG_ERROR, v->loc, "'%.60s': interfaces have names of ASCII characters here", s);
			return false;
		}
	name = arena_strdup(r->a, s);
	*index = name ? policy_read_iface(r, name, v->loc) : POLICY_NONE;
	if (*index != POLICY_NONE)
		return true;
	diag_add(r->d, DIAG_ERROR, v->loc, "more than %d interfaces", POLICY_MAX_IFACES);
	return false;
}

POLICY_SCALAR(strs)
{
	read_list(r, v, f, obj, sizeof(const char *), item_str);
}

POLICY_SCALAR(addrs)
{
	read_list(r, v, f, obj, sizeof(struct addr), item_addr);
}

POLICY_SCALAR(macs)
{
	read_list(r, v, f, obj, sizeof(struct mac), item_mac);
}

POLICY_SCALAR(nets)
{
	read_list(r, v, f, obj, sizeof(struct prefix), item_net);
}

POLICY_SCALAR(ifaces)
{
	read_list(r, v, f, obj, sizeof(uint32_t), item_iface);
}

POLICY_SCALAR(addr)
{
	if (policy_read_text(r, v, f))
		item_addr(r, v, policy_at(obj, f->off));
}

POLICY_SCALAR(mac)
{
	if (policy_read_text(r, v, f))
		item_mac(r, v, policy_at(obj, f->off));
}
