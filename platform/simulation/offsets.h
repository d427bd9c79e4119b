/* For assembly: offsets into struct thread_block (libos/processes/thread.h), checked in thread.c,
 * and flags. */
#ifndef PLATFORM_SIMULATION_OFFSETS_H
#define PLATFORM_SIMULATION_OFFSETS_H

#define BLOCK_THREAD 0x00
#define BLOCK_STACK_TOP 0x10
#define BLOCK_PENDING 0x18
#define FRAME_R15 0x20
#define FRAME_R14 0x28
#define FRAME_R13 0x30
#define FRAME_R12 0x38
#define FRAME_RBP 0x40
#define FRAME_RBX 0x48
#define FRAME_R11 0x50
#define FRAME_R10 0x58
#define FRAME_R9 0x60
#define FRAME_R8 0x68
#define FRAME_RAX 0x70
#define FRAME_RCX 0x78
#define FRAME_RDX 0x80
#define FRAME_RSI 0x88
#define FRAME_RDI 0x90
#define FRAME_ORIG_RAX 0x98
#define FRAME_RIP 0xa0
#define FRAME_CS 0xa8
#define FRAME_RFLAGS 0xb0
#define FRAME_RSP 0xb8

#define RFLAGS_ALIGNMENT 0x40000 /* AC: a word that is not aligned faults */
#define RFLAGS_DIRECTION 0x400
#define RFLAGS_UNUSUAL (~0xad7) /* all but OF SF ZF AF PF CF, and what is always set: IF, bit 1 */
#define RFLAGS_OVERFLOW_BIT 11

#endif
