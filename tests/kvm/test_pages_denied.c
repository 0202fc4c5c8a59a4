/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The steps of a replacement when the kernel refuses one of them: the guest keeps its contents, or
 * the status says what it lost; nobody is left waiting.
 */
#include "test_pages_deny.h"
#include "test_pages_rig.h"

#define SIZE (16 * PAGE)
#define REQUEST(request) .nr = SYS_ioctl, .arg = 2, .is = (request)

struct job {
	struct rig *r;
	struct vdev_pages_range ranges[3];
	uint32_t count, all; /* all: the mode for the whole VM, without ranges */
	int status[3];
	int good;
};

static void run(void *context)
{
	struct job *j = context;

	j->good = j->all ? vdev_pages_offline_all(j->r->p, j->all)
			 : vdev_pages_offline(j->r->p, j->ranges, j->count, j->status);
}

/* Pages 0, 4, 8 as far as count goes. */
static struct job replace(struct rig *r, uint32_t count, uint32_t mode, struct deny_rule *rules,
			  uint32_t rule_count)
{
	struct job j = {.r = r, .count = count};

	for (uint32_t i = 0; i < count; i++)
		j.ranges[i] = (struct vdev_pages_range){
			.guest_address = i * 4 * PAGE, .size_bytes = PAGE, .mode = mode};
	deny(rules, rule_count, run, &j);
	return j;
}

static void make(struct rig *r, uint32_t mechanism, uint32_t kind, uint32_t flags)
{
	rig_open(r, mechanism);
	assert_int_equal(rig_memory(r, kind, SIZE), 0);
	rig_add(r, kind, flags);
	memset(r->mem, 0x11, SIZE);
	assert_int_equal(
		vdev_pages_stopped(r->p, VDEV_PAGES_GUEST_STOPPED | VDEV_PAGES_PEERS_STOPPED), 0);
}

/* The contents are right, and a write gets through. */
static void consistent(struct rig *r, uint8_t value)
{
	alarm(30);
	assert_int_equal(count_other(r->mem, SIZE, value), 0);
	memset(r->mem, value, SIZE);
	alarm(0);
}

static void no_hole(void **state)
{
	struct deny_rule rule = {.nr = SYS_fallocate, .result = -ENOSPC};
	struct rig *r = *state;
	struct job j;

	make(r, VDEV_PAGES_UFFD, VDEV_PAGES_MEMFD, 0);
	j = replace(r, 2, PRESERVE, &rule, 1);
	assert_int_equal(j.good, 0);
	assert_int_equal(j.status[1], -ENOSPC);
	rig_reason(r, "FALLOC_FL_PUNCH_HOLE");
	assert_int_equal(rig_stats(r).failed, 2);
	consistent(r, 0x11);
}

/* An older kernel: asked once, then one by one. */
static void no_batches(void **state)
{
	struct deny_rule rule = {.nr = SYS_process_madvise, .result = -EPERM};
	struct rig *r = *state;

	make(r, VDEV_PAGES_UFFD, VDEV_PAGES_ANON, 0);
	for (int i = 0; i < 3; i++) {
		rig_hold(r, 4 * PAGE, PAGE);
		assert_int_equal(replace(r, 3, PRESERVE, &rule, 1).good, 3);
		consistent(r, 0x11);
		memset(r->mem, 0x22, SIZE);
		assert_int_equal(rig_wrong(r, PAGE, 0x11), 0);
		memset(r->mem, 0x11, SIZE);
	}
	assert_int_equal(rule.seen, 1);
}

/* The caller waits in the kernel, which is no order that TSan knows of. */
__attribute__((no_sanitize_thread)) static int64_t first_only(const uint64_t *args)
{
	const struct iovec *first = (const struct iovec *)(uintptr_t)args[1];

	/* Not by the call itself: kernels before 6.13 do not take this advice for a vector. */
	return madvise(first->iov_base, first->iov_len, (int)args[3]) ? -errno
								      : (int64_t)first->iov_len;
}

