/* SPDX-License-Identifier: BSD-3-Clause */
/* The mock's actions that end later: found by id, ended by time or by hand. */
#include <errno.h>

#include "internal.h"
#include "sat.h"

int vdev__mock_pending_init(struct vdev_mock *m)
{
	uint32_t n = m->config.max_pending;
	uint32_t i;

	vdev__deadlines_init(&m->deadlines, &m->env);
	if (!n)
		return 0;
	m->pending = vdev__alloc(&m->env, n, sizeof(*m->pending));
	m->buckets = vdev__alloc(&m->env, n, sizeof(*m->buckets));
	if (!m->pending || !m->buckets)
		return -ENOMEM;
	for (i = n; i-- > 0;) {
		m->pending[i].next = m->free;
		m->free = i + 1;
	}
	return vdev__deadlines_reserve(&m->deadlines, n);
}

void vdev__mock_pending_fini(struct vdev_mock *m)
{
	uint32_t n = m->config.max_pending;

	if (m->deadlines.env)
		vdev__deadlines_fini(&m->deadlines);
	vdev__free(&m->env, m->buckets, n * sizeof(*m->buckets));
	vdev__free(&m->env, m->pending, n * sizeof(*m->pending));
}

/* The link that points at the pending action, or the 0 at the end of its list. */
static uint32_t *link_of(const struct vdev_mock *m, uint64_t id)
{
	uint32_t *link = &m->buckets[id % m->config.max_pending];

	while (*link && m->pending[*link - 1].action.id != id)
		link = &m->pending[*link - 1].next;
	return link;
}

/* Index + 1 of the pending action, 0: it is not pending. */
static uint32_t find(const struct vdev_mock *m, uint64_t id)
{
	return m->config.max_pending && id ? *link_of(m, id) : 0;
}

/* Its record says so, if it is still there. */
static void end(struct vdev_mock *m, uint32_t index, uint64_t end_ns, int32_t status)
{
	struct pending *p = &m->pending[index];
	struct vdev_mock_record *r = vdev__mock_record(m, p->record);

	if (r) {
		r->status = status;
		r->end_ns = end_ns;
	}
	vdev__mock_trace(m, VDEV_TRACE_DONE, &p->action, (uint64_t)(int64_t)status);
	*link_of(m, p->action.id) = p->next;
	vdev__deadlines_cancel(&m->deadlines, index);
	p->action.id = 0;
	p->next = m->free;
	m->free = index + 1;
}

int vdev__mock_pending_add(struct vdev_mock *m, const struct vdev_action *a, uint64_t delay_ns,
			   int32_t status)
{
	uint32_t at = find(m, a->id);
	struct pending *p;
	uint32_t index;

	/* The same action again, after an image was loaded: it ends once. */
	if (at)
		end(m, at - 1, m->now_ns, -ECANCELED);
	if (!m->free)
		return -ENOSPC;
	index = m->free - 1;
	p = &m->pending[index];
	m->free = p->next;
	*p = (struct pending){.action = *a, .record = m->count, .status = status};
	*link_of(m, a->id) = index + 1;
	vdev__deadlines_arm(&m->deadlines, index, vdev__sat_add(m->now_ns, delay_ns));
	return 0;
}

void vdev__mock_pending_change(struct vdev_mock *m, uint64_t id, uint64_t delay_ns, int32_t status)
{
	uint32_t at = find(m, id);
	struct vdev_mock_record *r;
	struct pending *p;

	if (!at)
		return;
	p = &m->pending[at - 1];
	r = vdev__mock_record(m, p->record);
	if (r)
		r->status = status;
	p->status = status;
	vdev__deadlines_arm(&m->deadlines, at - 1, vdev__sat_add(m->now_ns, delay_ns));
}

int vdev_mock_step(struct vdev_mock *mock, uint64_t now_ns, uint64_t *ret_id, int32_t *ret_status)
{
	struct pending *p;
	uint32_t index;
	uint64_t ns;

	if (!mock || !ret_id || !ret_status)
		return -EINVAL;
	if (now_ns > mock->now_ns)
		mock->now_ns = now_ns;
	if (!vdev__deadlines_first(&mock->deadlines, &ns) ||
	    !vdev__deadlines_expire(&mock->deadlines, mock->now_ns, &index))
		return 0;
	p = &mock->pending[index];
	*ret_id = p->action.id;
	*ret_status = p->status;
	end(mock, index, ns, p->status);
	return 1;
}

int vdev_mock_deadline(struct vdev_mock *mock, uint64_t *ret_ns)
{
	if (!mock || !ret_ns)
		return -EINVAL;
	return vdev__deadlines_first(&mock->deadlines, ret_ns);
}

int vdev_mock_finish(struct vdev_mock *mock, uint64_t action_id, int32_t status)
{
	uint32_t at;

	if (!mock || !vdev__mock_valid_status(status))
		return -EINVAL;
	at = find(mock, action_id);
	if (!at)
		return -ENOENT;
	end(mock, at - 1, mock->now_ns, status);
	return 0;
}
