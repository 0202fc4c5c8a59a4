/* SPDX-License-Identifier: BSD-3-Clause */
/* The KVM backend on a real /dev/kvm: what is detached no longer reaches, and can come again. */
#include "test_kvm_backend_rig.h"

#define DEV 0x1000001
#define NEXT 0x2000001

/* again: mov dx, BELL_PORT; mov ax, 0x1234; out dx, ax; mov al, 0x77; out DONE, al; jmp again */
static const uint8_t ring_port[] = {0xba, 0x00, 0x05, 0xb8, 0x34, 0x12, 0xef,
				    0xb0, 0x77, 0xe6, DONE, 0xeb, 0xf3};
/* again: mov word [0x20], 0x1234; mov al, 0x77; out DONE, al; jmp again */
static const uint8_t ring_bar[] = {0xc7, 0x06, 0x20, 0x00, 0x34, 0x12,
				   0xb0, 0x77, 0xe6, DONE, 0xeb, 0xf4};
/* again: mov al, [0x10]; out DONE, al; mov byte [0x11], 0x55; jmp again */
static const uint8_t use_bar[] = {0xa0, 0x10, 0x00, 0xe6, DONE, 0xc6,
				  0x06, 0x11, 0x00, 0x55, 0xeb, 0xf4};

static void expect_no_failure(struct rig *r)
{
	struct vdev_kvm_stats s;

	assert_int_equal(vdev_kvm_stats(r->kvm, &s, sizeof(s)), 0);
	assert_int_equal(s.failed, 0);
}

static void bell_cycle(struct rig *r, uint64_t dev, uint32_t flags, uint32_t exit, uint64_t where)
{
	struct vdev_kvm_ioeventfd bell = {.struct_size = sizeof(bell),
					  .flags = flags | VDEV_KVM_ATTACH,
					  .address = where,
					  .datamatch = 0x1234,
					  .length = 2,
					  .fd = rig_eventfd()};

	rig_expect(r, exit, where, 0x1234); /* nobody takes it */
	rig_expect(r, KVM_EXIT_IO, DONE, 0x77);
	assert_int_equal(vdev_kvm_add_ioeventfd(r->kvm, dev, &bell), 0);
	rig_expect(r, KVM_EXIT_IO, DONE, 0x77);
	assert_int_equal(rig_take(bell.fd), 1);
	assert_int_equal(rig_perform(r, VDEV_REMOVAL_HIDE, dev), 0);
	rig_expect(r, KVM_EXIT_IO, DONE, 0x77);
	assert_int_equal(rig_take(bell.fd), 1); /* rings on ... */
	assert_int_equal(vdev_kvm_gated(r->kvm, dev), 1); /* ... and is not answered */
	assert_int_equal(rig_perform(r, VDEV_REMOVAL_DETACH_EVENTS, dev), 0);
	rig_expect(r, exit, where, 0x1234);
	rig_expect(r, KVM_EXIT_IO, DONE, 0x77);
	assert_int_equal(rig_take(bell.fd), 0);
	assert_int_equal(rig_perform(r, VDEV_REMOVAL_DETACH_EVENTS, dev), 0);
	assert_int_equal(rig_perform(r, VDEV_REMOVAL_RELEASE, dev), 0);
	close(bell.fd);
	expect_no_failure(r);
}

static void doorbell_port(void **state)
{
	struct rig *r = *state;

	rig_load(r, ring_port, sizeof(ring_port));
	bell_cycle(r, DEV, VDEV_KVM_PIO, KVM_EXIT_IO, BELL_PORT);
	bell_cycle(r, NEXT, VDEV_KVM_PIO, KVM_EXIT_IO, BELL_PORT);
	bell_cycle(r, NEXT + 1, VDEV_KVM_PIO | VDEV_KVM_DATAMATCH, KVM_EXIT_IO, BELL_PORT);
}

static void doorbell_memory(void **state)
{
	struct rig *r = *state;

	rig_load(r, ring_bar, sizeof(ring_bar));
	bell_cycle(r, DEV, 0, KVM_EXIT_MMIO, BAR + 0x20);
	bell_cycle(r, NEXT, VDEV_KVM_DATAMATCH, KVM_EXIT_MMIO, BAR + 0x20);
}

