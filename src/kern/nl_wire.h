/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nl_wire: what nl.c and nl_batch.c share of a socket. */
#ifndef KERN_NL_WIRE_H
#define KERN_NL_WIRE_H

#include <stdint.h>

struct mnl_socket;
struct nlmsghdr;

struct nl {
	struct mnl_socket *socket;
	uint32_t seq;                   /* of the last message */
	void *out, *in;
};

int nl_code(const struct nlmsghdr *nlh);
const char *nl_words(const struct nlmsghdr *nlh);

#endif
