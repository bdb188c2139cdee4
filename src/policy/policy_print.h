/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside policy alone: the value printers of the types, for the table in policy_type.c. */
#ifndef POLICY_POLICY_PRINT_H
#define POLICY_POLICY_PRINT_H

#include "policy/policy_read.h"

#define POLICY_PRINT(name) \
	bool policy_print_##name(const struct policy *p, const struct policy_field *f, const void *obj, struct buf *out)
POLICY_PRINT(version); POLICY_PRINT(str); POLICY_PRINT(word); POLICY_PRINT(bool); POLICY_PRINT(tristate);
POLICY_PRINT(days); POLICY_PRINT(mask); POLICY_PRINT(time); POLICY_PRINT(strs); POLICY_PRINT(addr);
POLICY_PRINT(addrs); POLICY_PRINT(mac); POLICY_PRINT(macs); POLICY_PRINT(nets); POLICY_PRINT(ifaces);
POLICY_PRINT(one); POLICY_PRINT(many); POLICY_PRINT(packs); POLICY_PRINT(except); POLICY_PRINT(sel);
POLICY_PRINT(services); POLICY_PRINT(ports); POLICY_PRINT(port); POLICY_PRINT(end_word);

#endif
