/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_fences: table netdev ringfence, a part of the model that table_build makes: sent, verified and changed in the same
 * transactions as table inet ringfence.  At each guarded interface that enforces and has Ethernet addresses:
 *
 *	to-IFACE	egress: IP unicast leaves only to a MAC that has proved the address, so that an ARP or ND answer that
 *			lies leads nothing astray; discovery and DHCP answers pass, as does what is addressed to many
 *	from-IFACE	ingress: IPv4, IPv6 and ARP come in (tagged frames where VLAN devices stand on the interface, and what
 *			no bridge passes on); only where frames may go on otherwise than by IP (elsewhere they end in the IP
 *			stack anyway, and the chain costs every packet): the interface is a part of another one, something
 *			stands on it, or the kernel has somebody for a further protocol
 *
 * Everything else is a counted drop in the ledger.  Where the interface is a port of a bridge that is not guarded, what is IP
 * neither comes in nor leaves: frames would go around the table.
 * A chain hangs on a device by name.  It is never taken away while its device is there (that would flush every queue of the
 * namespace): of an interface that is guarded no more it stays, empty. */
#ifndef KERN_TABLE_FENCES_H
#define KERN_TABLE_FENCES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "kern/table_model.h"

enum table_fences_chain { TABLE_FENCES_CH_DROP, TABLE_FENCES_CH_ODD, TABLE_FENCES_CHAINS };
enum table_fences_set {
	TABLE_FENCES_ND, TABLE_FENCES_TAGS,
	TABLE_FENCES_OBSERVED4, TABLE_FENCES_OBSERVED6,
	TABLE_FENCES_DROPS4_A, TABLE_FENCES_DROPS4_B, TABLE_FENCES_DROPS6_A, TABLE_FENCES_DROPS6_B,
	TABLE_FENCES_ODD_A, TABLE_FENCES_ODD_B,
	TABLE_FENCES_SETS
};
extern const struct table_set_row table_fences_sets[TABLE_FENCES_SETS];
extern const char *const table_fences_chains[TABLE_FENCES_CHAINS];  /* all of them name a page of the ledger */

/* The whole; page: the one to write to. */
int table_fences_build(const struct table_input *in, char page, struct table **ret, struct err *e);
/* The page chains alone. */
int table_fences_turned(char page, struct table **ret, struct err *e);
/* Pieces for small changes: the pairs of n bindings as elements; and, of interfaces whose fence looks at MACs alone, those of the
 * MACs of add and del that count by in's bindings, and by those when add and del are done (the same sets in both). */
int table_fences_pairs(const struct table_input *in, const struct table_binding *d, size_t n, struct table **ret, struct err *e);
int table_fences_macs(const struct table_input *in, const struct table_binding *add, size_t n_add,
		      const struct table_binding *del, size_t n_del, struct table **ret_was, struct table **ret_is, struct err *e);

#endif
