/* etcd_curl.h - libcurl, loaded by the one process that needs it.
 *
 * Linked, it would bring fifteen libraries (LDAP, Kerberos, SSH, ...) into the master and each
 * worker, and 4 ms to each start, also where there is no store. */
#ifndef POLICYPOOL_ETCD_CURL_H
#define POLICYPOOL_ETCD_CURL_H

#include <curl/curl.h>

#include "compiler.h"

/* Each as curl_NAME(). */
#define ETCD_CURL_CALLS(X)     \
	X(global_init)         \
	X(version)             \
	X(slist_append)        \
	X(slist_free_all)      \
	X(easy_init)           \
	X(easy_cleanup)        \
	X(easy_getinfo)        \
	X(easy_pause)          \
	X(easy_setopt)         \
	X(easy_strerror)       \
	X(multi_init)          \
	X(multi_cleanup)       \
	X(multi_add_handle)    \
	X(multi_remove_handle) \
	X(multi_setopt)        \
	X(multi_assign)        \
	X(multi_socket_action) \
	X(multi_info_read)     \
	X(multi_strerror)

/* The names of functions may be macros that check types, and are not to be expanded here. */
#define ETCD_CURL_MEMBER(name) __typeof__((curl_##name)) *name;
struct etcd_curl {
	ETCD_CURL_CALLS(ETCD_CURL_MEMBER)
};
#undef ETCD_CURL_MEMBER

/* Once a process.  NULL with *why, which stays, where there is no libcurl of 7.85 or later. */
const struct etcd_curl *etcd_curl_load(const char **why);

#endif
