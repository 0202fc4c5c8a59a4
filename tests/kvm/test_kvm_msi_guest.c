/* SPDX-License-Identifier: BSD-3-Clause */
/* MSI delivery on a real /dev/kvm: a guest's handler runs, and only on the vCPU that the message names. */
#include "test_kvm_backend_rig.h"

#include <vdev/msi.h>

#define DEV 0x1000001
#define VECTOR 0x41u
#define HANDLER 0x1100u
#define STACK 0x8000u
#define SVR 0xf0u /* spurious vector; bit 8: the APIC is on */
#define LDR 0xd0u
#define IRR 0x200u
#define ISR 0x100u
#define GSI 30u

/* again: sti; hlt; jmp again */
static const uint8_t wait_for_it[] = {0xfb, 0xf4, 0xeb, 0xfc};
/* mov al, VECTOR; out DONE, al; jmp self */
static const uint8_t handler[] = {0xb0, VECTOR, 0xe6, DONE, 0xeb, 0xfe};

struct two {
	struct rig *r;
	int vcpu[2];
};

static void apic_on(int vcpu, uint32_t logical)
{
	struct kvm_lapic_state apic;

	assert_int_equal(ioctl(vcpu, KVM_GET_LAPIC, &apic), 0);
	memset(apic.regs + IRR, 0, 0x80);
	memset(apic.regs + ISR, 0, 0x80);
	apic.regs[SVR] = (char)0xff;
	apic.regs[SVR + 1] = 1;
	apic.regs[LDR + 3] = (char)logical;
	assert_int_equal(ioctl(vcpu, KVM_SET_LAPIC, &apic), 0);
}

/* Whether a vector waits for a vCPU that does not run. */
static int waits(int vcpu, uint32_t vector)
{
	struct kvm_lapic_state apic;

	assert_int_equal(ioctl(vcpu, KVM_GET_LAPIC, &apic), 0);
	return (uint8_t)apic.regs[IRR + vector / 32 * 0x10 + vector % 32 / 8] >> vector % 8 & 1;
}

static int soon_waits(int vcpu, uint32_t vector)
{
	int i, came = 0;

	for (i = 0; i < 200 && !came; i++) {
		usleep(i ? 1000 : 0); /* KVM may inject it from a work queue */
		came = waits(vcpu, vector);
	}
	return came;
}

static struct two begin(struct rig *r)
{
	struct two t = {.r = r, .vcpu = {r->vcpu, ioctl(r->vm, KVM_CREATE_VCPU, 1)}};

	assert_true(t.vcpu[1] >= 0);
	apic_on(t.vcpu[0], 1);
	apic_on(t.vcpu[1], 2);
	return t;
}

static void end(struct two *t)
{
	struct vdev_kvm_stats s;

	assert_int_equal(vdev_kvm_stats(t->r->kvm, &s, sizeof(s)), 0);
	assert_int_equal(s.failed, 0);
	close(t->vcpu[1]);
}

static struct vdev_kvm_msi message(uint32_t flags, uint32_t apic_id, uint32_t vector)
{
	return (struct vdev_kvm_msi){.struct_size = sizeof(struct vdev_kvm_msi),
				     .flags = flags,
				     .address = 0xfee00000 | apic_id << 12,
				     .data = vector,
				     .gsi = flags & VDEV_KVM_MSI_ROUTED ? GSI : VDEV_KVM_NO_GSI,
				     .fd = -1};
}

static int set(struct rig *r, struct vdev_kvm_msi m)
{
	return vdev_kvm_set_msi(r->kvm, DEV, 0, &m);
}

/* What KVM has by itself, made anew. */
static void pins(struct rig *r)
{
	struct vdev_kvm_route routes[40];
	uint32_t count = 0, i;

	for (i = 0; i < 24; i++) {
		if (i < 16)
			routes[count++] = (struct vdev_kvm_route){
				.gsi = i,
				.type = VDEV_KVM_ROUTE_IRQCHIP,
				.irqchip = i < 8 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE,
				.pin = i % 8};
		routes[count++] = (struct vdev_kvm_route){.gsi = i,
							  .type = VDEV_KVM_ROUTE_IRQCHIP,
							  .irqchip = KVM_IRQCHIP_IOAPIC,
							  .pin = i};
	}
	assert_int_equal(vdev_kvm_set_routes(r->kvm, routes, count), 0);
}

