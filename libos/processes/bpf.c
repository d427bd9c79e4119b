#include "libos/processes/bpf.h"

#include <asm/errno.h>

#include "base/memory.h"

#define ALL_WORDS ((1U << BPF_MEMWORDS) - 1)

/* ---- The check ---- */

static bool is_arithmetic_ok(const struct sock_filter *step)
{
	bool is_constant = BPF_SRC(step->code) == BPF_K;

	switch (BPF_OP(step->code)) {
	case BPF_ADD:
	case BPF_SUB:
	case BPF_MUL:
	case BPF_AND:
	case BPF_OR:
	case BPF_XOR:
		return true;
	case BPF_DIV:
		return !is_constant || step->k;
	case BPF_LSH:
	case BPF_RSH:
		return !is_constant || step->k < 32;
	case BPF_NEG:
		return is_constant;
	default:
		return false;
	}
}

static bool is_load_ok(const struct sock_filter *step)
{
	switch (step->code) {
	case BPF_LD | BPF_W | BPF_ABS:
		return step->k < sizeof(struct seccomp_data) && !(step->k & 3);
	case BPF_LD | BPF_W | BPF_LEN:
	case BPF_LDX | BPF_W | BPF_LEN:
	case BPF_LD | BPF_IMM:
	case BPF_LDX | BPF_IMM:
		return true;
	case BPF_LD | BPF_MEM:
	case BPF_LDX | BPF_MEM:
		return step->k < BPF_MEMWORDS;
	default:
		return false;
	}
}

/* @left: the steps after this one. */
static bool is_jump_ok(const struct sock_filter *step, uint32_t left)
{
	switch (step->code) {
	case BPF_JMP | BPF_JA:
		return step->k < left;
	case BPF_JMP | BPF_JEQ | BPF_K:
	case BPF_JMP | BPF_JEQ | BPF_X:
	case BPF_JMP | BPF_JGE | BPF_K:
	case BPF_JMP | BPF_JGE | BPF_X:
	case BPF_JMP | BPF_JGT | BPF_K:
	case BPF_JMP | BPF_JGT | BPF_X:
	case BPF_JMP | BPF_JSET | BPF_K:
	case BPF_JMP | BPF_JSET | BPF_X:
		return step->jt < left && step->jf < left;
	default:
		return false;
	}
}

static bool is_step_ok(const struct sock_filter *step, uint32_t left)
{
	switch (BPF_CLASS(step->code)) {
	case BPF_LD:
	case BPF_LDX:
		return is_load_ok(step);
	case BPF_ST:
	case BPF_STX:
		return step->code == BPF_CLASS(step->code) && step->k < BPF_MEMWORDS;
	case BPF_ALU:
		return step->code < 256 && is_arithmetic_ok(step);
	case BPF_JMP:
		return is_jump_ok(step, left);
	case BPF_RET:
		return step->code == (BPF_RET | BPF_K) || step->code == (BPF_RET | BPF_A);
	default:
		return step->code == (BPF_MISC | BPF_TAX) || step->code == (BPF_MISC | BPF_TXA);
	}
}

/* What is known to have been stored when a step is reached: of each word of memory a bit. */
struct stored {
	uint16_t now;                  /* on the way that falls through */
	uint16_t before[BPF_MAXINSNS]; /* on all jumps to that step so far */
};

static void jump_to(struct stored *stored, uint32_t target)
{
	stored->before[target] &= stored->now;
}

/* No word of memory is read that was not written on every way there. */
static bool is_memory_ok(const struct sock_filter *step, uint32_t at, struct stored *stored)
{
	bool is_read = step->code == (BPF_LD | BPF_MEM) || step->code == (BPF_LDX | BPF_MEM);

	stored->now &= stored->before[at];
	if (step->code == BPF_ST || step->code == BPF_STX)
		stored->now |= (uint16_t)(1U << step->k);
	if (is_read && !(stored->now & 1U << step->k))
		return false;
	if (BPF_CLASS(step->code) != BPF_JMP && BPF_CLASS(step->code) != BPF_RET)
		return true;
	if (step->code == (BPF_JMP | BPF_JA)) {
		jump_to(stored, at + 1 + step->k);
	} else if (BPF_CLASS(step->code) == BPF_JMP) {
		jump_to(stored, at + 1 + step->jt);
		jump_to(stored, at + 1 + step->jf);
	}
	stored->now = ALL_WORDS; /* the next step is reached by jumps only */
	return true;
}

