/* A pull parser for JSON (RFC 8259), strict, without allocation. Numbers must be integers that fit
 * int64_t; strings must be UTF-8. Names given twice are the caller's to find.
 *
 *	json_init(&json, text);
 *	while ((r = json_next(&json, &token)) == 0 && token.type != JSON_END)
 *		...
 *
 * An error is final: json.error says what is wrong, json.at where (bytes from the start). */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/span.h"

#define JSON_DEPTH_MAX 32

enum json_type {
	JSON_END, /* after the one value, at the end of the text */
	JSON_OBJECT,
	JSON_OBJECT_END,
	JSON_ARRAY,
	JSON_ARRAY_END,
	JSON_KEY, /* its value is the next token, or begins with it */
	JSON_STRING,
	JSON_INTEGER,
	JSON_BOOL,
	JSON_NULL,
};

struct json_token {
	enum json_type type;
	size_t at; /* bytes from the start of the text */
	union {
		struct {
			struct span raw; /* between the quotes, escapes as written */
			size_t size;     /* bytes of the text that it stands for */
		};
		int64_t integer;
		bool boolean;
	};
};

/* Can be copied: the copy goes on from the same place. */
struct json {
	struct span text;
	size_t at;
	const char *error;
	unsigned int depth;
	uint8_t expect;
	bool in_object[JSON_DEPTH_MAX];
};

/* @text must outlive @json and its tokens. */
void json_init(struct json *json, struct span text);

/* 0, or -EINVAL. */
int json_next(struct json *json, struct json_token *ret) MUST_CHECK;

/* Having met @token as a value or the beginning of one, go past its end. 0, or -EINVAL. */
int json_skip(struct json *json, const struct json_token *token) MUST_CHECK;

/* The text of a JSON_KEY or JSON_STRING, unescaped: token->size bytes to @to, no NUL added (the
 * text itself may hold one). */
void json_string_copy(const struct json_token *token, char *to);
bool json_string_is(const struct json_token *token, const char *s);

#endif
