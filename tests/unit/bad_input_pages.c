/* SPDX-License-Identifier: BSD-3-Clause */
/* Misuse of the page replacement. */
#include "bad_input_linux.h"

#include <vdev/zerocopy.h>

static const struct vdev_pages_config good_config = {.struct_size = sizeof(good_config),
						     .flags = VDEV_PAGES_UNTESTED,
						     .mechanism = VDEV_PAGES_REMAP,
						     .max_regions = 1,
						     .kvm_fd = -1};
/* The same RAM as that of the object: refused as the last thing, with -EEXIST. */
static const struct vdev_pages_region good_region = {.struct_size = sizeof(good_region),
						     .kind = VDEV_PAGES_ANON,
						     .fd = -1,
						     .size_bytes = BAD_RAM,
						     .host_address = BAD_RAM};

static int make(const struct vdev_env *env, const struct vdev_pages_config *config)
{
	struct vdev_pages *made = NULL;
	int ret = vdev_pages_new(&made, env, config);

	assert_true(ret ? made == NULL : made != NULL);
	vdev_pages_free(made);
	return ret;
}

/* One field of a struct with another value is refused. */
#define FIELD(type, good, field, value, call)      \
	do {                                       \
		type changed = good;               \
		const type *in = &changed;         \
                                                   \
		changed.field = (value);           \
		assert_int_equal((call), -EINVAL); \
	} while (0)

#define CONFIG(field, value) \
	FIELD(struct vdev_pages_config, good_config, field, value, make(NULL, in))
#define REGION(field, value) \
	FIELD(struct vdev_pages_region, good_region, field, value, vdev_pages_add(b->pages, in))

static void new (struct bad_linux *b)
{
	EINVAL_OF(vdev_pages_new(NULL, NULL, &good_config));
	EINVAL_OF(make(NULL, NULL));
	EACH_SIZE(struct vdev_pages_config, good_config, make(NULL, in), 1);
	EACH_SIZE(struct vdev_env, b->v.env, make(in, &good_config), 1);
	CONFIG(flags, 2);
	CONFIG(mechanism, 3);
	CONFIG(max_regions, 0);
	CONFIG(max_regions, VDEV_PAGES_MAX_REGIONS + 1);
	CONFIG(kvm_fd, -2);
	CONFIG(reserved, 1);
}

static void free_(struct bad_linux *b)
{
	(void)b;
	vdev_pages_free(NULL);
}

static void add(struct bad_linux *b)
{
	EINVAL_OF(vdev_pages_add(NULL, &good_region));
	EINVAL_OF(vdev_pages_add(b->pages, NULL));
	EACH_SIZE(struct vdev_pages_region, good_region, vdev_pages_add(b->pages, in), 0);
	REGION(flags, 8);
	REGION(flags, UINT32_MAX);
	REGION(kind, 0);
	REGION(kind, 5);
	REGION(fd, 0); /* ANON has none */
	REGION(fd, -2);
	REGION(kind, VDEV_PAGES_MEMFD); /* without one */
	REGION(size_bytes, 0);
	REGION(size_bytes, BAD_RAM + 1);
	REGION(size_bytes, ~UINT64_C(0xfff));
	REGION(guest_address, 1);
	REGION(guest_address, ~UINT64_C(0xfff));
	REGION(host_address, 0);
	REGION(host_address, 1);
	REGION(host_address, ~UINT64_C(0xfff));
	REGION(fd_offset, BAD_RAM);
}

static void add_again(struct bad_linux *b)
{
	assert_int_equal(vdev_pages_add(b->pages, &good_region), -EEXIST);
}

static void remove_(struct bad_linux *b)
{
	EINVAL_OF(vdev_pages_remove(NULL, 0));
	assert_int_equal(vdev_pages_remove(b->pages, 1), -ENOENT);
	assert_int_equal(vdev_pages_remove(b->pages, BAD_RAM), -ENOENT);
	assert_int_equal(vdev_pages_remove(b->pages, UINT64_MAX), -ENOENT);
}

static void get(struct bad_linux *b)
{
	struct vdev_pages_info info;

	EINVAL_OF(vdev_pages_get(NULL, 0, &info, sizeof(info)));
	EINVAL_OF(vdev_pages_get(b->pages, 0, NULL, sizeof(info)));
	EINVAL_OF(vdev_pages_get(b->pages, 0, &info, 0));
	assert_int_equal(vdev_pages_get(b->pages, BAD_RAM, &info, sizeof(info)), -ENOENT);
}

static void stopped(struct bad_linux *b)
{
	EINVAL_OF(vdev_pages_stopped(NULL, 0));
	EINVAL_OF(vdev_pages_stopped(b->pages, 4));
	EINVAL_OF(vdev_pages_stopped(b->pages, UINT32_MAX));
}

