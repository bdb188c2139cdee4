/* SPDX-License-Identifier: GPL-2.0-or-later */
/* json: a streaming writer into a buf.  Commas, quoting and nesting are its work; strings that are no UTF-8
 * are written with U+FFFD.  Keys NULL inside arrays.  Sticky; depth at most 32. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct json {
	struct buf *out;
	unsigned depth;
	bool first[32];
};

void json_init(struct json *j, struct buf *out);
void json_object(struct json *j, const char *key);      /* open {; key NULL at the top or in an array */
void json_array(struct json *j, const char *key);
void json_end(struct json *j);                          /* close the innermost object */
void json_end_array(struct json *j);
void json_str(struct json *j, const char *key, const char *value);     /* NULL value: nothing is written */
void json_strn(struct json *j, const char *key, const char *value, size_t n);
void json_u64(struct json *j, const char *key, uint64_t value);
void json_i64(struct json *j, const char *key, int64_t value);
void json_double(struct json *j, const char *key, double value);
void json_bool(struct json *j, const char *key, bool value);
void json_null(struct json *j, const char *key);
void json_raw(struct json *j, const char *key, const char *text);      /* text is JSON already */

#endif
