/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ringfenced: the daemon.  main is the story of its start, in order; each step may fail with a sentence, and what is already in the
 * kernel stays there.  Afterwards one loop: signals, control socket, neighbours, links, others' hands, and the clock. */
#include "app/ringfenced.h"

#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/now.h"
#include "kern/link.h"
#include "kern/nfq.h"
#include "kern/nl.h"
#include "policy/policy.h"
#include "run/fence.h"
#include "run/judge.h"
#include "run/observer.h"
#include "run/paths.h"
#include "run/publish.h"
#include "run/recorder.h"
#include "run/reload.h"
#include "run/source.h"
#include "run/watch.h"
#include "run/worker.h"
#include "store/inventory.h"
#include "store/store.h"

enum { OWN_MAPPING = 128 << 10, QUEUE = 100, CTL_IDLE_MS = 10000, SOON_MS = 20, TICK_MS = 100, SECOND_MS = 1000, FAILED = 2 };

/* ---- 1: options ---- */

static const char usage[] =
	"Usage: ringfenced [options]\n"
	"  -p, --policy FILE  default " PATHS_POLICY "\n"
	"      --state DIR    event store, default " PATHS_STATE "\n"
	"      --run DIR      control socket and lock, default " PATHS_RUN "\n"
	"      --socket PATH  control socket, default in the run directory\n"
	"      --data DIR     makers, packs and registry, default /usr/share/ringfence\n"
	"      --queue N      first of the netfilter queues, and the log group; default 100\n"
	"      --workers N    threads that judge what is asked, each with a queue: 1 to 4; default: as processors\n"
	"      --shared       let others change the table; it is set right, and an event tells\n"
	"      --foreground   log to stderr (it never goes to the background)\n"
	"      --debug        say more\n"
	"      --version, --help\n";

static int read_options(struct ringfenced_options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "policy", required_argument, NULL, 'p' }, { "state", required_argument, NULL, 's' },
		{ "run", required_argument, NULL, 'r' },    { "socket", required_argument, NULL, 'S' },
		{ "data", required_argument, NULL, 'd' },   { "queue", required_argument, NULL, 'q' },
		{ "foreground", no_argument, NULL, 'f' },   { "debug", no_argument, NULL, 'D' },
		{ "shared", no_argument, NULL, 'x' },       { "workers", required_argument, NULL, 'w' },
		{ "version", no_argument, NULL, 'V' },      { "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	unsigned long n;
	char *end;
	int c;

	while ((c = getopt_long(argc, argv, "p:h", longs, NULL)) >= 0) {
		switch (c) {
		case 'p': o->policy = optarg; break;
		case 's': o->state = optarg; break;
		case 'r': o->run = optarg; break;
		case 'S': o->sock = optarg; break;
		case 'd': o->data = optarg; break;
		case 'x': o->shared = true; break;
		case 'f': o->foreground = true; break;
		case 'D': o->debug = true; break;
		case 'V': o->version = true; break;
		case 'h': o->help = true; break;
		case 'q':
			n = strtoul(optarg, &end, 10);
			if (*end || !*optarg || n > UINT16_MAX - RINGFENCED_ASKS)
				return -1;
			o->queue = o->nflog_group = (uint16_t)n;
			break;
		case 'w':
			n = strtoul(optarg, &end, 10);
			if (*end || !*optarg || n < 1 || n > RINGFENCED_ASKS)
				return -1;
			o->workers = (uint16_t)n;
			break;
		default:
			return -1;
		}
	}
	return optind == argc ? 0 : -1;
}

/* ---- 2: the store, which may fail without stopping the filter ---- */

