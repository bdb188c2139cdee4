/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control server.  One request per connection: read it, run its row, write the reply, close.  A client is a slot with an
 * input buffer that never grows beyond one request, an output buffer, and a deadline: for the whole request, then for each
 * piece of the reply; one timer sweeps the deadlines.  Who may change things takes the slot of who may only ask. */
#include "run/ctl_server.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/buf.h"
#include "base/loop.h"
#include "base/now.h"

enum { CLIENTS_MAX = 32, REPLY_MAX = 64 << 20, SWEEP_MS = 500, GROUPS_MAX = 256, LISTEN_BACKLOG = 16 };

struct client {
	int fd;                         /* -1: free slot */
	struct ctl_server *server;
	uid_t uid;
	pid_t pid;
	bool may_read, may_change;
	int64_t deadline_ns;
	struct buf in, out;
	size_t sent;
};

struct ctl_server {
	struct loop *loop;
	int fd, timer;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	gid_t gid;
	unsigned idle_ms;
	const struct ctl_command *commands;
	void *arg;
	struct ctl_server_stats stats;
	struct client clients[CLIENTS_MAX];
};

static void client_drop(struct client *c)
{
	loop_fd_remove(c->server->loop, c->fd);
	close(c->fd);
	buf_fini(&c->in);
	buf_fini(&c->out);
	c->fd = -1;
	c->server->stats.clients--;
}

static void client_alive(struct client *c)
{
	c->deadline_ns = now_mono_ns() + (int64_t)c->server->idle_ms * NOW_NS_PER_MS;
}

static bool in_group(int fd, gid_t primary, gid_t wanted)
{
	gid_t groups[GROUPS_MAX];
	socklen_t len = sizeof(groups);

	if (wanted == (gid_t)-1)
		return false;
	if (primary == wanted)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) < 0)
		return false;
	for (size_t i = 0; i < len / sizeof(groups[0]); i++) {
		if (groups[i] == wanted)
			return true;
	}
	return false;
}

static bool client_rights(struct client *c)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return false;
	c->uid = cred.uid;
	c->pid = cred.pid;
	c->may_change = cred.uid == 0 || cred.uid == geteuid();
	c->may_read = c->may_change || in_group(c->fd, cred.gid, c->server->gid);
	return true;
}

static const struct ctl_command *command_find(const struct ctl_server *s, const char *name)
{
	for (const struct ctl_command *c = s->commands; c->name; c++) {
		if (strcmp(c->name, name) == 0)
			return c;
	}
	return NULL;
}

static enum ctl_status execute(struct client *c, const struct ctl_words *words, struct buf *out)
{
	struct ctl_server *s = c->server;
	const struct ctl_command *cmd = command_find(s, words->at[0]);
	const struct ctl_request req = { .uid = c->uid, .pid = c->pid, .words = words };

	if (!cmd || !(cmd->right == CTL_READ ? c->may_read : c->may_change)) {
		s->stats.refused++;
		buf_printf(out, cmd ? "%s: uid %u may not do this\n" : "%s: the daemon knows no such command (uid %u)\n",
			   words->at[0], (unsigned)c->uid);
		return CTL_UNSURE;
	}
	s->stats.served++;
	return cmd->fn(s->arg, &req, out);
}

/* false: the client is gone. */
static bool client_write(struct client *c)
{
	while (c->sent < c->out.len) {
		const ssize_t n = send(c->fd, c->out.data + c->sent, c->out.len - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			loop_fd_events(c->server->loop, c->fd, POLLOUT);
			return true;
		}
		if (n <= 0) {
			c->server->stats.dropped++;
			client_drop(c);
			return false;
		}
		c->sent += (size_t)n;
		client_alive(c);
	}
	client_drop(c);
	return false;
}

static void client_answer(struct client *c)
{
	struct ctl_words words;
	struct buf text;
	enum ctl_status status;

	if (ctl_wire_words(c->in.data + sizeof(uint32_t), c->in.len - sizeof(uint32_t), &words) < 0) {
		c->server->stats.dropped++;
		client_drop(c);
		return;
	}
	buf_init(&text);
	text.max = REPLY_MAX;
	status = execute(c, &words, &text);
	if (text.failed) {
		buf_reset(&text);
		buf_str(&text, "the reply is too big\n");
		status = CTL_UNSURE;
	}
	ctl_wire_put_reply(&c->out, status, text.data, text.len);
	buf_fini(&text);
	if (c->out.failed) {
		c->server->stats.dropped++;
		client_drop(c);
		return;
	}
	client_alive(c);
	client_write(c);
}

