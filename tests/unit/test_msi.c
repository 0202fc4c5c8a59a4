/* SPDX-License-Identifier: BSD-3-Clause */
/* MSI messages: whom they reach (H4), and the same interrupt for one vCPU of those (H10). */
#include "vt_test.h"

#include <errno.h>
#include <string.h>

#include <vdev/msi.h>

#define X2 VDEV_MSI_X2APIC
#define WIDE VDEV_MSI_WIDE
#define BASE UINT64_C(0xfee00000)
#define RH 0x8u
#define LOGICAL 0x4u
#define LOWEST 0x100u
#define CPUS 8u

/* xAPIC, flat: one bit each; APIC ids with a gap, the last vCPU is not there. */
static const struct vdev_msi_cpu flat[CPUS] = {
	{0, 0x01},  {1, 0x02},  {2, 0x04},    {3, 0x08},
	{16, 0x10}, {17, 0x20}, {0xfe, 0x40}, {VDEV_MSI_ABSENT, 0x80},
};
/* x2APIC: the logical id follows from the id; the last but one is only reached by wide messages. */
static const struct vdev_msi_cpu x2[CPUS] = {
	{0, 0x00001},  {1, 0x00002},  {2, 0x00004},          {15, 0x08000},
	{16, 0x10001}, {17, 0x10002}, {0x12345, 0x12340020}, {VDEV_MSI_ABSENT, 0x80},
};

static struct vdev_msi message(uint32_t destination, uint32_t bits, uint32_t data)
{
	return (struct vdev_msi){.address = BASE | (uint64_t)(destination & 0xff) << 12 |
					    (uint64_t)(destination >> 8) << 40 | bits,
				 .data = data};
}

/* The set as a byte, or the error. */
static int reach(const struct vdev_msi_cpu *cpus, uint32_t flags, struct vdev_msi m)
{
	uint64_t set[2] = {0xdead, 0xdead};
	int ret = vdev_msi_reach(&m, cpus, CPUS, flags, set, 2);

	if (ret < 0) {
		assert_int_equal(set[0], 0xdead);
		return ret;
	}
	assert_int_equal(set[1], 0);
	assert_int_equal(ret, __builtin_popcountll(set[0]));
	return (int)set[0];
}

static void physical(void **state)
{
	(void)state;
	assert_int_equal(reach(flat, 0, message(0, 0, 0x41)), 0x01);
	assert_int_equal(reach(flat, 0, message(17, 0, 0x41)), 0x20);
	assert_int_equal(reach(flat, 0, message(0xfe, 0, 0x41)), 0x40);
	assert_int_equal(reach(flat, 0, message(4, 0, 0x41)), 0); /* nobody has this id */
	assert_int_equal(reach(flat, 0, message(0xff, 0, 0x41)), 0x7f); /* all that are there */
	assert_int_equal(reach(flat, 0, message(3, RH, 0x41)), 0x08);
	assert_int_equal(reach(flat, 0, message(3, 0, 0x41 | LOWEST)), 0x08);
	assert_int_equal(reach(x2, X2, message(17, 0, 0x41)), 0x20);
	assert_int_equal(reach(x2, X2, message(0xff, 0, 0x41)), 0x7f);
}

static void logical_flat(void **state)
{
	(void)state;
	assert_int_equal(reach(flat, 0, message(0x05, LOGICAL, 0x41)), 0x05);
	assert_int_equal(reach(flat, 0, message(0x60, LOGICAL | RH, 0x41)), 0x60);
	assert_int_equal(reach(flat, 0, message(0x80, LOGICAL, 0x41)), 0); /* the absent one */
	assert_int_equal(reach(flat, 0, message(0, LOGICAL, 0x41)), 0);
	assert_int_equal(reach(flat, 0, message(0xff, LOGICAL, 0x41)), 0x7f);
	/* Only 8 bits of the LDR and of a wide destination are a logical id. */
	assert_int_equal(reach(flat, WIDE, message(0x101, LOGICAL, 0x41)), 0x01);
	assert_int_equal(reach(x2, 0, message(0x02, LOGICAL, 0x41)), 0x22);
}

