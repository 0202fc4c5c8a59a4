/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Migration planner under test: a device that moves live as it is, and what differs from it as text.
 *
 *	struct vdev_migration_device a = mg_vf(), b = a;
 *
 *	mg_set(&b, "firmware", "22.41.1");
 *	mg_expect(&a, &b, 0, "QUIESCE_REBUILD firmware");
 */
#ifndef TEST_MIGRATION_RIG_H
#define TEST_MIGRATION_RIG_H

#include "vt_test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vdev/migration.h>

#define SIZE sizeof(struct vdev_migration_device)
#define UNKNOWN VDEV_MIGRATION_UNKNOWN
#define BIT(field) (UINT64_C(1) << VDEV_MIGRATION_F_##field)
#define MG_MOST 16u

static inline struct vdev_migration_field mg_field(const char *name)
{
	struct vdev_migration_field f;
	int field = vdev_migration_find_field(name);

	assert_true(field >= 0);
	assert_int_equal(vdev_migration_field((uint32_t)field, &f, sizeof(f)), 0);
	return f;
}

/* Texts as they are, numbers as C writes them; NULL: not known. */
static inline void mg_set(struct vdev_migration_device *d, const char *name, const char *value)
{
	struct vdev_migration_field f = mg_field(name);
	char *at = (char *)d + f.offset;
	uint64_t wide;
	uint32_t narrow;

	d->known |= UINT64_C(1) << f.field;
	if (!value) {
		d->known &= ~(UINT64_C(1) << f.field);
		return;
	}
	if (f.type >= VDEV_MIGRATION_STRING) {
		snprintf(at, VDEV_MIGRATION_TEXT, "%s", value);
		return;
	}
	wide = strtoull(value, NULL, 0);
	narrow = (uint32_t)wide;
	memcpy(at, f.size == 8 ? (void *)&wide : (void *)&narrow, f.size);
}

static inline void mg_cap(struct vdev_migration_device *d, uint16_t id, uint16_t offset,
			  uint8_t version)
{
	d->caps[d->cap_count++] =
		(struct vdev_migration_cap){id, offset, version, (uint8_t)(offset >= 0x100), 0};
	d->known |= BIT(CAPS);
}

/* A VF of a ConnectX-7 at 0000:41:00.2, of which all is known that the built-in rules look at. */
static inline struct vdev_migration_device mg_vf(void)
{
	static const char *const values[][2] = {
		{"class", "0x020000"},
		{"vendor", "0x15b3"},
		{"device", "0x101e"},
		{"subsystem_vendor", "0x15b3"},
		{"subsystem_device", "0x0040"},
		{"revision", "0"},
		{"header_type", "0"},
		{"relation", "2"},
		{"stop_copy", "1"},
		{"p2p", "1"},
		{"pre_copy", "1"},
		{"sriov_vfs", "0"},
		{"msix_size", "12"},
		{"reset", "1"},
		{"bar0", "2097152"},
		{"firmware", "28.41.1000"},
		{"psid", "MT_0000000834"},
		{"driver", "mlx5_vfio_pci"},
		{"driver_version", "6.7"},
		{"stream_version", "1"},
		{"serial", "A"},
		{"bar_kinds", "0xd"},
	};
	struct vdev_migration_device d;

	memset(&d, 0, sizeof(d));
	for (uint32_t i = 0; i < VT_COUNT(values); i++)
		mg_set(&d, values[i][0], values[i][1]);
	mg_cap(&d, 0x10, 0x60, 0);
	mg_cap(&d, 0x11, 0x9c, 0);
	mg_cap(&d, 0x0e, 0x100, 1);
	d.address = VDEV_MIGRATION_ADDRESS(0, 0x41, 0, 2);
	d.pf = VDEV_MIGRATION_ADDRESS(0, 0x41, 0, 0);
	d.iommu_group = UNKNOWN;
	d.node = UNKNOWN;
	return d;
}

static inline void mg_compare_text(const struct vdev_migration_rules *rules,
				   const struct vdev_migration_device *a,
				   const struct vdev_migration_device *b, uint32_t facts,
				   char *text, size_t size)
{
	struct vdev_migration_difference list[VDEV_MIGRATION_FIELDS];
	struct vdev_migration_result r;
	struct vdev_migration_field f;
	int used;

	assert_int_equal(vdev_migration_compare(rules, a, b, SIZE, facts, &r, sizeof(r), list,
						sizeof(list[0]), VDEV_MIGRATION_FIELDS),
			 0);
	used = snprintf(text, size, "%s", vdev_migration_verdict_name(r.verdict));
	for (uint32_t i = 0; i < r.differences; i++) {
		vdev_migration_field(list[i].field, &f, sizeof(f));
		used += snprintf(text + used, size - (size_t)used, " %s", f.name);
	}
}

