/* SPDX-License-Identifier: BSD-3-Clause */
/* Misuse of the KVM backend. */
#include "bad_input_linux.h"

#include <vdev/removal.h>

static const struct vdev_kvm_config good_config = {.struct_size = sizeof(good_config),
						   .max_devices = 1};
static const struct vdev_kvm_irqfd good_irqfd = {.struct_size = sizeof(good_irqfd),
						 .resample_fd = -1};
static const struct vdev_kvm_ioeventfd good_ioeventfd = {.struct_size = sizeof(good_ioeventfd),
							 .length = 4};
static const struct vdev_kvm_memslot good_memslot = {
	.struct_size = sizeof(good_memslot), .size_bytes = 65536, .host_address = 65536};
static const struct vdev_kvm_dma good_dma = {.struct_size = sizeof(good_dma),
					     .container_fd = 3,
					     .group_fd = 4,
					     .kvm_vfio_fd = -1,
					     .iova = 4096,
					     .size_bytes = 4096};

static int make(const struct vdev_env *env, const struct vdev_kvm_config *config)
{
	struct vdev_kvm *made = NULL;
	int ret = vdev_kvm_new(&made, env, config);

	assert_true(ret ? made == NULL : made != NULL);
	vdev_kvm_free(made);
	return ret;
}

static void new (struct bad_linux *b)
{
	EINVAL_OF(vdev_kvm_new(NULL, NULL, &good_config));
	EINVAL_OF(make(NULL, NULL));
	EACH_SIZE(struct vdev_kvm_config, good_config, make(NULL, in), 1);
	EACH_SIZE(struct vdev_env, b->v.env, make(in, &good_config), 1);
	FIELD(struct vdev_kvm_config, good_config, vm_fd, -1, make(NULL, in));
	FIELD(struct vdev_kvm_config, good_config, vm_fd, INT32_MIN, make(NULL, in));
	FIELD(struct vdev_kvm_config, good_config, max_devices, 0, make(NULL, in));
	FIELD(struct vdev_kvm_config, good_config, max_devices, (1u << 20) + 1, make(NULL, in));
	FIELD(struct vdev_kvm_config, good_config, max_devices, UINT32_MAX, make(NULL, in));
	FIELD(struct vdev_kvm_config, good_config, kick_signal, -1, make(NULL, in));
	FIELD(struct vdev_kvm_config, good_config, kick_signal, INT32_MAX, make(NULL, in));
}

static void free_(struct bad_linux *b)
{
	(void)b;
	vdev_kvm_free(NULL);
}

static void add_irqfd(struct bad_linux *b)
{
#define CALL vdev_kvm_add_irqfd(b->kvm, 9, in)
	EINVAL_OF(vdev_kvm_add_irqfd(NULL, 9, &good_irqfd));
	EINVAL_OF(vdev_kvm_add_irqfd(b->kvm, 9, NULL));
	EINVAL_OF(vdev_kvm_add_irqfd(b->kvm, 0, &good_irqfd));
	EACH_SIZE(struct vdev_kvm_irqfd, good_irqfd, CALL, 0);
	FIELD(struct vdev_kvm_irqfd, good_irqfd, flags, UINT32_MAX, CALL);
	FIELD(struct vdev_kvm_irqfd, good_irqfd, flags, VDEV_KVM_PIO, CALL);
	FIELD(struct vdev_kvm_irqfd, good_irqfd, fd, -1, CALL);
	FIELD(struct vdev_kvm_irqfd, good_irqfd, resample_fd, -2, CALL);
	FIELD(struct vdev_kvm_irqfd, good_irqfd, reserved, 1, CALL);
}

static void add_irqfd_newer(struct bad_linux *b)
{
	EACH_SIZE(struct vdev_kvm_irqfd, good_irqfd, CALL, 1);
	assert_int_equal(vdev_kvm_add_irqfd(b->kvm, UINT64_MAX, &good_irqfd), -ENOSPC);
#undef CALL
}

static void add_ioeventfd(struct bad_linux *b)
{
#define CALL vdev_kvm_add_ioeventfd(b->kvm, 9, in)
	EINVAL_OF(vdev_kvm_add_ioeventfd(NULL, 9, &good_ioeventfd));
	EINVAL_OF(vdev_kvm_add_ioeventfd(b->kvm, 9, NULL));
	EINVAL_OF(vdev_kvm_add_ioeventfd(b->kvm, 0, &good_ioeventfd));
	EACH_SIZE(struct vdev_kvm_ioeventfd, good_ioeventfd, CALL, 0);
	FIELD(struct vdev_kvm_ioeventfd, good_ioeventfd, flags, UINT32_MAX, CALL);
	FIELD(struct vdev_kvm_ioeventfd, good_ioeventfd, flags, VDEV_KVM_READONLY, CALL);
	FIELD(struct vdev_kvm_ioeventfd, good_ioeventfd, length, 3, CALL);
	FIELD(struct vdev_kvm_ioeventfd, good_ioeventfd, length, 16, CALL);
	FIELD(struct vdev_kvm_ioeventfd, good_ioeventfd, length, UINT32_MAX, CALL);
	FIELD(struct vdev_kvm_ioeventfd, good_ioeventfd, address, UINT64_MAX - 2, CALL); /* wraps */
	FIELD(struct vdev_kvm_ioeventfd, good_ioeventfd, fd, -1, CALL);
	FIELD(struct vdev_kvm_ioeventfd, good_ioeventfd, reserved, 1, CALL);
#undef CALL
}

