/* SPDX-License-Identifier: BSD-3-Clause */
/* Host topology: what is read of a tree, and what missing files mean (H7). */
#include "test_host_rig.h"

#include <stdio.h>

#define UNKNOWN VDEV_HOST_UNKNOWN

static void expect_cpu(const struct tree *t, uint32_t cpu, uint32_t core, uint32_t cache,
		       uint32_t node)
{
	struct vdev_host_cpu c = tree_cpu(t, cpu);

	assert_int_equal(c.flags, VDEV_HOST_POSSIBLE | VDEV_HOST_ONLINE);
	assert_int_equal(c.core, core);
	assert_int_equal(c.cache, cache);
	assert_int_equal(c.node, node);
	assert_int_equal(c.reserved, 0);
}

static void smt_and_two_nodes(void **state)
{
	struct vdev_host_size n;
	struct tree t;

	(void)state;
	tree_begin(&t);
	tree_machine(&t);
	assert_int_equal(tree_open(&t), 0);
	expect_cpu(&t, 0, 0, 0, 0);
	expect_cpu(&t, 1, 1, 0, 0);
	expect_cpu(&t, 2, 2, 2, 1);
	expect_cpu(&t, 3, 3, 2, 1);
	expect_cpu(&t, 4, 0, 0, 0);
	expect_cpu(&t, 5, 1, 0, 0);
	expect_cpu(&t, 6, 2, 2, 1);
	assert_int_equal(vdev_host_size(t.host, &n, sizeof(n)), 0);
	assert_int_equal(n.cpu_count, 8);
	assert_int_equal(n.online, 7);
	assert_int_equal(n.cores, 4);
	assert_int_equal(n.caches, 2);
	assert_int_equal(n.node_count, 2);
	assert_int_equal(n.nodes, 2);
	tree_end(&t);
}

/* Its core and cache are not known, its node is, by the link that stays in its folder. */
static void an_offline_cpu(void **state)
{
	struct vdev_host_cpu c;
	struct tree t;

	(void)state;
	tree_begin(&t);
	tree_machine(&t);
	assert_int_equal(tree_open(&t), 0);
	c = tree_cpu(&t, 7);
	assert_int_equal(c.flags, VDEV_HOST_POSSIBLE);
	assert_int_equal(c.core, UNKNOWN);
	assert_int_equal(c.cache, UNKNOWN);
	assert_int_equal(c.node, 1);
	/* What stands in an old tree about its core is of another time. */
	tree_text(&t, CPUS "cpu7/topology/core_cpus_list", "3,7\n");
	assert_int_equal(tree_open(&t), 0);
	assert_int_equal(tree_cpu(&t, 7).core, UNKNOWN);
	tree_end(&t);
}

static void the_array_of_the_engine(void **state)
{
	const struct vdev_irqhint_cpu *cpus = NULL;
	struct tree t;

	(void)state;
	tree_begin(&t);
	tree_machine(&t);
	assert_int_equal(tree_open(&t), 0);
	assert_int_equal(vdev_host_cpus(t.host, &cpus), 8);
	for (uint32_t i = 0; i < 8; i++) {
		struct vdev_host_cpu c = tree_cpu(&t, i);

		assert_int_equal(cpus[i].core, c.core);
		assert_int_equal(cpus[i].cache, c.cache);
		assert_int_equal(cpus[i].node, c.node);
		assert_int_equal(cpus[i].reserved, 0);
	}
	assert_int_equal(cpus[7].core, VDEV_CPUMAP_NOWHERE);
	tree_end(&t);
}

static void distances(void **state)
{
	struct tree t;

	(void)state;
	tree_begin(&t);
	tree_machine(&t);
	assert_int_equal(tree_open(&t), 0);
	assert_int_equal(vdev_host_distance(t.host, 0, 0), 10);
	assert_int_equal(vdev_host_distance(t.host, 0, 1), 21);
	assert_int_equal(vdev_host_distance(t.host, 1, 0), 21);
	assert_int_equal(vdev_host_distance(t.host, 0, 2), -ENOENT);
	assert_int_equal(vdev_host_distance(t.host, 1023, 0), -ENOENT);
	assert_int_equal(vdev_host_distance(t.host, UNKNOWN, 0), -ENOENT);
	tree_remove(&t, NODES "node1/distance");
	assert_int_equal(tree_open(&t), 0);
	assert_int_equal(vdev_host_distance(t.host, 0, 1), 21);
	assert_int_equal(vdev_host_distance(t.host, 1, 0), -ENODATA);
	tree_end(&t);
}

