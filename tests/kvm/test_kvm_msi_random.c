/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random programs of several devices beside a naive model: after each call KVM's table is what the vectors say, irqfds are attached
 * where their vector is not masked, and a call that failed has changed nothing. And again with each allocation failing.
 */
#include "test_kvm_msi_rig.h"

#define DEVICES 3u
#define VECTORS 6u
#define FIRST_GSI 40u
#define SOME_GSIS 16u
#define STEPS 40000u

struct naive {
	struct model *k;
	struct vdev_kvm_msi m[DEVICES][VECTORS];
	struct vt_rand r;
	uint32_t done, failed;
};

static uint64_t handle(uint32_t device)
{
	return device + 1;
}

static int has_irqfd(uint32_t gsi)
{
	return gsi % 3 != 0;
}

static struct vdev_kvm_msi any_message(struct naive *n, uint32_t device)
{
	/* Mostly GSIs of its own. */
	uint32_t gsi = FIRST_GSI + (uint32_t)(vt_chance(&n->r, 95) ? device * 5 + vt_below(&n->r, 5)
								   : vt_below(&n->r, SOME_GSIS));
	struct vdev_kvm_msi m = routed(gsi, 0x30 + (uint32_t)vt_below(&n->r, 4));

	if (vt_chance(&n->r, 30))
		return masked(m);
	if (vt_chance(&n->r, 10))
		return signalled(0x99);
	if (vt_chance(&n->r, 15))
		m.flags = 0;
	return m;
}

static void expect_table(const struct naive *n)
{
	const struct model *k = n->k;
	uint32_t live = 0, msis = 0, d, v;

	for (d = 0; d < DEVICES; d++) {
		for (v = 0; v < VECTORS; v++) {
			const struct vdev_kvm_msi *m = &n->m[d][v];
			uint32_t is_routed = m->flags & VDEV_KVM_MSI_ROUTED;
			uint32_t is_masked = m->flags & VDEV_KVM_MSI_MASKED;

			msis += m->flags != 0;
			if (!is_routed)
				continue;
			live += !is_masked;
			assert_int_equal(data_of(k, m->gsi), is_masked ? 0 : m->data);
			if (has_irqfd(m->gsi) && (m->gsi - FIRST_GSI) / 5 == d)
				assert_int_equal(k->attached >> m->gsi & 1, !is_masked);
		}
	}
	assert_int_equal(k->nr, 3 + live);
	assert_int_equal(model_stats(n->k).msis, msis);
	assert_int_equal(model_stats(n->k).msi_routes, live);
}

static void program(struct naive *n, uint32_t device)
{
	uint32_t first = (uint32_t)vt_below(&n->r, VECTORS);
	uint32_t count = 1 + (uint32_t)vt_below(&n->r, VECTORS - first), i;
	struct vdev_kvm_msi m[VECTORS];

	for (i = 0; i < count; i++)
		m[i] = any_message(n, device);
	if (vdev_kvm_set_msis(n->k->kvm, handle(device), first, m, count)) {
		n->failed++;
		return;
	}
	n->done++;
	memcpy(&n->m[device][first], m, count * sizeof(*m));
}

static void mask_one(struct naive *n, uint32_t device)
{
	uint32_t v = (uint32_t)vt_below(&n->r, VECTORS), to = (uint32_t)vt_below(&n->r, 2);
	struct vdev_kvm_msi *m = &n->m[device][v];
	int ret = vdev_kvm_mask_msi(n->k->kvm, handle(device), v, to);

	if (ret < 0) {
		n->failed++;
		return;
	}
	assert_true(m->flags);
	m->flags &= ~VDEV_KVM_MSI_MASKED;
	if (to)
		m->flags |= VDEV_KVM_MSI_MASKED;
}

static void add_irqfds(struct naive *n, uint32_t device)
{
	uint32_t gsi;

	for (gsi = FIRST_GSI + device * 5; gsi < FIRST_GSI + device * 5 + 5; gsi++)
		if (has_irqfd(gsi))
			assert_int_equal(
				model_irqfd_add(n->k, handle(device), gsi, VDEV_KVM_ATTACH), 0);
}