static int open_store(struct ringfenced *d, struct db_report *report, struct err *e)
{
	struct store_config c = { .dir = d->o.state, .durability = DB_DURABLE };
	struct err first;
	char fallback[PATHS_MAX];

	if (store_open(&c, &d->db, report, e) < 0) {
		first = *e;
		c.dir = paths_join(d->o.run, "store", fallback);
		c.max_bytes = 64 << 20;
		c.ballast_bytes = UINT64_MAX;
		if (store_open(&c, &d->db, report, e) < 0)
			return err_wrap(e, "neither %s nor %s can hold events", d->o.state, c.dir);
		d->store_fallback = true;
		log_error("the store cannot be opened, events go to the run directory error=\"%s\" dir=%s", first.msg, c.dir);
	}
	if (report->set_aside)
		log_error("the store was set aside reason=\"%s\" path=%s", report->reason, report->aside_path);
	if (report->from_copy)
		log_warn("the store was gone, going on with the copy that was to be put back dir=%s", c.dir);
	return 0;
}

/* ---- 3: what the kernel can do, and the queues, before any rule leads there ---- */

static int ask_kernel(struct ringfenced *d, struct err *e)
{
	AUTO(nl) n = NULL;
	struct fence_options options = { .queue = d->o.queue, .queues = d->o.workers, .nflog_group = d->o.nflog_group };

	if (nl_open(NL_NETFILTER, NULL, &n, e) < 0)
		return -1;
	if (probe_run(n, &d->probe, e) < 0)
		return err_wrap(e, "nf_tables cannot be used (it takes CAP_NET_ADMIN and a kernel that has it)");
	d->native_queue = d->probe.has[PROBE_QUEUE];
	d->has_log = d->probe.has[PROBE_LOG];
	options.native_queue = d->native_queue;
	options.fences = d->probe.has[PROBE_NETDEV_EGRESS];
	if (!options.fences)
		log_warn("this kernel has no netdev egress hook (before 5.16, or built without): no fences against forged ARP");
	options.flowtables = d->probe.has[PROBE_FLOWTABLE];
	options.owner = d->probe.has[PROBE_OWNER] && !d->o.shared;
	d->fence = fence_new(&options, e);
	if (!d->fence || fence_about(d->fence, &d->about, e) < 0)
		return -1;
	return d->native_queue || d->probe.has[PROBE_XT_QUEUE] ? 0 : ringfenced_lacks("packet queue for nf_tables",
		"nft_queue", e);
}

/* ---- 4: everything that needs more than CAP_NET_ADMIN ---- */

static int open_observer(struct ringfenced *d, struct err *e)
{
	struct observer_config c = {
		.publish = d->publish, .log_group = d->has_log ? table_discovery_group(d->o.nflog_group) : 0,
	};
	unsigned bad = 0;

	if (link_open(&d->links, e) < 0)
		return -1;
	c.links = d->links;
	d->observer = observer_new(&c, e);
	if (!d->observer)
		return err_wrap(e, "packet sockets (CAP_NET_RAW)");
	if (observer_restore(d->observer, d->db, now_wall_ns(), &bad, e) < 0)
		log_warn("what the store knows of devices cannot be read error=\"%s\"", e->msg);
	else if (bad)
		log_warn("rows of the store made no sense rows=%u", bad);
	return 0;
}

/* ---- 5: the recorder; from here on the store is its own ---- */

static int start_recorder(struct ringfenced *d, const struct db_report *report, int64_t *ret_latest, struct err *e)
{
	struct recorder_config c = { .db = d->db, .report = report, .n_rings = d->n_workers };
	uint64_t ignored;

	d->gap_known = d->about.ours && recorder_dropped_before(d->db, &c.dropped);
	d->told_before = c.dropped;
	if (d->about.ours)
		recorder_kept(d->db, WATCH_UNANSWERED, &d->unanswered_before, &ignored);
	if (inventory_latest(d->db, ret_latest, e) < 0)
		*ret_latest = 0;
	if (inventory_resume(d->db, now_wall_ns(), e) < 0)
		log_warn("the outage before this start cannot be noted error=\"%s\"", e->msg);
	for (unsigned i = 0; i < d->n_workers; i++)
		c.rings[i] = worker_hits(d->workers[i]);
	d->db = NULL;
	d->recorder = recorder_new(&c, e);
	if (!d->recorder)
		return -1;
	publish_recorder(d->publish, d->recorder);
	return recorder_start(d->recorder, e);
}

