/* SPDX-License-Identifier: BSD-3-Clause */
/* Chapter 6: devices that belong together: functions of a slot, a bridge's subtree, VFs. */
#include "removal.h"

static bool before(struct scene *s, const struct pci_fn *first, const struct pci_fn *second)
{
	const struct deed *a = scene_last(s, first, VDEV_REMOVAL_RELEASE);
	const struct deed *b = scene_last(s, second, VDEV_REMOVAL_RELEASE);

	return a && b && a < b;
}

static void multi_function(struct scene *s)
{
	struct device *f0, *f1, *f2;
	struct port *port;

	if (!scene_open(s) || !(port = scene_port(s, "slot", 16)))
		return;
	f0 = scene_card(s, "card.0", port, 0);
	f1 = scene_card(s, "card.1", port, 1);
	f2 = scene_card(s, "card.2", port, 2);
	if (!f0 || !f1 || !f2 || !scene_start(s))
		return;
	NEED(s, scene_traffic(s, &f0->fn) && scene_traffic(s, &f1->fn) && scene_traffic(s, &f2->fn),
	     "no I/O");
	scene_request(s, &f1->fn, NULL);
	NEED(s, scene_outcome(s, &f1->fn, VDEV_REMOVAL_REMOVED), "not removed");
	NEED(s, scene_outcome(s, &f0->fn, VDEV_REMOVAL_REMOVED), "function 0 not removed");
	scene_did(s, &port->fn, "WARN");
	scene_did(s, &f0->fn, FULL_TAIL);
	scene_did(s, &f2->fn, FULL_TAIL);
	EXPECT(s, before(s, &f2->fn, &f1->fn) && before(s, &f1->fn, &f0->fn),
	       "not torn down with function 0 last");
	EXPECT(s,
	       !(scene_last(s, &f2->fn, VDEV_REMOVAL_HIDE)->action.flags & VDEV_REMOVAL_LAST) &&
		       (scene_last(s, &f0->fn, VDEV_REMOVAL_HIDE)->action.flags &
			VDEV_REMOVAL_LAST),
	       "presence did not change with the last function");
	EXPECT(s, guest_report(s->vm)->warnings == 1, "one card, %llu warnings",
	       (unsigned long long)guest_report(s->vm)->warnings);
	EXPECT(s, scene_seen(s, &f0->fn)->io_errors + scene_seen(s, &f1->fn)->io_errors == 0,
	       "I/O errors");
	scene_tell(s, "asked for function 1: one press, all three go, function 0 last");
}

static struct device *below(struct scene *s, const char *name, struct pci_fn *bridge,
			    uint32_t number)
{
	return scene_disk(s,
			  &(struct device_spec){.name = name,
						.above = bridge,
						.address = bridge_bus(bridge) << 8 | number << 3});
}

static void subtree(struct scene *s)
{
	struct pci_fn *bridge = NULL;
	struct device *a, *b, *other;
	int r;

	if (!scene_open(s))
		return;
	r = bridge_new(s->vm, "bridge", 6 << 3, NULL, &bridge);
	NEED(s, r >= 0, "the bridge could not be added: %d", r);
	a = below(s, "below-a", bridge, 0);
	b = below(s, "below-b", bridge, 1);
	other = scene_plain(s, "other", 5);
	if (!a || !b || !other)
		return;
	scene_rule(s, &a->fn)->level = VDEV_GUEST_LEVEL_SAFE;
	scene_rule(s, &b->fn)->level = VDEV_GUEST_LEVEL_UNSAFE;
	scene_declare(s, bridge, VDEV_REMOVAL_GUEST, VDEV_REMOVAL_SAFE);
	if (!scene_start(s))
		return;
	NEED(s,
	     scene_level(s, &a->fn, VDEV_REMOVAL_SAFE) &&
		     scene_level(s, &b->fn, VDEV_REMOVAL_UNSAFE) && scene_traffic(s, &a->fn) &&
		     scene_traffic(s, &b->fn),
	     "the devices below the bridge are not ready");
	scene_request(s, bridge, NULL);
	NEED(s, scene_outcome(s, bridge, VDEV_REMOVAL_REMOVED), "not removed");
	scene_did(s, bridge,
		  "WARN HIDE DRAIN IRQ_OFF RESET DETACH_EVENTS UNMAP_BARS LEAVE_DMA RELEASE");
	scene_did(s, &a->fn, FULL_TAIL);
	EXPECT(s, before(s, &a->fn, bridge) && before(s, &b->fn, bridge), "not leaf first");
	EXPECT(s, guest_report(s->vm)->warnings == 1, "%llu warnings for one subtree",
	       (unsigned long long)guest_report(s->vm)->warnings);
	EXPECT(s, scene_seen(s, &a->fn)->io_errors + scene_seen(s, &b->fn)->io_errors == 0,
	       "I/O errors");
	removal_bystander(s, other);
	scene_tell(s, "one SAFE, one UNSAFE below: the lower counts, leaves go first");
}

