/* store_conf.h - where the proxies of a cluster share their servers: an etcd, by the settings; see
 * policypool.conf(5). */
#ifndef POLICYPOOL_STORE_CONF_H
#define POLICYPOOL_STORE_CONF_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "compiler.h"
#include "conf.h"

enum {
	STORE_URL_MAX = 255,
	STORE_URLS_MAX = 16,
	STORE_PASSWORD_MAX = 256,
	STORE_CA_MAX = 1 << 20, /* bytes of PEM */
	STORE_CERTIFICATE_MAX = 1 << 16
};

/* What the files had in them when the settings were checked: a file that changes is another setting
 * at the next reload. */
struct store_files {
	size_t ca_n, certificate_n, key_n; /* 0: not set */
	char password[STORE_PASSWORD_MAX + 1];
	char ca[STORE_CA_MAX], certificate[STORE_CERTIFICATE_MAX], key[STORE_CERTIFICATE_MAX];
};

struct store_conf {
	struct conf_list urls; /* http[s]://HOST:PORT of etcd's members; none: nothing is shared */
	uint64_t ttl;	       /* ms after which what a dead proxy has published is gone */
	uint64_t hold;	       /* ms that a server which is gone from the store is kept at most */
	uint64_t wait;	       /* ms that a start waits for the store */
	char *ca, *certificate, *key; /* paths; empty: none */
	char *user, *password_file;
	struct store_files *files; /* by store_conf_check(); NULL: none are set, or forgotten */
};

static inline bool
store_conf_is_on(const struct store_conf *c)
{
	return c->urls.n > 0;
}

/* For conf_key.judge and judge_all of the URLs. */
const char *store_conf_judge_url(const char *text);
const char *store_conf_judge_urls(const char *const item[], size_t n, size_t *at);

/* Judges what no key can alone, and reads the files.  0, or -1 with a line on err. */
MUST_CHECK int store_conf_check(struct store_conf *, FILE *err);
/* Wipes and frees what was in the files. */
void store_conf_forget(struct store_conf *);

/* Does a process with the one do as well with the other?  hold and wait are not its own. */
bool store_conf_same(const struct store_conf *, const struct store_conf *);

#endif
