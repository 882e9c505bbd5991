/* proxy_settings.h - the proxy's settings: loaded, checked, freed; their structs are in
 * proxy_conf.h. */
#ifndef POLICYPOOL_PROXY_SETTINGS_H
#define POLICYPOOL_PROXY_SETTINGS_H

#include <stdio.h>

#include "compiler.h"
#include "listen_socket.h"
#include "proxy_conf.h"

/* Those of the proxy alone; their values are a struct proxy_conf. */
extern const struct conf_key proxy_keys[];
extern const size_t proxy_keys_n;
/* Those that may differ by policy: a struct policy_conf. */
extern const struct conf_key policy_keys[];
extern const size_t policy_keys_n;
/* Those of a server in the file: a struct static_conf. */
extern const struct conf_key static_keys[];
extern const size_t static_keys_n;

/* What is wrong with the servers of the file, where the proxy is to listen at `asked`.  0, or -1
 * with all of it on err, each with its line. */
MUST_CHECK int proxy_settings_check_static(const struct proxy_conf *,
					   const struct listen_socket *asked, FILE *err);

/* Of a struct proxy_settings.  What no single key can judge, the keyring and the credentials of
 * TLS. Without a host the proxy listens on 127.0.0.1. */
extern const struct settings_kind proxy_settings_kind;

#endif
