/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmd_init: what `ringfence init` found, and how it is written. */
#ifndef APP_CMD_INIT_H
#define APP_CMD_INIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kern/neigh.h"
#include "net/pcap.h"
#include "policy/policy.h"
#include "run/source.h"

struct buf;

enum { INIT_ZONES = 256, INIT_NETS = 8, INIT_DEVICES = 4096, INIT_ADDRS = 4 };

struct init_zone {
	char iface[16];
	uint32_t ifindex;
	struct prefix nets[INIT_NETS];
	size_t n_nets;
	bool guarded;
};

struct init_device {
	struct mac mac;
	struct addr addrs[INIT_ADDRS];
	size_t n_addrs, zone;
	uint32_t maker;                 /* into shipped->makers, or POLICY_NONE */
	const char *registrant;
};

struct init {
	struct policy *shipped;         /* an empty policy: registry, makers and packs */
	struct init_zone zones[INIT_ZONES];
	size_t n_zones;
	struct init_device devices[INIT_DEVICES];
	size_t n_devices, beyond;
	bool guarded;                   /* some zone is */
};

/* A MAC was seen with an address; ifindex 0: where is told by the address. */
void cmd_init_seen(struct init *in, const struct mac *mac, const struct addr *addr, uint32_t ifindex);
bool cmd_init_is_restricted(const struct init *in, const struct init_device *d);
/* The policy as YAML with comments. */
void cmd_init_write(const struct init *in, struct buf *out);

#endif
