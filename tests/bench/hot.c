/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hot calls, each COUNT times in a function of its own, for instructions.sh: callgrind counts the
 * instructions of each hot_...() with what it calls. No time is measured here.
 */
#include <stdlib.h>
#include <vdev/cpumap.h>
#include <vdev/guest.h>
#include <vdev/mock.h>
#include <vdev/pvdev.h>
#include <vdev/removal.h>
#include <vdev/zerocopy.h>

#include "deadline.h"
#include "table.h"

#define COUNT 4096u
#define NOINLINE __attribute__((noinline))
#define SEC UINT64_C(1000000000)

/* What is asserted here must hold, or other work is counted than the name says. */
static void must(int ok)
{
	if (!ok)
		abort();
}

static struct vdev_removal *engine(uint64_t *handles)
{
	struct vdev_removal_config config = {.struct_size = sizeof(config), .max_units = COUNT};
	struct vdev_removal_unit unit = {.struct_size = sizeof(unit),
					 .unit_class = VDEV_REMOVAL_PCI_FUNCTION,
					 .transport = VDEV_REMOVAL_ACPI};
	struct vdev_removal *removal;

	must(!vdev_removal_new(&removal, NULL, &config));
	for (uint32_t i = 0; i < COUNT; i++) {
		must(vdev_removal_add(removal, 0, &unit, &handles[i]) >= 0);
		must(vdev_removal_declare(removal, 0, handles[i], VDEV_REMOVAL_GUEST,
					  i % 2 ? VDEV_REMOVAL_SAFE : VDEV_REMOVAL_UNSAFE) >= 0);
	}
	return removal;
}

NOINLINE void hot_level(const struct vdev_removal *removal, const uint64_t *handles);
NOINLINE void hot_level(const struct vdev_removal *removal, const uint64_t *handles)
{
	for (uint32_t i = 0; i < COUNT; i++)
		must(vdev_removal_level(removal, handles[i]) > 0);
}

NOINLINE void hot_plan(const struct vdev_removal *removal, const uint64_t *handles);
NOINLINE void hot_plan(const struct vdev_removal *removal, const uint64_t *handles)
{
	struct vdev_removal_planned plan[VDEV_REMOVAL_MAX_STEPS];

	for (uint32_t i = 0; i < COUNT; i++)
		must(vdev_removal_plan(removal, handles[i], NULL, plan, sizeof(plan[0]),
				       VDEV_REMOVAL_MAX_STEPS) > 0);
}

NOINLINE void hot_remove(struct vdev_removal *removal, const uint64_t *handles);
NOINLINE void hot_remove(struct vdev_removal *removal, const uint64_t *handles)
{
	struct vdev_action a;

	for (uint32_t i = 0; i < COUNT; i++)
		must(vdev_removal_request(removal, i, handles[i], NULL) > 0);
	while (vdev_removal_next(removal, &a, sizeof(a)) == 1) {
		must(vdev_removal_done(removal, COUNT, a.id, 0) >= 0);
		if (a.kind == VDEV_REMOVAL_WARN)
			must(vdev_removal_ack(removal, COUNT, a.dev) >= 0);
	}
}

static void removal(void)
{
	uint64_t *handles = calloc(COUNT, sizeof(*handles));
	struct vdev_removal_stats stats;
	struct vdev_removal *r;

	must(handles != NULL);
	r = engine(handles);
	hot_level(r, handles);
	hot_plan(r, handles);
	hot_remove(r, handles);
	must(!vdev_removal_stats(r, &stats, sizeof(stats)) && stats.removed == COUNT);
	vdev_removal_free(r);
	free(handles);
}

NOINLINE void hot_find(const struct vdev__table *t, const uint64_t *handles);
NOINLINE void hot_find(const struct vdev__table *t, const uint64_t *handles)
{
	uint32_t index;

	for (uint32_t i = 0; i < COUNT; i++)
		must(!vdev__table_find(t, handles[i], &index));
}

