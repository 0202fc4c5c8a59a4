/* SPDX-License-Identifier: BSD-3-Clause */
/* Chapter 7: native PCIe hot-plug slots: button, indicator, power, presence, re-plug. */
#include "removal.h"

#include <errno.h>

static bool card_in_slot(struct scene *s, struct port **ret_port, struct device **ret_card)
{
	if (!scene_open(s))
		return false;
	*ret_port = scene_port(s, "slot", 16);
	*ret_card = *ret_port ? scene_card(s, "card", *ret_port, 0) : NULL;
	return *ret_card && scene_start(s) &&
	       EXPECT(s, scene_traffic(s, &(*ret_card)->fn), "no I/O");
}

static void button(struct scene *s)
{
	struct device *card;
	struct port *port;

	if (!card_in_slot(s, &port, &card))
		return;
	scene_request(s, &card->fn, NULL);
	NEED(s, scene_outcome(s, &card->fn, VDEV_REMOVAL_BUSY),
	     "the blinking was not told as BUSY");
	NEED(s, scene_outcome(s, &card->fn, VDEV_REMOVAL_REMOVED), "not removed");
	scene_did(s, &port->fn, "WARN");
	scene_did(s, &card->fn, FULL_TAIL);
	EXPECT(s, port_view(s->vm, port).presses == 1, "%u presses",
	       port_view(s->vm, port).presses);
	EXPECT(s, !(port_view(s->vm, port).status & SLTSTA_PDS), "the slot still shows a card");
	EXPECT(s, guest_report(s->vm)->acks == 1, "no ack");
	EXPECT(s, scene_seen(s, &card->fn)->io_errors == 0, "I/O errors");
	scene_tell(s, "button, blinking, indicator and power off, presence gone");
}

static void surprise(struct scene *s)
{
	struct device *card;
	struct port *port;

	if (!card_in_slot(s, &port, &card))
		return;
	scene_rule(s, &card->fn)->level = VDEV_GUEST_LEVEL_SAFE;
	NEED(s, scene_level(s, &card->fn, VDEV_REMOVAL_SAFE), "not declared");
	scene_request(s, &card->fn, NULL);
	NEED(s, scene_outcome(s, &card->fn, VDEV_REMOVAL_REMOVED), "not removed");
	NEED(s, scene_state(s, &card->fn, DEV_GONE), "presence change did not reach the driver");
	EXPECT(s, port_view(s->vm, port).presses == 0, "the button was pressed");
	EXPECT(s, guest_report(s->vm)->surprises == 1, "no surprise");
	scene_tell(s, "SAFE in a slot: presence and link change, no press");
}

static void press_again_cancels(struct scene *s)
{
	struct device *card;
	struct port *port;

	if (!card_in_slot(s, &port, &card))
		return;
	guest_command(s->vm)->window_ms = 2000;
	scene_request(s, &card->fn, NULL);
	NEED(s, scene_outcome(s, &card->fn, VDEV_REMOVAL_BUSY), "no BUSY");
	scene_cancel(s, &card->fn);
	NEED(s, scene_outcome(s, &card->fn, VDEV_REMOVAL_CANCELLED), "no CANCELLED");
	NEED(s, scene_counter(s, &guest_report(s->vm)->cancelled, 1),
	     "the guest did not take it back");
	EXPECT(s, port_view(s->vm, port).presses == 2, "%u presses, expected 2",
	       port_view(s->vm, port).presses);
	EXPECT(s, (port_view(s->vm, port).control & SLTCTL_PIC) == SLTCTL_PIC_ON,
	       "the indicator is not on");
	removal_works(s, card);
	scene_tell(s, "a second press inside the window takes the first one back");
}

