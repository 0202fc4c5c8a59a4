/* SPDX-License-Identifier: BSD-3-Clause */
/* Inventory (M12): what the reader says is checked; devices find each other. */
#include "test_inventory_rig.h"

#include <stdio.h>
#include <stdlib.h>

struct talk {
	struct vt_env v;
	struct vdev_inventory inventory;
	struct vdev__answer a;
};

static void begin(struct talk *t)
{
	memset(t, 0, sizeof(*t));
	vt_env_init(&t->v);
	t->v.env.log_level = VDEV_LOG_WARNING;
	t->inventory.env = t->v.env;
	t->a.inventory = &t->inventory;
	t->a.buf = calloc(1, ANSWER_ROOM);
	assert_non_null(t->a.buf);
}

static void end(struct talk *t)
{
	vdev__free(&t->inventory.env, t->inventory.devices,
		   t->inventory.room * sizeof(*t->inventory.devices));
	free(t->a.buf);
	vt_assert_clean(&t->v);
}

/* In pieces, as a pipe may hand it over. */
static int say(struct talk *t, uint32_t type, const void *data, uint32_t size)
{
	const struct wire_head h = {WIRE_MAGIC, type, size, wire_check(data, size)};
	uint32_t rest = size;
	int err;

	memcpy(t->a.buf + t->a.have, &h, sizeof(h));
	t->a.have += sizeof(h);
	err = vdev__answer_take(&t->a);
	while (!err && rest) {
		uint32_t n = rest > 1000 ? 1000 : rest;

		memcpy(t->a.buf + t->a.have, (const char *)data + (size - rest), n);
		t->a.have += n;
		rest -= n;
		err = vdev__answer_take(&t->a);
	}
	return err;
}

static int hello(struct talk *t)
{
	const struct wire_hello h = {WIRE_VERSION, sizeof(struct wire_device)};

	return say(t, WIRE_HELLO, &h, sizeof(h));
}

static void unknown(struct wire_device *w)
{
	memset(w, 0, sizeof(*w));
	memset(&w->vendor, 0xff,
	       offsetof(struct wire_device, bar_flags) - offsetof(struct wire_device, vendor));
	memset(w->bar_size, 0xff, sizeof(w->bar_size));
}

static void a_conversation(void **state)
{
	const struct wire_host host = {"6.1.0"};
	uint32_t count = 40;
	struct wire_device w;
	struct talk t;

	(void)state;
	begin(&t);
	assert_int_equal(hello(&t), 0);
	assert_int_equal(say(&t, WIRE_HOST, &host, sizeof(host)), 0);
	assert_int_equal(say(&t, WIRE_NOTE, "watch out", 10), 0);
	assert_non_null(strstr(t.v.log, "watch out"));
	for (uint32_t i = 0; i < count; i++) {
		unknown(&w);
		w.address = i;
		w.vendor = 0x8086;
		assert_int_equal(say(&t, WIRE_DEVICE, &w, sizeof(w)), 0);
	}
	assert_int_equal(say(&t, WIRE_END, &count, sizeof(count)), 0);
	assert_true(t.a.ended);
	assert_int_equal(t.inventory.count, 40);
	assert_string_equal(t.inventory.kernel, "6.1.0");
	assert_int_equal(t.inventory.devices[39].vendor, 0x8086);
	assert_int_equal(t.inventory.devices[39].numa_node, UNKNOWN);
	assert_int_equal(hello(&t), -EPROTO); /* after the end */
	end(&t);
}

static void an_error_is_handed_on(void **state)
{
	struct {
		struct wire_error e;
		char text[16];
	} e = {{EBADMSG}, "d:7: broken"};
	struct talk t;

	(void)state;
	begin(&t);
	assert_int_equal(hello(&t), 0);
	assert_int_equal(say(&t, WIRE_ERROR, &e, sizeof(e)), -EBADMSG);
	assert_non_null(strstr(t.v.log, "d:7: broken"));
	end(&t);
	begin(&t);
	e.e.error = 0; /* an error it is all the same */
	assert_int_equal(hello(&t), 0);
	assert_int_equal(say(&t, WIRE_ERROR, &e, sizeof(e)), -EPROTO);
	end(&t);
}

static void refused(uint32_t type, const void *data, uint32_t size, const char *word)
{
	struct talk t;

	begin(&t);
	assert_int_equal(hello(&t), 0);
	if (say(&t, type, data, size) != -EPROTO || !strstr(t.v.log, word))
		fail_msg("message %u of %u bytes (%s): %s", type, size, word, t.v.log);
	assert_int_equal(t.inventory.count, 0);
	end(&t);
}

