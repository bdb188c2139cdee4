/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/suite.h"

static char dir[] = "/tmp/ringfence-file-XXXXXX";
static struct err e;

static const char *in_dir(const char *name)
{
	static char path[2][256];
	static unsigned next;
	char *p = path[next++ % 2];

	snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	return p;
}

static void put(const char *name, const char *text)
{
	ck_assert_int_eq(file_replace(in_dir(name), text, strlen(text), 0644, &e), 0);
}

START_TEST(reads_whole_files_up_to_the_limit)
{
	char *text = NULL;
	size_t len = 0;

	put("a", "0123456789");
	ck_assert_int_eq(file_read(in_dir("a"), 10, &text, &len, &e), 0);
	ck_assert_uint_eq(len, 10);
	ck_assert_str_eq(text, "0123456789");
	free(text);
	text = NULL;
	ck_assert_int_eq(file_read(in_dir("a"), 9, &text, &len, &e), -1);
	ck_assert_int_eq(e.code, EFBIG);
	ck_assert_ptr_null(text);
	put("empty", "");
	ck_assert_int_eq(file_read(in_dir("empty"), 9, &text, &len, &e), 0);
	ck_assert_uint_eq(len, 0);
	ck_assert_str_eq(text, "");
	free(text);
	ck_assert_int_eq(file_read("/proc/self/status", 1 << 20, &text, &len, &e), 0);
	ck_assert_uint_gt(len, 0);
	free(text);
}
END_TEST

START_TEST(refuses_what_is_no_regular_file)
{
	char *text;
	size_t len;

	ck_assert_int_eq(mkfifo(in_dir("fifo"), 0600), 0);
	ck_assert_int_eq(file_read(in_dir("fifo"), 10, &text, &len, &e), -1);
	ck_assert_int_eq(e.code, EINVAL);
	ck_assert_int_eq(file_read(dir, 10, &text, &len, &e), -1);
	ck_assert_int_eq(e.code, EISDIR);
	ck_assert_int_eq(file_read(in_dir("none"), 10, &text, &len, &e), -1);
	ck_assert_int_eq(e.code, ENOENT);
	ck_assert_ptr_nonnull(strstr(e.msg, "none"));
}
END_TEST

