/* SPDX-License-Identifier: BSD-3-Clause */
/* The removal engine under test: see vt_removal.h. */
#include "vt_removal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int vt_removal_init_with(struct vt_removal *t, const struct vdev_removal_config *config)
{
	memset(t, 0, sizeof(*t));
	vt_env_init(&t->v);
	t->config = *config;
	t->now = 1000 * VT_SEC;
	return vdev_removal_new(&t->r, &t->v.env, &t->config);
}

int vt_removal_init(struct vt_removal *t, uint32_t flags)
{
	const struct vdev_removal_config config = {
		.struct_size = sizeof(config), .flags = flags, .max_units = 100};

	return vt_removal_init_with(t, &config);
}

int vt_removal_end(struct vt_removal *t)
{
	vdev_removal_free(t->r);
	t->r = NULL;
	return vt_env_check(&t->v);
}

static uint64_t handle(const struct vt_removal *t, char letter)
{
	return letter ? t->h[(unsigned char)letter] : 0;
}

int vt_add(struct vt_removal *t, char letter, const struct vdev_removal_unit *unit)
{
	struct vdev_removal_unit u = *unit;

	u.struct_size = sizeof(u);
	u.user_data = (unsigned char)letter;
	return vdev_removal_add(t->r, t->now, &u, &t->h[(unsigned char)letter]);
}

int vt_alone(struct vt_removal *t, char letter, uint32_t transport)
{
	return vt_add(t, letter,
		      &(struct vdev_removal_unit){.unit_class = VDEV_REMOVAL_PCI_FUNCTION,
						  .transport = transport});
}

int vt_slot(struct vt_removal *t, char letter, uint32_t transport, char parent)
{
	uint32_t cap = transport == VDEV_REMOVAL_PCIE ? VT_CAP : 0;

	return vt_add(t, letter,
		      &(struct vdev_removal_unit){.unit_class = VDEV_REMOVAL_PCI_SLOT,
						  .transport = transport,
						  .parent = handle(t, parent),
						  .slot_cap = cap});
}

int vt_child(struct vt_removal *t, char letter, char parent, uint32_t unit_class, uint32_t function)
{
	return vt_add(t, letter,
		      &(struct vdev_removal_unit){.unit_class = unit_class,
						  .parent = handle(t, parent),
						  .function = function});
}

void vt_slot_with_card(struct vt_removal *t, uint32_t level)
{
	vt_slot(t, 's', VDEV_REMOVAL_PCIE, 0);
	vt_child(t, 'a', 's', VDEV_REMOVAL_PCI_FUNCTION, 0);
	vt_level(t, 'a', level);
	vt_registers(t, 's', VT_ON, 0);
}

int vt_level(struct vt_removal *t, char letter, uint32_t level)
{
	return vdev_removal_declare(t->r, t->now, handle(t, letter), VDEV_REMOVAL_GUEST, level);
}

int vt_request(struct vt_removal *t, char letter, uint32_t flags)
{
	const struct vdev_removal_request q = {.struct_size = sizeof(q), .flags = flags};

	return vdev_removal_request(t->r, t->now, handle(t, letter), &q);
}

int vt_request_with(struct vt_removal *t, char letter, uint32_t ack_policy, uint32_t retries,
		    uint64_t ack_ns)
{
	const struct vdev_removal_request q = {.struct_size = sizeof(q),
					       .ack_policy = ack_policy,
					       .retries = retries,
					       .ack_ns = ack_ns};

	return vdev_removal_request(t->r, t->now, handle(t, letter), &q);
}

int vt_cancel(struct vt_removal *t, char letter)
{
	return vdev_removal_cancel(t->r, t->now, handle(t, letter));
}

int vt_ack(struct vt_removal *t, char letter)
{
	return vdev_removal_ack(t->r, t->now, handle(t, letter));
}

int vt_refuse(struct vt_removal *t, char letter, uint32_t reason)
{
	return vdev_removal_refuse(t->r, t->now, handle(t, letter), reason);
}

