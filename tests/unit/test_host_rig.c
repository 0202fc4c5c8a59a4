/* SPDX-License-Identifier: BSD-3-Clause */
/* Trees that look like sysfs: see test_host_rig.h. */
#include "test_host_rig.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void tree_begin(struct tree *t)
{
	memset(t, 0, sizeof(*t));
	vt_env_init(&t->v);
	t->v.env.log_level = VDEV_LOG_ERROR;
	strcpy(t->root, "/tmp/vdev-host.XXXXXX");
	assert_non_null(mkdtemp(t->root));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void tree_end(struct tree *t)
{
	vdev_host_free(t->host);
	nftw(t->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	vt_assert_clean(&t->v);
}

void tree_put(struct tree *t, const char *path, const void *text, size_t size)
{
	char full[512];
	FILE *f;

	snprintf(full, sizeof(full), "%s/%s", t->root, path);
	for (char *p = full + strlen(t->root) + 1; (p = strchr(p, '/')); *p++ = '/') {
		*p = 0;
		mkdir(full, 0755);
	}
	f = fopen(full, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, size, f), size);
	fclose(f);
}

void tree_text(struct tree *t, const char *path, const char *text)
{
	tree_put(t, path, text, strlen(text));
}

void tree_remove(struct tree *t, const char *path)
{
	char full[512];

	snprintf(full, sizeof(full), "%s/%s", t->root, path);
	assert_true(nftw(full, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0);
}

int tree_open(struct tree *t)
{
	struct vdev_host_config config = {.struct_size = sizeof(config), .sysfs_path = t->root};

	vdev_host_free(t->host);
	t->host = NULL;
	t->v.log[0] = 0;
	t->v.log_lines = 0;
	return vdev_host_new(&t->host, &t->v.env, &config);
}

void tree_expect(struct tree *t, int err, const char *word)
{
	assert_int_equal(tree_open(t), err);
	assert_null(t->host);
	if (!strstr(t->v.log, word))
		fail_msg("the log does not say \"%s\": %s", word, t->v.log);
	assert_int_equal(t->v.log_lines, 1);
}

static void cache(struct tree *t, unsigned int cpu, unsigned int index, const char *type,
		  const char *level, const char *shared)
{
	char path[128];

	snprintf(path, sizeof(path), CPUS "cpu%u/cache/index%u/type", cpu, index);
	tree_text(t, path, type);
	snprintf(path, sizeof(path), CPUS "cpu%u/cache/index%u/level", cpu, index);
	tree_text(t, path, level);
	snprintf(path, sizeof(path), CPUS "cpu%u/cache/index%u/shared_cpu_list", cpu, index);
	tree_text(t, path, shared);
}

static void online_cpu(struct tree *t, unsigned int cpu)
{
	static const char *const threads[] = {"0,4\n", "1,5\n", "2,6\n", "3\n"};
	const char *core = threads[cpu % 4];
	char path[128];

	snprintf(path, sizeof(path), CPUS "cpu%u/topology/core_cpus_list", cpu);
	tree_text(t, path, core);
	cache(t, cpu, 0, "Data\n", "1\n", core);
	cache(t, cpu, 1, "Instruction\n", "1\n", core);
	cache(t, cpu, 2, "Unified\n", "2\n", core);
	cache(t, cpu, 3, "Unified\n", "3\n", cpu % 4 < 2 ? "0-1,4-5\n" : "2-3,6\n");
}

void tree_machine(struct tree *t)
{
	tree_text(t, CPUS "possible", "0-7\n");
	tree_text(t, CPUS "online", "0-6\n");
	for (unsigned int cpu = 0; cpu < 7; cpu++)
		online_cpu(t, cpu);
	tree_text(t, CPUS "cpu7/online", "0\n");
	tree_text(t, CPUS "cpu7/node1/cpulist", "2-3,6\n"); /* a link in sysfs */
	tree_text(t, NODES "online", "0-1\n");
	tree_text(t, NODES "node0/cpulist", "0-1,4-5\n");
	tree_text(t, NODES "node1/cpulist", "2-3,6\n");
	tree_text(t, NODES "node0/distance", "10 21\n");
	tree_text(t, NODES "node1/distance", "21 10\n");
	tree_text(t, "bus/pci/devices/0000:3b:00.0/numa_node", "1\n");
	tree_text(t, "bus/pci/devices/0000:00:1f.2/numa_node", "-1\n");
	tree_text(t, "bus/pci/devices/10000:00:02.0/numa_node", "0\n");
	tree_text(t, "bus/pci/devices/0000:3c:00.7/class", "0x020000\n");
}

struct vdev_host_cpu tree_cpu(const struct tree *t, uint32_t cpu)
{
	struct vdev_host_cpu c;

	assert_int_equal(vdev_host_cpu(t->host, cpu, &c, sizeof(c)), 0);
	assert_int_equal(c.cpu, cpu);
	return c;
}