/* Where even the way back failed, the same once more mends it. */
static void heal(struct naive *n)
{
	uint32_t d, v;

	if (n->k->fail != 'a' || n->k->fails)
		return;
	n->k->fail = 0;
	for (d = 0; d < DEVICES; d++)
		for (v = 0; v < VECTORS; v++)
			if (n->m[d][v].flags)
				assert_int_equal(vdev_kvm_mask_msi(n->k->kvm, handle(d), v,
								   (n->m[d][v].flags &
								    VDEV_KVM_MSI_MASKED) != 0),
						 0);
}

static void step(struct naive *n)
{
	uint32_t device = (uint32_t)vt_below(&n->r, DEVICES);
	static const char kinds[] = "rad";

	n->k->fail = 0;
	n->k->fails = 0;
	if (vt_chance(&n->r, 10))
		model_fail(n->k, kinds[vt_below(&n->r, 3)], -ENOMEM);
	if (vt_chance(&n->r, 60)) {
		program(n, device);
	} else if (vt_chance(&n->r, 95)) {
		mask_one(n, device);
	} else {
		n->k->fails = 0;
		assert_int_equal(model_perform(n->k, VDEV_REMOVAL_DETACH_EVENTS, handle(device)),
				 0);
		assert_int_equal(model_perform(n->k, VDEV_REMOVAL_RELEASE, handle(device)), 0);
		memset(n->m[device], 0, sizeof(n->m[device]));
		add_irqfds(n, device);
	}
	heal(n);
	memset(n->k->order, 0, sizeof(n->k->order));
	expect_table(n);
}

static void agrees_with_the_model(void **state)
{
	struct naive n = {.k = *state};
	uint32_t i;

	vt_rand_init(&n.r, "kvm_msi_random", 61);
	model_pins(n.k);
	for (i = 0; i < DEVICES; i++)
		add_irqfds(&n, i);
	for (i = 0; i < STEPS; i++)
		step(&n);
	assert_true(n.done > STEPS / 10);
	assert_true(n.failed > STEPS / 20);
}

/* Registers until memory runs out; what is there can be taken apart without any. */
static int use_memory(struct model *k)
{
	const struct vdev_kvm_route pin = {.gsi = 4, .type = VDEV_KVM_ROUTE_IRQCHIP, .pin = 4};
	struct vdev_kvm_msi two[2] = {routed(40, 0x41), signalled(0x42)};
	int err = vdev_kvm_set_routes(k->kvm, &pin, 1);

	if (!err)
		err = vdev_kvm_set_msis(k->kvm, DEV, 31, two, 2);
	two[0].gsi = 41;
	if (!err)
		err = vdev_kvm_set_msis(k->kvm, OTHER, 0, two, 2);
	if (!err)
		err = vdev_kvm_mask_msi(k->kvm, DEV, 31, 1);
	if (!err)
		err = vdev_kvm_set_routes(k->kvm, &pin, 1);
	two[0].gsi = 42;
	if (!err)
		err = vdev_kvm_set_msis(k->kvm, OTHER, 2000, two, 1);
	return err;
}

static int scenario(struct vt_env *v, void *arg)
{
	static struct model k;
	struct vdev_kvm_config config = {.struct_size = sizeof(config),
					 .vm_fd = VM_FD,
					 .max_devices = 2,
					 .ioctl = model_ioctl,
					 .user = &k};
	uint64_t requests;
	int err;

	(void)arg;
	memset(&k, 0, sizeof(k));
	k.can = k.signal_answer = 1;
	err = vdev_kvm_new(&k.kvm, &v->env, &config);
	if (err)
		return err;
	err = use_memory(&k);
	errno = 0;
	requests = v->requests;
	if (model_stats(&k).msis >= 2)
		assert_true(vdev_kvm_signal(k.kvm, DEV, 32) == VDEV_KVM_DELIVERED);
	assert_int_equal(model_perform(&k, VDEV_REMOVAL_HIDE, DEV), 0);
	assert_int_equal(model_perform(&k, VDEV_REMOVAL_TEARDOWN, DEV), 0);
	assert_int_equal(model_perform(&k, VDEV_REMOVAL_RELEASE, DEV), 0);
	assert_int_equal(v->requests, requests);
	assert_int_equal(data_of(&k, 40), 0);
	vdev_kvm_free(k.kvm);
	return err;
}

static void every_allocation_fails(void **state)
{
	(void)state;
	assert_true(vt_oom(scenario, NULL) >= 15);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(agrees_with_the_model, model_setup, model_teardown),
		cmocka_unit_test(every_allocation_fails),
	};

	return cmocka_run_group_tests_name("kvm_msi_random", tests, NULL, NULL);
}
