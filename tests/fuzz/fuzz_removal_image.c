/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fuzz target: images of the removal engine, which may be hostile.
 *
 * What load() takes must be an object like any other: it can be written and read again, a guest may do
 * what it likes, and in the end everything ends. What is refused is tried again with the right checksums.
 * The mutator mends them, too, and now and then begins anew with the image of a real engine, so that no
 * old corpus is needed; about one in sixteen inputs is left damaged.
 */
#include "core/image.h"

#include "fuzz_removal.h"

#define VERSION 1u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct vdev_removal_config config = {
	.struct_size = sizeof(config),
	.max_units = FZ_UNITS,
	.retries = 2,
	.button_ns = 100,
	.notify_ns = 70,
	.settle_ns = 50,
	.ack_ns = 300,
};

/* AFL++ says so, too, but has no use for the mutator of a target. */
#if defined(FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION) && !defined(__AFL_COMPILER)
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

/* A number of the payload takes the place of another one: handles and indices fit more often. */
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

static void some_units(struct vdev_removal *r, unsigned int *seed)
{
	struct vdev_removal_info infos[FZ_UNITS];
	uint64_t handle;

	for (uint32_t n = 2 + roll(seed, 5); n; n--) {
		uint32_t have = fz_units(r, infos);
		struct vdev_removal_unit u = {.struct_size = sizeof(u)};

		u.unit_class = roll(seed, 3) + 1;
		u.transport = u.unit_class == VDEV_REMOVAL_PCI_SLOT ? 1 : roll(seed, 4);
		u.flags = roll(seed, 4);
		u.parent = have && roll(seed, 3) ? infos[roll(seed, have)].unit : 0;
		u.name = n;
		u.unasked = roll(seed, 3);
		u.slot_cap = 0x13;
		vdev_removal_add(r, 1000, &u, &handle);
	}
}

/* An engine in the middle of something. Returns the size of its image, 0: it does not fit. */
static size_t fresh_image(uint8_t *data, size_t max_size, unsigned int seed)
{
	struct vdev_removal *r = NULL;
	struct vdev_action a;
	size_t size = 0;

	fz_require(vdev_removal_new(&r, NULL, &config) == 0);
	some_units(r, &seed);
	vdev_removal_ready(r, 1000, 0, 1);
	for (uint32_t n = 1 + roll(&seed, 4); n; n--) {
		fz_guest(r, 1000, roll(&seed, 0x10000));
		for (uint32_t k = roll(&seed, 8); k; k--)
			if (vdev_removal_next(r, &a, sizeof(a)) == 1 && roll(&seed, 8))
				vdev_removal_done(r, 1000, a.id, fz_status(a.id, seed | 1));
	}
	if (vdev_removal_save(r, 1000 + roll(&seed, 400), data, max_size, &size))
		size = 0;
	vdev_removal_free(r);
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
	fz_require(copy != NULL);
	memcpy(copy, data + size - payload, payload);
	if (seed % 4 == 1)
		copy_number(copy, payload, seed >> 4);
	else
		payload = LLVMFuzzerMutate(copy, payload, max_size - VDEV__IMAGE_HEADER);
	vdev__writer_init(&w, data, max_size, VDEV_PART_REMOVAL, VERSION);
	vdev__put_bytes(&w, copy, payload);
	free(copy);
	return vdev__writer_finish(&w, &need) ? size : need;
}
#endif

static void drive(struct vdev_removal *r, uint64_t now, uint32_t style)
{
	struct vdev_removal_info infos[FZ_UNITS];
	uint32_t n;

	r = fz_reload(r, &config, &now, style % 2 ? 0 : now);
	n = fz_units(r, infos);
	for (uint32_t i = 0; i < n; i++)
		vdev_removal_plan(r, infos[i].unit, NULL, NULL, 0, 0);
	if (style & 0x100)
		fz_guest(r, now, style); /* before what was outstanding came out again */
	fz_drain(r, now, style % 0x10000);
	fz_guest(r, now, style >> 16);
	fz_time(r, &now, style % 0x10000);
	r = fz_reload(r, &config, &now, now / 2);
	fz_settle(r, &now);
	vdev_removal_free(r);
}

static int load(const uint8_t *data, size_t size)
{
	struct vdev_removal *r = NULL;
	int error = vdev_removal_load(NULL, &config, 1000000, data, size, &r);

	fz_require(error <= 0 && (error == 0) == (r != NULL));
	if (error)
		fz_require(error == -EBADMSG || error == -EPROTONOSUPPORT || error == -ENOSPC ||
			   error == -EINVAL || error == -ENOMEM);
	else
		drive(r, 1000000, vdev__crc32(data, size));
	return error;
}

/* Right checksums around the same payload: no fuzzer finds them by chance. */
static void load_mended(const uint8_t *data, size_t size)
{
	uint8_t *image = malloc(size);
	struct vdev__writer w;
	size_t need;

	fz_require(image != NULL);
	vdev__writer_init(&w, image, size, VDEV_PART_REMOVAL, VERSION);
	vdev__put_bytes(&w, data + VDEV__IMAGE_HEADER, size - VDEV__IMAGE_HEADER);
	fz_require(vdev__writer_finish(&w, &need) == 0 && need == size);
	load(image, size);
	free(image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (load(data, size) && size > VDEV__IMAGE_HEADER)
		load_mended(data, size);
	return 0;
}
