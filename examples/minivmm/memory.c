/* SPDX-License-Identifier: BSD-3-Clause */
/* Guest memory: allocation, checked access, and loading of the guest program. */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef HAVE_KVM
#include <linux/memfd.h>
#endif

#include "vm.h"

#define HUGE_PAGE (2ull << 20)

static void *map(int fd, int flags)
{
	void *ram =
		mmap(NULL, GUEST_RAM_SIZE, PROT_READ | PROT_WRITE, flags | MAP_NORESERVE, fd, 0);

	return ram == MAP_FAILED ? NULL : ram;
}

/* A file without a name, so that its pages can be punched out. */
static void *map_file(struct vm *vm, bool huge)
{
#ifdef HAVE_KVM
	unsigned int flags = huge ? MFD_HUGETLB | MFD_HUGE_2MB : 0;

	vm->memory_fd = memfd_create("minivmm", flags | MFD_CLOEXEC);
	if (vm->memory_fd < 0 || ftruncate(vm->memory_fd, GUEST_RAM_SIZE))
		return NULL;
	return map(vm->memory_fd, MAP_SHARED);
#else
	errno = ENOTSUP;
	return NULL;
#endif
}

int memory_new(struct vm *vm)
{
	uint32_t kind = vm->options.lending.memory;

	vm->memory_fd = -1;
	vm->granule = kind == MEMORY_HUGE ? HUGE_PAGE : 4096;
	if (kind == MEMORY_ANONYMOUS)
		vm->ram = map(-1, MAP_PRIVATE | MAP_ANONYMOUS);
	else if (kind == MEMORY_SHARED)
		vm->ram = map(-1, MAP_SHARED | MAP_ANONYMOUS);
	else
		vm->ram = map_file(vm, kind == MEMORY_HUGE);
	return vm->ram ? 0 : -errno;
}

void memory_free(struct vm *vm)
{
	if (vm->ram)
		munmap(vm->ram, GUEST_RAM_SIZE);
	if (vm->memory_fd >= 0)
		close(vm->memory_fd);
}

void *memory_at(struct vm *vm, uint64_t address, uint64_t length)
{
	if (address > GUEST_RAM_SIZE || length > GUEST_RAM_SIZE - address)
		return NULL;
	return vm->ram + address;
}

struct guest_command *guest_command(struct vm *vm)
{
	return memory_at(vm, GUEST_COMMAND, sizeof(struct guest_command));
}

struct guest_report *guest_report(struct vm *vm)
{
	return memory_at(vm, GUEST_REPORT, sizeof(struct guest_report));
}

void memory_clear(struct vm *vm)
{
	memset(vm->ram, 0, GUEST_REPORT);
	memset(vm->ram + GUEST_STACKS, 0, GUEST_RAM_SIZE - GUEST_STACKS);
	guest_report(vm)->magic = 0;
}

/* Low 4 GiB one to one with 2 MiB pages: what a loader leaves to a 64-bit kernel. */
static void page_tables(struct vm *vm)
{
	uint64_t *top = memory_at(vm, GUEST_PAGE_TABLES, UINT64_C(6) * 4096), *middle = top + 512;

	top[0] = (GUEST_PAGE_TABLES + 0x1000) | 3;
	for (uint64_t i = 0; i < 4; i++)
		middle[i] = (GUEST_PAGE_TABLES + 0x2000 + i * 0x1000) | 3;
	for (uint64_t i = 0; i < 2048; i++)
		top[1024 + i] = i << 21 | 0x83;
}

static int load_segment(struct vm *vm, FILE *file, const Elf64_Phdr *h)
{
	void *to = memory_at(vm, h->p_paddr, h->p_memsz);

	if (h->p_type != PT_LOAD)
		return 0;
	if (!to || h->p_filesz > h->p_memsz)
		return -EFBIG;
	if (fseek(file, (long)h->p_offset, SEEK_SET) ||
	    fread(to, 1, h->p_filesz, file) != h->p_filesz)
		return -EIO;
	return 0;
}

static int load_elf(struct vm *vm, FILE *file)
{
	Elf64_Ehdr e;
	Elf64_Phdr h;
	int r = 0;

	rewind(file);
	if (fread(&e, sizeof(e), 1, file) != 1 || e.e_machine != EM_X86_64 ||
	    e.e_phentsize != sizeof(h) || e.e_entry != GUEST_ENTRY)
		return -ENOEXEC;
	for (uint32_t i = 0; i < e.e_phnum && !r; i++) {
		if (fseek(file, (long)(e.e_phoff + i * sizeof(h)), SEEK_SET) ||
		    fread(&h, sizeof(h), 1, file) != 1)
			return -EIO;
		r = load_segment(vm, file, &h);
	}
	return r;
}

/* An ELF file linked at GUEST_ENTRY, or bytes to put there; no name: the machine runs no code. */
int memory_load_guest(struct vm *vm)
{
	uint8_t magic[4] = {0};
	FILE *file;
	int r = 0;

	if (!vm->options.guest)
		return 0;
	file = fopen(vm->options.guest, "rbe");
	if (!file)
		return -errno;
	if (fread(magic, 1, 4, file) == 4 && !memcmp(magic, ELFMAG, 4)) {
		r = load_elf(vm, file);
	} else {
		rewind(file);
		if (!fread(vm->ram + GUEST_ENTRY, 1, GUEST_DRIVER - GUEST_ENTRY, file))
			r = -ENODATA;
	}
	fclose(file);
	if (!r)
		page_tables(vm);
	return r;
}