static void nonsense_is_refused(void **state)
{
	const struct wire_hello old = {0, sizeof(struct wire_device)};
	static const char no_text[] = "a\nb";
	char kernel[WIRE_NAME];
	uint32_t count = 5;
	struct talk t;

	(void)state;
	memset(kernel, 'a', sizeof(kernel));
	refused(77, "", 0, "unknown kind");
	refused(WIRE_HELLO, &old, sizeof(old), "out of order");
	refused(WIRE_NOTE, "abc", 3, "no text"); /* without its end */
	refused(WIRE_NOTE, no_text, sizeof(no_text), "no text");
	refused(WIRE_ERROR, "abc", 3, "no text");
	refused(WIRE_HOST, kernel, sizeof(kernel), "no text");
	refused(WIRE_HOST, kernel, 3, "another size");
	refused(WIRE_DEVICE, kernel, 3, "another size");
	refused(WIRE_END, &count, sizeof(count), "lost devices");
	refused(WIRE_END, &count, 1, "another size");
	begin(&t);
	assert_int_equal(say(&t, WIRE_HELLO, &old, sizeof(old)), -EPROTO);
	assert_non_null(strstr(t.v.log, "another version"));
	end(&t);
	begin(&t);
	assert_int_equal(say(&t, WIRE_HELLO, "x", 1), -EPROTO);
	end(&t);
	begin(&t);
	assert_int_equal(say(&t, WIRE_END, &count, sizeof(count)), -EPROTO); /* no greeting */
	end(&t);
}

/* What stands outside of a message's contents. */
static void damaged_heads_are_refused(void **state)
{
	struct wire_head h = {WIRE_MAGIC, WIRE_NOTE, 2, 0};
	struct talk t;

	(void)state;
	begin(&t);
	assert_int_equal(hello(&t), 0);
	memcpy(t.a.buf, &h, sizeof(h));
	memcpy(t.a.buf + sizeof(h), "a", 2);
	t.a.have = sizeof(h) + 2;
	assert_int_equal(vdev__answer_take(&t.a), -EPROTO);
	assert_non_null(strstr(t.v.log, "damaged"));
	h.size = WIRE_MOST + 1;
	memcpy(t.a.buf, &h, sizeof(h));
	t.a.have = sizeof(h);
	assert_int_equal(vdev__answer_take(&t.a), -EPROTO);
	memset(t.a.buf, 'x', sizeof(h));
	assert_int_equal(vdev__answer_take(&t.a), -EPROTO);
	end(&t);
}

#define WRONG(member, value)                                                           \
	{                                                                              \
		offsetof(struct wire_device, member), value, sizeof(uint32_t), #member \
	}

static void numbers_beyond_their_range_are_refused(void **state)
{
	static const struct {
		size_t at;
		uint32_t value;
		size_t size;
		const char *name;
	} wrong[] = {
		WRONG(config_size, 4097),
		WRONG(config_size, 1),
		WRONG(vpd_size, 32769),
		WRONG(vpd_size, 1),
		WRONG(address, 0x10000),
		WRONG(version_count, 17),
		WRONG(flags, 2),
		WRONG(vendor, 0x10000),
		WRONG(device, 0x10000),
		WRONG(subsystem_vendor, 0x10000),
		WRONG(subsystem_device, 0x10000),
		WRONG(class_code, 0x1000000),
		WRONG(revision, 0x100),
		WRONG(numa_node, 1024),
		WRONG(power_state, 5),
		WRONG(reset, 0x100),
		WRONG(pf_address, 0x10000),
		WRONG(bound, 2),
		WRONG(vfio_open, 2),
		WRONG(vfio_flags, 0x10000),
		WRONG(dma_logging, 2),
		WRONG(bar_flags[12], 16),
		WRONG(driver, 0x0a0a0a0a),
		WRONG(driver_version, 0x80808080),
		WRONG(versions[0].name, 0x01010101),
		WRONG(versions[0].value, 0x01010101),
	};
	struct wire_device w;

	(void)state;
	for (size_t i = 0; i < VT_COUNT(wrong); i++) {
		unknown(&w);
		w.version_count = 1;
		memcpy((char *)&w + wrong[i].at, &wrong[i].value, wrong[i].size);
		refused(WIRE_DEVICE, &w, sizeof(w), "cannot be");
	}
	unknown(&w);
	memset(w.driver, 'a', sizeof(w.driver)); /* no end */
	refused(WIRE_DEVICE, &w, sizeof(w), "cannot be");
}

