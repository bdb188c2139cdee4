/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reload_part: what reload's two files share. */
#ifndef RUN_RELOAD_PART_H
#define RUN_RELOAD_PART_H

#include "run/kept.h"
#include "run/reload.h"

struct arena;

struct reload {
	struct reload_config c;
	struct ident *ident;
	int64_t not_before_ns;
	struct judge *spare;                    /* what to go back to while a policy is on trial */
	struct kept kept;
	bool stands_in;                         /* in force is the copy of what was confirmed: the file has not been */
	struct arena *ifaces_arena, *former_arena;
	struct ifaces ifaces, former;           /* former: what the kernel has, until it took the table made from ifaces */
	struct ifaces_memory memory;
	struct arena *refused_arena;
	struct ifaces refused;                  /* with an arena: told of, though the kernel refused the table made from it */
	bool links_due;                         /* interfaces changed, and the kernel refused the table that says so */
	int64_t links_again_ns;                 /* … which is not tried again before */
};

/* The policy of that file, its tests passed; findings as text. */
struct judge *reload_from(struct reload *r, const char *path, bool colour, struct buf *out);
/* policy_loaded, mode_changed for each zone whose mode differs from before's (may be NULL), the texts and states for the store. */
void reload_tell_loaded(struct reload *r, const struct judge *j, const struct judge *before, const char *by);
/* exception_expired for those that were live then and are not in j's moment. */
void reload_tell_ended(struct reload *r, const struct judge *j, int64_t was_ns);
/* strange_interface for what is missing or shut now, and was not in told. */
void reload_tell_ifaces(struct reload *r, const struct ifaces *told, const struct ifaces *now);

#endif
