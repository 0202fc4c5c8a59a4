/* SPDX-License-Identifier: BSD-3-Clause */
/* Host topology: nonsense in files ends with an error that names the file; misuse of each call. */
#include "test_host_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* What no list of CPUs may be. */
static const struct nonsense {
	const char *text;
	int err;
} lists[] = {
	{"x\n", -EBADMSG},
	{"-1\n", -EBADMSG},
	{"0-\n", -EBADMSG},
	{"0-3-5\n", -EBADMSG},
	{"3-1\n", -EBADMSG},
	{"0,\n", -EBADMSG},
	{",0\n", -EBADMSG},
	{"0,,1\n", -EBADMSG},
	{"0 1\n", -EBADMSG},
	{"0\n1\n", -EBADMSG},
	{" 0\n", -EBADMSG},
	{"0x3\n", -EBADMSG},
	{"+3\n", -EBADMSG},
	{"0-4096\n", -ERANGE},
	{"4096\n", -ERANGE},
	{"4294967295\n", -ERANGE},
	{"4294967296\n", -ERANGE},
	{"0-4294967296\n", -ERANGE},
	{"18446744073709551616\n", -ERANGE},
	{"99999999999999999999999999999999999999999999\n", -ERANGE},
	{"0,18446744073709551617\n", -ERANGE},
};

/* Each file that holds a list, with each of these. */
static void nonsense_in_lists(void **state)
{
	static const char *const files[] = {
		CPUS "possible",
		CPUS "online",
		CPUS "cpu2/topology/core_cpus_list",
		CPUS "cpu5/cache/index3/shared_cpu_list",
		NODES "online",
		NODES "node1/cpulist",
	};
	struct tree t;

	(void)state;
	tree_begin(&t);
	for (uint32_t f = 0; f < VT_COUNT(files); f++) {
		tree_machine(&t);
		for (uint32_t i = 0; i < VT_COUNT(lists); i++) {
			tree_text(&t, files[f], lists[i].text);
			tree_expect(&t, lists[i].err, files[f]);
		}
	}
	tree_end(&t);
}

static void one(struct tree *t, const char *path, const char *text, int err)
{
	tree_machine(t);
	tree_text(t, path, text);
	tree_expect(t, err, path);
}

static void nonsense_elsewhere(void **state)
{
	struct tree t;

	(void)state;
	tree_begin(&t);
	one(&t, CPUS "possible", "\n", -EBADMSG);
	one(&t, CPUS "possible", "", -EBADMSG);
	one(&t, CPUS "online", "0-8\n", -EBADMSG); /* more than are possible */
	one(&t, CPUS "cpu1/topology/core_cpus_list", "0,4\n", -EBADMSG); /* not itself */
	one(&t, CPUS "cpu1/cache/index3/shared_cpu_list", "\n", -EBADMSG);
	one(&t, CPUS "cpu1/cache/index3/level", "x\n", -EBADMSG);
	one(&t, CPUS "cpu1/cache/index3/level", "3 \n", -EBADMSG);
	one(&t, CPUS "cpu1/cache/index3/level", "100\n", -ERANGE);
	one(&t, CPUS "cpu1/cache/index3/level", "4294967297\n", -ERANGE);
	one(&t, NODES "online", "\n", -EBADMSG);
	one(&t, NODES "online", "0-1024\n", -ERANGE);
	one(&t, NODES "node0/distance", "10\n", -EBADMSG); /* one too few */
	one(&t, NODES "node0/distance", "10 21 21\n", -EBADMSG);
	one(&t, NODES "node0/distance", "10 -1\n", -EBADMSG);
	one(&t, NODES "node0/distance", "10 256\n", -ERANGE);
	one(&t, NODES "node0/distance", "10 18446744073709551626\n", -ERANGE);
	tree_end(&t);
}

