/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fuzz target: rules files, which people write and get from others.
 *
 * What is taken must be written and read to the same; what is not must leave nothing behind and say where. A mistake is
 * within the file. Whatever the rules are, they judge.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vdev/migration.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define require(ok) check(ok, #ok, __LINE__)

static void check(int ok, const char *what, int line)
{
	if (ok)
		return;
	fprintf(stderr, "fuzz_migration_rules.c:%d: broken: %s\n", line, what);
	abort();
}

static struct vdev_migration_rules *empty(void)
{
	struct vdev_migration_rules *r = NULL;

	require(vdev_migration_rules_new(&r, NULL, VDEV_MIGRATION_EMPTY) == 0);
	return r;
}

static uint32_t lines_of(const uint8_t *data, size_t size)
{
	uint32_t lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	return lines;
}

static void refused(const struct vdev_migration_rules *r, int error, const uint8_t *data,
		    size_t size, const struct vdev_migration_error *e)
{
	require(error == -EBADMSG || error == -EPROTONOSUPPORT || error == -ENOSPC);
	require(vdev_migration_rules_count(r) == 0);
	if (error == -ENOSPC)
		return;
	require(e->line >= 1 && e->line <= lines_of(data, size));
	require(e->column >= 1 && e->column <= 514);
	require(memchr(e->message, 0, sizeof(e->message)) && e->message[0]);
	for (const char *p = e->message; *p; p++)
		require((unsigned char)*p >= 0x20 && *p != 0x7f);
}

static char *text_of(const struct vdev_migration_rules *r, size_t *ret_size)
{
	char *text;

	require(vdev_migration_rules_write(r, 0, NULL, 0, ret_size) == -ENOBUFS);
	text = malloc(*ret_size);
	require(text != NULL);
	require(vdev_migration_rules_write(r, 0, text, *ret_size, ret_size) == 0);
	return text;
}

static void written_again(const struct vdev_migration_rules *r)
{
	struct vdev_migration_rules *copy = empty();
	size_t size, same;
	char *text = text_of(r, &size), *again;

	require(vdev_migration_rules_parse(copy, text, size, NULL, 0) ==
		vdev_migration_rules_count(r));
	again = text_of(copy, &same);
	require(size == same && !memcmp(text, again, size));
	for (int i = 0; i < vdev_migration_rules_count(r); i++) {
		struct vdev_migration_rule a, b;

		require(!vdev_migration_rules_get(r, (uint32_t)i, &a, sizeof(a)));
		require(!vdev_migration_rules_get(copy, (uint32_t)i, &b, sizeof(b)));
		b.line = a.line;
		require(!memcmp(&a, &b, sizeof(a)));
	}
	free(again);
	free(text);
	vdev_migration_rules_free(copy);
}

/* A device is as good as itself, but for what is not known. */
static void judge(const struct vdev_migration_rules *r)
{
	struct vdev_migration_device d;
	struct vdev_migration_difference list[VDEV_MIGRATION_FIELDS];
	struct vdev_migration_result got;

	memset(&d, 0, sizeof(d));
	d.known = (UINT64_C(1) << VDEV_MIGRATION_FIELDS) - 1;
	d.class_code = 0x020000;
	d.vendor = 0x15b3;
	require(!vdev_migration_compare(r, &d, &d, sizeof(d), 0, &got, sizeof(got), list,
					sizeof(list[0]), VDEV_MIGRATION_FIELDS));
	for (uint32_t i = 0; i < got.differences; i++)
		require(list[i].kind == VDEV_MIGRATION_NEED && list[i].verdict);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vdev_migration_rules *r = empty();
	struct vdev_migration_error e;
	int count;

	memset(&e, 0xa5, sizeof(e));
	count = vdev_migration_rules_parse(r, (const char *)data, size, &e, sizeof(e));
	require(count < 0 || count == vdev_migration_rules_count(r));
	if (count < 0)
		refused(r, count, data, size, &e);
	else {
		written_again(r);
		judge(r);
	}
	vdev_migration_rules_free(r);
	return 0;
}
