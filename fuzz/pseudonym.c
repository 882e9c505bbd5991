/* A keyring of pseudonyms, whatever it holds, is taken or refused with reasons that give no secret
 * away; what was taken gives pseudonyms of their form. */
#include "pseudonym.h"
#include "fuzz.h"
#include "job.h"

static const char secret[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

static void
ask(struct pseudonym_keys *k, struct span key)
{
	const struct job_request job = {.payload = span_str("x"), .key = key};
	struct job_reply a = {.retry = 0};

	if (pseudonym_backend.run(k, &job, &a) == JOB_DONE)
		HOLDS(job_fits(job_find(span_str("hmac-sha256")), a.payload));
	else
		HOLDS(key.n > 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = fuzz_span(data, size), rest = text;
	char *said = NULL;
	size_t n;
	FILE *err = open_memstream(&said, &n);
	struct pseudonym_keys *k = pseudonym_parse("ring", text, "domain", err);

	HOLDS(fclose(err) == 0);
	HOLDS((k == NULL) == (n > 0));
	HOLDS(strstr(said, secret) == NULL || strstr(said, "secret") != NULL);
	if (k != NULL) {
		ask(k, span_of(NULL, 0));
		ask(k, fuzz_line(&rest));
		ask(k, span_str("2025"));
	}
	pseudonym_free(k);
	free(said);
	return 0;
}
