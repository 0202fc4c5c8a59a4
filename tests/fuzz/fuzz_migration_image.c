/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fuzz target: images of plans, which the other end sent, or said it did.
 *
 * What load() takes must be a plan like any other: all that it tells is in range and fits together, its steps lead to one
 * point of no return, it can be verified, and is written to the same bytes. The mutator mends lengths and checksums, so that the
 * fuzzer gets past them, and now and then begins anew with a real plan; one in sixteen inputs is left damaged.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/image.h"

#include <vdev/migration.h>

#define VERSION 1u
#define SIZE sizeof(struct vdev_migration_device)
#define require(ok) check(ok, #ok, __LINE__)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int ok, const char *what, int line)
{
	if (ok)
		return;
	fprintf(stderr, "fuzz_migration_image.c:%d: broken: %s\n", line, what);
	abort();
}

/* AFL++ mutates by itself. */
#if defined(FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION) && !defined(__AFL_COMPILER)
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

static unsigned int roll(unsigned int *seed, unsigned int n)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 16) % n;
}

static void some_device(struct vdev_migration_device *d, uint64_t address, unsigned int *seed)
{
	memset(d, 0, sizeof(*d));
	d->known = UINT64_C(1) << VDEV_MIGRATION_F_CAPS | UINT64_C(0x7ff);
	d->known |= (uint64_t)roll(seed, 1u << 12) << 35;
	d->address = address;
	d->iommu_group = VDEV_MIGRATION_UNKNOWN;
	d->node = roll(seed, 2);
	d->class_code = roll(seed, 8) ? 0x020000 : 0x010802;
	d->revision = roll(seed, 2);
	d->stop_copy = 1;
	d->p2p = roll(seed, 2);
	d->pre_copy = 1;
	d->firmware[0] = (char)('1' + roll(seed, 2));
	d->cap_count = roll(seed, 3);
	for (uint32_t i = 0; i < d->cap_count; i++)
		d->caps[i].id = (uint16_t)(1 + roll(seed, 2));
}

/* Returns the size of the image, 0: it does not fit. */
static size_t fresh_image(uint8_t *data, size_t max_size, unsigned int seed)
{
	struct vdev_migration_device here[3], there[3];
	struct vdev_migration_want wants[3];
	const struct vdev_migration_vm vm = {.struct_size = sizeof(vm),
					     .device_count = 1 + roll(&seed, 3),
					     .device_size = SIZE,
					     .devices = wants};
	const struct vdev_migration_host host = {.struct_size = sizeof(host),
						 .node_count = 2,
						 .device_count = roll(&seed, 4),
						 .device_size = SIZE,
						 .devices = there};
	const struct vdev_migration_plan_config config = {.struct_size = sizeof(config),
							  .flags = roll(&seed, 2)};
	struct vdev_migration_plan *plan = NULL;
	size_t size = 0;

	for (uint32_t i = 0; i < 3; i++) {
		some_device(&here[i], i, &seed);
		some_device(&there[i], 8 * i, &seed);
		wants[i] =
			(struct vdev_migration_want){&here[i], 0, roll(&seed, 4), roll(&seed, 3)};
	}
	require(vdev_migration_plan_new(&plan, NULL, &config, &vm, &host) == 0);
	if (vdev_migration_plan_save(plan, data, max_size, &size))
		size = 0;
	vdev_migration_plan_free(plan);
	return size;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	struct vdev__writer w;
	size_t payload, need;
	uint8_t *copy;

	if (seed % 16 == 0 || max_size <= VDEV__IMAGE_HEADER)
		return LLVMFuzzerMutate(data, size, max_size);
	need = seed % 16 == 2 ? fresh_image(data, max_size, seed >> 4) : 0;
	if (need)
		return need;
	payload = size > VDEV__IMAGE_HEADER ? size - VDEV__IMAGE_HEADER : 0;
	copy = malloc(max_size);
	require(copy != NULL);
	memcpy(copy, data + size - payload, payload);
	payload = LLVMFuzzerMutate(copy, payload, max_size - VDEV__IMAGE_HEADER);
	vdev__writer_init(&w, data, max_size, VDEV_PART_MIGRATION, VERSION);
	vdev__put_bytes(&w, copy, payload);
	free(copy);
	return vdev__writer_finish(&w, &need) ? size : need;
}
#endif