int vt_ready(struct vt_removal *t, char letter, uint32_t ready)
{
	return vdev_removal_ready(t->r, t->now, handle(t, letter), ready);
}

int vt_registers(struct vt_removal *t, char slot, uint32_t control, uint32_t status)
{
	return vdev_removal_slot(t->r, t->now, handle(t, slot), control, status);
}

int vt_pass(struct vt_removal *t, uint64_t ns)
{
	t->now += ns;
	return vdev_removal_step(t->r, t->now);
}

int vt_done(struct vt_removal *t, char letter, int status)
{
	return vdev_removal_done(t->r, t->now, t->out[(unsigned char)letter], status);
}

void vt_script(struct vt_removal *t, uint32_t kind, char letter, int status)
{
	if (t->scripted == VT_SCRIPT)
		abort();
	t->script[t->scripted].kind = kind;
	t->script[t->scripted].letter = letter;
	t->script[t->scripted++].status = status;
}

static int scripted_end(struct vt_removal *t, const struct vdev_action *a)
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

static const char *reason_name(uint64_t reason)
{
	static const char *const names[] = {"NONE",   "FAILURE", "NOT_SUPPORTED",
					    "IN_USE", "BUSY",    "DEPENDENCY"};

	return reason < VDEV_REMOVAL_REASONS ? names[reason] : "?";
}

static void put_outcome_args(const struct vdev_action *a, char *text, size_t size)
{
	if (a->arg[0] == VDEV_REMOVAL_REFUSED)
		put(text, size, "(%s%s)", reason_name(a->arg[1]), a->arg[2] ? ",BAD-ARG" : "");
	else if (a->arg[0] == VDEV_REMOVAL_FAILED_AT || a->arg[0] == VDEV_REMOVAL_STUCK ||
		 a->arg[0] == VDEV_REMOVAL_ROLLED_BACK)
		put(text, size, "(%s,%" PRId64 ")", vdev_removal_kind_name((uint32_t)a->arg[1]),
		    (int64_t)a->arg[2]);
	else if (a->arg[1] || a->arg[2])
		put(text, size, "(BAD-ARG)");
}

/* What each action that is no outcome must say of its target. */
static void put_target(struct vt_removal *t, const struct vdev_action *a, char *text, size_t size)
{
	if (a->dev && (!a->arg[0] || a->arg[1] >= VT_LETTERS || t->h[a->arg[1]] != a->arg[0]))
		put(text, size, "(BAD-TARGET)");
	else if (a->kind == VDEV_REMOVAL_WARN && a->arg[2] != 1)
		put(text, size, "#%" PRIu64, a->arg[2]);
}

static void put_args(struct vt_removal *t, const struct vdev_action *a, char *text, size_t size)
{
	if (a->kind == VDEV_CANCEL)
		put(text, size, "(%s%s)", vdev_removal_kind_name((uint32_t)a->arg[1]),
		    a->arg[2] ? ",BAD-ARG" : "");
	else if (a->kind == VDEV_REMOVAL_OUTCOME)
		put_outcome_args(a, text, size);
	else
		put_target(t, a, text, size);
}

void vt_describe(struct vt_removal *t, const struct vdev_action *a, char *text, size_t size)
{
	static const char flags[] = "LFGXAB";

	put(text, size, "%s:%c",
	    a->kind == VDEV_REMOVAL_OUTCOME ? vdev_removal_outcome_name((uint32_t)a->arg[0])
					    : vdev_removal_kind_name(a->kind),
	    a->dev ? (char)(a->user_data & 0x7f) : '-');
	for (uint32_t i = 0; flags[i]; i++)
		if (a->flags >> i & 1u)
			put(text, size, "%c", flags[i]);
	put_args(t, a, text, size);
}

/* A unit that was given back has a new handle, which the action tells together with the old one. */
static void learn(struct vt_removal *t, const struct vdev_action *a)
{
	if (a->kind != VDEV_REMOVAL_REANNOUNCE || a->user_data >= VT_LETTERS)
		return;
	if (a->arg[2] != t->h[a->user_data] && !(a->flags & VDEV_REMOVAL_AGAIN))
		put(t->text, sizeof(t->text), "BAD-OLD-HANDLE ");
	t->h[a->user_data] = a->dev;
}

