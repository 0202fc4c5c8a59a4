/* SPDX-License-Identifier: BSD-3-Clause */
/* Misuse of the runtime. */
#include "bad_input_linux.h"

static const struct vdev_runtime_config good_config = {
	.struct_size = sizeof(good_config), .max_backends = 1, .max_later = 1};

static int make(const struct vdev_env *env, const struct vdev_runtime_config *config)
{
	struct vdev_runtime *made = NULL;
	int ret = vdev_runtime_new(&made, env, config);

	assert_true(ret ? made == NULL : made != NULL);
	vdev_runtime_free(made);
	return ret;
}

#define CONFIG(field, value)                                \
	do {                                                \
		struct vdev_runtime_config c = good_config; \
                                                            \
		c.field = (value);                          \
		EINVAL_OF(make(NULL, &c));                  \
	} while (0)

static void new (struct bad_linux *b)
{
	EINVAL_OF(vdev_runtime_new(NULL, NULL, &good_config));
	EINVAL_OF(make(NULL, NULL));
	EACH_SIZE(struct vdev_runtime_config, good_config, make(NULL, in), 1);
	EACH_SIZE(struct vdev_env, b->v.env, make(in, &good_config), 1);
	CONFIG(flags, UINT32_MAX);
	CONFIG(flags, 2);
	CONFIG(max_backends, 0);
	CONFIG(max_backends, 17);
	CONFIG(max_backends, UINT32_MAX);
	CONFIG(max_later, 0);
	CONFIG(max_later, (1u << 20) + 1);
	CONFIG(max_later, UINT32_MAX);
}

static void free_(struct bad_linux *b)
{
	(void)b;
	vdev_runtime_free(NULL);
}

static void fd(struct bad_linux *b)
{
	EINVAL_OF(vdev_runtime_fd(NULL));
	assert_true(vdev_runtime_fd(b->rt) >= 0);
}

static void now(struct bad_linux *b)
{
	(void)b;
	assert_int_equal(vdev_runtime_now(NULL), 0);
}

static void add_backend(struct bad_linux *b)
{
	struct vdev_backend_ops o = *vdev_kvm_ops();

	EINVAL_OF(vdev_runtime_add_backend(NULL, &o, b->kvm));
	EINVAL_OF(vdev_runtime_add_backend(b->rt, NULL, b->kvm));
	EACH_SIZE(struct vdev_backend_ops, o, vdev_runtime_add_backend(b->rt, in, NULL), 0);
	o.name = NULL;
	EINVAL_OF(vdev_runtime_add_backend(b->rt, &o, b->kvm));
	o = *vdev_kvm_ops();
	o.perform = NULL;
	EINVAL_OF(vdev_runtime_add_backend(b->rt, &o, b->kvm));
	o = *vdev_kvm_ops();
	o.reserved = 1;
	EINVAL_OF(vdev_runtime_add_backend(b->rt, &o, b->kvm));
}

static void add_backend_twice(struct bad_linux *b)
{
	assert_int_equal(vdev_runtime_add_backend(b->rt, vdev_kvm_ops(), b->kvm), 0);
	assert_int_equal(vdev_runtime_add_backend(b->rt, vdev_kvm_ops(), b->kvm), -ENOSPC);
}

static void set_removal(struct bad_linux *b)
{
	EINVAL_OF(vdev_runtime_set_removal(NULL, b->removal));
}

static void set_removal_twice(struct bad_linux *b)
{
	assert_int_equal(vdev_runtime_set_removal(b->rt, NULL), 0); /* there is none */
	assert_int_equal(vdev_runtime_set_removal(b->rt, b->removal), 0);
	assert_int_equal(vdev_runtime_set_removal(b->rt, b->removal), -EBUSY);
	assert_int_equal(vdev_runtime_set_removal(b->rt, NULL), 0);
	assert_int_equal(vdev_runtime_set_removal(b->rt, NULL), 0);
}

static void set_zerocopy(struct bad_linux *b)
{
	(void)b;
	EINVAL_OF(vdev_runtime_set_zerocopy(NULL, NULL));
}

static void set_zerocopy_twice(struct bad_linux *b)
{
	const struct vdev_zerocopy_config config = {
		.struct_size = sizeof(config), .max_queues = 1, .max_destinations = 1};
	struct vdev_zerocopy *z = NULL;

	assert_int_equal(vdev_zerocopy_new(&z, NULL, &config), 0);
	assert_int_equal(vdev_runtime_set_zerocopy(b->rt, NULL), 0); /* there is none */
	assert_int_equal(vdev_runtime_set_zerocopy(b->rt, z), 0);
	assert_int_equal(vdev_runtime_set_zerocopy(b->rt, z), -EBUSY);
	assert_int_equal(vdev_runtime_set_zerocopy(b->rt, NULL), 0);
	vdev_zerocopy_free(z);
}

