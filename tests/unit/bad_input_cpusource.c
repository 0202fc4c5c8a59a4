/* SPDX-License-Identifier: BSD-3-Clause */
/* Misuse of the CPU-map providers. */
#include "bad_input_linux.h"

#include <unistd.h>

static struct vdev_cpusource_config good_config(struct bad_linux *b)
{
	return (struct vdev_cpusource_config){.struct_size = sizeof(struct vdev_cpusource_config),
					      .flags = VDEV_CPUSOURCE_UNTESTED,
					      .kinds = VDEV_CPUSOURCE_WANT(VDEV_CPUSOURCE_AFFINITY),
					      .kvm_fd = -1,
					      .map = b->map};
}

static int open_(void *context, int32_t pid, uint32_t vcpus)
{
	(void)context;
	(void)pid;
	(void)vcpus;
	return 0;
}

static int attach(void *context, uint32_t vcpu, int32_t tid, uint32_t here)
{
	(void)context;
	(void)vcpu;
	(void)tid;
	(void)here;
	return 0;
}

static void detach(void *context, uint32_t vcpu)
{
	(void)context;
	(void)vcpu;
}

static int look(void *context, uint32_t vcpu, struct vdev_cpusource_look *ret_look)
{
	(void)context;
	(void)vcpu;
	(void)ret_look;
	return -ENOENT;
}

static const struct vdev_cpusource_ops good_ops = {.struct_size = sizeof(good_ops),
						   .name = "bad",
						   .open = open_,
						   .attach = attach,
						   .detach = detach,
						   .look = look};

static int make(const struct vdev_env *env, const struct vdev_cpusource_config *config)
{
	struct vdev_cpusource *made = NULL;
	int ret = vdev_cpusource_new(&made, env, config);

	assert_true(ret ? made == NULL : made != NULL);
	vdev_cpusource_free(made);
	return ret;
}

static int make_ops(struct bad_linux *b, const struct vdev_cpusource_ops *ops)
{
	struct vdev_cpusource_config config = good_config(b);

	config.kinds = 0;
	config.ops = ops;
	return make(NULL, &config);
}

#define CONFIG(field, value)                                           \
	do {                                                           \
		struct vdev_cpusource_config changed = good_config(b); \
                                                                       \
		changed.field = (value);                               \
		EINVAL_OF(make(NULL, &changed));                       \
	} while (0)

#define OPS(field, value)                                     \
	do {                                                  \
		struct vdev_cpusource_ops changed = good_ops; \
                                                              \
		changed.field = (value);                      \
		EINVAL_OF(make_ops(b, &changed));             \
	} while (0)

static void new_config(struct bad_linux *b)
{
	char path[300];

	CONFIG(flags, 4);
	CONFIG(flags, UINT32_MAX);
	CONFIG(kinds, 8);
	CONFIG(kinds, UINT32_MAX);
	CONFIG(pid, -1);
	CONFIG(pid, INT32_MIN);
	CONFIG(kvm_fd, -2);
	CONFIG(reserved, 1);
	CONFIG(map, NULL);
	CONFIG(ops, &good_ops); /* beside kinds */
	CONFIG(ops_context, b); /* without ops */
	memset(path, '/', sizeof(path));
	path[256] = '\0';
	CONFIG(proc_path, path);
}

static void live_map(struct bad_linux *b)
{
	const struct vdev_cpumap_config live = {
		.struct_size = sizeof(live), .flags = VDEV_CPUMAP_LIVE, .vcpus = 1, .cpus = 1};
	struct vdev_cpumap *map;

	assert_int_equal(vdev_cpumap_new(&map, NULL, &live), 0);
	CONFIG(map, map);
	vdev_cpumap_free(map);
}

static void new (struct bad_linux *b)
{
	struct vdev_cpusource_config config = good_config(b);

	EINVAL_OF(vdev_cpusource_new(NULL, NULL, &config));
	EINVAL_OF(make(NULL, NULL));
	EACH_SIZE(struct vdev_cpusource_config, config, make(NULL, in), 1);
	EACH_SIZE(struct vdev_env, b->v.env, make(in, &config), 1);
	EACH_SIZE(struct vdev_cpusource_ops, good_ops, make_ops(b, in), 1);
	new_config(b);
	live_map(b);
	OPS(facts, 8);
	OPS(name, NULL);
	OPS(open, NULL);
	OPS(attach, NULL);
	OPS(detach, NULL);
	OPS(look, NULL);
}

static void free_(struct bad_linux *b)
{
	(void)b;
	vdev_cpusource_free(NULL);
}