/* More than fits, a 0 inside, a folder or pipe in place of a file. */
static void no_text(void **state)
{
	char path[128], *big = malloc(20000);
	struct tree t;

	(void)state;
	tree_begin(&t);
	memset(big, '0', 20000);
	tree_machine(&t);
	tree_put(&t, CPUS "possible", big, 20000);
	tree_expect(&t, -EBADMSG, "no text, or too long");
	tree_put(&t, CPUS "possible", "0-1\0\n", 5);
	tree_expect(&t, -EBADMSG, "no text, or too long");
	/* Zeroes that fit are a long way to write 0. */
	tree_put(&t, CPUS "possible", big, 16000);
	tree_text(&t, CPUS "online", "0\n");
	assert_int_equal(tree_open(&t), 0);
	tree_remove(&t, CPUS "possible");
	tree_text(&t, CPUS "possible/x", "0\n");
	tree_expect(&t, -EISDIR, "cannot be read");
	tree_remove(&t, CPUS "possible");
	tree_text(&t, CPUS "possible", "0-7\n");
	tree_remove(&t, CPUS "cpu0/cache/index0/type");
	tree_text(&t, CPUS "cpu0/cache/index0/type/x", "");
	tree_expect(&t, -EISDIR, "index0/type");
	tree_remove(&t, CPUS "possible");
	snprintf(path, sizeof(path), "%s/" CPUS "possible", t.root);
	assert_int_equal(mkfifo(path, 0600), 0);
	tree_expect(&t, -EBADMSG, "at least one CPU");
	free(big);
	tree_end(&t);
}

/* The largest that is allowed. */
static void at_the_limits(void **state)
{
	struct vdev_host_size n;
	struct tree t;

	(void)state;
	tree_begin(&t);
	tree_text(&t, CPUS "possible", "0-4095\n");
	tree_text(&t, CPUS "online", "0,4095\n");
	tree_text(&t, CPUS "cpu4095/topology/core_cpus_list", "4095\n");
	tree_text(&t, NODES "online", "1023\n");
	tree_text(&t, NODES "node1023/cpulist", "0-4095\n");
	tree_text(&t, NODES "node1023/distance", "255\n");
	assert_int_equal(tree_open(&t), 0);
	assert_int_equal(vdev_host_size(t.host, &n, sizeof(n)), 0);
	assert_int_equal(n.cpu_count, 4096);
	assert_int_equal(n.node_count, 1024);
	assert_int_equal(tree_cpu(&t, 4095).core, 4095);
	assert_int_equal(tree_cpu(&t, 4095).node, 1023);
	assert_int_equal(vdev_host_distance(t.host, 1023, 1023), 255);
	tree_end(&t);
}

static void nonsense_of_a_device(void **state)
{
	static const char numa_node[] = "bus/pci/devices/0000:3b:00.0/numa_node";
	static const char *const bad[] = {"", "\n", "x\n", "-2\n", "-11\n", "1 \n", "--1\n"};
	uint32_t node = 77;
	struct tree t;

	(void)state;
	tree_begin(&t);
	tree_machine(&t);
	assert_int_equal(tree_open(&t), 0);
	for (uint32_t i = 0; i < VT_COUNT(bad); i++) {
		tree_text(&t, numa_node, bad[i]);
		assert_int_equal(vdev_host_pci_node(t.host, "0000:3b:00.0", &node), -EBADMSG);
	}
	tree_text(&t, numa_node, "4294967296\n");
	assert_int_equal(vdev_host_pci_node(t.host, "0000:3b:00.0", &node), -ERANGE);
	assert_non_null(strstr(t.v.log, "no NUMA node"));
	tree_text(&t, numa_node, "1");
	assert_int_equal(vdev_host_pci_node(t.host, "0000:3b:00.0", &node), 0);
	assert_int_equal(node, 1);
	tree_end(&t);
}

static void no_address(void **state)
{
	static const char *const bad[] = {"",
					  "3b",
					  "3b:00",
					  "3b:00.8",
					  "3b:00.00",
					  "000:3b:00.0",
					  "0000:3b:00.0/",
					  "../../../../x",
					  "0000:3g:00.0",
					  "123456789:00:00.0",
					  "0000:3b:00:0",
					  "0000:3b:0/.0"};
	uint32_t node = 77;
	struct tree t;

	(void)state;
	tree_begin(&t);
	tree_machine(&t);
	assert_int_equal(tree_open(&t), 0);
	for (uint32_t i = 0; i < VT_COUNT(bad); i++)
		assert_int_equal(vdev_host_pci_node(t.host, bad[i], &node), -EINVAL);
	assert_int_equal(vdev_host_pci_node(NULL, "3b:00.0", &node), -EINVAL);
	assert_int_equal(vdev_host_pci_node(t.host, NULL, &node), -EINVAL);
	assert_int_equal(vdev_host_pci_node(t.host, "3b:00.0", NULL), -EINVAL);
	assert_int_equal(node, 77);
	tree_end(&t);
}

