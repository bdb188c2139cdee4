/* SPDX-License-Identifier: GPL-2.0-or-later */
/* main: runs a fuzz target over files, as an ordinary test: $O/fuzz/TARGET tests/fuzz/TARGET.in.  Each input
 * is also cut short at every length (up to CUTS of them), in memory of exactly that length, so that with
 * AddressSanitizer a read beyond the end is seen.  Prints one line of TAP for each file. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { CUTS = 256, SIZE_LIMIT = 1 << 22 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run_copy(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static uint8_t *read_file(const char *path, size_t *ret_size)
{
	FILE *f = fopen(path, "rbe");
	uint8_t *data = f ? malloc(SIZE_LIMIT) : NULL;

	*ret_size = data ? fread(data, 1, SIZE_LIMIT, f) : 0;
	if (f)
		fclose(f);
	return data;
}

static int run_file(const char *path)
{
	static unsigned number;
	size_t size, step;
	uint8_t *data = read_file(path, &size);

	number++;
	printf("%s %u - %s\n", data ? "# running" : "not ok", number, path);
	fflush(stdout);                 /* so that a crash shows what it was about */
	if (!data)
		return 1;
	run_copy(data, size);
	step = size / CUTS + 1;
	for (size_t n = 0; n < size; n += step)
		run_copy(data, n);
	free(data);
	printf("ok %u - %s\n", number, path);
	fflush(stdout);
	return 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int run_path(const char *path)
{
	struct dirent **names;
	char file[4096];
	struct stat st;
	int n, failed = 0;

	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
		return run_file(path);
	n = scandir(path, &names, is_visible, by_name);
	if (n <= 0) {
		printf("not ok - %s holds no inputs\n", path);
		return 1;
	}
	for (int i = 0; i < n; i++) {
		snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name);
		failed |= run_file(file);
		free(names[i]);
	}
	free(names);
	return failed;
}

int main(int argc, char **argv)
{
	int failed = argc < 2;

	for (int i = 1; i < argc; i++)
		failed |= run_path(argv[i]);
	return failed;
}