static void table(const struct vdev_env *env)
{
	uint64_t handles[COUNT];
	struct vdev__table t;
	uint32_t index;

	must(!vdev__table_init(&t, env, 64, COUNT));
	for (uint32_t i = 0; i < COUNT; i++) {
		must(!vdev__table_new(&t, &index));
		handles[i] = vdev__table_handle(&t, index);
	}
	hot_find(&t, handles);
	vdev__table_fini(&t);
}

/* The usual life of a deadline: cancelled, and armed again for later. */
NOINLINE void hot_rearm(struct vdev__deadlines *d);
NOINLINE void hot_rearm(struct vdev__deadlines *d)
{
	for (uint32_t i = 0; i < COUNT; i++) {
		vdev__deadlines_cancel(d, i);
		vdev__deadlines_arm(d, i, 10 * SEC + i);
	}
}

/* Its other life: moved to an earlier time, and come due. */
NOINLINE void hot_expire(struct vdev__deadlines *d);
NOINLINE void hot_expire(struct vdev__deadlines *d)
{
	uint32_t item, count = 0;

	for (uint32_t i = 0; i < COUNT; i++)
		vdev__deadlines_arm(d, i, SEC / 2 + i * UINT64_C(2654435761) % COUNT);
	while (vdev__deadlines_expire(d, SEC, &item))
		count++;
	must(count == COUNT);
}

static void deadlines(const struct vdev_env *env)
{
	struct vdev__deadlines d;

	vdev__deadlines_init(&d, env);
	must(!vdev__deadlines_reserve(&d, COUNT));
	for (uint32_t i = 0; i < COUNT; i++)
		vdev__deadlines_arm(&d, i, SEC + i);
	hot_rearm(&d);
	hot_expire(&d);
	vdev__deadlines_fini(&d);
}

NOINLINE void hot_pvdev_read(struct vdev_pvdev *pvdev);
NOINLINE void hot_pvdev_read(struct vdev_pvdev *pvdev)
{
	uint32_t value;

	for (uint32_t i = 0; i < COUNT; i++)
		must(!vdev_pvdev_read(pvdev, i, VDEV_GUEST_IRQ_STATUS, &value, sizeof(value)));
}

static void pvdev(void)
{
	struct vdev_removal_config removal_config = {.struct_size = sizeof(removal_config),
						     .max_units = 1};
	struct vdev_pvdev_config config = {.struct_size = sizeof(config)};
	struct vdev_pvdev *p;

	must(!vdev_removal_new(&config.removal, NULL, &removal_config));
	must(!vdev_pvdev_new(&p, NULL, &config));
	hot_pvdev_read(p);
	vdev_pvdev_free(p);
	vdev_removal_free(config.removal);
}

NOINLINE void hot_reserve(struct vdev_zerocopy_queue *queue, uint64_t *ids);
NOINLINE void hot_reserve(struct vdev_zerocopy_queue *queue, uint64_t *ids)
{
	struct vdev_zerocopy_block block = {.struct_size = sizeof(block), .length_bytes = 65536};

	for (uint32_t i = 0; i < COUNT; i++) {
		block.address = i * UINT64_C(65536);
		must(vdev_zerocopy_reserve(queue, &block, &ids[i]) == VDEV_ZEROCOPY_LEND);
	}
}

NOINLINE void hot_sent(struct vdev_zerocopy_queue *queue, const uint64_t *ids);
NOINLINE void hot_sent(struct vdev_zerocopy_queue *queue, const uint64_t *ids)
{
	for (uint32_t i = 0; i < COUNT; i++)
		must(vdev_zerocopy_sent(queue, i, ids[i], 65536) >= 0);
}

NOINLINE void hot_complete(struct vdev_zerocopy_queue *queue, const uint64_t *ids);
NOINLINE void hot_complete(struct vdev_zerocopy_queue *queue, const uint64_t *ids)
{
	uint64_t settled;

	for (uint32_t i = 0; i < COUNT; i++)
		must(!vdev_zerocopy_complete(queue, ids[i], ids[i], VDEV_ZEROCOPY_TASK, &settled) &&
		     settled == 1);
}

