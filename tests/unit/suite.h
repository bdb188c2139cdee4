/* SPDX-License-Identifier: GPL-2.0-or-later */
/* suite: the main of a unit test.
 *	int main(void) { TCase *tc = tcase_create("err"); tcase_add_test(tc, …); return suite_run(tc); } */
#ifndef TESTS_SUITE_H
#define TESTS_SUITE_H

#include <check.h>
#include <stdlib.h>

static inline int suite_run(TCase *tc)
{
	Suite *s = suite_create("");
	SRunner *r;
	int failed;

	suite_add_tcase(s, tc);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
