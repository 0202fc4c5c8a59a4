/* SPDX-License-Identifier: BSD-3-Clause */
/* Misuse of the migration planner. Each row makes what it needs. */
#include "bad_input.h"

#define SIZE sizeof(struct vdev_migration_device)

static const struct vdev_migration_device zero;
static const struct vdev_migration_config good = {
	.struct_size = sizeof(good), .max_hosts = 2, .max_types = 4, .max_functions = 4};
static const struct vdev_migration_host empty = {.struct_size = sizeof(empty),
						 .device_size = (uint32_t)SIZE};
static const struct vdev_migration_want want = {.device = &zero, .node = VDEV_MIGRATION_UNKNOWN};
static const struct vdev_migration_vm one = {.struct_size = sizeof(one),
					     .device_count = 1,
					     .device_size = (uint32_t)SIZE,
					     .devices = &want};

struct objects {
	struct vdev_migration *m;
	struct vdev_migration_plan *p;
	uint64_t host, gone;
};

static struct objects make(struct bad *b)
{
	struct objects o = {0};

	assert_int_equal(vdev_migration_new(&o.m, &b->v.env, &good), 0);
	assert_int_equal(vdev_migration_add_host(o.m, &empty, &o.gone), 0);
	assert_int_equal(vdev_migration_remove_host(o.m, o.gone), 0);
	assert_int_equal(vdev_migration_add_host(o.m, &empty, &o.host), 0);
	assert_int_equal(vdev_migration_plan_new(&o.p, &b->v.env, NULL, &one, &empty), 0);
	return o;
}

/* Nothing has come to them by misuse. */
static void end(struct objects *o)
{
	struct vdev_migration_stats s;

	vdev_migration_stats(o->m, &s, sizeof(s));
	assert_int_equal(s.hosts, 1);
	assert_int_equal(s.types, 0);
	assert_int_equal(s.ranked + s.assigned, 0);
	vdev_migration_plan_free(o->p);
	vdev_migration_free(o->m);
}

static int make_planner(const struct vdev_env *env, const struct vdev_migration_config *c)
{
	struct vdev_migration *m = NULL;
	int ret = vdev_migration_new(&m, env, c);

	assert_true(ret ? m == NULL : m != NULL);
	vdev_migration_free(m);
	return ret;
}

static void new (struct bad *b)
{
	struct vdev_migration_config c = good;

	EINVAL_OF(vdev_migration_new(NULL, NULL, &good));
	EINVAL_OF(make_planner(NULL, NULL));
	EACH_SIZE(struct vdev_migration_config, good, make_planner(NULL, in), 1);
	EACH_SIZE(struct vdev_env, b->v.env, make_planner(in, &good), 1);
#define EINVAL_WITH(change)                        \
	do {                                       \
		c = good;                          \
		change;                            \
		EINVAL_OF(make_planner(NULL, &c)); \
	} while (0)
	EINVAL_WITH(c.flags = 1);
	EINVAL_WITH(c.reserved = 1);
	EINVAL_WITH(c.max_hosts = 0);
	EINVAL_WITH(c.max_hosts = UINT32_MAX);
	EINVAL_WITH(c.max_types = 0);
	EINVAL_WITH(c.max_types = UINT32_MAX);
	EINVAL_WITH(c.max_functions = 0);
	EINVAL_WITH(c.max_functions = UINT64_MAX);
}

static void free_(struct bad *b)
{
	(void)b;
	vdev_migration_free(NULL);
}

static void plan_free(struct bad *b)
{
	(void)b;
	vdev_migration_plan_free(NULL);
}

/* And takes it away. */
static int add_one(struct vdev_migration *m, const struct vdev_migration_host *in)
{
	uint64_t h = 7;
	int ret = vdev_migration_add_host(m, in, &h);

	if (ret)
		assert_int_equal(h, 7);
	else
		vdev_migration_remove_host(m, h);
	return ret;
}

