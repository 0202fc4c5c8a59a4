/* SPDX-License-Identifier: BSD-3-Clause */
/* The mock backend and provider: what its files share. */
#ifndef VDEV__MOCK_INTERNAL_H
#define VDEV__MOCK_INTERNAL_H

#include <stdbool.h>

#include <vdev/mock.h>

#include "deadline.h"
#include "env.h"

#define VDEV__MOCK_MAX_RECORDS (1u << 20)
#define VDEV__MOCK_MAX_RULES 65536u
#define VDEV__MOCK_MAX_PENDING 65536u
#define VDEV__MOCK_MAX_ERRNO 4095

struct rule {
	struct vdev_mock_rule script;
	uint64_t skipped;
	uint32_t used;
};

/* An action that ends later. Its index is also the item of its deadline. */
struct pending {
	struct vdev_action action; /* id 0: free */
	uint64_t record; /* number of its record, which may be overwritten by now */
	int32_t status;
	uint32_t next; /* in its bucket or in the free list: index + 1, 0: end */
};

struct place {
	uint32_t cpu;
	uint32_t state;
};

#define LIES 1

struct vcpu {
	struct place truth;
	struct place lie;
	int32_t status; /* of a look: 0: the truth; LIES; a negative errno */
};

struct vdev_mock {
	struct vdev_env env;
	struct vdev_mock_config config;
	uint64_t now_ns;
	struct vdev_mock_record *records;
	uint64_t count; /* records ever written */
	struct rule *rules;
	uint32_t rule_count;
	uint32_t free; /* first free pending: index + 1 */
	struct pending *pending; /* max_pending */
	uint32_t *buckets; /* max_pending heads of lists by action id: index + 1 */
	struct vdev__deadlines deadlines;
	struct vcpu *vcpus; /* max_vcpus */
	uint32_t looks; /* after which a refresh hangs; UINT32_MAX: it does not */
};

static inline int vdev__mock_valid_status(int64_t status)
{
	return status <= 0 && status >= -VDEV__MOCK_MAX_ERRNO;
}

/* NULL: not written yet, or overwritten. */
static inline struct vdev_mock_record *vdev__mock_record(const struct vdev_mock *m, uint64_t index)
{
	if (index >= m->count || m->count - index > m->config.max_records)
		return NULL;
	return &m->records[index % m->config.max_records];
}

void vdev__mock_trace(const struct vdev_mock *m, uint32_t what, const struct vdev_action *a,
		      uint64_t arg);

/* pending.c */
int vdev__mock_pending_init(struct vdev_mock *m);
void vdev__mock_pending_fini(struct vdev_mock *m);
/* Call it before the action is recorded. -ENOSPC. */
int vdev__mock_pending_add(struct vdev_mock *m, const struct vdev_action *a, uint64_t delay_ns,
			   int32_t status);
/* A pending action is to end differently; nothing happens when it is not pending. */
void vdev__mock_pending_change(struct vdev_mock *m, uint64_t id, uint64_t delay_ns, int32_t status);

/* places.c */
int vdev__mock_places_init(struct vdev_mock *m);
void vdev__mock_places_fini(struct vdev_mock *m);

#endif
