/* What frames stand in whose page tables, in the words of frames.c and table.c. */
#ifndef HYPERVISOR_PROOFS_MAPS_H
#define HYPERVISOR_PROOFS_MAPS_H

#include "abi/hypervisor.h"
#include "hypervisor/x86/apic.h"

#define WINDOW_PAGE (HYPERVISOR_WINDOW / PAGE_SIZE)

/* MAPS holds between any two calls of what fills the trees (nested.c, page.c, window.c, enclave.c):
 * a tree of Linux's names what is Linux's, at its own address, or the frame that stands for all
 * else; an enclave's names that enclave's frames, each where the owner array says. */
#define MAPS(clause)                                                                               \
	clause linux_maps_its_own;                                                                 \
	clause enclaves_map_their_own;                                                             \
	clause enclaves_have_one_tree;
/* The root of Linux's tree, or FRAME_NONE, and the frame full of ones. */
/*@ ghost uint32_t linux_root, linux_ones; */
/*@ predicate is_address_of(integer a, integer f) = a == 0x1000 * f;
  @ logic integer number_at{L}(integer f, integer i) = ENTRY_COUNT * \at(number_of[f], L) + i;
  @ logic integer enclave_of{L}(integer f) = \at(owners[\at(root_of[f], L)].enclave, L);
  @
  @ predicate is_linuxs{L}(integer m) = !is_hidden{L}(m) && (!is_frame{L}(m) ||
  @   is_of{L}(m, FRAME_DEVICE) || is_of{L}(m, FRAME_LINUX) || is_of{L}(m, FRAME_WINDOW));
  @ predicate is_linux_page{L}(integer m, integer n) = m == \at(linux_ones, L) ||
  @   (m == n && (m == APIC_FRAME || is_linuxs{L}(m)));
  @ predicate is_linux_large{L}(integer m, integer n) = m == ENTRY_COUNT * n &&
  @   \forall integer k; m <= k < m + ENTRY_COUNT ==> is_linuxs{L}(k);
  @ predicate linux_maps_its_own{L} = \forall integer f, i;
  @   is_leaf{L}(f, i) && \at(root_of[f], L) == \at(linux_root, L) ==>
  @   (\at(level_of[f], L) == 1 &&
  @     is_linux_page{L}(frame_in(entry_at{L}(f, i)), number_at{L}(f, i))) ||
  @   (\at(level_of[f], L) == 2 &&
  @     is_linux_large{L}(frame_in(entry_at{L}(f, i)), number_at{L}(f, i)));
  @
  @ predicate is_page_of{L}(integer m, integer e, integer n) = is_had{L}(m, e) &&
  @   \at(owners[m].page, L) == (\at(owners[m].kind, L) == FRAME_ENCLAVE ? n : n - WINDOW_PAGE);
  @ predicate enclaves_map_their_own{L} = \forall integer f, i;
  @   is_leaf{L}(f, i) && enclave_of{L}(f) != 0 ==> \at(level_of[f], L) == 1 &&
  @   is_page_of{L}(frame_in(entry_at{L}(f, i)), enclave_of{L}(f), number_at{L}(f, i));
  @ predicate enclaves_have_one_tree{L} = \forall integer f, g;
  @   is_root{L}(f) && is_root{L}(g) && enclave_of{L}(f) != 0 &&
  @   enclave_of{L}(f) == enclave_of{L}(g) ==> f == g; */

#endif