static int hook(void *user, uint64_t dev, uint64_t user_data)
{
	(void)user;
	(void)dev;
	(void)user_data;
	return 0;
}

static void set_hook(struct bad_linux *b)
{
	EINVAL_OF(vdev_runtime_set_hook(NULL, 0, hook, NULL));
	EINVAL_OF(vdev_runtime_set_hook(b->rt, VDEV_RUNTIME_HOOKS, hook, NULL));
	EINVAL_OF(vdev_runtime_set_hook(b->rt, UINT32_MAX, hook, NULL));
}

static void set_hook_twice(struct bad_linux *b)
{
	assert_int_equal(vdev_runtime_set_hook(b->rt, 0, hook, b), 0);
	assert_int_equal(vdev_runtime_set_hook(b->rt, 0, hook, b), 0);
	assert_int_equal(vdev_runtime_set_hook(b->rt, 0, NULL, NULL), 0);
	assert_int_equal(vdev_runtime_set_hook(b->rt, 0, NULL, NULL), 0);
}

static void lock(struct bad_linux *b)
{
	(void)b;
	EINVAL_OF(vdev_runtime_lock(NULL));
}

static void unlock(struct bad_linux *b)
{
	EINVAL_OF(vdev_runtime_unlock(NULL));
	assert_int_equal(vdev_runtime_unlock(b->rt), -EPERM);
}

static void lock_twice(struct bad_linux *b)
{
	assert_int_equal(vdev_runtime_lock(b->rt), 0);
	assert_int_equal(vdev_runtime_lock(b->rt), -EDEADLK);
	assert_int_equal(vdev_runtime_dispatch(b->rt), -EDEADLK);
	assert_int_equal(vdev_runtime_unlock(b->rt), 0);
	assert_int_equal(vdev_runtime_unlock(b->rt), -EPERM);
}

static void dispatch(struct bad_linux *b)
{
	(void)b;
	EINVAL_OF(vdev_runtime_dispatch(NULL));
}

static void dispatch_of_nothing(struct bad_linux *b)
{
	assert_int_equal(vdev_runtime_dispatch(b->rt), 0);
	assert_int_equal(vdev_runtime_dispatch(b->rt), 0);
}

static void complete(struct bad_linux *b)
{
	EINVAL_OF(vdev_runtime_complete(NULL, 1, 0));
	EINVAL_OF(vdev_runtime_complete(b->rt, 1, 1));
	EINVAL_OF(vdev_runtime_complete(b->rt, 1, INT32_MAX));
	assert_int_equal(vdev_runtime_complete(b->rt, 0, 0), -ENOENT);
	assert_int_equal(vdev_runtime_complete(b->rt, 1, -EIO), -ENOENT);
	assert_int_equal(vdev_runtime_complete(b->rt, UINT64_MAX, INT32_MIN), -ENOENT);
}

static void wake(struct bad_linux *b)
{
	(void)b;
	EINVAL_OF(vdev_runtime_wake(NULL));
}

static void wake_often(struct bad_linux *b)
{
	for (int i = 0; i < 1000; i++)
		assert_int_equal(vdev_runtime_wake(b->rt), 0);
}

static void stats(struct bad_linux *b)
{
	struct vdev_runtime_stats s;

	EINVAL_OF(vdev_runtime_stats(NULL, &s, sizeof(s)));
	EINVAL_OF(vdev_runtime_stats(b->rt, NULL, sizeof(s)));
	EINVAL_OF(vdev_runtime_stats(b->rt, &s, 0));
}

static const struct bad_linux_row rows[] = {
	{"vdev_runtime_new", new, NULL},
	{"vdev_runtime_free", free_, NULL},
	{"vdev_runtime_fd", fd, NULL},
	{"vdev_runtime_now", now, NULL},
	{"vdev_runtime_add_backend", add_backend, add_backend_twice},
	{"vdev_runtime_set_removal", set_removal, set_removal_twice},
	{"vdev_runtime_set_zerocopy", set_zerocopy, set_zerocopy_twice},
	{"vdev_runtime_set_hook", set_hook, set_hook_twice},
	{"vdev_runtime_lock", lock, lock_twice},
	{"vdev_runtime_unlock", unlock, lock_twice},
	{"vdev_runtime_dispatch", dispatch, dispatch_of_nothing},
	{"vdev_runtime_complete", complete, NULL},
	{"vdev_runtime_wake", wake, wake_often},
	{"vdev_runtime_stats", stats, NULL},
};

const struct bad_linux_table bad_runtime = {rows, VT_COUNT(rows)};