static void load(struct rig *r)
{
	const uint16_t entry[2] = {HANDLER, 0};
	struct kvm_regs regs = {.rip = CODE, .rsp = STACK, .rflags = 2};

	rig_load(r, wait_for_it, sizeof(wait_for_it));
	memcpy(r->ram + HANDLER, handler, sizeof(handler));
	memcpy(r->ram + VECTOR * 4, entry, sizeof(entry));
	assert_int_equal(ioctl(r->vcpu, KVM_SET_REGS, &regs), 0);
}

static void guest_handles_a_signal(void **state)
{
	struct rig *r = *state;
	struct two t = begin(r);

	load(r);
	assert_int_equal(set(r, message(VDEV_KVM_MSI_SIGNAL, 0, VECTOR)), 0);
	assert_int_equal(vdev_kvm_signal(r->kvm, DEV, 0), VDEV_KVM_DELIVERED);
	assert_int_equal(waits(t.vcpu[0], VECTOR), 1);
	assert_int_equal(waits(t.vcpu[1], VECTOR), 0);
	rig_expect(r, KVM_EXIT_IO, DONE, VECTOR);
	/* Retargeted by a store. */
	assert_int_equal(set(r, message(VDEV_KVM_MSI_SIGNAL, 1, 0x52)), 0);
	assert_int_equal(vdev_kvm_signal(r->kvm, DEV, 0), VDEV_KVM_DELIVERED);
	assert_int_equal(waits(t.vcpu[0], 0x52), 0);
	assert_int_equal(waits(t.vcpu[1], 0x52), 1);
	end(&t);
}

static void nobody_there(void **state)
{
	struct rig *r = *state;
	struct two t = begin(r);
	int how;

	assert_int_equal(set(r, message(VDEV_KVM_MSI_SIGNAL, 0x77, VECTOR)), 0);
	how = vdev_kvm_signal(r->kvm, DEV, 0);
	print_message("an APIC id that no vCPU has: %d\n", how);
	assert_true(how == VDEV_KVM_BLOCKED || how == VDEV_KVM_DELIVERED);
	assert_int_equal(waits(t.vcpu[0], VECTOR) + waits(t.vcpu[1], VECTOR), 0);
	end(&t);
}

static void pending_until_unmasked(void **state)
{
	struct rig *r = *state;
	struct two t = begin(r);

	load(r);
	assert_int_equal(set(r, message(VDEV_KVM_MSI_SIGNAL | VDEV_KVM_MSI_MASKED, 0, VECTOR)), 0);
	assert_int_equal(vdev_kvm_signal(r->kvm, DEV, 0), VDEV_KVM_MASKED);
	assert_int_equal(waits(t.vcpu[0], VECTOR), 0);
	assert_int_equal(vdev_kvm_mask_msi(r->kvm, DEV, 0, 0), 1);
	assert_int_equal(waits(t.vcpu[0], VECTOR), 1);
	rig_expect(r, KVM_EXIT_IO, DONE, VECTOR);
	end(&t);
}

/* H10: to one of those that the guest named, and KVM sees it so. */
static void aimed_at_one(void **state)
{
	static const struct vdev_msi_cpu cpus[2] = {{0, 1}, {1, 2}};
	const struct vdev_msi both = {.address = 0xfee0300c, .data = VECTOR};
	struct rig *r = *state;
	struct two t = begin(r);
	struct vdev_kvm_msi m = message(VDEV_KVM_MSI_SIGNAL, 0, VECTOR);
	struct vdev_msi one;
	uint64_t set_of = 0;
	uint32_t vcpu;

	assert_int_equal(vdev_msi_reach(&both, cpus, 2, 0, &set_of, 1), 2);
	m.address = both.address;
	assert_int_equal(set(r, m), 0);
	for (vcpu = 0; vcpu < 2; vcpu++) {
		assert_int_equal(vdev_msi_aim(&both, cpus, 2, 0, vcpu, &one), 0);
		assert_int_equal(vdev_kvm_signal_aimed(r->kvm, DEV, 0, &both, &one),
				 VDEV_KVM_DELIVERED);
		assert_int_equal(waits(t.vcpu[vcpu], VECTOR), 1);
		assert_int_equal(waits(t.vcpu[!vcpu], VECTOR), 0);
		apic_on(t.vcpu[vcpu], vcpu + 1);
	}
	/* The message itself goes to one of them. */
	assert_int_equal(vdev_kvm_signal(r->kvm, DEV, 0), VDEV_KVM_DELIVERED);
	assert_int_equal(waits(t.vcpu[0], VECTOR) + waits(t.vcpu[1], VECTOR), 1);
	end(&t);
}

