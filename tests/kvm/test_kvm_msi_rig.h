/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What KVM would do with interrupts, in the place of ioctl(2): keeps the routing table and which irqfds are attached, writes down
 * the order of the calls, and fails on request. Needs no /dev/kvm.
 */
#ifndef TEST_KVM_MSI_RIG_H
#define TEST_KVM_MSI_RIG_H

#include "vt_test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <linux/kvm.h>

#include <vdev/kvm.h>
#include <vdev/removal.h>

#define DEV UINT64_C(0x1000001)
#define OTHER UINT64_C(0x1000002)
#define VM_FD 1000
#define GSIS 64u /* irqfds up to this GSI are followed */
#define ORDER 64u

struct model {
	struct vt_env v;
	struct vdev_kvm *kvm;
	int can; /* KVM_CAP_SIGNAL_MSI, or what the question gives */
	int signal_answer;
	struct kvm_msi last; /* message that was signalled */
	struct kvm_irq_routing_entry table[VDEV_KVM_MAX_GSIS];
	uint32_t nr;
	uint64_t attached; /* irqfds by GSI */
	/* c: capability, s: signal, r: routing, a: irqfd attached, d: detached, o: other; capital: failed */
	char order[ORDER + 1];
	char fail; /* this one */
	int fail_with;
	uint32_t fails; /* so often */
	uint32_t fail_after; /* so many that succeed */
	void (*meanwhile)(struct model *k); /* while an irqfd fails to be attached, once */
};

static inline int note(struct model *k, char what)
{
	size_t used = strlen(k->order);

	if (used < ORDER)
		k->order[used] = what;
	if (k->fail != what || !k->fails)
		return 0;
	if (k->fail_after) {
		k->fail_after--;
		return 0;
	}
	k->fails--;
	if (used < ORDER)
		k->order[used] = (char)(what - 'a' + 'A');
	return k->fail_with;
}

static inline int model_routing(struct model *k, const struct kvm_irq_routing *r)
{
	int err = note(k, 'r');

	assert_int_equal(r->flags, 0);
	assert_true(r->nr <= VDEV_KVM_MAX_GSIS);
	if (err)
		return err;
	memcpy(k->table, r->entries, r->nr * sizeof(*k->table));
	k->nr = r->nr;
	return 0;
}

static inline int model_irqfd(struct model *k, const struct kvm_irqfd *irqfd)
{
	uint64_t bit = UINT64_C(1) << irqfd->gsi % GSIS;
	int detach = irqfd->flags & KVM_IRQFD_FLAG_DEASSIGN;
	int err = note(k, detach ? 'd' : 'a');

	if (err && !detach && k->meanwhile)
		k->meanwhile(k);
	if (err)
		return err;
	assert_int_equal(!(k->attached & bit), !detach); /* neither twice */
	k->attached ^= bit;
	return 0;
}

static inline int model_ioctl(void *user, int fd, unsigned long request, void *argument)
{
	struct model *k = user;
	int err;

	errno = 4095; /* the backend must hide this from its caller */
	assert_int_equal(fd, VM_FD);
	switch (request) {
	case KVM_CHECK_EXTENSION:
		assert_int_equal((uintptr_t)argument, KVM_CAP_SIGNAL_MSI);
		err = note(k, 'c');
		return err ? err : k->can;
	case KVM_SIGNAL_MSI:
		k->last = *(const struct kvm_msi *)argument;
		err = note(k, 's');
		return err ? err : k->signal_answer;
	case KVM_SET_GSI_ROUTING:
		return model_routing(k, argument);
	case KVM_IRQFD:
		return model_irqfd(k, argument);
	default:
		return note(k, 'o');
	}
}

static inline int model_new(struct model *k, const struct vdev_env *env)
{
	struct vdev_kvm_config config = {.struct_size = sizeof(config),
					 .vm_fd = VM_FD,
					 .max_devices = 8,
					 .ioctl = model_ioctl,
					 .user = k};

	return vdev_kvm_new(&k->kvm, env, &config);
}

static inline int model_setup(void **state)
{
	static struct model k;

	memset(&k, 0, sizeof(k));
	k.can = k.signal_answer = 1;
	vt_env_init(&k.v);
	*state = &k;
	errno = 0;
	return model_new(&k, &k.v.env);
}

static inline int model_teardown(void **state)
{
	struct model *k = *state;

	vdev_kvm_free(k->kvm);
	return vt_env_check(&k->v) || errno;
}

/* What was asked of KVM since the last time. */
static inline void expect_order(struct model *k, const char *order)
{
	assert_string_equal(k->order, order);
	memset(k->order, 0, sizeof(k->order));
}

