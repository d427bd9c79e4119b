/* What casemate-tool does for `casemate run`, besides the commands that users type. */
#ifndef CLI_QUOTING_SERVER_H
#define CLI_QUOTING_SERVER_H

/* Answer the requests for evidence on standard input, a socket (abi/quoting.h), until it is closed.
 * Arguments: measurement, signer, image digest, product, svn, "debug" or "production". */
int quoting_server(int argc, char **argv);

#endif
