/* SPDX-License-Identifier: BSD-3-Clause */
/* CPU-map providers (H9): which kind is chosen, and what is told of the others. */
#include "test_cpusource_rig.h"

#include <fcntl.h>

#include "linux/cpusource/internal.h"

#define REASON 256

static struct vdev_cpusource_report report_of(struct vdev_cpusource *s)
{
	struct vdev_cpusource_report r;

	assert_int_equal(vdev_cpusource_report(s, &r, sizeof(r)), 0);
	return r;
}

static void expect_reason(struct rig *r, const char *part)
{
	char text[REASON];

	assert_true(vdev_cpusource_reason(r->source, text, sizeof(text)) > 0);
	if (!strstr(text, part))
		fail_msg("'%s' is not in '%s'", part, text);
}

/* Nothing proves what rseq does inside KVM_RUN where KVM does not answer: the next kind is taken, aloud. */
static void rseq_needs_its_proof(void **state)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct vdev_cpusource_config c;
	struct vdev_cpusource_report report;
	uint32_t cpus[2];
	struct rig r;

	(void)state;
	rig_open(&r, VDEV_CPUSOURCE_RSEQ); /* or skips */
	two_cpus(cpus);
	vdev_cpusource_free(r.source);
	c = rig_config(&r, 0, 0);
	c.kvm_fd = null;
	assert_int_equal(vdev_cpusource_new(&r.source, &r.v.env, &c), 0);
	report = report_of(r.source);
	assert_int_equal(report.kind, VDEV_CPUSOURCE_PROCFS);
	assert_int_equal(report.facts, VDEV_CPUSOURCE_KNOWS_RUNNING);
	assert_true(report.trials[VDEV_CPUSOURCE_RSEQ].kvm < 0);
	assert_int_equal(report.trials[VDEV_CPUSOURCE_RSEQ].outcome,
			 report.trials[VDEV_CPUSOURCE_RSEQ].kvm);
	assert_int_equal(report.trials[VDEV_CPUSOURCE_PROCFS].outcome, VDEV_CPUSOURCE_TRUSTED);
	assert_int_equal(report.trials[VDEV_CPUSOURCE_AFFINITY].outcome, VDEV_CPUSOURCE_UNTRIED);
	expect_reason(&r, "rseq is not used: nothing proves that it follows a vCPU");
	assert_non_null(strstr(r.v.log, "rseq is not used"));
	vdev_cpusource_free(r.source);
	c.kinds = VDEV_CPUSOURCE_WANT(VDEV_CPUSOURCE_RSEQ);
	r.source = NULL;
	assert_int_equal(vdev_cpusource_new(&r.source, &r.v.env, &c),
			 report.trials[VDEV_CPUSOURCE_RSEQ].kvm);
	assert_null(r.source);
	close(null);
	rig_end(&r);
}

/* Each kind sees all moves of a thread outside KVM. */
static void each_kind_measures(void **state)
{
	static const uint32_t facts[] = {VDEV_CPUSOURCE_ONE_PROCESS | VDEV_CPUSOURCE_HERE_ONLY,
					 VDEV_CPUSOURCE_KNOWS_RUNNING, 0};
	uint32_t cpus[2];

	(void)state;
	two_cpus(cpus);
	for (uint32_t kind = VDEV_CPUSOURCE_AFFINITY + 1; kind-- > 0;) {
		struct vdev_cpusource_report report;
		struct rig r;

		rig_open(&r, kind);
		report = report_of(r.source);
		assert_int_equal(report.kind, kind);
		assert_int_equal(report.facts, facts[kind]);
		assert_int_equal(report.trials[kind].outcome, VDEV_CPUSOURCE_TRUSTED);
		assert_int_equal(report.trials[kind].kvm, -ECANCELED);
		assert_int_equal(report.trials[kind].moves, 8);
		assert_int_equal(report.trials[kind].seen, 8);
		assert_true(report.trials[kind].lag_ns > 0);
		print_message("%s: lag at most %llu ns\n", vdev_cpusource_kind_name(kind),
			      (unsigned long long)report.trials[kind].lag_ns);
		rig_end(&r);
	}
}

