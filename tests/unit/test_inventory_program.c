/* SPDX-License-Identifier: BSD-3-Clause */
/* Inventory (M12): programs in place of the reader that misbehave, threads, children, misuse of each call. */
#include "test_inventory_look.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wire.h"

/* Programs in place of the reader: each an error, in time, and no child is left. */
static void programs_that_misbehave(void **state)
{
	static const struct {
		const char *script;
		int err;
		const char *word;
	} programs[] = {
		{"exit 0", -EPIPE, "ended too early"},
		{"kill -9 $$", -EPIPE, "signal 9"},
		{"echo what is this that it says here", -EPROTO, "another version"},
		{"exec sleep 100", -ETIMEDOUT, "took longer than 300 ms"},
		{"exec 1>&-; exec sleep 100", -EPIPE, "signal 9"},
		{"exec yes", -EPROTO, "another version"},
	};
	char path[] = "/tmp/vdev-program.XXXXXX", text[128];
	struct look l;

	(void)state;
	for (size_t i = 0; i < VT_COUNT(programs); i++) {
		int fd;

		strcpy(path, "/tmp/vdev-program.XXXXXX");
		fd = mkostemp(path, O_CLOEXEC);
		snprintf(text, sizeof(text), "#!/bin/sh\n%s\n", programs[i].script);
		assert_true(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
		fchmod(fd, 0700);
		close(fd);
		look_begin(&l);
		l.config.reader = path;
		l.config.timeout_ms = i == 3 ? 300 : 10000;
		assert_int_equal(look(&l, VDEV_INVENTORY_DUMP, DUMPS "nvme.txt"), programs[i].err);
		if (!strstr(l.v.log, programs[i].word))
			fail_msg("%s: %s", programs[i].script, l.v.log);
		look_end(&l);
		unlink(path);
	}
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void put_message(FILE *f, uint32_t type, const void *data, uint32_t size)
{
	const struct wire_head h = {WIRE_MAGIC, type, size, wire_check(data, size)};

	fwrite(&h, sizeof(h), 1, f);
	fwrite(data, size, 1, f);
}

/* The same address twice, which no machine has. */
static void an_address_twice(void **state)
{
	const struct wire_hello h = {WIRE_VERSION, sizeof(struct wire_device)};
	char path[] = "/tmp/vdev-answer.XXXXXX", program[] = "/tmp/vdev-program.XXXXXX";
	const uint32_t count = 2;
	struct wire_device w = {0};
	struct look l;
	FILE *f = fdopen(mkstemp(path), "w");
	int fd = mkstemp(program);

	(void)state;
	assert_true(f && fd >= 0);
	put_message(f, WIRE_HELLO, &h, sizeof(h));
	put_message(f, WIRE_DEVICE, &w, sizeof(w));
	put_message(f, WIRE_DEVICE, &w, sizeof(w));
	put_message(f, WIRE_END, &count, sizeof(count));
	fclose(f);
	dprintf(fd, "#!/bin/sh\nexec cat %s\n", path);
	fchmod(fd, 0700);
	close(fd);
	look_begin(&l);
	l.config.reader = program;
	assert_int_equal(look(&l, VDEV_INVENTORY_DUMP, DUMPS "nvme.txt"), -EBADMSG);
	assert_non_null(strstr(l.v.log, "two devices of this address"));
	look_end(&l);
	unlink(path);
	unlink(program);
}

static void on_alarm(int number)
{
	(void)number;
}

/* Signals that the caller handles come all the time. */
static void signals_in_between(void **state)
{
	const struct itimerval often = {{0, 500}, {0, 500}}, never = {{0, 0}, {0, 0}};
	struct sigaction act = {.sa_handler = on_alarm};
	struct look l;

	(void)state;
	look_begin(&l);
	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	assert_int_equal(look(&l, VDEV_INVENTORY_DUMP, DUMPS "sriov.txt"), 0);
	setitimer(ITIMER_REAL, &never, NULL);
	look_end(&l);
}

static void no_program(void **state)
{
	struct look l;

	(void)state;
	look_begin(&l);
	l.config.reader = "/nonexistent";
	assert_int_equal(look(&l, VDEV_INVENTORY_DUMP, DUMPS "nvme.txt"), -ENOPKG);
	assert_non_null(strstr(l.v.log, "not installed"));
	l.config.reader = "/etc/passwd";
	assert_int_equal(look(&l, VDEV_INVENTORY_DUMP, DUMPS "nvme.txt"), -EACCES);
	look_end(&l);
}

/* The caller takes its children's ends away, or has them thrown away. */
static void nobody_waits(void **state)
{
	struct look l;

	(void)state;
	look_begin(&l);
	signal(SIGCHLD, SIG_IGN);
	assert_int_equal(look(&l, VDEV_INVENTORY_DUMP, DUMPS "nvme.txt"), 0);
	signal(SIGCHLD, SIG_DFL);
	look_end(&l);
}

static void *one_thread(void *arg)
{
	struct look l;

	(void)arg;
	for (int i = 0; i < 3; i++) {
		look_begin(&l);
		assert_int_equal(look(&l, VDEV_INVENTORY_DUMP, DUMPS "sriov.txt"), 0);
		assert_int_equal(l.info.count, 5);
		look_end(&l);
	}
	return NULL;
}

static void many_threads(void **state)
{
	pthread_t threads[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, one_thread, NULL), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

static void misuse(void **state)
{
	struct vdev_inventory *ret = NULL;
	struct vdev_inventory_device d;
	char path[2000];
	struct look l;

	(void)state;
	look_begin(&l);
	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = 0;
	l.config.path = "x";
	assert_int_equal(vdev_inventory_new(NULL, NULL, &l.config), -EINVAL);
	assert_int_equal(vdev_inventory_new(&ret, NULL, NULL), -EINVAL);
	l.config.flags = 2;
	assert_int_equal(vdev_inventory_new(&ret, NULL, &l.config), -EINVAL);
	l.config.flags = VDEV_INVENTORY_ASK_VFIO; /* not of a dump */
	assert_int_equal(vdev_inventory_new(&ret, NULL, &l.config), -EINVAL);
	l.config.flags = 0;
	for (uint32_t source = 0; source <= 4; source += 4)
		assert_int_equal(look(&l, source, "x"), -EINVAL);
	assert_int_equal(look(&l, VDEV_INVENTORY_LIVE, "x"), -EINVAL);
	assert_int_equal(look(&l, VDEV_INVENTORY_DUMP, NULL), -EINVAL);
	assert_int_equal(look(&l, VDEV_INVENTORY_DUMP, ""), -EINVAL);
	assert_int_equal(look(&l, VDEV_INVENTORY_DUMP, path), -EINVAL);
	l.config.timeout_ms = 3600001;
	assert_int_equal(look(&l, VDEV_INVENTORY_DUMP, "x"), -EINVAL);
	l.config.timeout_ms = 0;
	l.config.struct_size = 8;
	assert_int_equal(look(&l, VDEV_INVENTORY_DUMP, "x"), -EINVAL);
	assert_int_equal(vdev_inventory_info(NULL, &l.info, sizeof(l.info)), -EINVAL);
	assert_int_equal(vdev_inventory_device(NULL, 0, &d, sizeof(d)), -EINVAL);
	l.config.struct_size = sizeof(l.config);
	assert_int_equal(look(&l, VDEV_INVENTORY_DUMP, DUMPS "nvme.txt"), 0);
	assert_int_equal(vdev_inventory_info(l.inventory, NULL, 8), -EINVAL);
	assert_int_equal(vdev_inventory_device(l.inventory, 1, &d, sizeof(d)), -ENOENT);
	assert_int_equal(vdev_inventory_device(l.inventory, 0, NULL, sizeof(d)), -EINVAL);
	assert_int_equal(vdev_inventory_device(l.inventory, 0, &d, 0), -EINVAL);
	vdev_inventory_free(NULL);
	look_end(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(programs_that_misbehave),
		cmocka_unit_test(an_address_twice),
		cmocka_unit_test(signals_in_between),
		cmocka_unit_test(no_program),
		cmocka_unit_test(nobody_waits),
		cmocka_unit_test(many_threads),
		cmocka_unit_test(misuse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
