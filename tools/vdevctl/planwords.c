/* SPDX-License-Identifier: BSD-3-Clause */
/* vdevctl plan: what steps do, and why a device has its verdict, in words. */
#include <stdio.h>

#include "move.h"

#define SHORT 68 /* of a value in a sentence */

const char *side_name(uint32_t side)
{
	return side == VDEV_MIGRATION_AT_SOURCE        ? "source"
	       : side == VDEV_MIGRATION_AT_DESTINATION ? "destination"
						       : "both";
}

const char *step_words(uint32_t step)
{
	static const char *const words[VDEV_MIGRATION_STEPS] = {
		[VDEV_MIGRATION_CLAIM] = "the function there is kept for this VM",
		[VDEV_MIGRATION_RELEASE] = "the function is given back, reset",
		[VDEV_MIGRATION_VERIFY] = "fresh inventories: does the plan still hold?",
		[VDEV_MIGRATION_RESUMING] = "the function there waits for state",
		[VDEV_MIGRATION_PRE_COPY_STATE] = "first state goes over while the device runs",
		[VDEV_MIGRATION_RUNNING] = "back to running",
		[VDEV_MIGRATION_BUSY] = "requests are dropped, the guest is told: busy",
		[VDEV_MIGRATION_CLEAR_BUSY] = "new requests are accepted again",
		[VDEV_MIGRATION_DESCRIBE] = "its data structures are written down",
		[VDEV_MIGRATION_DELETE] = "its data structures are deleted",
		[VDEV_MIGRATION_RESTORE] = "its data structures are made anew",
		[VDEV_MIGRATION_COPY_MEMORY] = "memory is copied while the guest runs",
		[VDEV_MIGRATION_STOP_COPYING] = "what was copied is forgotten",
		[VDEV_MIGRATION_PAUSE] = "the vCPUs stand still",
		[VDEV_MIGRATION_UNPAUSE] = "the vCPUs run",
		[VDEV_MIGRATION_STOP_P2P] = "no device starts DMA to another one",
		[VDEV_MIGRATION_STOP_COPY_STATE] = "the device stops, its last state goes over",
		[VDEV_MIGRATION_COPY_REST] = "the last memory and the vCPUs go over",
		[VDEV_MIGRATION_STOP_STATE] = "the function there has taken the state",
		[VDEV_MIGRATION_ATTACH] = "its software backing takes its place",
		[VDEV_MIGRATION_DETACH] = "its software backing is taken away",
		[VDEV_MIGRATION_COMMIT] = "the guest is there from now on",
		[VDEV_MIGRATION_START] = "the device runs there",
	};

	return step < VDEV_MIGRATION_STEPS && words[step] ? words[step] : "";
}

/* "firmware is 1.2, there 1.3 (exact: M2 ...)" */
static void differs(const struct rules *r, const struct why *w, char *text, size_t size)
{
	char a[VALUE_SIZE], b[VALUE_SIZE], short_a[SHORT], short_b[SHORT], rule[256];
	bool known_a = value_text(w->source, w->field, a);
	bool known_b = value_text(w->destination, w->field, b);

	rule_text(r, w->rule, rule, sizeof(rule));
	text_show(known_a ? a : "not known", short_a, sizeof(short_a));
	text_show(known_b ? b : "not known", short_b, sizeof(short_b));
	snprintf(text, size, "%s is %s, there %s (%s)", field_name(w->field), short_a, short_b,
		 rule);
}

void why_text(const struct rules *r, const struct why *w, char *ret_text, size_t size)
{
	char address[ADDRESS_SIZE] = "a function";

	if (w->destination)
		bdf_text(w->destination->address, address);
	switch (w->reason) {
	case VDEV_MIGRATION_FITS:
		snprintf(ret_text, size, "nothing differs");
		return;
	case VDEV_MIGRATION_DIFFERS:
		differs(r, w, ret_text, size);
		return;
	case VDEV_MIGRATION_NOTHING:
		snprintf(ret_text, size, "nothing of its class there");
		return;
	case VDEV_MIGRATION_TAKEN:
		snprintf(ret_text, size,
			 "%s would do, but it, or one of its IOMMU group, is in use, or it has VFs",
			 address);
		return;
	case VDEV_MIGRATION_CONTENDED:
		snprintf(ret_text, size, "%s would do, but other devices of the VM need it more",
			 address);
		return;
	default:
		snprintf(ret_text, size, "?");
	}
}