static void add_host(struct bad *b)
{
	struct objects o = make(b);
	uint64_t h = 7;

	EINVAL_OF(vdev_migration_add_host(NULL, &empty, &h));
	EINVAL_OF(vdev_migration_add_host(o.m, NULL, &h));
	EINVAL_OF(vdev_migration_add_host(o.m, &empty, NULL));
	EACH_SIZE(struct vdev_migration_host, empty, add_one(o.m, in), 1);
	end(&o);
}

static void remove_host(struct bad *b)
{
	struct objects o = make(b);

	EINVAL_OF(vdev_migration_remove_host(NULL, o.host));
	assert_int_equal(vdev_migration_remove_host(o.m, o.gone), -ENOENT);
	assert_int_equal(vdev_migration_remove_host(o.m, 0), -ENOENT);
	assert_int_equal(vdev_migration_remove_host(o.m, UINT64_MAX), -ENOENT);
	end(&o);
}

/* What each call refuses of a VM. */
static int ask(struct vdev_migration *m, const struct vdev_migration_vm *vm)
{
	struct vdev_migration_rank r;

	return vdev_migration_rank(m, vm, &r, sizeof(r), 1);
}

static void bad_vms(struct vdev_migration *m)
{
	struct vdev_migration_want w = want;
	struct vdev_migration_vm v = one;

	v.flags = 1;
	EINVAL_OF(ask(m, &v));
	v = one;
	v.reserved = 1;
	EINVAL_OF(ask(m, &v));
	v = one;
	v.device_count = VDEV_MIGRATION_MAX_DEVICES + 1;
	EINVAL_OF(ask(m, &v));
	v = one;
	v.devices = NULL;
	EINVAL_OF(ask(m, &v));
	v = one;
	v.device_size = 8;
	EINVAL_OF(ask(m, &v));
	v = one;
	v.struct_size = 8;
	EINVAL_OF(ask(m, &v));
	v = one;
	v.devices = &w;
	w.flags = 4;
	EINVAL_OF(ask(m, &v));
	w = want;
	w.device = NULL;
	EINVAL_OF(ask(m, &v));
	v.device_count = 2; /* the first is wrong: the second is not looked at */
	EINVAL_OF(ask(m, &v));
}

static void rank(struct bad *b)
{
	struct objects o = make(b);
	struct vdev_migration_rank r;

	EINVAL_OF(vdev_migration_rank(NULL, &one, &r, sizeof(r), 1));
	EINVAL_OF(vdev_migration_rank(o.m, NULL, &r, sizeof(r), 1));
	EINVAL_OF(vdev_migration_rank(o.m, &one, NULL, sizeof(r), 1));
	EINVAL_OF(vdev_migration_rank(o.m, &one, &r, 0, 1));
	bad_vms(o.m);
	end(&o);
}

static void assign(struct bad *b)
{
	struct objects o = make(b);
	struct vdev_migration_vm none = one;
	struct vdev_migration_place p;
	struct vdev_migration_rank r;

	EINVAL_OF(vdev_migration_assign(NULL, &one, o.host, &r, sizeof(r), &p, sizeof(p)));
	EINVAL_OF(vdev_migration_assign(o.m, NULL, o.host, &r, sizeof(r), &p, sizeof(p)));
	EINVAL_OF(vdev_migration_assign(o.m, &one, o.host, &r, 0, &p, sizeof(p)));
	EINVAL_OF(vdev_migration_assign(o.m, &one, o.host, &r, sizeof(r), &p, 0));
	assert_int_equal(vdev_migration_assign(o.m, &one, o.gone, &r, sizeof(r), &p, sizeof(p)),
			 -ENOENT);
	none.device_count = 65;
	EINVAL_OF(vdev_migration_assign(o.m, &none, o.host, &r, sizeof(r), &p, sizeof(p)));
	end(&o);
	o = make(b);
	EINVAL_OF(vdev_migration_assign(o.m, &one, o.host, &r, sizeof(r), NULL, 0));
	vdev_migration_plan_free(o.p);
	vdev_migration_free(o.m);
}

