/* conf_check.h - what settings of several programs have in common: for conf_key.judge.  Each
 * returns a constant sentence, or NULL where the text is fine. */
#ifndef POLICYPOOL_CONF_CHECK_H
#define POLICYPOOL_CONF_CHECK_H

#include <stdbool.h>
#include <stddef.h>

/* An id or a policy, as packets carry them: UTF-8 without control characters, quotes and
 * backslashes. */
const char *conf_check_id(const char *text);

/* The same, and no comma: lists of settings are parted by them, and nobody serves two policies. */
const char *conf_check_policy(const char *text);

/* PORT, HOST:PORT or a Unix socket, to listen at. */
const char *conf_check_listen(const char *text);
/* PORT, HOST:PORT or a Unix socket, or nothing, to connect to: port 0 is none. */
const char *conf_check_peer(const char *text);

enum { CONF_PEERS_MAX = 16 };

/* For conf_key.judge_all of such: at most CONF_PEERS_MAX, each once. */
const char *conf_check_peers(const char *const item[], size_t n, size_t *at);
/* Are they the same place, as far as the texts tell?  A host that is not given is 127.0.0.1. */
bool conf_check_same_peer(const char *a, const char *b);

/* A path from the root, or nothing: a daemon changes its working directory. */
const char *conf_check_path(const char *text);

#endif
