/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fuzz target: the paravirtual function before a real removal engine.
 *
 * The input is a list of operations: accesses by a guest, requests and time by a VMM, images by an
 * attacker. After each the function's invariants must hold, and no interrupt may be lost: while events
 * wait and interrupts are enabled, one was signalled since either became so.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/image.h"
#include "fuzz_pvdev.h"

#define UNITS 6u
#define MAX_IMAGE 4096u
#define MAX_OPS 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz {
	const uint8_t *data;
	size_t size;
	uint64_t now;
	struct vdev_removal *removal;
	struct vdev_pvdev_config config;
	struct vdev_pvdev *pvdev;
	uint64_t units[UNITS];
	int raised;
};

static uint8_t byte(struct fuzz *f)
{
	if (!f->size)
		return 0;
	f->size--;
	return *f->data++;
}

static uint64_t number(struct fuzz *f, unsigned int bytes)
{
	uint64_t v = 0;

	while (bytes--)
		v = v << 8 | byte(f);
	return v;
}

/* 0..3: through the function, 4: through ACPI, 5: without an address. */
static void add_unit(struct fuzz *f, unsigned int i)
{
	struct vdev_removal_unit u = {.struct_size = sizeof(u),
				      .unit_class = i == 3 ? VDEV_REMOVAL_PCI_SLOT
							   : VDEV_REMOVAL_VIRTIO_MMIO,
				      .transport = i == 4 ? VDEV_REMOVAL_ACPI : VDEV_REMOVAL_PVDEV,
				      .unasked = i % 3};

	if (vdev_removal_add(f->removal, f->now, &u, &f->units[i]) >= 0 && i != 5)
		require(vdev_removal_set_address(f->removal, f->units[i], i) == 0);
}

static uint64_t unit(struct fuzz *f)
{
	unsigned int i = byte(f) % (UNITS + 1);

	return i == UNITS ? 0 : f->units[i];
}

static void mark(struct fuzz *f, int mask)
{
	if (mask > 0 && (mask & VDEV_PVDEV_RAISE))
		f->raised = 1;
}

/* What the VMM's own devices would do always succeeds. */
static void pump(struct fuzz *f)
{
	struct vdev_action a;
	int s;

	for (int i = 0; i < 64 && vdev_removal_next(f->removal, &a, sizeof(a)) == 1; i++) {
		s = vdev_pvdev_perform(f->pvdev, f->now, &a);
		mark(f, s);
		require(s >= 0 || s == -EOPNOTSUPP || s == -EAGAIN || s == -ENOENT);
		s = s == -EOPNOTSUPP || s > 0 ? 0 : s;
		require(vdev_removal_done(f->removal, f->now, a.id, s) >= 0);
	}
}

static void put(struct fuzz *f, uint64_t offset, const uint8_t *bytes, size_t length)
{
	int mask = vdev_pvdev_write(f->pvdev, f->now, offset, bytes, length);

	require((mask == -EINVAL) == (!length || length > 8));
	require(mask < 0 || mask <= 0x1f);
	mark(f, mask);
	if (mask > 0 && (mask & VDEV_PVDEV_DISPATCH) && byte(f) % 8)
		pump(f);
}

static void put_register(struct fuzz *f, uint32_t offset, uint32_t value)
{
	const uint8_t b[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
			      (uint8_t)(value >> 24)};

	put(f, offset, b, 4);
}

