/* SPDX-License-Identifier: BSD-3-Clause */
/* The routes that are not messages of vectors: handed over by the VMM, first in the table. */
#include <errno.h>
#include <string.h>

#include "msi.h"
#include "routes.h"

static int bad_route(const struct vdev_kvm_route *r)
{
	if (r->gsi >= VDEV_KVM_MAX_GSIS || r->flags & ~VDEV_KVM_MSI_DEVID || r->reserved)
		return 1;
	if (r->type == VDEV_KVM_ROUTE_IRQCHIP)
		return r->flags || r->address || r->data || r->devid;
	if (r->type != VDEV_KVM_ROUTE_MSI || r->irqchip || r->pin)
		return 1;
	return !(r->flags & VDEV_KVM_MSI_DEVID) && r->devid;
}

static struct kvm_irq_routing_entry entry(const struct vdev_kvm_route *r)
{
	struct kvm_irq_routing_entry e = {.gsi = r->gsi, .type = KVM_IRQ_ROUTING_IRQCHIP};

	if (r->type == VDEV_KVM_ROUTE_MSI)
		return vdev__kvm_msi_entry(r->gsi, r->address, r->data, r->devid, r->flags);
	e.u.irqchip.irqchip = r->irqchip;
	e.u.irqchip.pin = r->pin;
	return e;
}

static int make_gsis(struct vdev_kvm *kvm)
{
	struct routes *r = &kvm->routes;

	if (!r->gsis)
		r->gsis = vdev__alloc(&kvm->env, VDEV_KVM_MAX_GSIS, sizeof(*r->gsis));
	return r->gsis ? 0 : -ENOMEM;
}

static int belongs_to_a_vector(const struct routes *r, const struct vdev_kvm_route *routes,
			       uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (r->gsis[routes[i].gsi].use == GSI_VECTOR)
			return 1;
	return 0;
}

/* The table that will be: new fixed routes, then the vectors' as they are. */
static void fill(const struct routes *r, struct kvm_irq_routing *table,
		 const struct vdev_kvm_route *routes, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		table->entries[i] = entry(&routes[i]);
	if (r->table)
		memcpy(table->entries + count, r->table->entries + r->fixed,
		       (r->table->nr - r->fixed) * sizeof(*table->entries));
}

/* KVM has it. */
static void adopt(struct vdev_kvm *kvm, struct kvm_irq_routing *table,
		  const struct vdev_kvm_route *routes, uint32_t count)
{
	struct routes *r = &kvm->routes;

	for (uint32_t i = 0; i < VDEV_KVM_MAX_GSIS; i++)
		if (r->gsis[i].use == GSI_FIXED)
			r->gsis[i].use = GSI_FREE;
	for (uint32_t i = 0; i < count; i++)
		r->gsis[routes[i].gsi].use = GSI_FIXED;
	for (uint32_t i = count; i < table->nr; i++)
		r->gsis[table->entries[i].gsi].at = (uint16_t)(i + 1);
	vdev__free(&kvm->env, r->table, vdev__kvm_table_size(r->capacity));
	r->table = table;
	r->capacity = table->nr;
	r->fixed = count;
}

static int replace(struct vdev_kvm *kvm, const struct vdev_kvm_route *routes, uint32_t count)
{
	struct routes *r = &kvm->routes;
	uint32_t nr = count + (r->table ? r->table->nr - r->fixed : 0);
	struct kvm_irq_routing *table;
	int err = make_gsis(kvm);

	if (!err && belongs_to_a_vector(r, routes, count))
		err = -EEXIST;
	if (!err && nr > VDEV_KVM_MAX_GSIS)
		err = -ENOSPC;
	if (err)
		return err;
	table = vdev__alloc(&kvm->env, 1, vdev__kvm_table_size(nr));
	if (!table)
		return -ENOMEM;
	table->nr = nr;
	fill(r, table, routes, count);
	err = vdev__kvm_commit(kvm, table, count, count, VDEV_LOG_ERROR);
	if (err)
		vdev__free(&kvm->env, table, vdev__kvm_table_size(nr));
	else
		adopt(kvm, table, routes, count);
	return err;
}

int vdev_kvm_set_routes(struct vdev_kvm *kvm, const struct vdev_kvm_route *routes, uint32_t count)
{
	int err;

	if (!kvm || count > VDEV_KVM_MAX_GSIS || (count && !routes))
		return -EINVAL;
	for (uint32_t i = 0; i < count; i++)
		if (bad_route(&routes[i]))
			return -EINVAL;
	pthread_mutex_lock(&kvm->routes.lock);
	err = replace(kvm, routes, count);
	pthread_mutex_unlock(&kvm->routes.lock);
	return err;
}

void vdev__kvm_free_routes(struct vdev_kvm *kvm)
{
	struct routes *r = &kvm->routes;

	if (r->table)
		vdev__free(&kvm->env, r->table, vdev__kvm_table_size(r->capacity));
	if (r->gsis)
		vdev__free(&kvm->env, r->gsis, VDEV_KVM_MAX_GSIS * sizeof(*r->gsis));
}
