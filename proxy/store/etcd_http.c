/* etcd_http.c - see etcd_http.h. */
#include "etcd_http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "etcd_curl.h"
#include "log.h"

enum { PATH = 32 };

struct etcd_http {
	const struct etcd_curl *curl;
	struct event_base *base;
	CURLM *multi;
	struct event *clock;
	LIST_HEAD(requests, etcd_request) requests;
	/* Files in memory, for GnuTLS reads them at each connection, when this process may have no
	 * right to the ones that are set; -1: none. */
	int ca, certificate, key;
};

struct etcd_request {
	LIST_ENTRY(etcd_request) link;
	struct etcd_http *http;
	CURL *easy;
	struct curl_slist *headers;
	struct buf answer;
	bool too_long, paused;
	void (*done)(const struct etcd_http_done *, void *ctx);
	void (*bytes)(struct span, void *ctx);
	void *ctx;
	char error[CURL_ERROR_SIZE];
};

/* ---- what curl asks of the loop ---- */

static void
end_finished(struct etcd_http *h)
{
	struct etcd_http_done d;
	struct etcd_request *r;
	char *private;
	CURLMsg *m;
	CURLcode code;
	int left;

	while ((m = h->curl->multi_info_read(h->multi, &left)) != NULL) {
		if (m->msg != CURLMSG_DONE)
			continue;
		code = m->data.result;
		(void)h->curl->easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &private);
		r = (struct etcd_request *)private;
		d = (struct etcd_http_done){.answered = code == CURLE_OK,
					    .too_long = r->too_long,
					    .body = buf_span(&r->answer)};
		(void)h->curl->easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &d.status);
		d.why = r->error[0] != '\0' ? r->error : h->curl->easy_strerror(code);
		r->done(&d, r->ctx);
		etcd_http_cancel(r);
	}
}

static void
on_socket(evutil_socket_t fd, short what, void *arg)
{
	struct etcd_http *h = arg;
	int running, flags = ((what & EV_READ) != 0 ? CURL_CSELECT_IN : 0) |
			     ((what & EV_WRITE) != 0 ? CURL_CSELECT_OUT : 0);

	(void)h->curl->multi_socket_action(h->multi, fd, flags, &running);
	end_finished(h);
}

static void
on_clock(evutil_socket_t fd, short what, void *arg)
{
	struct etcd_http *h = arg;
	int running;

	(void)fd;
	(void)what;
	(void)h->curl->multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	end_finished(h);
}

static int
set_clock(CURLM *multi, long ms, void *arg)
{
	struct etcd_http *h = arg;
	struct timeval tv = clock_timeval(ms > 0 ? (uint64_t)ms : 0);

	(void)multi;
	if (ms < 0)
		return event_del(h->clock);
	return event_add(h->clock, &tv);
}

static int
set_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *watched)
{
	struct etcd_http *h = arg;
	struct event *e = watched;
	short flags = (short)(((what & CURL_POLL_IN) != 0 ? EV_READ : 0) |
			      ((what & CURL_POLL_OUT) != 0 ? EV_WRITE : 0) | EV_PERSIST);

	(void)easy;
	if (e != NULL)
		event_free(e);
	(void)h->curl->multi_assign(h->multi, fd, NULL);
	if (what == CURL_POLL_REMOVE)
		return 0;
	e = event_new(h->base, fd, flags, on_socket, h);
	if (e == NULL || event_add(e, NULL) < 0) {
		log_event(LOG_ERROR, "cannot watch a connection to the store", NULL);
		if (e != NULL)
			event_free(e);
		return -1;
	}
	(void)h->curl->multi_assign(h->multi, fd, e);
	return 0;
}

/* ---- the whole ---- */

/* A file of this process alone with these bytes, as a descriptor; -1 with errno, or where there are
 * none.  It is found as /proc/self/fd/N, also by the user that this process becomes. */
static int
file_of(const char *bytes, size_t n)
{
	int fd = n == 0 ? -1 : memfd_create("store", MFD_CLOEXEC);

	if (fd >= 0 && write(fd, bytes, n) != (ssize_t)n) {
		(void)close(fd);
		fd = -1;
	}
	return fd;
}

static bool
take_files(struct etcd_http *h, const struct store_files *f)
{
	if (f == NULL)
		return true;
	h->ca = file_of(f->ca, f->ca_n);
	h->certificate = file_of(f->certificate, f->certificate_n);
	h->key = file_of(f->key, f->key_n);
	return (h->ca >= 0 || f->ca_n == 0) && (h->certificate >= 0 || f->certificate_n == 0) &&
	       (h->key >= 0 || f->key_n == 0);
}

struct etcd_http *
etcd_http_new(struct event_base *base, const struct store_files *files, const char **why)
{
	const struct etcd_curl *curl = etcd_curl_load(why);
	struct etcd_http *h = curl == NULL ? NULL : calloc(1, sizeof *h);

	if (curl == NULL)
		return NULL;
	*why = "out of memory";
	if (h == NULL)
		return NULL;
	*h = (struct etcd_http){.curl = curl, .base = base, .ca = -1, .certificate = -1, .key = -1};
	LIST_INIT(&h->requests);
	h->multi = curl->multi_init();
	h->clock = evtimer_new(base, on_clock, h);
	if (h->multi != NULL && h->clock != NULL && take_files(h, files) &&
	    curl->multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, set_socket) == CURLM_OK &&
	    curl->multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h) == CURLM_OK &&
	    curl->multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, set_clock) == CURLM_OK &&
	    curl->multi_setopt(h->multi, CURLMOPT_TIMERDATA, h) == CURLM_OK)
		return h;
	etcd_http_free(h);
	return NULL;
}