static int make(struct tree *t, uint32_t size, uint32_t flags, const char *path)
{
	struct {
		struct vdev_host_config c;
		uint64_t tail;
	} big = {.c = {.struct_size = size, .flags = flags, .sysfs_path = path}, .tail = 1};
	struct vdev_host *made = NULL;
	int err = vdev_host_new(&made, &t->v.env, &big.c);

	assert_true(err ? !made : !!made);
	vdev_host_free(made);
	return err;
}

static void bad_config(void **state)
{
	char long_path[5000];
	struct tree t;

	(void)state;
	tree_begin(&t);
	tree_machine(&t);
	assert_int_equal(make(&t, 16, 0, t.root), 0);
	for (uint32_t size = 0; size < 16; size++)
		assert_int_equal(make(&t, size, 0, t.root), -EINVAL);
	assert_int_equal(make(&t, 24, 0, t.root), -E2BIG);
	assert_int_equal(make(&t, 16, 1, t.root), -EINVAL);
	assert_int_equal(make(&t, 16, 0, ""), -EINVAL);
	memset(long_path, 'a', sizeof(long_path));
	long_path[4999] = 0;
	assert_int_equal(make(&t, 16, 0, long_path), -EINVAL);
	long_path[4090] = 0;
	assert_int_equal(make(&t, 16, 0, long_path), -ENAMETOOLONG);
	assert_int_equal(vdev_host_new(NULL, &t.v.env, NULL), -EINVAL);
	tree_end(&t);
}

static void bad_calls(void **state)
{
	const struct vdev_irqhint_cpu *cpus;
	struct vdev_host_size n;
	struct vdev_host_cpu c;
	struct tree t;

	(void)state;
	tree_begin(&t);
	tree_machine(&t);
	assert_int_equal(tree_open(&t), 0);
	assert_int_equal(vdev_host_size(NULL, &n, sizeof(n)), -EINVAL);
	assert_int_equal(vdev_host_size(t.host, NULL, sizeof(n)), -EINVAL);
	assert_int_equal(vdev_host_size(t.host, &n, 0), -EINVAL);
	assert_int_equal(vdev_host_cpu(NULL, 0, &c, sizeof(c)), -EINVAL);
	assert_int_equal(vdev_host_cpu(t.host, 0, NULL, sizeof(c)), -EINVAL);
	assert_int_equal(vdev_host_cpu(t.host, 0, &c, 0), -EINVAL);
	assert_int_equal(vdev_host_cpu(t.host, 8, &c, sizeof(c)), -ENOENT);
	assert_int_equal(vdev_host_cpu(t.host, UINT32_MAX, &c, sizeof(c)), -ENOENT);
	assert_int_equal(vdev_host_cpus(NULL, &cpus), -EINVAL);
	assert_int_equal(vdev_host_cpus(t.host, NULL), -EINVAL);
	assert_int_equal(vdev_host_distance(NULL, 0, 0), -EINVAL);
	vdev_host_free(NULL);
	tree_end(&t);
}

/* errno belongs to the caller. */
static void errno_is_untouched(void **state)
{
	uint32_t node;
	struct tree t;

	(void)state;
	tree_begin(&t);
	tree_machine(&t);
	errno = 1234;
	assert_int_equal(tree_open(&t), 0);
	vdev_host_pci_node(t.host, "0000:ff:00.0", &node);
	assert_int_equal(errno, 1234);
	tree_end(&t);
}

static int scenario(struct vt_env *v, void *arg)
{
	struct vdev_host_config config = {.struct_size = sizeof(config), .sysfs_path = arg};
	struct vdev_host *host = NULL;
	int err = vdev_host_new(&host, &v->env, &config);

	assert_true(err ? !host : !!host);
	vdev_host_free(host);
	return err;
}

static void every_allocation_fails(void **state)
{
	struct tree t;

	(void)state;
	tree_begin(&t);
	tree_machine(&t);
	assert_int_equal(vt_oom(scenario, t.root), 5);
	tree_end(&t);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(nonsense_in_lists),
		cmocka_unit_test(nonsense_elsewhere),
		cmocka_unit_test(no_text),
		cmocka_unit_test(at_the_limits),
		cmocka_unit_test(nonsense_of_a_device),
		cmocka_unit_test(no_address),
		cmocka_unit_test(bad_config),
		cmocka_unit_test(bad_calls),
		cmocka_unit_test(errno_is_untouched),
		cmocka_unit_test(every_allocation_fails),
	};

	return cmocka_run_group_tests_name("host_hostile", tests, NULL, NULL);
}
