/* SPDX-License-Identifier: BSD-3-Clause */
/* Misuse of the KVM backend's MSI delivery. */
#include "bad_input_linux.h"

static const struct vdev_kvm_msi good_msi = {.struct_size = sizeof(good_msi),
					     .flags = VDEV_KVM_MSI_ROUTED,
					     .address = 0xfee00000,
					     .data = 0x41,
					     .gsi = 30,
					     .fd = -1};

static void set_msi(struct bad_linux *b)
{
#define CALL vdev_kvm_set_msi(b->kvm, 9, 0, in)
	EINVAL_OF(vdev_kvm_set_msi(NULL, 9, 0, &good_msi));
	EINVAL_OF(vdev_kvm_set_msi(b->kvm, 0, 0, &good_msi));
	EINVAL_OF(vdev_kvm_set_msi(b->kvm, 9, VDEV_KVM_MAX_VECTORS, &good_msi));
	EINVAL_OF(vdev_kvm_set_msi(b->kvm, 9, UINT32_MAX, &good_msi));
	EINVAL_OF(vdev_kvm_set_msi(b->kvm, 9, 0, NULL));
	EACH_SIZE(struct vdev_kvm_msi, good_msi, CALL, 0);
	FIELD(struct vdev_kvm_msi, good_msi, flags, UINT32_MAX, CALL);
	FIELD(struct vdev_kvm_msi, good_msi, flags, VDEV_KVM_MSI_MASKED, CALL);
	FIELD(struct vdev_kvm_msi, good_msi, flags, VDEV_KVM_MSI_ROUTED | VDEV_KVM_MSI_SIGNAL,
	      CALL);
	FIELD(struct vdev_kvm_msi, good_msi, flags, VDEV_KVM_MSI_ROUTED | VDEV_KVM_MSI_PENDING,
	      CALL);
	FIELD(struct vdev_kvm_msi, good_msi, gsi, VDEV_KVM_MAX_GSIS, CALL);
	FIELD(struct vdev_kvm_msi, good_msi, gsi, VDEV_KVM_NO_GSI, CALL);
	FIELD(struct vdev_kvm_msi, good_msi, fd, -2, CALL);
	FIELD(struct vdev_kvm_msi, good_msi, devid, 1, CALL);
#undef CALL
}

static void set_msi_and_forget(struct bad_linux *b)
{
	const struct vdev_kvm_msi none = {.struct_size = sizeof(none)};

	assert_int_equal(vdev_kvm_set_msi(b->kvm, 9, 0, &good_msi), -EBUSY); /* no table yet */
	assert_int_equal(vdev_kvm_gated(b->kvm, 9), 1);
	assert_int_equal(vdev_kvm_set_routes(b->kvm, NULL, 0), 0);
	assert_int_equal(vdev_kvm_set_msi(b->kvm, 9, 0, &none), 0); /* it had none */
	assert_int_equal(vdev_kvm_gated(b->kvm, 9), 1);
	assert_int_equal(vdev_kvm_set_msi(b->kvm, 9, 0, &good_msi), 0);
	assert_int_equal(vdev_kvm_set_msi(b->kvm, 9, 1, &good_msi), -EEXIST);
}

static void set_msis(struct bad_linux *b)
{
	struct vdev_kvm_msi two[2] = {good_msi, good_msi};

	EINVAL_OF(vdev_kvm_set_msis(NULL, 9, 0, two, 2));
	EINVAL_OF(vdev_kvm_set_msis(b->kvm, 0, 0, two, 2));
	EINVAL_OF(vdev_kvm_set_msis(b->kvm, 9, 0, NULL, 2));
	EINVAL_OF(vdev_kvm_set_msis(b->kvm, 9, 0, two, 0));
	EINVAL_OF(vdev_kvm_set_msis(b->kvm, 9, 0, two, UINT32_MAX));
	EINVAL_OF(vdev_kvm_set_msis(b->kvm, 9, VDEV_KVM_MAX_VECTORS - 1, two, 2));
	two[1].struct_size += 8;
	EINVAL_OF(vdev_kvm_set_msis(b->kvm, 9, 0, two, 2));
	two[1] = good_msi;
	two[1].flags = UINT32_MAX;
	EINVAL_OF(vdev_kvm_set_msis(b->kvm, 9, 0, two, 2));
}

static void mask_msi(struct bad_linux *b)
{
	EINVAL_OF(vdev_kvm_mask_msi(NULL, BAD_DEVICE, 0, 1));
	EINVAL_OF(vdev_kvm_mask_msi(b->kvm, BAD_DEVICE, VDEV_KVM_MAX_VECTORS, 1));
	EINVAL_OF(vdev_kvm_mask_msi(b->kvm, BAD_DEVICE, 0, 2));
	assert_int_equal(vdev_kvm_mask_msi(b->kvm, BAD_DEVICE, 0, 1), -ENOENT);
	assert_int_equal(vdev_kvm_mask_msi(b->kvm, 0, 0, 1), -ENOENT);
	assert_int_equal(vdev_kvm_mask_msi(b->kvm, UINT64_MAX, 0, 1), -ENOENT);
}

