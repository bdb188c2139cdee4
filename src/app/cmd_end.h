/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmd_end: the words of explain's --from, --to, --proto, --service and --at, as a test of the policy would say them. */
#ifndef APP_CMD_END_H
#define APP_CMD_END_H

#include "policy/policy.h"

/* MAC[,ADDRESS][@ZONE] | ADDRESS[@ZONE] | device | host | firewall; port: a :PORT behind an address, -1: none. */
int cmd_end_parse(const struct policy *p, const char *text, struct policy_test_end *ret, int *ret_port, struct err *e);
/* "tcp/554", "udp", "icmp/echo-request", or a service of the policy (its first piece); port >= 0 fills in a missing one. */
int cmd_end_service(const struct policy *p, const char *text, int port, struct policy_port *ret, struct err *e);
/* RFC 3339, or a day in the site's time zone (its noon). */
int cmd_end_time(const struct policy *p, const char *text, int64_t *ret, struct err *e);

#endif
