/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A whole removal: plan, request, each action through the mock, outcome; 1e5 units in flight at a
 * time, every other one SAFE (no warning) and UNSAFE (ACPI notify, acknowledged at once). The peer does
 * the same steps with the same mock (peer.h).
 */
#include <stdlib.h>
#include <vdev/mock.h>
#include <vdev/removal.h>

#include "bench.h"
#include "peer.h"

struct rig {
	uint32_t n;
	struct vdev_mock *mock;
	uint64_t *handles;
	uint64_t performed; /* by the last turn: both sides must do the same work */
};

static struct vdev_removal *engine(struct rig *rig)
{
	struct vdev_removal_config config = {.struct_size = sizeof(config), .max_units = rig->n};
	struct vdev_removal_unit unit = {.struct_size = sizeof(unit),
					 .unit_class = VDEV_REMOVAL_PCI_FUNCTION,
					 .transport = VDEV_REMOVAL_ACPI};
	struct vdev_removal *removal;

	if (vdev_removal_new(&removal, NULL, &config))
		bench_die("out of memory");
	for (uint32_t i = 0; i < rig->n; i++)
		if (vdev_removal_add(removal, 0, &unit, &rig->handles[i]) < 0 ||
		    vdev_removal_declare(removal, 0, rig->handles[i], VDEV_REMOVAL_GUEST,
					 i % 2 ? VDEV_REMOVAL_SAFE : VDEV_REMOVAL_UNSAFE) < 0)
			bench_die("a unit could not be added");
	return removal;
}

static void pump(struct vdev_removal *removal, struct vdev_mock *mock)
{
	struct vdev_action a;

	while (vdev_removal_next(removal, &a, sizeof(a)) == 1) {
		vdev_removal_done(removal, 0, a.id, vdev_mock_perform(mock, &a));
		if (a.kind == VDEV_REMOVAL_WARN)
			vdev_removal_ack(removal, 0, a.dev);
	}
}

static double turn_ours(void *context)
{
	struct rig *rig = context;
	struct vdev_removal *removal = engine(rig);
	struct vdev_removal_planned plan[VDEV_REMOVAL_MAX_STEPS];
	struct vdev_removal_stats stats;
	uint64_t before = vdev_mock_count(rig->mock), begin = bench_now(), ns;

	for (uint32_t i = 0; i < rig->n; i++)
		if (vdev_removal_plan(removal, rig->handles[i], NULL, plan, sizeof(plan[0]),
				      VDEV_REMOVAL_MAX_STEPS) <= 0 ||
		    vdev_removal_request(removal, 0, rig->handles[i], NULL) < 0)
			bench_die("a request was refused");
	pump(removal, rig->mock);
	ns = bench_now() - begin;
	rig->performed = vdev_mock_count(rig->mock) - before;
	if (vdev_removal_stats(removal, &stats, sizeof(stats)) || stats.removed != rig->n)
		bench_die("not each unit was removed");
	vdev_removal_free(removal);
	return (double)ns / rig->n;
}

static struct peer *peer_engine(struct rig *rig)
{
	struct peer *p = peer_new(rig->n);

	for (uint32_t i = 0; i < rig->n; i++) {
		rig->handles[i] = peer_add(p, i);
		peer_declare(p, rig->handles[i], i % 2 ? VDEV_REMOVAL_SAFE : VDEV_REMOVAL_UNSAFE);
	}
	return p;
}

static void peer_pump(struct peer *p, struct vdev_mock *mock)
{
	struct vdev_action a;

	while (peer_next(p, 0, &a)) {
		peer_done(p, 0, a.dev, a.id, vdev_mock_perform(mock, &a));
		if (a.kind == VDEV_REMOVAL_WARN)
			peer_ack(p, 0, a.dev);
	}
}

static double turn_peer(void *context)
{
	struct rig *rig = context;
	struct peer *p = peer_engine(rig);
	uint64_t before = vdev_mock_count(rig->mock), begin = bench_now(), ns;

	for (uint32_t i = 0; i < rig->n; i++)
		if (peer_request(p, rig->handles[i]))
			bench_die("the peer refused a request");
	peer_pump(p, rig->mock);
	ns = bench_now() - begin;
	if (vdev_mock_count(rig->mock) - before != rig->performed || peer_count(p))
		bench_die("the peer did not perform the same actions");
	peer_free(p);
	return (double)ns / rig->n;
}

static void removals(struct bench *b, uint32_t n)
{
	struct bench_row row = {.name = "removal/unit",
				.n = n,
				.peer_name = "GHashTable + GList + heap",
				.goal = n >= 100000 ? 2 : 0};
	struct vdev_mock_config config = {.struct_size = sizeof(config), .max_records = 256};
	struct rig rig = {.n = n};

	if (vdev_mock_new(&rig.mock, NULL, &config)) {
		bench_failed(b, row.name, "no mock");
		return;
	}
	rig.handles = bench_alloc(rig.n, sizeof(*rig.handles));
	bench_pair(b, &row, &(struct bench_side){turn_ours, &rig},
		   &(struct bench_side){turn_peer, &rig}, b->quick ? 3 : 11);
	free(rig.handles);
	vdev_mock_free(rig.mock);
}

void bench_unit(struct bench *b)
{
	removals(b, 10000);
	if (!b->quick)
		removals(b, 100000);
}
