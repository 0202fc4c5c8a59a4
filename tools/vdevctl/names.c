/* SPDX-License-Identifier: BSD-3-Clause */
/* vCPU threads by the names that VMMs give them. */
#include <stdio.h>
#include <string.h>

#include "vdevctl.h"

#define MOST_VCPU 65535u

/* A name is before, a number without leading zeros, after; the order decides where two would fit. */
static const struct pattern {
	const char *vmm, *before, *after;
} patterns[] = {
	{"qemu", "CPU ", "/KVM"}, /* with debug-threads=on, which libvirt sets */
	{"qemu", "CPU ", "/TCG"},        {"firecracker", "fc_vcpu ", ""},
	{"crosvm", "crosvm_vcpu", ""},   {"kvmtool", "kvm-vcpu-", ""},
	{"minivmm", "minivmm-vcpu", ""}, {"cloud-hypervisor", "vcpu", ""},
};

static bool match(const struct pattern *p, const char *name, uint32_t *ret_vcpu)
{
	size_t before = strlen(p->before), after = strlen(p->after), size = strlen(name);
	char digits[6];

	if (size <= before + after || size - before - after >= sizeof(digits) ||
	    strncmp(name, p->before, before) != 0 || strcmp(name + size - after, p->after) != 0)
		return false;
	size -= before + after;
	memcpy(digits, name + before, size);
	digits[size] = 0;
	return (*digits != '0' || size == 1) && number_parse(digits, 0, MOST_VCPU, ret_vcpu) == 0;
}

static uint32_t mark(const struct pattern *p, struct sight *s)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < s->count; i++)
		found += match(p, s->threads[i].name, &s->threads[i].vcpu);
	return found;
}

bool names_find(struct sight *s)
{
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		s->vcpus = mark(&patterns[i], s);
		if (s->vcpus) {
			s->provider = "thread-names";
			s->vmm = patterns[i].vmm;
			return true;
		}
	}
	return false;
}

bool names_vmm(const char *name)
{
	return strncmp(name, "qemu-system", 11) == 0 || strcmp(name, "qemu-kvm") == 0 ||
	       strcmp(name, "kvm") == 0;
}

void name_escape(const char *name, char *ret_text, size_t size)
{
	size_t n = 0;

	for (; *name && n + 5 <= size; name++) {
		unsigned char c = (unsigned char)*name;

		if (c >= ' ' && c <= '~' && c != '\\')
			ret_text[n++] = (char)c;
		else
			n += (size_t)snprintf(ret_text + n, size - n, "\\x%02x", c);
	}
	ret_text[n] = 0;
}