static void check_id(struct vt_removal *t, const struct vdev_action *a)
{
	int known = a->id == 0;

	for (uint32_t i = 0; i < t->id_count; i++)
		known |= t->ids[i] == a->id;
	if (known != ((a->flags & VDEV_REMOVAL_AGAIN) != 0))
		put(t->text, sizeof(t->text), "BAD-ID ");
	if (t->id_count < VT_IDS)
		t->ids[t->id_count++] = a->id;
}

static void check_unit(struct vt_removal *t, const struct vdev_action *a)
{
	if (a->user_data >= VT_LETTERS || (a->dev && t->h[a->user_data] != a->dev))
		put(t->text, sizeof(t->text), "BAD-UNIT ");
}

static void perform(struct vt_removal *t, const struct vdev_action *a)
{
	int status = scripted_end(t, a), ret;

	if (t->inside)
		t->inside(t, a);
	if (status == VT_LATER) {
		t->out[a->user_data & (VT_LETTERS - 1)] = a->id;
		return;
	}
	ret = vdev_removal_done(t->r, t->now, a->id, status);
	if (ret < 0)
		put(t->text, sizeof(t->text), " BAD-DONE(%d)", ret);
}

const char *vt_drain(struct vt_removal *t)
{
	struct vdev_action a;
	int n = 0;

	t->text[0] = 0;
	while ((!t->stop_after || n < t->stop_after) &&
	       vdev_removal_next(t->r, &a, sizeof(a)) == 1) {
		if (n++)
			put(t->text, sizeof(t->text), " ");
		learn(t, &a);
		check_id(t, &a);
		check_unit(t, &a);
		vt_describe(t, &a, t->text, sizeof(t->text));
		t->last = a;
		t->deadline[a.user_data & (VT_LETTERS - 1)] = a.deadline_ns;
		perform(t, &a);
	}
	return t->text;
}

uint64_t vt_due(struct vt_removal *t)
{
	uint64_t ns;

	return vdev_removal_deadline(t->r, &ns) == 1 ? ns - t->now : VDEV_NONE;
}

struct vdev_removal_info vt_info(struct vt_removal *t, char letter)
{
	struct vdev_removal_info info = {.state = UINT32_MAX};

	vdev_removal_get(t->r, handle(t, letter), &info, sizeof(info));
	return info;
}

struct vdev_removal_stats vt_stats(struct vt_removal *t)
{
	struct vdev_removal_stats stats = {0};

	vdev_removal_stats(t->r, &stats, sizeof(stats));
	return stats;
}

/* What an embedder finds by its own name, a test finds by the index in the low bits of a handle,
 * which stays when a unit gets a new handle because it is given back. */
static void attach_user_data(struct vt_removal *t)
{
	struct vdev_removal_info info;
	uint64_t cursor = 0;

	while (vdev_removal_walk(t->r, &cursor, &info, sizeof(info)) == 1)
		for (uint32_t i = 0; i < VT_LETTERS; i++)
			if (t->h[i] && !((t->h[i] ^ info.unit) & 0xffffff) && t->h[i] <= info.unit)
				vdev_removal_set_user_data(t->r, info.unit, i);
}

int vt_reload(struct vt_removal *t, uint64_t now)
{
	struct vdev_removal *loaded;
	size_t size = 0;
	uint8_t *image;
	int ret;

	vdev_removal_save(t->r, t->now, NULL, 0, &size);
	image = malloc(size);
	if (!image)
		return -ENOMEM;
	ret = vdev_removal_save(t->r, t->now, image, size, &size);
	if (!ret)
		ret = vdev_removal_load(&t->v.env, &t->config, now, image, size, &loaded);
	free(image);
	if (ret)
		return ret;
	vdev_removal_free(t->r);
	t->r = loaded;
	t->now = now;
	attach_user_data(t);
	return 0;
}
