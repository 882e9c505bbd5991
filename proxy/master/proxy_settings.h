/* proxy_settings.h - the proxy's settings: loaded, checked, freed; their structs are in
 * proxy_conf.h. */
#ifndef POLICYPOOL_PROXY_SETTINGS_H
#define POLICYPOOL_PROXY_SETTINGS_H

#include "proxy_conf.h"

/* Those of the proxy alone; their values are a struct proxy_conf. */
extern const struct conf_key proxy_keys[];
extern const size_t proxy_keys_n;
/* Those that may differ by policy: a struct policy_conf. */
extern const struct conf_key policy_keys[];
extern const size_t policy_keys_n;

/* Of a struct proxy_settings.  What no single key can judge, the keyring and the credentials of
 * TLS. Without a host the proxy listens on 127.0.0.1. */
extern const struct settings_kind proxy_settings_kind;

#endif
