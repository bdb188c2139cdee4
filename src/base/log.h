/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log: the programs' own words to stderr, one line each: message key=value…, with journald's level prefix
 * ("<4>") when stderr is the journal.  Layers below run/ never log.  Thread-safe; errno survives. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_open(const char *program, enum log_level threshold);
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* For what an attacker can trigger: true at most burst times per minute and call site; what was held
 * back is counted and told with the next line that passes.  One static struct log_limit per call site. */
struct log_limit { long long window_ns; unsigned seen, held; };
int log_allow(struct log_limit *limit, unsigned burst, unsigned *ret_held);

#endif
