/* SPDX-License-Identifier: GPL-2.0-or-later */
/* proof: how sure it is that an address is a MAC's.  In order: a higher one says more. */
#ifndef IDENT_PROOF_H
#define IDENT_PROOF_H

enum who_proof {
	WHO_NO_PROOF,           /* never answered for it */
	WHO_CLAIMED,            /* seen in a packet only */
	WHO_VERIFIED,           /* answered our own unicast ARP request or neighbour solicitation, or DHCP snooping */
	WHO_PINNED,             /* the policy lists MAC and address together */
};

#endif
