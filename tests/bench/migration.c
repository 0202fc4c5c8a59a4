/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The migration planner: 1 000 VMs of 4 devices onto 1 000 hosts of 8 functions.
 *
 * The peer is a scan: each device of the VM against each function of each host, by the planner's own comparison. What the
 * scan would still have to do then, assigning and sorting, is left out. It is timed for some VMs; ours for all, with
 * the building of the planner from the inventories. A quarter of the functions is in use, other ones on each host, so that
 * hosts are of 20 types, but of many shapes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vdev/migration.h>

#include "bench.h"

#define TYPES 20u
#define FUNCTIONS 8u
#define DEVICES 4u
#define VMS 1000u
#define SIZE sizeof(struct vdev_migration_device)

struct fleet {
	struct vdev_migration_device *model; /* of each type */
	struct vdev_migration_device *functions; /* of one host, or of all */
	uint32_t hosts;
	int differ; /* all hosts do, in the firmware of each function */
	uint32_t vms; /* in a turn of ours */
	uint32_t scanned; /* VMs in a turn of the scan */
	struct vdev_migration_rules *rules;
	struct vdev_migration_rank *ranks;
	uint64_t sink;
};

static uint32_t mix(uint32_t x)
{
	x = (x ^ x >> 16) * 0x7feb352du;
	x = (x ^ x >> 15) * 0x846ca68bu;
	return x ^ x >> 16;
}

/* A VF of a NIC, of which the rules look at all there is. */
static void make_device(struct vdev_migration_device *d, uint32_t type)
{
	memset(d, 0, SIZE);
	d->known = (UINT64_C(1) << VDEV_MIGRATION_FIELDS) - 1;
	d->pf = VDEV_NONE;
	d->iommu_group = VDEV_MIGRATION_UNKNOWN;
	d->class_code = 0x020000;
	d->vendor = 0x15b3;
	d->device = 0x101e;
	d->relation = VDEV_MIGRATION_VF;
	d->stop_copy = 1;
	d->p2p = 1;
	d->pre_copy = 1;
	d->bar[0] = 2u << 20;
	d->msix_size = 12;
	snprintf(d->firmware, sizeof(d->firmware), "28.%u.1000", 30 + type % 5);
	snprintf(d->psid, sizeof(d->psid), "MT_%010u", type / 5);
	snprintf(d->driver, sizeof(d->driver), "mlx5_vfio_pci");
	snprintf(d->driver_version, sizeof(d->driver_version), "6.7");
	d->cap_count = 6;
	for (uint32_t i = 0; i < d->cap_count; i++)
		d->caps[i] =
			(struct vdev_migration_cap){(uint16_t)i, (uint16_t)(64 + 16 * i), 0, 0, 0};
}

/* The inventory of one host, as a library that reads it would hand it in. */
static void make_host(const struct fleet *f, uint32_t host, struct vdev_migration_device *out)
{
	for (uint32_t i = 0; i < FUNCTIONS; i++) {
		out[i] = f->model[host % TYPES];
		out[i].address = VDEV_MIGRATION_ADDRESS(0, 0x40 + host % 8, i, 0);
		out[i].node = i / 4;
		out[i].use =
			mix(host * FUNCTIONS + i) % 4 ? VDEV_MIGRATION_FREE : VDEV_MIGRATION_USED;
		if (f->differ)
			snprintf(out[i].firmware, sizeof(out[i].firmware), "28.41.%u",
				 host * FUNCTIONS + i);
	}
}

static void make_fleet(struct fleet *f, uint32_t hosts, int differ)
{
	memset(f, 0, sizeof(*f));
	f->hosts = hosts;
	f->differ = differ;
	f->vms = VMS;
	f->scanned = 1;
	f->model = bench_alloc(TYPES, SIZE);
	for (uint32_t i = 0; i < TYPES; i++)
		make_device(&f->model[i], i);
	/* Up to 10 000 hosts the inventories are there before the clock runs; beyond, they would not fit. */
	f->functions = bench_alloc((size_t)(hosts > 10000 ? 1 : hosts) * FUNCTIONS, SIZE);
	for (uint32_t i = 0; i < hosts && hosts <= 10000; i++)
		make_host(f, i, f->functions + (size_t)i * FUNCTIONS);
	f->ranks = bench_alloc(hosts, sizeof(*f->ranks));
	if (vdev_migration_rules_new(&f->rules, NULL, 0))
		bench_die("migration: no rules");
}

static void end_fleet(struct fleet *f)
{
	vdev_migration_rules_free(f->rules);
	free(f->ranks);
	free(f->functions);
	free(f->model);
}

static struct vdev_migration *planner_of(const struct fleet *f)
{
	const struct vdev_migration_config c = {
		.struct_size = sizeof(c),
		.max_hosts = f->hosts,
		.max_types = f->hosts * FUNCTIONS > 1000000 ? 1000000 : f->hosts * FUNCTIONS + 100,
		.max_functions = (uint64_t)f->hosts * FUNCTIONS,
		.rules = f->rules};
	struct vdev_migration *m;

	if (vdev_migration_new(&m, NULL, &c))
		bench_die("migration: no planner");
	for (uint32_t i = 0; i < f->hosts; i++) {
		struct vdev_migration_host h = {.struct_size = sizeof(h),
						.device_count = FUNCTIONS,
						.device_size = SIZE,
						.node_count = 2,
						.user_data = i};
		uint64_t handle;

		h.devices = f->functions;
		if (f->hosts > 10000)
			make_host(f, i, f->functions);
		else
			h.devices = f->functions + (size_t)i * FUNCTIONS;
		if (vdev_migration_add_host(m, &h, &handle))
			bench_die("migration: a host was refused");
	}
	return m;
}