static int make_reload(struct ringfenced *d, int64_t latest, struct err *e)
{
	const struct reload_config c = {
		.policy = d->o.policy, .data = d->o.data, .state = d->o.state, .publish = d->publish, .fence = d->fence,
		.links = d->links, .recorder = d->recorder,
	};
	struct ring *wishes[RINGFENCED_WORKERS];

	d->reload = reload_new(&c, e);
	if (!d->reload)
		return -1;
	reload_learn(d->reload, observer_ident(d->observer));
	if (latest > now_wall_ns()) {
		reload_not_before(d->reload, latest);
		d->clock_unsound = true;
		log_warn("the clock is behind what the store has seen: what had ended stays ended");
	}
	for (unsigned i = 0; i < d->n_workers; i++)
		wishes[i] = worker_wishes(d->workers[i]);
	observer_attach(d->observer, d->reload, wishes, d->n_workers);
	return 0;
}

/* ---- 6: the policy and the table ---- */

/* latest: the last moment that the store has seen; 0: none. */
static int put_in_force(struct ringfenced *d, struct judge *j, int64_t latest, struct err *e)
{
	struct table_ledger left = { 0 };
	const int64_t now = now_wall_ns();
	struct ledger_told told = { 0 };
	struct event unsound = { .kind = EVENT_CLOCK_UNSOUND, .severity = POLICY_SEV_HIGH };
	struct watch_config c = {
		.fence = d->fence, .publish = d->publish, .recorder = d->recorder, .reload = d->reload, .observer = d->observer,
		.links = d->links, .n_workers = d->n_workers, .queue = d->o.queue, .queues = (uint16_t)(d->o.workers + 1),
		.queue_fd = d->queue_fd, .inherited = d->about.ours, .since_ns = latest && latest < now ? latest : now,
	};

	if (d->about.ours && d->about.layout >= TABLE_LAYOUT_LEDGER &&
	    d->about.layout <= TABLE_LAYOUT && fence_collect_left(d->fence, &d->about, &left, e) < 0)
		log_warn("what the kernel dropped before this start cannot be read error=\"%s\"", e->msg);
	if (reload_apply(d->reload, j, reload_stands_in(d->reload) ? "start: the last confirmed policy, the file was on trial" :
			 "start", e) < 0) {
		table_ledger_free(&left);
		return -1;
	}
	reload_settle(d->reload);
	if (d->clock_unsound)
		reload_event(d->reload, &unsound, "{\"what\":\"the clock is behind what the store has seen\"}");
	if (left.n)
		ledger_tell(d->recorder, publish_current(d->publish), d->links, &left, c.since_ns, now, true, &told);
	table_ledger_free(&left);
	c.gap_known = d->gap_known;
	c.told_before = d->told_before + told.outage;
	c.unanswered_before = d->unanswered_before;
	for (unsigned i = 0; i < d->n_workers; i++) {
		c.workers[i] = d->workers[i];
		if (worker_start(d->workers[i], e) < 0)
			return -1;
	}
	d->watch = watch_new(&c, e);
	return d->watch ? 0 : -1;
}

/* ---- 7: the loop ---- */

static void on_soon(void *arg);

/* An idle daemon should sleep: short ticks only while there is more to do. */
static void step(struct ringfenced *d)
{
	static struct log_limit limit;
	struct err e = { 0 };
	unsigned held;

	if (observer_step(d->observer, &e) < 0 && log_allow(&limit, 3, &held))
		log_error("the kernel refused a changed view of who is where error=\"%s\" held_back=%u", e.msg, held);
	if (!d->soon && observer_waits(d->observer))
		d->soon = loop_timer(d->loop, SOON_MS, 0, on_soon, d, &e) >= 0;
}

