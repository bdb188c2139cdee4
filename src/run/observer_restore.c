/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the store remembers of devices, back into ident at the start. */
#include "run/observer_part.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/word.h"
#include "store/inventory.h"

static const struct word strengths[] = {
	{ "hint", IDENT_HINT }, { "registry", IDENT_REGISTRY }, { "protocol", IDENT_PROTOCOL }, { "pinned", IDENT_PINNED },
	{ NULL, 0 },
};

static void copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from ? from : "");
}

static unsigned devices(struct ident *id, const struct inventory_device *rows, size_t n)
{
	unsigned bad = 0;
	struct err e;

	for (size_t i = 0; i < n; i++) {
		struct ident_device d = { .id = rows[i].id, .has_mac = rows[i].has_mac, .mac = rows[i].mac,
					  .sticky = rows[i].sticky, .first_ns = rows[i].first_ns, .last_ns = rows[i].last_ns };

		copy(d.name, sizeof(d.name), rows[i].name);
		copy(d.maker, sizeof(d.maker), rows[i].maker);
		copy(d.iface, sizeof(d.iface), rows[i].iface);
		d.router = rows[i].cls && strcmp(rows[i].cls, "router") == 0;
		bad += ident_restore_device(id, &d, &e) < 0;
	}
	return bad;
}

static unsigned evidence(struct ident *id, const struct inventory_evidence *rows, size_t n)
{
	unsigned bad = 0;
	struct err e;
	int strength;

	for (size_t i = 0; i < n; i++) {
		struct ident_evidence v = { .device = rows[i].device, .first_ns = rows[i].first_ns, .last_ns = rows[i].last_ns };

		if (!rows[i].strength || !word_find(strengths, rows[i].strength, &strength)) {
			bad++;
			continue;
		}
		v.strength = (enum ident_strength)strength;
		copy(v.source, sizeof(v.source), rows[i].source);
		copy(v.value, sizeof(v.value), rows[i].value);
		bad += ident_restore_evidence(id, &v, &e) < 0;
	}
	return bad;
}

static unsigned bindings(struct ident *id, const struct inventory_binding *rows, size_t n, int64_t now_ns)
{
	unsigned bad = 0;
	struct err e;

	for (size_t i = 0; i < n; i++) {
		struct ident_binding b = { .device = rows[i].device, .mac = rows[i].mac, .addr = rows[i].addr,
					   .proof = (enum who_proof)rows[i].proof, .first_ns = rows[i].first_ns,
					   .last_ns = rows[i].last_ns };

		copy(b.iface, sizeof(b.iface), rows[i].iface);
		bad += rows[i].proof > WHO_PINNED || ident_restore_binding(id, &b, now_ns, &e) < 0;
	}
	return bad;
}

int observer_restore(struct observer *o, struct db *db, int64_t now_ns, unsigned *ret_bad, struct err *e)
{
	struct arena *a = arena_new();
	struct inventory_device *d;
	struct inventory_evidence *v;
	struct inventory_binding *b;
	size_t nd, nv, nb;
	int rc = -1;

	if (!a)
		return err_plain(e, ENOMEM, "out of memory");
	if (inventory_devices(db, a, &d, &nd, e) == 0 && inventory_evidence(db, a, &v, &nv, e) == 0 &&
	    inventory_bindings(db, a, &b, &nb, e) == 0) {
		*ret_bad = devices(o->ident, d, nd) + evidence(o->ident, v, nv) + bindings(o->ident, b, nb, now_ns);
		rc = 0;
	}
	arena_free(a);
	return rc;
}
