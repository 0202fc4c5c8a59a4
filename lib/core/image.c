/* SPDX-License-Identifier: BSD-3-Clause */
/* Writer and reader of images. The layout stands in image.h. */
#include "image.h"

#include <errno.h>
#include <string.h>

#include "sat.h"

#define OFF_KIND 8
#define OFF_VERSION 12
#define OFF_LENGTH 16
#define OFF_PAYLOAD_CRC 24
#define OFF_HEADER_CRC 28

static const uint8_t magic[8] = "VDEVIMG";

/* Four bits at a time: 64 bytes of table, fast enough for images of megabytes. */
static const uint32_t crc_table[16] = {
	0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
	0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
	0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
};

uint32_t vdev__crc32(const void *data, size_t size)
{
	const uint8_t *p = data;
	uint32_t crc = UINT32_MAX;

	while (size--) {
		crc ^= *p++;
		crc = crc >> 4 ^ crc_table[crc & 15];
		crc = crc >> 4 ^ crc_table[crc & 15];
	}
	return ~crc;
}

static void store_le(uint8_t *p, uint64_t v, size_t size)
{
	for (; size--; v >>= 8)
		*p++ = (uint8_t)v;
}

static uint64_t load_le(const uint8_t *p, size_t size)
{
	uint64_t v = 0;

	while (size--)
		v = v << 8 | p[size];
	return v;
}

void vdev__writer_init(struct vdev__writer *w, void *buf, size_t size, uint32_t kind,
		       uint32_t version)
{
	w->buf = buf;
	w->size = buf ? size : 0;
	w->used = VDEV__IMAGE_HEADER;
	w->kind = kind;
	w->version = version;
}

/* Counts the bytes; returns where they go, NULL when they do not fit. */
static uint8_t *claim(struct vdev__writer *w, size_t size)
{
	uint8_t *p = NULL;

	if (w->used <= w->size && size <= w->size - w->used)
		p = w->buf + w->used;
	w->used = size > SIZE_MAX - w->used ? SIZE_MAX : w->used + size;
	return p;
}

static void put_le(struct vdev__writer *w, uint64_t v, size_t size)
{
	uint8_t *p = claim(w, size);

	if (p)
		store_le(p, v, size);
}

void vdev__put_u8(struct vdev__writer *w, uint8_t v)
{
	put_le(w, v, 1);
}

void vdev__put_u32(struct vdev__writer *w, uint32_t v)
{
	put_le(w, v, 4);
}

void vdev__put_u64(struct vdev__writer *w, uint64_t v)
{
	put_le(w, v, 8);
}

void vdev__put_bytes(struct vdev__writer *w, const void *data, size_t size)
{
	uint8_t *p = claim(w, size);

	if (p && size)
		memcpy(p, data, size);
}

int vdev__writer_finish(struct vdev__writer *w, size_t *ret_size)
{
	size_t length = w->used - VDEV__IMAGE_HEADER;
	uint8_t *p = w->buf;

	*ret_size = w->used;
	if (w->used > w->size)
		return -ENOBUFS;
	memcpy(p, magic, sizeof(magic));
	store_le(p + OFF_KIND, w->kind, 4);
	store_le(p + OFF_VERSION, w->version, 4);
	store_le(p + OFF_LENGTH, length, 8);
	store_le(p + OFF_PAYLOAD_CRC, vdev__crc32(p + VDEV__IMAGE_HEADER, length), 4);
	store_le(p + OFF_HEADER_CRC, vdev__crc32(p, OFF_HEADER_CRC), 4);
	return 0;
}

static int check_header(const uint8_t *p, size_t size, uint32_t kind)
{
	if (size < VDEV__IMAGE_HEADER || memcmp(p, magic, sizeof(magic)) != 0)
		return -EBADMSG;
	if (load_le(p + OFF_HEADER_CRC, 4) != vdev__crc32(p, OFF_HEADER_CRC))
		return -EBADMSG;
	return load_le(p + OFF_KIND, 4) == kind ? 0 : -EBADMSG;
}

static int check_payload(const uint8_t *p, size_t size)
{
	size_t length = size - VDEV__IMAGE_HEADER;

	if (load_le(p + OFF_LENGTH, 8) != length)
		return -EBADMSG;
	if (load_le(p + OFF_PAYLOAD_CRC, 4) != vdev__crc32(p + VDEV__IMAGE_HEADER, length))
		return -EBADMSG;
	return 0;
}

static int check_image(const uint8_t *p, size_t size, uint32_t kind, uint32_t max_version)
{
	uint32_t version;
	int err;

	if (!p)
		return -EINVAL;
	err = check_header(p, size, kind);
	if (err)
		return err;
	/* Before the payload: another version may have another idea of it. */
	version = (uint32_t)load_le(p + OFF_VERSION, 4);
	if (!version || version > max_version)
		return -EPROTONOSUPPORT;
	return check_payload(p, size);
}

int vdev__reader_init(struct vdev__reader *r, const void *image, size_t size, uint32_t kind,
		      uint32_t max_version)
{
	const uint8_t *p = image;

	memset(r, 0, sizeof(*r));
	r->error = check_image(p, size, kind, max_version);
	if (r->error)
		return r->error;
	r->data = p + VDEV__IMAGE_HEADER;
	r->size = size - VDEV__IMAGE_HEADER;
	r->version = (uint32_t)load_le(p + OFF_VERSION, 4);
	return 0;
}

int vdev__reader_fail(struct vdev__reader *r)
{
	if (!r->error)
		r->error = -EBADMSG;
	return -EBADMSG;
}

/* The next bytes, NULL after an error or when there are fewer (which is one). */
static const uint8_t *consume(struct vdev__reader *r, size_t size)
{
	const uint8_t *p;

	if (r->error)
		return NULL;
	if (size > r->size - r->pos) {
		vdev__reader_fail(r);
		return NULL;
	}
	p = r->data + r->pos;
	r->pos += size;
	return p;
}

static uint64_t get_le(struct vdev__reader *r, size_t size)
{
	const uint8_t *p = consume(r, size);

	return p ? load_le(p, size) : 0;
}

uint8_t vdev__get_u8(struct vdev__reader *r)
{
	return (uint8_t)get_le(r, 1);
}

uint32_t vdev__get_u32(struct vdev__reader *r)
{
	return (uint32_t)get_le(r, 4);
}

uint64_t vdev__get_u64(struct vdev__reader *r)
{
	return get_le(r, 8);
}

uint32_t vdev__get_count(struct vdev__reader *r, size_t record)
{
	uint32_t count = vdev__get_u32(r);

	if (vdev__sat_mul(count, record) > r->size - r->pos) {
		vdev__reader_fail(r);
		return 0;
	}
	return count;
}

int vdev__get_bytes(struct vdev__reader *r, void *dst, size_t size)
{
	const uint8_t *p = consume(r, size);

	/* Zeroes rather than what happened to be there: the error is asked for at the end only. */
	if (size && p)
		memcpy(dst, p, size);
	else if (size)
		memset(dst, 0, size);
	return p ? 0 : -EBADMSG;
}

int vdev__reader_finish(struct vdev__reader *r)
{
	if (!r->error && r->pos != r->size)
		vdev__reader_fail(r);
	return r->error;
}
