/* Loop devices, loop(4): block devices that a file is behind. No file system of the LibOS mounts
 * from one; programs that make and read file system images use them. */
#ifndef LIBOS_FILES_LOOP_H
#define LIBOS_FILES_LOOP_H

#include "libos/files/inode.h"

#define LOOP_DEVICES_MAX 16
#define LOOP_CONTROL_MINOR 237 /* below MISC_MAJOR */

/* open(2) of a block device: -ENXIO for all but /dev/loop*. */
MUST_CHECK int block_device_open(struct inode *inode, struct file *file);
/* Device @number, < LOOP_DEVICES_MAX, as it is now. */
struct loop_state {
	struct file *backing; /* referenced; NULL: nothing is attached */
	uint64_t size, offset, size_limit;
	uint32_t flags, block_size; /* LO_FLAGS_* */
	uint64_t read_ahead;        /* sectors */
};
void loop_state_get(uint32_t number, struct loop_state *ret_state);
/* Of the device that @inode, a block device's, names: what direct transfers are aligned to; 0: it
 * is none of ours. */
uint32_t loop_block_size(const struct inode *inode);
void loop_init(void); /* /dev/loop-control; before programs run */

#endif
