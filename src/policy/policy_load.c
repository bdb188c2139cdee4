/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy_load: registry, makers and packs, then the policy's files, reading, what follows from it, and the checks. */
#include "policy/policy_read.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/digest.h"
#include "base/file.h"
#include "policy/doc.h"
#include "policy/registry.h"

enum { REGISTRY_MAX_BYTES = 32 << 20 };

static const char data_default[] = "/usr/share/ringfence";

static const char *shipped(struct policy_read *r, const char *given, const char *name)
{
	const char *data = getenv("RINGFENCE_DATA");

	return given ? given : arena_printf(r->a, "%s/%s", data && *data ? data : data_default, name);
}

static bool load_registry(struct policy_read *r)
{
	const char *path = shipped(r, r->paths->registry, "registry/ieee-prefixes.tsv");
	struct policy_file file = { .path = err_intern(path ? path : "") };
	AUTO_MEM char *text = NULL;
	struct err e = { 0 };

	if (!path || !*path)
		return path != NULL;
	if (file_read(path, REGISTRY_MAX_BYTES, &text, &file.bytes, &e) < 0 ||
	    registry_load_text(path, text, file.bytes, &r->p->registry, &e) < 0) {
		diag_err(r->d, &e);
		return false;
	}
	digest_sha256(text, file.bytes, file.sha256);
	return VEC_PUSH(&r->files, file);
}

static bool enter_data_names(struct policy_read *r)
{
	bool failed = false;

	for (uint32_t i = 0; i < r->p->n_makers; i++)
		policy_names_add(&r->makers, (struct policy_name){ r->p->makers[i].name, POLICY_NAME_MAKER, i,
								   r->p->makers[i].loc }, &failed);
	for (uint32_t i = 0; i < r->p->n_packs; i++)
		policy_names_add(&r->names, (struct policy_name){ r->p->packs[i].name, POLICY_NAME_PACK, i,
								  r->p->packs[i].loc }, &failed);
	return !failed;
}

static bool load_data(struct policy_read *r)
{
	const char *makers[2] = { shipped(r, r->paths->makers[0], "makers"), r->paths->makers[1] };
	const char *packs[2] = { shipped(r, r->paths->packs[0], "packs"), r->paths->packs[1] };
	struct policy *p = r->p;

	makers[1] = makers[1] ? makers[1] : "/etc/ringfence/makers.d";
	packs[1] = packs[1] ? packs[1] : "/etc/ringfence/packs.d";
	if (!load_registry(r) || !maker_load_dirs(makers, 2, r->a, r->d, &r->files, &p->makers, &p->n_makers) ||
	    !pack_load_dirs(packs, 2, p->makers, p->n_makers, r->a, r->d, &r->files, &p->packs, &p->n_packs))
		return false;
	if (p->registry)
		p->maker_of_registrant = maker_of_registrants(p->makers, p->n_makers, p->registry, r->a, r->d);
	return (!p->registry || p->maker_of_registrant) && enter_data_names(r);
}

static bool enter_builtins(struct policy_read *r)
{
	static const struct word names[] = {
		{ "any", POLICY_REF_ANY }, { "firewall", POLICY_REF_FIREWALL }, { "external", POLICY_REF_EXTERNAL }
	};
	bool failed = false;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		policy_names_add(&r->names, (struct policy_name){ names[i].name, POLICY_NAME_BUILTIN, (uint32_t)names[i].value,
								  LOC_NONE }, &failed);
	return !failed;
}

static void set_defaults(struct policy *p)
{
	p->revision = p->site.name = "";
	p->site.timezone = "UTC";
	p->mode = POLICY_ENFORCE;
	p->fallback = POLICY_DROP;
	p->mark_mask = 0xff000000u;
}

/* Which zones stand on an interface, in file order. */
static void link_ifaces(struct policy_read *r)
{
	struct policy *p = r->p;

	for (uint32_t z = 0; z < p->n_zones; z++)
		for (uint32_t i = 0; i < p->zones[z].n_ifaces; i++)
			p->ifaces[p->zones[z].ifaces[i]].n_zones++;
	for (uint32_t i = 0; i < p->n_ifaces; i++) {
		p->ifaces[i].zones = arena_array(r->a, p->ifaces[i].n_zones + 1, uint32_t);
		p->ifaces[i].n_zones = 0;
	}
	for (uint32_t z = 0; z < p->n_zones && !arena_failed(r->a); z++)
		for (uint32_t i = 0; i < p->zones[z].n_ifaces; i++) {
			struct policy_iface *f = &p->ifaces[p->zones[z].ifaces[i]];

			f->zones[f->n_zones++] = z;
			f->guarded |= p->zones[z].guard != POLICY_OPEN;
		}
}

static bool lists_site(const struct policy *p, const struct policy_rule *rule)
{
	for (uint32_t i = 0; i < rule->n_sensitivity; i++)
		if (p->site.sensitivity && !strcmp(rule->sensitivity[i], p->site.sensitivity))
			return true;
	return !rule->n_sensitivity;
}

