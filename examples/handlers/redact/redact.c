/* redact.c - a module for ppool-server: card numbers and e-mail addresses in a text are masked.
 *
 *   cc -O2 -shared -fPIC -o redact.so redact.c $(pkg-config --cflags policypool-handler)
 *
 * A card number is 13 to 19 digits whose check digit is right (Luhn, ISO/IEC 7812-1), in groups
 * with one blank or hyphen between them; an address is NAME@HOST.TLD, as most are.  Settings: card
 * and email, what stands in their place; [card] and [email] if not given.  See ppool_handler(3). */
#include <policypool/handler.h>

#include <stdlib.h>
#include <string.h>

struct redact {
	const char *card, *email;
	char *text; /* of the last reply */
	size_t n, room;
};

/* ---- the reply ---- */

static bool
append(struct redact *r, const char *p, size_t n)
{
	if (n > r->room - r->n) {
		size_t room = 2 * (r->n + n);
		char *more = realloc(r->text, room);

		if (more == NULL)
			return false;
		r->text = more;
		r->room = room;
	}
	memcpy(r->text + r->n, p, n);
	r->n += n;
	return true;
}

/* ---- card numbers ---- */

enum { CARD_MIN = 13, CARD_MAX = 19 }; /* digits */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Every second digit from the right counts twice, by the sum of its digits. */
static bool
luhn(const char *digit, unsigned n)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < n; i++) {
		unsigned d = (unsigned)(digit[i] - '0') << ((n - i) % 2 == 0);
		sum += d > 9 ? d - 9 : d;
	}
	return sum % 10 == 0;
}

/* The bytes of the longest card number that begins at p, where a group of digits begins; or 0. */
static size_t
card_at(const char *p, const char *end)
{
	char digit[CARD_MAX];
	unsigned n = 0;
	size_t found = 0;

	for (const char *at = p; at < end && n < CARD_MAX; at++) {
		if (!is_digit(*at)) {
			if ((*at != ' ' && *at != '-') || !is_digit(at[-1]))
				break;
			continue;
		}
		digit[n++] = *at;
		if (n >= CARD_MIN && (at + 1 == end || !is_digit(at[1])) && luhn(digit, n))
			found = (size_t)(at + 1 - p);
	}
	return found;
}

/* ---- e-mail addresses ---- */

enum { NAME_MAX_BYTES = 64, HOST_MAX_BYTES = 255 }; /* RFC 5321, 4.5.3.1 */

static bool
is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_in_host(char c)
{
	return is_alpha(c) || is_digit(c) || c == '-';
}

static bool
is_in_name(char c)
{
	return is_in_host(c) || (c != '\0' && strchr(".!#$%&'*+/=?^_`{|}~", c) != NULL);
}

/* The bytes of HOST.TLD at p, or 0: labels with dots between them, the last one of letters. */
static size_t
host_at(const char *p, const char *end)
{
	const char *label = p, *at = p;
	size_t found = 0;

	while (at < end && is_in_host(*at)) {
		bool letters = true;

		for (label = at; at < end && is_in_host(*at); at++)
			letters &= is_alpha(*at);
		if (label != p && letters && at - label >= 2)
			found = (size_t)(at - p);
		if (at == end || *at != '.')
			break;
		at++;
	}
	return found;
}

/* Not further than max bytes behind p: no payload is looked at over and over. */
static const char *
bounded(const char *p, const char *end, size_t max)
{
	return (size_t)(end - p) > max ? p + max : end;
}

/* The bytes of the address that begins at p, or 0. */
static size_t
email_at(const char *p, const char *end)
{
	const char *at = p, *name_end = bounded(p, end, NAME_MAX_BYTES);
	size_t host;

	while (at < name_end && is_in_name(*at))
		at++;
	if (at == end || *at != '@')
		return 0;
	host = host_at(at + 1, bounded(at + 1, end, HOST_MAX_BYTES));
	return host == 0 ? 0 : (size_t)(at + 1 - p) + host;
}

/* ---- the handler ---- */

static bool
begins_word(char before, char c)
{
	return (is_alpha(c) || is_digit(c)) && !is_alpha(before) && !is_digit(before);
}

/* Appends the text with what was found masked; false: out of memory. */
static bool
mask(struct redact *r, const char *p, const char *end)
{
	const char *plain = p; /* not appended yet */
	char before = ' ';

	while (p < end) {
		const char *instead = r->email;
		size_t n = begins_word(before, *p) ? email_at(p, end) : 0;

		if (n == 0 && is_digit(*p) && !is_digit(before)) {
			instead = r->card;
			n = card_at(p, end);
		}
		if (n == 0) {
			before = *p++;
			continue;
		}
		if (!append(r, plain, (size_t)(p - plain)) || !append(r, instead, strlen(instead)))
			return false;
		p += n;
		plain = p;
		before = p[-1];
	}
	return append(r, plain, (size_t)(end - plain));
}

static enum ppool_result
run(void *state, const struct ppool_job *job, struct ppool_reply *reply)
{
	struct redact *r = state;
	const char *p = job->payload.n > 0 ? job->payload.p : "";

	r->n = 0;
	if (!mask(r, p, p + job->payload.n)) {
		reply->error = "out of memory";
		return PPOOL_FAILED;
	}
	reply->payload.p = r->text;
	reply->payload.n = r->n;
	reply->binary = job->binary;
	return PPOOL_DONE;
}

static const char *
setting(const struct ppool_host *host, const char *key, const char *otherwise)
{
	const char *value = host->setting(key);

	return value != NULL ? value : otherwise;
}

static int
start(const struct ppool_host *host, void **state)
{
	struct redact *r = calloc(1, sizeof *r);

	if (r == NULL)
		return 1;
	r->card = setting(host, "card", "[card]");
	r->email = setting(host, "email", "[email]");
	*state = r;
	return 0;
}

static void
stop(void *state)
{
	struct redact *r = state;

	free(r->text);
	free(r);
}

const struct ppool_handler ppool_handler_1 = {
	.abi = PPOOL_ABI,
	.size = sizeof ppool_handler_1,
	.name = "redact",
	.version = "1.0",
	.flags = PPOOL_REPEATABLE,
	.start = start,
	.run = run,
	.stop = stop,
};
