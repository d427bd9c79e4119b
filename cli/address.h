/* HOST:PORT, as command lines have it: 127.0.0.1:80, localhost:http, [::1]:80. */
#ifndef CLI_ADDRESS_H
#define CLI_ADDRESS_H

#include <sys/socket.h>

#include "base/compiler.h"

#define ADDRESS_TEXT_SIZE 80

/* A socket that listens at @text, or -1 after having said why not. Without a host: 127.0.0.1. */
int address_listen(const char *command, const char *text) MUST_CHECK;

/* A connection to @text, or -1 with *ret_why (static text). Names are resolved each time. */
int address_connect(const char *text, const char **ret_why) MUST_CHECK;

/* Is it of this form, with a port? Says what is wrong: CLI_USAGE. */
int address_check(const char *command, const char *text) MUST_CHECK;

/* The numbers of an address: "127.0.0.1:80", "[::1]:80". */
void address_print(const struct sockaddr_storage *address, char to[ADDRESS_TEXT_SIZE]);

#endif
