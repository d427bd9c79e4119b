/* Any text as a configuration: it is refused with a reason, or every field keeps its promise. */
#include "libos/image/config.h"

#include "tests/fuzz/fuzz.h"

static void check_strings(const struct config_strings *strings)
{
	for (size_t i = 0; i < strings->count; i++)
		FUZZ_ASSERT(strlen(strings->items[i]) < 1 << 20);
	FUZZ_ASSERT(!strings->items[strings->count]);
}

static void check(const struct config *config)
{
	check_strings(&config->entrypoint);
	check_strings(&config->cmd);
	check_strings(&config->env);
	check_strings(&config->allow_env);
	check_strings(&config->nameservers);
	for (size_t i = 0; i < config->env.count; i++)
		FUZZ_ASSERT(strchr(config->env.items[i], '='));
	for (size_t i = 0; i < config->allow_mounts.count; i++)
		FUZZ_ASSERT(strlen(config->allow_mounts.items[i].target) > 0);
	for (size_t i = 0; i < config->allow_ports.count; i++)
		FUZZ_ASSERT(config->allow_ports.items[i].port != 0);
	FUZZ_ASSERT(config->working_dir[0] == '/');
	FUZZ_ASSERT(
		strlen(config->hostname) >= 1 && strlen(config->hostname) <= CONFIG_HOSTNAME_MAX);
	FUZZ_ASSERT(config->process_limit > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t memory_size = config_memory_size(size);
	void *memory = malloc(memory_size);
	struct config_error error;
	struct config config;

	if (config_parse(&config, (struct span){data, size}, memory, memory_size, &error) == 0)
		check(&config);
	else
		FUZZ_ASSERT(error.what && error.offset <= size &&
			    strcmp(error.what, "too little memory"));
	free(memory);
	return 0;
}
