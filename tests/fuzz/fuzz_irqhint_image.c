/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fuzz target: images of the interrupt-hint engine, which may be hostile.
 *
 * What load() takes must be an object like any other: what it tells is in range, it answers events, hands out new
 * handles, and can be written and read again. The mutator mends lengths and checksums, so that the fuzzer gets past
 * them, and now and then begins anew with the image of a real engine, so that no old corpus is needed; about one
 * in sixteen inputs is left damaged.
 */
#include "core/image.h"

#include "fuzz_irqhint.h"

#define VERSION 1u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* AFL++ mutates by itself. */
#if defined(FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION) && !defined(__AFL_COMPILER)
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

/* A number of the payload takes the place of another one: handles and counts fit more often. */
static void copy_number(uint8_t *payload, size_t size, unsigned int seed)
{
	size_t length = seed & 1 ? 8 : 4;

	if (size > length)
		memmove(payload + (seed >> 1) * 31u % (size - length),
			payload + (seed >> 3) * 17u % (size - length), length);
}

static unsigned int roll(unsigned int *seed, unsigned int n)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 16) % n;
}

static void some_life(struct vdev_irqhint *h, struct vdev_cpumap *map, uint32_t vcpus,
		      unsigned int *seed)
{
	uint64_t dev[3] = {0}, now = 1 << 20;

	for (uint32_t i = 0; i < 3; i++)
		if (vdev_irqhint_add(h, 1 + roll(seed, 4), i, &dev[i]) == 0 && roll(seed, 4) == 0)
			vdev_irqhint_remove(h, dev[i]);
	for (uint32_t n = roll(seed, 24); n; n--) {
		uint64_t set[FI_WORDS] = {0}, id = dev[roll(seed, 3)];
		uint32_t type = roll(seed, 3), v = roll(seed, vcpus);

		now += (uint64_t)roll(seed, 20) << 10;
		vdev_cpumap_refreshed(map, now);
		vdev_cpumap_set(map, now, v, roll(seed, FI_CPUS), roll(seed, 2));
		set[v / 64] = UINT64_C(1) << v % 64;
		if (roll(seed, 3))
			fi_event(h, map, now, id, type, roll(seed, FI_CPUS), vcpus, 4);
		else
			vdev_irqhint_programmed(h, now, id, type, set, VDEV_CPUMAP_WORDS(vcpus));
	}
}

/* An engine in the middle of its life. Returns the size of its image, 0: it does not fit. */
static size_t fresh_image(uint8_t *data, size_t max_size, unsigned int seed)
{
	uint32_t vcpus = fi_vcpus(seed);
	struct vdev_irqhint_config config = fi_config(seed >> 3 | 4);
	struct vdev_cpumap *map = fi_map(vcpus, 0);
	struct vdev_irqhint *h = NULL;
	size_t size = 0;

	config.max_distance = VDEV_IRQHINT_ANY;
	fi_require(vdev_irqhint_new(&h, NULL, map, &config) == 0);
	some_life(h, map, vcpus, &seed);
	if (vdev_irqhint_save(h, (1 << 20) + (roll(&seed, 600) << 10), data, max_size, &size))
		size = 0;
	vdev_irqhint_free(h);
	vdev_cpumap_free(map);
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
	fi_require(copy != NULL);
	memcpy(copy, data + size - payload, payload);
	if (seed % 4 == 1)
		copy_number(copy, payload, seed >> 4);
	else
		payload = LLVMFuzzerMutate(copy, payload, max_size - VDEV__IMAGE_HEADER);
	vdev__writer_init(&w, data, max_size, VDEV_PART_IRQHINT, VERSION);
	vdev__put_bytes(&w, copy, payload);
	free(copy);
	return vdev__writer_finish(&w, &need) ? size : need;
}
#endif

static void use(struct vdev_irqhint *h, const struct vdev_cpumap *map, uint64_t now, uint64_t dev,
		uint32_t type, uint32_t vcpus)
{
	uint64_t set[FI_WORDS] = {0};
	uint32_t v = (uint32_t)(dev + type) % vcpus;

	fi_info(h, dev, type, vcpus);
	fi_choose(h, now, dev, type, v % FI_CPUS, vcpus, NULL);
	for (uint32_t n = 0; n < 3; n++)
		fi_event(h, map, now + n * (UINT64_C(1) << 20), dev, type, (v + n) % FI_CPUS, vcpus,
			 VDEV_IRQHINT_ANY);
	set[v / 64] = UINT64_C(1) << v % 64;
	fi_require(vdev_irqhint_programmed(h, now, dev, type, set, VDEV_CPUMAP_WORDS(vcpus)) >= 0);
	fi_choose(h, now, dev, type, 0, vcpus, set);
}

static void drive(struct vdev_irqhint *h, struct vdev_cpumap *map,
		  const struct vdev_irqhint_config *config, uint32_t vcpus, uint32_t style)
{
	uint64_t now = UINT64_C(1) << 40, cursor = 0, dev, devs[FI_DEVICES], added = 0;
	uint32_t types, count = 0;

	h = fi_reload(h, map, config, 0, &now, style & 1 ? now : UINT64_C(1) << 20, 1);
	vdev_cpumap_refreshed(map, now);
	while (vdev_irqhint_walk(h, &cursor, &dev, &types) == 1) {
		fi_require(count < FI_DEVICES && dev && types);
		devs[count++] = dev;
		for (uint32_t t = 0; t < types; t++)
			use(h, map, now, dev, t, vcpus);
	}
	if (vdev_irqhint_add(h, 1, 0, &added) == 0)
		for (uint32_t i = 0; i < count; i++)
			fi_require(devs[i] != added);
	if (count && style & 2)
		fi_require(vdev_irqhint_remove(h, devs[0]) == 0);
	h = fi_reload(h, map, config, style >> 2 & 1, &now, now / 2, 0);
	vdev_irqhint_free(h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t sizes[] = {1, 65, 130};
	uint32_t style = vdev__crc32(data, size);

	/* Sizes are the map's: each image is tried with several. */
	for (uint32_t i = 0; i < 3; i++) {
		struct vdev_irqhint_config config = fi_config(style >> 8);
		struct vdev_cpumap *map = fi_map(sizes[i], style >> 3 & 1);
		struct vdev_irqhint *h = NULL;
		int error;

		config.max_distance = VDEV_IRQHINT_ANY;
		for (uint32_t v = 0; v < sizes[i]; v++)
			vdev_cpumap_set(map, v, v, v % FI_CPUS, v % 3);
		error = vdev_irqhint_load(NULL, map, &config, style >> 4 & 1, UINT64_C(1) << 40,
					  data, size, &h);
		fi_require(error <= 0 && (error == 0) == (h != NULL));
		if (error)
			fi_require(error == -EBADMSG || error == -EPROTONOSUPPORT ||
				   error == -ENOSPC || error == -EINVAL || error == -ENOMEM);
		else
			drive(h, map, &config, sizes[i], style);
		vdev_cpumap_free(map);
	}
	return 0;
}