static void one_cpu_proves_nothing(void **state)
{
	struct vdev_cpusource_config c;
	struct vdev_cpusource_report report;
	uint32_t cpus[2];
	cpu_set_t old;
	struct rig r;

	(void)state;
	two_cpus(cpus);
	rig_open(&r, VDEV_CPUSOURCE_RSEQ);
	vdev_cpusource_free(r.source);
	assert_int_equal(sched_getaffinity(0, sizeof(old), &old), 0);
	pin(0, cpus[0]);
	c = rig_config(&r, 0, VDEV_CPUSOURCE_NO_KVM);
	assert_int_equal(vdev_cpusource_new(&r.source, &r.v.env, &c), 0);
	assert_int_equal(sched_setaffinity(0, sizeof(old), &old), 0);
	report = report_of(r.source);
	assert_int_equal(report.kind, VDEV_CPUSOURCE_PROCFS);
	assert_int_equal(report.trials[VDEV_CPUSOURCE_RSEQ].outcome, -ENXIO);
	assert_int_equal(report.trials[VDEV_CPUSOURCE_PROCFS].moves, 0);
	expect_reason(&r, "one CPU only");
	rig_end(&r);
}

/* Without a self-test the first one that opens. */
static void untested(void **state)
{
	struct vdev_cpusource_config c;
	struct vdev_cpusource_report report;
	struct rig r;

	(void)state;
	rig_begin(&r);
	c = rig_config(&r, VDEV_CPUSOURCE_WANT(VDEV_CPUSOURCE_PROCFS), VDEV_CPUSOURCE_UNTESTED);
	c.pid = getpid(); /* the same as 0 */
	assert_int_equal(vdev_cpusource_new(&r.source, &r.v.env, &c), 0);
	report = report_of(r.source);
	assert_int_equal(report.kind, VDEV_CPUSOURCE_PROCFS);
	assert_int_equal(report.trials[VDEV_CPUSOURCE_PROCFS].moves, 0);
	assert_int_equal(vdev_cpusource_here(r.source, 0), 0);
	assert_int_equal(vdev_cpusource_reason(r.source, (char[1]){0}, 1), 0);
	rig_end(&r);
}

static void without_procfs(void **state)
{
	struct vdev_cpusource_config c;
	struct rig r;

	(void)state;
	rig_begin(&r);
	c = rig_config(&r, VDEV_CPUSOURCE_WANT(VDEV_CPUSOURCE_PROCFS), VDEV_CPUSOURCE_NO_KVM);
	c.proc_path = "/nonexistent";
	assert_int_equal(vdev_cpusource_new(&r.source, &r.v.env, &c), -ENOENT);
	assert_null(r.source);
	c.proc_path = NULL;
	c.pid = INT32_MAX;
	assert_int_equal(vdev_cpusource_new(&r.source, &r.v.env, &c), -ESRCH);
	c.kinds = VDEV_CPUSOURCE_WANT(VDEV_CPUSOURCE_AFFINITY);
	assert_int_equal(vdev_cpusource_new(&r.source, &r.v.env, &c), -ESRCH);
	c.kinds = VDEV_CPUSOURCE_WANT(VDEV_CPUSOURCE_RSEQ);
	assert_int_equal(vdev_cpusource_new(&r.source, &r.v.env, &c), -EXDEV);
	c.pid = 0;
	c.kinds = VDEV_CPUSOURCE_WANT(VDEV_CPUSOURCE_PROCFS) |
		  VDEV_CPUSOURCE_WANT(VDEV_CPUSOURCE_AFFINITY);
	c.proc_path = "/nonexistent";
	assert_int_equal(vdev_cpusource_new(&r.source, &r.v.env, &c), 0);
	assert_int_equal(report_of(r.source).kind, VDEV_CPUSOURCE_AFFINITY);
	expect_reason(&r, "procfs is not used: No such file");
	rig_end(&r);
}