static void on_soon(void *arg)
{
	struct ringfenced *d = arg;

	d->soon = false;
	step(d);
}

static void on_neighbour(void *arg, int fd, short revents)
{
	(void)fd;
	(void)revents;
	step(arg);
}

static void on_wish(void *arg, int fd, short revents)
{
	uint64_t n;

	(void)revents;
	(void)!read(fd, &n, sizeof(n));
	step(arg);
}

static void on_tick(void *arg)
{
	struct ringfenced *d = arg;

	watch_tick(d->watch);
	step(d);
	reload_tick(d->reload);
}

static void link_changed(enum link_change c, const struct link_iface *old, const struct link_iface *now, void *arg)
{
	(void)c;
	(void)old;
	(void)now;
	*(bool *)arg = true;
}

static void on_link(void *arg, int fd, short revents)
{
	struct ringfenced *d = arg;
	bool changed = false;
	struct err e = { 0 };

	(void)fd;
	(void)revents;
	if (link_read(d->links, link_changed, &changed, &e) < 0)
		log_warn("changes of interfaces cannot be read error=\"%s\"", e.msg);
	if (changed && reload_links(d->reload, &e) < 0)
		log_error("changed interfaces cannot be taken over error=\"%s\"", e.msg);
}

static void on_tables(void *arg, int fd, short revents)
{
	struct ringfenced *d = arg;

	(void)fd;
	(void)revents;
	watch_tamper(d->watch);
}

static void on_second(void *arg)
{
	struct ringfenced *d = arg;

	ringfenced_allowed_second(d);
	reload_second(d->reload);
	if (watch_second(d->watch))
		ringfenced_notify("WATCHDOG=1");
}

static void on_hangup(void *arg, int signo)
{
	struct ringfenced *d = arg;
	struct buf text;

	(void)signo;
	buf_init(&text);
	if (ringfenced_reload(d, "SIGHUP", 0, &text) != CTL_YES)
		fputs(buf_cstr(&text), stderr);
	buf_fini(&text);
}

static void on_stop(void *arg, int signo)
{
	struct ringfenced *d = arg;

	log_info("stopping, the table stays signal=%d", signo);
	loop_stop(d->loop);
}

