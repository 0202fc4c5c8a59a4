/* SPDX-License-Identifier: BSD-3-Clause */
/* A guest, a VMM and an engine in one: what the tests of the paravirtual function share. */
#ifndef TEST_PVDEV_RIG_H
#define TEST_PVDEV_RIG_H

#include <errno.h>
#include <string.h>

#include "vt_test.h"

#include <vdev/guest.h>
#include <vdev/pvdev.h>

#define SECOND 1000000000ull

/* Addresses of the rig's units. */
#define DISK 0x00000100u /* warned through the function */
#define NIC 0x00000200u /* warned through its PCIe slot */
#define NOWHERE 0x00000300u
#define FAR 0x100000000ull /* does not fit in a register */

#define STATUS_DRIVER VDEV_GUEST_S_DRIVER
#define STATUS_FEATURES (VDEV_GUEST_S_DRIVER | VDEV_GUEST_S_FEATURES_OK)
#define STATUS_READY (STATUS_FEATURES | VDEV_GUEST_S_DRIVER_OK)
#define ALL_FEATURES (VDEV_GUEST_F_REMOVAL | VDEV_GUEST_F_PROGRESS)

struct rig {
	struct vt_env v;
	struct vdev_removal *removal;
	struct vdev_pvdev *pvdev;
	struct vdev_pvdev_config config;
	uint64_t now;
	uint64_t disk, nic, mute; /* mute: warned through the function, has no address */
	int mask; /* of all accesses and deeds since it was cleared */
	int hold; /* do not pump by itself */
	uint32_t outcomes; /* bit n: outcome n came */
	uint32_t reason; /* of the last REFUSED */
	uint32_t hides;
	int warned; /* what the last WARN, ANNOUNCE ... came to */
};

static inline uint64_t rig_unit(struct rig *g, uint32_t transport, uint64_t address)
{
	struct vdev_removal_unit u = {.struct_size = sizeof(u),
				      .unit_class = VDEV_REMOVAL_VIRTIO_MMIO,
				      .transport = transport};
	uint64_t unit = 0;

	assert_true(vdev_removal_add(g->removal, g->now, &u, &unit) >= 0);
	if (address != VDEV_NONE)
		assert_int_equal(vdev_removal_set_address(g->removal, unit, address), 0);
	return unit;
}

static inline void rig_begin(struct rig *g, const struct vdev_pvdev_config *config)
{
	struct vdev_removal_config c = {.struct_size = sizeof(c), .max_units = 1024};

	memset(g, 0, sizeof(*g));
	vt_env_init(&g->v);
	g->now = SECOND;
	assert_int_equal(vdev_removal_new(&g->removal, &g->v.env, &c), 0);
	g->disk = rig_unit(g, VDEV_REMOVAL_PVDEV, DISK);
	g->nic = rig_unit(g, VDEV_REMOVAL_ACPI, NIC);
	g->mute = rig_unit(g, VDEV_REMOVAL_PVDEV, VDEV_NONE);
	if (config)
		g->config = *config;
	g->config.struct_size = sizeof(g->config);
	g->config.removal = g->removal;
	assert_int_equal(vdev_pvdev_new(&g->pvdev, &g->v.env, &g->config), 0);
}

static inline void rig_end(struct rig *g)
{
	vdev_pvdev_free(g->pvdev);
	vdev_removal_free(g->removal);
	vt_assert_clean(&g->v);
}

static inline int rig_deed(struct rig *g, const struct vdev_action *a)
{
	if (a->kind == VDEV_REMOVAL_OUTCOME) {
		g->outcomes |= 1u << a->arg[0];
		if (a->arg[0] == VDEV_REMOVAL_REFUSED)
			g->reason = (uint32_t)a->arg[1];
	}
	g->hides += a->kind == VDEV_REMOVAL_HIDE;
	return 0;
}

/* Drains the engine as a VMM does. */
static inline void rig_pump(struct rig *g)
{
	struct vdev_action a;

	while (vdev_removal_next(g->removal, &a, sizeof(a)) == 1) {
		int s = vdev_pvdev_perform(g->pvdev, g->now, &a);

		if (s == -EOPNOTSUPP)
			s = rig_deed(g, &a);
		else
			g->warned = s;
		if (s > 0) {
			g->mask |= s;
			s = 0;
		}
		assert_true(vdev_removal_done(g->removal, g->now, a.id, s) >= 0);
	}
}

