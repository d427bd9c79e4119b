#include "libos/image/config.h"

#include <errno.h>
#include <stdlib.h>

#include "base/test.h"
#include "libos/image/address.h"

static struct config config;
static struct config_error error;
static char *memory;

static int parse(const char *text)
{
	size_t size = config_memory_size(strlen(text));

	/* Of just that size, and a copy of the text: the sanitizers see what goes past. */
	free(memory);
	memory = malloc(size);
	memset(memory, 0xa5, size);
	memset(&error, 0, sizeof(error));
	return config_parse(
		&config, (struct span){(const uint8_t *)text, strlen(text)}, memory, size, &error);
}

static void test_everything(void)
{
	CHECK_EQ(parse("{\"AllowArgs\":true,\"AllowEnv\":[\"TERM\",\"LANG\"],\"AllowMounts\":[{"
		       "\"ReadOnly\":true,\"Target\":\"/data\"},{\"Target\":\"*\"}],"
		       "\"AllowNetwork\":true,\"AllowPorts\":[\"80\",\"53/udp\",\"443/tcp\"],"
		       "\"AllowPrograms\":false,\"Cmd\":[\"-c\",\"\"],\"Debug\":true,"
		       "\"Entrypoint\":[\"/bin/sh\"],\"Env\":[\"A=b=c\",\"B=\"],"
		       "\"Hostname\":\"h\\u00e9\",\"MemoryLimit\":9223372036854775807,"
		       "\"Nameservers\":[\"1.2.3.4\",\"fe80::1\"],\"ProcessLimit\":7,"
		       "\"Product\":65535,\"Svn\":3,\"User\":\"1000:100\",\"WorkingDir\":\"/a\"}"),
		0);
	CHECK(config.allow_args && !config.allow_programs && config.allow_network);
	CHECK(config.debug);
	CHECK_EQ(config.allow_env.count, 2);
	CHECK_STR(config.allow_env.items[1], "LANG");
	CHECK_EQ(config.allow_mounts.count, 2);
	CHECK(config.allow_mounts.items[0].read_only && !config.allow_mounts.items[1].read_only);
	CHECK_STR(config.allow_mounts.items[0].target, "/data");
	CHECK_STR(config.allow_mounts.items[1].target, "*");
	CHECK_EQ(config.allow_ports.count, 3);
	CHECK(!config.allow_ports.any);
	CHECK_EQ(config.allow_ports.items[1].port, 53);
	CHECK_EQ(config.allow_ports.items[1].protocol, CONFIG_PROTOCOL_UDP);
	CHECK_EQ(config.allow_ports.items[2].protocol, CONFIG_PROTOCOL_TCP);
	CHECK_EQ(config.cmd.count, 2);
	CHECK_STR(config.cmd.items[1], "");
	CHECK(!config.cmd.items[2]);
	CHECK_STR(config.entrypoint.items[0], "/bin/sh");
	CHECK_STR(config.env.items[0], "A=b=c");
	CHECK_STR(config.hostname, "h\xc3\xa9");
	CHECK_EQ(config.memory_limit, INT64_MAX);
	CHECK_STR(config.nameservers.items[1], "fe80::1");
	CHECK_EQ(config.process_limit, 7);
	CHECK_EQ(config.product, 65535);
	CHECK_EQ(config.svn, 3);
	CHECK_EQ(config.uid, 1000);
	CHECK_EQ(config.gid, 100);
	CHECK_STR(config.working_dir, "/a");
}

static void test_defaults(void)
{
	CHECK_EQ(parse("{}"), 0);
	CHECK_EQ(config.entrypoint.count, 0);
	CHECK(!config.entrypoint.items[0] && !config.env.items[0]);
	CHECK_STR(config.working_dir, "/");
	CHECK_STR(config.hostname, "casemate");
	CHECK_EQ(config.process_limit, 4096);
	CHECK_EQ(config.uid, 0);
	CHECK_EQ(config.gid, 0);
	CHECK(!config.allow_args && !config.allow_programs && !config.debug);
	CHECK(!config_allows_env(&config, "A", 1));
	CHECK_EQ(parse("{\"ProcessLimit\":0,\"User\":\"5\"}"), 0);
	CHECK_EQ(config.process_limit, 4096);
	CHECK_EQ(config.uid, 5);
	CHECK_EQ(parse("{\"AllowPorts\":[\"*\"],\"AllowEnv\":[\"*\"]}"), 0);
	CHECK(config.allow_ports.any && config.allow_ports.count == 0);
	CHECK(config_allows_env(&config, "A", 1));
	CHECK_EQ(parse("{\"AllowEnv\":[\"AB\"]}"), 0);
	CHECK(config_allows_env(&config, "AB=", 2) && !config_allows_env(&config, "ABC", 3));
}

static void bad(const char *text, const char *key, const char *what, size_t offset)
{
	CHECK_EQ(parse(text), -EINVAL);
	CHECK_STR(error.key, key);
	CHECK_STR(error.what, what);
	CHECK_EQ(error.offset, offset);
}

