/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fuzz target: what the reader's process says to the library. The input is taken twice: as bytes of the pipe, and as the
 * contents of messages made around it, so that the checksum does not keep the fuzzer out. What was taken is related
 * and described as vdev_inventory_new() and its callers do.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/inventory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int ok)
{
	if (!ok)
		abort();
}

static void *get(void *user, size_t size)
{
	(void)user;
	return malloc(size);
}

static void put_back(void *user, void *ptr, size_t size)
{
	(void)user;
	(void)size;
	free(ptr);
}

static void feed(struct vdev__answer *a, const uint8_t *data, size_t size)
{
	int err = 0;

	while (size && !err) {
		size_t room = ANSWER_ROOM - a->have, n = size < room ? size : room;

		require(room > 0);
		memcpy(a->buf + a->have, data, n);
		a->have += (uint32_t)n;
		data += n;
		size -= n;
		err = vdev__answer_take(a);
		require(err <= 0 && a->have <= ANSWER_ROOM);
	}
}

static void message(struct vdev__answer *a, uint32_t type, const void *data, size_t size)
{
	struct wire_head h = {WIRE_MAGIC, type, (uint32_t)size, wire_check(data, size)};
	uint8_t *all = malloc(sizeof(h) + size);

	require(all != NULL);
	memcpy(all, &h, sizeof(h));
	memcpy(all + sizeof(h), data, size);
	feed(a, all, sizeof(h) + size);
	free(all);
}

static void hello(struct vdev__answer *a)
{
	const struct wire_hello h = {WIRE_VERSION, sizeof(struct wire_device)};

	message(a, WIRE_HELLO, &h, sizeof(h));
}

/* A device that says little, and the input as its configuration space and VPD. */
static void device(struct vdev__answer *a, uint32_t address, const uint8_t *data, size_t size)
{
	size_t config = size < WIRE_CONFIG ? size : WIRE_CONFIG;
	uint8_t *all = calloc(1, WIRE_MOST);
	struct wire_device w;

	require(all != NULL);
	memset(&w, 0, sizeof(w));
	memset(&w.vendor, 0xff,
	       offsetof(struct wire_device, bar_flags) - offsetof(struct wire_device, vendor));
	w.address = address;
	w.config_size = (uint32_t)config;
	w.vpd_size = (uint32_t)(size - config < WIRE_VPD ? size - config : WIRE_VPD);
	memcpy(all, &w, sizeof(w));
	memcpy(all + sizeof(w), data, config + w.vpd_size);
	message(a, WIRE_DEVICE, all, sizeof(w) + config + w.vpd_size);
	free(all);
}

static void finish(struct vdev__answer *a)
{
	struct vdev_inventory *v = a->inventory;
	struct vdev_migration_device m;

	vdev__inventory_relate(v); /* whether or not they are in order, it ends */
	for (uint32_t i = 0; i < v->count; i++)
		require(!vdev_inventory_describe(&v->devices[i], sizeof(v->devices[i]), &m,
						 sizeof(m)));
	vdev__free(&v->env, v->devices, v->room * sizeof(*v->devices));
	v->devices = NULL;
	v->count = v->room = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct vdev_env env = {.struct_size = sizeof(env), .alloc = get, .free = put_back};
	struct vdev_inventory v = {.env = env};
	struct vdev__answer a = {.inventory = &v, .buf = malloc(ANSWER_ROOM)};

	require(a.buf != NULL);
	feed(&a, data, size);
	finish(&a);
	a = (struct vdev__answer){.inventory = &v, .buf = a.buf};
	hello(&a);
	device(&a, 0x100, data, size);
	device(&a, 0x101, data, size / 2);
	device(&a, 0x110, data + size / 2, size - size / 2);
	if (size)
		message(&a, data[0] % 8, data + 1, size - 1);
	finish(&a);
	free(a.buf);
	return 0;
}