static void add_memslot(struct bad_linux *b)
{
#define CALL vdev_kvm_add_memslot(b->kvm, 9, in)
	EINVAL_OF(vdev_kvm_add_memslot(NULL, 9, &good_memslot));
	EINVAL_OF(vdev_kvm_add_memslot(b->kvm, 9, NULL));
	EINVAL_OF(vdev_kvm_add_memslot(b->kvm, 0, &good_memslot));
	EACH_SIZE(struct vdev_kvm_memslot, good_memslot, CALL, 0);
	FIELD(struct vdev_kvm_memslot, good_memslot, flags, UINT32_MAX, CALL);
	FIELD(struct vdev_kvm_memslot, good_memslot, flags, VDEV_KVM_DATAMATCH, CALL);
	FIELD(struct vdev_kvm_memslot, good_memslot, size_bytes, 0, CALL);
	FIELD(struct vdev_kvm_memslot, good_memslot, size_bytes, 1, CALL);
	FIELD(struct vdev_kvm_memslot, good_memslot, size_bytes, ~UINT64_C(0xffff), CALL);
	FIELD(struct vdev_kvm_memslot, good_memslot, guest_address, 1, CALL);
	FIELD(struct vdev_kvm_memslot, good_memslot, guest_address, ~UINT64_C(0xffff), CALL);
	FIELD(struct vdev_kvm_memslot, good_memslot, host_address, 1, CALL);
	FIELD(struct vdev_kvm_memslot, good_memslot, host_address, ~UINT64_C(0xffff), CALL);
	FIELD(struct vdev_kvm_memslot, good_memslot, reserved, 1, CALL);
#undef CALL
}

static void add_dma(struct bad_linux *b)
{
#define CALL vdev_kvm_add_dma(b->kvm, 9, in)
	EINVAL_OF(vdev_kvm_add_dma(NULL, 9, &good_dma));
	EINVAL_OF(vdev_kvm_add_dma(b->kvm, 9, NULL));
	EINVAL_OF(vdev_kvm_add_dma(b->kvm, 0, &good_dma));
	EACH_SIZE(struct vdev_kvm_dma, good_dma, CALL, 0);
	FIELD(struct vdev_kvm_dma, good_dma, container_fd, -2, CALL);
	FIELD(struct vdev_kvm_dma, good_dma, container_fd, -1, CALL); /* but it has a size */
	FIELD(struct vdev_kvm_dma, good_dma, group_fd, -2, CALL);
	FIELD(struct vdev_kvm_dma, good_dma, kvm_vfio_fd, -2, CALL);
	FIELD(struct vdev_kvm_dma, good_dma, size_bytes, 0, CALL);
	FIELD(struct vdev_kvm_dma, good_dma, size_bytes, UINT64_MAX, CALL); /* wraps */
	FIELD(struct vdev_kvm_dma, good_dma, iova, UINT64_MAX, CALL);
#undef CALL
}

static void rename_(struct bad_linux *b)
{
	EINVAL_OF(vdev_kvm_rename(NULL, BAD_DEVICE, 9));
	EINVAL_OF(vdev_kvm_rename(b->kvm, 0, 9));
	EINVAL_OF(vdev_kvm_rename(b->kvm, BAD_DEVICE, 0));
	assert_int_equal(vdev_kvm_rename(b->kvm, 9, 10), -ENOENT);
	assert_int_equal(vdev_kvm_rename(b->kvm, UINT64_MAX, 10), -ENOENT);
	assert_int_equal(vdev_kvm_rename(b->kvm, BAD_DEVICE, BAD_DEVICE), -EEXIST);
}

static void rename_twice(struct bad_linux *b)
{
	assert_int_equal(vdev_kvm_rename(b->kvm, BAD_DEVICE, 9), 0);
	assert_int_equal(vdev_kvm_rename(b->kvm, BAD_DEVICE, 9), -ENOENT);
	assert_int_equal(vdev_kvm_gated(b->kvm, BAD_DEVICE), 1);
	assert_int_equal(vdev_kvm_gated(b->kvm, 9), 0);
}

static void gated(struct bad_linux *b)
{
	EINVAL_OF(vdev_kvm_gated(NULL, BAD_DEVICE));
	assert_int_equal(vdev_kvm_gated(b->kvm, 0), 1); /* not known: drop the kick */
	assert_int_equal(vdev_kvm_gated(b->kvm, UINT64_MAX), 1);
}

