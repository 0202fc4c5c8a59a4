/* SPDX-License-Identifier: BSD-3-Clause */
/* Page replacement when memory runs out: making, testing and adding can fail, replacing needs none. */
#include "vt_test.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <vdev/pages.h>
#include <vdev/zerocopy.h>

#define SIZE 65536u

static int with_region(struct vt_env *v, struct vdev_pages *p, uint8_t *mem)
{
	struct vdev_pages_region region = {.struct_size = sizeof(region),
					   .kind = VDEV_PAGES_ANON,
					   .fd = -1,
					   .size_bytes = SIZE,
					   .host_address = (uint64_t)(uintptr_t)mem};
	struct vdev_pages_range range = {.size_bytes = SIZE, .mode = VDEV_ZEROCOPY_RESET};
	int err = vdev_pages_add(p, &region);
	uint64_t failed = v->failed; /* the self-test may have seen some: "not tested" */

	if (err)
		return err;
	memset(mem, 1, SIZE);
	/* From here on memory plays no part. */
	vt_env_fail_next(v, UINT64_MAX);
	assert_int_equal(vdev_pages_offline(p, &range, 1, NULL), 1);
	assert_int_equal(mem[SIZE - 1], 0);
	assert_int_equal(vdev_pages_remove(p, 0), 0);
	assert_int_equal(v->failed, failed);
	vt_env_fail_next(v, 0);
	return 0;
}

static int scenario(struct vt_env *v, void *arg)
{
	struct vdev_pages_config config = {.struct_size = sizeof(config),
					   .mechanism = *(uint32_t *)arg,
					   .max_regions = 2,
					   .kvm_fd = -1};
	struct vdev_pages *p = NULL;
	uint8_t *mem;
	int err = vdev_pages_new(&p, &v->env, &config);

	assert_true(err ? p == NULL : p != NULL);
	if (err)
		return err;
	mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(mem != MAP_FAILED);
	err = with_region(v, p, mem);
	vdev_pages_free(p);
	munmap(mem, SIZE);
	return err;
}

/* The object and its regions, the same for the self-test, its regions' maps, and that of one's own. */
static void every_allocation_fails(void **state)
{
	uint32_t mechanism = VDEV_PAGES_REMAP;

	(void)state;
	assert_true(vt_oom(scenario, &mechanism) >= 7);
	mechanism = VDEV_PAGES_AUTO;
	assert_true(vt_oom(scenario, &mechanism) >= 7);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_allocation_fails),
	};

	return cmocka_run_group_tests_name("pages_oom", tests, NULL, NULL);
}
