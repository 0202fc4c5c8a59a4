/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The interrupt routing table of the VM.
 *
 * KVM_SET_GSI_ROUTING replaces all of it, so all of it is kept: first what the VMM handed over, then the messages of
 * vectors in no order. A change is made in the table, then the ioctl, and taken back when that fails.
 * Source: Documentation/virt/kvm/api.rst, KVM_SET_GSI_ROUTING.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <linux/kvm.h>

#include "msi.h"
#include "routes.h"

int vdev__kvm_commit(struct vdev_kvm *kvm, struct kvm_irq_routing *table, uint32_t fixed,
		     uint32_t changed, uint32_t level)
{
	int err = vdev__kvm_ioctl(kvm, kvm->config.vm_fd, KVM_SET_GSI_ROUTING, table);
	char text[VDEV__KVM_ERROR_SIZE];

	if (err < 0) {
		snprintf(text, sizeof(text),
			 "KVM_SET_GSI_ROUTING (%" PRIu32 " entries, %" PRIu32 " changed", table->nr,
			 changed);
		vdev__kvm_failed(kvm, level, text, err);
		return err;
	}
	pthread_mutex_lock(&kvm->lock);
	kvm->routings++;
	kvm->msi_routes = table->nr - fixed;
	pthread_mutex_unlock(&kvm->lock);
	return 0;
}

/* There is room, see make_room(). */
static void put(struct routes *r, const struct vdev_kvm_msi *m)
{
	struct gsi *gsi = &r->gsis[m->gsi];

	if (!gsi->at)
		gsi->at = (uint16_t)++r->table->nr;
	r->table->entries[gsi->at - 1] =
		vdev__kvm_msi_entry(m->gsi, m->address, m->data, m->devid, m->flags);
}

/* The last one fills the gap. */
static void take_out(struct routes *r, uint32_t gsi)
{
	uint16_t at = r->gsis[gsi].at;
	const struct kvm_irq_routing_entry *last;

	if (!at)
		return;
	last = &r->table->entries[--r->table->nr];
	r->gsis[last->gsi].at = at;
	r->table->entries[at - 1] = *last;
	r->gsis[gsi].at = 0;
}

static int same_route(const struct msi_change *c)
{
	const uint32_t flags = VDEV_KVM_MSI_ROUTED | VDEV_KVM_MSI_MASKED | VDEV_KVM_MSI_DEVID;

	return !((c->from.flags ^ c->to.flags) & flags) && c->from.gsi == c->to.gsi &&
	       c->from.address == c->to.address && c->from.data == c->to.data &&
	       c->from.devid == c->to.devid;
}

/* Whether KVM has to be told. */
static int changes_table(const struct msi_change *c)
{
	return (vdev__kvm_live(&c->from) || vdev__kvm_live(&c->to)) && !same_route(c);
}

/* -EEXIST, -ENOSPC: nothing has changed. */
static int change(struct routes *r, const struct vdev_kvm_msi *from, const struct vdev_kvm_msi *to)
{
	int same_gsi = vdev__kvm_routed(from) && vdev__kvm_routed(to) && from->gsi == to->gsi;

	if (vdev__kvm_routed(to) && !same_gsi && r->gsis[to->gsi].use != GSI_FREE)
		return -EEXIST;
	if (vdev__kvm_live(to) && !vdev__kvm_live(from) && r->table->nr == r->capacity)
		return -ENOSPC;
	if (vdev__kvm_live(from) && !(same_gsi && vdev__kvm_live(to)))
		take_out(r, from->gsi);
	if (vdev__kvm_routed(from))
		r->gsis[from->gsi].use = GSI_FREE;
	if (vdev__kvm_routed(to))
		r->gsis[to->gsi].use = GSI_VECTOR;
	if (vdev__kvm_live(to))
		put(r, to);
	return 0;
}

