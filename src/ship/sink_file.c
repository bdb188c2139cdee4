/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sink: a file with rotation by size.  Confirmed means on disk (sync = batch) or handed to the kernel (none).  A failed write
 * leaves no half line: the file is cut back to where it was; a half line that a crash left behind is cut off before the next is
 * written (it was never confirmed, so it is sent again).  When another program has moved the file, the path is opened anew. */
#include "ship/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "ship/shipconf.h"

enum { MODE = 0640, PATH_BYTES = 4096, TAIL_BYTES = 65536 };

struct file {
	struct sink sink;
	const struct shipconf_sink *conf;
	int fd;
	dev_t dev;
	ino_t ino;
	off_t size;
	uint64_t confirmed;
};

static void shut(struct file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

/* Where the last whole line ends. */
static int cut_half_line(struct file *f, struct err *e)
{
	char tail[TAIL_BYTES];
	off_t from = f->size > TAIL_BYTES ? f->size - TAIL_BYTES : 0;
	ssize_t n = pread(f->fd, tail, sizeof(tail), from);
	const char *newline;

	if (n < 0)
		return err_sys(e, errno, "%s", f->conf->path);
	newline = n ? memrchr(tail, '\n', (size_t)n) : NULL;
	if (f->size == 0 || (newline && newline == tail + n - 1))
		return 0;
	if (!newline && from)           /* no text of ours: leave it, begin on a new line */
		return write(f->fd, "\n", 1) == 1 ? (f->size++, 0) : err_sys(e, errno, "%s", f->conf->path);
	f->size = newline ? from + (newline - tail) + 1 : 0;
	if (ftruncate(f->fd, f->size) < 0)
		return err_sys(e, errno, "%s: cutting off a half line", f->conf->path);
	return 0;
}

static int open_file(struct file *f, struct err *e)
{
	struct stat st;

	f->fd = open(f->conf->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, MODE);
	if (f->fd < 0)
		return err_sys(e, errno, "%s", f->conf->path);
	if (fstat(f->fd, &st) < 0)
		return err_sys(e, errno, "%s", f->conf->path);
	if (!S_ISREG(st.st_mode))
		return err_plain(e, EINVAL, "%s is not a regular file", f->conf->path);
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	f->size = st.st_size;
	return cut_half_line(f, e);
}

static bool was_moved(const struct file *f)
{
	struct stat st;

	return stat(f->conf->path, &st) < 0 || st.st_dev != f->dev || st.st_ino != f->ino;
}

static int sync_directory(const struct file *f, struct err *e)
{
	AUTO_MEM char *copy = strdup(f->conf->path);
	AUTO_FD fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd < 0 || fsync(fd) < 0)
		return err_sys(e, errno, "%s: its directory", f->conf->path);
	return 0;
}

/* path -> path.1 -> path.2 …; the oldest goes. */
static int rotate(struct file *f, struct err *e)
{
	char from[PATH_BYTES], to[PATH_BYTES];

	if (f->conf->sync == SHIPCONF_SYNC_BATCH && fdatasync(f->fd) < 0)
		return err_sys(e, errno, "%s", f->conf->path);
	shut(f);
	for (uint64_t i = f->conf->keep; i >= 1; i--) {
		snprintf(to, sizeof(to), "%s.%llu", f->conf->path, (unsigned long long)i);
		if (i > 1)
			snprintf(from, sizeof(from), "%s.%llu", f->conf->path, (unsigned long long)i - 1);
		else
			snprintf(from, sizeof(from), "%s", f->conf->path);
		if (rename(from, to) < 0 && errno != ENOENT)
			return err_sys(e, errno, "%s to %s", from, to);
	}
	if (open_file(f, e) < 0)
		return -1;
	return sync_directory(f, e);
}

static int make_ready(struct file *f, size_t len, struct err *e)
{
	if (f->fd >= 0 && was_moved(f))
		shut(f);
	if (f->fd < 0 && (open_file(f, e) < 0 || sync_directory(f, e) < 0))
		return -1;
	if (f->conf->max_size && f->size && (uint64_t)f->size + len > f->conf->max_size)
		return rotate(f, e);
	return 0;
}

static int write_all(struct file *f, const char *bytes, size_t len, struct err *e)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = write(f->fd, bytes + done, len - done);

		if (n > 0) {
			done += (size_t)n;
		} else if (n == 0 || errno != EINTR) {
			int saved = n == 0 ? EIO : errno;

			if (ftruncate(f->fd, f->size) < 0)      /* then the next open cuts the half line */
				shut(f);
			return err_sys(e, saved, "%s", f->conf->path);
		}
	}
	f->size += (off_t)len;
	return 0;
}

static int file_make(const struct shipconf_sink *c, int stop_fd, struct sink **ret, struct err *e)
{
	struct file *f = calloc(1, sizeof(*f));

	(void)stop_fd;                  /* a local file makes nobody wait */
	if (!f)
		return err_plain(e, ENOMEM, "out of memory");
	f->sink.ops = &sink_file_ops;
	f->conf = c;
	f->fd = -1;
	*ret = &f->sink;
	return 0;
}

static int file_send(struct sink *s, const char *bytes, size_t len, uint64_t token, struct err *e)
{
	struct file *f = (struct file *)s;

	if (make_ready(f, len, e) < 0 || write_all(f, bytes, len, e) < 0) {
		shut(f);
		return -1;
	}
	if (f->conf->sync == SHIPCONF_SYNC_BATCH && fdatasync(f->fd) < 0) {
		err_sys(e, errno, "%s", f->conf->path);
		shut(f);                /* what the kernel held is in doubt: it is sent again */
		return -1;
	}
	f->confirmed = token;
	return 0;
}

static int file_confirmed(struct sink *s, unsigned wait_ms, uint64_t *ret_token, struct err *e)
{
	(void)wait_ms, (void)e;
	*ret_token = ((struct file *)s)->confirmed;
	return 0;
}

static void file_destroy(struct sink *s)
{
	shut((struct file *)s);
	free(s);
}

const struct sink_ops sink_file_ops = { file_make, file_send, file_confirmed, file_destroy };
