/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ship/sink.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>

#include "base/now.h"
#include "ship/shipconf.h"

const struct sink_ops *const sink_table[] = { [SHIPCONF_FILE] = &sink_file_ops, [SHIPCONF_SYSLOG] = &sink_syslog_ops };
static_assert(sizeof(sink_table) / sizeof(sink_table[0]) == SHIPCONF_TYPES, "a row for each type");

int sink_make(const struct shipconf_sink *c, int stop_fd, struct sink **ret, struct err *e)
{
	return sink_table[c->type]->make(c, stop_fd, ret, e);
}

int sink_send(struct sink *s, const char *bytes, size_t len, uint64_t token, struct err *e)
{
	return s->ops->send(s, bytes, len, token, e);
}

int sink_confirmed(struct sink *s, unsigned wait_ms, uint64_t *ret_token, struct err *e)
{
	return s->ops->confirmed(s, wait_ms, ret_token, e);
}

void sink_free(struct sink *s)
{
	if (s)
		s->ops->destroy(s);
}

int sink_wait(int fd, short events, int stop_fd, int64_t deadline_ns, struct err *e)
{
	struct pollfd fds[2] = { { .fd = stop_fd, .events = POLLIN }, { .fd = fd, .events = events } };

	for (;;) {
		int64_t left = deadline_ns - now_mono_ns();
		int ms = left <= 0 ? 0 : left / NOW_NS_PER_MS > 3600000 ? 3600000 : (int)(left / NOW_NS_PER_MS) + 1;
		int n = poll(fds, 2, ms);

		if (n < 0 && errno != EINTR)
			return err_sys(e, errno, "poll");
		if (n > 0 && fds[0].revents)
			return err_plain(e, ECANCELED, "stopped");
		if (n > 0)
			return 0;
		if (n == 0 && left <= 0)
			return err_plain(e, ETIMEDOUT, "no answer in time");
	}
}
