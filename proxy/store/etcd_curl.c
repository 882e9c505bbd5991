/* etcd_curl.c - see etcd_curl.h. */
#include "etcd_curl.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* GnuTLS's own first, for its library is there already. */
static const char *const names[] = {"libcurl-gnutls.so.4", "libcurl.so.4"};

static const char *
call_all(void *library, struct etcd_curl *c)
{
#define ETCD_CURL_ENTRY(name) {"curl_" #name, offsetof(struct etcd_curl, name)},
	static const struct {
		const char *name;
		size_t at;
	} calls[] = {ETCD_CURL_CALLS(ETCD_CURL_ENTRY)};
#undef ETCD_CURL_ENTRY
	void *symbol;

	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		symbol = dlsym(library, calls[i].name);
		if (symbol == NULL)
			return calls[i].name;
		memcpy((char *)c + calls[i].at, &symbol, sizeof symbol);
	}
	return NULL;
}

const struct etcd_curl *
etcd_curl_load(const char **why)
{
	static struct etcd_curl loaded;
	static char text[200];
	void *library = NULL;
	const char *missing;

	*why = text;
	for (size_t i = 0; library == NULL && i < sizeof names / sizeof *names; i++)
		library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
	if (library == NULL) {
		(void)snprintf(text, sizeof text, "%s is missing: install libcurl3-gnutls",
			       names[0]);
		return NULL;
	}
	missing = call_all(library, &loaded);
	if (missing == NULL && loaded.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
		return &loaded;
	(void)snprintf(text, sizeof text, "libcurl: %s fails", missing != NULL ? missing : "it");
	(void)dlclose(library);
	return NULL;
}
