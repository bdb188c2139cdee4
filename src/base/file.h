/* SPDX-License-Identifier: GPL-2.0-or-later */
/* file: whole files, bounded reads, atomic replacement, locks.  All descriptors are O_CLOEXEC. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/* The whole regular file, NUL-terminated, at most max bytes (more: EFBIG).  The caller frees *ret. */
int file_read(const char *path, size_t max, char **ret, size_t *ret_len, struct err *e);
/* Read name below the open directory dir_fd without leaving it (openat2 RESOLVE_BENEATH; ENOSYS: refused .. and links). */
int file_read_beneath(int dir_fd, const char *name, size_t max, char **ret, size_t *ret_len, struct err *e);
/* Write to a temporary name in the same directory, fsync, rename. */
int file_replace(const char *path, const void *data, size_t len, mode_t mode, struct err *e);
/* A rename of path is on disk when its directory is.  -1: errno says why. */
int file_sync_dir(const char *path);
int file_mkdirs(const char *path, mode_t mode, struct err *e);          /* like mkdir -p */
/* Take path as an exclusive lock file with our pid in it; EWOULDBLOCK names the holder.  Returns the fd or -1. */
int file_lock(const char *path, struct err *e);
/* Names in a directory with the given suffix, in name order, joined with the directory; free with file_list_free. */
int file_list(const char *dir, const char *suffix, char ***ret, size_t *ret_n, struct err *e);
void file_list_free(char **names, size_t n);

#endif
