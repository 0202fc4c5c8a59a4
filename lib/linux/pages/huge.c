/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * May a file of shmem have huge folios? (Documentation/admin-guide/mm/transhuge.rst)
 *
 * A hole of 4 KiB that is punched into a folio which somebody holds does not detach the page: the
 * folio cannot be split, so the kernel clears the bytes in place and the file keeps them.
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"

#define SYS_THP "/sys/kernel/mm/transparent_hugepage"

/* The word in brackets; empty when the file is not there. */
static void setting(const char *path, char *word, size_t size)
{
	const char *line, *begin, *end;
	struct lines l;

	word[0] = '\0';
	if (vdev__lines_open(&l, path))
		return;
	line = vdev__lines_next(&l);
	begin = line ? strchr(line, '[') : NULL;
	end = begin ? strchr(begin, ']') : NULL;
	if (end && (size_t)(end - begin) <= size) {
		memcpy(word, begin + 1, (size_t)(end - begin) - 1);
		word[end - begin - 1] = '\0';
	}
	vdev__lines_close(&l);
}

static int allows(const char *word, int advised)
{
	return !strcmp(word, "always") || !strcmp(word, "within_size") || !strcmp(word, "force") ||
	       (!strcmp(word, "advise") && advised);
}

/* Folios of sizes in between have a setting each; "inherit" repeats the one above. */
static int sizes_allow(int advised)
{
	DIR *dir = opendir(SYS_THP);
	struct dirent *entry;
	int found = 0;

	while (dir && !found && (entry = readdir(dir))) {
		char path[sizeof(SYS_THP) + sizeof(entry->d_name) + 16], word[32];

		if (strncmp(entry->d_name, "hugepages-", 10) != 0)
			continue;
		snprintf(path, sizeof(path), SYS_THP "/%s/shmem_enabled", entry->d_name);
		setting(path, word, sizeof(word));
		found = allows(word, advised);
	}
	if (dir)
		closedir(dir);
	return found;
}

int vdev__pages_huge(const struct mappings *m)
{
	char word[32];

	if (m->huge_mapped)
		return 1;
	setting(SYS_THP "/shmem_enabled", word, sizeof(word));
	return allows(word, m->huge_advised) || sizes_allow(m->huge_advised);
}
