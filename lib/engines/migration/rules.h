/* SPDX-License-Identifier: BSD-3-Clause */
/* Migration planner: a set of rules as its files see it. */
#ifndef VDEV__MIGRATION_RULES_H
#define VDEV__MIGRATION_RULES_H

#include "internal.h"

struct vdev_migration_rules {
	struct vdev_env env;
	struct vdev_migration_rule *list;
	uint32_t count, size;
	uint32_t origins; /* that were given out */
	uint64_t looked; /* bit n: a rule looks at field n */
};

/* builtin.c; NULL: there is no such part. */
const char *vdev__migration_builtin(uint32_t part, size_t *ret_size);

/* rule.c */
bool vdev__migration_rule_ok(const struct vdev_migration_rule *rule);
/* Room for `more` rules. -ENOSPC, -ENOMEM. */
int vdev__migration_rules_reserve(struct vdev_migration_rules *rules, uint32_t more);
/* There is room; the rule is in order. */
void vdev__migration_rules_put(struct vdev_migration_rules *rules,
			       const struct vdev_migration_rule *rule);
/* Those of the caller, or for NULL the built-in ones, which end_use() frees. -ENOMEM. */
int vdev__migration_rules_use(const struct vdev_migration_rules **ret_rules,
			      const struct vdev_env *env, const struct vdev_migration_rules *rules);
void vdev__migration_rules_end_use(const struct vdev_migration_rules *used,
				   const struct vdev_migration_rules *rules);
/* A copy with all its origins, or the built-in rules for NULL. */
int vdev__migration_rules_copy(struct vdev_migration_rules **ret_rules, const struct vdev_env *env,
			       const struct vdev_migration_rules *rules);

/* The rules that judge a device, by field; NO_RULE: none, or it ignores. */
#define NO_RULE UINT16_MAX
struct judges {
	uint16_t rule[VDEV_MIGRATION_FIELDS];
};
void vdev__migration_judges(const struct vdev_migration_rules *rules,
			    const struct vdev_migration_device *source, struct judges *ret_judges);

/* compare.c: 1 and the flags of the difference, or 0. */
int vdev__migration_differs(const struct vdev_migration_rule *rule,
			    const struct vdev_migration_device *source,
			    const struct vdev_migration_device *destination, uint32_t *ret_flags);
/* The whole comparison; ret_list holds VDEV_MIGRATION_FIELDS, or is NULL. Returns the number of differences. */
uint32_t vdev__migration_list(const struct vdev_migration_rules *rules, const struct judges *judges,
			      const struct vdev_migration_device *source,
			      const struct vdev_migration_device *destination,
			      struct vdev_migration_difference *ret_list, uint32_t *ret_verdict);
/* Which verdict the facts about a device leave. */
uint32_t vdev__migration_allowed(uint32_t hardware, uint32_t flags);
/* <0, 0, >0 */
int vdev__migration_version_order(const char *a, const char *b);

#endif