static void by_a_route(void **state)
{
	struct rig *r = *state;
	struct two t = begin(r);
	struct vdev_kvm_msi m = message(VDEV_KVM_MSI_ROUTED, 0, VECTOR);
	struct vdev_kvm_irqfd irq = {.struct_size = sizeof(irq),
				     .flags = VDEV_KVM_ATTACH,
				     .fd = rig_eventfd(),
				     .gsi = GSI,
				     .resample_fd = -1};

	load(r);
	pins(r);
	m.fd = irq.fd;
	assert_int_equal(set(r, m), 0);
	assert_int_equal(vdev_kvm_add_irqfd(r->kvm, DEV, &irq), 0);
	rig_signal(irq.fd); /* as vhost does */
	assert_int_equal(soon_waits(t.vcpu[0], VECTOR), 1);
	rig_expect(r, KVM_EXIT_IO, DONE, VECTOR);
	/* Masked: what comes stays in the eventfd, and is not lost. */
	assert_int_equal(vdev_kvm_mask_msi(r->kvm, DEV, 0, 1), 0);
	rig_signal(irq.fd);
	usleep(20000);
	assert_int_equal(waits(t.vcpu[1], 0x52), 0);
	/* Retargeted behind the mask. */
	m = message(VDEV_KVM_MSI_ROUTED, 1, 0x52);
	m.fd = irq.fd;
	assert_int_equal(set(r, m), 0);
	assert_int_equal(soon_waits(t.vcpu[1], 0x52), 1);
	apic_on(t.vcpu[1], 2);
	assert_int_equal(vdev_kvm_signal(r->kvm, DEV, 0), VDEV_KVM_DELIVERED);
	assert_int_equal(soon_waits(t.vcpu[1], 0x52), 1);
	apic_on(t.vcpu[1], 2);
	assert_int_equal(rig_perform(r, VDEV_REMOVAL_HIDE, DEV), 0);
	assert_int_equal(rig_perform(r, VDEV_REMOVAL_DETACH_EVENTS, DEV), 0);
	rig_signal(irq.fd);
	usleep(20000);
	assert_int_equal(waits(t.vcpu[1], 0x52), 0);
	assert_int_equal(rig_take(irq.fd), 1); /* nobody took it */
	close(irq.fd);
	end(&t);
}

/* The pins still work with the backend's table. */
static void pins_stay(void **state)
{
	struct kvm_irqchip chip = {.chip_id = KVM_IRQCHIP_PIC_MASTER};
	struct kvm_irq_level level = {.irq = 4, .level = 1};
	struct rig *r = *state;
	struct two t = begin(r);

	pins(r);
	assert_int_equal(set(r, message(VDEV_KVM_MSI_ROUTED, 0, VECTOR)), 0);
	assert_int_equal(ioctl(r->vm, KVM_IRQ_LINE, &level), 0);
	assert_int_equal(ioctl(r->vm, KVM_GET_IRQCHIP, &chip), 0);
	assert_int_equal(chip.chip.pic.irr >> 4 & 1, 1);
	end(&t);
}

static void refused_by_kvm(void **state)
{
	const struct vdev_kvm_route wrong = {
		.gsi = 4, .type = VDEV_KVM_ROUTE_IRQCHIP, .irqchip = 99, .pin = 4};
	struct rig *r = *state;
	char text[256];

	pins(r);
	assert_int_equal(set(r, message(VDEV_KVM_MSI_ROUTED, 0, VECTOR)), 0);
	assert_int_equal(vdev_kvm_set_routes(r->kvm, &wrong, 1), -EINVAL);
	assert_true(vdev_kvm_error(r->kvm, text, sizeof(text)) > 0);
	assert_string_equal(text, "KVM_SET_GSI_ROUTING (2 entries, 1 changed): Invalid argument");
	assert_int_equal(set(r, message(VDEV_KVM_MSI_ROUTED, 0, VECTOR + 1)), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
		T(guest_handles_a_signal), T(nobody_there), T(pending_until_unmasked),
		T(aimed_at_one),           T(by_a_route),   T(pins_stay),
		T(refused_by_kvm),
	};

	if (rig_missing())
		return 77;
	return cmocka_run_group_tests_name("kvm_msi_guest", tests, NULL, NULL);
}
