/* tls_sessions: what is kept for whom, and what gives way. */
#include "tls_sessions.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct addr
at(unsigned port)
{
	struct addr a;

	cr_assert_eq(addr_numeric(&a, "127.0.0.1", (uint16_t)port), 0);
	return a;
}

static void
put(struct tls_sessions *s, unsigned port, const char *name, const char *text)
{
	gnutls_datum_t d = {gnutls_malloc(strlen(text) + 1), (unsigned)strlen(text) + 1};
	struct addr a = at(port);

	cr_assert_not_null(d.data);
	memcpy(d.data, text, d.size);
	tls_sessions_put(s, &a, name, d);
}

/* "" for none. */
static const char *
found(struct tls_sessions *s, unsigned port, const char *name)
{
	struct addr a = at(port);
	const gnutls_datum_t *d = tls_sessions_find(s, &a, name);

	return d == NULL ? "" : (const char *)d->data;
}

Test(tls_sessions, each_is_for_its_address_and_name)
{
	struct tls_sessions s;
	struct addr a = at(1);

	tls_sessions_init(&s);
	put(&s, 1, "a", "1a");
	put(&s, 1, "b", "1b");
	put(&s, 2, "a", "2a");
	put(&s, 2, NULL, "2");
	cr_assert_str_eq(found(&s, 1, "a"), "1a");
	cr_assert_str_eq(found(&s, 1, "b"), "1b");
	cr_assert_str_eq(found(&s, 2, "a"), "2a");
	cr_assert_str_eq(found(&s, 2, NULL), "2");
	cr_assert_str_eq(found(&s, 1, NULL), "");
	cr_assert_str_eq(found(&s, 3, "a"), "");
	put(&s, 1, "a", "newer");
	cr_assert_str_eq(found(&s, 1, "a"), "newer");
	cr_assert_eq(s.n, 4);
	tls_sessions_drop(&s, &a, "a");
	tls_sessions_drop(&s, &a, "a");
	cr_assert_str_eq(found(&s, 1, "a"), "");
	cr_assert_eq(s.n, 3);
	tls_sessions_release(&s);
	cr_assert_eq(s.n, 0);
}

Test(tls_sessions, the_one_that_was_not_used_for_longest_gives_way)
{
	struct tls_sessions s;

	tls_sessions_init(&s);
	for (unsigned i = 0; i < TLS_SESSIONS_MOST; i++)
		put(&s, i + 1, "a", "x");
	cr_assert_str_eq(found(&s, 1, "a"), "x");
	put(&s, TLS_SESSIONS_MOST + 1, "a", "y");
	cr_assert_eq(s.n, TLS_SESSIONS_MOST);
	cr_assert_str_eq(found(&s, 1, "a"), "x", "it was used since");
	cr_assert_str_eq(found(&s, 2, "a"), "");
	cr_assert_str_eq(found(&s, 3, "a"), "x");
	cr_assert_str_eq(found(&s, TLS_SESSIONS_MOST + 1, "a"), "y");
	tls_sessions_release(&s);
}
