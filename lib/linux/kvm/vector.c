/* SPDX-License-Identifier: BSD-3-Clause */
/* Vectors: memory that never moves, messages that are read without a lock. See msi.h. */
#include <errno.h>

#include "msi.h"

/*
 * The words of a copy are stored after the version that left it, and loaded before the version is looked at again: a
 * reader that got a word of the next message sees the version that came before it.
 */
void vdev__kvm_publish_msi(struct vector *v, const struct vdev_kvm_msi *m)
{
	uint32_t version = atomic_load_explicit(&v->version, memory_order_relaxed) + 1;
	const uint64_t words[VDEV__KVM_MSI_WORDS] = {m->address, m->data | (uint64_t)m->devid << 32,
						     m->flags | (uint64_t)m->gsi << 32,
						     (uint32_t)m->fd};

	for (uint32_t i = 0; i < VDEV__KVM_MSI_WORDS; i++)
		atomic_store_explicit(&v->copies[version & 1][i], words[i], memory_order_release);
	/* In one order with `pending`, see signal.c. */
	atomic_store(&v->version, version);
}

void vdev__kvm_read_msi(struct vector *v, struct vdev_kvm_msi *m)
{
	uint64_t words[VDEV__KVM_MSI_WORDS];
	uint32_t version;

	do {
		version = atomic_load(&v->version);
		for (uint32_t i = 0; i < VDEV__KVM_MSI_WORDS; i++)
			words[i] = atomic_load_explicit(&v->copies[version & 1][i],
							memory_order_acquire);
	} while (atomic_load_explicit(&v->version, memory_order_relaxed) != version);
	*m = (struct vdev_kvm_msi){
		.struct_size = sizeof(*m),
		.flags = (uint32_t)words[2],
		.address = words[0],
		.data = (uint32_t)words[1],
		.devid = (uint32_t)(words[1] >> 32),
		.gsi = (uint32_t)(words[2] >> 32),
		.fd = (int32_t)(uint32_t)words[3],
	};
}

static int make_block(struct vdev_kvm *kvm, struct device *d)
{
	uint32_t slot = vdev__slots_find(&kvm->open, d->dev);

	if (d->block)
		return 0;
	d->block = kvm->spare;
	if (d->block)
		kvm->spare = d->block->next;
	else
		d->block = vdev__alloc(&kvm->env, 1, sizeof(*d->block));
	if (!d->block)
		return -ENOMEM;
	atomic_store_explicit(&kvm->blocks[slot], d->block, memory_order_release);
	return 0;
}

int vdev__kvm_make_vectors(struct vdev_kvm *kvm, struct device *d, uint32_t vector, uint32_t count)
{
	uint32_t last = (vector + count - 1) / VDEV__KVM_CHUNK;
	int err = make_block(kvm, d);

	for (uint32_t i = vector / VDEV__KVM_CHUNK; !err && i <= last; i++) {
		struct chunk *chunk;

		if (vdev__kvm_vector(d->block, i * VDEV__KVM_CHUNK))
			continue;
		chunk = vdev__alloc(&kvm->env, 1, sizeof(*chunk));
		if (!chunk)
			return -ENOMEM;
		atomic_store_explicit(&d->block->chunks[i], chunk, memory_order_release);
	}
	return err;
}

void vdev__kvm_forget_msis(struct vdev_kvm *kvm, struct device *d)
{
	const struct vdev_kvm_msi none = {.flags = 0};
	struct vdev_kvm_msi m;

	for (uint32_t i = 0; i < VDEV_KVM_MAX_VECTORS; i++) {
		struct vector *v = vdev__kvm_vector(d->block, i);

		if (!v)
			continue;
		vdev__kvm_read_msi(v, &m);
		kvm->msis -= m.flags != 0;
		vdev__kvm_publish_msi(v, &none);
		atomic_store(&v->pending, 0);
	}
}

void vdev__kvm_rename_pending(struct device *d, uint64_t old_dev)
{
	for (uint32_t i = 0; i < VDEV_KVM_MAX_VECTORS; i++) {
		struct vector *v = vdev__kvm_vector(d->block, i);
		uint64_t expected = old_dev;

		/* A write in any case: who sets the mark after it sees that the gate of the old handle is closed. */
		if (v && atomic_fetch_or(&v->pending, 0) == old_dev)
			atomic_compare_exchange_strong(&v->pending, &expected, d->dev);
	}
}

int vdev__kvm_gsi_masked(struct device *d, uint32_t gsi)
{
	struct vdev_kvm_msi m;

	for (uint32_t i = 0; i < VDEV_KVM_MAX_VECTORS; i++) {
		struct vector *v = vdev__kvm_vector(d->block, i);

		if (!v)
			continue;
		vdev__kvm_read_msi(v, &m);
		if (vdev__kvm_routed(&m) && vdev__kvm_masked(&m) && m.gsi == gsi)
			return 1;
	}
	return 0;
}

void vdev__kvm_free_block(struct vdev_kvm *kvm, struct msi_block *block)
{
	if (!block)
		return;
	for (uint32_t i = 0; i < VDEV__KVM_CHUNKS; i++) {
		struct chunk *chunk = atomic_load_explicit(&block->chunks[i], memory_order_relaxed);

		vdev__free(&kvm->env, chunk, sizeof(*chunk));
	}
	vdev__free(&kvm->env, block, sizeof(*block));
}
