/* tls_verify: whose certificate is taken by a client and by a server. */
#include "tls_creds.h"
#include "tls_pair_fixture.h"

TestSuite(tls_verify, .init = tls_make_all, .fini = tls_remove_all);

static void
client_says(const struct tls_files *s, const struct tls_files *c, const char *name, const char *why)
{
	struct pair p = shake_files(s, c, name);

	cr_assert_eq(p.c, TLS_FAILED, "not refused: %s", why);
	cr_assert_not_null(strstr(tls_why(p.client), why), "%s in %s", why, tls_why(p.client));
	cr_assert_neq(p.s, TLS_WANT_WRITE);
	part(&p);
}

Test(tls_verify, a_server_is_whom_its_certificate_is_for_and_signed_by_our_ca)
{
	struct tls_files s = server_files(), c = client_files();

	client_says(&s, &c, "other.example",
		    "is not for the name expected, other.example: see server_name");
	client_says(&s, &c, "127.0.0.2", "is not for the name expected, 127.0.0.2");
	c.ca = made.other.certificate;
	client_says(&s, &c, "pool.example", "issuer is unknown");
	c = client_files();
	s.certificate = made.expired.certificate;
	s.key = made.expired.key;
	client_says(&s, &c, "pool.example", "expired");
	s.certificate = made.client.certificate;
	s.key = made.client.key;
	client_says(&s, &c, NULL, "purpose");
}

Test(tls_verify, who_verifies_nothing_takes_every_certificate)
{
	struct tls_files s = server_files(), c = {.ca = NULL};
	struct pair p = shake_files(&s, &c, "other.example");

	cr_assert(p.s == TLS_DONE && p.c == TLS_DONE);
	part(&p);
}

/* In TLS 1.3 a client is done before it is judged: it learns of it when it reads. */
static void
server_says(const struct tls_files *s, const struct tls_files *c, const char *why)
{
	static char room[TLS_RECORD];
	struct pair p = shake_files(s, c, "pool.example");
	size_t n;

	cr_assert_eq(p.s, TLS_FAILED, "not refused: %s", why);
	cr_assert_not_null(strstr(tls_why(p.server), why), "%s in %s", why, tls_why(p.server));
	cr_assert_eq(p.c == TLS_DONE ? read_some(p.client, room, &n) : p.c, TLS_FAILED);
	cr_assert_not_null(strstr(tls_why(p.client), "the peer refuses"), "%s", tls_why(p.client));
	part(&p);
}

static const char *const versions[] = {"NORMAL:-VERS-ALL:+VERS-TLS1.3",
				       "NORMAL:-VERS-ALL:+VERS-TLS1.2"};

Test(tls_verify, a_client_shows_a_certificate_of_our_ca_where_it_must)
{
	for (size_t i = 0; i < 2; i++) {
		struct tls_files s = server_files(), c = client_files();
		struct pair p;

		s.ca = made.ca.certificate;
		s.verify = TLS_VERIFY_REQUIRED;
		s.priorities = versions[i];
		server_says(&s, &c, "no certificate");
		c.certificate = made.server.certificate; /* for servers, not for clients */
		c.key = made.server.key;
		server_says(&s, &c, "purpose");
		c.certificate = made.client.certificate;
		c.key = made.client.key;
		p = shake_files(&s, &c, "pool.example");
		cr_assert(p.s == TLS_DONE && p.c == TLS_DONE, "%s", tls_why(p.server));
		part(&p);
		s.ca = made.other.certificate;
		server_says(&s, &c, "issuer is unknown");
	}
}

Test(tls_verify, where_a_certificate_is_optional_none_will_do_and_a_bad_one_will_not)
{
	for (size_t i = 0; i < 2; i++) {
		struct tls_files s = server_files(), c = client_files();
		struct pair p;

		s.ca = made.ca.certificate;
		s.verify = TLS_VERIFY_OPTIONAL;
		s.priorities = versions[i];
		p = shake_files(&s, &c, "pool.example");
		cr_assert(p.s == TLS_DONE && p.c == TLS_DONE, "%s", tls_why(p.server));
		part(&p);
		c.certificate = made.client.certificate;
		c.key = made.client.key;
		p = shake_files(&s, &c, "pool.example");
		cr_assert(p.s == TLS_DONE && p.c == TLS_DONE, "%s", tls_why(p.server));
		part(&p);
		c.certificate = made.server.certificate;
		c.key = made.server.key;
		server_says(&s, &c, "purpose");
	}
}

