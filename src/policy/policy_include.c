/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files of a policy: what it includes first, in name order, then itself, each with its inventories.  Everything but the
 * policy's own file is opened below its directory (file_read_beneath), so that a base cannot read the rest of the system. */
#include "policy/policy_read.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/digest.h"
#include "base/file.h"
#include "policy/doc.h"

/* A file that was named: where, and by whom. */
struct wanted {
	const char *name;               /* below the policy's directory */
	const struct doc_node *by;
	unsigned depth;
};

typedef bool (*take_fn)(struct policy_read *r, struct wanted w, struct policy_source *s);

static bool refuse(struct policy_read *r, const struct doc_node *v, const char *what)
{
	diag_add(r->d, DIAG_ERROR, v->loc, "'%.100s': %s", v->text, what);
	return false;
}

/* Below the directory by its words already: no root, no "..". */
static bool is_below(const char *name)
{
	for (const char *part = name; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL)
		if (!strncmp(part, "..", 2) && (!part[2] || part[2] == '/'))
			return false;
	return *name && *name != '/' && strlen(name) < PATH_MAX / 2;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool list_dir(DIR *dir, const char *pattern, const char *prefix, struct arena *a, const char ***ret, size_t *ret_n)
{
	VEC(const char *) names = { 0 };
	struct dirent *e;
	bool ok = true;

	while (ok && (e = readdir(dir)))
		if (!fnmatch(pattern, e->d_name, FNM_PERIOD)) {
			const char *name = arena_printf(a, "%s%s", prefix, e->d_name);

			ok = name && names.n < POLICY_MAX_FILES && VEC_PUSH(&names, name);
		}
	if (names.n)
		qsort(names.at, names.n, sizeof(*names.at), by_name);
	*ret = names.at;
	*ret_n = names.n;
	return ok;
}

/* "dir/star.yaml": the names in dir that match, sorted. */
static bool expand(struct policy_read *r, const struct doc_node *v, const char ***ret, size_t *ret_n)
{
	const char *slash = strrchr(v->text, '/');
	const char *sub = slash ? arena_strndup(r->a, v->text, (size_t)(slash - v->text)) : ".";
	DIR *dir;
	int fd;
	bool ok;

	if (!sub || (slash && strpbrk(sub, "*?[")))
		return refuse(r, v, "a pattern stands for files of one directory: write the directory's name out");
	fd = openat(r->dir_fd, sub, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		if (fd >= 0)
			close(fd);
		return refuse(r, v, "there is no such directory below the policy's own");
	}
	ok = list_dir(dir, slash ? slash + 1 : v->text, slash ? arena_printf(r->a, "%s/", sub) : "", r->a, ret, ret_n) ||
	     refuse(r, v, "too many files");
	closedir(dir);
	if (ok && !*ret_n)
		return refuse(r, v, "no file matches: take the entry out, or put the files there");
	return ok;
}

static bool take_item(struct policy_read *r, const struct doc_node *v, unsigned depth, take_fn take, struct policy_source *s)
{
	AUTO_MEM const char **names = NULL;
	size_t n = 0;
	bool ok = true;

	if (v->kind != DOC_SCALAR || doc_is_null(v)) {
		diag_add(r->d, DIAG_ERROR, v->loc, "the name of a file belongs here, not %s", doc_kind_text(v));
		return false;
	}
	if (r->dir_fd < 0)
		return refuse(r, v, "this policy has no directory, so it includes no files");
	if (!is_below(v->text))
		return refuse(r, v, "files are read below the policy's own directory alone: write a path without '..' "
			      "or a leading '/'");
	if (!strpbrk(v->text, "*?["))
		return take(r, (struct wanted){ v->text, v, depth }, s);
	if (!expand(r, v, &names, &n))
		return false;
	for (size_t i = 0; i < n; i++)
		ok &= take(r, (struct wanted){ names[i], v, depth }, s);
	return ok;
}

static bool take_list(struct policy_read *r, const struct doc *doc, const char *key, unsigned depth, take_fn take,
		      struct policy_source *s)
{
	const struct doc_node *v = doc_get(&doc->root, key);
	bool ok = true;

	if (!v || doc_is_null(v))
		return true;
	if (v->kind == DOC_MAP) {
		diag_add(r->d, DIAG_ERROR, v->loc, "'%s' takes a list of file names, not a mapping", key);
		return false;
	}
	if (v->kind == DOC_SCALAR)
		return take_item(r, v, depth, take, s);
	for (uint32_t i = 0; i < v->n; i++)
		ok &= take_item(r, &v->items[i], depth, take, s);
	return ok;
}

static bool add_file(struct policy_read *r, const char *path, const char *text, size_t len, struct loc by)
{
	struct policy_file file = { .path = err_intern(path), .bytes = len };

	r->bytes += len;
	if (r->files.n >= POLICY_MAX_FILES || r->bytes > POLICY_MAX_BYTES) {
		diag_add(r->d, DIAG_ERROR, by, "the policy has more than %d files or %d bytes", POLICY_MAX_FILES,
			 POLICY_MAX_BYTES);
		return false;
	}
	digest_sha256(text, len, file.sha256);
	return VEC_PUSH(&r->files, file);
}

/* Read one file below the directory; NULL: said. */
static char *read_wanted(struct policy_read *r, const struct wanted *w, const char **ret_path, size_t *ret_len)
{
	struct err e = { 0 };
	char *text = NULL;
	const char *path = strcmp(r->dir, ".") ? arena_printf(r->a, "%s/%s", r->dir, w->name) : arena_strdup(r->a, w->name);

	if (!path)
		return NULL;
	for (size_t i = 0; i < r->files.n; i++)
		if (!strcmp(r->files.at[i].path, path)) {
			diag_add(r->d, DIAG_ERROR, w->by->loc, "%s is read already: name it once", path);
			return NULL;
		}
	if (file_read_beneath(r->dir_fd, w->name, DOC_MAX_BYTES, &text, ret_len, &e) < 0) {
		diag_add(r->d, DIAG_ERROR, w->by->loc, "%s", e.msg);
		return NULL;
	}
	*ret_path = path;
	if (add_file(r, path, text, *ret_len, w->by->loc))
		return text;
	free(text);
	return NULL;
}

static bool take_inventory(struct policy_read *r, struct wanted w, struct policy_source *s)
{
	AUTO_MEM char *text = NULL;
	const char *path;
	struct policy_csv **csv;
	size_t len;

	text = read_wanted(r, &w, &path, &len);
	csv = text ? arena_array(r->a, s->n_csv + 1, struct policy_csv *) : NULL;
	if (!csv)
		return false;
	for (uint32_t i = 0; i < s->n_csv; i++)
		csv[i] = s->csv[i];
	csv[s->n_csv] = policy_csv_open(path, text, len, r->d);
	if (!csv[s->n_csv])
		return false;
	s->csv = csv;
	s->n_csv++;
	return true;
}

static bool add_source(struct policy_read *r, const char *path, const char *text, size_t len, unsigned depth);

static bool take_include(struct policy_read *r, struct wanted w, struct policy_source *s)
{
	AUTO_MEM char *text = NULL;
	const char *path;
	size_t len;

	(void)s;
	if (w.depth > POLICY_MAX_INCLUDE_DEPTH) {
		diag_add(r->d, DIAG_ERROR, w.by->loc, "includes more than %d deep", POLICY_MAX_INCLUDE_DEPTH);
		return false;
	}
	text = read_wanted(r, &w, &path, &len);
	return text && add_source(r, path, text, len, w.depth);
}

/* The file is recorded already.  What it includes comes before it. */
static bool add_source(struct policy_read *r, const char *path, const char *text, size_t len, unsigned depth)
{
	struct policy_source s = { .include = depth > 0, .path = path };
	bool ok;

	s.doc = doc_parse(path, text, len, r->d);
	if (!s.doc)
		return false;
	ok = take_list(r, s.doc, "include", depth + 1, take_include, &s);
	ok &= take_list(r, s.doc, "inventory", depth, take_inventory, &s);
	if (VEC_PUSH(&r->sources, s))
		return ok;
	doc_free(s.doc);
	return false;
}

bool policy_include_all(struct policy_read *r, const char *path, const char *text, size_t len)
{
	return add_file(r, path, text, len, (struct loc){ err_intern(path), 1, 1 }) && add_source(r, path, text, len, 0);
}
