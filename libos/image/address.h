/* Is a text an IP address? (RFC 4291, 2.2, and dotted decimal.) */
#ifndef LIBOS_IMAGE_ADDRESS_H
#define LIBOS_IMAGE_ADDRESS_H

#include "base/compiler.h"

bool address_is_ipv4(const char *s);
bool address_is_ipv6(const char *s);
bool address_is_ip(const char *s);

#endif