static inline int rig_write(struct rig *g, uint64_t offset, uint64_t value, size_t length)
{
	uint8_t b[8];
	int mask;

	for (size_t i = 0; i < 8; i++)
		b[i] = (uint8_t)(value >> (8 * i));
	mask = vdev_pvdev_write(g->pvdev, g->now, offset, b, length);
	assert_true(mask >= 0);
	g->mask |= mask;
	if ((mask & VDEV_PVDEV_DISPATCH) && !g->hold)
		rig_pump(g);
	return mask;
}

static inline int wr(struct rig *g, uint32_t reg, uint32_t value)
{
	return rig_write(g, reg, value, 4);
}

static inline uint64_t rig_read(struct rig *g, uint64_t offset, size_t length)
{
	uint8_t b[8] = {0};
	uint64_t value = 0;

	assert_int_equal(vdev_pvdev_read(g->pvdev, g->now, offset, b, length), 0);
	for (size_t i = 0; i < length; i++)
		value |= (uint64_t)b[i] << (8 * i);
	return value;
}

static inline uint32_t rd(struct rig *g, uint32_t reg)
{
	return (uint32_t)rig_read(g, reg, 4);
}

static inline uint32_t cmd(struct rig *g, uint32_t command, uint32_t address, uint32_t argument,
			   uint32_t cookie)
{
	wr(g, VDEV_GUEST_COMMAND_ADDRESS, address);
	wr(g, VDEV_GUEST_COMMAND_ARGUMENT, argument);
	wr(g, VDEV_GUEST_COMMAND_COOKIE, cookie);
	wr(g, VDEV_GUEST_COMMAND, command);
	return rd(g, VDEV_GUEST_RESULT);
}

static inline void rig_features(struct rig *g, uint32_t features)
{
	wr(g, VDEV_GUEST_STATUS, 0);
	wr(g, VDEV_GUEST_STATUS, STATUS_DRIVER);
	wr(g, VDEV_GUEST_DRIVER_FEATURES, features);
	wr(g, VDEV_GUEST_STATUS, STATUS_FEATURES);
	wr(g, VDEV_GUEST_STATUS, STATUS_READY);
}

/* The whole handshake, nothing left over from it. */
static inline void rig_ready(struct rig *g)
{
	rig_features(g, ALL_FEATURES);
	assert_int_equal(rd(g, VDEV_GUEST_STATUS), STATUS_READY);
	while (rd(g, VDEV_GUEST_EVENT))
		wr(g, VDEV_GUEST_EVENT_POP, 1);
	g->mask = 0;
}

/* Asks for the removal of a unit and lets the engine warn. */
static inline void rig_request(struct rig *g, uint64_t unit, uint32_t policy, uint32_t retries)
{
	struct vdev_removal_request q = {.struct_size = sizeof(q),
					 .ack_policy = policy,
					 .retries = retries,
					 .ack_ns = 10 * SECOND};

	assert_true(vdev_removal_request(g->removal, g->now, unit, &q) >= 0);
	rig_pump(g);
}

static inline void rig_wait(struct rig *g, uint64_t ns)
{
	g->now += ns;
	assert_true(vdev_removal_step(g->removal, g->now) >= 0);
	rig_pump(g);
}

static inline struct vdev_pvdev_stats rig_stats(struct rig *g)
{
	struct vdev_pvdev_stats s;

	assert_int_equal(vdev_pvdev_stats(g->pvdev, &s, sizeof(s)), 0);
	return s;
}

static inline uint32_t rig_level(struct rig *g, uint64_t unit)
{
	return (uint32_t)vdev_removal_level(g->removal, unit);
}

/* An action as the engine would give it out. */
static inline int rig_perform(struct rig *g, uint32_t kind, uint64_t dev, uint64_t count)
{
	struct vdev_action a = {.id = 1, .dev = dev, .kind = kind, .arg = {dev, 0, count}};
	int r = vdev_pvdev_perform(g->pvdev, g->now, &a);

	if (r > 0)
		g->mask |= r;
	return r;
}

static inline void expect_event(struct rig *g, uint32_t kind, uint32_t address)
{
	assert_int_equal(rd(g, VDEV_GUEST_EVENT), kind);
	assert_int_equal(rd(g, VDEV_GUEST_EVENT_ADDRESS), address);
}

#endif
