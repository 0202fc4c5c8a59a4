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

static void touched_while_it_could_not_be_filled(void **state)
{
	struct rig *r = *state;
	struct vdev_pages_config config = {.struct_size = sizeof(config),
					   .flags = VDEV_PAGES_UNTESTED,
					   .mechanism = VDEV_PAGES_UFFD,
					   .max_regions = 1,
					   .kvm_fd = -1,
					   .ioctl = touched_after_wake,
					   .user = r};

	assert_int_equal(vdev_pages_new(&r->p, &r->v.env, &config), 0);
	assert_int_equal(rig_memory(r, VDEV_PAGES_ANON, SIZE), 0);
	rig_add(r, VDEV_PAGES_ANON, 0);
	memset(r->mem, 0x11, SIZE);
	toucher = (struct toucher){.at = r->mem};
	r->fail_request = UFFDIO_ZEROPAGE;
	r->fail_with = -EFAULT;
	r->fail_times = 1;
	assert_int_equal(rig_offline(r, 0, SIZE, RESET), 0);
	assert_true(toucher.started);
	for (int i = 0; i < 2000 && !toucher.over; i++)
		usleep(1000);
	assert_true(toucher.over);
	pthread_join(toucher.thread, NULL);
	assert_int_equal(r->mem[0], 1);
	assert_int_equal(count_other(r->mem + 1, SIZE - 1, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(touched_while_it_could_not_be_filled, rig_setup,
						rig_teardown),
	};

	if (rig_uffd_missing())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
