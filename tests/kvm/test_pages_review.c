/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who touches a page that is being replaced with zeroes goes on, also when the kernel could not fill it
 * in at once and the touch comes before the batch is over.
 */
#include "test_pages_rig.h"

#include <pthread.h>
#include <time.h>

#define SIZE (4 * PAGE)

struct toucher {
	pthread_t thread;
	volatile uint8_t *at;
	atomic_int over;
	int started;
};
static struct toucher toucher;

static void *touch(void *context)
{
	struct toucher *t = context;

	*t->at = 1;
	atomic_store(&t->over, 1);
	return NULL;
}

/* After who waited was told to try again somebody touches the page for the first time. */
static int touched_after_wake(void *user, int fd, unsigned long request, void *argument)
{
	int ret = rig_ioctl(user, fd, request, argument);

	if (request == UFFDIO_WAKE && !toucher.started) {
		toucher.started = 1;
		assert_int_equal(pthread_create(&toucher.thread, NULL, touch, &toucher), 0);
		usleep(50000); /* the fault is read meanwhile */
	}
	return ret;
}

static void make(struct rig *r, uint32_t kind, int error)
{
	struct vdev_pages_config config = {.struct_size = sizeof(config),
					   .flags = VDEV_PAGES_UNTESTED,
					   .mechanism = VDEV_PAGES_UFFD,
					   .max_regions = 1,
					   .kvm_fd = -1,
					   .ioctl = touched_after_wake,
					   .user = r};

	toucher.started = 1;
	assert_int_equal(vdev_pages_new(&r->p, &r->v.env, &config), 0);
	assert_int_equal(rig_memory(r, kind, SIZE), 0);
	rig_add(r, kind, 0);
	r->fail_request = UFFDIO_ZEROPAGE;
	r->fail_with = error;
	r->fail_times = 1;
}

static void reset_and_touch(struct rig *r)
{
	memset(r->mem, 0x11, SIZE);
	toucher = (struct toucher){.at = r->mem};
	assert_int_equal(rig_offline(r, 0, SIZE, RESET), 0);
	assert_true(toucher.started);
	for (int i = 0; i < 2000 && !toucher.over; i++)
		usleep(1000);
	assert_true(toucher.over);
	pthread_join(toucher.thread, NULL);
	assert_int_equal(r->mem[0], 1);
	assert_int_equal(count_other(r->mem + 1, SIZE - 1, 0), 0);
}

static void touched_while_it_could_not_be_filled(void **state)
{
	make(*state, VDEV_PAGES_ANON, -EFAULT);
	reset_and_touch(*state);
}

/* Its file keeps its pages: empty ones are moved in, now and from now on. */
static void touched_when_empty_pages_moved_in(void **state)
{
	make(*state, VDEV_PAGES_MEMFD, -EEXIST);
	reset_and_touch(*state);
	assert_int_equal(rig_info(*state).mechanism, VDEV_PAGES_REMAP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(touched_while_it_could_not_be_filled, rig_setup,
						rig_teardown),
		cmocka_unit_test_setup_teardown(touched_when_empty_pages_moved_in, rig_setup,
						rig_teardown),
	};

	if (rig_uffd_missing())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
