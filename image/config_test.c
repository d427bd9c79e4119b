#include <errno.h>
#include <string.h>

#include "base/test.h"
#include "image/config.h"

static struct image_error error;

static int parse(const char *text, json_t **ret)
{
	struct span span = {(const uint8_t *)text, strlen(text)};

	return config_parse(span, "c.json", ret, &error);
}

static void check_bad(const char *text, const char *expected)
{
	json_t *json = NULL;

	CHECK_EQ(parse(text, &json), -EINVAL);
	CHECK_STR(error.text, expected);
}

static void test_errors(void)
{
	check_bad("[]", "c.json: must be a JSON object");
	check_bad("{\"Entrpoint\": []}",
		"c.json: unknown key \"Entrpoint\"; did you mean \"Entrypoint\"?");
	check_bad("{\"Volumes\": {}}", "c.json: unknown key \"Volumes\"");
	check_bad("{\"Cmd\": \"ls\"}", "c.json: Cmd must be an array of strings");
	check_bad("{\"Env\": [\"A\"]}", "c.json: Env must be an array of strings \"NAME=value\"");
	check_bad("{\"WorkingDir\": \"x\"}", "c.json: WorkingDir must be an absolute path");
	check_bad("{\"Svn\": 65536}", "c.json: Svn must be a number from 0 to 65535");
	check_bad("{\"Svn\": 1.0}", "c.json: Svn must be a number from 0 to 65535");
	check_bad("{\"AllowEnv\": [\"*\", \"A\"]}",
		"c.json: AllowEnv must be an array of names, or [\"*\"]");
	check_bad("{\"AllowPorts\": [\"080\"]}",
		"c.json: AllowPorts must be an array of "
		"\"port\", \"port/tcp\" or \"port/udp\", or [\"*\"]");
	check_bad("{\"AllowMounts\": [{\"Target\": \"/x\", \"Readonly\": true}]}",
		"c.json: AllowMounts must be an array of "
		"{\"Target\": path, \"ReadOnly\": true or false}");
	check_bad("{\"User\": \"a:b:c\"}",
		"c.json: User must be \"user\" or \"user:group\", names or numbers");
	check_bad("{\"Debug\": 1}", "c.json: Debug must be true or false");
	check_bad("{\"Nameservers\": [\"dns\"]}",
		"c.json: Nameservers must be an array of IP addresses");
}

static void test_damage(void)
{
	json_t *json = NULL;

	CHECK_EQ(parse("{\"Debug\": true, \"Debug\": true}", &json), -EINVAL);
	CHECK(strstr(error.text, "duplicate object key") && strstr(error.text, "Debug"));
	CHECK_EQ(parse("{", &json), -EINVAL);
	CHECK_EQ(parse("{} x", &json), -EINVAL);
	CHECK_EQ(parse("{\"Hostname\": \"a\\u0000\"}", &json), -EINVAL);
	CHECK_EQ(parse("", &json), -EINVAL);
}

static void test_canonical(void)
{
	CLEANUP(config_json_freep) json_t *json = NULL;
	CLEANUP(buffer_done) struct buffer text = {0};

	CHECK_EQ(parse("{ \"User\": \"0:0\", \"Svn\": 2, \"Cmd\": [\"\xc3\xa9/\"], \"Env\": [],"
		       "\"Debug\": false, \"Hostname\": \"casemate\", \"WorkingDir\": \"/\","
		       "\"AllowMounts\": [{\"Target\": \"*\", \"ReadOnly\": false}] }",
			 &json),
		0);
	CHECK_EQ(config_canonical(json, &text), 0);
	CHECK_EQ(buffer_append(&text, "", 1), 0);
	CHECK_STR((const char *)text.data,
		"{\"AllowMounts\":[{\"Target\":\"*\"}],\"Cmd\":[\"\xc3\xa9/\"],\"Svn\":2}");
}

static void test_read(void)
{
	CLEANUP(config_json_freep) json_t *json = NULL, *over = NULL;
	CLEANUP(image_config_done) struct image_config config = {0};

	CHECK_EQ(
		parse("{\"Entrypoint\": [\"/a\"], \"Cmd\": [\"b\"], \"User\": \"7:8\"}", &json), 0);
	CHECK_EQ(parse("{\"Entrypoint\": [\"/c\", \"d\"], \"AllowArgs\": true}", &over), 0);
	CHECK_EQ(config_merge(json, over), 0);
	CHECK_EQ(config_read(json, &config, &error), 0);
	CHECK_EQ(config.entrypoint.count, 2);
	CHECK_STR(config.entrypoint.items[1], "d");
	CHECK_EQ(config.cmd.count, 0);
	CHECK_EQ(config.uid, 7);
	CHECK_EQ(config.gid, 8);
	CHECK(config.allow_args && !config.allow_programs);
	CHECK_STR(config.hostname, "casemate");
	CHECK_STR(config.working_dir, "/");
}

static void test_ids(void)
{
	uint32_t uid = 1, gid = 1;

	CHECK(config_parse_ids("5", &uid, &gid) && uid == 5 && gid == 0);
	CHECK(!config_parse_ids("", &uid, &gid));
	CHECK(!config_parse_ids("4294967295", &uid, &gid));
	CHECK(!config_parse_ids("1:", &uid, &gid));
	CHECK(!config_parse_ids("1:2:3", &uid, &gid));
	CHECK(!config_parse_ids("root", &uid, &gid));
	CHECK(!config_parse_ids("01", &uid, &gid));
}

int main(void)
{
	test_errors();
	test_damage();
	test_canonical();
	test_read();
	test_ids();
	return test_done();
}
