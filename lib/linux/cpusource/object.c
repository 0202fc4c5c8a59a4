/* SPDX-License-Identifier: BSD-3-Clause */
/* CPU-map providers: the object's life, how its kind is chosen, and what it tells. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

#define OWN VDEV_CPUSOURCE_OPS /* kinds of the library are below */
#define OWN_KINDS (VDEV_CPUSOURCE_WANT(OWN) - 1)
#define FLAGS (VDEV_CPUSOURCE_UNTESTED | VDEV_CPUSOURCE_NO_KVM)
#define FACTS (VDEV_CPUSOURCE_KNOWS_RUNNING | VDEV_CPUSOURCE_ONE_PROCESS | VDEV_CPUSOURCE_HERE_ONLY)

static const struct vdev_cpusource_ops *const own[OWN] = {
	[VDEV_CPUSOURCE_RSEQ] = &vdev__cpusource_rseq,
	[VDEV_CPUSOURCE_PROCFS] = &vdev__cpusource_procfs,
	[VDEV_CPUSOURCE_AFFINITY] = &vdev__cpusource_affinity,
};

int vdev__cpusource_because(struct vdev_cpusource *s, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(s->reason, sizeof(s->reason), fmt, args);
	va_end(args);
	vdev__log(&s->env, VDEV_LOG_WARNING, "cpusource: %s", s->reason);
	return err;
}

static int bad_config(const struct vdev_cpusource_config *c)
{
	if (c->flags & ~FLAGS || c->kinds & ~OWN_KINDS || c->pid < 0 || c->kvm_fd < -1 ||
	    c->reserved)
		return 1;
	return c->ops ? c->kinds != 0 : c->ops_context != NULL;
}

static int bad_ops(const struct vdev_cpusource_ops *o)
{
	return o->facts & ~FACTS || !o->name || !o->open || !o->attach || !o->detach || !o->look;
}

/* A live map hides how old it is, which nobody could tell then (H7). */
static int bad_map(const struct vdev_cpumap *map)
{
	uint64_t age;

	return vdev_cpumap_age(map, UINT64_MAX - 1, &age) || !age;
}

static void why_not(struct vdev_cpusource *s, const struct vdev_cpusource_ops *ops, int err,
		    const struct vdev_cpusource_trial *t)
{
	char first[VDEV__CPUSOURCE_REASON_SIZE];
	const char *text = err == -ENXIO ? "one CPU only, so nothing proves it" : strerror(-err);

	memcpy(first, s->reason, sizeof(first));
	if (err == -EXDEV)
		vdev__cpusource_because(s, err, "%s is not used: it is for this process only",
					ops->name);
	else if (t->moves && t->moves == t->seen && t->kvm)
		vdev__cpusource_because(s, err,
					"%s is not used: nothing proves that it follows a vCPU "
					"inside KVM_RUN, as KVM cannot be used: %s",
					ops->name, text);
	else if (t->moves)
		vdev__cpusource_because(s, err,
					"%s is not used: it saw %u of %u moves of a thread%s",
					ops->name, (unsigned int)t->seen, (unsigned int)t->moves,
					t->kvm ? "" : " inside KVM_RUN");
	else
		vdev__cpusource_because(s, err, "%s is not used: %s", ops->name, text);
	/* For vdev_cpusource_reason(): the one that would have been best. */
	if (first[0])
		memcpy(s->reason, first, sizeof(first));
}

/* -ECANCELED: another kind is no way out; the outcome says why. */
static int take(struct vdev_cpusource *s, uint32_t kind, const struct vdev_cpusource_ops *ops)
{
	struct vdev_cpusource_trial *t = &s->report.trials[kind];
	int tested = kind != VDEV_CPUSOURCE_OPS && !(s->config.flags & VDEV_CPUSOURCE_UNTESTED);
	int err = ops->open(s->context, s->pid, s->vcpus), fatal = 0;

	t->outcome = err ? err : VDEV_CPUSOURCE_TRUSTED;
	if (!err && tested)
		fatal = vdev__cpusource_try(s, ops, t);
	if (t->outcome == VDEV_CPUSOURCE_TRUSTED) {
		s->ops = ops;
		s->report.kind = kind;
		s->report.facts = ops->facts;
		return 0;
	}
	why_not(s, ops, t->outcome, t);
	return fatal ? -ECANCELED : t->outcome;
}

static int choose(struct vdev_cpusource *s)
{
	uint32_t kind, wanted = s->config.kinds ? s->config.kinds : OWN_KINDS;
	int err = -ENOSYS;

	for (kind = 0; err && kind < OWN; kind++) {
		if (!(wanted & VDEV_CPUSOURCE_WANT(kind)))
			continue;
		err = take(s, kind, own[kind]);
		if (err == -ECANCELED)
			return s->report.trials[kind].outcome;
	}
	return err;
}

