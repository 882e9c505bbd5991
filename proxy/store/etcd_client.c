/* etcd_client.c - see etcd_client.h. */
#include "etcd_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "clock.h"
#include "etcd_http.h"
#include "log.h"
#include "printable.h"

enum { TOKEN = 512, ERROR_TEXT = STORE_URL_MAX + ETCD_WHY };

static const char no_memory[] = "out of memory";

LIST_HEAD(calls, etcd_call);

struct etcd_client {
	struct etcd_http *http;
	const struct store_conf *conf;
	const struct etcd_client_ops *ops;
	size_t at;	/* which of the URLs is asked */
	unsigned round; /* counts how often one failed */
	struct calls calls;
	struct etcd_request *login; /* on its way; calls wait for it */
	char token[TOKEN];	    /* empty: none */
	bool no_auth;		    /* there is a user, but authentication is not enabled */
	uint64_t cluster, term;
	char error[ERROR_TEXT];
	uint64_t error_at, errors;
};

struct etcd_call {
	LIST_ENTRY(etcd_call) link;
	struct etcd_client *client;
	struct etcd_request *request; /* NULL: it waits for the login */
	size_t at;		      /* whom it was asked */
	unsigned round;		      /* and when */
	const char *path;
	struct buf body;
	bool again; /* it was asked with a token that was none */
	bool due;   /* the login that it waited for has ended */
	void (*bytes)(struct span, void *ctx);
	etcd_answer_fn *answer;
	void *ctx;
};

static bool start(struct etcd_call *);

/* ---- errors ---- */

static void
remember(struct etcd_client *c, size_t at, const char *why)
{
	char text[ERROR_TEXT];

	(void)snprintf(text, sizeof text, "%s: %s", c->conf->urls.item[at], why);
	(void)printable(text, c->error, sizeof c->error);
	c->error_at = clock_ms();
	c->errors++;
	log_limited(LOG_VERBOSE, "a request to the store failed", "why=%s", log_quoted(c->error));
}

/* What was asked before the last failure says nothing of what is asked since. */
static void
fail(struct etcd_client *c, size_t at, unsigned round, const char *why)
{
	remember(c, at, why);
	if (round != c->round)
		return;
	c->round++;
	c->at = (c->at + 1) % c->conf->urls.n;
	c->ops->on_failed(c->error, c->ops->ctx);
}

void
etcd_client_give_up(struct etcd_client *c, const char *why)
{
	fail(c, c->at, c->round, why);
}

void
etcd_client_note(struct etcd_client *c, const char *why)
{
	remember(c, c->at, why);
}

enum etcd_class
etcd_client_judge_header(struct etcd_client *c, const struct etcd_header *h, char why[ETCD_WHY])
{
	if (h->cluster == 0)
		return ETCD_OK;
	if (h->cluster == c->cluster && h->term < c->term) {
		(void)snprintf(why, ETCD_WHY,
			       "a member that was left behind: its term is %llu, and it was %llu",
			       (unsigned long long)h->term, (unsigned long long)c->term);
		return ETCD_LOST;
	}
	c->cluster = h->cluster;
	c->term = h->term;
	return ETCD_OK;
}

/* ---- answers ---- */

static void
end(struct etcd_call *call, const struct etcd_answer *a)
{
	struct etcd_client *c = call->client;

	if (a->class == ETCD_LOST)
		fail(c, call->at, call->round, a->why);
	else if (a->class != ETCD_OK)
		remember(c, call->at, a->why);
	if (a->class == ETCD_DENIED || a->class == ETCD_FULL)
		c->ops->on_refused(c->error, c->ops->ctx);
	call->answer(a, call->ctx);
	etcd_client_cancel(call);
}

static void
end_with(struct etcd_call *call, enum etcd_class class, const char *why)
{
	const struct etcd_answer a = {.class = class, .why = why};

	end(call, &a);
}

/* What is no answer at all, in a's class and words. */
static bool
judge_answered(const struct etcd_http_done *d, struct etcd_answer *a, char why[ETCD_WHY])
{
	if (d->answered)
		return true;
	a->class = d->too_long ? ETCD_TOO_LARGE : ETCD_LOST;
	(void)printable(d->too_long ? "its answer is too long" : d->why, why, ETCD_WHY);
	return false;
}

