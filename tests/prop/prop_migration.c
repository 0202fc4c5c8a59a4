/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The migration planner against a naive one (migration_naive.h): M2, M8, M11.
 *
 *   --brute N    random hosts and VMs up to 7 x 7: assignment and ranking against all assignments
 *   --rules N    random rules and devices: comparison against a naive interpreter, and the rules written and read again
 *   --seed S     VT_SEED does the same
 *
 * Each prints `N instances, M differ` and ends with 1 if M is not 0. Without options both run.
 */
#include "migration_naive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOSTS 4u

struct instance {
	struct vdev_migration_rules *rules;
	struct vdev_migration *planner;
	struct vdev_migration_device own[NAIVE_MOST];
	struct vdev_migration_want wants[NAIVE_MOST];
	struct vdev_migration_vm vm;
	struct vdev_migration_device devices[HOSTS][NAIVE_MOST];
	uint8_t distances[HOSTS][9];
	struct vdev_migration_host host[HOSTS];
	uint64_t handle[HOSTS];
	struct naive_best best[HOSTS];
	uint32_t hosts;
};

static void must(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "prop_migration: cannot %s\n", what);
	exit(2);
}

/* Few fields, so that verdicts of all kinds are frequent. */
static const char some_rules[] = "class exact REFUSE\n"
				 "revision exact QUIESCE_REBUILD\n"
				 "stop_copy need value=1 QUIESCE_REBUILD\n"
				 "pre_copy need value=1 LIVE_STOP_COPY_ONLY\n"
				 "board exact EMULATE\n";

static void small_device(struct vt_rand *r, struct vdev_migration_device *d)
{
	memset(d, 0, sizeof(*d));
	d->known = UINT64_C(1) << VDEV_MIGRATION_F_CLASS |
		   UINT64_C(1) << VDEV_MIGRATION_F_REVISION |
		   UINT64_C(1) << VDEV_MIGRATION_F_STOP_COPY |
		   UINT64_C(1) << VDEV_MIGRATION_F_PRE_COPY |
		   UINT64_C(1) << VDEV_MIGRATION_F_SRIOV_VFS;
	d->pf = VDEV_NONE;
	d->class_code = vt_chance(r, 15) ? 0x010802 : 0x020000;
	d->revision = (uint32_t)vt_below(r, 3);
	d->stop_copy = (uint32_t)vt_chance(r, 85);
	d->pre_copy = (uint32_t)vt_chance(r, 70);
	d->sriov_vfs = vt_chance(r, 5) ? 2 : 0;
	if (vt_chance(r, 8))
		d->known |= UINT64_C(1) << VDEV_MIGRATION_F_BOARD;
	d->iommu_group = VDEV_MIGRATION_UNKNOWN;
	d->node = VDEV_MIGRATION_UNKNOWN;
}

static void make_host(struct vt_rand *r, struct instance *in, uint32_t h)
{
	struct vdev_migration_host *host = &in->host[h];
	uint32_t nodes = (uint32_t)vt_below(r, 4), lean = (uint32_t)vt_below(r, 3);

	*host = (struct vdev_migration_host){.struct_size = sizeof(*host),
					     .device_count = (uint32_t)vt_below(r, NAIVE_MOST + 1),
					     .device_size = sizeof(struct vdev_migration_device),
					     .node_count = nodes,
					     .devices = in->devices[h],
					     .user_data = 100 + h};
	for (uint32_t i = 0; i < sizeof(in->distances[h]); i++)
		in->distances[h][i] = (uint8_t)(10 + 11 * vt_below(r, 3));
	if (nodes && vt_chance(r, 50))
		host->distances = in->distances[h];
	for (uint32_t i = 0; i < host->device_count; i++) {
		struct vdev_migration_device *d = &in->devices[h][i];

		small_device(r, d);
		d->address = (vt_below(r, 64) * 8 + i) << 3;
		if (vt_chance(r, 80))
			d->node = (uint32_t)vt_below(r, 4);
		if (vt_chance(r, 40))
			d->iommu_group = (uint32_t)vt_below(r, 4);
		if (vt_chance(r, lean * 10))
			d->use = (uint32_t)vt_below(r, 4);
	}
}

static void make_vm(struct vt_rand *r, struct instance *in)
{
	in->vm = (struct vdev_migration_vm){.struct_size = sizeof(in->vm),
					    .device_count = (uint32_t)vt_below(r, NAIVE_MOST + 1),
					    .device_size = sizeof(struct vdev_migration_device),
					    .devices = in->wants};
	for (uint32_t i = 0; i < in->vm.device_count; i++) {
		small_device(r, &in->own[i]);
		in->own[i].address = i;
		in->wants[i] = (struct vdev_migration_want){
			.device = &in->own[i],
			.user_data = 7 + i,
			.flags = (uint32_t)vt_below(r, 4),
			.node = vt_chance(r, 70) ? (uint32_t)vt_below(r, 4)
						 : VDEV_MIGRATION_UNKNOWN,
		};
	}
}

