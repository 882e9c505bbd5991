/* host_names.c - see host_names.h. */
#include "host_names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct host_name {
	SLIST_ENTRY(host_name) link;
	struct addr_list found;
	char host[];
};

static const struct host_name *
find(const struct host_names *names, const char *host)
{
	const struct host_name *h;

	SLIST_FOREACH(h, &names->known, link)
	if (strcmp(h->host, host) == 0)
		return h;
	return NULL;
}

/* 0, or -1 with errno. */
static int
keep(struct host_names *names, const char *host, const struct addr_list *found)
{
	size_t n = strlen(host) + 1;
	struct host_name *h = malloc(sizeof *h + n);

	if (h == NULL)
		return -1;
	h->found = *found;
	memcpy(h->host, host, n);
	SLIST_INSERT_HEAD(&names->known, h, link);
	return 0;
}

int
host_names_ask(struct host_names *names, const char *host, uint16_t port, struct addr_list *out,
	       const char **why)
{
	const struct host_name *own = find(names, host), *h = own;
	int n;

	if (h == NULL && names->former != NULL)
		h = find(names->former, host);
	if (h != NULL) {
		*out = h->found;
	} else {
		n = addr_resolve_all(out->at, ADDR_FOUND, host, port, why);
		if (n < 0)
			return -1;
		out->n = (size_t)n;
	}
	if (own == NULL && keep(names, host, out) < 0) {
		*why = strerror(errno);
		return -1;
	}
	for (size_t i = 0; i < out->n; i++)
		addr_set_port(&out->at[i], port);
	return 0;
}

int
host_names_ask_pair(struct host_names *names, const char *host, uint16_t port,
		    struct addr at[HOST_NAMES_PAIR], const char **why)
{
	static const sa_family_t family[HOST_NAMES_PAIR] = {AF_INET, AF_INET6};
	struct addr_list list;
	int n = 0;

	if (host_names_ask(names, host, port, &list, why) < 0)
		return -1;
	for (size_t f = 0; f < HOST_NAMES_PAIR; f++)
		for (size_t i = 0; i < list.n; i++)
			if (list.at[i].u.sa.sa_family == family[f]) {
				at[n++] = list.at[i];
				break;
			}
	return n;
}

void
host_names_forget(struct host_names *names)
{
	struct host_name *h;

	while ((h = SLIST_FIRST(&names->known)) != NULL) {
		SLIST_REMOVE_HEAD(&names->known, link);
		free(h);
	}
}
