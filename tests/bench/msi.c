/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Retarget an interrupt to another vCPU and deliver it: the guest programmed another destination.
 *
 * Ours: vdev_kvm_set_msi() and vdev_kvm_signal(), as a message carries its destination (KVM_SIGNAL_MSI). The peer makes the bare
 * system calls of the other way: KVM_SET_GSI_ROUTING with the VM's table of n entries, and a write to the irqfd. Two
 * vCPUs that do not run; each turn looks whether the interrupt came to the one that was meant.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/kvm.h>

#include <vdev/kvm.h>

#include "bench.h"

#define DEV 1u
#define GSI 64u
#define VECTOR 0x41u
#define IRR 0x200u
#define SVR 0xf0u
#define MOST 1024u

struct msi {
	int kvm_fd, vm, vcpu[2], irqfd;
	struct vdev_kvm *kvm;
	struct kvm_irq_routing *table;
	uint32_t entries, rounds;
};

static void apic_on(int vcpu)
{
	struct kvm_lapic_state apic;

	if (ioctl(vcpu, KVM_GET_LAPIC, &apic))
		bench_die("irqhint: no APIC");
	memset(apic.regs + IRR, 0, 0x80);
	apic.regs[SVR] = (char)0xff;
	apic.regs[SVR + 1] = 1;
	if (ioctl(vcpu, KVM_SET_LAPIC, &apic))
		bench_die("irqhint: the APIC cannot be switched on");
}

static int waits(int vcpu)
{
	struct kvm_lapic_state apic;

	if (ioctl(vcpu, KVM_GET_LAPIC, &apic))
		bench_die("irqhint: no APIC");
	return apic.regs[IRR + VECTOR / 32 * 0x10] >> VECTOR % 32 & 1;
}

/* Both got it, as the destination went to and fro. */
static double each(struct msi *m, uint64_t begin)
{
	double ns = (double)(bench_now() - begin) / m->rounds;

	usleep(1000); /* a work queue may be behind */
	if (!waits(m->vcpu[0]) || !waits(m->vcpu[1]))
		bench_die("irqhint: an interrupt did not come");
	apic_on(m->vcpu[0]);
	apic_on(m->vcpu[1]);
	return ns;
}

static double by_message(void *context)
{
	struct msi *m = context;
	struct vdev_kvm_msi msi = {.struct_size = sizeof(msi),
				   .flags = VDEV_KVM_MSI_SIGNAL,
				   .data = VECTOR,
				   .gsi = VDEV_KVM_NO_GSI,
				   .fd = -1};
	uint64_t begin = bench_now();

	for (uint32_t i = 0; i < m->rounds; i++) {
		msi.address = 0xfee00000 | (i & 1) << 12;
		if (vdev_kvm_set_msi(m->kvm, DEV, 0, &msi) ||
		    vdev_kvm_signal(m->kvm, DEV, 0) != VDEV_KVM_DELIVERED)
			bench_die("irqhint: KVM_SIGNAL_MSI did not deliver");
	}
	return each(m, begin);
}

static double by_route(void *context)
{
	struct msi *m = context;
	const uint64_t one = 1;
	uint64_t begin = bench_now();

	for (uint32_t i = 0; i < m->rounds; i++) {
		m->table->entries[m->entries - 1].u.msi.address_lo = 0xfee00000 | (i & 1) << 12;
		m->table->nr = m->entries;
		if (ioctl(m->vm, KVM_SET_GSI_ROUTING, m->table) ||
		    write(m->irqfd, &one, sizeof(one)) < 0)
			bench_die("irqhint: the route could not be changed");
	}
	return each(m, begin);
}

static const char *open_vm(struct msi *m)
{
	struct vdev_kvm_config config = {.struct_size = sizeof(config), .max_devices = 1};

	m->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (m->kvm_fd < 0)
		return "/dev/kvm cannot be used";
	m->vm = ioctl(m->kvm_fd, KVM_CREATE_VM, 0);
	if (m->vm < 0 || ioctl(m->vm, KVM_SET_TSS_ADDR, 0xfffbd000) ||
	    ioctl(m->vm, KVM_CREATE_IRQCHIP, 0))
		return "no VM with an interrupt controller";
	for (uint32_t i = 0; i < 2; i++) {
		m->vcpu[i] = ioctl(m->vm, KVM_CREATE_VCPU, i);
		if (m->vcpu[i] < 0)
			return "no vCPU";
		apic_on(m->vcpu[i]);
	}
	config.vm_fd = m->vm;
	if (vdev_kvm_new(&m->kvm, NULL, &config))
		bench_die("irqhint: no backend");
	return NULL;
}

/* The last entry is the one that moves. */
static void make_table(struct msi *m)
{
	struct kvm_irqfd irqfd = {.gsi = GSI + MOST};

	m->table = bench_alloc(1, sizeof(*m->table) + MOST * sizeof(*m->table->entries));
	m->irqfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	irqfd.fd = (uint32_t)m->irqfd;
	if (m->irqfd < 0 || ioctl(m->vm, KVM_IRQFD, &irqfd))
		bench_die("irqhint: no irqfd");
}

static void fill_table(struct msi *m, uint32_t entries)
{
	m->entries = entries;
	for (uint32_t i = 0; i < entries; i++) {
		struct kvm_irq_routing_entry *e = &m->table->entries[i];

		*e = (struct kvm_irq_routing_entry){.gsi = GSI + MOST - (entries - 1 - i),
						    .type = KVM_IRQ_ROUTING_MSI};
		e->u.msi.address_lo = 0xfee00000;
		e->u.msi.data = VECTOR;
	}
}

static void bench_retarget(struct bench *b, struct msi *m, const char *name, uint32_t entries,
			   double goal)
{
	const struct bench_row row = {.name = name,
				      .peer_name = "KVM_SET_GSI_ROUTING and an irqfd",
				      .n = entries,
				      .goal = goal};
	const struct bench_side ours = {by_message, m}, peer = {by_route, m};

	fill_table(m, entries);
	bench_pair(b, &row, &ours, &peer, b->quick ? 3 : 21);
}

static void close_vm(struct msi *m)
{
	const int fds[] = {m->irqfd, m->vcpu[0], m->vcpu[1], m->vm, m->kvm_fd};

	vdev_kvm_free(m->kvm);
	free(m->table);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

void bench_msi(struct bench *b)
{
	struct msi m = {.kvm_fd = -1,
			.vm = -1,
			.vcpu = {-1, -1},
			.irqfd = -1,
			.rounds = b->quick ? 20 : 200};
	const char *why = open_vm(&m);

	if (why) {
		fprintf(stderr, "vdev-bench: skipped: irqhint/retarget: %s\n", why);
	} else {
		make_table(&m);
		bench_retarget(b, &m, "irqhint/retarget-1", 1, 10);
		bench_retarget(b, &m, "irqhint/retarget-1024", MOST, 200);
	}
	close_vm(&m);
}
