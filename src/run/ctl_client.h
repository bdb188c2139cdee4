/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctl_client: one question to the daemon, blocking, with a limit on its patience.  One caller, one thread. */
#ifndef RUN_CTL_CLIENT_H
#define RUN_CTL_CLIENT_H

#include "base/err.h"
#include "run/ctl_wire.h"

struct buf;

/* Ask, and append the reply's text to out (bounded by out->max).  *ret_status: the daemon's answer.
 * -1: it could not be asked, or it hung up (ECONNREFUSED, ENOENT: no daemon). */
int ctl_client_call(const char *path, unsigned n, const char *const *words, unsigned timeout_ms, struct buf *out,
		    enum ctl_status *ret_status, struct err *e);

#endif
