/* SPDX-License-Identifier: MIT */

/*
 * switch_aarch64.S - the context switch and the bare system call, aarch64.
 *
 * Written from AAPCS64: 6.1.1 names the preserved general registers (x19-x29,
 * with x30 as the address to go on at), 6.1.2 the low halves of v8-v15; FPCR
 * is preserved by convention of the C library.
 *
 * A suspended context, from its stack pointer up:
 *
 *       +0  x19 x20 ... x28        +80  x29 x30
 *      +96  d8 ... d15            +160  FPCR, 8 unused
 */
	.text

/* A frame of this stack, but for its FPCR. */
	.macro save_registers
	sub	sp, sp, #176
	.cfi_def_cfa_offset 176
	stp	x19, x20, [sp, #0]
	stp	x21, x22, [sp, #16]
	stp	x23, x24, [sp, #32]
	stp	x25, x26, [sp, #48]
	stp	x27, x28, [sp, #64]
	stp	x29, x30, [sp, #80]
	.cfi_offset x19, -176
	.cfi_offset x20, -168
	.cfi_offset x21, -160
	.cfi_offset x22, -152
	.cfi_offset x23, -144
	.cfi_offset x24, -136
	.cfi_offset x25, -128
	.cfi_offset x26, -120
	.cfi_offset x27, -112
	.cfi_offset x28, -104
	.cfi_offset x29, -96
	.cfi_offset x30, -88
	stp	d8, d9, [sp, #96]
	stp	d10, d11, [sp, #112]
	stp	d12, d13, [sp, #128]
	stp	d14, d15, [sp, #144]
	.endm

/* void *mr_switch(void **save: x0, void *to: x1, void *value: x2) */
	.globl	mr_switch
	.hidden	mr_switch
	.type	mr_switch, %function
	.globl	mr_switch_int
	.hidden	mr_switch_int
	.type	mr_switch_int, %function
	.p2align 4
mr_switch:
mr_switch_int:
	.cfi_startproc
	save_registers
	mrs	x9, fpcr
	str	x9, [sp, #160]
	mov	x10, sp
	str	x10, [x0]

	/* From here the other stack; the frame has the same shape. */
	mov	sp, x1
.Larrive:
	ldr	x11, [sp, #160]
	cmp	x9, x11
	b.eq	.Lrestore
	msr	fpcr, x11
.Lrestore:
	ldp	d8, d9, [sp, #96]
	ldp	d10, d11, [sp, #112]
	ldp	d12, d13, [sp, #128]
	ldp	d14, d15, [sp, #144]
	ldp	x19, x20, [sp, #0]
	ldp	x21, x22, [sp, #16]
	ldp	x23, x24, [sp, #32]
	ldp	x25, x26, [sp, #48]
	ldp	x27, x28, [sp, #64]
	ldp	x29, x30, [sp, #80]
	add	sp, sp, #176
	.cfi_def_cfa_offset 0
	mov	x0, x2
	/* Not ret: the return predictor would miss. */
	mov	x16, x30
	br	x16
	.cfi_endproc
	.size	mr_switch, . - mr_switch

/* void mr_switch_leave(void *to: x0, void *value: x1) */
	.globl	mr_switch_leave
	.hidden	mr_switch_leave
	.type	mr_switch_leave, %function
	.p2align 4
mr_switch_leave:
	.cfi_startproc
	.cfi_undefined x30
	mov	sp, x0
	mov	x2, x1
	mrs	x9, fpcr
	b	.Larrive
	.cfi_endproc
	.size	mr_switch_leave, . - mr_switch_leave

/* int mr_switch_keep(void **save: x0, void *to: x1, void *value: x2). The frame
 * is the same, its FPCR unwritten. */
	.globl	mr_switch_keep
	.hidden	mr_switch_keep
	.type	mr_switch_keep, %function
	.p2align 4
mr_switch_keep:
	.cfi_startproc
	save_registers
	mov	x10, sp
	str	x10, [x0]
	mov	sp, x1
	b	.Lrestore
	.cfi_endproc
	.size	mr_switch_keep, . - mr_switch_keep

/* void mr_switch_keep_leave(void *to: x0, void *value: x1) */
	.globl	mr_switch_keep_leave
	.hidden	mr_switch_keep_leave
	.type	mr_switch_keep_leave, %function
	.p2align 4
mr_switch_keep_leave:
	.cfi_startproc
	.cfi_undefined x30
	mov	sp, x0
	mov	x2, x1
	b	.Lrestore
	.cfi_endproc
	.size	mr_switch_keep_leave, . - mr_switch_keep_leave

/* void **mr_switch_make(void **save: x0, void *top: x1, mr_switch_fn *fn: x2) */
	.globl	mr_switch_make
	.hidden	mr_switch_make
	.type	mr_switch_make, %function
	.p2align 4
mr_switch_make:
	.cfi_startproc
	/* 16 bytes of zeros end the chain of frames; 176 for the context. */
	sub	x1, x1, #192
	adr	x9, mr_switch_start
	mrs	x10, fpcr
	stp	x2, xzr, [x1, #0]
	stp	xzr, xzr, [x1, #16]
	stp	xzr, xzr, [x1, #32]
	stp	xzr, xzr, [x1, #48]
	stp	xzr, xzr, [x1, #64]
	stp	xzr, x9, [x1, #80]
	stp	xzr, xzr, [x1, #96]
	stp	xzr, xzr, [x1, #112]
	stp	xzr, xzr, [x1, #128]
	stp	xzr, xzr, [x1, #144]
	stp	x10, xzr, [x1, #160]
	stp	xzr, xzr, [x1, #176]
	str	x1, [x0]
	ret
	.cfi_endproc
	.size	mr_switch_make, . - mr_switch_make

/* The first frame of a context: x19 is fn, x0 the value. */
	.type	mr_switch_start, %function
	.p2align 4
mr_switch_start:
	.cfi_startproc
	.cfi_undefined x30
	blr	x19
	.globl	mr_switch_bottom
	.hidden	mr_switch_bottom
mr_switch_bottom:
	brk	#1
	.cfi_endproc
	.size	mr_switch_start, . - mr_switch_start

/* long mr_sys_trap(a: x0, b: x1, c: x2, d: x3, e: x4, f: x5, nr: x6) */
	.globl	mr_sys_trap
	.hidden	mr_sys_trap
	.type	mr_sys_trap, %function
	.p2align 4
mr_sys_trap:
	.cfi_startproc
	mov	x8, x6
	svc	#0
	ret
	.cfi_endproc
	.size	mr_sys_trap, . - mr_sys_trap

	.section .note.GNU-stack, "", %progbits
