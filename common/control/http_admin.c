/* http_admin.c - see http_admin.h.
 *
 *   READING   the head is not whole yet                    HEAD_MS
 *   ANSWERING the answer is not taken yet                  TAKE_MS
 *   LINGERING our side is ended; what still comes is read  LINGER_MS
 *             and thrown away, or it would reset the answer
 */
#include "http_admin.h"

#include <assert.h>
#include <errno.h>
#include <event2/bufferevent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "http.h"
#include "log.h"
#include "net_unix.h"

enum {
	HEAD_MS = 5000,
	TAKE_MS = 30000,
	LINGER_MS = 1000,
	HEAD_MAX = 16384,
	PAUSE_MS = 100, /* after accepting failed for want of descriptors */
	BURST = 16
};

enum state { READING, ANSWERING, LINGERING };

struct caller {
	struct http_admin *admin;
	struct bufferevent *bev;
	struct event *clock;
	enum state state;
	TAILQ_ENTRY(caller) link; /* in admin->callers, the oldest first */
};

struct http_admin {
	struct event_base *base;
	int fd[HTTP_ADMIN_LISTENERS];
	struct event *readable[HTTP_ADMIN_LISTENERS]; /* of each */
	unsigned listeners;
	struct event *pause;
	TAILQ_HEAD(caller_list, caller) callers;
	unsigned n;
	char **name; /* owned */
	size_t names;
	struct {
		const struct http_admin_page *page;
		void *ctx;
	} table[HTTP_ADMIN_TABLES];
	unsigned tables;
};

/* ---- callers ---- */

static void
hang_up(struct caller *c)
{
	struct http_admin *a = c->admin;

	TAILQ_REMOVE(&a->callers, c, link);
	a->n--;
	bufferevent_free(c->bev);
	if (c->clock != NULL)
		event_free(c->clock);
	free(c);
}

static void
enter(struct caller *c, enum state state, uint64_t ms)
{
	struct timeval tv = clock_timeval(ms);

	c->state = state;
	if (event_add(c->clock, &tv) < 0)
		log_event(LOG_ERROR, "cannot arm the clock of an operator's connection", NULL);
}

static void
on_clock(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	hang_up(arg);
}

/* ---- answers ---- */

static const struct http_admin_page *
find_page(const struct http_admin *a, struct span path, void **ctx)
{
	for (unsigned t = 0; t < a->tables; t++)
		for (const struct http_admin_page *p = a->table[t].page; p->path != NULL; p++)
			if (span_eq_str(path, p->path)) {
				*ctx = a->table[t].ctx;
				return p;
			}
	return NULL;
}

/* A program's own page goes before the one of the same path that all daemons have. */
static bool
is_found(const struct http_admin *a, const struct http_admin_page *p)
{
	void *ctx;

	return find_page(a, span_str(p->path), &ctx) == p;
}

static void
list_pages(const struct http_admin *a, struct evbuffer *out)
{
	(void)evbuffer_add_printf(out, "There is no such page.  There are:\n");
	for (unsigned t = 0; t < a->tables; t++)
		for (const struct http_admin_page *p = a->table[t].page; p->path != NULL; p++)
			if (is_found(a, p))
				(void)evbuffer_add_printf(out, "  %s\n", p->path);
}

static bool
is_own_name(const struct http_admin *a, struct span host)
{
	if (host.n == 0 || http_host_is_plain(host))
		return true;
	for (size_t i = 0; i < a->names; i++)
		if (http_host_is(host, a->name[i]))
			return true;
	return false;
}

/* Writes the body and returns the status; *type is its media type. */
static int
write_body(const struct http_admin *a, const struct http_request *r, struct evbuffer *out,
	   const char **type)
{
	const struct http_admin_page *page;
	void *ctx;

	*type = "text/plain; charset=utf-8";
	if (!is_own_name(a, r->host)) {
		(void)evbuffer_add_printf(out, "Host is neither an address, localhost nor one of "
					       "admin_names.\n");
		return 421;
	}
	if (!http_only_looks(r)) {
		(void)evbuffer_add_printf(out, "Pages can be looked at, with GET or HEAD.\n");
		return 405;
	}
	page = find_page(a, r->path, &ctx);
	if (page == NULL) {
		list_pages(a, out);
		return 404;
	}
	*type = page->type;
	return page->write(out, ctx);
}

