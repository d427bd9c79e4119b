/* The bits of st_mode: inode(7). The kernel's header leaves them to the C library where there is
 * one. */
#ifndef LIBOS_FILES_MODE_H
#define LIBOS_FILES_MODE_H

#include <linux/stat.h>

#ifndef S_IFMT
#define S_IFMT 0170000
#define S_IFSOCK 0140000
#define S_IFLNK 0120000
#define S_IFREG 0100000
#define S_IFBLK 0060000
#define S_IFDIR 0040000
#define S_IFCHR 0020000
#define S_IFIFO 0010000
#define S_ISUID 0004000
#define S_ISGID 0002000
#define S_ISVTX 0001000
#define S_IXGRP 0000010
#endif

#endif
