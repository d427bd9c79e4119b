#include "attestation/json_fields.h"

#include <errno.h>
#include <string.h>

void json_freep(json_t **json)
{
	json_decref(*json);
}

json_t *json_fields_parse(struct span text, enum attest_verdict verdict, struct attest_error *error)
{
	json_error_t why;
	json_t *json = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, &why);

	if (!json && !text.size)
		verdict_fail(error, verdict, "empty");
	else if (!json)
		verdict_fail(error, verdict, "line %d: %s", why.line, why.text);
	if (json && !json_is_object(json)) {
		json_decref(json);
		json = NULL;
		verdict_fail(error, verdict, "JSON, but not an object");
	}
	return json;
}

void json_fields_fail(struct json_fields *fields, const char *name, const char *what)
{
	if (!fields->failed)
		verdict_fail(
			fields->error, fields->verdict, "%s: \"%s\" %s", fields->where, name, what);
	fields->failed = true;
}

bool json_fields_has(const struct json_fields *fields, const char *name)
{
	return json_object_get(fields->object, name) != NULL;
}

static const json_t *get(struct json_fields *fields, const char *name)
{
	const json_t *value = json_object_get(fields->object, name);

	if (!value)
		json_fields_fail(fields, name, "is missing");
	return value;
}

const char *json_fields_string(struct json_fields *fields, const char *name)
{
	const json_t *value = get(fields, name);

	if (value && json_is_string(value))
		return json_string_value(value);
	json_fields_fail(fields, name, "must be a string");
	return "";
}

uint32_t json_fields_unsigned(struct json_fields *fields, const char *name, uint32_t max)
{
	const json_t *value = get(fields, name);

	if (value && json_is_integer(value) && json_integer_value(value) >= 0 &&
		json_integer_value(value) <= max)
		return (uint32_t)json_integer_value(value);
	json_fields_fail(fields, name, "must be a whole number in its range");
	return 0;
}

void json_fields_hex(struct json_fields *fields, const char *name, void *to, size_t size)
{
	const char *text = json_fields_string(fields, name);

	memset(to, 0, size);
	if (!fields->failed && !text_from_hex(text, strlen(text), to, size))
		json_fields_fail(fields, name, "must be hexadecimal, of its size");
}

int64_t json_fields_time(struct json_fields *fields, const char *name)
{
	const char *text = json_fields_string(fields, name);
	int64_t time = 0;

	if (!fields->failed && !text_from_time(text, &time))
		json_fields_fail(fields, name, "must be a date and time, as 2025-06-19T10:56:11Z");
	return time;
}

const json_t *json_fields_object(struct json_fields *fields, const char *name)
{
	const json_t *value = get(fields, name);

	if (value && json_is_object(value))
		return value;
	json_fields_fail(fields, name, "must be an object");
	return NULL;
}

const json_t *json_fields_array(struct json_fields *fields, const char *name)
{
	const json_t *value = get(fields, name);

	if (value && json_is_array(value))
		return value;
	json_fields_fail(fields, name, "must be an array");
	return NULL;
}

int json_fields_bytes(struct json_fields *fields, const char *name, struct text_buffer *ret)
{
	const char *text = json_fields_string(fields, name);
	int r = -EINVAL;

	if (!fields->failed) {
		r = text_from_hex_any(text, strlen(text), ret);
		if (r == -EINVAL)
			r = text_from_base64(text, strlen(text), ret);
		if (r < 0)
			json_fields_fail(fields, name, "must be base64 or hexadecimal");
	}
	return r;
}
