/* SPDX-License-Identifier: BSD-3-Clause */
/* CPU-map providers: the self-test inside KVM_RUN, and what it says of this kernel's rseq. */
#include "vt_test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <vdev/cpusource.h>

static int kvm = -1;

static void tell(const struct vdev_cpusource_report *r)
{
	for (uint32_t k = 0; k < VDEV_CPUSOURCE_KINDS; k++)
		print_message("%s: outcome %d, kvm %d, %u of %u moves, lag at most %llu ns\n",
			      vdev_cpusource_kind_name(k), r->trials[k].outcome, r->trials[k].kvm,
			      r->trials[k].seen, r->trials[k].moves,
			      (unsigned long long)r->trials[k].lag_ns);
}

static struct vdev_cpusource_report try(uint32_t kinds, int fd)
{
	const struct vdev_cpumap_config map_config = {
		.struct_size = sizeof(map_config), .vcpus = 1, .cpus = VDEV_CPUMAP_MAX_CPUS};
	struct vdev_cpusource_config c = {.struct_size = sizeof(c), .kinds = kinds, .kvm_fd = fd};
	struct vdev_cpusource_report report;
	struct vdev_cpusource *source;
	char reason[256];

	assert_int_equal(vdev_cpumap_new(&c.map, NULL, &map_config), 0);
	assert_int_equal(vdev_cpusource_new(&source, NULL, &c), 0);
	assert_int_equal(vdev_cpusource_report(source, &report, sizeof(report)), 0);
	assert_true(vdev_cpusource_reason(source, reason, sizeof(reason)) >= 0);
	print_message("chosen: %s. %s\n", vdev_cpusource_kind_name(report.kind), reason);
	tell(&report);
	assert_int_equal(vdev_cpusource_here(source, 0), 0);
	assert_int_equal(vdev_cpusource_refresh(source, 1) >= 0, 1);
	vdev_cpusource_free(source);
	vdev_cpumap_free(c.map);
	return report;
}

/* Whether rseq is right inside KVM_RUN depends on the kernel; that the choice follows from it does not. */
static void choice_follows_from_what_was_seen(void **state)
{
	struct vdev_cpusource_report r = try(0, -1);
	const struct vdev_cpusource_trial *t = &r.trials[VDEV_CPUSOURCE_RSEQ];

	(void)state;
	if (!t->moves)
		vt_skip("no rseq areas here, or one CPU only");
	assert_int_equal(t->kvm, 0);
	if (t->seen == t->moves) {
		assert_int_equal(t->outcome, VDEV_CPUSOURCE_TRUSTED);
		assert_int_equal(r.kind, VDEV_CPUSOURCE_RSEQ);
		assert_int_equal(t->moves, 8);
	} else {
		assert_int_equal(t->outcome, -EOPNOTSUPP);
		assert_int_equal(r.kind, VDEV_CPUSOURCE_PROCFS);
		assert_int_equal(r.trials[VDEV_CPUSOURCE_PROCFS].outcome, VDEV_CPUSOURCE_TRUSTED);
	}
}

static void others_follow_a_vcpu(void **state)
{
	(void)state;
	for (uint32_t k = VDEV_CPUSOURCE_PROCFS; k <= VDEV_CPUSOURCE_AFFINITY; k++) {
		struct vdev_cpusource_report r = try(VDEV_CPUSOURCE_WANT(k), kvm);

		assert_int_equal(r.kind, k);
		assert_int_equal(r.trials[k].kvm, r.trials[k].moves ? 0 : -ECANCELED);
		assert_int_equal(r.trials[k].seen, r.trials[k].moves);
		assert_int_equal(r.trials[VDEV_CPUSOURCE_RSEQ].kvm, -ECANCELED); /* untried */
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(choice_follows_from_what_was_seen),
		cmocka_unit_test(others_follow_a_vcpu),
	};

	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0) {
		fprintf(stderr, "skipped: /dev/kvm: %s\n", strerror(errno));
		return 77;
	}
	return cmocka_run_group_tests_name("cpusource_kvm", tests, NULL, NULL);
}
