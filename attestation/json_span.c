#include "attestation/json_span.h"

#include "base/json.h"

bool json_span_member(struct span text, const char *name, struct span *ret_value)
{
	struct json_token token;
	struct json json;
	size_t found = 0;

	json_init(&json, text);
	if (json_next(&json, &token) < 0 || token.type != JSON_OBJECT)
		return false;
	for (;;) {
		bool wanted;

		if (json_next(&json, &token) < 0)
			return false;
		if (token.type == JSON_OBJECT_END)
			return found == 1;
		wanted = json_string_is(&token, name);
		if (json_next(&json, &token) < 0 || json_skip(&json, &token) < 0)
			return false;
		if (wanted) {
			*ret_value = (struct span){text.data + token.at, json.at - token.at};
			found++;
		}
	}
}
