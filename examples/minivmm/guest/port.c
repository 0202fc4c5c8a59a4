/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * PCIe hot-plug port driver, with the behaviour that guests have in the field:
 *
 *   ON --button--> BLINKING --window--> STOPPING --idle--> SETTLING --> OFF --card present--> ON
 *                  `--button: cancelled--> ON
 *
 * Indicator and power controller going off together is the acknowledgement of the removal.
 */
#include "driver.h"

#define SLTCTL 0x18u
#define SLTSTA 0x1au

#define STA_ABP 0x0001u
#define STA_PDC 0x0008u
#define STA_CC 0x0010u
#define STA_PDS 0x0040u
#define STA_DLLSC 0x0100u
#define CTL_ENABLES (0x0001u | 0x0008u | 0x0020u | 0x1000u) /* ABPE, PDCE, HPIE, DLLSCE */
#define CTL_ON 0x0100u
#define CTL_BLINK 0x0200u
#define CTL_OFF 0x0700u /* indicator off, controller off */
#define SETTLE_MS 20u

void port_bind(struct platform *p, uint32_t address, uint32_t cap)
{
	struct driver *d = driver_of(p);
	struct drv_port *port = 0;

	for (uint32_t i = 0; i < GUEST_PORTS; i++) {
		if (d->ports[i].used && d->ports[i].address == address)
			return;
		if (!d->ports[i].used && !port)
			port = &d->ports[i];
	}
	if (!port)
		return;
	port->used = 1;
	port->address = address;
	port->cap = cap;
	port->bus = config_read(p, address, 0x19, 1);
	port->state = config_read(p, address, cap + SLTSTA, 2) & STA_PDS ? PORT_ON : PORT_OFF;
	bus_enable(p, address, 0, VECTOR_PORT((uint32_t)(port - d->ports)));
}

static void control(struct platform *p, const struct drv_port *port, uint32_t value)
{
	config_write(p, port->address, port->cap + SLTCTL, 2, value | CTL_ENABLES);
}

/* Pending events from before our time are dropped, as drivers in the field do. */
static void make_ready(struct platform *p, struct drv_port *port)
{
	config_write(p, port->address, port->cap + SLTSTA, 2, 0xffff);
	port->ready = 1;
	control(p, port, port->state == PORT_ON ? CTL_ON : CTL_OFF);
}

static void pressed(struct platform *p, struct drv_port *port)
{
	struct guest_report *r = report_of(p);

	if (port->state == PORT_BLINKING) {
		port->state = PORT_ON;
		control(p, port, CTL_ON);
		count(&r->cancelled); /* last: whoever reads it finds the register set */
	} else if (port->state == PORT_ON) {
		/* Before it is counted: whoever reads the count may change the command. */
		uint32_t deaf = told(&command_of(p)->deaf_slots);

		count(&r->warnings);
		if (deaf)
			return;
		port->state = PORT_BLINKING;
		port->until_ms = platform_ms(p) + told(&command_of(p)->window_ms);
		control(p, port, CTL_BLINK);
	}
}

static void vanished(struct platform *p, struct drv_port *port)
{
	struct driver *d = driver_of(p);

	for (uint32_t i = 0; i < GUEST_DEVICES; i++)
		if (d->devices[i].state != DEV_NONE && d->devices[i].address >> 8 == port->bus &&
		    config_read(p, d->devices[i].address, 0, 4) == ALL_ONES)
			block_gone(p, i);
	if (port->state == PORT_ON || port->state == PORT_BLINKING) {
		port->state = PORT_OFF;
		control(p, port, CTL_OFF);
	}
}

static void power_on(struct platform *p, struct drv_port *port)
{
	port->state = PORT_ON;
	control(p, port, CTL_ON);
	bus_scan(p, port->bus);
}

static void events(struct platform *p, struct drv_port *port)
{
	uint32_t status = config_read(p, port->address, port->cap + SLTSTA, 2);
	uint32_t change = status & (STA_ABP | STA_PDC | STA_CC | STA_DLLSC);

	if (status == 0xffff || !change)
		return;
	config_write(p, port->address, port->cap + SLTSTA, 2, change);
	if (change & STA_ABP)
		pressed(p, port);
	if (!(change & (STA_PDC | STA_DLLSC)))
		return;
	if (!(status & STA_PDS))
		vanished(p, port);
	else if (port->state == PORT_OFF)
		power_on(p, port);
}

static void stop(struct platform *p, struct drv_port *port)
{
	port->state = PORT_STOPPING;
	block_stop_below(p, port->address);
}

static void timed(struct platform *p, struct drv_port *port)
{
	int due = (int32_t)(platform_ms(p) - port->until_ms) >= 0;

	if (port->state == PORT_BLINKING && due)
		stop(p, port);
	if (port->state == PORT_STOPPING && block_idle_below(p, port->address)) {
		port->state = PORT_SETTLING;
		port->until_ms = platform_ms(p) + SETTLE_MS;
		count(&report_of(p)->acks);
		control(p, port, CTL_OFF);
	} else if (port->state == PORT_SETTLING && due) {
		port->state = PORT_OFF;
		config_write(p, port->address, port->cap + SLTSTA, 2, STA_PDC | STA_DLLSC | STA_CC);
	}
}

static void commands(struct platform *p)
{
	struct driver *d = driver_of(p);
	struct guest_command *c = command_of(p);

	if (d->off_seen != told(&c->power_off)) {
		d->off_seen = told(&c->power_off);
		stop(p, &d->ports[0]);
	}
	if (d->on_seen != told(&c->power_on)) {
		d->on_seen = told(&c->power_on);
		power_on(p, &d->ports[0]);
	}
}

void port_poll(struct platform *p)
{
	struct driver *d = driver_of(p);

	if (d->ports[0].used)
		commands(p);
	for (uint32_t i = 0; i < GUEST_PORTS; i++) {
		struct drv_port *port = &d->ports[i];

		if (!port->used || !told(&command_of(p)->slot_driver))
			continue;
		if (!port->ready)
			make_ready(p, port);
		if (__atomic_exchange_n(&port->irq, 0, __ATOMIC_ACQ_REL))
			events(p, port);
		timed(p, port);
	}
}
