/* SPDX-License-Identifier: GPL-2.0-or-later */
/* While a big table is sent, our own watch does not listen.  What others do in that moment is found all the same, and what they
 * do before and after it is heard as ever.  The moment is made by standing in front of libc's sendmsg. */
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "run/watch.h"
#include "unit/run/site.h"
#include "unit/suite.h"

enum { MANY = 2500, BIG_BYTES = 100000 };

static const char *before_it, *behind_it;       /* what others do while a big transaction is under way; NULL: nothing */
static unsigned big_ones;
static struct watch *watch;

ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
	const char *first = before_it, *then = behind_it;
	size_t bytes = 0;
	ssize_t n;

	for (size_t i = 0; i < m->msg_iovlen; i++)
		bytes += m->msg_iov[i].iov_len;
	if (bytes < BIG_BYTES)
		return syscall(SYS_sendmsg, fd, m, flags);
	big_ones++;
	before_it = behind_it = NULL;
	if (first)
		ck_assert_int_eq(space_run(NULL, first), 0);
	n = syscall(SYS_sendmsg, fd, m, flags);
	if (then)
		ck_assert_int_eq(space_run(NULL, then), 0);
	return n;
}

static void policy(unsigned devices)
{
	char path[128];
	struct buf b;

	buf_init(&b);
	buf_str(&b, "name,macs,addresses,tags\n");
	for (unsigned i = 0; i < devices; i++)
		buf_printf(&b, "d%u,ac:cc:8e:00:%02x:%02x,10.20.%u.%u,t\n", i, i >> 8, i & 255, 1 + (i >> 8), i & 255);
	snprintf(path, sizeof(path), "%s/devices.csv", site_dir);
	ck_assert_int_eq(file_replace(path, buf_cstr(&b), b.len, 0600, &e), 0);
	buf_fini(&b);
	site_policy("version: 1\nsite: { name: deaf }\nmode: enforce\npacks: [uk-nil]\ninventory: [devices.csv]\nzones:\n"
		    "  cctv: { interfaces: [cam0], networks: [10.20.0.0/16], guarded: true }\n"
		    "  core: { interfaces: [core0], networks: [10.1.0.0/16] }\n"
		    "groups:\n  restricted: { packs: [uk-nil] }\nrestrict:\n  - { id: isolated, group: restricted }\n"
		    "rules:\n  - { id: web, from: cctv, to: core, services: [tcp/80], action: allow }\ndefault: drop\n");
	site_load();
}

static void begin(void)
{
	struct watch_config c = { 0 };

	site_shared = true;
	site_begin("ip link add cam0 type veth peer name core0");
	policy(1);
	before_it = behind_it = NULL;
	c = (struct watch_config){ .fence = fence, .publish = publish, .recorder = recorder, .reload = reload, .links = links };
	watch = watch_new(&c, &e);
	ck_assert_ptr_nonnull(watch);
	watch_tamper(watch);
	ck_assert_uint_eq(watch_state(watch)->tampers, 0);
	big_ones = 0;
}

static void end(void)
{
	watch_free(watch);
	site_end();
}

static bool heard(void)
{
	uint8_t byte;

	return recv(fence_watch_fd(fence), &byte, 1, MSG_DONTWAIT | MSG_PEEK) >= 0;
}

static void in_order(uint64_t tampers)
{
	watch_tamper(watch);
	ck_assert_uint_eq(watch_state(watch)->tampers, tampers);
	ck_assert_msg(site_drift() == 0, "%s", buf_cstr(&said));
}

START_TEST(nobody_else)
{
	policy(2);
	ck_assert(heard());             /* a small one is heard: it costs nothing */
	in_order(0);
	policy(MANY);
	ck_assert_uint_ge(big_ones, 1);        /* a set that grows refuses for a moment: then the whole is sent */
	ck_assert(!heard());
	in_order(0);
	ck_assert_int_eq(space_run(NULL, "nft add rule inet ringfence ask accept"), 0);
	ck_assert(heard());
	in_order(1);
}
END_TEST

START_TEST(behind_ours)
{
	behind_it = "nft add rule inet ringfence ask accept";
	policy(MANY);
	ck_assert(!heard());
	in_order(1);
	in_order(1);
}
END_TEST

/* What comes next is sent whole: what differs from what we sent would not set it right. */
START_TEST(before_it_is_looked_for)
{
	behind_it = "nft flush set inet ringfence guarded-4";
	policy(MANY);
	policy(MANY);
	ck_assert_msg(site_drift() == 0, "%s", buf_cstr(&said));
	in_order(0);
}
END_TEST

/* Ours is refused then, and comes a second time. */
START_TEST(before_ours)
{
	before_it = "nft add rule inet ringfence ask accept";
	policy(MANY);
	ck_assert_uint_ge(big_ones, 2);
	in_order(0);
}
END_TEST

/* A restoration is a whole send, too. */
START_TEST(while_we_restore)
{
	policy(MANY);
	in_order(0);
	behind_it = "nft add rule inet ringfence pass accept";
	ck_assert_int_eq(space_run(NULL, "nft flush chain inet ringfence ask"), 0);
	watch_tamper(watch);
	in_order(2);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("deaf_live");
	int rc = space_allowed();

	if (rc)
		return rc;
	tcase_add_checked_fixture(tc, begin, end);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, nobody_else);
	tcase_add_test(tc, behind_ours);
	tcase_add_test(tc, before_it_is_looked_for);
	tcase_add_test(tc, before_ours);
	tcase_add_test(tc, while_we_restore);
	return suite_run(tc);
}
