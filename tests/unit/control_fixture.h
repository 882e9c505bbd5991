/* control_fixture.h - a caller of the control socket without a socket, for the tests of verbs: what
 * it asked, and what it was answered.  Takes the place of control.c. */
#ifndef POLICYPOOL_TESTS_CONTROL_FIXTURE_H
#define POLICYPOOL_TESTS_CONTROL_FIXTURE_H

#include "control.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

enum { CALLERS = 4, CALLER_UID = 1234 };

struct control_deferred {
	void (*gone)(void *ctx);
	void *ctx;
	struct answer *answer;
};

/* To the caller of the same number, who is asked for by call_as(). */
struct answer {
	struct control_deferred *waits; /* for it */
	unsigned n;			/* answers */
	struct json_object *data;
	char error[256];
};

static struct answer answer[CALLERS];
static const char *arguments[3];
static struct control_call call;
static struct answer *caller = answer;

static inline const struct control_call *
call_as(unsigned number, const char *first, const char *second)
{
	arguments[0] = first;
	arguments[1] = second;
	caller = &answer[number];
	call.uid = CALLER_UID;
	return &call;
}

const char *
control_argument(const struct control_call *c, size_t i)
{
	(void)c;
	return i < 2 ? arguments[i] : NULL;
}

struct control_deferred *
control_defer(const struct control_call *c, void (*gone)(void *), void *ctx)
{
	struct control_deferred *d = calloc(1, sizeof *d);

	(void)c;
	cr_assert_not_null(d);
	*d = (struct control_deferred){gone, ctx, caller};
	caller->waits = d;
	return d;
}

void
control_settle(struct control_deferred *d, struct json_object *data, const char *error)
{
	d->answer->n++;
	d->answer->data = data;
	(void)snprintf(d->answer->error, sizeof d->answer->error, "%s",
		       data == NULL && error != NULL ? error : "");
	d->answer->waits = NULL;
	free(d);
}

/* It leaves before it is answered. */
static inline void
caller_leaves(unsigned number)
{
	struct control_deferred *d = answer[number].waits;

	cr_assert_not_null(d);
	d->gone(d->ctx);
	answer[number].waits = NULL;
	free(d);
}

static inline void
forget_answers(void)
{
	for (unsigned i = 0; i < CALLERS; i++) {
		cr_assert_null(answer[i].waits, "a caller waits for ever");
		(void)json_object_put(answer[i].data);
		answer[i] = (struct answer){.n = 0};
	}
}

/* A member of an answer as text. */
static inline const char *
told(struct json_object *o, const char *member)
{
	struct json_object *v = NULL;

	cr_assert(json_object_object_get_ex(o, member, &v), "%s in %s", member,
		  json_object_to_json_string(o));
	return json_object_get_string(v);
}

#endif