static void logical_x2apic(void **state)
{
	(void)state;
	assert_int_equal(reach(x2, X2, message(0x05, LOGICAL, 0x41)), 0x05); /* cluster 0 */
	assert_int_equal(reach(x2, X2 | WIDE, message(0x10003, LOGICAL, 0x41)), 0x30);
	assert_int_equal(reach(x2, X2 | WIDE, message(0x8000, LOGICAL, 0x41)), 0x08);
	assert_int_equal(reach(x2, X2 | WIDE, message(0x12340020, LOGICAL, 0x41)), 0x40);
	assert_int_equal(reach(x2, X2 | WIDE, message(0x12340010, LOGICAL, 0x41)), 0);
	assert_int_equal(reach(x2, X2 | WIDE, message(0x12350020, LOGICAL, 0x41)), 0);
	/* A broadcast, or not: 8 bits of cluster 0. */
	assert_int_equal(reach(x2, X2, message(0xff, LOGICAL, 0x41)), 0x7f);
	assert_int_equal(reach(x2, X2 | WIDE, message(0xff, LOGICAL, 0x41)), 0x07);
}

static void wide(void **state)
{
	(void)state;
	assert_int_equal(reach(x2, X2 | WIDE, message(0x12345, 0, 0x41)), 0x40);
	assert_int_equal(reach(x2, X2 | WIDE, message(0x345, 0, 0x41)), 0);
	assert_int_equal(reach(x2, X2 | WIDE, message(0xff, 0, 0x41)), 0); /* an id */
	assert_int_equal(reach(x2, X2 | WIDE, message(0xffffffff, 0, 0x41)), 0x7f);
	assert_int_equal(reach(x2, X2, message(0x145, 0, 0x41)), -EINVAL);
	/* A guest that has not turned x2APIC on yet. */
	assert_int_equal(reach(flat, WIDE, message(0xff, 0, 0x41)), 0x7f);
	assert_int_equal(reach(flat, WIDE, message(0xffffffff, 0, 0x41)), 0);
	assert_int_equal(reach(flat, WIDE, message(2, 0, 0x41)), 0x04);
}

/* Each bit of the address: ignored, meant, or refused. */
static void address_bits(void **state)
{
	const uint64_t ignored = 3, meant = 0xff00c, high = UINT64_C(0xffffff) << 40;
	uint32_t bit;

	(void)state;
	for (bit = 0; bit < 64; bit++) {
		struct vdev_msi m = message(1, 0, 0x41);
		uint64_t one = UINT64_C(1) << bit;
		int narrow, with_wide;

		m.address ^= one;
		narrow = reach(flat, 0, m);
		with_wide = reach(flat, WIDE, m);
		if (one & ignored) {
			assert_int_equal(narrow, 0x02);
			assert_int_equal(with_wide, 0x02);
		} else {
			assert_int_equal(narrow >= 0, (one & meant) != 0);
			assert_int_equal(with_wide >= 0, (one & (meant | high)) != 0);
		}
		if (narrow < 0)
			assert_int_equal(narrow, -EINVAL);
	}
}

static void delivery_modes(void **state)
{
	static const int expected[8] = {0x02,        0x02,        -EOPNOTSUPP, -EINVAL,
					-EOPNOTSUPP, -EOPNOTSUPP, -EINVAL,     -EOPNOTSUPP};
	struct vdev_msi aimed;
	uint32_t mode;

	(void)state;
	for (mode = 0; mode < 8; mode++) {
		struct vdev_msi m = message(1, 0, 0x41 | mode << 8);

		assert_int_equal(reach(flat, 0, m), expected[mode]);
		assert_int_equal(vdev_msi_aim(&m, flat, CPUS, 0, 1, &aimed),
				 expected[mode] < 0 ? expected[mode] : 0);
		/* An address that is none is the greater fault. */
		m.address = 0x1000;
		assert_int_equal(reach(flat, 0, m), -EINVAL);
	}
}

static void vectors(void **state)
{
	uint32_t vector;

	(void)state;
	for (vector = 0; vector < 256; vector++)
		assert_int_equal(reach(flat, 0, message(1, 0, vector)),
				 vector < 16 ? -EINVAL : 0x02);
	/* The vector of an NMI means nothing. */
	assert_int_equal(reach(flat, 0, message(1, 0, 0x400)), -EOPNOTSUPP);
}

static struct vdev_msi aimed_at(const struct vdev_msi_cpu *cpus, uint32_t flags, struct vdev_msi m,
				uint32_t vcpu)
{
	struct vdev_msi ret = {.reserved = 77};

	assert_int_equal(vdev_msi_aim(&m, cpus, CPUS, flags, vcpu, &ret), 0);
	assert_int_equal(ret.reserved, 0);
	return ret;
}

static int refused(const struct vdev_msi_cpu *cpus, uint32_t flags, struct vdev_msi m,
		   uint32_t vcpu)
{
	struct vdev_msi ret = {.address = 5, .data = 6, .reserved = 7};
	int err = vdev_msi_aim(&m, cpus, CPUS, flags, vcpu, &ret);

	assert_true(err < 0);
	assert_true(ret.address == 5 && ret.data == 6 && ret.reserved == 7);
	return err;
}

