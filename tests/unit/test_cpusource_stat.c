/* SPDX-License-Identifier: BSD-3-Clause */
/* CPU-map providers: what a stat file of proc(5) may say, and what it may not. */
#include "test_cpusource_rig.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "linux/cpusource/internal.h"

/* Fields 4 to 38, and then the CPU. */
#define BETWEEN                                                                                    \
	" 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 " \
	"33 34 35 "

struct row {
	const char *text;
	int err;
	struct vdev_cpusource_look look;
};

static const struct row rows[] = {
	{"7 (vcpu) R" BETWEEN "5 0 0\n", 0, {5, VDEV_CPUMAP_RUNNING}},
	{"7 (vcpu) S" BETWEEN "5 0 0\n", 0, {5, VDEV_CPUMAP_SLEEPING}},
	{"7 (vcpu) D" BETWEEN "0\n", 0, {0, VDEV_CPUMAP_SLEEPING}},
	{"7 (vcpu) t" BETWEEN "4095 0\n", 0, {4095, VDEV_CPUMAP_SLEEPING}},
	{"7 () R 1 () S" BETWEEN "3 0\n", 0, {3, VDEV_CPUMAP_SLEEPING}},
	{"7 (a) R" BETWEEN "9 (b) S" BETWEEN "3 0\n", 0, {3, VDEV_CPUMAP_SLEEPING}},
	{"7 ()))) R" BETWEEN "16777215 0\n", 0, {16777215, VDEV_CPUMAP_RUNNING}},
	{"7 (a\nb) R" BETWEEN "2 0\n", 0, {2, VDEV_CPUMAP_RUNNING}},
	{"7 (vcpu) Z" BETWEEN "5 0\n", -ESRCH, {0, 0}},
	{"7 (vcpu) X" BETWEEN "5 0\n", -ESRCH, {0, 0}},
	{"7 (vcpu) x" BETWEEN "5 0\n", -ESRCH, {0, 0}},
	{"", -EBADMSG, {0, 0}},
	{")", -EBADMSG, {0, 0}},
	{") R", -EBADMSG, {0, 0}},
	{") R ", -EBADMSG, {0, 0}},
	{"7 vcpu R" BETWEEN "5 0\n", -EBADMSG, {0, 0}},
	{"7 (vcpu)R" BETWEEN "5 0\n", -EBADMSG, {0, 0}},
	{"7 (vcpu) RR" BETWEEN "5 0\n", -EBADMSG, {0, 0}},
	{"7 (vcpu) 1" BETWEEN "5 0\n", -EBADMSG, {0, 0}},
	{"7 (vcpu) [" BETWEEN "5 0\n", -EBADMSG, {0, 0}},
	{"7 (vcpu) @" BETWEEN "5 0\n", -EBADMSG, {0, 0}},
	{"7 (vcpu) {" BETWEEN "5 0\n", -EBADMSG, {0, 0}},
	{"7 (vcpu) `" BETWEEN "5 0\n", -EBADMSG, {0, 0}},
	{"7 (vcpu) R" BETWEEN, -EBADMSG, {0, 0}},
	{"7 (vcpu) R" BETWEEN "5", -EBADMSG, {0, 0}}, /* may be the 5 of 512 */
	{"7 (vcpu) R" BETWEEN "-1 0\n", -EBADMSG, {0, 0}},
	{"7 (vcpu) R" BETWEEN "+1 0\n", -EBADMSG, {0, 0}},
	{"7 (vcpu) R" BETWEEN " 1 0\n", -EBADMSG, {0, 0}},
	{"7 (vcpu) R" BETWEEN ": 0\n", -EBADMSG, {0, 0}},
	{"7 (vcpu) R" BETWEEN "0x1 0\n", -EBADMSG, {0, 0}},
	{"7 (vcpu) R" BETWEEN "16777216 0\n", -EBADMSG, {0, 0}},
	{"7 (vcpu) R" BETWEEN "4294967297 0\n", -EBADMSG, {0, 0}},
	{"7 (vcpu) R" BETWEEN "99999999999999999999999 0\n", -EBADMSG, {0, 0}},
	{"7 (vcpu) R 1 2 3\n", -EBADMSG, {0, 0}},
};

/* In memory of just that size: a sanitizer sees a step beyond. */
static int parse(const char *text, size_t size, struct vdev_cpusource_look *ret_look)
{
	char *copy = malloc(size ? size : 1);
	int err;

	assert_non_null(copy);
	memcpy(copy, text, size);
	err = vdev__stat_parse(copy, size, ret_look);
	free(copy);
	return err;
}

