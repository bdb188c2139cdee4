/* SPDX-License-Identifier: GPL-2.0-or-later */
/* file: opened without blocking (a FIFO in place of a file must not hang a reload), then required to be
 * regular; read to the end rather than to st_size, which may change meanwhile. */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/own.h"
#include "base/vec.h"

enum { READ_FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY };

static int read_all(int fd, const char *path, size_t max, char **ret, size_t *ret_len, struct err *e)
{
	struct buf out;
	char chunk[16384];
	ssize_t n;

	buf_init(&out);
	while (!out.failed && out.len <= max && (n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			err_sys(e, errno, "cannot read '%s'", path);
			buf_fini(&out);
			return -1;
		}
		if (out.len + (size_t)n > max) {
			buf_fini(&out);
			return err_plain(e, EFBIG, "'%s' is larger than the %zu bytes allowed", path, max);
		}
		buf_add(&out, chunk, (size_t)n);
	}
	*ret = buf_take(&out, ret_len);
	if (*ret)
		return 0;
	buf_fini(&out);
	return err_plain(e, ENOMEM, "out of memory reading '%s'", path);
}

/* fd comes from an open() whose errno is still there when fd is negative. */
static int read_opened(int fd, const char *path, size_t max, char **ret, size_t *ret_len, struct err *e)
{
	AUTO_FD owned = fd;
	struct stat st;

	if (owned < 0 || fstat(owned, &st) < 0)
		return err_sys(e, errno, "cannot open '%s'", path);
	if (S_ISDIR(st.st_mode))
		return err_plain(e, EISDIR, "'%s' is a directory", path);
	if (!S_ISREG(st.st_mode))
		return err_plain(e, EINVAL, "'%s' is not a regular file", path);
	return read_all(owned, path, max, ret, ret_len, e);
}

int file_read(const char *path, size_t max, char **ret, size_t *ret_len, struct err *e)
{
	return read_opened(open(path, READ_FLAGS), path, max, ret, ret_len, e);
}

/* For kernels or sandboxes without openat2: component by component, no "..", no link. */
static int open_beneath_by_hand(int dir_fd, const char *name)
{
	AUTO_FD at = -1;
	char part[NAME_MAX + 1];

	if (*name == '/')
		return errno = EXDEV, -1;
	for (;;) {
		size_t len = strcspn(name, "/");
		bool last = name[len + strspn(name + len, "/")] == '\0';
		int fd;

		if (len > NAME_MAX)
			return errno = ENAMETOOLONG, -1;
		memcpy(part, name, len);
		part[len] = '\0';
		if (strcmp(part, "..") == 0)
			return errno = EXDEV, -1;
		fd = openat(at < 0 ? dir_fd : at, part, READ_FLAGS | O_NOFOLLOW | (last ? 0 : O_DIRECTORY));
		if (fd < 0 || last)
			return fd;
		own_close(&at);
		at = fd;
		name += len + strspn(name + len, "/");
	}
}

int file_read_beneath(int dir_fd, const char *name, size_t max, char **ret, size_t *ret_len, struct err *e)
{
	struct open_how how = { .flags = READ_FLAGS, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	long fd = syscall(SYS_openat2, dir_fd, name, &how, sizeof(how));

	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		fd = open_beneath_by_hand(dir_fd, name);
	if (fd < 0 && errno == EXDEV)
		return err_plain(e, EXDEV, "'%s' leads out of its directory", name);
	return read_opened((int)fd, name, max, ret, ret_len, e);
}

static int write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int file_sync_dir(const char *path)
{
	AUTO_MEM char *dir = strdup(path);
	AUTO_FD fd = -1;
	char *slash;

	if (!dir)
		return -1;
	slash = strrchr(dir, '/');
	if (slash)
		slash[slash == dir] = '\0';
	fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -1 : fsync(fd);
}

int file_replace(const char *path, const void *data, size_t len, mode_t mode, struct err *e)
{
	AUTO_MEM char *temp = NULL;
	AUTO_FD fd = -1;

	if (asprintf(&temp, "%s.XXXXXX", path) < 0)
		return temp = NULL, err_plain(e, ENOMEM, "out of memory writing '%s'", path);
	fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, errno, "cannot make a file beside '%s'", path);
	if (fchmod(fd, mode) < 0 || write_all(fd, data, len) < 0 || fsync(fd) < 0 || rename(temp, path) < 0) {
		err_sys(e, errno, "cannot write '%s'", path);
		unlink(temp);
		return -1;
	}
	if (file_sync_dir(path) < 0)
		return err_sys(e, errno, "cannot sync the directory of '%s'", path);
	return 0;
}

int file_mkdirs(const char *path, mode_t mode, struct err *e)
{
	AUTO_MEM char *copy = strdup(path);
	struct stat st;

	if (!copy)
		return err_plain(e, ENOMEM, "out of memory making '%s'", path);
	for (char *at = copy + strspn(copy, "/"); at; ) {
		char *slash = strchr(at, '/');

		if (slash)
			*slash = '\0';
		if (mkdir(copy, mode) < 0 && errno != EEXIST)
			return err_sys(e, errno, "cannot make directory '%s'", copy);
		if (slash)
			*slash = '/';
		at = slash ? slash + strspn(slash, "/") : NULL;
		if (at && !*at)
			at = NULL;
	}
	if (stat(path, &st) < 0)
		return err_sys(e, errno, "cannot make directory '%s'", path);
	if (!S_ISDIR(st.st_mode))
		return err_plain(e, ENOTDIR, "'%s' is not a directory", path);
	return 0;
}

int file_lock(const char *path, struct err *e)
{
	AUTO_FD fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
	char pid[24] = "";
	int taken;

	if (fd < 0)
		return err_sys(e, errno, "cannot open lock '%s'", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return err_sys(e, errno, "cannot lock '%s'", path);
		if (read(fd, pid, sizeof(pid) - 1) < 0)
			pid[0] = '\0';
		pid[strspn(pid, "0123456789")] = '\0';
		return err_plain(e, EWOULDBLOCK, "'%s' is locked by process %s", path, pid[0] ? pid : "(unknown)");
	}
	snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) < 0 || write_all(fd, pid, strlen(pid)) < 0)
		return err_sys(e, errno, "cannot write lock '%s'", path);
	taken = fd;
	fd = -1;
	return taken;
}

static bool has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), s = strlen(suffix);

	return n > s && strcmp(name + n - s, suffix) == 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int file_list(const char *dir, const char *suffix, char ***ret, size_t *ret_n, struct err *e)
{
	VEC(char *) names = { 0 };
	struct dirent *entry;
	DIR *d = opendir(dir);
	bool failed = false;

	if (!d)
		return err_sys(e, errno, "cannot open directory '%s'", dir);
	while (!failed && (entry = readdir(d))) {
		char *name;

		if (entry->d_name[0] == '.' || !has_suffix(entry->d_name, suffix))
			continue;
		if (asprintf(&name, "%s/%s", dir, entry->d_name) < 0) {
			failed = true;
		} else if (!VEC_PUSH(&names, name)) {
			free(name);
			failed = true;
		}
	}
	closedir(d);
	if (failed) {
		file_list_free(names.at, names.n);
		return err_plain(e, ENOMEM, "out of memory listing '%s'", dir);
	}
	if (names.n)
		qsort(names.at, names.n, sizeof(*names.at), by_name);
	*ret = names.at;
	*ret_n = names.n;
	return 0;
}

void file_list_free(char **names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
}
