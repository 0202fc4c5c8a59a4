/* SPDX-License-Identifier: BSD-3-Clause */
/* Every exported call of libvdevmgmt-linux, misused. The version map is the first argument. */
#include "bad_input_linux.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static const struct bad_linux_table *const tables[] = {&bad_cpusource, &bad_kvm, &bad_kvm_msi,
						       &bad_pages, &bad_runtime};
static const char *map_path;

static int count_ioctl(void *user, int fd, unsigned long request, void *argument)
{
	struct bad_linux *b = user;

	(void)fd;
	(void)request;
	(void)argument;
	b->ioctls++;
	return 0;
}

/* By mremap: that works everywhere. */
static void begin_pages(struct bad_linux *b)
{
	static const struct vdev_pages_config config = {.struct_size = sizeof(config),
							.flags = VDEV_PAGES_UNTESTED,
							.mechanism = VDEV_PAGES_REMAP,
							.max_regions = 2,
							.kvm_fd = -1};
	struct vdev_pages_region region = {.struct_size = sizeof(region),
					   .kind = VDEV_PAGES_ANON,
					   .fd = -1,
					   .size_bytes = BAD_RAM};

	b->ram = mmap(NULL, BAD_RAM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(b->ram != MAP_FAILED);
	region.host_address = (uint64_t)(uintptr_t)b->ram;
	assert_int_equal(vdev_pages_new(&b->pages, &b->v.env, &config), 0);
	assert_int_equal(vdev_pages_add(b->pages, &region), 0);
}

static void begin_cpusource(struct bad_linux *b)
{
	const struct vdev_cpumap_config map = {
		.struct_size = sizeof(map), .vcpus = BAD_VCPUS, .cpus = VDEV_CPUMAP_MAX_CPUS};
	struct vdev_cpusource_config config = {.struct_size = sizeof(config),
					       .flags = VDEV_CPUSOURCE_UNTESTED,
					       .kinds =
						       VDEV_CPUSOURCE_WANT(VDEV_CPUSOURCE_AFFINITY),
					       .kvm_fd = -1};

	assert_int_equal(vdev_cpumap_new(&b->map, &b->v.env, &map), 0);
	config.map = b->map;
	assert_int_equal(vdev_cpusource_new(&b->source, &b->v.env, &config), 0);
	assert_int_equal(vdev_cpusource_add(b->source, 0, getpid()), 0);
}

static void begin(struct bad_linux *b)
{
	const struct vdev_kvm_config kvm = {.struct_size = sizeof(kvm),
					    .vm_fd = 0,
					    .max_devices = 2,
					    .ioctl = count_ioctl,
					    .user = b};
	static const struct vdev_runtime_config rt = {
		.struct_size = sizeof(rt), .max_backends = 1, .max_later = 4};
	static const struct vdev_removal_config removal = {.struct_size = sizeof(removal),
							   .max_units = 4};
	static const struct vdev_kvm_irqfd irqfd = {
		.struct_size = sizeof(irqfd), .fd = 5, .gsi = 24, .resample_fd = -1};

	memset(b, 0, sizeof(*b));
	vt_env_init(&b->v);
	assert_int_equal(vdev_kvm_new(&b->kvm, &b->v.env, &kvm), 0);
	assert_int_equal(vdev_kvm_add_irqfd(b->kvm, BAD_DEVICE, &irqfd), 0);
	begin_pages(b);
	begin_cpusource(b);
	assert_int_equal(vdev_runtime_new(&b->rt, &b->v.env, &rt), 0);
	assert_int_equal(vdev_removal_new(&b->removal, &b->v.env, &removal), 0);
}

static void end(struct bad_linux *b)
{
	vdev_cpusource_free(b->source);
	vdev_cpumap_free(b->map);
	vdev_runtime_free(b->rt);
	vdev_kvm_free(b->kvm);
	vdev_pages_free(b->pages);
	munmap(b->ram, BAD_RAM);
	vdev_removal_free(b->removal);
	vt_assert_clean(&b->v);
}

struct picture {
	struct vdev_kvm_stats kvm;
	struct vdev_cpusource_stats cpusource;
	struct vdev_pages_stats pages;
	struct vdev_runtime_stats rt;
	uint64_t ioctls, blocks;
	int gated, fd;
};

static void take(struct bad_linux *b, struct picture *p)
{
	memset(p, 0, sizeof(*p));
	assert_int_equal(vdev_kvm_stats(b->kvm, &p->kvm, sizeof(p->kvm)), 0);
	assert_int_equal(vdev_cpusource_stats(b->source, &p->cpusource, sizeof(p->cpusource)), 0);
	assert_int_equal(vdev_pages_stats(b->pages, &p->pages, sizeof(p->pages)), 0);
	assert_int_equal(vdev_runtime_stats(b->rt, &p->rt, sizeof(p->rt)), 0);
	p->ioctls = b->ioctls;
	p->blocks = b->v.blocks;
	p->gated = vdev_kvm_gated(b->kvm, BAD_DEVICE);
	p->fd = vdev_runtime_fd(b->rt);
}

static void run_row(const struct bad_linux_row *row)
{
	struct picture before, after;
	struct bad_linux b;

	begin(&b);
	take(&b, &before);
	row->run(&b);
	take(&b, &after);
	assert_memory_equal(&before, &after, sizeof(before));
	if (row->then)
		row->then(&b);
	end(&b);
}

static void run_table(void **state)
{
	const struct bad_linux_table *table = *state;

	for (uint32_t i = 0; i < table->count; i++) {
		print_message("%s\n", table->rows[i].call);
		run_row(&table->rows[i]);
	}
}

static uint32_t rows_of(const char *call)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < VT_COUNT(tables); i++)
		for (uint32_t k = 0; k < tables[i]->count; k++)
			found += !strcmp(tables[i]->rows[k].call, call);
	return found;
}

static void each_call_of_the_map_has_a_row(void **state)
{
	(void)state;
	bad_expect_map(map_path, rows_of,
		       bad_cpusource.count + bad_kvm.count + bad_kvm_msi.count + bad_pages.count +
			       bad_runtime.count);
}

#define TABLE(name, rows)                                                               \
	{                                                                               \
		(name), run_table, NULL, NULL, (void *)(uintptr_t)(const void *)&(rows) \
	}

/* Unlocking what is not locked is the point of a row: the call answers -EPERM. */
__attribute__((visibility("default"))) const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
	return "report_mutex_bugs=0";
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_call_of_the_map_has_a_row),
		TABLE("cpusource", bad_cpusource),
		TABLE("kvm", bad_kvm),
		TABLE("kvm_msi", bad_kvm_msi),
		TABLE("pages", bad_pages),
		TABLE("runtime", bad_runtime),
	};

	if (argc != 2) {
		fprintf(stderr, "usage: %s lib/vdevmgmt-linux.map\n", argv[0]);
		return 2;
	}
	map_path = argv[1];
	return cmocka_run_group_tests_name("bad_input_linux", tests, NULL, NULL);
}