static int make_loop(struct ringfenced *d, struct err *e)
{
	d->loop = loop_new(e);
	if (!d->loop || loop_signal(d->loop, SIGTERM, on_stop, d, e) < 0 || loop_signal(d->loop, SIGINT, on_stop, d, e) < 0 ||
	    loop_signal(d->loop, SIGHUP, on_hangup, d, e) < 0)
		return -1;
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

/* Where others can change the table, how long it stood open is told by looks at nf_tables' counter, which are to be close. */
static int listen_to_all(struct ringfenced *d, struct err *e)
{
	const uint64_t tick_ms = fence_owner(d->fence) == FENCE_OWNED ? TICK_MS : SOON_MS;
	struct loop *l = d->loop;

	if (loop_fd(l, observer_fd4(d->observer), POLLIN, on_neighbour, d, e) < 0 ||
	    loop_fd(l, observer_fd6(d->observer), POLLIN, on_neighbour, d, e) < 0 ||
	    loop_fd(l, d->wish_fd, POLLIN, on_wish, d, e) < 0 || loop_fd(l, link_fd(d->links), POLLIN, on_link, d, e) < 0 ||
	    loop_fd(l, fence_watch_fd(d->fence), POLLIN, on_tables, d, e) < 0 ||
	    loop_timer(l, tick_ms, tick_ms, on_tick, d, e) < 0 || loop_timer(l, SECOND_MS, SECOND_MS, on_second, d, e) < 0)
		return -1;
	d->ctl = ctl_server_new(l, d->o.sock, ringfenced_read_group(), CTL_IDLE_MS, ringfenced_commands, d, e);
	return d->ctl ? 0 : -1;
}

/* Everything in order; the policy's findings go to stderr. */
static int start(struct ringfenced *d, struct err *e)
{
	char lock[PATHS_MAX], why[sizeof(e->msg)];
	struct db_report report = { 0 };
	struct judge *j;
	struct buf findings;
	int64_t latest = 0;

	if (file_mkdirs(d->o.run, 0750, e) < 0)
		return -1;
	d->lock_fd = file_lock(paths_join(d->o.run, "ringfenced.lock", lock), e);
	if (d->lock_fd < 0 || make_loop(d, e) < 0 || open_store(d, &report, e) < 0 || ask_kernel(d, e) < 0 ||
	    ringfenced_bind(d, e) < 0 || open_observer(d, e) < 0 || start_recorder(d, &report, &latest, e) < 0 ||
	    make_reload(d, latest, e) < 0)
		return -1;
	buf_init(&findings);
	j = reload_first(d->reload, isatty(STDERR_FILENO), &findings, e);
	snprintf(why, sizeof(why), "%s", j ? "" : e->msg);
	fputs(buf_cstr(&findings), stderr);
	if (!j)
		reload_refused(d->reload, "start", buf_cstr(&findings));
	buf_fini(&findings);
	if (!j)
		return err_plain(e, EINVAL, "%s", why);
	if (put_in_force(d, j, latest, e) < 0 || listen_to_all(d, e) < 0)
		return -1;
	ringfenced_allowed_start(d);
	return ringfenced_drop(e);
}

static void stop(struct ringfenced *d)
{
	ctl_server_free(d->ctl);
	if (d->watch)
		watch_last(d->watch);
	for (unsigned i = 0; i < d->n_workers; i++) {
		if (d->workers[i])
			worker_stop(d->workers[i]);
	}
	ringfenced_allowed_stop(d);
	if (d->recorder)
		recorder_stop(d->recorder);
	watch_free(d->watch);
	publish_free(d->publish);
	reload_free(d->reload);
	recorder_free(d->recorder);
	ringfenced_allowed_free(d);
	for (unsigned i = 0; i < d->n_workers; i++)
		worker_free(d->workers[i]);
	observer_free(d->observer);
	link_free(d->links);
	fence_free(d->fence);
	db_free(d->db);
	loop_free(d->loop);
}

int main(int argc, char **argv)
{
	struct ringfenced d = {
		.o = { .policy = PATHS_POLICY, .state = PATHS_STATE, .run = PATHS_RUN, .data = getenv("RINGFENCE_DATA"),
		       .queue = QUEUE, .nflog_group = QUEUE, .workers = ringfenced_workers() },
		.lock_fd = -1, .queue_fd = -1, .wish_fd = -1,
	};
	char sock[PATHS_MAX];
	struct err e = { 0 };

	if (read_options(&d.o, argc, argv) < 0 || d.o.help || d.o.version) {
		fputs(d.o.version ? "ringfenced " RINGFENCE_VERSION "\n" : usage, d.o.help || d.o.version ? stdout : stderr);
		return d.o.help || d.o.version ? EXIT_SUCCESS : FAILED;
	}
	if (!d.o.sock)
		d.o.sock = paths_join(d.o.run, "control.sock", sock);
	mallopt(M_MMAP_THRESHOLD, OWN_MAPPING); /* big pieces go back to the system when they are freed */
	log_open("ringfenced", d.o.debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	d.started_ns = now_wall_ns();
	if (start(&d, &e) < 0) {
		log_error("cannot start error=\"%s\"", e.msg);
		ringfenced_close(&d);
		stop(&d);
		return FAILED;
	}
	ringfenced_notify("READY=1");
	log_info("ready generation=%u queue=%u workers=%u", publish_current(d.publish)->generation, d.o.queue, d.o.workers);
	if (loop_run(d.loop, &e) < 0) {
		log_error("the main loop failed error=\"%s\"", e.msg);
		d.exit_status = FAILED;
	}
	ringfenced_notify("STOPPING=1");
	stop(&d);
	return d.exit_status;
}
