/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check: load, compile, build the kernel's table; nothing is sent anywhere.  With --tests the policy's tests too. */
#include <stdio.h>

#include "app/cmd.h"
#include "base/diag.h"
#include "base/json.h"
#include "base/now.h"
#include "kern/nl.h"
#include "kern/probe.h"
#include "run/judge.h"

static void say_json(const struct diag *d, bool fine, const struct judge *j)
{
	struct json js;
	struct buf out;

	buf_init(&out);
	json_init(&js, &out);
	json_object(&js, NULL);
	json_bool(&js, "ok", fine);
	json_u64(&js, "errors", diag_errors(d));
	json_u64(&js, "warnings", diag_warnings(d));
	if (j) {
		json_str(&js, "revision", j->policy->revision);
		json_u64(&js, "rules", j->policy->n_rules);
		json_u64(&js, "devices", j->policy->n_devices);
		json_u64(&js, "program_bytes", prog_bytes(j->prog));
	}
	{
		struct buf list;

		buf_init(&list);
		diag_json(d, &list);
		json_raw(&js, "findings", buf_cstr(&list));
		buf_fini(&list);
	}
	json_end(&js);
	buf_char(&out, '\n');
	cmd_print(&out);
	buf_fini(&out);
}

static void say_text(const struct cmd *c, const struct diag *d, bool fine, const struct judge *j)
{
	struct buf out;

	buf_init(&out);
	diag_text(d, c->colour, &out);
	fputs(buf_cstr(&out), stderr);
	buf_fini(&out);
	if (fine)
		printf("%sok%s: %s: %u zones, %u devices, %u rules, program of %zu KiB%s\n", cmd_green(c), cmd_plain(c),
		       j->policy->path,
		       j->policy->n_zones, j->policy->n_devices, j->policy->n_rules, prog_bytes(j->prog) / 1024,
		       diag_warnings(d) ? ", with warnings" : "");
}

/* Where this can be asked: it takes CAP_NET_ADMIN. */
static void check_offload(const struct policy *p, struct diag *d)
{
	AUTO(nl) n = NULL;
	struct probe probe = { 0 };
	struct err none;

	for (uint32_t i = 0; i < p->n_rules; i++) {
		const struct policy_rule *r = &p->rules[i];

		if (!r->offload || r->disabled)
			continue;
		if (!n && (nl_open(NL_NETFILTER, NULL, &n, &none) < 0 || probe_one(n, PROBE_FLOWTABLE, &probe, &none) < 0))
			return;
		if (!probe.has[PROBE_FLOWTABLE])
			diag_add(d, DIAG_WARNING, r->offload_loc, "'offload' is not in force here: this kernel has no flowtables "
				 "(CONFIG_NF_FLOW_TABLE, CONFIG_NFT_FLOW_OFFLOAD)");
	}
}

int cmd_check(struct cmd *c, int argc, char **argv)
{
	struct diag *d = NULL;
	struct policy *p;
	struct judge *j = NULL;
	struct err e = { 0 };
	bool fine = false;
	int rc = cmd_options(c, argc, argv, NULL, 0, 1);

	if (rc >= 0)
		return rc;
	if (c->n_args)
		c->policy = c->args[0];
	p = cmd_load(c, c->policy, &d);
	if (!d)
		return cmd_misuse(c, "out of memory");
	if (p) {
		check_offload(p, d);
		j = judge_new(p, NULL, now_wall_ns(), &e);
		fine = j && cmd_kernel(j, false, NULL, &e) == 0;
		if (!fine)
			diag_err(d, &e);
	}
	if (c->json)
		say_json(d, fine, j);
	else
		say_text(c, d, fine, j);
	judge_free(j);
	diag_free(d);
	return fine ? CTL_YES : CTL_NO;
}
