/* SPDX-License-Identifier: BSD-3-Clause */
/* Misuse of the calls on MSI messages. */
#include "bad_input.h"

static const struct vdev_msi good = {.address = 0xfee00000, .data = 0x41};
static const struct vdev_msi_cpu one = {.apic_id = 0, .logical = 1};

#define EACH_BAD_MESSAGE(call)                                                                  \
	do {                                                                                    \
		const struct vdev_msi bad_[] = {{0, 0x41, 0},           {UINT64_MAX, 0x41, 0},  \
						{0xfee00010, 0x41, 0},  {0xfee00000, 0, 0},     \
						{0xfee00000, 0x341, 0}, {0xfee00000, 0x41, 1}}; \
                                                                                                \
		for (uint32_t i_ = 0; i_ < VT_COUNT(bad_); i_++) {                              \
			const struct vdev_msi *in = &bad_[i_];                                  \
                                                                                                \
			EINVAL_OF(call);                                                        \
		}                                                                               \
	} while (0)

static void reach(struct bad *b)
{
	uint64_t set = 7;

	(void)b;
	EINVAL_OF(vdev_msi_reach(NULL, &one, 1, 0, &set, 1));
	EINVAL_OF(vdev_msi_reach(&good, NULL, 1, 0, &set, 1));
	EINVAL_OF(vdev_msi_reach(&good, &one, 0, 0, &set, 1));
	EINVAL_OF(vdev_msi_reach(&good, &one, UINT32_MAX, 0, &set, UINT32_MAX));
	EINVAL_OF(vdev_msi_reach(&good, &one, 1, UINT32_MAX, &set, 1));
	EINVAL_OF(vdev_msi_reach(&good, &one, 1, 0, NULL, 1));
	EINVAL_OF(vdev_msi_reach(&good, &one, 1, 0, &set, 0));
	EACH_BAD_MESSAGE(vdev_msi_reach(in, &one, 1, 0, &set, 1));
	assert_int_equal(set, 7);
}

static void aim(struct bad *b)
{
	struct vdev_msi to = {.address = 7};

	(void)b;
	EINVAL_OF(vdev_msi_aim(NULL, &one, 1, 0, 0, &to));
	EINVAL_OF(vdev_msi_aim(&good, NULL, 1, 0, 0, &to));
	EINVAL_OF(vdev_msi_aim(&good, &one, 0, 0, 0, &to));
	EINVAL_OF(vdev_msi_aim(&good, &one, 1, UINT32_MAX, 0, &to));
	EINVAL_OF(vdev_msi_aim(&good, &one, 1, 0, UINT32_MAX, &to));
	EINVAL_OF(vdev_msi_aim(&good, &one, 1, 0, 0, NULL));
	EACH_BAD_MESSAGE(vdev_msi_aim(in, &one, 1, 0, 0, &to));
	assert_int_equal(to.address, 7);
}

static const struct bad_row rows[] = {
	{"vdev_msi_reach", reach, NULL, 0},
	{"vdev_msi_aim", aim, NULL, 0},
};

const struct bad_table bad_msi = BAD_TABLE(rows);
