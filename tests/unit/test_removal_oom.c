/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The removal engine when memory runs out: an error code, nothing changed, no leak. Suite traces
 * does the same for each call of thirty sessions.
 */
#include "test_removal_rig.h"

#define MOST (1u << 20)

static const struct vdev_removal_config config = {
	.struct_size = sizeof(config), .max_units = 5000, .flags = VDEV_REMOVAL_COARSE};

static const struct vdev_removal_step steps[] = {
	{VDEV_REMOVAL_WARN, VDEV_REMOVAL_UNWARN, VT_SEC},
	{VDEV_REMOVAL_AWAIT_ACK, VDEV_REMOVAL_NO_UNDO, VT_SEC},
	{VDEV_REMOVAL_HIDE, VDEV_REMOVAL_NO_UNDO, VT_SEC},
	{VDEV_REMOVAL_RELEASE, VDEV_REMOVAL_NO_UNDO, VT_SEC}};

/* State and counters, to be compared. */
struct picture {
	uint8_t *image;
	size_t size;
	struct vdev_removal_stats stats;
};

static void take(const struct vdev_removal *r, struct picture *p)
{
	p->image = malloc(MOST);
	assert_non_null(p->image);
	assert_int_equal(vdev_removal_save(r, 0, p->image, MOST, &p->size), 0);
	assert_int_equal(vdev_removal_stats(r, &p->stats, sizeof(p->stats)), 0);
}

static void expect_same(const struct vdev_removal *r, const struct picture *before)
{
	struct picture now;

	take(r, &now);
	now.stats.bytes = before->stats.bytes; /* a table may have grown ahead of its use */
	assert_memory_equal(&now.stats, &before->stats, sizeof(now.stats));
	assert_int_equal(now.size, before->size);
	assert_memory_equal(now.image, before->image, now.size);
	free(now.image);
}

/* Calls until memory suffices; each time that it does not, nothing may have changed. */
#define UNTIL_ENOUGH(v, r, call)                             \
	do {                                                 \
		for (uint64_t nth_ = 1;; nth_++) {           \
			uint64_t failed_ = (v)->failed;      \
			struct picture before_;              \
			int ret_;                            \
                                                             \
			take(r, &before_);                   \
			(v)->fail_at = (v)->requests + nth_; \
			ret_ = (call);                       \
			(v)->fail_at = 0;                    \
			if ((v)->failed == failed_) {        \
				assert_true(ret_ >= 0);      \
				free(before_.image);         \
				break;                       \
			}                                    \
			assert_int_equal(ret_, -ENOMEM);     \
			expect_same(r, &before_);            \
			free(before_.image);                 \
		}                                            \
	} while (0)

static int add(struct vdev_removal *r, uint64_t name, uint64_t *ret_unit)
{
	const struct vdev_removal_unit u = {.struct_size = sizeof(u),
					    .unit_class = VDEV_REMOVAL_PCI_FUNCTION,
					    .transport = VDEV_REMOVAL_ACPI,
					    .name = name,
					    .user_data = name};

	return vdev_removal_add(r, 0, &u, ret_unit);
}

static void each_add_and_address(void **state)
{
	struct vdev_removal *r;
	struct vt_env v;
	uint64_t unit, failed;

	(void)state;
	vt_env_init(&v);
	assert_int_equal(vdev_removal_new(&r, &v.env, &config), 0);
	for (uint64_t i = 1; i <= 600; i++) { /* past the growth of every table inside */
		UNTIL_ENOUGH(&v, r, add(r, i, &unit));
		UNTIL_ENOUGH(&v, r, vdev_removal_set_address(r, unit, i * 8));
	}
	failed = v.failed;
	assert_true(failed > 20);
	vdev_removal_free(r);
	vt_assert_clean(&v);
}

static void set_actions(void **state)
{
	struct vdev_removal_step now[VDEV_REMOVAL_MAX_STEPS];
	struct vdev_removal *r;
	struct vt_env v;

	(void)state;
	vt_env_init(&v);
	assert_int_equal(vdev_removal_new(&r, &v.env, &config), 0);
	UNTIL_ENOUGH(&v, r, vdev_removal_set_actions(r, 1, 1, steps, 4));
	assert_int_equal(v.failed, 1);
	assert_int_equal(vdev_removal_get_actions(r, 1, 1, now), 4);
	UNTIL_ENOUGH(&v, r, vdev_removal_set_actions(r, 1, 1, steps, 4)); /* over the first */
	vt_env_fail_next(&v, UINT64_MAX);
	assert_int_equal(vdev_removal_set_actions(r, 1, 1, NULL, 0), 0); /* back needs none */
	vdev_removal_free(r);
	vt_assert_clean(&v);
}

