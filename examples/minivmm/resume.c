/* SPDX-License-Identifier: BSD-3-Clause */
/* Saving in one process, loading in another. */
#include "resume.h"

#include <errno.h>
#include <json-c/json.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

/* What stands before the machine in the file. */
struct resume_head {
	char device[16];
	char order[300];
};

static FILE *temporary(char *path, size_t size)
{
	const char *dir = getenv("TMPDIR");
	FILE *file;
	int fd;

	snprintf(path, size, "%s/minivmm-XXXXXX", dir ? dir : "/tmp");
	fd = mkstemp(path);
	file = fd >= 0 ? fdopen(fd, "wb") : NULL;
	if (fd >= 0 && !file) {
		close(fd);
		unlink(path);
	}
	return file;
}

static int write_machine(struct scene *s, const struct pci_fn *fn, const char *order, FILE *file)
{
	struct resume_head head;

	memset(&head, 0, sizeof(head));
	memcpy(head.device, fn->name, sizeof(head.device) - 1);
	strncpy(head.order, order, sizeof(head.order) - 1);
	if (fwrite(&head, sizeof(head), 1, file) != 1)
		return -EIO;
	return vm_save(s->vm, file);
}

/* Runs ourselves on the file; what it writes to standard output is its report. */
static int run_child(struct scene *s, const char *path, char *out, size_t size)
{
	const char *const argv[] = {s->program, "--backend", s->options.machine->name,
				    "--resume", path,        "--quiet",
				    "--json",   "-",         NULL};
	posix_spawn_file_actions_t actions;
	size_t used = 0;
	int pipes[2], status = -1, r;
	ssize_t n;
	pid_t child;

	if (pipe(pipes))
		return -errno;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, pipes[1], STDOUT_FILENO);
	posix_spawn_file_actions_addclose(&actions, pipes[0]);
	r = posix_spawn(&child, s->program, &actions, NULL, (char *const *)(uintptr_t)argv,
			environ);
	posix_spawn_file_actions_destroy(&actions);
	close(pipes[1]);
	while (!r && (n = read(pipes[0], out + used, size - 1 - used)) > 0)
		used += (size_t)n;
	out[used] = 0;
	close(pipes[0]);
	if (!r && waitpid(child, &status, 0) == child)
		return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
	return -r;
}

static uint64_t number(struct json_object *o, const char *name)
{
	struct json_object *metrics, *value;

	if (!json_object_object_get_ex(o, "metrics", &metrics) ||
	    !json_object_object_get_ex(metrics, name, &value))
		return 0;
	return (uint64_t)json_object_get_int64(value);
}

static void take_totals(struct scene *s, struct json_object *o)
{
	s->total.warnings += number(o, "warnings");
	s->total.acks += number(o, "acks");
	s->total.surprises += number(o, "surprises");
	s->total.interrupts[0] += number(o, "interrupts");
	s->total.devices[0].io_done += number(o, "io_done");
	s->total.devices[0].io_errors += number(o, "guest_io_errors");
	s->total.devices[0].all_ones += number(o, "all_ones_reads");
	s->total.devices[0].bad_sums += number(o, "bad_sums");
}

static void take_report(struct scene *s, int code, const char *text)
{
	struct json_object *o = json_tokener_parse(text), *checks, *check, *detail;
	const char *why = "it reported nothing";

	if (o && json_object_object_get_ex(o, "checks", &checks) &&
	    (check = json_object_array_get_idx(checks, 0)) != NULL &&
	    json_object_object_get_ex(check, "detail", &detail))
		why = json_object_get_string(detail);
	if (EXPECT(s, code == 0, "the second process ended with %d: %s", code, why)) {
		take_totals(s, o);
		scene_tell(s, "%s", why);
	}
	json_object_put(o);
}

void resume_elsewhere(struct scene *s, const struct pci_fn *fn, const char *order)
{
	char path[256], out[4096];
	FILE *file = temporary(path, sizeof(path));
	int r;

	NEED(s, file != NULL, "no temporary file: %s", strerror(errno));
	r = write_machine(s, fn, order, file);
	if (fclose(file) && !r)
		r = -EIO;
	vm_free(s->vm);
	s->vm = NULL;
	if (EXPECT(s, !r, "the machine could not be saved: %s", strerror(-r))) {
		r = run_child(s, path, out, sizeof(out));
		take_report(s, r, out);
	}
	unlink(path);
}

static struct pci_fn *named(struct vm *vm, const char *name)
{
	for (uint32_t i = 0; i < vm->functions_count; i++)
		if (strcmp(vm->functions[i]->name, name) == 0)
			return vm->functions[i];
	return NULL;
}

static void go_on(struct scene *s, const struct resume_head *head)
{
	struct pci_fn *fn = named(s->vm, head->device), *other = named(s->vm, "other");
	struct vdev_removal_info info;
	int r;

	NEED(s, fn && other, "the devices are not in the image");
	info = scene_info(s, fn->unit);
	EXPECT(s, info.user_data == (uintptr_t)fn, "the unit is not attached to its device");
	r = vm_go_on(s->vm);
	NEED(s, r == 0, "the machine could not go on: %s", strerror(-r));
	NEED(s, scene_outcome(s, fn, VDEV_REMOVAL_REMOVED), "not removed in the second process");
	scene_did(s, fn, head->order);
	if (info.action_id)
		EXPECT(s,
		       s->vm->deeds[0].action.id == info.action_id &&
			       (s->vm->deeds[0].action.flags & VDEV_REMOVAL_AGAIN),
		       "the unfinished action did not come out again with its id");
	EXPECT(s, scene_traffic(s, other), "the other device does not work");
	EXPECT(s, scene_seen(s, fn)->generation == 1 && guest_report(s->vm)->boots == 1,
	       "the guest was started anew");
	scene_tell(s, "went on in a second process: %s", head->order);
}

void resume_run(struct scene *base, FILE *file)
{
	static const struct story story = {"resume", "R12", NULL};
	struct scene s = *base;
	struct resume_head head;
	struct timespec t;
	int r;

	clock_gettime(CLOCK_MONOTONIC, &t);
	r = fread(&head, sizeof(head), 1, file) == 1 ? 0 : -EBADMSG;
	head.device[sizeof(head.device) - 1] = head.order[sizeof(head.order) - 1] = 0;
	if (!r)
		r = vm_load(&s.vm, &s.options, file);
	if (EXPECT(&s, !r, "the machine could not be loaded: %s", strerror(-r)))
		go_on(&s, &head);
	scene_judge(&s, &story, (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec);
	vm_free(s.vm);
	base->total = s.total;
}
