/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fuzz target: the reader and writer of images.
 *
 * The input is taken twice: as an image as it is, and as the payload of an image made around it (so
 * that the checksums do not keep the fuzzer out). What the reader accepts is read field by field, as
 * its own bytes say, and written again: the second image must be the same up to where reading ended.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/image.h"

#define KIND 1u
#define MAX_VERSION 3u
#define SCRATCH 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int ok)
{
	if (!ok)
		abort();
}

static void copy_bytes(struct vdev__reader *r, struct vdev__writer *w, size_t size)
{
	uint8_t bytes[SCRATCH];

	if (!vdev__get_bytes(r, bytes, size))
		vdev__put_bytes(w, bytes, size);
}

static void copy_count(struct vdev__reader *r, struct vdev__writer *w, size_t record)
{
	uint32_t count = vdev__get_count(r, record);

	require(record == 0 || count <= (r->size - r->pos) / record);
	if (!r->error)
		vdev__put_u32(w, count);
}

/* One field, whose type the byte before it tells. Only what was read is written. */
static void copy_field(struct vdev__reader *r, struct vdev__writer *w)
{
	uint8_t op = vdev__get_u8(r);
	uint64_t v;

	if (!r->error)
		vdev__put_u8(w, op);
	switch (op & 3) {
	case 0:
		v = vdev__get_u32(r);
		if (!r->error)
			vdev__put_u32(w, (uint32_t)v);
		break;
	case 1:
		v = vdev__get_u64(r);
		if (!r->error)
			vdev__put_u64(w, v);
		break;
	case 2:
		copy_bytes(r, w, op >> 2);
		break;
	default:
		copy_count(r, w, op >> 2);
	}
}

/* Returns the size of the new image; buf of exactly `size` bytes, so that ASan sees one too many. */
static size_t rewrite(const uint8_t *image, size_t image_size, uint8_t *buf, size_t size)
{
	struct vdev__reader r;
	struct vdev__writer w;
	size_t need = 0;

	require(!vdev__reader_init(&r, image, image_size, KIND, MAX_VERSION));
	vdev__writer_init(&w, buf, size, KIND, r.version);
	while (!r.error && r.pos < r.size)
		copy_field(&r, &w);
	require(vdev__writer_finish(&w, &need) == (need <= size ? 0 : -ENOBUFS));
	require(need <= image_size);
	require(!vdev__reader_finish(&r) == (need == image_size && !r.error));
	return need;
}

static void round_trip(const uint8_t *image, size_t size)
{
	size_t need = rewrite(image, size, NULL, 0);
	uint8_t *buf = malloc(need);

	require(buf != NULL);
	require(rewrite(image, size, buf, need - 1) == need);
	require(rewrite(image, size, buf, need) == need);
	require(!memcmp(buf + VDEV__IMAGE_HEADER, image + VDEV__IMAGE_HEADER,
			need - VDEV__IMAGE_HEADER));
	if (need == size)
		require(!memcmp(buf, image, size));
	free(buf);
}

static void wrapped(const uint8_t *data, size_t size)
{
	size_t room = VDEV__IMAGE_HEADER + size, need;
	uint8_t *image = malloc(room);
	struct vdev__writer w;

	require(image != NULL);
	vdev__writer_init(&w, image, room, KIND, MAX_VERSION);
	vdev__put_bytes(&w, data, size);
	require(!vdev__writer_finish(&w, &need) && need == room);
	round_trip(image, room);
	free(image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vdev__reader r;

	if (!vdev__reader_init(&r, data, size, KIND, MAX_VERSION))
		round_trip(data, size);
	wrapped(data, size);
	return 0;
}
