/* SPDX-License-Identifier: BSD-3-Clause */
/* The zero-copy engine under test: see vt_zerocopy.h. */
#include "vt_zerocopy.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void first_blocks(struct vt_zerocopy *t)
{
	for (uint32_t i = 0; i < VZ_LETTERS; i++) {
		struct vdev_zerocopy_block *b = &t->block[i].b;

		b->struct_size = sizeof(*b);
		b->address = VZ_RAM + i * 16 * VZ_PAGE;
		b->length_bytes = 2 * VZ_PAGE;
		b->timeout_ns = VZ_TIMEOUT;
		b->user_data = i;
	}
}

int vz_add_queue(struct vt_zerocopy *t, uint32_t slots, uint32_t flags, uint64_t threshold)
{
	const struct vdev_zerocopy_queue_config config = {.struct_size = sizeof(config),
							  .flags = flags,
							  .slots = slots,
							  .threshold_bytes = threshold};
	int ret = vdev_zerocopy_add_queue(t->z, &config, &t->q[t->queue_count]);

	t->queue_count += ret == 0;
	return ret;
}

int vz_add_memory(struct vt_zerocopy *t, uint64_t address, uint64_t size, uint64_t granule,
		  uint32_t flags)
{
	const struct vdev_zerocopy_memory memory = {.struct_size = sizeof(memory),
						    .flags = flags,
						    .address = address,
						    .size_bytes = size,
						    .granule_bytes = granule};

	return vdev_zerocopy_add_memory(t->z, &memory);
}

int vz_init_with(struct vt_zerocopy *t, const struct vdev_zerocopy_config *config)
{
	int ret;

	memset(t, 0, sizeof(*t));
	vt_env_init(&t->v);
	first_blocks(t);
	t->config = *config;
	t->config.struct_size = sizeof(t->config);
	t->config.max_queues = config->max_queues ? config->max_queues : 4;
	t->config.max_destinations = config->max_destinations ? config->max_destinations : 4;
	t->now = 1000 * VZ_SEC;
	ret = vdev_zerocopy_new(&t->z, &t->v.env, &t->config);
	if (!ret)
		ret = vz_add_memory(t, VZ_RAM, VZ_RAM_SIZE, VZ_PAGE, 0);
	if (!ret)
		ret = vz_add_memory(t, VZ_HUGE, VZ_HUGE_SIZE, VZ_HUGE_GRANULE, 0);
	if (!ret)
		ret = vz_add_memory(t, VZ_FIXED, VZ_FIXED_SIZE, VZ_PAGE, VDEV_ZEROCOPY_FIXED);
	return ret ? ret : vz_add_queue(t, VZ_SLOTS, 0, 0);
}

int vz_init(struct vt_zerocopy *t, uint32_t until)
{
	return vz_init_with(t, &(struct vdev_zerocopy_config){.until = until});
}

int vz_end(struct vt_zerocopy *t)
{
	vdev_zerocopy_free(t->z);
	t->z = NULL;
	return vt_env_check(&t->v);
}

static struct vz_block *block_of(struct vt_zerocopy *t, char letter)
{
	return &t->block[(unsigned char)letter & (VZ_LETTERS - 1)];
}

struct vdev_zerocopy_block *vz_block(struct vt_zerocopy *t, char letter)
{
	return &block_of(t, letter)->b;
}

void vz_place(struct vt_zerocopy *t, char letter, uint64_t address, uint64_t length)
{
	vz_block(t, letter)->address = address;
	vz_block(t, letter)->length_bytes = length;
}

int vz_reserve(struct vt_zerocopy *t, char letter)
{
	struct vz_block *k = block_of(t, letter);
	uint64_t id = VDEV_NONE;
	int ret = vdev_zerocopy_reserve(t->q[k->queue], &k->b, &id);

	if (ret >= 0 && (ret & VDEV_ZEROCOPY_ANSWER) == VDEV_ZEROCOPY_LEND) {
		k->id = id;
		k->sent = 0;
	} else if (id != VDEV_NONE) {
		return -EPROTO; /* output touched without need: no test wants this */
	}
	return ret;
}

int vz_sent_part(struct vt_zerocopy *t, char letter, uint64_t bytes)
{
	struct vz_block *k = block_of(t, letter);
	int ret = vdev_zerocopy_sent(t->q[k->queue], t->now, k->id, bytes);

	if (ret >= 0)
		k->sent = bytes;
	return ret;
}

int vz_sent(struct vt_zerocopy *t, char letter)
{
	return vz_sent_part(t, letter, vz_block(t, letter)->length_bytes);
}

int vz_abort(struct vt_zerocopy *t, char letter)
{
	struct vz_block *k = block_of(t, letter);

	return vdev_zerocopy_abort(t->q[k->queue], k->id);
}

int vz_lend(struct vt_zerocopy *t, char letter)
{
	int ret = vz_reserve(t, letter);

	return ret < 0 || (ret & VDEV_ZEROCOPY_ANSWER) ? ret : vz_sent(t, letter);
}

