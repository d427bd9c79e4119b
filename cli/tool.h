/* casemate-tool: the program beside this one, with what needs more libraries. */
#ifndef CLI_TOOL_H
#define CLI_TOOL_H

#include <limits.h>

#include "base/compiler.h"

/* Where it is. -ENOENT */
int tool_find(char ret_path[PATH_MAX]) MUST_CHECK;

#endif
