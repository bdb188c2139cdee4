/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sock: sockets, clocks and the wish to stop, shared by the commands.  Failures print a word to
 * stderr and return -1. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "netns/opt.h"

#define SOCK_BUFFER (64 << 20)

/* Address and port to a sockaddr; its length. */
socklen_t sock_addr(const struct opt_addr *a, unsigned port, struct sockaddr_storage *ret);
int sock_port(const char *text, unsigned *ret);
int sock_buffer(int fd, bool receive);		/* as large as the kernel lets us have it */
int sock_listen(int type, unsigned port);	/* both families; TCP listens, UDP is bound */
uint64_t sock_now_ns(void);			/* monotonic */
void sock_sleep_until_ns(uint64_t when);
/* A descriptor that becomes readable when SIGTERM, SIGINT or SIGHUP asks us to stop. */
int sock_stop_fd(void);