/* What follows from several sections together. */
static void finish(struct policy_read *r)
{
	struct policy *p = r->p;

	for (uint32_t i = 0; i < p->n_zones; i++)
		if (!p->zones[i].mode_own)
			p->zones[i].mode = p->mode;
	link_ifaces(r);
	for (uint32_t i = 0; i < p->n_rules; i++) {
		p->n_exceptions += p->rules[i].section == POLICY_EXCEPTION;
		p->n_restrict += p->rules[i].section == POLICY_RESTRICT;
		p->rules[i].disabled = !lists_site(p, &p->rules[i]);
	}
	for (uint32_t i = 0; i < p->n_devices; i++)
		for (uint32_t k = 0; k < p->devices[i].n_macs && p->devices[i].registry_maker == POLICY_NONE; k++)
			p->devices[i].registry_maker = policy_maker_of_mac(p, &p->devices[i].macs[k], NULL);
}

/* The policy's own files come first in it; each counts with its content. */
static void take_files(struct policy_read *r)
{
	struct policy *p = r->p;

	p->n_files = (uint32_t)r->files.n;
	p->files = arena_array(r->a, r->files.n + 1, struct policy_file);
	for (uint32_t i = 0; i < p->n_files && p->files; i++) {
		p->files[i] = r->files.at[i];
		digest_sha256_2(p->digest, sizeof(p->digest), p->files[i].sha256, sizeof(p->files[i].sha256), p->digest);
	}
}

static void read_all(struct policy_read *r, const char *text, size_t len)
{
	bool ok = enter_builtins(r);

	r->p->ifaces = arena_array(r->a, POLICY_MAX_IFACES, struct policy_iface);
	ok = ok && policy_include_all(r, r->p->path, text, len);
	ok = load_data(r) && ok;
	if (!ok || arena_failed(r->a))
		return;
	policy_read_top(r);
	if (diag_errors(r->d) != r->errors_before || arena_failed(r->a))
		return;
	finish(r);
	take_files(r);
	if (!arena_failed(r->a))
		policy_check_all(r);
}

/* The places of single addresses go, which nobody but the checks names. */
static void drop_places(struct policy *p)
{
	for (uint32_t i = 0; i < p->n_zones; i++)
		p->zones[i].net_locs = NULL;
	for (uint32_t i = 0; i < p->n_hosts; i++)
		p->hosts[i].net_locs = NULL;
	for (uint32_t i = 0; i < p->n_devices; i++)
		p->devices[i].mac_locs = p->devices[i].addr_locs = NULL;
}

static void read_fini(struct policy_read *r)
{
	arena_free(r->brief);
	for (size_t i = 0; i < r->sources.n; i++) {
		for (uint32_t k = 0; k < r->sources.at[i].n_csv; k++)
			policy_csv_free(r->sources.at[i].csv[k]);
		doc_free(r->sources.at[i].doc);
	}
	VEC_FREE(&r->sources);
	VEC_FREE(&r->files);
	policy_names_fini(&r->names);
	policy_names_fini(&r->makers);
	policy_names_fini(&r->rules);
	policy_names_fini(&r->tests);
	policy_names_fini(&r->ifaces);
	if (r->dir_fd >= 0)
		close(r->dir_fd);
}

/* Errors that were there before are the caller's: only new ones refuse. */
struct policy *policy_load_text(const char *name, const char *text, size_t len, const char *dir,
				const struct policy_paths *paths, int64_t now_ns, struct diag *d)
{
	static const struct policy_paths none = { 0 };
	struct policy_read r = { .d = d, .paths = paths ? paths : &none, .now_ns = now_ns, .dir = dir, .dir_fd = -1,
				  .errors_before = diag_errors(d) };
	AUTO(policy) p = NULL;

	r.a = arena_new();
	r.brief = arena_new();
	r.p = p = r.a && r.brief ? arena_new_of(r.a, struct policy) : NULL;
	if (!p) {
		arena_free(r.a);
		arena_free(r.brief);
		diag_add(d, DIAG_ERROR, LOC_NONE, "out of memory");
		return NULL;
	}
	p->arena = r.a;
	p->path = err_intern(name);
	set_defaults(p);
	if (dir)
		r.dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	read_all(&r, text, len);
	if (arena_failed(r.a) || arena_failed(r.brief))
		diag_add(d, DIAG_ERROR, LOC_NONE, "out of memory while reading %s", name);
	read_fini(&r);
	if (diag_errors(d) != r.errors_before)
		return NULL;
	drop_places(p);
	return TAKE(p);
}

struct policy *policy_load(const char *path, const struct policy_paths *paths, int64_t now_ns, struct diag *d)
{
	const char *slash = strrchr(path, '/');
	AUTO_MEM char *text = NULL, *dir = slash ? strndup(path, slash > path ? (size_t)(slash - path) : 1) : strdup(".");
	struct err e = { 0 };
	size_t len;

	if (file_read(path, DOC_MAX_BYTES, &text, &len, &e) < 0) {
		diag_err(d, &e);
		return NULL;
	}
	if (!dir) {
		diag_add(d, DIAG_ERROR, LOC_NONE, "out of memory");
		return NULL;
	}
	return policy_load_text(path, text, len, dir, paths, now_ns, d);
}

void policy_free(struct policy *p)
{
	if (!p)
		return;
	registry_free(p->registry);
	arena_free(p->arena);
}
