/* What uname(2) says. */
#ifndef LIBOS_PROCESSES_UNAME_H
#define LIBOS_PROCESSES_UNAME_H

#define UNAME_RELEASE "6.12.0-casemate" /* the kernel whose interfaces are offered: Debian 13's */
#define UNAME_VERSION "#1 SMP Casemate"

void uname_set_hostname(const char *name); /* cut at 64, both */
void uname_set_domainname(const char *name);
const char *uname_hostname(void);
const char *uname_domainname(void);

#endif
