/* SPDX-License-Identifier: BSD-3-Clause */
/* The self-test: what it reports here, that it finds what is broken, and what is chosen then. */
#include "test_pages_rig.h"

static struct vdev_pages_report make(struct rig *r, uint32_t mechanism, int kvm_fd)
{
	struct vdev_pages_config config = {.struct_size = sizeof(config),
					   .mechanism = mechanism,
					   .max_regions = 1,
					   .kvm_fd = kvm_fd,
					   .ioctl = rig_ioctl,
					   .user = r};
	struct vdev_pages_report report;

	vdev_pages_free(r->p);
	r->p = NULL;
	assert_int_equal(vdev_pages_new(&r->p, &r->v.env, &config), 0);
	assert_int_equal(vdev_pages_report(r->p, &report, sizeof(report)), 0);
	print_message("%s, kvm %d, uffd %d, batch %d:", vdev_pages_mechanism_name(report.mechanism),
		      report.kvm, report.uffd, report.batch);
	for (uint32_t i = 0; i < VDEV_PAGES_PROPERTIES; i++)
		print_message(" %d", report.outcome[i]);
	print_message(", %llu replacements, %llu updates, %llu lost, %llu wrong\n",
		      (unsigned long long)report.replacements, (unsigned long long)report.updates,
		      (unsigned long long)report.lost_updates,
		      (unsigned long long)report.wrong_bytes);
	return report;
}

static void all_is_well(const struct vdev_pages_report *report)
{
	for (uint32_t i = VDEV_PAGES_ANON_RESET; i <= VDEV_PAGES_MEMFD_PRESERVE; i++)
		assert_int_equal(report->outcome[i], VDEV_PAGES_YES);
	assert_int_not_equal(report->outcome[VDEV_PAGES_HUGETLB_RESET], VDEV_PAGES_NO);
	assert_true(report->replacements >= 64);
	assert_true(report->updates > 0);
	assert_int_equal(report->lost_updates, 0);
	assert_int_equal(report->wrong_bytes, 0);
}

static int have_kvm(void)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return 0;
	close(fd);
	return 1;
}

static void chosen_through_kvm(void **state)
{
	struct vdev_pages_report report, again;
	struct rig *r = *state;

	if (!have_kvm()) {
		vt_skip("/dev/kvm cannot be used");
	}
	report = make(r, VDEV_PAGES_AUTO, -1);
	assert_int_equal(report.mechanism, VDEV_PAGES_UFFD);
	assert_int_equal(report.kvm, 0);
	assert_int_equal(report.uffd, 0);
	all_is_well(&report);
	assert_int_equal(vdev_pages_self_test(r->p, &again, sizeof(again)), 0);
	assert_int_equal(again.mechanism, VDEV_PAGES_UFFD);
	all_is_well(&again);
	vt_env_fail_next(&r->v, 1);
	assert_int_equal(vdev_pages_self_test(r->p, &again, sizeof(again)), -ENOMEM);
	report = make(r, VDEV_PAGES_REMAP, -1);
	assert_int_equal(report.mechanism, VDEV_PAGES_REMAP);
	all_is_well(&report);
}

/* It says so, and a thread stands in. */
static void without_kvm(void **state)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct vdev_pages_report report;
	struct rig *r = *state;

	report = make(r, VDEV_PAGES_AUTO, fd);
	close(fd);
	assert_int_equal(report.mechanism, VDEV_PAGES_UFFD);
	assert_int_equal(report.kvm, -ENODEV);
	all_is_well(&report);
}

/* Write-protection that does nothing, on an otherwise good kernel: it must not be trusted. */
static void broken_protection_is_found(void **state)
{
	struct vdev_pages_config config = {.struct_size = sizeof(config),
					   .mechanism = VDEV_PAGES_UFFD,
					   .max_regions = 1,
					   .kvm_fd = -1,
					   .ioctl = rig_ioctl};
	struct vdev_pages_report report;
	struct rig *r = *state;

	r->ignore_request = UFFDIO_WRITEPROTECT;
	r->slow_copy_us = 300;
	config.user = r;
	assert_int_equal(vdev_pages_new(&r->p, &r->v.env, &config), -EOPNOTSUPP);
	assert_non_null(strstr(r->v.log, "the self-test of userfaultfd failed"));
	/* AUTO takes the other one. */
	report = make(r, VDEV_PAGES_AUTO, -1);
	assert_int_equal(report.mechanism, VDEV_PAGES_REMAP);
	assert_int_equal(report.uffd, -EOPNOTSUPP);
	rig_reason(r, "mremap was chosen");
}

/* Chosen as well when there is no userfaultfd at all. */
static void no_userfaultfd(void **state)
{
	struct vdev_pages_report report;
	struct rig *r = *state;

	r->fail_request = UFFDIO_API;
	r->fail_with = -EINVAL;
	r->fail_times = INT32_MAX;
	report = make(r, VDEV_PAGES_AUTO, -1);
	assert_int_equal(report.mechanism, VDEV_PAGES_REMAP);
	assert_int_equal(report.uffd, -EINVAL);
	all_is_well(&report);
}

static void untested(void **state)
{
	struct vdev_pages_report report;
	struct rig *r = *state;

	rig_open(r, VDEV_PAGES_AUTO);
	assert_int_equal(vdev_pages_report(r->p, &report, sizeof(report)), 0);
	assert_int_equal(report.mechanism, 0);
	assert_int_equal(report.replacements, 0);
	assert_string_equal(vdev_pages_mechanism_name(VDEV_PAGES_UFFD), "userfaultfd");
	assert_string_equal(vdev_pages_mechanism_name(VDEV_PAGES_REMAP), "mremap");
	assert_string_equal(vdev_pages_mechanism_name(VDEV_PAGES_AUTO), "?");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
		T(chosen_through_kvm), T(without_kvm), T(broken_protection_is_found),
		T(no_userfaultfd),     T(untested),
	};

	if (rig_uffd_missing())
		return 77;
	return cmocka_run_group_tests_name("pages_selftest", tests, NULL, NULL);
}
