/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Driver of the paravirtual management function (<vdev/guest.h>): handshake, declarations, eject
 * requests and their answers, each as the command page says.
 */
#include <vdev/guest.h>

#include "driver.h"

static uint32_t get(struct platform *p, uint32_t offset)
{
	return platform_read(p, driver_of(p)->pv_registers + offset, 4);
}

static void put(struct platform *p, uint32_t offset, uint32_t value)
{
	platform_write(p, driver_of(p)->pv_registers + offset, 4, value);
}

static uint32_t order(struct platform *p, uint32_t what, uint32_t address, uint32_t argument,
		      uint32_t cookie)
{
	uint32_t result;

	put(p, VDEV_GUEST_COMMAND_ADDRESS, address);
	put(p, VDEV_GUEST_COMMAND_ARGUMENT, argument);
	put(p, VDEV_GUEST_COMMAND_COOKIE, cookie);
	put(p, VDEV_GUEST_COMMAND, what);
	result = get(p, VDEV_GUEST_RESULT);
	if (result != VDEV_GUEST_R_OK)
		count(&report_of(p)->bad_results);
	return result;
}

void pv_bind(struct platform *p, uint32_t address)
{
	struct driver *d = driver_of(p);

	if (d->pv_registers)
		return;
	bus_enable(p, address, 0, VECTOR_PV);
	d->pv_registers = config_read(p, address, 0x10, 4) & ~0xfull;
}

static void handshake(struct platform *p)
{
	struct driver *d = driver_of(p);
	uint32_t status = VDEV_GUEST_S_DRIVER;
	uint32_t wanted = VDEV_GUEST_F_REMOVAL | VDEV_GUEST_F_PROGRESS;

	if (messages_wanted(p))
		wanted |= VDEV_GUEST_F_MESSAGES | messages_hints_wanted(p);
	if (get(p, VDEV_GUEST_MAGIC) != VDEV_GUEST_MAGIC_VALUE)
		return;
	put(p, VDEV_GUEST_STATUS, 0);
	put(p, VDEV_GUEST_STATUS, status);
	put(p, VDEV_GUEST_DRIVER_FEATURES, get(p, VDEV_GUEST_DEVICE_FEATURES) & wanted);
	status |= VDEV_GUEST_S_FEATURES_OK;
	put(p, VDEV_GUEST_STATUS, status);
	if (!(get(p, VDEV_GUEST_STATUS) & VDEV_GUEST_S_FEATURES_OK))
		return;
	put(p, VDEV_GUEST_IRQ_ENABLE, 1);
	put(p, VDEV_GUEST_STATUS, status | VDEV_GUEST_S_DRIVER_OK);
	messages_reset(p);
	d->pv_up = 1;
	d->pv_irq = 1; /* look once: an event may have come before the interrupt was on */
	d->pv_seen = told(&command_of(p)->pv_again);
	for (uint32_t i = 0; i < GUEST_DEVICES; i++)
		d->devices[i].declared = LEVEL_NONE;
	report_of(p)->handshakes++;
}

static struct drv_eject *eject_of(struct driver *d, uint32_t cookie)
{
	for (uint32_t i = 0; i < EJECTS; i++)
		if (d->ejects[i].used && d->ejects[i].cookie == cookie)
			return &d->ejects[i];
	return 0;
}

static struct drv_eject *eject_new(struct driver *d)
{
	for (uint32_t i = 0; i < EJECTS; i++)
		if (!d->ejects[i].used)
			return &d->ejects[i];
	return 0;
}

static void remember_cookie(struct platform *p, uint32_t address, uint32_t cookie)
{
	struct driver *d = driver_of(p);

	for (uint32_t i = 0; i < GUEST_DEVICES; i++)
		if (d->devices[i].state != DEV_NONE && d->devices[i].address == address)
			d->devices[i].cookie = cookie;
}

static void eject(struct platform *p, uint32_t address, uint32_t cookie)
{
	const struct guest_rule *rule = driver_rule(p, address);
	struct drv_eject *e = eject_new(driver_of(p));

	count(&report_of(p)->warnings);
	remember_cookie(p, address, cookie);
	if (told(&rule->progress))
		order(p, VDEV_GUEST_CMD_PROGRESS, address, 0, cookie);
	if (!e || told(&rule->answer) == ANSWER_NEVER || told(&rule->answer) == ANSWER_LOSE)
		return;
	e->used = 1;
	e->address = address;
	e->cookie = cookie;
	e->due_ms = platform_ms(p) + told(&rule->delay_ms);
	if (told(&rule->answer) == ANSWER_ACK)
		block_stop_below(p, address);
}

static void cancelled(struct platform *p, uint32_t address, uint32_t cookie)
{
	struct drv_eject *e = eject_of(driver_of(p), cookie);

	count(&report_of(p)->cancelled);
	if (e)
		e->used = 0;
	block_go_on_below(p, address);
}

static void redeclare(struct platform *p, uint32_t address)
{
	struct driver *d = driver_of(p);

	count(&report_of(p)->redeclares);
	for (uint32_t i = 0; i < GUEST_DEVICES; i++)
		if (address == VDEV_GUEST_ALL || d->devices[i].address == address)
			d->devices[i].declared = LEVEL_NONE;
}