static void
judge(struct etcd_call *call, const struct etcd_http_done *d, struct etcd_answer *a,
      char why[ETCD_WHY])
{
	a->why = why;
	if (!judge_answered(d, a, why))
		return;
	if (call->bytes != NULL && d->status == 200) {
		a->class = ETCD_LOST;
		(void)snprintf(why, ETCD_WHY, "it has ended the watch");
		return;
	}
	a->o = etcd_json_parse(d->body);
	a->class = etcd_json_judge(d->status, a->o, d->body, why);
	if (a->class != ETCD_OK)
		return;
	etcd_json_header(etcd_json_result(a->o) != NULL ? etcd_json_result(a->o) : a->o,
			 &a->header);
	if (a->header.cluster == 0) {
		a->class = ETCD_LOST;
		(void)snprintf(why, ETCD_WHY, "it answers what is not etcd's");
		return;
	}
	a->class = etcd_client_judge_header(call->client, &a->header, why);
}

static void
on_done(const struct etcd_http_done *d, void *arg)
{
	struct etcd_call *call = arg;
	struct etcd_client *c = call->client;
	struct etcd_answer a = {.class = ETCD_LOST};
	char why[ETCD_WHY];

	call->request = NULL;
	judge(call, d, &a, why);
	if (a.class == ETCD_TOKEN && !call->again && c->conf->user[0] != '\0') {
		call->again = true;
		c->token[0] = '\0';
		c->no_auth = false;
		if (!start(call))
			end_with(call, ETCD_LOST, no_memory);
	} else {
		if (a.class == ETCD_TOKEN)
			a.class = ETCD_DENIED;
		end(call, &a);
	}
	json_object_put(a.o);
}

/* ---- logging in ---- */

static struct etcd_call *
due_call(struct etcd_client *c)
{
	struct etcd_call *call;

	LIST_FOREACH(call, &c->calls, link)
		if (call->due)
			return call;
	return NULL;
}

/* Those that wait go on, or hear why not; what they ask then waits for another login. */
static void
login_ended(struct etcd_client *c, enum etcd_class class, const char *why)
{
	struct etcd_call *call;

	LIST_FOREACH(call, &c->calls, link)
		call->due = call->request == NULL;
	while ((call = due_call(c)) != NULL) {
		call->due = false;
		if (class != ETCD_OK)
			end_with(call, class, why);
		else if (!start(call))
			end_with(call, ETCD_LOST, no_memory);
	}
}

static enum etcd_class
take_token(struct etcd_client *c, struct json_object *o, char why[ETCD_WHY])
{
	const char *token = etcd_json_token(o);

	if (token == NULL || token[0] == '\0' || strlen(token) >= sizeof c->token ||
	    token[strcspn(token, "\r\n")] != '\0') {
		(void)snprintf(why, ETCD_WHY, "it gives no token");
		return ETCD_LOST;
	}
	strcpy(c->token, token);
	return ETCD_OK;
}

static void
on_login(const struct etcd_http_done *d, void *arg)
{
	struct etcd_client *c = arg;
	struct etcd_answer a = {.class = ETCD_LOST};
	struct json_object *o = NULL;
	char why[ETCD_WHY];

	c->login = NULL;
	if (judge_answered(d, &a, why)) {
		o = etcd_json_parse(d->body);
		a.class = etcd_json_judge(d->status, o, d->body, why);
	}
	if (a.class == ETCD_OK)
		a.class = take_token(c, o, why);
	else if (a.class == ETCD_NO_AUTH) {
		if (!c->no_auth)
			log_event(LOG_WARN, "the store has no authentication enabled",
				  "store_user=%s", log_quoted(c->conf->user));
		c->no_auth = true;
		a.class = ETCD_OK;
	}
	json_object_put(o);
	login_ended(c, a.class, why);
}

/* A request to the member that is asked now; NULL on ENOMEM. */
static struct etcd_request *
post(struct etcd_client *c, const char *path, struct etcd_http_ask *a)
{
	char url[STORE_URL_MAX + 64];

	(void)snprintf(url, sizeof url, "%s%s", c->conf->urls.item[c->at], path);
	a->url = url;
	return etcd_http_post(c->http, a);
}

