/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Migration planner: sets of rules, and which rule judges which field of a device.
 */
#include "rules.h"

/* What a mask lets through must be all there is, or the rule could never match. */
static bool match_ok(uint32_t value, uint32_t mask, uint32_t most)
{
	return !(value & ~mask) && mask <= most;
}

/* As parse.c would give it: nothing is lost when it is written and read. */
static bool note_ok(const char *note)
{
	size_t length = 0;

	while (length < VDEV_MIGRATION_NOTE && note[length])
		length++;
	if (length == VDEV_MIGRATION_NOTE || note[0] == '#' || note[0] == ' ' ||
	    (length && note[length - 1] == ' '))
		return false;
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)note[i] < 0x20 || note[i] == 0x7f)
			return false;
	return true;
}

static bool kind_ok(const struct vdev_migration_rule *r)
{
	uint32_t type = vdev__migration_field(r->field)->type;
	bool number = type < VDEV_MIGRATION_STRING;

	switch (r->kind) {
	case VDEV_MIGRATION_EXACT:
		return number || !r->value;
	case VDEV_MIGRATION_AT_LEAST:
		return type != VDEV_MIGRATION_STRING && !r->value;
	case VDEV_MIGRATION_NEED:
		return number && r->value;
	default:
		return r->kind == VDEV_MIGRATION_IGNORE && !r->value && !r->flags;
	}
}

/* LIVE is no consequence of a difference, and IGNORE has none. */
static bool verdict_ok(const struct vdev_migration_rule *r)
{
	if (r->kind == VDEV_MIGRATION_IGNORE)
		return !r->verdict;
	return r->verdict && r->verdict < VDEV_MIGRATION_VERDICTS;
}

bool vdev__migration_rule_ok(const struct vdev_migration_rule *r)
{
	return r->field < VDEV_MIGRATION_FIELDS && !(r->flags & ~VDEV_MIGRATION_MUST_KNOW) &&
	       !r->reserved && match_ok(r->class_code, r->class_mask, 0xffffff) &&
	       match_ok(r->vendor, r->vendor_mask, 0xffff) &&
	       match_ok(r->device, r->device_mask, 0xffff) && kind_ok(r) && verdict_ok(r) &&
	       note_ok(r->note);
}

int vdev__migration_rules_reserve(struct vdev_migration_rules *rules, uint32_t more)
{
	struct vdev_migration_rule *list;
	uint32_t size = rules->size ? rules->size : 128;

	if (more > VDEV_MIGRATION_MAX_RULES - rules->count)
		return -ENOSPC;
	while (size < rules->count + more)
		size *= 2;
	if (size == rules->size)
		return 0;
	list = vdev__grow(&rules->env, rules->list, rules->size, size, sizeof(*list));
	if (!list)
		return -ENOMEM;
	rules->list = list;
	rules->size = size;
	return 0;
}

void vdev__migration_rules_put(struct vdev_migration_rules *rules,
			       const struct vdev_migration_rule *rule)
{
	rules->list[rules->count++] = *rule;
	if (rule->kind != VDEV_MIGRATION_IGNORE)
		rules->looked |= UINT64_C(1) << rule->field;
}

static int add_builtin(struct vdev_migration_rules *rules)
{
	const char *text;
	size_t size;

	for (uint32_t i = 0; (text = vdev__migration_builtin(i, &size)); i++) {
		int count = vdev_migration_rules_parse(rules, text, size, NULL, 0);

		if (count < 0)
			return count;
	}
	rules->origins = 0;
	for (uint32_t i = 0; i < rules->count; i++) {
		rules->list[i].origin = 0;
		rules->list[i].line = i + 1;
	}
	return 0;
}

int vdev_migration_rules_new(struct vdev_migration_rules **ret_rules, const struct vdev_env *env,
			     uint32_t flags)
{
	struct vdev_migration_rules *rules;
	struct vdev_env e;
	int error;

	if (!ret_rules || flags & ~VDEV_MIGRATION_EMPTY)
		return -EINVAL;
	error = vdev__env_copy(&e, env);
	if (error)
		return error;
	rules = vdev__alloc(&e, 1, sizeof(*rules));
	if (!rules)
		return -ENOMEM;
	rules->env = e;
	if (!(flags & VDEV_MIGRATION_EMPTY))
		error = add_builtin(rules);
	if (error) {
		vdev_migration_rules_free(rules);
		return error;
	}
	*ret_rules = rules;
	return 0;
}