/* Nodes 1 and 4: a row has two numbers. CPUs 0-1 and 64-65 only. */
static void sparse_numbers(void **state)
{
	struct tree t;

	(void)state;
	tree_begin(&t);
	tree_text(&t, CPUS "possible", "0-1,64-65\n");
	tree_text(&t, CPUS "online", "0-1,64-65\n");
	tree_text(&t, NODES "online", "1,4\n");
	tree_text(&t, NODES "node1/cpulist", "0-1\n");
	tree_text(&t, NODES "node4/cpulist", "64-65\n");
	tree_text(&t, NODES "node1/distance", "10 32\n");
	tree_text(&t, NODES "node4/distance", "32 10\n");
	assert_int_equal(tree_open(&t), 0);
	expect_cpu(&t, 65, UNKNOWN, UNKNOWN, 4);
	assert_int_equal(tree_cpu(&t, 2).flags, 0);
	assert_int_equal(tree_cpu(&t, 63).node, UNKNOWN);
	assert_int_equal(vdev_host_distance(t.host, 1, 4), 32);
	assert_int_equal(vdev_host_distance(t.host, 4, 4), 10);
	assert_int_equal(vdev_host_distance(t.host, 0, 4), -ENOENT);
	tree_end(&t);
}

/* Nothing but the list of CPUs has to be there. */
static void missing_files(void **state)
{
	struct vdev_host_size n;
	struct tree t;

	(void)state;
	tree_begin(&t);
	tree_expect(&t, -ENOENT, "expected a mounted sysfs");
	tree_text(&t, CPUS "possible", "0-2"); /* no newline */
	assert_int_equal(tree_open(&t), 0);
	for (uint32_t i = 0; i < 3; i++)
		expect_cpu(&t, i, UNKNOWN, UNKNOWN, UNKNOWN);
	assert_int_equal(vdev_host_size(t.host, &n, sizeof(n)), 0);
	assert_int_equal(n.online, 3);
	assert_int_equal(n.cores + n.caches + n.node_count + n.nodes, 0);
	assert_int_equal(vdev_host_distance(t.host, 0, 0), -ENOENT);
	tree_text(&t, NODES "online", "0\n"); /* without its folder */
	assert_int_equal(tree_open(&t), 0);
	assert_int_equal(vdev_host_distance(t.host, 0, 0), -ENODATA);
	tree_end(&t);
}

static uint32_t cache_of_0(struct tree *t)
{
	assert_int_equal(tree_open(t), 0);
	return tree_cpu(t, 0).cache;
}

/* The highest level counts, in whatever order they come, and only when all of it is there. */
static void caches(void **state)
{
	struct tree t;

	(void)state;
	tree_begin(&t);
	tree_machine(&t);
	tree_text(&t, CPUS "cpu1/topology/core_cpus_list", "1\n");
	tree_text(&t, CPUS "cpu1/cache/index2/shared_cpu_list", "0-1\n");
	tree_text(&t, CPUS "cpu1/cache/index3/level", "1\n"); /* now index 2 is the last level */
	tree_text(&t, CPUS "cpu1/cache/index3/shared_cpu_list", "1\n");
	assert_int_equal(tree_open(&t), 0);
	assert_int_equal(tree_cpu(&t, 1).cache, 0);
	tree_text(&t, CPUS "cpu0/cache/index2/shared_cpu_list", "0\n");
	assert_int_equal(cache_of_0(&t), 0);
	tree_text(&t, CPUS "cpu1/cache/index0/shared_cpu_list", "1\n");
	tree_remove(&t, CPUS "cpu1/cache/index2/shared_cpu_list");
	assert_int_equal(tree_open(&t), 0);
	assert_int_equal(tree_cpu(&t, 1).cache, 1);
	tree_remove(&t, CPUS "cpu1/cache/index0/level");
	assert_int_equal(tree_open(&t), 0);
	assert_int_equal(tree_cpu(&t, 1).cache, UNKNOWN);
	/* No more than 16 are looked at. */
	for (unsigned int i = 4; i < 17; i++) {
		char path[80];

		snprintf(path, sizeof(path), CPUS "cpu0/cache/index%u/type", i);
		tree_text(&t, path, "Instruction\n");
	}
	tree_text(&t, CPUS "cpu0/cache/index16/type", "Unified\n");
	tree_text(&t, CPUS "cpu0/cache/index16/level", "x\n");
	assert_int_equal(cache_of_0(&t), 0);
	tree_end(&t);
}

