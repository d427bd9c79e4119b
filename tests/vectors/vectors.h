/* Real evidence that is kept beside the project: $CASEMATE_VECTORS, or shared/vectors beside its
 * directory. It is read in place. Without it these tests are skipped. */
#ifndef TESTS_VECTORS_VECTORS_H
#define TESTS_VECTORS_VECTORS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "attestation/attestation.h"
#include "base/compiler.h"

/* The build says where it is from its own directory. */
#ifndef VECTORS_DIRECTORY
#define VECTORS_DIRECTORY "../shared/vectors"
#endif

#define VECTORS_PATH_MAX 512
#define VECTORS_FILES_MAX 12

/* "": there are none. */
static inline const char *vectors_directory(void)
{
	const char *directory = getenv("CASEMATE_VECTORS");

	if (!directory)
		directory = VECTORS_DIRECTORY;
	return access(directory, R_OK) == 0 ? directory : "";
}

/* The file below the vectors; .data NULL if it can't be read. free(3) it. */
static inline struct attest_bytes vectors_read(const char *name)
{
	char path[2 * VECTORS_PATH_MAX];
	struct attest_bytes bytes = {0};
	uint8_t *data = malloc(1 << 20);
	FILE *file;

	snprintf(path, sizeof(path), "%s/attestation/%s", vectors_directory(), name);
	file = fopen(path, "rb");
	if (file && data) {
		bytes.size = fread(data, 1, 1 << 20, file);
		bytes.data = data;
		fclose(file);
	} else {
		free(data);
	}
	return bytes;
}

static inline int64_t vectors_time(const char *text)
{
	struct tm tm = {0};

	return strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm) ? timegm(&tm) : -1;
}

/* Names below the directory, to a NULL. */
struct vector_files {
	const char *names[VECTORS_FILES_MAX];
};

static inline int vectors_collateral(const struct vector_files *items,
	const struct vector_files *roots, struct attest_collateral **ret,
	struct attest_error *error)
{
	struct attest_bytes bytes[2][VECTORS_FILES_MAX] = {{{0}}};
	size_t counts[2] = {0};
	int r;

	for (; items->names[counts[0]]; counts[0]++)
		bytes[0][counts[0]] = vectors_read(items->names[counts[0]]);
	for (; roots->names[counts[1]]; counts[1]++)
		bytes[1][counts[1]] = vectors_read(roots->names[counts[1]]);
	r = attest_collateral_new(bytes[0], counts[0], bytes[1], counts[1], ret, error);
	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < counts[k]; i++)
			free((void *)bytes[k][i].data);
	return r;
}

#endif
