/* SPDX-License-Identifier: BSD-3-Clause */
/* Results: tables for people by libsmartcols, JSON for programs by json-c. */
#include <errno.h>
#include <json-c/json.h>
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vdevctl.h"

#define CELL_MOST 1024

const char *state_name(char letter)
{
	switch (letter) {
	case 'R':
		return "running";
	case 'S':
	case 'I':
		return "sleeping";
	case 'D':
		return "blocked";
	case 'T':
	case 't':
		return "stopped";
	case 'Z':
	case 'X':
	case 'x':
		return "ended";
	default:
		return "unknown";
	}
}

static uint32_t node_of(const struct vdev_host *host, uint32_t cpu)
{
	struct vdev_host_cpu c;

	if (!host || vdev_host_cpu(host, cpu, &c, sizeof(c)))
		return NO_NUMBER;
	return c.node;
}

static struct json_object *number_or_null(uint32_t n)
{
	return n == NO_NUMBER ? NULL : json_object_new_int64(n);
}

int print_json(struct json_object *o)
{
	const char *text = json_object_to_json_string_ext(
		o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	int err = text ? 0 : -ENOMEM;

	if (text && puts(text) < 0)
		err = -EIO;
	json_object_put(o);
	return err;
}

static struct json_object *json_vcpu(const struct sight *s, const struct thread *t,
				     const struct vdev_host *host)
{
	struct json_object *v = json_object_new_object();

	if (s->many_vms)
		json_object_object_add(v, "vm", json_object_new_int64(t->vm));
	json_object_object_add(v, "vcpu", json_object_new_int64(t->vcpu));
	json_object_object_add(v, "tid", json_object_new_int(t->tid));
	json_object_object_add(v, "cpu", number_or_null(t->cpu));
	json_object_object_add(v, "node", number_or_null(node_of(host, t->cpu)));
	json_object_object_add(v, "state", json_object_new_string(state_name(t->state)));
	return v;
}

static int json_sight(const struct sight *s, const struct vdev_host *host)
{
	struct json_object *o = json_object_new_object(), *vcpus = json_object_new_array();

	json_object_object_add(o, "pid", json_object_new_int(s->pid));
	json_object_object_add(o, "provider", json_object_new_string(s->provider));
	if (s->vmm)
		json_object_object_add(o, "vmm", json_object_new_string(s->vmm));
	for (uint32_t i = 0; i < s->vcpus; i++)
		json_object_array_add(vcpus, json_vcpu(s, &s->threads[i], host));
	json_object_object_add(o, "vcpus", vcpus);
	return print_json(o);
}

struct libscols_table *table_new(const char *const *columns)
{
	struct libscols_table *tb = scols_new_table();

	if (!tb)
		return NULL;
	scols_table_enable_noencoding(tb, 1); /* names are escaped already */
	for (; *columns; columns++) {
		bool right = **columns == '-';

		if (!scols_table_new_column(tb, *columns + right, 0, right ? SCOLS_FL_RIGHT : 0)) {
			scols_unref_table(tb);
			return NULL;
		}
	}
	return tb;
}

static int cell_text(struct libscols_line *line, size_t column, const char *text)
{
	return scols_line_set_data(line, column, text);
}

static int cell_number(struct libscols_line *line, size_t column, uint32_t n)
{
	char text[16] = "-";

	if (n != NO_NUMBER)
		snprintf(text, sizeof(text), "%u", n);
	return cell_text(line, column, text);
}

int table_cell(struct libscols_line *line, size_t column, const char *text)
{
	char shown[CELL_MOST];

	text_show(text, shown, sizeof(shown));
	return scols_line_set_data(line, column, shown);
}

int table_print(struct libscols_table *tb, int err)
{
	if (!err)
		err = scols_print_table(tb);
	scols_unref_table(tb);
	return err ? -ENOMEM : 0;
}

static int vcpu_line(struct libscols_table *tb, const struct sight *s, const struct thread *t,
		     const struct vdev_host *host)
{
	struct libscols_line *line = scols_table_new_line(tb, NULL);
	char name[4 * NAME_SIZE];
	size_t n = 0;
	int err;

	if (!line)
		return -ENOMEM;
	name_escape(t->name, name, sizeof(name));
	err = s->many_vms ? cell_number(line, n++, t->vm) : 0;
	err = err ? err : cell_number(line, n, t->vcpu);
	err = err ? err : cell_number(line, n + 1, (uint32_t)t->tid);
	err = err ? err : cell_number(line, n + 2, t->cpu);
	err = err ? err : cell_number(line, n + 3, node_of(host, t->cpu));
	err = err ? err : cell_text(line, n + 4, state_name(t->state));
	return err ? err : cell_text(line, n + 5, name);
}

static int table_sight(const struct sight *s, const struct vdev_host *host)
{
	static const char *const columns[] = {"-VM",   "-VCPU", "-TID", "-CPU",
					      "-NODE", "STATE", "NAME", NULL};
	struct libscols_table *tb = table_new(columns + !s->many_vms);
	int err = 0;

	if (!tb)
		return -ENOMEM;
	printf("process %d: %u vCPU%s, by %s%s%s\n", (int)s->pid, s->vcpus,
	       s->vcpus == 1 ? "" : "s", s->provider, s->vmm ? ": " : "", s->vmm ? s->vmm : "");
	for (uint32_t i = 0; i < s->vcpus && !err; i++)
		err = vcpu_line(tb, s, &s->threads[i], host);
	return table_print(tb, err);
}

int show_sight(const struct sight *s, const struct vdev_host *host, bool json)
{
	return json ? json_sight(s, host) : table_sight(s, host);
}

static struct json_object *json_cpu(const struct vdev_host_cpu *c)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "cpu", json_object_new_int64(c->cpu));
	json_object_object_add(o, "online",
			       json_object_new_boolean(!!(c->flags & VDEV_HOST_ONLINE)));
	json_object_object_add(o, "core", number_or_null(c->core));
	json_object_object_add(o, "cache", number_or_null(c->cache));
	json_object_object_add(o, "node", number_or_null(c->node));
	return o;
}

