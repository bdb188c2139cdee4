/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copies are written before the mark names them and removed after it no longer does, so a mark never points to half a copy. */
#include "run/kept.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/own.h"
#include "policy/policy.h"

enum { TEXT_MAX = 32 << 20, MARK_MAX = 4096, OPEN_DIRS = 16, LONG = 2 * PATHS_MAX };

/* Length of the directory part of a path, with its slash. */
static size_t dir_len(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (size_t)(slash - path) + 1 : 0;
}

/* A file's name below the policy's own directory, NULL: it is elsewhere. */
static const char *own_name(const struct policy *p, uint32_t file)
{
	const size_t len = dir_len(p->path);
	const char *path = p->files[file].path;

	if (strncmp(path, p->path, len) != 0 || !path[len] || path[len] == '/')
		return NULL;
	return strncmp(path + len, "../", 3) != 0 && !strstr(path + len, "/../") ? path + len : NULL;
}

/* Over names and contents of the policy's own files: an upgrade of the shipped data changes nothing here. */
static void digest_of(const struct policy *p, char ret[static KEPT_DIGEST])
{
	uint8_t sum[32] = { 0 };

	for (uint32_t i = 0; i < p->n_files; i++) {
		const char *name = own_name(p, i);

		if (!name)
			continue;
		digest_sha256_2(sum, sizeof(sum), name, strlen(name) + 1, sum);
		digest_sha256_2(sum, sizeof(sum), p->files[i].sha256, sizeof(p->files[i].sha256), sum);
	}
	digest_hex(sum, sizeof(sum), ret, KEPT_DIGEST);
}

static int copy_file(const char *from, const uint8_t sha256[static 32], const char *to, struct err *e)
{
	char dir[LONG];
	AUTO_MEM char *text = NULL;
	uint8_t sum[32];
	size_t len;

	if (file_read(from, TEXT_MAX, &text, &len, e) < 0)
		return -1;
	digest_sha256(text, len, sum);
	if (memcmp(sum, sha256, sizeof(sum)) != 0)
		return err_plain(e, EAGAIN, "%s was changed while it was being read: try again", from);
	snprintf(dir, sizeof(dir), "%.*s", (int)dir_len(to), to);
	if (file_mkdirs(dir, 0700, e) < 0)
		return -1;
	return file_replace(to, text, len, 0600, e);
}

