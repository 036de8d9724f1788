/* SPDX-License-Identifier: MIT */

/*
 * switch_x86_64.S - the context switch and the bare system call, x86-64.
 *
 * Written from the System V psABI for AMD64: 3.2.1 names what a callee must
 * preserve (rbx, rbp, r12-r15, the MXCSR control bits, the x87 control word),
 * A.2.1 the kernel's calling convention.
 *
 * A suspended context, from its stack pointer up:
 *
 *      +0  MXCSR (4 bytes), x87 control word (2 bytes), 2 unused
 *      +8  r15   +16 r14   +24 r13   +32 r12   +40 rbx   +48 rbp
 *     +56  the address to go on at
 *
 * No .note.gnu.property: the switch leaves by a jump, so a program that has it
 * must not claim shadow-stack (CET) support.
 */
	.text

/* The frame at rax, but for its control words. */
	.macro save_registers
	movq	%rbp, 48(%rax)
	movq	%rbx, 40(%rax)
	movq	%r12, 32(%rax)
	movq	%r13, 24(%rax)
	movq	%r14, 16(%rax)
	movq	%r15, 8(%rax)
	.endm

/* The frame at rsi, which stays valid to the end, says all. */
	.macro in_other_frame
	.cfi_def_cfa %rsi, 64
	.cfi_offset %rbp, -16
	.cfi_offset %rbx, -24
	.cfi_offset %r12, -32
	.cfi_offset %r13, -40
	.cfi_offset %r14, -48
	.cfi_offset %r15, -56
	.endm

	.macro go_on
	movq	56(%rsi), %rcx
	movq	48(%rsi), %rbp
	movq	40(%rsi), %rbx
	movq	32(%rsi), %r12
	movq	24(%rsi), %r13
	movq	16(%rsi), %r14
	movq	8(%rsi), %r15
	leaq	64(%rsi), %rsp
	movq	%rdx, %rax
	/* Not ret: its target would never be the one that was pushed last, and
	 * each miss costs 8 ns. */
	jmp	*%rcx
	.endm

/* void *mr_switch(void **save: rdi, void *to: rsi, void *value: rdx) */
	.globl	mr_switch
	.hidden	mr_switch
	.type	mr_switch, @function
	.globl	mr_switch_int
	.hidden	mr_switch_int
	.type	mr_switch_int, @function
	.p2align 4
mr_switch:
mr_switch_int:
	.cfi_startproc
	/* In the red zone, until the stack pointer is another one. No pushes:
	 * all that follows waits for the stack pointer, so it goes through as
	 * few steps as can be. */
	leaq	-56(%rsp), %rax
	stmxcsr	(%rax)
	fnstcw	4(%rax)
	save_registers
	movl	(%rax), %r8d
	movzwl	4(%rax), %r9d
	movq	%rax, (%rdi)
.Larrive:
	in_other_frame
	/* Bits 0-5 are sticky exception flags, which differ all the time and
	 * mean nothing here. */
	xorl	(%rsi), %r8d
	testl	$0xffc0, %r8d
	jne	.Lload_mxcsr
.Lx87:
	cmpw	%r9w, 4(%rsi)
	jne	.Lload_x87
.Lrestore:
	go_on

.Lload_mxcsr:
	/* With the flags as they are: a load that changes them costs 60 ns, one
	 * of control bits alone 3. */
	andl	$0x3f, %r8d
	xorl	%r8d, (%rsi)
	ldmxcsr	(%rsi)
	jmp	.Lx87
.Lload_x87:
	fldcw	4(%rsi)
	jmp	.Lrestore
	.cfi_endproc
	.size	mr_switch, . - mr_switch

/* void mr_switch_leave(void *to: rdi, void *value: rsi) */
	.globl	mr_switch_leave
	.hidden	mr_switch_leave
	.type	mr_switch_leave, @function
	.p2align 4
mr_switch_leave:
	.cfi_startproc
	.cfi_undefined %rip
	movq	%rsi, %rdx
	movq	%rdi, %rsi
	/* In the red zone of a stack that nobody comes back to. */
	stmxcsr	-8(%rsp)
	fnstcw	-4(%rsp)
	movl	-8(%rsp), %r8d
	movzwl	-4(%rsp), %r9d
	jmp	.Larrive
	.cfi_endproc
	.size	mr_switch_leave, . - mr_switch_leave

/*
 * int mr_switch_keep(void **save: rdi, void *to: rsi, void *value: rdx)
 *
 * The frame is the same, its control words unwritten.
 */
	.globl	mr_switch_keep
	.hidden	mr_switch_keep
	.type	mr_switch_keep, @function
	.p2align 4
mr_switch_keep:
	.cfi_startproc
	leaq	-56(%rsp), %rax
	save_registers
	movq	%rax, (%rdi)
.Lkeep_arrive:
	in_other_frame
	go_on
	.cfi_endproc
	.size	mr_switch_keep, . - mr_switch_keep

/* void mr_switch_keep_leave(void *to: rdi, void *value: rsi) */
	.globl	mr_switch_keep_leave
	.hidden	mr_switch_keep_leave
	.type	mr_switch_keep_leave, @function
	.p2align 4
mr_switch_keep_leave:
	.cfi_startproc
	.cfi_undefined %rip
	movq	%rsi, %rdx
	movq	%rdi, %rsi
	jmp	.Lkeep_arrive
	.cfi_endproc
	.size	mr_switch_keep_leave, . - mr_switch_keep_leave

/* void **mr_switch_make(void **save: rdi, void *top: rsi, mr_switch_fn *fn: rdx) */
	.globl	mr_switch_make
	.hidden	mr_switch_make
	.type	mr_switch_make, @function
	.p2align 4
mr_switch_make:
	.cfi_startproc
	/* 16 bytes of zeros end the chain of frames; 64 for the context. Its
	 * registers, too: what is saved of them on the stack must not look like
	 * a frame to who walks it (core/frames.c). */
	addq	$-80, %rsi
	leaq	.Lstart(%rip), %rcx
	pxor	%xmm0, %xmm0
	movups	%xmm0, 64(%rsi)
	movups	%xmm0, 40(%rsi)
	movups	%xmm0, 8(%rsi)
	movq	%rcx, 56(%rsi)
	movq	%rdx, 32(%rsi)
	movq	$0, 24(%rsi)
	stmxcsr	(%rsi)
	fnstcw	4(%rsi)
	movq	%rsi, (%rdi)
	movq	%rdi, %rax
	ret
	.cfi_endproc
	.size	mr_switch_make, . - mr_switch_make

/* The first frame of a context: r12 is fn, rax the value; rsp is 16-aligned. */
	.type	mr_switch_start, @function
	.p2align 4
mr_switch_start:
	.cfi_startproc
	.cfi_undefined %rip
.Lstart:
	movq	%rax, %rdi
	call	*%r12
	.globl	mr_switch_bottom
	.hidden	mr_switch_bottom
mr_switch_bottom:
	ud2
	.cfi_endproc
	.size	mr_switch_start, . - mr_switch_start

/* long mr_sys_trap(a: rdi, b: rsi, c: rdx, d: rcx, e: r8, f: r9, nr: stack) */
	.globl	mr_sys_trap
	.hidden	mr_sys_trap
	.type	mr_sys_trap, @function
	.p2align 4
mr_sys_trap:
	.cfi_startproc
	movq	8(%rsp), %rax
	movq	%rcx, %r10
	syscall
	ret
	.cfi_endproc
	.size	mr_sys_trap, . - mr_sys_trap

	.section .note.GNU-stack, "", @progbits