static void slot_not_ready(struct scene *s)
{
	struct device *card;
	struct port *port;

	if (!scene_open(s))
		return;
	guest_command(s->vm)->slot_driver = 0;
	port = scene_port(s, "slot", 16);
	card = port ? scene_card(s, "card", port, 0) : NULL;
	if (!card || !scene_start(s))
		return;
	scene_request(s, &card->fn, NULL);
	NEED(s, scene_outcome(s, &card->fn, VDEV_REMOVAL_GUEST_NOT_READY), "no GUEST_NOT_READY");
	vm_run_for(s->vm, 50);
	EXPECT(s, port_view(s->vm, port).presses == 0, "pressed before HPIE and ABPE were set");
	__atomic_store_n(&guest_command(s->vm)->slot_driver, 1, __ATOMIC_RELEASE);
	NEED(s, scene_outcome(s, &card->fn, VDEV_REMOVAL_REMOVED), "the request was lost");
	EXPECT(s, port_view(s->vm, port).presses == 1, "%u presses",
	       port_view(s->vm, port).presses);
	scene_tell(s, "kept until the guest enabled the slot's interrupts");
}

/* A deaf guest is asked again, but a second press too early would be lost or cancel (R9). */
static void five_seconds(struct scene *s)
{
	struct vdev_removal_request retry = {.struct_size = sizeof(retry),
					     .ack_policy = VDEV_REMOVAL_ACK_RETRY,
					     .retries = 3,
					     .ack_ns = 3 * SECOND};
	uint64_t first, gap, paused = 300 * MS;
	struct device *card;
	struct port *port;

	if (!card_in_slot(s, &port, &card))
		return;
	guest_command(s->vm)->deaf_slots = 1;
	scene_request(s, &card->fn, &retry);
	NEED(s, scene_counter(s, &guest_report(s->vm)->warnings, 1), "not pressed");
	NEED(s, scene_last(s, &port->fn, VDEV_REMOVAL_WARN) != NULL, "no WARN recorded");
	first = scene_last(s, &port->fn, VDEV_REMOVAL_WARN)->now_ns;
	guest_command(s->vm)->deaf_slots = 0;
	vm_pause(s->vm);
	vm_run_for(s->vm, paused / MS);
	vm_resume(s->vm);
	NEED(s, scene_outcome_in(s, &card->fn, VDEV_REMOVAL_REMOVED, 15000), "not removed");
	gap = scene_last(s, &port->fn, VDEV_REMOVAL_WARN)->now_ns - first;
	EXPECT(s, port_view(s->vm, port).presses == 2, "%u presses, expected 2",
	       port_view(s->vm, port).presses);
	EXPECT(s, gap >= 5 * SECOND + paused,
	       "the second press came after %.3f s, %.1f s of pause in it", (double)gap / 1e9,
	       (double)paused / 1e9);
	scene_tell(s,
		   "asked again after %.2f s, of which 0.3 s paused: never before 5 s of running",
		   (double)gap / 1e9);
}

static struct device_spec new_card(struct port *port, uint64_t id)
{
	return (struct device_spec){.name = "new-card",
				    .port = port,
				    .address = bridge_bus(&port->fn) << 8,
				    .id = id,
				    .flags = VDEV_REMOVAL_HOTPLUG};
}

/* cloud-hypervisor #4038: re-plug with the same id races the removal. */
static void replug_pending(struct scene *s)
{
	struct device *card, *fresh, *refused;
	struct device_spec spec;
	const struct deed *gone, *announce;
	struct port *port;
	int r;

	s->options.removal.settle_ns = 200 * MS;
	if (!card_in_slot(s, &port, &card))
		return;
	scene_rule(s, &card->fn)->level = VDEV_GUEST_LEVEL_UNSAFE;
	NEED(s, scene_level(s, &card->fn, VDEV_REMOVAL_UNSAFE), "not declared");
	guest_command(s->vm)->window_ms = 300;
	scene_request(s, &card->fn, NULL);
	spec = new_card(port, card->fn.id);
	r = device_new(s->vm, &spec, &refused);
	EXPECT(s, r == -EEXIST, "the id of a leaving device was given away: %d", r);
	spec = new_card(port, 0);
	fresh = scene_disk(s, &spec);
	NEED(s, fresh != NULL, "a re-plug while the removal is pending was refused");
	EXPECT(s, scene_info(s, fresh->fn.unit).state == VDEV_REMOVAL_QUEUED, "not queued");
	scene_rule(s, &card->fn)->level = LEVEL_NONE;
	NEED(s, scene_outcome(s, &card->fn, VDEV_REMOVAL_REMOVED), "not removed");
	NEED(s, scene_deed(s, &fresh->fn, VDEV_REMOVAL_ANNOUNCE), "the re-plug was lost");
	gone = scene_last(s, &card->fn, VDEV_REMOVAL_OUTCOME);
	announce = scene_last(s, &fresh->fn, VDEV_REMOVAL_ANNOUNCE);
	EXPECT(s, announce->now_ns >= gone->now_ns + 200 * MS,
	       "plugged after %.1f ms, expected 200",
	       (double)(announce->now_ns - gone->now_ns) / 1e6);
	NEED(s, scene_generation(s, &fresh->fn, 2), "the guest did not find it");
	EXPECT(s, scene_traffic(s, &fresh->fn), "the new card does not work");
	EXPECT(s, vdev_removal_level(s->vm->removal, fresh->fn.unit) == VDEV_REMOVAL_UNKNOWN,
	       "the new card inherited a level");
	scene_tell(s, "queued, plugged %.0f ms after the slot was empty, nothing inherited",
		   (double)(announce->now_ns - gone->now_ns) / 1e6);
}