static inline void model_fail(struct model *k, char what, int fail_with)
{
	k->fail = what;
	k->fail_with = fail_with;
	k->fails = 1;
}

static inline int model_perform(struct model *k, uint32_t kind, uint64_t dev)
{
	struct vdev_action a = {.id = 1, .dev = dev, .kind = kind};

	return vdev_kvm_perform(k->kvm, &a);
}

static inline struct vdev_kvm_msi signalled(uint32_t data)
{
	return (struct vdev_kvm_msi){.struct_size = sizeof(struct vdev_kvm_msi),
				     .flags = VDEV_KVM_MSI_SIGNAL,
				     .address = 0xfee01000,
				     .data = data,
				     .gsi = VDEV_KVM_NO_GSI,
				     .fd = -1};
}

static inline struct vdev_kvm_msi routed(uint32_t gsi, uint32_t data)
{
	return (struct vdev_kvm_msi){.struct_size = sizeof(struct vdev_kvm_msi),
				     .flags = VDEV_KVM_MSI_ROUTED,
				     .address = 0xfee01000,
				     .data = data,
				     .gsi = gsi,
				     .fd = -1};
}

static inline struct vdev_kvm_msi masked(struct vdev_kvm_msi m)
{
	m.flags |= VDEV_KVM_MSI_MASKED;
	return m;
}

static inline int set(struct model *k, uint64_t dev, uint32_t vector, struct vdev_kvm_msi m)
{
	return vdev_kvm_set_msi(k->kvm, dev, vector, &m);
}

static inline struct vdev_kvm_msi get(struct model *k, uint64_t dev, uint32_t vector)
{
	struct vdev_kvm_msi m;

	assert_int_equal(vdev_kvm_get_msi(k->kvm, dev, vector, &m, sizeof(m)), 0);
	return m;
}

static inline struct vdev_kvm_stats model_stats(struct model *k)
{
	struct vdev_kvm_stats s;

	assert_int_equal(vdev_kvm_stats(k->kvm, &s, sizeof(s)), 0);
	return s;
}

static inline void model_error(struct model *k, const char *expected)
{
	char text[256];

	assert_int_equal(vdev_kvm_error(k->kvm, text, sizeof(text)), strlen(expected));
	assert_string_equal(text, expected);
}

static inline int model_irqfd_add(struct model *k, uint64_t dev, uint32_t gsi, uint32_t flags)
{
	struct vdev_kvm_irqfd r = {.struct_size = sizeof(r),
				   .flags = flags,
				   .fd = (int32_t)gsi + 100,
				   .gsi = gsi,
				   .resample_fd = -1};

	if (!(flags & VDEV_KVM_ATTACH))
		k->attached |= UINT64_C(1) << gsi % GSIS; /* the VMM did */
	return vdev_kvm_add_irqfd(k->kvm, dev, &r);
}

/* Two pins of an irqchip, one of them twice. */
static inline void model_pins(struct model *k)
{
	static const struct vdev_kvm_route pins[3] = {
		{.gsi = 4,
		 .type = VDEV_KVM_ROUTE_IRQCHIP,
		 .irqchip = KVM_IRQCHIP_PIC_MASTER,
		 .pin = 4},
		{.gsi = 4, .type = VDEV_KVM_ROUTE_IRQCHIP, .irqchip = KVM_IRQCHIP_IOAPIC, .pin = 4},
		{.gsi = 9, .type = VDEV_KVM_ROUTE_IRQCHIP, .irqchip = KVM_IRQCHIP_IOAPIC, .pin = 9},
	};

	assert_int_equal(vdev_kvm_set_routes(k->kvm, pins, 3), 0);
	expect_order(k, "r");
	assert_int_equal(k->nr, 3);
}

/* The entry of a GSI that has one; data of its message. 0: it has none. */
static inline uint32_t data_of(const struct model *k, uint32_t gsi)
{
	uint32_t data = 0, found = 0;

	for (uint32_t i = 0; i < k->nr; i++) {
		if (k->table[i].gsi != gsi || k->table[i].type != KVM_IRQ_ROUTING_MSI)
			continue;
		data = k->table[i].u.msi.data;
		found++;
	}
	assert_true(found < 2);
	return data;
}

static inline int model_eventfd(void)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static inline uint64_t model_take(int fd)
{
	uint64_t count = 0;
	int saved = errno;

	if (read(fd, &count, sizeof(count)) < 0)
		assert_int_equal(errno, EAGAIN);
	errno = saved;
	return count;
}

#endif