static void take_events(struct platform *p)
{
	uint32_t kind;

	while ((kind = get(p, VDEV_GUEST_EVENT)) != VDEV_GUEST_EVENT_NONE && kind != ALL_ONES) {
		uint32_t address = get(p, VDEV_GUEST_EVENT_ADDRESS);
		uint32_t cookie = get(p, VDEV_GUEST_EVENT_COOKIE);

		put(p, VDEV_GUEST_EVENT_POP, 1);
		if (kind == VDEV_GUEST_EVENT_EJECT)
			eject(p, address, cookie);
		else if (kind == VDEV_GUEST_EVENT_EJECT_CANCELLED)
			cancelled(p, address, cookie);
		else if (kind == VDEV_GUEST_EVENT_REDECLARE)
			redeclare(p, address);
		else if (kind == VDEV_GUEST_EVENT_DEVICE_ADDED) {
			count(&report_of(p)->added);
			driver_of(p)->rescan = 1;
		}
	}
}

static void answer(struct platform *p, struct drv_eject *e)
{
	const struct guest_rule *rule = driver_rule(p, e->address);
	struct guest_report *r = report_of(p);

	if ((int32_t)(platform_ms(p) - e->due_ms) < 0)
		return;
	if (told(&rule->answer) == ANSWER_REFUSE) {
		e->used = 0;
		count(&r->refusals);
		order(p, VDEV_GUEST_CMD_REFUSE, e->address, told(&rule->reason), e->cookie);
	} else if (told(&rule->answer) == ANSWER_ACK && block_idle_below(p, e->address)) {
		e->used = 0;
		count(&r->acks);
		if (order(p, VDEV_GUEST_CMD_ACK, e->address, 0, e->cookie) == VDEV_GUEST_R_OK &&
		    config_read(p, e->address, 0, 4) != ALL_ONES)
			count(&r->seen_after_ack);
	}
}

static void declare(struct platform *p, uint32_t index)
{
	struct drv_device *d = &driver_of(p)->devices[index];
	uint32_t level = told(&driver_rule(p, d->address)->level);

	if (level == LEVEL_NONE || level == d->declared)
		return;
	d->declared = level;
	block_report(p, index)->declared = level;
	order(p, VDEV_GUEST_CMD_DECLARE, d->address, level, 0);
}

/* What the guest does unasked. */
static void own_will(struct platform *p, uint32_t index)
{
	struct drv_device *d = &driver_of(p)->devices[index];
	const struct guest_rule *rule = driver_rule(p, d->address);

	if (d->ack_seen != told(&rule->ack_now)) {
		d->ack_seen = told(&rule->ack_now);
		order(p, VDEV_GUEST_CMD_ACK, d->address, 0, d->cookie);
		count(&report_of(p)->acks);
	}
	if (d->unbind_seen != told(&rule->unbind_now)) {
		d->unbind_seen = told(&rule->unbind_now);
		block_stop(p, index);
		order(p, VDEV_GUEST_CMD_UNBOUND, d->address, 0, 0);
	}
	if (d->eject_seen != told(&rule->eject_now)) {
		d->eject_seen = told(&rule->eject_now);
		d->ejecting = 1;
		d->warned = 1;
		block_stop(p, index);
	}
	if (d->ejecting && told(&d->state) == DEV_DOWN) {
		d->ejecting = 0;
		order(p, VDEV_GUEST_CMD_EJECTED, d->address, 0, 0);
	}
}

/* A guest gone wild: any offset, any width, any value. Numbers repeat from run to run. */
static void wild(struct platform *p)
{
	struct guest_report *r = report_of(p);
	uint32_t x = 0x2545f491u + (uint32_t)r->hostile_done;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	platform_write(p, driver_of(p)->pv_registers + (x & 0x7c), 1u << (x >> 8 & 1) << 1, x >> 7);
	platform_read(p, driver_of(p)->pv_registers + (x >> 9 & 0xff0), 1u << (x >> 20 & 1));
	r->hostile_done++;
}

void pv_poll(struct platform *p)
{
	struct driver *d = driver_of(p);
	struct guest_command *c = command_of(p);

	if (!d->pv_registers || !told(&c->pv_driver))
		return;
	if (told(&c->hostile) > report_of(p)->hostile_done) {
		for (uint32_t i = 0; i < 32; i++)
			wild(p);
		return;
	}
	if (!d->pv_up || d->pv_seen != told(&c->pv_again))
		handshake(p);
	if (!d->pv_up)
		return;
	if (__atomic_exchange_n(&d->pv_irq, 0, __ATOMIC_ACQ_REL)) {
		take_events(p);
		messages_interrupt(p);
	}
	for (uint32_t i = 0; i < EJECTS; i++)
		if (d->ejects[i].used)
			answer(p, &d->ejects[i]);
	for (uint32_t i = 0; i < GUEST_DEVICES; i++) {
		uint32_t state = told(&d->devices[i].state);

		if (state == DEV_UP)
			declare(p, i);
		if (state == DEV_UP || state == DEV_DOWN)
			own_will(p, i);
	}
}
