/* Any text: the parser ends, its offsets lie in the text, and strings have the size they say. */
#include "base/json.h"

#include "tests/fuzz/fuzz.h"

static void check_string(const struct json_token *token)
{
	/* Of just that size, so that one byte too many is seen. */
	char *to = malloc(token->size + 1);

	json_string_copy(token, to);
	to[token->size] = '\0';
	if (strlen(to) == token->size)
		FUZZ_ASSERT(json_string_is(token, to));
	free(to);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json json, copy;
	struct json_token token;
	size_t count = 0;

	json_init(&json, (struct span){data, size});
	for (;;) {
		if (json_next(&json, &token) < 0) {
			FUZZ_ASSERT(json.error && json.at <= size);
			FUZZ_ASSERT(json_next(&json, &token) < 0);
			return 0;
		}
		FUZZ_ASSERT(token.at <= json.at && json.at <= size && count++ <= size);
		if (token.type == JSON_END)
			return 0;
		if (token.type == JSON_STRING || token.type == JSON_KEY)
			check_string(&token);
		copy = json;
		if (token.type == JSON_ARRAY && json_skip(&copy, &token) == 0)
			FUZZ_ASSERT(copy.depth == json.depth - 1);
	}
}