static void begin(struct vt_rand *r, struct instance *in)
{
	struct vdev_migration_config config = {.struct_size = sizeof(config),
					       .max_hosts = HOSTS,
					       .max_types = HOSTS * NAIVE_MOST + NAIVE_MOST,
					       .max_functions = HOSTS * NAIVE_MOST};

	must(!vdev_migration_rules_new(&in->rules, NULL, VDEV_MIGRATION_EMPTY), "make rules");
	must(vdev_migration_rules_parse(in->rules, some_rules, strlen(some_rules), NULL, 0) > 0,
	     "read rules");
	config.rules = in->rules;
	must(!vdev_migration_new(&in->planner, NULL, &config), "make a planner");
	make_vm(r, in);
	in->hosts = 1 + (uint32_t)vt_below(r, HOSTS);
	for (uint32_t h = 0; h < in->hosts; h++) {
		make_host(r, in, h);
		if (h && vt_chance(r, 20)) { /* of the shape of another one */
			in->host[h] = in->host[0];
			in->host[h].user_data = 100 + h;
		}
		must(!vdev_migration_add_host(in->planner, &in->host[h], &in->handle[h]),
		     "add a host");
		naive_assign(in->rules, &in->vm, &in->host[h], &in->best[h]);
	}
}

static void end(struct instance *in)
{
	vdev_migration_free(in->planner);
	vdev_migration_rules_free(in->rules);
}

static struct naive_best told(const struct instance *in, const struct vdev_migration_place *places)
{
	struct naive_best b = {.rows = in->vm.device_count};

	for (uint32_t i = 0; i < in->vm.device_count; i++) {
		uint32_t v = places[i].verdict;

		b.cost.part[0] += v == VDEV_MIGRATION_REFUSE;
		b.cost.part[1] += v != VDEV_MIGRATION_LIVE;
		b.cost.part[2] += v >= VDEV_MIGRATION_QUIESCE_REBUILD;
		b.cost.part[3] += v >= VDEV_MIGRATION_EMULATE;
		b.cost.part[4] += places[i].distance;
		b.cost.address[i] = places[i].address;
	}
	return b;
}

static int check_host(struct instance *in, uint32_t h)
{
	struct vdev_migration_place places[NAIVE_MOST];
	struct vdev_migration_rank rank;
	struct naive_best got;
	int verdict = vdev_migration_assign(in->planner, &in->vm, in->handle[h], &rank,
					    sizeof(rank), places, sizeof(places[0]));

	must(verdict >= 0, "assign");
	got = told(in, places);
	for (uint32_t i = 0; i < in->vm.device_count; i++) {
		uint32_t f = places[i].function;

		if (places[i].user_data != in->wants[i].user_data)
			return 1;
		if (places[i].address != VDEV_NONE &&
		    in->host[h].devices[f].address != places[i].address)
			return 1;
	}
	return naive_order(&got, &in->best[h]) != 0 || rank.distance != got.cost.part[4] ||
	       rank.user_data != in->host[h].user_data || verdict != (int)rank.verdict;
}

static int parts_order(const struct naive_best *a, const struct naive_best *b)
{
	for (uint32_t i = 0; i < 5; i++)
		if (a->cost.part[i] != b->cost.part[i])
			return a->cost.part[i] < b->cost.part[i] ? -1 : 1;
	return 0;
}

/* Each host of the ranking is no worse than the next, by what brute force found; equal ones by age. */
static int check_ranking(struct instance *in)
{
	struct vdev_migration_rank ranks[HOSTS];
	int count = vdev_migration_rank(in->planner, &in->vm, ranks, sizeof(ranks[0]), HOSTS);

	if (count != (int)in->hosts)
		return 1;
	for (uint32_t i = 0; i < in->hosts; i++) {
		uint32_t a = (uint32_t)ranks[i].user_data - 100, b;
		int order;

		if (ranks[i].host != in->handle[a])
			return 1;
		if (i + 1 == in->hosts)
			break;
		b = (uint32_t)ranks[i + 1].user_data - 100;
		order = parts_order(&in->best[a], &in->best[b]);
		if (order > 0 || (!order && a > b))
			return 1;
	}
	return 0;
}

static int brute(uint64_t count, uint64_t seed)
{
	static struct instance in;
	uint64_t differ = 0;

	for (uint64_t i = 0; i < count; i++) {
		struct vt_rand r;
		int wrong;

		vt_rand_seed(&r, seed + i);
		begin(&r, &in);
		wrong = check_ranking(&in);
		for (uint32_t h = 0; h < in.hosts; h++)
			wrong |= check_host(&in, h);
		wrong |= check_ranking(&in); /* from memory now */
		if (wrong)
			fprintf(stderr, "differs: --brute 1 --seed %llu\n",
				(unsigned long long)(seed + i));
		differ += wrong != 0;
		end(&in);
	}
	printf("%llu instances, %llu differ\n", (unsigned long long)count,
	       (unsigned long long)differ);
	return differ != 0;
}