static void each_text(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < VT_COUNT(rows); i++) {
		struct vdev_cpusource_look look = {77, 77};
		int err = parse(rows[i].text, strlen(rows[i].text), &look);

		if (err != rows[i].err)
			fail_msg("%d instead of %d for: %s", err, rows[i].err, rows[i].text);
		assert_int_equal(look.cpu, err ? 77 : rows[i].look.cpu);
		assert_int_equal(look.state, err ? 77 : rows[i].look.state);
	}
}

/* Cut anywhere, it says the right CPU or none. */
static void each_cut(void **state)
{
	static const char text[] = "7 () R 1 () S" BETWEEN "31 0 0 0\n";

	(void)state;
	for (size_t size = 0; size < sizeof(text); size++) {
		struct vdev_cpusource_look look;
		int err = parse(text, size, &look);

		assert_true(err == 0 || err == -EBADMSG);
		if (!err)
			assert_int_equal(look.cpu, 31);
		assert_int_equal(!err, size > strlen("7 () R 1 () S" BETWEEN "31"));
	}
}

static void each_byte(void **state)
{
	static const char text[] = "7 (vcpu) S" BETWEEN "31 0 0 0\n";
	struct vt_rand rand;

	(void)state;
	vt_rand_seed(&rand, 39);
	for (int i = 0; i < 20000; i++) {
		char copy[sizeof(text)];
		struct vdev_cpusource_look look = {0, 0};

		memcpy(copy, text, sizeof(text));
		for (int k = 0; k < 3; k++)
			copy[vt_below(&rand, sizeof(text))] = (char)vt_below(&rand, 256);
		if (!parse(copy, sizeof(text), &look)) {
			assert_true(look.cpu <= 0xffffff);
			assert_true(look.state <= VDEV_CPUMAP_SLEEPING);
		}
	}
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* A procfs of one's own. */
static void hostile_procfs(void **state)
{
	char root[] = "/tmp/vdev-cpusource.XXXXXX", path[128];
	struct vdev_cpusource_config c;
	struct rig r;

	(void)state;
	assert_non_null(mkdtemp(root));
	snprintf(path, sizeof(path), "mkdir -p %s/%d/task/9", root, (int)getpid());
	assert_int_equal(system(path), 0); /* NOLINT(cert-env33-c,concurrency-mt-unsafe): a test */
	snprintf(path, sizeof(path), "%s/%d/task/9/stat", root, (int)getpid());
	write_file(path, "9 (x) R" BETWEEN "12 0\n");
	rig_begin(&r);
	c = rig_config(&r, VDEV_CPUSOURCE_WANT(VDEV_CPUSOURCE_PROCFS), VDEV_CPUSOURCE_UNTESTED);
	c.proc_path = root;
	assert_int_equal(vdev_cpusource_new(&r.source, &r.v.env, &c), 0);
	assert_int_equal(vdev_cpusource_add(r.source, 0, 8), -ESRCH);
	assert_int_equal(vdev_cpusource_add(r.source, 0, 9), 0);
	assert_int_equal(rig_refresh(&r), 1);
	assert_int_equal(rig_place(&r, 0).cpu, 12);
	write_file(path, "9 (x) R" BETWEEN "4096 0\n"); /* the map has none like this */
	assert_int_equal(rig_refresh(&r), 0);
	assert_int_equal(rig_place(&r, 0).cpu, VDEV_CPUMAP_NOWHERE);
	write_file(path, "9 (x) R" BETWEEN "-2 0\n");
	assert_int_equal(rig_refresh(&r), 0);
	assert_int_equal(rig_stats(&r).failed, 2);
	write_file(path, "9 (x) S" BETWEEN "7 0\n");
	assert_int_equal(rig_refresh(&r), 1);
	assert_int_equal(rig_place(&r, 0).cpu, 7);
	write_file(path, ""); /* what the kernel says of a thread that has just gone */
	assert_int_equal(rig_refresh(&r), 0);
	assert_int_equal(rig_stats(&r).lost, 1);
	rig_end(&r);
	/* A tested one is not believed. */
	rig_begin(&r);
	c.map = r.map;
	c.flags = VDEV_CPUSOURCE_NO_KVM;
	assert_true(vdev_cpusource_new(&r.source, &r.v.env, &c) < 0 ||
		    sysconf(_SC_NPROCESSORS_ONLN) == 1);
	rig_end(&r);
	snprintf(path, sizeof(path), "rm -r %s", root);
	assert_int_equal(system(path), 0); /* NOLINT(cert-env33-c,concurrency-mt-unsafe): a test */
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_text),
		cmocka_unit_test(each_cut),
		cmocka_unit_test(each_byte),
		cmocka_unit_test(hostile_procfs),
	};

	return cmocka_run_group_tests_name("cpusource_stat", tests, NULL, NULL);
}