/* Blocks that are not worth lending, but for a trial now and then: what the decision costs. */
NOINLINE void hot_small(struct vdev_zerocopy_queue *queue);
NOINLINE void hot_small(struct vdev_zerocopy_queue *queue)
{
	struct vdev_zerocopy_block block = {.struct_size = sizeof(block), .length_bytes = 512};
	uint64_t id;
	int answer;

	for (uint32_t i = 0; i < COUNT; i++) {
		answer = vdev_zerocopy_reserve(queue, &block, &id) & VDEV_ZEROCOPY_ANSWER;
		must(answer == VDEV_ZEROCOPY_COPY_SMALL ||
		     (answer == VDEV_ZEROCOPY_LEND && !vdev_zerocopy_abort(queue, id)));
	}
}

static void zerocopy(void)
{
	struct vdev_zerocopy_config config = {.struct_size = sizeof(config),
					      .max_queues = 2,
					      .max_destinations = 1,
					      .max_bytes = COUNT * UINT64_C(262144),
					      .destination_bytes = COUNT * UINT64_C(262144)};
	struct vdev_zerocopy_queue_config queue_config = {.struct_size = sizeof(queue_config),
							  .slots = COUNT};
	struct vdev_zerocopy_memory memory = {.struct_size = sizeof(memory),
					      .size_bytes = COUNT * UINT64_C(65536),
					      .granule_bytes = 4096};
	struct vdev_zerocopy_queue *queue, *small;
	struct vdev_zerocopy *vm;
	uint64_t ids[COUNT];

	must(!vdev_zerocopy_new(&vm, NULL, &config));
	must(!vdev_zerocopy_add_memory(vm, &memory));
	must(!vdev_zerocopy_add_queue(vm, &queue_config, &queue));
	queue_config.flags = VDEV_ZEROCOPY_ADAPTIVE;
	queue_config.threshold_bytes = 65536;
	must(!vdev_zerocopy_add_queue(vm, &queue_config, &small));
	hot_reserve(queue, ids);
	hot_sent(queue, ids);
	hot_complete(queue, ids);
	hot_small(small);
	vdev_zerocopy_free(vm);
}

#define VCPUS 1024u
#define CPUS 64u

/* Which of 1024 vCPUs are on a host CPU, 16 on each. */
NOINLINE void hot_on_cpu(const struct vdev_cpumap *map);
NOINLINE void hot_on_cpu(const struct vdev_cpumap *map)
{
	uint64_t set[VDEV_CPUMAP_WORDS(VCPUS)];

	for (uint32_t i = 0; i < COUNT; i++)
		must(vdev_cpumap_running_on(map, i % CPUS, set, VDEV_CPUMAP_WORDS(VCPUS)) ==
		     VCPUS / CPUS);
}

/* A vCPU comes from another CPU. */
NOINLINE void hot_move(struct vdev_cpumap *map);
NOINLINE void hot_move(struct vdev_cpumap *map)
{
	for (uint32_t i = 0; i < COUNT; i++)
		must(vdev_cpumap_set(map, i, i % VCPUS, (i / CPUS + i / VCPUS + 1) % CPUS,
				     VDEV_CPUMAP_RUNNING) == 1);
}

static void cpumap(void)
{
	const struct vdev_cpumap_config config = {
		.struct_size = sizeof(config), .vcpus = VCPUS, .cpus = CPUS};
	struct vdev_cpumap *map;

	must(!vdev_cpumap_new(&map, NULL, &config));
	for (uint32_t v = 0; v < VCPUS; v++)
		must(vdev_cpumap_set(map, 0, v, v * 37 % VCPUS / (VCPUS / CPUS),
				     VDEV_CPUMAP_RUNNING) == 1);
	hot_on_cpu(map);
	for (uint32_t v = 0; v < VCPUS; v++)
		must(vdev_cpumap_set(map, 0, v, v / CPUS, VDEV_CPUMAP_RUNNING) >= 0);
	hot_move(map);
	vdev_cpumap_free(map);
}

int main(void)
{
	struct vdev_env env;

	must(!vdev__env_copy(&env, NULL));
	removal();
	table(&env);
	deadlines(&env);
	pvdev();
	zerocopy();
	cpumap();
	return 0;
}
