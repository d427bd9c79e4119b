/* What is proved of the maps of Linux and of enclaves (maps.h), read as one with what they rely on,
 * as in table.c. */
#include "hypervisor/frames.c"
#include "hypervisor/table.c"
#include "hypervisor/proofs/maps.h"
#include "hypervisor/nested.c"