static void stats(struct bad *b)
{
	struct objects o = make(b);
	struct vdev_migration_stats s;

	EINVAL_OF(vdev_migration_stats(NULL, &s, sizeof(s)));
	EINVAL_OF(vdev_migration_stats(o.m, NULL, sizeof(s)));
	EINVAL_OF(vdev_migration_stats(o.m, &s, 0));
	end(&o);
}

static int make_plan(const struct vdev_env *env, const struct vdev_migration_plan_config *c,
		     const struct vdev_migration_vm *vm, const struct vdev_migration_host *host)
{
	struct vdev_migration_plan *p = NULL;
	int ret = vdev_migration_plan_new(&p, env, c, vm, host);

	assert_true(ret ? p == NULL : p != NULL);
	vdev_migration_plan_free(p);
	return ret;
}

static void plan_new(struct bad *b)
{
	const struct vdev_migration_plan_config ok = {.struct_size = sizeof(ok)};
	struct vdev_migration_plan_config c = ok;

	EINVAL_OF(vdev_migration_plan_new(NULL, NULL, NULL, &one, &empty));
	EINVAL_OF(make_plan(NULL, NULL, NULL, &empty));
	EINVAL_OF(make_plan(NULL, NULL, &one, NULL));
	EACH_SIZE(struct vdev_env, b->v.env, make_plan(in, NULL, &one, &empty), 1);
	EACH_SIZE(struct vdev_migration_plan_config, ok, make_plan(NULL, in, &one, &empty), 1);
	EACH_SIZE(struct vdev_migration_vm, one, make_plan(NULL, NULL, in, &empty), 1);
	EACH_SIZE(struct vdev_migration_host, empty, make_plan(NULL, NULL, &one, in), 1);
	c.flags = 2;
	EINVAL_OF(make_plan(NULL, &c, &one, &empty));
	c = ok;
	c.reserved = 1;
	EINVAL_OF(make_plan(NULL, &c, &one, &empty));
	c = ok;
	c.deadline_ns[3] = (UINT64_C(1) << 62) + 1;
	EINVAL_OF(make_plan(NULL, &c, &one, &empty));
}

static void plan_get(struct bad *b)
{
	struct objects o = make(b);
	struct vdev_migration_plan_info i;

	EINVAL_OF(vdev_migration_plan_get(NULL, &i, sizeof(i)));
	EINVAL_OF(vdev_migration_plan_get(o.p, NULL, sizeof(i)));
	EINVAL_OF(vdev_migration_plan_get(o.p, &i, 0));
	end(&o);
}

static void plan_device(struct bad *b)
{
	struct objects o = make(b);
	struct vdev_migration_place p;

	EINVAL_OF(vdev_migration_plan_device(NULL, 0, &p, sizeof(p), NULL, NULL));
	EINVAL_OF(vdev_migration_plan_device(o.p, 0, NULL, sizeof(p), NULL, NULL));
	EINVAL_OF(vdev_migration_plan_device(o.p, 0, &p, 0, NULL, NULL));
	assert_int_equal(vdev_migration_plan_device(o.p, UINT32_MAX, &p, sizeof(p), NULL, NULL),
			 -ENOENT);
	end(&o);
}

static void plan_difference(struct bad *b)
{
	struct objects o = make(b);
	struct vdev_migration_difference d;

	EINVAL_OF(vdev_migration_plan_difference(NULL, 0, 0, &d, sizeof(d)));
	EINVAL_OF(vdev_migration_plan_difference(o.p, 0, 0, NULL, sizeof(d)));
	EINVAL_OF(vdev_migration_plan_difference(o.p, 0, 0, &d, 0));
	assert_int_equal(vdev_migration_plan_difference(o.p, 1, 0, &d, sizeof(d)), -ENOENT);
	assert_int_equal(vdev_migration_plan_difference(o.p, 0, 0, &d, sizeof(d)), -ENOENT);
	end(&o);
}