static void get_msi(struct bad_linux *b)
{
	struct vdev_kvm_msi m;

	EINVAL_OF(vdev_kvm_get_msi(NULL, BAD_DEVICE, 0, &m, sizeof(m)));
	EINVAL_OF(vdev_kvm_get_msi(b->kvm, BAD_DEVICE, VDEV_KVM_MAX_VECTORS, &m, sizeof(m)));
	EINVAL_OF(vdev_kvm_get_msi(b->kvm, BAD_DEVICE, 0, NULL, sizeof(m)));
	EINVAL_OF(vdev_kvm_get_msi(b->kvm, BAD_DEVICE, 0, &m, 0));
	assert_int_equal(vdev_kvm_get_msi(b->kvm, BAD_DEVICE, 0, &m, sizeof(m)), -ENOENT);
	assert_int_equal(vdev_kvm_get_msi(b->kvm, 0, 0, &m, sizeof(m)), -ENOENT);
}

static void set_routes(struct bad_linux *b)
{
	const struct vdev_kvm_route good = {.gsi = 4, .type = VDEV_KVM_ROUTE_IRQCHIP, .pin = 4};
	struct vdev_kvm_route r = good;

	EINVAL_OF(vdev_kvm_set_routes(NULL, &r, 1));
	EINVAL_OF(vdev_kvm_set_routes(b->kvm, NULL, 1));
	EINVAL_OF(vdev_kvm_set_routes(b->kvm, &r, VDEV_KVM_MAX_GSIS + 1));
#define ROUTE(field, value)                                    \
	do {                                                   \
		r = good;                                      \
		r.field = (value);                             \
		EINVAL_OF(vdev_kvm_set_routes(b->kvm, &r, 1)); \
	} while (0)
	ROUTE(gsi, VDEV_KVM_MAX_GSIS);
	ROUTE(type, 0);
	ROUTE(type, 3);
	ROUTE(type, VDEV_KVM_ROUTE_MSI); /* but it has a pin */
	ROUTE(address, 1);
	ROUTE(data, 1);
	ROUTE(devid, 1);
	ROUTE(flags, VDEV_KVM_MSI_DEVID);
	ROUTE(flags, UINT32_MAX);
	ROUTE(reserved, 1);
#undef ROUTE
}

static void signal_(struct bad_linux *b)
{
	EINVAL_OF(vdev_kvm_signal(NULL, BAD_DEVICE, 0));
	EINVAL_OF(vdev_kvm_signal(b->kvm, BAD_DEVICE, VDEV_KVM_MAX_VECTORS));
	assert_int_equal(vdev_kvm_signal(b->kvm, BAD_DEVICE, 0), -ENOENT);
	assert_int_equal(vdev_kvm_signal(b->kvm, 0, 0), VDEV_KVM_GATED);
	assert_int_equal(vdev_kvm_signal(b->kvm, UINT64_MAX, 0), VDEV_KVM_GATED);
}

static void signal_aimed(struct bad_linux *b)
{
	struct vdev_msi m = {.address = 0xfee00000, .data = 0x41}, bad = {.reserved = 1};

	EINVAL_OF(vdev_kvm_signal_aimed(NULL, BAD_DEVICE, 0, &m, &m));
	EINVAL_OF(vdev_kvm_signal_aimed(b->kvm, BAD_DEVICE, UINT32_MAX, &m, &m));
	EINVAL_OF(vdev_kvm_signal_aimed(b->kvm, BAD_DEVICE, 0, NULL, &m));
	EINVAL_OF(vdev_kvm_signal_aimed(b->kvm, BAD_DEVICE, 0, &m, NULL));
	EINVAL_OF(vdev_kvm_signal_aimed(b->kvm, BAD_DEVICE, 0, &bad, &m));
	EINVAL_OF(vdev_kvm_signal_aimed(b->kvm, BAD_DEVICE, 0, &m, &bad));
	assert_int_equal(vdev_kvm_signal_aimed(b->kvm, BAD_DEVICE, 0, &m, &m), -ENOENT);
	assert_int_equal(vdev_kvm_signal_aimed(b->kvm, 0, 0, &m, &m), VDEV_KVM_GATED);
}

static const struct bad_linux_row rows[] = {
	{"vdev_kvm_set_msi", set_msi, set_msi_and_forget},
	{"vdev_kvm_set_msis", set_msis, NULL},
	{"vdev_kvm_mask_msi", mask_msi, NULL},
	{"vdev_kvm_get_msi", get_msi, NULL},
	{"vdev_kvm_set_routes", set_routes, NULL},
	{"vdev_kvm_signal", signal_, NULL},
	{"vdev_kvm_signal_aimed", signal_aimed, NULL},
};

const struct bad_linux_table bad_kvm_msi = {rows, VT_COUNT(rows)};
