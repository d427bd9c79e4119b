/* Included before everything in code that is linked into one static file: all symbols are in it, so
 * none needs a global offset table. */
#pragma GCC visibility push(hidden)