static void replug_after(struct scene *s)
{
	struct device *card, *fresh;
	struct device_spec spec;
	struct port *port;

	s->options.removal.settle_ns = 200 * MS;
	if (!card_in_slot(s, &port, &card))
		return;
	scene_request(s, &card->fn, NULL);
	NEED(s, scene_outcome(s, &card->fn, VDEV_REMOVAL_REMOVED), "not removed");
	EXPECT(s, scene_info(s, port->fn.unit).state == VDEV_REMOVAL_SETTLING, "not settling");
	spec = new_card(port, card->fn.id);
	fresh = scene_disk(s, &spec);
	NEED(s, fresh != NULL, "the id was not free after REMOVED");
	vm_run_for(s->vm, 50);
	EXPECT(s, scene_count(s, &fresh->fn, VDEV_REMOVAL_ANNOUNCE) == 0,
	       "plugged before it settled");
	NEED(s, scene_generation(s, &fresh->fn, 2), "the guest did not find it");
	EXPECT(s, scene_traffic(s, &fresh->fn), "the new card does not work");
	scene_request(s, &fresh->fn, NULL);
	NEED(s, scene_outcome(s, &fresh->fn, VDEV_REMOVAL_REMOVED), "the new card was not removed");
	EXPECT(s, port_view(s->vm, port).presses == 2, "%u presses, expected 2",
	       port_view(s->vm, port).presses);
	scene_tell(s, "same slot, same id, after the settle time; removed again");
}

/* Power off and on by the guest itself: held and given back. */
static void power_cycle(struct scene *s)
{
	struct device *card;
	uint64_t old;
	struct port *port;

	if (!card_in_slot(s, &port, &card))
		return;
	old = card->fn.unit;
	__atomic_fetch_add(&guest_command(s->vm)->power_off, 1, __ATOMIC_RELEASE);
	NEED(s, scene_deed(s, &card->fn, VDEV_REMOVAL_HIDE), "not hidden");
	vm_run_for(s->vm, 50);
	EXPECT(s, scene_info(s, old).state == VDEV_REMOVAL_HIDDEN, "not held");
	scene_did(s, &card->fn, "HIDE");
	__atomic_fetch_add(&guest_command(s->vm)->power_on, 1, __ATOMIC_RELEASE);
	NEED(s, scene_deed(s, &card->fn, VDEV_REMOVAL_REANNOUNCE), "not given back");
	EXPECT(s, card->fn.unit != old, "it came back under its old handle");
	EXPECT(s, scene_traffic(s, &card->fn), "it does not work after power-on");
	scene_tell(s, "the guest's own power-off: hidden, held, given back at power-on");
}

const struct story removal_slots[] = {
	{"pcie-button", "R8 R9 R10", button},
	{"pcie-surprise", "R4 R8", surprise},
	{"pcie-press-again-cancels", "R9 R12", press_again_cancels},
	{"pcie-not-ready", "R10", slot_not_ready},
	{"pcie-retry-five-seconds", "R9", five_seconds},
	{"replug-while-pending", "R6 R11", replug_pending},
	{"replug-after", "R11", replug_after},
	{"slot-power-cycle", "R16 R12", power_cycle},
	{NULL, NULL, NULL},
};
