/* SPDX-License-Identifier: GPL-2.0-or-later */
/* resend: an order is a file requests/NAME.order of one line: "resend SINK STORE FROM TO BY".  It is written under another name and
 * renamed, so that half an order is never seen. */
#include "ship/resend.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/now.h"
#include "base/own.h"
#include "base/word.h"
#include "store/cursor.h"

enum { PATH_BYTES = 512, LINE_BYTES = 512, WORD_BYTES = 80, NAMES = 32 };

/* --- asking --- */

static int check_sink(const char *state_dir, const char *sink, struct err *e)
{
	struct cursor_status *list;
	const char *names[NAMES], *near;
	struct cursor *c = NULL;
	struct arena *a;
	size_t n = 0;
	int rc;

	if (cursor_open_reader(state_dir, &c, e) < 0)
		return err_wrap(e, "the shipper has not run yet");
	a = arena_new();
	rc = a ? cursor_statuses(c, a, &list, &n, e) : err_plain(e, ENOMEM, "out of memory");
	for (size_t i = 0; rc == 0 && i < n && i < NAMES; i++)
		names[i] = list[i].sink;
	n = n < NAMES ? n : NAMES;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		if (strcmp(names[i], sink) == 0) {
			arena_free(a);
			cursor_free(c);
			return 0;
		}
	}
	near = rc == 0 ? word_nearest(sink, names, n) : NULL;
	if (rc == 0)
		rc = err_plain(e, ENOENT, "the shipper has no sink '%s'%s%s%s", sink, near ? "; did you mean '" : "",
			       near ? near : "", near ? "'?" : "");
	arena_free(a);
	cursor_free(c);
	return rc;
}

/* A word of an order: no blanks, no control characters. */
static bool is_word(const char *s)
{
	if (!s || !*s || strlen(s) >= WORD_BYTES)
		return false;
	for (; *s; s++)
		if (!isgraph((unsigned char)*s))
			return false;
	return true;
}

/* Owner and group are the state directory's: the shipper must be able to remove what it took. */
static int make_requests_dir(const char *state_dir, char *dir, size_t size, struct err *e)
{
	struct stat st;

	snprintf(dir, size, "%s/requests", state_dir);
	if (stat(state_dir, &st) < 0)
		return err_sys(e, errno, "%s", state_dir);
	if (mkdir(dir, 0770) < 0)
		return errno == EEXIST ? 0 : err_sys(e, errno, "%s", dir);
	if (geteuid() == 0 && chown(dir, st.st_uid, st.st_gid) < 0)
		return err_sys(e, errno, "%s", dir);
	return 0;
}

int resend_request(const char *state_dir, const struct resend_order *o, char *ret_path, size_t path_size, struct err *e)
{
	char dir[PATH_BYTES], path[PATH_BYTES + 64], line[LINE_BYTES];
	const char *by = is_word(o->by) ? o->by : "-";
	struct stat st;
	int n;

	if (o->from == 0 || o->from > o->to || o->to > INT64_MAX)
		return err_plain(e, EINVAL, "the range %" PRIu64 " to %" PRIu64 " is none", o->from, o->to);
	if (!is_word(o->sink) || !is_word(o->store))
		return err_plain(e, EINVAL, "a sink's name and a store's id are one word each");
	if (check_sink(state_dir, o->sink, e) < 0 || make_requests_dir(state_dir, dir, sizeof(dir), e) < 0)
		return -1;
	n = snprintf(line, sizeof(line), "resend %s %s %" PRIu64 " %" PRIu64 " %s\n", o->sink, o->store, o->from, o->to, by);
	snprintf(path, sizeof(path), "%s/%" PRId64 "-%d.order", dir, now_wall_ns(), (int)getpid());
	if (file_replace(path, line, (size_t)n, 0640, e) < 0)
		return -1;
	if (geteuid() == 0 && (stat(dir, &st) < 0 || chown(path, st.st_uid, st.st_gid) < 0))
		return err_sys(e, errno, "%s", path);
	if (ret_path)
		snprintf(ret_path, path_size, "%s", path);
	return 0;
}

/* --- taking --- */

static bool parse(char *line, char *sink, struct cursor_resend *r, char *by)
{
	char store[WORD_BYTES], end;
	int n = sscanf(line, "resend %79s %79s %" SCNu64 " %" SCNu64 " %79s %c", sink, store, &r->from, &r->to, by, &end);

	if (n != 5 || strlen(store) >= sizeof(r->store) || r->from == 0 || r->from > r->to || r->to > INT64_MAX)
		return false;
	memcpy(r->store, store, strlen(store) + 1);
	r->done = r->from - 1;
	r->by = by;
	r->asked_ns = now_wall_ns();
	return true;
}

static int take(const char *path, struct cursor *c, unsigned *n, struct err *e)
{
	char sink[WORD_BYTES], by[WORD_BYTES], bad[PATH_BYTES + 128];
	struct cursor_resend r = { 0 };
	AUTO_MEM char *line = NULL;
	size_t len;

	if (file_read(path, LINE_BYTES, &line, &len, e) < 0 || strlen(line) != len || !parse(line, sink, &r, by)) {
		snprintf(bad, sizeof(bad), "%s.bad", path);
		if (rename(path, bad) < 0)
			return err_sys(e, errno, "%s", path);
		return 0;
	}
	if (cursor_resend_add(c, sink, &r, e) < 0)
		return -1;
	++*n;
	return unlink(path) < 0 ? err_sys(e, errno, "%s", path) : 0;
}

int resend_take(const char *state_dir, struct cursor *c, unsigned *ret_n, struct err *e)
{
	char dir[PATH_BYTES];
	struct stat st;
	char **names;
	size_t n;
	int rc = 0;

	*ret_n = 0;
	snprintf(dir, sizeof(dir), "%s/requests", state_dir);
	if (stat(dir, &st) < 0)
		return errno == ENOENT ? 0 : err_sys(e, errno, "%s", dir);
	if (file_list(dir, ".order", &names, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = take(names[i], c, ret_n, e);
	file_list_free(names, n);
	return rc;
}
