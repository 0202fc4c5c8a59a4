/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fuzz target: images of the zero-copy engine, which may be hostile.
 *
 * What load() takes must be an object like any other: it can be written and read again, and in the end
 * everything ends. The mutator mends lengths and checksums, so that the fuzzer gets past them, and now and
 * then begins anew with the image of a real engine, so that no old corpus is needed; about one in sixteen
 * inputs is left damaged.
 */
#include "core/image.h"

#include "fuzz_zerocopy.h"

#define VERSION 1u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* AFL++ mutates by itself. */
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

static void some_messages(struct vdev_zerocopy_queue *q, unsigned int *seed)
{
	uint64_t id;

	for (uint32_t n = 1 + roll(seed, 5); n; n--) {
		struct vdev_zerocopy_block b = {.struct_size = sizeof(b)};

		b.address = FZ_RAM + roll(seed, 16) * FZ_PAGE + (roll(seed, 3) ? 0 : 100);
		b.length_bytes = (1 + roll(seed, 4)) * FZ_PAGE;
		b.flags = roll(seed, 4) ? 0 : VDEV_ZEROCOPY_RECEIVE;
		b.destination = roll(seed, FZ_DESTINATIONS);
		if (vdev_zerocopy_reserve(q, &b, &id) == VDEV_ZEROCOPY_LEND && roll(seed, 6))
			vdev_zerocopy_sent(q, 1000 + roll(seed, 200), id, b.length_bytes);
		if (roll(seed, 4) == 0)
			vdev_zerocopy_complete(q, id, id, 1 + roll(seed, 2), NULL);
	}
}

/* An engine in the middle of something. Returns the size of its image, 0: it does not fit. */
static size_t fresh_image(uint8_t *data, size_t max_size, unsigned int seed)
{
	struct vdev_zerocopy_config config = fz_config(seed & 7);
	const struct vdev_zerocopy_memory memory = {.struct_size = sizeof(memory),
						    .address = FZ_RAM,
						    .size_bytes = 32 * FZ_PAGE,
						    .granule_bytes = FZ_PAGE};
	struct vdev_zerocopy_queue_config slots = {.struct_size = sizeof(slots), .slots = 16};
	struct vdev_zerocopy_queue *q;
	struct vdev_zerocopy *z = NULL;
	struct vdev_action a;
	size_t size = 0;

	slots.flags = roll(&seed, 2);
	fz_require(vdev_zerocopy_new(&z, NULL, &config) == 0);
	fz_require(vdev_zerocopy_add_memory(z, &memory) == 0);
	fz_require(vdev_zerocopy_add_queue(z, &slots, &q) == 0);
	some_messages(q, &seed);
	for (uint32_t n = roll(&seed, 5); n; n--) {
		switch (roll(&seed, 5)) {
		case 0:
			vdev_zerocopy_reset_begin(z, 1300, 0, roll(&seed, 2));
			break;
		case 1:
			vdev_zerocopy_reclaim_all(z, 1300, NULL, 1, roll(&seed, 2));
			break;
		case 2:
			some_messages(q, &seed);
			break;
		default:
			vdev_zerocopy_step(z, 1300 + roll(&seed, 300));
		}
		for (uint32_t k = roll(&seed, 8); k; k--)
			if (vdev_zerocopy_next(z, &a, sizeof(a)) == 1 && roll(&seed, 8))
				vdev_zerocopy_done(z, 1300, a.id, fz_status(a.id, seed | 1));
	}
	if (vdev_zerocopy_save(z, 1300 + roll(&seed, 400), data, max_size, &size))
		size = 0;
	vdev_zerocopy_free(z);
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
	vdev__writer_init(&w, data, max_size, VDEV_PART_ZEROCOPY, VERSION);
	vdev__put_bytes(&w, copy, payload);
	free(copy);
	return vdev__writer_finish(&w, &need) ? size : need;
}
#endif

static void some_completions(struct vdev_zerocopy *z, uint32_t style)
{
	struct vdev_zerocopy_info infos[FZ_SLOTS];
	uint32_t n = fz_messages(z, infos);

	for (uint32_t i = 0; i < n; i++) {
		fz_require(infos[i].state > VDEV_ZEROCOPY_FREE &&
			   infos[i].state < VDEV_ZEROCOPY_STATES);
		if (style >> (i % 16) & 1)
			vdev_zerocopy_complete(fz_queue_of(z, infos[i].id), infos[i].id,
					       infos[i].id, 1 + (style >> (i % 13)) % 3, NULL);
		else if (style >> (i % 11) & 1)
			vdev_zerocopy_reclaim(z, 0, infos[i].id, style % 3);
	}
}

static void drive(struct vdev_zerocopy *z, const struct vdev_zerocopy_config *config, uint64_t now,
		  uint32_t style)
{
	z = fz_reload(z, config, &now, style % 2 ? 0 : now);
	if (style & 0x100)
		some_completions(z, style); /* before what was outstanding came out again */
	fz_drain(z, now, style % 0x10000);
	some_completions(z, style >> 16);
	fz_time(z, &now, style % 0x10000);
	z = fz_reload(z, config, &now, now / 2);
	fz_settle(z, &now);
	vdev_zerocopy_free(z);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t style = vdev__crc32(data, size);

	/* The predicate is the config's: each image is tried with each. */
	for (uint32_t until = 0; until < 4; until++) {
		struct vdev_zerocopy_config config = fz_config(until);
		struct vdev_zerocopy *z = NULL;
		int error =
			vdev_zerocopy_load(NULL, &config, style >> 8 & 1, 1000000, data, size, &z);

		fz_require(error <= 0 && (error == 0) == (z != NULL));
		if (error)
			fz_require(error == -EBADMSG || error == -EPROTONOSUPPORT ||
				   error == -ENOSPC || error == -EINVAL || error == -ENOMEM);
		else
			drive(z, &config, 1000000, style);
	}
	return 0;
}