/* Of the CA's, with one serial number; its path. */
static const char *
list_of_revoked(const struct identity *i)
{
	static char path[TLS_PATH];
	unsigned char serial[20];
	size_t n = sizeof serial;
	gnutls_x509_crl_t crl;
	gnutls_datum_t text;
	time_t now = time(NULL);

	cr_assert_eq(gnutls_x509_crl_init(&crl), 0);
	cr_assert_eq(gnutls_x509_crl_set_version(crl, 2), 0);
	cr_assert_eq(gnutls_x509_crl_set_this_update(crl, now - DAY), 0);
	cr_assert_eq(gnutls_x509_crl_set_next_update(crl, now + DAY), 0);
	cr_assert_eq(gnutls_x509_crl_set_number(crl, "\x01", 1), 0);
	cr_assert_eq(gnutls_x509_crt_get_serial(i->crt, serial, &n), 0);
	cr_assert_eq(gnutls_x509_crl_set_crt_serial(crl, serial, n, now - DAY), 0);
	cr_assert_eq(gnutls_x509_crl_sign2(crl, made.ca.crt, made.ca.private, GNUTLS_DIG_SHA256, 0),
		     0);
	cr_assert_eq(gnutls_x509_crl_export2(crl, GNUTLS_X509_FMT_PEM, &text), 0);
	(void)snprintf(path, sizeof path, "%s/crl", tls_folder);
	tls_save(path, text.data, text.size, 0644);
	gnutls_free(text.data);
	gnutls_x509_crl_deinit(crl);
	return path;
}

Test(tls_verify, a_certificate_that_is_revoked_is_refused_and_others_are_not)
{
	struct tls_files s = server_files(), c = client_files();
	struct pair p;

	s.ca = made.ca.certificate;
	s.verify = TLS_VERIFY_REQUIRED;
	c.certificate = made.client.certificate;
	c.key = made.client.key;
	s.crl = list_of_revoked(&made.expired);
	p = shake_files(&s, &c, "pool.example");
	cr_assert(p.s == TLS_DONE && p.c == TLS_DONE, "%s", tls_why(p.server));
	part(&p);
	s.crl = list_of_revoked(&made.client);
	server_says(&s, &c, "revoked");
}

/* As a peer that is not ours would: these refuse to load such a key. */
static void
show_instead(struct tls_creds *c, const struct identity *i)
{
	gnutls_certificate_free_keys(c->certificates);
	cr_assert_eq(gnutls_certificate_set_x509_key_file(c->certificates, i->certificate, i->key,
							  GNUTLS_X509_FMT_PEM),
		     0);
}

static void
weak_is_refused(const struct identity *server, const struct identity *client, bool refused)
{
	struct tls_files sf = server_files(), cf = client_files();
	struct tls_creds *s, *c;
	struct pair p;

	sf.ca = made.ca.certificate;
	sf.verify = TLS_VERIFY_REQUIRED;
	cf.certificate = made.client.certificate;
	cf.key = made.client.key;
	s = load(TLS_SERVER, &sf);
	c = load(TLS_CLIENT, &cf);
	show_instead(s, server);
	show_instead(c, client);
	p = shake(s, c, "pool.example");
	cr_expect_eq(p.s == TLS_DONE && p.c == TLS_DONE, !refused, "server: %s, client: %s",
		     tls_why(p.server), tls_why(p.client));
	if (refused)
		cr_expect(strstr(tls_why(p.server), "insecure algorithm") != NULL ||
				  strstr(tls_why(p.client), "insecure algorithm") != NULL,
			  "server: %s, client: %s", tls_why(p.server), tls_why(p.client));
	part(&p);
	tls_creds_unref(s);
	tls_creds_unref(c);
}

Test(tls_verify, a_peers_key_that_is_too_weak_is_refused_though_our_ca_has_signed_it)
{
	struct identity_wish w = {
		.name = "weak", .issuer = &made.ca, .dns = "pool.example", .rsa = 1024};
	struct identity server, client, strong;

	identity_make(&server, &w);
	w.name = "strong";
	w.rsa = 2048;
	identity_make(&strong, &w);
	w = (struct identity_wish){.name = "weak2",
				   .issuer = &made.ca,
				   .purpose = GNUTLS_KP_TLS_WWW_CLIENT,
				   .rsa = 1024};
	identity_make(&client, &w);
	weak_is_refused(&server, &made.client, true);
	weak_is_refused(&made.server, &client, true);
	weak_is_refused(&strong, &made.client, false);
	identity_free(&server);
	identity_free(&client);
	identity_free(&strong);
}