/* It stops after the first range: the others follow one by one, and it is asked again. */
static void part_of_a_batch(void **state)
{
	struct deny_rule rule = {.nr = SYS_process_madvise, .act = first_only};
	struct rig *r = *state;

	make(r, VDEV_PAGES_UFFD, VDEV_PAGES_ANON, 0);
	for (uint32_t i = 1; i <= 2; i++) {
		rig_hold(r, 8 * PAGE, PAGE);
		assert_int_equal(replace(r, 3, PRESERVE, &rule, 1).good, 3);
		consistent(r, 0x11);
		memset(r->mem, 0x22, SIZE);
		assert_int_equal(rig_wrong(r, PAGE, 0x11), 0);
		memset(r->mem, 0x11, SIZE);
	}
	assert_int_equal(rule.seen, 2);
}

/* A locked page at the head of a batch says nothing about batches. */
static void locked_head(void **state)
{
	struct deny_rule rule = {.nr = SYS_process_madvise, .result = DENY_GO_ON};
	struct rig *r = *state;
	struct job j;

	make(r, VDEV_PAGES_UFFD, VDEV_PAGES_ANON, 0);
	rig_lock(r->mem, PAGE);
	for (uint32_t i = 1; i <= 2; i++) {
		j = replace(r, 3, PRESERVE, &rule, 1);
		assert_int_equal(j.good, 2);
		assert_int_equal(j.status[0], -EINVAL);
		consistent(r, 0x11);
		assert_int_equal(rule.seen, i);
	}
}

/* What a locked page made the kernel stop at comes back even if it cannot be filled in. */
static void torn_and_rescued(void **state)
{
	struct deny_rule rule = {REQUEST(UFFDIO_COPY), .result = -EINVAL};
	struct rig *r = *state;
	struct job j = {.r = r, .count = 1, .ranges = {{.size_bytes = 4 * PAGE, .mode = PRESERVE}}};

	make(r, VDEV_PAGES_UFFD, VDEV_PAGES_ANON, 0);
	rig_lock(r->mem + 2 * PAGE, PAGE);
	deny(&rule, 1, run, &j);
	assert_int_equal(j.status[0], -EINVAL);
	assert_true(rule.seen > 0);
	consistent(r, 0x11);
}

/* Nothing was dropped before, so nothing is lost. */
static void cannot_move(void **state)
{
	struct deny_rule rule = {.nr = SYS_mremap, .result = -ENOMEM};
	struct rig *r = *state;
	struct job j;

	make(r, VDEV_PAGES_REMAP, VDEV_PAGES_MEMFD, 0);
	j = replace(r, 2, PRESERVE, &rule, 1);
	assert_int_equal(j.good, 0);
	assert_int_equal(j.status[0], -ENOMEM);
	rig_reason(r, "vm.max_map_count");
	assert_int_equal(rig_info(r).moved_bytes, 0);
	consistent(r, 0x11);
}

/* No way back at all: the status says so, and who touches the page gets zeroes. */
static void lost_for_good(void **state)
{
	struct deny_rule rules[2] = {{REQUEST(UFFDIO_COPY), .result = -EINVAL},
				     {.nr = SYS_mremap, .result = -ENOMEM}};
	struct rig *r = *state;
	struct job j;

	make(r, VDEV_PAGES_UFFD, VDEV_PAGES_ANON, 0);
	j = replace(r, 1, PRESERVE, rules, 2);
	assert_int_equal(j.good, 0);
	assert_int_equal(j.status[0], -EINVAL);
	assert_int_equal(rules[1].seen, rules[0].seen);
	assert_true(rules[0].seen > 1);
	assert_non_null(strstr(r->v.log, "its contents are lost"));
	alarm(30);
	assert_int_equal(count_other(r->mem, PAGE, 0), 0);
	alarm(0);
	assert_int_equal(count_other(r->mem + PAGE, SIZE - PAGE, 0x11), 0);
}

