/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A camera and a recorder in RTSP's shape: the recorder opens TCP and asks; the camera answers with
 * bytes on that connection, then opens a UDP flow of its own to the recorder (RTP).  Enough of the
 * text is real for protocol evidence (Server:, client_port=). */
#include "netns/netprobe.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "netns/sock.h"

#define HEAD 1024

struct rtsp {
	const char *server;
	struct opt_addr to;
	unsigned port, rtp, packets, bytes, timeout_ms;
};

static const struct opt options[] = {
	{ "server", OPT_STR, offsetof(struct rtsp, server) },
	{ "rtp", OPT_UINT, offsetof(struct rtsp, rtp) },
	{ "packets", OPT_UINT, offsetof(struct rtsp, packets) },
	{ "bytes", OPT_UINT, offsetof(struct rtsp, bytes) },
	{ "timeout-ms", OPT_UINT, offsetof(struct rtsp, timeout_ms) },
	{ NULL, OPT_FLAG, 0 },
};

/* Reads up to and with the empty line; 0, or -1. */
static int read_head(int fd, char head[HEAD])
{
	size_t used = 0;

	while (used + 1 < HEAD && recv(fd, head + used, 1, 0) == 1) {
		head[++used] = 0;
		if (used >= 4 && !memcmp(head + used - 4, "\r\n\r\n", 4))
			return 0;
	}
	return -1;
}

static int send_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n <= 0)
			return -1;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static void play(int fd, unsigned rtp, unsigned packets)
{
	struct sockaddr_in6 peer;
	socklen_t len = sizeof(peer);
	char data[172] = { (char)0x80, 96 };
	int media = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (media < 0 || getpeername(fd, (void *)&peer, &len))
		return;
	peer.sin6_port = htons((uint16_t)rtp);
	for (unsigned i = 0; i < packets; i++) {
		data[2] = (char)(i >> 8);
		data[3] = (char)i;
		if (sendto(media, data, sizeof(data), 0, (void *)&peer, sizeof(peer)) < 0)
			perror("netprobe: rtp");
		sock_sleep_until_ns(sock_now_ns() + 1000000);
	}
	close(media);
}

static void camera(int fd, const char *server)
{
	static char block[16384];
	char head[HEAD], *at;
	unsigned rtp = 0, bytes = 0, packets = 0;

	while (!read_head(fd, head)) {
		int n;

		at = strstr(head, "client_port=");
		if (!at || sscanf(at, "client_port=%u", &rtp) != 1)
			return;
		at = strstr(head, "X-Probe:");
		if (!at || sscanf(at, "X-Probe: bytes=%u packets=%u", &bytes, &packets) != 2)
			return;
		n = snprintf(head, sizeof(head), "RTSP/1.0 200 OK\r\nCSeq: 1\r\nServer: %s\r\nContent-Length: %u\r\n\r\n",
			     server, bytes);
		if (send_all(fd, head, (size_t)n))
			return;
		for (unsigned left = bytes; left;) {
			unsigned part = left < sizeof(block) ? left : (unsigned)sizeof(block);

			if (send_all(fd, block, part))
				return;
			left -= part;
		}
		play(fd, rtp, packets);
	}
}

int rtsp_camera_main(int argc, char **argv)
{
	static struct rtsp r = { .server = "camera/1.0" };
	int listener;

	if (opt_parse(argc, argv, options, &r) != 1 || sock_port(argv[1], &r.port))
		return NETPROBE_USAGE;
	listener = sock_listen(SOCK_STREAM, r.port);
	if (listener < 0)
		return NETPROBE_USAGE;
	signal(SIGCHLD, SIG_IGN);
	puts("ready");
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			return NETPROBE_USAGE;
		if (fork() == 0) {
			camera(fd, r.server);
			_exit(0);
		}
		close(fd);
	}
}

/* The answer's head and body; bytes of the body. */
static unsigned pull(const struct rtsp *r, int fd)
{
	char head[HEAD];
	unsigned got = 0;

	snprintf(head, sizeof(head), "SETUP rtsp://camera/1 RTSP/1.0\r\nCSeq: 1\r\n"
		 "Transport: RTP/AVP;unicast;client_port=%u-%u\r\nX-Probe: bytes=%u packets=%u\r\n\r\n",
		 r->rtp, r->rtp + 1, r->bytes, r->packets);
	if (send_all(fd, head, strlen(head)) || read_head(fd, head))
		return 0;
	while (got < r->bytes) {
		char data[16384];
		ssize_t n = recv(fd, data, sizeof(data), 0);

		if (n <= 0)
			break;
		got += (unsigned)n;
	}
	return got;
}

static unsigned listen_media(const struct rtsp *r, int media)
{
	unsigned got = 0;
	char data[2048];

	while (got < r->packets && recv(media, data, sizeof(data), 0) > 0)
		got++;
	return got;
}

int rtsp_pull_main(int argc, char **argv)
{
	static struct rtsp r = { .rtp = 50000, .packets = 100, .bytes = 100000, .timeout_ms = 10000 };
	struct sockaddr_storage at;
	struct timeval limit;
	unsigned bytes = 0, packets = 0;
	socklen_t len;
	int fd, media;

	if (opt_parse(argc, argv, options, &r) != 2 || opt_addr(argv[1], &r.to) || sock_port(argv[2], &r.port))
		return NETPROBE_USAGE;
	media = sock_listen(SOCK_DGRAM, r.rtp);
	fd = socket(r.to.family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (media < 0 || fd < 0 || sock_buffer(media, true))
		return NETPROBE_USAGE;
	limit = (struct timeval){ .tv_sec = r.timeout_ms / 1000, .tv_usec = r.timeout_ms % 1000 * 1000 };
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	setsockopt(media, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	len = sock_addr(&r.to, r.port, &at);
	if (connect(fd, (void *)&at, len)) {
		fprintf(stderr, "netprobe: %s\n", strerror(errno));
		return errno == ECONNREFUSED ? NETPROBE_REFUSED : NETPROBE_TIMEOUT;
	}
	bytes = pull(&r, fd);
	packets = listen_media(&r, media);
	printf("bytes %u\npackets %u\n", bytes, packets);
	return bytes == r.bytes && packets == r.packets ? 0 : NETPROBE_BROKEN;
}
