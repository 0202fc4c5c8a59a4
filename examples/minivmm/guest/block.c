/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Block driver: keeps BLK_SLOTS requests in flight, checks each answer, and survives a device that
 * vanishes. CPU 0 stops and starts it, its own CPU does the traffic; `state` is the meeting point:
 *
 *   NONE -> UP -> STOPPING -> DOWN        UP, STOPPING -> GONE (read all-ones)
 */
#include "driver.h"

#define LOOK_MS 2u

static int change(struct drv_device *d, uint32_t from, uint32_t to)
{
	return __atomic_compare_exchange_n(&d->state, &from, to, 0, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE);
}

struct guest_device *block_report(struct platform *p, uint32_t index)
{
	return &report_of(p)->devices[driver_of(p)->devices[index].entry];
}

static void show(struct platform *p, uint32_t index)
{
	struct guest_device *r = block_report(p, index);

	__atomic_store_n(&r->state, told(&driver_of(p)->devices[index].state), __ATOMIC_RELEASE);
}

static uint64_t ring_of(uint32_t index)
{
	return GUEST_RINGS + (uint64_t)index * GUEST_RING_STRIDE;
}

static struct blk_request *request_of(struct platform *p, uint32_t index, uint32_t slot)
{
	return (struct blk_request *)platform_ram(p, ring_of(index)) + slot;
}

static uint64_t data_of(uint32_t index, uint32_t slot)
{
	return ring_of(index) + 0x800u + (uint64_t)slot * BLK_DATA_SIZE;
}

static uint64_t bar(struct platform *p, uint32_t address, uint32_t number)
{
	return config_read(p, address, 0x10 + 4 * number, 4) & ~0xfull;
}

static void start(struct platform *p, uint32_t index)
{
	struct drv_device *d = &driver_of(p)->devices[index];

	for (uint32_t s = 0; s < BLK_SLOTS; s++)
		request_of(p, index, s)->state = BLK_FREE;
	d->in_flight = 0;
	bus_enable(p, d->address, d->cpu, VECTOR_DEVICE(d->cpu, index));
	d->registers = bar(p, d->address, 0);
	d->memory = bar(p, d->address, 1);
	platform_write(p, d->registers + BLK_RING, 4, (uint32_t)ring_of(index));
	platform_write(p, d->registers + BLK_CONTROL, 4, BLK_ENABLE);
	platform_write(p, d->memory, 4, d->ram_value);
	__atomic_store_n(&d->state, DEV_UP, __ATOMIC_RELEASE);
	show(p, index);
}

/* The entry of a device that was here before, or a free one. */
static uint32_t entry_for(struct driver *d, uint32_t address)
{
	uint32_t unused = GUEST_DEVICES;

	for (uint32_t i = 0; i < GUEST_DEVICES; i++) {
		if (d->devices[i].state != DEV_NONE && d->devices[i].address == address)
			return i;
		if (d->devices[i].state == DEV_NONE && unused == GUEST_DEVICES)
			unused = i;
	}
	return unused;
}

/* Entries of the report outlive a reboot: each belongs to an address. */
static uint32_t report_entry(struct platform *p, uint32_t address)
{
	struct guest_report *r = report_of(p);
	uint32_t i = 0;

	while (i < GUEST_DEVICES - 1 && r->devices[i].generation &&
	       r->devices[i].address != address)
		i++;
	return i;
}

void block_bind(struct platform *p, uint32_t address)
{
	uint32_t index = entry_for(driver_of(p), address);
	const struct guest_rule *rule = driver_rule(p, address);
	struct guest_device *r;
	struct drv_device *d;

	if (index == GUEST_DEVICES || told(&rule->io) == IO_UNTOUCHED)
		return;
	d = &driver_of(p)->devices[index];
	if (told(&d->state) == DEV_UP || told(&d->state) == DEV_STOPPING)
		return;
	d->address = address;
	d->cpu = index % driver_cpus(p);
	d->declared = LEVEL_NONE;
	d->warned = 0;
	d->ejecting = 0;
	d->eject_seen = told(&rule->eject_now);
	d->unbind_seen = told(&rule->unbind_now);
	d->ack_seen = told(&rule->ack_now);
	d->entry = report_entry(p, address);
	r = block_report(p, index);
	r->address = address;
	r->declared = LEVEL_NONE;
	__atomic_fetch_add(&r->generation, 1, __ATOMIC_RELEASE);
	report_of(p)->found++;
	start(p, index);
}

/* All-ones: nobody is there any more. What was in flight will never come back. */
void block_gone(struct platform *p, uint32_t index)
{
	struct drv_device *d = &driver_of(p)->devices[index];
	struct guest_device *r = block_report(p, index);

	if (!change(d, DEV_UP, DEV_GONE) && !change(d, DEV_STOPPING, DEV_GONE))
		return;
	count(&r->all_ones);
	r->io_errors += d->in_flight;
	if (!d->warned)
		count(&report_of(p)->surprises);
	show(p, index);
}

