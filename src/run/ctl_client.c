/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The asking end of the control socket: connect, send the request, read status and chunks to the end. */
#include "run/ctl_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "base/buf.h"
#include "base/own.h"

static int connect_to(const char *path, unsigned timeout_ms, int *ret, struct err *e)
{
	const struct timeval tv = { .tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000 };
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	AUTO_FD fd = -1;

	if (strlen(path) >= sizeof(sa.sun_path))
		return err_plain(e, ENAMETOOLONG, "%s: too long for a socket", path);
	memcpy(sa.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) < 0)
		return err_sys(e, errno, "control socket");
	if (connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0) {
		if (errno == ENOENT || errno == ECONNREFUSED)
			return err_plain(e, errno, "no daemon answers at %s", path);
		return err_sys(e, errno, "%s", path);
	}
	*ret = fd;
	fd = -1;
	return 0;
}

static int send_all(int fd, const struct buf *b, struct err *e)
{
	for (size_t at = 0; at < b->len; ) {
		const ssize_t n = send(fd, b->data + at, b->len - at, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, errno, "asking the daemon");
		at += (size_t)n;
	}
	return 0;
}

static int recv_all(int fd, void *p, size_t len, struct err *e)
{
	for (size_t at = 0; at < len; ) {
		const ssize_t n = recv(fd, (char *)p + at, len - at, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return err_plain(e, ETIMEDOUT, "the daemon does not answer");
		if (n < 0)
			return err_sys(e, errno, "the daemon's answer");
		if (n == 0)
			return err_plain(e, ECONNRESET, "the daemon hung up");
		at += (size_t)n;
	}
	return 0;
}

static int recv_u32(int fd, uint32_t *ret, struct err *e)
{
	uint8_t b[sizeof(uint32_t)];

	if (recv_all(fd, b, sizeof(b), e) < 0)
		return -1;
	*ret = ctl_wire_get_u32(b);
	return 0;
}

static int recv_reply(int fd, struct buf *out, enum ctl_status *ret_status, struct err *e)
{
	AUTO_MEM char *chunk = malloc(CTL_CHUNK_MAX);
	uint32_t status, len;

	if (!chunk)
		return err_plain(e, ENOMEM, "out of memory");
	if (recv_u32(fd, &status, e) < 0)
		return -1;
	for (;;) {
		if (recv_u32(fd, &len, e) < 0)
			return -1;
		if (len == 0)
			break;
		if (len > CTL_CHUNK_MAX)
			return err_plain(e, EPROTO, "the daemon's answer makes no sense");
		if (recv_all(fd, chunk, len, e) < 0)
			return -1;
		buf_add(out, chunk, len);
	}
	if (out->failed)
		return err_plain(e, ENOMEM, "the daemon's answer is too big");
	*ret_status = status <= CTL_UNSURE ? (enum ctl_status)status : CTL_UNSURE;
	return 0;
}

int ctl_client_call(const char *path, unsigned n, const char *const *words, unsigned timeout_ms, struct buf *out,
		    enum ctl_status *ret_status, struct err *e)
{
	AUTO_FD fd = -1;
	struct buf req;
	int rc;

	buf_init(&req);
	rc = ctl_wire_put_request(&req, n, words, e);
	if (rc == 0)
		rc = connect_to(path, timeout_ms, &fd, e);
	if (rc == 0)
		rc = send_all(fd, &req, e);
	if (rc == 0)
		rc = recv_reply(fd, out, ret_status, e);
	buf_fini(&req);
	return rc;
}
