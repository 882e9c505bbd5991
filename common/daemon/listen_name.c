/* listen_name.c - what a listen_socket is called, and its descriptors; see listen_socket.h. */
#include <stdio.h>
#include <string.h>

#include "listen_socket.h"

const struct addr *
listen_socket_main(const struct listen_socket *v)
{
	for (unsigned i = 0; i < v->n; i++)
		if (!addr_is_unix(&v->at[i].addr))
			return &v->at[i].addr;
	return &v->at[0].addr;
}

const char *
listen_socket_text(const struct listen_socket *v, char out[LISTEN_TEXT])
{
	char text[ADDR_TEXT];
	size_t n = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < v->n; i++)
		if (!v->at[i].other)
			n += (size_t)snprintf(out + n, LISTEN_TEXT - n, "%s%s", n > 0 ? ", " : "",
					      addr_text(&v->at[i].addr, text));
	return out;
}

const char *
listen_socket_label(const struct listen_socket *v, char out[ADDR_TEXT])
{
	static const char suffix[] = ".sock";
	const struct addr *at = listen_socket_main(v);
	char text[ADDR_TEXT];
	const char *name;
	size_t n;

	if (!addr_is_unix(at)) {
		(void)snprintf(out, ADDR_TEXT, "%u", addr_port(at));
		return out;
	}
	name = addr_text(at, text);
	name += strcspn(name, "@/");
	name = strrchr(name, '/') != NULL ? strrchr(name, '/') + 1 : name + 1;
	n = strlen(name);
	if (n > sizeof suffix - 1 && strcmp(name + n - (sizeof suffix - 1), suffix) == 0)
		n -= sizeof suffix - 1;
	(void)snprintf(out, ADDR_TEXT, "%.*s", (int)n, name);
	return out;
}

unsigned
listen_socket_fds(const struct listen_socket *v, int fd[LISTEN_MOST])
{
	unsigned n = 0;

	for (unsigned i = 0; i < v->n; i++)
		if (v->at[i].fd >= 0)
			fd[n++] = v->at[i].fd;
	return n;
}