static void test_errors(void)
{
	bad("", "", "a value was expected", 0);
	bad("[]", "", "an object was expected", 0);
	bad("{} {}", "", "something after the end", 3);
	bad("{\"Volumes\":{}}", "Volumes", "an unknown key", 1);
	bad("{\"Env\":[],\"Env\":[]}", "Env", "a key that is given twice", 10);
	bad("{\"Env\":[],\"\\u0045nv\":[]}", "\\u0045nv", "a key that is given twice", 10);
	bad("{\"Env\":\"A=b\"}", "Env", "an array was expected", 7);
	bad("{\"Env\":[\"A\"]}", "Env", "NAME=value was expected", 8);
	bad("{\"Env\":[\"=A\"]}", "Env", "NAME=value was expected", 8);
	bad("{\"Env\":[\"A=\",7]}", "Env", "a string was expected", 13);
	bad("{\"Env\":[\"A=\"", "Env", "a comma or the end was expected", 12);
	bad("{\"Cmd\":[\"a\\u0000b\"]}", "Cmd", "a string with a zero byte", 8);
	bad("{\"Debug\":1}", "Debug", "true or false was expected", 9);
	bad("{\"Svn\":65536}", "Svn", "a number out of range", 7);
	bad("{\"Svn\":-1}", "Svn", "a number out of range", 7);
	bad("{\"Svn\":1.5}", "Svn", "a number that is not an integer", 8);
	bad("{\"MemoryLimit\":\"1G\"}", "MemoryLimit", "an integer was expected", 15);
	bad("{\"WorkingDir\":\"a\"}", "WorkingDir", "an absolute path was expected", 14);
	bad("{\"WorkingDir\":null}", "WorkingDir", "a string was expected", 14);
	bad("{\"Hostname\":\"\"}", "Hostname", "a name of 1 to 64 bytes was expected", 12);
	bad("{\"User\":\"root\"}", "User", "\"uid:gid\" was expected, in numbers", 8);
	bad("{\"User\":\"1:\"}", "User", "\"uid:gid\" was expected, in numbers", 8);
	bad("{\"User\":\"4294967295\"}", "User", "\"uid:gid\" was expected, in numbers", 8);
	bad("{\"User\":\"1:2:3\"}", "User", "\"uid:gid\" was expected, in numbers", 8);
	bad("{\"AllowEnv\":[\"*\",\"A\"]}", "AllowEnv", "\"*\" stands alone", 12);
	bad("{\"AllowEnv\":[\"A=b\"]}", "AllowEnv", "the name of a variable was expected", 13);
	bad("{\"Nameservers\":[\"localhost\"]}", "Nameservers", "an IP address was expected", 16);
	bad("{\"AllowMounts\":[{}]}", "AllowMounts", "a mount without Target", 17);
	bad("{\"AllowMounts\":[{\"Target\":\"a\"}]}", "AllowMounts",
		"an absolute path or \"*\" was expected", 26);
	bad("{\"AllowMounts\":[{\"Target\":\"/\",\"Target\":\"/\"}]}", "AllowMounts",
		"a mount has Target and ReadOnly, each once", 30);
	bad("{\"AllowMounts\":[{\"Target\":\"/\",\"Source\":\"/\"}]}", "AllowMounts",
		"a mount has Target and ReadOnly, each once", 30);
}

static void test_ports(void)
{
	static const char *const wrong[] = {
		"0", "65536", "", "/tcp", "80/sctp", "80-90", "*", " 80"};
	char text[64];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(text, sizeof(text), "{\"AllowPorts\":[\"%s\",\"1\"]}", wrong[i]);
		CHECK_EQ(parse(text), -EINVAL);
		CHECK_STR(error.key, "AllowPorts");
	}
}

static void test_memory(void)
{
	static char text[3 * 20000 + 32], small[64];
	size_t at = (size_t)sprintf(text, "{\"Cmd\":[\"\"");

	/* The worst there is: nothing but empty strings. */
	for (int i = 0; i < 20000; i++)
		at += (size_t)sprintf(text + at, ",\"\"");
	sprintf(text + at, "]}");
	CHECK_EQ(parse(text), 0);
	CHECK_EQ(config.cmd.count, 20001);
	CHECK_EQ(config_parse(&config, (struct span){(uint8_t *)text, strlen(text)}, small,
			 sizeof(small), &error),
		-ENOMEM);
	CHECK_STR(error.what, "too little memory");
	CHECK_EQ(
		parse("{\"Cmd\":[],\"Env\":[],\"AllowEnv\":[],\"Entrypoint\":[],\"Nameservers\":[],"
		      "\"AllowPorts\":[],\"AllowMounts\":[]}"),
		0);
}

static void test_addresses(void)
{
	static const char *const good[] = {"0.0.0.0", "255.255.255.255", "::", "::1",
		"1::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "fe80::abcd:EF01", "::ffff:1.2.3.4",
		"1:2:3:4:5:6:1.2.3.4"};
	static const char *const wrong[] = {"", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4",
		"1.2.3.4 ", ":", ":::", "1:::2", ":1", "1:", "1::2::3", "12345::", "1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "g::", "::1.2.3", "1:2:3:4:5:6:7:1.2.3.4",
		"fe80::1%eth0"};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		CHECK(address_is_ip(good[i]));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		CHECK(!address_is_ip(wrong[i]));
}

int main(void)
{
	test_everything();
	test_defaults();
	test_errors();
	test_ports();
	test_memory();
	test_addresses();
	free(memory);
	return test_done();
}
