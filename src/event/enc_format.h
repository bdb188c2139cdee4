/* SPDX-License-Identifier: GPL-2.0-or-later */
/* enc: what the formats share among themselves.  Not for other modules. */
#ifndef EVENT_ENC_FORMAT_H
#define EVENT_ENC_FORMAT_H

#include "event/enc.h"

struct event_end;

enum {
	ENC_NAMES_FEW, ENC_EVIDENCE_ONE, ENC_WORDS_120, ENC_DETAIL_THIRD, ENC_NAMES_NONE, ENC_CONTEXT_NONE, ENC_DETAIL_NONE,
	ENC_COPIES_NONE, ENC_WORDS_48, ENC_WORDS_12, ENC_STEPS
};
enum { ENC_PEN_EXAMPLE = 32473, ENC_FACILITY_LOCAL0 = 16 };

/* One function per row of enc_table. */
void enc_ecs(const struct event *ev, const struct enc_config *c, unsigned steps, struct buf *out);
void enc_sd(const struct event *ev, const struct enc_config *c, unsigned steps, struct buf *out);
void enc_sd_ecs(const struct event *ev, const struct enc_config *c, unsigned steps, struct buf *out);

bool enc_has_flow(const struct event *ev);
void enc_flow_text(const struct event_end *end, struct buf *out);
void enc_message(const struct event *ev, struct buf *out);      /* one sentence for a person */

#endif