/* A kind of one's own. */
struct fake {
	int open, attach, look; /* what they return */
	uint32_t opened, closed, attached, detached, here;
	int32_t pid, tid;
	struct vdev_cpusource_look place;
};

static int fake_open(void *context, int32_t pid, uint32_t vcpus)
{
	struct fake *f = context;

	f->opened++;
	f->pid = pid;
	assert_int_equal(vcpus, VCPUS);
	return f->open;
}

static int fake_attach(void *context, uint32_t vcpu, int32_t tid, uint32_t here)
{
	struct fake *f = context;

	assert_true(vcpu < VCPUS);
	f->tid = tid;
	f->here = here;
	f->attached += !f->attach;
	return f->attach;
}

static void fake_detach(void *context, uint32_t vcpu)
{
	struct fake *f = context;

	(void)vcpu;
	f->detached++;
}

static int fake_look(void *context, uint32_t vcpu, struct vdev_cpusource_look *ret_look)
{
	struct fake *f = context;

	(void)vcpu;
	*ret_look = f->place;
	return f->look;
}

static void fake_close(void *context)
{
	struct fake *f = context;

	f->closed++;
}

static const struct vdev_cpusource_ops fake_ops = {
	.struct_size = sizeof(fake_ops),
	.facts = VDEV_CPUSOURCE_KNOWS_RUNNING,
	.name = "fake",
	.open = fake_open,
	.attach = fake_attach,
	.detach = fake_detach,
	.look = fake_look,
	.close = fake_close,
};

static void own_ops(void **state)
{
	struct fake f = {.place = {4, VDEV_CPUMAP_RUNNING}};
	struct vdev_cpusource_config c;
	struct rig r;

	(void)state;
	rig_begin(&r);
	c = rig_config(&r, 0, 0);
	c.ops = &fake_ops;
	c.ops_context = &f;
	f.open = -EPERM;
	assert_int_equal(vdev_cpusource_new(&r.source, &r.v.env, &c), -EPERM);
	assert_int_equal(f.closed, 0);
	f.open = 0;
	assert_int_equal(vdev_cpusource_new(&r.source, &r.v.env, &c), 0);
	assert_int_equal(f.pid, getpid());
	assert_int_equal(report_of(r.source).kind, VDEV_CPUSOURCE_OPS);
	assert_int_equal(report_of(r.source).facts, VDEV_CPUSOURCE_KNOWS_RUNNING);
	assert_int_equal(report_of(r.source).trials[VDEV_CPUSOURCE_OPS].outcome,
			 VDEV_CPUSOURCE_TRUSTED);
	f.attach = -ENOSPC;
	assert_int_equal(vdev_cpusource_add(r.source, 1, 77), -ENOSPC);
	expect_reason(&r, "vCPU 1: fake cannot look at thread 77");
	f.attach = 0;
	assert_int_equal(vdev_cpusource_add(r.source, 1, 77), 0);
	assert_int_equal(f.tid, 77);
	assert_int_equal(f.here, 0);
	assert_int_equal(vdev_cpusource_here(r.source, 2), 0);
	assert_int_equal(f.here, 1);
	assert_int_equal(rig_refresh(&r), 2);
	assert_int_equal(rig_place(&r, 1).cpu, 4);
	assert_int_equal(rig_place(&r, 1).state, VDEV_CPUMAP_RUNNING);
	vdev_cpusource_free(r.source);
	r.source = NULL;
	assert_int_equal(f.detached, 2);
	assert_int_equal(f.closed, 1);
	assert_int_equal(rig_place(&r, 1).cpu, VDEV_CPUMAP_NOWHERE);
	rig_end(&r);
}

