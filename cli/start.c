#include "cli/cli.h"
#include "cli/life.h"

/* Its options are those of `run`. */
int cli_start(int argc, char **argv)
{
	return run_detached(argc, argv);
}
