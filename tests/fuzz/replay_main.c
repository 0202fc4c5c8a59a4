/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs a fuzz target on files, without libFuzzer, so that any compiler's build replays the corpus:
 *
 *	fuzz_image_replay FILE|FOLDER...
 *
 * Folders are not entered further. Ends with 1 when nothing could be read: an empty corpus is no pass.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_LIMIT (1u << 20)

static unsigned int replayed, failed;

static void replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *all = malloc(INPUT_LIMIT);
	uint8_t *data = NULL;
	size_t size;

	if (file && all) {
		size = fread(all, 1, INPUT_LIMIT, file);
		data = realloc(all,
			       size ? size : 1); /* exact, so that ASan sees one byte too many */
	}
	if (data && !ferror(file)) {
		LLVMFuzzerTestOneInput(data, size);
		replayed++;
	} else {
		perror(path);
		failed++;
	}
	free(data ? data : all);
	if (file)
		fclose(file);
}

static void replay(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	char name[4096];

	if (!dir) {
		replay_file(path);
		return;
	}
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		replay_file(name);
	}
	closedir(dir);
}

int main(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		replay(argv[i]);
	printf("%u inputs replayed, %u not readable\n", replayed, failed);
	return failed || !replayed;
}