static void use_device(const struct vdev_migration_plan *p, uint32_t i)
{
	const struct vdev_migration_device *s, *d;
	struct vdev_migration_difference f;
	struct vdev_migration_place place;
	char text[2048];
	int count = vdev_migration_plan_device(p, i, &place, sizeof(place), &s, &d);

	require(count >= 0 && count <= (int)VDEV_MIGRATION_FIELDS && s);
	require(place.verdict < VDEV_MIGRATION_VERDICTS && place.reason < VDEV_MIGRATION_REASONS);
	require((place.address == VDEV_NONE) == (place.verdict >= VDEV_MIGRATION_EMULATE));
	require((d == NULL) == (place.function == VDEV_MIGRATION_UNKNOWN));
	require(place.address == VDEV_NONE || (d && d->address == place.address));
	for (uint32_t k = 0; k < VDEV_MIGRATION_FIELDS; k++) {
		require(vdev_migration_value(s, SIZE, k, text, sizeof(text)) >= 0);
		require(!d || vdev_migration_value(d, SIZE, k, text, sizeof(text)) >= 0);
	}
	for (uint32_t k = 0; k < (uint32_t)count; k++) {
		require(!vdev_migration_plan_difference(p, i, k, &f, sizeof(f)));
		require(f.field < VDEV_MIGRATION_FIELDS && f.verdict);
		require(place.address == VDEV_NONE || f.verdict <= place.verdict);
	}
}

/* One point of no return, and before it whatever is done to the source can be taken back. */
static void use_steps(const struct vdev_migration_plan *p,
		      const struct vdev_migration_plan_info *info)
{
	require((info->steps == 0) == (info->verdict == VDEV_MIGRATION_REFUSE));
	for (uint32_t i = 0; i < info->steps; i++) {
		struct vdev_migration_step s;

		require(!vdev_migration_plan_step(p, i, &s, sizeof(s)));
		require(s.kind && s.kind < VDEV_MIGRATION_STEPS && s.undo < VDEV_MIGRATION_STEPS);
		require(s.side >= VDEV_MIGRATION_AT_SOURCE && s.side <= VDEV_MIGRATION_AT_BOTH);
		require(s.device == VDEV_MIGRATION_UNKNOWN || s.device < info->devices);
		require(s.deadline_ns != 0);
		require((s.kind == VDEV_MIGRATION_COMMIT) == (i == info->no_return));
		require(i < info->no_return || !s.undo);
	}
}

static void use_verify(const struct vdev_migration_plan *p, uint32_t devices)
{
	const struct vdev_migration_host nothing = {.struct_size = sizeof(nothing),
						    .device_size = SIZE};
	struct vdev_migration_change c[2];
	uint32_t stop = 0;
	int count = vdev_migration_plan_verify(p, NULL, &nothing, &nothing, 0, c, sizeof(c[0]), 2,
					       &stop);

	require(count >= (int)devices && count <= 2 * (int)devices);
	require(!devices || stop);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vdev_migration_plan_info info;
	struct vdev_migration_plan *p = NULL;
	uint8_t *again;
	size_t same;
	int error = vdev_migration_plan_load(NULL, data, size, &p);

	require(error <= 0 && (error == 0) == (p != NULL));
	if (error) {
		require(error == -EBADMSG || error == -EPROTONOSUPPORT || error == -EINVAL);
		return 0;
	}
	require(!vdev_migration_plan_get(p, &info, sizeof(info)));
	for (uint32_t i = 0; i < info.devices; i++)
		use_device(p, i);
	use_steps(p, &info);
	use_verify(p, info.devices);
	again = malloc(size);
	require(again != NULL);
	require(!vdev_migration_plan_save(p, again, size, &same));
	require(same == size && !memcmp(data, again, size));
	free(again);
	vdev_migration_plan_free(p);
	return 0;
}
