/* etcd_fake.h - an etcd of a test: answers by a script, a list of texts for each path, of which the
 * last one stays. */
#ifndef POLICYPOOL_ETCD_FAKE_H
#define POLICYPOOL_ETCD_FAKE_H

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/util.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"

#define FAKE_HEADER(revision, term)                                                       \
	"\"header\":{\"cluster_id\":\"77\",\"member_id\":\"1\",\"revision\":\"" #revision \
	"\",\"raft_term\":\"" #term "\"}"

/* status 0: no answer at all.  A stream is begun with the text, and stays open. */
struct fake_answer {
	const char *path;
	int status;
	const char *text;
	int stream;
};

struct etcd_fake {
	struct event_base *base;
	struct evhttp *http;
	struct evhttp_request *stream; /* that is open */
	char url[64];
	const struct fake_answer *script; /* up to path NULL */
	unsigned given[32];		  /* of each of its lines: how often */
	char asked[8192];		  /* "PATH BODY\n" of each */
	char token[64];			  /* of the last one */
	int wants_leader;		  /* the same */
};

static inline void
fake_chunk(struct etcd_fake *f, const char *text)
{
	struct evbuffer *b = evbuffer_new();

	(void)evbuffer_add(b, text, strlen(text));
	evhttp_send_reply_chunk(f->stream, b);
	evbuffer_free(b);
}

static inline void
fake_answer(struct evhttp_request *r, void *arg)
{
	struct etcd_fake *f = arg;
	const char *path = evhttp_request_get_uri(r), *token;
	struct evbuffer *b = evhttp_request_get_input_buffer(r);
	size_t n = strlen(f->asked), i, last = 0;
	int found = 0;

	token = evhttp_find_header(evhttp_request_get_input_headers(r), "Authorization");
	f->wants_leader = evhttp_find_header(evhttp_request_get_input_headers(r),
					     "Grpc-Metadata-hasleader") != NULL;
	(void)snprintf(f->token, sizeof f->token, "%s", token == NULL ? "" : token);
	(void)snprintf(f->asked + n, sizeof f->asked - n, "%s %.*s\n", path,
		       (int)evbuffer_get_length(b), (const char *)evbuffer_pullup(b, -1));
	for (i = 0; f->script[i].path != NULL; i++)
		if (strcmp(f->script[i].path, path) == 0) {
			last = i;
			found = 1;
			if (f->given[i] == 0)
				break;
		}
	cr_assert(found, "%s", path);
	f->given[last]++;
	if (f->script[last].status == 0)
		return;
	b = evbuffer_new();
	(void)evbuffer_add(b, f->script[last].text, strlen(f->script[last].text));
	if (f->script[last].stream) {
		f->stream = r;
		evhttp_send_reply_start(r, f->script[last].status, "");
		evhttp_send_reply_chunk(r, b);
	} else
		evhttp_send_reply(r, f->script[last].status, "", b);
	evbuffer_free(b);
}

static inline void
fake_start(struct etcd_fake *f, struct event_base *base, const struct fake_answer *script)
{
	struct evhttp_bound_socket *s;
	struct sockaddr_in at;
	socklen_t n = sizeof at;

	memset(f, 0, sizeof *f);
	f->base = base;
	f->script = script;
	f->http = evhttp_new(base);
	evhttp_set_gencb(f->http, fake_answer, f);
	s = evhttp_bind_socket_with_handle(f->http, "127.0.0.1", 0);
	cr_assert_not_null(s);
	cr_assert_eq(getsockname(evhttp_bound_socket_get_fd(s), (struct sockaddr *)&at, &n), 0);
	(void)snprintf(f->url, sizeof f->url, "http://127.0.0.1:%u", ntohs(at.sin_port));
}

/* Until it is so, for a good while at most. */
#define FAKE_UNTIL(base, condition)                                \
	do {                                                       \
		uint64_t limit = clock_ms() + 20000;               \
		while (!(condition) && clock_ms() < limit) {       \
			struct timeval a_while = {0, 5000};        \
			(void)event_base_loopexit(base, &a_while); \
			(void)event_base_dispatch(base);           \
		}                                                  \
		cr_assert(condition, #condition);                  \
	} while (0)

#endif