static int new_scenario(struct vt_env *v, void *arg)
{
	struct vdev_removal *r = NULL;
	int ret = vdev_removal_new(&r, &v->env, &config);

	(void)arg;
	assert_true(ret ? r == NULL : r != NULL);
	vdev_removal_free(r);
	return ret;
}

static int load_scenario(struct vt_env *v, void *arg)
{
	const struct picture *p = arg;
	struct vdev_removal *r = NULL;
	int ret = vdev_removal_load(&v->env, &config, 0, p->image, p->size, &r);

	assert_true(ret ? r == NULL : r != NULL);
	vdev_removal_free(r);
	return ret;
}

static void new_and_load(void **state)
{
	struct vdev_removal *r;
	struct picture p;
	uint64_t unit;

	(void)state;
	assert_in_range(vt_oom(new_scenario, NULL), 3, 20);
	assert_int_equal(vdev_removal_new(&r, NULL, &config), 0);
	for (uint64_t i = 1; i <= 600; i++) {
		add(r, i, &unit);
		vdev_removal_set_address(r, unit, i);
	}
	vdev_removal_set_actions(r, 1, 1, steps, 4);
	take(r, &p);
	vdev_removal_free(r);
	assert_in_range(vt_oom(load_scenario, &p), 20, 200);
	free(p.image);
}

/* What a guest does needs no memory: once a unit exists its removal cannot run out of it. */
static void removal_itself_needs_no_memory(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	vt_child(t, 'b', 's', VDEV_REMOVAL_PCI_FUNCTION, 1);
	vt_alone(t, 'x', VDEV_REMOVAL_PVDEV);
	vt_env_fail_next(&t->v, UINT64_MAX);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:s REQUESTED:a");
	vt_expect(t, vt_request(t, 'x', 0), "GUEST_NOT_READY:x");
	vt_expect(t, vt_ready(t, 'x', 1), "WARN:x REQUESTED:x");
	vt_expect(t, vt_cancel(t, 'a'), "UNWARN:s CANCELLED:aF");
	vt_expect(t, vt_pass(t, 60 * VT_SEC), "UNWARN:x TIMED_OUT:xF");
	vt_expect(t, vt_ack(t, 'x'), "HIDE:xL");
	vdev_removal_reset_begin(t->r, t->now);
	vt_expect(t, vdev_removal_reset_end(t->r, t->now), "REANNOUNCE:x");
	vt_registers(t, 's', VT_ON, 0);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE);
	vt_level(t, 'b', VDEV_REMOVAL_SAFE_IDLE);
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'a', -EBUSY);
	vt_expect(t, vt_request(t, 's', 0),
		  "QUIESCE:b QUIESCE:a RESUME:b RESUME:a WARN:s REQUESTED:s");
	vt_expect(t, vt_registers(t, 's', VT_OFF, 0),
		  "HIDE:b HIDE:aL ACKED:s TEARDOWN:b RELEASE:b REMOVED:bFG TEARDOWN:a RELEASE:a "
		  "REMOVED:aFG REMOVED:sF");
	assert_int_equal(t->v.failed, 0);
}

/* A caller that goes on after each error, as a VMM does. */
static int whole_scenario(struct vt_env *v, void *arg)
{
	struct vdev_removal *r = NULL, *loaded = NULL;
	uint8_t image[4096];
	uint64_t units[40] = {0};
	struct vdev_action a;
	size_t size;
	int ret = vdev_removal_new(&r, &v->env, &config);

	(void)arg;
	if (ret)
		return ret;
	vdev_removal_set_actions(r, 1, 0, steps, 4);
	for (uint64_t i = 0; i < VT_COUNT(units); i++)
		if (add(r, i + 1, &units[i]) == -ENOMEM)
			ret = -ENOMEM;
	for (uint64_t i = 0; i < VT_COUNT(units); i++)
		if (units[i])
			assert_true(vdev_removal_request(r, 0, units[i], NULL) > 0);
	if (!vdev_removal_save(r, 0, image, sizeof(image), &size) &&
	    !vdev_removal_load(&v->env, &config, 0, image, size, &loaded)) {
		vdev_removal_free(r);
		r = loaded;
	}
	assert_true(vdev_removal_reset_begin(r, 0) >= 0);
	while (vdev_removal_next(r, &a, sizeof(a)) == 1)
		assert_true(vdev_removal_done(r, 0, a.id, 0) >= 0);
	assert_int_equal(vdev_removal_reset_end(r, 0), 0);
	vdev_removal_free(r);
	return ret;
}

static void whole_life(void **state)
{
	(void)state;
	assert_in_range(vt_oom(whole_scenario, NULL), 10, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_add_and_address), cmocka_unit_test(set_actions),
		cmocka_unit_test(new_and_load),         TEST(removal_itself_needs_no_memory),
		cmocka_unit_test(whole_life),
	};

	return cmocka_run_group_tests_name("removal_oom", tests, NULL, NULL);
}
