#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "image/file.h"
#include "image/image.h"

#define NAME "inspect"

static const struct option long_options[] = {
	{"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static const char help[] = "usage: casemate inspect [--json] FILE\n";

static json_t *hex_json(const uint8_t bytes[IMAGE_DIGEST_SIZE])
{
	char text[2 * IMAGE_DIGEST_SIZE + 1];

	hex_encode(bytes, IMAGE_DIGEST_SIZE, text);
	return json_string(text);
}

static json_t *sections_json(const struct image_superblock *superblock)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < superblock->section_count; i++) {
		const struct image_section *section = &superblock->sections[i];

		json_array_append_new(array,
			json_pack("{s:s, s:s, s:I, s:I, s:o}", "Kind",
				image_section_name(section->kind), "Platform",
				image_platform_name(section->platform), "Offset",
				(json_int_t)section->offset, "Size", (json_int_t)section->size,
				"Digest", hex_json(section->digest)));
	}
	return array;
}

static void format_date(uint32_t date, char to[11])
{
	snprintf(to, 11, "%04x-%02x-%02x", date >> 16, date >> 8 & 0xff, date & 0xff);
}

static json_t *platforms_json(const struct image *image)
{
	json_t *object = json_object();

	for (uint32_t p = IMAGE_PLATFORM_SIMULATION; p < IMAGE_PLATFORM_COUNT; p++) {
		const struct image_platform_view *view = &image->platforms[p];
		char date[11];

		if (!view->libos)
			continue;
		format_date(view->claims.date, date);
		json_object_set_new(object, image_platform_name(p),
			json_pack("{s:o, s:o, s:i, s:i, s:b, s:s}", "Measurement",
				hex_json(view->claims.measurement), "Signer",
				hex_json(view->signer), "Product", view->claims.product, "Svn",
				view->claims.svn, "Debug", view->claims.debug, "Date", date));
	}
	return object;
}

static int print_json(const struct image *image)
{
	CLEANUP(config_json_freep) json_t *object = NULL;
	json_t *config =
		json_loadb((const char *)image->config_text.data, image->config_text.size, 0, NULL);

	object = json_pack("{s:i, s:I, s:o, s:o, s:o, s:o}", "Version",
		(int)image->superblock.version, "Size", (json_int_t)image->superblock.file_size,
		"ImageDigest", hex_json(image->superblock.image_digest), "Platforms",
		platforms_json(image), "Sections", sections_json(&image->superblock), "Config",
		config);
	if (!object || json_dumpf(object, stdout, JSON_INDENT(2) | JSON_SORT_KEYS) < 0)
		return cli_error(CLI_FAILED, NAME, "the description can't be written");
	putchar('\n');
	return CLI_OK;
}

static void print_platforms(const struct image *image)
{
	for (uint32_t p = IMAGE_PLATFORM_SIMULATION; p < IMAGE_PLATFORM_COUNT; p++) {
		const struct image_platform_view *view = &image->platforms[p];
		char date[11];

		if (!view->libos)
			continue;
		format_date(view->claims.date, date);
		printf("\nplatform %s%s\n", image_platform_name(p),
			p == IMAGE_PLATFORM_SIMULATION ? " (protects nothing: for trying out)"
						       : "");
		cli_print_hex("  measurement", view->claims.measurement, IMAGE_DIGEST_SIZE);
		cli_print_hex("  signer", view->signer, IMAGE_DIGEST_SIZE);
		printf("%-17s %u\n%-17s %u\n%-17s %s\n%-17s %s\n", "  product",
			view->claims.product, "  version (svn)", view->claims.svn, "  signed on",
			date, "  debug", view->claims.debug ? "yes: its memory is open" : "no");
	}
}

static void print_sections(const struct image_superblock *superblock)
{
	printf("\n%-12s %-11s %12s %12s\n", "section", "platform", "offset", "size");
	for (uint32_t i = 0; i < superblock->section_count; i++) {
		const struct image_section *section = &superblock->sections[i];

		printf("%-12s %-11s %12lu %12lu\n", image_section_name(section->kind),
			image_platform_name(section->platform), section->offset, section->size);
	}
}

static void print_config(const struct image *image)
{
	CLEANUP(config_json_freep)
	json_t *config =
		json_loadb((const char *)image->config_text.data, image->config_text.size, 0, NULL);

	printf("\nconfiguration (what is not named has its default, casemate.json(5))\n");
	if (config && json_object_size(config))
		json_dumpf(config, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
	else
		printf("{}");
	putchar('\n');
}

/* What the host may bring in, in words: it is what a user should think about. */
static void print_warnings(const struct image_config *config)
{
	for (size_t i = 0; i < config->allow_mount_count; i++)
		printf("warning: the host may mount a directory of its own at %s%s: its files are "
		       "neither secret nor protected from change\n",
			strcmp(config->allow_mounts[i].target, "*") ? config->allow_mounts[i].target
								    : "any place",
			config->allow_mounts[i].read_only ? " (read-only)" : "");
	if (config->allow_programs)
		printf("warning: the host chooses which program of the image runs\n");
	if (config->allow_args)
		printf("warning: the host chooses the program's arguments\n");
	if (config->allow_env.count)
		printf("warning: the host sets variables of the environment\n");
	if (config->allow_ports.count)
		printf("warning: the host may publish ports: what comes in there is not protected "
		       "unless the program does it\n");
	if (config->allow_network)
		printf("warning: programs may connect to the outside, through the host\n");
	if (config->debug)
		printf("warning: a debug enclave: the host can read and write its memory\n");
}

static int print_text(const struct image *image, const char *path)
{
	printf("%s: enclave image, format %u, %lu bytes\n", path, image->superblock.version,
		image->superblock.file_size);
	cli_print_hex("image digest", image->superblock.image_digest, IMAGE_DIGEST_SIZE);
	print_platforms(image);
	print_sections(&image->superblock);
	print_config(image);
	print_warnings(&image->config);
	return CLI_OK;
}

int cli_inspect(int argc, char **argv)
{
	CLEANUP(image_closep) struct image *image = NULL;
	struct image_error error;
	bool json = false;
	int option;

	while ((option = getopt_long(argc, argv, ":h", long_options, NULL)) != -1) {
		if (option == 'j') {
			json = true;
		} else if (option == 'h') {
			fputs(help, stdout);
			return cli_finish(NAME, CLI_OK);
		} else {
			return cli_bad_option(NAME, option, argv);
		}
	}
	if (argc - optind != 1)
		return cli_error(CLI_USAGE, NAME, "give one image; see casemate-inspect(1)");
	if (image_open(argv[optind], &image, &error) < 0)
		return cli_error(CLI_FAILED, NAME, "%s", error.text);
	return cli_finish(NAME, json ? print_json(image) : print_text(image, argv[optind]));
}
