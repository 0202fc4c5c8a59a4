/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the guest driver needs from the machine that it runs on. The real guest (x86.c) reaches the
 * bus by loads and stores; the mock backend runs the same driver on the VMM's bus functions.
 */
#ifndef MINIVMM_PLATFORM_H
#define MINIVMM_PLATFORM_H

#include <stdint.h>

struct platform;

/* A bus access of 1, 2 or 4 bytes. */
uint32_t platform_read(struct platform *p, uint64_t address, unsigned int width);
void platform_write(struct platform *p, uint64_t address, unsigned int width, uint32_t value);
/* Guest memory at a guest physical address. */
void *platform_ram(struct platform *p, uint64_t address);
/* Milliseconds that the guest has run. */
uint32_t platform_ms(struct platform *p);

#endif
