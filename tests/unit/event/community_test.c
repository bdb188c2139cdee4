/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Vectors: what tshark and the reference implementation (corelight/community-id-spec) give for the same packets. */
#include "event/community.h"

#include "unit/suite.h"

static const struct { const char *from, *to; uint8_t proto; uint16_t sport, dport; const char *id; } vectors[] = {
	{ "128.232.110.120", "66.35.250.204", 6, 34855, 80, "1:LQU9qZlK+B5F3KDmev6m5PMibrg=" },
	{ "66.35.250.204", "128.232.110.120", 6, 80, 34855, "1:LQU9qZlK+B5F3KDmev6m5PMibrg=" },
	{ "192.168.1.52", "8.8.8.8", 17, 54585, 53, "1:d/FP5EW3wiY1vCndhwleRRKHowQ=" },
	{ "192.168.170.8", "192.168.170.56", 132, 7, 7, "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs=" },
	{ "192.168.0.89", "192.168.0.1", 1, 8, 0, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=" },
	{ "192.168.0.1", "192.168.0.89", 1, 0, 0, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=" },
	{ "10.0.0.1", "10.0.0.2", 1, 11, 0, "1:YHxtAirCG//0OzkcVAukqKQN9xM=" },
	{ "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 58, 135, 0, "1:dGHyGvjMfljg6Bppwm3bg0LO8TY=" },
	{ "fe80::260:97ff:fe07:69ea", "fe80::200:86ff:fe05:80da", 58, 136, 0, "1:dGHyGvjMfljg6Bppwm3bg0LO8TY=" },
	{ "3ffe:501:1800:2345::2", "3ffe:507:0:1:200:86ff:fe05:80da", 58, 3, 0, "1:2ObVBgIn28oZvibYZhZMBgh7WdQ=" },
	{ "3ffe:501:410:0:2c0:dfff:fe47:33e", "3ffe:507:0:1:200:86ff:fe05:80da", 58, 1, 4, "1:hLZd0XGWojozrvxqE0dWB1iM6R0=" },
	{ "3ffe:507:0:1:200:86ff:fe05:80da", "3ffe:501:0:1001::2", 58, 128, 0, "1:+TW+HtLHvV1xnGhV1lv7XoJrqQg=" },
	{ "2001:470:e5bf:dead:4957:2174:e82c:4887", "2607:f8b0:400c:c03::1a", 6, 63943, 25, "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=" },
	{ "10.1.12.1", "10.1.12.2", 46, 0, 0, "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw=" },
	{ "10.1.12.2", "10.1.12.1", 46, 0, 0, "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw=" },
};

START_TEST(vector)
{
	char text[COMMUNITY_TEXT];
	struct addr from, to;

	ck_assert(addr_parse(vectors[_i].from, &from) && addr_parse(vectors[_i].to, &to));
	ck_assert_str_eq(community_id(&from, &to, vectors[_i].proto, vectors[_i].sport, vectors[_i].dport, 0, text, sizeof(text)),
			 vectors[_i].id);
}
END_TEST

START_TEST(no_id_without_two_addresses_of_a_family)
{
	struct addr none = { 0 }, v4 = addr_v4(1), v6;
	char text[COMMUNITY_TEXT];

	ck_assert(addr_parse("::1", &v6));
	ck_assert_str_eq(community_id(&none, &v4, 6, 1, 2, 0, text, sizeof(text)), "");
	ck_assert_str_eq(community_id(&v4, &v6, 6, 1, 2, 0, text, sizeof(text)), "");
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("community");

	tcase_add_loop_test(tc, vector, 0, sizeof(vectors) / sizeof(vectors[0]));
	tcase_add_test(tc, no_id_without_two_addresses_of_a_family);
	return suite_run(tc);
}
