#include "attestation/policy_jq.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <jq.h>
#include <jv.h>

struct policy_jq {
	pthread_mutex_t lock; /* guards state: a compiled program holds the state of its run */
	jq_state *state;
};

/* Words that neither call back nor generate without bound. .log2: of how many times what follows
 * may run, for input of the size of claims: at most 64 members in an array or object. */
static const struct {
	const char *name;
	unsigned int log2;
} words[] = {
	{"and", 0},
	{"or", 0},
	{"not", 0},
	{"if", 0},
	{"then", 0},
	{"elif", 0},
	{"else", 0},
	{"end", 0},
	{"true", 0},
	{"false", 0},
	{"null", 0},
	{"as", 0},
	{"length", 0},
	{"has", 0},
	{"type", 0},
	{"startswith", 0},
	{"endswith", 0},
	{"contains", 0},
	{"inside", 0},
	{"index", 0},
	{"ascii_downcase", 0},
	{"ascii_upcase", 0},
	{"ltrimstr", 0},
	{"rtrimstr", 0},
	{"tonumber", 0},

	{"keys", 0},
	{"first", 0},
	{"last", 0},
	{"min", 0},
	{"max", 0},
	{"sort", 0},
	{"unique", 0},
	{"empty", 0},
	{"select", 0},
	{"any", 6},
	{"all", 6},
	{"map", 6},
};

/* All in all, no part runs more than 2^20 times. */
#define STEPS_LOG2_MAX 20

static int refuse(struct attest_error *error, const char *what, const char *at, size_t size)
{
	return verdict_fail(error, ATTEST_POLICY_MALFORMED, "jq: %s: %.*s", what, (int)size, at);
}

static size_t word_size(const char *at)
{
	size_t size = 0;

	while (isalnum((unsigned char)at[size]) || at[size] == '_')
		size++;
	return size;
}

/* A string, without interpolation: that calls. */
static size_t string_size(const char *at)
{
	for (size_t size = 1; at[size]; size++) {
		if (at[size] == '"')
			return size + 1;
		if (at[size] == '\\' && (at[++size] == '(' || !at[size]))
			return 0;
	}
	return 0;
}

static int check_word(const char *at, size_t size, unsigned int *log2, struct attest_error *error)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strlen(words[i].name) == size && !memcmp(words[i].name, at, size)) {
			*log2 += words[i].log2;
			return 0;
		}
	}
	return refuse(error, "not a word that a policy may use", at, size);
}

/* Besides words: what doubles the work or its data is a comma or a sum; `.[]` runs the rest for
 * each. */
static int check_sign(const char *at, unsigned int *log2, struct attest_error *error)
{
	if (!strncmp(at, "..", 2) || !strchr(" \t\n.[](){}|,+-=!<>:;/?$", *at))
		return refuse(error, "not a sign that a policy may use", at, 1);
	if (*at == ',' || *at == '+')
		*log2 += 1;
	if (*at == '[' && at[1 + strspn(at + 1, " \t\n")] == ']')
		*log2 += 6;
	if (*at == '/' && at[1] != '/')
		return refuse(error, "not a sign that a policy may use", at, 1);
	return 0;
}

static int check_program(const char *program, struct attest_error *error)
{
	unsigned int log2 = 0;
	char before = ' ';

	if (!program[strspn(program, " \t\n")])
		return refuse(error, "an empty program", "", 0);
	if (strlen(program) > POLICY_JQ_SIZE_MAX)
		return refuse(error, "too long", "", 0);
	for (const char *at = program; *at;) {
		size_t size = 1;
		int r = 0;

		if (*at == '"') {
			size = string_size(at);
			r = size ? 0 : refuse(error, "a string that calls, or does not end", at, 1);
		} else if (isalpha((unsigned char)*at) || *at == '_') {
			size = word_size(at);
			/* .member and $variable can be called anything but $ENV and $__prog_args.
			 */
			if (before == '$')
				r = *at == '_' || isupper((unsigned char)*at)
					    ? refuse(error, "not a variable of its own", at, size)
					    : 0;
			else if (before != '.')
				r = check_word(at, size, &log2, error);
		} else if (!isdigit((unsigned char)*at)) {
			r = check_sign(at, &log2, error);
			/* `//` is two signs, and asks for another value. */
			if (r == 0 && !strncmp(at, "//", 2))
				size = 2;
		}
		if (r < 0)
			return r;
		before = at[size - 1];
		at += size;
	}
	if (log2 > STEPS_LOG2_MAX)
		return refuse(error, "it could run for too long", "", 0);
	return 0;
}

/* Without this, libjq writes to standard error. */
static void on_error(void *context, jv message)
{
	struct attest_error *error = context;

	if (error && jv_get_kind(message) == JV_KIND_STRING)
		verdict_fail(error, ATTEST_POLICY_MALFORMED, "%s", jv_string_value(message));
	jv_free(message);
}

int policy_jq_new(const char *program, struct policy_jq **ret_jq, struct attest_error *error)
{
	struct policy_jq *jq;
	int r = check_program(program, error);

	if (r < 0)
		return r;
	jq = calloc(1, sizeof(*jq));
	if (jq)
		jq->state = jq_init();
	if (!jq || !jq->state || pthread_mutex_init(&jq->lock, NULL)) {
		free(jq);
		return verdict_fail(error, ATTEST_INTERNAL_ERROR, "out of memory");
	}
	verdict_fail(error, ATTEST_POLICY_MALFORMED, "jq: the program can't be compiled");
	jq_set_error_cb(jq->state, on_error, error);
	if (!jq_compile(jq->state, program)) {
		policy_jq_free(jq);
		return -EINVAL;
	}
	jq_set_error_cb(jq->state, on_error, NULL);
	*ret_jq = jq;
	return 0;
}

void policy_jq_free(struct policy_jq *jq)
{
	if (!jq)
		return;
	jq_teardown(&jq->state);
	pthread_mutex_destroy(&jq->lock);
	free(jq);
}

bool policy_jq_holds(struct policy_jq *jq, const char *claims)
{
	jv input = jv_parse(claims), first, second;
	bool holds;

	if (!jv_is_valid(input)) {
		jv_free(input);
		return false;
	}
	pthread_mutex_lock(&jq->lock);
	jq_start(jq->state, input, 0);
	first = jq_next(jq->state);
	second = jv_is_valid(first) ? jq_next(jq->state) : jv_invalid();
	/* One value, true; and the program ended rather than failed. */
	holds = jv_get_kind(first) == JV_KIND_TRUE && !jv_is_valid(second) &&
		!jv_invalid_has_msg(jv_copy(second));
	jv_free(first);
	jv_free(second);
	pthread_mutex_unlock(&jq->lock);
	return holds;
}