static uint32_t get_register(struct fuzz *f, uint32_t offset)
{
	uint8_t b[4];

	require(vdev_pvdev_read(f->pvdev, f->now, offset, b, 4) == 0);
	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static void any_access(struct fuzz *f, int is_write)
{
	uint8_t b[8] = {0};
	uint64_t offset = number(f, byte(f) % 9);
	size_t length = byte(f) % 10;
	int r;

	for (size_t i = 0; i < 8 && is_write; i++)
		b[i] = byte(f);
	if (is_write) {
		put(f, offset, b, length);
		return;
	}
	r = vdev_pvdev_read(f->pvdev, f->now, offset, b, length);
	require((r == -EINVAL) == (!length || length > 8));
}

static void command(struct fuzz *f)
{
	uint8_t how = byte(f);

	put_register(f, VDEV_GUEST_COMMAND_ADDRESS, byte(f) % (UNITS + 1));
	put_register(f, VDEV_GUEST_COMMAND_ARGUMENT, byte(f) % 8);
	put_register(f, VDEV_GUEST_COMMAND_COOKIE,
		     how & 0x80 ? get_register(f, VDEV_GUEST_EVENT_COOKIE) : byte(f));
	put_register(f, VDEV_GUEST_COMMAND, how & 7);
	require(get_register(f, VDEV_GUEST_RESULT) <= VDEV_GUEST_R_QUOTA);
}

static void handshake(struct fuzz *f)
{
	put_register(f, VDEV_GUEST_DRIVER_FEATURES, 1u | (byte(f) & 6u));
	put_register(f, VDEV_GUEST_STATUS, 7);
}

/* Rings that can be, at first; then ON, OFF, or something else. */
static void queue(struct fuzz *f)
{
	uint8_t how = byte(f);

	put_register(f, VDEV_GUEST_QUEUE_SELECT, how % 4);
	put_register(f, VDEV_GUEST_QUEUE_SIZE, 2u << (how >> 2) % 4);
	put_register(f, VDEV_GUEST_QUEUE_EVENTS_SIZE, 16);
	put_register(f, VDEV_GUEST_QUEUE_EVENTS_HI, 1);
	put_register(f, VDEV_GUEST_QUEUE_STATE, how >> 6);
}

/* The VMM does what the state asks for, or tries something else. */
static void set_queue(struct fuzz *f)
{
	uint8_t how = byte(f);
	uint32_t index = how % 4, state = how >> 2;
	int now = vdev_pvdev_queue(f->pvdev, index, NULL, 0);
	int r = vdev_pvdev_queue_set(f->pvdev, index, state);

	mark(f, r);
	if (now < 0 && (state == VDEV_GUEST_QUEUE_OFF || state == VDEV_GUEST_QUEUE_BROKEN))
		require(r == -ENOENT);
	if (now == VDEV_GUEST_QUEUE_STOPPING && state == VDEV_GUEST_QUEUE_OFF)
		require(r == 0);
}

static void ask(struct fuzz *f)
{
	struct vdev_removal_request q = {.struct_size = sizeof(q)};
	uint8_t b = byte(f);
	uint64_t u = unit(f);

	q.ack_policy = b % 5;
	q.retries = q.ack_policy == VDEV_REMOVAL_ACK_RETRY ? b >> 6 : 0;
	q.flags = b & 0x20 ? VDEV_REMOVAL_FORCE : 0;
	q.ack_ns = 1000;
	if (b & 0x10)
		vdev_removal_cancel(f->removal, f->now, u);
	else
		vdev_removal_request(f->removal, f->now, u, &q);
	pump(f);
}

/* Actions as no engine would give them out. */
static void any_action(struct fuzz *f)
{
	static const uint32_t kinds[] = {VDEV_REMOVAL_WARN,       VDEV_REMOVAL_UNWARN,
					 VDEV_REMOVAL_REDECLARE,  VDEV_REMOVAL_ANNOUNCE,
					 VDEV_REMOVAL_REANNOUNCE, VDEV_REMOVAL_HIDE};
	struct vdev_action a = {.id = 1, .kind = kinds[byte(f) % 6]};

	a.dev = unit(f);
	a.arg[2] = byte(f) % 3;
	mark(f, vdev_pvdev_perform(f->pvdev, f->now, &a));
}

static void reset_vm(struct fuzz *f)
{
	vdev_removal_reset_begin(f->removal, f->now);
	require(vdev_pvdev_reset(f->pvdev, f->now) >= 0);
	pump(f);
	vdev_removal_reset_end(f->removal, f->now);
}

static void replace(struct fuzz *f, struct vdev_pvdev *p)
{
	vdev_pvdev_free(f->pvdev);
	f->pvdev = p;
}

/* Saved, loaded and saved again it is the same. */
static void move(struct fuzz *f)
{
	uint8_t *image[2] = {malloc(MAX_IMAGE), malloc(MAX_IMAGE)};
	size_t size[2];

	for (int i = 0; i < 2; i++) {
		struct vdev_pvdev *p = NULL;

		require(image[i] &&
			vdev_pvdev_save(f->pvdev, f->now, image[i], MAX_IMAGE, &size[i]) == 0);
		require(vdev_pvdev_load(NULL, &f->config, f->now, image[i], size[i], &p) == 0);
		replace(f, p);
	}
	require(size[0] == size[1] && memcmp(image[0], image[1], size[0]) == 0);
	free(image[0]);
	free(image[1]);
}

/* The rest of the input is the payload of an image with right checksums. */
static void load(struct fuzz *f)
{
	uint8_t image[MAX_IMAGE];
	struct vdev_pvdev *p = NULL;
	uint32_t version = 1;
	size_t n = byte(f), size;
	struct vdev__writer w;
	int r;

	if (n & 0x80)
		version = 2;
	n &= 0x7f;
	n = n * 4 < f->size ? n * 4 : f->size;
	vdev__writer_init(&w, image, sizeof(image), VDEV_PART_PVDEV, version);
	vdev__put_bytes(&w, f->data, n);
	require(vdev__writer_finish(&w, &size) == 0);
	f->data += n;
	f->size -= n;
	r = vdev_pvdev_load(NULL, &f->config, f->now, image, size, &p);
	require((r == 0) == (p != NULL));
	if (r) {
		require(r == -EBADMSG || r == -ENOSPC || r == -EINVAL);
		return;
	}
	replace(f, p);
	/* What was signalled before it was saved is not known here. */
	f->raised = p->n_events && p->irq_enable;
}

static void check(struct fuzz *f)
{
	const struct vdev_pvdev *p = f->pvdev;

	require(p->n_events + p->n_popped <= p->config.max_events + 1u);
	require(p->n_requests <= p->config.max_events);
	require(vdev__pvdev_ready(p) || (!p->n_events && !p->n_requests));
	require(p->used <= p->config.command_quota);
	check_requests(p);
	check_queues(p);
	require(get_register(f, VDEV_GUEST_IRQ_STATUS) ==
		((p->n_events ? 1u : 0u) | p->queue_irq << 1));
	require((get_register(f, VDEV_GUEST_EVENT) != VDEV_GUEST_EVENT_NONE) == (p->n_events != 0));
	if (!p->n_events || !p->irq_enable)
		f->raised = 0;
	else
		require(f->raised);
}

/* Below 0x80: those of the first page quarter; above: a doorbell. */
static void any_register(struct fuzz *f)
{
	uint8_t which = byte(f);
	uint32_t offset =
		which & 0x80 ? VDEV_GUEST_QUEUE_DOORBELL + 4u * (which % 4u) : (which & 0x3fu) * 4u;

	put_register(f, offset, (uint32_t)number(f, byte(f) % 5));
}

static void guest(struct fuzz *f, unsigned int op)
{
	switch (op) {
	case 0:
		any_register(f);
		break;
	case 1:
		any_access(f, 1);
		break;
	case 2:
		any_access(f, 0);
		break;
	case 3:
		handshake(f);
		break;
	case 4:
		put_register(f, VDEV_GUEST_EVENT_POP, 0);
		break;
	case 5:
		put_register(f, VDEV_GUEST_IRQ_ENABLE, byte(f));
		break;
	case 7:
		queue(f);
		break;
	default:
		command(f);
	}
}

static void host(struct fuzz *f, unsigned int op)
{
	switch (op) {
	case 0:
		ask(f);
		break;
	case 1:
		any_action(f);
		break;
	case 2:
		f->now += number(f, byte(f) % 5);
		require(vdev_removal_step(f->removal, f->now) >= 0);
		pump(f);
		break;
	case 3:
		reset_vm(f);
		break;
	case 4:
		move(f);
		break;
	case 5:
		load(f);
		break;
	case 6:
		vdev_removal_set_address(f->removal, unit(f), number(f, byte(f) % 9));
		break;
	case 8:
		set_queue(f);
		break;
	case 9:
		vdev_pvdev_doorbells(f->pvdev);
		require(vdev_pvdev_queue_irq(f->pvdev) == 0);
		break;
	default:
		add_unit(f, byte(f) % UNITS);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vdev_removal_config c = {.struct_size = sizeof(c), .max_units = 64};
	struct fuzz f = {.data = data, .size = size, .now = 1};
	uint8_t shape;

	require(vdev_removal_new(&f.removal, NULL, &c) == 0);
	for (unsigned int i = 0; i < UNITS; i++)
		add_unit(&f, i);
	f.config.struct_size = sizeof(f.config);
	f.config.removal = f.removal;
	shape = byte(&f);
	f.config.max_events = 1u + shape % 4;
	f.config.queues = shape >> 2 & 3u;
	f.config.command_quota = 1u + byte(&f);
	f.config.quota_period_ns = 1000;
	require(vdev_pvdev_new(&f.pvdev, NULL, &f.config) == 0);
	for (int i = 0; i < MAX_OPS && f.size; i++) {
		uint8_t op = byte(&f);

		if (op & 0x80)
			host(&f, op & 15);
		else
			guest(&f, op & 7);
		check(&f);
	}
	vdev_pvdev_free(f.pvdev);
	vdev_removal_free(f.removal);
	return 0;
}