static void plan_step(struct bad *b)
{
	struct objects o = make(b);
	struct vdev_migration_step s;

	EINVAL_OF(vdev_migration_plan_step(NULL, 0, &s, sizeof(s)));
	EINVAL_OF(vdev_migration_plan_step(o.p, 0, NULL, sizeof(s)));
	EINVAL_OF(vdev_migration_plan_step(o.p, 0, &s, 0));
	assert_int_equal(vdev_migration_plan_step(o.p, UINT32_MAX, &s, sizeof(s)), -ENOENT);
	end(&o);
}

static void plan_verify(struct bad *b)
{
	struct vdev_migration_host h = empty;
	struct objects o = make(b);
	struct vdev_migration_change c;
	uint32_t stop = 77;

	h.flags = 1;
	EINVAL_OF(vdev_migration_plan_verify(NULL, NULL, NULL, NULL, 0, &c, sizeof(c), 1, &stop));
	EINVAL_OF(vdev_migration_plan_verify(o.p, NULL, NULL, NULL, 2, &c, sizeof(c), 1, &stop));
	EINVAL_OF(vdev_migration_plan_verify(o.p, NULL, NULL, NULL, 0, NULL, sizeof(c), 1, &stop));
	EINVAL_OF(vdev_migration_plan_verify(o.p, NULL, NULL, NULL, 0, &c, 0, 1, &stop));
	EINVAL_OF(vdev_migration_plan_verify(o.p, NULL, &h, NULL, 0, &c, sizeof(c), 1, &stop));
	EINVAL_OF(vdev_migration_plan_verify(o.p, NULL, &h, &h, 0, &c, sizeof(c), 1, &stop));
	EINVAL_OF(vdev_migration_plan_verify(o.p, NULL, NULL, &h, 0, &c, sizeof(c), 1, &stop));
	assert_int_equal(stop, 77);
	end(&o);
}

static void plan_save(struct bad *b)
{
	struct objects o = make(b);
	size_t size = 7;
	char c = 'x';

	EINVAL_OF(vdev_migration_plan_save(NULL, &c, 1, &size));
	EINVAL_OF(vdev_migration_plan_save(o.p, NULL, 1, &size));
	EINVAL_OF(vdev_migration_plan_save(o.p, &c, 1, NULL));
	assert_true(size == 7 && c == 'x');
	end(&o);
}

static int load(const struct vdev_env *env, const void *image, size_t size)
{
	struct vdev_migration_plan *p = NULL;
	int ret = vdev_migration_plan_load(env, image, size, &p);

	assert_true(ret ? p == NULL : p != NULL);
	vdev_migration_plan_free(p);
	return ret;
}

static void plan_load(struct bad *b)
{
	struct objects o = make(b);
	uint8_t image[4096];
	size_t size;

	assert_int_equal(vdev_migration_plan_save(o.p, image, sizeof(image), &size), 0);
	EINVAL_OF(vdev_migration_plan_load(NULL, image, size, NULL));
	EINVAL_OF(load(NULL, NULL, size));
	EACH_SIZE(struct vdev_env, b->v.env, load(in, image, size), 1);
	assert_int_equal(load(NULL, image, 0), -EBADMSG);
	assert_int_equal(load(NULL, b->image, b->image_size), -EBADMSG); /* another engine's */
	end(&o);
}

#define ROW(call, run)                                  \
	{                                               \
		"vdev_migration_" #call, (run), NULL, 0 \
	}

static const struct bad_row rows[] = {
	ROW(new, new),
	ROW(free, free_),
	ROW(add_host, add_host),
	ROW(remove_host, remove_host),
	ROW(rank, rank),
	ROW(assign, assign),
	ROW(stats, stats),
	ROW(plan_new, plan_new),
	ROW(plan_free, plan_free),
	ROW(plan_get, plan_get),
	ROW(plan_device, plan_device),
	ROW(plan_difference, plan_difference),
	ROW(plan_step, plan_step),
	ROW(plan_verify, plan_verify),
	ROW(plan_save, plan_save),
	ROW(plan_load, plan_load),
};
const struct bad_table bad_migration = BAD_TABLE(rows);
