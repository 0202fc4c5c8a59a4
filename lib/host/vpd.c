/* SPDX-License-Identifier: BSD-3-Clause */
/* Vital product data: keywords of its read-only part (PCI Local Bus 3.0, appendix I). */
/* ANALYZER: keywords of any number and length; nothing is allocated here */
#include "inventory.h"

#include <string.h>

static void text(char *ret, size_t size, const uint8_t *from, uint32_t length)
{
	size_t n = 0;

	while (length && (from[length - 1] == ' ' || !from[length - 1]))
		length--; /* fields are padded */
	while (length && *from == ' ') {
		from++;
		length--;
	}
	for (; n < length && n < size - 1; n++)
		ret[n] = (char)(from[n] < ' ' || from[n] > '~' ? '?' : from[n]);
	memset(ret + n, 0, size - n);
}

/* Vendors keep the firmware in a keyword of their own, which begins so: FFV of network cards, Dell's DSV. */
static int is_firmware(const uint8_t *from, uint32_t length)
{
	return length > 3 && (memcmp(from, "FFV", 3) == 0 || memcmp(from, "DSV", 3) == 0);
}

static void keyword(struct vdev_inventory_device *d, const uint8_t *key, const uint8_t *from,
		    uint32_t length)
{
	if (memcmp(key, "SN", 2) == 0)
		text(d->vpd_serial, sizeof(d->vpd_serial), from, length);
	else if (memcmp(key, "PN", 2) == 0)
		text(d->vpd_part, sizeof(d->vpd_part), from, length);
	else if (memcmp(key, "RM", 2) == 0 || (key[0] == 'V' && is_firmware(from, length)))
		text(d->vpd_firmware, sizeof(d->vpd_firmware), from, length);
}

static void read_only(struct vdev_inventory_device *d, const uint8_t *p, uint32_t size)
{
	while (size >= 3 && p[2] <= size - 3) {
		uint32_t step = 3u + p[2];

		if (memcmp(p, "RV", 2) == 0)
			return; /* the checksum is the last one */
		keyword(d, p, p + 3, p[2]);
		p += step;
		size -= step;
	}
}

void vdev__inventory_vpd(struct vdev_inventory_device *d, const uint8_t *vpd, uint32_t size)
{
	uint32_t at = 0;

	while (at < size) {
		uint32_t length = vpd[at] & 7u, tag = vpd[at] >> 3 & 15u;
		uint32_t head = 1;

		if (vpd[at] & 0x80) {
			if (size - at < 3)
				return;
			tag = vpd[at] & 0x7fu;
			length = vpd[at + 1] | (uint32_t)vpd[at + 2] << 8;
			head = 3;
		} else if (tag == 15) {
			return;
		}
		if (length > size - at - head)
			return;
		if (head == 3 && tag == 0x10)
			read_only(d, vpd + at + head, length);
		at += head + length;
	}
}