static int
write_head(struct evbuffer *out, int status, const char *type, size_t length)
{
	char date[64];
	time_t now = time(NULL);
	struct tm tm;

	if (gmtime_r(&now, &tm) == NULL ||
	    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &tm) == 0)
		date[0] = '\0';
	/* A page may run its own script and ask this daemon, nothing else. */
	return evbuffer_add_printf(out,
				   "HTTP/1.1 %d %s\r\n"
				   "Date: %s\r\n"
				   "Connection: close\r\n"
				   "%s"
				   "Content-Type: %s\r\n"
				   "Content-Length: %zu\r\n"
				   "Cache-Control: no-store\r\n"
				   "X-Content-Type-Options: nosniff\r\n"
				   "Cross-Origin-Resource-Policy: same-origin\r\n"
				   "Content-Security-Policy: default-src 'none'; "
				   "style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
				   "connect-src 'self'; img-src data:; frame-ancestors 'none'\r\n"
				   "\r\n",
				   status, http_reason(status), date,
				   status == 405 ? "Allow: GET, HEAD\r\n" : "", type, length);
}

/* status: HTTP_FINE, or what it is refused with.  False: it is gone. */
static bool
answer(struct caller *c, int status, const struct http_request *r)
{
	struct evbuffer *body = evbuffer_new(), *out = bufferevent_get_output(c->bev);
	const char *type = "text/plain; charset=utf-8";
	bool head = status == HTTP_FINE && span_eq_str(r->method, "HEAD");
	int rc = -1;

	if (body != NULL) {
		if (status == HTTP_FINE)
			status = write_body(c->admin, r, body, &type);
		else
			(void)evbuffer_add_printf(body, "%d %s\n", status, http_reason(status));
		rc = write_head(out, status, type, evbuffer_get_length(body));
		if (rc >= 0 && !head)
			rc = evbuffer_add_buffer(out, body);
		evbuffer_free(body);
	}
	if (rc < 0) {
		log_limited(LOG_ERROR, "out of memory for an operator's answer", NULL);
		hang_up(c);
		return false;
	}
	enter(c, ANSWERING, TAKE_MS);
	return true;
}

/* ---- what the connection tells ---- */

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct caller *c = arg;
	struct http_request r;
	size_t n = evbuffer_get_length(in);
	struct span text;
	int status;

	if (c->state == READING) {
		text = span_of((const char *)evbuffer_pullup(in, -1), n);
		status = http_parse(text, &r);
		if (status == HTTP_MORE && n < HEAD_MAX)
			return;
		if (!answer(c, status == HTTP_MORE ? 431 : status, &r))
			return;
	}
	(void)evbuffer_drain(in, n);
}

/* All is taken. */
static void
on_written(struct bufferevent *bev, void *arg)
{
	struct caller *c = arg;

	if (c->state != ANSWERING)
		return;
	if (shutdown(bufferevent_getfd(bev), SHUT_WR) < 0)
		hang_up(c);
	else
		enter(c, LINGERING, LINGER_MS);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct caller *c = arg;

	(void)bev;
	/* A client that has ended its side may still read. */
	if ((what & BEV_EVENT_ERROR) != 0 || c->state != ANSWERING)
		hang_up(c);
}

/* ---- accepting ---- */

static void
take(struct http_admin *a, int fd)
{
	struct caller *c;

	if (a->n >= HTTP_ADMIN_CONNECTIONS)
		hang_up(TAILQ_FIRST(&a->callers));
	c = calloc(1, sizeof *c);
	if (c != NULL)
		c->bev = bufferevent_socket_new(a->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (c == NULL || c->bev == NULL) {
		log_limited(LOG_ERROR, "out of memory for an operator's connection", NULL);
		free(c);
		(void)close(fd);
		return;
	}
	c->admin = a;
	TAILQ_INSERT_TAIL(&a->callers, c, link);
	a->n++;
	c->clock = event_new(a->base, -1, 0, on_clock, c);
	bufferevent_setcb(c->bev, on_read, on_written, on_event, c);
	bufferevent_setwatermark(c->bev, EV_READ, 0, HEAD_MAX);
	if (c->clock == NULL || bufferevent_enable(c->bev, EV_READ | EV_WRITE) < 0) {
		hang_up(c);
		return;
	}
	enter(c, READING, HEAD_MS);
}

static void
on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	const struct http_admin *a = arg;

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < a->listeners; i++)
		(void)event_add(a->readable[i], NULL);
}