static int set_up(struct vdev_cpusource *s)
{
	const char *proc = s->config.proc_path ? s->config.proc_path : "/proc";
	uint32_t kind;
	int err = vdev_cpumap_size(s->config.map, &s->vcpus, &s->cpus);

	if (err || bad_map(s->config.map) || strnlen(proc, sizeof(s->proc)) == sizeof(s->proc))
		return -EINVAL;
	memcpy(s->proc, proc, strlen(proc) + 1);
	for (kind = 0; kind < VDEV_CPUSOURCE_KINDS; kind++)
		s->report.trials[kind].kvm = -ECANCELED;
	s->pid = s->config.pid ? s->config.pid : getpid();
	s->own = s->pid == getpid();
	s->slots = vdev__alloc(&s->env, s->vcpus, sizeof(*s->slots));
	s->order = vdev__alloc(&s->env, s->vcpus, sizeof(*s->order));
	if (!s->slots || !s->order)
		return -ENOMEM;
	s->context = s->config.ops ? s->config.ops_context : s;
	return s->config.ops ? take(s, VDEV_CPUSOURCE_OPS, &s->brought) : choose(s);
}

static void drop(struct vdev_cpusource *s)
{
	const struct vdev_env env = s->env;

	if (s->ops && s->ops->close)
		s->ops->close(s->context);
	vdev__free(&env, s->order, s->vcpus * sizeof(*s->order));
	vdev__free(&env, s->slots, s->vcpus * sizeof(*s->slots));
	pthread_mutex_destroy(&s->lock);
	vdev__free(&env, s, sizeof(*s));
}

static int check(struct vdev_cpusource_config *c, struct vdev_cpusource_ops *ops,
		 const struct vdev_cpusource_config *config)
{
	int err = vdev__copy_in(c, sizeof(*c), sizeof(*c), config);

	if (!err && bad_config(c))
		err = -EINVAL;
	if (err || !c->ops)
		return err;
	err = vdev__copy_in(ops, sizeof(*ops), sizeof(*ops), c->ops);
	return !err && bad_ops(ops) ? -EINVAL : err;
}

int vdev_cpusource_new(struct vdev_cpusource **ret_source, const struct vdev_env *env,
		       const struct vdev_cpusource_config *config)
{
	struct vdev_cpusource_ops ops = {0};
	struct vdev_cpusource_config c;
	struct vdev_cpusource *s;
	struct vdev_env e;
	int err = vdev__env_copy(&e, env);

	if (!err)
		err = check(&c, &ops, config);
	if (!err && !ret_source)
		err = -EINVAL;
	if (err)
		return err;
	s = vdev__alloc(&e, 1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->env = e;
	s->config = c;
	s->brought = ops;
	pthread_mutex_init(&s->lock, NULL); /* a default one needs no resources */
	err = set_up(s);
	if (!err)
		err = vdev__cpusource_enlist(s);
	if (err) {
		drop(s);
		return err;
	}
	*ret_source = s;
	return 0;
}

void vdev_cpusource_free(struct vdev_cpusource *source)
{
	struct vdev_cpusource *s = source;

	if (!s)
		return;
	vdev__cpusource_delist(s);
	pthread_mutex_lock(&s->lock);
	while (s->count)
		vdev__cpusource_detach(s, s->order[s->count - 1]);
	pthread_mutex_unlock(&s->lock);
	drop(s);
}

int vdev_cpusource_report(struct vdev_cpusource *source, struct vdev_cpusource_report *ret_report,
			  size_t size)
{
	if (!source)
		return -EINVAL;
	return vdev__copy_out(ret_report, size, &source->report, sizeof(source->report));
}

int vdev_cpusource_reason(struct vdev_cpusource *source, char *buf, size_t size)
{
	size_t length, copied;

	if (!source || !buf || !size)
		return -EINVAL;
	pthread_mutex_lock(&source->lock);
	length = strlen(source->reason);
	copied = length < size ? length : size - 1;
	memcpy(buf, source->reason, copied);
	pthread_mutex_unlock(&source->lock);
	buf[copied] = '\0';
	return (int)length;
}

int vdev_cpusource_stats(struct vdev_cpusource *source, struct vdev_cpusource_stats *ret_stats,
			 size_t size)
{
	struct vdev_cpusource_stats s;

	if (!source)
		return -EINVAL;
	pthread_mutex_lock(&source->lock);
	s = source->stats;
	s.attached = source->count;
	pthread_mutex_unlock(&source->lock);
	return vdev__copy_out(ret_stats, size, &s, sizeof(s));
}

const char *vdev_cpusource_kind_name(uint32_t kind)
{
	if (kind == VDEV_CPUSOURCE_OPS)
		return "ops";
	return kind < OWN ? own[kind]->name : "?";
}
