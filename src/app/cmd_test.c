/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test: the policy's own tests, each judged by the program that would filter. */
#include <stdio.h>
#include <stdlib.h>

#include "app/cmd.h"
#include "base/json.h"
#include "base/word.h"
#include "run/judge.h"
#include "run/trial.h"

static void say_json(const struct judge *j, const struct trial_result *r, uint32_t bad)
{
	struct json js;
	struct buf out;

	buf_init(&out);
	json_init(&js, &out);
	json_object(&js, NULL);
	json_u64(&js, "tests", j->policy->n_tests);
	json_u64(&js, "failed", bad);
	json_array(&js, "results");
	for (uint32_t i = 0; i < j->policy->n_tests; i++) {
		json_object(&js, NULL);
		json_str(&js, "name", r[i].test->name);
		json_bool(&js, "passed", r[i].passed);
		json_str(&js, "expect", word_name(policy_action_words, (int)r[i].test->expect));
		json_str(&js, "got", r[i].judged ? word_name(policy_action_words, r[i].verdict.action) : NULL);
		json_str(&js, "rule", r[i].judged && r[i].verdict.rule != POLICY_NONE ?
			 j->policy->rules[r[i].verdict.rule].id : NULL);
		json_str(&js, "error", r[i].judged ? NULL : r[i].error.msg);
		json_u64(&js, "line", r[i].test->loc.line);
		json_end(&js);
	}
	json_end_array(&js);
	json_end(&js);
	buf_char(&out, '\n');
	cmd_print(&out);
	buf_fini(&out);
}

static void say_text(const struct cmd *c, const struct judge *j, const struct trial_result *r, uint32_t bad)
{
	struct buf line;

	buf_init(&line);
	for (uint32_t i = 0; i < j->policy->n_tests; i++) {
		buf_reset(&line);
		trial_text(j, &r[i], &line);
		printf("%s%s%s %s\n", r[i].passed ? cmd_green(c) : cmd_red(c), r[i].passed ? "ok  " : "FAIL", cmd_plain(c),
		       buf_cstr(&line));
		if (!r[i].passed)
			printf("     at %s:%u\n", r[i].test->loc.file, r[i].test->loc.line);
	}
	buf_fini(&line);
	printf("%u tests, %u failed\n", j->policy->n_tests, bad);
}

int cmd_test(struct cmd *c, int argc, char **argv)
{
	struct trial_result *results;
	struct judge *j;
	uint32_t bad;
	int rc = cmd_options(c, argc, argv, NULL, 0, 1);

	if (rc >= 0)
		return rc;
	j = cmd_judge(c, c->n_args ? c->args[0] : c->policy);
	if (!j)
		return CTL_UNSURE;
	results = calloc(j->policy->n_tests + 1, sizeof(*results));
	if (!results) {
		judge_free(j);
		return cmd_misuse(c, "out of memory");
	}
	bad = trial_run(j, results);
	if (c->json)
		say_json(j, results, bad);
	else
		say_text(c, j, results, bad);
	free(results);
	judge_free(j);
	return bad ? CTL_NO : CTL_YES;
}
