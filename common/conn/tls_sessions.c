/* tls_sessions.c - see tls_sessions.h. */
#include "tls_sessions.h"

#include <stdlib.h>
#include <string.h>

struct tls_session {
	TAILQ_ENTRY(tls_session) link;
	struct addr addr;
	gnutls_datum_t data;
	char name[]; /* empty: none */
};

static void
remove_one(struct tls_sessions *s, struct tls_session *e)
{
	TAILQ_REMOVE(&s->list, e, link);
	s->n--;
	explicit_bzero(e->data.data, e->data.size);
	gnutls_free(e->data.data);
	free(e);
}

void
tls_sessions_init(struct tls_sessions *s)
{
	TAILQ_INIT(&s->list);
	s->n = 0;
}

void
tls_sessions_release(struct tls_sessions *s)
{
	while (!TAILQ_EMPTY(&s->list))
		remove_one(s, TAILQ_FIRST(&s->list));
}

static struct tls_session *
find(struct tls_sessions *s, const struct addr *at, const char *name)
{
	struct tls_session *e;

	TAILQ_FOREACH(e, &s->list, link)
		if (addr_eq(&e->addr, at) && strcmp(e->name, name != NULL ? name : "") == 0)
			return e;
	return NULL;
}

const gnutls_datum_t *
tls_sessions_find(struct tls_sessions *s, const struct addr *at, const char *name)
{
	struct tls_session *e = find(s, at, name);

	if (e == NULL)
		return NULL;
	TAILQ_REMOVE(&s->list, e, link);
	TAILQ_INSERT_HEAD(&s->list, e, link);
	return &e->data;
}

void
tls_sessions_put(struct tls_sessions *s, const struct addr *at, const char *name,
		 gnutls_datum_t data)
{
	const char *text = name != NULL ? name : "";
	size_t n = strlen(text) + 1;
	struct tls_session *e;

	tls_sessions_drop(s, at, name);
	if (s->n == TLS_SESSIONS_MOST)
		remove_one(s, TAILQ_LAST(&s->list, tls_session_list));
	e = calloc(1, sizeof *e + n);
	if (e == NULL) {
		explicit_bzero(data.data, data.size);
		gnutls_free(data.data);
		return;
	}
	e->addr = *at;
	e->data = data;
	memcpy(e->name, text, n);
	TAILQ_INSERT_HEAD(&s->list, e, link);
	s->n++;
}

void
tls_sessions_drop(struct tls_sessions *s, const struct addr *at, const char *name)
{
	struct tls_session *e = find(s, at, name);

	if (e != NULL)
		remove_one(s, e);
}