static bool
log_in(struct etcd_client *c)
{
	struct buf body = BUF_INIT;
	struct etcd_http_ask a = {.done = on_login, .ctx = c};

	if (c->login != NULL)
		return true;
	if (c->conf->files != NULL &&
	    etcd_json_put_login(&body, c->conf->user, c->conf->files->password) == 0) {
		a.body = buf_span(&body);
		c->login = post(c, "/v3/auth/authenticate", &a);
		explicit_bzero(body.base, body.cap);
	}
	buf_release(&body);
	return c->login != NULL;
}

/* ---- calls ---- */

static void
on_bytes(struct span s, void *arg)
{
	struct etcd_call *call = arg;

	call->bytes(s, call->ctx);
}

/* It is on its way, or the login before it; false on ENOMEM. */
static bool
start(struct etcd_call *call)
{
	struct etcd_client *c = call->client;
	struct etcd_http_ask a = {.token = c->token[0] != '\0' ? c->token : NULL,
				  .body = buf_span(&call->body),
				  .done = on_done,
				  .bytes = call->bytes != NULL ? on_bytes : NULL,
				  .ctx = call};

	call->at = c->at;
	call->round = c->round;
	call->request = NULL;
	if (c->conf->user[0] != '\0' && c->token[0] == '\0' && !c->no_auth)
		return log_in(c);
	call->request = post(c, call->path, &a);
	return call->request != NULL;
}

struct etcd_call *
etcd_client_stream(struct etcd_client *c, const char *path, struct span body,
		   void (*bytes)(struct span, void *ctx), etcd_answer_fn *answer, void *ctx)
{
	struct etcd_call *call = calloc(1, sizeof *call);

	if (call == NULL)
		return NULL;
	*call = (struct etcd_call){
		.client = c, .path = path, .bytes = bytes, .answer = answer, .ctx = ctx};
	LIST_INSERT_HEAD(&c->calls, call, link);
	if (buf_append_span(&call->body, body) == 0 && start(call))
		return call;
	etcd_client_cancel(call);
	return NULL;
}

struct etcd_call *
etcd_client_call(struct etcd_client *c, const char *path, struct span body, etcd_answer_fn *answer,
		 void *ctx)
{
	return etcd_client_stream(c, path, body, NULL, answer, ctx);
}

void
etcd_client_cancel(struct etcd_call *call)
{
	if (call == NULL)
		return;
	LIST_REMOVE(call, link);
	if (call->request != NULL)
		etcd_http_cancel(call->request);
	buf_release(&call->body);
	free(call);
}

void
etcd_client_pause(struct etcd_call *call, bool paused)
{
	if (call->request != NULL)
		etcd_http_pause(call->request, paused);
}

/* ---- the whole ---- */

struct etcd_client *
etcd_client_new(struct event_base *base, const struct store_conf *conf,
		const struct etcd_client_ops *ops, const char **why)
{
	struct etcd_client *c = calloc(1, sizeof *c);

	*why = no_memory;
	if (c == NULL)
		return NULL;
	*c = (struct etcd_client){.conf = conf, .ops = ops};
	LIST_INIT(&c->calls);
	c->http = etcd_http_new(base, conf->files, why);
	if (c->http != NULL)
		return c;
	free(c);
	return NULL;
}

void
etcd_client_free(struct etcd_client *c)
{
	struct etcd_call *call;

	if (c == NULL)
		return;
	while ((call = LIST_FIRST(&c->calls)) != NULL)
		etcd_client_cancel(call);
	etcd_http_free(c->http);
	explicit_bzero(c->token, sizeof c->token);
	free(c);
}

void
etcd_client_look(const struct etcd_client *c, struct etcd_client_view *v)
{
	*v = (struct etcd_client_view){.endpoint = c->conf->urls.item[c->at],
				       .error = c->error,
				       .error_at = c->error_at,
				       .errors = c->errors,
				       .cluster = c->cluster,
				       .term = c->term};
}