static struct vdev_inventory_device *add(struct vdev_inventory *v, uint32_t address)
{
	struct vdev_inventory_device *d = &v->devices[v->count++];

	vdev__inventory_unknown(d);
	d->domain = 0;
	d->bus = address >> 8;
	d->slot = address >> 3 & 31;
	d->function = address & 7;
	return d;
}

static void vfs_find_their_pf(void **state)
{
	struct vdev_inventory_device devices[6], *pf, *vf, *other;
	struct vdev_inventory v = {.devices = devices};

	(void)state;
	pf = add(&v, 0x3b00);
	pf->flags = VDEV_INVENTORY_PF;
	pf->vendor = 0x8086;
	pf->num_vfs = 3;
	pf->vf_offset = 16;
	pf->vf_stride = 2;
	pf->vf_device = 0x154c;
	pf->vf_bars[0].size = 65536;
	pf->version_count = 1;
	strcpy(pf->versions[0].value, "1.2");
	vf = add(&v, 0x3b10);
	other = add(&v, 0x3b11); /* between two VFs */
	other->vendor = 0x1234;
	add(&v, 0x3b12)->vendor = 0x8087; /* says who it is */
	vdev__inventory_relate(&v);
	assert_int_equal(vf->flags, VDEV_INVENTORY_VF | VDEV_INVENTORY_FROM_PF);
	assert_int_equal(vf->vendor, 0x8086);
	assert_int_equal(vf->device, 0x154c);
	assert_int_equal(vf->vf_index, 0);
	assert_int_equal(vf->pf_bus, 0x3b);
	assert_int_equal(vf->pf_slot, 0);
	assert_true(vf->bars[0].size == 65536);
	assert_string_equal(vf->versions[0].value, "1.2");
	assert_int_equal(other->flags, 0);
	assert_int_equal(devices[3].flags, VDEV_INVENTORY_VF);
	assert_int_equal(devices[3].vendor, 0x8087);
	assert_int_equal(devices[3].vf_index, 1);
}

/* Numbers that a damaged capability may hold: the search ends. */
static void absurd_pfs(void **state)
{
	struct vdev_inventory_device devices[3], *pf;
	struct vdev_inventory v = {.devices = devices};

	(void)state;
	pf = add(&v, 0xff00);
	pf->flags = VDEV_INVENTORY_PF;
	pf->vendor = 0x8086;
	pf->num_vfs = 0xffff;
	pf->vf_offset = 0;
	pf->vf_stride = 0;
	add(&v, 0xff01)->pf_domain = 0; /* of a PF that is not there */
	devices[1].pf_bus = devices[1].pf_slot = devices[1].pf_function = 0;
	vdev__inventory_relate(&v);
	assert_int_equal(pf->flags, VDEV_INVENTORY_PF);
	assert_int_equal(devices[1].flags, VDEV_INVENTORY_VF);
	pf->vf_offset = pf->vf_stride = 0xffff;
	vdev__inventory_relate(&v);
	pf->vf_offset = UNKNOWN;
	vdev__inventory_relate(&v);
	pf->vf_offset = 1;
	pf->num_vfs = UNKNOWN;
	vdev__inventory_relate(&v);
	pf->num_vfs = 1;
	pf->vf_stride = UNKNOWN;
	pf->slot_caps = 1;
	pf->secondary_bus = 0;
	vdev__inventory_relate(&v);
	pf->secondary_bus = 0xff; /* below itself */
	vdev__inventory_relate(&v);
	assert_int_equal(pf->port_slot_caps, UNKNOWN);
	assert_int_equal(devices[1].vendor, UNKNOWN);
}

static void ports_tell_what_is_below(void **state)
{
	struct vdev_inventory_device devices[4];
	struct vdev_inventory v = {.devices = devices};

	(void)state;
	add(&v, 0x0010)->slot_caps = 0x5b;
	devices[0].secondary_bus = 1;
	add(&v, 0x0018)->secondary_bus = 2; /* no slot */
	add(&v, 0x0100);
	add(&v, 0x0200);
	vdev__inventory_relate(&v);
	assert_int_equal(devices[2].port_slot_caps, 0x5b);
	assert_int_equal(devices[3].port_slot_caps, UNKNOWN);
	assert_int_equal(devices[0].port_slot_caps, UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_conversation),
		cmocka_unit_test(an_error_is_handed_on),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(damaged_heads_are_refused),
		cmocka_unit_test(numbers_beyond_their_range_are_refused),
		cmocka_unit_test(vfs_find_their_pf),
		cmocka_unit_test(absurd_pfs),
		cmocka_unit_test(ports_tell_what_is_below),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
