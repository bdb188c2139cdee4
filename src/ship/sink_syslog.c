/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sink: syslog over TCP.  Plain TCP has no acknowledgement by the receiver; the nearest there is: every byte acknowledged by its
 * kernel (SIOCOUTQ, which also counts what is not sent yet), and the connection alive for a while after: a receiver that dies
 * with unread bytes answers with a reset within that time.  What such a receiver had read and not kept shows as a gap in the
 * sequence and can be sent again (ringfence events resend). */
#include "ship/sink.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/now.h"
#include "base/vec.h"
#include "ship/shipconf.h"

enum { STEP_MS = 20 };

/* What was sent under a token: up to which byte of the connection, and since when all of it is acknowledged. */
struct sent {
	uint64_t token, end;
	int64_t acked_ns;               /* 0: not yet */
};

struct syslog {
	struct sink sink;
	const struct shipconf_sink *conf;
	int fd, stop_fd;
	uint64_t written, confirmed;
	VEC(struct sent) flight;
};

static void shut(struct syslog *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	s->written = 0;
	s->flight.n = 0;
}

static int64_t deadline(const struct syslog *s)
{
	return now_mono_ns() + (int64_t)s->conf->timeout_ms * NOW_NS_PER_MS;
}

/* --- connecting --- */

static void set_options(const struct syslog *s)
{
	int one = 1, ms = (int)s->conf->timeout_ms;

	setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(s->fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	setsockopt(s->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
}

static int socket_error(const struct syslog *s)
{
	int error = 0;
	socklen_t len = sizeof(error);

	return getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 ? errno : error;
}

static int connect_to(struct syslog *s, const struct addrinfo *ai, struct err *e)
{
	int error;

	s->fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return err_sys(e, errno, "socket");
	set_options(s);
	if (connect(s->fd, ai->ai_addr, ai->ai_addrlen) < 0) {
		if (errno != EINPROGRESS)
			return err_sys(e, errno, "%s port %s", s->conf->host, s->conf->port);
		if (sink_wait(s->fd, POLLOUT, s->stop_fd, deadline(s), e) < 0)
			return err_wrap(e, "connecting to %s port %s", s->conf->host, s->conf->port);
		error = socket_error(s);
		if (error)
			return err_sys(e, error, "%s port %s", s->conf->host, s->conf->port);
	}
	return 0;
}

/* Each address of the name in turn.  Names are asked for by the system's resolver, which has timeouts of its own. */
static int connect_any(struct syslog *s, struct err *e)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list;
	int rc = getaddrinfo(s->conf->host, s->conf->port, &hints, &list);

	if (rc != 0)
		return err_plain(e, EHOSTUNREACH, "%s port %s: %s", s->conf->host, s->conf->port, gai_strerror(rc));
	rc = -1;
	for (const struct addrinfo *ai = list; ai && rc < 0; ai = ai->ai_next) {
		rc = connect_to(s, ai, e);
		if (rc < 0)
			shut(s);
		if (rc < 0 && e->code == ECANCELED)
			break;
	}
	freeaddrinfo(list);
	return rc;
}

/* --- sending --- */

/* Has the receiver ended the connection?  What it says is not for us: read and dropped. */
static int check_alive(struct syslog *s, struct err *e)
{
	char ignored[512];
	ssize_t n;

	do
		n = recv(s->fd, ignored, sizeof(ignored), MSG_DONTWAIT);
	while (n > 0);
	if (n == 0)
		return err_plain(e, ECONNRESET, "%s port %s closed the connection", s->conf->host, s->conf->port);
	if (errno != EAGAIN && errno != EINTR)
		return err_sys(e, errno, "%s port %s", s->conf->host, s->conf->port);
	return 0;
}

static int write_all(struct syslog *s, const char *bytes, size_t len, struct err *e)
{
	int64_t until = deadline(s);

	while (len) {
		ssize_t n = send(s->fd, bytes, len, MSG_NOSIGNAL);

		if (n >= 0) {
			bytes += n;
			len -= (size_t)n;
			s->written += (uint64_t)n;
		} else if (errno == EAGAIN) {
			if (sink_wait(s->fd, POLLOUT, s->stop_fd, until, e) < 0)
				return err_wrap(e, "%s port %s takes no more", s->conf->host, s->conf->port);
		} else if (errno != EINTR) {
			return err_sys(e, errno, "%s port %s", s->conf->host, s->conf->port);
		}
	}
	return 0;
}

static int syslog_send(struct sink *sink, const char *bytes, size_t len, uint64_t token, struct err *e)
{
	struct syslog *s = (struct syslog *)sink;
	struct sent sent = { .token = token };

	if (s->fd < 0 && connect_any(s, e) < 0)
		return -1;
	if (check_alive(s, e) < 0 || write_all(s, bytes, len, e) < 0) {
		shut(s);
		return -1;
	}
	sent.end = s->written;
	if (!VEC_PUSH(&s->flight, sent)) {
		shut(s);
		return err_plain(e, ENOMEM, "out of memory");
	}
	return 0;
}

/* --- acknowledgement --- */

static int note_acked(struct syslog *s, struct err *e)
{
	int64_t now = now_mono_ns(), due = now - (int64_t)s->conf->confirm_ms * NOW_NS_PER_MS;
	size_t done = 0;
	int queued;

	if (ioctl(s->fd, SIOCOUTQ, &queued) < 0)
		return err_sys(e, errno, "%s port %s", s->conf->host, s->conf->port);
	if (check_alive(s, e) < 0)      /* after the count: bytes acknowledged before an end that came later do not count */
		return -1;
	for (size_t i = 0; i < s->flight.n; i++)
		if (s->flight.at[i].acked_ns == 0 && s->flight.at[i].end + (uint64_t)queued <= s->written)
			s->flight.at[i].acked_ns = now;
	for (; done < s->flight.n && s->flight.at[done].acked_ns && s->flight.at[done].acked_ns <= due; done++)
		s->confirmed = s->flight.at[done].token;
	s->flight.n -= done;
	if (done)
		memmove(s->flight.at, s->flight.at + done, s->flight.n * sizeof(*s->flight.at));
	return 0;
}

static int syslog_confirmed(struct sink *sink, unsigned wait_ms, uint64_t *ret_token, struct err *e)
{
	struct syslog *s = (struct syslog *)sink;
	int64_t until = now_mono_ns() + (int64_t)wait_ms * NOW_NS_PER_MS;
	uint64_t before = s->confirmed;

	while (s->fd >= 0) {
		int64_t step = now_mono_ns() + STEP_MS * NOW_NS_PER_MS;

		if (note_acked(s, e) < 0) {
			shut(s);
			return -1;
		}
		if (s->confirmed != before || now_mono_ns() >= until)
			break;
		if (sink_wait(-1, 0, s->stop_fd, step < until ? step : until, e) < 0 && e->code != ETIMEDOUT)
			return e->code == ECANCELED ? (*ret_token = s->confirmed, 0) : -1;
	}
	*ret_token = s->confirmed;
	return 0;
}

/* --- the whole --- */

static int syslog_make(const struct shipconf_sink *c, int stop_fd, struct sink **ret, struct err *e)
{
	struct syslog *s = calloc(1, sizeof(*s));

	if (!s)
		return err_plain(e, ENOMEM, "out of memory");
	s->sink.ops = &sink_syslog_ops;
	s->conf = c;
	s->fd = -1;
	s->stop_fd = stop_fd;
	*ret = &s->sink;
	return 0;
}

static void syslog_destroy(struct sink *sink)
{
	struct syslog *s = (struct syslog *)sink;

	shut(s);
	VEC_FREE(&s->flight);
	free(s);
}

const struct sink_ops sink_syslog_ops = { syslog_make, syslog_send, syslog_confirmed, syslog_destroy };
