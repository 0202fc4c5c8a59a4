/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Images: what save() writes and load() reads. Little-endian, versioned, checksummed.
 *
 *   offset  size  field
 *   0       8     magic "VDEVIMG\0"
 *   8       4     kind: which engine (VDEV_PART_...)
 *   12      4     version of that engine's layout, from 1
 *   16      8     length of the payload
 *   24      4     CRC-32 (IEEE, reflected) of the payload
 *   28      4     CRC-32 of bytes 0..27
 *   32      ...   payload
 *
 * Both ends are sticky: after the first error every further call does nothing, and the error is
 * asked for once at the end, so that the code between reads as a list of fields.
 */
#ifndef VDEV__CORE_IMAGE_H
#define VDEV__CORE_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#define VDEV__IMAGE_HEADER 32u

uint32_t vdev__crc32(const void *data, size_t size);

/* Writes into buf while there is room and always counts, so one pass with size 0 measures. */
struct vdev__writer {
	uint8_t *buf;
	size_t size;
	size_t used; /* bytes asked for so far, header included; may exceed size */
	uint32_t kind;
	uint32_t version;
};

void vdev__writer_init(struct vdev__writer *w, void *buf, size_t size, uint32_t kind,
		       uint32_t version);
void vdev__put_u8(struct vdev__writer *w, uint8_t v);
void vdev__put_u32(struct vdev__writer *w, uint32_t v);
void vdev__put_u64(struct vdev__writer *w, uint64_t v);
void vdev__put_bytes(struct vdev__writer *w, const void *data, size_t size);
/* Fills the header in; *ret_size is the size needed. -ENOBUFS: buf is too small. */
int vdev__writer_finish(struct vdev__writer *w, size_t *ret_size);

struct vdev__reader {
	const uint8_t *data; /* payload */
	size_t size;
	size_t pos;
	uint32_t version;
	int error; /* 0 or the first error */
};

/* Checks header, lengths and both checksums. Trailing bytes after the payload are refused.
 * -EBADMSG, -EPROTONOSUPPORT (version 0 or above max_version), -EINVAL (image NULL). */
int vdev__reader_init(struct vdev__reader *r, const void *image, size_t size, uint32_t kind,
		      uint32_t max_version);
uint8_t vdev__get_u8(struct vdev__reader *r);
uint32_t vdev__get_u32(struct vdev__reader *r);
uint64_t vdev__get_u64(struct vdev__reader *r);
/* A count of records of at least `record` bytes each: refused when the rest cannot hold them. */
uint32_t vdev__get_count(struct vdev__reader *r, size_t record);
int vdev__get_bytes(struct vdev__reader *r, void *dst, size_t size);
/* Marks the image as damaged (a value out of range). Returns -EBADMSG. */
int vdev__reader_fail(struct vdev__reader *r);
/* 0 when all was read and nothing is left over; else the first error or -EBADMSG. */
int vdev__reader_finish(struct vdev__reader *r);

#endif
