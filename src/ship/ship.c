/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ship/ship.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "ship/pump.h"
#include "ship/shipconf.h"

struct worker {
	struct pump *pump;
	pthread_t thread;
	bool started;
	atomic_bool ended, good;
};

struct ship {
	int stop_fd;
	size_t n;
	struct worker *workers;
};

static void *work(void *arg)
{
	struct worker *w = arg;

	atomic_store(&w->good, pump_run(w->pump));
	atomic_store(&w->ended, true);
	return NULL;
}

int ship_start(const struct shipconf *conf, struct cursor *cursor, bool once, struct ship **ret, struct err *e)
{
	AUTO(ship) s = calloc(1, sizeof(*s));

	if (!s)
		return err_plain(e, ENOMEM, "out of memory");
	s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->workers = calloc(conf->n_sinks, sizeof(*s->workers));
	if (s->stop_fd < 0 || !s->workers)
		return err_sys(e, s->workers ? errno : ENOMEM, "starting");
	for (size_t i = 0; i < conf->n_sinks; i++) {
		struct worker *w = &s->workers[i];
		int rc;

		if (pump_new(conf, &conf->sinks[i], cursor, s->stop_fd, once, &w->pump, e) < 0)
			return err_wrap(e, "sink %s", conf->sinks[i].name);
		s->n++;
		rc = pthread_create(&w->thread, NULL, work, w);
		if (rc)
			return err_sys(e, rc, "a thread for sink %s", conf->sinks[i].name);
		w->started = true;
	}
	*ret = TAKE(s);
	return 0;
}

void ship_free(struct ship *s)
{
	uint64_t one = 1;

	if (!s)
		return;
	if (s->stop_fd >= 0)
		(void)!write(s->stop_fd, &one, sizeof(one));
	for (size_t i = 0; i < s->n; i++) {
		if (s->workers[i].started)
			pthread_join(s->workers[i].thread, NULL);
		pump_free(s->workers[i].pump);
	}
	if (s->stop_fd >= 0)
		close(s->stop_fd);
	free(s->workers);
	free(s);
}

bool ship_is_done(const struct ship *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (!atomic_load(&s->workers[i].ended))
			return false;
	return true;
}

bool ship_is_good(const struct ship *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (!atomic_load(&s->workers[i].ended) || !atomic_load(&s->workers[i].good))
			return false;
	return true;
}