/* The verdict and the names of the fields that differ. */
#define mg_expect_by(rules, a, b, facts, wanted)                                   \
	do {                                                                       \
		char text_[1024];                                                  \
                                                                                   \
		mg_compare_text((rules), (a), (b), (facts), text_, sizeof(text_)); \
		assert_string_equal(text_, (wanted));                              \
	} while (0)
#define mg_expect(a, b, facts, wanted) mg_expect_by(NULL, a, b, facts, wanted)

static inline struct vdev_migration_rules *mg_rules(const char *text)
{
	struct vdev_migration_rules *rules;
	struct vdev_migration_error e = {0};

	assert_int_equal(vdev_migration_rules_new(&rules, NULL, VDEV_MIGRATION_EMPTY), 0);
	if (vdev_migration_rules_parse(rules, text, strlen(text), &e, sizeof(e)) < 0)
		fail_msg("%u:%u: %s", e.line, e.column, e.message);
	return rules;
}

/* A host and a VM of up to MG_MOST devices. */
struct mg {
	struct vt_env v;
	struct vdev_migration_device there[MG_MOST];
	struct vdev_migration_host host;
	struct vdev_migration_device here[MG_MOST];
	struct vdev_migration_want wants[MG_MOST];
	struct vdev_migration_vm vm;
	struct vdev_migration_place places[MG_MOST];
	struct vdev_migration_rank rank;
	char text[1024];
};

static inline void mg_init(struct mg *t)
{
	memset(t, 0, sizeof(*t));
	vt_env_init(&t->v);
	t->host = (struct vdev_migration_host){.struct_size = sizeof(t->host),
					       .device_size = SIZE,
					       .devices = t->there,
					       .user_data = 5};
	t->vm = (struct vdev_migration_vm){
		.struct_size = sizeof(t->vm), .device_size = SIZE, .devices = t->wants};
}

/* One more function there, like the VF, at that address. */
static inline struct vdev_migration_device *mg_function(struct mg *t, uint64_t address)
{
	struct vdev_migration_device *d = &t->there[t->host.device_count++];

	*d = mg_vf();
	d->address = address;
	return d;
}

static inline struct vdev_migration_device *mg_want(struct mg *t, uint32_t facts, uint32_t node)
{
	uint32_t i = t->vm.device_count++;

	t->here[i] = mg_vf();
	t->here[i].address += i << 8;
	t->wants[i] = (struct vdev_migration_want){&t->here[i], 70 + i, facts, node};
	return &t->here[i];
}

/* "LIVE@8 REFUSE:TAKEN": verdict, and address or reason, of each device. */
static inline const char *mg_assign(struct mg *t)
{
	struct vdev_migration_config c = {.struct_size = sizeof(c),
					  .max_hosts = 1,
					  .max_types = 2 * MG_MOST,
					  .max_functions = MG_MOST};
	struct vdev_migration *m;
	uint64_t host;
	int used = 0;

	assert_int_equal(vdev_migration_new(&m, &t->v.env, &c), 0);
	assert_int_equal(vdev_migration_add_host(m, &t->host, &host), 0);
	assert_true(vdev_migration_assign(m, &t->vm, host, &t->rank, sizeof(t->rank), t->places,
					  sizeof(t->places[0])) >= 0);
	vdev_migration_free(m);
	for (uint32_t i = 0; i < t->vm.device_count; i++) {
		const struct vdev_migration_place *p = &t->places[i];

		assert_int_equal(p->user_data, 70 + i);
		used += snprintf(t->text + used, sizeof(t->text) - (size_t)used, "%s%s",
				 i ? " " : "", vdev_migration_verdict_name(p->verdict));
		if (p->address != VDEV_NONE)
			used += snprintf(t->text + used, sizeof(t->text) - (size_t)used, "@%llu",
					 (unsigned long long)p->address);
		else
			used += snprintf(t->text + used, sizeof(t->text) - (size_t)used, ":%s",
					 vdev_migration_reason_name(p->reason));
	}
	return t->text;
}

static inline void mg_end(struct mg *t)
{
	vt_assert_clean(&t->v);
}

#endif