static void offline(struct bad_linux *b)
{
	struct vdev_pages_range range = {.size_bytes = BAD_RAM, .mode = VDEV_ZEROCOPY_RESET};
	int status = 7;

	EINVAL_OF(vdev_pages_offline(NULL, &range, 1, &status));
	EINVAL_OF(vdev_pages_offline(b->pages, NULL, 1, &status));
	EINVAL_OF(vdev_pages_offline(b->pages, &range, 0, &status));
	EINVAL_OF(vdev_pages_offline(b->pages, &range, UINT32_MAX, &status));
	assert_int_equal(status, 7);
}

/* A bad range is the range's own status. */
static void offline_ranges(struct bad_linux *b)
{
	struct vdev_pages_range ranges[3] = {
		{.size_bytes = BAD_RAM, .mode = VDEV_ZEROCOPY_RESET, .reserved = 1},
		{.size_bytes = BAD_RAM, .mode = VDEV_ZEROCOPY_DEFAULT},
		{.size_bytes = UINT64_MAX, .mode = VDEV_ZEROCOPY_RESET},
	};
	int status[3];

	assert_int_equal(vdev_pages_offline(b->pages, ranges, 3, status), 0);
	assert_int_equal(status[0], -EINVAL);
	assert_int_equal(status[1], -EINVAL);
	assert_int_equal(status[2], -EFAULT);
}

static void offline_all(struct bad_linux *b)
{
	EINVAL_OF(vdev_pages_offline_all(NULL, VDEV_ZEROCOPY_RESET));
	EINVAL_OF(vdev_pages_offline_all(b->pages, VDEV_ZEROCOPY_DEFAULT));
	EINVAL_OF(vdev_pages_offline_all(b->pages, UINT32_MAX));
}

static void perform(struct bad_linux *b)
{
	struct vdev_action action = {.id = 1};

	EINVAL_OF(vdev_pages_perform(NULL, &action));
	EINVAL_OF(vdev_pages_perform(b->pages, NULL));
	assert_int_equal(vdev_pages_perform(b->pages, &action), -EOPNOTSUPP);
	action.kind = VDEV_CANCEL;
	assert_int_equal(vdev_pages_perform(b->pages, &action), -EOPNOTSUPP);
}

static void ops(struct bad_linux *b)
{
	struct vdev_action action = {.id = 1};

	(void)b;
	assert_int_equal(vdev_pages_ops()->struct_size, sizeof(struct vdev_backend_ops));
	EINVAL_OF(vdev_pages_ops()->perform(NULL, &action));
}

static void self_test(struct bad_linux *b)
{
	struct vdev_pages_report report;

	EINVAL_OF(vdev_pages_self_test(NULL, &report, sizeof(report)));
	EINVAL_OF(vdev_pages_self_test(b->pages, NULL, sizeof(report)));
	EINVAL_OF(vdev_pages_self_test(b->pages, &report, 0));
}

static void report(struct bad_linux *b)
{
	struct vdev_pages_report r;

	EINVAL_OF(vdev_pages_report(NULL, &r, sizeof(r)));
	EINVAL_OF(vdev_pages_report(b->pages, NULL, sizeof(r)));
	EINVAL_OF(vdev_pages_report(b->pages, &r, 0));
}

static void reason(struct bad_linux *b)
{
	char text[8];

	EINVAL_OF(vdev_pages_reason(NULL, text, sizeof(text)));
	EINVAL_OF(vdev_pages_reason(b->pages, NULL, sizeof(text)));
	EINVAL_OF(vdev_pages_reason(b->pages, text, 0));
	assert_int_equal(vdev_pages_reason(b->pages, text, 1), 0);
	assert_string_equal(text, "");
}

static void stats(struct bad_linux *b)
{
	struct vdev_pages_stats s;

	EINVAL_OF(vdev_pages_stats(NULL, &s, sizeof(s)));
	EINVAL_OF(vdev_pages_stats(b->pages, NULL, sizeof(s)));
	EINVAL_OF(vdev_pages_stats(b->pages, &s, 0));
}

static void mechanism_name(struct bad_linux *b)
{
	(void)b;
	assert_string_equal(vdev_pages_mechanism_name(UINT32_MAX), "?");
}

static const struct bad_linux_row rows[] = {
	{"vdev_pages_new", new, NULL},
	{"vdev_pages_free", free_, NULL},
	{"vdev_pages_add", add, add_again},
	{"vdev_pages_remove", remove_, NULL},
	{"vdev_pages_get", get, NULL},
	{"vdev_pages_stopped", stopped, NULL},
	{"vdev_pages_offline", offline, offline_ranges},
	{"vdev_pages_offline_all", offline_all, NULL},
	{"vdev_pages_perform", perform, NULL},
	{"vdev_pages_ops", ops, NULL},
	{"vdev_pages_self_test", self_test, NULL},
	{"vdev_pages_report", report, NULL},
	{"vdev_pages_reason", reason, NULL},
	{"vdev_pages_stats", stats, NULL},
	{"vdev_pages_mechanism_name", mechanism_name, NULL},
};

const struct bad_linux_table bad_pages = {rows, VT_COUNT(rows)};
