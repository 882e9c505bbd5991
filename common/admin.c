/* admin.c - see admin.h. */
#include "admin.h"

#include <assert.h>
#include <errno.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"

enum {
	SILENT_S = 10, /* a connection that says nothing for so long is closed */
	HEADERS_MAX = 16384,
	BODY_MAX = 1024, /* nobody has anything to send here */
	PAUSE_MS = 100	 /* after accepting failed for want of descriptors */
};

struct admin {
	struct evhttp *http;
	struct evconnlistener *listener; /* http's */
	struct event *pause;
	struct {
		const struct admin_page *page;
		void *ctx;
	} table[ADMIN_TABLES];
	unsigned tables;
};

/* ---- requests ---- */

static const struct admin_page *
find_page(const struct admin *a, const char *path, void **ctx)
{
	for (unsigned t = 0; t < a->tables; t++)
		for (const struct admin_page *p = a->table[t].page; p->path != NULL; p++)
			if (strcmp(p->path, path) == 0) {
				*ctx = a->table[t].ctx;
				return p;
			}
	return NULL;
}

static void
set_headers(struct evhttp_request *req, const char *type)
{
	struct evkeyvalq *h = evhttp_request_get_output_headers(req);

	/* A page may run its own script and ask this daemon, nothing else. */
	if (evhttp_add_header(h, "Content-Type", type) < 0 ||
	    evhttp_add_header(h, "Cache-Control", "no-store") < 0 ||
	    evhttp_add_header(h, "X-Content-Type-Options", "nosniff") < 0 ||
	    evhttp_add_header(h, "Content-Security-Policy",
			      "default-src 'none'; style-src 'unsafe-inline'; "
			      "script-src 'unsafe-inline'; connect-src 'self'; "
			      "img-src data:; frame-ancestors 'none'") < 0)
		log_event(LOG_ERROR, "out of memory for an operator's answer", NULL);
}

static const char *
reason(int status)
{
	switch (status) {
	case 200: return "OK";
	case 404: return "Not Found";
	case 500: return "Internal Server Error";
	case 503: return "Service Unavailable";
	default: return "Answered";
	}
}

static void
answer_unknown(const struct admin *a, struct evhttp_request *req, struct evbuffer *out)
{
	(void)evbuffer_add_printf(out, "There is no such page.  There are:\n");
	for (unsigned t = 0; t < a->tables; t++)
		for (const struct admin_page *p = a->table[t].page; p->path != NULL; p++)
			(void)evbuffer_add_printf(out, "  %s\n", p->path);
	set_headers(req, "text/plain; charset=utf-8");
	evhttp_send_reply(req, 404, reason(404), out);
}

static void
on_request(struct evhttp_request *req, void *arg)
{
	const struct admin *a = arg;
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
	const char *path = uri == NULL ? NULL : evhttp_uri_get_path(uri);
	struct evbuffer *out = evbuffer_new();
	const struct admin_page *page;
	void *ctx = NULL;
	int status;

	if (out == NULL) {
		evhttp_send_error(req, 500, NULL);
		return;
	}
	page = find_page(a, path == NULL || path[0] == '\0' ? "/" : path, &ctx);
	if (page == NULL) {
		answer_unknown(a, req, out);
	} else {
		status = page->write(out, ctx);
		set_headers(req, page->type);
		evhttp_send_reply(req, status, reason(status), out);
	}
	evbuffer_free(out);
}

/* ---- accepting ---- */

static void
on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	const struct admin *a = arg;

	(void)fd;
	(void)what;
	(void)evconnlistener_enable(a->listener);
}

/* Without a descriptor to spare the listener would be readable for ever and the master busy with
 * it. */
static void
on_accept_error(struct evconnlistener *listener, void *arg)
{
	const struct admin *a = arg;
	struct timeval tv = clock_timeval(PAUSE_MS);

	log_errno(LOG_WARN, "operators' connections are not taken for a moment", NULL);
	if (evconnlistener_disable(listener) < 0 || event_add(a->pause, &tv) < 0)
		log_event(LOG_ERROR, "cannot pause the operators' listener", NULL);
}

struct admin *
admin_new(struct event_base *base, int fd, const struct admin_page *pages, void *ctx)
{
	struct admin *a = calloc(1, sizeof *a);
	struct evhttp_bound_socket *bound;

	if (a == NULL)
		return NULL;
	a->pause = event_new(base, -1, 0, on_pause_over, a);
	a->http = evhttp_new(base);
	bound = a->http == NULL || a->pause == NULL ? NULL
						    : evhttp_accept_socket_with_handle(a->http, fd);
	if (bound == NULL) {
		admin_free(a);
		errno = ENOMEM;
		return NULL;
	}
	a->listener = evhttp_bound_socket_get_listener(bound);
	evconnlistener_set_error_cb(a->listener, on_accept_error);
	evhttp_set_allowed_methods(a->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
	evhttp_set_max_headers_size(a->http, HEADERS_MAX);
	evhttp_set_max_body_size(a->http, BODY_MAX);
	evhttp_set_timeout(a->http, SILENT_S);
	evhttp_set_gencb(a->http, on_request, a);
	admin_add(a, pages, ctx);
	return a;
}

void
admin_add(struct admin *a, const struct admin_page *pages, void *ctx)
{
	assert(a->tables < ADMIN_TABLES);
	a->table[a->tables].page = pages;
	a->table[a->tables++].ctx = ctx;
}

void
admin_free(struct admin *a)
{
	if (a == NULL)
		return;
	if (a->http != NULL)
		evhttp_free(a->http);
	if (a->pause != NULL)
		event_free(a->pause);
	free(a);
}

int
admin_fd(const struct admin *a)
{
	return evconnlistener_get_fd(a->listener);
}