static void finish(struct platform *p, uint32_t index, struct blk_request *q, uint32_t slot)
{
	struct drv_device *d = &driver_of(p)->devices[index];
	struct guest_device *r = block_report(p, index);
	const uint8_t *data = platform_ram(p, data_of(index, slot));

	if (told(&q->state) == BLK_ERROR)
		r->io_errors++;
	else if (q->sum != blk_sum(data, q->length, q->sequence))
		r->bad_sums++;
	else
		count(&r->io_done);
	q->state = BLK_FREE;
	d->in_flight--;
}

static void submit(struct platform *p, uint32_t index, struct blk_request *q, uint32_t slot)
{
	struct drv_device *d = &driver_of(p)->devices[index];
	uint8_t *data = platform_ram(p, data_of(index, slot));

	d->sequence++;
	for (uint32_t i = 0; i < BLK_DATA_SIZE; i += 8)
		data[i] = (uint8_t)(d->sequence + i);
	q->address = data_of(index, slot);
	q->length = BLK_DATA_SIZE;
	q->sequence = d->sequence;
	d->in_flight++;
	__atomic_store_n(&q->state, BLK_READY, __ATOMIC_RELEASE);
}

static int traffic(struct platform *p, uint32_t index, int more)
{
	struct drv_device *d = &driver_of(p)->devices[index];
	int moved = 0, rung = 0;

	for (uint32_t s = 0; s < BLK_SLOTS; s++) {
		struct blk_request *q = request_of(p, index, s);
		uint32_t state = told(&q->state);

		if (state == BLK_FINISHED || state == BLK_ERROR) {
			finish(p, index, q, s);
			moved = 1;
		}
		if (more && told(&q->state) == BLK_FREE) {
			submit(p, index, q, s);
			rung = 1;
		}
	}
	if (rung)
		platform_write(p, d->registers + BLK_DOORBELL, 4, 1);
	return moved;
}

/* Looks whether the device is still there, and whether its memory holds what we put there. */
static int look(struct platform *p, uint32_t index)
{
	struct drv_device *d = &driver_of(p)->devices[index];
	uint32_t value;

	if (platform_ms(p) - d->looked_ms < LOOK_MS)
		return 1;
	d->looked_ms = platform_ms(p);
	if (platform_read(p, d->registers + BLK_ID, 4) == ALL_ONES) {
		block_gone(p, index);
		return 0;
	}
	value = platform_read(p, d->memory, 4);
	if (value != d->ram_value && value != ALL_ONES)
		block_report(p, index)->bad_sums++;
	d->ram_value = (d->ram_value + 1) & 0xffff;
	platform_write(p, d->memory, 4, d->ram_value);
	return 1;
}

static void stopped(struct platform *p, uint32_t index)
{
	struct drv_device *d = &driver_of(p)->devices[index];
	struct guest_device *r = block_report(p, index);

	platform_write(p, d->registers + BLK_CONTROL, 4, 0);
	config_write(p, d->address, 4, 2, 0x0002);
	r->io_at_stop = r->io_done;
	change(d, DEV_STOPPING, DEV_DOWN);
	show(p, index);
}

int block_poll(struct platform *p, uint32_t index)
{
	struct drv_device *d = &driver_of(p)->devices[index];
	uint32_t state = told(&d->state);
	int moved;

	if (state != DEV_UP && state != DEV_STOPPING)
		return 0;
	if (!look(p, index))
		return 1;
	moved = traffic(p, index,
			state == DEV_UP && told(&driver_rule(p, d->address)->io) == IO_RUN);
	if (state == DEV_STOPPING && d->in_flight == 0)
		stopped(p, index);
	return moved;
}

void block_stop(struct platform *p, uint32_t index)
{
	change(&driver_of(p)->devices[index], DEV_UP, DEV_STOPPING);
	show(p, index);
}

/* The warning was taken back: as if nothing had happened. */
void block_go_on(struct platform *p, uint32_t index)
{
	struct drv_device *d = &driver_of(p)->devices[index];

	d->warned = 0;
	if (!change(d, DEV_STOPPING, DEV_UP) && told(&d->state) == DEV_DOWN)
		start(p, index);
	show(p, index);
}

void block_stop_below(struct platform *p, uint32_t top)
{
	struct driver *d = driver_of(p);

	for (uint32_t i = 0; i < GUEST_DEVICES; i++)
		if (d->devices[i].state != DEV_NONE && bus_covers(p, top, d->devices[i].address)) {
			d->devices[i].warned = 1;
			block_stop(p, i);
		}
}

void block_go_on_below(struct platform *p, uint32_t top)
{
	struct driver *d = driver_of(p);

	for (uint32_t i = 0; i < GUEST_DEVICES; i++)
		if (d->devices[i].state != DEV_NONE && bus_covers(p, top, d->devices[i].address))
			block_go_on(p, i);
}

int block_idle_below(struct platform *p, uint32_t top)
{
	struct driver *d = driver_of(p);

	for (uint32_t i = 0; i < GUEST_DEVICES; i++) {
		uint32_t state = told(&d->devices[i].state);

		if ((state == DEV_UP || state == DEV_STOPPING) &&
		    bus_covers(p, top, d->devices[i].address))
			return 0;
	}
	return 1;
}