static int check_pair(const struct vdev_migration_rules *rules,
		      const struct vdev_migration_device *s, const struct vdev_migration_device *d,
		      uint32_t flags)
{
	struct vdev_migration_difference list[VDEV_MIGRATION_FIELDS];
	struct vdev_migration_result got;
	struct naive_result want;

	must(!vdev_migration_compare(rules, s, d, sizeof(*s), flags, &got, sizeof(got), list,
				     sizeof(list[0]), VDEV_MIGRATION_FIELDS),
	     "compare");
	naive_compare(rules, s, d, &want);
	if (got.hardware != want.verdict || got.differences != want.count ||
	    got.verdict != naive_allowed(want.verdict, flags))
		return 1;
	for (uint32_t i = 0; i < want.count; i++)
		if (list[i].field != want.field[i] || list[i].rule != want.rule[i] ||
		    list[i].flags != want.flags[i])
			return 1;
	return 0;
}

/* Written and read, the rules judge as before, and are written the same. */
static struct vdev_migration_rules *again(const struct vdev_migration_rules *rules)
{
	struct vdev_migration_error error = {0};
	struct vdev_migration_rules *copy;
	size_t size = 0, same = 0;
	char *text, *second;

	vdev_migration_rules_write(rules, 0, NULL, 0, &size);
	text = malloc(2 * size);
	must(text != NULL, "allocate");
	second = text + size;
	must(!vdev_migration_rules_write(rules, 0, text, size, &size), "write rules");
	must(!vdev_migration_rules_new(&copy, NULL, VDEV_MIGRATION_EMPTY), "make rules");
	if (vdev_migration_rules_parse(copy, text, size, &error, sizeof(error)) < 0)
		fprintf(stderr, "%u:%u: %s\n", error.line, error.column, error.message);
	if (vdev_migration_rules_write(copy, 0, second, size, &same) || same != size ||
	    memcmp(text, second, size)) {
		vdev_migration_rules_free(copy);
		copy = NULL;
	}
	free(text);
	return copy;
}

static int rules(uint64_t count, uint64_t seed)
{
	uint64_t differ = 0;

	for (uint64_t i = 0; i < count; i++) {
		struct vdev_migration_rules *set, *copy;
		struct vdev_migration_device s, d;
		struct vt_rand r;
		int wrong;

		vt_rand_seed(&r, seed + i);
		must(!vdev_migration_rules_new(&set, NULL,
					       vt_chance(&r, 70) ? VDEV_MIGRATION_EMPTY : 0),
		     "make rules");
		make_rules(&r, set, (uint32_t)vt_below(&r, 60));
		make_device(&r, &s);
		d = s;
		if (vt_chance(&r, 80))
			make_device(&r, &d);
		wrong = check_pair(set, &s, &d, (uint32_t)vt_below(&r, 4));
		copy = again(set);
		wrong |= !copy;
		vdev_migration_rules_free(copy);
		vdev_migration_rules_free(set);
		if (wrong)
			fprintf(stderr, "differs: --rules 1 --seed %llu\n",
				(unsigned long long)(seed + i));
		differ += wrong != 0;
	}
	printf("%llu instances, %llu differ\n", (unsigned long long)count,
	       (unsigned long long)differ);
	return differ != 0;
}

int main(int argc, char **argv)
{
	const char *text = getenv("VT_SEED");
	uint64_t seed = text ? strtoull(text, NULL, 0) : 1, n_brute = 0, n_rules = 0;
	int failed = 0;

	for (int i = 1; i + 1 < argc; i += 2) {
		uint64_t value = strtoull(argv[i + 1], NULL, 0);

		if (!strcmp(argv[i], "--brute"))
			n_brute = value;
		else if (!strcmp(argv[i], "--rules"))
			n_rules = value;
		else if (!strcmp(argv[i], "--seed"))
			seed = value;
		else
			argc = 2; /* wrong use, see below */
	}
	if (argc % 2 == 0) {
		fprintf(stderr, "usage: %s [--brute N] [--rules N] [--seed S]\n", argv[0]);
		return 2;
	}
	if (!n_brute && !n_rules) {
		n_brute = 1000;
		n_rules = 3000;
	}
	fprintf(stderr, "prop_migration: --seed %llu\n", (unsigned long long)seed);
	if (n_brute)
		failed |= brute(n_brute, seed);
	if (n_rules)
		failed |= rules(n_rules, seed);
	return failed;
}
