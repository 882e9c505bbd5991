/* expect.c - see expect.h. */
#include "expect.h"

#include <assert.h>
#include <string.h>

#include "input.h"

static const char file_prefix[] = "file:", command_prefix[] = "cmd:";

/* What follows the prefix, or NULL. */
static const char *
after(const char *word, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(word, prefix, n) == 0 && word[n] != '\0' ? word + n : NULL;
}

/* NULL where the word is none. */
static const struct job *
built_in(const char *word)
{
	const struct job *j = job_find(span_str(word));

	return word[0] != '\0' && j->name[0] != '\0' ? j : NULL;
}

const char *
expect_judge(const char *word)
{
	if (strcmp(word, "none") == 0 || built_in(word) != NULL ||
	    after(word, file_prefix) != NULL || after(word, command_prefix) != NULL)
		return NULL;
	return "must be sha1, sha256, sha384, sha512, sha3-256, sha3-512, hmac-sha256, none, "
	       "file:FILE or cmd:COMMAND";
}

struct expect
expect_of(const char *word)
{
	struct expect e = {.kind = EXPECT_NONE, .job = built_in(word), .text = BUF_INIT};

	assert(expect_judge(word) == NULL);
	if (e.job != NULL)
		e.kind = job_is_digest(e.job) ? EXPECT_DIGEST : EXPECT_FORM;
	else if ((e.source = after(word, file_prefix)) != NULL)
		e.kind = EXPECT_FILE;
	else if ((e.source = after(word, command_prefix)) != NULL)
		e.kind = EXPECT_COMMAND;
	return e;
}

void
expect_free(struct expect *e)
{
	buf_release(&e->text);
}

int
expect_load(struct expect *e, struct span payload, size_t max, FILE *err)
{
	if (e->kind == EXPECT_FILE)
		return input_read(e->source, max, &e->text, err);
	if (e->kind == EXPECT_COMMAND)
		return input_run(e->source, payload, max, &e->text, err);
	return 0;
}

/* Editors end a file with a newline, and most programs what they print; a reply need not. */
static bool
is_text(struct span wanted, struct span payload)
{
	if (wanted.n == payload.n + 1 && wanted.p[payload.n] == '\n')
		wanted.n--;
	return span_eq(payload, wanted);
}

bool
expect_met(const struct expect *e, struct span digest, struct span payload)
{
	switch (e->kind) {
	case EXPECT_DIGEST: return span_eq(payload, digest);
	case EXPECT_FORM: return job_fits(e->job, payload);
	case EXPECT_FILE:
	case EXPECT_COMMAND: return is_text(buf_span(&e->text), payload);
	case EXPECT_NONE: break;
	}
	return true;
}

const char *
expect_what(const struct expect *e, char *out, size_t size)
{
	if (e->kind != EXPECT_DIGEST)
		return "reply";
	if (e->job->digest == DIGEST_SHA1)
		return "hash";
	(void)snprintf(out, size, "%s digest", e->job->name);
	return out;
}