static void set_vcpu(struct bad_linux *b)
{
	int run;

	EINVAL_OF(vdev_kvm_set_vcpu(NULL, 0, 1, &run));
	EINVAL_OF(vdev_kvm_set_vcpu(b->kvm, 4096, 1, &run));
	EINVAL_OF(vdev_kvm_set_vcpu(b->kvm, UINT32_MAX, 1, &run));
	EINVAL_OF(vdev_kvm_set_vcpu(b->kvm, 0, -1, &run));
	EINVAL_OF(vdev_kvm_set_vcpu(b->kvm, 0, 1, NULL));
}

static void kick(struct bad_linux *b)
{
	EINVAL_OF(vdev_kvm_kick(NULL, 0));
	assert_int_equal(vdev_kvm_kick(b->kvm, 0), -ENOENT);
	assert_int_equal(vdev_kvm_kick(b->kvm, 4096), -ENOENT);
	assert_int_equal(vdev_kvm_kick(b->kvm, UINT32_MAX - 1), -ENOENT);
	assert_int_equal(vdev_kvm_kick(b->kvm, UINT32_MAX), 0); /* all of none */
}

static void kick_nobody(struct bad_linux *b)
{
	int run;

	assert_int_equal(vdev_kvm_set_vcpu(b->kvm, 4095, 0, &run), 0); /* gone */
	assert_int_equal(vdev_kvm_set_vcpu(b->kvm, 4095, 0, NULL), 0);
	assert_int_equal(vdev_kvm_kick(b->kvm, 4095), -ENOENT);
}

static void perform(struct bad_linux *b)
{
	struct vdev_action a = {.id = 1, .dev = UINT64_MAX, .kind = VDEV_REMOVAL_WARN};

	EINVAL_OF(vdev_kvm_perform(NULL, &a));
	EINVAL_OF(vdev_kvm_perform(b->kvm, NULL));
	assert_int_equal(vdev_kvm_perform(b->kvm, &a), -EOPNOTSUPP);
	a.kind = UINT32_MAX;
	assert_int_equal(vdev_kvm_perform(b->kvm, &a), -EOPNOTSUPP);
	a.kind = 0;
	assert_int_equal(vdev_kvm_perform(b->kvm, &a), -EOPNOTSUPP);
	for (a.kind = VDEV_REMOVAL_HIDE; a.kind <= VDEV_REMOVAL_RELEASE; a.kind++)
		assert_true(vdev_kvm_perform(b->kvm, &a) <= 0); /* a device that has nothing */
}

static void perform_twice(struct bad_linux *b)
{
	const struct vdev_action a = {.id = 1, .dev = BAD_DEVICE, .kind = VDEV_REMOVAL_TEARDOWN};

	assert_int_equal(vdev_kvm_perform(b->kvm, &a), 0);
	assert_int_equal(b->ioctls, 1);
	assert_int_equal(vdev_kvm_perform(b->kvm, &a), 0);
	assert_int_equal(b->ioctls, 1);
}

static void error(struct bad_linux *b)
{
	char text[8] = "before";

	EINVAL_OF(vdev_kvm_error(NULL, text, sizeof(text)));
	EINVAL_OF(vdev_kvm_error(b->kvm, NULL, sizeof(text)));
	EINVAL_OF(vdev_kvm_error(b->kvm, text, 0));
	assert_string_equal(text, "before");
	assert_int_equal(vdev_kvm_error(b->kvm, text, 1), 0); /* nothing failed so far */
	assert_string_equal(text, "");
}

static void stats(struct bad_linux *b)
{
	struct vdev_kvm_stats s;

	EINVAL_OF(vdev_kvm_stats(NULL, &s, sizeof(s)));
	EINVAL_OF(vdev_kvm_stats(b->kvm, NULL, sizeof(s)));
	EINVAL_OF(vdev_kvm_stats(b->kvm, &s, 0));
}

static void ops(struct bad_linux *b)
{
	const struct vdev_backend_ops *o = vdev_kvm_ops();
	const struct vdev_action a = {.kind = VDEV_REMOVAL_HIDE};

	assert_int_equal(o->struct_size, sizeof(*o));
	EINVAL_OF(o->perform(NULL, &a));
	EINVAL_OF(o->perform(b->kvm, NULL));
}

static const struct bad_linux_row rows[] = {
	{"vdev_kvm_new", new, NULL},
	{"vdev_kvm_free", free_, NULL},
	{"vdev_kvm_add_irqfd", add_irqfd, add_irqfd_newer},
	{"vdev_kvm_add_ioeventfd", add_ioeventfd, NULL},
	{"vdev_kvm_add_memslot", add_memslot, NULL},
	{"vdev_kvm_add_dma", add_dma, NULL},
	{"vdev_kvm_rename", rename_, rename_twice},
	{"vdev_kvm_gated", gated, NULL},
	{"vdev_kvm_set_vcpu", set_vcpu, NULL},
	{"vdev_kvm_kick", kick, kick_nobody},
	{"vdev_kvm_perform", perform, perform_twice},
	{"vdev_kvm_error", error, NULL},
	{"vdev_kvm_stats", stats, NULL},
	{"vdev_kvm_ops", ops, NULL},
};

const struct bad_linux_table bad_kvm = {rows, VT_COUNT(rows)};
