/* The functions of a Go program: its linker writes neither unwind tables nor, when stripped,
 * symbols, but always the table that Go's own run time unwinds by.
 * Source: Go 1.18 and later, src/runtime/symtab.go, struct pcHeader and struct functab. */
#ifndef IMAGE_GO_FUNCTIONS_H
#define IMAGE_GO_FUNCTIONS_H

#include "image/code_map.h"

/* Add the functions of the table (.gopclntab) at @vaddr; none if its layout is another one.
 * Errors: -ENOMEM. */
int go_functions_add(struct code_map *map, uint64_t vaddr) MUST_CHECK;

#endif
