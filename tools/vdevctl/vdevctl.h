/* SPDX-License-Identifier: BSD-3-Clause */
/* vdevctl: what its files share. */
#ifndef VDEVCTL_H
#define VDEVCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <vdev/host.h>

/* Exit status; vdevctl(1) lists them. */
enum status {
	STATUS_OK = 0,
	STATUS_FAILED = 1, /* memory, output, a machine that is not as expected */
	STATUS_USAGE = 2,
	STATUS_NO_PROCESS = 3, /* there is none, or it ended while it was watched */
	STATUS_DENIED = 4,
	STATUS_NOT_VMM = 5,
	STATUS_UNTOLD = 6, /* a VMM, but its vCPU threads cannot be told from others */
	STATUS_DAMAGED = 7, /* a file is damaged, or is not what it should be */
	STATUS_NO_FILE = 8, /* a file or folder is missing, or not permitted */
	STATUS_NO_DEVICE = 9, /* a device that was named is not there */
	STATUS_VERDICT = 9, /* + VDEV_MIGRATION_LIVE_STOP_COPY_ONLY ... REFUSE: 10 to 13 */
	STATUS_CHANGED = 14, /* a plan does not hold any more */
};

#define NAME_SIZE 64
#define NO_NUMBER UINT32_MAX

/* A thread, and the vCPU that it is. */
struct thread {
	pid_t tid;
	uint32_t cpu; /* where it is, or was last; NO_NUMBER */
	uint32_t vcpu; /* NO_NUMBER: none, or not known to be one */
	uint32_t vm; /* file descriptor of its VM, where KVM tells; else 0 */
	char state; /* letter of proc(5) */
	char name[NAME_SIZE];
};

/* What one look at a process has shown. */
struct sight {
	pid_t pid;
	const char *provider; /* "kvm-debugfs", "thread-names" */
	const char *vmm; /* "qemu", ...; NULL: not known */
	struct thread *threads; /* sorted by tid; vCPUs first after sight_sort() */
	uint32_t count, room;
	uint32_t vcpus; /* how many */
	bool many_vms;
};

struct cpumap_options {
	const char *proc, *debugfs, *sysfs; /* NULL: the usual place */
	pid_t pid;
	uint32_t interval_ms, count;
	bool watch, json;
};

struct topology_options {
	const char *sysfs;
	bool json;
};

/* options.c: -1 when the command shall run, else the exit status. */
int cpumap_parse(int argc, char **argv, struct cpumap_options *ret);
int topology_parse(int argc, char **argv, struct topology_options *ret);
/* The text of an option; ends the program with STATUS_USAGE when it is empty, or was given already. */
struct argp_option;
struct argp_state;
void option_once(struct argp_state *state, const struct argp_option *list, int key,
		 const char **place, const char *text);
/* A decimal number and nothing else. -EINVAL. */
int number_parse(const char *text, uint32_t least, uint32_t most, uint32_t *ret_number);

int cpumap_run(const struct cpumap_options *o);
int topology_run(const struct topology_options *o);
/* The topology; NULL after a word on stderr. */
struct vdev_host *topology_open(const char *sysfs);

/* proc.c */
struct stat_line {
	pid_t tid;
	uint32_t cpu;
	char state;
	char name[NAME_SIZE]; /* cut when longer */
};
/* A line of /proc/PID/stat; the name in it may hold anything, ") R 1 (" too. -EBADMSG. */
int stat_parse(const char *text, struct stat_line *ret_line);
/* A small file below a folder, terminated. Negative errno. */
int small_file(int folder, const char *path, char *ret_text, size_t size);
/* /proc/PID, which stays that process even if the number is used again. Negative errno. */
int process_open(const char *proc, pid_t pid);
/* Fills the threads. 0; -ESRCH: it has ended; negative errno. */
int process_threads(int process, struct sight *s);
/* 1: has a KVM virtual machine open; 0; -EACCES: not to be seen. */
int process_has_kvm(int process);

/* find.c */
struct thread *sight_thread(const struct sight *s, pid_t tid);
/* vCPUs first, in order of VM and number. */
void sight_sort(struct sight *s);

/* kvmdebug.c: folder "kvm" of debugfs, mounted for this process alone where it is not. Negative errno. */
int kvm_debugfs_open(const char *debugfs);
/* Marks the vCPUs among the threads; true when there are some. */
bool kvm_debugfs_find(int folder, struct sight *s);

/* names.c */
bool names_find(struct sight *s);
/* True for a name that a VMM gives to its main thread. */
bool names_vmm(const char *name);
/* Printable ASCII; everything else, and backslashes, as \xNN. Room for 4 * length + 1. */
void name_escape(const char *name, char *ret_text, size_t size);

/* text.c: a text of a file as it is shown: controls (C0, DEL, C1) and what is no UTF-8 are ?; a long one is cut between characters. */
void text_show(const char *text, char *ret_text, size_t size);
/* Bytes of its first character; 0: it is no UTF-8. */
size_t utf8_size(const char *text, size_t left);

/* show.c */
const char *state_name(char letter);
/* 0, or -ENOMEM, -EIO. */
int show_sight(const struct sight *s, const struct vdev_host *host, bool json);
int show_topology(const struct vdev_host *host, bool json);
/* Ends the object, which is printed on a line. 0 or negative errno. */
struct json_object;
int print_json(struct json_object *o);
/* Columns: names in capitals; a leading '-' aligns to the right. NULL. */
struct libscols_table;
struct libscols_table *table_new(const char *const *columns);
/* A cell whose text may come from a file: text_show(). 0 or negative errno. */
struct libscols_line;
int table_cell(struct libscols_line *line, size_t column, const char *text);
/* Prints it, if there was no error so far, and ends it. 0 or negative errno. */
int table_print(struct libscols_table *tb, int err);
/* All has been written? */
int show_end(void);

#endif