/* Node 1 has no folder of its own: its CPUs and its distances are not known. */
static void a_node_without_files(void **state)
{
	struct tree t;

	(void)state;
	tree_begin(&t);
	tree_machine(&t);
	tree_remove(&t, NODES "node1");
	tree_remove(&t, CPUS "cpu7/node1");
	assert_int_equal(tree_open(&t), 0);
	assert_int_equal(tree_cpu(&t, 0).node, 0);
	assert_int_equal(tree_cpu(&t, 2).node, UNKNOWN);
	assert_int_equal(tree_cpu(&t, 7).node, UNKNOWN);
	assert_int_equal(vdev_host_distance(t.host, 0, 1), 21);
	assert_int_equal(vdev_host_distance(t.host, 1, 1), -ENODATA);
	tree_end(&t);
}

/* Before Linux 5.3 the list of siblings had another name. */
static void old_names(void **state)
{
	struct tree t;

	(void)state;
	tree_begin(&t);
	tree_text(&t, CPUS "possible", "0-1\n");
	tree_text(&t, CPUS "cpu0/topology/thread_siblings_list", "0-1\n");
	tree_text(&t, CPUS "cpu1/topology/thread_siblings_list", "0-1\n");
	assert_int_equal(tree_open(&t), 0);
	assert_int_equal(tree_cpu(&t, 1).core, 0);
	/* The newer one is believed where both are. */
	tree_text(&t, CPUS "cpu1/topology/core_cpus_list", "1\n");
	assert_int_equal(tree_open(&t), 0);
	assert_int_equal(tree_cpu(&t, 1).core, 1);
	tree_end(&t);
}

/* Core numbers of the kernel begin anew in each socket: siblings go by the lists. */
static void core_id_is_not_believed(void **state)
{
	struct tree t;

	(void)state;
	tree_begin(&t);
	tree_machine(&t);
	tree_text(&t, CPUS "cpu0/topology/core_id", "0\n");
	tree_text(&t, CPUS "cpu2/topology/core_id", "0\n");
	assert_int_equal(tree_open(&t), 0);
	assert_int_not_equal(tree_cpu(&t, 0).core, tree_cpu(&t, 2).core);
	tree_end(&t);
}

static uint32_t node_of(const struct tree *t, const char *address)
{
	uint32_t node = 77;

	assert_int_equal(vdev_host_pci_node(t->host, address, &node), 0);
	return node;
}

static void pci_devices(void **state)
{
	uint32_t node = 77;
	struct tree t;

	(void)state;
	tree_begin(&t);
	tree_machine(&t);
	assert_int_equal(tree_open(&t), 0);
	assert_int_equal(node_of(&t, "0000:3b:00.0"), 1);
	assert_int_equal(node_of(&t, "3B:00.0"), 1);
	assert_int_equal(node_of(&t, "0000:00:1f.2"), UNKNOWN); /* -1 */
	assert_int_equal(node_of(&t, "10000:00:02.0"), 0); /* VMD's domains */
	assert_int_equal(node_of(&t, "3c:00.7"), UNKNOWN); /* a kernel without NUMA */
	assert_int_equal(vdev_host_pci_node(t.host, "0000:3b:00.1", &node), -ENOENT);
	assert_int_equal(node, 77);
	tree_end(&t);
}

/* The machine that runs the test: whatever it is, it agrees with itself. */
static void this_machine(void **state)
{
	struct vdev_host *host = NULL;
	struct vdev_host_size n;
	struct vdev_host_cpu c;
	uint32_t online = 0;

	(void)state;
	assert_int_equal(vdev_host_new(&host, NULL, NULL), 0);
	assert_int_equal(vdev_host_size(host, &n, sizeof(n)), 0);
	for (uint32_t i = 0; i < n.cpu_count; i++) {
		assert_int_equal(vdev_host_cpu(host, i, &c, sizeof(c)), 0);
		online += !!(c.flags & VDEV_HOST_ONLINE);
		if (c.node == UNKNOWN)
			continue;
		assert_true(c.node < n.node_count);
		/* By libnuma. */
		assert_int_equal(vdev_host_distance(host, c.node, c.node), 10);
	}
	assert_int_equal(online, n.online);
	assert_true(online >= 1);
	print_message("%u CPUs, %u cores, %u caches, %u nodes\n", n.online, n.cores, n.caches,
		      n.nodes);
	vdev_host_free(host);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(smt_and_two_nodes),
		cmocka_unit_test(an_offline_cpu),
		cmocka_unit_test(the_array_of_the_engine),
		cmocka_unit_test(distances),
		cmocka_unit_test(sparse_numbers),
		cmocka_unit_test(missing_files),
		cmocka_unit_test(caches),
		cmocka_unit_test(a_node_without_files),
		cmocka_unit_test(old_names),
		cmocka_unit_test(core_id_is_not_believed),
		cmocka_unit_test(pci_devices),
		cmocka_unit_test(this_machine),
	};

	return cmocka_run_group_tests_name("host_topology", tests, NULL, NULL);
}