static void add(struct bad_linux *b)
{
	const int32_t tid = getpid();

	EINVAL_OF(vdev_cpusource_add(NULL, 1, tid));
	EINVAL_OF(vdev_cpusource_add(b->source, BAD_VCPUS, tid));
	EINVAL_OF(vdev_cpusource_add(b->source, UINT32_MAX, tid));
	EINVAL_OF(vdev_cpusource_add(b->source, 1, 0));
	EINVAL_OF(vdev_cpusource_add(b->source, 1, -1));
	EINVAL_OF(vdev_cpusource_add(b->source, 1, INT32_MIN));
	assert_int_equal(vdev_cpusource_add(b->source, 0, tid), -EEXIST);
	assert_int_equal(vdev_cpusource_add(b->source, 1, INT32_MAX), -ESRCH);
}

static void here(struct bad_linux *b)
{
	EINVAL_OF(vdev_cpusource_here(NULL, 1));
	EINVAL_OF(vdev_cpusource_here(b->source, BAD_VCPUS));
	EINVAL_OF(vdev_cpusource_here(b->source, UINT32_MAX));
	assert_int_equal(vdev_cpusource_here(b->source, 0), -EEXIST);
}

static void gone(struct bad_linux *b)
{
	EINVAL_OF(vdev_cpusource_gone(NULL, 0));
	EINVAL_OF(vdev_cpusource_gone(b->source, BAD_VCPUS));
	EINVAL_OF(vdev_cpusource_gone(b->source, UINT32_MAX));
	assert_int_equal(vdev_cpusource_gone(b->source, 1), -ENOENT);
	assert_int_equal(vdev_cpusource_gone(b->source, 0), -EPERM); /* added by its number */
}

static void remove_(struct bad_linux *b)
{
	EINVAL_OF(vdev_cpusource_remove(NULL, 0));
	EINVAL_OF(vdev_cpusource_remove(b->source, BAD_VCPUS));
	EINVAL_OF(vdev_cpusource_remove(b->source, UINT32_MAX));
	assert_int_equal(vdev_cpusource_remove(b->source, 1), -ENOENT);
}

static void refresh(struct bad_linux *b)
{
	(void)b;
	EINVAL_OF(vdev_cpusource_refresh(NULL, 1));
}

static void report(struct bad_linux *b)
{
	struct vdev_cpusource_report r;

	EINVAL_OF(vdev_cpusource_report(NULL, &r, sizeof(r)));
	EINVAL_OF(vdev_cpusource_report(b->source, NULL, sizeof(r)));
	EINVAL_OF(vdev_cpusource_report(b->source, &r, 0));
}

static void reason(struct bad_linux *b)
{
	char text[8];

	EINVAL_OF(vdev_cpusource_reason(NULL, text, sizeof(text)));
	EINVAL_OF(vdev_cpusource_reason(b->source, NULL, sizeof(text)));
	EINVAL_OF(vdev_cpusource_reason(b->source, text, 0));
	assert_int_equal(vdev_cpusource_reason(b->source, text, 1), 0);
	assert_string_equal(text, "");
}

/* The whole length, and as much of it as there is room for. */
static void reason_cut(struct bad_linux *b)
{
	char text[8];

	assert_int_equal(vdev_cpusource_add(b->source, 1, INT32_MAX), -ESRCH);
	assert_true(vdev_cpusource_reason(b->source, text, sizeof(text)) > 7);
	assert_string_equal(text, "vCPU 1:");
}

static void stats(struct bad_linux *b)
{
	struct vdev_cpusource_stats s;

	EINVAL_OF(vdev_cpusource_stats(NULL, &s, sizeof(s)));
	EINVAL_OF(vdev_cpusource_stats(b->source, NULL, sizeof(s)));
	EINVAL_OF(vdev_cpusource_stats(b->source, &s, 0));
}

static void kind_name(struct bad_linux *b)
{
	(void)b;
	assert_string_equal(vdev_cpusource_kind_name(VDEV_CPUSOURCE_RSEQ), "rseq");
	assert_string_equal(vdev_cpusource_kind_name(VDEV_CPUSOURCE_PROCFS), "procfs");
	assert_string_equal(vdev_cpusource_kind_name(VDEV_CPUSOURCE_AFFINITY), "affinity");
	assert_string_equal(vdev_cpusource_kind_name(VDEV_CPUSOURCE_OPS), "ops");
	assert_string_equal(vdev_cpusource_kind_name(VDEV_CPUSOURCE_KINDS), "?");
	assert_string_equal(vdev_cpusource_kind_name(UINT32_MAX), "?");
}

static const struct bad_linux_row rows[] = {
	{"vdev_cpusource_new", new, NULL},
	{"vdev_cpusource_free", free_, NULL},
	{"vdev_cpusource_add", add, NULL},
	{"vdev_cpusource_here", here, NULL},
	{"vdev_cpusource_gone", gone, NULL},
	{"vdev_cpusource_remove", remove_, NULL},
	{"vdev_cpusource_refresh", refresh, NULL},
	{"vdev_cpusource_report", report, NULL},
	{"vdev_cpusource_reason", reason, reason_cut},
	{"vdev_cpusource_stats", stats, NULL},
	{"vdev_cpusource_kind_name", kind_name, NULL},
};

const struct bad_linux_table bad_cpusource = {rows, VT_COUNT(rows)};
