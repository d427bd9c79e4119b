/* What is proved of page tables: table.c relies on the contracts of frames.c, and speaks of the
 * owner array as that does, so both are read as one (tests/checks/frama_c.sh). */
#include "hypervisor/frames.c"
#include "hypervisor/table.c"