static struct device *vf(struct scene *s, const char *name, struct device *pf, uint32_t function)
{
	return scene_disk(s, &(struct device_spec){.name = name,
						   .above = &pf->fn,
						   .address = pf->fn.address | function});
}

static bool pf_with_vfs(struct scene *s, struct device **pf, struct device **vf1,
			struct device **vf2)
{
	if (!scene_open(s))
		return false;
	*pf = scene_plain(s, "pf", 6);
	*vf1 = *pf ? vf(s, "vf1", *pf, 1) : NULL;
	*vf2 = *pf ? vf(s, "vf2", *pf, 2) : NULL;
	if (!*vf1 || !*vf2 || !scene_start(s))
		return false;
	return EXPECT(s,
		      scene_traffic(s, &(*pf)->fn) && scene_traffic(s, &(*vf1)->fn) &&
			      scene_traffic(s, &(*vf2)->fn),
		      "no I/O");
}

static void vfs_with_pf(struct scene *s)
{
	struct device *pf, *vf1, *vf2;

	if (!pf_with_vfs(s, &pf, &vf1, &vf2))
		return;
	scene_request(s, &pf->fn, NULL);
	NEED(s, scene_outcome(s, &pf->fn, VDEV_REMOVAL_REMOVED), "not removed");
	scene_did(s, &pf->fn, "WARN " FULL_TAIL);
	scene_did(s, &vf1->fn, FULL_TAIL);
	EXPECT(s, before(s, &vf1->fn, &pf->fn) && before(s, &vf2->fn, &pf->fn),
	       "the PF went before its VFs");
	EXPECT(s, scene_seen(s, &vf1->fn)->io_errors == 0, "I/O errors");
	scene_tell(s, "one warning at the PF, VFs torn down before it");
}

static void one_vf(struct scene *s)
{
	struct device *pf, *vf1, *vf2;

	if (!pf_with_vfs(s, &pf, &vf1, &vf2))
		return;
	scene_request(s, &vf1->fn, NULL);
	NEED(s, scene_outcome(s, &vf1->fn, VDEV_REMOVAL_REMOVED), "not removed");
	removal_bystander(s, pf);
	removal_bystander(s, vf2);
	scene_tell(s, "a VF goes alone; PF and its other VF work on");
}

/* A request for the whole takes over one that is pending for a part. */
static void whole_takes_part(struct scene *s)
{
	struct device *pf, *vf1, *vf2;

	if (!pf_with_vfs(s, &pf, &vf1, &vf2))
		return;
	scene_rule(s, &vf1->fn)->answer = ANSWER_NEVER;
	scene_request(s, &vf1->fn, NULL);
	NEED(s, scene_outcome(s, &vf1->fn, VDEV_REMOVAL_REQUESTED), "not warned");
	scene_request(s, &pf->fn, NULL);
	NEED(s, scene_outcome(s, &pf->fn, VDEV_REMOVAL_REMOVED), "not removed");
	EXPECT(s, scene_outcomes(s, &vf1->fn, VDEV_REMOVAL_REMOVED) == 1,
	       "who asked for the VF was not told");
	EXPECT(s, scene_outcomes(s, &vf1->fn, VDEV_REMOVAL_TIMED_OUT) == 0, "timed out");
	scene_tell(s, "a request for the PF joins the one that was pending for its VF");
}

const struct story removal_trees[] = {
	{"multi-function-slot", "R2 R8", multi_function}, {"bridge-subtree", "R2", subtree},
	{"vfs-with-their-pf", "R2", vfs_with_pf},         {"vf-alone", "R2", one_vf},
	{"whole-joins-part", "R2 R11", whole_takes_part}, {NULL, NULL, NULL},
};
