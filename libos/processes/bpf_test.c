/* The checker takes what the kernel takes; a checked program computes what the manual says. */
#include "libos/processes/bpf.h"

#include <errno.h>
#include <stddef.h>

#include "base/test.h"

#define COUNT(code) ((uint32_t)(sizeof(code) / sizeof((code)[0])))
#define CHECKED(...)                                                                               \
	({                                                                                         \
		const struct sock_filter code_[] = {__VA_ARGS__};                                  \
		bpf_check(code_, COUNT(code_));                                                    \
	})
#define RESULT(...)                                                                                \
	({                                                                                         \
		const struct sock_filter code_[] = {__VA_ARGS__};                                  \
		bpf_check(code_, COUNT(code_)) ? 0xbadU : bpf_run(code_, &data);                   \
	})
#define RET(k) BPF_STMT(BPF_RET | BPF_K, k)
#define RET_A BPF_STMT(BPF_RET | BPF_A, 0)

static const struct seccomp_data data = {
	.nr = 39, .arch = 0xc000003e, .args = {0x1122334455667788, 7, 0, 0, 0, 9}};

static void refuses(void)
{
	static struct sock_filter many[BPF_MAXINSNS + 1];

	for (uint32_t i = 0; i < COUNT(many); i++)
		many[i] = (struct sock_filter)RET(0);
	CHECK_EQ(bpf_check(many, 0), -EINVAL);
	CHECK_EQ(bpf_check(many, BPF_MAXINSNS), 0);
	CHECK_EQ(bpf_check(many, BPF_MAXINSNS + 1), -EINVAL);
	CHECK_EQ(CHECKED(BPF_STMT(BPF_LD | BPF_IMM, 0)), -EINVAL); /* runs off the end */
	CHECK_EQ(CHECKED(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), RET_A), -EINVAL);
	CHECK_EQ(CHECKED(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), RET_A), -EINVAL);
	CHECK_EQ(CHECKED(BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), RET_A), -EINVAL);
	CHECK_EQ(CHECKED(BPF_STMT(BPF_LD | BPF_W | BPF_IND, 0), RET_A), -EINVAL);
	CHECK_EQ(CHECKED(BPF_STMT(BPF_LD | BPF_MEM, 16), RET_A), -EINVAL);
	CHECK_EQ(CHECKED(BPF_STMT(BPF_ST, 16), RET_A), -EINVAL);
	CHECK_EQ(CHECKED(BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), RET_A), -EINVAL);
	CHECK_EQ(CHECKED(BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, 3), RET_A), -EINVAL);
	CHECK_EQ(CHECKED(BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 32), RET_A), -EINVAL);
	CHECK_EQ(CHECKED(BPF_STMT(BPF_JMP | BPF_JA, 1), RET(0)), -EINVAL);
	CHECK_EQ(CHECKED(BPF_STMT(BPF_JMP | BPF_JA, 0xffffffff), RET(0)), -EINVAL);
	CHECK_EQ(CHECKED(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), RET(0)), -EINVAL);
	CHECK_EQ(CHECKED(BPF_STMT(0xffff, 0), RET(0)), -EINVAL);
	CHECK_EQ(CHECKED(BPF_STMT(BPF_RET | BPF_X, 0)), -EINVAL);
}

static void memory_is_written_before_it_is_read(void)
{
	CHECK_EQ(CHECKED(BPF_STMT(BPF_LD | BPF_MEM, 3), RET_A), -EINVAL);
	CHECK_EQ(CHECKED(BPF_STMT(BPF_ST, 3), BPF_STMT(BPF_LD | BPF_MEM, 3), RET_A), 0);
	/* On one way only. */
	CHECK_EQ(CHECKED(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0), BPF_STMT(BPF_ST, 3),
			 BPF_STMT(BPF_LD | BPF_MEM, 3), RET_A),
		-EINVAL);
	CHECK_EQ(CHECKED(BPF_STMT(BPF_ST, 3), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0),
			 BPF_STMT(BPF_ST, 4), BPF_STMT(BPF_LD | BPF_MEM, 3), RET_A),
		0);
}

static void computes(void)
{
	CHECK_EQ(RESULT(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
			 RET_A),
		39);
	CHECK_EQ(RESULT(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16), RET_A), 0x55667788);
	CHECK_EQ(RESULT(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 20), RET_A), 0x11223344);
	CHECK_EQ(RESULT(BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), RET_A), 64);
	CHECK_EQ(RESULT(BPF_STMT(BPF_LD | BPF_IMM, 40), BPF_STMT(BPF_LDX | BPF_IMM, 2),
			 BPF_STMT(BPF_ALU | BPF_SUB | BPF_X, 0),
			 BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 3),
			 BPF_STMT(BPF_ALU | BPF_RSH | BPF_X, 0), RET_A),
		(40 - 2) * 3 >> 2);
	CHECK_EQ(RESULT(BPF_STMT(BPF_LD | BPF_IMM, 1), BPF_STMT(BPF_ALU | BPF_NEG, 0), RET_A),
		0xffffffff);
	CHECK_EQ(RESULT(BPF_STMT(BPF_LD | BPF_IMM, 8), BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0),
			 RET(5)),
		0); /* by zero */
	CHECK_EQ(RESULT(BPF_STMT(BPF_LD | BPF_IMM, 8), BPF_STMT(BPF_MISC | BPF_TAX, 0),
			 BPF_STMT(BPF_STX, 15), BPF_STMT(BPF_LD | BPF_IMM, 0),
			 BPF_STMT(BPF_LD | BPF_MEM, 15), RET_A),
		8);
}

static void jumps(void)
{
	CHECK_EQ(RESULT(BPF_STMT(BPF_JMP | BPF_JA, 1), RET(1), RET(2)), 2);
	CHECK_EQ(RESULT(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0), RET(1), RET(2)), 2);
	CHECK_EQ(RESULT(BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 0, 1, 0), RET(1), RET(2)), 1);
	CHECK_EQ(RESULT(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_X, 0, 1, 0), RET(1), RET(2)), 2);
	CHECK_EQ(RESULT(BPF_STMT(BPF_LD | BPF_IMM, 6),
			 BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 9, 1, 0), RET(1), RET(2)),
		1);
}

int main(void)
{
	refuses();
	memory_is_written_before_it_is_read();
	computes();
	jumps();
	return test_done();
}