START_TEST(stays_beneath_a_directory)
{
	static const char *const out[] = { "../inside/a", "/etc/passwd", "sub/../../outside", "out", "sub/up/outside" };
	char *text;
	size_t len;
	int fd;

	put("outside", "secret");
	ck_assert_int_eq(file_mkdirs(in_dir("inside/sub"), 0755, &e), 0);
	put("inside/sub/a", "fine");
	ck_assert_int_eq(symlink("../outside", in_dir("inside/out")), 0);
	ck_assert_int_eq(symlink("../..", in_dir("inside/sub/up")), 0);
	fd = open(in_dir("inside"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(file_read_beneath(fd, "sub/a", 100, &text, &len, &e), 0);
	ck_assert_str_eq(text, "fine");
	free(text);
	for (size_t i = 0; i < sizeof(out) / sizeof(*out); i++) {
		ck_assert_int_eq(file_read_beneath(fd, out[i], 100, &text, &len, &e), -1);
		ck_assert_int_eq(e.code, EXDEV);
		ck_assert_ptr_nonnull(strstr(e.msg, "leads out of its directory"));
	}
	close(fd);
}
END_TEST

START_TEST(replaces_in_one_step_and_leaves_nothing_behind)
{
	struct stat st;
	char **names = NULL, *text;
	size_t n = 9, len;

	put("r/../x", "old");
	ck_assert_int_eq(file_replace(in_dir("x"), "new", 3, 0640, &e), 0);
	ck_assert_int_eq(file_read(in_dir("x"), 10, &text, &len, &e), 0);
	ck_assert_str_eq(text, "new");
	free(text);
	ck_assert_int_eq(stat(in_dir("x"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
	ck_assert_int_eq(file_mkdirs(in_dir("target"), 0755, &e), 0);
	ck_assert_int_eq(file_replace(in_dir("target"), "x", 1, 0600, &e), -1);        /* a directory is in the way */
	ck_assert_int_eq(file_replace(in_dir("no/such/place"), "x", 1, 0600, &e), -1);
	ck_assert_int_eq(e.code, ENOENT);
	ck_assert_int_eq(file_list(dir, "", &names, &n, &e), 0);
	for (size_t i = 0; i < n; i++)
		ck_assert_ptr_null(strstr(names[i], "target."));
	file_list_free(names, n);
}
END_TEST

START_TEST(makes_directories)
{
	put("plain", "");
	ck_assert_int_eq(file_mkdirs(in_dir("one/two//three/"), 0755, &e), 0);
	ck_assert_int_eq(file_mkdirs(in_dir("one/two/three"), 0755, &e), 0);
	ck_assert_int_eq(access(in_dir("one/two/three"), F_OK), 0);
	ck_assert_int_eq(file_mkdirs(in_dir("plain"), 0755, &e), -1);
	ck_assert_int_eq(e.code, ENOTDIR);
	ck_assert_int_eq(file_mkdirs(in_dir("plain/below"), 0755, &e), -1);
	ck_assert_int_eq(file_mkdirs("/", 0755, &e), 0);
}
END_TEST

START_TEST(locks_once_and_names_the_holder)
{
	char want[64];
	int fd = file_lock(in_dir("lock"), &e), status;
	pid_t child;

	ck_assert_int_ge(fd, 0);
	snprintf(want, sizeof(want), "is locked by process %ld", (long)getpid());
	child = fork();
	if (child == 0) {
		bool refused = file_lock(in_dir("lock"), &e) == -1 && e.code == EWOULDBLOCK;

		_exit(refused && strstr(e.msg, want) ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	close(fd);
	fd = file_lock(in_dir("lock"), &e);
	ck_assert_int_ge(fd, 0);
	close(fd);
}
END_TEST

START_TEST(lists_in_name_order)
{
	char **names;
	size_t n;

	ck_assert_int_eq(file_mkdirs(in_dir("d"), 0755, &e), 0);
	put("d/b.yaml", "");
	put("d/a.yaml", "");
	put("d/.hidden.yaml", "");
	put("d/c.txt", "");
	put("d/.yaml", "");
	ck_assert_int_eq(file_list(in_dir("d"), ".yaml", &names, &n, &e), 0);
	ck_assert_uint_eq(n, 2);
	ck_assert_str_eq(names[0], in_dir("d/a.yaml"));
	ck_assert_str_eq(names[1], in_dir("d/b.yaml"));
	file_list_free(names, n);
	ck_assert_int_eq(file_list(in_dir("nowhere"), "", &names, &n, &e), -1);
	ck_assert_int_eq(e.code, ENOENT);
}
END_TEST

static void make_dir(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(file_mkdirs(in_dir("r"), 0755, &e), 0);
}

static void remove_dir(void)
{
	static const char *const argv[] = { "rm", "-rf", dir, NULL };
	pid_t child = fork();

	if (child == 0) {
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	waitpid(child, NULL, 0);
}

int main(void)
{
	TCase *tc = tcase_create("file");

	tcase_add_unchecked_fixture(tc, make_dir, remove_dir);
	tcase_add_test(tc, reads_whole_files_up_to_the_limit);
	tcase_add_test(tc, refuses_what_is_no_regular_file);
	tcase_add_test(tc, stays_beneath_a_directory);
	tcase_add_test(tc, replaces_in_one_step_and_leaves_nothing_behind);
	tcase_add_test(tc, makes_directories);
	tcase_add_test(tc, locks_once_and_names_the_holder);
	tcase_add_test(tc, lists_in_name_order);
	return suite_run(tc);
}