static void aim_within_reach(void **state)
{
	struct vdev_msi m;

	(void)state;
	m = aimed_at(flat, 0, message(0x35, LOGICAL | RH, 0x41), 4);
	assert_true(m.address == (BASE | 16 << 12) && m.data == 0x41);
	m = aimed_at(flat, 0, message(0x35, LOGICAL, 0x41 | LOWEST), 5);
	assert_true(m.address == (BASE | 17 << 12) && m.data == 0x41);
	/* A broadcast for whoever is least busy. */
	m = aimed_at(flat, 0, message(0xff, RH, 0x41 | LOWEST), 6);
	assert_true(m.address == (BASE | 0xfe << 12) && m.data == 0x41);
	m = aimed_at(flat, 0, message(0xff, LOGICAL, 0x41 | LOWEST), 6);
	assert_true(m.address == (BASE | 0xfe << 12) && m.data == 0x41);
	m = aimed_at(x2, X2 | WIDE, message(0xffffffff, 0, 0x41 | LOWEST), 4);
	assert_true(m.address == (BASE | 16 << 12) && m.data == 0x41);
	/* Trigger and level stay, what is ignored does not, the vCPU is the same. */
	m = aimed_at(flat, 0, message(3, 3, 0xffffe8b2 | LOWEST), 3);
	assert_true(m.address == (BASE | 3 << 12) && m.data == 0xc0b2);
	/* One whom a fixed message reaches alone. */
	m = aimed_at(flat, 0, message(0x20, LOGICAL, 0x41), 5);
	assert_int_equal(m.address, BASE | 17 << 12);
	m = aimed_at(x2, X2 | WIDE, message(0x12340020, LOGICAL, 0x41), 6);
	assert_true(m.address == (BASE | 0x45 << 12 | UINT64_C(0x123) << 40) && m.data == 0x41);
}

/* H10: nobody gets an interrupt that the guest did not allow, and nobody loses one. */
static void aim_outside_reach(void **state)
{
	(void)state;
	assert_int_equal(refused(flat, 0, message(1, 0, 0x41), 0), -EPERM);
	assert_int_equal(refused(flat, 0, message(0x35, LOGICAL | RH, 0x41), 1), -EPERM);
	assert_int_equal(refused(flat, 0, message(4, 0, 0x41), 0), -EPERM); /* reaches nobody */
	assert_int_equal(refused(flat, 0, message(0xff, 0, 0x41 | LOWEST), 7), -EPERM); /* absent */
	/* Fixed goes to all of them. */
	assert_int_equal(refused(flat, 0, message(0x35, LOGICAL, 0x41), 0), -EPERM);
	assert_int_equal(refused(flat, 0, message(0x35, LOGICAL, 0x41), 5), -EPERM);
	assert_int_equal(refused(flat, 0, message(0xff, 0, 0x41), 0), -EPERM);
	/* KVM makes that a fixed one. */
	assert_int_equal(refused(flat, 0, message(0xff, 0, 0x41 | LOWEST), 0), -EPERM);
	assert_int_equal(refused(x2, X2, message(0xff, 0, 0x41 | LOWEST), 6), -EPERM);
}

/* An id that no physical destination names, or that names everybody. */
static void aim_at_a_high_id(void **state)
{
	struct vdev_msi_cpu cpus[CPUS];

	(void)state;
	memcpy(cpus, flat, sizeof(cpus));
	cpus[1] = (struct vdev_msi_cpu){0xff, 0x02};
	assert_int_equal(refused(cpus, 0, message(0x02, LOGICAL, 0x41), 1), -ERANGE);
	assert_int_equal(refused(cpus, WIDE, message(0x02, LOGICAL, 0x41), 1), -ERANGE);
	cpus[1].apic_id = 0x100;
	assert_int_equal(refused(cpus, X2, message(0x02, LOGICAL, 0x41), 1), -ERANGE);
	assert_int_equal(aimed_at(cpus, X2 | WIDE, message(0x02, LOGICAL, 0x41), 1).address,
			 BASE | UINT64_C(1) << 40);
	cpus[1].apic_id = 0xff;
	assert_int_equal(aimed_at(cpus, X2 | WIDE, message(0x02, LOGICAL, 0x41), 1).address,
			 BASE | 0xff << 12);
}