/* The pages that moved in cannot be watched: the guest has them all the same. */
static void rescued_unregistered(void **state)
{
	struct deny_rule rules[2] = {{REQUEST(UFFDIO_COPY), .result = -EINVAL},
				     {REQUEST(UFFDIO_REGISTER), .result = -EINVAL}};
	struct rig *r = *state;

	make(r, VDEV_PAGES_UFFD, VDEV_PAGES_ANON, VDEV_PAGES_INHERIT);
	assert_int_equal(replace(r, 1, PRESERVE, rules, 2).good, 1);
	assert_int_equal(rig_stats(r).rescued, 1);
	assert_non_null(strstr(r->v.log, "UFFDIO_REGISTER"));
	consistent(r, 0x11);
}

/* In private memory nobody else can have put a page there to keep. */
static void page_in_private_memory(void **state)
{
	struct deny_rule rule = {REQUEST(UFFDIO_COPY), .result = -EEXIST, .times = 1};
	struct rig *r = *state;

	make(r, VDEV_PAGES_UFFD, VDEV_PAGES_ANON, 0);
	assert_int_equal(replace(r, 1, PRESERVE, &rule, 1).good, 1);
	assert_int_equal(rig_stats(r).rescued, 1);
	consistent(r, 0x11);
	rule = (struct deny_rule){REQUEST(UFFDIO_ZEROPAGE), .result = -EEXIST, .times = 1};
	assert_int_equal(replace(r, 1, RESET, &rule, 1).good, 1);
	memset(r->mem, 0, SIZE);
	consistent(r, 0);
}

static int peer_fd;

/* A peer that was not declared writes into the hole before it is filled: to the second page. */
static int64_t peer_writes(const uint64_t *args)
{
	(void)args;
	return pwrite(peer_fd, "x", 1, PAGE) == 1 ? DENY_GO_ON : -EIO;
}

static struct job with_peer(struct rig *r, uint32_t flags, uint32_t mode, int put_back)
{
	struct deny_rule rules[3] = {{REQUEST(mode == PRESERVE ? UFFDIO_COPY : UFFDIO_ZEROPAGE),
				      .act = peer_writes, .times = 1},
				     {.nr = SYS_pwrite64, .result = -ENOSPC}};
	struct job j = {.r = r, .count = 1, .ranges = {{.size_bytes = 3 * PAGE, .mode = mode}}};

	make(r, VDEV_PAGES_UFFD, VDEV_PAGES_MEMFD, flags);
	peer_fd = r->fd;
	deny(rules, put_back ? 1 : 2, run, &j);
	return j;
}

static void file_keeps_a_page(void **state)
{
	struct rig *r = *state;

	assert_int_equal(with_peer(r, 0, PRESERVE, 1).good, 1);
	rig_reason(r, "did not let go");
	assert_int_equal(rig_info(r).mechanism, VDEV_PAGES_REMAP);
	assert_int_equal(rig_info(r).moved_bytes, 2 * PAGE);
	assert_int_equal(rig_stats(r).left_bytes, 2 * PAGE);
	consistent(r, 0x11);
}

/* The file cannot take it back: the guest has it, still. */
static void file_takes_nothing_back(void **state)
{
	struct rig *r = *state;

	assert_int_equal(with_peer(r, 0, PRESERVE, 0).good, 1);
	consistent(r, 0x11);
}

static void file_keeps_a_page_of_a_reset(void **state)
{
	struct rig *r = *state;

	assert_int_equal(with_peer(r, 0, RESET, 1).good, 1);
	assert_int_equal(count_other(r->mem, 3 * PAGE, 0), 0);
	memset(r->mem, 0x11, 3 * PAGE);
	consistent(r, 0x11);
}