/* Two devices ring at one address with values of their own: only the right one is detached. */
static void datamatch_tells_devices_apart(void **state)
{
	struct vdev_kvm_ioeventfd mine = {.struct_size = sizeof(mine),
					  .flags = VDEV_KVM_ATTACH | VDEV_KVM_DATAMATCH,
					  .address = BAR + 0x20,
					  .datamatch = 0x1234,
					  .length = 2,
					  .fd = rig_eventfd()};
	struct vdev_kvm_ioeventfd other = mine;
	struct rig *r = *state;

	other.datamatch = 0x4321;
	other.fd = rig_eventfd();
	rig_load(r, ring_bar, sizeof(ring_bar));
	assert_int_equal(vdev_kvm_add_ioeventfd(r->kvm, DEV, &mine), 0);
	assert_int_equal(vdev_kvm_add_ioeventfd(r->kvm, NEXT, &other), 0);
	assert_int_equal(rig_perform(r, VDEV_REMOVAL_TEARDOWN, NEXT), 0);
	rig_expect(r, KVM_EXIT_IO, DONE, 0x77);
	assert_int_equal(rig_take(mine.fd), 1);
	assert_int_equal(rig_perform(r, VDEV_REMOVAL_TEARDOWN, DEV), 0);
	rig_expect(r, KVM_EXIT_MMIO, BAR + 0x20, 0x1234);
	close(mine.fd);
	close(other.fd);
}

/* Interrupt request register of the first 8259: bit 4 is set by an edge on pin 4 and stays. */
static int irq_came(struct rig *r)
{
	struct kvm_irqchip chip = {.chip_id = KVM_IRQCHIP_PIC_MASTER};
	int i, came = 0;

	for (i = 0; i < 50 && !came; i++) {
		usleep(i ? 1000 : 0); /* KVM injects it from a work queue */
		assert_int_equal(ioctl(r->vm, KVM_GET_IRQCHIP, &chip), 0);
		came = chip.chip.pic.irr >> 4 & 1;
	}
	chip.chip.pic.irr = chip.chip.pic.last_irr = 0;
	assert_int_equal(ioctl(r->vm, KVM_SET_IRQCHIP, &chip), 0);
	return came;
}

static void irqfd_cycle(struct rig *r, uint64_t dev, int32_t resample_fd)
{
	struct vdev_kvm_irqfd irq = {.struct_size = sizeof(irq),
				     .flags = VDEV_KVM_ATTACH,
				     .fd = rig_eventfd(),
				     .gsi = 4,
				     .resample_fd = resample_fd};

	assert_int_equal(vdev_kvm_add_irqfd(r->kvm, dev, &irq), 0);
	rig_signal(irq.fd);
	assert_int_equal(irq_came(r), 1);
	assert_int_equal(rig_take(irq.fd), 0); /* KVM took it */
	assert_int_equal(rig_perform(r, VDEV_REMOVAL_DETACH_EVENTS, dev), 0);
	rig_signal(irq.fd);
	assert_int_equal(irq_came(r), 0);
	assert_int_equal(rig_take(irq.fd), 1); /* nobody took it */
	assert_int_equal(rig_perform(r, VDEV_REMOVAL_DETACH_EVENTS, dev), 0);
	assert_int_equal(rig_perform(r, VDEV_REMOVAL_RELEASE, dev), 0);
	close(irq.fd);
	expect_no_failure(r);
}

static void interrupt_edge(void **state)
{
	struct rig *r = *state;

	irqfd_cycle(r, DEV, -1);
	irqfd_cycle(r, NEXT, -1);
}

static void interrupt_level(void **state)
{
	struct rig *r = *state;
	int resample = rig_eventfd();

	irqfd_cycle(r, DEV, resample);
	irqfd_cycle(r, NEXT, resample);
	close(resample);
}

static void bar_cycle(struct rig *r, uint64_t dev, uint32_t flags, uint8_t *bar)
{
	struct vdev_kvm_memslot slot = {.struct_size = sizeof(slot),
					.flags = flags | VDEV_KVM_ATTACH,
					.slot = 5,
					.guest_address = BAR,
					.size_bytes = BAR_SIZE,
					.host_address = (uint64_t)(uintptr_t)bar};

	bar[0x10] = 0x42;
	bar[0x11] = 0;
	rig_load(r, use_bar, sizeof(use_bar));
	assert_int_equal(vdev_kvm_add_memslot(r->kvm, dev, &slot), 0);
	rig_expect(r, KVM_EXIT_IO, DONE, 0x42); /* reads without an exit */
	if (flags & VDEV_KVM_READONLY)
		rig_expect(r, KVM_EXIT_MMIO, BAR + 0x11, 0x55);
	rig_expect(r, KVM_EXIT_IO, DONE, 0x42);
	assert_int_equal(bar[0x11], flags & VDEV_KVM_READONLY ? 0 : 0x55);
	assert_int_equal(rig_perform(r, VDEV_REMOVAL_UNMAP_BARS, dev), 0);
	rig_expect(r, KVM_EXIT_MMIO, BAR + 0x11, 0x55);
	rig_expect(r, KVM_EXIT_MMIO, BAR + 0x10, 0);
	rig_expect(r, KVM_EXIT_IO, DONE, 0xff);
	assert_int_equal(rig_perform(r, VDEV_REMOVAL_UNMAP_BARS, dev), 0);
	assert_int_equal(rig_perform(r, VDEV_REMOVAL_RELEASE, dev), 0);
	expect_no_failure(r);
}