static int copy(const struct kept *k, const struct policy *p, const char *digest, struct err *e)
{
	char to[LONG];

	for (uint32_t i = 0; i < p->n_files; i++) {
		const char *name = own_name(p, i);

		if (!name)
			continue;
		if ((size_t)snprintf(to, sizeof(to), "%s/%s/%s", k->dir, digest, name) >= sizeof(to))
			return err_plain(e, ENAMETOOLONG, "%s has too long a name", name);
		if (copy_file(p->files[i].path, p->files[i].sha256, to, e) < 0)
			return -1;
	}
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

/* What the mark does not name.  Leftovers do no harm: failures are nobody's business. */
static void tidy(const struct kept *k)
{
	char path[LONG];
	DIR *d = opendir(k->dir);
	const struct dirent *x;

	while (d && (x = readdir(d))) {
		if (strlen(x->d_name) != KEPT_DIGEST - 1 || strcmp(x->d_name, k->confirmed) == 0 ||
		    strcmp(x->d_name, k->unconfirmed) == 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", k->dir, x->d_name);
		nftw(path, remove_one, OPEN_DIRS, FTW_DEPTH | FTW_PHYS);
	}
	if (d)
		closedir(d);
}

static int put_mark(struct kept *k, const struct kept *next, struct err *e)
{
	char path[LONG], text[MARK_MAX];
	int n = snprintf(text, sizeof(text), "policy %s\nconfirmed %s\n", next->policy, next->confirmed);

	if (*next->unconfirmed)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "%s %s\n", next->on_trial ? "trial" : "refused",
			      next->unconfirmed);
	snprintf(path, sizeof(path), "%s/mark", k->dir);
	if (file_replace(path, text, (size_t)n, 0600, e) < 0)
		return -1;
	*k = *next;
	tidy(k);
	return 0;
}

static void take_line(struct kept *k, const char *line)
{
	char word[16], value[PATHS_MAX];
	char *digest;

	if (sscanf(line, "%15s %511[^\n]", word, value) != 2)
		return;
	if (strcmp(word, "policy") == 0) {
		snprintf(k->policy, sizeof(k->policy), "%s", value);
		return;
	}
	digest = strcmp(word, "confirmed") == 0 ? k->confirmed : k->unconfirmed;
	if (strlen(value) == KEPT_DIGEST - 1 && strspn(value, "0123456789abcdef") == KEPT_DIGEST - 1)
		memcpy(digest, value, KEPT_DIGEST);
	k->on_trial |= strcmp(word, "trial") == 0;
}

int kept_open(struct kept *k, const char *state, const char *policy, struct err *e)
{
	struct kept seen = { .on_trial = false };
	char path[LONG], *save = NULL;
	AUTO_MEM char *text = NULL;
	size_t len;

	*k = (struct kept){ .on_trial = false };
	if ((size_t)snprintf(k->dir, sizeof(k->dir), "%s/policy", state) >= sizeof(k->dir) ||
	    (size_t)snprintf(k->policy, sizeof(k->policy), "%s", policy) >= sizeof(k->policy))
		return err_plain(e, ENAMETOOLONG, "%s: the name is too long", policy);
	snprintf(path, sizeof(path), "%s/mark", k->dir);
	if (file_read(path, MARK_MAX, &text, &len, e) < 0)
		return e->code == ENOENT ? 0 : -1;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		take_line(&seen, line);
	if (strcmp(seen.policy, policy) != 0 || !*seen.confirmed)
		return 0;
	memcpy(k->confirmed, seen.confirmed, sizeof(k->confirmed));
	memcpy(k->unconfirmed, seen.unconfirmed, sizeof(k->unconfirmed));
	k->on_trial = seen.on_trial;
	return 0;
}

/* What was kept before is not what is in force: a mark that still names it would be wrong. */
static void forget(struct kept *k)
{
	char path[LONG];

	snprintf(path, sizeof(path), "%s/mark", k->dir);
	unlink(path);
	*k->confirmed = *k->unconfirmed = '\0';
	k->on_trial = false;
}

int kept_confirmed(struct kept *k, const struct policy *p, struct err *e)
{
	struct kept next = *k;

	digest_of(p, next.confirmed);
	*next.unconfirmed = '\0';
	next.on_trial = false;
	if (strcmp(next.confirmed, k->confirmed) == 0 && !*k->unconfirmed)
		return 0;
	if (copy(k, p, next.confirmed, e) == 0 && put_mark(k, &next, e) == 0)
		return 0;
	forget(k);
	return err_wrap(e, "keeping a copy of %s", p->path);
}

int kept_try(struct kept *k, const struct policy *p, const struct policy *now, struct err *e)
{
	char digest[KEPT_DIGEST];
	struct kept next = *k;

	digest_of(now, digest);                 /* names count from the policy's directory: a copy's digest is the file's */
	if (strcmp(digest, k->confirmed) != 0)
		return err_plain(e, ENOENT, "no copy is kept of what is in force");
	digest_of(p, next.unconfirmed);
	next.on_trial = true;
	if (copy(k, p, next.unconfirmed, e) < 0 || put_mark(k, &next, e) < 0)
		return err_wrap(e, "keeping a copy of %s", p->path);
	return 0;
}

int kept_ended(struct kept *k, bool confirmed, struct err *e)
{
	struct kept next = *k;

	next.on_trial = false;
	if (confirmed) {
		memcpy(next.confirmed, k->unconfirmed, sizeof(next.confirmed));
		*next.unconfirmed = '\0';
	}
	return put_mark(k, &next, e) < 0 ? err_wrap(e, "marking the trial's end") : 0;
}

bool kept_stands_in(const struct kept *k, const struct policy *p)
{
	char digest[KEPT_DIGEST];

	if (!*k->confirmed || !*k->unconfirmed)
		return false;
	if (k->on_trial)
		return true;
	if (!p)
		return false;
	digest_of(p, digest);
	return strcmp(digest, k->unconfirmed) == 0;
}

const char *kept_path(const struct kept *k, char *buf)
{
	snprintf(buf, PATHS_MAX, "%.300s/%s/%.100s", k->dir, k->confirmed, k->policy + dir_len(k->policy));
	return buf;
}