/* For so many more entries, as far as KVM takes them. */
static int make_room(struct vdev_kvm *kvm, uint32_t more)
{
	struct routes *r = &kvm->routes;
	uint32_t wanted = r->table->nr + more;
	struct kvm_irq_routing *grown;

	if (wanted > VDEV_KVM_MAX_GSIS)
		wanted = VDEV_KVM_MAX_GSIS;
	if (wanted <= r->capacity)
		return 0;
	if (wanted < 2 * r->capacity)
		wanted = 2 * r->capacity < VDEV_KVM_MAX_GSIS ? 2 * r->capacity : VDEV_KVM_MAX_GSIS;
	grown = vdev__alloc(&kvm->env, 1, vdev__kvm_table_size(wanted));
	if (!grown)
		return -ENOMEM;
	memcpy(grown, r->table, vdev__kvm_table_size(r->table->nr));
	vdev__free(&kvm->env, r->table, vdev__kvm_table_size(r->capacity));
	r->table = grown;
	r->capacity = wanted;
	return 0;
}

/* One by one backwards: each finds what it left. */
static void undo(struct routes *r, const struct msi_change *changes, uint32_t count)
{
	while (count) {
		count--;
		change(r, &changes[count].to, &changes[count].from);
	}
}

/* How many entries differ from what KVM has. -EBUSY, -ENOMEM, -EEXIST, -ENOSPC: nothing has changed. */
static int change_table(struct vdev_kvm *kvm, const struct msi_change *changes, uint32_t count)
{
	struct routes *r = &kvm->routes;
	int changed = 0, err;

	if (!r->table)
		return -EBUSY;
	err = make_room(kvm, count);
	for (uint32_t i = 0; !err && i < count; i++) {
		err = change(r, &changes[i].from, &changes[i].to);
		if (err)
			undo(r, changes, i);
		changed += changes_table(&changes[i]);
	}
	return err ? err : changed;
}

int vdev__kvm_change_routes(struct vdev_kvm *kvm, const struct msi_change *changes, uint32_t count)
{
	struct routes *r = &kvm->routes;
	int changed = change_table(kvm, changes, count);
	int err = changed < 0 ? changed : 0;

	/* Not an error of the VMM: the messages are the guest's, see signal.c. */
	if (changed > 0)
		err = vdev__kvm_commit(kvm, r->table, r->fixed, (uint32_t)changed, VDEV_LOG_DEBUG);
	if (changed > 0 && err)
		undo(r, changes, count);
	return err;
}

void vdev__kvm_undo_routes(struct vdev_kvm *kvm, const struct msi_change *changes, uint32_t count)
{
	struct routes *r = &kvm->routes;

	undo(r, changes, count);
	vdev__kvm_commit(kvm, r->table, r->fixed, count, VDEV_LOG_ERROR);
}

/* Takes all routes of a device out of the table, or puts them back; how many. */
static uint32_t each_route(struct routes *r, struct device *d, int back)
{
	const struct vdev_kvm_msi none = {.flags = 0};
	struct vdev_kvm_msi m;
	uint32_t live = 0;

	for (uint32_t i = 0; i < VDEV_KVM_MAX_VECTORS; i++) {
		struct vector *v = vdev__kvm_vector(d->block, i);

		if (!v)
			continue;
		vdev__kvm_read_msi(v, &m);
		change(r, back ? &none : &m, back ? &m : &none);
		live += (uint32_t)vdev__kvm_live(&m);
	}
	return live;
}

int vdev__kvm_drop_routes(struct vdev_kvm *kvm, struct device *d)
{
	struct routes *r = &kvm->routes;
	uint32_t live;
	int err = 0;

	pthread_mutex_lock(&r->lock);
	live = each_route(r, d, 0);
	if (live)
		err = vdev__kvm_commit(kvm, r->table, r->fixed, live, VDEV_LOG_ERROR);
	if (err)
		each_route(r, d, 1);
	pthread_mutex_unlock(&r->lock);
	return err;
}

uint32_t vdev__kvm_forget_routes(struct vdev_kvm *kvm, struct device *d)
{
	struct routes *r = &kvm->routes;
	uint32_t live;

	pthread_mutex_lock(&r->lock);
	live = each_route(r, d, 0);
	pthread_mutex_lock(&kvm->lock);
	kvm->msi_routes -= live;
	pthread_mutex_unlock(&kvm->lock);
	pthread_mutex_unlock(&r->lock);
	return live;
}
