/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reload: every way in which what is in force changes: a policy loaded (or refused), tried and confirmed or rolled back, a
 * moment at which entries begin or end, another view of who is where, interfaces that come and go.  Order is always the
 * same: build, test, publish, wait for the workers, one kernel transaction; when the kernel refuses, what was in force is
 * published again.
 * Main thread. */
#ifndef RUN_RELOAD_H
#define RUN_RELOAD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/own.h"
#include "event/event.h"
#include "run/ifaces.h"

struct diag;
struct fence;
struct ident;
struct judge;
struct link_map;
struct publish;
struct recorder;
struct reload;

struct reload_config {
	const char *policy, *data;              /* paths; data NULL: the defaults */
	const char *state;                      /* where the last confirmed policy is kept; NULL: nowhere (no trials) */
	struct publish *publish;
	struct fence *fence;
	struct link_map *links;
	struct recorder *recorder;
};

struct reload *reload_new(const struct reload_config *c, struct err *e);
void reload_free(struct reload *r);
OWN(reload)
/* What the judges are built with from here on; NULL: the policy's devices alone. */
void reload_learn(struct reload *r, struct ident *ident);
/* No moment before this one is believed (the latest that the store has seen), nor before any that reload_now has told: entries that
 * ended stay ended, wherever the clock is set. */
void reload_not_before(struct reload *r, int64_t wall_ns);
int64_t reload_now(struct reload *r);
int64_t reload_behind_ns(const struct reload *r);       /* the clock, behind that */

/* Load the file and run its tests; findings and failed tests as text to out.  NULL: refused. */
struct judge *reload_candidate(struct reload *r, bool colour, struct buf *out);
/* Put it in force as the next generation (takes j, also on failure).  by: "reload by uid 0", for the event. */
int reload_apply(struct reload *r, struct judge *j, const char *by, struct err *e);
/* Tell that a file was refused. */
void reload_refused(struct reload *r, const char *by, const char *text);

/* At start: the file's policy, or the last confirmed one where the file is one that a trial had not been confirmed for. */
struct judge *reload_first(struct reload *r, bool colour, struct buf *out, struct err *e);
/* In force for good; by start or by a reload without trial: keep a copy of its files. */
void reload_settle(struct reload *r);
/* On trial: keep the policy in force as the one to go back to, also by a daemon that starts meanwhile, before reload_apply(j).
 * -1: one is on trial already, or no copy can be kept. */
int reload_try(struct reload *r, const struct judge *j, struct err *e);
bool reload_on_trial(const struct reload *r);
void reload_confirm(struct reload *r);
void reload_abandon(struct reload *r);          /* what was to be tried did not come into force */
int reload_rollback(struct reload *r, const char *by, struct err *e);
/* The policy file is not what is in force: its trial was not confirmed. */
bool reload_stands_in(const struct reload *r);

/* Entries have begun or ended: compile for now, as a new generation. */
int reload_time(struct reload *r, struct err *e);
/* Who is where has changed: a new view, the kernel's bindings brought up to it; generation as it is. */
int reload_who(struct reload *r, struct err *e);
/* What is due: the table sent anew, in its generation, for devices of classes that it does not know; once more, a second after the
 * kernel refused the one for changed interfaces. */
void reload_tick(struct reload *r);
/* The same for what no link tells (ifaces_further): to be called each second. */
void reload_second(struct reload *r);
/* Interfaces have changed; nothing is done when none that matters did. */
int reload_links(struct reload *r, struct err *e);
const struct ifaces *reload_ifaces(const struct reload *r);
struct recorder *reload_recorder(const struct reload *r);

/* exception_expiring for each that ends within the time given. */
void reload_tell_expiring(struct reload *r, int64_t within_ns);
/* An event of the daemon's own: fill what belongs to the site and post it. */
void reload_event(struct reload *r, struct event *ev, const char *detail /* JSON object or NULL */);
/* The same with its facts: json_… on &f.js in between. */
struct reload_facts { struct json js; struct buf text; };
void reload_facts(struct reload_facts *f);
void reload_tell(struct reload *r, struct event *ev, struct reload_facts *f);

#endif
