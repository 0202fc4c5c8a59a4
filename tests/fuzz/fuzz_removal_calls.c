/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fuzz target: any sequence of calls of the removal engine, with any values.
 *
 * A byte chooses the call, those that follow its arguments; small numbers are mostly meant for units
 * that exist. Whatever was called: nothing is given out without end, time goes forward, an image can be
 * written and read again, and when all do their part everything ends.
 */
#include "fuzz_removal.h"

#define CALLS 400

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz {
	const uint8_t *data;
	size_t size;
	uint64_t now;
	struct vdev_removal_config config;
	struct vdev_removal *r;
	uint64_t units[FZ_UNITS]; /* ever issued */
	uint64_t actions[FZ_UNITS]; /* given, perhaps done */
	uint32_t unit_count, action_count;
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

/* A live unit mostly; else a stale one or any number. */
static uint64_t unit(struct fuzz *f)
{
	uint8_t b = byte(f);

	if (b == 0xff)
		return number(f, 8);
	return f->unit_count ? f->units[b % (f->unit_count < FZ_UNITS ? f->unit_count : FZ_UNITS)]
			     : 0;
}

static void add(struct fuzz *f)
{
	struct vdev_removal_unit u = {.struct_size = sizeof(u)};
	uint8_t shape = byte(f), more = byte(f);
	uint64_t handle = 0;
	int got;

	u.unit_class = shape % 8;
	u.transport = shape >> 3 & 3;
	u.flags = shape >> 5 & 3;
	u.parent = more & 1 ? unit(f) : 0;
	u.function = more >> 1 & 3;
	u.unasked = more >> 3 & 3;
	u.name = more >> 5;
	u.slot_cap = byte(f);
	if (shape == 0xff)
		u.reserved[more % 3] = byte(f);
	got = vdev_removal_add(f->r, f->now, &u, &handle);
	if (got < 0)
		fz_require(handle == 0);
	else
		f->units[f->unit_count++ % FZ_UNITS] = handle;
}

static void request(struct fuzz *f)
{
	struct vdev_removal_request q = {.struct_size = sizeof(q)};
	uint64_t target = unit(f);
	uint8_t how = byte(f);

	q.flags = how & 7;
	q.ack_policy = how >> 3 & 7;
	q.retries = how & 0x40 ? 300 - byte(f) : how & 3;
	q.ack_ns = how & 0x80 ? number(f, 8) : byte(f);
	vdev_removal_request(f->r, f->now, target, &q);
	vdev_removal_plan(f->r, target, &q, NULL, 0, 0);
}

static void sets(struct fuzz *f)
{
	static const uint32_t kinds[] = {VDEV_REMOVAL_WARN,
					 VDEV_REMOVAL_AWAIT_ACK,
					 VDEV_REMOVAL_QUIESCE,
					 VDEV_REMOVAL_HIDE,
					 VDEV_REMOVAL_DRAIN,
					 VDEV_REMOVAL_TEARDOWN,
					 VDEV_REMOVAL_RELEASE,
					 VDEV_REMOVAL_UNWARN,
					 VDEV_REMOVAL_RESUME,
					 0x180,
					 0x181,
					 0x182};
	struct vdev_removal_step steps[VDEV_REMOVAL_MAX_STEPS];
	uint32_t unit_class = byte(f) % 9, level = byte(f) % 34, count = byte(f) % 18;

	for (uint32_t i = 0; i < count && i < VDEV_REMOVAL_MAX_STEPS; i++) {
		uint8_t b = byte(f);

		steps[i].kind = kinds[b % 12];
		steps[i].undo = b & 0x80 ? 0 : kinds[7 + (b >> 4) % 5];
		steps[i].deadline_ns = b & 0x40 ? 5000 : b;
	}
	vdev_removal_set_actions(f->r, unit_class, level, count ? steps : NULL, count);
	vdev_removal_get_actions(f->r, unit_class, level, steps);
}

static void next(struct fuzz *f)
{
	struct vdev_action a;

	if (vdev_removal_next(f->r, &a, sizeof(a)) == 1)
		f->actions[f->action_count++ % FZ_UNITS] = a.id;
}

static void done(struct fuzz *f)
{
	static const int statuses[] = {0, 0, 0, -EAGAIN, -EBUSY, -EIO, -ETIMEDOUT, 1};
	uint8_t b = byte(f);
	uint64_t id = f->actions[b % FZ_UNITS];

	if (b == 0xff)
		id = number(f, 8);
	else if (b & 0x80)
		id = f->actions[(f->action_count + FZ_UNITS - 1) % FZ_UNITS];
	vdev_removal_done(f->r, f->now, id, statuses[byte(f) % 8]);
}

static void time_goes_on(struct fuzz *f)
{
	uint8_t b = byte(f);
	uint64_t at;

	if (b & 1 && vdev_removal_deadline(f->r, &at) == 1)
		f->now = at;
	else
		f->now = b & 2 ? f->now + number(f, 1 + (b >> 6)) : number(f, 8);
	vdev_removal_step(f->r, f->now);
}

static void reload(struct fuzz *f)
{
	f->r = fz_reload(f->r, &f->config, &f->now, number(f, 4));
}

static void guest(struct fuzz *f)
{
	uint8_t what = byte(f);
	uint64_t u = unit(f);

	switch (what % 9) {
	case 0:
		vdev_removal_ack(f->r, f->now, u);
		break;
	case 1:
		vdev_removal_refuse(f->r, f->now, u, byte(f));
		break;
	case 2:
		vdev_removal_progress(f->r, f->now, u);
		break;
	case 3:
		vdev_removal_ost(f->r, f->now, u, what & 0x80 ? 0x103 : byte(f), byte(f));
		break;
	case 4:
		vdev_removal_slot(f->r, f->now, u, (uint32_t)number(f, 2), byte(f));
		break;
	case 5:
		vdev_removal_slot(f->r, f->now, u, what & 0x80 ? 0x121 : 0x721,
				  what & 0x40 ? 8 : 0);
		break;
	case 6:
		vdev_removal_ready(f->r, f->now, what & 0x80 ? 0 : u, byte(f) % 3);
		break;
	case 7:
		vdev_removal_declare(f->r, f->now, u, what >> 6, byte(f) % 33);
		break;
	default:
		vdev_removal_forget(f->r, f->now, what & 0x80 ? 0 : u);
	}
}

static void host(struct fuzz *f)
{
	uint8_t what = byte(f);

	switch (what % 10) {
	case 0:
		vdev_removal_reset_begin(f->r, f->now);
		break;
	case 1:
		vdev_removal_reset_end(f->r, f->now);
		break;
	case 2:
		vdev_removal_pause(f->r, f->now);
		break;
	case 3:
		vdev_removal_resume(f->r, f->now);
		break;
	case 4:
		vdev_removal_hold(f->r, f->now);
		break;
	case 5:
		vdev_removal_unhold(f->r, f->now);
		break;
	case 6:
		vdev_removal_touch(f->r, unit(f));
		break;
	case 7:
		vdev_removal_backend_gone(f->r, unit(f));
		break;
	case 8:
		vdev_removal_set_address(f->r, unit(f), what & 0x80 ? VDEV_NONE : byte(f));
		break;
	default:
		vdev_removal_set_user_data(f->r, unit(f), byte(f));
	}
}

static void call(struct fuzz *f)
{
	switch (byte(f) % 16) {
	case 0:
	case 1:
		add(f);
		break;
	case 2:
	case 3:
		request(f);
		break;
	case 4:
		vdev_removal_cancel(f->r, f->now, unit(f));
		break;
	case 5:
	case 6:
		guest(f);
		break;
	case 7:
		host(f);
		break;
	case 8:
		sets(f);
		break;
	case 9:
		time_goes_on(f);
		break;
	case 10:
		reload(f);
		break;
	case 11:
		fz_drain(f->r, f->now, byte(f));
		break;
	case 12:
	case 13:
		next(f);
		break;
	default:
		done(f);
	}
}

/* What was never done is done now: none of it stays outstanding. */
static void finish_actions(struct fuzz *f)
{
	struct vdev_removal_info infos[FZ_UNITS];
	uint32_t n;

	for (uint32_t i = 0; i < FZ_UNITS; i++)
		if (f->actions[i])
			vdev_removal_done(f->r, f->now, f->actions[i], 0);
	n = fz_units(f->r, infos);
	for (uint32_t i = 0; i < n; i++)
		if (infos[i].action_id)
			vdev_removal_done(f->r, f->now, infos[i].action_id, 0);
}

static void configure(struct fuzz *f)
{
	uint8_t b = byte(f);

	f->now = 1000;
	f->config = (struct vdev_removal_config){
		.struct_size = sizeof(f->config),
		.flags = b & 3,
		.max_units = b & 4 ? FZ_UNITS : 4,
		.level_policy = (b >> 3) % 3,
		.ack_policy = (b >> 5) % 5,
		.retries = b & 3,
		.button_ns = 100,
		.notify_ns = 70,
		.settle_ns = 50,
		.ack_ns = 300,
	};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = {.data = data, .size = size};

	configure(&f);
	fz_require(vdev_removal_new(&f.r, NULL, &f.config) == 0);
	for (int i = 0; i < CALLS && f.size; i++)
		call(&f);
	/* More than f.actions[] holds may be outstanding; an image makes all of it come out again. */
	finish_actions(&f);
	f.r = fz_reload(f.r, &f.config, &f.now, f.now / 2);
	fz_drain(f.r, f.now, 0);
	fz_settle(f.r, &f.now);
	vdev_removal_free(f.r);
	return 0;
}