static struct vdev_migration_vm vm_of(const struct fleet *f, uint32_t n,
				      struct vdev_migration_want *wants)
{
	for (uint32_t i = 0; i < DEVICES; i++)
		wants[i] = (struct vdev_migration_want){.device = &f->model[n % TYPES],
							.flags = VDEV_MIGRATION_SOFTWARE,
							.node = n / TYPES % 2};
	return (struct vdev_migration_vm){.struct_size = sizeof(struct vdev_migration_vm),
					  .device_count = DEVICES,
					  .device_size = SIZE,
					  .devices = wants};
}

/* A VM: its share of the planner, and all hosts in order with reasons. */
static double ranked(void *context)
{
	struct fleet *f = context;
	struct vdev_migration_want wants[DEVICES];
	uint64_t begin = bench_now();
	struct vdev_migration *m = planner_of(f);

	for (uint32_t i = 0; i < f->vms; i++) {
		struct vdev_migration_vm vm = vm_of(f, i, wants);

		if (vdev_migration_rank(m, &vm, f->ranks, sizeof(f->ranks[0]), f->hosts) !=
		    (int)f->hosts)
			bench_die("migration: hosts are missing");
		f->sink += f->ranks[0].verdict;
	}
	vdev_migration_free(m);
	return (double)(bench_now() - begin) / f->vms;
}

static double scanned(void *context)
{
	struct fleet *f = context;
	struct vdev_migration_want wants[DEVICES];
	uint64_t begin = bench_now();

	for (uint32_t n = 0; n < f->scanned; n++) {
		vm_of(f, n, wants);
		for (uint32_t i = 0; i < DEVICES; i++)
			for (uint32_t k = 0; k < f->hosts * FUNCTIONS; k++) {
				struct vdev_migration_result r;

				if (vdev_migration_compare(f->rules, wants[i].device,
							   &f->functions[k], SIZE, wants[i].flags,
							   &r, sizeof(r), NULL, 0, 0))
					bench_die("migration: a comparison was refused");
				f->sink += r.verdict;
			}
	}
	return (double)(bench_now() - begin) / f->scanned;
}

static void bench_fleet(struct bench *b, int differ)
{
	const struct bench_row row = {.name = differ ? "migration/all-differ" : "migration/fleet",
				      .peer_name = "scan of all pairs",
				      .n = 1000,
				      .goal = differ ? 0 : 50};
	struct fleet f;
	const struct bench_side ours = {ranked, &f}, peer = {scanned, &f};

	make_fleet(&f, 1000, differ);
	if (b->quick)
		f.vms = 200;
	bench_pair(b, &row, &ours, &peer, b->quick ? 3 : 11);
	end_fleet(&f);
}

/* One pair, every field of interest: what a script would do is to print both and compare the lines. */
static double compared(void *context)
{
	struct fleet *f = context;
	uint64_t begin = bench_now();

	for (uint32_t i = 0; i < 20000; i++) {
		struct vdev_migration_difference list[VDEV_MIGRATION_FIELDS];
		struct vdev_migration_result r;

		vdev_migration_compare(f->rules, &f->model[i % TYPES], &f->model[i / TYPES % TYPES],
				       SIZE, 0, &r, sizeof(r), list, sizeof(list[0]),
				       VDEV_MIGRATION_FIELDS);
		f->sink += r.differences;
	}
	return (double)(bench_now() - begin) / 20000;
}

static double printed(void *context)
{
	struct fleet *f = context;
	uint64_t begin = bench_now();
	char text[2][256];

	for (uint32_t i = 0; i < 200; i++)
		for (uint32_t k = 0; k < VDEV_MIGRATION_FIELDS; k++) {
			vdev_migration_value(&f->model[i % TYPES], SIZE, k, text[0],
					     sizeof(text[0]));
			vdev_migration_value(&f->model[i / TYPES % TYPES], SIZE, k, text[1],
					     sizeof(text[1]));
			f->sink += strcmp(text[0], text[1]) != 0;
		}
	return (double)(bench_now() - begin) / 200;
}

static void bench_compare(struct bench *b)
{
	const struct bench_row row = {
		.name = "migration/compare", .peer_name = "fields as texts", .n = 1};
	struct fleet f;
	const struct bench_side ours = {compared, &f}, peer = {printed, &f};

	make_fleet(&f, 1, 0);
	bench_pair(b, &row, &ours, &peer, b->quick ? 3 : 11);
	end_fleet(&f);
}

/* From 1 000 hosts to 100 000: a VM's ranking of the many, against that of the few as many times. */
struct growth {
	struct fleet few, all;
};

static double many_hosts(void *context)
{
	struct growth *g = context;

	return ranked(&g->all);
}

static double few_hosts(void *context)
{
	struct growth *g = context;

	return ranked(&g->few) * g->all.hosts / g->few.hosts;
}

static void bench_growth(struct bench *b)
{
	const uint32_t many = b->quick ? 10000 : 100000, vms = b->quick ? 20 : 200;
	const struct bench_row row = {
		.name = "migration/growth", .peer_name = "1 000 hosts, as many times", .n = many};
	struct growth g;
	const struct bench_side ours = {many_hosts, &g}, peer = {few_hosts, &g};

	make_fleet(&g.few, 1000, 0);
	make_fleet(&g.all, many, 0);
	g.few.vms = vms;
	g.all.vms = vms;
	bench_pair(b, &row, &ours, &peer, 3);
	end_fleet(&g.all);
	end_fleet(&g.few);
}

void bench_migration(struct bench *b)
{
	bench_compare(b);
	bench_fleet(b, 0);
	bench_fleet(b, 1);
	bench_growth(b);
}