/* Without a descriptor to spare the listener would be readable for ever and the master busy with
 * it. */
static void
pause_accepting(const struct http_admin *a)
{
	struct timeval tv = clock_timeval(PAUSE_MS);

	int rc = 0;

	log_limited_errno(LOG_WARN, "operators' connections are not taken for a moment", NULL);
	for (unsigned i = 0; i < a->listeners && rc == 0; i++)
		rc = event_del(a->readable[i]);
	if (rc < 0 || event_add(a->pause, &tv) < 0)
		log_event(LOG_ERROR, "cannot pause the operators' listener", NULL);
}

static void
on_readable(evutil_socket_t listener, short what, void *arg)
{
	struct http_admin *a = arg;

	(void)what;
	for (int i = 0; i < BURST; i++) {
		int fd = net_accept_unix(listener);
		if (fd >= 0)
			take(a, fd);
		else if (errno != EAGAIN && errno != ECONNABORTED)
			pause_accepting(a);
		if (fd < 0)
			return;
	}
}

int
http_admin_json(struct evbuffer *out, struct json_object *o)
{
	const char *text;
	size_t n;
	int rc = -1;

	text = o == NULL ? NULL : json_object_to_json_string_length(o, JSON_C_TO_STRING_PLAIN, &n);
	if (text != NULL && evbuffer_add(out, text, n) == 0)
		rc = evbuffer_add(out, "\n", 1);
	(void)json_object_put(o);
	return rc < 0 ? 500 : 200;
}

/* ---- the whole ---- */

int
http_admin_listen(struct http_admin *a, int fd)
{
	struct event *e;

	assert(a->listeners < HTTP_ADMIN_LISTENERS);
	e = event_new(a->base, fd, EV_READ | EV_PERSIST, on_readable, a);
	if (e == NULL || event_add(e, NULL) < 0) {
		if (e != NULL)
			event_free(e);
		errno = ENOMEM;
		return -1;
	}
	a->fd[a->listeners] = fd;
	a->readable[a->listeners++] = e;
	return 0;
}

struct http_admin *
http_admin_new(struct event_base *base, int fd, const struct http_admin_page *pages, void *ctx)
{
	struct http_admin *a = calloc(1, sizeof *a);

	if (a == NULL)
		return NULL;
	a->base = base;
	TAILQ_INIT(&a->callers);
	a->pause = event_new(base, -1, 0, on_pause_over, a);
	if (a->pause == NULL || http_admin_listen(a, fd) < 0) {
		http_admin_free(a);
		errno = ENOMEM;
		return NULL;
	}
	http_admin_add(a, pages, ctx);
	return a;
}

void
http_admin_add(struct http_admin *a, const struct http_admin_page *pages, void *ctx)
{
	assert(a->tables < HTTP_ADMIN_TABLES);
	a->table[a->tables].page = pages;
	a->table[a->tables++].ctx = ctx;
}

static void
free_names(char **name, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(name[i]);
	free(name);
}

int
http_admin_set_names(struct http_admin *a, const struct conf_list *list)
{
	char **name;

	if (a == NULL)
		return 0;
	name = calloc(list->n + 1, sizeof *name);
	if (name == NULL)
		return -1;
	for (size_t i = 0; i < list->n; i++) {
		name[i] = strdup(list->item[i]);
		if (name[i] == NULL) {
			free_names(name, list->n);
			return -1;
		}
	}
	free_names(a->name, a->names);
	a->name = name;
	a->names = list->n;
	return 0;
}

void
http_admin_free(struct http_admin *a)
{
	struct caller *c;

	if (a == NULL)
		return;
	while ((c = TAILQ_FIRST(&a->callers)) != NULL)
		hang_up(c);
	for (unsigned i = 0; i < a->listeners; i++) {
		event_free(a->readable[i]);
		(void)close(a->fd[i]);
	}
	if (a->pause != NULL)
		event_free(a->pause);
	free_names(a->name, a->names);
	free(a);
}

int
http_admin_fd(const struct http_admin *a, unsigned i)
{
	return i < a->listeners ? a->fd[i] : -1;
}