static void client_read(struct client *c)
{
	uint8_t head[sizeof(uint32_t)];
	char part[4096];
	ssize_t want = ctl_wire_frame((const uint8_t *)c->in.data, c->in.len), n;
	const size_t left = want > 0 ? (size_t)want - c->in.len : sizeof(head) - c->in.len;

	n = recv(c->fd, part, left < sizeof(part) ? left : sizeof(part), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return;
	if (n > 0) {
		buf_add(&c->in, part, (size_t)n);
		want = ctl_wire_frame((const uint8_t *)c->in.data, c->in.len);
	}
	if (n <= 0 || want < 0 || c->in.failed) {
		c->server->stats.dropped++;
		client_drop(c);
	} else if (want > 0 && c->in.len == (size_t)want) {
		client_answer(c);
	}
}

static void on_client(void *arg, int fd, short revents)
{
	struct client *c = arg;

	(void)fd;
	if (c->out.len > 0 && revents & (POLLOUT | POLLERR | POLLHUP))
		client_write(c);
	else if (c->out.len == 0)
		client_read(c);
}

static struct client *slot_free(struct ctl_server *s)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		if (s->clients[i].fd < 0)
			return &s->clients[i];
	}
	return NULL;
}

/* The one of those who may only ask that has the least time left. */
static struct client *slot_taken(struct ctl_server *s)
{
	struct client *found = NULL;

	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct client *c = &s->clients[i];

		if (!c->may_change && (!found || c->deadline_ns < found->deadline_ns))
			found = c;
	}
	if (!found)
		return NULL;
	s->stats.dropped++;
	client_drop(found);
	return found;
}

static void on_listen(void *arg, int fd, short revents)
{
	struct ctl_server *s = arg;
	struct client now = { .fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), .server = s }, *c = slot_free(s);
	struct err e = { 0 };
	bool known;

	(void)revents;
	if (now.fd < 0)
		return;
	known = client_rights(&now);
	if (!c && known && now.may_change)
		c = slot_taken(s);
	if (!c || !known || loop_fd(s->loop, now.fd, POLLIN, on_client, c, &e) < 0) {
		s->stats.dropped++;
		close(now.fd);
		return;
	}
	*c = now;
	buf_init(&c->in);
	buf_init(&c->out);
	s->stats.clients++;
	client_alive(c);
}

static void on_sweep(void *arg)
{
	struct ctl_server *s = arg;
	const int64_t now = now_mono_ns();

	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		if (s->clients[i].fd >= 0 && s->clients[i].deadline_ns < now) {
			s->stats.dropped++;
			client_drop(&s->clients[i]);
		}
	}
}

static int listen_at(struct ctl_server *s, struct err *e)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	if (strlen(s->path) >= sizeof(sa.sun_path))
		return err_plain(e, ENAMETOOLONG, "%s: too long for a socket", s->path);
	memcpy(sa.sun_path, s->path, strlen(s->path));
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		return err_sys(e, errno, "control socket");
	unlink(s->path);
	if (bind(s->fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0)
		return err_sys(e, errno, "control socket %s", s->path);
	/* As a unit its own group is that one already, and chown is not among its system calls. */
	if (s->gid != (gid_t)-1 && s->gid != getegid() && chown(s->path, (uid_t)-1, s->gid) < 0)
		s->gid = (gid_t)-1;             /* not a member of it: then for our own user alone */
	if (chmod(s->path, s->gid == (gid_t)-1 ? 0600 : 0660) < 0 || listen(s->fd, LISTEN_BACKLOG) < 0)
		return err_sys(e, errno, "control socket %s", s->path);
	return 0;
}

struct ctl_server *ctl_server_new(struct loop *loop, const char *path, gid_t gid, unsigned idle_ms,
				  const struct ctl_command *commands, void *arg, struct err *e)
{
	AUTO(ctl_server) s = calloc(1, sizeof(*s));

	if (!s) {
		err_plain(e, ENOMEM, "out of memory");
		return NULL;
	}
	*s = (struct ctl_server){ .loop = loop, .fd = -1, .timer = -1, .gid = gid, .idle_ms = idle_ms,
				  .commands = commands, .arg = arg };
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		s->clients[i].fd = -1;
	if ((size_t)snprintf(s->path, sizeof(s->path), "%s", path) >= sizeof(s->path)) {
		err_plain(e, ENAMETOOLONG, "%s: too long for a socket", path);
		s->path[0] = '\0';
		return NULL;
	}
	if (listen_at(s, e) < 0 || loop_fd(loop, s->fd, POLLIN, on_listen, s, e) < 0)
		return NULL;
	s->timer = loop_timer(loop, SWEEP_MS, SWEEP_MS, on_sweep, s, e);
	return s->timer < 0 ? NULL : TAKE(s);
}

void ctl_server_free(struct ctl_server *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		if (s->clients[i].fd >= 0)
			client_drop(&s->clients[i]);
	}
	if (s->timer >= 0)
		loop_timer_cancel(s->loop, s->timer);
	if (s->fd >= 0) {
		loop_fd_remove(s->loop, s->fd);
		close(s->fd);
		unlink(s->path);
	}
	free(s);
}

struct ctl_server_stats ctl_server_stats(const struct ctl_server *s)
{
	return s->stats;
}