int bpf_check(const struct sock_filter *code, uint32_t count)
{
	struct stored stored = {0};

	if (!count || count > BPF_MAXINSNS || BPF_CLASS(code[count - 1].code) != BPF_RET)
		return -EINVAL;
	memset(stored.before, 0xff, sizeof(stored.before));
	for (uint32_t i = 0; i < count; i++)
		if (!is_step_ok(&code[i], count - i - 1) || !is_memory_ok(&code[i], i, &stored))
			return -EINVAL;
	return 0;
}

/* ---- The run ---- */

struct machine {
	uint32_t a, x, memory[BPF_MEMWORDS];
};

static uint32_t loaded(
	const struct machine *m, const struct sock_filter *step, const struct seccomp_data *data)
{
	uint32_t word;

	switch (BPF_MODE(step->code)) {
	case BPF_ABS:
		memcpy(&word, (const uint8_t *)data + step->k, sizeof(word));
		return word;
	case BPF_MEM:
		return m->memory[step->k];
	case BPF_LEN:
		return sizeof(*data);
	default:
		return step->k;
	}
}

/* false: a division by zero. */
static bool calculate(struct machine *m, uint16_t op, uint32_t operand)
{
	switch (op) {
	case BPF_ADD:
		m->a += operand;
		break;
	case BPF_SUB:
		m->a -= operand;
		break;
	case BPF_MUL:
		m->a *= operand;
		break;
	case BPF_DIV:
		if (!operand)
			return false;
		m->a /= operand;
		break;
	case BPF_AND:
		m->a &= operand;
		break;
	case BPF_OR:
		m->a |= operand;
		break;
	case BPF_XOR:
		m->a ^= operand;
		break;
	case BPF_LSH:
		m->a <<= operand & 31;
		break;
	case BPF_RSH:
		m->a >>= operand & 31;
		break;
	default:
		m->a = -m->a;
		break;
	}
	return true;
}

static uint32_t jump_distance(const struct machine *m, const struct sock_filter *step)
{
	uint32_t operand = BPF_SRC(step->code) == BPF_X ? m->x : step->k;
	bool holds;

	switch (BPF_OP(step->code)) {
	case BPF_JA:
		return step->k;
	case BPF_JEQ:
		holds = m->a == operand;
		break;
	case BPF_JGT:
		holds = m->a > operand;
		break;
	case BPF_JGE:
		holds = m->a >= operand;
		break;
	default:
		holds = m->a & operand;
		break;
	}
	return holds ? step->jt : step->jf;
}

uint32_t bpf_run(const struct sock_filter *code, const struct seccomp_data *data)
{
	struct machine m = {0};

	for (const struct sock_filter *step = code;; step++) {
		switch (BPF_CLASS(step->code)) {
		case BPF_LD:
			m.a = loaded(&m, step, data);
			break;
		case BPF_LDX:
			m.x = loaded(&m, step, data);
			break;
		case BPF_ST:
			m.memory[step->k] = m.a;
			break;
		case BPF_STX:
			m.memory[step->k] = m.x;
			break;
		case BPF_ALU:
			if (!calculate(&m, BPF_OP(step->code),
				    BPF_SRC(step->code) == BPF_X ? m.x : step->k))
				return 0; /* SECCOMP_RET_KILL_THREAD, as on Linux */
			break;
		case BPF_JMP:
			step += jump_distance(&m, step);
			break;
		case BPF_RET:
			return BPF_RVAL(step->code) == BPF_A ? m.a : step->k;
		default:
			if (BPF_MISCOP(step->code) == BPF_TAX)
				m.x = m.a;
			else
				m.a = m.x;
			break;
		}
	}
}
