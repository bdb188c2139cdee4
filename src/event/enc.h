/* SPDX-License-Identifier: GPL-2.0-or-later */
/* enc: an event as the bytes that a SIEM reads.  One row per format; an encoder sees events, never transports.
 * What it writes is one line of valid UTF-8 without control bytes or trailing newline, and fits the budget: an event that would
 * not is shortened field by field in a stated order (enc_steps), and says which steps were taken.  Never cut blindly.
 * Pure; any thread. */
#ifndef EVENT_ENC_H
#define EVENT_ENC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;
struct event;

enum { ENC_BUDGET_MIN = 2048, ENC_BUDGET = 2048, ENC_BUDGET_MAX = 8096 };

/* What the encoders need beside the event.  Words are borrowed. */
struct enc_config {
	const char *hostname;           /* of this firewall */
	const char *version;            /* the program's */
	uint32_t pen;                   /* private enterprise number of the SD-ID; 0: 32473 (RFC 5612) */
	unsigned facility;              /* syslog; 16: local0 */
	size_t budget;                  /* bytes of one line; 0: ENC_BUDGET */
};

struct enc {
	const char *name;
	/* steps: how many of enc_steps were taken.  Fails only with out. */
	void (*fn)(const struct event *ev, const struct enc_config *c, unsigned steps, struct buf *out);
	const char *content_type;
};

extern const struct enc enc_table[];                    /* ends with a NULL name */
extern const char *const enc_steps[];                   /* words for what is shortened, in order; ends with NULL */

const struct enc *enc_find(const char *name);           /* NULL: no such format */
/* Replace out's content by the event in that format.  Fails with EMSGSIZE (does not fit even when shortened) or ENOMEM. */
int enc_event(const struct enc *enc, const struct event *ev, const struct enc_config *c, struct buf *out, struct err *e);

#endif