void vdev_migration_rules_free(struct vdev_migration_rules *rules)
{
	struct vdev_env env;

	if (!rules)
		return;
	env = rules->env;
	vdev__free(&env, rules->list, rules->size * sizeof(*rules->list));
	vdev__free(&env, rules, sizeof(*rules));
}

int vdev__migration_rules_use(const struct vdev_migration_rules **ret_rules,
			      const struct vdev_env *env, const struct vdev_migration_rules *rules)
{
	struct vdev_migration_rules *builtin;
	int error;

	*ret_rules = rules;
	if (rules)
		return 0;
	error = vdev_migration_rules_new(&builtin, env, 0);
	if (!error)
		*ret_rules = builtin;
	return error;
}

void vdev__migration_rules_end_use(const struct vdev_migration_rules *used,
				   const struct vdev_migration_rules *rules)
{
	if (!rules)
		vdev_migration_rules_free((struct vdev_migration_rules *)(uintptr_t)used);
}

int vdev__migration_rules_copy(struct vdev_migration_rules **ret_rules, const struct vdev_env *env,
			       const struct vdev_migration_rules *rules)
{
	struct vdev_migration_rules *copy;
	int error = vdev_migration_rules_new(&copy, env, rules ? VDEV_MIGRATION_EMPTY : 0);

	if (error)
		return error;
	if (rules)
		error = vdev__migration_rules_reserve(copy, rules->count);
	if (error) {
		vdev_migration_rules_free(copy);
		return error;
	}
	for (uint32_t i = 0; rules && i < rules->count; i++)
		vdev__migration_rules_put(copy, &rules->list[i]);
	*ret_rules = copy;
	return 0;
}

int vdev_migration_rules_add(struct vdev_migration_rules *rules,
			     const struct vdev_migration_rule *rule, size_t size)
{
	const uint8_t *bytes = (const uint8_t *)rule;
	struct vdev_migration_rule copy;
	int error;

	if (!rules || !rule || size < sizeof(copy))
		return -EINVAL;
	for (size_t i = sizeof(copy); i < size; i++)
		if (bytes[i])
			return -E2BIG;
	copy = *rule;
	if (!vdev__migration_rule_ok(&copy))
		return -EINVAL;
	error = vdev__migration_rules_reserve(rules, 1);
	if (error)
		return error;
	copy.origin = ++rules->origins;
	copy.line = 0;
	vdev__migration_rules_put(rules, &copy);
	return 0;
}

int vdev_migration_rules_count(const struct vdev_migration_rules *rules)
{
	return rules ? (int)rules->count : -EINVAL;
}

int vdev_migration_rules_get(const struct vdev_migration_rules *rules, uint32_t index,
			     struct vdev_migration_rule *ret_rule, size_t size)
{
	const struct vdev_migration_rules *used;
	int error;

	if (!ret_rule || !size)
		return -EINVAL;
	error = vdev__migration_rules_use(&used, NULL, rules);
	if (error)
		return error;
	if (index < used->count)
		vdev__copy_out(ret_rule, size, &used->list[index], sizeof(*ret_rule));
	else
		error = -ENOENT;
	vdev__migration_rules_end_use(used, rules);
	return error;
}

/* What is not known matches only a rule that asks for nothing. */
static bool matches(uint32_t value, bool known, uint32_t want, uint32_t mask)
{
	return !mask || (known && (value & mask) == want);
}

void vdev__migration_judges(const struct vdev_migration_rules *rules,
			    const struct vdev_migration_device *s, struct judges *ret_judges)
{
	bool class = vdev__migration_known(s, VDEV_MIGRATION_F_CLASS);
	bool vendor = vdev__migration_known(s, VDEV_MIGRATION_F_VENDOR);
	bool device = vdev__migration_known(s, VDEV_MIGRATION_F_DEVICE);

	memset(ret_judges, 0xff, sizeof(*ret_judges));
	for (uint32_t i = 0; i < rules->count; i++) {
		const struct vdev_migration_rule *r = &rules->list[i];

		if (!matches(s->class_code, class, r->class_code, r->class_mask) ||
		    !matches(s->vendor, vendor, r->vendor, r->vendor_mask) ||
		    !matches(s->device, device, r->device, r->device_mask))
			continue;
		ret_judges->rule[r->field] =
			r->kind == VDEV_MIGRATION_IGNORE ? NO_RULE : (uint16_t)i;
	}
}