/* Peers would not see what moves in: all have their contents, and the status says it. */
static void file_keeps_a_page_and_peers(void **state)
{
	struct rig *r = *state;
	uint8_t page[PAGE];
	struct job j = with_peer(r, VDEV_PAGES_PEERS, PRESERVE, 1);

	assert_int_equal(j.status[0], -EOPNOTSUPP);
	rig_reason(r, "peers would not see another");
	assert_int_equal(rig_info(r).moved_bytes, 0);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(pread(r->fd, page, PAGE, i * PAGE), PAGE);
		assert_int_equal(count_other(page, PAGE, 0x11), 0);
	}
	consistent(r, 0x11);
}

/* Rescued for the guest, which peers do not see: not a success. */
static void rescued_from_peers(void **state)
{
	struct deny_rule rule = {REQUEST(UFFDIO_COPY), .result = -EINVAL};
	struct rig *r = *state;
	struct job j;

	make(r, VDEV_PAGES_UFFD, VDEV_PAGES_MEMFD, VDEV_PAGES_PEERS);
	j = replace(r, 1, PRESERVE, &rule, 1);
	assert_int_equal(j.status[0], -EINVAL);
	consistent(r, 0x11);
}

/* What cannot be told apart is taken for contents: more is replaced, nothing is missed. */
static void cannot_tell_holes(void **state)
{
	static const struct {
		uint32_t kind;
		struct deny_rule rule;
		uint64_t preserved;
	} cases[] = {
		{VDEV_PAGES_ANON, {.nr = SYS_openat, .path = "pagemap", .result = -EACCES}, 600},
		{VDEV_PAGES_ANON, {.nr = SYS_pread64, .result = 0}, 600},
		{VDEV_PAGES_ANON, {.nr = SYS_pread64, .result = 0, .skip = 1}, 90},
		{VDEV_PAGES_ANON, {.nr = SYS_pread64, .result = DENY_GO_ON}, 3},
		{VDEV_PAGES_MEMFD, {.nr = SYS_openat, .path = "/fd/", .result = -EACCES}, 600},
		{VDEV_PAGES_MEMFD, {.nr = SYS_lseek, .result = -EINVAL}, 600},
		{VDEV_PAGES_MEMFD, {.nr = SYS_lseek, .result = -EINVAL, .skip = 1}, 600},
		{VDEV_PAGES_MEMFD, {.nr = SYS_lseek, .result = DENY_GO_ON}, 3},
	};
	struct rig *r = *state;

	for (uint32_t i = 0; i < VT_COUNT(cases); i++) {
		struct deny_rule rule = cases[i].rule;
		struct job j = {.r = r, .all = PRESERVE};

		rig_make(r, VDEV_PAGES_UFFD, cases[i].kind, 600 * PAGE);
		memset(r->mem + 510 * PAGE, 0x11, 3 * PAGE);
		deny(&rule, 1, run, &j);
		assert_int_equal(j.good, 0);
		assert_int_equal(rig_stats(r).preserved_bytes, cases[i].preserved * PAGE);
		assert_int_equal(count_other(r->mem + 510 * PAGE, 3 * PAGE, 0x11), 0);
		assert_int_equal(count_other(r->mem, 510 * PAGE, 0), 0);
		rig_forget(r);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
		T(no_hole),
		T(no_batches),
		T(part_of_a_batch),
		T(locked_head),
		T(torn_and_rescued),
		T(cannot_move),
		T(lost_for_good),
		T(rescued_unregistered),
		T(page_in_private_memory),
		T(file_keeps_a_page),
		T(file_takes_nothing_back),
		T(file_keeps_a_page_of_a_reset),
		T(file_keeps_a_page_and_peers),
		T(rescued_from_peers),
		T(cannot_tell_holes),
	};

	if (rig_uffd_missing())
		return 77;
	return cmocka_run_group_tests_name("pages_denied", tests, NULL, NULL);
}