int vz_complete(struct vt_zerocopy *t, char letter, uint32_t flags)
{
	struct vz_block *k = block_of(t, letter);
	uint64_t settled = 0;
	int ret = vdev_zerocopy_complete(t->q[k->queue], k->id, k->id, flags, &settled);

	if (settled & ~UINT64_C(1))
		return -EPROTO;
	return ret < 0 ? ret : ret | (settled ? VZ_OVER : 0);
}

int vz_late(struct vt_zerocopy *t, char letter, uint32_t flags)
{
	int ret = vz_complete(t, letter, flags);

	if (ret != VDEV_ZEROCOPY_WAKE)
		return ret < 0 ? ret : -EPROTO;
	return vdev_zerocopy_step(t->z, t->now);
}

int vz_reclaim(struct vt_zerocopy *t, char letter, uint32_t mode)
{
	return vdev_zerocopy_reclaim(t->z, t->now, block_of(t, letter)->id, mode);
}

int vz_pass(struct vt_zerocopy *t, uint64_t ns)
{
	t->now += ns;
	return vdev_zerocopy_step(t->z, t->now);
}

static void put(char *text, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void put(char *text, size_t size, const char *fmt, ...)
{
	size_t used = strlen(text);
	va_list args;

	va_start(args, fmt);
	vsnprintf(text + used, size - used, fmt, args);
	va_end(args);
}

#define SAY(t, ...) put((t)->text, sizeof((t)->text), __VA_ARGS__)

int vz_done(struct vt_zerocopy *t, uint32_t kind, char letter, int status)
{
	for (uint32_t i = 0; i < t->out_count; i++) {
		uint64_t id = t->out[i].id;

		if (t->out[i].kind != kind || t->out[i].user_data != (unsigned char)letter)
			continue;
		t->out_count--;
		memmove(&t->out[i], &t->out[i + 1], (t->out_count - i) * sizeof(t->out[0]));
		return vdev_zerocopy_done(t->z, t->now, id, status);
	}
	return -ESRCH;
}

void vz_script(struct vt_zerocopy *t, uint32_t kind, char letter, int status)
{
	if (t->scripted == VZ_SCRIPT)
		abort();
	t->script[t->scripted].kind = kind;
	t->script[t->scripted].letter = letter;
	t->script[t->scripted++].status = status;
}

static int scripted_end(struct vt_zerocopy *t, const struct vdev_action *a)
{
	for (uint32_t i = 0; i < t->scripted; i++) {
		int status = t->script[i].status;

		if (t->script[i].kind != a->kind ||
		    (t->script[i].letter && (unsigned char)t->script[i].letter != a->user_data))
			continue;
		t->scripted--;
		memmove(&t->script[i], &t->script[i + 1], (t->scripted - i) * sizeof(t->script[0]));
		return status;
	}
	return 0;
}

static uint64_t granule_of(uint64_t address)
{
	return address >= VZ_HUGE && address < VZ_HUGE + VZ_HUGE_SIZE ? VZ_HUGE_GRANULE : VZ_PAGE;
}

/* Nothing is said of the range when it is all granules that the block lies in. */
static void put_range(struct vt_zerocopy *t, const struct vz_block *k, const struct vdev_action *a)
{
	uint64_t granule = granule_of(k->b.address), mask = granule - 1;
	uint64_t first = k->b.address & ~mask;
	uint64_t end = (k->b.address + k->sent + mask) & ~mask;

	if ((a->arg[0] | a->arg[1]) & mask)
		SAY(t, "(BAD-ALIGNMENT)");
	else if (!a->arg[1] || a->arg[0] < first || a->arg[0] + a->arg[1] > end)
		SAY(t, "(BAD-RANGE)");
	else if (a->arg[0] != first || a->arg[1] != end - first)
		SAY(t, "(%" PRIu64 "+%" PRIu64 ")", (a->arg[0] - first) / granule,
		    a->arg[1] / granule);
}

static void put_offline(struct vt_zerocopy *t, const struct vz_block *k,
			const struct vdev_action *a)
{
	if (a->arg[2] == VDEV_ZEROCOPY_RESET)
		SAY(t, "=RESET");
	else if (a->arg[2] != VDEV_ZEROCOPY_PRESERVE)
		SAY(t, "=BAD-MODE");
	if (a->dev)
		put_range(t, k, a);
	else if (!(a->flags & VDEV_ZEROCOPY_WHOLE) || a->user_data)
		SAY(t, "(BAD-WHOLE)");
}

static void put_args(struct vt_zerocopy *t, const struct vdev_action *a)
{
	const struct vz_block *k = &t->block[a->user_data & (VZ_LETTERS - 1)];

	if (a->kind == VDEV_ZEROCOPY_OFFLINE)
		put_offline(t, k, a);
	else if (a->kind == VDEV_CANCEL)
		SAY(t, "(%s)", vdev_zerocopy_kind_name((uint32_t)a->arg[1]));
	else if (a->dev && (a->arg[0] != k->b.address || a->arg[1] != k->sent))
		SAY(t, "(BAD-BLOCK)");
	if (a->kind == VDEV_ZEROCOPY_ACCESSIBLE)
		SAY(t, "+%s", vdev_zerocopy_outcome_name((uint32_t)a->arg[2]));
	if (a->kind == VDEV_ZEROCOPY_REFUSED)
		SAY(t, "(%" PRId64 ")", (int64_t)a->arg[2]);
}

static void describe(struct vt_zerocopy *t, const struct vdev_action *a)
{
	static const char flags[] = "WARQ";

	SAY(t, "%s%s:%c", t->text[0] ? " " : "", vdev_zerocopy_kind_name(a->kind),
	    a->dev ? (char)(a->user_data & 0x7f) : '-');
	for (uint32_t i = 0; i < 32; i++)
		if (a->flags >> i & 1u)
			SAY(t, "%c", i < 4 ? flags[i] : '?');
	put_args(t, a);
}

static void check(struct vt_zerocopy *t, const struct vdev_action *a)
{
	int known = a->id == 0;

	for (uint32_t i = 0; i < t->id_count; i++)
		known |= t->ids[i] == a->id;
	if (known != ((a->flags & VDEV_ZEROCOPY_AGAIN) != 0))
		SAY(t, " BAD-ID");
	if (t->id_count < VZ_IDS && !known)
		t->ids[t->id_count++] = a->id;
	if (a->dev && (a->user_data >= VZ_LETTERS || t->block[a->user_data].id != a->dev))
		SAY(t, " BAD-MESSAGE");
}

/* An action that was outstanding when the image was made is so under the same id. */
static void leave(struct vt_zerocopy *t, const struct vdev_action *a)
{
	for (uint32_t i = 0; i < t->out_count; i++)
		if (t->out[i].id == a->id)
			return;
	if (t->out_count == VZ_BATCH)
		abort();
	t->out[t->out_count++] = *a;
}

static void perform(struct vt_zerocopy *t, const struct vdev_action *a)
{
	int status = scripted_end(t, a), ret;

	if (t->inside)
		t->inside(t, a);
	if (status == VZ_LATER) {
		leave(t, a);
		return;
	}
	ret = vdev_zerocopy_done(t->z, t->now, a->id, status);
	if (ret < 0)
		SAY(t, " BAD-DONE(%d)", ret);
}

const char *vz_drain(struct vt_zerocopy *t)
{
	static struct vdev_action batch[VZ_BATCH];
	uint32_t count;

	t->text[0] = 0;
	do {
		for (count = 0; count < VZ_BATCH; count++)
			if (vdev_zerocopy_next(t->z, &batch[count], sizeof(batch[0])) != 1)
				break;
		for (uint32_t i = 0; i < count; i++) {
			describe(t, &batch[i]);
			check(t, &batch[i]);
			t->last = batch[i];
		}
		for (uint32_t i = 0; i < count; i++)
			perform(t, &batch[i]);
	} while (count);
	return t->text;
}

uint64_t vz_due(struct vt_zerocopy *t)
{
	uint64_t ns;

	return vdev_zerocopy_deadline(t->z, &ns) == 1 ? ns - t->now : VDEV_NONE;
}

struct vdev_zerocopy_info vz_info(struct vt_zerocopy *t, char letter)
{
	struct vdev_zerocopy_info info = {.state = VDEV_ZEROCOPY_FREE};

	vdev_zerocopy_get(t->z, block_of(t, letter)->id, &info, sizeof(info));
	return info;
}

/* As an embedder does: finds its own by the ids, which stay. */
static void attach(struct vt_zerocopy *t)
{
	for (uint32_t i = 0; i < t->queue_count; i++)
		vdev_zerocopy_queue_at(t->z, i, &t->q[i]);
	for (uint32_t i = 0; i < VZ_LETTERS; i++)
		if (t->block[i].id || t->block[i].sent)
			vdev_zerocopy_set_user_data(t->z, t->block[i].id, i);
}

int vz_reload(struct vt_zerocopy *t, uint64_t now, uint32_t flags)
{
	struct vdev_zerocopy *loaded;
	size_t size = 0;
	uint8_t *image;
	int ret;

	vdev_zerocopy_save(t->z, t->now, NULL, 0, &size);
	image = malloc(size);
	if (!image)
		return -ENOMEM;
	ret = vdev_zerocopy_save(t->z, t->now, image, size, &size);
	if (!ret)
		ret = vdev_zerocopy_load(&t->v.env, &t->config, flags, now, image, size, &loaded);
	free(image);
	if (ret)
		return ret;
	vdev_zerocopy_free(t->z);
	t->z = loaded;
	t->now = now;
	attach(t);
	return 0;
}
