/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Entry of each CPU, in long mode with flat segments and low memory mapped one to one: edi is the
 * CPU's number. Interrupt stubs find it again in the LAPIC id register.
 */
	.section .text.start, "ax"
	.globl guest_start
guest_start:
	cli
	lgdt gdt_pointer(%rip)
	mov %edi, %eax
	inc %eax
	shl $14, %eax			/* GUEST_STACK_SIZE */
	add $0x80000, %eax		/* GUEST_STACKS */
	mov %rax, %rsp
	xor %ebp, %ebp
	call guest_main
0:	hlt
	jmp 0b

	.text
	.balign 16
	.globl guest_stubs
guest_stubs:
	.set vector, 0
	.rept 256
	.balign 16
	.byte 0x68			/* push imm32 */
	.long vector
	jmp common
	.set vector, vector + 1
	.endr

common:
	push %rax
	push %rcx
	push %rdx
	push %rsi
	push %rdi
	push %r8
	push %r9
	push %r10
	push %r11
	mov 72(%rsp), %edi		/* vector */
	mov $0xfee00020, %eax
	mov (%rax), %esi
	shr $24, %esi			/* LAPIC id */
	cld
	call guest_interrupt
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rdi
	pop %rsi
	pop %rdx
	pop %rcx
	pop %rax
	add $8, %rsp
	iretq

	.section .rodata
	.balign 8
gdt:
	.quad 0
	.quad 0x00209b0000000000	/* 0x08: 64-bit code */
	.quad 0x0000930000000000	/* 0x10: data */
gdt_pointer:
	.word 23
	.quad gdt
	.section .note.GNU-stack, "", @progbits