/* Whatever it says, the map gets no CPU that it does not have. */
static void ops_that_talk_nonsense(void **state)
{
	static const struct vdev_cpusource_look nonsense[] = {
		{VDEV_CPUMAP_MAX_CPUS, VDEV_CPUMAP_RUNNING},
		{VDEV_CPUMAP_NOWHERE, VDEV_CPUMAP_UNKNOWN},
		{0, VDEV_CPUMAP_SLEEPING + 1},
	};
	struct fake f = {.place = {1, VDEV_CPUMAP_RUNNING}};
	struct vdev_cpusource_config c;
	struct rig r;

	(void)state;
	rig_begin(&r);
	c = rig_config(&r, 0, 0);
	c.ops = &fake_ops;
	c.ops_context = &f;
	assert_int_equal(vdev_cpusource_new(&r.source, &r.v.env, &c), 0);
	assert_int_equal(vdev_cpusource_add(r.source, 0, 1), 0);
	for (uint32_t i = 0; i < VT_COUNT(nonsense); i++) {
		f.place = (struct vdev_cpusource_look){1, VDEV_CPUMAP_RUNNING};
		assert_int_equal(rig_refresh(&r), 1);
		f.place = nonsense[i];
		assert_int_equal(rig_refresh(&r), 0);
		assert_int_equal(rig_place(&r, 0).cpu, VDEV_CPUMAP_NOWHERE);
		assert_int_equal(rig_stats(&r).failed, i + 1);
	}
	f.look = -ENOENT; /* is no failure */
	assert_int_equal(rig_refresh(&r), 0);
	f.look = -EIO;
	assert_int_equal(rig_refresh(&r), 0);
	assert_int_equal(rig_stats(&r).failed, VT_COUNT(nonsense) + 1);
	assert_int_equal(rig_stats(&r).nowhere, VT_COUNT(nonsense) + 2);
	assert_int_equal(rig_stats(&r).attached, 1);
	f.look = -ESRCH;
	assert_int_equal(rig_refresh(&r), 0);
	assert_int_equal(f.detached, 1);
	assert_int_equal(rig_stats(&r).attached, 0);
	rig_end(&r);
}

/* In the thread itself, where nothing may be asserted. */
static int stuck_attach(void *context, uint32_t vcpu, int32_t tid, uint32_t here)
{
	(void)context;
	return vcpu == 0 && tid == gettid() && here == 1 ? 0 : -EINVAL;
}

static void stuck_detach(void *context, uint32_t vcpu)
{
	(void)context;
	(void)vcpu;
}

/* As rseq is inside KVM_RUN on kernels that update it on the way to user space only. */
static int stuck_look(void *context, uint32_t vcpu, struct vdev_cpusource_look *ret_look)
{
	uint32_t cpus[2];

	(void)context;
	(void)vcpu;
	two_cpus(cpus);
	*ret_look = (struct vdev_cpusource_look){cpus[0], VDEV_CPUMAP_UNKNOWN};
	return 0;
}

/* The self-test by itself: who misses a move is not trusted. */
static void a_missed_move_is_seen(void **state)
{
	static const struct vdev_cpusource_ops stuck = {.struct_size = sizeof(stuck),
							.name = "stuck",
							.open = fake_open,
							.attach = stuck_attach,
							.detach = stuck_detach,
							.look = stuck_look};
	struct vdev_cpusource s = {.config = {.flags = VDEV_CPUSOURCE_NO_KVM, .kvm_fd = -1},
				   .proc = "/proc"};
	struct vdev_cpusource_trial t;
	uint32_t cpus[2];

	(void)state;
	two_cpus(cpus);
	assert_int_equal(vdev__cpusource_try(&s, &stuck, &t), 0);
	assert_int_equal(t.outcome, -EOPNOTSUPP);
	assert_int_equal(t.moves, 2);
	assert_int_equal(t.seen, 1); /* the move to where it always is */
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(rseq_needs_its_proof),   cmocka_unit_test(each_kind_measures),
		cmocka_unit_test(one_cpu_proves_nothing), cmocka_unit_test(untested),
		cmocka_unit_test(without_procfs),         cmocka_unit_test(own_ops),
		cmocka_unit_test(ops_that_talk_nonsense), cmocka_unit_test(a_missed_move_is_seen),
	};

	return cmocka_run_group_tests_name("cpusource_choice", tests, NULL, NULL);
}
