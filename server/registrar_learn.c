/* registrar_learn.c - the proxies that others tell of; see registrar_set_internal.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "registrar_set_internal.h"

static unsigned
count_learned(const struct registrar_set *s)
{
	unsigned n = 0;

	for (const struct registrar_entry *e = s->first; e != NULL; e = e->next)
		n += e->joins && !e->listed;
	return n;
}

/* This machine is told of only by a proxy that is on it: others have no business there. */
static bool
may_tell(const struct registrar_entry *by, const char *proxy)
{
	char host[ADDR_HOST];
	struct addr at;
	const char *why;
	uint16_t port;

	if (proxy[0] == '\0' || conf_check_peer(proxy) != NULL)
		return false;
	if (addr_is_unix_text(proxy))
		return by->near;
	if (addr_split(proxy, host, &port, &why) < 0 || host[0] == '\0')
		return false;
	return addr_numeric(&at, host, port) < 0 || !addr_is_loopback(&at) || by->near;
}

static void
learn_of(struct registrar_set *s, const struct registrar_entry *by, const char *proxy)
{
	struct registrar_entry *e = registrar_set_find(s, proxy);

	if (e != NULL || !may_tell(by, proxy)) {
		if (e != NULL)
			e->kept = true;
		return;
	}
	if (count_learned(s) == REGISTRAR_SET_LEARNED) {
		log_limited(LOG_WARN, "proxies tell of too many others: no more are joined",
			    "proxy=%s by=%s", log_quoted(proxy), log_quoted(by->proxy));
		return;
	}
	e = registrar_set_add(s, proxy, !by->near);
	if (e == NULL) {
		log_errno(LOG_ERROR, "cannot set up the registration", "proxy=%s",
			  log_quoted(proxy));
		return;
	}
	log_event(LOG_INFO, "told of a further proxy", "proxy=%s by=%s", log_quoted(e->proxy),
		  by->proxy);
	e->kept = e->joins = true;
	if (s->begun)
		registrar_set_begin(e);
}

static void
learn_from(struct registrar_set *s, const struct registrar_entry *by)
{
	char text[sizeof by->told], *rest = text;

	memcpy(text, by->told, sizeof text);
	for (const char *proxy; (proxy = strsep(&rest, ",")) != NULL;)
		if (proxy[0] != '\0')
			learn_of(s, by, proxy);
}

void
registrar_learn(struct registrar_set *s)
{
	bool more = s->learns;

	for (struct registrar_entry *e = s->first; e != NULL; e = e->next)
		e->asked = false;
	while (more) {
		more = false;
		for (struct registrar_entry *e = s->first; e != NULL; e = e->next) {
			if (e->asked || !e->joins || !e->kept)
				continue;
			e->asked = more = true;
			learn_from(s, e);
		}
	}
}

/* ---- for a successor ---- */

/* A line is: near or afar, the proxy, what it tells; there is no blank in these. */
int
registrar_set_save(const struct registrar_set *s, struct buf *out)
{
	for (const struct registrar_entry *e = s->first; e != NULL; e = e->next)
		if (e->joins && e->told[0] != '\0' && strpbrk(e->proxy, " \t\n") == NULL &&
		    strpbrk(e->told, " \t\n") == NULL &&
		    buf_printf(out, "%s %s %s\n", e->near ? "near" : "afar", e->proxy, e->told) < 0)
			return -1;
	return 0;
}

static void
recall_line(struct registrar_set *s, const char *line)
{
	char where[5], proxy[ADDR_HOST + 1], told[PACKET_PROXIES_MAX + 1];
	struct registrar_entry *e;

	if (sscanf(line, "%4s %256s %1024s", where, proxy, told) != 3)
		return;
	e = registrar_set_find(s, proxy);
	if (e == NULL)
		return;
	e->near = strcmp(where, "near") == 0;
	memcpy(e->told, told, sizeof told);
}

static void
recall_lines(struct registrar_set *s, struct span text)
{
	char line[sizeof(((struct registrar_entry *)NULL)->told) + ADDR_HOST + 16];

	while (text.n > 0) {
		const char *end = memchr(text.p, '\n', text.n);
		size_t n = end != NULL ? (size_t)(end - text.p) : text.n;

		if (n < sizeof line) {
			memcpy(line, text.p, n);
			line[n] = '\0';
			recall_line(s, line);
		}
		text = span_of(text.p + n + (end != NULL), text.n - n - (end != NULL));
	}
}

/* Proxies that were learned of tell of others, which are there only once that was recalled: so
 * again. */
void
registrar_set_recall(struct registrar_set *s, struct span text)
{
	unsigned before;

	do {
		before = registrar_set_count(s);
		recall_lines(s, text);
		for (struct registrar_entry *e = s->first; e != NULL; e = e->next)
			e->kept = e->joins;
		registrar_learn(s);
	} while (registrar_set_count(s) > before);
}