static void bar_mapping(void **state)
{
	struct rig *r = *state;
	uint8_t *bar =
		mmap(NULL, BAR_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(bar != MAP_FAILED);
	bar_cycle(r, DEV, 0, bar);
	bar_cycle(r, NEXT, 0, bar);
	bar_cycle(r, NEXT + 1, VDEV_KVM_READONLY, bar);
	munmap(bar, BAR_SIZE);
}

/* The VMM made the ioctl itself, as most do; the backend only takes it apart. */
static void registered_without_attach(void **state)
{
	struct kvm_irqfd made = {.gsi = 4};
	struct vdev_kvm_irqfd irq = {.struct_size = sizeof(irq), .gsi = 4, .resample_fd = -1};
	struct rig *r = *state;

	irq.fd = rig_eventfd();
	made.fd = (uint32_t)irq.fd;
	assert_int_equal(ioctl(r->vm, KVM_IRQFD, &made), 0);
	assert_int_equal(vdev_kvm_add_irqfd(r->kvm, DEV, &irq), 0);
	rig_signal(irq.fd);
	assert_int_equal(irq_came(r), 1);
	assert_int_equal(rig_perform(r, VDEV_REMOVAL_TEARDOWN, DEV), 0);
	rig_signal(irq.fd);
	assert_int_equal(irq_came(r), 0);
	close(irq.fd);
}

static void expect_text(struct rig *r, const char *text, int is_last)
{
	char last[256];

	assert_non_null(strstr(r->v.log, text));
	assert_true(vdev_kvm_error(r->kvm, last, sizeof(last)) > 0);
	assert_int_equal(!strcmp(last, text), is_last);
}

static void real_errors(void **state)
{
	struct vdev_kvm_ioeventfd bell = {
		.struct_size = sizeof(bell), .flags = VDEV_KVM_ATTACH, .address = BAR, .length = 4};
	struct vdev_kvm_irqfd irq = {.struct_size = sizeof(irq), .gsi = 4, .resample_fd = -1};
	struct rig *r = *state;
	int fd = rig_eventfd();

	/* A number that the texts can name. */
	assert_int_equal(dup2(fd, 99), 99);
	close(fd);
	bell.fd = irq.fd = 99;
	assert_int_equal(vdev_kvm_add_ioeventfd(r->kvm, DEV, &bell), 0);
	assert_int_equal(vdev_kvm_add_ioeventfd(r->kvm, NEXT, &bell), -EEXIST);
	expect_text(r, "KVM_IOEVENTFD (assign, address 0xd0000, length 4, fd 99): File exists", 1);
	assert_int_equal(vdev_kvm_add_irqfd(r->kvm, DEV, &irq), 0);
	close(99); /* against the rules: they must live until RELEASE */
	assert_int_equal(rig_perform(r, VDEV_REMOVAL_DETACH_EVENTS, DEV), -EBADF);
	expect_text(r, "KVM_IRQFD (deassign, gsi 4, fd 99): Bad file descriptor", 0);
	expect_text(
		r,
		"KVM_IOEVENTFD (deassign, address 0xd0000, length 4, fd 99): Bad file descriptor",
		1);
}

/* What the VMM has taken apart itself is no failure. */
static void detached_behind_its_back(void **state)
{
	struct vdev_kvm_ioeventfd bell = {.struct_size = sizeof(bell), .address = BAR, .length = 4};
	struct vdev_kvm_irqfd irq = {.struct_size = sizeof(irq), .gsi = 4, .resample_fd = -1};
	struct rig *r = *state;

	bell.fd = irq.fd = rig_eventfd();
	assert_int_equal(vdev_kvm_add_ioeventfd(r->kvm, DEV, &bell), 0);
	assert_int_equal(vdev_kvm_add_irqfd(r->kvm, DEV, &irq), 0);
	assert_int_equal(rig_perform(r, VDEV_REMOVAL_DETACH_EVENTS, DEV), 0);
	assert_non_null(strstr(r->v.log, "was gone already"));
	expect_no_failure(r);
	close(bell.fd);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
		T(doorbell_port),
		T(doorbell_memory),
		T(datamatch_tells_devices_apart),
		T(interrupt_edge),
		T(interrupt_level),
		T(bar_mapping),
		T(registered_without_attach),
		T(real_errors),
		T(detached_behind_its_back),
	};

	if (rig_missing())
		return 77;
	return cmocka_run_group_tests_name("kvm_backend", tests, NULL, NULL);
}
