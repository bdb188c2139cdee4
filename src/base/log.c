/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log: a line is built on the stack and written with one write(2), so that lines of several threads never
 * mix.  Control characters become '?': a message may quote what others sent. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/now.h"
#include "base/utf8.h"

enum { LINE_MAX_BYTES = 2048 };

static const int syslog_level[] = { 3, 4, 6, 7 };
static const char *const level_names[] = { "error", "warning", "info", "debug" };

/* Set by log_open before threads are made, then only read. */
static struct {
	char program[32];
	enum log_level threshold;
	bool journal;
} state = { "ringfence", LOG_LEVEL_INFO, false };

/* journald names the stream it gave us as device:inode (sd-daemon(3)). */
static bool is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;
	char end;

	if (!stream || sscanf(stream, "%llu:%llu%c", &dev, &ino, &end) != 2 || fstat(STDERR_FILENO, &st) < 0)
		return false;
	return st.st_dev == dev && st.st_ino == ino;
}

void log_open(const char *program, enum log_level threshold)
{
	snprintf(state.program, sizeof(state.program), "%s", program);
	state.threshold = threshold;
	state.journal = is_journal();
}

__attribute__((format(printf, 2, 0)))
static void put(enum log_level level, const char *fmt, va_list ap)
{
	char line[LINE_MAX_BYTES];
	int saved = errno, head, n;
	size_t len;

	if (level > state.threshold)
		return;
	if (state.journal)
		head = snprintf(line, sizeof(line), "<%d>", syslog_level[level]);
	else
		head = snprintf(line, sizeof(line), "%s: %s: ", state.program, level_names[level]);
	n = vsnprintf(line + head, sizeof(line) - (size_t)head, fmt, ap);
	len = (size_t)head + (n > 0 ? (size_t)n : 0);
	if (len > sizeof(line) - 1)
		len = utf8_trim(line, sizeof(line) - 1);
	for (size_t i = (size_t)head; i < len; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[len++] = '\n';
	if (write(STDERR_FILENO, line, len) < 0) {
		/* There is nowhere left to say so. */
	}
	errno = saved;
}

void log_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put(LOG_LEVEL_ERROR, fmt, ap);
	va_end(ap);
}

void log_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put(LOG_LEVEL_WARN, fmt, ap);
	va_end(ap);
}

void log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put(LOG_LEVEL_INFO, fmt, ap);
	va_end(ap);
}

void log_debug(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put(LOG_LEVEL_DEBUG, fmt, ap);
	va_end(ap);
}

/* The thread that moves the window on counts anew; one that races it may let one line more pass. */
int log_allow(struct log_limit *limit, unsigned burst, unsigned *ret_held)
{
	long long now = now_mono_ns(), start = __atomic_load_n(&limit->window_ns, __ATOMIC_RELAXED);
	bool over = !start || now - start >= 60 * NOW_NS_PER_S;

	if (over && __atomic_compare_exchange_n(&limit->window_ns, &start, now, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		__atomic_store_n(&limit->seen, 0, __ATOMIC_RELAXED);
	if (__atomic_fetch_add(&limit->seen, 1, __ATOMIC_RELAXED) < burst) {
		*ret_held = __atomic_exchange_n(&limit->held, 0, __ATOMIC_RELAXED);
		return 1;
	}
	__atomic_fetch_add(&limit->held, 1, __ATOMIC_RELAXED);
	return 0;
}