static void
close_file(int fd)
{
	if (fd >= 0)
		(void)close(fd);
}

void
etcd_http_free(struct etcd_http *h)
{
	struct etcd_request *r;

	if (h == NULL)
		return;
	while ((r = LIST_FIRST(&h->requests)) != NULL)
		etcd_http_cancel(r);
	if (h->multi != NULL)
		(void)h->curl->multi_cleanup(h->multi);
	if (h->clock != NULL)
		event_free(h->clock);
	close_file(h->ca);
	close_file(h->certificate);
	close_file(h->key);
	free(h);
}

/* ---- a request ---- */

static size_t
on_bytes(char *bytes, size_t one, size_t n, void *arg)
{
	struct etcd_request *r = arg;
	long status = 0;

	n *= one;
	(void)r->http->curl->easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
	if (r->bytes != NULL && status == 200) {
		if (r->paused)
			return CURL_WRITEFUNC_PAUSE;
		r->bytes(span_of(bytes, n), r->ctx);
		return n;
	}
	if (buf_len(&r->answer) + n > ETCD_ANSWER_MAX) {
		r->too_long = true;
		return 0;
	}
	return buf_append(&r->answer, bytes, n) < 0 ? 0 : n;
}

static bool
add_header(struct etcd_request *r, const char *text)
{
	struct curl_slist *more = r->http->curl->slist_append(r->headers, text);

	if (more != NULL)
		r->headers = more;
	return more != NULL;
}

static bool
set_headers(struct etcd_request *r, const char *token)
{
	char line[1024];

	/* Without hasleader a watch at a member that has lost the majority waits for ever. */
	if (!add_header(r, "Content-Type: application/json") || !add_header(r, "Expect:") ||
	    !add_header(r, "Grpc-Metadata-hasleader: true"))
		return false;
	if (token == NULL)
		return true;
	return snprintf(line, sizeof line, "Authorization: %s", token) < (int)sizeof line &&
	       add_header(r, line);
}

/* GnuTLS takes a file by its path alone. */
static bool
set_file(struct etcd_request *r, CURLoption option, int fd)
{
	char path[PATH];

	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return fd < 0 || r->http->curl->easy_setopt(r->easy, option, path) == CURLE_OK;
}

/* Nothing of the environment (proxies), no other protocol, no redirection: that of the settings is
 * asked and nobody else.  Nor are the CAs of the system trusted, which Debian's libcurl reads by
 * default, beside the one of the settings, in a second or more. */
static bool
set_options(struct etcd_request *r, const struct etcd_http_ask *a)
{
	const struct etcd_curl *c = r->http->curl;
	CURL *e = r->easy;
	long connect_ms = strncmp(a->url, "https:", 6) == 0 ? ETCD_HANDSHAKE_MS : ETCD_CONNECT_MS;

#define SET(option, value) (c->easy_setopt(e, option, value) == CURLE_OK)
	return SET(CURLOPT_URL, a->url) && SET(CURLOPT_PRIVATE, (void *)r) &&
	       SET(CURLOPT_ERRORBUFFER, r->error) && SET(CURLOPT_NOSIGNAL, 1L) &&
	       SET(CURLOPT_PROXY, "") && SET(CURLOPT_PROTOCOLS_STR, "http,https") &&
	       SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) &&
	       SET(CURLOPT_FOLLOWLOCATION, 0L) && SET(CURLOPT_HTTPHEADER, r->headers) &&
	       SET(CURLOPT_POSTFIELDSIZE, (long)a->body.n) &&
	       SET(CURLOPT_COPYPOSTFIELDS, a->body.p) && SET(CURLOPT_WRITEFUNCTION, on_bytes) &&
	       SET(CURLOPT_WRITEDATA, (void *)r) && SET(CURLOPT_CONNECTTIMEOUT_MS, connect_ms) &&
	       SET(CURLOPT_TIMEOUT_MS, a->bytes == NULL ? (long)ETCD_REQUEST_MS : 0L) &&
	       SET(CURLOPT_DNS_CACHE_TIMEOUT, 10L) && SET(CURLOPT_CAPATH, NULL) &&
	       set_file(r, CURLOPT_CAINFO, r->http->ca) &&
	       set_file(r, CURLOPT_SSLCERT, r->http->certificate) &&
	       set_file(r, CURLOPT_SSLKEY, r->http->key);
#undef SET
}

struct etcd_request *
etcd_http_post(struct etcd_http *h, const struct etcd_http_ask *a)
{
	struct etcd_request *r = calloc(1, sizeof *r);

	if (r == NULL)
		return NULL;
	*r = (struct etcd_request){.http = h, .done = a->done, .bytes = a->bytes, .ctx = a->ctx};
	LIST_INSERT_HEAD(&h->requests, r, link);
	r->easy = h->curl->easy_init();
	if (r->easy != NULL && set_headers(r, a->token) && set_options(r, a) &&
	    h->curl->multi_add_handle(h->multi, r->easy) == CURLM_OK)
		return r;
	etcd_http_cancel(r);
	return NULL;
}

void
etcd_http_cancel(struct etcd_request *r)
{
	const struct etcd_curl *c = r->http->curl;

	LIST_REMOVE(r, link);
	if (r->easy != NULL) {
		(void)c->multi_remove_handle(r->http->multi, r->easy);
		c->easy_cleanup(r->easy);
	}
	c->slist_free_all(r->headers);
	buf_release(&r->answer);
	free(r);
}

void
etcd_http_pause(struct etcd_request *r, bool paused)
{
	if (r->paused == paused)
		return;
	r->paused = paused;
	/* What it holds back by then is told from within this call. */
	if (!paused)
		(void)r->http->curl->easy_pause(r->easy, CURLPAUSE_CONT);
}