/* What was aimed reaches exactly the one, whatever the guest wrote. */
static void aimed_reaches_one(void **state)
{
	static const uint32_t flags[] = {0, X2, WIDE, X2 | WIDE};
	struct vt_rand r;
	uint32_t i, done = 0;

	(void)state;
	vt_rand_seed(&r, 6);
	for (i = 0; i < 200000; i++) {
		const struct vdev_msi_cpu *cpus = i & 4 ? x2 : flat;
		struct vdev_msi m =
			message((uint32_t)vt_rand(&r) & (i & 8 ? 0xff : 0x100ff),
				(uint32_t)vt_rand(&r) & 0xf, (uint32_t)vt_rand(&r) & 0xffff01ff);
		uint32_t vcpu = (uint32_t)(vt_rand(&r) % CPUS), f = flags[i % 4];
		struct vdev_msi to;

		if (vdev_msi_aim(&m, cpus, CPUS, f, vcpu, &to))
			continue;
		done++;
		assert_true(reach(cpus, f, m) & 1 << vcpu);
		assert_int_equal(reach(cpus, f, to), 1 << vcpu);
		assert_int_equal(to.data & 0xff, m.data & 0xff);
		assert_int_equal(to.data & 0x700, 0);
	}
	assert_true(done > 1000);
}

static void in_place(void **state)
{
	struct vdev_msi m = message(0x35, LOGICAL | RH, 0x41);

	(void)state;
	assert_int_equal(vdev_msi_aim(&m, flat, CPUS, 0, 4, &m), 0);
	assert_int_equal(m.address, BASE | 16 << 12);
}

static void arguments(void **state)
{
	static struct vdev_msi_cpu many[VDEV_CPUMAP_MAX_VCPUS];
	static uint64_t set[VDEV_CPUMAP_WORDS(VDEV_CPUMAP_MAX_VCPUS)];
	const uint32_t max = VDEV_CPUMAP_MAX_VCPUS;
	struct vdev_msi m = message(0xff, RH, 0x41), to;
	uint32_t i;

	(void)state;
	for (i = 0; i < max; i++)
		many[i] = (struct vdev_msi_cpu){.apic_id = i};
	assert_int_equal(vdev_msi_reach(&m, many, max, X2, set, VT_COUNT(set)), max);
	assert_int_equal(set[VT_COUNT(set) - 1], UINT64_MAX);
	assert_int_equal(vdev_msi_reach(&m, many, 65, X2, set, 2), 65);
	assert_true(set[0] == UINT64_MAX && set[1] == 1);
	assert_int_equal(vdev_msi_reach(&m, many, 65, X2, set, 1), -EINVAL);
	assert_int_equal(vdev_msi_reach(&m, many, max + 1, X2, set, UINT32_MAX), -EINVAL);
	assert_int_equal(vdev_msi_reach(&m, many, 0, X2, set, 1), -EINVAL);
	assert_int_equal(vdev_msi_reach(&m, many, 1, 4, set, 1), -EINVAL);
	assert_int_equal(vdev_msi_reach(NULL, many, 1, 0, set, 1), -EINVAL);
	assert_int_equal(vdev_msi_reach(&m, NULL, 1, 0, set, 1), -EINVAL);
	assert_int_equal(vdev_msi_reach(&m, many, 1, 0, NULL, 1), -EINVAL);
	assert_int_equal(vdev_msi_aim(&m, many, 1, 0, 1, &to), -EINVAL);
	assert_int_equal(vdev_msi_aim(&m, many, 1, 0, 0, NULL), -EINVAL);
	assert_int_equal(vdev_msi_aim(NULL, many, 1, 0, 0, &to), -EINVAL);
	assert_int_equal(vdev_msi_aim(&m, many, 1, 0, 0, &to), 0);
	m.reserved = 1;
	assert_int_equal(vdev_msi_reach(&m, many, 1, 0, set, 1), -EINVAL);
	assert_int_equal(vdev_msi_aim(&m, many, 1, 0, 0, &to), -EINVAL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(physical),          cmocka_unit_test(logical_flat),
		cmocka_unit_test(logical_x2apic),    cmocka_unit_test(wide),
		cmocka_unit_test(address_bits),      cmocka_unit_test(delivery_modes),
		cmocka_unit_test(vectors),           cmocka_unit_test(aim_within_reach),
		cmocka_unit_test(aim_outside_reach), cmocka_unit_test(aim_at_a_high_id),
		cmocka_unit_test(aimed_reaches_one), cmocka_unit_test(in_place),
		cmocka_unit_test(arguments),
	};

	return cmocka_run_group_tests_name("msi", tests, NULL, NULL);
}
