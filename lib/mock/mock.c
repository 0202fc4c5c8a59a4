/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The mock backend: a script of rules, a ring of records, and actions that end later.
 *
 *   perform --> ENDED                        a rule with delay 0, or no rule
 *           \-> PENDING --step, finish--> ENDED
 *                  |  ^
 *                  \--/ CANCEL: another end, sooner
 *
 * Everything is allocated by _new(), so that a test which makes allocations fail sees the failures
 * of what it tests and none of the mock's.
 */
#include <errno.h>
#include <string.h>

#include <vdev/mock.h>

#include "internal.h"

/* struct vdev_mock_config of the first release ends with max_pending. */
#define CONFIG_LEAST offsetof(struct vdev_mock_config, max_vcpus)

static int bad_config(const struct vdev_mock_config *c)
{
	return !c->max_records || c->max_records > VDEV__MOCK_MAX_RECORDS ||
	       c->max_rules > VDEV__MOCK_MAX_RULES || c->max_pending > VDEV__MOCK_MAX_PENDING ||
	       c->max_vcpus > VDEV_CPUMAP_MAX_VCPUS;
}

static int allocate(struct vdev_mock *m)
{
	const struct vdev_mock_config *c = &m->config;

	m->records = vdev__alloc(&m->env, c->max_records, sizeof(*m->records));
	if (!m->records)
		return -ENOMEM;
	if (c->max_rules) {
		m->rules = vdev__alloc(&m->env, c->max_rules, sizeof(*m->rules));
		if (!m->rules)
			return -ENOMEM;
	}
	if (vdev__mock_places_init(m))
		return -ENOMEM;
	return vdev__mock_pending_init(m);
}

int vdev_mock_new(struct vdev_mock **ret_mock, const struct vdev_env *env,
		  const struct vdev_mock_config *config)
{
	struct vdev_mock_config c;
	struct vdev_mock *m;
	struct vdev_env e;
	int err = vdev__env_copy(&e, env);

	if (!err)
		err = vdev__copy_in(&c, sizeof(c), CONFIG_LEAST, config);
	if (!err && (!ret_mock || bad_config(&c)))
		err = -EINVAL;
	if (err)
		return err;
	m = vdev__alloc(&e, 1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->env = e;
	m->config = c;
	err = allocate(m);
	if (err) {
		vdev_mock_free(m);
		return err;
	}
	*ret_mock = m;
	return 0;
}

void vdev_mock_free(struct vdev_mock *mock)
{
	struct vdev_env env;

	if (!mock)
		return;
	env = mock->env;
	vdev__mock_pending_fini(mock);
	vdev__mock_places_fini(mock);
	vdev__free(&env, mock->rules, mock->config.max_rules * sizeof(*mock->rules));
	vdev__free(&env, mock->records, mock->config.max_records * sizeof(*mock->records));
	vdev__free(&env, mock, sizeof(*mock));
}

int vdev_mock_rule(struct vdev_mock *mock, const struct vdev_mock_rule *rule)
{
	struct vdev_mock_rule copy;
	int err;

	if (!mock)
		return -EINVAL;
	err = vdev__copy_in(&copy, sizeof(copy), sizeof(copy), rule);
	if (err)
		return err;
	if (!vdev__mock_valid_status(copy.status))
		return -EINVAL;
	if (mock->rule_count == mock->config.max_rules)
		return -ENOSPC;
	mock->rules[mock->rule_count++] = (struct rule){.script = copy};
	return 0;
}

int vdev_mock_clear_rules(struct vdev_mock *mock)
{
	if (!mock)
		return -EINVAL;
	mock->rule_count = 0;
	return 0;
}

/*
 * The rule that decides about an action, NULL: none. A rule for any kind leaves VDEV_CANCEL alone:
 * "this device never answers" must not also decide how giving up on it ends.
 */
static const struct vdev_mock_rule *decide(struct vdev_mock *m, const struct vdev_action *a)
{
	uint32_t i;

	for (i = 0; i < m->rule_count; i++) {
		struct rule *r = &m->rules[i];
		uint32_t any = a->kind != VDEV_CANCEL && r->script.kind == VDEV_MOCK_ANY;

		if (!any && r->script.kind != a->kind)
			continue;
		if (r->script.dev != VDEV_MOCK_ANY && r->script.dev != a->dev)
			continue;
		if (r->script.uses && r->used == r->script.uses)
			continue;
		if (r->skipped < r->script.skip) {
			r->skipped++;
			continue;
		}
		r->used += r->script.uses != 0;
		return &r->script;
	}
	return NULL;
}

void vdev__mock_trace(const struct vdev_mock *m, uint32_t what, const struct vdev_action *a,
		      uint64_t arg)
{
	struct vdev_trace t;

	if (!vdev__tracing(&m->env))
		return;
	t = (struct vdev_trace){.now_ns = m->now_ns,
				.dev = a->dev,
				.user_data = a->user_data,
				.id = a->id,
				.part = VDEV_PART_MOCK,
				.what = what,
				.kind = a->kind,
				.flags = a->flags,
				.arg = arg};
	m->env.trace(m->env.user, &t);
}

static void record(struct vdev_mock *m, const struct vdev_action *a, int32_t status, int ended)
{
	struct vdev_mock_record *r = &m->records[m->count % m->config.max_records];

	*r = (struct vdev_mock_record){.action = *a,
				       .begin_ns = m->now_ns,
				       .end_ns = ended ? m->now_ns : VDEV_NONE,
				       .status = status};
	m->count++;
	vdev__mock_trace(m, VDEV_TRACE_ACTION, a, a->arg[0]);
	if (ended)
		vdev__mock_trace(m, VDEV_TRACE_DONE, a, (uint64_t)(int64_t)status);
}

static int cancel(struct vdev_mock *m, const struct vdev_action *a)
{
	const struct vdev_mock_rule *rule = decide(m, a);

	record(m, a, 0, 1);
	vdev__mock_pending_change(m, a->arg[0], rule ? rule->delay_ns : 0,
				  rule ? rule->status : -ECANCELED);
	return 0;
}

int vdev_mock_perform(struct vdev_mock *mock, const struct vdev_action *action)
{
	const struct vdev_mock_rule *rule;
	int32_t status;

	if (!mock || !action || !action->id || !action->kind)
		return -EINVAL;
	if (action->kind == VDEV_CANCEL)
		return cancel(mock, action);
	rule = decide(mock, action);
	status = rule ? rule->status : 0;
	if (!rule || !rule->delay_ns) {
		record(mock, action, status, 1);
		return status;
	}
	if (vdev__mock_pending_add(mock, action, rule->delay_ns, status)) {
		record(mock, action, -ENOSPC, 1);
		return -ENOSPC;
	}
	record(mock, action, status, 0);
	return VDEV_BACKEND_LATER;
}

uint64_t vdev_mock_count(const struct vdev_mock *mock)
{
	return mock ? mock->count : 0;
}

int vdev_mock_get(const struct vdev_mock *mock, uint64_t index, struct vdev_mock_record *ret_record,
		  size_t size)
{
	struct vdev_mock_record *r;

	if (!mock || !ret_record || !size)
		return -EINVAL;
	r = vdev__mock_record(mock, index);
	return r ? vdev__copy_out(ret_record, size, r, sizeof(*r)) : -ENOENT;
}

static int perform(void *backend, const struct vdev_action *action)
{
	return vdev_mock_perform(backend, action);
}

const struct vdev_backend_ops *vdev_mock_ops(void)
{
	static const struct vdev_backend_ops ops = {
		.struct_size = sizeof(ops),
		.name = "mock",
		.perform = perform,
	};

	return &ops;
}