static struct json_object *json_distances(const struct vdev_host *host, uint32_t nodes)
{
	struct json_object *list = json_object_new_array();

	for (uint32_t from = 0; from < nodes; from++) {
		for (uint32_t to = 0; to < nodes; to++) {
			int d = vdev_host_distance(host, from, to);
			struct json_object *o;

			if (d <= 0)
				continue;
			o = json_object_new_object();
			json_object_object_add(o, "from", json_object_new_int64(from));
			json_object_object_add(o, "to", json_object_new_int64(to));
			json_object_object_add(o, "distance", json_object_new_int(d));
			json_object_array_add(list, o);
		}
	}
	return list;
}

static int json_topology(const struct vdev_host *host, const struct vdev_host_size *n)
{
	struct json_object *o = json_object_new_object(), *cpus = json_object_new_array();
	struct vdev_host_cpu c;

	for (uint32_t i = 0; i < n->cpu_count; i++)
		if (!vdev_host_cpu(host, i, &c, sizeof(c)) && c.flags)
			json_object_array_add(cpus, json_cpu(&c));
	json_object_object_add(o, "cpus", cpus);
	json_object_object_add(o, "distances", json_distances(host, n->node_count));
	return print_json(o);
}

static int cpu_line(struct libscols_table *tb, const struct vdev_host_cpu *c)
{
	struct libscols_line *line = scols_table_new_line(tb, NULL);
	int err;

	if (!line)
		return -ENOMEM;
	err = cell_number(line, 0, c->cpu);
	err = err ? err : cell_text(line, 1, c->flags & VDEV_HOST_ONLINE ? "yes" : "no");
	err = err ? err : cell_number(line, 2, c->core);
	err = err ? err : cell_number(line, 3, c->cache);
	return err ? err : cell_number(line, 4, c->node);
}

static int table_topology(const struct vdev_host *host, const struct vdev_host_size *n)
{
	static const char *const columns[] = {"-CPU", "ONLINE", "-CORE", "-CACHE", "-NODE", NULL};
	struct libscols_table *tb = table_new(columns);
	struct vdev_host_cpu c;
	int err = 0;

	if (!tb)
		return -ENOMEM;
	for (uint32_t i = 0; i < n->cpu_count && !err; i++)
		if (!vdev_host_cpu(host, i, &c, sizeof(c)) && c.flags)
			err = cpu_line(tb, &c);
	return table_print(tb, err);
}

int show_topology(const struct vdev_host *host, bool json)
{
	struct vdev_host_size n;
	int err = vdev_host_size(host, &n, sizeof(n));

	if (err)
		return err;
	return json ? json_topology(host, &n) : table_topology(host, &n);
}

int show_end(void)
{
	return fflush(stdout) || ferror(stdout) ? -EIO : 0;
}
